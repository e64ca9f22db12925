"""How runs end: signals, time limits, grandchildren, kill -9 of the executor, ids, and how long the end takes."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from executor_tools import Executor, alive, await_true, children, of_type
from harness import Gateway

TREE = "plain,setsid,daemon,stubborn,stopped"


@pytest.fixture
def executor(build_dir, run_dir):
    with Executor(build_dir, run_dir) as made:
        yield made


def start_tree(executor, *options, kinds=TREE):
    """An agent with descendants of all kinds; their pids and its own."""
    path = executor.folder / "pids"
    process = executor.start(*options, command=[executor.probe, "tree", path, kinds])
    assert process.stdout.readline() == b"ready\n"
    wanted = len(kinds.split(",")) + 1
    await_true(lambda: len(path.read_text().split()) == wanted, what="all pids")
    process.tree = [int(pid) for pid in path.read_text().split()]
    assert all(alive(pid) for pid in process.tree)
    return process


def last_event(executor, process):
    return executor.events(process.run_id)[-1]


def test_run_without_gateway_does_not_linger(executor):
    """Half a second, measured in bench/executor_load.py; with a gateway that has answered it may be five."""
    stamp = executor.folder / "stamp"
    process = executor.start(command=["sh", "-c", f"sleep 0.3; date +%s.%N > {stamp}"])
    process.communicate(timeout=60)
    assert time.time() - float(stamp.read_text()) < 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_to_the_executor_terminates_the_agent(executor, number):
    process = executor.start(command=[executor.probe, "terms"])
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert out == b"terminated by 15\n"
    assert process.returncode == 7
    last = last_event(executor, process)
    assert (last["type"], last["reason"], last["exitCode"]) == ("run_failed", "cancelled", 7)


def test_cancel_by_a_gateway(build_dir, executor):
    """From the HTTP request to the agent's SIGTERM; asking twice is not impatience."""
    with Gateway(build_dir, executor.folder) as gateway:
        script = "trap 'echo asked; n=1' TERM; echo ready; while [ -z $n ]; do sleep 0.02; done; sleep 0.5; echo done; exit 4"
        process = executor.start("--gateway", executor.folder, command=["sh", "-c", script])
        assert process.stdout.readline() == b"ready\n"
        cancel = urllib.request.Request(f"{gateway.url}/api/v1/runs/{process.run_id}/cancel", method="POST")
        await_true(lambda: status_of(f"{gateway.url}/api/v1/runs/{process.run_id}") == 200, what="the run at the gateway")
        assert status_of(cancel) == 202
        assert process.stdout.readline() == b"asked\n"
        assert status_of(cancel) == 202
        assert process.stdout.readline() == b"done\n"
        process.communicate(timeout=60)
    last = last_event(executor, process)
    assert (process.returncode, last["reason"], last["exitCode"]) == (4, "cancelled", 4)


def status_of(request):
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_ignored_signals_stay_ignored(executor):
    """Under nohup a hang-up is nothing to us, as it is nothing to the agent."""
    process = executor.start(command=["sh", "-c", "echo ready; sleep 0.5; exit 4"],
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 4


def test_time_limit(executor):
    process = executor.run("--timeout", "0.3", command=["sleep", "100"])
    assert process.returncode == 143
    last = last_event(executor, process)
    assert (last["reason"], last["signal"]) == ("timeout", "SIGTERM")
    assert 250 <= last["durationMs"] < 5000


def test_kill_after_time_limit(executor):
    begin = time.monotonic()
    process = executor.run("--timeout", "0.2", "--kill-after", "0.5", command=["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
    assert process.returncode == 137
    assert 0.7 <= time.monotonic() - begin < 5
    assert last_event(executor, process)["signal"] == "SIGKILL"


def test_second_interrupt_kills_at_once(executor):
    process = executor.start(command=["sh", "-c", "trap 'echo no' TERM; echo ready; while :; do sleep 0.05; done"])
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == b"no\n"
    end = time.monotonic() + 5
    while process.poll() is None and time.monotonic() < end:    # at once does not count as a second time
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    assert process.wait(timeout=60) == 137


def test_cancelled_run_leaves_no_descendant(executor):
    process = start_tree(executor, "--kill-after", "0.5")
    process.terminate()
    process.communicate(timeout=60)
    await_true(lambda: not any(map(alive, process.tree)), timeout=2, what="the end of all descendants")


def test_descendants_are_asked_once_too(executor):
    """Also when the agent ends at the first word, and what it has left needs longer."""
    path = executor.folder / "asked"
    child = f"trap 'echo asked >> {path}' TERM; echo $$ > {path}; echo ready; while :; do sleep 0.02; done"
    process = executor.start("--kill-after", "1", command=["sh", "-c", f"sh -c \"$1\" & wait", "sh", child])
    assert process.stdout.readline() == b"ready\n"
    child = int(path.read_text())
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
    await_true(lambda: not alive(child), timeout=10, what="the end of what the agent has left")
    assert path.read_text().split() == [str(child), "asked"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_fork_bomb_is_ended(executor, how):
    """As many processes as its user may have, each forking as soon as there is room."""
    executor.folder.chmod(0o777)
    executor.state.mkdir(mode=0o777)
    executor.state.chmod(0o777)
    user = str(60_000 + os.getpid() % 5_000)
    wrap = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "prlimit", "--nproc=60"]
    if subprocess.run([*wrap, "true"], stderr=subprocess.PIPE, check=False).returncode:
        pytest.skip("needs root to be another user")
    bomb = "trap '' TERM; b() { b | b & sleep 0.2; }; echo go; b; sleep 1000"
    words = executor.words("--kill-after", "0.5", "--no-watch", command=["bash", "-c", bomb], run_id="bomb")
    words[0] = shutil.copy(words[0], executor.folder)       # the build may lie where only we may go
    with subprocess.Popen([*wrap, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/",
                          env=executor.environment()) as process:
        assert process.stdout.readline() == b"go\n"
        await_true(lambda: processes_of(user) > 40, what="the bomb")
        process.send_signal(how)
        process.wait(timeout=60)
        await_true(lambda: processes_of(user) == 0, timeout=20, what="the end of all of it")


def processes_of(user):
    return len(subprocess.run(["ps", "-u", user, "-o", "pid="], stdout=subprocess.PIPE, check=False).stdout.split())


def test_hundreds_of_descendants_are_ended(executor):
    """Each in a session of its own, and deaf to SIGTERM."""
    process = start_tree(executor, "--kill-after", "0.2", kinds=",".join(["setsid", "stubborn", "daemon"] * 100))
    process.terminate()
    process.communicate(timeout=60)
    await_true(lambda: not any(map(alive, process.tree)), timeout=10, what="the end of all descendants")


def test_killed_executor_leaves_no_descendant(executor):
    process = start_tree(executor, "--kill-after", "1")
    process.kill()
    begin = time.monotonic()
    process.wait()
    await_true(lambda: not any(map(alive, process.tree)), timeout=2, what="the end of all descendants")
    assert time.monotonic() - begin < 1 + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_while_the_agent_is_started(executor, number):
    """Whatever the moment, nothing is left and nothing hangs."""
    for step in range(16):
        path = executor.folder / f"pid-{step}"
        process = executor.start(command=["sh", "-c", f"echo $$ > {path}; exec sleep 1000"])
        time.sleep(step * 0.001)        # no event to wait for: the moment itself is tried out
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode in (143, -number)
        await_true(lambda: not children_by_name(executor, process.run_id), timeout=20, what="the guard's end")
        assert not path.exists() or not path.read_text() or not alive(int(path.read_text()))


def children_by_name(executor, run_id):
    """Processes that still carry this run in their command line: the guard, and an agent that is being made."""
    words = f"{executor.state} --run-id {run_id} "
    return subprocess.run(["pgrep", "-f", "--", words], stdout=subprocess.PIPE, check=False).stdout.split()


def test_killed_executor_first_asks_its_agent_to_stop(executor):
    path = executor.folder / "stopped"
    process = executor.start(command=["sh", "-c", f"trap 'echo asked > {path}; exit' TERM; echo ready; while :; do sleep 0.05; done"])
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    process.wait()
    await_true(path.exists, timeout=5, what="the agent's trap")


def test_killed_executors_agent_that_never_stops_talking_is_killed(executor):
    process = executor.start("--kill-after", "0.5", command=["sh", "-c", "trap '' TERM; echo $$; exec yes"])
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    await_true(lambda: not alive(pid), timeout=5, what="its end")


def test_the_agent_is_asked_once(executor):
    """Many take a second SIGTERM for impatience."""
    script = "trap 'echo asked; n=1' TERM; echo ready; while [ -z $n ]; do sleep 0.05; done; sleep 0.5; echo done"
    process = executor.start(command=["sh", "-c", script])
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    out, _ = process.communicate(timeout=60)
    assert out == b"asked\ndone\n"


def test_killed_executor_leaves_journal_and_artifact(executor):
    """A line that comes out of us is in the artifact; what was read before it is in the journal."""
    process = executor.start(command=["sh", "-c", "while read n; do echo line $n; done"], stdin=subprocess.PIPE)
    for number in range(1, 301):
        process.stdin.write(b"%d\n" % number)
        assert process.stdout.readline() == b"line %d\n" % number
    process.kill()
    process.wait()
    written = b"".join(b"line %d\n" % number for number in range(1, 301))
    assert (executor.run_dir(process.run_id) / "stdout").read_bytes() == written
    events = executor.events(process.run_id)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    said = [e["content"] for e in of_type(events, "agent_output")]
    assert said in ([f"line {number}" for number in range(1, last + 1)] for last in (299, 300))


def test_killed_guard_changes_nothing(executor):
    process = executor.start(command=["sh", "-c", "echo ready; sleep 0.5; exit 5"])
    assert process.stdout.readline() == b"ready\n"
    guard, = children(process.pid)
    os.kill(guard, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 5
    assert last_event(executor, process)["exitCode"] == 5


def test_killed_guard_where_children_are_ignored(executor):
    """A parent that ignores SIGCHLD hands that down: then nobody could wait for the agent."""
    process = executor.start(command=["sh", "-c", "echo ready; read x; exit 5"], stdin=subprocess.PIPE,
                             preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert process.stdout.readline() == b"ready\n"
    guard, = children(process.pid)
    os.kill(guard, signal.SIGKILL)
    await_true(lambda: not alive(guard))
    process.communicate(b"\n", timeout=20)
    assert process.returncode == 5


def test_orphans_are_reaped_with_and_without_guard(executor):
    """No zombie is left while the run goes on."""
    orphans = "for i in $(seq 20); do (sleep 0.01 &) ; done; echo ready; read x"
    for kills in (False, True):
        process = executor.start("--progress-ms", "100", command=["sh", "-c", f"read y; {orphans}"], stdin=subprocess.PIPE)
        await_true(lambda: len(children(process.pid)) == 1 and children(children(process.pid)[0]), what="the agent")
        guard, = children(process.pid)
        if kills:
            os.kill(guard, signal.SIGKILL)
            await_true(lambda: not alive(guard))
        process.stdin.write(b"\n")
        assert process.stdout.readline() == b"ready\n"
        parent = process.pid if kills else guard
        await_true(lambda: len(children(parent)) == 1, what="the end of all zombies")
        process.communicate(b"\n", timeout=20)


def test_cancelled_run_leaves_nothing_without_guard(executor):
    process = start_tree(executor, "--kill-after", "0.5")
    guard, = children(process.pid)
    os.kill(guard, signal.SIGKILL)
    await_true(lambda: not alive(guard))
    process.terminate()
    process.communicate(timeout=60)
    await_true(lambda: not any(map(alive, process.tree)), timeout=2, what="the end of all descendants")


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT])
def test_other_signals_are_the_agents(executor, number):
    """Whoever has our pid means the agent; they would have ended us, and it."""
    process = executor.start(command=["sh", "-c", f"trap 'echo got' {number}; echo ready; while :; do sleep 0.05; done"])
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == b"got\n"
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_sigquit_ends_the_agent_as_it_would(executor):
    process = executor.start(command=["sh", "-c", "ulimit -c 0; echo ready; exec sleep 100"])
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGQUIT)
    process.communicate(timeout=60)
    assert process.returncode == 131
    last = last_event(executor, process)
    assert (last["reason"], last["signal"]) == ("signal", "SIGQUIT")


def test_cancel_works_without_guard(executor):
    process = executor.start("--kill-after", "1", command=["sh", "-c", "echo ready; sleep 100"])
    assert process.stdout.readline() == b"ready\n"
    guard, = children(process.pid)
    os.kill(guard, signal.SIGKILL)
    await_true(lambda: not alive(guard))
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_no_process_of_ours_is_left_after_a_run(executor):
    process = executor.start(command=["sh", "-c", "echo ready; read x"], stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    ours = children(process.pid)
    assert len(ours) == 1
    process.communicate(b"\n", timeout=60)
    assert not any(map(alive, ours))


@pytest.mark.parametrize("how", ["hold", "late"])
def test_grandchild_that_keeps_the_pipe_does_not_hang_the_run(executor, how):
    begin = time.monotonic()
    process = executor.start(command=[executor.probe, how, "30"])
    out = process.stdout.readline()
    process.wait(timeout=60)
    assert time.monotonic() - begin < 5
    assert (process.returncode, out) == (0, b"parent ends\n")
    assert last_event(executor, process)["type"] == "run_completed"


def test_grandchild_lives_on_after_the_run(executor):
    """As it would without us: what the agent starts in the background is its own."""
    path = executor.folder / "pid"
    executor.run(command=["sh", "-c", f"sleep 60 >/dev/null 2>&1 & echo $! > {path}"])
    pid = int(path.read_text())
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_run_id_is_used_once(executor):
    executor.run(command=["true"], run_id="once")
    before = (executor.run_dir("once") / "run.db").read_bytes()
    process = executor.run(command=["touch", executor.folder / "ran"], run_id="once")
    assert process.returncode == 2
    assert b"once" in process.err
    assert not (executor.folder / "ran").exists()
    assert (executor.run_dir("once") / "run.db").read_bytes() == before


@pytest.mark.parametrize("run_id, folder", [
    ("..", "%2E."), (".", "%2E"), ("a/b", "a%2Fb"), ("ä b", "ä b"), ("x" * 128, "x" * 128), (".hidden", "%2Ehidden")])
def test_folder_of_a_strange_id(executor, run_id, folder):
    process = executor.run(command=["true"], run_id=run_id)
    assert process.returncode == 0, process.err
    assert [path.name for path in (executor.state / "runs").iterdir()] == [folder]


def test_two_executors_with_one_id_at_once(executor):
    processes = [executor.start(command=["sh", "-c", "echo mine; exit 6"], run_id="same") for _ in range(4)]
    for process in processes:
        process.communicate(timeout=60)
    assert sorted(process.returncode for process in processes) == [2, 2, 2, 6]


def test_first_and_last_event(executor):
    process = executor.run("--work-order", "W", "--run-number", "3", command=["sh", "-c", "echo err >&2; exit 3"])
    events = executor.events(process.run_id)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    first, last = events[0], events[-1]
    assert (first["type"], first["workOrderId"], first["runId"], first["runNumber"]) == ("run_started", "W", process.run_id, 3)
    assert first["command"] == "sh -c 'echo err >&2; exit 3'"
    assert first["cwd"] == str(executor.work)
    assert "journal" not in first
    assert (last["type"], last["reason"], last["exitCode"]) == ("run_failed", "exit", 3)
    error, = of_type(events, "agent_error")
    assert (error["message"], error["severity"], error["source"]) == ("err", "warning", "stderr")


def test_started_is_told_before_a_silent_agent_says_anything(executor):
    process = executor.start("--format", "claude", command=["sleep", "30"])
    path = executor.run_dir(process.run_id) / "run.db"
    await_true(lambda: path.exists() and executor_started(executor, process.run_id), timeout=5, what="run_started")
    process.terminate()
    process.communicate(timeout=60)


def executor_started(executor, run_id):
    try:
        return bool(of_type(executor.events(run_id), "run_started"))
    except Exception:           # the file is just being made
        return False


def test_stderr_flood_is_folded(executor):
    script = "i=0; while [ $i -lt 400 ]; do echo line $i >&2; i=$((i+1)); sleep 0.002; done"
    process = executor.run(command=["sh", "-c", script])
    told = [e for e in of_type(executor.events(process.run_id), "agent_error") if e["source"] == "stderr"]
    seconds = executor.events(process.run_id)[-1]["durationMs"] / 1000
    assert len(told) <= 51 * (seconds + 1)
    folded = [e["details"]["suppressed"] for e in told if "details" in e]
    lines = sum(e["message"].count("\n") + 1 for e in told if "details" not in e)
    assert folded, "400 lines in a second or two are more than 50 a second"
    assert lines + sum(folded) <= 400
    assert len(process.err.splitlines()) == 400


@pytest.mark.parametrize("words, hint", [
    (["--nonsense"], "nonsense"), (["--timeout", "soon"], "timeout"), (["--format", "cobol"], "claude"),
    (["--linger", "-1"], "linger"), (["--run-id", ""], "run-id"), (["--run-id", "@x"], "run-id"), (["--run-id", "x" * 129], "128"),
    (["--bus", "tcp://192.0.2.1:5555"], "insecure"), (["--bus", "nowhere"], "bus"), (["--workspace", "/no/such/folder"], "workspace"),
    (["--config", "/no/such/file"], "/no/such/file"), ([], "COMMAND")])
def test_wrong_use_is_told_and_nothing_is_run(executor, words, hint):
    command = [] if not words else ["touch", str(executor.folder / "ran")]
    process = subprocess.run([str(executor.program), "--state-dir", str(executor.state), *words, "--", *command],
                             env=executor.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert process.returncode == 2
    assert hint in process.stderr and process.stderr.startswith("agentgate-exec: ")
    assert not (executor.folder / "ran").exists()


def test_settings_from_environment_and_file(executor):
    config = executor.folder / "config"
    config.write_text("# settings\nquiet = true\nrun-number = 7\nrun-id = from-file\n")
    words = [str(executor.program), "--state-dir", str(executor.state), "--config", str(config), "--", "echo", "x"]
    process = subprocess.run(words, env=executor.environment(AGENTGATE_RUN_ID="from-environment"), stdout=subprocess.PIPE, timeout=60)
    assert (process.returncode, process.stdout) == (0, b"")
    assert executor.events("from-environment")[0]["runNumber"] == 7


def ask(executor, *words, **environment):
    words = [str(executor.program), *words]
    return subprocess.run(words, env=executor.environment(HOME=str(executor.folder), **environment), cwd=executor.work,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def test_every_setting_has_a_variable_and_a_place_in_the_file(executor):
    """What --check-config prints is a settings file; the variables are those that --help names."""
    said = ask(executor, "--help").stdout
    names = {line.split()[0][2:] for line in said.splitlines() if line.startswith("  --")} - {"help", "version", "config", "check-config"}
    variables = set(re.findall(r"\((AGENTGATE_[A-Z_]+)\)", said)) - {"AGENTGATE_CONFIG"}
    assert len(names) == len(variables) >= 30
    printed = ask(executor, "--check-config").stdout
    assert names <= {line.lstrip("# ").split(" ")[0] for line in printed.splitlines() if " =" in line}
    config = executor.folder / "config"
    config.write_text("\n".join(line.split("    #")[0] for line in printed.splitlines() if not line.startswith("config") and "check-config" not in line))
    again = ask(executor, "--config", str(config), "--check-config")
    assert again.returncode == 0, again.stderr
    assert "timeout = 0    # file" in again.stdout


def test_check_config_tells_what_follows_and_what_is_wrong(executor):
    said = ask(executor, "--check-config", "--gateway", "/x/y").stdout.splitlines()
    assert {"# bus: ipc:///x/y/bus", "# control: ipc:///x/y/control", f"# state: {executor.folder}/.local/state/agentgate",
            "# watched: ."} <= set(said)
    assert "# bus: none" in ask(executor, "--check-config", AGENTGATE_STREAM_ENABLED="false").stdout
    for wrong in (["--bus", "nowhere"], ["--run-id", "@x"], ["--workspace", "/no/such"], ["--timeout", "soon"]):
        answer = ask(executor, "--check-config", *wrong)
        assert (answer.returncode, answer.stdout) == (2, "") and wrong[1] in answer.stderr


@pytest.mark.parametrize("words, variables, expected", [
    (["--gateway", "/x"], {"AGENTGATE_BUS": "ipc:///e/bus", "AGENTGATE_CONTROL": "ipc:///e/control"}, "/x /x"),
    (["--bus", "ipc:///f/bus", "--control", "ipc:///f/control"], {"AGENTGATE_GATEWAY": "/e"}, "/f /f"),
    (["--gateway", "/x", "--bus", "ipc:///f/bus"], {"AGENTGATE_CONTROL": "ipc:///e/control"}, "/x,/f /x"),
    ([], {"AGENTGATE_GATEWAY": "/e", "AGENTGATE_BUS": "ipc:///e2/bus"}, "/e,/e2 /e"),
])
def test_gateway_and_endpoints_of_the_stronger_source(executor, words, variables, expected):
    """--gateway says both endpoints: what a flag says stands alone, whichever way the environment says it."""
    told = dict(line[2:].split(": ", 1) for line in ask(executor, "--check-config", *words, **variables).stdout.splitlines()
                if line.startswith(("# bus: ", "# control: ")))
    folders = {name: ",".join(one.removeprefix("ipc://").rsplit("/", 1)[0] for one in told[name].split()) for name in told}
    assert f"{folders['bus']} {folders['control']}" == expected


def test_streaming_switched_off(build_dir, executor):
    """Journals, publishes nothing although a gateway is there, and owes nothing to anybody."""
    with Gateway(build_dir, executor.folder) as gateway:
        process = executor.run("--gateway", executor.folder, command=["echo", "x"], env=executor.environment(AGENTGATE_STREAM_ENABLED="false"))
        other = executor.run("--gateway", executor.folder, command=["echo", "x"])
        with urllib.request.urlopen(f"{gateway.url}/api/v1/runs", timeout=30) as answer:
            assert [run["runId"] for run in json.load(answer)["runs"]] == [other.run_id]
    assert (process.returncode, process.out) == (0, b"x\n")
    assert of_type(executor.events(process.run_id), "run_completed")
    assert not (executor.run_dir(process.run_id) / "owed").exists()


def test_random_run_id(executor):
    words = [str(executor.program), "--state-dir", str(executor.state), "--", "true"]
    for _ in range(2):
        assert subprocess.run(words, env=executor.environment(), timeout=60, check=False).returncode == 0
    assert len(list((executor.state / "runs").iterdir())) == 2


def test_old_runs_are_pruned_unless_they_are_owed(executor):
    off = executor.environment(AGENTGATE_STREAM_ENABLED="false")
    executor.run(command=["true"], run_id="settled", env=off)
    executor.run(command=["true"], run_id="fresh", env=off)
    executor.run(command=["true"], run_id="owed")
    for run_id in ("settled", "owed"):
        for path in [*executor.run_dir(run_id).iterdir(), executor.run_dir(run_id)]:
            os.utime(path, (0, time.time() - 8 * 86400))
    executor.run(command=["sleep", "0.5"], run_id="next", env=off)
    assert {path.name for path in (executor.state / "runs").iterdir()} == {"fresh", "owed", "next"}


def test_runs_are_pruned_by_size(executor):
    off = executor.environment(AGENTGATE_STREAM_ENABLED="false")
    for run_id in ("first", "second"):
        executor.run(command=[executor.probe, "write", "1000", "1500"], run_id=run_id, env=off)
    executor.run("--retain-mb", "4", command=["sleep", "0.5"], run_id="next", env=off)
    assert "second" in {path.name for path in (executor.state / "runs").iterdir()}
    executor.run("--retain-mb", "2", command=["sleep", "0.5"], run_id="last", env=off)
    assert "first" not in {path.name for path in (executor.state / "runs").iterdir()}


@pytest.mark.parametrize("options, shown", [([], False), (["--no-redact"], True)])
def test_secrets_stay_out_of_events_unless_told_otherwise(executor, options, shown):
    """The executor says so in the last event, and the raw artifact keeps what was written."""
    secret = "ghp_" + "a1B2c3D4e5F6" * 3
    process = executor.run(*options, "--format", "flat", command=["echo", '{"type":"text","text":"token %s"}' % secret])
    events = executor.events(process.run_id)
    said = [e["content"] for e in of_type(events, "agent_output")]
    assert said == [f"token {secret if shown else '[redacted]'}"]
    assert events[-1].get("redactions", 0) > 0 or shown
    assert secret in (executor.run_dir(process.run_id) / "stdout").read_text()
