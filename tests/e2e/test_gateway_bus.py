"""The gateway's end of the bus: holes, resends, restarts, epochs, conflicts, acknowledgement, frames that are none of ours."""
import asyncio
import json
import random
import urllib.request

import msgpack
import zmq

from executor_tools import rss_kb
from fake_executor import FakeExecutor
from harness import Client, Gateway, assert_covers


def in_thread(function, *arguments):
    """Starts it at once; to be awaited."""
    return asyncio.get_running_loop().run_in_executor(None, function, *arguments)


def metric(gateway, name):
    with urllib.request.urlopen(gateway.url + "/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"agentgate_{name} "):
                return float(line.split()[1])
    raise AssertionError(f"no metric {name}")


def get(gateway, path):
    with urllib.request.urlopen(gateway.url + path) as answer:
        return json.load(answer)


async def watching(gateway, run, **options):
    client = Client(gateway.ws_url)
    await client.__aenter__()
    await client.send(type="subscribe", runId=run, batch=True, includePartial=True, **options)
    await client.until(lambda m: m["type"] == "subscription_confirmed")
    return client


def test_holes_are_repaired_by_resend(gateway):
    """Of 300 events, a random half reaches the bus; the viewer sees all, in order, once."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)

    async def scenario():
        client = await watching(gateway, "r")
        with FakeExecutor(gateway, "r") as executor:
            executor.hello()
            executor.write("run_started", runNumber=1, agent="fake")
            for i in range(298):
                executor.write("agent_output", content=f"{i} ", kind="text")
            executor.write("run_completed", durationMs=1, exitCode=0)
            for seq in range(1, 301):
                if chance.random() < 0.5:
                    executor.publish(seq)
            serving = in_thread(executor.serve_until, lambda: executor.acked == 300)
            await client.until_ended("r")
            await serving
            assert executor.asked
        await client.__aexit__()
        return client

    client = asyncio.run(scenario())
    assert_covers(client.events, "r", last=300)
    assert not any(m["type"] == "gap" for m in client.messages)


def test_what_waits_behind_holes_is_bounded_and_still_arrives(gateway):
    """Twenty executors whose first event is missing, each with 2.4 MB behind it: 48 MB, of which 16 may wait."""
    executors = [FakeExecutor(gateway, f"r{number}") for number in range(20)]
    before, sent = rss_kb(gateway.process.pid), 0
    for executor in executors:
        executor.say("HELLO", version=1, workOrderId=executor.run, runId=executor.run)
        executor.write("run_started", runNumber=1, agent="fake")
        for count in range(600):
            executor.text("x" * 4000)
            sent += 1
            while count % 300 == 299 and metric(gateway, "bus_events_total") < sent:
                pass                # a PUB drops what is too much at once
    grown = rss_kb(gateway.process.pid) - before
    assert metric(gateway, "waiting_events") > 1000             # they do wait
    assert grown < 24 * 1024, f"{grown} KB"
    for executor in executors:
        executor.completed()
        executor.hello()
        executor.serve_until(lambda e=executor: e.acked == len(e.journal))
        executor.__exit__()
    assert metric(gateway, "lost_total") == 0
    for executor in executors:
        with urllib.request.urlopen(f"{gateway.url}/api/v1/runs/{executor.run}/export") as answer:
            assert [json.loads(line)["seq"] for line in answer] == list(range(1, 603))


def test_a_lost_last_event_is_noticed(gateway):
    async def scenario():
        client = await watching(gateway, "r")
        with FakeExecutor(gateway, "r") as executor:
            executor.hello()
            executor.started()
            executor.write("run_completed", durationMs=1, exitCode=0)       # the bus lost it
            executor.say("GOODBYE")
            await in_thread(executor.serve_until, lambda: executor.acked == 2)
            await client.until_ended("r")
        await client.__aexit__()

    asyncio.run(scenario())


def test_what_the_writer_lacks_becomes_a_gap(gateway):
    async def scenario():
        client = await watching(gateway, "r")
        with FakeExecutor(gateway, "r") as executor:
            executor.hello()
            executor.started()
            for i in range(4):
                executor.write("agent_output", content="x", kind="text")
            executor.first = 5
            executor.publish(5)
            executor.completed()
            serving = in_thread(executor.serve_until, lambda: executor.acked == 6)
            await client.until_ended("r")
            await serving
        await client.__aexit__()
        return client

    client = asyncio.run(scenario())
    gap = next(m for m in client.messages if m["type"] == "gap")
    assert (gap["stream"], gap["from"], gap["to"], gap["reason"]) == ("r", 2, 4, "lost")
    assert [e["seq"] for e in client.events] == [1, 5, 6]


def test_a_writer_without_control_channel_is_heard(gateway):
    async def scenario():
        client = await watching(gateway, "r")
        with FakeExecutor(gateway, "r", control=False) as executor:
            executor.started()
            executor.write("agent_output", content="lost on the way", kind="text")
            executor.completed()
            await client.until_ended("r")
        await client.__aexit__()
        return client

    client = asyncio.run(scenario())
    assert [e["seq"] for e in client.events] == [1, 3]
    assert any(m["type"] == "gap" and m["reason"] == "lost" and (m["from"], m["to"]) == (2, 2) for m in client.messages)


def test_duplicates_and_reordering_do_not_show(gateway):
    async def scenario():
        client = await watching(gateway, "r")
        with FakeExecutor(gateway, "r") as executor:
            executor.hello()
            for i in range(20):
                executor.write("agent_output", content=f"{i} ", kind="text")
            executor.write("run_completed", durationMs=1, exitCode=0)
            executor.publish(3, 1, 2, 2, 1, *range(10, 3, -1), *range(1, 22))
            serving = in_thread(executor.serve_until, lambda: executor.acked == 21)
            await client.until_ended("r")
            await serving
        await client.__aexit__()
        return client

    client = asyncio.run(scenario())
    assert_covers(client.events, "r", last=21)
    assert "".join(e.get("content", "") for e in client.events).split() == [str(i) for i in range(20)]


def test_a_newer_epoch_takes_over_and_an_older_one_is_only_stored(gateway):
    async def scenario():
        client = await watching(gateway, "r")
        with FakeExecutor(gateway, "r", epoch=1 << 20) as old:
            old.hello()
            old.started()
            old.completed()
            await in_thread(old.serve_until, lambda: old.acked == 2)
            await client.until_ended("r")
            with FakeExecutor(gateway, "r", epoch=2 << 20) as new:
                new.hello()
                new.started(model="second")
                await client.until(lambda m: any(e.get("model") == "second" for e in client.events))
                old.write("agent_error", message="late", severity="error", source="agent")
                old.say("HELLO", version=1, workOrderId="r", runId="r")
                await in_thread(old.serve_until, lambda: old.acked == 3)
                new.completed()
                await client.until(lambda m: len([e for e in client.events if e["type"] == "run_completed"]) == 2)
        await client.__aexit__()
        return client

    client = asyncio.run(scenario())
    assert "agent_error" not in [e["type"] for e in client.events]
    old = get(gateway, "/api/v1/runs/r/events?epoch=%016x" % (1 << 20))["events"]
    assert [e["type"] for e in old] == ["run_started", "run_completed", "agent_error"]
    assert [e["type"] for e in get(gateway, "/api/v1/runs/r/events")["events"]] == ["run_started", "run_completed"]


def test_a_second_live_writer_is_a_conflict(gateway):
    async def scenario():
        client = await watching(gateway, "r")
        with FakeExecutor(gateway, "r", epoch=1 << 20) as first, FakeExecutor(gateway, "r", epoch=2 << 20) as second:
            assert not first.hello().get("conflict")
            first.started()
            await client.until(lambda m: client.events)
            assert second.hello()["conflict"] is True
            second.started(model="second")
            first.say("HEARTBEAT")
            first.completed()
            await client.until_ended("r")
        await client.__aexit__()
        return client

    client = asyncio.run(scenario())
    assert not any(e.get("model") for e in client.events)
    gateway.wait_stderr("WRITER_CONFLICT")


def test_hello_of_another_version_is_refused_with_a_reason(gateway):
    with FakeExecutor(gateway, "r") as executor:
        executor.say("HELLO", version=99, workOrderId="r", runId="r")
        executor.serve_until(lambda: executor.welcome)
        assert "version 1" in executor.welcome["error"]


def test_cancel_reaches_the_writer(gateway):
    async def scenario():
        client = await watching(gateway, "r")
        with FakeExecutor(gateway, "r") as executor:
            executor.hello()
            executor.started()
            await client.until(lambda m: client.events)
            await client.send(type="cancel_run", runId="r")
            await in_thread(executor.serve_until, lambda: executor.cancelled)
            await client.send(type="cancel_run", runId="nobody")
            error = await client.until(lambda m: m["type"] == "error")
            assert error["code"] == "NOT_FOUND"
        await client.__aexit__()

    asyncio.run(scenario())


def test_the_gateway_comes_back_and_nothing_is_missing(build_dir, run_dir):
    """Killed in mid-run. Its viewer resumes with its cursor at the new one; the stored half is not asked for again."""
    async def scenario():
        first = Gateway(build_dir, run_dir, "--rate-limit", "0")
        client = await watching(first, "r", after={"r": 0})
        with FakeExecutor(first, "r") as executor:
            executor.hello()
            executor.started()
            for i in range(50):
                executor.text(f"{i} ")
            await in_thread(executor.serve_until, lambda: executor.acked == 51)
            await client.until(lambda m: client.events and client.events[-1]["seq"] == 51)
            first.kill()
            first.wait()
            for i in range(50, 100):
                executor.write("agent_output", content=f"{i} ", kind="text")     # nobody hears it
            executor.welcome = None
            with Gateway(build_dir, run_dir, "--rate-limit", "0") as second:
                again = await watching(second, "r", after=client.cursor)
                executor.welcome = None
                executor.say("HEARTBEAT")               # to a gateway that does not know it
                await in_thread(executor.serve_until, lambda: executor.who or executor.welcome)
                assert executor.hello()["resume"] == 51
                executor.completed()
                await in_thread(executor.serve_until, lambda: executor.acked == 102)
                await again.until_ended("r")
                await again.__aexit__()
        return client.events + again.events, executor.asked

    events, asked = asyncio.run(scenario())
    assert_covers(events, "r", last=102)
    assert min(first for first, _ in asked) == 52


def test_an_ended_run_is_there_after_a_restart(build_dir, run_dir):
    with Gateway(build_dir, run_dir) as first, FakeExecutor(first, "r", "W") as executor:
        executor.hello()
        executor.started()
        executor.text("hello")
        executor.completed()
        executor.serve_until(lambda: executor.acked == 3)

    async def replay(gateway):
        client = await watching(gateway, "r", after={"r": 0})
        await client.until(lambda m: m["type"] == "replay_complete")
        await client.__aexit__()
        return client.events

    with Gateway(build_dir, run_dir, "--rate-limit", "0") as second:
        run, = get(second, "/api/v1/runs")["runs"]
        assert (run["runId"], run["workOrderId"], run["first"], run["last"], run["state"]) == ("r", "W", 1, 3, "ended")
        assert run["started"]["type"] == "run_started" and run["ended"]["type"] == "run_completed"
        assert [e["seq"] for e in asyncio.run(replay(second))] == [1, 2, 3]
        assert [e["seq"] for e in get(second, "/api/v1/runs/r/events")["events"]] == [1, 2, 3]


def test_frames_that_are_none_of_ours_are_dropped_and_told_once(gateway):
    with FakeExecutor(gateway, "r") as executor:
        executor.hello()
        executor.started()
        topic, header, event = executor.frames(1)
        fields = msgpack.unpackb(event)
        bad = [
            [b"hello"],
            [b"a", b"b"],
            [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"],
            [topic, b"short", event],
            [topic, b"XXXX" + header[4:], event],
            [topic, header[:16] + bytes(8), event],
            [topic, header[:16] + (99).to_bytes(8, "big"), event],
            [b"agentgate/1/other/r/run_started", header, event],
            [topic, header, b""],
            [topic, header, event[:-1]],
            [topic, header, event + b"\x00"],
            [topic, header, b"\x91" * 200],
            [topic, header, msgpack.packb({**fields, "runNumber": "one"})],
            [topic, header, msgpack.packb([1, 2])],
        ]
        for frames in bad:
            executor.bus.send_multipart(frames)
        control = [
            [b"HELLO"], [b"HELLO", b"\xc1"], [b"HELLO", msgpack.packb({"stream": "r"})], [b"DANCE", msgpack.packb({})],
            [b"ACK", msgpack.packb({"stream": "r", "epoch": 1})], [b"EVENT", topic, header], [b""],
            [b"HELLO", msgpack.packb({"version": 1, "stream": "x" * 200, "workOrderId": "x" * 200, "epoch": 5})],
        ]
        for frames in control:
            executor.control.send_multipart(frames)
        executor.completed()
        executor.serve_until(lambda: executor.acked == 2)
        assert metric(gateway, "bus_bad_total") == len(bad) + len(control)
    assert gateway.stderr.count("BUS_BAD_MESSAGE") == 1
    assert gateway.process.poll() is None


def test_republished_with_the_same_bytes_in_order(gateway):
    context = zmq.Context()
    reader = context.socket(zmq.SUB)
    reader.connect(gateway.republish)
    reader.subscribe(b"agentgate/1/W/")
    with FakeExecutor(gateway, "probe", "W") as probe:
        probe.hello()
        while not reader.poll(20):              # until the subscription has arrived
            probe.text("?")
        with FakeExecutor(gateway, "r/1", "W") as executor:
            executor.hello()
            for i in range(10):
                executor.write("agent_output", content=str(i), kind="text")
            executor.publish(*random.sample(range(1, 11), 10))
            executor.serve_until(lambda: executor.acked == 10)
            seen = []
            while len(seen) < 10:
                assert reader.poll(5000)
                frames = reader.recv_multipart()
                if frames[0].startswith(b"agentgate/1/W/r%2F1/"):
                    seen.append(frames)
            assert seen == [executor.frames(seq) for seq in range(1, 11)]
    reader.close(0)
    context.term()
