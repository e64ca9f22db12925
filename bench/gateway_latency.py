#!/usr/bin/python3
"""The gateway's part of the latency: from a ZeroMQ send of an event to its frame at a WebSocket client, idle streams.

    bench/gateway_latency.py BUILD [--events 500] [--gap-ms 150] [--store sqlite|none]

Method. This process sends an event of a fake executor, and reads the viewer's socket until that event's frame is there; both times are
CLOCK_MONOTONIC of one thread. So the figure holds: ZeroMQ (ipc) both ways of its thread, decode, order, store hand-over, hub, frame,
loopback TCP, the wake-up of this process. The gap is longer than the batching window, so each event is the first after quiet.
The first 20 are not counted.
"""
import argparse
import os
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from fake_executor import FakeExecutor  # noqa: E402
from harness import Gateway  # noqa: E402
from latency import Viewer  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--gap-ms", type=float, default=150)
    parser.add_argument("--store", default="sqlite")
    args = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory(prefix="ag-") as folder:
        with Gateway(args.build, pathlib.Path(folder), "--rate-limit", "0", "--store", args.store) as gateway, \
                FakeExecutor(gateway, "r") as executor:
            viewer = Viewer(gateway.port, "r")
            executor.hello()
            executor.started()
            for i in range(args.events + 20):
                time.sleep(args.gap_ms / 1000 * random.uniform(0.9, 1.3))
                while executor.serve_one(0):
                    pass
                executor.say("HEARTBEAT")
                mark = b"@@%d@@" % i
                executor.write("agent_output", content=mark.decode(), kind="text")
                frames = executor.frames(len(executor.journal))
                sent = time.monotonic_ns()
                executor.bus.send_multipart(frames)
                viewer.await_mark(mark)
                figures.append((time.monotonic_ns() - sent) / 1000)
    figures = sorted(figures[20:])
    at = lambda q: figures[min(len(figures) - 1, int(len(figures) * q))]  # noqa: E731
    print(f"events {len(figures)}, store {args.store}: p50 {at(.5):.0f} us, p90 {at(.9):.0f} us, p99 {at(.99):.0f} us, "
          f"max {figures[-1]:.0f} us, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
