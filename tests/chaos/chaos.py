#!/usr/bin/python3
"""Nothing lost: real gateways, executors and viewers in a bad world, and at the end everything is compared.

    chaos.py BUILD [--seconds 600] [--gateways 2] [--seed N] [--keep DIR]

In rounds of some ten seconds: executors run fast agents whose output is known (agent.py) through a network that drops, delays,
reorders and duplicates (proxy.py); orchestrators emit; viewers come and go at whatever position they have (viewer.py); gateways and
executors are killed by SIGKILL, stopped for a while, and started again. Then the world calms down, what is owed is delivered, and
for every stream it must hold that

    what the agent wrote = the journal = each gateway's store, byte for byte = what each viewer saw,

where a viewer may lack only what it did not ask for, or what a true gap record names. Every decision is drawn from the seed, which
is printed; real processes keep their own time, so the same seed gives the same deeds, not the same instant of each.
"""
import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

import msgpack

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import agent  # noqa: E402
from harness import Gateway, Program  # noqa: E402
from viewer import MODES, Complaint, Viewer, judge, judge_chain  # noqa: E402

ROUND_SECONDS = 10
CALM_SECONDS = 120          # after the storm nothing may take longer: a bound for hangs
ENDS = ("run_completed", "run_failed")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """proxy.py, in front of one gateway."""

    def __init__(self, seed, name, folder, gateway_folder):
        self.bus, self.control = f"ipc://{folder}/{name}.bus", f"ipc://{folder}/{name}.control"
        words = [sys.executable, HERE / "proxy.py", f"{seed} {name}", self.bus, self.control, f"ipc://{gateway_folder}/bus",
                 f"ipc://{gateway_folder}/control"]
        self.process = subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Host:
    """A gateway that is killed and comes back on the same port and files, and the bad network in front of it."""

    def __init__(self, build, folder, name, seed):
        self.build, self.folder = build, folder / name
        self.folder.mkdir()
        self.chance = random.Random(f"{seed} {name}")
        self.starting = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.proxy = Proxy(seed, name, folder, self.folder)
        self.options = ["--rate-limit", "0", "--buffer-size", str(self.chance.choice([16, 64, 300, 1000]))]
        self.kills = 0
        self.says = ""              # of the gateways that were killed
        self.start()

    def start(self):
        self.gateway = Gateway(self.build, self.folder, *self.options, port=self.port)

    def kill(self):
        self.gateway.kill(signal.SIGKILL)
        self.gateway.wait()
        self.says += self.gateway.stderr
        self.gateway = None
        self.kills += 1

    def store(self):
        return self.folder / "gateway" / "history.db"

    def close(self):
        if self.gateway:
            self.gateway.__exit__()
            self.says += self.gateway.stderr
        self.proxy.close()

    async def suffer(self):
        while True:
            await asyncio.sleep(self.chance.uniform(0.3, 4.0))
            if not self.gateway:
                continue
            if self.chance.random() < 0.2:
                gateway = self.gateway
                gateway.kill(signal.SIGSTOP)
                await asyncio.sleep(self.chance.uniform(0.1, 1.5))
                gateway.kill(signal.SIGCONT)
            else:
                self.kill()
                await asyncio.sleep(self.chance.choice([0.0, 0.0, 0.3, 2.0]))
                await self.come_back()

    async def come_back(self):
        self.starting = asyncio.get_running_loop().run_in_executor(None, self.start)
        await asyncio.shield(self.starting)

    async def recover(self):
        if self.starting:
            await self.starting
        if self.gateway is None:
            self.start()
        self.gateway.kill(signal.SIGCONT)


class World:
    def __init__(self, build, folder, seed, gateways, log=print):
        self.build, self.folder, self.seed, self.log = build, folder, seed, log
        self.hosts = [Host(build, folder, f"g{i}", seed) for i in range(gateways)]
        self.state = folder / "state"
        self.kills = self.runs = 0
        self.agents = {}            # run id -> what its agent says

    def close(self):
        for host in self.hosts:
            host.close()

    def endpoints(self):
        return [word for host in self.hosts for word in ("--bus", host.proxy.bus, "--control", host.proxy.control)]

    def environment(self):
        return {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}

    # What goes on in a round

    async def run_agents(self, chance, work_orders):
        """One after the other; every other one is killed, some are only stopped for a while."""
        while True:
            self.runs += 1
            run, form = f"r{self.runs}", chance.choice(["flat", "flat", "claude"])
            lines = chance.choice([3, 50, 400, 1500]) // (5 if form == "claude" else 1) + 1
            agent_seed = f"{self.seed} {run}"
            self.agents[run] = agent_seed, lines, form
            words = [self.build / "agentgate-exec", "--run-id", run, "--work-order", chance.choice(work_orders),
                     "--state-dir", self.state, "--linger", "1", "--format", form, "--no-watch", "--quiet", *self.endpoints(),
                     "--", sys.executable, HERE / "agent.py", agent_seed, lines, form]
            with Program(words, env=self.environment(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as program:
                try:
                    await self.spare_or_kill(chance, program)
                finally:
                    program.kill(signal.SIGCONT)
            if program.process.returncode == 0 and not (self.state / "runs" / run / "owed").exists():
                await self.kill_at_the_worst_moment(chance)

    async def kill_at_the_worst_moment(self, chance):
        """Something was acknowledged this moment: it must be on a disk."""
        host = chance.choice(self.hosts)
        if host.gateway and chance.random() < 0.3:
            host.kill()
            await host.come_back()

    async def spare_or_kill(self, chance, program):
        fate, left = chance.random(), chance.uniform(0.05, 3.0)
        while program.process.poll() is None:
            await asyncio.sleep(0.02)
            left -= 0.02
            if left > 0:
                continue
            if fate < 0.5:
                self.kills += 1
                program.kill(signal.SIGKILL)
            elif fate < 0.6:
                program.kill(signal.SIGSTOP)
                await asyncio.sleep(chance.uniform(0.1, 2.0))
                program.kill(signal.SIGCONT)
            fate, left = 1.0, 60.0

    async def emit(self, chance, work_orders, emitted):
        """Orchestrators, some at once, some killed."""
        while True:
            for _ in range(chance.choice([1, 1, 3])):
                work_order, number = chance.choice(work_orders), len(emitted)
                words = [self.build / "agentgate-emit", "--timeout", "30", "--state-dir", self.state, *self.endpoints(),
                         "work_order_updated", f"workOrderId={work_order}", f"status=s{number}"]
                process = subprocess.Popen(list(map(str, words)), env=self.environment(), stderr=subprocess.PIPE, text=True)
                emitted.append((process, work_order, number))
                if chance.random() < 0.1:
                    asyncio.get_running_loop().call_later(chance.uniform(0.0, 0.3), process.kill)
            left = chance.uniform(0.0, 1.0)
            while left > 0 and process.poll() is None:
                await asyncio.sleep(0.001)
                left -= 0.001
            if process.returncode == 0:
                await self.kill_at_the_worst_moment(chance)
            await asyncio.sleep(max(0.0, left))

    def make_viewers(self, chance, name, work_orders):
        viewers = []
        for host_number, host in enumerate(self.hosts):
            for mode in MODES:
                target = {"workOrderId": chance.choice(work_orders)}
                if mode != "plain" and chance.random() < 0.2:
                    target = {"runId": f"r{self.runs + chance.randrange(1, 4)}"}
                viewers.append(Viewer(f"{name}-g{host_number}-{mode}", self.seed, host.url.replace("http", "ws", 1) + "/ws", mode, target))
        return viewers

    async def round(self, number, seconds):
        chance = random.Random(f"{self.seed} round {number}")
        work_orders = [f"w{number}a", f"w{number}b"]
        first_run = self.runs + 1
        emitted = []
        viewers = self.make_viewers(chance, f"v{number}", work_orders)
        for host in self.hosts:
            host.proxy.say("storm")
        watching = [asyncio.ensure_future(viewer.come_and_go()) for viewer in viewers]
        deeds = [asyncio.ensure_future(deed) for deed in (
            *(self.run_agents(random.Random(chance.random()), work_orders) for _ in range(3)),
            self.emit(random.Random(chance.random()), work_orders, emitted), *(host.suffer() for host in self.hosts))]
        done, _ = await asyncio.wait([*deeds, *watching], timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        await self.calm_down(deeds, watching, viewers, emitted)
        for task in done:
            task.result()           # whatever went wrong in the test's own hands
        await self.reckon(viewers, work_orders, emitted, first_run)
        return sum(len(c.messages) for v in viewers for c in v.connections)

    # The reckoning

    async def calm_down(self, deeds, watching, viewers, emitted):
        for host in self.hosts:
            host.proxy.say("calm")
        for task in deeds:
            task.cancel()
        await asyncio.gather(*deeds, return_exceptions=True)
        for viewer in viewers:
            viewer.calm = True
        for host in self.hosts:
            await host.recover()
        await asyncio.gather(*watching)
        for process, _, _ in emitted:
            await asyncio.get_running_loop().run_in_executor(None, process.wait, CALM_SECONDS)

    def owed(self):
        """Marks; but not of a run that was killed before it had a journal."""
        return [mark for mark in self.state.glob("*/*/owed") if (mark.parent / "run.db").exists()]

    def deliver_owed(self):
        """As a timer would; over the calm network."""
        controls = [word for host in self.hosts for word in ("--control", host.proxy.control)]
        end = time.monotonic() + CALM_SECONDS
        while time.monotonic() < end:
            result = subprocess.run([self.build / "agentgate-replay", "--state-dir", self.state, *controls, "--owed"],
                                    capture_output=True, text=True, timeout=CALM_SECONDS, env=self.environment())
            if result.returncode == 0 and not self.owed():
                return
        raise Complaint(f"what is owed is not delivered: {result.stderr} {[str(p) for p in self.owed()]}")

    def journals(self, first_run, work_orders):
        """{stream: (epoch, {seq: bytes})} of this round."""
        out = {}
        folders = [self.state / "runs" / f"r{n}" for n in range(first_run, self.runs + 1)]
        for folder in (*folders, *(self.state / "work-orders" / w for w in work_orders)):
            if (folder / "run.db").exists():
                for stream, epoch, events in read_store(folder / "run.db"):
                    out[stream] = epoch, events
        return out

    async def reckon(self, viewers, work_orders, emitted, first_run):
        await asyncio.get_running_loop().run_in_executor(None, self.deliver_owed)
        journals = self.journals(first_run, work_orders)
        for host in self.hosts:
            compare_store(host, journals)
        for stream, (_, events) in journals.items():
            self.compare_agent(stream, [msgpack.unpackb(data) for data in events.values()])
        compare_emitted(emitted, journals)
        await self.compare_viewers(viewers, journals)

    def compare_agent(self, stream, events):
        """The journal holds what the agent wrote, from the first word on, in order; all of it if the run has completed."""
        if stream.startswith("@"):
            return
        if events[0]["type"] != "run_started" or events[-1]["type"] not in ENDS:
            raise Complaint(f"{stream}: begins with {events[0]['type']}, ends with {events[-1]['type']}")
        marks = [mark for event in events if not event.get("partial") and not event.get("incomplete") and (mark := mark_of(event))]
        if marks != list(range(1, len(marks) + 1)):
            raise Complaint(f"{stream}: not in the order in which the agent spoke")
        wanted = sum(1 for line, _ in agent.script(*self.agents[stream]) if line["type"] not in ("system", "stream_event"))
        if events[-1]["type"] == "run_completed" and len(marks) != wanted:
            raise Complaint(f"{stream}: the agent said {wanted} things, the journal has {len(marks)}")

    async def compare_viewers(self, viewers, journals):
        as_json = {stream: {seq: msgpack.unpackb(data) for seq, data in events.items()} for stream, (_, events) in journals.items()}
        for viewer in viewers:
            run, work_order = viewer.target.get("runId"), viewer.target.get("workOrderId")
            heads = {stream: ("%016x" % epoch, max(events)) for stream, (epoch, events) in journals.items()
                     if stream == run or as_json[stream][1]["workOrderId"] == work_order}
            exact = MODES[viewer.mode][1] in ("cursor", "seqs")
            if exact and heads:
                await viewer.catch_up(heads, CALM_SECONDS)
            parts = [judge(viewer, connection, as_json) for connection in viewer.connections]
            if exact:
                judge_chain(viewer, parts, as_json, heads)


def mark_of(event):
    """The number that the agent put into it."""
    if event["type"] == "agent_output":
        text = event["content"]
    elif event["type"] == "agent_tool_call":
        text = event["input"]["command"][5:]
    elif event["type"] == "agent_tool_result":
        text = event["contentPreview"]
    elif event["type"] == "agent_error" and event["source"] == "agent":
        text = event["message"]
    else:
        return None
    return int(text[1:text.index("#", 1)]) if text.startswith("#") else None


def read_store(path):
    """Streams of a journal or a history, while others may be at work on it."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as db:
        for number, stream, epoch in db.execute("select no, id, epoch from stream").fetchall():
            rows = db.execute("select key, data from event where key between ? and ? order by key",
                              (number << 36, (number << 36) + (1 << 36) - 1))
            yield stream.decode(), int.from_bytes(epoch, "big"), {key & ((1 << 36) - 1): data for key, data in rows}


def compare_store(host, journals):
    stored = {stream: (epoch, events) for stream, epoch, events in read_store(host.store())}
    for stream, journal in journals.items():
        if stored.get(stream) != journal:
            epoch, events = stored.get(stream, (0, {}))
            lost = sorted(set(journal[1]) - set(events))
            raise Complaint(f"{host.folder.name}: {stream}: the store is not the journal: epoch {epoch:x} of {journal[0]:x}, "
                            f"lost {lost[:10]} ({len(lost)} of {len(journal[1])}), more {sorted(set(events) - set(journal[1]))[:10]}")
        export = urllib.request.urlopen(f"{host.url}/api/v1/runs/{urllib.request.quote(stream, safe='')}/export", timeout=60).read()
        seqs = [json.loads(line)["seq"] for line in export.splitlines()]
        if seqs != list(journal[1]):
            raise Complaint(f"{host.folder.name}: {stream}: the export is not the journal: {len(seqs)} of {len(journal[1])}")


def compare_emitted(emitted, journals):
    """What agentgate-emit promised is in the journal, once."""
    for process, work_order, number in emitted:
        _, events = journals.get(f"@{work_order}", (0, {}))
        count = sum(msgpack.unpackb(data)["status"] == f"s{number}" for data in events.values())
        promised = process.returncode in (0, 3)
        if process.returncode not in (0, 3, -signal.SIGKILL):
            raise Complaint(f"agentgate-emit: status {process.returncode}: {process.stderr.read()}")
        if count > 1 or promised and count != 1:
            raise Complaint(f"agentgate-emit said {process.returncode}, and s{number} is in the journal {count} times")


def without_noise(loop, context):
    """A handshake that is cut leaves tasks of the WebSocket library behind."""
    if "was destroyed but it is pending" not in context["message"]:
        loop.default_exception_handler(context)


async def play(build, folder, seed, gateways, seconds, log=print):
    asyncio.get_running_loop().set_exception_handler(without_noise)
    world = World(build, folder, seed, gateways, log)
    try:
        number = messages = 0
        while seconds > 0:
            number += 1
            began = time.monotonic()
            messages += await asyncio.wait_for(world.round(number, min(seconds, ROUND_SECONDS)), 5 * CALM_SECONDS)
            seconds -= ROUND_SECONDS
            log(f"round {number}: {world.runs} runs, {world.kills} executors and {sum(h.kills for h in world.hosts)} gateways killed, "
                f"{messages} messages judged; {time.monotonic() - began:.0f} s")
    except BaseException:
        for host in world.hosts:
            with contextlib.suppress(Exception):
                (folder / f"{host.folder.name}.log").write_text(host.says + (host.gateway.stderr if host.gateway else ""))
        raise
    finally:
        world.close()


def run(build, seed, gateways, seconds, log=print, keep=None):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ag-"))
    try:
        asyncio.run(play(pathlib.Path(build).resolve(), folder, seed, gateways, seconds, log))
    except BaseException:
        if keep:
            sockets = lambda path, names: [name for name in names if (pathlib.Path(path) / name).is_socket()]  # noqa: E731
            shutil.copytree(folder, keep, dirs_exist_ok=True, ignore=sockets)
            log(f"kept in {keep}")
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--keep", help="folder for what is left when it fails")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    run(args.build, args.seed, args.gateways, args.seconds, lambda text: print(text, flush=True), args.keep)
    print("0 differences")


if __name__ == "__main__":
    main()
