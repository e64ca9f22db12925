"""Real programs on real sockets. The build is named by AGENTGATE_BUILD; everything else lives in pytest's tmp_path.

Timeouts here bound a hang; no test sleeps where it can await an event.
"""
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import Gateway  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def run_dir():
    """A short path: a socket's path has at most 107 bytes, and pytest's tmp_path is long."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="ag-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def recordings():
    return ROOT / "tests" / "recordings"


@pytest.fixture
def gateway(build_dir, run_dir):
    """A gateway without rate limit, so that a client gets everything."""
    with Gateway(build_dir, run_dir, "--rate-limit", "0") as started:
        yield started
