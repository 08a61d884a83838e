#!/usr/bin/env python3
"""The power fails: kill -9, and what the store had written without a sync is gone, wholly or in part. See storm.py.

power_loss.c notes what each write to the store overwrites, and each sync; rollback() undoes what no sync came after.
"""

import glob
import os
import struct
import tempfile
import unittest

import storm

RECORD = struct.Struct('<IIQQQQ')                        # magic, kind, inode, offset, length, size of the file before
MAGIC, WRITE, SYNC, TRUNCATE = 0x504C5831, 1, 2, 3


def unsynced(journal):
    """The records of writes that no sync of their file came after, in order."""
    with open(journal, 'rb') as file:
        data = file.read()
    records, at = [], 0
    while at + RECORD.size <= len(data):
        magic, kind, inode, offset, length, size = RECORD.unpack_from(data, at)
        assert magic == MAGIC, 'the undo journal is torn in its middle'
        at += RECORD.size
        if kind == SYNC:
            records = [record for record in records if record[1] != inode]
            continue
        if at + length > len(data):
            break
        records.append((kind, inode, offset, data[at:at + length], size))
        at += length
    return records


def rollback(journal, files, chance):
    """Undoes unsynced writes, newest first: all of them, or each with even odds, as a disk's cache may have it."""
    by_inode = {os.stat(path).st_ino: path for path in files}
    everything, undone = chance.random() < 0.5, 0
    for kind, inode, offset, old, size in reversed(unsynced(journal)):
        if inode not in by_inode or (kind == WRITE and not everything and chance.random() < 0.5):
            continue
        with open(by_inode[inode], 'r+b') as file:
            file.seek(offset)
            file.write(old)
            if everything:
                file.truncate(size)
        undone += 1
    os.truncate(journal, 0)
    return undone


class PowerLoss(storm.Storm):
    undone = 0

    def strike(self, yard, chance):
        yard.kill()
        self.undone += rollback(self.journal, glob.glob(f'{yard.folder}/commands.db*'), chance)

    def test_nothing_acknowledged_is_lost_or_done_twice(self):
        shim = os.path.join(os.environ['SWITCHYARD_SHIMS'], 'power_loss.so')
        self.journal = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), 'undo')
        self.weather(kills=60, environment={'LD_PRELOAD': shim, 'POWER_LOSS_JOURNAL': self.journal, 'POWER_LOSS_FILES': 'commands.db'})
        print(f'{self.undone} unsynced writes undone')
        self.assertGreater(self.undone, 0, 'no write was ever unsynced: nothing was tested')


if __name__ == '__main__':
    unittest.main()
