#!/usr/bin/python3
"""Makes golden.json: events as msgpack (by python3-msgpack) and as the JSON text that the gateway must write.

Independent of the C code on purpose: both are held against what stands here.
    proto/golden.py            write golden.json
    proto/golden.py --check    exit 1 when it differs
"""
import base64
import json
import math
import pathlib
import sys

import msgpack

HERE = pathlib.Path(__file__).resolve().parent
PATH = HERE / "golden.json"
TABLE = json.loads((HERE / "events.json").read_text())
EPOCH = "019a3c5f7e21b00c"
TS = 1795336859616123
IDS = {"workOrderId": "wo-1", "runId": "run-1"}

# ---------------------------------------------------------------------------------------------------------------------
# What the gateway writes


def quoted(text):
    """Bytes that are no UTF-8 stand in Python's texts as lone surrogates (surrogateescape); each maximal bad part is U+FFFD."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = json.dumps(text, ensure_ascii=False)
    for char in ("\u2028", "\u2029", "\x7f"):
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def number(value):
    """As few digits as read back, 15 at least."""
    if not math.isfinite(value):
        return "null"
    return next(text for text in (f"{value:.{digits}g}" for digits in (15, 16, 17)) if float(text) == value)


def scalar(value):
    if value is None or isinstance(value, msgpack.ExtType):
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    return quoted(value) if isinstance(value, str) else number(value) if isinstance(value, float) else str(value)


def key_text(key):
    text = scalar(key)
    return text if text.startswith('"') else f'"{text}"'


def text_of(value):
    if isinstance(value, dict):
        return "{" + ",".join(f"{key_text(key)}:{text_of(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return scalar(value)


def timestamp(ts):
    """Of the years 0000 to 9999; beyond them the nearest. Days by counting years: datetime begins with the year 1."""
    ms = min(max(ts, -62167219200000000), 253402300799999999) // 1000
    days, ms = divmod(ms, 86400000)
    days += 719528      # since 0000-01-01
    year = 0

    def length(y):
        return 366 if y % 4 == 0 and (y % 100 != 0 or y % 400 == 0) else 365
    while days >= length(year):
        days -= length(year)
        year += 1
    month = 1
    for of_month in (31, length(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        if days < of_month:
            break
        days -= of_month
        month += 1
    return f"{year:04}-{month:02}-{days + 1:02}T{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}Z"


def json_text(event):
    """ts becomes timestamp; timestamp and seqFirst are the gateway's own; the rest keeps its order."""
    out = {}
    for key, value in event.items():
        if key == "ts":
            out["timestamp"] = timestamp(value)
        elif key not in ("timestamp", "seqFirst"):
            out[key] = value
    return text_of(out)


def pack(value):
    return msgpack.packb(value, unicode_errors="surrogateescape")


# ---------------------------------------------------------------------------------------------------------------------
# Events that must be read


def event(type_, seq, ts=TS, ids=IDS, stream=None, **fields):
    head = {"type": type_, **ids}
    if stream:
        head["stream"] = stream
    return {**head, "seq": seq, "ts": ts, **fields}


def sample(field):
    if "enum" in field:
        return TABLE["enums"][field["enum"]][-1]
    if "members" in field:
        return {name: index % 2 == 0 for index, name in enumerate(field["members"])}
    return {"string": f"a {field['name']}", "integer": 7, "number": 0.25, "boolean": True, "object": {"a": {"b": [1]}}}[field["type"]]


def of_table(rule, only_required):
    fields = {f["name"]: sample(f) for f in rule["fields"] if f["required"] or not only_required}
    return event(rule["type"], 21, **fields)


def nested(depth):
    """A value with so many containers in each other."""
    value = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def raw(*parts):
    """msgpack put together by hand: bytes as they are, everything else packed."""
    return b"".join(part if isinstance(part, bytes) else pack(part) for part in parts)


INTEGERS = [edge + step for edge in (0, 32, 128, 256, 2**15, 2**16, 2**31, 2**32, 2**53, 2**63) for step in (-1, 0, 1)] + [2**64 - 1]

GOOD = {
    "run_started": event("run_started", 1, runNumber=1, agent="claude", model="claude-opus-5-5", cwd="/srv/w"),
    "tool call with nested input": event("agent_tool_call", 2, toolUseId="toolu_1", tool="Bash", toolName="Bash",
                                         input={"command": "ls -l", "n": [1, -2, 2.5, None, True, {"deep": {}}]}),
    "tool result": event("agent_tool_result", 3, toolUseId="toolu_1", success=False, contentPreview="Exit code 1\n",
                         contentLength=12, durationMs=0, error="Exit code 1"),
    "text with escapes": event("agent_output", 4, content="tab\t nl\n quote\" back\\ nul\x00 esc\x1b del\x7f", kind="text"),
    "text beyond ASCII": event("agent_output", 5, content="Grüße, 東京, 🚀, \u2028\u2029 \ufffd", kind="text",
                               messageId="msg_1", blockIndex=0, partial=True),
    "error": event("agent_error", 6, message="API error", severity="error", source="agent", details={"status": 529}),
    "usage": event("agent_usage", 7, inputTokens=12, outputTokens=4294967296, costUsd=0.10160000000000002),
    "work order updated": event("work_order_updated", 2, ids={"workOrderId": "wo-1"}, status="running", previousStatus="queued"),
    "failed": event("run_failed", 15, error="exit status 3", reason="exit", exitCode=3, durationMs=17),
    "file": event("file_changed", 8, path="src/ring.c", action="modified", sizeBytes=9007199254740993),
    "progress": event("progress_update", 9, percentage=42, currentPhase="Testing", toolCallCount=7, elapsedSeconds=61),
    "completed": event("run_completed", 10, durationMs=6426, exitCode=0, numTurns=6, costUsd=0.5),
    "before 1970": event("run_completed", 11, ts=-1, durationMs=0, exitCode=0),
    "leap day": event("run_completed", 12, ts=1709251199999999, durationMs=0, exitCode=0),
    "iteration in the work order's stream": event(
        "run_iteration", 1, stream="@wo-1", iterationNumber=1, totalIterations=3, verificationPassed=True,
        verificationDetails={"l0Passed": True, "l1Passed": True}),
    "work order event without run": event("work_order_created", 1, ids={"workOrderId": "wo-1"}, taskPrompt="Fix it",
                                          status="queued"),
    "unknown field is kept": event("agent_usage", 13, inputTokens=1, outputTokens=1, fromTheFuture=[1]),
    "unknown type is kept": event("agent_dream", 14, content={"of": "sheep"}),
    "smallest": {"type": "x", "workOrderId": "w", "seq": 1, "ts": 0},
    "every control character": event("agent_output", 16, content="".join(map(chr, range(0x20))) + "\x7f\x80\x9f", kind="raw"),
    "characters at the edges": event("agent_output", 17, content="\x7f\x80\u07ff\u0800\ud7ff\ue000\ufeff\uffff\U00010000\U0010ffff </script>",
                                     kind="text"),
    "empty texts and containers": event("agent_tool_call", 18, toolUseId="", tool="Other", toolName="", input={}, path="",
                                        **{"": {"": [], "a": {}}}),
    "text that is not UTF-8": event("agent_output", 19, kind="raw", content=b"a\xff b\xc3( c\xe2\x82 d\xf0\x9f\x9a e\xed\xa0\x80 f\xc0\xaf g\xf5\x80 h\xe2\x80".decode(
        "utf-8", "surrogateescape")),
    "keys that are not UTF-8": event("agent_tool_call", 20, toolUseId="t", tool="Bash", toolName="Bash",
                                     input={b"k\xfe".decode("utf-8", "surrogateescape"): "v"}, **{b"\xff".decode("utf-8", "surrogateescape"): 1}),
    "integers at the edges": event("agent_tool_call", 21, toolUseId="t", tool="Bash", toolName="Bash",
                                   input={"up": INTEGERS, "down": [-n for n in INTEGERS if n <= 2**63]}),
    "numbers": event("agent_tool_call", 22, toolUseId="t", tool="Bash", toolName="Bash", input={
        "n": [0.0, -0.0, 0.1, 1 / 3, 2.0, 1e15, 1e16, 123456789012345680.0, 1e22, 1e300, 1.7976931348623157e308, 1e-7, 2.5e-10, 2.2250738585072014e-308]}),
    "numbers that JSON lacks": event("agent_error", 23, message="m", severity="warning", source="parser",
                                     details={"a": [math.nan, math.inf, -math.inf]}),
    "a number that is an integer": event("agent_usage", 24, inputTokens=1, outputTokens=1, costUsd=2),
    "bytes, extensions, and keys of all kinds": event("agent_tool_call", 25, toolUseId="t", tool="Bash", toolName="Bash", input={
        "bin": [b"", b"a", b"ab", b"abc"], "ext": msgpack.ExtType(5, b"xyz"), 7: "seven", -1: "minus", None: "nil", True: "yes", 0.5: "half", b"key": 1}),
    "nesting of 32": event("agent_tool_call", 26, toolUseId="t", tool="Bash", toolName="Bash", input={"a": nested(30)}),
    "names that are JSON's own": {**event("agent_output", 27, content="x", kind="text"), "timestamp": "1999-01-01", "seqFirst": 1},
    "fields in another order": dict(reversed(event("agent_output", 28, content="x", kind="text").items())),
    "ids of 128 bytes": event("agent_output", 29, ids={"workOrderId": "ü" * 64, "runId": "r" * 128}, content="x", kind="text"),
    "ids with what topics escape": event("agent_output", 30, ids={"workOrderId": "@a/b%\n", "runId": "r/@%\x7f"}, content="x", kind="text"),
    "stream that need not be said": event("agent_output", 31, stream="run-1", content="x", kind="text"),
    "greatest seq": event("agent_output", 2**63 - 1, content="x", kind="text"),
    "first moment": event("agent_output", 32, ts=-62167219200000000, content="x", kind="text"),
    "before the year 0": event("agent_output", 33, ts=-2**63, content="x", kind="text"),
    "after the year 9999": event("agent_output", 34, ts=2**63 - 1, content="x", kind="text"),
    "the year 2000 was a leap year": event("agent_output", 35, ts=951782399999999, content="x", kind="text"),
    "the year 1900 was none": event("agent_output", 36, ts=-2203891200000001, content="x", kind="text"),
    "value of an enum from the future": event("agent_tool_call", 37, toolUseId="t", tool="Teleport", toolName="beam", input={}),
    "unknown field that is null": event("agent_output", 38, content="x", kind="text", later=None),
    **{f"only what must be: {rule['type']}": of_table(rule, True) for rule in TABLE["events"]},
    **{f"all fields: {rule['type']}": of_table(rule, False) for rule in TABLE["events"]},
}

# The same events in encodings that are wider than need be, which msgpack allows.
LONG_TEXT = "long " * 60
WIDE = {
    "wide: map 16": (raw(b"\xde\x00\x07", "type", "agent_output", "workOrderId", "wo-1", "runId", "run-1", "seq", 41, "ts", TS, "content", "x",
                         "kind", "text"), event("agent_output", 41, content="x", kind="text")),
    "wide: map 32, str 8, str 16, str 32": (
        raw(b"\xdf\x00\x00\x00\x07", b"\xd9\x04type", b"\xda\x00\x0cagent_output", "workOrderId", b"\xdb\x00\x00\x00\x04wo-1", "runId", "run-1", "seq", 42,
            "ts", TS, "content", LONG_TEXT, "kind", "text"), event("agent_output", 42, content=LONG_TEXT, kind="text")),
    **{f"wide: seq as {name}": (
        raw(b"\x87", "type", "agent_output", "workOrderId", "wo-1", "runId", "run-1", "seq", seq, "ts", TS, "content", "x", "kind", "text"),
        event("agent_output", 5, content="x", kind="text"))
       for name, seq in {"uint 8": b"\xcc\x05", "uint 16": b"\xcd\x00\x05", "uint 32": b"\xce\x00\x00\x00\x05", "uint 64": b"\xcf" + bytes(7) + b"\x05",
                         "int 8": b"\xd0\x05", "int 16": b"\xd1\x00\x05", "int 32": b"\xd2\x00\x00\x00\x05", "int 64": b"\xd3" + bytes(7) + b"\x05"}.items()},
    "wide: array 16, array 32, bin 16, bin 32, float 32, ext 8": (
        raw(b"\x88", "type", "agent_tool_call", "workOrderId", "wo-1", "runId", "run-1", "seq", 43, "ts", TS, "toolUseId", "t", "tool", "Bash", "toolName", "Bash",
            ).replace(b"\x88", b"\x89", 1) + raw("input", b"\x81", "a", b"\xdc\x00\x06", b"\xdd\x00\x00\x00\x01", 1, b"\xc5\x00\x01b", b"\xc6\x00\x00\x00\x01b",
                                             b"\xca\x3f\x00\x00\x00", b"\xc7\x01\x05x", b"\xd6\xff\x00\x00\x00\x01"),
        event("agent_tool_call", 43, toolUseId="t", tool="Bash", toolName="Bash", input={
            "a": [[1], b"b", b"b", 0.5, msgpack.ExtType(5, b"x"), msgpack.ExtType(6, b"")]})),
}

# ---------------------------------------------------------------------------------------------------------------------
# What must be refused

BASE = event("agent_output", 4, content="x", kind="text")
PACKED_BASE = pack(BASE)
PAIRS = PACKED_BASE[1:]
DEEP = b"\x81\xa1a" * 40 + b"\xc0"


def without(key):
    return {k: v for k, v in BASE.items() if k != key}


def saying(more, *parts):
    """The base's pairs and others, behind a map that says it has so many more than the base."""
    return bytes([0x80 + len(BASE) + more]) + PAIRS + raw(*parts)


def with_odd(*parts):
    """The base and a field that nobody knows."""
    return saying(1, "odd", *parts)


def call(**fields):
    return pack({**event("agent_tool_call", 5, toolUseId="t", tool="Bash", toolName="Bash", input={}), **fields})


BAD = {
    "no map": {
        "nothing": b"",
        "not a map": pack([1, 2]),
        "a single integer": b"\x07",
        "a single nil": b"\xc0",
        "a map that claims four billion pairs": b"\xdf\xff\xff\xff\xff" + PAIRS,
    },
    "malformed": {
        "a string longer than the message": PACKED_BASE[:-5] + b"\xdb\xff\xff\xff\xff",
        "the reserved byte": PACKED_BASE[:-5] + b"\xc1",
        "a pair less than the map says": saying(1),
        "an array that claims four billion elements": with_odd(b"\xdd\xff\xff\xff\xff"),
        "a map further in that claims four billion pairs": with_odd(b"\xdf\xff\xff\xff\xff"),
        "an extension longer than the message": with_odd(b"\xc9\xff\xff\xff\xff\x05"),
        "bytes longer than the message": with_odd(b"\xc6\x7f\xff\xff\xff"),
        "a float without its last byte": with_odd(b"\xcb" + bytes(7)),
        "key a number": saying(1, 7, "y"),
        "a map as a key further in": with_odd(b"\x81\x80\xc0"),
        "an array as a key further in": with_odd(b"\x81\x90\xc0"),
        "nesting of 33": call(input={"a": nested(31)}),
        "maps deeper than 32": with_odd(DEEP),
        "arrays deeper than 32": with_odd(b"\x91" * 40 + b"\xc0"),
    },
    "trailing": {
        "bytes behind the map": PACKED_BASE + b"\xc0",
        "two maps": PACKED_BASE + PACKED_BASE,
        "a pair more than the map says": saying(-1),
    },
    "field": {
        "no type": pack(without("type")),
        "no workOrderId": pack(without("workOrderId")),
        "no seq": pack(without("seq")),
        "no ts": pack(without("ts")),
        "no content": pack(without("content")),
        "type twice": saying(1, "type", "agent_output"),
        "workOrderId twice": saying(1, "workOrderId", "wo-1"),
        "runId twice": saying(1, "runId", "run-1"),
        "seq twice": saying(1, "seq", 9),
        "ts twice": saying(1, "ts", 1),
        "content twice": saying(1, "content", "y"),
        "an optional field twice": saying(2, "partial", True, "partial", True),
        "type a number": pack({**BASE, "type": 7}),
        "seq 0": pack({**BASE, "seq": 0}),
        "seq negative": pack({**BASE, "seq": -1}),
        "seq a float": pack({**BASE, "seq": 1.0}),
        "seq a text": pack({**BASE, "seq": "4"}),
        "seq beyond 2^63": pack({**BASE, "seq": 2**63}),
        "ts a float": pack({**BASE, "ts": 1.5}),
        "ts a text": pack({**BASE, "ts": "2026-11-22T08:40:59.616Z"}),
        "ts beyond 2^63": pack({**BASE, "ts": 2**63}),
        "empty runId": pack({**BASE, "runId": ""}),
        "runId null": pack({**BASE, "runId": None}),
        "runId of 129 bytes": pack({**BASE, "runId": "r" * 129}),
        "runId with @": pack({**BASE, "runId": "@r"}),
        "runId not UTF-8": pack({**BASE, "runId": b"r\xff".decode("utf-8", "surrogateescape")}),
        "empty workOrderId": pack({**BASE, "workOrderId": ""}),
        "workOrderId a number": pack({**BASE, "workOrderId": 7}),
        "workOrderId of 129 bytes": pack({**BASE, "workOrderId": "w" * 129}),
        "workOrderId not UTF-8": pack({**BASE, "workOrderId": b"w\xff".decode("utf-8", "surrogateescape")}),
        "stream a number": pack({**BASE, "stream": 7}),
        "stream of another run": pack({**BASE, "stream": "run-2"}),
        "stream of another work order": pack({**BASE, "stream": "@wo-2"}),
        "stream of a run without runId": pack({**without("runId"), "stream": "run-1"}),
        "content a number": pack({**BASE, "content": 7}),
        "content as bin": pack({**BASE, "content": b"x"}),
        "an optional text null": pack({**BASE, "messageId": None}),
        "an optional integer a float": pack({**BASE, "blockIndex": 1.0}),
        "an optional integer beyond 2^63": pack({**BASE, "blockIndex": 2**63}),
        "a boolean a number": pack({**BASE, "partial": 1}),
        "a number a text": pack(event("agent_usage", 5, inputTokens=1, outputTokens=1, costUsd="1")),
        "an object a list": call(input=[]),
        "an object a text": call(input="{}"),
        **{f"without {field['name']}: {rule['type']}": pack({k: v for k, v in of_table(rule, True).items() if k != field["name"]})
           for rule in TABLE["events"] for field in rule["fields"] if field["required"]},
    },
}


def main():
    rows = [{"name": name, "epoch": EPOCH, "msgpack": data.hex(), "json": json_text(value)}
            for name, (data, value) in [*((name, (pack(value), value)) for name, value in GOOD.items()), *WIDE.items()]]
    rows += [{"name": name, "epoch": EPOCH, "msgpack": data.hex(), "error": True, "why": why}
             for why, vectors in BAD.items() for name, data in vectors.items()]
    assert len({row["name"] for row in rows}) == len(rows)
    text = json.dumps(rows, indent=1, ensure_ascii=True) + "\n"
    if "--check" in sys.argv[1:]:
        if PATH.read_text() != text:
            print("proto/golden.json differs from proto/golden.py", file=sys.stderr)
            return 1
        return 0
    PATH.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
