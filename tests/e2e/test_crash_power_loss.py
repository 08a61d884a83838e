#!/usr/bin/env python3
"""The power fails under load: kill -9, and what the store had written without a sync is gone, wholly or in part. See storm.py."""

import glob
import os
import sys
import tempfile
import unittest

import storm
from yard import ROOT

sys.path.insert(0, os.path.join(ROOT, 'tests', 'support', 'faults'))
from rollback import roll_back


class PowerLoss(storm.Storm):
    dropped = 0

    def strike(self, yard, chance):
        yard.kill()
        mode, seed = chance.choice(('all', 'random')), chance.randrange(1 << 30)
        self.dropped += roll_back(self.undo, mode, seed, glob.glob(f'{yard.folder}/commands.db*'))
        os.unlink(self.undo)

    def test_nothing_acknowledged_is_lost_or_done_twice(self):
        self.undo = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), 'undo')
        # A sync of this machine's disk takes 0.1 ms: slowed down, it is where most of the kills hit.
        shims = (os.path.join(os.environ['SWITCHYARD_SHIMS'], name) for name in ('slowsync.so', 'powerloss.so'))
        self.weather(kills=60, environment={'LD_PRELOAD': ':'.join(shims), 'SLOWSYNC_US': '3000',
                                            'PL_UNDO': self.undo, 'PL_MATCH': 'commands.db'})
        print(f'{self.dropped} writes dropped')
        self.assertGreater(self.dropped, 0, 'no write was ever unsynced: nothing was tested')


if __name__ == '__main__':
    unittest.main()
