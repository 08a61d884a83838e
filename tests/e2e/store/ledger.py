"""What a store_child told, and whether the file keeps to it."""
import contextlib
import os
import sqlite3
import subprocess

CHILD = os.path.join(os.environ["SWITCHYARD_TREE_BIN"], "store_child")
FAULTS = os.environ["SWITCHYARD_SHIMS"]


class Ledger:
    """Collects the answers of all runs on one file."""

    def __init__(self):
        self.asked, self.accepted, self.refused, self.unknown = set(), set(), set(), set()
        self.advanced, self.ended = set(), set()

    def read(self, output):
        """Returns the ids this run asked for."""
        words = {"ask": self.asked, "accepted": self.accepted, "refused": self.refused, "unknown": self.unknown,
                 "advanced": self.advanced, "ended": self.ended}
        asked = []
        for line in output.splitlines():
            word, _, rest = line.partition(" ")
            if word in words and line.count(" ") == 1:
                words[word].add(int(rest))
                if word == "ask":
                    asked.append(int(rest))
        return asked

    def judge(self, rows, answered_all):
        """The broken promises. `answered_all`: nobody was killed while it waited for an answer."""
        lost = [i for i in self.accepted if i not in rows]
        lost += [i for i in self.advanced if i in rows and rows[i] == "queued"]
        lost += [i for i in self.ended if i in rows and rows[i] != "done"]
        ghosts = [i for i in rows if i in self.refused or i not in self.asked]
        if answered_all:
            ghosts += [i for i in rows if i not in self.accepted and i not in self.unknown]
        return lost, ghosts


def preload(name, **settings):
    return dict(os.environ, LD_PRELOAD=os.path.join(FAULTS, name + ".so"), **settings)


def dump(path):
    """Opens the file as the next start does; the rows by id, and the next id."""
    done = subprocess.run([CHILD, "dump", path], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"the next start fails with {done.returncode}: {done.stderr}")
    rows, following = {}, None
    for line in done.stdout.splitlines():
        words = line.split()
        if words[0] == "row":
            rows[int(words[1])] = words[2]
        elif words[0] == "next":
            following = int(words[1])
    return rows, following


def sound(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA quick_check").fetchone()[0] == "ok"


def set_aside(folder):
    return [name for name in os.listdir(folder) if ".corrupt-" in name]
