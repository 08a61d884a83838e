#!/usr/bin/python3
"""ipmitool for the tests of its driver: the texts of ipmitool 1.8.19 with -v, recorded against ipmi_sim, without a BMC.

The directory that -H names holds `trouble` (what goes wrong), `state`, and gets a line in `witness` for each executed action
and one in `calls` for each call. The password is "ipmi-secret".
"""
import os
import signal
import sys
import time

LOGIN_FAILED = "Error: Unable to establish IPMI v2 / RMCP+ session"
WORDS = {"on": "Up/On", "off": "Down/Off", "cycle": "Cycle", "reset": "Reset", "soft": "Soft", "diag": "Diag"}


def say(*lines):
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def quit_with(*lines):
    say(*lines)
    sys.exit(1)


def hang():
    while True:
        signal.pause()


def parse(arguments):
    options, words = {}, []
    i = 0
    while i < len(arguments):
        if arguments[i] in ("-v", "-K"):
            options[arguments[i]] = True
        elif arguments[i].startswith("-"):
            options[arguments[i]] = arguments[i + 1]
            i += 1
        else:
            words.append(arguments[i])
        i += 1
    return options, words


def log_in(options, trouble):
    say("Loading IANA PEN Registry...")
    if trouble == "stuck_login":
        hang()
    if trouble == "unreachable":
        quit_with("Get Auth Capabilities error", "Error issuing Get Channel Authentication Capabilities request", LOGIN_FAILED)
    if trouble == "only_suite_3" and options.get("-C") != "3":
        quit_with("Error in open session response message : invalid authentication algorithm", "", LOGIN_FAILED)
    password = options.get("-P")
    if "-f" in options:
        with open(options["-f"], encoding="utf-8") as file:
            password = file.readline()
    if password != "ipmi-secret":
        quit_with("> RAKP 2 HMAC is invalid", LOGIN_FAILED)
    if trouble.startswith("login: "):
        quit_with(trouble[7:], LOGIN_FAILED)
    say("Running Get VSO Capabilities my_addr 0x20, transit 0, target 0x20",
        "Invalid completion code received: Invalid command", "Discovered IPMB address 0x0")


def write(path, mode, text):
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)


def read(path, default):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


def power(here, trouble, action):
    if trouble == "stuck":
        hang()
    if trouble == "garbage":
        print("Segmentation fault")
        return
    if action == "status":
        print("Chassis Power is " + read(here + "/state", "off"))
        return
    if trouble.startswith("cc: "):
        quit_with("Set Chassis Power Control to %s failed: %s" % (WORDS[action], trouble[4:]))
    write(here + "/witness", "a", action + "\n")
    if action in ("on", "off"):
        write(here + "/state", "w", action)
    if trouble == "lost_reply":
        quit_with("Unable to set Chassis Power Control to " + WORDS[action])
    print("Chassis Power Control: " + WORDS[action])


def main():
    options, words = parse(sys.argv[1:])
    here = options["-H"]
    trouble = read(here + "/trouble", "")
    environment = " ".join(sorted(key for key in os.environ if key not in ("PATH", "LANG", "LC_CTYPE", "HOME")))
    write(here + "/calls", "a", " ".join(sys.argv[1:]).replace(here, "BMC") + " | " + environment + "\n")
    log_in(options, trouble)
    if trouble == "killed":
        os.kill(os.getpid(), signal.SIGABRT)
        time.sleep(60)
    if words[:2] == ["chassis", "power"]:
        power(here, trouble, words[2])
    else:
        print(read(here + "/output", ""))


main()
