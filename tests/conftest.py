"""What must not matter to the tests: how they are started, by whom, and what else runs on the machine.

A run under nohup, in the background of a script, from cron or in a container hands down ignored and blocked signals, a umask, limits
and settings. The programs under test inherit them, and some of it is just what is tested. So each is set to what a login shell has.
"""
import os
import pathlib
import resource
import shutil
import signal
import tempfile

import pytest

SIGNALS = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD,
           signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH]
OPEN_FILES = 1024                   # what a login shell may open
# Told to the tests, not to the programs.
KEPT = {"AGENTGATE_BUILD", "AGENTGATE_RECORDINGS", "AGENTGATE_LONG_TESTS", "AGENTGATE_SEED", "AGENTGATE_FEED_SEED", "AGENTGATE_CHAOS_SEED"}
# A service manager's, a desktop's.
REMOVED = {"STATE_DIRECTORY", "RUNTIME_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "XDG_STATE_HOME", "XDG_CONFIG_HOME"}
SOCKET_ROOM = 40                    # a socket's path has at most 107 bytes


def set_signals():
    for number in SIGNALS:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def set_limits():
    os.umask(0o022)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if hard < 0 else min(OPEN_FILES, hard), hard))


def set_environment(home):
    """An installed gateway has settings and sockets of its own, and a user may have exported some."""
    for name in list(os.environ):
        if name in REMOVED or (name.startswith("AGENTGATE_") and name not in KEPT):
            del os.environ[name]
    os.environ.update(AGENTGATE_CONFIG=os.devnull, HOME=home, XDG_RUNTIME_DIR=home)


def pytest_configure(config):
    set_signals()
    set_limits()
    if len(tempfile.gettempdir()) > SOCKET_ROOM:
        tempfile.tempdir = "/tmp"
    config.agentgate_home = tempfile.mkdtemp(prefix="ag-")
    set_environment(config.agentgate_home)


def pytest_unconfigure(config):
    shutil.rmtree(config.agentgate_home, ignore_errors=True)


@pytest.fixture(scope="session")
def build_dir():
    path = os.environ.get("AGENTGATE_BUILD")
    if not path:
        pytest.fail("AGENTGATE_BUILD must name a build folder; ./bootstrap.sh check sets it")
    return pathlib.Path(path)
