#!/usr/bin/env python3
"""The k-th write or sync of the store fails, for every k from the start of the daemon on.

A sync that failed ends the daemon (what is in the cache can no longer be trusted), and a supervisor starts it again; a full disk does
not. Either way a client that asks again with the same key finds its command, and no reset happens twice.
"""

import http.client
import os
import unittest

from yard import Yard, wait_until

COMMANDS = 4
MOST = int(os.environ.get('SWITCHYARD_FAILURES', '30'))  # calls of each kind


def devices(folder):
    return ('[devices.pdu1]\ndriver = "fake"\noutlets = 1\ninitial = "on"\nretry_delay = "20ms"\n'
            f'state = "{folder}/pdu1.state"\nwitness = "{folder}/witness"\n[targets.srv1]\noutlets = ["pdu1:1"]\n')


class FailingDisk(unittest.TestCase):
    def sweep(self, kind):
        """Fails call after call until the daemon lives through the whole story without meeting the failure."""
        for at in range(1, MOST + 1):
            with self.subTest(kind=kind, call=at):
                if not self.story(kind, at):
                    self.assertGreater(at, 5, 'the failure was hardly ever met: nothing was tested')
                    return

    def test_the_disk_fails(self):
        self.sweep('eio')

    def test_the_disk_is_full_for_a_moment(self):
        self.sweep('enospc')

    def test_a_write_is_cut_short(self):
        self.sweep('short')

    def story(self, kind, at):
        """True when the failure was met."""
        yard = Yard('')
        hit = os.path.join(yard.folder, 'hit')
        yard.environment |= {
            'LD_PRELOAD': os.path.join(os.environ['SWITCHYARD_SHIMS'], 'kthfault.so'),
            'FAULT_MATCH': 'commands.db', 'FAULT_KIND': kind, 'FAULT_AT': str(at), 'FAULT_HIT': hit}
        try:
            yard.write_config(devices(yard.folder), 'log_level = "warning"')
            yard.start(ready=False)
            ids = [self.acknowledged(yard, f'{kind}-{number}') for number in range(COMMANDS)]
            self.assertEqual(len(set(ids)), COMMANDS)
            states = [self.ended(yard, command) for command in ids]
            done, perhaps = states.count('done'), states.count('indeterminate')
            with open(f'{yard.folder}/witness', encoding='utf-8') as file:
                resets = len(file.readlines())
            self.assertTrue(done <= resets <= done + perhaps, f'{resets} resets, {states}\n{yard.log()}')
            return os.path.exists(hit)
        finally:
            yard.close()

    def alive(self, yard):
        """What a supervisor does: starts the daemon again when it ended with a failure; the disk is sound by then."""
        if yard.process.poll() is not None:
            self.assertNotEqual(yard.process.returncode, 0, 'a daemon that lost its store says so')
            yard.environment.pop('LD_PRELOAD', None)
            yard.start(ready=False)

    def until_answered(self, yard, ask):
        def answer():
            self.alive(yard)
            try:
                reply = ask()
            except (OSError, http.client.HTTPException):
                return None
            return reply if reply.status < 300 else None
        return wait_until(answer, f'an answer\n{yard.log()}').json

    def acknowledged(self, yard, key):
        request = {'target': 'srv1', 'action': 'reset', 'key': key}
        return self.until_answered(yard, lambda: yard.http('POST', '/v1/commands', request))['id']

    def ended(self, yard, command):
        def ask():
            reply = yard.http('GET', f'/v1/commands/{command}?wait=10')
            self.assertNotEqual(reply.status, 404, f'command {command} is lost\n{yard.log()}')
            return reply
        while True:
            report = self.until_answered(yard, ask)
            if report.get('ended'):
                return report['state']


if __name__ == '__main__':
    unittest.main()
