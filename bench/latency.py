#!/usr/bin/python3
"""Latency from an agent's write to its stdout to the frame at a WebSocket client, on idle streams of one machine.

    bench/latency.py BUILD [--events 1000] [--runs 1] [--gap-ms 250] [--store sqlite|none]

Method. Each agent is a process under agentgate-exec that writes one flat text line, then sleeps gap-ms (with a random part, so that
it does not fall into step with a tick); the line holds CLOCK_MONOTONIC in nanoseconds, read right before write(2). The
client is a bare socket that reads frames in a loop and takes the same clock when recv(2) returns, before it looks at the frame.
So the figure holds: pipe, executor, journal commit, ZeroMQ, gateway, WebSocket, loopback TCP, the wake-up of the client.
The first 50 events of each run are not counted. The default gap is longer than the batching window (100 ms) even at its shortest, and no
progress_update comes in between: with a shorter gap the stream is not idle, and the window is what is measured.
"bare" is the machine itself at the same time: one more such agent whose stdout is a loopback TCP connection to the client, with nothing of ours
between. What was measured stands in latency.md. Ends with status 1 when an event is missing.
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
for i in range(events):
    os.write(1, b'{"type":"text","text":"@@%d@@"}\n' % time.clock_gettime_ns(time.CLOCK_MONOTONIC))
    time.sleep(gap * random.uniform(0.5, 1.5))
"""
SKIPPED = 50        # of each run, at its beginning
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


def frames(data):
    """(opcode, payload) of each whole frame, and what is left; a server does not mask."""
    found = []
    while len(data) >= 2:
        size, at = data[1] & 127, 2
        if size >= 126:
            at += 2 if size == 126 else 8
            size = int.from_bytes(data[2:at], "big")
        if len(data) < at + size:
            break
        found.append((data[0] & 15, data[at:at + size]))
        data = data[at + size:]
    return found, data


def payloads(sock, rest, data):
    """What a viewer's socket has brought, and what is left. Pings are answered, or the gateway would hang up."""
    whole, rest = frames(rest + data)
    for opcode, payload in whole:
        if opcode == 9:
            sock.sendall(bytes([0x8A, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)
    return [payload for _, payload in whole], rest


class Viewer:
    """For who sends an event and waits for its frame."""

    def __init__(self, port, run):
        self.sock, self.rest = connect(port, run), b""

    def await_mark(self, mark):
        """Until a frame with the mark has come."""
        texts = []
        while not any(mark in text for text in texts):
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("the gateway has closed the viewer")
            texts, self.rest = payloads(self.sock, self.rest, data)


def collect(viewers, bare, wanted):
    """Latencies in microseconds, of the viewers and of the bare socket, until each viewer has had its events."""
    seen = {s: 0 for s in [*viewers, bare]}
    rest = {s: b"" for s in viewers}
    ours, machine, left = [], [], list(viewers)
    end = time.monotonic() + 3600
    while left and time.monotonic() < end:
        for s in select.select([*left, bare], [], [], 10)[0]:
            data = s.recv(65536)
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            texts = [data]
            if s is not bare:
                texts, rest[s] = payloads(s, rest[s], data)
            for mark in (mark for text in texts for mark in MARK.finditer(text)):
                seen[s] += 1
                if seen[s] > SKIPPED:
                    (machine if s is bare else ours).append((now - int(mark.group(1))) / 1000)
            if s is not bare and (not data or seen[s] >= wanted + SKIPPED):
                left.remove(s)
    return sorted(ours), sorted(machine)


def start_bare(events, gap_ms):
    """An agent that writes to a socket; and our end of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ours = server.accept()[0]
    # Twice as long: it is to last as long as the others.
    agent = subprocess.Popen([sys.executable, "-c", AGENT, str(2 * events), str(gap_ms)], stdout=theirs)
    theirs.close()
    return agent, ours


def line(name, figures):
    at = lambda q: figures[min(len(figures) - 1, int(len(figures) * q))]  # noqa: E731
    return f"{name}: {len(figures)} events, p50 {at(.5):.0f} us, p90 {at(.9):.0f} us, p99 {at(.99):.0f} us, max {figures[-1]:.0f} us"


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
                                    "--republish", f"ipc://{folder}/republish", "--state-dir", f"{folder}/gateway", "--store", args.store,
                                    "--rate-limit", "0"], stderr=subprocess.PIPE, text=True, env={**os.environ, "AGENTGATE_CONFIG": os.devnull})
        for said in gateway.stderr:
            if "listening on" in said:
                port = int(re.search(r"listening on http://[^:]+:(\d+)", said).group(1))
                break
        else:
            sys.exit("the gateway did not start")
        runs = [f"r{i}" for i in range(args.runs)]
        sockets = [connect(port, run) for run in runs]
        agents = [subprocess.Popen([args.build / "agentgate-exec", "--quiet", "--no-watch", "--progress-ms", "3600000", "--format", "flat",
                                    "--run-id", run, "--bus", bus, "--control", control, "--state-dir", f"{folder}/state", "--",
                                    sys.executable, "-c", AGENT, str(args.events + SKIPPED), str(args.gap_ms * args.runs)]) for run in runs]
        bare_agent, bare = start_bare(args.events + SKIPPED, args.gap_ms)
        ours, machine = collect(sockets, bare, args.events)
        bare_agent.kill()
        for agent in [*agents, bare_agent]:
            agent.wait()
        gateway.terminate()
        gateway.wait()
    if not ours or not machine:
        sys.exit("nothing came")
    print(f"runs {args.runs}, gap {args.gap_ms:.0f} ms, store {args.store}, load {os.getloadavg()[0]:.1f}")
    print(line("  through", ours))
    print(line("  bare   ", machine))
    if len(ours) < args.events * args.runs:
        sys.exit("events are missing")


if __name__ == "__main__":
    main()
