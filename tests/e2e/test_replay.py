"""agentgate-replay: recordings to stdout, byte for byte and in time."""
import subprocess
import time

import pytest


def replay(build_dir, *words, **options):
    return subprocess.run([build_dir / "agentgate-replay", *words], capture_output=True, timeout=60, **options)


@pytest.mark.parametrize("content", [b"", b"one\ntwo\n", b"no newline at the end", b"a\0b\n\n\xff\xfe\r\nlast", b"\n" * 1000,
                                     b"x" * 3_000_000 + b"\ny"], ids=lambda content: f"{len(content)} bytes")
def test_every_byte_comes_out(build_dir, tmp_path, content):
    path = tmp_path / "recording.jsonl"
    path.write_bytes(content)
    result = replay(build_dir, "--stdout", path)
    assert (result.returncode, result.stdout, result.stderr) == (0, content, b"")


def test_lines_come_at_their_time(build_dir, tmp_path):
    path = tmp_path / "recording.jsonl"
    path.write_bytes(b"first\nsecond\nthird\n")
    (tmp_path / "recording.timing").write_text("0.0\n400.0\n800.5\n")
    process = subprocess.Popen([build_dir / "agentgate-replay", "--stdout", path, "--speed", "2"], stdout=subprocess.PIPE)
    times = []
    for line in process.stdout:
        times.append(time.monotonic())
    assert process.wait() == 0
    assert times[2] - times[0] >= 0.35
    assert times[1] - times[0] >= 0.15


def test_fast_waits_for_nothing(build_dir, tmp_path):
    path = tmp_path / "recording.jsonl"
    path.write_bytes(b"first\nsecond\n")
    (tmp_path / "recording.timing").write_text("0.0\n600000.0\n")     # ten minutes: more than the test would live
    assert replay(build_dir, "--stdout", path, "--fast").stdout == b"first\nsecond\n"


def test_more_lines_than_times_are_played_all_the_same(build_dir, tmp_path):
    path = tmp_path / "recording.jsonl"
    path.write_bytes(b"1\n2\n3")
    (tmp_path / "recording.timing").write_text("0.0\n")
    assert replay(build_dir, "--stdout", path).stdout == b"1\n2\n3"


@pytest.mark.parametrize("words, status, says", [
    ([], 2, "what is to be played"),
    (["--stdout", "nowhere.jsonl"], 1, "nowhere.jsonl: No such file"),
    (["--stdout", "x", "--speed", "0"], 2, "--speed 0: a number above 0"),
    (["--stdout", "x", "--speed", "fast"], 2, "--speed fast"),
    (["--stdout", "x", "y"], 2, "what is to be played"),
])
def test_what_cannot_be_is_said(build_dir, words, status, says):
    result = replay(build_dir, *words)
    assert result.returncode == status
    assert result.stderr.startswith(b"agentgate-replay: ")
    assert says in result.stderr.decode()


def test_the_slowest_speed_waits(build_dir, tmp_path):
    """It does not overflow into no waiting at all."""
    (tmp_path / "r.jsonl").write_bytes(b"1\n2\n")
    (tmp_path / "r.timing").write_text("0\n1\n")
    with subprocess.Popen([build_dir / "agentgate-replay", "--stdout", tmp_path / "r.jsonl", "--speed", "1e-300"],
                          stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"1\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.kill()
        assert process.stdout.read() == b""


def test_a_bad_time_is_named(build_dir, tmp_path):
    (tmp_path / "r.jsonl").write_bytes(b"1\n2\n")
    (tmp_path / "r.timing").write_text("0.0\nsoon\n")
    result = replay(build_dir, "--stdout", tmp_path / "r.jsonl")
    assert result.returncode == 1
    assert b"r.timing line 2" in result.stderr
