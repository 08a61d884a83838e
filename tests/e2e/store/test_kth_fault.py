#!/usr/bin/env python3
"""The k-th write or sync of a scripted run fails, for every k: no false answer, no lost one, and the next start works.

Only a command that was answered "unknown" may be there without having been accepted."""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(__file__))
from ledger import CHILD, Ledger, dump, preload, set_aside, sound

# Every how many-th k of the kinds that do not end a run; the two that do are tried with every k.
STEP = int(os.environ.get("STORE_FAULT_STEP", "4"))
AT_ONCE = 3  # runs that wait for the disk beside each other


def one(kind, sticky, k):
    """None when the run made fewer than k calls; else the broken promises, and the exit status."""
    with tempfile.TemporaryDirectory(prefix="store-fault-") as folder:
        path, hit = os.path.join(folder, "c.db"), os.path.join(folder, "hit")
        settings = dict(FAULT_AT=str(k), FAULT_KIND=kind, FAULT_MATCH=path, FAULT_HIT=hit)
        if sticky:
            settings["FAULT_STICKY"] = "1"
        run = subprocess.run([CHILD, "run", path, "3", "2", "full"], capture_output=True, text=True, timeout=60,
                             env=preload("kthfault", **settings))
        if not os.path.exists(hit):
            return None, run.returncode, 0
        ledger = Ledger()
        ledger.read(run.stdout)
        rows, following = dump(path)
        problems = []
        if run.returncode not in (0, 3, 4):
            problems.append(f"the run ended with {run.returncode}: {run.stderr[-2000:]}")
        lost, ghosts = ledger.judge(rows, answered_all=True)
        if lost:
            problems.append(f"lost: {lost}")
        if ghosts:
            problems.append(f"there though refused: {ghosts}")
        if kind == "eintr" and (ledger.unknown or ledger.refused or run.returncode):
            problems.append("an interrupted call is no failure")
        if ledger.asked and following <= max(ledger.asked):
            problems.append(f"id {following} is given again")
        if set_aside(folder):
            problems.append("set aside as corrupt")
        zombies = len([i for i in rows if i not in ledger.accepted])
        if not sound(path):
            problems.append("the file is not sound")
        return problems, run.returncode, zombies


def every_k(pool, kind, sticky, step):
    """The results for k = 1, 1 + step, ... up to the first k that no call of the run has reached."""
    k = 1
    while True:
        some = [(number, pool.submit(one, kind, sticky, number)) for number in range(k, k + 8 * step, step)]
        for number, future in some:
            result = future.result()
            if result[0] is None:
                return
            yield number, result
        k += 8 * step


def main():
    failed = 0
    kinds = (("eio", False, 1), ("enospc", False, 1), ("eio", True, STEP), ("short", False, STEP), ("eintr", False, STEP))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for kind, sticky, step in kinds:
            name = kind + (" from k on" if sticky else "")
            tried, statuses, zombies = 0, {}, 0
            for k, (problems, status, found) in every_k(pool, kind, sticky, step):
                tried += 1
                zombies += found
                statuses[status] = statuses.get(status, 0) + 1
                for problem in problems:
                    print(f"{name}, k={k}: {problem}")
                    failed += 1
            told = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items()))
            print(f"{name}: {tried} runs ended ({told}), {zombies} reappeared unknown")
            if tried < 10:
                print("too few calls were seen: the faults do not reach the store")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
