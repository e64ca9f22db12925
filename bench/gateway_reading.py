#!/usr/bin/python3
"""What a viewer of one run notices while others read the history of a long one over HTTP.

    bench/gateway_reading.py BUILD [--events 100000] [--runs 2000] [--probes 200]

Method. One run of --events events and --runs short ones are put into the store. Then a fake executor sends an event of another run
each 20 ms, and this process takes the time from the ZeroMQ send to the frame at a viewer's socket (both CLOCK_MONOTONIC of one
thread): first with nothing else going on, then while a thread asks for one page after the other: the export of the long run, a
filter that finds nothing but its end, a search that finds nothing, the list of runs. The same run of the program gives all
figures, so their ratios hold under load of others, too. RSS is the gateway's, its highest (VmHWM) so far.
"""
import argparse
import os
import pathlib
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from fake_executor import FakeExecutor  # noqa: E402
from harness import Gateway  # noqa: E402
from latency import Viewer  # noqa: E402


def fill(gateway, run, events):
    """A run of so many events, all of them in the store."""
    with FakeExecutor(gateway, run) as executor:
        executor.hello()
        executor.started()
        for i in range(events - 2):
            executor.text("an ordinary line of text that an agent may have said, number %d" % i)
            if i % 200 == 0:
                executor.serve_until(lambda i=i: executor.acked > i - 2000, timeout=120)
        executor.completed()
        executor.serve_until(lambda: executor.acked == events, timeout=120)


class Reader(threading.Thread):
    """Asks for the same thing again and again."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.stopped, self.answers, self.bytes = url, False, 0, 0

    def run(self):
        while not self.stopped:
            with urllib.request.urlopen(self.url, timeout=120) as answer:
                while part := answer.read(65536):
                    self.bytes += len(part)
                    if self.stopped:
                        return
            self.answers += 1


def probe(executor, viewer, count):
    """Latencies in ms, sorted."""
    figures = []
    for i in range(count):
        time.sleep(0.02)
        while executor.serve_one(0):
            pass
        if i % 25 == 0:
            executor.say("HEARTBEAT")
        mark = b"@@%d@@" % len(executor.journal)
        executor.write("agent_error", message=mark.decode(), severity="error", source="agent")
        frames = executor.frames(len(executor.journal))
        sent = time.monotonic_ns()
        executor.bus.send_multipart(frames)
        viewer.await_mark(mark)
        figures.append((time.monotonic_ns() - sent) / 1e6)
    return sorted(figures)


def memory(gateway):
    text = pathlib.Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=100000)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--probes", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ag-") as folder:
        with Gateway(args.build, pathlib.Path(folder), "--rate-limit", "0") as gateway:
            fill(gateway, "long", args.events)
            for i in range(args.runs):
                fill(gateway, f"short-{i}", 3)
        # a fresh gateway: nothing of it is in memory
        with Gateway(args.build, pathlib.Path(folder), "--rate-limit", "0") as gateway, FakeExecutor(gateway, "r") as executor:
            viewer = Viewer(gateway.port, "r")
            executor.hello()
            executor.started()
            probe(executor, viewer, 20)
            runs = gateway.url + "/api/v1/runs"
            cases = {"nothing": None, "export": f"{runs}/long/export", "a page of 1,000": f"{runs}/long/events?limit=1000",
                     "types=run_completed": f"{runs}/long/events?types=run_completed", "search": f"{runs}/long/search?q=nowhere",
                     "the list of runs": f"{runs}?limit=1000"}
            print(f"{args.events} events in the long run, {args.runs} short runs, load {os.getloadavg()[0]:.1f}")
            for name, url in cases.items():
                reader = Reader(url) if url else None
                if reader:
                    reader.start()
                figures = probe(executor, viewer, args.probes)
                if reader:
                    reader.stopped = True
                    reader.join()
                at = lambda q: figures[min(len(figures) - 1, int(len(figures) * q))]  # noqa: E731, B023
                read = f"{reader.answers} answers, {reader.bytes / 1e6:.0f} MB" if reader else ""
                print(f"{name:22} p50 {at(.5):6.2f} ms, p99 {at(.99):7.2f} ms, max {figures[-1]:7.2f} ms; VmHWM {memory(gateway):.1f} MB; {read}")


if __name__ == "__main__":
    main()
