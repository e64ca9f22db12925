"""agentgate-emit, agentgate-tail, agentgate-replay and agentgate-keygen as their users run them."""
import json
import os
import pty
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

import msgpack
import pytest

from fake_executor import FakeExecutor
from harness import Gateway, Program, executor

TIMEOUT = 60


def tool(build_dir, name, *words, **options):
    return subprocess.run([build_dir / f"agentgate-{name}", *map(str, words)], capture_output=True, text=True,
                          timeout=TIMEOUT, **options)


def to(gateway):
    return ["--bus", gateway.bus, "--control", gateway.control, "--state-dir", gateway.folder / "state"]


def nowhere(run_dir):
    return ["--bus", f"ipc://{run_dir}/bus", "--control", f"ipc://{run_dir}/control", "--state-dir", run_dir / "state"]


def emit(build_dir, where, *words):
    return tool(build_dir, "emit", *where, *words)


def history(gateway, run):
    url = f"{gateway.url}/api/v1/runs/{urllib.request.quote(run, safe='')}/events?limit=1000"
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        return json.load(answer)["events"]


def owed_marks(run_dir):
    return sorted(str(mark.relative_to(run_dir / "state").parent) for mark in (run_dir / "state").glob("*/*/owed"))


class Tail(Program):
    """agentgate-tail that is bound, so that executors wait for it; its lines are JSON."""

    def __init__(self, build_dir, endpoint, *words):
        super().__init__([build_dir / "agentgate-tail", "--bind", endpoint, *words], stdout=subprocess.PIPE)
        self.wait_stderr("following")

    def events(self):
        out, _ = self.process.communicate(timeout=TIMEOUT)
        return [json.loads(line) for line in out.splitlines()]


# ---------------------------------------------------------------------------------------------------------------------
# emit

def test_emit_is_acknowledged(build_dir, gateway, run_dir):
    created = emit(build_dir, to(gateway), "work_order_created", "workOrderId=W", "taskPrompt=fix it", "status=queued")
    assert (created.returncode, created.stdout) == (0, ""), created.stderr
    iteration = emit(build_dir, to(gateway), "run_iteration", "workOrderId=W", "runId=R", "iterationNumber=1",
                     "totalIterations=3", "verificationPassed=false", 'verificationDetails={"l0Passed":true}')
    assert iteration.returncode == 0, iteration.stderr
    assert owed_marks(run_dir) == []
    first, second = history(gateway, "@W")
    assert (first["type"], first["seq"], first["taskPrompt"]) == ("work_order_created", 1, "fix it")
    assert (second["seq"], second["runId"], second["stream"]) == (2, "R", "@W")
    assert second["verificationDetails"] == {"l0Passed": True}


def test_emit_without_a_gateway_is_owed_and_delivered_later(build_dir, run_dir):
    result = emit(build_dir, nowhere(run_dir), "work_order_updated", "workOrderId=W/1", "status=running")
    assert result.returncode == 3
    assert "not acknowledged" in result.stderr and "--owed" in result.stderr
    assert owed_marks(run_dir) == ["work-orders/W%2F1"]
    with Gateway(build_dir, run_dir) as gateway:
        paid = tool(build_dir, "replay", *to(gateway), "--owed")
        assert paid.returncode == 0, paid.stderr
        assert "1 of 1 owed journals delivered" in paid.stderr
        assert owed_marks(run_dir) == []
        assert [event["status"] for event in history(gateway, "@W/1")] == ["running"]
        assert "0 of 0" in tool(build_dir, "replay", *to(gateway), "--owed").stderr


def emit_many(build_dir, where, count):
    words = [build_dir / "agentgate-emit", "--timeout", "50", *map(str, where), "work_order_updated", "workOrderId=W"]
    running = [subprocess.Popen([*words, f"status=s{i}"], stderr=subprocess.PIPE, text=True) for i in range(count)]
    errors = [process.communicate(timeout=TIMEOUT)[1] for process in running]
    return [process.returncode for process in running], errors


def test_many_emits_at_once_while_no_gateway_is_there(build_dir, run_dir):
    """None waits for another's gateway, and none is lost."""
    count = 20
    statuses, errors = emit_many(build_dir, nowhere(run_dir), count)
    assert statuses == [3] * count, errors
    with Gateway(build_dir, run_dir) as gateway:
        assert tool(build_dir, "replay", *to(gateway), "--owed").returncode == 0
        events = history(gateway, "@W")
    assert [event["seq"] for event in events] == list(range(1, count + 1))
    assert sorted(event["status"] for event in events) == sorted(f"s{i}" for i in range(count))


def test_many_emits_at_once(build_dir, gateway, run_dir):
    count = 20
    statuses, errors = emit_many(build_dir, to(gateway), count)
    assert statuses == [0] * count, errors
    events = history(gateway, "@W")
    assert [event["seq"] for event in events] == list(range(1, count + 1))
    assert sorted(event["status"] for event in events) == sorted(f"s{i}" for i in range(count))
    assert owed_marks(run_dir) == []


@pytest.mark.parametrize("words, says", [
    ([], "TYPE is wanted"),
    (["no_such_event"], "no_such_event: there is no such type"),
    (["work_order_updated", "status=x"], "workOrderId=ID is wanted"),
    (["work_order_updated", "workOrderId=" + "x" * 129, "status=x"], "1 to 128 bytes"),
    (["work_order_updated", "workOrderId=W"], "status"),
    (["work_order_updated", "workOrderId=W", "status"], "FIELD=VALUE"),
    (["work_order_updated", "workOrderId=W", "state=x"], "no field 'state'; it has status, previousStatus"),
    (["run_iteration", "workOrderId=W", "iterationNumber=one"], "iterationNumber=one: a whole number"),
    (["run_iteration", "workOrderId=W", "verificationPassed=yes"], "true or false"),
    (["run_iteration", "workOrderId=W", "verificationDetails=[1]"], "a JSON object"),
])
def test_what_cannot_be_emitted_is_named(build_dir, run_dir, words, says):
    result = emit(build_dir, nowhere(run_dir), *words)
    assert result.returncode == 2
    assert result.stderr.startswith("agentgate-emit: ") and says in result.stderr
    assert owed_marks(run_dir) == []


# ---------------------------------------------------------------------------------------------------------------------
# tail

def test_tail_that_was_there_first_gets_every_event(build_dir, run_dir, recordings):
    endpoint = f"ipc://{run_dir}/tail"
    with Tail(build_dir, endpoint, "--run", "R") as tail:
        with executor(build_dir, run_dir, "--bus", endpoint, "--control", f"ipc://{run_dir}/control", "--run-id", "R",
                      "--work-order", "W", "--no-watch", "--", build_dir / "agentgate-replay", "--fast", "--stdout",
                      recordings / "claude" / "fix_test.jsonl") as run:
            assert run.wait() == 0, run.stderr
        lines = []
        while not lines or lines[-1]["type"] not in ("run_completed", "run_failed"):
            lines.append(json.loads(tail.process.stdout.readline()))
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["type"] == "run_started"
    assert "missed" not in tail.stderr


def test_tail_follows_the_gateway(build_dir, gateway):
    """Its subscription takes its time to arrive: events are emitted until one is seen."""
    with Program([build_dir / "agentgate-tail", "--connect", gateway.republish, "--count", "1", "--type",
                  "work_order_updated"], stdout=subprocess.PIPE) as tail:
        tail.wait_stderr("following")
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            assert emit(build_dir, to(gateway), "work_order_updated", "workOrderId=W", "status=x").returncode == 0
            if tail.process.poll() is not None:
                break
        assert json.loads(tail.process.stdout.read())["status"] == "x"


def test_tail_from_the_start_has_no_seam(build_dir, gateway, recordings):
    """One run before it starts, one that ends while its subscription is on its way, one that it follows."""
    gateway.play(recordings / "claude" / "fix_test.jsonl", "before")
    with Program([build_dir / "agentgate-tail", "--connect", gateway.republish, "--http", gateway.url, "--from-start"],
                 stdout=subprocess.PIPE) as tail:
        gateway.play(recordings / "claude" / "bash_fail.jsonl", "between")
        runs = {}
        later = False
        for line in tail.process.stdout:
            event = json.loads(line)
            runs.setdefault(event["runId"], []).append(event["seq"])
            ended = event["type"] == "run_completed"
            if ended and event["runId"] == "between" and not later:
                later = True
                gateway.play(recordings / "claude" / "long_run.jsonl", "after")
            if ended and event["runId"] == "after":
                break
    for run in ("before", "between", "after"):
        assert runs[run] == list(range(1, len(runs[run]) + 1))
        assert len(runs[run]) == history_length(gateway, run)


def test_tail_from_the_start_has_all_streams(build_dir, gateway, run_dir):
    """Work orders' own too, and more than one page of them."""
    with FakeExecutor(gateway, "r") as executor:
        for number in range(1100):
            executor.say("HELLO", version=1, workOrderId="W", runId=f"r{number}", stream=f"r{number}", first=1, last=1)
            executor.bus.send_multipart(one_event(executor.epoch, f"r{number}"))
        emit(build_dir, to(gateway), "work_order_updated", "workOrderId=W", "status=x")
        end = time.monotonic() + TIMEOUT
        while stream_count(gateway) < 1101:
            assert time.monotonic() < end
            time.sleep(0.01)            # between two looks over HTTP
    tail = tool(build_dir, "tail", "--connect", gateway.republish, "--http", gateway.url, "--from-start", "--count", "1101")
    lines = [json.loads(line) for line in tail.stdout.splitlines()]
    assert {line.get("runId", "@W") for line in lines} == {f"r{number}" for number in range(1100)} | {"@W"}
    one = tool(build_dir, "tail", "--connect", gateway.republish, "--http", gateway.url, "--from-start", "--run", "r7", "--count", "1")
    assert json.loads(one.stdout)["runId"] == "r7"


def one_event(epoch, run):
    event = {"type": "run_started", "workOrderId": "W", "runId": run, "seq": 1, "ts": 1, "runNumber": 1, "agent": "fake"}
    return [f"agentgate/1/W/{run}/run_started".encode(), b"AGE1" + bytes(4) + epoch.to_bytes(8, "big") + (1).to_bytes(8, "big"),
            msgpack.packb(event)]


def stream_count(gateway):
    with urllib.request.urlopen(gateway.url + "/api/v1/streams", timeout=TIMEOUT) as answer:
        page = json.load(answer)
    names = [stream["stream"] for stream in page["streams"]]
    while page["more"]:
        with urllib.request.urlopen(f"{gateway.url}/api/v1/streams?limit=100&after={urllib.request.quote(names[-1])}") as answer:
            page = json.load(answer)
        names += [stream["stream"] for stream in page["streams"]]
    assert names == sorted(set(names))
    return len(names)


def test_tail_from_the_start_has_no_seam_under_load(build_dir, gateway, run_dir):
    """It begins in the middle of a flood."""
    count = 20000
    agent = "import sys\nfor i in range(%d): sys.stdout.write('{\"type\":\"text\",\"text\":\"#%%d\"}\\n' %% i)" % count
    with gateway.executor("--run-id", "R", "--no-watch", "--quiet", "--format", "flat", "--", sys.executable, "-c", agent) as run:
        end = time.monotonic() + TIMEOUT
        while not history_or_nothing(gateway, "R"):
            assert time.monotonic() < end, run.stderr
            time.sleep(0.005)           # between two looks over HTTP
        with Program([build_dir / "agentgate-tail", "--connect", gateway.republish, "--http", gateway.url, "--from-start"],
                     stdout=subprocess.PIPE) as tail:
            seqs = []
            for line in tail.process.stdout:
                event = json.loads(line)
                seqs.append(event["seq"])
                if event["type"] == "run_completed":
                    break
        assert run.wait() == 0, run.stderr
    assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) >= count


def history_length(gateway, run):
    with urllib.request.urlopen(f"{gateway.url}/api/v1/runs/{run}", timeout=TIMEOUT) as answer:
        return json.load(answer)["last"]


def test_tail_shows_hostile_text_harmlessly(build_dir, run_dir):
    endpoint = f"ipc://{run_dir}/tail"
    hostile = "red \x1b[31m bell \x07 c1 \x9b2J bidi \u202e sep \u2028 del \x7f"
    with Tail(build_dir, endpoint, "--format", "pretty", "--color", "always", "--count", "1") as tail:
        where = ["--bus", endpoint, "--control", f"ipc://{run_dir}/control", "--state-dir", run_dir / "state"]
        emit(build_dir, where, "work_order_updated", "workOrderId=\x1b]0;W", f"status={hostile}")
        out, _ = tail.process.communicate(timeout=TIMEOUT)
    for code in ("\x07", "\x9b", "\u202e", "\u2028", "\x7f"):
        assert code not in out
    assert re.sub("\x1b\\[[0-9;]*m", "", out).count("\x1b") == 0    # our own colours, and nothing else
    assert "\\e[31m" in out and "\\x07" in out and "\\u{202e}" in out


@pytest.mark.parametrize("terminal", [False, True])
def test_tail_is_coloured_on_a_terminal_only(build_dir, gateway, terminal):
    emit(build_dir, to(gateway), "work_order_updated", "workOrderId=W", "status=x")
    words = [build_dir / "agentgate-tail", "--connect", gateway.republish, "--http", gateway.url, "--from-start", "--count", "1",
             *([] if terminal else ["--format", "pretty"])]
    master, slave = pty.openpty()
    process = subprocess.run(list(map(str, words)), stdout=slave if terminal else subprocess.PIPE, stderr=subprocess.PIPE,
                             timeout=TIMEOUT)
    out = os.read(master, 65536) if terminal else process.stdout
    os.close(master)
    os.close(slave)
    assert b"work_order_updated" in out and not out.startswith(b"{")
    assert (b"\x1b[" in out) == terminal


@pytest.mark.parametrize("words, says", [
    (["--type", "nothing"], "no such type"),
    (["--connect", "somewhere"], "ipc://PATH or tcp://HOST:PORT"),
    (["--connect", "tcp://192.0.2.1:5"], "--insecure"),
    (["word"], "no words"),
    (["--from-start", "--http", "http://127.0.0.1:1"], "history cannot be read"),
    (["--from-start", "--http", "nonsense"], "http://HOST:PORT is wanted"),
])
def test_tail_names_what_cannot_be(build_dir, words, says):
    result = tool(build_dir, "tail", *words)
    assert result.returncode in (1, 2) and says in result.stderr


# ---------------------------------------------------------------------------------------------------------------------
# replay

def content(events):
    """What was said, without who, where and when."""
    return [{key: value for key, value in event.items() if key not in ("runId", "timestamp", "stream", "workOrderId")}
            for event in events]


def test_replay_of_a_journal_is_a_new_run_with_the_same_content(build_dir, gateway, run_dir, recordings):
    gateway.play(recordings / "claude" / "fix_test.jsonl", "R", "--work-order", "W")
    result = tool(build_dir, "replay", *to(gateway), "--fast", "--run-id", "R2", "R")
    assert result.returncode == 0, result.stderr
    assert content(history(gateway, "R2")) == content(history(gateway, "R"))
    assert {event["workOrderId"] for event in history(gateway, "R2")} == {"W"}
    again = tool(build_dir, "replay", *to(gateway), "--fast", "--run-id", "R2", run_dir / "state" / "runs" / "R" / "run.db")
    assert again.returncode == 2 and "R2" in again.stderr


def test_replay_of_a_recording_is_run_by_the_executor(build_dir, gateway, recordings):
    result = tool(build_dir, "replay", *to(gateway), "--fast", "--run-id", "R", recordings / "claude" / "bash_fail.jsonl")
    assert result.returncode == 0, result.stderr
    events = history(gateway, "R")
    assert events[0]["type"] == "run_started" and events[-1]["type"] == "run_completed"


@pytest.mark.parametrize("damage", ["cut", "scrambled", "header alone", "another database"])
def test_replay_of_a_damaged_journal_makes_no_run(build_dir, run_dir, recordings, damage):
    played = tool(build_dir, "replay", "--state-dir", run_dir / "state", "--fast", "--run-id", "R",
                  recordings / "codex" / "failing.jsonl")
    assert played.returncode == 0, played.stderr
    path = run_dir / "journal.db"
    data = bytearray((run_dir / "state" / "runs" / "R" / "run.db").read_bytes())
    if damage == "another database":
        with sqlite3.connect(path) as db:
            db.execute("create table x(a)")
    else:
        path.write_bytes({"cut": data[:9000], "header alone": data[:16],
                          "scrambled": data[:5000] + bytes(b ^ 0x5a for b in data[5000:13000]) + data[13000:]}[damage])
    result = tool(build_dir, "replay", "--state-dir", run_dir / "state", "--fast", "--run-id", "R2", path)
    assert result.returncode == 1 and str(path) in result.stderr
    assert not (run_dir / "state" / "runs" / "R2").exists()


def test_a_journal_is_played_in_its_time(build_dir, gateway, recordings):
    """codex/api_retry took some seconds; at 4 times the speed it takes a fourth."""
    timing = [float(line) for line in (recordings / "codex" / "api_retry.timing").read_text().split()]
    seconds = (timing[-1] - timing[0]) / 1000 / 4
    words = [*to(gateway), "--speed", "4"]
    start = time.monotonic()
    assert tool(build_dir, "replay", *words, "--run-id", "R", recordings / "codex" / "api_retry.jsonl").returncode == 0
    assert time.monotonic() - start >= seconds
    start = time.monotonic()
    assert tool(build_dir, "replay", *to(gateway), "--speed", "1", "--run-id", "R2", "R").returncode == 0
    assert time.monotonic() - start >= seconds * 0.9
    assert content(history(gateway, "R2")) == content(history(gateway, "R"))


def test_owed_gives_a_killed_run_its_end(build_dir, gateway, run_dir):
    with gateway.executor("--run-id", "R", "--no-watch", "--", "sh", "-c", "echo hello; exec sleep 100") as run:
        end = time.monotonic() + TIMEOUT
        while not any(event["type"] == "agent_output" for event in history_or_nothing(gateway, "R")):
            assert time.monotonic() < end, run.stderr
            time.sleep(0.01)        # between two looks over HTTP
        run.kill()
        run.wait()
    paid = tool(build_dir, "replay", *to(gateway), "--owed")
    assert paid.returncode == 0, paid.stderr
    assert "1 runs given their end" in paid.stderr
    events = history(gateway, "R")
    assert (events[-1]["type"], events[-1]["reason"]) == ("run_failed", "lost")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_what_a_gateway_missed_stays_owed_to_it_alone(build_dir, run_dir):
    """Two gateways, one of them away for the whole of a run, of its replay, and of a work order's event."""
    away = run_dir / "away"
    away.mkdir()
    endpoints = ["--control", f"ipc://{run_dir}/control", "--control", f"ipc://{away}/control", "--state-dir", run_dir / "state"]
    with Gateway(build_dir, run_dir) as here:
        with executor(build_dir, run_dir, "--bus", here.bus, *endpoints, "--run-id", "R", "--no-watch", "--", "echo", "hello") as run:
            assert run.wait() == 0, run.stderr
        assert emit(build_dir, ["--bus", here.bus, *endpoints], "work_order_updated", "workOrderId=W", "status=x").returncode == 0
        assert tool(build_dir, "replay", "--bus", here.bus, *endpoints, "--fast", "--run-id", "R2", "R").returncode == 0
        for mark in ("runs/R/owed", "runs/R2/owed", "work-orders/W/owed"):
            assert (run_dir / "state" / mark).read_text() == f"ipc://{away}/control\n"
        assert "0 of 0" in tool(build_dir, "replay", *to(here), "--owed").stderr
        still = tool(build_dir, "replay", *endpoints, "--owed")
        assert still.returncode == 3 and "no gateway answers" in still.stderr
        with Gateway(build_dir, away) as there:
            paid = tool(build_dir, "replay", *endpoints, "--owed")
            assert paid.returncode == 0 and "3 of 3" in paid.stderr, paid.stderr
            assert owed_marks(run_dir) == []
            for stream in ("R", "R2", "@W"):
                assert history(there, stream) == history(here, stream) != []


def history_or_nothing(gateway, run):
    try:
        return history(gateway, run)
    except urllib.error.HTTPError:
        return []


@pytest.mark.parametrize("words, says", [
    (["no-such-run"], "neither a file nor a run"),
    (["--owed", "R"], "One of RUN, FILE"),
    (["/dev/null", "x"], "One of RUN, FILE"),
    (["/"], "is a folder"),
])
def test_replay_names_what_cannot_be(build_dir, run_dir, words, says):
    result = tool(build_dir, "replay", "--state-dir", run_dir / "state", *words)
    assert result.returncode in (1, 2) and says in result.stderr


# ---------------------------------------------------------------------------------------------------------------------
# keygen

def test_keygen(build_dir, tmp_path):
    result = tool(build_dir, "keygen", tmp_path / "keys")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.strip()) == 40
    assert os.stat(tmp_path / "keys" / "own_secret").st_mode & 0o777 == 0o600
    assert (tmp_path / "keys" / "allowed").is_dir()
    again = tool(build_dir, "keygen", tmp_path / "keys")
    assert again.returncode == 1 and "left alone" in again.stderr


# ---------------------------------------------------------------------------------------------------------------------
# keys, from end to end

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_over_tcp_only_those_with_an_allowed_key_are_heard(build_dir, run_dir):
    keys = {name: run_dir / name for name in ("server", "friend", "stranger")}
    for folder in keys.values():
        assert tool(build_dir, "keygen", folder).returncode == 0
    for name in ("friend", "stranger"):
        shutil.copy(keys["server"] / "own", keys[name] / "gateway")
    shutil.copy(keys["friend"] / "own", keys["server"] / "allowed" / "friend")
    bus, control = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
    with Gateway(build_dir, run_dir, "--bus", bus, "--control", control, "--curve-dir", keys["server"]) as gateway:
        words = ["work_order_updated", "workOrderId=W", "status=x"]

        def emitted(name, *options):
            return emit(build_dir, ["--bus", bus, "--control", control, "--state-dir", run_dir / f"state-{name}", *options],
                        *words).returncode

        assert emitted("friend", "--curve-dir", keys["friend"]) == 0
        assert emitted("stranger", "--curve-dir", keys["stranger"]) == 3
        assert emitted("nobody") == 3
        assert len(history(gateway, "@W")) == 1
        gateway.wait_stderr("KEY_REFUSED")
