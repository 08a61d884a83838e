#!/usr/bin/env python3
"""The daemon from outside: its command line, start, reload and stop."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from yard import ROOT, Yard, program, wait_until

FAKE = '''
[devices.pdu1]
driver = "fake"
outlets = 2
latency = "{latency}"
[targets.srv1]
outlets = ["pdu1:1"]
'''
ONE = FAKE.format(latency='0s')
SECOND = '[devices.pdu2]\ndriver = "fake"\n[targets.srv2]\noutlets = ["pdu2"]\n'


def switchyardd(*arguments):
    return subprocess.run([program('switchyardd'), *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=30, check=False)


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='switchyard-test.')
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, text):
        path = os.path.join(self.folder, 'switchyard.toml')
        with open(path, 'w', encoding='utf-8') as out:
            out.write(text)
        return path

    def test_version(self):
        run = switchyardd('--version')
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stdout, r'^switchyardd \d+\.\d+\.\d+\n')

    def test_the_drivers_are_listed(self):
        run = switchyardd('--list-drivers')
        self.assertEqual(run.returncode, 0)
        for driver in ('exec', 'fake', 'ipmitool'):
            self.assertIn(driver, run.stdout)

    def test_the_schema_in_the_tree_is_the_one_of_the_program(self):
        run = switchyardd('--dump-schema')
        self.assertEqual(run.returncode, 0)
        with open(os.path.join(ROOT, 'config', 'schema', 'switchyard.schema.json'), encoding='utf-8') as file:
            self.assertEqual(json.loads(run.stdout), json.load(file),
                             'run: switchyardd --dump-schema > config/schema/switchyard.schema.json')

    def test_a_good_configuration(self):
        self.assertEqual(switchyardd('--check-config', self.file(ONE)).returncode, 0)

    def test_every_error_is_told_with_its_place(self):
        path = self.file('[devices.pdu1]\ndriver = "fake"\nlatencie = "1s"\n[targets.srv1]\noutlets = ["pdu9"]\n')
        run = switchyardd('--check-config', path)
        self.assertEqual(run.returncode, 1)
        words = run.stdout + run.stderr
        self.assertRegex(words, r"switchyard\.toml:3:1: .*latencie.*did you mean 'latency'")
        self.assertRegex(words, r'switchyard\.toml:5:\d+: .*pdu9')

    def test_a_missing_file_and_an_unknown_option(self):
        run = switchyardd('--conf', os.path.join(self.folder, 'none.toml'))
        self.assertNotEqual(run.returncode, 0)
        self.assertIn('none.toml', run.stderr)
        self.assertEqual(switchyardd('--fly').returncode, 2)


class Notify:
    """The service manager's end of the notify socket."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'notify.sock')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(30)

    def until(self, word):
        """Every message up to the one with this line."""
        told = []
        while True:
            told.append(self.socket.recv(65536).decode())
            if word in told[-1].split('\n'):
                return told

    def close(self):
        self.socket.close()


class Life(unittest.TestCase):
    def test_a_second_daemon_on_the_same_store_is_refused(self):
        with Yard(ONE) as yard:
            with tempfile.TemporaryDirectory() as other:
                config = os.path.join(other, 'switchyard.toml')
                with open(config, 'w', encoding='utf-8') as out:
                    out.write(f'[daemon.http]\nlisten = ["127.0.0.1:0"]\n[daemon.zmq]\nlisten = ["ipc://{other}/a"]\n'
                              f'publish = ["ipc://{other}/b"]\n[daemon.store]\npath = "{yard.folder}/commands.db"\n{ONE}')
                run = switchyardd('--conf', config, '--foreground')
            self.assertNotEqual(run.returncode, 0)
            self.assertIn('commands.db', run.stderr)
            self.assertTrue(yard.ready())

    def test_sigterm_finishes_what_is_in_flight_and_keeps_the_rest(self):
        with Yard(FAKE.format(latency='900ms')) as yard:
            ids = [yard.http('POST', '/v1/commands', {'target': 'srv1', 'action': action}).json['id'] for action in ('on', 'off', 'on')]
            wait_until(lambda: yard.http('GET', f'/v1/commands/{ids[0]}').json['state'] == 'running', 'the first is in flight')
            self.assertEqual(yard.stop(), 0)
            yard.start()
            for command in ids:
                report = yard.http('GET', f'/v1/commands/{command}?wait=30').json
                self.assertEqual(report['state'], 'done', report)

    def test_a_reload_adds_and_removes_devices_and_keeps_the_queue(self):
        with Yard(FAKE.format(latency='300ms')) as yard:
            waiting = yard.http('POST', '/v1/commands', {'target': 'srv1', 'action': 'on', 'delay': 1}).json['id']
            self.assertEqual(yard.http('GET', '/v1/targets/srv2').status, 404)
            yard.write_config(FAKE.format(latency='300ms') + SECOND)
            yard.reload()
            wait_until(lambda: yard.http('GET', '/v1/targets/srv2').status == 200, 'the new target appears')
            self.assertEqual(yard.http('POST', '/v1/commands?wait=30', {'target': 'srv2', 'action': 'on'}).json['state'], 'done')
            self.assertEqual(yard.http('GET', f'/v1/commands/{waiting}?wait=30').json['state'], 'done')
            yard.write_config(SECOND)
            yard.reload()
            wait_until(lambda: yard.http('GET', '/v1/targets/srv1').status == 404, 'the old target is gone')
            self.assertEqual(yard.http('POST', '/v1/commands', {'target': 'srv1', 'action': 'on'}).json['error']['code'], 'unknown_target')

    def test_a_broken_file_is_refused_and_the_old_one_serves_on(self):
        with Yard(ONE) as yard:
            yard.write_config(ONE.replace('latency', 'latencie'))
            yard.reload()
            wait_until(lambda: 'latencie' in yard.log(), 'the refusal is logged')
            self.assertEqual(yard.http('POST', '/v1/commands?wait=30', {'target': 'srv1', 'action': 'on'}).json['state'], 'done')

    def test_a_misconfigured_device_is_listed_and_the_others_serve(self):
        broken = '[devices.bmc1]\ndriver = "ipmitool"\naddress = "127.0.0.1"\nuser = "a"\npassword = { file = "/nonexistent/secret" }\n'
        with Yard(ONE + broken) as yard:
            device = yard.http('GET', '/v1/devices/bmc1').json
            self.assertEqual(device['status'], 'failed', device)
            self.assertIn('/nonexistent/secret', device['reason'])
            self.assertEqual(yard.http('POST', '/v1/commands?wait=30', {'target': 'srv1', 'action': 'on'}).json['state'], 'done')

    def test_systemd_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            notify = Notify(folder)
            self.addCleanup(notify.close)
            with Yard(ONE, environment={'NOTIFY_SOCKET': notify.path, 'WATCHDOG_USEC': '400000'}) as yard:
                notify.until('READY=1')
                notify.until('WATCHDOG=1')
                yard.process.send_signal(signal.SIGHUP)
                notify.until('READY=1')
                yard.process.terminate()
                notify.until('STOPPING=1')
                self.assertEqual(yard.process.wait(30), 0)


if __name__ == '__main__':
    unittest.main()
