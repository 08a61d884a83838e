#!/usr/bin/env python3
"""Checks the whole tree against the rules of the house: tidy.py [ROOT]. Prints `file:line: rule`; exits 1 with any."""

import os
import re
import shutil
import subprocess
import sys

import rules

SKIPPED = {'.git', 'build', '__pycache__', 'corpus', 'old_crashes', '.cache'}
FORMATTER = 'clang-format-19'


def read_tree(root):
    """Every text file as {path from the root: text}."""
    files = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            path = os.path.join(folder, name)
            try:
                with open(path, encoding='utf-8', newline='') as file:
                    files[os.path.relpath(path, root)] = file.read()
            except (UnicodeDecodeError, FileNotFoundError):
                continue                                 # binary, or a temporary file of somebody's editor
    return files


def check(files):
    """Yields (path, line, message)."""
    for path, text in files.items():
        for rule in rules.FILE_RULES:
            for line, message in rule(path, text):
                yield path, line, message
    for rule in rules.TREE_RULES:
        yield from rule(files)


def check_format(root, files):
    """What clang-format would change. A machine without it checks the rest; scripts/setup test installs it."""
    if not shutil.which(FORMATTER):
        print(f'tidy: {FORMATTER} is not installed, the layout is not checked', file=sys.stderr)
        return
    sources = [path for path in files if path.endswith(rules.CPP + ('.c',))]
    if not sources:
        return
    run = subprocess.run([FORMATTER, '--dry-run', '-Werror', *sources], cwd=root, capture_output=True, text=True, check=False)
    seen = set()
    for path, line in re.findall(r'^([^:\n]+):(\d+):\d+: error:', run.stderr, re.MULTILINE):
        if path not in seen:
            seen.add(path)
            yield path, int(line), 'not laid out by .clang-format: run scripts/format'


def main(arguments):
    root = arguments[1] if len(arguments) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
    files = read_tree(root)
    found = sorted({*check(files), *check_format(root, files)})
    for path, line, message in found:
        print(f'{path}:{line}: {message}')
    print(f'tidy: {len(files)} files, {len(found)} findings', file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
