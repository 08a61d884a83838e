#!/usr/bin/env python3
"""A power cut after the fact: takes back what a program under powerloss.so wrote and did not sync.

rollback.py UNDO all|random SEED FILE...    prints how many writes were taken back
"all" drops every unsynced write; "random" drops each with p = 1/2, and some of them in sectors of 512 bytes.
"""
import os
import random
import struct
import sys

RECORD = struct.Struct("<IIQQQQQ")
MAGIC = 0x504C5832
WRITE, SYNC, TRUNCATE = 1, 2, 3
SECTOR = 512


def unsynced(undo):
    """The records of writes that no sync of their file has followed, oldest first."""
    with open(undo, "rb") as file:
        data = file.read()
    records, at = [], 0
    while at + RECORD.size <= len(data):
        magic, kind, inode, offset, kept, count, old_size = RECORD.unpack_from(data, at)
        if magic != MAGIC:
            raise ValueError(f"{undo}: no record at byte {at}")
        at += RECORD.size
        if at + kept > len(data):
            break  # killed while it was recorded: the write itself has not begun
        if kind == SYNC:
            records = [record for record in records if record[1] != inode]
        else:
            records.append((kind, inode, offset, data[at:at + kept], count, old_size))
            at += kept
    return records


def take_back(file, offset, old, count, torn):
    """Restores the bytes that were there; beyond the old end there were none: they read as zeros."""
    size = os.fstat(file.fileno()).st_size
    before = old + bytes(count - len(old))
    for start in range(0, count, SECTOR) if torn else [0]:
        if torn and torn.random() < 0.5:
            continue
        part = before[start:start + SECTOR] if torn else before
        part = part[:max(0, size - offset - start)]
        file.seek(offset + start)
        file.write(part)


def roll_back(undo, mode, seed, paths):
    chance = random.Random(seed)
    files = {os.stat(path).st_ino: path for path in paths if os.path.exists(path)}
    dropped = 0
    for kind, inode, offset, old, count, old_size in reversed(unsynced(undo)):
        path = files.get(inode)
        if path is None or (mode == "random" and kind == WRITE and chance.random() < 0.5):
            continue
        torn = chance if mode == "random" and kind == WRITE and chance.random() < 0.3 else None
        with open(path, "r+b") as file:
            take_back(file, offset, old, count, torn)
            if mode == "all":
                file.truncate(old_size)
        dropped += 1
    return dropped


if __name__ == "__main__":
    print(roll_back(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
