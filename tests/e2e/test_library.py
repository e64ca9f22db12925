"""libagentgate as another C program sees it: its symbols, its examples."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

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
    assert declared() == exported, declared() ^ exported


# ---------------------------------------------------------------------------------------------------------------------
# Installed

@pytest.fixture(scope="module")
def installed(build_dir, tmp_path_factory):
    """A staged installation, and what belongs to it."""
    folder = tmp_path_factory.mktemp("inst")
    make(build_dir, "install", folder)
    return folder


def make(build_dir, target, folder):
    words = ["make", "-s", "-C", build_dir, target, f"DESTDIR={folder}"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
                          env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")})
    assert done.returncode == 0, done.stdout


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


PROGRAMS = ["emit", "exec", "gateway", "keygen", "replay", "tail"]


def test_what_is_installed(installed):
    found = files(installed / "usr/local")
    for name in PROGRAMS:
        assert f"bin/agentgate-{name}" in found and f"share/man/man1/agentgate-{name}.1" in found
    assert [path for path in found if path.startswith("include/")] == [
        f"include/agentgate/{name}.h" for name in ("event", "kinds", "subscriber", "writer")]
    assert {"lib/systemd/system/agentgate-gateway.service", "lib/sysusers.d/agentgate.conf", "lib/pkgconfig/agentgate.pc",
            "share/doc/agentgate-stream/examples/stream.conf", "share/doc/agentgate-stream/examples/publish.c",
            "share/doc/agentgate-stream/proto/README.md", "share/doc/agentgate-stream/LICENSE"} <= set(found)
    unit = (installed / "usr/local/lib/systemd/system/agentgate-gateway.service").read_text()
    assert "ExecStart=/usr/local/bin/agentgate-gateway\n" in unit and "@" not in unit.replace("@system-service", "")


def test_uninstall_leaves_nothing_of_ours(build_dir, tmp_path):
    make(build_dir, "install", tmp_path)
    mine = tmp_path / "usr/local/share/doc/agentgate-stream/examples/mine.conf"
    mine.write_text("somebody's own\n")
    make(build_dir, "uninstall", tmp_path)
    assert files(tmp_path) == [str(mine.relative_to(tmp_path))]
    mine.unlink()
    make(build_dir, "install", tmp_path)
    make(build_dir, "uninstall", tmp_path)
    assert [path for path in tmp_path.rglob("*agentgate*")] == []


C_WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
CPP = """
#include <agentgate/event.h>
#include <agentgate/kinds.h>
#include <agentgate/subscriber.h>
#include <agentgate/writer.h>
#include <cstdio>
int main () {
    ag_writer_options_t options = {};
    options.ids.work_order = AG_STR ("W");
    ag_draft_t *draft = ag_draft_new (AG_WORK_ORDER_UPDATED);
    ag_draft_set_text (draft, AG_F_STATUS, options.ids.work_order.ptr);
    std::puts (ag_draft_string (draft, AG_F_STATUS).ptr);
    ag_draft_destroy (&draft);
}
"""


def flags(installed, *words):
    """With no other library's file there: ours needs none of them."""
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(installed / "usr/local/lib/pkgconfig"), "PKG_CONFIG_PATH": "", "PKG_CONFIG_SYSROOT_DIR": str(installed)}
    return subprocess.run(["pkg-config", *words, "agentgate"], env=environment, capture_output=True, text=True, check=True).stdout.split()


def compile_and_run(installed, compiler, source, folder, *words):
    """Outside of the tree, with what pkg-config says; the second name is the program's."""
    program = folder / "program"
    subprocess.run([*compiler, *C_WARNINGS, source, *flags(installed, "--cflags", "--libs"), "-o", program], check=True, cwd=folder)
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "LD_LIBRARY_PATH": str(installed / "usr/local/lib")})


@pytest.mark.parametrize("name, says", [("publish", "JOURNAL WORK-ORDER STATUS... is wanted"), ("follow", "follow: ")])
@pytest.mark.parametrize("compiler", [["gcc", "-std=c99", "-D_GNU_SOURCE"], ["clang", "-std=c11", "-D_GNU_SOURCE"]], ids=["gcc", "clang"])
def test_an_example_builds_from_the_installation(installed, tmp_path, compiler, name, says):
    shutil.copy(installed / f"usr/local/share/doc/agentgate-stream/examples/{name}.c", tmp_path)
    done = compile_and_run(installed, compiler, f"{name}.c", tmp_path, *(["nowhere"] if name == "follow" else []))
    assert done.returncode == 1 and says in done.stderr


@pytest.mark.parametrize("compiler", [["g++", "-std=c++11"], ["clang++", "-std=c++20"]], ids=["g++", "clang++"])
def test_the_headers_are_cpp_too(installed, tmp_path, compiler):
    (tmp_path / "main.cc").write_text(CPP)
    done = compile_and_run(installed, compiler, "main.cc", tmp_path)
    assert (done.returncode, done.stdout) == (0, "W\n")


def test_pkg_config_knows_the_version(installed):
    assert flags(installed, "--modversion") == [re.search(r"AC_INIT\(\[[^]]+\], \[([^]]+)\]", (ROOT / "configure.ac").read_text()).group(1)]


# ---------------------------------------------------------------------------------------------------------------------
# Its examples

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
