"""demo/run.sh, which ./bootstrap.sh run becomes: a live run in one command, and nothing left when it ends."""
import asyncio
import os
import pathlib
import re
import signal
import subprocess

import pytest

from executor_tools import await_true
from harness import Client

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Demo:
    """The demo in a session of its own, so that all of its processes can be found."""

    def __init__(self, build, folder, port=0):
        before = list(folder.glob("agentgate-demo.*"))
        self.process = subprocess.Popen([ROOT / "demo" / "run.sh", build, str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        start_new_session=True, env={**os.environ, "TMPDIR": str(folder)})
        self.url = next(found.group(1) for found in (re.search(r"is live: (http\S+)", line) for line in self.process.stdout) if found)
        self.port = int(self.url.rsplit(":", 1)[1].rstrip("/"))
        self.folders = [path for path in folder.glob("agentgate-demo.*") if path not in before]

    def processes(self):
        """All that have something to do with its folder, wherever they hang."""
        marks = [str(folder).encode() for folder in self.folders]
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue            # it has just ended
            found += [int(pid)] if any(mark in words for mark in marks) else []
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in [self.process.pid, *self.processes()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.communicate()


async def first_step(url):
    """What a viewer of all runs sees first."""
    async with Client(url.replace("http", "ws", 1).rstrip("/") + "/ws") as client:
        await client.send(type="subscribe", runId="*", batch=True)
        await client.until(lambda _: client.events)
        return client.events[0]


@pytest.mark.parametrize("number, to_all", [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)], ids=["ctrl-c", "term", "hang-up"])
def test_a_run_is_seen_and_nothing_is_left(build_dir, run_dir, number, to_all):
    with Demo(build_dir, run_dir) as demo:
        event = asyncio.run(first_step(demo.url))
        assert event["workOrderId"] == "demo"
        await_true(lambda: len(demo.processes()) >= 3, what="gateway, executor and its guard")
        (os.killpg if to_all else os.kill)(demo.process.pid, number)
        assert demo.process.wait(60) == 0
        assert demo.processes() == []
        assert demo.process.communicate(timeout=60)[1] == ""
        assert not any(folder.exists() for folder in demo.folders)


def test_a_second_one_takes_another_port_and_says_so(build_dir, run_dir):
    with Demo(build_dir, run_dir) as first:
        port = first.port
        with Demo(build_dir, run_dir, port) as second:
            assert second.port != port
            second.process.terminate()
            _, err = second.process.communicate(timeout=60)
            assert second.process.returncode == 0 and f"127.0.0.1:{port}" in err
        assert asyncio.run(first_step(first.url))["workOrderId"] == "demo"
