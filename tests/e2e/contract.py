"""What a gateway may say: proto/events.schema.json and proto/messages.schema.json, read strictly.

The contract lets a reader skip fields that it does not know, so the schemas allow them. A gateway of this project
that sends one has a mistake; so here they are refused.
"""
import copy
import json
import pathlib
import re

import jsonschema

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def _strict(schema, definitions):
    schema = copy.deepcopy(schema)
    schema["additionalProperties"] = False
    schema["$defs"] = definitions
    return jsonschema.Draft202012Validator(schema)


def _load():
    events = json.loads((PROTO / "events.schema.json").read_text())
    messages = json.loads((PROTO / "messages.schema.json").read_text())
    validators = {}
    for schema in events["oneOf"]:
        validators[schema["title"]] = _strict(schema, {})
    for schema in messages["oneOf"]:
        # The events of a batch are looked at one by one: "oneOf" would try each type on each.
        if schema["title"] == "batch":
            schema["properties"]["events"]["items"] = {"type": "object"}
        validators[schema["title"]] = _strict(schema, messages["$defs"])
    return validators, {schema["title"] for schema in events["oneOf"]}


VALIDATORS, EVENTS = _load()


def check(message):
    """Raises AssertionError when the contract does not know such a message."""
    assert isinstance(message, dict) and message.get("type") in VALIDATORS, f"unknown to the contract: {message!r:.500}"
    for wrong in VALIDATORS[message["type"]].iter_errors(message):
        raise AssertionError(f"against the contract: {wrong.message} at {list(wrong.path)} in {message!r:.1000}")
    if message["type"] == "batch":
        for event in message["events"]:
            assert event["type"] in EVENTS, f"not an event, in a batch: {event!r:.500}"
            check(event)
    if message["type"] in EVENTS:
        check_event(message)
    if message["type"] == "gap":
        assert message["from"] <= message["to"] and sum(message["counts"].values()) <= message["to"] - message["from"] + 1


def check_event(event):
    assert event["seq"] >= 1 and TIMESTAMP.match(event["timestamp"]), event
    assert event.get("seqFirst", 1) <= event["seq"], event
    assert "seqFirst" not in event or event["type"] in ("agent_output", "file_changed", "progress_update"), event
    # 'stream' is said only where it is neither the run nor "@" and the work order
    own = event["runId"] if "runId" in event else "@" + event["workOrderId"]
    assert event.get("stream") != own, event
