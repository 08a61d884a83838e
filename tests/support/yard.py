"""Real daemons for tests: a folder, a configuration, free ports, and nothing left behind.

    with Yard(devices) as yard:
        yard.pduclient('--hostname', 'srv1', '--command', 'on')
        yard.http('GET', '/v1/devices')

The programs are those of the folder $SWITCHYARD_BIN.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
FARM = os.path.join(ROOT, 'tests', 'peers', 'ipmi_sim', 'farm.sh')


def program(name):
    path = os.path.join(os.environ['SWITCHYARD_BIN'], name)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f'{path} is not built')
    return path


def wait_until(true, what, seconds=30):
    """Waits until the function returns something true, and returns that. This is the one place where a test looks again."""
    end = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'waited {seconds} s for: {what}')
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Reply:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)


class Yard:
    """A switchyardd. `devices` is TOML with devices, targets and groups; `daemon` is TOML for the section [daemon]."""

    def __init__(self, devices, daemon='', environment=None):
        self.folder = tempfile.mkdtemp(prefix='switchyard-test.')
        self.port = free_port()
        self.requests = f'ipc://{self.folder}/switchyard.sock'
        self.events = f'ipc://{self.folder}/events.sock'
        self.config = os.path.join(self.folder, 'switchyard.toml')
        self.log_file = os.path.join(self.folder, 'log')
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.write_config(devices, daemon)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            print(f'--- log of the daemon\n{self.log()}---')
        self.close()

    def write_config(self, devices, daemon=''):
        text = (f'[daemon]\n{daemon}\n[daemon.http]\nlisten = ["127.0.0.1:{self.port}"]\n'
                f'[daemon.zmq]\nlisten = ["{self.requests}"]\npublish = ["{self.events}"]\n'
                f'[daemon.store]\npath = "{self.folder}/commands.db"\n{devices}\n')
        # By rename, as an editor does: a reload never sees half of it.
        with open(self.config + '.new', 'w', encoding='utf-8') as file:
            file.write(text)
        os.rename(self.config + '.new', self.config)

    def start(self, ready=True):
        with open(self.log_file, 'a', encoding='utf-8') as log:
            self.process = subprocess.Popen([program('switchyardd'), '--conf', self.config, '--foreground'],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        if ready:
            wait_until(self.ready, 'the daemon is ready')

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f'the daemon ended with {self.process.returncode}:\n{self.log()}')
        with contextlib.suppress(OSError):
            return self.http('GET', '/readyz').status == 200
        return False

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        """kill -9"""
        self.process.kill()
        self.process.wait(30)

    def stop(self, seconds=30):
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        with contextlib.suppress(FileNotFoundError), open(self.log_file, encoding='utf-8') as file:
            return file.read()
        return ''

    def http(self, method, path, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            data = json.dumps(body) if isinstance(body, (dict, list)) else body
            connection.request(method, path, data, {'Content-Type': 'application/json'} | (headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def pduclient(self, *arguments, timeout=60):
        """Runs pduclient against this daemon: a CompletedProcess with returncode, stdout and stderr."""
        environment = dict(self.environment, SWITCHYARD_CONNECT=self.requests)
        return subprocess.run([program('pduclient'), *arguments], capture_output=True, text=True, env=environment,
                              stdin=subprocess.DEVNULL, timeout=timeout, check=False)


class Bmcs:
    """So many simulated BMCs (ipmi_sim), with ipmitool and the chassis' own log as witnesses."""

    def __init__(self, count=1, *options):
        self.folder = tempfile.mkdtemp(prefix='switchyard-bmcs.')
        self.count, self.options = count, options
        self.all = []

    def __enter__(self):
        try:
            run = subprocess.run([FARM, 'start', self.folder, str(self.count), *self.options], capture_output=True, text=True, check=True)
        except subprocess.CalledProcessError as error:
            self.__exit__()
            raise AssertionError(f'no simulated BMC: {error.stderr}') from error
        self.all = [Bmc(*line.split(maxsplit=5)) for line in run.stdout.splitlines()]
        return self.all

    def __exit__(self, *error):
        subprocess.run([FARM, 'stop', self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Bmc:
    def __init__(self, address, port, user, password, pid, witness):
        self.address, self.port, self.user, self.password = address, int(port), user, password
        self.pid, self.witness_file = int(pid), witness

    def toml(self, name):
        """This BMC as a device of that name."""
        return (f'[devices.{name}]\ndriver = "ipmitool"\naddress = "{self.address}"\nport = {self.port}\n'
                f'user = "{self.user}"\npassword = "{self.password}"\n')

    def power(self):
        """What the BMC itself says: "on" or "off"."""
        run = subprocess.run(['ipmitool', '-I', 'lanplus', '-C', '3', '-H', self.address, '-p', str(self.port), '-U', self.user, '-E',
                              'chassis', 'power', 'status'], env=dict(os.environ, IPMI_PASSWORD=self.password), capture_output=True,
                             text=True, timeout=60, check=True)
        return run.stdout.split()[-1]

    def witness(self):
        """What the chassis did: a list of (operation, value)."""
        with open(self.witness_file, encoding='utf-8') as file:
            return [tuple(line.split()[1:]) for line in file]
