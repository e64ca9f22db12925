"""Viewers that do not read, viewers that are too many, and a rate that is too low: nobody else notices, and what is left out is said."""
import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request

import pytest
import websockets

from fake_executor import FakeExecutor
from harness import Client, Gateway
from raw_ws import CLOSE, PING, PONG, TEXT, RawClient, frame
from test_gateway_bus import in_thread, metric

READER = """
import asyncio, json, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], max_size=None, ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "subscribe", "runId": "r", "batch": True, "includePartial": True}))
        print(await socket.recv(), flush=True)
        said = []
        try:
            while True:
                message = json.loads(await socket.recv())
                if message["type"] in ("backpressure", "gap"):
                    said.append(message)
        except websockets.ConnectionClosed as closed:
            print(json.dumps({"code": closed.rcvd.code if closed.rcvd else None, "said": said[-50:]}), flush=True)
asyncio.run(main())
"""


def test_a_viewer_that_stops_is_closed_with_4008_and_the_others_do_not_notice(build_dir, run_dir):
    """SIGSTOP for as long as it takes; when it goes on, its close code has come. Five minutes beside 200: bench/gateway_stalled.py."""
    with Gateway(build_dir, run_dir, "--rate-limit", "0", "--stall-s", "5") as gateway:
        stopped = subprocess.Popen([sys.executable, "-c", READER, gateway.ws_url], stdout=subprocess.PIPE, text=True)
        assert "subscription_confirmed" in stopped.stdout.readline()

        async def scenario():
            async with Client(gateway.ws_url) as good:
                await good.send(type="subscribe", runId="r", batch=True, includePartial=True)
                await good.until(lambda m: m["type"] == "subscription_confirmed")
                with FakeExecutor(gateway, "r") as executor:
                    executor.hello()
                    executor.started()
                    await good.until(lambda m: good.events)
                    stopped.send_signal(signal.SIGSTOP)
                    late = []
                    while metric(gateway, "closed_slow_total") == 0:
                        seq = executor.text("x" * 30000)
                        sent = time.monotonic()
                        serving = in_thread(executor.serve_one, 0)
                        await good.until(lambda m: good.events and good.events[-1]["seq"] >= seq)
                        late.append(time.monotonic() - sent)
                        good.events.clear()
                        good.messages.clear()
                        await serving
                        executor.say("HEARTBEAT")
                        await asyncio.sleep(0.02)
                    late.sort()
                    return late

        late = asyncio.run(asyncio.wait_for(scenario(), 150))
        stopped.send_signal(signal.SIGCONT)
        result = json.loads(stopped.communicate(timeout=30)[0])
        assert metric(gateway, "held_writes_total") == 0
        assert result["code"] == 4008
        assert any(m["type"] == "backpressure" and m["state"] != "ok" for m in result["said"]), result
        p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
        print(f"the other viewer waited ms: p50 {p50 * 1e3:.1f} p99 {p99 * 1e3:.1f} max {late[-1] * 1e3:.1f} n {len(late)}")
        assert p50 < 0.3 and p99 < 1


def test_an_event_stream_that_is_not_read_is_closed(build_dir, run_dir):
    """Server-sent events have no close code; the reader comes back with Last-Event-ID."""
    with Gateway(build_dir, run_dir, "--rate-limit", "0", "--stall-s", "3") as gateway, FakeExecutor(gateway, "r") as executor:
        executor.hello()
        executor.started()
        executor.serve_until(lambda: executor.acked == 1)
        with socket.socket() as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            link.connect(("127.0.0.1", gateway.port))
            link.sendall(b"GET /api/v1/runs/r/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            end = time.monotonic() + 30
            while metric(gateway, "closed_slow_total") == 0 or metric(gateway, "event_streams") > 0:
                assert time.monotonic() < end
                if len(executor.journal) < 100:
                    executor.text("x" * 30000)
                executor.serve_one(20)
                executor.say("HEARTBEAT")
        assert metric(gateway, "stalled_viewers") == 0


def test_a_viewer_that_only_listens_stays(build_dir, run_dir):
    """It answers pings, as browsers do; so does one with something else to say in the middle of it."""
    with Gateway(build_dir, run_dir, "--ping-s", "1", "--stall-s", "3") as gateway, RawClient(gateway) as client:
        client.send(frame(TEXT, b'{"type":"subscribe","runId":"r"}'))
        for _ in range(7):              # a second each; without an answer it would be closed after four
            while True:
                opcode, data = client.receive()
                assert opcode in (TEXT, PING), (opcode, data)
                if opcode == PING:
                    break
            client.send(frame(PONG, data))
        assert metric(gateway, "websockets") == 1


def test_a_viewer_that_answers_no_ping_is_closed_with_4008(build_dir, run_dir):
    """A machine that has gone: its kernel no longer says so, and nothing is on its way to it."""
    with Gateway(build_dir, run_dir, "--ping-s", "1", "--stall-s", "3") as gateway, RawClient(gateway) as client:
        client.send(frame(TEXT, b'{"type":"subscribe","runId":"r"}'))
        opcode, data = client.receive()
        while opcode in (TEXT, PING):
            opcode, data = client.receive()
        assert (opcode, data[:2]) == (CLOSE, struct.pack(">H", 4008))


def test_a_rate_that_is_too_low_is_announced_and_sums_up(gateway):
    """1,000 tool calls into a 50/s viewer: what it got and what its gaps count is everything."""
    async def scenario():
        async with Client(gateway.ws_url) as client:
            await client.send(type="subscribe", runId="r", batch=True, rateLimit=50)
            await client.until(lambda m: m["type"] == "subscription_confirmed")
            with FakeExecutor(gateway, "r") as executor:
                executor.hello()
                executor.started()
                for burst in range(10):
                    for i in range(100):
                        executor.emit("agent_tool_result", toolUseId=f"{burst}-{i}", success=True, contentPreview="x",
                                      contentLength=1, durationMs=0)
                    executor.emit("agent_error", message=f"e{burst}", severity="error", source="agent")
                    serving = in_thread(executor.serve_one, 0)
                    await client.until(lambda m: any(e.get("message") == f"e{burst}" for e in client.events))
                    await serving
                executor.completed()
                serving = in_thread(executor.serve_until, lambda: executor.acked == len(executor.journal))
                await client.until_ended("r")
                await serving
            return client

    client = asyncio.run(scenario())
    gaps = [m for m in client.messages if m["type"] == "gap"]
    assert gaps and all(g["reason"] == "rate" and g["recoverable"] for g in gaps)
    shed = sum(sum(g["counts"].values()) for g in gaps)
    assert len(client.events) + shed == 1012
    assert sum(e["type"] == "agent_error" for e in client.events) == 10
    seqs = [e["seq"] for e in client.events]
    assert seqs == sorted(set(seqs))


def test_limits_of_connections_and_subscriptions(build_dir, run_dir):
    with Gateway(build_dir, run_dir, "--max-per-address", "3", "--max-connections", "4", "--max-subscriptions", "2") as gateway:
        async def scenario():
            clients = [await websockets.connect(gateway.ws_url) for _ in range(3)]
            fourth = await websockets.connect(gateway.ws_url)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await fourth.recv()
            assert 4000 <= closed.value.rcvd.code < 4500
            first = clients[0]
            for name in ("A", "B"):
                await first.send(json.dumps({"type": "subscribe", "workOrderId": name}))
                assert json.loads(await first.recv())["type"] == "subscription_confirmed"
            await first.send(json.dumps({"type": "subscribe", "workOrderId": "C"}))
            error = json.loads(await first.recv())
            assert (error["type"], error["code"]) == ("error", "LIMIT_EXCEEDED")
            await clients.pop().close()
            while urllib.request.urlopen(gateway.url + "/metrics").read().decode().find("agentgate_websockets 2\n") < 0:
                await asyncio.sleep(0.01)
            clients.append(await websockets.connect(gateway.ws_url))
            await clients[-1].send('{"type":"ping"}')
            assert json.loads(await clients[-1].recv())["type"] == "pong"
            for client in clients:
                await client.close()

        asyncio.run(scenario())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_viewers_are_told_when_the_gateway_goes(build_dir, run_dir, number):
    async def scenario(gateway):
        async with Client(gateway.ws_url) as client:
            await client.send(type="ping")
            await client.receive()
            gateway.process.send_signal(number)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await client.receive()
            assert closed.value.rcvd.code == 4012

    with Gateway(build_dir, run_dir) as gateway:
        asyncio.run(scenario(gateway))
        assert gateway.wait() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is mounted for it")
def test_a_full_disk_stops_acknowledgement_and_nothing_else(build_dir, run_dir):
    """Live goes on, /readyz says so, ACK stops; when there is room again all is stored and acknowledged."""
    state = run_dir / "gateway"
    state.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", state], capture_output=True).returncode:
        pytest.skip("no mount here")
    try:
        with Gateway(build_dir, run_dir, "--rate-limit", "0") as gateway:
            asyncio.run(fill_and_free(gateway, state))
    finally:
        subprocess.run(["umount", "-l", state], check=True)


def readiness(gateway):
    try:
        with urllib.request.urlopen(gateway.url + "/readyz") as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


async def fill_and_free(gateway, state):
    async with Client(gateway.ws_url) as client:
        await client.send(type="subscribe", runId="r", batch=True, includePartial=True)
        await client.until(lambda m: m["type"] == "subscription_confirmed")
        with FakeExecutor(gateway, "r") as executor:
            executor.hello()
            executor.started()
            await in_thread(executor.serve_until, lambda: executor.acked == 1)
            filler = state / "filler"
            with filler.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass                # it is full
            while metric(gateway, "store_failing") == 0:
                seq = executor.text("y" * 20000)
                await client.until(lambda m: client.events and client.events[-1]["seq"] == seq)
                while executor.serve_one(0):
                    pass
            assert readiness(gateway) == 503
            acked = executor.acked
            for _ in range(5):
                seq = executor.text("z" * 20000)
                await client.until(lambda m: client.events and client.events[-1]["seq"] == seq)
            await in_thread(executor.serve_one, 300)
            assert executor.acked == acked
            filler.unlink()
            await in_thread(executor.serve_until, lambda: executor.acked == len(executor.journal))
            assert readiness(gateway) == 200
            with urllib.request.urlopen(f"{gateway.url}/api/v1/runs/r/export") as answer:
                assert [json.loads(line)["seq"] for line in answer] == list(range(1, len(executor.journal) + 1))
