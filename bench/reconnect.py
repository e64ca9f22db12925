#!/usr/bin/python3
"""1,000 viewers come back at once, each owed 1,000 events; others watch live meanwhile.

    bench/reconnect.py BUILD [--viewers 1000] [--events 1000] [--rate-limit N ...]

Method. A run of --events events of some 600 bytes is delivered and ends. A thread of bench/reconnect (C) then publishes an event of
another stream each 25 ms and reads it back as a viewer, 3 s for itself; then a second thread's viewers (epoll) connect, subscribe from the start, and read until
replay_complete; each must have got every number once, in order. It is played twice: from the ring, and after a restart of the
gateway, when all must come from the disk. CPU is the gateway's, user and system, from /proc. Viewers and gateway share the
machine. The live viewer's window is 33 ms, and its events come faster than that: so up to 33 ms are the window's.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))

from fake_executor import FakeExecutor  # noqa: E402
from harness import Gateway  # noqa: E402


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0


def fill(gateway, events):
    with FakeExecutor(gateway, "R") as executor:
        executor.hello()
        executor.started()
        for i in range(events - 2):
            executor.emit("agent_tool_call", toolUseId=f"t{i}", tool="Bash", toolName="Bash", input={"command": "x" * 450})
        executor.completed()
        executor.serve_until(lambda: executor.acked == events)


def play(args, gateway, what):
    before = cpu_seconds(gateway.process.pid)
    result = subprocess.run([args.build / "bench" / "reconnect", str(gateway.port), gateway.bus, "R", str(args.events), str(args.viewers)],
                            capture_output=True, text=True)
    if not result.stdout:
        sys.exit(result.stderr)
    figures = json.loads(result.stdout)
    cpu = cpu_seconds(gateway.process.pid) - before
    live = figures["meanwhile"]
    print(f"{what}: {figures['complete']} of {figures['viewers']} complete, {figures['wrong']} wrong, in {figures['seconds']:.2f} s; "
          f"gateway CPU {cpu:.2f} s ({cpu / figures['events'] * 1e6:.2f} us an event), peak RSS {rss_mb(gateway.process.pid):.0f} MB; live events "
          f"p50 {live['p50_ms']:.1f} p99 {live['p99_ms']:.1f} max {live['max_ms']:.1f} ms meanwhile "
          f"(before: p50 {figures['before']['p50_ms']:.1f} p99 {figures['before']['p99_ms']:.1f}); load {os.getloadavg()[0]:.1f}", flush=True)
    return result.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--rate-limit", nargs="*", default=["50", "0"])
    args = parser.parse_args()
    status = 0
    for rate in args.rate_limit:
        with tempfile.TemporaryDirectory(prefix="ag-") as folder:
            with Gateway(args.build, pathlib.Path(folder), "--rate-limit", rate) as gateway:
                fill(gateway, args.events)
                status |= play(args, gateway, f"rate {rate}, from the ring")
            with Gateway(args.build, pathlib.Path(folder), "--rate-limit", rate) as gateway:
                status |= play(args, gateway, f"rate {rate}, from the disk")
    sys.exit(status)


if __name__ == "__main__":
    main()
