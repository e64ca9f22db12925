"""The contract from Python's side: nothing generated has drifted, and the golden vectors mean what they say."""
import json
import pathlib
import subprocess
import sys

import msgpack
import pytest

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
GOLDEN = json.loads((PROTO / "golden.json").read_text())
TABLE = json.loads((PROTO / "events.json").read_text())


@pytest.mark.parametrize("script", ["generate.py", "golden.py"])
def test_generated_files_are_up_to_date(script):
    done = subprocess.run([sys.executable, PROTO / script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("row", [r for r in GOLDEN if "json" in r], ids=lambda r: r["name"])
def test_msgpack_and_json_say_the_same(row):
    packed = msgpack.unpackb(bytes.fromhex(row["msgpack"]))
    text = json.loads(row["json"])
    ts = packed.pop("ts")
    assert text.pop("timestamp").endswith("Z")
    assert isinstance(ts, int)
    assert packed == text
    assert list(packed) == list(text)


@pytest.mark.parametrize("row", [r for r in GOLDEN if "json" in r], ids=lambda r: r["name"])
def test_known_types_hold_what_the_table_asks(row):
    event = json.loads(row["json"])
    rule = next((e for e in TABLE["events"] if e["type"] == event["type"]), None)
    if rule is None:
        return
    for field in rule["fields"]:
        assert not field["required"] or field["name"] in event
        if "enum" in field and field["name"] in event:
            assert event[field["name"]] in TABLE["enums"][field["enum"]]


def test_every_type_of_the_table_has_a_vector():
    shown = {json.loads(r["json"])["type"] for r in GOLDEN if "json" in r}
    assert {e["type"] for e in TABLE["events"]} <= shown
