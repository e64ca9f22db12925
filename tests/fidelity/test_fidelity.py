"""test_fidelity.py - what is shown is what the agent did

This Source Code Form is subject to the terms of the Mozilla Public
License, v. 2.0. If a copy of the MPL was not distributed with this
file, You can obtain one at https://mozilla.org/MPL/2.0/.

For each recording a table made by an independent reader (raw.py) must equal
the same table made from the journal that the executor writes when the
recording is its agent. Needs AGENTGATE_BUILD, the build folder (default:
build); AGENTGATE_RECORDINGS names a further folder of recordings,
AGENT__whatever.jsonl, that are checked too.
"""

import collections
import json
import os
import pathlib
import sqlite3
import subprocess

import msgpack
import pytest

import raw

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("AGENTGATE_BUILD", ROOT / "build"))
DUMP = BUILD / "tests" / "parse_dump"


def _recordings():
    found = []
    for path in sorted((ROOT / "tests" / "recordings").glob("*/*.jsonl")):
        found.append((path.parent.name, path))
    further = os.environ.get("AGENTGATE_RECORDINGS")
    for path in sorted(pathlib.Path(further).rglob("*.jsonl")) if further else []:
        agent = path.name.split("__")[0] if "__" in path.name else path.parent.name
        if agent in raw.READERS:
            found.append((agent, path))
    return [pytest.param((agent, path), id="%s-%s" % (agent, path.stem)) for agent, path in found]


def _exit(path):
    """How the recorded agent ended: its exit status, or the name of a signal."""
    meta = path.with_suffix("").with_suffix(".meta.json")
    if not meta.exists():
        return 0
    read = json.loads(meta.read_text())
    return read["signal"] if read["exit"] is None else read["exit"]


def _play(path, folder):
    """Runs the recording as an agent that ends as the recorded one did; the events in the journal."""
    end = _exit(path)
    last = "exit %d" % end if isinstance(end, int) else "kill -%s $$" % end.replace("SIG", "")
    subprocess.run([str(BUILD / "agentgate-exec"), "--state-dir", str(folder), "--run-id", "r", "--quiet", "--no-watch",
                    "--stream=false", "--", "sh", "-c", 'cat "$1"; ' + last, "sh", str(path)],
                   env={**os.environ, "XDG_RUNTIME_DIR": str(folder)}, stdin=subprocess.DEVNULL, check=False)
    with sqlite3.connect("file:%s?mode=ro" % (folder / "runs" / "r" / "run.db"), uri=True) as db:
        return [msgpack.unpackb(row[0]) for row in db.execute("select data from event order by key")]


def _dump(path, *arguments):
    """What the parser makes of it, without an executor: the events."""
    with open(path, "rb") as file:
        done = subprocess.run([str(DUMP), "auto", *arguments], stdin=file, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.decode("utf-8").split("\n") if line][:-1]


def _of(events, kind):
    return [e for e in events if e["type"] == kind]


def _whole_texts(events):
    """Pieces of one block joined."""
    texts = []
    last = None
    for event in _of(events, "agent_output"):
        if event.get("partial") or event["kind"] == "raw":
            continue
        key = (event.get("messageId"), event.get("blockIndex"), event.get("parentToolUseId"), event["kind"])
        if key == last and key[0] is not None:
            texts[-1] = (*texts[-1][:2], texts[-1][2] + event["content"])
        else:
            texts.append((event["kind"], event.get("parentToolUseId"), event["content"]))
        last = key
    return texts


def _usage(events):
    """The last one has the totals."""
    usages = _of(events, "agent_usage")
    if not usages:
        return {}
    names = {"inputTokens": "input", "outputTokens": "output", "cacheReadTokens": "cache_read",
             "cacheWriteTokens": "cache_write", "costUsd": "cost", "numTurns": "turns"}
    return {names[key]: value for key, value in usages[-1].items() if key in names}


@pytest.fixture(params=_recordings(), scope="module")
def recording(request, tmp_path_factory):
    agent, path = request.param
    run = raw.READERS[agent](path.read_bytes())
    return run, _play(path, tmp_path_factory.mktemp("run")), _exit(path)


def test_tool_calls(recording):
    run, events, _ = recording
    calls = _of(events, "agent_tool_call")
    assert [(e["toolUseId"], e["toolName"], e["tool"], e.get("path"), e.get("parentToolUseId")) for e in calls] \
        == [call[:5] for call in run.calls]
    for event, call in zip(calls, run.calls):
        if event.get("inputTruncated"):
            assert len(json.dumps(call[5])) > 65536
        else:
            assert event["input"] == call[5]


def test_tool_results(recording):
    run, events, _ = recording
    results = _of(events, "agent_tool_result")
    assert [(e["toolUseId"], e["success"]) for e in results] == [r[:2] for r in run.results]
    for event, (_, success, length, begin) in zip(results, run.results):
        assert ("error" in event) == (not success)
        if length is not None:
            assert event["contentLength"] == length
            assert event["contentPreview"] == begin
        assert event["contentPreview"] == event["content"][:500]
        assert event.get("contentTruncated", False) == (event["contentLength"] > len(event["content"]))


def test_texts(recording):
    run, events, _ = recording
    assert _whole_texts(events) == run.texts


def test_usage_and_cost(recording):
    run, events, _ = recording
    usage = _usage(events)
    for key, value in run.usage.items():
        assert usage[key] == pytest.approx(value, rel=1e-12), key
    if not run.usage:
        assert not usage


def _bad_lines(events):
    return sum(e["details"]["lines"] for e in _of(events, "agent_error") if e.get("code") == "MALFORMED_LINE")


def test_end(recording):
    """The first that is true: a signal, an exit status, an error as the last result, completed."""
    run, events, exited = recording
    last = events[-1]
    if isinstance(exited, str):
        assert (last["type"], last["reason"], last["signal"]) == ("run_failed", "signal", exited)
    elif exited:
        assert (last["type"], last["reason"], last["exitCode"]) == ("run_failed", "exit", exited)
    elif run.end == "error":
        assert (last["type"], last["reason"]) == ("run_failed", "agent_error")
    else:
        assert last["type"] == "run_completed"
        assert last.get("resultPreview") == (run.answer and run.answer[:500])
        assert last.get("numTurns") == run.usage.get("turns")
        assert last.get("costUsd") == pytest.approx(run.usage.get("cost"))
    if run.end == "error":
        assert last["type"] == "run_failed" and (run.answer or "")[:500] in last["error"]
        assert any(e["severity"] == "error" and e["source"] == "agent" for e in _of(events, "agent_error"))


def test_progress(recording):
    """Never backwards, 100 only at the end of what completed, and the agent's own list as it stands."""
    run, events, _ = recording
    updates = _of(events, "progress_update")
    percentages = [e["percentage"] for e in updates]
    assert percentages == sorted(percentages)
    assert all(percentage < 100 for percentage in percentages[:-1])
    assert (percentages[-1] == 100) == (events[-1]["type"] == "run_completed")
    assert updates[-1]["toolCallCount"] == len(run.calls)
    todos = run.todos()
    assert (updates[-1].get("todosDone"), updates[-1].get("todosTotal")) == (todos or (None, None))


def test_the_run_is_introduced(recording):
    run, events, _ = recording
    started = _of(events, "run_started")
    assert len(started) == 1 and events[0] == started[0]
    assert started[0].get("sessionId") == run.session
    if run.model:
        assert started[0]["model"] == run.model


def test_nothing_is_skipped_unsaid(recording):
    """Every record type in the recordings is one that the adapter knows, and every line that is none is counted."""
    run, events, _ = recording
    assert not [e for e in _of(events, "agent_error") if e.get("code") == "UNKNOWN_RECORDS"]
    assert _bad_lines(events) == run.bad_lines


def _block(event):
    return (event.get("messageId"), event.get("blockIndex"), event.get("parentToolUseId"), event["kind"])


def test_deltas_grow_to_the_whole(recording):
    """Who asks for partial texts sees each whole text grow; who does not sees each once."""
    _, events, _ = recording
    grown, whole = collections.defaultdict(str), collections.defaultdict(str)
    for event in _of(events, "agent_output"):
        (grown if event.get("partial") else whole)[_block(event)] += event["content"]
    for block in whole.keys() & grown.keys():
        assert whole[block] == grown[block]


def test_every_call_has_one_result(recording):
    """Some recordings begin in the middle of a run: results of calls that were made before."""
    run, events, _ = recording
    calls = [e["toolUseId"] for e in _of(events, "agent_tool_call")]
    results = [e["toolUseId"] for e in _of(events, "agent_tool_result")]
    before = [r[0] for r in run.results if r[0] not in calls]
    assert sorted(calls + before) == sorted(results)
    order = [(e["toolUseId"], e["type"]) for e in events if "toolUseId" in e]
    for call in calls:
        assert order.index((call, "agent_tool_call")) < order.index((call, "agent_tool_result"))


def test_subagents_do_not_mix(recording):
    """A parent is a call that came before."""
    _, events, _ = recording
    seen = set()
    for event in events:
        if event["type"] == "agent_tool_call":
            seen.add(event["toolUseId"])
        if "parentToolUseId" in event:
            assert event["parentToolUseId"] in seen


def test_times_come_from_the_clock():
    """With the times of the recording, a command's duration is what it took."""
    path = ROOT / "tests" / "recordings" / "codex" / "failing.jsonl"
    events = _dump(path, "0", str(path.with_suffix(".timing")))
    durations = {e["toolUseId"]: e["durationMs"] for e in _of(events, "agent_tool_result")}
    assert 2900 < durations["item_4"] < 4500  # sleep 3
    assert 3900 < durations["item_5"] < 5500  # sleep 4
    assert durations["item_1"] < 1500
