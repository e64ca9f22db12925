"""Starts the programs and talks to them as their users do."""
import asyncio
import json
import os
import re
import signal
import subprocess
import threading
import time

import websockets

import contract

TIMEOUT = 60


class Program:
    """A started program whose stderr is kept and can be waited for."""

    def __init__(self, argv, **popen):
        self.argv = [str(word) for word in argv]
        self.stderr = ""
        self.changed = threading.Condition()
        self.process = subprocess.Popen(self.argv, stderr=subprocess.PIPE, text=True, errors="replace", **popen)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.stderr += line
                self.changed.notify_all()
        with self.changed:
            self.stderr_closed = True
            self.changed.notify_all()

    stderr_closed = False

    def wait_stderr(self, pattern, timeout=TIMEOUT):
        """The first match of a pattern in what the program says; fails when it ends without."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                match = re.search(pattern, self.stderr)
                if match:
                    return match
                left = end - time.monotonic()
                if self.stderr_closed or left <= 0:
                    raise AssertionError(f"{self.argv[0]} never said {pattern!r}; it said:\n{self.stderr}")
                self.changed.wait(left)

    def wait(self, timeout=TIMEOUT):
        status = self.process.wait(timeout)
        self.reader.join(TIMEOUT)
        return status

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill(signal.SIGTERM)
        try:
            self.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()


class Gateway(Program):
    """agentgate-gateway on sockets in `folder` and a free port; ready when it is made."""

    def __init__(self, build, folder, *options, port=0):
        self.build, self.folder = build, folder
        self.bus, self.control = f"ipc://{folder}/bus", f"ipc://{folder}/control"
        self.republish = f"ipc://{folder}/republish"
        super().__init__([build / "agentgate-gateway", "--listen", f"127.0.0.1:{port}", "--bus", self.bus,
                          "--control", self.control, "--republish", self.republish,
                          "--state-dir", folder / "gateway", *options])
        self.url = self.wait_stderr(r"listening on (https?://[^\s]+)").group(1).rstrip("/")
        self.port = int(self.url.rsplit(":", 1)[1])
        self.ws_url = self.url.replace("http", "ws", 1) + "/ws"

    def executor(self, *words, **popen):
        """agentgate-exec with this gateway; words are options, "--" and the command."""
        return executor(self.build, self.folder, "--bus", self.bus, "--control", self.control, *words, **popen)

    def play(self, recording, run_id, *options, fast=True):
        """Runs a recorded agent under the executor, and waits for its end."""
        replay = [self.build / "agentgate-replay", "--stdout", recording, *(["--fast"] if fast else [])]
        with self.executor("--run-id", run_id, "--quiet", *options, "--", *replay) as program:
            status = program.wait()
            assert status == 0, program.stderr
            return program


def executor(build, folder, *words, **popen):
    popen.setdefault("cwd", folder)
    popen.setdefault("stdin", subprocess.DEVNULL)
    popen.setdefault("stdout", subprocess.DEVNULL)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), **popen.pop("env", {})}
    return Program([build / "agentgate-exec", "--state-dir", folder / "state", *words], env=environment, **popen)


class Client:
    """A WebSocket client that keeps what it gets, and holds each message to the contract.

        async with Client(url) as client:
            await client.send(type="subscribe", runId="r", batch=True)
            await client.until(lambda m: m["type"] == "replay_complete")
    """

    def __init__(self, url, **options):
        self.url, self.options = url, {"max_size": None, **options}
        self.messages = []      # as they came
        self.events = []        # those of batches too
        self.cursor = None      # the last that came

    async def __aenter__(self):
        self.socket = await websockets.connect(self.url, **self.options)
        return self

    async def __aexit__(self, *_):
        await self.socket.close()

    async def send(self, **message):
        await self.socket.send(json.dumps(message))

    async def receive(self, timeout=TIMEOUT):
        message = json.loads(await asyncio.wait_for(self.socket.recv(), timeout))
        contract.check(message)
        self.messages.append(message)
        self.cursor = message.get("cursor", self.cursor)
        if message["type"] == "batch":
            self.events += message["events"]
        elif "seq" in message:
            self.events.append(message)
        return message

    async def until(self, condition, timeout=TIMEOUT):
        """Receives until a message fulfils the condition, and returns it."""
        end = time.monotonic() + timeout
        while True:
            message = await self.receive(max(0.001, end - time.monotonic()))
            if condition(message):
                return message

    async def until_ended(self, *runs, timeout=TIMEOUT):
        """Receives until these runs have ended."""
        end = time.monotonic() + timeout
        while not set(runs) <= {e.get("runId") for e in self.events if e["type"] in ("run_completed", "run_failed")}:
            await self.receive(max(0.001, end - time.monotonic()))


def spans(events, stream):
    """[first, last] of each event of a stream, as delivered."""
    return [(e.get("seqFirst", e["seq"]), e["seq"]) for e in events if e.get("stream", e.get("runId")) == stream]


def assert_covers(events, stream, last=None):
    """The spans of a stream's events cover 1..n once, in order."""
    expected = 1
    for first, end in spans(events, stream):
        assert first == expected, f"{stream}: seq {expected} wanted, {first} came"
        expected = end + 1
    if last is not None:
        assert expected == last + 1
    assert expected > 1
