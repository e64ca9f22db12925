#!/usr/bin/python3
"""A flood over the real wire: an agent that prints 1,000 lines of mixed kinds a second, under agentgate-exec, to a viewer that takes 50 a
second and to one without limit.

    bench/gateway_flood.py BUILD [--seconds 60] [--rate 1000] [--limit 50]

What must come out: the limited viewer's events and what its gaps count are together everything the run holds; its order is that of
the run; each error comes, and fast; the unlimited viewer gets every line, in the order in which the agent printed them. An error
holds CLOCK_MONOTONIC of just before its write(2); its latency ends when the viewer, a process of its own, has read it from its
socket. So it holds pipe, executor, journal, ZeroMQ, gateway, WebSocket. Exits 1 when something is missing.
"""
import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))

from harness import Gateway  # noqa: E402

AGENT = r"""
import json, os, sys, time
total, rate = int(sys.argv[1]), float(sys.argv[2])
time.sleep(1)
began = time.monotonic()
for i in range(total):
    late = began + i / rate - time.monotonic()
    if late > 0:
        time.sleep(late)
    kind = i % 100
    if kind % 50 == 49:
        line = {"type": "error", "message": "@@%d@@ %d" % (time.clock_gettime_ns(time.CLOCK_MONOTONIC), i)}
    elif kind % 10 == 0:
        line = {"type": "tool_use", "id": "t%d" % i, "name": "Read", "input": {"file_path": "%d" % i}}
    elif kind % 10 == 1:
        line = {"type": "tool_result", "tool_use_id": "t%d" % (i - 1), "content": "%d" % i}
    else:
        line = {"type": "text", "text": "%d" % i}
    os.write(1, json.dumps(line).encode() + b"\n")
"""


class Viewer:
    """Frames as they come, with the time at which recv(2) had them."""

    def __init__(self, port, subscribe):
        self.link = socket.create_connection(("127.0.0.1", port))
        self.link.sendall(b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self.data += self.link.recv(4096)
        self.data = self.data.split(b"\r\n\r\n", 1)[1]
        text = json.dumps(subscribe).encode()
        self.link.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)

    def frames(self):
        """(time in ns, message)"""
        now = 0
        while True:
            head = 2
            size = self.data[1] if len(self.data) > 1 else None
            if size == 126 and len(self.data) >= 4:
                head, size = 4, struct.unpack(">H", self.data[2:4])[0]
            elif size == 127 and len(self.data) >= 10:
                head, size = 10, struct.unpack(">Q", self.data[2:10])[0]
            if size is not None and len(self.data) >= head + size:
                if self.data[0] & 15 == 1:
                    yield now, json.loads(self.data[head:head + size])
                elif self.data[0] & 15 == 9:            # whoever leaves a ping unanswered is closed
                    self.link.sendall(bytes([0x8a, 0x80 | size]) + bytes(4) + self.data[head:head + size])
                self.data = self.data[head + size:]
                continue
            part = self.link.recv(1 << 20)
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            if not part:
                return
            self.data += part


def watch(port, subscribe, result):
    """Until the run has ended: its events, gaps, and the latencies of errors in ms."""
    events, gaps, late = [], [], []
    for now, message in Viewer(port, subscribe).frames():
        if message["type"] == "subscription_confirmed":
            result.put("ready")
        elif message["type"] == "gap":
            gaps.append(message)
        for event in message.get("events", []):
            if event["type"] == "agent_error" and (stamp := re.search(r"@@(\d+)@@", event["message"])):
                late.append((now - int(stamp.group(1))) / 1e6)
            events.append(event)
        if events and events[-1]["type"] in ("run_completed", "run_failed"):
            break
    result.put((events, gaps, late))


def number(event):
    """The line that it stands for; None for events of the executor's own."""
    text = {"agent_output": "content", "agent_error": "message", "agent_tool_call": "path", "agent_tool_result": "contentPreview"}.get(event["type"])
    found = re.search(r"(\d+)$", event.get(text) or "") if text else None
    return int(found.group(1)) if found else None


def start(port, **subscribe):
    result = multiprocessing.Queue()
    process = multiprocessing.Process(target=watch, args=(port, {"type": "subscribe", "runId": "r", "batch": True, **subscribe}, result))
    process.start()
    assert result.get(timeout=30) == "ready"
    return process, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--limit", type=int, default=50)
    args = parser.parse_args()
    total = int(args.seconds * args.rate)
    with tempfile.TemporaryDirectory(prefix="ag-") as folder:
        with Gateway(args.build.resolve(), pathlib.Path(folder), "--rate-limit", "0") as gateway:
            limited, everything = start(gateway.port, rateLimit=args.limit), start(gateway.port)
            with gateway.executor("--run-id", "r", "--quiet", "--no-watch", "--format", "flat", "--", sys.executable, "-c", AGENT, total,
                                  args.rate) as executor:
                got = [result.get(timeout=args.seconds + 60) for _, result in (limited, everything)]
                executor.wait()
            last = json.loads(subprocess.run(["curl", "-sf", f"{gateway.url}/api/v1/runs/r"], capture_output=True, check=True).stdout)["last"]
            for process, _ in (limited, everything):
                process.join()
    failed = judge(args, total, last, *got)
    sys.exit(failed)


def judge(args, total, last, limited, everything):
    events, gaps, late = limited
    covered = sum(e["seq"] - e.get("seqFirst", e["seq"]) + 1 for e in events)
    announced = sum(sum(gap["counts"].values()) for gap in gaps)
    seqs = [e["seq"] for e in events]
    kinds = collections.Counter(e["type"] for e in events)
    lines = [n for n in map(number, everything[0]) if n is not None]
    checks = {
        f"limited: {len(events)} events that stand for {covered}, and {announced} in {len(gaps)} gaps, are all {last}": covered + announced == last,
        "limited: in order, each once": seqs == sorted(set(seqs)),
        f"limited: all {total // 50} errors came": len(late) == total // 50,
        f"unlimited: all {total} lines": sorted(lines) == list(range(total)),
        "unlimited: in the order of stdout": lines == list(range(total)),
        "unlimited: no gap": not everything[1],
    }
    for text, good in checks.items():
        print("ok  " if good else "NOT ", text)
    print("limited:", dict(kinds))
    for name, figures in (("limited", late), ("unlimited", everything[2])):
        figures = sorted(figures)
        at = lambda q: figures[min(len(figures) - 1, int(len(figures) * q))]  # noqa: E731, B023
        print(f"errors' latency, {name}: p50 {at(.5):.2f} ms, p90 {at(.9):.2f} ms, p99 {at(.99):.2f} ms, max {figures[-1]:.2f} ms, n {len(figures)}")
    slices = [late[i:i + max(1, len(late) // 6)] for i in range(0, len(late), max(1, len(late) // 6))]
    print("p99 of each sixth of the time, limited: " + ", ".join(f"{sorted(s)[int(len(s) * .99)]:.1f}" for s in slices if s) +
          f" ms; load {os.getloadavg()[0]:.1f}")
    return not all(checks.values())


if __name__ == "__main__":
    main()
