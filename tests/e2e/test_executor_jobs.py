"""Job control under a real shell on a real terminal: what bash and the agent see is what they see without us."""
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from executor_tools import Executor, alive, await_true, children

CTRL_C, CTRL_Z = b"\x03", b"\x1a"


class Shell:
    """bash on a terminal of its own, as somebody types at it."""

    def __init__(self, folder, environment):
        self.seen = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], {**environment, "PS1": "P> ", "TERM": "dumb"})
        self.until("P> ")

    def type(self, text):
        os.write(self.master, text if isinstance(text, bytes) else text.encode() + b"\n")

    def until(self, pattern, timeout=30):
        """Reads until something new matches; what was typed is echoed, so commands must not look like their output."""
        end = time.monotonic() + timeout
        while not (match := re.search(pattern.encode(), self.seen)):
            assert select.select([self.master], [], [], max(0, end - time.monotonic()))[0], f"{pattern} never came: {self.seen}"
            self.seen += os.read(self.master, 4096)
        self.seen = self.seen[match.end():]
        return match

    def until_stopped(self, pid, timeout=30):
        """Of a job in the background bash tells that only when asked."""
        await_true(lambda: state(pid) == "T", timeout, what="the agent's stop")
        end = time.monotonic() + timeout
        while b"Stopped" not in self.seen and time.monotonic() < end:
            self.type("jobs")
            while select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 4096)
        self.until("Stopped")

    def close(self):
        """A terminal that is closed hangs up its jobs."""
        os.close(self.master)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture
def executor(build_dir, run_dir):
    with Executor(build_dir, run_dir) as made:
        yield made


@pytest.fixture
def shell(executor):
    made = Shell(executor.work, executor.environment())
    yield made
    made.close()
    await_true(lambda: not processes(executor), timeout=20, what="the end of all jobs of a closed terminal")


def processes(executor):
    return subprocess.run(["pgrep", "-f", "--", str(executor.folder)], stdout=subprocess.PIPE, check=False).stdout.split()


def line(executor, script):
    """The words to type for an agent that runs a shell script. Not by dash: it uses vfork, and one that is stopped between
    vfork and exec hangs its shell, with us or without."""
    path = executor.folder / "agent.sh"
    path.write_text(f"echo agent is $$\n{script}\n")
    return " ".join(executor.words("--no-watch", command=["bash", path], run_id="job"))


def agent_pid(shell):
    return int(shell.until(r"agent is (\d+)\r\n").group(1))


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def in_foreground(pid):
    """Does Ctrl-Z reach it?"""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return fields[2] == fields[5]


READER = "read l; echo got:$l; exit 7"


def test_started_in_the_background_and_fetched(executor, shell):
    """Its read stops the job as it stops any job; after fg it has the terminal."""
    shell.type(line(executor, READER) + " &")
    shell.until_stopped(agent_pid(shell))
    shell.type("fg")
    shell.until("agentgate-exec")
    shell.type("hello")
    shell.until("got:hello")
    shell.type("echo status $?")
    shell.until("status 7")


def test_stopped_sent_to_the_background_and_fetched_again(executor, shell):
    gate = executor.folder / "gate"
    shell.type(line(executor, f"while ! [ -e {gate} ]; do sleep 0.02; done; {READER}"))
    pid = agent_pid(shell)
    shell.type(CTRL_Z)
    shell.until("Stopped")
    assert state(pid) == "T"
    shell.type("bg")
    await_true(lambda: state(pid) != "T", timeout=10, what="the agent's going on")
    gate.touch()
    shell.until("P> ")
    shell.until_stopped(pid)        # again, since it reads
    shell.type("fg")
    shell.until("agentgate-exec")
    shell.type("hello")
    shell.until("got:hello")
    shell.type("echo status $?")
    shell.until("status 7")


def test_running_in_the_background_then_fetched(executor, shell):
    """The shell tells nobody that the group is in the foreground now: it shows when the agent reads."""
    gate = executor.folder / "gate"
    shell.type(line(executor, f"while ! [ -e {gate} ]; do sleep 0.02; done; {READER}") + " &")
    agent_pid(shell)
    shell.type("fg")
    shell.until("agentgate-exec")
    gate.touch()
    shell.type("hello")
    shell.until("got:hello")
    shell.type("echo status $?")
    shell.until("status 7")


def test_ctrl_z_where_stdin_is_a_pipe(executor, shell):
    """It comes to our group then, and the agent stops all the same."""
    shell.type("sleep 1000 | " + line(executor, "while :; do echo tick; sleep 0.05; done"))
    pid = agent_pid(shell)
    shell.until("tick")
    shell.type(CTRL_Z)
    shell.until("Stopped")
    await_true(lambda: state(pid) == "T", timeout=10, what="the agent's stop")
    shell.type("fg")
    shell.until("tick")
    shell.type(CTRL_C)
    await_true(lambda: not alive(pid), timeout=10, what="the agent's end")


def test_dev_tty_where_stdin_is_a_pipe(executor, shell):
    """As git and ssh ask for a password: the agent gets the terminal when it needs it."""
    shell.type("true | " + line(executor, "for n in 1 2; do read l </dev/tty; echo got:$l; done; exit 7"))
    pid = agent_pid(shell)
    shell.type("hello")
    shell.until("got:hello")
    shell.type(CTRL_Z)
    shell.until("Stopped")
    assert state(pid) == "T"
    shell.type("fg")
    shell.until("agentgate-exec")
    shell.type("again")
    shell.until("got:again")
    shell.type("echo status $?")
    shell.until("status 7")


def test_an_agent_with_jobs_of_its_own(executor, shell):
    shell.type(" ".join(executor.words("--no-watch", command=["bash", "--norc", "--noprofile", "-i"], run_id="job")) + " 2>&1")
    shell.until("P> ")
    shell.type("echo inner is $$")
    inner = int(shell.until(r"inner is (\d+)\r\n").group(1))
    shell.type("sleep 1000")
    await_true(lambda: any(map(in_foreground, children(inner))), what="a foreground job of the inner shell")
    shell.type(CTRL_Z)
    shell.until("Stopped")
    shell.until("P> ")
    shell.type("fg")
    shell.until("sleep 1000\r\n")
    await_true(lambda: any(map(in_foreground, children(inner))), what="the job in the foreground again")
    shell.type(CTRL_C)              # throws away what was typed before it is seen
    shell.until(r"\^C")
    shell.until("P> ")
    shell.type("exit 5")
    shell.until("exit\r\n")
    shell.type("echo status $?, outer is $$")
    assert shell.until(r"status (\d+), outer is \d+\r\n").group(1) == b"5"


def test_killed_executor_leaves_the_terminal_to_its_script(executor, shell):
    """A script has no job control to take the terminal itself. (That it tries to read before the guard has noticed must not
    stop it here, or the interactive shell above takes the terminal.)"""
    script = executor.folder / "script.sh"
    script.write_text(line(executor, "exec sleep 1000") + "\ntrap '' TTIN\necho over\nwhile ! read l; do sleep 0.05; done; echo got:$l\n")
    shell.type(f"bash {script}")
    pid = agent_pid(shell)
    guard = int(open(f"/proc/{pid}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()[1])
    ours = int(open(f"/proc/{guard}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()[1])
    os.kill(ours, signal.SIGKILL)
    shell.until("over")
    await_true(lambda: not alive(pid), timeout=10, what="the agent's end")
    shell.type("hello")
    shell.until("got:hello")


def test_command_that_cannot_be_run_leaves_the_terminal_to_its_script(executor, shell):
    script = executor.folder / "script.sh"
    words = executor.words("--no-watch", command=["/not/there"], run_id="job")
    script.write_text(" ".join(words) + "\necho over $?\nread l; echo got:$l\n")
    shell.type(f"bash {script}")
    shell.until("over 127\r\n")
    shell.type("hello")
    shell.until("got:hello\r\n")


@pytest.mark.parametrize("moment", ["running", "stopped", "reading in the background"])
def test_the_terminal_is_closed(executor, shell, moment):
    """The agent is hung up as it would be, whatever its state; the fixture sees that nothing is left."""
    ampersand = " &" if moment.startswith("reading") else ""
    shell.type(line(executor, "echo go; while :; do read l; sleep 0.02; done" if ampersand else "while :; do sleep 0.02; done") + ampersand)
    pid = agent_pid(shell)
    if moment == "stopped":
        shell.type(CTRL_Z)
    if moment != "running":
        shell.until_stopped(pid)


def test_where_nobody_could_continue_us_the_agent_is_not_stopped_for_good(executor, shell):
    """A job whose shell is gone: a read hangs it up, as the kernel does with a stopped job."""
    path = executor.folder / "ended"
    words = line(executor, f"trap 'echo hung up > {path}; exit' HUP; while :; do read l </dev/tty; sleep 0.05; done")
    script = executor.folder / "script.sh"
    script.write_text(f"set -m\n({words} >/dev/null 2>&1 &)\n")
    shell.type(f"bash {script}; echo gone")
    shell.until("gone\r\n")
    await_true(path.exists, timeout=20, what="the hang-up")
