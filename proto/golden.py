#!/usr/bin/python3
"""Makes golden.json: events as msgpack (by python3-msgpack) and as the JSON text that the gateway must write.

Independent of the C code on purpose: both are held against what stands here.
    proto/golden.py            write golden.json
    proto/golden.py --check    exit 1 when it differs
"""
import datetime
import json
import pathlib
import sys

import msgpack

PATH = pathlib.Path(__file__).resolve().parent / "golden.json"
EPOCH = "019a3c5f7e21b00c"
TS = 1795336859616123
IDS = {"workOrderId": "wo-1", "runId": "run-1"}


def json_text(event):
    """The gateway's JSON: ts becomes timestamp, the rest keeps its order."""
    out = {}
    for key, value in event.items():
        if key == "ts":
            seconds, ms = divmod(value // 1000, 1000)
            moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
            out["timestamp"] = moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{ms:03d}Z"
        else:
            out[key] = value
    text = json.dumps(out, ensure_ascii=False, separators=(",", ":"))
    for char in ("\u2028", "\u2029", "\x7f"):
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def event(type_, seq, ts=TS, ids=IDS, stream=None, **fields):
    head = {"type": type_, **ids}
    if stream:
        head["stream"] = stream
    return {**head, "seq": seq, "ts": ts, **fields}


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
}

BASE = event("agent_output", 4, content="x", kind="text")


def without(key):
    return {k: v for k, v in BASE.items() if k != key}


PACKED_BASE = msgpack.packb(BASE)
DEEP = b"\x81\xa1a" * 40 + b"\xc0"
BAD = {
    "nothing": b"",
    "not a map": msgpack.packb([1, 2]),
    "bytes behind the map": PACKED_BASE + b"\xc0",
    "a map that claims four billion pairs": b"\xdf\xff\xff\xff\xff" + PACKED_BASE[1:],
    "a string longer than the message": PACKED_BASE[:-5] + b"\xdb\xff\xff\xff\xff",
    "the reserved byte": PACKED_BASE[:-5] + b"\xc1",
    "no type": msgpack.packb(without("type")),
    "no workOrderId": msgpack.packb(without("workOrderId")),
    "no seq": msgpack.packb(without("seq")),
    "no ts": msgpack.packb(without("ts")),
    "no content": msgpack.packb(without("content")),
    "seq 0": msgpack.packb({**BASE, "seq": 0}),
    "seq negative": msgpack.packb({**BASE, "seq": -1}),
    "seq a float": msgpack.packb({**BASE, "seq": 1.0}),
    "seq beyond 2^63": msgpack.packb({**BASE, "seq": 2**63}),
    "type a number": msgpack.packb({**BASE, "type": 7}),
    "content a number": msgpack.packb({**BASE, "content": 7}),
    "content as bin": msgpack.packb({**BASE, "content": b"x"}),
    "empty runId": msgpack.packb({**BASE, "runId": ""}),
    "runId of 129 bytes": msgpack.packb({**BASE, "runId": "r" * 129}),
    "runId with @": msgpack.packb({**BASE, "runId": "@r"}),
    "runId not UTF-8": msgpack.packb({**BASE, "runId": "r?"}).replace(b"r?", b"r\xff"),
    "stream of another run": msgpack.packb({**BASE, "stream": "run-2"}),
    "seq twice": b"\x87" + PACKED_BASE[1:] + msgpack.packb("seq") + msgpack.packb(9),
    "content twice": b"\x87" + PACKED_BASE[1:] + msgpack.packb("content") + msgpack.packb("y"),
    "key a number": b"\x87" + PACKED_BASE[1:] + msgpack.packb(7) + msgpack.packb("y"),
    "deeper than 32": b"\x87" + PACKED_BASE[1:] + msgpack.packb("deep") + DEEP,
    "a map as a key further in": b"\x87" + PACKED_BASE[1:] + msgpack.packb("odd") + b"\x81\x80\xc0",
}


def main():
    rows = [{"name": name, "epoch": EPOCH, "msgpack": msgpack.packb(value).hex(), "json": json_text(value)}
            for name, value in GOOD.items()]
    rows += [{"name": name, "epoch": EPOCH, "msgpack": data.hex(), "error": True} for name, data in BAD.items()]
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
