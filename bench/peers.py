"""Starts what the benchmarks measure, each on free ports of loopback, and stops it again."""

import contextlib
import json
import os
import select
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

DEVICES = 100
TARGETS = 1000
TICK = os.sysconf('SC_CLK_TCK')


class Peer:
    def __init__(self, process, http=None, zmq=None):
        self.process, self.http, self.zmq = process, http, zmq

    def cpu_seconds(self):
        """Processor time that the process and its threads have used."""
        with open(f'/proc/{self.process.pid}/stat', encoding='utf-8') as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, port=None, path=None, **names):
    """Runs a program from when it listens to the end of the block."""
    with tempfile.TemporaryFile('w+') as words, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=words) as process:
        try:
            await_listener(process, words, port, path)
            yield Peer(process, **names)
        finally:
            process.terminate()
            process.wait(30)


def await_listener(process, words, port, path):
    for _ in range(1000):
        if process.poll() is not None:
            words.seek(0)
            sys.exit(f'{process.args[0]} ended: {words.read()}')
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET if port else socket.AF_UNIX) as probe:
            probe.connect(('127.0.0.1', port) if port else path)
            return
        select.select([], [], [], 0.02)
    sys.exit(f'{process.args[0]} does not listen after 20 s')


def beast(folder):
    port = free_port()
    return running([os.path.join(folder, 'bench_bare_beast'), str(port)], port=port, http=f'127.0.0.1:{port}')


def router(folder, work):
    path = os.path.join(work, 'router.sock')
    return running([os.path.join(folder, 'bench_zmq'), 'router', f'ipc://{path}'], path=path, zmq=f'ipc://{path}')


def configuration(work, port, path, lines):
    """Writes a switchyard.toml into `work`; returns its path."""
    config = [
        '[daemon]', 'queue_limit = 10000000', 'log_level = "warning"',
        '[daemon.http]', f'listen = ["127.0.0.1:{port}"]',
        '[daemon.zmq]', f'listen = ["ipc://{path}"]', f'publish = ["ipc://{work}/events.sock"]',
        '[daemon.store]', f'path = "{work}/commands.db"', *lines,
    ]
    file = os.path.join(work, 'switchyard.toml')
    with open(file, 'w', encoding='utf-8') as out:
        out.write('\n'.join(config) + '\n')
    return file


def devices_and_targets():
    for number in range(DEVICES):
        yield from (f'[devices.d{number}]', 'driver = "fake"', f'outlets = {TARGETS // DEVICES}', 'queue_limit = 100000')
    for number in range(TARGETS):
        yield from (f'[targets.t{number}]', f'outlets = ["d{number % DEVICES}:{number // DEVICES + 1}"]')


def switchyard(folder, work, lines=None):
    port, path = free_port(), os.path.join(work, 'switchyard.sock')
    file = configuration(work, port, path, lines if lines is not None else devices_and_targets())
    command = [os.path.join(folder, 'switchyardd'), '--conf', file, '--foreground']
    return running(command, port=port, http=f'127.0.0.1:{port}', zmq=f'ipc://{path}')


class StartUp:
    def __init__(self, seconds, private_kib):
        self.seconds, self.private_kib = seconds, private_kib


def start_up(folder, work, devices):
    """How long a daemon with so many devices takes to be ready, and its private memory (KiB) then."""
    lines = []
    for number in range(devices):
        lines += [f'[devices.d{number:06}]', 'driver = "fake"', f'[targets.t{number:06}]', f'outlets = ["d{number:06}"]']
    begun = time.monotonic()
    with switchyard(folder, work, lines) as peer:
        seconds = time.monotonic() - begun
        with open(f'/proc/{peer.process.pid}/smaps_rollup', encoding='utf-8') as rollup:
            sizes = dict(line.split()[:2] for line in rollup if line.startswith(('Private_Dirty:', 'Swap:')))
    return StartUp(seconds, sum(int(size) for size in sizes.values()))


def restart(folder, work, open_, all_):
    """Seconds until a daemon takes commands again whose journal holds so many open ones among so many."""
    # Made once as rows by a daemon and then multiplied: submitting a million would take minutes.
    with switchyard(folder, work) as peer:
        with urllib.request.urlopen(urllib.request.Request(
                f'http://{peer.http}/v1/commands', b'{"target": "t1", "action": "on", "delay": 86400, "deadline": 86400}',
                {'Content-Type': 'application/json'})) as reply:
            number = json.load(reply)['id']
    with contextlib.closing(sqlite3.connect(os.path.join(work, 'commands.db'))) as database:
        columns = [row[1] for row in database.execute('PRAGMA table_info(command)') if row[1] != 'id']
        names = ', '.join(columns)
        rows = f'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {all_})'
        database.execute(f'{rows} INSERT INTO command (id, {names}) SELECT {number} + i, {names} FROM n, command WHERE id = {number}')
        database.execute(f"UPDATE command SET state = 5, ended = accepted WHERE id > {number} + {open_}")
        database.commit()
    begun = time.monotonic()
    with switchyard(folder, work) as peer:
        with urllib.request.urlopen(f'http://{peer.http}/readyz') as reply:
            reply.read()
        return time.monotonic() - begun


def pdudaemon(work):
    port = free_port()
    file = os.path.join(work, 'pdudaemon.conf')
    # localcmdline without a command does nothing: what is measured is the daemon around the driver.
    config = {'daemon': {'hostname': '127.0.0.1', 'port': port, 'logging_level': 'ERROR', 'listener': 'http'},
              'pdus': {f'd{number}': {'driver': 'localcmdline'} for number in range(DEVICES)}}
    with open(file, 'w', encoding='utf-8') as out:
        json.dump(config, out)
    command = ['pdudaemon', '--conf', file, '--loglevel', 'ERROR', '--logfile', os.path.join(work, 'pdudaemon.log')]
    return running(command, port=port, http=f'127.0.0.1:{port}')
