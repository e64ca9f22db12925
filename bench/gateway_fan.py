#!/usr/bin/python3
"""What many viewers cost: CPU per delivered event, latency, memory; beside Node's ws, in turn on the same machine.

    bench/gateway_fan.py BUILD [--clients 200] [--rate 1000] [--seconds 10] [--size 200] [--rounds 3]
    bench/gateway_fan.py BUILD --memory

Method. bench/fan opens the viewers and publishes, open loop; the server's CPU is user and system time of its process over the whole
of it (/proc/PID/stat), divided by the deliveries: kernel time of loopback TCP is in it, and the store's thread. Each round starts each
server anew, one after the other, so that a change of the machine's load hits all. Without a rate limit, so that everything is
delivered. "tick" is --batch-ms. `ws` is bench/fan_ws.mjs with the ws of gateway/dashboard/node_modules; it keeps nothing.

--memory: 20 live runs, 200 viewers, defaults; first small events, then a mix of sizes that fills all rings. The highest RSS (VmHWM) must
stay below 50 MB.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
PLAIN = '{"type":"subscribe","workOrderId":"w-%d"}'
BATCH = '{"type":"subscribe","runId":"r-%d","batch":true}'


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def megabytes(pid, key):
    return int(re.search(key + r":\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


class Server:
    """The gateway, or the other one; fan() drives it."""

    def __init__(self, args, options=None):
        self.args, self.folder = args, tempfile.TemporaryDirectory(prefix="ag-")
        self.bus = f"ipc://{self.folder.name}/bus" if options is not None else None
        if options is not None:
            command = [args.build / "agentgate-gateway", "--listen", "127.0.0.1:0", "--bus", self.bus, "--control",
                       f"ipc://{self.folder.name}/control", "--republish", "none", "--state-dir", f"{self.folder.name}/state", *options]
            self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        else:
            self.process = subprocess.Popen(["node", ROOT / "bench/fan_ws.mjs"], stderr=subprocess.PIPE, text=True,
                                            stdin=subprocess.PIPE)
        for line in self.process.stderr:
            if found := re.search(r"listening on http://[^:]+:(\d+)", line):
                self.port = int(found.group(1))
                break

    def fan(self, subscribe, runs=1, rate=None, seconds=None, size=None, clients=None):
        args = self.args
        words = [self.port, subscribe, clients or args.clients, runs, rate or args.rate, seconds or args.seconds, size or args.size]
        before = cpu_seconds(self.process.pid)
        done = subprocess.run([args.build / "bench/fan", *map(str, words), *([self.bus] if self.bus else [])], stderr=subprocess.PIPE,
                              stdout=self.process.stdin or subprocess.DEVNULL, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        figures = json.loads(done.stderr)
        figures["cpu_us"] = (cpu_seconds(self.process.pid) - before) * 1e6 / max(1, figures["deliveries"])
        figures["rss_mb"] = megabytes(self.process.pid, "VmHWM")
        return figures

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def compare(args):
    cases = {
        "batch, tick 100 ms": (["--rate-limit", "0"], BATCH), "plain, tick 100 ms": (["--rate-limit", "0"], PLAIN),
        "batch, tick 20 ms": (["--rate-limit", "0", "--batch-ms", "20"], BATCH),
        "plain, tick 20 ms": (["--rate-limit", "0", "--batch-ms", "20"], PLAIN), "ws": (None, PLAIN),
    }
    results = {name: [] for name in cases}
    for _ in range(args.rounds):
        for name, (options, subscribe) in cases.items():
            server = Server(args, options)
            results[name].append(server.fan(subscribe))
            server.stop()
    print(f"{args.clients} viewers of one run, {args.rate} events/s, {args.seconds} s, {args.size} characters; medians of {args.rounds}, "
          f"load {os.getloadavg()[0]:.1f}")
    for name, rounds in results.items():
        middle = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
        spread = f"({min(r['cpu_us'] for r in rounds):.2f}-{max(r['cpu_us'] for r in rounds):.2f})"
        print(f"{name:20} {middle['cpu_us']:6.2f} us CPU per delivery {spread:13} p50 {middle['p50_us'] / 1e3:7.1f} ms, "
              f"p99 {middle['p99_us'] / 1e3:7.1f} ms; delivered {middle['deliveries'] / middle['expected']:.2%}; VmHWM {middle['rss_mb']:.0f} MB")


def memory(args):
    failed = False
    for name, subscribe in (("batch", BATCH), ("plain", PLAIN)):
        server = Server(args, [])
        idle = megabytes(server.process.pid, "VmRSS")
        for size, rate in (("300", 1000), ("30000+", 400), ("30000+", 400), ("30000+", 400)):
            server.fan(subscribe, runs=20, clients=200, rate=rate, seconds=args.seconds, size=size)
            highest = megabytes(server.process.pid, "VmHWM")
            print(f"{name}, 20 runs, 200 viewers, defaults: idle {idle:.1f} MiB, highest after {rate} events/s of {size} characters "
                  f"{highest:.1f} MiB", flush=True)
        failed |= highest * 1.048576 >= 50
        server.stop()
    sys.exit("50 MB are the limit" if failed else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    args = parser.parse_args()
    memory(args) if args.memory else compare(args)


if __name__ == "__main__":
    main()
