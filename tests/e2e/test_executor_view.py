"""The agent's view is the same bare and under the executor: told by a probe program that is run both ways."""
import fcntl
import os
import pty
import resource
import select
import signal
import subprocess
import termios

import pytest

from executor_tools import Executor, of_type


@pytest.fixture
def executor(build_dir, run_dir):
    with Executor(build_dir, run_dir) as made:
        yield made


def both(executor, words, *options, **popen):
    """Exit status and stdout of a command run bare, then under the executor."""
    popen.setdefault("cwd", executor.work)
    popen.setdefault("env", executor.environment())
    popen.setdefault("stdin", subprocess.DEVNULL)
    try:
        bare = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **popen)
        bare = (bare.returncode, bare.stdout, bare.stderr)
    except OSError as error:
        bare = (127 if isinstance(error, FileNotFoundError) else 126, b"", b"")
    under = executor.run(*options, command=words, **popen)
    return bare, (under.returncode, under.out, under.err)


def views(executor, **popen):
    """What the probe wrote, both ways."""
    path = executor.folder / "view"
    both(executor, [executor.probe, "view", path], **popen)
    under = path.read_text()
    subprocess.run([executor.probe, "view", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
                   **{"cwd": executor.work, "env": executor.environment(), "stdin": subprocess.DEVNULL, **popen})
    return path.read_text().splitlines(), under.splitlines()


def test_view_is_the_same(executor):
    """Our own settings in the environment included: a nested agentgate-exec needs them."""
    environment = executor.environment(AGENTGATE_WORK_ORDER="W", AGENTGATE_STREAM_ENABLED="true", ODD="a\nb=c", EMPTY="")
    bare, under = views(executor, env=environment)
    assert len(bare) > 100
    assert under == bare
    assert "env AGENTGATE_WORK_ORDER=W" in bare
    for word in ("oom_score_adj", "cgroup", "cpus", "policy", "io priority", "children 0", "umask", "nice", "limit", "ShdPnd", "cwd"):
        assert any(line.startswith(word) for line in bare), word


@pytest.mark.parametrize("wrap", [["nohup"], ["env", "--ignore-signal=INT,TERM,USR1,PIPE,CHLD,TSTP,TTOU"],
                                  ["env", "--block-signal=INT,TERM,USR2,CHLD,CONT", "--default-signal=PIPE"],
                                  ["nice", "-n", "5"], ["setsid", "--wait"], ["taskset", "1"], ["choom", "-n", "500", "--"],
                                  ["chrt", "--batch", "0"], ["ionice", "-c", "3"], ["prlimit", "--nofile=50:60", "--core=0"]])
def test_view_through_what_people_put_before_it(executor, wrap):
    path = executor.folder / "view"
    options = {"cwd": executor.work, "env": executor.environment(), "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    bare = subprocess.run([*wrap, executor.probe, "view", path], timeout=60, check=False, **options)
    if bare.returncode != 0:
        pytest.skip(f"{wrap[0]} does not work here: {bare.stderr}")
    seen = path.read_text().splitlines()
    under = subprocess.run([*wrap, *executor.words(command=[executor.probe, "view", path], run_id="run")], timeout=60, check=False, **options)
    assert under.returncode == 0, under.stderr
    assert path.read_text().splitlines() == seen


def strange():
    """A parent with habits of its own."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM, signal.SIGRTMIN + 3})
    os.umask(0o027)
    os.nice(3)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, 200))       # below what any machine gives
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def test_view_of_a_strange_parent_is_the_same(executor):
    bare, under = views(executor, preexec_fn=strange)
    assert under == bare
    assert any(line.startswith("limit") and " 150 200" in line for line in bare)


@pytest.mark.parametrize("what, limit", [
    (resource.RLIMIT_NOFILE, (12, 12)), (resource.RLIMIT_NOFILE, (12, 4096)), (resource.RLIMIT_NOFILE, (30, 30)),
    (resource.RLIMIT_FSIZE, (65536, 65536)), (resource.RLIMIT_FSIZE, (0, 0))])
def test_limits_end_neither_us_nor_the_agent(executor, what, limit):
    """They are the agent's to meet. We do with less: no journal, nothing published; but the agent runs."""
    script = f"import resource; print(resource.getrlimit({what})); print('x' * 200000)"
    process = executor.run(command=["/usr/bin/python3", "-c", script], preexec_fn=lambda: resource.setrlimit(what, limit))
    assert process.returncode == 0, process.err
    assert process.out == f"{limit}\n".encode() + b"x" * 200000 + b"\n"


def test_what_the_limits_keep_from_being_published_is_owed(executor):
    process = executor.run(command=["true"], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30)))
    assert b"NOT_PUBLISHED" in process.err
    assert (executor.run_dir(process.run_id) / "owed").read_bytes() == b""


def test_we_take_what_the_hard_limits_allow(executor):
    """Else the CPU time that the agent may use ends us, when the parsing of what it says has used as much."""
    process = executor.start(command=["sh", "-c", "ulimit -t; read x"], stdin=subprocess.PIPE,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (10, 100)))
    assert process.stdout.readline() == b"10\n"
    assert resource.prlimit(process.pid, resource.RLIMIT_CPU) == (100, 100)
    process.communicate(b"\n", timeout=60)


def test_descriptors_that_we_were_given_are_the_agents(executor):
    with open(executor.folder / "given", "wb") as given, open(executor.folder / "too", "ab") as too:
        bare, under = views(executor, pass_fds=(given.fileno(), too.fileno()))
    assert under == bare
    assert sum("given" in line or "/too" in line for line in bare if line.startswith("fd ")) == 2


def test_closed_stdin_stays_closed(executor):
    bare, under = views(executor, stdin=None, preexec_fn=lambda: os.close(0))
    assert under == bare
    assert not any(line.startswith("fd 0 ") for line in bare)


def test_all_standard_descriptors_closed(executor):
    """Then our own files must not get their numbers: the journal stays whole."""
    def close():
        for fd in (0, 1, 2):
            os.close(fd)
    process = executor.run(command=["sh", "-c", "echo out; echo err >&2; exit 5"], stdin=None, stdout=None, stderr=None,
                           preexec_fn=close)
    assert process.returncode == 5
    folder = executor.run_dir(process.run_id)
    assert (folder / "stdout").read_bytes() == b"out\n"
    assert (folder / "stderr").read_bytes() == b"err\n"
    assert [e["seq"] for e in executor.events(process.run_id)] == list(range(1, len(executor.events(process.run_id)) + 1))


@pytest.mark.parametrize("script, shell", [
    ("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -SEGV $$", 139), ("kill -TERM $$", 143)])
def test_exit_status(executor, script, shell):
    process = executor.run(command=["sh", "-c", f"ulimit -c 0; {script}"])
    assert process.returncode == shell


def test_exit_status_of_what_cannot_be_run(executor):
    assert executor.run(command=["no-such-program-anywhere"]).returncode == 127
    assert executor.run(command=["/etc/passwd"]).returncode == 126
    assert executor.run(command=["/"]).returncode == 126
    process = executor.run(command=[executor.folder / "missing"])
    assert process.returncode == 127
    last = executor.events(process.run_id)[-1]
    assert (last["type"], last["reason"], last["exitCode"]) == ("run_failed", "spawn", 127)
    assert "No such file" in last["error"]
    assert process.err.startswith(b"agentgate-exec: error: cannot run ") and b"No such file" in process.err


def test_a_script_without_interpreter_line_runs(executor):
    script = executor.folder / "script"
    script.write_text("echo from the script\nexit 4\n")
    script.chmod(0o755)
    process = executor.run(command=[script])
    assert (process.returncode, process.out) == (4, b"from the script\n")


def test_stdin_pipe(executor):
    path = executor.folder / "copy"
    data = bytes(range(256)) * 4096
    process = executor.start(command=[executor.probe, "read", path], stdin=subprocess.PIPE)
    process.communicate(data, timeout=60)
    assert path.read_bytes() == data


def test_stdin_pipe_breaks_when_the_agent_is_gone(executor):
    """We hold no end of it: its writer learns at once that nobody reads."""
    process = executor.start(command=["sh", "-c", "exec <&-; echo closed; sleep 30"], stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"closed\n"
    with pytest.raises(BrokenPipeError):
        for _ in range(100):
            os.write(process.stdin.fileno(), b"x" * 65536)
    process.terminate()
    process.communicate(timeout=60)


def test_stdin_file(executor):
    source, path = executor.folder / "source", executor.folder / "copy"
    source.write_bytes(os.urandom(300000))
    with open(source, "rb") as stdin:
        stdin.seek(1000)
        executor.run(command=[executor.probe, "read", path], stdin=stdin)
    assert path.read_bytes() == source.read_bytes()[1000:]


def on_terminal(executor, *words):
    """Runs it as a shell's foreground job would be, on a terminal of its own; our end of the terminal is returned."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(executor.work)
        os.execve(words[0], [str(w) for w in words], executor.environment())
    return pid, master


def read_until(master, pattern):
    seen = b""
    while pattern not in seen:
        assert select.select([master], [], [], 20)[0], f"{pattern} never came: {seen}"
        seen += os.read(master, 4096)
    return seen


def exit_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_terminal_is_the_agents(executor):
    path = executor.folder / "view"
    pid, master = on_terminal(executor, *executor.words(command=[executor.probe, "view", path], run_id="tty"))
    read_until(master, b"seen")
    assert exit_of(pid) == 0
    assert "tty 1 foreground 1" in path.read_text().splitlines()


def test_terminal_input_reaches_the_agent(executor):
    command = ["sh", "-c", "echo ready; read line; echo got:$line; tcpgrp=$(ps -o tpgid= -p $$); exit 9"]
    pid, master = on_terminal(executor, *executor.words(command=command, run_id="tty"))
    read_until(master, b"ready")
    os.write(master, b"hello\n")
    read_until(master, b"got:hello")
    assert exit_of(pid) == 9


def test_ctrl_c_is_the_agents(executor):
    """The terminal sends SIGINT to its foreground group, which is the agent's: it decides."""
    command = ["sh", "-c", "trap 'echo caught; exit 6' INT; echo ready; while :; do sleep 0.05; done"]
    pid, master = on_terminal(executor, *executor.words(command=command, run_id="tty"))
    read_until(master, b"ready")
    os.write(master, termios.tcgetattr(master)[6][termios.VINTR])
    read_until(master, b"caught")
    assert exit_of(pid) == 6
    last = executor.events("tty")[-1]
    assert (last["reason"], last["exitCode"]) == ("exit", 6)


def test_ctrl_z_stops_the_whole_job(executor):
    """The shell sees its job stop, and `fg` lets agent and executor go on."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(executor.work)
        os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], {**executor.environment(), "PS1": "P> "})
    words = executor.words(command=["sh", "-c", "echo re''ady; read line; echo got:$line"], run_id="tty")
    os.write(master, " ".join(f'"{w}"' if "\"" not in w and "$" not in w else f"'{w}'" for w in words).encode() + b"\n")
    read_until(master, b"ready\r\n")
    os.write(master, termios.tcgetattr(master)[6][termios.VSUSP])
    read_until(master, b"Stopped")
    os.write(master, b"fg\n")
    read_until(master, b"agentgate-exec")
    os.write(master, b"again\n")
    read_until(master, b"got:again")
    os.write(master, b"exit 0\n")
    assert exit_of(pid) == 0


@pytest.mark.parametrize("data", [b"", b"\n", b"no newline", b"a\r\nb\0c\xff\xfe\n" * 1000, os.urandom(1 << 20)],
                         ids=["nothing", "newline", "unfinished", "odd", "noise"])
def test_stdout_and_stderr_bytes(executor, data):
    source = executor.folder / "bytes"
    source.write_bytes(data)
    bare, under = both(executor, ["sh", "-c", f"cat {source}; cat {source} >&2; exit 3"])
    assert [len(part) for part in under[1:]] == [len(part) for part in bare[1:]], under[2][:500]
    assert under == bare
    folder = executor.run_dir("run-1")
    assert (folder / "stdout").read_bytes() == data
    assert (folder / "stderr").read_bytes() == data


def test_quiet_passes_nothing_and_keeps_all(executor):
    process = executor.run("--quiet", command=["sh", "-c", "echo out; echo err >&2"])
    assert (process.out, process.err) == (b"", b"")
    assert (executor.run_dir(process.run_id) / "stdout").read_bytes() == b"out\n"


def test_our_stdout_stays_blocking(executor):
    """O_NONBLOCK would be seen by all who share our stdout."""
    reader, writer = os.pipe()
    executor.run(command=["echo", "x"], stdout=writer)
    assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK
    assert os.read(reader, 10) == b"x\n"


@pytest.mark.parametrize("mask", [0, 0o777])
def test_permissions(executor, mask):
    """Whatever the umask, which stays the agent's."""
    process = executor.run(command=["sh", "-c", "umask"], preexec_fn=lambda: os.umask(mask))
    assert process.out == f"{mask:04o}\n".encode()
    folder = executor.run_dir(process.run_id)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    files = list(folder.iterdir())
    assert {f.name for f in files} >= {"run.db", "stdout", "stderr"}
    assert all(f.stat().st_mode & 0o777 == 0o600 for f in files), [(f.name, oct(f.stat().st_mode)) for f in files]


def test_no_artifacts(executor):
    process = executor.run("--no-artifacts", command=["sh", "-c", "echo out; echo err >&2"])
    assert (process.out, process.err) == (b"out\n", b"err\n")
    assert not {"stdout", "stderr"} & {f.name for f in executor.run_dir(process.run_id).iterdir()}
    assert of_type(executor.events(process.run_id), "run_completed")
