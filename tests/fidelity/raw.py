"""raw.py - an independent reader of agents' stdout

This Source Code Form is subject to the terms of the Mozilla Public
License, v. 2.0. If a copy of the MPL was not distributed with this
file, You can obtain one at https://mozilla.org/MPL/2.0/.

Written from the descriptions of the formats, not from src/agent: what it says
of a recording is compared with what the parser's events say (test_fidelity.py).
It reads whole files, is not robust, and knows nothing of events. Where a rule
of a format decides what is right, the rule stands there as a comment.
"""

import json
import re


class Run:
    """What happened, in the order in which it was told."""

    def __init__(self):
        self.calls = []  # (id, name, tool, path or None, parent or None, input)
        self.results = []  # (id, success, characters or None, beginning or None)
        self.texts = []  # (kind, parent, text)
        self.usage = {}  # input, output, cache_read, cache_write, cost, turns: of the run
        self.end = "none"  # none, success, error
        self.answer = None  # the text of the last turn's end: its answer, or why it failed
        self.bad_lines = 0
        self.session = None
        self.last = None  # the last text, where an end does not repeat it
        self.model = None
        self._open = {}

    def call(self, call_id, name, tool, given, path=None, parent=None):
        self.calls.append((call_id, name, tool, path, parent, given))
        self._open[call_id] = True

    def result(self, call_id, success, content=None):
        self._open.pop(call_id, None)
        length = None if content is None else len(content)
        begin = None if content is None else content[:500]
        self.results.append((call_id, success, length, begin))

    def text(self, kind, text, parent=None):
        if text:
            self.texts.append((kind, parent, text))

    def finish(self):
        """Calls that nobody answered: the run ended before them."""
        for call_id in list(self._open):
            self.result(call_id, False, "")
        return self

    def todos(self):
        """(done, total) of the agent's own list as it stands at the end; None: it has none."""
        tasks, lists = {}, None
        results = {r[0]: r for r in self.results}
        for call_id, name, _, _, parent, given in self.calls:
            if parent:
                continue  # a subagent's list is not the run's
            _, success, _, begin = results.get(call_id, (None, False, None, None))
            if name in ("TodoWrite", "todowrite", "write_todos"):
                lists = [entry["status"] for entry in given["todos"]]
            elif name == "todo_list":
                lists = ["completed" if entry["completed"] else "pending" for entry in given["items"]]
            elif name == "TaskCreate" and success:
                tasks[re.search(r"#(\d+)", begin).group(1)] = "pending"  # its id stands only in the result
            elif name == "TaskUpdate" and success and "status" in given:
                tasks[given["taskId"]] = given["status"]
        states = list(tasks.values()) if tasks else lists
        if not states:
            return None
        return states.count("completed"), len([s for s in states if s not in ("cancelled", "deleted")])

    def add(self, **numbers):
        for key, value in numbers.items():
            if value is not None:
                self.usage[key] = self.usage.get(key, 0) + value


def _clean(value):
    """Half of a surrogate pair is no character."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [_clean(v) for v in value]
    if isinstance(value, dict):
        return {_clean(k): _clean(v) for k, v in value.items()}
    return value


def _records(data, run):
    """Lines end at LF only; one JSON object each."""
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            record = json.loads(line.decode("utf-8", "replace"))  # of duplicate keys the last wins
        except ValueError:
            run.bad_lines += 1
            continue
        if isinstance(record, dict):
            yield _clean(record)


def _content(content):
    """A string, or an array of blocks; None when it holds more than text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(b.get("type") == "text" for b in content):
        return "\n".join(b["text"] for b in content)
    return None


def _path(tool, given, *keys):
    """The one file that a call of Read, Write or Edit is about."""
    if tool not in ("Read", "Write", "Edit"):
        return None
    return next((given[key] for key in keys if given.get(key)), None)


# ---------------------------------------------------------------------------
# Claude Code

CLAUDE_TOOLS = {
    "Bash": "Bash", "Read": "Read", "NotebookRead": "Read", "Write": "Write", "Edit": "Edit", "MultiEdit": "Edit",
    "NotebookEdit": "Edit", "Grep": "Grep", "Glob": "Glob", "LS": "Glob", "WebFetch": "WebFetch", "WebSearch": "WebSearch",
}


class _Stream:
    """Partial messages of one parent: the current message's blocks."""

    def __init__(self):
        self.message = None
        self.blocks = {}  # index: [kind, text, stopped]

    def start(self, message):
        """Texts of the message before that were complete, but never came whole."""
        if message == self.message:
            return []
        # A message that begins in the middle of another's block replaces it: that attempt failed.
        complete = [(kind, text) for _, (kind, text, stopped) in sorted(self.blocks.items()) if stopped]
        self.message, self.blocks = message, {}
        return complete

    def whole(self, message, kind):
        """The assistant record repeats the first block of its kind."""
        complete = self.start(message)
        for index in sorted(self.blocks):
            if self.blocks[index][0] == kind:
                del self.blocks[index]
                break
        return complete

    def rest(self):
        left = [self.blocks[i] for i in sorted(self.blocks)]
        self.blocks = {}
        return [(kind, text) for kind, text, _ in left]


def _claude_event(run, stream, record):
    event, parent = record["event"], record.get("parent_tool_use_id")
    index = event.get("index")
    if event["type"] == "message_start":
        for kind, text in stream.start(event["message"]["id"]):
            run.text(kind, text, parent)
    elif event["type"] == "content_block_start":
        block = event["content_block"]
        if block["type"] in ("text", "thinking"):
            stream.blocks[index] = [block["type"], block.get(block["type"], ""), False]
    elif event["type"] == "content_block_delta" and index in stream.blocks:
        delta = event["delta"]
        stream.blocks[index][1] += delta.get("text", "") + delta.get("thinking", "")
    elif event["type"] == "content_block_stop" and index in stream.blocks:
        stream.blocks[index][2] = True
    elif event["type"] == "message_stop":
        abandoned = record.get("abandoned_blocks")
        if abandoned:  # given up, and said again under another id
            first = abandoned["from_block_index"]
            stream.blocks = {i: b for i, b in stream.blocks.items() if i < first}
        for kind, text in stream.rest():
            run.text(kind, text, parent)


def _claude_assistant(run, stream, record):
    message, parent = record["message"], record.get("parent_tool_use_id")
    if record.get("error") and message.get("model") == "<synthetic>":
        return  # the CLI made it up: an error, not the model's words
    for block in message["content"]:
        kind = block["type"]
        if kind in ("text", "thinking"):
            for complete in stream.whole(message.get("id"), kind):
                run.text(*complete, parent)
            run.text(kind, block[kind], parent)
        elif kind in ("tool_use", "server_tool_use"):
            tool = CLAUDE_TOOLS.get(block["name"], "Other")
            run.call(block["id"], block["name"], tool, block["input"], _path(tool, block["input"], "file_path", "notebook_path"),
                     parent)


def _claude_user(run, record):
    content = record["message"]["content"]
    for block in content if isinstance(content, list) else []:
        # text blocks are prompts and notices, not output
        if block["type"] == "tool_result":
            run.result(block["tool_use_id"], not block.get("is_error", False), _content(block.get("content")))


def _claude_result(run, stream, record):
    for kind, text in stream.rest():  # the turn is over: what was not finished never will be
        run.text(kind, text)
    run.end = "error" if record["is_error"] else "success"
    answer = record.get("result", "\n".join(record["errors"]) if "errors" in record else None)
    if answer is not None or record["is_error"]:
        run.answer = answer
    if "total_cost_usd" in record:
        run.usage["cost"] = record["total_cost_usd"]  # cumulative: the last one counts
    run.add(turns=record.get("num_turns"))
    models = record.get("modelUsage")
    if models:  # cumulative too, and with the subagents'
        for ours, theirs in (("input", "inputTokens"), ("output", "outputTokens"), ("cache_read", "cacheReadInputTokens"),
                             ("cache_write", "cacheCreationInputTokens")):
            run.usage[ours] = sum(m[theirs] for m in models.values())
    elif record.get("usage"):
        usage = record["usage"]  # of this turn
        run.add(input=usage.get("input_tokens"), output=usage.get("output_tokens"),
                cache_read=usage.get("cache_read_input_tokens"), cache_write=usage.get("cache_creation_input_tokens"))


def claude(data):
    run, streams = Run(), {}
    for record in _records(data, run):
        kind, parent = record.get("type"), record.get("parent_tool_use_id")
        stream = streams.setdefault(parent, _Stream())
        run.session = record.get("session_id", run.session)
        if kind == "system" and record["subtype"] == "init":
            run.model = record.get("model")
        elif kind == "stream_event":
            _claude_event(run, stream, record)
        elif kind == "assistant":
            _claude_assistant(run, stream, record)
        elif kind == "user":
            _claude_user(run, record)
        elif kind == "result":
            _claude_result(run, streams.setdefault(None, _Stream()), record)
    for parent, stream in streams.items():
        for kind, text in stream.rest():
            run.text(kind, text, parent)
    return run.finish()


# ---------------------------------------------------------------------------
# Codex

CODEX_TOOLS = {"command_execution": "Bash", "file_change": "Edit", "web_search": "WebSearch", "mcp_tool_call": "Other",
               "collab_tool_call": "Other"}


def _codex_input(item):
    kind = item["type"]
    if kind == "mcp_tool_call":
        return item["arguments"]
    keys = {"command_execution": ("command",), "file_change": ("changes",), "web_search": ("query", "action"),
            "collab_tool_call": ("prompt", "sender_thread_id", "receiver_thread_ids")}[kind]
    return {key: item[key] for key in keys if item.get(key) is not None}


def _codex_path(item):
    changes = item.get("changes", [])
    return changes[0]["path"] if len(changes) == 1 else None


def _codex_name(item):
    if item["type"] == "mcp_tool_call":
        return "mcp__%s__%s" % (item["server"], item["tool"])
    return item.get("tool", item["type"])


def _codex_item(run, todo, item, completed):
    kind, item_id = item["type"], item["id"]
    if kind == "todo_list":
        # one call a state of the list: there is no other way to see it change
        state = json.dumps(item["items"])
        if todo.get("state") != state:
            todo["state"] = state
            todo["count"] = todo.get("count", 0) + 1
            state_id = item_id if todo["count"] == 1 else "%s.%d" % (item_id, todo["count"])
            run.call(state_id, "todo_list", "Other", {"items": item["items"]})
            run.result(state_id, True, "")
    elif kind in CODEX_TOOLS:
        if item_id not in run._open:
            run.call(item_id, _codex_name(item), CODEX_TOOLS[kind], _codex_input(item), _codex_path(item))
        if completed and kind == "command_execution":
            # "completed" is also said of commands that were given up: the exit code decides
            run.result(item_id, item["exit_code"] == 0, item["aggregated_output"])
        elif completed:
            run.result(item_id, item.get("status", "completed") == "completed")
    elif completed and kind == "agent_message":
        run.text("text", item["text"])
        run.last = item["text"]
    elif completed and kind == "reasoning":
        run.text("thinking", item["text"])


def codex(data):
    run, todo = Run(), {}
    for record in _records(data, run):
        kind = record["type"]
        if kind == "thread.started":
            run.session = record["thread_id"]
        elif kind in ("item.started", "item.completed"):
            _codex_item(run, todo, record["item"], kind == "item.completed")
        elif kind == "item.updated" and record["item"]["type"] == "todo_list":
            _codex_item(run, todo, record["item"], False)
        elif kind == "turn.completed":
            usage = record["usage"]
            run.end, run.answer = "success", run.last
            run.add(input=usage["input_tokens"], output=usage["output_tokens"], cache_read=usage["cached_input_tokens"],
                    cache_write=usage.get("cache_write_input_tokens"), turns=1)
        elif kind == "turn.failed":
            run.end, run.answer = "error", record["error"]["message"]
    return run.finish()


# ---------------------------------------------------------------------------
# Gemini CLI

GEMINI_TOOLS = {"read_file": "Read", "read_many_files": "Read", "write_file": "Write", "replace": "Edit",
                "run_shell_command": "Bash", "grep_search": "Grep", "search_file_content": "Grep", "glob": "Glob",
                "list_directory": "Glob", "web_fetch": "WebFetch", "google_web_search": "WebSearch"}


def gemini(data):
    run, text = Run(), []
    for record in _records(data, run):
        kind = record["type"]
        if kind == "message" and record["role"] == "assistant":
            text.append(record["content"])  # deltas, to be joined up to the next other record
            continue
        run.text("text", "".join(text))
        run.last = "".join(text) or run.last
        text = []
        if kind == "init":
            run.session, run.model = record["session_id"], record["model"]
        elif kind == "tool_use":
            tool, given = GEMINI_TOOLS.get(record["tool_name"], "Other"), record["parameters"]
            run.call(record["tool_id"], record["tool_name"], tool, given,
                     _path(tool, given, "file_path", "absolute_path", "path"))
        elif kind == "tool_result":
            # a failed command is a success here; its exit code is nowhere
            run.result(record["tool_id"], record["status"] == "success",
                       record.get("output") or record.get("error", {}).get("message", ""))
        elif kind == "result":
            run.end = "success" if record["status"] == "success" else "error"
            run.answer = run.last if run.end == "success" else record["error"]["message"]
            stats = record.get("stats") or {}
            run.usage = {ours: stats[theirs] for ours, theirs in (
                ("input", "input_tokens"), ("output", "output_tokens"), ("cache_read", "cached")) if theirs in stats}
    run.text("text", "".join(text))
    return run.finish()


# ---------------------------------------------------------------------------
# opencode

OPENCODE_TOOLS = {"bash": "Bash", "read": "Read", "write": "Write", "edit": "Edit", "multiedit": "Edit", "patch": "Edit",
                  "grep": "Grep", "glob": "Glob", "list": "Glob", "webfetch": "WebFetch", "websearch": "WebSearch"}


def _opencode_success(part):
    state = part["state"]
    if state["status"] != "completed" or part["tool"] == "invalid":  # "invalid": the tool does not exist
        return False
    metadata = state.get("metadata") or {}
    return "exit" not in metadata or metadata["exit"] == 0  # null: it was killed


def opencode(data):
    run = Run()
    for record in _records(data, run):
        kind, part = record["type"], record.get("part")
        run.session = record["sessionID"]
        if kind == "tool_use":  # start and end in one
            state = part["state"]
            tool, given = OPENCODE_TOOLS.get(part["tool"], "Other"), state["input"]
            run.call(part["callID"], part["tool"], tool, given, _path(tool, given, "filePath", "path"))
            run.result(part["callID"], _opencode_success(part), state.get("output", state.get("error", "")))
        elif kind in ("text", "reasoning"):
            run.text("text" if kind == "text" else "thinking", part["text"])
            run.last = part["text"] if kind == "text" else run.last
        elif kind == "step_finish":
            tokens = part["tokens"]  # of one step
            run.add(input=tokens["input"], output=tokens["output"], cache_read=tokens["cache"]["read"],
                    cache_write=tokens["cache"]["write"], cost=part["cost"], turns=1)
            if part.get("reason") != "tool-calls":
                run.end, run.answer = "success", run.last  # there is no last record
        elif kind == "error":
            run.end, run.answer = "error", record["error"]["data"]["message"]
    return run.finish()


# ---------------------------------------------------------------------------
# Amp: Claude's form with rules of its own

AMP_TOOLS = {"Bash": "Bash", "shell_command": "Bash", "Read": "Read", "view_media": "Read", "apply_patch": "Edit",
             "edit_file": "Edit", "undo_edit": "Edit", "create_file": "Write", "Grep": "Grep", "finder": "Grep",
             "glob": "Glob", "list_directory": "Glob", "read_web_page": "WebFetch", "web_search": "WebSearch"}


def _amp_result(run, block):
    content, success = _content(block["content"]), not block.get("is_error")
    try:
        end = json.loads(content)
    except ValueError:
        end = None
    if isinstance(end, dict) and "exitCode" in end and isinstance(end.get("output"), str):
        content, success = end["output"], success and end["exitCode"] == 0  # a failed command is no is_error
    run.result(block["tool_use_id"], success, content)


def amp(data):
    run = Run()
    for record in _records(data, run):
        kind, message = record["type"], record.get("message", {})
        run.session = record.get("session_id", run.session)
        parent = record.get("parent_tool_use_id")
        for block in message.get("content", []):
            if kind == "assistant" and block["type"] in ("text", "thinking"):
                run.text(block["type"], block[block["type"]], parent)
            elif block["type"] == "tool_use":
                tool, given = AMP_TOOLS.get(block["name"], "Other"), block["input"]
                run.call(block["id"], block["name"], tool, given, _path(tool, given, "path", "file_path"), parent)
            elif block["type"] == "tool_result":
                _amp_result(run, block)
        if kind == "assistant":
            usage = message["usage"]  # of one message
            run.add(input=usage["input_tokens"], output=usage["output_tokens"],
                    cache_read=usage["cache_read_input_tokens"], cache_write=usage["cache_creation_input_tokens"])
        elif kind == "result":
            run.end = "error" if record["is_error"] else "success"
            run.answer = record.get("result", record.get("error"))
            run.add(turns=record["num_turns"])
    return run.finish()


# ---------------------------------------------------------------------------
# Cursor

CURSOR_TOOLS = {"shell": "Bash", "read": "Read", "edit": "Edit", "write": "Write", "grep": "Grep", "semSearch": "Grep",
                "glob": "Glob", "ls": "Glob", "webFetch": "WebFetch", "webSearch": "WebSearch"}


def _cursor_call(run, record):
    key = next(key for key in record["tool_call"] if key.endswith("ToolCall"))
    call, name = record["tool_call"][key], key[:-len("ToolCall")]
    if record["subtype"] == "started":
        tool = CURSOR_TOOLS.get(name, "Other")
        run.call(record["call_id"], name, tool, call["args"], _path(tool, call["args"], "path"))
    else:
        done = call["result"].get("success")
        run.result(record["call_id"], done is not None and done.get("exitCode", 0) == 0)


def cursor(data):
    run, thought = Run(), ""
    for record in _records(data, run):
        kind, subtype = record["type"], record.get("subtype")
        run.session = record.get("session_id", run.session)
        if kind == "thinking" and subtype == "delta":
            thought += record["text"]
        elif kind == "thinking":
            run.text("thinking", thought)
            thought = ""
        elif kind == "system":
            run.model = record["model"]
        elif kind == "assistant":
            run.text("text", "".join(b["text"] for b in record["message"]["content"]))
        elif kind == "tool_call":
            _cursor_call(run, record)
        elif kind == "result":
            run.end, run.answer = "error" if record["is_error"] else "success", record["result"]
            usage = record.get("usage", {})
            run.usage = {ours: usage[theirs] for ours, theirs in (
                ("input", "inputTokens"), ("output", "outputTokens"), ("cache_read", "cacheReadTokens"),
                ("cache_write", "cacheWriteTokens")) if theirs in usage}
    return run.finish()


READERS = {"amp": amp, "claude": claude, "claude-1.0": claude, "codex": codex, "cursor": cursor, "gemini": gemini,
           "opencode": opencode}
