#!/usr/bin/env python3
"""Prints how long the tests of each label took beside their budget, from the log of ctest."""

import re
import sys

# Minutes. What grows beyond its budget is made faster or moves to a script that is not run each time.
BUDGETS = {'tidy': 1, 'unit': 3, 'drivers': 8, 'sim': 2, 'fuzz': 5, 'crash': 5, 'e2e': 5, 'peers': 8, 'tsan': 3}

LINE = re.compile(r'^(\w+)\s+=\s+([\d.]+) sec\*proc \((\d+) tests?\)$', re.MULTILINE)


def main(path):
    with open(path, encoding='utf-8', errors='replace') as log:
        found = LINE.findall(log.read())
    for label, seconds, count in found:
        budget = BUDGETS.get(label)
        over = budget is not None and float(seconds) > budget * 60
        print(f'{label:8} {count:>5} tests {float(seconds):8.1f} s of {budget * 60 if budget else 0:>4} s{"   OVER BUDGET" if over else ""}')


if __name__ == '__main__':
    main(sys.argv[1])
