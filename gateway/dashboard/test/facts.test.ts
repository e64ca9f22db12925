/*  gateway/dashboard/test/facts.test.ts - folds: the same whatever the order

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentGateEvent } from "../src/core/events.gen.ts";
import { RunFacts } from "../src/core/facts.ts";
import { changeOf } from "../src/core/files.ts";
import { asEvent, parseMessage } from "../src/core/protocol.ts";
import { Flag } from "../src/core/rows.ts";
import { RunLog } from "../src/core/runlog.ts";
import { event, random, seedOf } from "./fakes.ts";

const call = (seq: number, id: string, fields: object = {}): AgentGateEvent =>
  event(seq, {
    type: "agent_tool_call",
    toolUseId: id,
    tool: "Bash",
    toolName: "Bash",
    input: { command: id },
    ...fields,
  });
const result = (seq: number, id: string, success = true): AgentGateEvent =>
  event(seq, {
    type: "agent_tool_result",
    toolUseId: id,
    success,
    contentPreview: "",
    contentLength: 0,
    durationMs: 1,
  });

function fold(events: AgentGateEvent[]): { log: RunLog; facts: RunFacts } {
  const log = new RunLog();
  const facts = new RunFacts(log);
  for (const one of events) {
    if (log.put(one, true)) {
      facts.fold(one);
    }
  }
  return { log, facts };
}

/*  A run with everything in it. */
const RUN: AgentGateEvent[] = [
  event(1, { type: "run_started", runNumber: 1, agent: "claude", cwd: "/w" }),
  call(2, "todo", {
    tool: "Other",
    toolName: "TodoWrite",
    input: {
      todos: [
        { content: "a", status: "completed" },
        { content: "b", status: "in_progress", activeForm: "doing b" },
      ],
    },
  }),
  result(3, "todo"),
  call(4, "agent", { tool: "Other", toolName: "Task", input: { description: "Look around" } }),
  call(5, "inner", { tool: "Read", toolName: "Read", input: {}, path: "/w/x.c", parentToolUseId: "agent" }),
  result(6, "inner"),
  call(7, "edit", {
    tool: "Edit",
    toolName: "Edit",
    path: "/w/x.c",
    input: { old_string: "a\nb\nc", new_string: "a\nB\nB2\nc" },
  }),
  event(8, { type: "file_changed", path: "x.c", action: "created", sizeBytes: 9 }),
  event(9, { type: "file_changed", path: "x.c", action: "modified", sizeBytes: 10 }),
  result(10, "edit"),
  call(11, "bad"),
  result(12, "bad", false),
  event(13, { type: "agent_error", message: "m", severity: "error", source: "agent" }),
  event(14, { type: "agent_error", message: "m", severity: "warning", source: "stderr" }),
  event(15, { type: "agent_usage", inputTokens: 1, outputTokens: 2 }),
  event(16, { type: "agent_usage", inputTokens: 5, outputTokens: 6 }),
  result(17, "agent"),
  call(18, "open"),
  event(19, { type: "progress_update", percentage: 40, currentPhase: "Testing", toolCallCount: 6, elapsedSeconds: 4 }),
  event(20, { type: "run_completed", durationMs: 5, exitCode: 0 }),
];

function told({ log, facts }: { log: RunLog; facts: RunFacts }): object {
  const agent = facts.agents.get("agent");
  return {
    calls: facts.calls,
    failed: facts.failedCalls,
    errors: [facts.errors, facts.warnings],
    open: [...facts.open.keys()],
    pairs: [2, 4, 5, 7, 11, 18].map((seq) => log.partner(seq)),
    flags: [7, 11, 12, 13, 18].map((seq) => log.flags(seq)),
    agent: [agent?.label, agent?.callSeq, agent?.events, log.parent(5) === agent?.number, log.parent(7)],
    todos: facts.todos.items,
    usage: facts.usage?.seq,
    progress: facts.progress?.seq,
    ended: facts.ended?.seq,
    edits: [...facts.files.byPath.values()].map((file) => [file.adds, file.dels, file.edits, file.reads]),
  };
}

test("a run folds to what it was", () => {
  assert.deepEqual(told(fold(RUN)), {
    calls: 6,
    failed: 1,
    errors: [1, 1],
    open: ["open"],
    pairs: [3, 17, 6, 10, 12, 0],
    flags: [Flag.DONE, Flag.DONE | Flag.FAILED, Flag.FAILED, Flag.FAILED, 0],
    agent: ["Look around", 4, 1, true, 0],
    todos: [
      { text: "a", state: "done" },
      { text: "doing b", state: "active" },
    ],
    usage: 16,
    progress: 19,
    ended: 20,
    edits: [[2, 1, 1, 1]],
  });
});

test("an agent that introduces itself late: its name counts, and the time of the first word, in any order", () => {
  const events = [
    event(1, { type: "run_started", runNumber: 1, agent: "unknown", cwd: "/w" }),
    event(9, { type: "run_started", runNumber: 1, agent: "claude", model: "m", cwd: "/w" }),
  ];
  for (const order of [events, [...events].reverse()]) {
    const { facts } = fold(order);
    assert.deepEqual([facts.started?.model, facts.startedMs], ["m", Date.parse(String(events[0]?.timestamp))]);
  }
});

test("in any order, and with repetitions, it folds to the same", () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  const straight = told(fold(RUN));
  for (let round = 0; round < 300; round++) {
    const rest = RUN.slice(1)
      .flatMap((one) => (next() < 0.3 ? [one, one] : [one]))
      .map((one) => [next(), one] as const)
      .sort((a, b) => a[0] - b[0])
      .map(([, one]) => one);
    /* The start is first in every order: what it tells (the folder) is asked for beside the stream. */
    assert.deepEqual(told(fold([RUN[0] as AgentGateEvent, ...rest])), straight);
  }
});

test("a text grows by deltas until the whole one takes its place", () => {
  const delta = (seq: number, content: string) => event(seq, { content, partial: true, messageId: "m", blockIndex: 0 });
  const { facts, log } = fold([delta(1, "Hel"), delta(2, "lo")]);
  assert.deepEqual(
    [...facts.live.values()].map((text) => text.content),
    ["Hello"],
  );
  const whole = event(3, { content: "Hello", messageId: "m", blockIndex: 0 });
  log.put(whole, true);
  facts.fold(whole);
  assert.equal(facts.live.size, 0);
});

test("tasks made one by one", () => {
  const tool = (seq: number, toolName: string, input: object) =>
    call(seq, `t${seq}`, { tool: "Other", toolName, input });
  const { facts } = fold([
    tool(1, "TaskCreate", { subject: "one" }),
    tool(2, "TaskCreate", { subject: "two" }),
    tool(3, "TaskUpdate", { taskId: "1", status: "completed" }),
    tool(4, "TaskUpdate", { taskId: "2", status: "in_progress" }),
    tool(5, "TaskCreate", { subject: "three" }),
    tool(6, "TaskUpdate", { taskId: "3", status: "deleted" }),
  ]);
  assert.deepEqual(facts.todos.items, [
    { text: "one", state: "done" },
    { text: "two", state: "active" },
  ]);
});

test("lines added and taken away, in each agent's own form of an edit", () => {
  assert.deepEqual(changeOf({ old_string: "a\nb", new_string: "a\nc\nd" }), { adds: 2, dels: 1 });
  assert.deepEqual(changeOf({ oldString: "x", newString: "" }), { adds: 1, dels: 1 });
  assert.deepEqual(changeOf({ content: "a\nb\n" }), { adds: 2, dels: 0 });
  assert.deepEqual(
    changeOf({
      edits: [
        { old_string: "a", new_string: "b" },
        { old_string: "c", new_string: "d" },
      ],
    }),
    { adds: 2, dels: 2 },
  );
  assert.deepEqual(changeOf({ patch: "--- a\n+++ b\n-x\n+y\n+z" }), { adds: 2, dels: 1 });
  assert.deepEqual(changeOf({}), { adds: 0, dels: 0 });
});

test("strange messages are no messages, and fields of a wrong type are none", () => {
  for (const text of [
    "",
    "null",
    "3",
    '"x"',
    "[]",
    "{}",
    '{"type":3}',
    '{"type":"constructor"}',
    '{"type":"__proto__"}',
    '{"type":"agent_output"}',
  ]) {
    assert.equal(parseMessage(text), undefined, text);
  }
  assert.deepEqual(
    { ...parseMessage('{"type":"gap","from":-3,"to":"x","counts":[1],"stream":7}'), counts: undefined },
    { type: "gap", stream: "", epoch: "", from: 0, to: 0, reason: "lost", counts: undefined, recoverable: false },
  );
  assert.equal(asEvent({ type: "agent_output", seq: 2 ** 40 }), undefined, "beyond what the index can number");
  const odd = parseMessage('{"type":"heartbeat","heads":{"__proto__":5},"producers":null}');
  assert.equal(odd?.type, "heartbeat");
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test("an edit that failed changed nothing, whichever came first", () => {
  const edit = (seq: number, id: string): AgentGateEvent =>
    call(seq, id, { tool: "Edit", toolName: "Edit", path: "/w/a", input: { old_string: "a", new_string: "b\nc" } });
  const events = [edit(1, "good"), edit(2, "bad"), result(3, "good"), result(4, "bad", false)];
  for (const order of [events, [...events].reverse()]) {
    const { facts } = fold(order);
    const file = facts.files.byPath.get("/w/a");
    assert.deepEqual([file?.adds, file?.dels, file?.edits, file?.calls], [2, 1, 1, [1]]);
  }
});

test("what a quiet run waits for: the oldest open call, and rather the subagent's than the subagent", () => {
  const { facts } = fold(RUN);
  assert.equal(facts.runningCall, 18);
  const open = fold([
    call(1, "task", { tool: "Other", toolName: "Task", input: {} }),
    call(2, "inner", { parentToolUseId: "task" }),
    call(3, "other"),
  ]);
  assert.equal(open.facts.runningCall, 2);
});

test("a call that changes several files at once counts for each, as Codex's does", () => {
  const input = { changes: [{ path: "/w/a", kind: "add" }, { path: "/w/b", kind: "delete" }, { nothing: 1 }, null] };
  const codex = (seq: number, id: string): AgentGateEvent =>
    call(seq, id, { tool: "Edit", toolName: "file_change", input });
  const { facts } = fold([
    event(1, { type: "run_started", runNumber: 1, agent: "codex", cwd: "/w" }),
    codex(2, "x"),
    codex(3, "y"),
    result(4, "y", false),
  ]);
  assert.deepEqual(
    [...facts.files.byPath].map(([path, file]) => [path, file.edits]),
    [
      ["a", 1],
      ["b", 1],
    ],
  );
});
