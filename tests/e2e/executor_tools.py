"""What the executor's tests share: running a command bare and under agentgate-exec, and reading its journal."""
import os
import pathlib
import sqlite3
import subprocess
import time

import msgpack

TIMEOUT = 60


class Executor:
    """agentgate-exec of one build, with a state folder and no gateway unless told."""

    def __init__(self, build, folder):
        self.program = build / "agentgate-exec"
        self.probe = build / "tests" / "e2e" / "probe"
        self.faults = build / "tests" / "e2e" / ".libs" / "faults.so"
        self.folder = folder
        self.state = folder / "state"
        self.work = folder / "work"
        self.work.mkdir(exist_ok=True)
        self.count = 0
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """A failed test leaves nothing running: the guard of a killed executor ends its agent."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()

    def words(self, *options, command, run_id):
        return [str(w) for w in (self.program, "--state-dir", self.state, "--run-id", run_id, *options, "--", *command)]

    def environment(self, **more):
        """Endpoints are named: where a gateway is installed, the usual ones are its."""
        kept = {k: v for k, v in os.environ.items() if k == "AGENTGATE_CONFIG" or not k.startswith("AGENTGATE_")}
        return {**kept, "AGENTGATE_GATEWAY": f"{self.folder}/agentgate", "XDG_RUNTIME_DIR": str(self.folder), **more}

    def start(self, *options, command, run_id=None, **popen):
        """Starts it; the run's id is then in .run_id of what is returned."""
        self.count += 1
        run_id = run_id or f"run-{self.count}"
        popen.setdefault("cwd", self.work)
        popen.setdefault("env", self.environment())
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        popen.setdefault("bufsize", 0)          # communicate() knows nothing of what a buffer has taken
        process = subprocess.Popen(self.words(*options, command=command, run_id=run_id), **popen)
        process.run_id = run_id
        self.started.append(process)
        return process

    def run(self, *options, command, run_id=None, timeout=TIMEOUT, **popen):
        """Runs it to its end."""
        process = self.start(*options, command=command, run_id=run_id, **popen)
        process.out, process.err = process.communicate(timeout=timeout)
        return process

    def run_dir(self, run_id):
        return self.state / "runs" / run_id

    def events(self, run_id):
        """All events in the journal, oldest first."""
        path = self.run_dir(run_id) / "run.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return [msgpack.unpackb(row[0]) for row in db.execute("select data from event order by key")]


def read_exactly(stream, size):
    """Bytes of an unbuffered stream, fewer only at its end."""
    taken = b""
    while len(taken) < size and (part := stream.read(size - len(taken))):
        taken += part
    return taken


def of_type(events, *types):
    return [e for e in events if e["type"] in types]


def alive(pid):
    """Is there such a process, and is it more than a zombie?"""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def children(pid):
    return [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, check=False).stdout.split()]


def await_true(condition, timeout=TIMEOUT, what="the condition"):
    """Looks until it holds; for what tells nobody when it happens (another process' death, a file)."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true in {timeout} s")
        time.sleep(0.005)


def rss_kb(pid, field="VmRSS"):
    """Memory of a process; 0 when it has just ended."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field + ":")), 0)
