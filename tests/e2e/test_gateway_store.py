"""The gateway's history: files that are hurt, newer, too large, held by others; and a gateway that is killed between commit and ACK."""
import http.client
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from fake_executor import FakeExecutor
from harness import Gateway, executor

TIMEOUT = 60


def get(gateway, path):
    with urllib.request.urlopen(gateway.url + path, timeout=TIMEOUT) as answer:
        return json.load(answer)


def seqs(gateway, run):
    with urllib.request.urlopen(f"{gateway.url}/api/v1/runs/{run}/export", timeout=TIMEOUT) as answer:
        return [json.loads(line)["seq"] for line in answer]


def a_run(gateway, run, events, text="hello"):
    """Written, delivered and acknowledged."""
    with FakeExecutor(gateway, run) as executor:
        executor.hello()
        executor.started()
        for _ in range(events - 2):
            executor.text(text)
        executor.completed()
        executor.serve_until(lambda: executor.acked == events)


def history(run_dir):
    return run_dir / "gateway" / "history.db"


def asides(run_dir):
    return [path for path in run_dir.glob("gateway/history.db.damaged-*") if path.name[-1].isdigit()]


@pytest.fixture
def old_history(build_dir, run_dir):
    """A gateway has been here before."""
    with Gateway(build_dir, run_dir) as gateway:
        a_run(gateway, "old", 300)
    return history(run_dir)


def cut(data, chance):
    return data[:chance.randrange(1, len(data) - 1)]


def noise(data, chance):
    at = chance.randrange(len(data) - 9000)
    return data[:at] + chance.randbytes(9000) + data[at + 9000:]


def all_noise(data, chance):
    return chance.randbytes(len(data))


@pytest.mark.parametrize("hurt", [cut, noise, all_noise])
def test_a_damaged_history_is_set_aside_and_a_new_one_begins(build_dir, run_dir, old_history, hurt):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    damaged = hurt(old_history.read_bytes(), random.Random(seed))
    old_history.write_bytes(damaged)
    with Gateway(build_dir, run_dir) as gateway:
        said = gateway.wait_stderr(r"error: \S+history.db: .*; kept as (\S+), history begins anew")
        aside, = asides(run_dir)
        assert str(aside) == said.group(1) and aside.read_bytes() == damaged
        assert get(gateway, "/api/v1/runs")["runs"] == []
        a_run(gateway, "new", 20)
    with Gateway(build_dir, run_dir) as gateway:
        assert seqs(gateway, "new") == list(range(1, 21))


def test_damage_that_is_met_only_later_is_set_aside_then(build_dir, run_dir, old_history):
    """Above 64 MB a file is not checked when it is opened."""
    with old_history.open("r+b") as file:
        file.seek(4096)
        file.write(random.randbytes(old_history.stat().st_size - 4096))
        file.truncate(65 << 20)
    with Gateway(build_dir, run_dir) as gateway:
        a_run(gateway, "new", 20)
        gateway.wait_stderr("STORE_DAMAGED")
        assert len(asides(run_dir)) == 1
        assert get(gateway, "/readyz")["checks"]["store"]["ok"]
        assert seqs(gateway, "new") == list(range(1, 21))


def test_a_newer_history_is_left_alone(build_dir, run_dir, old_history):
    with sqlite3.connect(old_history) as db:
        db.execute("pragma user_version = 99")
    db.close()
    before = old_history.read_bytes()
    with pytest.raises(AssertionError, match="was written by a newer version .format 99, this program knows"):
        Gateway(build_dir, run_dir)
    assert old_history.read_bytes() == before and asides(run_dir) == []


def test_a_history_that_is_too_large_shrinks_at_once(build_dir, run_dir):
    """All of it in one go, not a slice a minute; what is kept is whole."""
    with Gateway(build_dir, run_dir) as gateway:
        for number in range(6):
            a_run(gateway, f"r{number}", 3000, "x" * 300)
    before = history(run_dir).stat().st_size
    assert before > 6 << 20
    with Gateway(build_dir, run_dir, "--store-mb", "3") as gateway:
        end = time.monotonic() + TIMEOUT
        while (size := history(run_dir).stat().st_size) > 4 << 20:
            assert time.monotonic() < end, f"{size} bytes of {before}"
            time.sleep(0.05)            # a file that shrinks tells nobody
        kept = [run["runId"] for run in get(gateway, "/api/v1/runs")["runs"]]
        assert kept and kept == [f"r{n}" for n in range(5, 5 - len(kept), -1)]
        for run in kept:
            assert seqs(gateway, run) == list(range(1, 3001))


def status_of(gateway, path):
    try:
        with urllib.request.urlopen(gateway.url + path, timeout=TIMEOUT) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)


def test_a_disk_that_cannot_be_read_is_no_empty_answer(build_dir, run_dir, monkeypatch):
    """Nobody is told that there is nothing, because it cannot be looked for just now. More than SQLite keeps in memory."""
    with Gateway(build_dir, run_dir) as gateway:
        a_run(gateway, "old", 2000, "needle " + "x" * 3000)
    bad = run_dir / "bad"
    monkeypatch.setenv("LD_PRELOAD", str(build_dir / "tests" / "e2e" / ".libs" / "faults.so"))
    monkeypatch.setenv("ASAN_OPTIONS", "verify_asan_link_order=0")       # for a build with it
    monkeypatch.setenv("FAULTS_UNDER", str(run_dir / "gateway"))
    monkeypatch.setenv("FAULTS_READ", str(bad))
    with Gateway(build_dir, run_dir) as gateway:
        bad.touch()
        for path in ("runs/old", "runs/old/events", "runs/old/events/5", "runs/old/search?q=needle"):
            code, answer = status_of(gateway, f"/api/v1/{path}")
            assert code == 500, (path, answer)
        bad.unlink()
        assert status_of(gateway, "/api/v1/runs/old/search?q=needle")[1]["seqs"][:3] == [2, 3, 4]
        assert status_of(gateway, "/api/v1/runs/old/events/5")[1]["seq"] == 5


def test_another_program_that_holds_the_database_costs_time_only(build_dir, run_dir):
    """SQLITE_BUSY: somebody looks into it with a transaction open, longer than we wait for it."""
    with Gateway(build_dir, run_dir) as gateway:
        a_run(gateway, "first", 10)
        db = sqlite3.connect(history(run_dir), isolation_level=None)
        db.execute("begin immediate")
        with FakeExecutor(gateway, "r") as executor:
            executor.hello()
            executor.started()
            gateway.wait_stderr("STORE_FAILING")
            with pytest.raises(urllib.error.HTTPError):
                get(gateway, "/readyz")
            assert executor.acked == 0
            db.execute("rollback")
            executor.completed()
            executor.serve_until(lambda: executor.acked == 2)
        db.close()
        assert get(gateway, "/readyz")["checks"]["store"]["ok"]
        assert seqs(gateway, "r") == [1, 2]


def test_what_waits_for_the_disk_is_no_hole(build_dir, run_dir):
    """Events that have left the memory while the disk took none: whoever asks is told to come back, and finds them."""
    with Gateway(build_dir, run_dir, "--buffer-size", "16") as gateway, FakeExecutor(gateway, "r") as executor:
        executor.hello()
        executor.started()
        executor.serve_until(lambda: executor.acked == 1)
        db = sqlite3.connect(history(run_dir), isolation_level=None)
        db.execute("begin immediate")
        for n in range(2, 20):
            executor.text(f"held {n}")
        gateway.wait_stderr("STORE_FAILING")
        for n in range(20, 60):
            last = executor.text(f"refused {n}")
        while get(gateway, "/api/v1/runs/r")["last"] < last:
            executor.serve_one(10)
        page = get(gateway, "/api/v1/runs/r/events?after=0")
        assert [event["seq"] for event in page["events"]] == [1] and page["next"] == 1
        for path in ("events?after=1", "events/5", "events/25", "search?q=held&after=1"):
            with pytest.raises(urllib.error.HTTPError) as later:
                get(gateway, f"/api/v1/runs/r/{path}")
            assert later.value.code == 503 and later.value.headers["Retry-After"] == "1", path
        assert [event["seq"] for event in get(gateway, f"/api/v1/runs/r/events?after={last - 5}")["events"]] == list(range(last - 4, last + 1))
        with pytest.raises((http.client.HTTPException, OSError)):
            seqs(gateway, "r")
        db.execute("rollback")
        db.close()
        executor.serve_until(lambda: executor.acked == last)
        assert [event["seq"] for event in get(gateway, "/api/v1/runs/r/events?limit=1000")["events"]] == list(range(1, last + 1))
        assert seqs(gateway, "r") == list(range(1, last + 1))


def test_what_was_acknowledged_survives_kill_9_at_any_moment(build_dir, run_dir):
    """The gateway is killed right behind an ACK, again and again; what it had acknowledged is never asked for again."""
    chance = random.Random(seed := random.randrange(1 << 30))
    print("seed", seed)
    port = 0
    for round_number in range(5):
        gateway = Gateway(build_dir, run_dir, port=port)
        port = gateway.port
        if round_number == 0:
            executor = FakeExecutor(gateway, "r")
            executor.__enter__()
            executor.write("run_started", runNumber=1, agent="fake")
        acked = executor.acked
        executor.welcome = None
        executor.asked.clear()
        executor.hello()
        assert executor.welcome.get("durable", 0) >= acked
        for _ in range(chance.randrange(5, 300)):
            executor.text("x")
        executor.serve_until(lambda: executor.acked > acked + chance.randrange(5))
        os.kill(gateway.process.pid, signal.SIGKILL)
        gateway.wait()
        assert all(first > acked for first, _ in executor.asked)
    executor.__exit__()


MANY = 100_000
TALKER = """import sys
for i in range(%d):
    sys.stdout.write('{"type":"text","text":"#%%d# and some more words, so that it is as long as texts are"}\\n' %% i)
""" % MANY


def stored_events(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = [(key & ((1 << 36) - 1), data) for key, data in db.execute("select key, data from event order by key")]
    db.close()
    return rows


def test_a_long_run_while_no_gateway_was_there(build_dir, run_dir):
    """100,000 events; the gateway is started when the executor has ended. All there, in order, exactly once."""
    where = ["--control", f"ipc://{run_dir}/control", "--state-dir", run_dir / "state"]
    with executor(build_dir, run_dir, "--bus", f"ipc://{run_dir}/bus", *where, "--run-id", "R", "--no-watch", "--quiet",
                  "--format", "flat", "--", sys.executable, "-c", TALKER) as run:
        assert run.wait() == 0, run.stderr
    with Gateway(build_dir, run_dir) as gateway:
        began = time.monotonic()
        owed = subprocess.run([build_dir / "agentgate-replay", *where, "--owed"], capture_output=True, text=True, timeout=TIMEOUT)
        print(f"delivered in {time.monotonic() - began:.2f} s: {owed.stderr}")
        assert owed.returncode == 0 and "1 of 1" in owed.stderr
        exported = seqs(gateway, "R")
    journal = stored_events(run_dir / "state" / "runs" / "R" / "run.db")
    assert stored_events(history(run_dir)) == journal
    assert exported == [seq for seq, _ in journal] == list(range(1, len(journal) + 1))
    marks = [int(mark.group(1)) for _, data in journal if (mark := re.search(rb"#(\d+)# and", data))]
    assert marks == list(range(MANY))
