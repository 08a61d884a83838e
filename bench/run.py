#!/usr/bin/env python3
"""Runs the benchmarks beside their peers and writes docs/benchmarks.md.

    run.py BIN [--rounds N] [--seconds S] [--clients 1,16,64,256] [--only http|zmq|store|start] [--out FILE]

BIN is the folder of switchyardd and the bench_* programs. All contestants of a table run in turn, in interleaved rounds; what is
printed is the median of the rounds. Figures belong to one machine and one run: compare the ratios.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)

import peers

HTTP_ROWS = (
    # name, contestant, path of wrk's request
    ('bare Beast, answers 200', 'beast', 'accept'),
    ('switchyard, accepted and durable', 'switchyard', 'accept'),
    ('switchyard, whole life (?wait)', 'switchyard', 'done'),
    ('pdudaemon, no-op driver, not durable', 'pdudaemon', 'pdudaemon'),
)
DISK_ROW = ('raw append and fdatasync of 200 bytes', 'disk', 'accept')
ZMQ_ROWS = (
    ('bare ROUTER', 'router', 'accept'),
    ('switchyard, accepted and durable', 'switchyard', 'accept'),
    ('switchyard, whole life', 'switchyard', 'done'),
)


def wrk(address, mode, clients, seconds):
    run = subprocess.run(['wrk', '-t1', f'-c{clients}', f'-d{seconds}s', '--timeout', '30s', '-s', os.path.join(HERE, 'load.lua'),
                          f'http://{address}', '--', mode, str(peers.TARGETS)], capture_output=True, text=True, check=True)
    figures = json.loads(run.stdout.splitlines()[-1])
    if figures['errors']:
        print(f'  {figures["errors"]} requests failed ({mode}, {clients} clients)', file=sys.stderr)
    return figures


def zmq_load(bench, endpoint, mode, clients, seconds):
    run = subprocess.run([os.path.join(bench, 'bench_zmq'), 'load', endpoint, str(clients), str(seconds), str(peers.TARGETS), mode],
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        print(f'  requests failed: {run.stderr.strip()}', file=sys.stderr)
    return json.loads(run.stdout)


def append(bench, folder, writers, seconds):
    path = os.path.join(folder, 'append')
    run = subprocess.run([os.path.join(bench, 'bench_append'), path, str(writers), str(seconds)],
                         capture_output=True, text=True, check=True)
    os.unlink(path)
    return json.loads(run.stdout)


def medians(rounds):
    """The median of each figure over the rounds."""
    return {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}


def measure(rows, clients, rounds, one):
    """Runs every row for every number of clients, round by round: {(row name, clients): figures}."""
    found = {}
    for turn in range(rounds):
        for count in clients:
            for name, contestant, mode in rows:
                print(f'round {turn + 1} of {rounds}: {name}, {count} clients', file=sys.stderr)
                found.setdefault((name, count), []).append(one(contestant, mode, count))
    return {key: medians(value) for key, value in found.items()}


def http_table(arguments, folder):
    with contextlib.ExitStack() as stack:
        running = {
            'beast': stack.enter_context(peers.beast(arguments.bin)),
            'switchyard': stack.enter_context(peers.switchyard(arguments.bin, folder)),
            'pdudaemon': stack.enter_context(peers.pdudaemon(folder)),
            'disk': None,
        }

        def one(contestant, mode, clients):
            if contestant == 'disk':
                return append(arguments.bin, folder, clients, arguments.seconds)
            peer = running[contestant]
            before = peer.cpu_seconds()
            figures = wrk(peer.http, mode, clients, arguments.seconds)
            figures['cpu_us'] = (peer.cpu_seconds() - before) * 1e6 / max(1, figures['count'])
            return figures

        rows = (*HTTP_ROWS, DISK_ROW)
        return rows, measure(rows, arguments.clients, arguments.rounds, one)


def zmq_table(arguments, folder):
    with peers.router(arguments.bin, folder) as router, peers.switchyard(arguments.bin, folder) as switchyard:
        running = {'router': router, 'switchyard': switchyard}

        def one(contestant, mode, clients):
            peer = running[contestant]
            before = peer.cpu_seconds()
            figures = zmq_load(arguments.bin, peer.zmq, mode, clients, arguments.seconds)
            figures['cpu_us'] = (peer.cpu_seconds() - before) * 1e6 / max(1, figures['count'])
            return figures

        return ZMQ_ROWS, measure(ZMQ_ROWS, arguments.clients, arguments.rounds, one)


def as_markdown(title, rows, found, clients):
    lines = [f'## {title}', '', '| | clients | a second | p50 | p99 | p99.9 | CPU each |', '|---|---:|---:|---:|---:|---:|---:|']
    for name, _, _ in rows:
        for count in clients:
            figures = found[(name, count)]
            cpu = f'{figures["cpu_us"]:.0f} us' if 'cpu_us' in figures else ''
            lines.append(f'| {name} | {count} | {figures["per_second"]:,.0f} | {figures["p50_us"]:,.0f} us | '
                         f'{figures["p99_us"]:,.0f} us | {figures["p999_us"]:,.0f} us | {cpu} |')
    return lines + ['']


def ratio(found, above, below, clients):
    pair = found.get((above, clients)), found.get((below, clients))
    return pair[0]['per_second'] / pair[1]['per_second'] if all(pair) and pair[1]['per_second'] else None


RATIOS = (
    # table, what, row above, row below, aim
    ('http', 'accepted over HTTP : pdudaemon', HTTP_ROWS[1][0], HTTP_ROWS[3][0], 3.0),
    ('http', 'accepted over HTTP : bare Beast', HTTP_ROWS[1][0], HTTP_ROWS[0][0], 0.5),
    ('http', 'whole life over HTTP : pdudaemon', HTTP_ROWS[2][0], HTTP_ROWS[3][0], 1.5),
    ('zmq', 'accepted over ZeroMQ : bare ROUTER', ZMQ_ROWS[1][0], ZMQ_ROWS[0][0], 0.6),
)


def ratios_as_markdown(tables, clients):
    count = 64 if 64 in clients else clients[-1]
    lines = [f'## Ratios at {count} clients', '', '| | ratio | aim |', '|---|---:|---:|']
    for table, what, above, below, aim in RATIOS:
        if table in tables and (value := ratio(tables[table], above, below, count)) is not None:
            lines.append(f'| {what} | {value:.2f} | {aim:.1f} |')
    lines += latency_as_markdown(tables.get('http', {}))
    return lines + ['']


def latency_as_markdown(http):
    """One client: what a whole life takes beyond its three durable commits (accepted, intent, end)."""
    life, commit = http.get((HTTP_ROWS[2][0], 1)), http.get((DISK_ROW[0], 1))
    if not life or not commit:
        return []
    beyond = life['p50_us'] - 3 * commit['p50_us']
    return ['', f'One client, whole life over HTTP: p50 {life["p50_us"]:,.0f} us, of which three commits as raw append and fdatasync '
            f'take {3 * commit["p50_us"]:,.0f} us; {beyond:,.0f} us beyond them (aim: 500 us).']


def store_part(arguments, folder):
    """The table of bench_store_ratio, as it prints it."""
    run = subprocess.run([os.path.join(arguments.bin, 'bench_store_ratio'), folder, str(arguments.seconds), str(arguments.rounds)],
                         capture_output=True, text=True, check=True)
    return ['## Store', '', *run.stdout.strip().splitlines(), '']


def start_part(arguments, folder):
    """What a daemon costs that has nothing to do, and how long it takes to be ready: its own targets, no peer."""
    memory = {count: peers.start_up(arguments.bin, folder, count) for count in (100, 10_000, 100_000)}
    each = (memory[100_000].private_kib - memory[10_000].private_kib) * 1024 / 90_000
    open_, all_ = 100_000, 1_000_000
    restart = peers.restart(arguments.bin, folder, open_, all_)
    rows = [('private memory with 100 devices', f'{memory[100].private_kib / 1024:.1f} MiB', '10 MiB'),
            ('a further idle device with its target', f'{each:,.0f} bytes', '4,096 bytes'),
            ('ready with 100,000 devices', f'{memory[100_000].seconds:.2f} s', '3 s'),
            (f'ready again with {open_:,} open of {all_:,} commands', f'{restart:.2f} s', '0.5 s')]
    return ['## Memory and start', '', '| | measured | aim |', '|---|---:|---:|', *(f'| {a} | {b} | {c} |' for a, b, c in rows), '']


def machine():
    model = next((line.split(':', 1)[1].strip() for line in open('/proc/cpuinfo', encoding='utf-8') if line.startswith('model name')), '?')
    return f'{os.cpu_count()} x {model}, {platform.system()} {platform.release()}'


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bin')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--clients', type=lambda text: [int(part) for part in text.split(',')], default=[1, 16, 64, 256])
    parser.add_argument('--only', choices=('http', 'zmq', 'store', 'start'))
    parser.add_argument('--out', default=os.path.join(ROOT, 'docs', 'benchmarks.md'))
    return parser.parse_args(arguments)


def main():
    arguments = parse(sys.argv[1:])
    tables, text = {}, []
    for name, title, table in (('http', 'HTTP', http_table), ('zmq', 'ZeroMQ over ipc', zmq_table)):
        if arguments.only in (None, name):
            folder = tempfile.mkdtemp(prefix='switchyard-bench.')
            try:
                rows, tables[name] = table(arguments, folder)
            finally:
                shutil.rmtree(folder)
            text += as_markdown(title, rows, tables[name], arguments.clients)
    for name, part in (('store', store_part), ('start', start_part)):
        if arguments.only in (None, name):
            with tempfile.TemporaryDirectory(prefix='switchyard-bench.') as folder:
                text += part(arguments, folder)
    head = ['# Benchmarks', '', f'Written by `scripts/bench`: {machine()}. {arguments.rounds} interleaved rounds of {arguments.seconds} s, '
            'medians; the load makers share the machine with what they measure. Figures of one run: compare the ratios.', '',
            f'The daemon has {peers.DEVICES} devices with the driver `fake`, which acts at once, and {peers.TARGETS} targets. '
            'CPU each is processor time of the server per request.', '']
    with open(arguments.out, 'w', encoding='utf-8') as out:
        out.write('\n'.join(head + ratios_as_markdown(tables, arguments.clients) + text).rstrip() + '\n')
    print(f'written: {arguments.out}')


if __name__ == '__main__':
    main()
