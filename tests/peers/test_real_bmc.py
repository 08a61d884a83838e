#!/usr/bin/env python3
"""The whole way to a simulated BMC: pduclient and curl on one side, ipmitool and the chassis' own log as witnesses on the other."""

import json
import subprocess
import unittest

from yard import Bmcs, Yard, wait_until

TARGET = '[targets.srv1]\noutlets = ["bmc1"]\n'


def yard_of(bmc):
    return Yard(bmc.toml('bmc1') + 'off_time = "1s"\n' + TARGET)


class RealBmc(unittest.TestCase):
    def test_as_pdudaemon_users_type_it(self):
        with Bmcs() as (bmc,), yard_of(bmc) as yard:
            for command, power in (('on', 'on'), ('off', 'off'), ('on', 'on'), ('reboot', 'on')):
                run = yard.pduclient('--hostname', 'srv1', '--command', command)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertEqual(bmc.power(), power, command)

    def test_a_cycle_switches_off_then_on_and_nothing_else(self):
        with Bmcs() as (bmc,), yard_of(bmc) as yard:
            self.assertEqual(yard.pduclient('on', 'srv1').returncode, 0)
            before = len(bmc.witness())
            run = yard.pduclient('cycle', 'srv1')
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(bmc.power(), 'on')
            self.assertEqual(len(bmc.witness()) - before, 2, bmc.witness())

    def test_curl_on_the_legacy_routes(self):
        with Bmcs() as (bmc,), yard_of(bmc) as yard:
            def curl(*arguments):
                run = subprocess.run(['curl', '-sS', '-o', '-', '-w', '\n%{http_code}', *arguments], capture_output=True, text=True,
                                     timeout=60, check=True)
                return run.stdout.rsplit('\n', 1)

            base = f'http://127.0.0.1:{yard.port}/power/control'
            self.assertEqual(curl(f'{base}/on?hostname=srv1'), ['OK - accepted request\n', '200'])
            self.assertEqual(bmc.power(), 'on')
            self.assertEqual(curl(f'{base}/off?hostname=bmc1'), ['OK - accepted request\n', '200'])
            self.assertEqual(bmc.power(), 'off')
            self.assertEqual(curl('-I', f'{base}/on?hostname=srv1')[1], '405')
            self.assertEqual(curl('-X', 'POST', f'{base}/on?hostname=srv1')[1], '405')
            self.assertEqual(bmc.power(), 'off', 'only GET switches')

    def test_state_and_report_tell_what_the_bmc_says(self):
        with Bmcs() as (bmc,), yard_of(bmc) as yard:
            report = yard.http('POST', '/v1/commands?wait=30', {'target': 'srv1', 'action': 'on'}).json
            self.assertEqual((report['state'], report['power'], report['confirmed']), ('done', 'on', True), report)
            self.assertEqual(yard.http('GET', '/v1/targets/srv1/state').json['power'], 'on')
            self.assertEqual(bmc.power(), 'on')

    def test_the_password_is_wrong(self):
        with Bmcs() as (bmc,):
            bmc.password, right = 'wrong-secret', bmc.password
            with yard_of(bmc) as yard:
                run = yard.pduclient('--hostname', 'srv1', '--command', 'on')
                self.assertEqual(run.returncode, 127)
                report = yard.http('POST', '/v1/commands?wait=30', {'target': 'srv1', 'action': 'on'}).json
                self.assertEqual(report['error']['code'], 'auth_failed', report)
                self.assertNotIn('wrong-secret', yard.log() + json.dumps(report) + run.stdout + run.stderr)
            bmc.password = right
            self.assertEqual(bmc.power(), 'off')

    def test_kill_in_the_middle_of_a_cycle(self):
        with Bmcs() as (bmc,), yard_of(bmc) as yard:
            self.assertEqual(yard.pduclient('on', 'srv1').returncode, 0)
            command = yard.http('POST', '/v1/commands', {'target': 'srv1', 'action': 'cycle', 'off_time': 3}).json['id']
            wait_until(lambda: bmc.power() == 'off', 'the cycle is off')
            yard.kill()
            self.assertEqual(bmc.power(), 'off')
            yard.start()
            report = yard.http('GET', f'/v1/commands/{command}?wait=30').json
            self.assertEqual((report['state'], report['power']), ('done', 'on'), report)
            self.assertEqual(bmc.power(), 'on')

    def test_one_dead_bmc_does_not_disturb_the_other(self):
        with Bmcs() as (bmc,):
            dead = '[devices.dead]\ndriver = "ipmitool"\naddress = "127.0.0.1"\nport = 1\nuser = "a"\npassword = "b"\n'
            with Yard(bmc.toml('bmc1') + dead + TARGET) as yard:
                slow = yard.http('POST', '/v1/commands', {'target': 'dead', 'action': 'on'}).json['id']
                report = yard.http('POST', '/v1/commands?wait=30', {'target': 'srv1', 'action': 'on'}).json
                self.assertEqual(report['state'], 'done', report)
                self.assertNotEqual(yard.http('GET', f'/v1/commands/{slow}').json['state'], 'done')


if __name__ == '__main__':
    unittest.main()
