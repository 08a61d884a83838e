#!/usr/bin/env python3
"""Power cuts at random moments under load: nothing that was answered is lost, and the file is sound.

A store that does not sync its commits (synchronous=NORMAL) must be caught, or this test would see nothing."""
import fcntl
import os
import random
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "support", "faults"))
from ledger import CHILD, Ledger, dump, preload, set_aside, sound
from rollback import roll_back

LOSSES = int(os.environ.get("STORE_POWER_LOSSES", "40"))
F_SETPIPE_SZ = 1031


def cut(path, undo, durability, mode, seed, chance):
    """One run that ends in a power cut; what it told, and how many writes were dropped."""
    if os.path.exists(undo):
        os.unlink(undo)
    child = subprocess.Popen([CHILD, "run", path, "16", "0", durability], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL,
                             env=preload("powerloss", PL_UNDO=undo, PL_MATCH=path, PL_NOSYNC="1"))
    fcntl.fcntl(child.stdout, F_SETPIPE_SZ, 1 << 20)
    first = child.stdout.readline()
    threading.Event().wait(chance.uniform(0, 0.06))  # the moment of the cut, not a wait for something
    child.kill()
    told = first + child.stdout.read()
    child.wait()
    dropped = roll_back(undo, mode, seed, [path, path + "-wal", path + ".lock"])
    return told.decode(), dropped


def campaign(durability, losses):
    chance = random.Random(7)
    ledger, lost, ghosts, reused, unsound, dropped = Ledger(), set(), set(), 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="store-power-") as folder:
        path, undo = os.path.join(folder, "c.db"), os.path.join(folder, "undo")
        for number in range(losses):
            before = max(ledger.asked, default=0)
            told, gone = cut(path, undo, durability, "all" if number % 2 else "random", number, chance)
            dropped += gone
            asked = ledger.read(told)
            reused += sum(1 for i in asked if i <= before)
            rows, _ = dump(path)
            broken, strange = ledger.judge(rows, answered_all=False)
            lost.update(broken)
            ghosts.update(strange)
            unsound += not sound(path)
        aside = len(set_aside(folder))
    print(f"{durability}: {losses} power losses, {dropped} writes dropped, {len(ledger.accepted)} commands acknowledged, "
          f"{len(lost)} lost, {len(ghosts)} ghosts, {reused} ids reused, {unsound} unsound, {aside} set aside")
    return len(lost), len(ghosts) + reused + unsound + aside, len(ledger.accepted)


def main():
    lost, wrong, acknowledged = campaign("full", LOSSES)
    if lost or wrong or acknowledged < LOSSES:
        print("FAILED: a durable store must lose nothing")
        return 1
    lost, _, _ = campaign("normal", max(10, LOSSES // 4))
    if not lost:
        print("FAILED: a store that does not sync was not caught: this test is blind")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
