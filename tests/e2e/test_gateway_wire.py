"""AgentGate's own protocol, from its description; the client knows nothing of ours, and must meet nothing it does not know."""
import asyncio
import json
import re

import pytest
import websockets

from fake_executor import FakeExecutor
from harness import Client

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
