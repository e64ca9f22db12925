"""The set of files that the events tell is the set on disk, however it came about."""
import io
import os
import random
import subprocess
import tarfile

import pytest

from executor_tools import Executor, of_type

IGNORED = {".git", "node_modules", "__pycache__"}


@pytest.fixture
def executor(build_dir, run_dir):
    with Executor(build_dir, run_dir) as made:
        yield made


def on_disk(folder):
    """Relative path and size of each file, without what is ignored."""
    found = {}
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in IGNORED]
        for name in files + [n for n in folders if os.path.islink(os.path.join(path, n))]:
            full = os.path.join(path, name)
            found[os.path.relpath(full, folder)] = os.lstat(full).st_size
    return found


def told(events, before):
    """What somebody believes who starts with `before` and hears all events."""
    found = dict(before)
    for event in of_type(events, "file_changed"):
        path = event["path"]
        if event["action"] == "deleted":
            assert path in found, f"{path} was deleted and never there"
            del found[path]
        else:
            assert (event["action"] == "created") == (path not in found), f"{event['action']} {path}"
            found[path] = event["sizeBytes"]
    return found


def watch(executor, script, *options, before=None, timeout=120):
    """Runs a shell script in the workspace; returns its file events after checking them against the disk."""
    before = on_disk(executor.work) if before is None else before
    process = executor.run(*options, command=["sh", "-ec", script], timeout=timeout)
    assert process.returncode == 0, process.err
    events = executor.events(process.run_id)
    assert told(events, before) == on_disk(executor.work)
    return events


def changes(events):
    return [(e["path"], e["action"]) for e in of_type(events, "file_changed")]


def test_created_modified_deleted(executor):
    (executor.work / "old").write_text("old")
    (executor.work / "gone").write_text("gone")
    events = watch(executor, "echo new > new; echo more >> old; rm gone")
    assert sorted(changes(events)) == [("gone", "deleted"), ("new", "created"), ("old", "modified")]
    sizes = {e["path"]: e.get("sizeBytes") for e in of_type(events, "file_changed")}
    assert sizes == {"new": 4, "old": 8, "gone": None}


def test_a_file_that_comes_and_goes_at_once_is_not_told(executor):
    assert changes(watch(executor, "echo x > a; rm a; echo y > b")) == [("b", "created")]


def test_renames(executor):
    (executor.work / "a").write_text("a")
    (executor.work / "dir").mkdir()
    (executor.work / "dir" / "inside").write_text("i")
    events = watch(executor, "mv a b; mv dir moved; mv b moved/c")
    assert sorted(changes(events)) == [("a", "deleted"), ("dir/inside", "deleted"), ("moved/c", "created"), ("moved/inside", "created")]


def test_replacing_a_file_as_editors_do_is_a_modification(executor):
    (executor.work / "file").write_text("one")
    assert changes(watch(executor, "echo three > file.tmp.1; mv file.tmp.1 file")) == [("file", "modified")]


def test_new_folders_have_no_race(executor):
    """Files are made in a folder before anybody can have put a watch on it."""
    events = watch(executor, "for i in $(seq 200); do mkdir -p d$i/e/f; echo x > d$i/1; echo x > d$i/e/2; echo x > d$i/e/f/3; done")
    # A busy machine may stop the shell between open and write: then that file is modified as well.
    assert sum(action == "created" for _, action in changes(events)) == 600


def test_ignored(executor):
    process = executor.run("--ignore", "*.tmp", "--ignore", "build/out", command=["sh", "-c", "mkdir -p node_modules/x .git build/out; echo x > node_modules/x/a; echo x > .git/b; echo x > a.tmp; "
                           "echo x > build/out/c; echo x > kept"])
    assert changes(executor.events(process.run_id)) == [("kept", "created")]


def test_symbolic_links_are_not_followed(executor):
    outside = executor.folder / "outside"
    outside.mkdir()
    (executor.work / "link").symlink_to(outside)
    assert changes(watch(executor, f"echo x > {outside}/file; ln -s {outside} second; echo x > {outside}/more")) == [("second", "created")]


def test_state_dir_in_the_workspace_is_not_watched(executor):
    executor.state = executor.work / "state"
    process = executor.run(command=["sh", "-c", "echo x > file; sleep 0.3"])
    assert changes(executor.events(process.run_id)) == [("file", "created")]


def test_strange_names(executor):
    names = ["with space", "new\nline", "ümlaut", "-dash", "quote'\"", "tab\t"]
    (executor.folder / "make.sh").write_text("".join(f"printf x > './{n}'\n" if "'" not in n else f"printf x > ./quote\\'\\\"\n" for n in names))
    events = watch(executor, f". {executor.folder}/make.sh")
    assert {path for path, _ in changes(events)} == set(names)


def test_a_name_that_is_not_utf8(executor):
    process = executor.run(command=["sh", "-c", "printf x > \"$(printf 'bad\\377name')\"; sleep 0.2"])
    assert changes(executor.events(process.run_id)) == [("bad\ufffdname", "created")]


def test_no_watch(executor):
    process = executor.run("--no-watch", command=["touch", "file"])
    assert changes(executor.events(process.run_id)) == []


def test_home_is_not_watched_unless_named(executor):
    environment = executor.environment(HOME=str(executor.work))
    process = executor.run(command=["touch", "file"], env=environment)
    assert changes(executor.events(process.run_id)) == []
    process = executor.run("--workspace", executor.work, command=["touch", "named"], env=environment)
    assert changes(executor.events(process.run_id)) == [("named", "created")]


def test_workspace_elsewhere(executor):
    other = executor.folder / "other"
    other.mkdir()
    process = executor.run("--workspace", other, command=["sh", "-c", f"echo x > here; echo x > {other}/there"])
    assert changes(executor.events(process.run_id)) == [("there", "created")]


def test_limit_of_files_is_told_and_the_rest_watched(executor):
    for folder in range(5):
        (executor.work / str(folder)).mkdir()
        for i in range(10):
            (executor.work / str(folder) / str(i)).write_text("x")
    process = executor.run("--max-files", "25", command=["sh", "-c", "sleep 0.2; for d in 0 1 2 3 4; do echo more >> $d/1; done; sleep 0.3"])
    events = executor.events(process.run_id)
    warning, = [e for e in of_type(events, "agent_error") if e.get("code") == "WATCH_LIMIT"]
    assert warning["severity"] == "warning"
    assert {action for _, action in changes(events)} == {"modified"}
    assert 1 <= len(changes(events)) < 5


def test_a_file_that_is_written_all_the_time_is_told_now_and_then(executor):
    events = watch(executor, "for i in $(seq 60); do echo $i >> log; sleep 0.05; done")
    assert 2 <= len(changes(events)) <= 20


def warnings(events):
    return [e["code"] for e in of_type(events, "agent_error") if e["source"] == "executor"]


def test_a_link_in_the_place_of_a_folder_is_not_followed(executor):
    """What was in the folder is gone, although its paths still lead to files: to the same ones, and to others outside."""
    outside = executor.folder / "outside"
    for folder in (executor.work / "a", executor.work / "b", outside):
        folder.mkdir()
        (folder / "file").write_text("x")
    events = watch(executor, f"mv a moved; ln -s moved a; rm -r b; ln -s {outside} b; echo more >> {outside}/file")
    assert sorted(changes(events)) == [("a", "created"), ("a/file", "deleted"), ("b", "created"), ("b/file", "deleted"), ("moved/file", "created")]


def test_a_file_from_the_future_has_not_changed(executor):
    (executor.work / "file").write_text("x")
    os.utime(executor.work / "file", (2e9, 2e9))
    assert changes(watch(executor, "sleep 0.3")) == []


@pytest.mark.parametrize("where", ["the workspace", "its runs", "elsewhere"])
def test_our_own_files_are_not_told_wherever_the_state_dir_is(executor, where):
    """Each of their changes would make another one."""
    executor.state = executor.work if where == "the workspace" else executor.state
    executor.work = executor.state / "runs" if where == "its runs" else executor.work
    executor.work.mkdir(parents=True, exist_ok=True)
    process = executor.run("--workspace", executor.work, command=["sh", "-c", "echo x > one; sleep 0.5; echo x > two; sleep 0.3"])
    assert changes(executor.events(process.run_id)) == [("one", "created"), ("two", "created")]


def test_the_workspace_is_moved(executor):
    """It stays the same one, and its paths are relative to it."""
    (executor.work / "dir").mkdir()
    (executor.work / "dir" / "old").write_text("x")
    process = executor.run(command=["sh", "-c", f"sleep 0.2; mv {executor.work} {executor.folder}/elsewhere; echo x > new; echo y > dir/old; mkdir d; echo x > d/f; sleep 0.3"])
    events = executor.events(process.run_id)
    assert sorted(changes(events)) == [("d/f", "created"), ("dir/old", "modified"), ("new", "created")]


def test_the_workspace_is_removed(executor):
    (executor.work / "file").write_text("x")
    command = f"sleep 0.2; cd /; rm -r {executor.work}; mkdir {executor.work}; echo x > {executor.work}/other; sleep 0.3; exit 3"
    process = executor.run(command=["sh", "-c", command])
    events = executor.events(process.run_id)
    assert (process.returncode, changes(events), warnings(events)) == (3, [("file", "deleted")], ["WATCH_GONE"])


def test_a_tree_too_deep_for_a_path(executor):
    """Folders nest deeper than a path may be long: told, and the rest is watched."""
    script = "import os\nfor i in range(60): os.mkdir('d' * 100); os.chdir('d' * 100); open('f', 'w').close()\n"
    process = executor.run(command=["/usr/bin/python3", "-c", script + "import time; time.sleep(0.3)"])
    events = executor.events(process.run_id)
    assert warnings(events) == ["WATCH_LIMIT"]
    seen = {path.count("/") for path, _ in changes(events)}
    assert seen == set(range(1, len(seen) + 1)) and len(seen) >= 39
    subprocess.run(["rm", "-rf", executor.work / ("d" * 100)], check=True)      # shutil.rmtree does not get so deep


def test_limit_of_watches_is_told_and_the_rest_watched(executor):
    for number in range(30):
        (executor.work / f"d{number:02}").mkdir()
    limited = ["unshare", "--user", "--map-root-user", "sh", "-c", "echo 12 > /proc/sys/user/max_inotify_watches && exec \"$@\"", "sh"]
    if subprocess.run([*limited, "true"], stderr=subprocess.PIPE, check=False).returncode:
        pytest.skip("no user namespace with a limit of its own")
    command = ["sh", "-c", "sleep 0.2; for d in d*; do echo x > $d/f; done; sleep 0.3"]
    process = subprocess.run([*limited, *executor.words(command=command, run_id="limited")], cwd=executor.work, env=executor.environment(),
                             stderr=subprocess.PIPE, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
    events = executor.events("limited")
    assert warnings(events) == ["WATCH_LIMIT"]
    assert 5 <= len(changes(events)) <= 11


def test_a_folder_that_may_not_be_read(executor):
    (executor.work / "closed").mkdir(mode=0)
    (executor.work / "open").mkdir()
    os.chmod(executor.folder, 0o711)
    os.chmod(executor.work, 0o777)
    words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *executor.words(command=["sh", "-c", "sleep 0.2; echo x > open/f"], run_id="run")]
    process = subprocess.run(words, cwd=executor.work, env=executor.environment(), stderr=subprocess.PIPE, timeout=60, check=False)
    if b"setpriv" in process.stderr:
        pytest.skip("setpriv cannot take root's rights away")
    events = executor.events("run")
    assert changes(events) == [("open/f", "created")]
    assert warnings(events) == ["WATCH_LIMIT"]


def test_another_file_system_in_the_workspace(executor):
    inner = executor.work / "inner"
    inner.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", inner], stderr=subprocess.PIPE, check=False).returncode:
        pytest.skip("needs root to mount")
    try:
        (inner / "old").write_text("x")
        assert sorted(changes(watch(executor, "echo x > inner/new; rm inner/old; mkdir inner/d; echo x > inner/d/f"))) == [
            ("inner/d/f", "created"), ("inner/new", "created"), ("inner/old", "deleted")]
    finally:
        subprocess.run(["umount", "-l", inner], check=True)


def test_thousands_of_folders_are_renamed(executor):
    """Each took a look through all that is known: the agent's output was not read for seconds."""
    for folder in range(2000):
        (executor.work / f"d{folder}").mkdir()
        for file in range(5):
            (executor.work / f"d{folder}" / f"f{file}").touch()
    script = "import os, time\ntime.sleep(0.5)\nfor i in range(2000): os.rename(f'd{i}', f'e{i}')\n"
    before = on_disk(executor.work)
    process = executor.run(command=["/usr/bin/python3", "-c", script], timeout=120)
    events = executor.events(process.run_id)
    assert told(events, before) == on_disk(executor.work)
    assert warnings(events) == []


CHANCE = """
import os, random, shutil, sys, time
r = random.Random(int(sys.argv[1]))
def some():
    return "/".join(r.choice("abcd") for _ in range(r.randrange(1, 4)))
def remove(path):
    (shutil.rmtree if os.path.isdir(path) and not os.path.islink(path) else os.unlink)(path)
for i in range(4000):
    a, b = some(), some()
    try:
        r.choice([lambda: os.makedirs(a), lambda: os.makedirs(a), lambda: open(a + "f", "w").write("x" * r.randrange(50)),
                  lambda: open(a + "/f%d" % r.randrange(3), "a").write("y"), lambda: os.rename(a, b), lambda: os.rename(a + "f", b + "f"),
                  lambda: remove(a), lambda: os.symlink(r.choice([".", "..", "a", "b", "/tmp"]), a), lambda: os.unlink(a + "f")])()
    except OSError:
        pass
    if r.randrange(40) == 0:
        time.sleep(r.random() * 0.02)
"""


def test_whatever_happens_by_chance(executor):
    """Folders, files and links with few names come, go, change places and replace each other."""
    for number in range(16):
        folder = executor.work / "abcd"[number % 4] / "abcd"[number // 4]
        folder.mkdir(parents=True)
        (folder / f"f{number % 3}").write_text("x")
    seed = random.randrange(1 << 30)
    print("seed", seed)
    before = on_disk(executor.work)
    process = executor.run(command=["/usr/bin/python3", "-c", CHANCE, str(seed)])
    events = executor.events(process.run_id)
    assert process.returncode == 0 and warnings(events) == []
    assert told(events, before) == on_disk(executor.work)


def make_archive(executor, files):
    """An archive with many small files in many folders."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    with tarfile.open(executor.folder / "archive.tar", "w") as archive:
        for i in range(files):
            entry = tarfile.TarInfo(f"tree/d{chance.randrange(40)}/e{chance.randrange(10)}/file{i}")
            entry.size = chance.randrange(200)
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    return executor.folder / "archive.tar"


def test_unpacked_archive_renamed_and_deleted(executor):
    """20,000 files are created, renamed with their folders, and partly deleted, in seconds."""
    archive = make_archive(executor, 20_000)
    events = watch(executor, f"tar xf {archive}; mv tree moved; rm -r moved/d1 moved/d2; for d in moved/d3 moved/d4; do mv $d $d.x; done; "
                             "find moved -type f -name '*7' -delete")
    assert events[-1]["type"] == "run_completed"
    assert not [e for e in of_type(events, "agent_error") if e.get("code") in ("WATCH_LIMIT", "WATCH_UNFINISHED")]


def test_overflow_of_the_kernels_queue(executor):
    """While the executor is stopped more happens than the kernel keeps: it reads everything again, and is right."""
    limit = int(open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii").read())
    count = limit // 2 + 4000     # each makes two messages
    script = (f"mkdir a; for i in $(seq 20); do echo x > a/k$i; done; sleep 0.4; kill -STOP $EXECUTOR; "
              f"seq {count} | (cd a; xargs -n 500 touch); rm a/k1; mv a/k2 a/k2moved; mkdir b; mv a/k3 b/; kill -CONT $EXECUTOR")
    process = executor.start(command=["sh", "-ec", "read EXECUTOR; " + script], stdin=subprocess.PIPE)
    process.communicate(f"{process.pid}\n".encode(), timeout=120)
    events = executor.events(process.run_id)
    assert [e for e in of_type(events, "agent_error") if e.get("code") == "WATCH_OVERFLOW"]
    assert told(events, {}) == on_disk(executor.work)


def test_git_clone(executor):
    """A clone and a checkout of another branch; .git itself is not told."""
    origin = executor.folder / "origin"
    script = ("git init -q . && git config user.email a@b && git config user.name n && for i in $(seq 600); do mkdir -p d$((i % 30)); "
              "echo $i > d$((i % 30))/f$i; done; git add . && git commit -qm one && git checkout -qb two && git mv d1 other && "
              "git rm -qr d2 && git commit -qm two && git checkout -q master 2>/dev/null || git checkout -q main")
    origin.mkdir()
    if subprocess.run(["sh", "-c", script], cwd=origin, stderr=subprocess.PIPE).returncode:
        pytest.skip("git is not there")
    events = watch(executor, f"git clone -q {origin} clone; cd clone; git checkout -q two")
    assert len(changes(events)) >= 550
    assert not any("/.git/" in path for path, _ in changes(events))
