"""The contract from Python's side: nothing generated has drifted, and the golden vectors mean what they say."""
import base64
import json
import math
import pathlib
import shutil
import subprocess
import sys

import jsonschema
import msgpack
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
GOLDEN = json.loads((PROTO / "golden.json").read_text())
GOOD = [row for row in GOLDEN if "json" in row]
BAD = [row for row in GOLDEN if "json" not in row]
TABLE = json.loads((PROTO / "events.json").read_text())
KNOWN = {event["type"]: event for event in TABLE["events"]}
SCHEMA = json.loads((PROTO / "events.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
# A newer writer's words, which a reader keeps and the schema of this version does not have.
FROM_THE_FUTURE = "value of an enum from the future"
GENERATED = ["include/agentgate/kinds.h", "src/core/kinds_table.h", "gateway/dashboard/src/core/events.gen.ts", "proto/events.schema.json"]


def by_name(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row["name"])


# ---------------------------------------------------------------------------------------------------------------------
# Drift

@pytest.mark.parametrize("script", ["generate.py", "golden.py"])
def test_generated_files_are_up_to_date(script):
    done = subprocess.run([sys.executable, PROTO / script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def copy(tmp_path):
    """The generator with what it reads and writes, elsewhere."""
    for name in ["proto/generate.py", "proto/golden.py", "proto/golden.json", "proto/events.json", *GENERATED]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(copy, script, *words):
    return subprocess.run([sys.executable, copy / "proto" / script, *words], capture_output=True, text=True)


def change(copy, what):
    table = json.loads((copy / "proto" / "events.json").read_text())
    what(table)
    (copy / "proto" / "events.json").write_text(json.dumps(table))


def add_field(table):
    usage = next(event for event in table["events"] if event["type"] == "agent_usage")
    usage["fields"].append({"name": "reasoningTokens", "type": "integer", "required": True})


def add_value(table):
    table["enums"]["phase"].append("Reviewing")


def add_type(table):
    table["events"].append({"type": "agent_plan", "priority": "high", "fields": [{"name": "steps", "type": "object", "required": True}]})


@pytest.mark.parametrize("what, stale", [(add_field, GENERATED), (add_type, GENERATED), (add_value, GENERATED[1:])], ids=["field", "type", "value"])
def test_a_change_of_the_table_is_noticed_and_generated(copy, what, stale):
    assert run(copy, "generate.py", "--check").returncode == 0
    change(copy, what)
    noticed = run(copy, "generate.py", "--check")
    assert noticed.returncode == 1
    assert [line.split(":")[0] for line in noticed.stderr.splitlines()] == stale
    assert run(copy, "golden.py", "--check").returncode == 1, "the vectors cover the new"
    assert run(copy, "generate.py").returncode == 0
    assert run(copy, "generate.py", "--check").returncode == 0


@pytest.mark.parametrize("what, says", [
    (lambda t: t["events"].append(t["events"][0]), "unique"),
    (lambda t: t["events"][0].update(priority="urgent"), "unknown priority urgent"),
    (lambda t: t["events"][0]["fields"][1].update(enum="mood"), "unknown enum mood"),
    (lambda t: t["events"][0]["fields"].append({"name": "exitCode", "type": "string", "required": False}), "exitCode is"),
])
def test_a_table_that_contradicts_itself_is_refused(copy, what, says):
    change(copy, what)
    refused = run(copy, "generate.py")
    assert refused.returncode == 1 and says in refused.stderr


# ---------------------------------------------------------------------------------------------------------------------
# Golden vectors

def unpack(row):
    return msgpack.unpackb(bytes.fromhex(row["msgpack"]), strict_map_key=False, unicode_errors="replace")


def as_json(value):
    """What JSON can say of a value of msgpack."""
    if isinstance(value, dict):
        return {key_as_json(key): as_json(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_json(member) for member in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (msgpack.ExtType, msgpack.Timestamp)) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def key_as_json(key):
    key = as_json(key)
    return key if isinstance(key, str) else json.dumps(key)


@by_name(GOOD)
def test_msgpack_and_json_say_the_same(row):
    packed = unpack(row)
    text = json.loads(row["json"])
    assert isinstance(packed["ts"], int) and text.pop("timestamp").endswith("Z")
    for key in ("ts", "timestamp", "seqFirst"):
        packed.pop(key, None)
    assert as_json(packed) == text
    assert [key_as_json(key) for key in packed] == list(text)


@by_name(GOOD)
def test_json_is_one_line_that_a_script_may_hold(row):
    assert not set(row["json"]) & set("\n\r\x7f\u2028\u2029")
    row["json"].encode("utf-8")     # no lone surrogates
    keys = []
    json.loads(row["json"], object_pairs_hook=lambda pairs: keys.append([key for key, _ in pairs]))
    assert all(len(set(names)) == len(names) for names in keys)


@by_name(GOOD)
def test_known_types_fit_the_schema_and_the_others_do_not(row):
    event = json.loads(row["json"])
    assert VALIDATOR.is_valid(event) == (event["type"] in KNOWN and row["name"] != FROM_THE_FUTURE)


@by_name([row for row in GOOD if row["name"].startswith("all fields: ")])
def test_the_schema_sees_what_is_missing_or_wrong(row):
    event = json.loads(row["json"])
    rules = KNOWN[event["type"]]["fields"] + [field for field in TABLE["common"] if field["name"] in event]
    for field in rules:
        less = {key: value for key, value in event.items() if key != field["name"]}
        assert VALIDATOR.is_valid(less) != field["required"], field["name"]
        wrong = {"string": 7, "integer": "7", "number": "7", "boolean": 1, "object": []}[field["type"]]
        assert not VALIDATOR.is_valid({**event, field["name"]: wrong}), field["name"]
        assert not VALIDATOR.is_valid({**event, field["name"]: None}), field["name"]


@by_name([row for row in BAD if row["why"] in ("no map", "malformed", "trailing")])
def test_a_reader_of_msgpack_refuses_too_unless_it_is_our_limit(row):
    """Python's own reader: what is malformed is so for everybody; depth and keys are our rules."""
    data = bytes.fromhex(row["msgpack"])
    ours = any(word in row["name"] for word in ("nesting", "deeper", "as a key", "key a number"))
    try:
        value = msgpack.unpackb(data, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException):
        return
    assert ours or (row["why"] == "no map" and not isinstance(value, dict)), value


def test_every_type_has_vectors_with_and_without_its_optional_fields():
    for name, rule in KNOWN.items():
        shown = [json.loads(row["json"]) for row in GOOD]
        shown = [set(event) for event in shown if event["type"] == name]
        for field in rule["fields"]:
            assert any(field["name"] in event for event in shown)
            assert field["required"] or any(field["name"] not in event for event in shown)
