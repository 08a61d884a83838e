#!/usr/bin/env python3
"""PDUDaemon's line protocol, as its clients speak it and as people type it."""

import contextlib
import socket
import subprocess
import unittest

from yard import Yard, program, wait_until

DEVICES = '''
[devices.pdu1]
driver = "fake"
outlets = 8
[devices.bmc1]
driver = "fake"
outlets = 0
[devices.dead]
driver = "fake"
outlets = 0
fail = "refused"
[targets.srv1]
outlets = ["pdu1:1"]
'''


def exchange(port, *pieces, close=False):
    """What the daemon replies until it closes."""
    with socket.create_connection(('127.0.0.1', port), timeout=30) as client:
        for piece in pieces:
            client.sendall(piece)
        if close:
            client.shutdown(socket.SHUT_WR)
        reply = b''
        while piece := client.recv(4096):
            reply += piece
        return reply


class Line(unittest.TestCase):
    def setUp(self):
        self.yard = self.enterContext(Yard(DEVICES))

    def told(self, *pieces, close=False):
        return exchange(self.yard.port, *pieces, close=close)

    def power(self, target):
        return self.yard.http('GET', f'/v1/targets/{target}/state').json['power']

    def test_what_pdudaemons_client_sends(self):
        for line, power in ((b'pdu1 1 on', 'on'), (b'pdu1 1 off', 'off'), (b'pdu1 1 reboot 0', 'on')):
            self.assertEqual(self.told(line), b'ack\n')
            self.assertEqual(self.power('srv1'), power)

    def test_what_people_type(self):
        for line in (b'srv1 off\n', b'srv1 off\r\n', b' srv1 off \n', b'bmc1 on\n', b'srv1 off 0\n'):
            self.assertEqual(self.told(line), b'ack\n', line)
        self.assertEqual(self.told(b'srv1 off', close=True), b'ack\n')
        self.assertEqual(self.told(b's', b'rv1', b' on\n'), b'ack\n')
        self.assertEqual(self.power('srv1'), 'on')

    def test_what_is_not_done_is_a_nack_and_the_log_says_why(self):
        for line in (b'nosuch 1 on', b'pdu1 99 on', b'pdu1 0 on', b'pdu1 1 ON\n', b'pdu1 on', b'dead on'):
            self.assertEqual(self.told(line), b'nack\n', line)
            self.assertIn(f'nack to a line line="{line.decode().strip()}"', self.yard.log())
        self.assertIn('code=refused', self.yard.log())

    def test_what_is_malformed_gets_a_sentence(self):
        before = self.yard.http('GET', '/v1/commands').json['commands']
        for line in (b'\n', b'pdu1 1\n', b'pdu1  1 on\n', b'pdu1\t1\ton\n', b'pdu1 1 on 1 2\n', b'pdu1 1 on abc\n', b'\xff\xfe\n',
                     b'pdu1 1 on\npdu1 1 off\n', b'x' * 20000):
            self.assertTrue(self.told(line).startswith(b'Unexpected data: '), line)
        self.assertEqual(self.yard.http('GET', '/v1/commands').json['commands'], before)

    def test_both_protocols_at_once(self):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(('127.0.0.1', self.yard.port), timeout=30)) for _ in range(40)]
            for i, client in enumerate(clients):
                client.sendall(f'pdu1 {i % 8 + 1} on'.encode() if i % 2 else b'GET /healthz HTTP/1.0\r\n\r\n')
            for i, client in enumerate(clients):
                with client.makefile('rb') as reply:
                    text = reply.read()
                self.assertTrue(text == b'ack\n' if i % 2 else text.startswith(b'HTTP/1.0 200'), text)

    def test_a_client_that_goes_away_leaves_its_command(self):
        with socket.create_connection(('127.0.0.1', self.yard.port), timeout=30) as client:
            client.sendall(b'srv1 reboot 0\n')
        wait_until(lambda: [c for c in self.yard.http('GET', '/v1/commands?state=done').json['commands'] if c['request']['action'] == 'cycle'],
                   'the command is done')
        self.assertEqual(self.power('srv1'), 'on')


class Client(unittest.TestCase):
    """pduclient --daemon knows one port only."""

    def setUp(self):
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(('127.0.0.1', 16421))
        except OSError:
            self.skipTest('port 16421 is in use')
        yard = Yard(DEVICES)
        yard.port = 16421
        yard.write_config(DEVICES)
        self.yard = self.enterContext(yard)

    def run_client(self, *arguments):
        run = subprocess.run([program('pduclient'), '--daemon', '127.0.0.1', *arguments], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=60, check=False)
        return run.returncode, run.stdout

    def test_it_switches_with_and_without_a_port(self):
        good = (0, 'Command sent successfully.\n')
        for arguments in (('--hostname', 'srv1', '--command', 'on'), ('--hostname', 'pdu1', '--port', '2', '--command', 'off'),
                          ('--hostname', 'srv1', '--command', 'reboot', '--delay', '0.5'), ('-H', '--hostname', 'srv1', '--command', 'on')):
            self.assertEqual(self.run_client(*arguments), good, arguments)
        self.assertEqual(self.run_client('--hostname', 'nosuch', '--command', 'on'),
                         (127, 'Error sending command! 127.0.0.1 replied: nack\n'))


if __name__ == '__main__':
    unittest.main()
