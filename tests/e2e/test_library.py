"""libagentgate as another C program sees it: its symbols, its examples."""
import json
import os
import pathlib
import re
import subprocess
import time

from harness import Program

ROOT = pathlib.Path(__file__).resolve().parents[2]


def declared():
    """Functions of the public headers."""
    names = set()
    for header in (ROOT / "include" / "agentgate").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        names |= set(re.findall(r"^[a-z][^;{}#]*?\b(ag_[a-z0-9_]+) \(", text, flags=re.M))
    return names


def test_the_library_exports_what_is_declared_and_nothing_else(build_dir):
    library = build_dir / ".libs" / "libagentgate.so"
    symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1] for line in symbols.splitlines()}
    exported = {name for name in exported if not name.startswith(("_", "__"))}
    assert len(declared()) > 50
    assert declared() <= exported, declared() - exported
    assert all(name.startswith("ag_") for name in exported)


def test_the_examples_publish_and_follow(build_dir, run_dir):
    bus = f"ipc://{run_dir}/bus"
    with Program([build_dir / "docs" / "examples" / "follow", f"@{bus}", "2"], stdout=subprocess.PIPE) as follow:
        end = time.monotonic() + 60
        while not (run_dir / "bus").exists():       # it is bound
            assert time.monotonic() < end and follow.process.poll() is None
            time.sleep(0.01)
        published = subprocess.run([build_dir / "docs" / "examples" / "publish", run_dir / "my.db", "W", "running", "done"],
                                   capture_output=True, text=True, timeout=60,
                                   env={**os.environ, "BUS": bus, "CONTROL": f"ipc://{run_dir}/control"})
        assert published.returncode == 0, published.stderr
        assert published.stdout == "journaled, not acknowledged yet\n"
        out, _ = follow.process.communicate(timeout=60)
    first, second = map(json.loads, out.splitlines())
    assert (first["seq"], first["status"], first.get("previousStatus")) == (1, "running", None)
    assert (second["seq"], second["status"], second["previousStatus"]) == (2, "done", "running")
