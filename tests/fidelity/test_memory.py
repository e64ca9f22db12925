"""test_memory.py - the longest line stays under 200 MB, whatever it holds

This Source Code Form is subject to the terms of the Mozilla Public
License, v. 2.0. If a copy of the MPL was not distributed with this
file, You can obtain one at https://mozilla.org/MPL/2.0/.

Lines of 32 MiB (the default limit), through parser, redaction and encoding.
Needs a build without sanitizers, whose memory is not ours.
"""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("AGENTGATE_BUILD", ROOT / "build"))
BENCH = BUILD / "bench" / "parser"
MIB = 1024 * 1024
LIMIT_KB = 200 * 1000

TEXT = b'{"type":"text","text":"%s"}'
MIX = b'{"type":"tool_use","name":"x","input":{"a":"' + b"x" * (24 * MIB) + b'","b":[' + b"1.5," * 880000 + b"0]}}"
LINES = {
    "string": TEXT % (b"x" * (32 * MIB - 40)),
    "escapes": TEXT % (b"\\u00e4" * (5 * MIB)),
    "invalid": TEXT % (b"\xff" * (32 * MIB - 40)),
    "nul": TEXT % (b"\0" * (32 * MIB - 40)),
    "empty-arrays": b'{"type":"x","a":[' + b"[]," * (10 * MIB) + b"0]}",
    "empty-objects": b'{"type":"x","a":[' + b"{}," * (10 * MIB) + b"0]}",
    "numbers": b'{"type":"x","a":[' + b"1.5," * (1024 * 1024) + b"0]}",
    "million-keys": b'{"type":"x"' + b"".join(b',"k%d":%d' % (i, i) for i in range(1000000)) + b"}",
    "mixture": MIX,
    "depth": b'{"a":[' * (5 * MIB),
    "plain-text": b"x" * (32 * MIB - 10),
}


def _sanitized():
    return b"libasan" in BENCH.read_bytes() or b"__asan_init" in BENCH.read_bytes()


@pytest.mark.skipif(not BENCH.exists(), reason="bench/parser is not built")
@pytest.mark.parametrize("name", LINES)
def test_longest_line(name, tmp_path):
    if _sanitized():
        pytest.skip("a sanitizer's memory is not ours")
    path = tmp_path / "line"
    path.write_bytes(LINES[name] + b'\n{"type":"text","text":"next"}\n')
    done = subprocess.run([str(BENCH), str(path), "encode"], stdout=subprocess.PIPE, check=True)
    lines, events, _, peak_kb = done.stdout.split()
    path.unlink()
    assert int(lines) == 2  # both were read
    assert int(events) >= 1  # and the next one said something
    assert int(peak_kb) < LIMIT_KB
    print(name, int(peak_kb), "KB")
