#!/usr/bin/python3
"""Does one viewer that has stopped reading hurt 200 others? Their latency with and without it, in one run of the gateway.

    bench/gateway_stalled.py BUILD [--minutes 5] [--clients 200] [--rate 8] [--size 20000]

Method. Blocks of 40 s in turn, without and with a stalled viewer, until it was stalled for --minutes in all; the good ones are bench/fan.
The stalled one is a process that is stopped by SIGSTOP as soon as it is subscribed, and goes on when the block ends: it must have been
told of its lag and been closed, and read the close code 4008. Printed: p50 and p99 of each block, the ratio of their medians, and the
gateway's memory at the end of each block.
"""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys

import gateway_fan

BLOCK_S = 40
READER = """
import asyncio, json, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], max_size=None, ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "subscribe", "runId": "r-0", "batch": True}))
        print(await socket.recv(), flush=True)
        said = []
        try:
            while True:
                message = json.loads(await socket.recv())
                if message["type"] == "backpressure":
                    said.append(message)
        except websockets.ConnectionClosed as closed:
            print(json.dumps({"code": closed.rcvd.code if closed.rcvd else None, "said": said}), flush=True)
asyncio.run(main())
"""


def stalled(port):
    process = subprocess.Popen(["/usr/bin/python3", "-c", READER, f"ws://127.0.0.1:{port}/ws"], stdout=subprocess.PIPE, text=True)
    assert "subscription_confirmed" in process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    return process


def block(server, args, with_stalled):
    process = stalled(server.port) if with_stalled else None
    figures = server.fan(gateway_fan.BATCH, seconds=BLOCK_S)
    figures["rss_mb"] = gateway_fan.megabytes(server.process.pid, "VmRSS")
    if process:
        process.send_signal(signal.SIGCONT)
        figures.update(json.loads(process.communicate(timeout=60)[0]))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=float, default=8)
    parser.add_argument("--size", type=int, default=20000)
    args = parser.parse_args()
    server = gateway_fan.Server(args, ["--rate-limit", "0"])
    results = {False: [], True: []}
    failed = False
    for number in range(2 * round(args.minutes * 60 / BLOCK_S + 0.49)):
        with_stalled = number % 2 == 1
        figures = block(server, args, with_stalled)
        results[with_stalled].append(figures)
        said = f"; closed with {figures['code']}, told {[m['state'] for m in figures['said']]}" if with_stalled else ""
        print(f"{'with' if with_stalled else 'without':8} p50 {figures['p50_us'] / 1e3:6.2f} ms, p99 {figures['p99_us'] / 1e3:7.2f} ms; "
              f"delivered {figures['deliveries'] / figures['expected']:.2%}; RSS {figures['rss_mb']:.1f} MiB; load {os.getloadavg()[0]:.1f}{said}",
              flush=True)
        failed |= figures["deliveries"] != figures["expected"]
        failed |= with_stalled and (figures["code"] != 4008 or not figures["said"])
    middle = {key: {quantile: statistics.median(r[quantile] for r in rounds) for quantile in ("p50_us", "p99_us", "rss_mb")}
              for key, rounds in results.items()}
    print(f"{args.clients} viewers, {args.rate} events/s of {args.size} characters; with a stalled one / without, medians: "
          f"p50 x{middle[True]['p50_us'] / middle[False]['p50_us']:.2f}, p99 x{middle[True]['p99_us'] / middle[False]['p99_us']:.2f}, "
          f"RSS {middle[True]['rss_mb'] - middle[False]['rss_mb']:+.1f} MiB")
    server.stop()
    sys.exit(failed)


if __name__ == "__main__":
    main()
