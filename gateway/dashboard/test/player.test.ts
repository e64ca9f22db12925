/*  gateway/dashboard/test/player.test.ts - a replay shows what was; a file is a run like any other

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentGateEvent } from "../src/core/events.gen.ts";
import { RunFacts } from "../src/core/facts.ts";
import { FileRun } from "../src/core/filerun.ts";
import { Player } from "../src/core/player.ts";
import { RunLog } from "../src/core/runlog.ts";
import { event, type FakeWorld, fakeWorld, random, seedOf, settle } from "./fakes.ts";

/*  A run of calls, results and texts, with pauses. */
function story(count: number, next: () => number): AgentGateEvent[] {
  const found: AgentGateEvent[] = [];
  let ms = Date.UTC(2026, 0, 1);
  for (let seq = 1; seq <= count; seq++) {
    ms += next() < 0.05 ? 600_000 : Math.floor(next() * 400);
    const fields = { timestamp: new Date(ms).toISOString() };
    const before = found[seq - 2];
    if (seq === 1) {
      found.push(event(seq, { ...fields, type: "run_started", runNumber: 1, agent: "claude" }));
    } else if (before?.type === "agent_tool_call") {
      found.push(
        event(seq, {
          ...fields,
          type: "agent_tool_result",
          toolUseId: before.toolUseId,
          success: next() < 0.8,
          contentPreview: "é".repeat(Math.floor(next() * 50)),
          contentLength: 1,
          durationMs: 1,
        }),
      );
    } else if (next() < 0.6) {
      found.push(
        event(seq, {
          ...fields,
          type: "agent_tool_call",
          toolUseId: `t${seq}`,
          tool: "Bash",
          toolName: "Bash",
          input: { command: "x" },
        }),
      );
    } else {
      found.push(event(seq, fields));
    }
  }
  return found;
}

async function fileOf(world: FakeWorld, events: AgentGateEvent[], more = ""): Promise<FileRun> {
  const text = events.map((one) => `${JSON.stringify(one)}\n`).join("");
  const run = await FileRun.open(world.env, new Blob([text + more]), "x.jsonl");
  await run.load();
  return run;
}

/*  Lets frames and answers come until it holds. */
async function until(world: FakeWorld, what: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (what()) {
      return;
    }
    await settle(world, 16);
  }
  assert.fail(`never: ${what}`);
}

const told = (log: RunLog, facts: RunFacts): object => ({
  last: log.last,
  counts: [...log.counts],
  calls: facts.calls,
  failed: facts.failedCalls,
  open: [...facts.open.keys()],
});

function asOf(events: AgentGateEvent[], seq: number): object {
  const log = new RunLog();
  const facts = new RunFacts(log);
  for (const one of events.slice(0, seq)) {
    log.put(one, true);
    facts.fold(one);
  }
  return told(log, facts);
}

test("a file is read whole, its bodies again when they are seen, strange lines are counted", async () => {
  const world = fakeWorld();
  const events = story(3000, random(seedOf()));
  const run = await fileOf(world, events, 'no json\n{"type":"agent_output","runId":"S","seq":1,"workOrderId":"W"}\n\n');
  assert.deepEqual(told(run.log, run.facts), asOf(events, 3000));
  assert.equal(run.strange, 2);
  assert.equal(run.status.text, "No end in this file");
  const page = await run.page(1000, 500);
  assert.deepEqual(page.events, events.slice(1000, 1500));
  assert.equal(page.next, 1500);
  assert.deepEqual(await run.fullBody(7), events[6]);
  const found: number[] = [];
  await run.search("RUN_STARTED", (seqs) => found.push(...seqs));
  assert.deepEqual(found, [1]);
  await assert.rejects(FileRun.open(world.env, new Blob(["<html>\n"]), "y"), /no line of it is an event/);
});

test("lines that are longer than what is read at once, and one without an end", async () => {
  const world = fakeWorld();
  const events = [event(1, { content: "x".repeat(5 << 20) }), event(2), event(3, { content: "y".repeat(3 << 20) })];
  const run = await FileRun.open(world.env, new Blob([events.map((one) => JSON.stringify(one)).join("\n")]), "x");
  await run.load();
  assert.equal(run.log.received, 3);
  assert.deepEqual((await run.page(1, 10)).events, events.slice(1));
});

test("sought anywhere, in any order, a replay is the run as of then", async () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  const world = fakeWorld();
  const events = story(2500, next);
  const player = new Player(await fileOf(world, events));
  player.start();
  for (let round = 0; round < 12; round++) {
    const seq = 1 + Math.floor(next() * events.length);
    player.seek(seq);
    if (next() < 0.4) {
      await settle(world, 16);
      continue; /* another place is wanted before this one was reached */
    }
    await until(world, () => !player.seeking);
    assert.deepEqual(told(player.log, player.facts), asOf(events, seq));
    assert.equal(player.nowMs, Date.parse((events[seq - 1] as AgentGateEvent).timestamp));
  }
  player.stop();
});

test("played, time runs at its speed, and nobody waits longer than a second", async () => {
  const world = fakeWorld();
  const at = (seconds: number): object => ({
    timestamp: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
  });
  const events = [event(1, at(0)), event(2, at(4)), event(3, at(3600)), event(4, at(3601))];
  const player = new Player(await fileOf(world, events));
  player.start();
  await until(world, () => true);
  player.setSpeed(2);
  player.play(true);
  /* How long, in the reader's time, until each was there. */
  const seen: number[] = [];
  for (let ms = 0; player.log.last < 4 && ms < 20_000; ms += 16) {
    await settle(world, 16);
    while (seen.length < player.log.last) {
      seen.push(ms);
    }
  }
  const [one, two, three, four] = seen as [number, number, number, number];
  assert.ok(one < 200, `first at ${one}`);
  assert.ok(Math.abs(two - one - 1000) < 100, `four seconds at double speed, cut to one: ${two - one}`);
  assert.ok(Math.abs(three - two - 1000) < 100, `an hour is a second: ${three - two}`);
  assert.ok(Math.abs(four - three - 500) < 100, `a second at double speed: ${four - three}`);
  await until(world, () => !player.playing);
  assert.equal(player.atEnd, true);
  player.stop();
});

test("steps go from row to row, both ways; what the source lost stays a gap", async () => {
  const world = fakeWorld();
  const call = { type: "agent_tool_call", toolUseId: "a", tool: "Bash", toolName: "Bash", input: {} };
  const result = {
    type: "agent_tool_result",
    toolUseId: "a",
    success: true,
    contentPreview: "",
    contentLength: 0,
    durationMs: 1,
  };
  const player = new Player(await fileOf(world, [event(1), event(2, call), event(3, result), event(7), event(8)]));
  player.start();
  const steps: number[] = [];
  for (const by of [1, 1, 1, 1, -1, -1] as const) {
    player.step(by);
    await until(world, () => !player.seeking);
    steps.push(player.log.last);
  }
  assert.deepEqual(steps, [1, 2, 7, 8, 7, 2]);
  player.seek(8);
  await until(world, () => !player.seeking);
  assert.deepEqual(
    player.log.missing.list.map((part) => [part.from, part.to, part.tag.recoverable]),
    [[4, 6, false]],
  );
  player.stop();
  await settle(world, 5000);
  assert.equal(world.clock.pending, 0, "no timer is left");
});

test("an end that was lost, and events of a type not known here: the replay ends, and does not ask for ever", async () => {
  const world = fakeWorld();
  const source = await fileOf(world, [event(1), event(2)]);
  source.log.extendTo(1500, { reason: "lost", recoverable: false, state: "idle" });
  const asked: number[] = [];
  source.page = async (after) => {
    asked.push(after);
    return after < 1000 ? { events: [], next: 1000 } : { events: [], next: null };
  };
  const player = new Player(source);
  player.start();
  player.setSpeed(Number.POSITIVE_INFINITY);
  player.play(true);
  await until(world, () => !player.playing);
  assert.equal(player.log.last, 1500);
  assert.deepEqual(asked, [2, 1000]);
  player.stop();
});

test("at the greatest speed all of it comes, and max ends at the end", async () => {
  const world = fakeWorld();
  const events = story(5000, random(5));
  const player = new Player(await fileOf(world, events));
  player.start();
  player.setSpeed(Number.POSITIVE_INFINITY);
  player.play(true);
  await until(world, () => !player.playing);
  assert.deepEqual(told(player.log, player.facts), asOf(events, 5000));
  player.stop();
});
