#!/usr/bin/env python3
"""The JSON Schema of the configuration, judged by somebody else's validator."""

import copy
import json
import pathlib
import tomllib
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]

DEVICE = {"driver": "fake", "outlets": 8}


def whole(**sections):
    return {"devices": {"d": copy.deepcopy(DEVICE)}, **sections}


def device(**keys):
    return {"devices": {"d": keys}}


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads((ROOT / "config/schema/switchyard.schema.json").read_text())
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def good(self, config):
        self.assertEqual([error.message for error in self.validator.iter_errors(config)], [])

    def bad(self, config):
        self.assertFalse(self.validator.is_valid(config), config)

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_the_example_is_valid(self):
        self.good(tomllib.loads((ROOT / "config/switchyard.toml").read_text()))

    def test_the_defaults_are_valid(self):
        for section in ("daemon", "http", "zmq", "store"):
            table = self.schema["properties"]["daemon"]
            table = table if section == "daemon" else table["properties"][section]
            defaults = {key: spec["default"] for key, spec in table["properties"].items() if "default" in spec}
            self.assertTrue(defaults)
            self.good({"daemon": defaults if section == "daemon" else {section: defaults}})

    def test_devices(self):
        self.good(device(driver="fake"))
        self.good(device(driver="ipmitool", address="10.0.0.5", password={"file": "x"}, attempts=5))
        self.good(device(drivers=["ipmitool", "fake"], ipmitool={"address": "a"}, fake={"outlets": 2}, bus="b"))
        self.bad(device())
        self.bad(device(driver="fakes"))
        self.bad(device(driver="fake", drivers=["fake"]))
        self.bad(device(drivers=[]))
        self.bad(device(driver="ipmitool"))  # needs an address
        self.bad(device(driver="fake", address="a"))  # the key of another driver
        self.bad(device(drivers=["ipmitool"], ipmitool={"address": "a", "outlets": 2}))
        self.bad(device(driver="fake", attempts=0))
        self.bad(device(driver="fake", outlets="8"))
        self.bad(device(driver="fake", coalesce="newest"))

    def test_secrets_and_durations(self):
        for secret in ("text", {"file": "x"}, {"env": "X"}, {"credential": "x"}):
            self.good(device(driver="ipmitool", address="a", password=secret))
        for secret in (5, {}, {"file": "x", "env": "Y"}, {"flie": "x"}, {"file": ""}):
            self.bad(device(driver="ipmitool", address="a", password=secret))
        for duration in ("500ms", "5s", "1.5h", "1d", 5, 0.25):
            self.good(device(driver="fake", off_time=duration))
        for duration in ("5 s", "-1s", "1w", -1, True, ""):
            self.bad(device(driver="fake", off_time=duration))

    def test_targets_and_names(self):
        self.good(whole(targets={"t": {"device": "d", "outlet": "1", "description": "x"}}))
        self.good(whole(targets={"my server": {"outlets": ["d:1", "d:2"]}}))
        self.bad(whole(targets={"t": {}}))
        self.bad(whole(targets={"t": {"outlet": "1"}}))
        self.bad(whole(targets={"t": {"device": "d", "outlets": ["d:1"]}}))
        self.bad(whole(targets={"t": {"outlets": []}}))
        for name in ("", "a:b", "a/b", " a", "a ", "a\nb", "x" * 256):
            self.bad(whole(targets={name: {"device": "d"}}))
        self.bad(whole(target={}))


if __name__ == "__main__":
    unittest.main()
