"""What the programs say of themselves, what their manual pages say, and what the contract promises: the same."""
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ["gateway", "exec", "emit", "tail", "replay", "keygen"]
SETTING = re.compile(r"^  --([a-z-]+)(?: (\S+))?(?:\n {26})?(.*)$", re.M)

# SPEC section 10: what scripts may rely on.
FLAGS = {
    "gateway": "listen bus control republish state-dir store rate-limit buffer-size batch-ms token-file allow-origin tls-cert tls-key "
               "curve-dir insecure config log-format log-level check-config",
    "exec": "run-id work-order run-number bus control gateway workspace format state-dir linger timeout kill-after max-line max-content "
            "quiet no-watch ignore redact-env curve-dir insecure no-artifacts",
}
VARIABLES = {
    "AGENTGATE_STREAM_ENABLED": ("exec", "stream", "true"), "AGENTGATE_STREAM_RATE_LIMIT": ("gateway", "rate-limit", "50"),
    "AGENTGATE_STREAM_BUFFER_SIZE": ("gateway", "buffer-size", "1000"), "AGENTGATE_STREAM_BATCH_MS": ("gateway", "batch-ms", "100"),
    "AGENTGATE_STREAM_RETENTION_MIN": ("gateway", "retention-min", "60"),
    "AGENTGATE_STREAM_PROGRESS_MS": ("exec", "progress-ms", "5000"), "AGENTGATE_LISTEN": ("gateway", "listen", "127.0.0.1:3001"),
    "AGENTGATE_BUS": ("gateway", "bus", None), "AGENTGATE_CONTROL": ("gateway", "control", None),
    "AGENTGATE_STATE_DIR": ("gateway", "state-dir", None),
}
# How a manual page may word a number.
WORDED = {"33554432": "32 MiB", "65536": "64 KiB"}


def run(build_dir, name, *words, **options):
    return subprocess.run([build_dir / f"agentgate-{name}", *words], capture_output=True, text=True, timeout=60, **options)


def settings(build_dir, name):
    """What --help lists: option -> (its value's name or "", the rest of the text)."""
    text = run(build_dir, name, "--help").stdout
    found = {option: (value or "", rest) for option, value, rest in SETTING.findall(text) if option not in ("help", "version")}
    assert text.count("\n  --") == len(found) + 2, text
    return found


def manual(name):
    """The manual page's items: (options that head it, its text)."""
    text = (ROOT / "docs" / "man" / f"agentgate-{name}.1").read_text()
    items = []
    for item in re.split(r"^\.It ", text, flags=re.M)[1:]:
        head, _, body = item.partition("\n")
        items.append((re.findall(r"Fl -([a-z-]+)", head), head + "\n" + re.split(r"^\.(?:El|Ss|Sh)", body, flags=re.M)[0]))
    return text, items


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_and_version(build_dir, name):
    shown = run(build_dir, name, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"agentgate-{name} " in shown.stdout
    version = re.search(r"AC_INIT\(\[[^]]+\], \[([^]]+)\]", (ROOT / "configure.ac").read_text()).group(1)
    assert run(build_dir, name, "--version").stdout == f"agentgate-{name} {version}\n"


@pytest.mark.parametrize("name", PROGRAMS)
def test_wrong_use_is_named_and_has_status_2(build_dir, name):
    wrong = run(build_dir, name, "--no-such-option")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith(f"agentgate-{name}: --no-such-option: ") and "--help" in wrong.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_manual_page_has_the_options_of_help(build_dir, name):
    text, items = manual(name)
    options = settings(build_dir, name)
    explained = {option for heads, _ in items for option in heads}
    assert set(options) - explained - {"check-config"} == set(), "not in the manual page"
    assert explained - set(options) == set(), "not in --help"
    assert "check-config" not in options or "Fl -check-config" in text
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"):
        assert f".Sh {section}\n" in text
    assert "Mozilla Public" in text


@pytest.mark.parametrize("name", PROGRAMS)
def test_manual_page_names_the_defaults_of_help(build_dir, name):
    _, items = manual(name)
    for option, (_, rest) in settings(build_dir, name).items():
        fallback = re.search(r"\[(\d+)\](?: \(AGENTGATE_\w+\))?$", rest)
        if fallback:
            body = next(body for heads, body in items if option in heads)
            number = fallback.group(1)
            assert re.search(rf"(?<![\d.]){WORDED.get(number, number)}(?![\d])", body), f"--{option}: {number} is not told"


@pytest.mark.parametrize("name", PROGRAMS)
def test_manual_page_is_well_formed(name):
    lint = shutil.which("mandoc")
    if not lint:
        pytest.skip("mandoc is not there")
    done = subprocess.run([lint, "-T", "lint", "-W", "warning", ROOT / "docs" / "man" / f"agentgate-{name}.1"],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout == ""


@pytest.mark.parametrize("name", FLAGS)
def test_flags_of_the_contract(build_dir, name):
    assert set(FLAGS[name].split()) - set(settings(build_dir, name)) == set()


@pytest.mark.parametrize("variable", VARIABLES)
def test_variables_of_the_contract(build_dir, tmp_path, variable):
    name, option, fallback = VARIABLES[variable]
    rest = settings(build_dir, name)[option][1]
    assert rest.endswith(f"({variable})")
    lines = run(build_dir, name, "--check-config").stdout.splitlines()
    line = next(line for line in lines if re.match(rf"(# )?{option} =", line))
    assert line.split() == ([option, "=", fallback] if fallback else ["#", option, "="]) + ["#", "default"]
    given = {"AGENTGATE_STREAM_ENABLED": "false", "AGENTGATE_LISTEN": "127.0.0.1:0", "AGENTGATE_BUS": "ipc:///x",
             "AGENTGATE_CONTROL": "ipc:///x", "AGENTGATE_STATE_DIR": "/x"}.get(variable, "250")
    shown = run(build_dir, name, "--check-config", env={variable: given, "AGENTGATE_CONFIG": "/dev/null", "HOME": str(tmp_path)}).stdout
    assert re.search(rf"^{option} = {given} +# environment$", shown, flags=re.M)


def test_the_example_settings_are_taken_when_uncommented(build_dir, run_dir):
    """And what stands there as a value is the default, where there is one."""
    text = re.sub(r"^# (?=[a-z-]+ = )", "", (ROOT / "packaging" / "stream.conf").read_text(), flags=re.M)
    for option, name in re.findall(r"^([a-z-]+) = /etc/agentgate/(\S+)", text, flags=re.M):
        (run_dir / name).mkdir() if option == "curve-dir" else (run_dir / name).write_text("0" * 64 + "\n")
    path = run_dir / "stream.conf"
    path.write_text(text.replace("= /etc/agentgate/", f"= {run_dir}/"))
    for name in ("gateway", "exec"):
        done = run(build_dir, name, "--check-config", "--config", path)
        assert done.returncode == 0, done.stderr
    given = {line.split(" = ")[0]: line for line in run(build_dir, "gateway", "--check-config", "--config", path).stdout.splitlines()}
    for option, (_, rest) in settings(build_dir, "gateway").items():
        fallback = re.search(r"\[([^] ]+)\](?: \(AGENTGATE_\w+\))?$", rest)
        if given.get(option, "").endswith("# file") and fallback:
            assert given[option].split()[2] == fallback.group(1)
    assert sum(line.endswith("# file") for line in given.values()) >= 10


@pytest.mark.parametrize("page", ["README.md", "proto/README.md", "packaging/agentgate-gateway.service.in", "demo/run.sh",
                                  *(f"docs/man/agentgate-{name}.1" for name in PROGRAMS)])
def test_pages_use_options_that_exist(build_dir, page):
    """Wherever a command line of ours is shown."""
    known = {name: set(settings(build_dir, name)) | {"help", "version"} for name in PROGRAMS}
    text = re.sub(r"\\\n", " ", (ROOT / page).read_text())
    for name, words in re.findall(r"agentgate-(gateway|exec|emit|tail|replay|keygen)\"?((?: [^`\n|#]*)?)", text):
        words = words.split(" -- ")[0].split("agentgate-")[0]
        assert set(re.findall(r"(?<!\S)--([a-z][a-z-]+)", words)) - known[name] == set(), f"agentgate-{name}{words}"
