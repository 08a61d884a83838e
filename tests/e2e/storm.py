"""Clients, a daemon that is killed again and again, and a judge who compares what was acknowledged with what happened.

Each device remembers its state in a file and testifies (driver `fake`), so it outlives the daemon as a real one does. Clients ask
again with the same key when they got no answer. In the end, for every command that was acknowledged:

- it is there and has ended;
- a reset happened once when it is `done`, at most once when it is `indeterminate`, else not at all;
- a cycle switched off once, and its outlet is on again;
- on and off left the outlet as the last of them said.

SWITCHYARD_KILLS says how often, SWITCHYARD_SEED repeats the choices of a run.
"""

import collections
import http.client
import os
import random
import threading
import time
import unittest

from yard import Yard, wait_until

SEED = int(os.environ.get('SWITCHYARD_SEED', str(random.randrange(1 << 32))))
DEVICES, CLIENTS = 6, 16
# The outlets of each device by what is done to them, so that the witness can be read without guessing.
SWITCHED, CYCLED, RESET = '1', '2', '3'
ACTIONS = {SWITCHED: ('on', 'off'), CYCLED: ('cycle',), RESET: ('reset', 'diag')}


def devices(folder):
    text = ''
    for number in range(DEVICES):
        text += (f'[devices.d{number}]\ndriver = "fake"\noutlets = 3\nlatency = "12ms"\ninitial = "on"\noff_time = "100ms"\n'
                 f'min_off = "20ms"\nretry_delay = "20ms"\nstate = "{folder}/d{number}.state"\nwitness = "{folder}/witness"\n')
        for outlet in ACTIONS:
            text += f'[targets.d{number}-{outlet}]\noutlets = ["d{number}:{outlet}"]\n'
    return text


class Client(threading.Thread):
    """Sends one command after the other; a command counts as acknowledged when its id came back."""

    def __init__(self, number, yard, shared):
        super().__init__(daemon=True)
        self.random = random.Random(SEED * 1000 + number)
        self.number, self.yard, self.shared = number, yard, shared
        self.acknowledged = {}                           # id: (device, outlet, action)
        self.asked_again, self.refused = 0, 0
        self.failure = None

    def run(self):
        try:
            count = 0
            while not self.shared.end.is_set():
                count += 1
                self.one(f'{self.number}-{count}')
        except Exception as error:
            self.failure = error

    def one(self, key):
        device, outlet = f'd{self.random.randrange(DEVICES)}', self.random.choice(tuple(ACTIONS))
        action = self.random.choice(ACTIONS[outlet])
        request = {'target': f'{device}-{outlet}', 'action': action, 'key': key}
        path = '/v1/commands?wait=10' if self.random.random() < 0.7 else '/v1/commands'
        while True:
            self.shared.up.wait()
            try:
                reply = self.yard.http('POST', path, request)
            except (OSError, http.client.HTTPException):
                if not self.shared.killing:
                    raise
                self.asked_again += 1
                continue
            if reply.status < 300:
                self.acknowledged[reply.json['id']] = (device, outlet, action)
                return
            code = reply.json['error']['code']
            if code == 'busy':
                self.refused += 1
                return
            if code not in ('commit_unknown', 'store_unavailable'):
                raise AssertionError(f'{request}: {reply.text}')


class Shared:
    def __init__(self):
        self.up, self.end = threading.Event(), threading.Event()
        self.killing = True


def witnessed(folder):
    """{(device, outlet): [(action, old, new)]} in the order in which it happened."""
    lines = collections.defaultdict(list)
    with open(f'{folder}/witness', encoding='utf-8') as file:
        for line in file:
            _, device, outlet, action, change = line.split()
            old, new = change.split('->')
            lines[(device, outlet)].append((action, old, new))
    return lines


class Storm(unittest.TestCase):
    """Derive from it; strike() is what happens to the daemon."""

    def strike(self, yard, chance):
        """Ends the daemon; it is started again afterwards."""
        raise NotImplementedError

    def weather(self, kills, environment=None):
        kills = int(os.environ.get('SWITCHYARD_KILLS', kills))
        print(f'seed {SEED}', flush=True)
        yard = Yard('', environment=environment)
        yard.write_config(devices(yard.folder), 'log_level = "warning"')
        with yard:
            acknowledged, clients, seconds = self.under_load(yard, kills)
            reports = self.reports(yard, acknowledged)
            states = collections.Counter(report['state'] for report in reports.values())
            print(f'{kills} kills in {seconds:.0f} s, {len(acknowledged)} commands acknowledged, '
                  f'{sum(c.asked_again for c in clients)} asked again, {sum(c.refused for c in clients)} refused as busy; '
                  f'ended {dict(states)}', flush=True)
            self.assertGreater(len(acknowledged), kills)
            self.judge(acknowledged, reports, witnessed(yard.folder))

    def under_load(self, yard, kills):
        shared = Shared()
        clients = [Client(number, yard, shared) for number in range(CLIENTS)]
        shared.up.set()
        for client in clients:
            client.start()
        chance, started = random.Random(SEED), time.monotonic()
        for _ in range(kills):
            self.assertFalse(shared.end.wait(chance.uniform(0.02, 0.4)))
            shared.up.clear()
            self.strike(yard, chance)
            yard.start()
            shared.up.set()
        shared.killing = False
        shared.end.set()
        for client in clients:
            client.join(60)
            self.assertFalse(client.is_alive(), 'a client got no answer')
            self.assertIsNone(client.failure)
        acknowledged = {}
        for client in clients:
            acknowledged.update(client.acknowledged)
        self.assertEqual(len(acknowledged), sum(len(client.acknowledged) for client in clients), 'an id was given twice')
        return acknowledged, clients, time.monotonic() - started

    def reports(self, yard, acknowledged):
        reports = {}
        for command in acknowledged:
            reply = yard.http('GET', f'/v1/commands/{command}?wait=60')
            self.assertEqual(reply.status, 200, f'command {command} is lost: {reply.text}')
            reports[command] = reply.json
            self.assertIsNotNone(reply.json.get('ended'), f'command {command} has not ended: {reply.text}')
        wait_until(lambda: yard.http('GET', '/v1/devices').json['devices'] and all(
            not device['queued'] and not device['running'] for device in yard.http('GET', '/v1/devices').json['devices']), 'all is quiet')
        return reports

    def judge(self, acknowledged, reports, lines):
        for number in range(DEVICES):
            device = f'd{number}'
            for outlet in ACTIONS:
                mine = {command: action for command, (at, out, action) in acknowledged.items() if (at, out) == (device, outlet)}
                self.outlet(outlet, mine, {command: reports[command]['state'] for command in mine}, lines[(device, outlet)])

    def outlet(self, outlet, mine, states, lines):
        if outlet == RESET:
            for action in ACTIONS[RESET]:
                self.bounds([c for c in mine if mine[c] == action], states, sum(line[0] == action for line in lines), action)
        elif outlet == CYCLED:
            offs = sum(line[1:] == ('on', 'off') for line in lines)
            self.bounds(list(mine), states, offs, 'cycle')
            self.assertTrue(not lines or lines[-1][2] == 'on', 'a cycle left its outlet off')
        else:
            last = max((command for command in mine if states[command] == 'done'), default=None)
            if last is not None and not any(states[command] != 'done' for command in mine if command > last):
                self.assertEqual(lines[-1][2], mine[last], f'command {last} had the last word')

    def bounds(self, commands, states, happened, what):
        done = sum(states[command] == 'done' for command in commands)
        perhaps = sum(states[command] == 'indeterminate' for command in commands)
        self.assertGreaterEqual(happened, done, f'{what}: a command says done and never happened')
        self.assertLessEqual(happened, done + perhaps, f'{what}: something happened twice')

