/*  gateway/dashboard/test/accumulate.test.ts - edits one after the other are one change of the file

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentToolCall } from "../src/core/events.gen.ts";
import { Accumulated, editSteps, wholeFile } from "../src/text/accumulate.ts";
import { event, random, seedOf } from "./fakes.ts";

const call = (input: object): AgentToolCall =>
  event(1, { type: "agent_tool_call", toolUseId: "t", tool: "Edit", toolName: "Edit", input }) as AgentToolCall;

test("any edits of a file whose text is known are one exact change", () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 200; round++) {
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at} ${Math.floor(next() * 1e9)}`);
    const base = lines.join("\n");
    const known = next() < 0.5;
    const sum = new Accumulated(known ? base : undefined);
    for (let edits = 1 + Math.floor(next() * 12); edits > 0 && lines.length > 0; edits--) {
      const at = Math.floor(next() * lines.length);
      const count = 1 + Math.floor(next() * Math.min(4, lines.length - at));
      const fresh = Array.from({ length: 1 + Math.floor(next() * 3) }, () => `new ${Math.floor(next() * 1e12)} text`);
      const before = lines.slice(at, at + count).join("\n");
      lines.splice(at, count, ...fresh);
      sum.apply([{ before, after: fresh.join("\n") }]);
    }
    const now = lines.join("\n");
    if (known) {
      assert.deepEqual(sum.pieces, base === now ? [] : [{ before: base, after: now }]);
      continue;
    }
    /* Without the file: each piece is a text of the first file and what stands there in the last. */
    let made = base;
    for (const { before, after } of sum.pieces) {
      assert.equal(base.split(before).length, 2, "a text of the first file, once");
      assert.ok(now.includes(after), "a text of the last file");
      made = made.split(before).join(after);
    }
    assert.equal(made, now);
  }
});

test("what was changed back is gone, and a replacement is no pattern", () => {
  const sum = new Accumulated();
  sum.apply([
    { before: "the first text", after: "the $& second $1" },
    { before: "the $& second $1", after: "the first text" },
  ]);
  assert.deepEqual(sum.pieces, []);
});

test("written whole: new, over what was read, over what nobody saw", () => {
  const made = new Accumulated();
  made.apply([{ content: "a\nb" }, { before: "b", after: "c", all: true }], true);
  assert.deepEqual([made.pieces, made.overwritten], [[{ before: "", after: "a\nc" }], false]);
  const read = new Accumulated("old");
  read.apply([{ content: "new" }]);
  assert.deepEqual([read.pieces, read.overwritten], [[{ before: "old", after: "new" }], false]);
  const blind = new Accumulated();
  blind.apply([{ content: "new" }]);
  assert.equal(blind.overwritten, true);
  const other = new Accumulated("old");
  other.apply([{ before: "changed by a command", after: "x" }]);
  assert.deepEqual([other.pieces.length, other.inexact], [1, true]);
});

test("each agent's way of saying it", () => {
  assert.deepEqual(editSteps(call({ old_string: "a", new_string: "b", replace_all: true })), [
    { before: "a", after: "b", all: true },
  ]);
  assert.deepEqual(editSteps(call({ oldString: "a", newString: "b" })), [{ before: "a", after: "b", all: false }]);
  assert.deepEqual(editSteps(call({ edits: [{ old_string: "a", new_string: "b" }, 7, { content: "c" }] })).length, 2);
  assert.deepEqual(editSteps(call({ content: "c" })), [{ content: "c" }]);
  assert.deepEqual(editSteps(call({ command: "x" })), []);
  const sum = new Accumulated("one\ntwo\nthree");
  sum.apply(editSteps(call({ patch: "--- a\n+++ b\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three" })));
  assert.deepEqual(sum.pieces, [{ before: "one\ntwo\nthree", after: "one\n2\nthree" }]);
});

test("a whole file out of what reading tools answer, and nothing out of a part", () => {
  assert.equal(wholeFile("1\tint a;\n2\t\tb;\n3\t"), "int a;\n\tb;\n");
  assert.equal(wholeFile("     1→int a;\n     2→b;"), "int a;\nb;");
  assert.equal(wholeFile("<content>\n1: a\n2: \n3: b\n\n(End of file - total 3 lines)\n</content>"), "a\n\nb");
  assert.equal(wholeFile("40\ta\n41\tb"), undefined);
  assert.equal(wholeFile("1\ta\n2\tb\n(cut)"), undefined);
  assert.equal(wholeFile("no numbers"), undefined);
});
