#!/usr/bin/python3
"""A fast agent whose every word is known beforehand.

    agent.py SEED LINES FORMAT

Writes as fast as its moods allow: bursts without pause, then silence. What it says is `script (seed, lines, format)`; each thing that
must come out as an event of its own holds its number: "#17#".
"""
import json
import random
import sys
import time


def script(seed, lines, form):
    """The lines, and a pause in seconds behind each."""
    chance = random.Random(f"{seed} {form}")
    speak = claude if form == "claude" else flat
    burst = 0
    for line in speak(chance, lines):
        if burst:
            burst -= 1
            yield line, 0.0
        else:
            burst = chance.choice([0, 3, 20, 100, 400])
            yield line, chance.choice([0.0, 0.002, 0.01, 0.05])


def flat(chance, lines):
    for n in range(1, lines + 1):
        kind = chance.random()
        if kind < 0.6:
            yield {"type": "text", "text": f"#{n}# " + "word " * chance.randrange(1, 60)}
        elif kind < 0.8:
            yield {"type": "tool_use", "id": f"t{n}", "name": "Bash", "input": {"command": f"echo #{n}#"}}
        elif kind < 0.95:
            yield {"type": "tool_result", "tool_use_id": f"t{n - 1}", "content": f"#{n}# " + "x" * chance.randrange(2000)}
        else:
            yield {"type": "error", "message": f"#{n}# not so good"}


def claude(chance, lines):
    """Texts that grow by deltas, as with --include-partial-messages."""
    n = 0
    yield {"type": "system", "subtype": "init", "session_id": "s", "model": "m", "tools": []}
    while n < lines:
        n += 1
        message = f"msg_{n}"
        words = [f"#{n}#"] + [chance.choice(["so ", "and ", "then ", "é", "\n"]) for _ in range(chance.randrange(1, 40))]

        def event(**fields):
            return {"type": "stream_event", "session_id": "s", "parent_tool_use_id": None, "event": fields}

        yield event(type="message_start", message={"id": message, "type": "message", "role": "assistant", "model": "m", "content": []})
        yield event(type="content_block_start", index=0, content_block={"type": "text", "text": ""})
        for word in words:
            yield event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": word})
        yield {"type": "assistant", "session_id": "s", "parent_tool_use_id": None, "message": {
            "id": message, "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "".join(words)}]}}
        yield event(type="content_block_stop", index=0)
        yield event(type="message_stop")


def main():
    seed, lines, form = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    for line, pause in script(seed, lines, form):
        sys.stdout.write(json.dumps(line) + "\n")
        if pause:
            sys.stdout.flush()
            time.sleep(pause)


if __name__ == "__main__":
    main()
