"""What takes minutes: AGENTGATE_LONG_TESTS=1. The programs of bench/ judge what came; latencies are printed, not judged."""
import os
import pathlib
import subprocess

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"

pytestmark = pytest.mark.skipif(not os.environ.get("AGENTGATE_LONG_TESTS"), reason="AGENTGATE_LONG_TESTS is not set")


@pytest.mark.parametrize("program, options", [
    ("gateway_flood.py", ["--seconds", "60"]),          # 1,000 events/s through 50/s: delivered and announced are all
    ("gateway_stalled.py", ["--minutes", "5"]),         # a stopped viewer beside 200: told, closed with 4008
    ("gateway_fan.py", ["--memory", "--seconds", "20"]),        # 20 runs, 200 viewers: below 50 MB
], ids=lambda value: value if isinstance(value, str) else "")
def test_in_full_length(build_dir, program, options):
    done = subprocess.run(["/usr/bin/python3", BENCH / program, build_dir, *options], capture_output=True, text=True, timeout=3000)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
