"""The gateway as systemd would run it: by packaging/agentgate-gateway.service, its user, folders, filters and messages. No systemd runs here."""
import errno
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import urllib.request

import pytest

from harness import Program

seccomp = pytest.importorskip("seccomp")
ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = (ROOT / "packaging" / "agentgate-gateway.service.in").read_text()


def said(name):
    """The words of a setting of the unit."""
    return re.search(rf"^{name}=(.*)$", UNIT, flags=re.M).group(1).split()


def calls_of(group):
    """System calls of a group of systemd's, and of the groups in it."""
    shown = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    calls = set()
    for word in (line.strip() for line in shown.splitlines()[1:]):
        if word and not word.startswith("#"):
            calls |= calls_of(word) if word.startswith("@") else {word}
    return calls


def confinement():
    """SystemCallFilter and RestrictAddressFamilies, as a filter that is not loaded yet."""
    filter_ = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for call in set().union(*map(calls_of, said("SystemCallFilter"))) - {"socket"}:
        try:
            filter_.add_rule(seccomp.ALLOW, call)
        except (ValueError, RuntimeError, OSError):
            pass                    # of another architecture
    for family in said("RestrictAddressFamilies"):
        filter_.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, int(getattr(socket, family))))
    return filter_


@pytest.fixture
def service(build_dir, run_dir):
    """Starts it so; the manager's socket is then in .manager."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not there")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(run_dir / "notify"))
    manager.settimeout(60)
    state = run_dir / "state"
    state.mkdir(mode=int(said("StateDirectoryMode")[0], 8))
    filter_ = confinement()

    def confine():
        os.umask(int(said("UMask")[0], 8))
        filter_.load()

    def start(*options):
        program = Program([build_dir / "agentgate-gateway", "--listen", "127.0.0.1:0", *options], preexec_fn=confine,
                          env={"STATE_DIRECTORY": str(state), "XDG_RUNTIME_DIR": str(run_dir), "NOTIFY_SOCKET": str(run_dir / "notify"),
                               "WATCHDOG_USEC": "3000000", "AGENTGATE_CONFIG": "/dev/null"})
        started.append(program)
        program.manager = manager
        program.url = program.wait_stderr(r"listening on (http\S+)").group(1)
        return program

    started = []
    yield start
    for program in started:
        program.__exit__()
    manager.close()


def heard(program, text):
    """The manager hears this, whatever else."""
    while True:
        message = program.manager.recv(4096).decode()
        if message == text:
            return


def sockets(folder):
    return ["--bus", f"ipc://{folder}/bus", "--control", f"ipc://{folder}/control", "--republish", f"ipc://{folder}/republish"]


def test_it_runs_under_its_filters_and_tells_the_manager(service, run_dir):
    program = service(*sockets(run_dir))
    heard(program, "READY=1")
    with urllib.request.urlopen(program.url + "/readyz", timeout=60) as answer:
        assert answer.status == 200
    assert "error" not in program.stderr
    heard(program, "WATCHDOG=1")
    program.process.terminate()
    heard(program, "STOPPING=1")
    assert program.wait() == 0
    assert (run_dir / "state" / "history.db").exists()


def test_a_tcp_bus_works_under_its_filters(service):
    """libzmq ends the process when it may not ask for the machine's addresses."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [server.getsockname()[1] for server in (one, other)]
    program = service("--bus", f"tcp://127.0.0.1:{ports[0]}", "--control", f"tcp://127.0.0.1:{ports[1]}", "--republish", "none")
    heard(program, "READY=1")
    program.process.terminate()
    assert program.wait() == 0 and "error" not in program.stderr


def test_the_group_may_use_its_sockets_and_nobody_else(service, run_dir):
    service(*sockets(run_dir))
    for name in ("bus", "control", "republish"):
        assert stat.S_IMODE((run_dir / name).stat().st_mode) == 0o770
    assert said("RuntimeDirectoryMode") == ["0770"] and said("Group") == ["agentgate"]
    assert said("RuntimeDirectoryPreserve") == ["yes"], "executors that start while it is stopped would look elsewhere"


def test_the_unit_is_well_formed(build_dir, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not there")
    unit = tmp_path / "agentgate-gateway.service"
    unit.write_text(UNIT.replace("@bindir@", str(build_dir)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
