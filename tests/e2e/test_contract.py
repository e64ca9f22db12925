"""proto/README.md, statement by statement, by a client that was written from that page alone; what other tests hold already is not here again.

That each message fits the schemas is checked in every test: harness.Client holds it against contract.py.
"""
import asyncio
import http.client
import json
import pathlib
import re
import subprocess
import sys

import msgpack
import pytest
import websockets
import zmq

import contract
from fake_executor import FakeExecutor, quote
from harness import Client

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "proto" / "README.md").read_text()
TIMEOUT_MS = 20000


def ask(gateway, *messages, until=None):
    """Sends, and returns what came up to the answer to a ping, or to what `until` waits for."""
    async def scenario():
        async with Client(gateway.ws_url) as client:
            for message in messages:
                await client.send(**message)
            if until is None:
                await client.send(type="ping")
            await client.until(until or (lambda m: m["type"] == "pong"))
            return client
    return asyncio.run(scenario())


def replay_complete(message):
    return message["type"] == "replay_complete"


@pytest.fixture
def run(gateway):
    """A live run R of work order W with seven events, all of them stored."""
    with FakeExecutor(gateway, "R", "W") as executor:
        executor.hello()
        executor.started()
        for i in range(5):
            executor.text(f"text {i}")
        executor.emit("progress_update", percentage=5, currentPhase="Reading", toolCallCount=0, elapsedSeconds=1)
        executor.serve_until(lambda: executor.acked == 7)
        yield executor


# ---------------------------------------------------------------------------------------------------------------------
# The page itself

def messages_of_the_page():
    """The lines of its json blocks, with what "…" stands for."""
    for block in re.findall(r"```json\n(.*?)```", PAGE, flags=re.S):
        for line in block.splitlines():
            line = line.replace('"epoch":"019a…"', '"epoch":"019a3c5f7e21b00c"').replace('"timestamp":"…"', '"timestamp":"2026-11-22T08:40:59.616Z"')
            line = line.replace('"cursor":"…"', '"cursor":"AV-A"')
            yield json.loads(line.replace("[…]", '[{"type":"work_order_updated","workOrderId":"W","seq":1,"timestamp":"2026-11-22T08:40:59.616Z","status":"x"}]'))


def test_messages_shown_on_the_page_are_what_it_says():
    shown = [message for message in messages_of_the_page() if message["type"] not in ("subscribe", "unsubscribe", "ping", "cancel_run")]
    for message in shown:
        contract.check(message)
    assert {"subscription_confirmed", "unsubscription_confirmed", "pong", "error", "batch", "stream_started", "gap", "gap_repaired", "replay_complete",
            "backpressure", "heartbeat"} == {message["type"] for message in shown}


def test_requests_shown_on_the_page_are_understood(gateway):
    requests = [message for message in messages_of_the_page() if message["type"] in ("subscribe", "unsubscribe", "ping")]
    client = ask(gateway, *requests)
    assert [m["type"] for m in client.messages][:3] == ["subscription_confirmed", "unsubscription_confirmed", "pong"]


@pytest.mark.parametrize("page", ["README.md", "proto/README.md"])
def test_the_twenty_lines_work(build_dir, gateway, recordings, page):
    """As they stand, with this gateway's address; the run is played until they have heard its end."""
    lines = re.search(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.S).group(1)
    assert len(lines.splitlines()) <= 20
    address = re.search(r'"(ipc://[^"]+)"', lines).group(1)
    lines = lines.replace(address, gateway.republish).replace("print(", "print(flush=True, *[").replace('""))\n', '"")])\n')
    follower = subprocess.Popen([sys.executable, "-c", lines], stdout=subprocess.PIPE, text=True)
    try:
        for attempt in range(20):       # the subscription takes its time to arrive
            gateway.play(recordings / "claude" / "bash_fail.jsonl", f"R{attempt}")
            if zmq.select([follower.stdout.fileno()], [], [], 1)[0]:
                break
        for line in follower.stdout:
            if "run_completed" in line:
                break
        else:
            pytest.fail("it ended")
    finally:
        follower.kill()
        follower.communicate()


# ---------------------------------------------------------------------------------------------------------------------
# The bus

def test_unknown_flags_fields_and_types_pass(gateway, run):
    context = zmq.Context()
    bus = context.socket(zmq.SUB)
    bus.connect(gateway.republish)
    bus.subscribe(b"agentgate/1/W/R/")
    run.serve_until(lambda: bus.poll(0) or run.text("are you there") and False)
    first = len(run.journal) + 1
    dream, output = run.write("agent_dream", of="sheep"), run.write("agent_output", content="x", kind="text", later={"a": None})
    for seq in (dream, output):
        topic, header, event = run.frames(seq)
        run.bus.send_multipart([topic, header[:4] + b"\x80\x00\x00\x01" + header[8:], event])
    run.serve_until(lambda: run.acked == output)
    seen = {}
    while output not in seen:
        assert bus.poll(TIMEOUT_MS)
        topic, header, event = bus.recv_multipart()
        seen[int.from_bytes(header[16:], "big")] = event
    assert seen[dream] == run.journal[dream - 1] and seen[output] == run.journal[output - 1]
    context.destroy(linger=0)
    assert asyncio.run(raw_events(gateway, {"type": "subscribe", "runId": "R", "after": {"R": first - 1}})) == \
        [("agent_dream", "sheep", None, None), ("agent_output", None, "text", {"a": None})]


async def raw_events(gateway, request_):
    """Without a look at the schemas: these do not know what the future brings."""
    found = []
    async with websockets.connect(gateway.ws_url) as socket:
        await socket.send(json.dumps(request_))
        while not found or found[-1]["type"] != "replay_complete":
            found.append(json.loads(await asyncio.wait_for(socket.recv(), 20)))
    return [(e["type"], e.get("of"), e.get("kind"), e.get("later")) for e in found if "seq" in e]


def test_topics_are_escaped_as_the_page_says(gateway):
    """A subscriber finds ids with odd characters by the prefix that the page tells it to make."""
    work_order, run_id = "@W/1%\x01ü", "R@/%\x7f é"
    context = zmq.Context()
    bus = context.socket(zmq.SUB)
    bus.connect(gateway.republish)
    bus.subscribe(b"agentgate/1/%s/%s/" % (quote(work_order), quote(run_id)))
    with FakeExecutor(gateway, run_id, work_order) as executor:
        executor.hello()
        executor.started()
        executor.serve_until(lambda: bus.poll(0) or executor.text("x") and False)
        topic, _, event = bus.recv_multipart()
        assert topic.startswith(b"agentgate/1/%40W%2F1%25%01\xc3\xbc/R%40%2F%25%7F \xc3\xa9/") or b"%01" in topic
        assert msgpack.unpackb(event)["runId"] == run_id
    context.destroy(linger=0)


def test_every_golden_vector_that_must_be_refused_is_refused_from_the_bus(gateway, run):
    """On both ways in; and the stream goes on as if nothing had been."""
    bad = [bytes.fromhex(row["msgpack"]) for row in json.loads((ROOT / "proto" / "golden.json").read_text()) if row.get("error")]
    topic, header, _ = run.frames(7)
    for data in bad:
        run.bus.send_multipart([topic, header[:16] + (8).to_bytes(8, "big"), data])
        run.control.send_multipart([b"EVENT", topic, header[:16] + (8).to_bytes(8, "big"), data])
    run.text("after it")
    run.serve_until(lambda: run.acked == 8)
    counted = re.search(rb"^agentgate_bus_bad_total (\d+)$", request(gateway, "GET", "/metrics")[2], flags=re.M)
    assert int(counted.group(1)) == 2 * len(bad) >= 200
    assert json.loads(request(gateway, "GET", "/api/v1/runs/R/events/8")[2])["content"] == "after it"


# ---------------------------------------------------------------------------------------------------------------------
# Control channel

def test_an_unknown_stream_is_asked_who_it_is(gateway):
    with FakeExecutor(gateway, "R") as executor:
        for name in ("HEARTBEAT", "GOODBYE"):
            executor.who = False
            executor.say(name)
            assert executor.serve_one(TIMEOUT_MS)
            assert executor.who


def test_keys_and_commands_that_are_not_known_are_skipped(gateway, run):
    run.control.send_multipart([b"DANCE", msgpack.packb({"stream": "R"})])
    run.say("HEARTBEAT", mood="good", more=[{"a": 1}])
    run.text("after it")
    run.serve_until(lambda: run.acked == 8)


def test_windows_of_a_repair_are_at_most_a_mebibyte_and_one_at_a_time(gateway):
    """The answer may be shorter than what was asked for: the rest is asked for next."""
    with FakeExecutor(gateway, "R") as executor:
        for _ in range(40):
            executor.write("agent_output", content="x" * 60000, kind="text")
        executor.hello()
        asked = []
        while executor.acked < 40:
            assert executor.control.poll(TIMEOUT_MS)
            name, message = receive(executor)
            if name == b"RESEND":
                assert {"stream", "epoch", "from", "to", "maxBytes"} == set(message) and message["maxBytes"] <= 1024 * 1024
                while executor.control.poll(100):       # what else it says meanwhile
                    assert receive(executor)[0] != b"RESEND", "one window is open at a time"
                asked.append(message["from"])
                to = min(message["to"], message["from"] + 15)
                for seq in range(message["from"], to + 1):
                    executor.control.send_multipart([b"EVENT", *executor.frames(seq)])
                executor.say("RESENT", **{"from": message["from"], "to": to})
        assert asked == [1, 17, 33]


def receive(executor):
    name, data = executor.control.recv_multipart()
    message = msgpack.unpackb(data)
    executor.acked = max(executor.acked, message.get("durable", 0))
    return name, message


# ---------------------------------------------------------------------------------------------------------------------
# WebSocket

def test_a_plain_client_meets_nothing_that_it_does_not_know(gateway, recordings):
    async def scenario():
        async with Client(gateway.ws_url) as client:
            await client.send(type="subscribe", workOrderId="W")
            await client.until(lambda m: m["type"] == "subscription_confirmed")
            playing = asyncio.get_running_loop().run_in_executor(
                None, lambda: gateway.play(recordings / "claude" / "fix_test_partial.jsonl", "R", "--work-order", "W"))
            await client.until_ended("R")
            await playing
            return client.messages
    messages = asyncio.run(scenario())
    assert set(messages[0]) == {"type", "workOrderId", "timestamp"}
    for message in messages:
        assert message["type"] in contract.EVENTS | {"subscription_confirmed"}, message
        assert not message.get("partial") and message.get("kind") != "thinking" and "cursor" not in message, message
    assert {"agent_output", "agent_tool_call", "agent_tool_result"} <= {m["type"] for m in messages}


@pytest.mark.parametrize("request_, says", [
    ({}, "one of workOrderId and runId"),
    ({"workOrderId": "W", "runId": "R"}, "one of workOrderId and runId"),
    ({"workOrderId": ""}, "1 to 128 bytes"),
    ({"workOrderId": "W", "filters": {"includeOutput": 1}}, "includeOutput: must be true or false, not 1"),
    ({"runId": "R", "types": ["nope"]}, "types: must be names of event types"),
    ({"runId": "R", "types": "run_started"}, "types"),
    ({"runId": "R", "batch": 1}, "batch"),
    ({"runId": "R", "batchMs": 50}, "batchMs: must be 33, 100 or 250, not 50"),
    ({"runId": "R", "rateLimit": -1}, "rateLimit"),
    ({"runId": "R", "replayCount": "all"}, "replayCount"),
    ({"runId": "R", "after": "nonsense"}, "after"),
    ({"runId": "R", "after": {"R": -1}}, "after"),
    ({"runId": "R", "after": {"R": "xyz:1"}}, "after"),
    ({"runId": "R", "after": 7}, "after"),
])
def test_what_subscribe_does_not_take_is_named(gateway, request_, says):
    client = ask(gateway, {"type": "subscribe", **request_})
    error = client.messages[0]
    assert (error["type"], error["code"]) == ("error", "INVALID_MESSAGE") and says in error["message"]


def test_where_a_subscription_begins(gateway, run):
    epoch = f"{run.epoch:016x}"
    for request_, first, outcome in [
        ({"after": {"R": 4}}, 5, "complete"),
        ({"after": {"R": f"{epoch}:4"}}, 5, "complete"),
        ({"after": {"R": f"{1:016x}:4"}}, 1, "reset"),
        ({"after": {}}, 1, "complete"),
        ({"replayCount": 2}, 6, "complete"),
        ({"replayCount": 2, "after": {"R": 3}}, 4, "complete"),
        ({"after": {"R": 100}}, None, "complete"),
        ({"after": {"R": f"{2**64 - 1:016x}:4"}}, None, "waiting"),
    ]:
        client = ask(gateway, {"type": "subscribe", "runId": "R", **request_}, until=replay_complete)
        assert [e["seq"] for e in client.events] == (list(range(first, 8)) if first else []), request_
        assert client.messages[0]["streams"]["R"] == {"epoch": epoch, "first": 1, "last": 7, "state": "alive", "replay": outcome}
        assert sum(map(replay_complete, client.messages)) == 1
        again = ask(gateway, {"type": "subscribe", "runId": "R", "after": client.cursor}, until=replay_complete)
        assert again.events == []
    live = ask(gateway, {"type": "subscribe", "runId": "R", "batch": True})
    assert live.events == [] and live.messages[0]["streams"]["R"]["replay"] == "live"


def test_a_stream_that_is_not_known_is_waited_for(gateway):
    async def scenario():
        async with Client(gateway.ws_url) as client:
            await client.send(type="subscribe", runId="later", after={"later": 2})
            await client.until(replay_complete)
            assert client.messages[0]["streams"] == {}
            with FakeExecutor(gateway, "later") as executor:
                executor.hello()
                executor.started()
                for _ in range(3):
                    executor.text("x")
                await client.until(lambda m: m.get("seq") == 4)
                assert client.messages[2] == {"type": "stream_started", "stream": "later", "workOrderId": "later", "runId": "later",
                                              "epoch": f"{executor.epoch:016x}", "first": 3}
                assert [e["seq"] for e in client.events] == [3, 4]
    asyncio.run(scenario())


def test_all_runs_are_called_by_one_name_and_cannot_be_resumed(gateway, run):
    for target in ("workOrderId", "runId"):
        client = ask(gateway, {"type": "subscribe", target: "*", "after": {"R": 0}}, {"type": "unsubscribe", target: "*"})
        assert client.messages[0]["workOrderId"] == "*" and "runId" not in client.messages[0]
        confirmed = next(m for m in client.messages if m["type"] == "unsubscription_confirmed")
        assert confirmed["workOrderId"] == "*"
        assert not any(map(replay_complete, client.messages))
        # The latest state of the live run: what it is, and how far.
        assert [(e["type"], e["seq"]) for e in client.events] == [("run_started", 1), ("progress_update", 7)]


def test_members_that_are_not_known_are_ignored(gateway):
    client = ask(gateway, {"type": "subscribe", "workOrderId": "W", "colour": "red", "filters": {"includeDreams": False}})
    assert set(client.messages[0]) == {"type", "workOrderId", "timestamp"}, "and do not make it more than plain"


# ---------------------------------------------------------------------------------------------------------------------
# HTTP and server-sent events

def request(gateway, method, path, **headers):
    link = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    link.request(method, path, headers=headers)
    answer = link.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer.read()


@pytest.mark.parametrize("status, method, path", [
    (400, "GET", "/api/v1/runs/R/events?limit=0"), (400, "GET", "/api/v1/runs/R/events?limit=1001"), (400, "GET", "/api/v1/runs/R/events?after=x"),
    (400, "GET", "/api/v1/runs/R/events?epoch=1"), (400, "GET", "/api/v1/runs/R/events?types=nope"), (400, "GET", "/api/v1/runs/R/search"),
    (404, "GET", "/api/v1/runs/Z"), (404, "GET", "/api/v1/runs/Z/events"), (404, "GET", "/api/v1/runs/R/events/99"), (404, "GET", "/api/v1/nothing"),
    (404, "GET", f"/api/v1/runs/R/events?epoch={1:016x}"), (404, "GET", "/api/v1/runs/Z/stream"), (404, "POST", "/api/v1/runs/Z/cancel"),
    (405, "GET", "/api/v1/runs/R/cancel"), (405, "POST", "/api/v1/runs"),
])
def test_errors_over_http(gateway, run, status, method, path):
    answered, kind, body = request(gateway, method, path)
    problem = json.loads(body)
    assert (answered, kind, problem["status"]) == (status, "application/problem+json", status)
    assert set(problem) == {"type", "title", "status", "detail"} and problem["detail"]


def test_cancel_of_what_has_ended_is_a_conflict(gateway, run):
    run.completed()
    run.say("GOODBYE")
    run.serve_until(lambda: run.acked == 8)
    assert request(gateway, "POST", "/api/v1/runs/R/cancel")[0] == 409


def test_a_work_orders_own_stream_of_events_comes_without_its_runs(gateway, run, build_dir):
    """Its ids are of one stream: one of a run would be no place to go on from."""
    for status in ("queued", "running"):
        subprocess.run([build_dir / "agentgate-emit", "--bus", gateway.bus, "--control", gateway.control, "--state-dir", gateway.folder / "state",
                        "work_order_updated", "workOrderId=W", f"status={status}"], check=True, timeout=60)

    def records(**headers):
        link = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        link.request("GET", "/api/v1/runs/@W/stream", headers=headers)
        answer, found, record = link.getresponse(), [], {}
        while record.get("event") != "replay_complete":
            record = {}
            while line := answer.readline().decode().rstrip("\n"):
                name, value = line.split(": ", 1)
                record[name] = value
            if record.keys() != {"retry"}:
                found.append(record)
        link.close()
        return found

    all_of_it = records()
    events = [record for record in all_of_it if "id" in record]
    assert [(r["event"], json.loads(r["data"])["status"]) for r in events] == [("work_order_updated", "queued"), ("work_order_updated", "running")]
    for record in all_of_it:
        assert json.loads(record["data"])["type"] == record["event"]
        contract.check(json.loads(record["data"]))
    resumed = [record for record in records(**{"Last-Event-ID": events[0]["id"]}) if "id" in record]
    assert resumed == events[1:]
