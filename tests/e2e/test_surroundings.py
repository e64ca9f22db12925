"""The tests pass however they are started: see tests/conftest.py."""
import os
import pathlib
import resource
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# What has failed, or would: signals are the executor's, files are opened, an environment counts.
SENSITIVE = ["test_executor_end.py::test_signal_to_the_executor_terminates_the_agent", "test_executor_end.py::test_time_limit",
             "test_executor_view.py::test_permissions", "test_replay.py::test_fast_waits_for_nothing",
             "test_library.py::test_the_examples_publish_and_follow"]


def as_from_a_bad_place():
    """nohup in the background of a script in a container, by a cautious user."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1])
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    os.setsid()


def test_from_a_bad_place(build_dir, tmp_path):
    wrong = tmp_path / "stream.conf"
    wrong.write_text("this is no setting\n")
    long_path = tmp_path / ("x" * 100)
    long_path.mkdir()
    environment = {"PATH": os.environ["PATH"], "AGENTGATE_BUILD": str(build_dir), "AGENTGATE_CONFIG": str(wrong), "AGENTGATE_RUN_ID": "taken",
                   "AGENTGATE_FORMAT": "nonsense", "XDG_STATE_HOME": "/proc/nowhere", "NOTIFY_SOCKET": "@nobody", "TMPDIR": str(long_path)}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", *SENSITIVE], cwd=HERE, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, preexec_fn=as_from_a_bad_place)
    assert done.returncode == 0, done.stdout
