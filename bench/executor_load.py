#!/usr/bin/python3
"""What agentgate-exec costs the agent, and itself: time, memory, CPU.

    executor_load.py BUILD [CASE...]        prints a table; BUILD is a build folder without sanitizers

Each case runs a command bare (its stdout read by this program) and under the executor (the same), several times in turn, and
compares the medians of the agent's own wall time, told by the agent itself: from its start to its end, so that neither our
start-up nor our linger counts. "peak" is the executor's VmHWM at the agent's end, "growth" how much its RSS grew in the second half
of the run, "guard" the most of the guard's Pss (the rest of it is shared with the executor). CPU is the executor's alone,
user + system. Cases that need root (a small tmpfs) are skipped without.
"""
import atexit
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(__file__).resolve().parents[1]
PROBE = BUILD / "tests" / "e2e" / "probe"
REPLAY = BUILD / "agentgate-replay"


def environment(folder):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AGENTGATE_")}
    return {**kept, "XDG_RUNTIME_DIR": str(folder)}


def timed(folder, command):
    """The command, told to write its own start and end to a file."""
    stamp = folder / "stamp"
    stamp.unlink(missing_ok=True)
    words = " ".join(f"'{w}'" for w in map(str, command))
    return stamp, ["/bin/sh", "-c", f"s=$(date +%s%N); {words}; r=$?; e=$(date +%s%N); echo $s $e > {stamp}; exit $r"]


def wall_of(stamp):
    start, end = map(int, stamp.read_text().split())
    return (end - start) / 1e9


def status(pid, field):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def guard_pss(pid):
    """KiB that the guard has for itself; 0 when it cannot be said."""
    try:
        child = int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        lines = pathlib.Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
    except (OSError, IndexError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drain(stream, counter):
    while True:
        block = stream.read1(1 << 20)
        if not block:
            return
        counter[0] += len(block)


def run(command, folder, cwd, reads=True, during=None):
    """Runs it; returns its cost and the bytes that came out."""
    process = subprocess.Popen([str(w) for w in command], cwd=cwd, env=environment(folder), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    counter = [0]
    reader = threading.Thread(target=drain, args=(process.stdout, counter))
    if reads:
        reader.start()
    stamp, peak, used, guard, sizes = folder / "stamp", 0, 0.0, 0, []
    if during:
        during(process)
    while process.poll() is None:
        peak, used = max(peak, status(process.pid, "VmHWM")), cpu_or(process.pid, used)
        sizes.append(status(process.pid, "VmRSS"))
        if len(sizes) % 20 == 1:
            guard = max(guard, guard_pss(process.pid))
        if stamp.exists() and not reads:
            reads = True
            reader.start()
        time.sleep(0.01)
    reader.join()
    if process.returncode != 0:
        raise SystemExit(f"{command} ended with {process.returncode}")
    sizes = [size for size in sizes if size]
    growth = sizes[-1] - sizes[len(sizes) // 2] if sizes else 0
    return {"peak": peak, "cpu": used, "growth": growth, "guard": guard, "bytes": counter[0]}


def cpu_or(pid, last):
    try:
        return cpu(pid)
    except OSError:
        return last


def compare(name, command, rounds=5, reads=True, state=None, during=None, options=(), before=None):
    bare, under, costs, sizes = [], [], [], set()
    for turn in range(rounds):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ag-"))
        work = folder / "work"
        work.mkdir()
        if before:
            before(work)
        stamp, words = timed(folder, command)
        try:
            if reads:
                sizes.add(run(words, folder, work)["bytes"])
                bare.append(wall_of(stamp))
                stamp.unlink()
            else:           # with a stuck reader the bare agent would hang: compare with one that is read
                process = subprocess.run(words, cwd=work, stdout=subprocess.DEVNULL, check=True)
                bare.append(wall_of(stamp))
                stamp.unlink()
            place = state(folder) if state else folder / "state"
            cost = run([BUILD / "agentgate-exec", "--state-dir", place, "--run-id", "r", *options, "--", *words],
                       folder, work, reads, during)
            under.append(wall_of(stamp))
            costs.append(cost)
            sizes.add(cost["bytes"])
        finally:
            if state:
                subprocess.run(["umount", "-l", folder / "disk"], stderr=subprocess.DEVNULL, check=False)
            shutil.rmtree(folder, ignore_errors=True)
    b, u = statistics.median(bare), statistics.median(under)
    complete = "" if len(sizes) == 1 or not reads else f"  STDOUT DIFFERS {sizes}"
    peak, guard, growth = (max(cost[what] for cost in costs) / 1024 for what in ("peak", "guard", "growth"))
    cpu_s = statistics.median(cost["cpu"] for cost in costs)
    print(f"{name:34} {b:9.3f} {u:9.3f} {100 * (u / b - 1):+8.2f} % {peak:8.1f} {growth:+8.1f} {guard:8.1f} {cpu_s:8.2f}{complete}", flush=True)


def ends(name, options=(), rounds=10, before=None):
    """From the start of the executor to that of the agent, and from the end of the agent to that of the executor."""
    starts, stops = [], []
    for turn in range(rounds):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ag-"))
        (folder / "work").mkdir()
        if before:
            before(folder)
        begin = time.time()
        process = subprocess.run([str(BUILD / "agentgate-exec"), "--state-dir", folder / "state", *options, "--", "sh", "-c",
                                  "date +%s.%N; sleep 0.2; exec date +%s.%N"], cwd=folder / "work", env=environment(folder),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        end = time.time()
        first, last = map(float, process.stdout.split())
        starts.append(first - begin)
        stops.append(end - last)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{name:34} agent starts after {1000 * statistics.median(starts):.1f} ms (most {1000 * max(starts):.1f}), "
          f"executor ends {1000 * statistics.median(stops):.0f} ms after it (most {1000 * max(stops):.0f})", flush=True)


def old_runs(count):
    """That many runs in the state dir that still owe something."""
    def make(folder):
        seed = folder / "state" / "runs" / "seed"
        subprocess.run([BUILD / "agentgate-exec", "--state-dir", folder / "state", "--run-id", "seed", "--linger", "0", "--", "true"],
                       env=environment(folder), cwd=folder / "work", check=True)
        for number in range(count):
            shutil.copytree(seed, seed.parent / f"old{number}")
    return make


def small_disk(folder):
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k,mode=700", "tmpfs", disk], check=True)
    return disk


def read_only_disk(folder):
    disk = small_disk(folder)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    return disk / "state"


def tree(files, each=100):
    def make(work):
        for i in range(files):
            if i % each == 0:
                (work / f"d{i // each}").mkdir()
            (work / f"d{i // each}" / f"f{i}").write_bytes(b"x")
    return make


def archive(files):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ag-"))
    atexit.register(shutil.rmtree, folder)
    (folder / "tree").mkdir()
    tree(files)(folder / "tree")
    subprocess.run(["tar", "cf", folder / "tar", "-C", folder / "tree", "."], check=True)
    return ["sh", "-c", f"mkdir t; tar xf {folder}/tar -C t; mv t u; for d in u/d1?; do mv $d $d.x; done; rm -r u/d2?; sleep 0.5"]


RECORDINGS = ROOT / "tests" / "recordings" / "claude"
played = [REPLAY, "--stdout", RECORDINGS / "long_text_partial.jsonl"]
MB = 1000 * 1000


def with_gateway(name, command, disturb):
    """A run with a gateway, which `disturb` (gateway) treats badly meanwhile."""
    with tempfile.TemporaryDirectory(prefix="ag-") as folder:
        gateway = subprocess.Popen([BUILD / "agentgate-gateway", "--listen", "127.0.0.1:0", "--bus", f"ipc://{folder}/bus",
                                    "--control", f"ipc://{folder}/control", "--state-dir", f"{folder}/gateway"],
                                   stderr=subprocess.DEVNULL)
        try:
            compare(name, command, 1, during=lambda _: disturb(gateway), options=["--gateway", folder])
        finally:
            gateway.kill()
            gateway.wait()


def stop_for_a_minute(gateway):
    """It does not read what is published from second 5 to 65 of a run of 98 s."""
    threading.Timer(5, gateway.send_signal, [signal.SIGSTOP]).start()
    threading.Timer(65, gateway.send_signal, [signal.SIGCONT]).start()


def kill_soon(gateway):
    threading.Timer(3, gateway.kill).start()


CASES = {
    "played": lambda: compare("recording, real time", played, 3),
    "stuck": lambda: compare("recording, stuck stdout reader", played, 3, reads=False),
    "full": lambda: compare("recording, disk full (400 KiB)", played, 3, state=small_disk),
    "readonly": lambda: compare("recording, read-only state dir", played, 3, state=read_only_disk),
    "killed": lambda: with_gateway("10 s, gateway killed after 3 s", played, kill_soon),
    "stopped": lambda: with_gateway("98 s, gateway stopped for 60 s", [REPLAY, "--stdout", RECORDINGS / "long_run.jsonl"],
                                    stop_for_a_minute),
    "garbage": lambda: compare("200 MB of garbage", [PROBE, "floods", 200 * MB], 3),
    "garbage-quiet": lambda: compare("200 MB of garbage, --quiet", [PROBE, "floods", 200 * MB], 3, options=["--quiet"]),
    "lines": lambda: compare("1,000,000 lines of 10 bytes", [PROBE, "write", 10, 1000000], 3),
    "bytes": lambda: compare("100,000 writes of one newline", [PROBE, "write", 1, 100000], 3),
    "stuck-big": lambda: compare("100 MB, stuck reader", [PROBE, "write", 10000, 10000], 3, reads=False),
    "tree": lambda: compare("sleep 2, tree of 50,000 files", ["sleep", "2"], 3, before=tree(50000)),
    "no-tree": lambda: compare("sleep 2, empty workspace", ["sleep", "2"], 3),
    "ends": lambda: ends("no gateway"),
    "ends-old": lambda: ends("no gateway, 5,000 runs owe", rounds=3, before=old_runs(5000)),
    "ends-tree": lambda: ends("no gateway, tree of 50,000 files", rounds=3, before=lambda folder: tree(50000)(folder / "work")),
    "renames": lambda: compare("5,000 folders of 10 files renamed", ["sh", "-c", "sleep 1; for d in d*; do mv $d e$d; done; sleep 2"], 1,
                               before=tree(50000, 10)),
    "unpack": lambda: compare("20,000 files unpacked, renamed", archive(20000), 3),
    "unpack-off": lambda: compare("the same, --no-watch", archive(20000), 3, options=["--no-watch"]),
}

if __name__ == "__main__":
    print(f"load {os.getloadavg()[0]:.1f}\n{'case':34} {'bare s':>9} {'under s':>9} {'agent':>10} {'peak MiB':>8} {'growth':>8} {'guard':>8} {'CPU s':>8}")
    for case in sys.argv[2:] or CASES:
        if case in ("full", "readonly") and os.geteuid() != 0:
            print(f"{case:34} skipped: needs root")
            continue
        CASES[case]()
