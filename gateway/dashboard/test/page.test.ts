/*  gateway/dashboard/test/page.test.ts - what of the page needs no browser: chips in the address, searching, sorting out rows

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentGateEvent } from "../src/core/events.gen.ts";
import { FileRun } from "../src/core/filerun.ts";
import { eventsOf } from "../src/core/gather.ts";
import { jsonText } from "../src/core/protocol.ts";
import { RunStream } from "../src/core/runstream.ts";
import { CHIPS, maskOf, readKinds, toggled, writeKinds } from "../src/page/chips.ts";
import { Finder, matcher } from "../src/page/finder.ts";
import { diffLines, sides } from "../src/text/diff.ts";
import { words } from "../src/text/format.ts";
import { summary, word } from "../src/text/summary.ts";
import { event, fakeWorld, random, seedOf } from "./fakes.ts";

test("chips stand in the address only when they are not the usual ones, and come back as they were", () => {
  const usual = readKinds("");
  assert.equal(writeKinds(usual), "");
  const next = random(seedOf());
  for (let round = 0; round < 200; round++) {
    const on = new Set(CHIPS.filter(() => next() < 0.5).map((chip) => chip.id));
    assert.deepEqual([...readKinds(writeKinds(on))].sort(), [...on].sort());
  }
  assert.deepEqual([...readKinds("none")], []);
  assert.deepEqual([...readKinds("nonsense,edits")], ["edits"]);
  assert.deepEqual([...toggled(usual, "edits", true)], ["edits"]);
  assert.equal(writeKinds(toggled(new Set(["edits"]), "edits", true)), "", "alone again: all");
  assert.notEqual(maskOf(new Set()) & 1, 0, "gaps are always rows");
});

test("a search finds what a reader sees, at its row, in what is held and in what is not", async () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  const events: AgentGateEvent[] = [];
  const expected = new Set<number>();
  for (let seq = 1; seq <= 4000; seq++) {
    const hit = next() < 0.1;
    if (next() < 0.5 || seq === 4000) {
      events.push(event(seq, { content: hit ? `a Needle "${seq}"` : `hay ${seq}` }));
      if (hit) {
        expected.add(seq);
      }
    } else {
      const id = `t${seq}`;
      events.push(
        event(seq, { type: "agent_tool_call", toolUseId: id, tool: "Bash", toolName: "Bash", input: { command: "x" } }),
      );
      seq++;
      const content = hit ? "the needle is here" : "no";
      events.push(
        event(seq, {
          type: "agent_tool_result",
          toolUseId: id,
          success: true,
          content,
          contentPreview: content,
          contentLength: 2,
          durationMs: 1,
        }),
      );
      if (hit) {
        expected.add(seq - 1); /* a result's row is its call's */
      }
    }
  }
  const world = fakeWorld();
  const text = events.map((one) => `${JSON.stringify(one)}\n`).join("");
  for (const [query, regex] of [
    ["needle", false],
    ["NEEDLE", false],
    ["n[e]+dle", true],
  ] as const) {
    const run = await FileRun.open(world.env, new Blob([text]), "x");
    await run.load();
    /* As if half of it had left the memory. */
    for (let seq = 1; seq < 2000; seq++) {
      run.log.bodies.putHot(event(20_000 + seq));
    }
    const found = await new Promise<Set<number>>((done) => {
      const finder = new Finder(run, query, regex, matcher(query, regex) as (text: string) => boolean, () => {
        if (!finder.searching) {
          done(finder.found);
        }
      });
    });
    assert.deepEqual(
      [...found].sort((a, b) => a - b),
      [...expected],
      `${query}`,
    );
  }
  assert.equal(matcher("(", true), undefined);
});

test("a search that was there before the first event finds what comes", async () => {
  const world = fakeWorld();
  const run = new RunStream({ env: world.env, wsUrl: "ws://x/ws", runId: "R" });
  const wanted = matcher("needle", false) as (text: string) => boolean;
  const finder = new Finder(run, "needle", false, wanted, () => undefined);
  await new Promise((done) => setTimeout(done, 400));
  assert.equal(finder.searching, false);
  for (const one of [event(1), event(2, { content: "the needle" })]) {
    run.log.put(one, true);
  }
  finder.more();
  assert.deepEqual([...finder.found], [2]);
  finder.stop();
});

test("what is fetched for a download is asked for once, also what nobody has any more", async () => {
  const world = fakeWorld();
  const run = new RunStream({ env: world.env, wsUrl: "ws://x/ws", runId: "R" });
  world.answer = () => ({ events: [event(3), event(900)], next: null });
  const seqs = [3, 5, 7, 900, 950];
  const events = await eventsOf(run, seqs);
  assert.deepEqual(
    events.map((one) => one.seq),
    [3, 900],
  );
  assert.equal(world.asked.length, 1);
});

test("side by side: both texts, line by line, and nothing else", () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 300; round++) {
    const lines = (): string[] =>
      Array.from({ length: Math.floor(next() * 12) }, () => "abc"[Math.floor(next() * 3)] as string);
    const [before, after] = [lines(), lines()];
    const pairs = sides(diffLines(before.join("\n"), after.join("\n")));
    assert.deepEqual(
      pairs.flatMap((pair) => pair?.[0]?.text ?? []),
      before,
    );
    assert.deepEqual(
      pairs.flatMap((pair) => pair?.[1]?.text ?? []),
      after,
    );
  }
});

test("words, JSON too deep to be written, and the words of rows", () => {
  assert.deepEqual(["", " a  b\n c ", "x"].map(words), [0, 3, 1]);
  const deep = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  assert.match(jsonText({ deep }), /nested too deeply/);
  const call = (fields: object) =>
    event(1, { type: "agent_tool_call", toolUseId: "t", tool: "Other", toolName: "x", input: {}, ...fields });
  const told = (fields: object): string => `${word(call(fields))}: ${summary(call(fields), "/w")}`;
  assert.equal(told({ toolName: "mcp__tracker__close_issue", input: { id: 4 } }), "close_issue: tracker id: 4");
  assert.equal(
    told({ tool: "Bash", toolName: "shell", input: { command: "/bin/bash -lc 'make && ls'" } }),
    "Bash: make && ls",
  );
  assert.equal(
    told({
      tool: "Edit",
      toolName: "file_change",
      input: { changes: [{ path: "/w/a", kind: "add" }, { path: "/b" }] },
    }),
    "file_change: a, /b",
  );
  assert.equal(
    told({ toolName: "TaskUpdate", input: { taskId: 2, status: "in_progress" } }),
    "Plan: task 2: in progress",
  );
});
