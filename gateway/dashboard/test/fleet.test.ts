/*  gateway/dashboard/test/fleet.test.ts - the list of runs, and what the badge says of one

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fleet, runState } from "../src/core/fleet.ts";
import { RunStream } from "../src/core/runstream.ts";
import { duration, statusOf } from "../src/core/status.ts";
import { event, fakeWorld, settle } from "./fakes.ts";

const started = (runId: string, at: number) =>
  event(1, { type: "run_started", runId, runNumber: 1, agent: "claude", timestamp: new Date(at).toISOString() });
const record = (runId: string, at: number, fields: object = {}) => ({
  runId,
  workOrderId: `W ${runId}`,
  state: "alive",
  startedAt: new Date(at).toISOString(),
  started: started(runId, at),
  ...fields,
});

test("live runs first, then by start; what the bus says later wins over the list", async () => {
  const world = fakeWorld();
  const ended = event(9, { type: "run_completed", runId: "b", durationMs: 1, exitCode: 0 });
  world.answer = () => ({
    runs: [record("a", 1000), record("b", 3000, { ended }), record("c", 2000), { runId: 7 }, null],
  });
  const fleet = new Fleet(world.env, "ws://x/ws");
  fleet.start();
  await settle(world, 300);
  assert.deepEqual(
    fleet.list().map((run) => run.runId),
    ["c", "a", "b"],
  );
  world.socket().open();
  assert.equal(world.socket().sent[0]?.runId, "*");
  world.socket().say({
    type: "batch",
    events: [
      event(9, { type: "run_failed", runId: "c", error: "e", reason: "cancelled", durationMs: 1 }),
      started("d", 500),
    ],
  });
  assert.deepEqual(
    fleet.list().map((run) => run.runId),
    ["a", "d", "b", "c"],
  );
  assert.deepEqual(fleet.list().map(runState), ["live", "live", "done", "cancelled"]);
  fleet.stop();
});

test("prompts of work orders: heard when they are created, asked for once when that was before", async () => {
  const world = fakeWorld();
  const created = (workOrderId: string, taskPrompt: string) =>
    event(1, {
      type: "work_order_created",
      workOrderId,
      stream: `@${workOrderId}`,
      runId: undefined,
      taskPrompt,
      status: "queued",
    });
  world.answer = (path) =>
    path.includes("%40old") ? { events: [created("old", "Fix it\nnow")], next: null } : { runs: [] };
  const fleet = new Fleet(world.env, "ws://x/ws");
  fleet.start();
  world.socket().open();
  world.socket().say({ type: "batch", events: [created("new", "Make it")] });
  await fleet.askPrompt("new");
  await fleet.askPrompt("old");
  await fleet.askPrompt("old");
  assert.deepEqual(
    [...fleet.prompts],
    [
      ["new", "Make it"],
      ["old", "Fix it\nnow"],
    ],
  );
  assert.equal(world.asked.filter((path) => path.includes("%40")).length, 1);
  fleet.stop();
});

test("a run that starts anew under its name is live again; the pulse counts events between beats", async () => {
  const world = fakeWorld();
  const ended = event(9, { type: "run_completed", runId: "a", durationMs: 1, exitCode: 0 });
  world.answer = () => ({ runs: [record("a", 1000, { ended })] });
  const fleet = new Fleet(world.env, "ws://x/ws");
  fleet.start();
  await settle(world, 300);
  world.socket().open();
  const run = fleet.runs.get("a");
  assert.ok(run);
  assert.equal(runState(run), "done");
  const later = Date.UTC(2026, 5, 1);
  world.socket().say({ type: "batch", events: [started("a", later)] });
  assert.equal(runState(run), "live");
  for (const [beat, seq] of [51, 51 + 50, 51 + 60].entries()) {
    const timestamp = new Date(later + (beat + 1) * 5000).toISOString();
    world.socket().say({ type: "batch", events: [event(seq, { type: "progress_update", runId: "a", timestamp })] });
  }
  assert.deepEqual(run.pulse.rates, [10, 10, 2]);
  const heard = run.updatedMs;
  for (const seq of [112, 113, 115]) {
    const timestamp = new Date(heard + seq * 1000).toISOString();
    world.socket().say({ type: "batch", events: [event(seq, { type: "progress_update", runId: "a", timestamp })] });
    assert.equal(run.updatedMs, seq === 115 ? heard + 115_000 : heard, "progress alone is silence");
  }
  fleet.stop();
});

test("a list that was made before a run ended does not bring it back, one made after it began anew does", async () => {
  const world = fakeWorld();
  const at = (ms: number): string => new Date(ms).toISOString();
  world.answer = () => ({ runs: [record("a", 1000, { updatedAt: at(4000) })] });
  const fleet = new Fleet(world.env, "ws://x/ws");
  fleet.start();
  await settle(world, 300);
  world.socket().open();
  const done = event(9, { type: "run_completed", runId: "a", durationMs: 1, exitCode: 0, timestamp: at(5000) });
  world.socket().say({ type: "batch", events: [done] });
  await settle(world, 300);
  const run = fleet.runs.get("a");
  assert.equal(run && runState(run), "done");
  world.answer = () => ({ runs: [record("a", 1000, { updatedAt: at(6000) })] });
  fleet.refresh();
  await settle(world, 300);
  assert.equal(run && runState(run), "live");
  fleet.stop();
});

test("a page that is open for long forgets what ended first, never what is live", async () => {
  const world = fakeWorld();
  const done = (runId: string, at: number): object =>
    event(2, { type: "run_completed", runId, durationMs: 1, exitCode: 0, timestamp: new Date(at).toISOString() });
  world.answer = () => ({ runs: [] });
  const fleet = new Fleet(world.env, "ws://x/ws");
  fleet.start();
  await settle(world, 300);
  world.socket().open();
  world.socket().say({ type: "batch", events: [started("live", 1)] });
  for (let n = 0; n < 2100; n++) {
    world.socket().say({ type: "batch", events: [started(`r${n}`, n * 10), done(`r${n}`, n * 10 + 5)] });
  }
  assert.equal(fleet.runs.size, 2000);
  assert.ok(fleet.runs.has("live") && fleet.runs.has("r2099") && !fleet.runs.has("r0"));
  fleet.stop();
});

test("a list that cannot be read is asked for again, and says why", async () => {
  const world = fakeWorld();
  world.answer = () => 401;
  const fleet = new Fleet(world.env, "ws://x/ws");
  fleet.start();
  await settle(world, 300);
  assert.equal(fleet.problem?.status, 401, "known without any socket");
  world.answer = () => ({ runs: [record("a", 1)] });
  await settle(world, 5000);
  await settle(world, 300);
  assert.equal(fleet.problem, undefined);
  assert.equal(fleet.list().length, 1);
  fleet.stop();
});

test("the badge: refused, behind, repairing, lost, ended", () => {
  const world = fakeWorld();
  const stream = new RunStream({ env: world.env, wsUrl: "ws://x/ws", runId: "R" });
  const says = (): string => statusOf(stream, world.clock).text;
  stream.start();
  world.socket().open();
  world.socket().say({ type: "error", code: "FORBIDDEN", message: "not with your token" });
  assert.equal(says(), "The gateway refused: not with your token");
  world
    .socket()
    .say({ type: "subscription_confirmed", streams: { R: { epoch: "01", first: 1, last: 0, state: "alive" } } });
  world.socket().say({ type: "batch", events: [event(1, { timestamp: new Date(world.clock.wall()).toISOString() })] });
  assert.equal(says(), "Live");
  world.socket().say({ type: "backpressure", state: "shedding", lagEvents: 5, lagMs: 61_000 });
  assert.equal(says(), "Behind by 1 m 01 s");
  world.socket().say({ type: "backpressure", state: "ok" });
  for (const [state, text] of [
    ["repairing", "Live, fetching lost events"],
    ["lost", "Executor not heard from"],
  ]) {
    world.socket().say({ type: "heartbeat", heads: {}, producers: { R: state } });
    assert.equal(says(), text);
  }
  world.socket().say({
    type: "batch",
    events: [event(2, { type: "run_failed", error: "e", reason: "signal", signal: "SIGKILL", durationMs: 9 })],
  });
  assert.equal(says(), "Failed: SIGKILL");
  world.socket().drop(4501, "expired");
  assert.equal(statusOf(stream, world.clock).action, "token");
});

test("durations as people say them", () => {
  assert.deepEqual([0, 534, 59_999, 61_000, 3_600_000, 90_061_000].map(duration), [
    "0 s",
    "534 ms",
    "59 s",
    "1 m 01 s",
    "1 h 00 m",
    "25 h 01 m",
  ]);
});
