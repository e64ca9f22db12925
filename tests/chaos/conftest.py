"""The fixtures of the whole-program tests."""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import os  # noqa: E402

import pytest  # noqa: E402


@pytest.fixture(scope="session")
def build_dir():
    path = os.environ.get("AGENTGATE_BUILD")
    if not path:
        pytest.fail("AGENTGATE_BUILD must name a build folder; ./bootstrap.sh check sets it")
    return pathlib.Path(path)
