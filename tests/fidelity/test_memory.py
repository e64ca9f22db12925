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


def _text(content):
    return b'{"type":"text","text":"' + content + b'"}'


def _array(item, times):
    return b'{"type":"x","a":[' + item * times + b"0]}"


def _mixture():
    return b'{"type":"tool_use","name":"x","input":{"a":"' + b"x" * (24 * MIB) + b'","b":[' + b"1.5," * 880000 + b"0]}}"


def _million_keys():
    return b'{"type":"x"' + b"".join(b',"k%d":%d' % (i, i) for i in range(1000000)) + b"}"


# Made when they are needed: together they are 300 MB.
LINES = {
    "string": lambda: _text(b"x" * (32 * MIB - 40)),
    "escapes": lambda: _text(b"\\u00e4" * (5 * MIB)),
    "invalid": lambda: _text(b"\xff" * (32 * MIB - 40)),
    "nul": lambda: _text(b"\0" * (32 * MIB - 40)),
    "empty-arrays": lambda: _array(b"[],", 10 * MIB),
    "empty-objects": lambda: _array(b"{},", 10 * MIB),
    "numbers": lambda: _array(b"1.5,", MIB),
    "million-keys": _million_keys,
    "mixture": _mixture,
    "depth": lambda: b'{"a":[' * (5 * MIB),
    "plain-text": lambda: b"x" * (32 * MIB - 10),
}


def _sanitized():
    return b"__asan_init" in BENCH.read_bytes()


@pytest.mark.skipif(not BENCH.exists(), reason="bench/parser is not built")
@pytest.mark.parametrize("name", LINES)
def test_longest_line(name, tmp_path):
    if _sanitized():
        pytest.skip("a sanitizer's memory is not ours")
    path = tmp_path / "line"
    path.write_bytes(LINES[name]() + b'\n{"type":"text","text":"next"}\n')
    done = subprocess.run([str(BENCH), str(path), "encode"], stdout=subprocess.PIPE, check=True)
    lines, events, _, peak_kb = done.stdout.split()
    path.unlink()
    assert int(lines) == 2  # both were read
    assert int(events) >= 1  # and the next one said something
    assert int(peak_kb) < LIMIT_KB
    print(name, int(peak_kb), "KB")
