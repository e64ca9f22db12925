#!/usr/bin/python3
"""Latency from an agent's write to its stdout to the frame at a WebSocket client, on idle streams of one machine.

    bench/latency.py BUILD [--events 1000] [--runs 1] [--gap-ms 250] [--store sqlite|none]

Method. Each agent is a process under agentgate-exec that writes one flat text line, then sleeps gap-ms (with a random part, so that
it does not fall into step with a tick); the line holds CLOCK_MONOTONIC in nanoseconds, read right before write(2). The
client is a bare socket that reads frames in a loop and takes the same clock when recv(2) returns, before it looks at the frame.
So the figure holds: pipe, executor, journal commit, ZeroMQ, gateway, WebSocket, loopback TCP, the wake-up of the client.
The first 50 events of each run are not counted. The default gap is longer than the batching window (100 ms): with a shorter one the
stream is not idle, and the window is what is measured.
"""
import argparse
import os
import pathlib
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

AGENT = r"""
import os, random, sys, time
events, gap = int(sys.argv[1]), float(sys.argv[2]) / 1000
time.sleep(1)
for i in range(events + 50):
    os.write(1, b'{"type":"text","text":"@@%d@@"}\n' % time.clock_gettime_ns(time.CLOCK_MONOTONIC))
    time.sleep(gap * random.uniform(0.5, 1.5))
"""
MARK = re.compile(rb"@@(\d+)@@")


def connect(port, run):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.sendall(b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" % port)
    while b"\r\n\r\n" not in s.recv(4096):
        pass
    text = b'{"type":"subscribe","runId":"%s","batch":true}' % run.encode()
    mask = b"\0\0\0\0"
    s.sendall(bytes([0x81, 0x80 | len(text)]) + mask + text)
    return s


def answer_ping(s, data):
    """A gateway closes who does not answer; its pings are short frames of their own, and only their mark is looked for."""
    at = data.find(b"\x89\x02")
    if at >= 0 and len(data) >= at + 4:
        s.sendall(b"\x8a\x82" + bytes(4) + data[at + 2:at + 4])


def collect(sockets, wanted):
    """Latencies in microseconds, until each socket has had its events."""
    seen = {s: 0 for s in sockets}
    late = {s: b"" for s in sockets}
    out = []
    end = time.monotonic() + 600
    while sockets and time.monotonic() < end:
        for s in select.select(sockets, [], [], 10)[0]:
            data = s.recv(65536)
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            if not data:
                sockets.remove(s)
                continue
            answer_ping(s, data)
            data = late[s] + data
            last = 0
            for mark in MARK.finditer(data):
                seen[s] += 1
                last = mark.end()
                if seen[s] > 50:
                    out.append((now - int(mark.group(1))) / 1000)
            late[s] = data[last:][-64:]
            if seen[s] >= wanted + 50:
                sockets.remove(s)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--gap-ms", type=float, default=250)
    parser.add_argument("--store", default="sqlite")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ag-") as folder:
        bus, control = f"ipc://{folder}/bus", f"ipc://{folder}/control"
        gateway = subprocess.Popen([args.build / "agentgate-gateway", "--listen", "127.0.0.1:0", "--bus", bus, "--control", control,
                                    "--republish", "none", "--state-dir", f"{folder}/gateway", "--store", args.store, "--rate-limit", "0"],
                                   stderr=subprocess.PIPE, text=True)
        for line in gateway.stderr:
            if "listening on" in line:
                port = int(re.search(r"listening on http://[^:]+:(\d+)", line).group(1))
                break
        runs = [f"r{i}" for i in range(args.runs)]
        sockets = [connect(port, run) for run in runs]
        agents = [subprocess.Popen([args.build / "agentgate-exec", "--quiet", "--no-watch", "--format", "flat", "--run-id", run, "--bus", bus,
                                    "--control", control, "--state-dir", f"{folder}/state", "--",
                                    sys.executable, "-c", AGENT, str(args.events), str(args.gap_ms * args.runs)]) for run in runs]
        figures = sorted(collect(sockets, args.events))
        for agent in agents:
            agent.wait()
        gateway.terminate()
        gateway.wait()
    if not figures:
        sys.exit("nothing came")
    at = lambda q: figures[min(len(figures) - 1, int(len(figures) * q))]  # noqa: E731
    print(f"runs {args.runs}, events {len(figures)} of {args.events * args.runs}, store {args.store}: "
          f"p50 {at(.5):.0f} us, p90 {at(.9):.0f} us, p99 {at(.99):.0f} us, max {figures[-1]:.0f} us, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
