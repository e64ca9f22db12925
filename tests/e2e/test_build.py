"""What configure says of a machine on which something is missing, old, or called otherwise."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Debian 12's packages; the bootstrap's list must have them too.
PACKAGES = {"libzmq": "libzmq3-dev", "libczmq": "libczmq-dev", "json-c": "libjson-c-dev", "sqlite3": "libsqlite3-dev", "libpcre2-8": "libpcre2-dev",
            "libwebsockets": "libwebsockets-dev", "zlib": "zlib1g-dev", "libcrypto": "libssl-dev", "msgpack": "libmsgpack-dev"}


@pytest.fixture
def modules(tmp_path):
    """A folder of pkg-config with all that is needed; a test takes away, or changes."""
    folder = tmp_path / "pkgconfig"
    folder.mkdir()
    for module in PACKAGES:
        where = subprocess.run(["pkg-config", "--variable=pcfiledir", module], capture_output=True, text=True, check=True).stdout.strip()
        shutil.copy(pathlib.Path(where) / f"{module}.pc", folder)
        file = folder / f"{module}.pc"
        file.write_text(re.sub(r"^(Requires[.\w]*):.*$", r"\1:", file.read_text(), flags=re.M))
    return folder


def configure(folder, modules, *words, **environment):
    if not (ROOT / "configure").exists():
        pytest.skip("autoreconf was not run")
    work = folder / "work"
    work.mkdir()
    return subprocess.run([ROOT / "configure", "--quiet", "--without-dashboard", *words], cwd=work, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PKG_CONFIG_LIBDIR": str(modules), **environment})


def test_all_that_is_missing_or_old_is_named_with_its_package(tmp_path, modules):
    for module in ("libwebsockets", "msgpack"):
        (modules / f"{module}.pc").unlink()
    old = modules / "json-c.pc"
    old.write_text(re.sub(r"^Version:.*$", "Version: 0.13", old.read_text(), flags=re.M))
    done = configure(tmp_path, modules)
    assert done.returncode != 0
    assert "apt-get install libjson-c-dev libwebsockets-dev libmsgpack-dev\n" in done.stderr
    assert "json-c >= 0.16 is missing: Debian package libjson-c-dev" in done.stderr
    assert "libzmq3-dev" not in done.stderr


@pytest.mark.parametrize("name, version", [("msgpack-c", "6.0.0"), ("msgpackc", "3.1.0")])
def test_msgpack_under_its_other_names(tmp_path, modules, name, version):
    """Enough of the rest is missing for configure to end soon; msgpack is not among it."""
    text = re.sub(r"^Version:.*$", f"Version: {version}", (modules / "msgpack.pc").read_text(), flags=re.M)
    (modules / f"{name}.pc").write_text(text)
    for module in ("msgpack", "zlib"):
        (modules / f"{module}.pc").unlink()
    done = configure(tmp_path, modules)
    assert "apt-get install zlib1g-dev\n" in done.stderr


def test_without_pkg_config_that_is_what_is_missing(tmp_path, modules):
    done = configure(tmp_path, modules, "ac_cv_path_PKG_CONFIG=", "ac_cv_path_ac_pt_PKG_CONFIG=", PKG_CONFIG="")
    assert done.returncode != 0 and "apt-get install pkg-config" in done.stderr


def test_the_bootstrap_installs_what_configure_asks_for():
    listed = re.search(r'BUILD_PACKAGES="([^"]*)"', (ROOT / "bootstrap.sh").read_text()).group(1).split()
    asked = set(re.findall(r"\[(lib\w[\w+.-]*-dev|zlib1g-dev)\]", (ROOT / "configure.ac").read_text())) | {"libmsgpack-dev"}
    check = re.search(r'CHECK_PACKAGES="([^"]*)"', (ROOT / "bootstrap.sh").read_text()).group(1).split()
    assert set(PACKAGES.values()) <= asked
    assert asked - set(listed) - set(check) == set()
