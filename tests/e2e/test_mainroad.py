"""The main road: a recorded agent under agentgate-exec, through the bus and the gateway, to a WebSocket client.

What must come out is counted from the recording by code that knows nothing of ours.
"""
import asyncio
import json
import os
import pathlib
import stat
import subprocess

import msgpack
import pytest
import zmq

from harness import Client, Program, assert_covers

# AGENTGATE_RECORDINGS names a further folder, with a folder for each agent.
FOLDERS = [pathlib.Path(__file__).resolve().parents[1] / "recordings", *map(pathlib.Path, filter(None, [os.environ.get("AGENTGATE_RECORDINGS")]))]
CLAUDE = [path for folder in FOLDERS for path in sorted(folder.glob("claude*/*.jsonl"))]


def records(path):
    """The recording's JSON objects; a last line that was cut off is none."""
    for line in path.read_bytes().split(b"\n"):
        try:
            yield json.loads(line.decode("utf-8", "replace"))
        except ValueError:
            continue


def is_api_error(record):
    """The CLI words an API failure as a message of a made-up model: an error, not something the agent said."""
    return record.get("type") == "assistant" and record["message"].get("model") == "<synthetic>" and "error" in record


def blocks(path, role, kind):
    for record in records(path):
        if record.get("type") != role or is_api_error(record):
            continue
        content = record["message"]["content"]
        for block in content if isinstance(content, list) else []:
            if block.get("type") == kind:
                yield block


def fix(text):
    """Lone surrogates, which JSON may carry and UTF-8 may not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def whole_texts(events, kind):
    """Texts as a reader sees them: parts of one block (over 64 KiB) joined."""
    texts = []
    last = None
    for event in events:
        if event["type"] != "agent_output" or event["kind"] != kind or event.get("incomplete"):
            continue
        key = (event.get("messageId"), event.get("blockIndex"), event.get("parentToolUseId"))
        if texts and key == last and key[0] is not None:
            texts[-1] += event["content"]
        else:
            texts.append(event["content"])
        last = key
    return texts


async def watch(gateway, run_id, play, **options):
    async with Client(gateway.ws_url) as client:
        await client.send(type="subscribe", runId=run_id, **options)
        await client.until(lambda m: m["type"] == "subscription_confirmed")
        playing = asyncio.get_running_loop().run_in_executor(None, play)
        await client.until_ended(run_id)
        await playing
        return client.events


@pytest.mark.parametrize("recording", CLAUDE, ids=lambda p: p.stem)
def test_client_sees_what_the_agent_did(gateway, recording):
    events = asyncio.run(watch(gateway, "r", lambda: gateway.play(recording, "r"), batch=True))
    calls = [e["toolUseId"] for e in events if e["type"] == "agent_tool_call"]
    assert calls == [b["id"] for b in blocks(recording, "assistant", "tool_use")]
    open_at_end = set(calls) - {b["tool_use_id"] for b in blocks(recording, "user", "tool_result")}
    results = [(e["toolUseId"], e["success"]) for e in events if e["type"] == "agent_tool_result"]
    assert [r for r in results if r[0] not in open_at_end] == \
        [(b["tool_use_id"], not b.get("is_error", False)) for b in blocks(recording, "user", "tool_result")]
    assert all(not ok for name, ok in results if name in open_at_end)
    assert whole_texts(events, "text") == [fix(b["text"]) for b in blocks(recording, "assistant", "text") if b["text"]]
    errors = [e["message"] for e in events if e["type"] == "agent_error"]
    for record in filter(is_api_error, records(recording)):
        assert record["message"]["content"][0]["text"] in errors
    seqs = [e["seq"] for e in events]
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize("recording", CLAUDE, ids=lambda p: p.stem)
def test_spans_cover_everything_and_artifact_is_the_file(gateway, recording):
    events = asyncio.run(watch(gateway, "r", lambda: gateway.play(recording, "r"), batch=True, includePartial=True))
    assert_covers(events, "r")
    assert events[0]["type"] == "run_started"
    assert events[-1]["type"] in ("run_completed", "run_failed")
    assert (gateway.folder / "state" / "runs" / "r" / "stdout").read_bytes() == recording.read_bytes()


def test_client_that_comes_back_ends_with_the_same(gateway, recordings):
    """One stays, one is cut off ten times in mid-run and resumes with its cursor."""
    recording = recordings / "claude" / "fix_test_partial.jsonl"

    async def scenario():
        async with Client(gateway.ws_url) as stays:
            await stays.send(type="subscribe", runId="r", batch=True, includePartial=True)
            await stays.until(lambda m: m["type"] == "subscription_confirmed")
            playing = asyncio.get_running_loop().run_in_executor(
                None, lambda: gateway.play(recording, "r", fast=False))
            pieces, cursor = [], None
            for cut in range(10):
                async with Client(gateway.ws_url) as leaves:
                    position = {"after": cursor} if cursor else {"after": {"r": 0}}
                    await leaves.send(type="subscribe", runId="r", batch=True, includePartial=True, **position)
                    while len(leaves.events) < 5 and not any(e["type"].startswith("run_c") for e in leaves.events):
                        await leaves.receive()
                    pieces += leaves.events
                    cursor = leaves.cursor
                if pieces[-1]["type"] == "run_completed":
                    break
            async with Client(gateway.ws_url) as last:
                await last.send(type="subscribe", runId="r", batch=True, includePartial=True, after=cursor)
                if pieces[-1]["type"] != "run_completed":
                    await last.until_ended("r")
                pieces += last.events
            await stays.until_ended("r")
            await playing
            return stays.events, pieces

    stayed, pieces = asyncio.run(scenario())
    assert_covers(stayed, "r")
    assert_covers(pieces, "r", last=stayed[-1]["seq"])
    assert text_of(stayed) == text_of(pieces)


def text_of(events):
    """Everything said, independent of how it was rolled up."""
    return "".join(e["content"] for e in events if e["type"] == "agent_output")


def test_three_executors_and_a_subscriber_that_was_there_first(gateway, recordings):
    context = zmq.Context()
    bus = context.socket(zmq.SUB)
    bus.connect(gateway.republish)
    bus.subscribe(b"agentgate/1/")
    while not bus.poll(100):            # until it is there: a subscription takes its time
        assert subprocess.run([gateway.build / "agentgate-emit", "--bus", gateway.bus, "--control", gateway.control, "--state-dir",
                               gateway.folder / "emit", "work_order_updated", "workOrderId=probe", "status=x"], timeout=60).returncode == 0
    names = ["fix_test", "todo_write", "subagent"]

    async def scenario():
        async with Client(gateway.ws_url) as client:
            await client.send(type="subscribe", workOrderId="W", batch=True, includePartial=True)
            await client.until(lambda m: m["type"] == "subscription_confirmed")
            loop = asyncio.get_running_loop()
            runs = [loop.run_in_executor(None, lambda n=n: gateway.play(
                recordings / "claude" / f"{n}.jsonl", n, "--work-order", "W")) for n in names]
            await client.until_ended(*names)
            await asyncio.gather(*runs)
            return client.events

    events = asyncio.run(scenario())
    on_bus = {name: [] for name in names}
    poller = zmq.Poller()
    poller.register(bus, zmq.POLLIN)
    while any(not seen or seen[-1]["type"] not in ("run_completed", "run_failed") for seen in on_bus.values()):
        assert poller.poll(10000), "the bus went quiet"
        topic, header, data = bus.recv_multipart()
        event = msgpack.unpackb(data)
        if event["workOrderId"] == "probe":
            continue
        assert topic == b"agentgate/1/W/%s/%s" % (event["runId"].encode(), event["type"].encode())
        assert len(header) == 24 and header[:4] == b"AGE1" and int.from_bytes(header[16:], "big") == event["seq"]
        on_bus[event["runId"]].append(event)
    bus.close(0)
    context.term()
    for name in names:
        assert_covers(events, name)
        assert [e["seq"] for e in on_bus[name]] == list(range(1, len(on_bus[name]) + 1))


@pytest.mark.skipif(os.access("/run/agentgate", os.W_OK), reason="an installed gateway's folder is where all would meet")
def test_programs_of_one_user_find_each_other_without_being_told(build_dir, run_dir, recordings):
    """Gateway, executor, emit and tail with nothing named but a port."""
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(run_dir), "XDG_STATE_HOME": str(run_dir / "state")}
    with Program([build_dir / "agentgate-gateway", "--listen", "127.0.0.1:0"], env=environment) as gateway:
        url = gateway.wait_stderr(r"listening on (http\S+)").group(1)
        assert stat.S_IMODE((run_dir / "agentgate").stat().st_mode) == 0o700
        with Program([build_dir / "agentgate-tail", "--from-start", "--http", url], env=environment, stdout=subprocess.PIPE) as tail:
            tail.wait_stderr("following")
            played = subprocess.run([build_dir / "agentgate-exec", "--quiet", "--run-id", "R", "--", build_dir / "agentgate-replay", "--fast",
                                     "--stdout", recordings / "claude" / "bash_fail.jsonl"], env=environment, cwd=run_dir, timeout=60)
            emitted = subprocess.run([build_dir / "agentgate-emit", "work_order_updated", "workOrderId=W", "status=done"], env=environment, timeout=60)
            assert (played.returncode, emitted.returncode) == (0, 0)
            seen = []
            while not {("R", "run_completed"), ("W", "work_order_updated")} <= {(e["workOrderId"], e["type"]) for e in seen}:
                seen.append(json.loads(tail.process.stdout.readline()))
    assert {"history.db", "runs", "work-orders"} <= {path.name for path in (run_dir / "state" / "agentgate").iterdir()}
