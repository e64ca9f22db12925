"""Nothing around the agent hurts it: no gateway, a dead or stopped one, a full or read-only disk, a reader that is stuck."""
import json
import os
import select
import signal
import subprocess
import time
import urllib.request

import pytest

from executor_tools import Executor, await_true, of_type, read_exactly, rss_kb
from harness import Gateway


@pytest.fixture
def executor(build_dir, run_dir):
    with Executor(build_dir, run_dir) as made:
        yield made


@pytest.fixture
def small_disk(run_dir):
    """A file system of 1 MiB; only root can make one."""
    path = run_dir / "disk"
    path.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", path], stderr=subprocess.PIPE, text=True)
    if made.returncode != 0:
        pytest.skip(f"needs root to mount a small tmpfs: {made.stderr.strip()}")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def text_lines(events):
    return [line for e in of_type(events, "agent_output") for line in e["content"].split("\n")]


def test_disk_full_in_mid_run(executor, small_disk):
    """The run goes on: all of its output is passed through, the journal that there is stays readable."""
    executor.state = small_disk
    process = executor.run(command=[executor.probe, "write", "1000", "4000", "100"])
    assert process.returncode == 0
    assert process.out == (b"x" * 999 + b"\n") * 4000
    assert b"JOURNAL_LOST" in process.err and b"ARTIFACT_LOST" in process.err
    events = executor.events(process.run_id)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    kept = (executor.run_dir(process.run_id) / "stdout").read_bytes()
    assert kept and process.out.startswith(kept)


def test_disk_full_with_a_gateway(build_dir, executor, small_disk):
    """Seq and epoch go on, and a gateway gets every event, also JOURNAL_LOST."""
    executor.state = small_disk
    with Gateway(build_dir, executor.folder, "--rate-limit", "0") as gateway:
        process = executor.run("--gateway", executor.folder, command=[executor.probe, "write", "1000", "3000", "300"], timeout=120)
        assert process.returncode == 0
        events = history(gateway, process.run_id)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert [e.get("code") for e in of_type(events, "agent_error")].count("JOURNAL_LOST") == 1
    assert events[-1]["type"] == "run_completed"
    assert len(text_lines(events)) >= 3000


def test_gateway_that_comes_after_the_journal_was_lost(build_dir, executor, small_disk):
    """It gets what the file has and the last 1,000 events, which are in memory; what is between is a gap, told as lost."""
    executor.state, done = small_disk, executor.folder / "done"
    process = executor.start("--gateway", executor.folder, "--linger", "30", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             command=["sh", "-c", f"{executor.probe} write 200 4000 100; touch {done}; read x; echo end"])
    await_true(done.exists, timeout=60, what="the agent's last line but one")
    with Gateway(build_dir, executor.folder, "--rate-limit", "0") as gateway:
        await_true(lambda: known(gateway, process.run_id), what="the run at the gateway")
        process.communicate(b"\n", timeout=60)
        events = history(gateway, process.run_id)
        kept = len(executor.events(process.run_id))
    seqs = [e["seq"] for e in events]
    assert events[0]["type"] == "run_started" and "journal" not in events[0]
    assert seqs[:kept] == list(range(1, kept + 1))
    behind = seqs[kept:]
    assert behind == list(range(behind[0], behind[-1] + 1)) and behind[0] > kept + 1 and len(behind) >= 1000
    assert text_lines(events)[-1] == "end" and events[-1]["type"] == "run_completed"


def known(gateway, run_id):
    with urllib.request.urlopen(f"{gateway.url}/api/v1/runs", timeout=30) as answer:
        return run_id in [run["runId"] for run in json.load(answer)["runs"]]


def history(gateway, run_id):
    """All events of a run by HTTP, once its end is there."""
    found = []

    def ended():
        found.clear()
        after = 0
        while after is not None:
            url = f"{gateway.url}/api/v1/runs/{run_id}/events?after={after}&limit=1000"
            with urllib.request.urlopen(url, timeout=30) as answer:
                page = json.load(answer)
            found.extend(page["events"])
            after = page["next"]
        return bool(found) and found[-1]["type"] in ("run_completed", "run_failed")
    await_true(ended, timeout=30, what="the end of the run in the gateway's history")
    return found


def test_state_dir_cannot_be_written(executor, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    executor.state = small_disk / "state"
    process = executor.run(command=["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (process.returncode, process.out) == (3, b"out\n")
    assert b"err\n" in process.err and b"Read-only" in process.err


def test_state_dir_is_a_file(executor):
    executor.state.write_text("")
    process = executor.run(command=["sh", "-c", "echo out; exit 3"])
    assert (process.returncode, process.out) == (3, b"out\n")
    assert b"goes on without" in process.err


def test_run_without_journal_says_so(build_dir, executor):
    executor.state.write_text("")
    with Gateway(build_dir, executor.folder, "--rate-limit", "0") as gateway:
        process = executor.run("--gateway", executor.folder, command=["echo", "x"])
        events = history(gateway, process.run_id)
    assert events[0]["type"] == "run_started" and events[0]["journal"] == "none"


def bad_disk(executor, **more):
    """An environment in which the disk of the state dir is bad (faults.c)."""
    return executor.environment(LD_PRELOAD=str(executor.faults), FAULTS_UNDER=str(executor.state), **more)


def test_agent_does_not_wait_for_a_slow_disk(executor):
    """No fsync returns before the agent has done its work: it is not held up at its start nor in mid-run."""
    gate = executor.folder / "gate"
    process = executor.run(command=["sh", "-c", f"{executor.probe} write 100 1000; sleep 1.5; echo over; touch {gate}; exit 3"],
                           env=bad_disk(executor, FAULTS_SLOW=str(gate)), timeout=60)
    assert process.returncode == 3
    assert process.out.endswith(b"over\n") and len(process.out) == 100 * 1000 + 5
    assert len(text_lines(executor.events(process.run_id))) >= 1001


def test_fsync_that_does_not_return_in_mid_run(build_dir, executor):
    """It holds up nothing: what the agent says is passed on, journalled and published as before."""
    hang, gate = executor.folder / "hang", executor.folder / "gate"
    script = f"echo first; read x; touch {hang}; while ! [ -e {gate} ]; do echo tick; sleep 0.1; done; rm {hang}; echo last"
    with Gateway(build_dir, executor.folder, "--rate-limit", "0") as gateway:
        process = executor.start("--gateway", executor.folder, command=["sh", "-c", script], stdin=subprocess.PIPE,
                                 env=bad_disk(executor, FAULTS_HANG=str(hang)))
        assert process.stdout.readline() == b"first\n"
        await_true(lambda: "first" in text_lines(executor.events(process.run_id)), what="the first line in the journal")
        process.stdin.write(b"\n")
        for _ in range(30):             # three times the time after which the journal is synced
            assert select.select([process.stdout], [], [], 20)[0], "the executor waits for its disk"
            assert process.stdout.readline() == b"tick\n"
        assert hang.exists()
        await_true(lambda: text_lines(executor.events(process.run_id)).count("tick") >= 30, what="the ticks in the journal")
        gate.touch()
        process.communicate(timeout=60)
        events = history(gateway, process.run_id)
    assert text_lines(events)[-1] == "last" and events[-1]["type"] == "run_completed"


def test_flood_while_no_fsync_returns(executor):
    """Far more than the log holds when it is usually moved into the database, which is synced then."""
    hang, done, gate = executor.folder / "hang", executor.folder / "done", executor.folder / "gate"
    script = f"echo first; read x; touch {hang}; {executor.probe} write 1000 20000; touch {done}; while ! [ -e {gate} ]; do sleep 0.1; done; rm {hang}"
    process = executor.start(command=["sh", "-c", script], stdin=subprocess.PIPE, env=bad_disk(executor, FAULTS_HANG=str(hang)))
    assert process.stdout.readline() == b"first\n"
    await_true(lambda: "first" in text_lines(executor.events(process.run_id)), what="the first line in the journal")
    process.stdin.write(b"\n")
    await_true(done.exists, timeout=30, what="the agent's work")
    gate.touch()
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, len(out)) == (0, 20_000_000)
    assert len(text_lines(executor.events(process.run_id))) >= 20_001


def test_input_output_error_in_mid_run(build_dir, executor):
    """As a full disk: told, the rest of the run is in memory, a gateway gets all of it."""
    gate = executor.folder / "gate"
    with Gateway(build_dir, executor.folder, "--rate-limit", "0") as gateway:
        process = executor.start("--gateway", executor.folder, stdin=subprocess.PIPE, env=bad_disk(executor, FAULTS_EIO=str(gate)),
                                 command=["sh", "-c", f"echo first; read x; touch {gate}; {executor.probe} write 100 500; exit 3"])
        assert process.stdout.readline() == b"first\n"
        await_true(lambda: len(text_lines(executor.events(process.run_id))) == 1, what="the first line in the journal")
        out, err = process.communicate(b"\n", timeout=60)
        assert process.returncode == 3
        events = history(gateway, process.run_id)
    assert len(out) == 50_000
    assert b"JOURNAL_LOST" in err and b"ARTIFACT_LOST" in err and b"Input/output error" in err
    assert {"JOURNAL_LOST", "ARTIFACT_LOST"} <= {e.get("code") for e in events}
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert len(text_lines(events)) >= 501
    kept = executor.events(process.run_id)
    assert kept and [e["seq"] for e in kept] == list(range(1, len(kept) + 1))
    assert (executor.run_dir(process.run_id) / "stdout").read_bytes() == b"first\n"


def memory_limit_kb(pid):
    """The project's own bound is 30 MB; the sanitizer's memory is not ours."""
    return 500_000 if "asan" in maps(pid) else 30_000


@pytest.mark.parametrize("words", [["floods", 10_000_000], ["write", 10, 100_000], ["write", 1, 50_000], ["write", 20_000_000, 1]],
                         ids=["garbage", "short lines", "a line per byte", "one giant line"])
def test_memory_stays_small_in_a_flood(executor, words):
    process = executor.start("--stream=false", command=[executor.probe, *words], stdout=subprocess.DEVNULL)
    limit, peak = memory_limit_kb(process.pid), 0
    while process.poll() is None:
        peak = max(peak, rss_kb(process.pid, "VmHWM"))
        time.sleep(0.002)
    assert process.returncode == 0
    giant = 60_000 if words[1] > 10_000_000 else 0      # a line is parsed when it is whole
    assert 0 < peak < limit + giant


def test_stuck_reader_of_our_stdout(executor):
    """The agent ends in its own time; what its reader did not take is on disk, not in memory."""
    done = executor.folder / "done"
    size = 20_000_000
    process = executor.start("--max-content", "0", command=["sh", "-c", f"{executor.probe} write 10000 {size // 10000}; touch {done}"])
    await_true(done.exists, timeout=60, what="the agent's end while nobody reads")
    assert rss_kb(process.pid, "VmHWM") < memory_limit_kb(process.pid)
    out, _ = process.communicate(timeout=60)
    assert len(out) == size
    assert process.returncode == 0


def test_stuck_reader_of_our_stderr(executor, small_disk):
    """Then what we have to say ourselves (here: that the disk is full) waits as well, and nobody waits for it."""
    executor.state, done = small_disk, executor.folder / "done"
    script = f"{executor.probe} write 1000 70 >&2; {executor.probe} write 1000 3000; touch {done}"
    process = executor.start(command=["sh", "-c", script], stdout=subprocess.DEVNULL)
    await_true(done.exists, timeout=60, what="the agent's end while nobody reads our stderr")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err.startswith((b"x" * 999 + b"\n") * 70)
    assert b"JOURNAL_LOST" in err and b"ARTIFACT_LOST" in err


def maps(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
        return file.read()


def test_reader_that_never_takes_anything_is_given_up(executor):
    process = executor.start("--drain", "0.5", command=[executor.probe, "write", "10000", "100"])
    process.wait(timeout=30)
    assert process.returncode == 0
    assert (executor.run_dir(process.run_id) / "stdout").stat().st_size == 1_000_000
    process.stdout.close()


def test_reader_that_goes_away(executor):
    process = executor.start(command=[executor.probe, "write", "10000", "300"])
    process.stdout.read(100)
    process.stdout.close()
    process.wait(timeout=30)
    assert process.returncode == 0
    assert (executor.run_dir(process.run_id) / "stdout").stat().st_size == 3_000_000


def test_stuck_reader_without_artifacts(executor):
    done = executor.folder / "done"
    process = executor.start("--no-artifacts", command=["sh", "-c", f"{executor.probe} write 10000 1000; touch {done}"])
    await_true(done.exists, timeout=60, what="the agent's end while nobody reads")
    out, _ = process.communicate(timeout=60)
    assert out == (b"x" * 9999 + b"\n") * 1000
    assert {path.name for path in executor.run_dir(process.run_id).iterdir()} == {"run.db", "run.db-lock", "owed"}


def test_slow_reader_where_the_state_dir_takes_nothing(executor):
    """What does not fit into our memory goes to TMPDIR, unlinked: every byte arrives all the same."""
    executor.state.write_text("")
    done, spare = executor.folder / "done", executor.folder / "spare"
    spare.mkdir()
    process = executor.start(command=["sh", "-c", f"{executor.probe} write 10000 2000; touch {done}"],
                             env=executor.environment(TMPDIR=str(spare)))
    await_true(done.exists, timeout=60, what="the agent's end while nobody reads")
    assert not list(spare.iterdir())
    out, err = process.communicate(timeout=60)
    assert out == (b"x" * 9999 + b"\n") * 2000
    assert b"OUTPUT_DROPPED" not in err


def test_full_disk_behind_our_stdout_is_told(executor):
    """The agent cannot notice, so somebody else must."""
    with open("/dev/full", "wb") as full:
        process = executor.run(command=["sh", "-c", "echo out; echo err >&2; exit 3"], stdout=full)
    assert process.returncode == 3
    assert b"OUTPUT_LOST" in process.err and b"err\n" in process.err
    assert "OUTPUT_LOST" in [e.get("code") for e in executor.events(process.run_id)]
    assert (executor.run_dir(process.run_id) / "stdout").read_bytes() == b"out\n"


def test_our_stdout_is_a_file(executor):
    """Appended to where it stands, also by two that share it."""
    path = executor.folder / "out"
    path.write_bytes(b"before\n")
    with open(path, "ab") as file:
        process = executor.run(command=["sh", "-c", "echo out; sleep 0.1; echo err >&2"], stdout=file, stderr=file)
    assert process.returncode == 0
    assert path.read_bytes() == b"before\nout\nerr\n"


def test_stdout_and_stderr_in_one_pipe(executor):
    """Whoever parses the lines of `2>&1` finds each of them whole, however slowly he reads."""
    script = ("import os\nfor i in range(4000):\n os.write(1, b'out %d %s\\n' % (i, b'x' * 300))\n"
              " if i % 5 == 0: os.write(2, b'err %d %s\\n' % (i, b'y' * 300))\n")
    ours, theirs = os.pipe()
    process = executor.start(command=["/usr/bin/python3", "-c", script], stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while part := os.read(ours, 1000):
        seen += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    lines = seen.splitlines()
    assert [w for w in lines if w.startswith(b"out")] == [b"out %d %s" % (i, b"x" * 300) for i in range(4000)]
    assert [w for w in lines if w.startswith(b"err")] == [b"err %d %s" % (i, b"y" * 300) for i in range(0, 4000, 5)]
    assert len(lines) == 4800


def test_agent_that_closes_its_stdout_works_on(executor):
    process = executor.run(command=["sh", "-c", "echo out; exec >&-; sleep 0.6; echo err >&2; sleep 0.3; exit 3"])
    assert (process.returncode, process.out, process.err) == (3, b"out\n", b"err\n")
    last = executor.events(process.run_id)[-1]
    assert (last["type"], last["exitCode"]) == ("run_failed", 3) and last["durationMs"] >= 900


def test_reader_on_a_socket(executor):
    import socket
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = executor.start(command=[executor.probe, "write", "10000", "200"], stdout=theirs)
        theirs.close()
        seen = 0
        while seen < 2_000_000:
            seen += len(ours.recv(65536))
        process.wait(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_gateway_dies_or_hangs_in_mid_run(build_dir, executor, number):
    """The agent's own clock notices nothing; every line is in the journal."""
    with Gateway(build_dir, executor.folder, "--rate-limit", "0") as gateway:
        process = executor.start("--gateway", executor.folder, "--linger", "0.5",
                                 command=[executor.probe, "write", "200", "2000", "500"])
        assert len(read_exactly(process.stdout, 40_000)) == 40_000
        gateway.kill(number)
        out, _ = process.communicate(timeout=60)
        gateway.kill(signal.SIGCONT)
        gateway.kill(signal.SIGKILL)
    assert process.returncode == 0
    assert len(out) == 400_000 - 40_000
    events = executor.events(process.run_id)
    assert len(text_lines(events)) >= 2000
    assert events[-1]["type"] == "run_completed"


def test_acknowledged_run_owes_nothing(build_dir, executor):
    with Gateway(build_dir, executor.folder, "--rate-limit", "0"):
        begin = time.monotonic()
        process = executor.run("--gateway", executor.folder, command=["echo", "x"])
        assert time.monotonic() - begin < 5
    assert not (executor.run_dir(process.run_id) / "owed").exists()
    process = executor.run(command=["echo", "x"])
    assert (executor.run_dir(process.run_id) / "owed").exists()


def test_what_earlier_runs_owe_is_delivered(build_dir, executor):
    """One ended while no gateway was there, one was killed: the next run's executor brings both."""
    executor.run("--linger", "0", command=["echo", "early"], run_id="early")
    killed = executor.start(command=["sh", "-c", "echo begun; sleep 100"], run_id="killed")
    assert killed.stdout.readline() == b"begun\n"
    await_true(lambda: len(executor.events("killed")) >= 2, what="the journal of its first line")
    killed.kill()
    killed.wait()
    with Gateway(build_dir, executor.folder, "--rate-limit", "0") as gateway:
        late = executor.start("--gateway", executor.folder, command=["echo", "late"], run_id="late", stdout=subprocess.DEVNULL)
        threads = max(threads_until_end(late))
        early, lost = history(gateway, "early"), history(gateway, "killed")
    assert early[-1]["type"] == "run_completed" and "early" in text_lines(early)
    assert (lost[-1]["type"], lost[-1]["reason"]) == ("run_failed", "lost") and "begun" in text_lines(lost)
    assert not any((executor.run_dir(run_id) / "owed").exists() for run_id in ("early", "killed", "late"))
    assert threads == 4             # ours, the disk's and ZeroMQ's two: where the agent's user may have no more, libzmq aborts


def threads_until_end(process):
    """How many threads it has, time and again."""
    while process.poll() is None:
        try:
            yield len(os.listdir(f"/proc/{process.pid}/task"))
        except FileNotFoundError:
            return
        time.sleep(0.002)


def test_executor_that_was_stopped_goes_on(executor):
    """The agent meanwhile works on as long as its pipe has room, and then waits."""
    done = executor.folder / "done"
    process = executor.start(command=["sh", "-c", f"read x; {executor.probe} write 1000 900; touch {done}; {executor.probe} write 1000 2000"],
                             stdin=subprocess.PIPE)
    await_true(lambda: executor.run_dir(process.run_id).joinpath("run.db").exists(), what="the journal")
    process.send_signal(signal.SIGSTOP)
    process.stdin.write(b"\n")
    await_true(done.exists, timeout=30, what="the agent's work while nobody reads")
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, len(out)) == (0, 2_900_000)
    assert len(text_lines(executor.events(process.run_id))) >= 2900


def test_state_dir_is_removed_in_mid_run(executor):
    process = executor.start(command=["sh", "-c", f"echo first; read x; rm -r {executor.state}; {executor.probe} write 1000 2000; exit 3"],
                             stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"first\n"
    out, _ = process.communicate(b"\n", timeout=60)
    assert (process.returncode, len(out)) == (3, 2_000_000)
