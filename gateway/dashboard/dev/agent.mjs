/*  gateway/dashboard/dev/agent.mjs - a made-up agent: events of every kind, one after the other

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/

/*  Repeatable randomness (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const CWD = "/srv/ringbuffer";
const FILES = [
  "src/ring.c",
  "src/ring.h",
  "src/cursor.c",
  "tests/test_ring.c",
  "tests/test_cursor.c",
  "docs/design.md",
  "Makefile.am",
];
const STEPS = [
  "Read the ring and its tests",
  "Write a failing test for wrap-around",
  "Fix the off-by-one in ring_evict",
  "Run the whole suite",
  "Write down why",
];
const TEXT = [
  "I'll look at the ring first, then at how the cursor uses it.",
  "The eviction compares `head - tail` with the capacity **before** the new event is counted, so one event too few is kept:\n\n```c\nif (self->head - self->tail > self->capacity)\n    s_evict_one (self);\n```\n\nThat is an off-by-one. A test that wraps around shows it.",
  "All tests pass. What changed:\n\n| file | change |\n|---|---|\n| `src/ring.c` | evict at `>=` |\n| `tests/test_ring.c` | wrap-around case |\n\n1. The ring keeps exactly its capacity.\n2. Cursors that stood at the oldest event are moved, and say so.\n\n> See https://example.org/ring for the picture.",
];

export class MadeUpAgent {
  #calls = 0;
  #random;
  #put;

  constructor(put, seed = 1) {
    this.#put = put;
    this.#random = random(seed);
  }

  #pick(list) {
    return list[Math.floor(this.#random() * list.length)];
  }

  start(fields = {}) {
    this.#put({
      type: "run_started",
      runNumber: 1,
      agent: "claude",
      model: "claude-opus-5-5",
      cwd: CWD,
      command: "claude -p 'Fix the ring'",
      ...fields,
    });
  }

  todos(done) {
    const todos = STEPS.map((content, at) => ({
      content,
      activeForm: content
        .replace(/^Read/, "Reading")
        .replace(/^Write/, "Writing")
        .replace(/^Fix/, "Fixing")
        .replace(/^Run/, "Running"),
      status: at < done ? "completed" : at === done ? "in_progress" : "pending",
    }));
    this.call("Other", "TodoWrite", { todos });
    this.#put({
      type: "progress_update",
      percentage: done * 20,
      currentPhase: "Implementing",
      toolCallCount: this.#calls,
      elapsedSeconds: 5,
      todosDone: done,
      todosTotal: STEPS.length,
    });
  }

  call(tool, toolName, input, result = {}, path = undefined, parentToolUseId = undefined) {
    const toolUseId = `toolu_${++this.#calls}`;
    const parent = parentToolUseId ? { parentToolUseId } : {};
    this.#put({ type: "agent_tool_call", toolUseId, tool, toolName, input, ...(path ? { path } : {}), ...parent });
    if (result) {
      const content = result.content ?? "ok";
      this.#put({
        type: "agent_tool_result",
        toolUseId,
        success: result.success ?? true,
        contentPreview: content.slice(0, 500),
        contentLength: content.length,
        ...(content.length > 500 ? { content } : {}),
        durationMs: result.durationMs ?? Math.floor(this.#random() * 900),
        ...parent,
      });
    }
    return toolUseId;
  }

  read(parent) {
    const file = this.#pick(FILES);
    const lines = Array.from({ length: 30 }, (_, at) => `${String(at + 1).padStart(6)}\tint ring_${at} (void);`).join(
      "\n",
    );
    this.call("Read", "Read", { file_path: `${CWD}/${file}` }, { content: lines }, `${CWD}/${file}`, parent);
  }

  edit(parent) {
    const file = this.#pick(FILES);
    const input = {
      file_path: `${CWD}/${file}`,
      old_string: "    if (self->head - self->tail > self->capacity)\n        s_evict_one (self);\n    return 0;",
      new_string:
        "    //  The new event counts: evict before it is stored\n    if (self->head - self->tail >= self->capacity)\n        s_evict_one (self);\n    return 0;",
    };
    this.call(
      "Edit",
      "Edit",
      input,
      { content: `The file ${CWD}/${file} has been updated.` },
      `${CWD}/${file}`,
      parent,
    );
    this.#put({
      type: "file_changed",
      path: file,
      action: "modified",
      sizeBytes: 4000 + Math.floor(this.#random() * 900),
    });
  }

  bash(fails, parent) {
    const good =
      "\u001b[1mPASS\u001b[0m \u001b[32mtest_ring\u001b[0m 14 tests\n\u001b[1mPASS\u001b[0m \u001b[32mtest_cursor\u001b[0m 9 tests\n";
    const bad =
      "Exit code 1\n\u001b[31mFAIL\u001b[0m test_ring: \u001b[1mexpected 1000, got 999\u001b[0m\n  tests/test_ring.c:88\n";
    this.call(
      "Bash",
      "Bash",
      { command: "make check TESTS=tests/test_ring", description: "Run the ring's tests" },
      { content: fails ? bad : good, success: !fails, durationMs: 3200 },
      undefined,
      parent,
    );
  }

  grep(parent) {
    this.call(
      "Grep",
      "Grep",
      { pattern: "s_evict_one", path: `${CWD}/src` },
      {
        content:
          "src/ring.c:41:static void s_evict_one (ring_t *self)\nsrc/ring.c:88:        s_evict_one (self);\nsrc/cursor.c:12:/* see s_evict_one */",
      },
      undefined,
      parent,
    );
  }

  say(at = 0) {
    this.#put({
      type: "agent_output",
      kind: "text",
      content: TEXT[at % TEXT.length],
      messageId: `msg_${this.#calls}`,
      blockIndex: 0,
    });
  }

  think() {
    this.#put({
      type: "agent_output",
      kind: "thinking",
      content:
        "The head is counted after the eviction, so with capacity n the ring holds n - 1 events when the writer asks for room. The test should push capacity + 1 events and look at the oldest.",
      messageId: `msg_t${this.#calls}`,
      blockIndex: 0,
    });
  }

  subagent() {
    const id = this.call(
      "Other",
      "Task",
      {
        description: "Inspect the cursor",
        prompt: "Read src/cursor.c and say who moves the cursor when the ring evicts.",
        subagent_type: "general-purpose",
      },
      null,
    );
    this.read(id);
    this.grep(id);
    this.read(id);
    this.#put({
      type: "agent_tool_result",
      toolUseId: id,
      success: true,
      contentPreview: "cursor_sync moves it; nobody else.",
      contentLength: 34,
      durationMs: 8000,
    });
  }

  end() {
    this.#put({
      type: "agent_usage",
      inputTokens: 48211,
      outputTokens: 3120,
      cacheReadTokens: 120400,
      costUsd: 0.4211,
      numTurns: 14,
    });
    this.#put({
      type: "run_completed",
      durationMs: 94_300,
      exitCode: 0,
      numTurns: 14,
      costUsd: 0.4211,
      resultPreview: "The ring now keeps exactly its capacity; the wrap-around test passes.",
    });
  }

  fail() {
    this.#put({
      type: "run_failed",
      error: "the agent exited with status 1",
      reason: "exit",
      exitCode: 1,
      durationMs: 12_000,
    });
  }

  /*  A whole small run. */
  *story() {
    this.start();
    yield this.say(0);
    yield this.todos(0);
    yield this.read();
    yield this.grep();
    yield this.think();
    yield this.todos(1);
    yield this.subagent();
    yield this.bash(true);
    yield this.say(1);
    yield this.todos(2);
    yield this.edit();
    yield this.edit();
    yield this.#put({
      type: "agent_error",
      message: "ring.c:88: warning: comparison of integers of different signs",
      severity: "warning",
      source: "stderr",
    });
    yield this.todos(3);
    yield this.bash(false);
    yield this.call(
      "WebFetch",
      "WebFetch",
      { url: "https://example.org/ring", prompt: "Anything on eviction?" },
      { content: "Nothing found." },
    );
    yield this.call("Other", "mcp__tracker__close", { issue: { id: 41, labels: ["bug", "ring"], done: true } });
    yield this.todos(4);
    yield this.say(2);
    yield this.todos(5);
    this.end();
  }

  /*  One event of a flood: the mix of a busy run. */
  any() {
    const r = this.#random();
    if (r < 0.3) {
      this.read();
    } else if (r < 0.5) {
      this.edit();
    } else if (r < 0.65) {
      this.bash(this.#random() < 0.05);
    } else if (r < 0.8) {
      this.grep();
    } else {
      this.say(Math.floor(this.#random() * 3));
    }
  }
}
