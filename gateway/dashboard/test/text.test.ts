/*  gateway/dashboard/test/text.test.ts - agents' text: markdown, terminal colours, diffs, what cannot be seen

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentToolCall, JsonObject } from "../src/core/events.gen.ts";
import { ansiSpans, stripAnsi } from "../src/text/ansi.ts";
import { diffLines, hunks } from "../src/text/diff.ts";
import { type Block, type Inline, inline, markdown, safeHref } from "../src/text/markdown.ts";
import { callTarget } from "../src/text/summary.ts";
import { oneLine, visible } from "../src/text/visible.ts";
import { random, seedOf } from "./fakes.ts";

test("what cannot be seen is shown, what can is left", () => {
  assert.equal(visible("a\u202eb\u0000c\u001bd\u007f"), "a[U+202E]b␀c␛d␡");
  assert.equal(visible("line\r\nnext\ttab"), "line\nnext\ttab");
  assert.equal(visible("👩\u200d💻 ok"), "👩\u200d💻 ok");
  assert.equal(visible("pass\u200bword"), "pass[U+200B]word");
  assert.equal(oneLine("  a\n\n  b\t c "), "a b c");
  assert.equal(oneLine("x".repeat(50), 10), `${"x".repeat(10)}…`);
});

test("colours become classes, every other escape goes", () => {
  assert.deepEqual(ansiSpans("\u001b[1;31mred\u001b[0m plain"), [
    { text: "red", classes: "a-bold a-f1" },
    { text: " plain", classes: "" },
  ]);
  assert.deepEqual(
    ansiSpans("\u001b[38;5;196mx\u001b[48;2;0;200;0my\u001b[39;49mz").map((span) => span.classes),
    ["a-f9", "a-f9 a-b10", ""],
  );
  const hidden = "a\u001b]8;;http://x\u0007b\u001b]8;;\u0007\u001b[2J\u001b[10;10Hc\u001bPq~\u001b\\d\u001b(B";
  assert.equal(stripAnsi(hidden), "abcd");
  assert.deepEqual(
    ansiSpans(hidden)
      .map((span) => span.text)
      .join(""),
    "abcd",
  );
  assert.equal(
    ansiSpans("10 %\r50 %\r100 %\ndone")
      .map((span) => span.text)
      .join(""),
    "100 %\ndone",
  );
});

test("an escape cut off at the end does not swallow what was before", () => {
  const shown = ansiSpans("text\u001b[3").map((span) => span.text);
  assert.match(shown.join(""), /^text/);
});

const plain = (of: Inline): string => ("text" in of ? of.text : of.children.map(plain).join(""));
const shape = (block: Block | undefined): string => block?.type ?? "";

test("markdown: blocks", () => {
  const blocks = markdown(
    "# Title\n\ntext\nmore\n\n```c\nint x;\n```\n\n- a\n  - b\n- [x] c\n\n1. one\n\n> quote\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n---",
  );
  assert.deepEqual(blocks.map(shape), ["heading", "paragraph", "code", "list", "list", "quote", "table", "rule"]);
  const list = blocks[3] as Extract<Block, { type: "list" }>;
  assert.deepEqual(
    list.items.map((item) => item.checked),
    [undefined, true],
  );
  assert.deepEqual(list.items[0]?.children.map(shape), ["paragraph", "list"]);
  const table = blocks[6] as Extract<Block, { type: "table" }>;
  assert.deepEqual(
    table.rows.map((row) => row.map((cell) => cell.map(plain).join(""))),
    [["1", "2"]],
  );
});

test("markdown: a fence that never ends takes the rest and no more", () => {
  assert.deepEqual(markdown("a\n```\ncode\nmore").map(shape), ["paragraph", "code"]);
});

test("markdown: marks in a line", () => {
  const nodes = inline("a **b `c`** _d_ ~~e~~ [f](https://x.y/z) snake_case_name 2*3*4");
  assert.deepEqual(
    nodes.map((node) => node.type),
    ["text", "strong", "text", "em", "text", "del", "text", "link", "text"],
  );
  assert.equal(nodes.map(plain).join(""), "a b c d e f snake_case_name 2*3*4");
});

test("only http, https and mailto are links; images are links, HTML is text", () => {
  for (const href of [
    "javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "//evil",
    "file:///etc/passwd",
    " java\nscript:x",
    "https://a b",
  ]) {
    assert.equal(safeHref(href), undefined, href);
    assert.equal(
      inline(`[x](${href})`).some((node) => node.type === "link"),
      false,
      href,
    );
  }
  assert.deepEqual(
    inline("![alt](https://x.y/i.png)").map((node) => node.type),
    ["link"],
  );
  const [paragraph] = markdown("<img src=x onerror=alert(1)>");
  assert.deepEqual(paragraph, {
    type: "paragraph",
    children: [{ type: "text", text: "<img src=x onerror=alert(1)>" }],
  });
});

/*  How often the letter a is in a tree, wherever it may be shown. */
function letters(blocks: Block[]): number {
  let count = 0;
  JSON.stringify(blocks, (key, value) => {
    if (typeof value === "string" && key !== "type") {
      count += value.replace(/[^a]/g, "").length;
    }
    return value;
  });
  return count;
}

test("markdown ends, in time, on anything", { timeout: 30_000 }, () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  const pieces = [
    "*",
    "**",
    "_",
    "`",
    "```",
    "[",
    "](",
    ")",
    "|",
    "-",
    "> ",
    "# ",
    "\n",
    "\n\n",
    " ",
    "a",
    "<b>",
    "1. ",
    "- ",
    "https://x",
    "~~",
    "\t",
  ];
  for (let round = 0; round < 400; round++) {
    const source = Array.from({ length: 80 }, () => pieces[Math.floor(next() * pieces.length)]).join("");
    assert.ok(letters(markdown(source)) >= source.replace(/[^a]/g, "").length, `nothing is lost of ${source}`);
  }
  for (const mark of ["`", "*", "[", "**a", "_a ", "~~a", "![a](", "> ", "- ", "|-", "https://"]) {
    const start = performance.now();
    markdown(mark.repeat(Math.floor(200_000 / mark.length)));
    const took = performance.now() - start;
    assert.ok(took < 2000, `${JSON.stringify(mark)} took ${took.toFixed(0)} ms`);
  }
});

test("a diff turns one text into the other, whatever they are", () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  const text = (): string =>
    Array.from({ length: 1 + Math.floor(next() * 12) }, () => "abcd"[Math.floor(next() * 4)]).join("\n");
  for (let round = 0; round < 500; round++) {
    const [before, after] = [text(), text()];
    const lines = diffLines(before, after);
    const side = (without: string): string =>
      lines
        .filter((l) => l.kind !== without)
        .map((l) => l.text)
        .join("\n");
    assert.equal(side("+"), before);
    assert.equal(side("-"), after);
  }
  assert.deepEqual(
    diffLines("", "a\nb").map((line) => line.kind),
    ["+", "+"],
  );
});

test("hunks keep three lines around a change and mark the holes", () => {
  const before = Array.from({ length: 40 }, (_, at) => `line ${at}`);
  const after = [...before.slice(0, 20), "changed", ...before.slice(21)];
  const shown = hunks(diffLines(before.join("\n"), after.join("\n")));
  assert.equal(shown[0], undefined);
  assert.equal(shown[shown.length - 1], undefined);
  assert.deepEqual(
    shown
      .filter(Boolean)
      .map((line) => line?.kind)
      .join(""),
    "   -+   ",
  );
});

test("a call's line names what it is about, whatever agent made it", () => {
  const call = (tool: "Edit" | "Other", toolName: string, input: JsonObject): AgentToolCall => ({
    type: "agent_tool_call",
    workOrderId: "w",
    seq: 1,
    timestamp: "2026-11-22T08:40:59.616Z",
    toolUseId: "t",
    tool,
    toolName,
    input,
  });
  const items = [
    { text: "read", completed: true },
    { text: "fix", completed: false },
    { text: "completed", completed: false },
  ];
  assert.equal(callTarget(call("Other", "todo_list", { items })), "1 of 3 done");
  const todos = [{ content: "read", status: "completed" }];
  assert.equal(callTarget(call("Other", "TodoWrite", { todos })), "1 of 1 done");
  const changes = [
    { path: "src/a.c", kind: "update" },
    { path: "src/b.c", kind: "add" },
  ];
  assert.equal(callTarget(call("Edit", "file_change", { changes })), "src/a.c, src/b.c");
});
