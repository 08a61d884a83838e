#!/usr/bin/env python3
"""What people type: curl against the legacy routes and the native API."""

import json
import subprocess
import unittest

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from yard import Yard

DEVICES = '''
[devices.pdu1]
driver = "fake"
outlets = 8
initial = "on"
[devices.bmc1]
driver = "fake"
outlets = 0
[devices.dead]
driver = "fake"
outlets = 0
fail = "refused"
[targets.srv1]
outlets = ["pdu1:1"]
[targets."rack 7"]
outlets = ["pdu1:2"]
'''


class Curl(unittest.TestCase):
    def setUp(self):
        self.yard = self.enterContext(Yard(DEVICES))

    def curl(self, path, *options):
        """(status, headers and body as curl prints them)"""
        run = subprocess.run(['curl', '-sS', '-i', '--max-time', '30', *options, f'http://127.0.0.1:{self.yard.port}{path}'],
                             capture_output=True, check=True)
        text = run.stdout.decode()                       # not text=True, which would fold the ends of the lines
        return int(text.split()[1]), text

    def power(self, target):
        return self.yard.http('GET', f'/v1/targets/{target}/state').json['power']

    def test_the_three_urls_of_pdudaemon(self):
        for query in ('hostname=pdu1&port=1', 'hostname=srv1', 'alias=srv1', 'hostname=pdu1&port=01', 'hostname=bmc1'):
            for command in ('off', 'on', 'reboot'):
                delay = '&delay=0' if command == 'reboot' else ''
                status, text = self.curl(f'/power/control/{command}?{query}{delay}')
                self.assertEqual(status, 200, text)
                self.assertTrue(text.endswith('\r\n\r\nOK - accepted request\n'), text)
        self.curl('/power/control/off?hostname=srv1')
        self.assertEqual(self.power('srv1'), 'off')

    def test_what_they_refuse_says_why_in_a_header(self):
        for query, why in (('hostname=nosuch&port=1', 'unknown_target'), ('port=1', 'hostname'), ('hostname=pdu1', 'outlet'),
                           ('hostname=pdu1&port=99', '99'), ('hostname=srv1&alias=srv1', 'alias'), ('hostname=srv1&delay=soon', 'delay'),
                           ('hostname=dead', 'refused')):
            status, text = self.curl(f'/power/control/on?{query}')
            self.assertEqual(status, 500, text)
            self.assertTrue(text.endswith('\r\n\r\nInvalid request\n'), text)
            reason = next(line for line in text.splitlines() if line.startswith('X-Switchyard-Error: '))
            self.assertIn(why, reason)

    def test_only_get_switches(self):
        for options in (('-I',), ('-X', 'POST'), ('-X', 'PUT'), ('-X', 'DELETE')):
            status, text = self.curl('/power/control/off?hostname=srv1', *options)
            self.assertEqual(status, 405, text)
            self.assertIn('Allow: GET\r\n' if options != ('-I',) else 'Allow: GET', text)
        self.assertEqual(self.power('srv1'), 'on')

    def test_a_command_from_post_to_delete(self):
        body = ('-H', 'Content-Type: application/json', '-H', 'Idempotency-Key: k1',
                '-d', '{"target": "srv1", "action": "off", "delay": 60}')
        status, text = self.curl('/v1/commands', *body)
        self.assertEqual(status, 202, text)
        command = json.loads(text.split('\r\n\r\n', 1)[1])['id']
        status, text = self.curl('/v1/commands', *body)
        self.assertEqual(json.loads(text.split('\r\n\r\n', 1)[1])['id'], command, 'the same key is the same command')
        status, text = self.curl(f'/v1/commands/{command}', '-X', 'DELETE')
        self.assertIn('"state":"cancelled"', text)
        self.assertEqual(self.power('srv1'), 'on')
        status, text = self.curl('/v1/commands', *body[:2], '-d', '{"target": "srv1", "action": "of"}')
        self.assertEqual(status, 400, text)
        self.assertIn("'action'", text)

    def test_a_name_with_a_blank(self):
        for path in ('/v1/targets/rack%207/state', '/power/control/off?hostname=rack%207', '/power/control/on?hostname=rack+7'):
            status, text = self.curl(path)
            self.assertEqual(status, 200, text)
        self.assertEqual(self.curl('/v1/targets/rack/7/state')[0], 404)

    def test_metrics_are_read_by_prometheus_own_parser(self):
        self.curl('/power/control/on?hostname=srv1')
        status, text = self.curl('/metrics')
        self.assertEqual(status, 200)
        self.assertIn('application/openmetrics-text; version=1.0.0', text)
        families = {family.name: family for family in text_string_to_metric_families(text.split('\r\n\r\n', 1)[1])}
        accepted = families['switchyard_commands_accepted']
        self.assertEqual(accepted.type, 'counter')
        self.assertEqual({sample.labels['action']: sample.value for sample in accepted.samples}['on'], 1)
        commits = families['switchyard_store_commit_rows']
        self.assertGreaterEqual(next(sample.value for sample in commits.samples if sample.name.endswith('_sum')), 3)

    def test_events_as_they_come_and_again_after_a_break(self):
        url = f'http://127.0.0.1:{self.yard.port}/v1/events'
        with subprocess.Popen(['curl', '-sN', '--max-time', '60', url], stdout=subprocess.PIPE, text=True) as reader:
            self.addCleanup(reader.kill)
            self.assertEqual(reader.stdout.readline(), 'retry: 2000\n')
            self.curl('/power/control/off?hostname=srv1')
            lines = []
            while not any('"done"' in line for line in lines):
                lines.append(reader.stdout.readline())
            reader.kill()
        first = next(line.split()[1] for line in lines if line.startswith('id: '))
        again = subprocess.run(['curl', '-sN', '--max-time', '2', '-H', f'Last-Event-ID: {first}', url],
                               capture_output=True, text=True, check=False).stdout
        self.assertIn('"done"', again)
        self.assertNotIn(f'id: {first}\n', again)


if __name__ == '__main__':
    unittest.main()
