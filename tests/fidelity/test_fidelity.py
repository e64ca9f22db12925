"""test_fidelity.py - what is shown is what the agent did

This Source Code Form is subject to the terms of the Mozilla Public
License, v. 2.0. If a copy of the MPL was not distributed with this
file, You can obtain one at https://mozilla.org/MPL/2.0/.

For each recording a table made by an independent reader (raw.py) must equal
the same table made from the parser's events. Needs AGENTGATE_BUILD, the build
folder (default: build); AGENTGATE_RECORDINGS names a further folder of
recordings, AGENT__whatever.jsonl.
"""

import collections
import json
import os
import pathlib
import subprocess

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


def _dump(path, *arguments):
    """The events, and the summary."""
    with open(path, "rb") as file:
        done = subprocess.run([str(DUMP), "auto", *arguments], stdin=file, stdout=subprocess.PIPE, check=True)
    events = [json.loads(line) for line in done.stdout.decode("utf-8").split("\n") if line]
    return events[:-1], events[-1]


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


def _end(summary):
    if not summary["hasResult"]:
        return "none"
    return "error" if summary["resultIsError"] else "success"


@pytest.fixture(params=_recordings(), scope="module")
def recording(request):
    agent, path = request.param
    run = raw.READERS[agent](path.read_bytes())
    events, summary = _dump(path)
    return run, events, summary


def test_tool_calls(recording):
    run, events, _ = recording
    assert [(e["toolUseId"], e["toolName"], e["tool"]) for e in _of(events, "agent_tool_call")] == run.calls


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


def test_end(recording):
    run, events, summary = recording
    assert _end(summary) == run.end
    assert summary["badLines"] == run.bad_lines
    assert summary.get("sessionId") == run.session
    if run.model:
        assert summary["model"] == run.model
    if run.end == "error":
        assert any(e["severity"] == "error" and e["source"] == "agent" for e in _of(events, "agent_error"))


def test_nothing_is_unknown(recording):
    """Every record type in the recordings is one that the adapter knows."""
    _, _, summary = recording
    assert summary["ignored"] == {}


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
    events, _ = _dump(path, "0", str(path.with_suffix(".timing")))
    durations = {e["toolUseId"]: e["durationMs"] for e in _of(events, "agent_tool_result")}
    assert 2900 < durations["item_4"] < 4500  # sleep 3
    assert 3900 < durations["item_5"] < 5500  # sleep 4
    assert durations["item_1"] < 1500
