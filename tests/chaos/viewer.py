"""A viewer that comes and goes, and keeps what it was told; and the judge of what it was told.

What one connection brought is judged by itself, in the order in which it came, against the journals: see `judge`.
"""
import asyncio
import contextlib
import json
import random
import time

import websockets

#   name      subscribes with                                                comes back with
MODES = {
    "cursor": ({"batch": True, "includePartial": True}, "cursor"),
    "whole": ({"batch": True}, "cursor"),                   # without partial texts, without thinking
    "seqs": ({"batch": True, "includePartial": True}, "seqs"),
    "single": ({"includePartial": True}, "seqs"),           # no batches: one message an event
    "types": ({"batch": True, "types": ["agent_tool_call", "agent_error", "run_started", "run_completed", "run_failed"]}, "cursor"),
    "slow": ({"batch": True, "includePartial": True, "rateLimit": 40}, "cursor"),
    "count": ({"batch": True, "includePartial": True}, "count"),
    "live": ({"batch": True, "includePartial": True}, None),
    "plain": ({}, None),
}


def passes(mode, event):
    """Does the subscription ask for this event of the journal?"""
    types = MODES[mode][0].get("types")
    if types and event["type"] not in types:
        return False
    return MODES[mode][0].get("includePartial", False) or not event.get("partial")


class Complaint(AssertionError):
    """Something that must not be."""


class Connection:
    """What one connection asked for, and all that it was told."""

    def __init__(self, asked):
        self.asked = asked
        self.messages = []


class Viewer:
    def __init__(self, name, seed, url, mode, target):
        self.name, self.url, self.mode, self.target = name, url, mode, target
        self.chance = random.Random(f"{seed} viewer {name}")
        self.connections = []
        self.cursor, self.seqs = None, {}
        self.calm = False

    def position(self):
        way = MODES[self.mode][1]
        if way == "cursor":
            return {"after": self.cursor or {}}
        if way == "seqs":
            return {"after": {stream: f"{epoch}:{seq}" for stream, (epoch, seq) in self.seqs.items()}}
        if way == "count":
            return {"replayCount": self.chance.choice([1, 10, 300, 5000])}
        return {}

    def note(self, connection, text):
        message = json.loads(text)
        connection.messages.append(message)
        self.cursor = message.get("cursor", self.cursor)
        if message["type"] == "subscription_confirmed":
            connection.epochs = {stream: at["epoch"] for stream, at in message.get("streams", {}).items()}
        if message["type"] == "stream_started":
            connection.epochs[message["stream"]] = message["epoch"]
        for event in events_of(message):
            stream = stream_of(event)
            if self.mode in ("seqs", "single"):
                self.seqs[stream] = connection.epochs[stream], event["seq"]
        return message

    async def session(self, until, seconds):
        """One connection: ends when `until (message)` says so, when its time is over, or when the gateway goes."""
        end = time.monotonic() + seconds
        asked = {"type": "subscribe", **self.target, **MODES[self.mode][0], **self.position()}
        connection = Connection(asked)
        try:
            socket = await websockets.connect(self.url, max_size=None, ping_interval=None, close_timeout=0.1, open_timeout=5)
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException):
            await asyncio.sleep(0.05)       # nobody there: it is tried again
            return
        self.connections.append(connection)
        with contextlib.suppress(websockets.ConnectionClosed, OSError, asyncio.TimeoutError):
            await socket.send(json.dumps(asked))
            while not until(self.note(connection, await asyncio.wait_for(socket.recv(), max(0.0, end - time.monotonic())))):
                pass
            if self.chance.random() < 0.5:
                await socket.close()
        socket.transport.abort()            # gone without a word
        await socket.wait_closed()

    async def come_and_go(self):
        """Until cancelled or calm."""
        while not self.calm:
            left = self.chance.choice([1, 3, 10, 100, 1000, 10000])
            stay = self.chance.choice([0.05, 0.3, 1.0, 3.0])

            def enough(_):
                nonlocal left
                left -= 1
                return left <= 0
            await self.session(enough, stay)
            await asyncio.sleep(self.chance.choice([0.0, 0.0, 0.05, 0.5]))

    async def catch_up(self, heads, timeout):
        """A last connection, until every stream in `heads` {stream: (epoch, last)} is accounted for up to its last."""
        missing = dict(heads)

        def enough(message):
            for event in events_of(message):
                if missing.get(stream_of(event), (0, -1))[1] == event["seq"]:
                    del missing[stream_of(event)]
            if message["type"] == "gap" and message["to"] >= missing.get(message["stream"], (0, 1 << 60))[1]:
                del missing[message["stream"]]
            if message["type"] == "replay_complete":
                missing.clear()
            return not missing
        await self.session(enough, timeout)
        if missing:
            raise Complaint(f"{self.name} ({self.mode}): never came to the end of {missing}")


def events_of(message):
    if message["type"] == "batch":
        return message["events"]
    return [message] if "seq" in message else []


def stream_of(event):
    return event.get("stream") or event.get("runId") or "@" + event["workOrderId"]


# ---------------------------------------------------------------------------------------------------------------------
# The judge

def shorten(message, stream):
    """What a message says about a stream, for a person who wants to know what went wrong."""
    if message["type"] == "batch":
        return "batch " + " ".join(f"{e.get('seqFirst', e['seq'])}-{e['seq']}" for e in message["events"] if stream_of(e) == stream)
    if message["type"] == "subscription_confirmed":
        return f"confirmed {message.get('streams', {}).get(stream)}"
    if message.get("stream") == stream or "heads" in message:
        return {key: value.get(stream) if key in ("heads", "producers") else value for key, value in message.items() if key != "cursor"}
    return f"{message['seq']}" if "seq" in message and stream_of(message) == stream else None


def content_of(events):
    """What several events of the journal become when they are rolled up."""
    last = dict(events[-1])
    if last["type"] == "agent_output":
        last["content"] = "".join(event["content"] for event in events)
    return last


class Following:
    """How far a connection has come in one stream."""

    def __init__(self, at):
        self.at = at                # all up to here is accounted for; None: not known where it begins
        self.gaps = []              # (from, to), told and not passed yet
        self.told = []              # gap records with what was left out of their range
        self.seen = set()           # seqs that were delivered, within gaps


def judge(viewer, connection, journal):
    """Order, no duplicate, no hole without a gap, every gap true, every event as its journal has it. Returns what
    was delivered: {stream: [(first, last)]}. journal: {stream: {seq: event as JSON would have it}}."""
    mode = viewer.mode
    streams, out, completes, outcome = {}, {}, 0, {}
    asked = connection.asked.get("after")

    def complain(what, **about):
        stream = about.get("stream") or about.get("gap", {}).get("stream")
        told = [shorten(m, stream) for m in connection.messages]
        raise Complaint(f"{viewer.name} ({mode}): {what} {about} asked={connection.asked}\n  it was told:\n"
                        + "\n".join(f"    {text}" for text in told if text))

    def asked_for(stream):
        """A cursor is opaque: the chain of connections tells where it stood."""
        return int(str(asked.get(stream, "0")).split(":")[-1]) if isinstance(asked, dict) else None

    def start(stream, info):
        position = asked_for(stream)
        if connection.asked.get("replayCount"):
            position = max(0, info["last"] - connection.asked["replayCount"])
        elif asked is None:
            position = info["last"]
        streams[stream] = Following(position)

    def holes(stream, place, first, last):
        """Seqs that should have come and did not, in first..last."""
        known = journal.get(stream, {})
        return [seq for seq in range(first, last + 1) if (seq not in known or passes(mode, known[seq]))
                and not any(low <= seq <= high for low, high in place.gaps)]

    def take(event):
        stream = stream_of(event)
        first, last = event.get("seqFirst", event["seq"]), event["seq"]
        place = streams.get(stream)
        if place is None:
            if mode != "plain":
                complain("an event of a stream that was not announced", stream=stream, seq=last)
            place = streams[stream] = Following(None)
        if place.at is not None:
            if first <= place.at:
                complain("came again, or out of order", stream=stream, seq=(first, last), at=place.at)
            if mode != "plain" and (lost := holes(stream, place, place.at + 1, first - 1)):
                complain("a hole without a gap", stream=stream, lost=(lost[0], lost[-1], len(lost)), before=first)
        place.at = last
        place.gaps = [gap for gap in place.gaps if gap[1] > last]
        out.setdefault(stream, []).append((first, last))
        compare(stream, event, first, last)

    def compare(stream, event, first, last):
        known = journal[stream]
        sources = [known[seq] for seq in range(first, last + 1) if seq in known and passes(mode, known[seq])]
        if not sources or sources[-1]["seq"] != last:
            complain("an event that is in no journal", stream=stream, seq=(first, last))
        plain = {key: value for key, value in event.items() if key not in ("seqFirst", "timestamp")}
        source = {key: value for key, value in content_of(sources).items() if key != "ts"}
        if plain != source:
            complain("not what the journal says", came=plain, journal=source)

    def take_gap(gap):
        place = streams.setdefault(gap["stream"], Following(None))
        if place.at is not None and gap["from"] <= place.at and gap["reason"] != "evicted":
            complain("a gap behind what was delivered", gap=gap, at=place.at)
        if not 1 <= gap["from"] <= gap["to"] or sum(gap["counts"].values()) < 1:
            complain("a gap of nothing", gap=gap)
        #  Nothing is old here, and no disk fails; only the slow one is shed.
        if gap["reason"] != "lost" and (gap["reason"], mode) != ("rate", "slow"):
            complain("a gap for a reason that cannot be", gap=gap)
        place.gaps.append((gap["from"], gap["to"]))
        place.told.append(gap)

    for message in connection.messages:
        kind = message["type"]
        if kind == "subscription_confirmed":
            for stream, info in message.get("streams", {}).items():
                start(stream, info)
                outcome[stream] = info["replay"]
        elif kind == "stream_started":
            #  Without a position: from where the gateway has it, which was perhaps started when it ran already.
            streams[message["stream"]] = Following(message["first"] - 1 if asked is None else asked_for(message["stream"]))
        elif kind == "gap":
            take_gap(message)
        elif kind == "replay_complete":
            completes += 1
        elif kind == "error" and mode != "plain":
            complain("an error", message=message)
        for event in events_of(message):
            take(event)
    if completes > (0 if mode in ("live", "plain") else 1):
        complain("replay_complete more than once, or not asked for", times=completes)
    for stream, place in streams.items():
        for gaps in overlapping(place.told):
            judge_gaps(complain, viewer, journal[stream], place, gaps, out.get(stream, []))
    return out, {stream: place.told for stream, place in streams.items()}


def overlapping(gaps):
    """Groups of gap records whose ranges touch one another."""
    groups, end = [], 0
    for gap in sorted(gaps, key=lambda g: g["from"]):
        if gap["from"] <= end:
            groups[-1].append(gap)
        else:
            groups.append([gap])
        end = max(end, gap["to"])
    return groups


def judge_gaps(complain, viewer, known, place, gaps, spans):
    """Together their counts are the number of what was left out. Only where the connection came beyond them."""
    first, last = gaps[0]["from"], max(gap["to"] for gap in gaps)
    if place.at is None or place.at <= last != max(known):
        return
    came = {seq for low, high in spans for seq in range(max(low, first), min(high, last) + 1)}
    left = [seq for seq in range(first, last + 1) if seq not in came]
    wanted = [seq for seq in left if seq not in known or passes(viewer.mode, known[seq])]
    said = sum(sum(gap["counts"].values()) for gap in gaps)
    unknown = any("unknown" in gap["counts"] for gap in gaps)      # not even their types
    if said != len(wanted) and not (unknown and len(wanted) <= said <= len(left)):
        complain("gaps whose counts are wrong", gap=gaps[0], gaps=gaps, wanted=len(wanted), left=len(left))


def judge_chain(viewer, parts, journal, heads):
    """All connections of a viewer that resumes exactly: each event once, in order, from the first to the head."""
    told = {}
    for connection_out, gaps in parts:
        for stream, spans in connection_out.items():
            chain = told.setdefault(stream, {"spans": [], "gaps": []})
            for span in spans:
                if chain["spans"] and span[0] <= chain["spans"][-1][1]:
                    raise Complaint(f"{viewer.name} ({viewer.mode}): {stream} {span} came again after {chain['spans'][-1]}")
                chain["spans"].append(span)
        for stream, records in gaps.items():
            told.setdefault(stream, {"spans": [], "gaps": []})["gaps"] += records
    for stream, (_, last) in heads.items():
        chain = told.get(stream, {"spans": [], "gaps": []})
        covered = set()
        for first, end in chain["spans"]:
            covered.update(range(first, end + 1))
        for gap in chain["gaps"]:
            covered.update(range(gap["from"], gap["to"] + 1))
        lost = [seq for seq in range(1, last + 1) if seq not in covered and passes(viewer.mode, journal[stream][seq])]
        if lost:
            raise Complaint(f"{viewer.name} ({viewer.mode}): {stream}: never told of {lost[:5]}... ({len(lost)} of {last})")
