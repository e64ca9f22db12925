"""The programs under valgrind over one recording: no error, no leak, nothing left in use. Seconds, so it is always run where valgrind is."""
import asyncio
import os
import re
import shutil
import subprocess
import types

import pytest

from fake_executor import FakeExecutor
from harness import Client, Gateway, Program, executor

VALGRIND = ["valgrind", "--leak-check=full", "--show-leak-kinds=all", "--track-fds=yes", "--trace-children=no"]

pytestmark = pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not there")


@pytest.fixture
def wrapped(build_dir, run_dir):
    """A build folder whose programs run under valgrind and leave a log each: NAME.PID."""
    if b"__asan_init" in (build_dir / "agentgate-exec").read_bytes():
        pytest.skip("sanitizers and valgrind do not go together")
    folder = run_dir / "bin"
    folder.mkdir()
    for name in ("gateway", "exec", "emit", "replay", "tail"):
        program = folder / f"agentgate-{name}"
        program.write_text(f"#!/bin/sh\nexec {' '.join(VALGRIND)} --log-file={run_dir}/{name}.%p {build_dir}/agentgate-{name} \"$@\"\n")
        program.chmod(0o755)
    return folder


def assert_clean(run_dir, name, pid):
    """A program that has ended by itself. (Its forks end by exec or _exit: they write no summary, but errors.)"""
    log = (run_dir / f"{name}.{pid}").read_text()
    assert "All heap blocks were freed -- no leaks are possible" in log, log
    opened = re.findall(r"^==\d+== Open .*(?:\n==\d+==    .*)+", log, flags=re.M)
    assert [what for what in opened if "<inherited from parent>" not in what] == [], log
    for path in run_dir.glob(f"{name}.*"):
        text = path.read_text()
        assert "ERROR SUMMARY: 0 errors" in text or "ERROR SUMMARY" not in text, text
        assert not re.search(r"Invalid (read|write|free)|uninitialised|Syscall param|overlap", text), text


async def watch(gateway, play):
    """A plain viewer, one with everything who comes back with its cursor, and one who goes in the middle of it."""
    async with Client(gateway.ws_url) as plain, Client(gateway.ws_url) as full:
        await plain.send(type="subscribe", workOrderId="W")
        await full.send(type="subscribe", workOrderId="W", batch=True, includePartial=True)
        for client in (plain, full):
            await client.until(lambda m: m["type"] == "subscription_confirmed")
            await client.socket.send("nonsense")
        playing = asyncio.get_running_loop().run_in_executor(None, play)
        async with Client(gateway.ws_url) as leaver:
            await leaver.send(type="subscribe", runId="R", after={}, batch=True)
            await leaver.until(lambda m: m["type"] == "batch")
            cursor = leaver.cursor
        await plain.until_ended("R")
        await full.until_ended("R")
        await playing
        async with Client(gateway.ws_url) as back:
            await back.send(type="subscribe", runId="R", after=cursor, batch=True)
            await back.until(lambda m: m["type"] == "replay_complete")


def test_gateway_and_executor_over_a_recording(wrapped, build_dir, run_dir, recordings):
    with Gateway(wrapped, run_dir) as gateway:
        words = ["--bus", gateway.bus, "--control", gateway.control]
        pids = []

        def play():
            command = [build_dir / "agentgate-replay", "--fast", "--stdout", recordings / "claude" / "fix_test_partial.jsonl"]
            with executor(wrapped, run_dir, *words, "--run-id", "R", "--work-order", "W", "--quiet", "--", *command) as program:
                assert program.wait() == 0, program.stderr
                pids.append(program.process.pid)

        asyncio.run(watch(gateway, play))
        for path in ("api/v1/runs", "api/v1/runs/R/events", "api/v1/runs/R/search?q=test", "api/v1/runs/R/export", "metrics", "readyz", ""):
            subprocess.run(["curl", "-sS", "-o", os.devnull, f"{gateway.url}/{path}"], check=True, timeout=60)
        emitted = Program([wrapped / "agentgate-emit", *words, "--state-dir", run_dir / "emit", "work_order_updated", "workOrderId=W", "status=done"])
        assert emitted.wait() in (0, 3), emitted.stderr     # an answer may take longer than it waits for strangers
        gateway.process.terminate()
        assert gateway.wait() == 0
    assert_clean(run_dir, "exec", pids[0])
    assert_clean(run_dir, "emit", emitted.process.pid)
    assert_clean(run_dir, "gateway", gateway.process.pid)


def test_replay_over_a_recording(wrapped, run_dir, recordings):
    """Without a gateway: what is played is owed, and told so."""
    words = ["--bus", f"ipc://{run_dir}/bus", "--control", f"ipc://{run_dir}/control", "--state-dir", run_dir / "state", "--fast", "--run-id"]
    for name, source in (("one", recordings / "claude" / "bash_fail.jsonl"), ("two", "one")):
        with Program([wrapped / "agentgate-replay", *words, name, source], stdout=subprocess.DEVNULL) as replay:
            assert replay.wait() in (0, 3), replay.stderr
    assert_clean(run_dir, "replay", replay.process.pid)


def test_tail(wrapped, run_dir):
    bus = f"ipc://{run_dir}/tail"
    with Program([wrapped / "agentgate-tail", "--bind", bus, "--count", "5", "--format", "pretty"], stdout=subprocess.DEVNULL) as tail:
        tail.wait_stderr("following")
        with FakeExecutor(types.SimpleNamespace(bus=bus), "R", control=False) as executor:
            executor.started()
            executor.emit("agent_tool_call", toolUseId="t", tool="Bash", toolName="Bash", input={"command": "make"})
            executor.emit("agent_tool_result", toolUseId="t", success=False, contentPreview="x", contentLength=1, durationMs=3, error="x")
            executor.text("an end")
            executor.completed()
            assert tail.wait() == 0
    assert_clean(run_dir, "tail", tail.process.pid)
