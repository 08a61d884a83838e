#!/usr/bin/env python3
"""docs/protocol.md by somebody who has only read it: pyzmq, no code of ours."""

import json
import unittest

import zmq

from yard import Yard

DEVICES = '''
[devices.pdu1]
driver = "fake"
outlets = 8
[targets.srv1]
outlets = ["pdu1:1"]
[targets.srv2]
outlets = ["pdu1:2"]
'''


class ForeignClient(unittest.TestCase):
    def setUp(self):
        self.context = zmq.Context()
        self.yard = self.enterContext(Yard(DEVICES))
        self.socket = self.connect(zmq.DEALER, self.yard.requests)

    def tearDown(self):
        self.context.destroy(linger=0)

    def connect(self, kind, endpoint):
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, 30_000)
        socket.connect(endpoint)
        return socket

    def ask(self, **fields):
        """The answer, after what may come before it."""
        self.socket.send(json.dumps({'v': 1} | fields).encode())
        while True:
            reply = json.loads(self.socket.recv())
            if 'ok' in reply:
                return reply

    def test_submit_and_wait(self):
        reply = self.ask(id='first', op='submit', wait=30, request={'target': 'srv1', 'action': 'on'})
        self.assertEqual((reply['id'], reply['ok'], reply['report']['state'], reply['report']['power']), ('first', True, 'done', 'on'), reply)

    def test_the_same_key_is_the_same_command(self):
        request = {'target': 'srv1', 'action': 'on', 'key': 'abc'}
        first = self.ask(id=1, op='submit', request=request)
        again = self.ask(id=2, op='submit', request=request)
        self.assertEqual((again['command'], again['repeated']), (first['command'], True))
        other = self.ask(id=3, op='submit', request=request | {'action': 'off'})
        self.assertEqual(other['error']['code'], 'key_conflict')

    def test_every_transition_is_published_in_order(self):
        events = self.connect(zmq.SUB, self.yard.events)
        events.setsockopt(zmq.SUBSCRIBE, b'')
        # A subscription takes effect when it has arrived: commands are sent until the first event comes.
        events.setsockopt(zmq.RCVTIMEO, 200)
        for _ in range(100):
            self.ask(id=1, op='submit', wait=30, request={'target': 'srv2', 'action': 'on'})
            try:
                events.recv_multipart()
                break
            except zmq.Again:
                continue
        command = self.ask(id=2, op='submit', wait=30, request={'target': 'srv1', 'action': 'on'})['report']['id']
        events.setsockopt(zmq.RCVTIMEO, 30_000)
        states, numbers = [], []
        while 'done' not in states:
            event = json.loads(events.recv_multipart()[-1])
            numbers.append(tuple(int(part) for part in event['id'].split('.')))
            if event['command'] == command:
                states.append(event['state'])
        self.assertEqual(states, ['queued', 'running', 'done'])
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_what_is_not_a_request_gets_an_answer(self):
        for frame in (b'', b'{', b'[]', b'\xff\xfe', b'{"v": 2, "id": 1, "op": "ping"}', b'{"v": 1, "id": 1, "op": "fly"}',
                      b'{"v": 1, "id": 1, "op": "submit", "request": {"target": "srv1", "action": "on", "colour": "red"}}'):
            self.socket.send(frame)
            reply = json.loads(self.socket.recv())
            self.assertEqual((reply['ok'], reply['error']['code']), (False, 'bad_request'), frame)
        self.assertTrue(self.ask(id=1, op='ping')['ok'])


if __name__ == '__main__':
    unittest.main()
