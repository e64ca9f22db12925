"""AgentGate's own protocol, from its description; the client knows nothing of ours, and must meet nothing it does not know."""
import asyncio
import datetime
import hashlib
import json
import re
import struct
import time

import pytest
import websockets

import contract
import raw_ws
from fake_executor import FakeExecutor
from harness import Client, Gateway
from raw_ws import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawClient, frame
from test_gateway_bus import in_thread

KNOWN = {
    "work_order_created", "work_order_updated", "run_started", "run_iteration", "run_completed", "run_failed",
    "agent_tool_call", "agent_tool_result", "agent_output", "agent_error", "agent_usage", "file_changed", "progress_update",
    "subscription_confirmed", "unsubscription_confirmed", "pong", "error",
}
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class PlainClient(Client):
    """Fails on anything that AgentGate's dashboard does not know."""

    async def receive(self, timeout=20):
        message = await super().receive(timeout)
        assert message["type"] in KNOWN, message
        assert ISO.match(message["timestamp"]), message
        return message

    async def subscribe(self, work_order, **filters):
        await self.send(type="subscribe", workOrderId=work_order, **({"filters": filters} if filters else {}))
        confirmed = await self.until(lambda m: m["type"] == "subscription_confirmed")
        assert confirmed["workOrderId"] == work_order
        assert set(confirmed) == {"type", "workOrderId", "timestamp"}

    async def answer(self):
        """What has come before a pong: the server has then said all it had to."""
        await self.send(type="ping")
        await self.until(lambda m: m["type"] == "pong")


def one_of_each(executor):
    executor.started()
    executor.emit("agent_tool_call", toolUseId="t", tool="Read", toolName="Read", input={"file_path": "a"}, path="a")
    executor.emit("agent_tool_result", toolUseId="t", success=True, contentPreview="x", contentLength=1, durationMs=3)
    executor.emit("agent_output", content="whole", kind="text", messageId="m", blockIndex=0)
    executor.emit("agent_output", content="part", kind="text", partial=True, messageId="m", blockIndex=1)
    executor.emit("agent_output", content="hm", kind="thinking", messageId="m", blockIndex=2)
    executor.emit("file_changed", path="a", action="modified", sizeBytes=1)
    executor.emit("progress_update", percentage=10, currentPhase="Reading", toolCallCount=1, elapsedSeconds=1)
    executor.emit("agent_error", message="bad", severity="error", source="agent")
    executor.completed()


FILTERS = {
    "includeToolCalls": {"agent_tool_call"},
    "includeToolResults": {"agent_tool_result"},
    "includeOutput": {"agent_output"},
    "includeFileChanges": {"file_changed"},
    "includeProgress": {"progress_update"},
}
ALL = {"run_started", "agent_tool_call", "agent_tool_result", "agent_output", "file_changed", "progress_update",
       "agent_error", "run_completed"}


@pytest.mark.parametrize("off", [None, *FILTERS])
def test_each_filter_takes_its_types_away_and_nothing_else(gateway, off):
    async def scenario():
        async with PlainClient(gateway.ws_url) as client:
            await client.subscribe("W", **({off: False} if off else {}))
            with FakeExecutor(gateway, "r", "W") as executor:
                executor.hello()
                one_of_each(executor)
                await client.until_ended("r")
            return client.events

    events = asyncio.run(scenario())
    assert {e["type"] for e in events} == ALL - FILTERS.get(off, set())
    assert [e["seq"] for e in events] == sorted(e["seq"] for e in events)
    assert all(e["workOrderId"] == "W" and e["runId"] == "r" for e in events)
    texts = [e["content"] for e in events if e["type"] == "agent_output"]
    assert texts == ([] if off == "includeOutput" else ["whole"])       # no partials, no thinking


def test_ping_is_answered(gateway):
    async def scenario():
        async with PlainClient(gateway.ws_url) as client:
            await client.send(type="ping")
            pong = await client.receive()
            assert pong["type"] == "pong" and set(pong) == {"type", "timestamp"}

    asyncio.run(scenario())


def test_unsubscribe_stops_the_events(gateway):
    async def scenario():
        async with PlainClient(gateway.ws_url) as client, PlainClient(gateway.ws_url) as witness:
            await client.subscribe("W")
            await witness.subscribe("W")
            with FakeExecutor(gateway, "r", "W") as executor:
                executor.hello()
                executor.started()
                await client.until(lambda m: m["type"] == "run_started")
                await client.send(type="unsubscribe", workOrderId="W")
                gone = await client.until(lambda m: m["type"] == "unsubscription_confirmed")
                assert gone["workOrderId"] == "W" and set(gone) == {"type", "workOrderId", "timestamp"}
                executor.completed()
                await witness.until_ended("r")
                await client.answer()
                assert [e["type"] for e in client.events] == ["run_started"]

    asyncio.run(scenario())


def test_several_work_orders_on_one_socket_and_two_clients(gateway):
    async def scenario():
        async with PlainClient(gateway.ws_url) as both, PlainClient(gateway.ws_url) as one:
            await both.subscribe("W1")
            await both.subscribe("W2")
            await one.subscribe("W2")
            with FakeExecutor(gateway, "r1", "W1") as first, FakeExecutor(gateway, "r2", "W2") as second:
                for executor in (first, second):
                    executor.hello()
                    executor.started()
                    executor.completed()
                await both.until_ended("r1", "r2")
                await one.until_ended("r2")
            assert {e["workOrderId"] for e in both.events} == {"W1", "W2"}
            assert {e["workOrderId"] for e in one.events} == {"W2"}

    asyncio.run(scenario())


def test_work_order_created_goes_to_everybody(gateway):
    async def scenario():
        async with PlainClient(gateway.ws_url) as client:
            await client.subscribe("other")
            with FakeExecutor(gateway, "r", "W") as executor:
                executor.hello()
                executor.emit("work_order_created", taskPrompt="do it", status="queued")
                created = await client.until(lambda m: m["type"] == "work_order_created")
                assert created["workOrderId"] == "W" and created["taskPrompt"] == "do it"

    asyncio.run(scenario())


BAD = [
    ("nonsense", "PARSE_ERROR", "not JSON"),
    ("", "PARSE_ERROR", "not JSON"),
    ("[]", "INVALID_MESSAGE", "message: must be an object, not []"),
    ("17", "INVALID_MESSAGE", "message: must be an object, not 17"),
    ('{"type":"dance"}', "INVALID_MESSAGE", 'type: must be subscribe, unsubscribe, ping or cancel_run, not "dance"'),
    ('{"type":"subscribe"}', "INVALID_MESSAGE", "one of workOrderId and runId"),
    ('{"type":"subscribe","workOrderId":3}', "INVALID_MESSAGE", "workOrderId: must be a text of 1 to 128 bytes, not 3"),
    (" " * 70000, "LIMIT_EXCEEDED", "65536"),
    (b"\x00\x01", "INVALID_MESSAGE", "must be text"),
]


@pytest.mark.parametrize("message, code, text", BAD, ids=range(len(BAD)))
def test_a_bad_message_gets_an_error_and_the_connection_lives(gateway, message, code, text):
    async def scenario():
        async with PlainClient(gateway.ws_url) as client:
            await client.socket.send(message)
            error = await client.until(lambda m: m["type"] == "error")
            assert error["code"] == code and text in error["message"]
            await client.subscribe("W")

    asyncio.run(scenario())


def test_a_message_in_fragments_is_one_message(gateway):
    async def scenario():
        async with PlainClient(gateway.ws_url) as client:
            await client.socket.send(iter(['{"type":', '"pi', 'ng"}']))
            assert (await client.receive())["type"] == "pong"

    asyncio.run(scenario())


def test_twenty_bad_messages_close_with_4508(gateway):
    async def scenario():
        async with PlainClient(gateway.ws_url) as client:
            for _ in range(20):
                await client.socket.send("bad")
            errors = 0
            with pytest.raises(websockets.ConnectionClosed) as closed:
                while True:
                    errors += (await client.receive())["type"] == "error"
            assert closed.value.rcvd.code == 4508
            assert errors == 20

    asyncio.run(scenario())


@pytest.mark.parametrize("text, code", [
    ('{"type":"ping"} {"type":"ping"}', "PARSE_ERROR"),
    ('{"type":"ping"', "PARSE_ERROR"),
    ('{"type":"ping"}\0', "PARSE_ERROR"),
    ("{'type':'ping'}", "PARSE_ERROR"),
    ('/* hello */{"type":"ping"}', "PARSE_ERROR"),
    ("[" * 60000, "PARSE_ERROR"),
    ('{"type":"ping","deep":' + "[" * 20000 + "]" * 20000 + "}", "PARSE_ERROR"),
    ('{"type":["ping"]}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","workOrderId":""}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","workOrderId":"%s"}' % ("w" * 129), "INVALID_MESSAGE"),
    ('{"type":"subscribe","workOrderId":"W","runId":"r"}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","workOrderId":"W","filters":[]}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","workOrderId":"W","filters":{"includeOutput":0}}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","types":["no_such"]}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","replayCount":1e400}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","replayCount":99999999999999999999999}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","replayCount":-1}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","rateLimit":0}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","batchMs":34}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","after":"no cursor"}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","after":{"r":-1}}', "INVALID_MESSAGE"),
    ('{"type":"subscribe","runId":"r","after":{"r":"0:1"}}', "INVALID_MESSAGE"),
    ('{"type":"unsubscribe"}', "INVALID_MESSAGE"),
    ('{"type":"cancel_run","runId":7}', "INVALID_MESSAGE"),
], ids=lambda value: value[:60])
def test_odd_json_gets_an_error_that_says_what(gateway, text, code):
    with RawClient(gateway) as client:
        client.send(frame(TEXT, text.encode()), frame(TEXT, b'{"type":"ping"}'))
        error = client.said()
        contract.check(error)
        assert (error["type"], error["code"]) == ("error", code) and len(error["message"]) < 300
        assert client.said()["type"] == "pong"


def test_of_duplicate_keys_the_last_wins(gateway):
    with RawClient(gateway) as client:
        client.send(frame(TEXT, b'{"type":"dance","type":"subscribe","workOrderId":"A","workOrderId":"B"}'))
        assert client.said()["workOrderId"] == "B"


def test_text_that_is_not_utf_8(gateway):
    """In a message, and cut in the middle of a character by a fragment."""
    with RawClient(gateway) as client:
        client.send(frame(TEXT, b'{"type":"\xff"}'), frame(TEXT, b'{"type":"ping","x":"\xed\xa0\x80"}'))
        assert [client.said()["code"] for _ in range(2)] == ["PARSE_ERROR"] * 2
        client.send(frame(TEXT, b'{"type":"ping","x":"\xc3', final=False), frame(CONTINUATION, b'\xb1"}'))
        assert client.said()["type"] == "pong"


def test_control_frames_between_fragments(gateway):
    with RawClient(gateway) as client:
        client.send(frame(TEXT, b'{"type"', final=False), frame(PING, b"abc"), frame(CONTINUATION, b':"ping', final=False),
                    frame(PONG, b"unasked"), frame(CONTINUATION, b"", final=False), frame(CONTINUATION, b'"}'))
        answers = dict(client.receive() for _ in range(2))
        assert answers[PONG] == b"abc" and json.loads(answers[TEXT])["type"] == "pong"
        client.send(frame(TEXT, b'{"type"', final=False), frame(CLOSE, struct.pack(">H", 1000)))
        assert client.closed() == 1000


@pytest.mark.parametrize("split", [70000, 6000, 126, 1], ids=lambda size: f"frames of {size}")
def test_64_kib_is_the_limit_of_a_message(gateway, split):
    def message(size):
        text = b'{"type":"ping"'.ljust(size - 1) + b"}"
        parts = [text[i:i + split] for i in range(0, size, split)]
        return b"".join(frame(TEXT if i == 0 else CONTINUATION, part, final=i == len(parts) - 1) for i, part in enumerate(parts))

    with RawClient(gateway) as client:
        client.send(message(65536))
        assert client.said()["type"] == "pong"
        client.send(message(65537))
        assert client.said()["code"] == "LIMIT_EXCEEDED"
        client.send(message(20))
        assert client.said()["type"] == "pong"


def test_a_message_without_end_is_abuse(gateway):
    with RawClient(gateway) as client:
        try:
            client.send(frame(TEXT, b"x" * 65536, final=False))
            for _ in range(200):
                client.send(frame(CONTINUATION, b"x" * 65536, final=False))
        except ConnectionError:
            pass                        # closed while we were at it
        assert client.closed() in (4508, None)
        assert b"agentgate_closed_abuse_total 1\n" in metrics(gateway)


def metrics(gateway):
    _, _, link = raw_ws.handshake(gateway, path="/metrics", Upgrade=None, Connection="close")
    data = b""
    while part := link.recv(65536):
        data += part
    link.close()
    return data


@pytest.mark.parametrize("frames", [
    frame(TEXT, b"{}", reserved=0x40), frame(TEXT, b"{}", reserved=0x20), frame(3, b"{}"), frame(11, b"{}"),
    frame(PING, b"x", final=False), frame(CONTINUATION, b"{}"), frame(TEXT, b"{", final=False) + frame(TEXT, b"}"),
    frame(CLOSE, struct.pack(">H", 999)), frame(PING, b"x" * 126), frame(TEXT, b"{}", length=1 << 63),
], ids=["rsv1", "rsv2", "opcode 3", "opcode 11", "ping in parts", "continuation first", "text in text", "close 999", "long ping",
        "2^63 bytes"])
def test_a_frame_against_the_rules_ends_the_connection(gateway, frames):
    with RawClient(gateway) as client:
        client.send(frames)
        assert client.closed() in (1002, None)
    with RawClient(gateway) as client:
        client.send(frame(TEXT, b'{"type":"ping"}'))
        assert client.said()["type"] == "pong"


def test_a_close_is_answered(gateway):
    with RawClient(gateway) as client:
        client.send(frame(CLOSE, struct.pack(">H", 1001) + b"bye"))
        assert client.closed() == 1001
        assert client.receive() == (None, None)


def test_handshakes_by_the_letter(gateway):
    def status(**changes):
        code, answer, link = raw_ws.handshake(gateway, **changes)
        link.close()
        return code, answer

    assert status()[0] == 101
    assert status(Upgrade="WebSocket", Connection="keep-alive, Upgrade")[0] == 101
    assert status(path="/ws?token=x&y=z")[0] == 101
    assert status(Origin="http://localhost", Host="localhost")[0] == 101
    code, answer = status(Sec_WebSocket_Version="8")
    assert code == 426 and "sec-websocket-version: 13" in answer
    assert status(Sec_WebSocket_Version=None)[0] == 426
    assert status(Sec_WebSocket_Key=None)[0] == 400
    assert status(Sec_WebSocket_Key="short")[0] == 400
    assert status(Connection="close")[0] == 400
    assert status(method="POST", Content_Length="0")[0] == 404
    assert status(path="/")[0] == status(path="/ws/")[0] == status(path="/api/v1/runs")[0] == 404
    assert status(Sec_WebSocket_Protocol="chat, agentgate.v2.json")[0] == 400
    for name in ("http", "watched", "no", "agentgate.v1"):        # ours alone is chosen, whatever stands before it
        assert status(Sec_WebSocket_Protocol=name)[0] == 400
        assert "sec-websocket-protocol: agentgate.v1.json\r" in status(Sec_WebSocket_Protocol=name + ", agentgate.v1.json")[1].lower()
    assert status(Origin="null")[0] == status(Origin="http://localhost.evil.example")[0] == 403
    assert status(Host="evil.example", Origin="http://evil.example")[0] == 403     # DNS rebinding
    assert status(Host="127.0.0.1:1")[0] == status(Host="[::1]:1")[0] == 101
    _, answer = status(Sec_WebSocket_Protocol="chat, agentgate.v1.json")
    assert "sec-websocket-protocol: agentgate.v1.json" in answer.lower()


def test_without_a_token_the_close_code_says_so(build_dir, run_dir):
    """A page cannot read the answer to a refused handshake."""
    tokens = run_dir / "tokens"
    tokens.write_text(hashlib.sha256(b"good").hexdigest() + " work-order=W\n")
    with Gateway(build_dir, run_dir, "--token-file", tokens) as gateway, FakeExecutor(gateway, "x", "X") as other:
        other.hello()
        other.started()
        for changes in ({}, {"path": "/ws?token=bad"}, {"Authorization": "Bearer bad"},
                        {"Sec_WebSocket_Protocol": "agentgate.v1.json, agentgate.token.bad"}):
            with RawClient(gateway, **changes) as client:
                client.send(frame(TEXT, b'{"type":"subscribe","runId":"x","after":{}}'))
                assert client.closed() == 4501
        for changes in ({"path": "/ws?token=good"}, {"Authorization": "Bearer good"},
                        {"Sec_WebSocket_Protocol": "agentgate.v1.json, agentgate.token.good"}):
            with RawClient(gateway, **changes) as client:
                client.send(frame(TEXT, b'{"type":"subscribe","workOrderId":"W"}'))
                assert client.said()["type"] == "subscription_confirmed"
                client.send(frame(TEXT, b'{"type":"subscribe","workOrderId":"X"}'))
                assert client.said()["code"] == "FORBIDDEN"
            with RawClient(gateway, **changes) as client:
                client.send(frame(TEXT, b'{"type":"subscribe","runId":"x","after":{}}'))
                assert client.said()["streams"] == {}           # as if there were none
        assert "good" not in gateway.stderr and "bad" not in gateway.stderr


def test_a_token_as_subprotocol_has_its_limit(build_dir, run_dir):
    longest = "t" * 91
    tokens = run_dir / "tokens"
    tokens.write_text(hashlib.sha256(longest.encode()).hexdigest() + "\n")
    with Gateway(build_dir, run_dir, "--token-file", tokens) as gateway:
        with RawClient(gateway, Sec_WebSocket_Protocol=f"agentgate.v1.json, agentgate.token.{longest}") as client:
            client.send(frame(TEXT, b'{"type":"ping"}'))
            assert client.said()["type"] == "pong"
        for more in (1, 100, 1000):
            token = "agentgate.token." + longest + "t" * more
            code, _, link = raw_ws.handshake(gateway, Sec_WebSocket_Protocol=f"agentgate.v1.json, {token}")
            link.close()
            assert code == 400
        assert gateway.stderr.count("at most 126 bytes") == 3


def test_a_plain_client_in_rough_weather(build_dir, run_dir):
    """A rate that is too low, numbers that never come, a new epoch, an end: told in its own words, and all adds up."""
    with Gateway(build_dir, run_dir, "--rate-limit", "20") as gateway:
        async def scenario():
            async with PlainClient(gateway.ws_url) as client:
                await client.subscribe("W")
                with FakeExecutor(gateway, "r", "W") as executor:
                    executor.hello()
                    executor.started()
                    for i in range(400):
                        executor.emit("agent_tool_result", toolUseId=str(i), success=True, contentPreview="x", contentLength=1,
                                      durationMs=0)
                    executor.emit("agent_error", message="bad", severity="error", source="agent")
                    await client.until(lambda m: m["type"] == "agent_error")
                    for _ in range(3):
                        executor.write("agent_output", content="never sent", kind="text")
                    executor.first = len(executor.journal) + 1      # it no longer has them
                    executor.emit("agent_error", message="behind the hole", severity="error", source="agent")
                    serving = in_thread(executor.serve_until,
                                        lambda: any(e.get("message") == "behind the hole" for e in client.events))
                    await client.until(lambda m: m.get("message") == "behind the hole")
                    await serving
                    executor.completed()
                    await client.until_ended("r")
                    total = len(executor.journal)
                await client.until(lambda m: skipped_of(client) + len(client.events) >= total)
                with FakeExecutor(gateway, "r", "W", epoch=executor.epoch + (1 << 30)) as again:
                    again.hello()
                    again.started()
                    again.completed()
                    await client.until(lambda m: m["type"] == "run_completed")
                return client, total

        client, total = asyncio.run(scenario())
    assert skipped_of(client) + len(client.events) - 2 == total
    assert [e["seq"] for e in client.events[-2:]] == [1, 2]
    seqs = [e["seq"] for e in client.events[:-2]]
    assert seqs == sorted(set(seqs))
    told = [datetime.datetime.fromisoformat(m["timestamp"][:-1]) for m in client.messages if m["type"] == "error"]
    assert told and all((b - a).total_seconds() > 0.99 for a, b in zip(told, told[1:]))


def skipped_of(client):
    return sum(sum(m["details"]["counts"].values()) for m in client.messages if m["type"] == "error")


def test_heartbeats(gateway):
    """After 10 s of silence, and when a writer's state changes; pings of WebSocket are not seen by pages."""
    async def scenario():
        async with Client(gateway.ws_url) as client, PlainClient(gateway.ws_url) as plain:
            await client.send(type="subscribe", runId="r", batch=True)
            await plain.subscribe("W")
            with FakeExecutor(gateway, "r", "W") as executor:
                executor.hello()
                executor.started()
                await client.until(lambda m: client.events)
                await plain.until(lambda m: m["type"] == "run_started")
                quiet = time.monotonic()
                serving = in_thread(executor.serve_until, lambda: client.messages[-1]["type"] == "heartbeat", 30)
                beat = await client.receive(30)
                await serving
                assert beat["type"] == "heartbeat" and 9 < time.monotonic() - quiet < 20
                assert beat["heads"] == {"r": 1} and beat["producers"] == {"r": "alive"}

                async def state(name):
                    return await client.until(lambda m: m["type"] == "heartbeat" and m["producers"]["r"] == name, 30)

                hole = executor.write("agent_output", content="lost on the way", kind="text")
                executor.emit("agent_output", content="behind", kind="text")
                await state("repairing")
                executor.publish(hole)
                assert (await state("alive"))["heads"]["r"] == 3
                executor.say("GOODBYE")
                await state("ended")
            await plain.answer()

    asyncio.run(scenario())


def refused_status(url, **options):
    async def attempt():
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            await websockets.connect(url, **options)
        return refused.value.status_code

    return asyncio.run(attempt())


def test_handshakes(gateway):
    async def subprotocol(*names):
        async with websockets.connect(gateway.ws_url, subprotocols=list(names)) as socket:
            await socket.send('{"type":"ping"}')
            assert json.loads(await socket.recv())["type"] == "pong"
            return socket.subprotocol

    assert asyncio.run(subprotocol("agentgate.v1.json")) == "agentgate.v1.json"
    assert asyncio.run(subprotocol("other", "agentgate.v1.json")) == "agentgate.v1.json"
    assert refused_status(gateway.ws_url, subprotocols=["other"]) == 400
    assert refused_status(gateway.ws_url + "x") == 404
    assert refused_status(gateway.url.replace("http", "ws") + "/") == 404
    assert refused_status(gateway.ws_url, origin="http://evil.example") == 403
    # a foreign name that DNS has bent to us
    assert refused_status(f"ws://evil.example:{gateway.port}/ws", host="127.0.0.1", port=gateway.port) == 403

    async def same_origin():
        async with websockets.connect(gateway.ws_url, origin=gateway.url) as socket:
            await socket.send('{"type":"ping"}')
            await socket.recv()

    asyncio.run(same_origin())


def test_a_message_larger_than_the_send_buffer_arrives_whole(gateway):
    """It goes out in fragments; text of 64 KiB that JSON makes six times as long, several of them."""
    content = "\x01" * 65536

    async def scenario():
        async with PlainClient(gateway.ws_url) as client:
            await client.subscribe("W")
            with FakeExecutor(gateway, "r", "W") as executor:
                executor.hello()
                executor.started()
                for _ in range(5):
                    executor.text(content)
                executor.completed()
                await client.until_ended("r")
            assert [e["content"] for e in client.events if e["type"] == "agent_output"] == [content] * 5

    asyncio.run(scenario())
