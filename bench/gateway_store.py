#!/usr/bin/python3
"""What the store costs the gateway: events a second to disk, and added latency, with the store on and off in one run.

    bench/gateway_store.py BUILD [--events 200000] [--latencies 400] [--flood 1000]

Method. Sustained: an executor's journal of --events text events is delivered (agentgate-replay --owed, RESEND windows over ipc) to a
gateway that has nothing; the time goes from the tool's start until all is acknowledged, which with a store is committed and synced.
Latency: two gateways beside each other, one with and one without a store, both fed with --flood events a second of a stream that
nobody watches. An event of an idle stream goes to one and then to the other in turn, and each is timed until its frame is read from a
viewer's socket, as in gateway_latency.py. So both see the same machine at the same time.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from fake_executor import FakeExecutor  # noqa: E402
from harness import Gateway, executor  # noqa: E402
from latency import Viewer  # noqa: E402

TALKER = """import sys
for i in range(%d):
    sys.stdout.write('{"type":"text","text":"%%d and some more words, so that it is as long as the median of what agents say, which is about so much"}\\n' %% i)
"""


def sustained(args, store):
    with tempfile.TemporaryDirectory(prefix="ag-") as folder:
        folder = pathlib.Path(folder)
        where = ["--control", f"ipc://{folder}/control", "--state-dir", folder / "state"]
        with executor(args.build, folder, "--bus", f"ipc://{folder}/bus", *where, "--run-id", "R", "--no-watch", "--quiet", "--linger", "0",
                      "--format", "flat", "--", sys.executable, "-c", TALKER % args.events) as run:
            run.wait(600)
        with Gateway(args.build, folder, "--store", store):
            began = time.monotonic()
            subprocess.run([args.build / "agentgate-replay", *where, "--owed"], check=True, capture_output=True)
            return args.events / (time.monotonic() - began)


class Side:
    """One gateway, a viewer of an idle stream, and a flood beside it."""

    def __init__(self, args, folder, store):
        folder.mkdir()
        self.store = store
        self.gateway = Gateway(args.build, folder, "--rate-limit", "0", "--store", store)
        self.viewer = Viewer(self.gateway.port, "r")
        self.idle, self.flood = FakeExecutor(self.gateway, "r"), FakeExecutor(self.gateway, "flood")
        self.idle.hello()
        self.idle.started()
        self.figures = []
        self.stopping = False
        self.thread = threading.Thread(target=self.keep_busy, args=(args.flood,), daemon=True)
        self.thread.start()

    def keep_busy(self, rate):
        self.flood.hello()
        while not self.stopping:
            for _ in range(max(1, rate // 100)):
                self.flood.emit("agent_output", content="x" * 500, kind="text")
            self.flood.say("HEARTBEAT")
            while self.flood.serve_one(0):
                pass
            time.sleep(0.01)

    def measure(self, number):
        mark = b"@@%d@@" % number
        self.idle.say("HEARTBEAT")
        while self.idle.serve_one(0):
            pass
        self.idle.write("agent_output", content=mark.decode(), kind="text")
        frames = self.idle.frames(len(self.idle.journal))
        sent = time.monotonic_ns()
        self.idle.bus.send_multipart(frames)
        self.viewer.await_mark(mark)
        self.figures.append((time.monotonic_ns() - sent) / 1000)

    def close(self):
        self.stopping = True
        self.thread.join()
        self.gateway.__exit__()

    def at(self, share):
        figures = sorted(self.figures[20:])
        return figures[min(len(figures) - 1, int(len(figures) * share))]


def latencies(args):
    with tempfile.TemporaryDirectory(prefix="ag-") as folder:
        sides = [Side(args, pathlib.Path(folder) / store, store) for store in ("sqlite", "none")]
        for number in range(args.latencies + 20):
            random.shuffle(sides)
            for side in sides:
                time.sleep(random.uniform(0.06, 0.1))       # longer than the window, between two of one side
                side.measure(number)
        for side in sides:
            side.close()
        return sides


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--events", type=int, default=200000)
    parser.add_argument("--latencies", type=int, default=400)
    parser.add_argument("--flood", type=int, default=1000)
    args = parser.parse_args()
    for store in ("sqlite", "none"):
        print(f"sustained, store {store}: {sustained(args, store):.0f} events/s, load {os.getloadavg()[0]:.1f}", flush=True)
    for side in sorted(latencies(args), key=lambda s: s.store):
        print(f"latency beside {args.flood} events/s, store {side.store}: p50 {side.at(.5):.0f} p90 {side.at(.9):.0f} p99 {side.at(.99):.0f} us, "
              f"{len(side.figures) - 20} events, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
