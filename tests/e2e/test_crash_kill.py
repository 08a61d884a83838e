#!/usr/bin/env python3
"""kill -9 at random moments under load: nothing that was acknowledged is lost or done twice. See storm.py."""

import unittest

import storm


class KillNine(storm.Storm):
    def strike(self, yard, chance):
        yard.kill()

    def test_nothing_acknowledged_is_lost_or_done_twice(self):
        self.weather(kills=150)


if __name__ == '__main__':
    unittest.main()
