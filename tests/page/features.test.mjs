/*  tests/page/features.test.mjs - what a reader can do: replay, pin, group, sort, search, resize, drop a file, copy, save, stop

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { badge, fake, MadeUpAgent, open, rowSeqs, runUrl, setup, until } from "./lib.mjs";

const kit = setup();
const SPAN_MS = 1800; /* between two events of a story */

/*  A finished small run of every kind of event, two seconds apart. */
async function story(t) {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Fix the ring");
  for (const _ of new MadeUpAgent((event) => gateway.put("R", event)).story()) {
    /* to the end */
  }
  const { events } = gateway.stream("R");
  for (const [at, event] of events.entries()) {
    event.timestamp = new Date(Date.UTC(2026, 0, 1) + at * SPAN_MS).toISOString();
  }
  return gateway;
}

/*  A live run; agent makes its events. */
async function running(t) {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Live");
  const agent = new MadeUpAgent((event) => gateway.put("R", event), 5);
  agent.start();
  return { gateway, agent };
}

const say = (gateway, content, runId = "R") =>
  gateway.put(runId, { type: "agent_output", kind: "text", content, messageId: content });
const ended = (page) => until("the end", async () => (await badge(page)).startsWith("Done"));
const live = (page) => until("live", async () => (await badge(page)) === "Live");
const rowText = (page, seq) => page.locator(`.row[data-seq="${seq}"]`).innerText();
const newest = async (page) => (await rowSeqs(page)).at(-1);

test("a replay shows the run as it was: header, rows, tabs; steps, speeds, the timeline as scrubber", async (t) => {
  const gateway = await story(t);
  const { page, strange } = await open(t, kit, runUrl(gateway, "R"));
  await ended(page);
  await page.keyboard.press("r");
  const bar = page.getByRole("region", { name: "Replay" });
  await bar.waitFor();
  await until("it plays", async () => (await badge(page)) === "Replay 1×");
  await page.keyboard.press(" ");
  await until("it pauses", async () => (await badge(page)) === "Replay paused");
  const last = gateway.stream("R").events.length;
  const at = async () => Number(/event (\d+)/.exec(await bar.innerText())[1]);
  /* To the middle by the timeline: the to-do list, the tabs and the rows are those of then. */
  const strip = page.getByRole("slider", { name: "Time of the replay" });
  const box = await strip.boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await until("about the middle", async () => Math.abs((await at()) - last / 2) < 3);
  assert.match(await page.locator(".phase").innerText(), /^[12] of 5/);
  assert.ok(Number(await page.locator("#tab-tools .count").innerText()) < 18);
  const middle = await at();
  assert.ok((await newest(page)) <= middle);
  await page.keyboard.press(".");
  await until("a step on", async () => (await at()) > middle);
  await page.keyboard.press(",");
  await page.keyboard.press(",");
  await until("steps back", async () => (await at()) < middle);
  /* By keyboard, too. */
  await strip.focus();
  await page.keyboard.press("Home");
  await until("the start", async () => (await at()) === 1);
  assert.equal(await newest(page), 1);
  await bar.getByRole("button", { name: "max" }).click();
  await bar.getByRole("button", { name: "Play", exact: true }).click();
  await until("all of it", async () => (await at()) === last);
  assert.match(await page.locator(".phase").innerText(), /^5 of 5/);
  await page.keyboard.press("r");
  await ended(page);
  assert.equal(await bar.count(), 0);
  assert.deepEqual(strange, []);
});

test("a live run is replayed while it goes on, and is live again afterwards", async (t) => {
  const { gateway, agent } = await running(t);
  for (let n = 0; n < 30; n++) {
    agent.any();
  }
  for (const [at, event] of gateway.stream("R").events.entries()) {
    event.timestamp = new Date(Date.now() - 100_000 + at * 1000).toISOString();
  }
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await live(page);
  await page.getByRole("button", { name: "Replay", exact: true }).click();
  await page.getByRole("button", { name: "Step on" }).click();
  say(gateway, "meanwhile");
  await until("its beginning", async () => (await newest(page)) <= 10);
  assert.match(await page.locator(".head-tools").innerText(), /^$/, "a run of the past is not stopped");
  await page.getByRole("button", { name: "Back to live" }).click();
  await live(page);
  await until("what came meanwhile", async () => /meanwhile/.test(await page.locator(".feed").innerText()));
});

test("the timeline: a click brings that time into sight, and the marked part is what is seen", async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Long");
  for (let n = 0; n < 2000; n++) {
    say(gateway, `line ${n + 1}`).timestamp = new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
  }
  gateway.put("R", { type: "run_completed", durationMs: 1, exitCode: 0 }).timestamp = new Date(Date.UTC(2026, 0, 1) + 2_000_000).toISOString();
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await ended(page);
  const strip = page.getByRole("slider", { name: "Timeline" });
  await strip.waitFor();
  const box = await strip.boundingBox();
  const sight = page.locator(".minimap-sight");
  await until("the end is marked", async () => (await sight.boundingBox())?.x > box.x + box.width * 0.9);
  /* It is drawn anew once a second: the past may have come since. */
  await until("a quarter of it in sight", async () => {
    await page.mouse.click(box.x + box.width / 4, box.y + 8);
    return Math.abs(((await rowSeqs(page))[20] ?? 0) - 500) < 30;
  });
  await until("and marked", async () => Math.abs((await sight.boundingBox()).x - (box.x + box.width / 4)) < 30);
  assert.equal(await page.locator('.follow[aria-pressed="false"]').count(), 1, "following has stopped");
});

test("reads in a row are one row; opened, folded, searched, linked to, and ungrouped", async (t) => {
  const { gateway, agent } = await running(t);
  for (let n = 0; n < 6; n++) {
    agent.read();
  }
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await live(page);
  assert.deepEqual(await rowSeqs(page), [1, 2]);
  assert.match(await rowText(page, 2), /Reads\s*6 reads: .*\s*6 rows/);
  agent.read();
  await until("it grows in place", async () => /7 reads/.test(await rowText(page, 2)));
  await page.locator('.row[data-seq="2"]').click();
  await until("opened", async () => (await rowSeqs(page)).length === 8);
  assert.equal(await page.locator(".drawer").count(), 0);
  await page.locator('.row[data-seq="2"] .icon').click();
  await until("folded", async () => (await rowSeqs(page)).length === 2);
  await page.locator(".feed").focus();
  await page.keyboard.press("G");
  await page.keyboard.press("k");
  await page.locator('.row.selected[data-seq="2"]').waitFor();
  await page.keyboard.press("Enter");
  await until("opened by keyboard", async () => (await rowSeqs(page)).length === 8);
  await page.keyboard.press("f");
  await until("and folded", async () => (await rowSeqs(page)).length === 2);
  await page.evaluate(() => {
    location.hash = "#/runs/R?seq=8";
  });
  await page.locator('.row.selected[data-seq="8"]').waitFor();
  await page.reload();
  await page.locator('.row.selected[data-seq="8"]').waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("ring_7");
  await until("while searching each row stands alone", async () => (await rowSeqs(page)).length === 8);
  await page.locator(".search input").fill("");
  await page.getByRole("button", { name: "View", exact: true }).click();
  await page.getByLabel("Group reads and searches").uncheck();
  await page.keyboard.press("Escape");
  await until("ungrouped", async () => (await rowSeqs(page)).length === 8);
  await page.reload();
  await until("and remembered", async () => (await rowSeqs(page)).length === 8);
});

test("the tools table sorts, draws durations, and comes back to what is new", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, runUrl(gateway, "R", "?tab=tools"));
  await ended(page);
  assert.equal(await page.locator(".feedbox > .hint").count(), 0, "nothing says that it is empty");
  const order = () => page.$$eval(".row:not([hidden])", (rows) => rows.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map((row) => Number(row.dataset.seq)));
  const byTime = await until("rows", async () => ((await order()).length === 18 ? order() : undefined));
  const head = (name) => page.getByRole("button", { name: new RegExp(`^${name}`) });
  await head("Duration").click();
  await until("the longest first", async () => /Inspect the cursor/.test(await rowText(page, (await order())[0])));
  assert.notEqual((await page.locator(".r-bar > span").first().boundingBox()).width, 0);
  await head("Status").click();
  await until("failures first", async () => /exit 1/.test(await rowText(page, (await order())[0])));
  await head("Started").click();
  await head("Started").click();
  await until("backwards", async () => (await order())[0] === byTime.at(-1));
  await head("Started").click();
  await until("as it comes", async () => (await order()).join() === byTime.join());
});

test("several edits of a file are one change; one by one when wanted", async (t) => {
  const { gateway, agent } = await running(t);
  const path = "/srv/ringbuffer/src/ring.c";
  agent.call("Read", "Read", { file_path: path }, { content: "1\tint a;\n2\tint b;\n3\tint c;" }, path);
  for (const [before, after] of [["int b;", "int beta;"], ["int beta;\nint c;", "int beta;\nint gamma;"], ["int nothing;", "x"]]) {
    agent.call("Edit", "Edit", { file_path: path, old_string: before, new_string: after }, { success: before !== "int nothing;" }, path);
  }
  const { page } = await open(t, kit, runUrl(gateway, "R", "?tab=files&file=src/ring.c"));
  const drawer = page.locator(".drawer");
  await until("the sum", async () => /from the file as it was read/.test(await drawer.innerText()));
  const lines = () => page.$$eval(".d-add .d-text, .d-del .d-text", (all) => all.map((one) => one.textContent));
  assert.deepEqual(await lines(), ["int b;", "int c;", "int beta;", "int gamma;"]);
  assert.match(await page.locator(".file.selected").innerText(), /2 edits, 1 read\s*\+2\s*−2/, "the failed one does not count");
  await page.getByRole("button", { name: "One by one" }).click();
  assert.equal(await page.locator(".file-edit").count(), 2);
  await page.locator(".search input").fill("nowhere");
  await page.getByText("No path matches.").waitFor();
});

test("up to four pinned runs beside each other, live", async (t) => {
  const { gateway, agent } = await running(t);
  agent.any();
  for (const id of ["S", "T", "U", "V"]) {
    gateway.stream(id, `Run ${id}`);
    say(gateway, `hello ${id}`, id);
  }
  const { page, strange } = await open(t, kit, runUrl(gateway, "R"));
  await live(page);
  for (const id of ["R", "S", "T", "U", "V"]) {
    await page.getByRole("button", { name: `Pin ${id}`, exact: true }).focus();
    await page.keyboard.press("Enter");
  }
  await page.getByRole("button", { name: "The 4 pinned runs beside each other" }).click();
  await until("four of five, the latest pinned", async () => (await page.locator(".cell").count()) === 4);
  assert.deepEqual(await page.$$eval(".cell-title", (all) => all.map((one) => one.textContent)), ["Run S", "Run T", "Run U", "Run V"]);
  say(gateway, "news for T", "T");
  await until("each is live", async () => /news for T/.test(await page.locator(".cell").nth(1).innerText()));
  const url = page.url();
  await page.locator(".cell-title").nth(2).click();
  await until("one of them", async () => page.url().includes("#/runs/U"));
  await page.goBack();
  assert.equal(page.url(), url);
  await page.locator(".cell .row", { hasText: "hello S" }).click();
  await until("a row opens its run there", async () => /#\/runs\/S\?seq=1/.test(page.url()));
  assert.deepEqual(strange, []);
});

test("a downloaded run, dropped on the page, is shown without a gateway; other files are refused in words", async (t) => {
  const gateway = await story(t);
  const { page, strange } = await open(t, kit, gateway.url);
  await ended(page);
  const exported = await (await fetch(`${gateway.url}api/v1/runs/R/export`)).text();
  gateway.refuse = true;
  gateway.cut();
  const drop = (name, text) =>
    page.evaluate(
      ([file, body]) => {
        const data = new DataTransfer();
        data.items.add(new File([body], file));
        dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
      },
      [name, text],
    );
  await drop("ring.jsonl", exported);
  await until("its words", async () => (await page.locator(".badge").innerText()).includes("from ring.jsonl"));
  await ended(page);
  assert.equal(await page.locator(".chip-info").innerText(), `1–${gateway.stream("R").events.length}, no gaps`);
  await page.locator(".row", { hasText: "exit 1" }).click();
  await until("details", async () => /expected 1000, got 999/.test(await page.locator(".drawer").innerText()));
  await page.keyboard.press("Escape");
  await page.keyboard.press("r");
  await until("a replay of it", async () => (await badge(page)).startsWith("Replay"));
  await page.keyboard.press("r");
  await drop("notes.txt", "not a run\n");
  await page.getByText("This file cannot be shown").waitFor();
  assert.deepEqual(strange.filter((line) => !/WebSocket|ERR_/.test(line)), []);
});

test("columns are resized by mouse and by keys, and remembered", async (t) => {
  const gateway = await story(t);
  const { page, context } = await open(t, kit, runUrl(gateway, "R", "?seq=5"));
  await ended(page);
  const rail = page.getByRole("separator", { name: "Width of the list of runs" });
  const width = async (selector) => Math.round((await page.locator(selector).boundingBox()).width);
  const box = await rail.boundingBox();
  await page.mouse.move(box.x + 3, 300);
  await page.mouse.down();
  await page.mouse.move(box.x + 103, 300);
  await page.mouse.up();
  assert.equal(await width(".rail"), 348);
  const details = page.getByRole("separator", { name: "Width of the details" });
  await details.focus();
  const before = await width(".drawer");
  await page.keyboard.press("ArrowLeft");
  assert.ok(Math.abs((await width(".drawer")) - before) > 10);
  const after = await width(".drawer");
  const other = await context.newPage();
  await other.goto(page.url());
  await other.locator(".drawer").waitFor();
  assert.deepEqual([await other.locator(".rail").evaluate((node) => node.offsetWidth), await other.locator(".drawer").evaluate((node) => node.offsetWidth)], [348, after]);
  await rail.dblclick();
  assert.equal(await width(".rail"), 248);
});

test("search and filters stand in the address, and are there for whoever opens it", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await ended(page);
  await page.locator(".chip", { hasText: "Commands" }).click({ modifiers: ["Alt"] });
  await until("only commands and milestones", async () => (await page.locator(".row:not([hidden])").count()) === 4);
  await page.locator(".chip", { hasText: "Edits" }).click();
  await page.locator(".search input").fill("make ch.ck|ring_evict$");
  await until("no such words", async () => (await page.locator(".search-found").innerText()).trim().startsWith("0"));
  await page.getByRole("button", { name: "Regular expression" }).click();
  await until("a pattern", async () => /^[2-9]/.test((await page.locator(".search-found").innerText()).trim()));
  await page.getByRole("button", { name: "Only matches" }).click();
  await until("the address", async () => /kinds=edits%2Ccommands/.test(page.url()) && /regex=1/.test(page.url()) && /only=1/.test(page.url()));
  const rows = await rowSeqs(page);
  const second = await open(t, kit, page.url());
  await until("the same rows", async () => (await rowSeqs(second.page)).join() === rows.join());
  await second.page.locator(".search input").fill("make (");
  await second.page.getByText("not a pattern").waitFor();
});

test("the output is searched, and what was found is marked and walked through", async (t) => {
  const { gateway } = await running(t);
  for (let n = 1; n <= 200; n++) {
    say(gateway, n % 50 === 0 ? `needle ${n}` : `hay ${n}`);
  }
  const { page } = await open(t, kit, runUrl(gateway, "R", "?tab=output&q=needle"));
  await until("four of them", async () => (await page.locator(".search-found").innerText()).trim().startsWith("4"));
  await until("marks", () => page.evaluate(() => CSS.highlights.get("search")?.size > 0));
  const chosen = async () => (await page.locator(".text-block.chosen").innerText().catch(() => "")).split("\n").at(-1);
  const seen = [];
  for (let n = 0; n < 4; n++) {
    await page.keyboard.press("n");
    await until("the next", async () => (await chosen()) !== (seen.at(-1) ?? ""));
    seen.push(await chosen());
    assert.equal(await page.locator(".text-block.chosen").evaluate((node) => node.getBoundingClientRect().top < innerHeight && node.getBoundingClientRect().bottom > 0), true);
  }
  assert.deepEqual(seen, ["needle 50", "needle 100", "needle 150", "needle 200"]);
});

test("whoever was away finds a line above what came meanwhile, also when the first of it is no row", async (t) => {
  const { gateway } = await running(t);
  say(gateway, "seen");
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await live(page);
  await page.evaluate(() => {
    window.away = true;
    for (const [name, value] of [["hidden", () => window.away], ["visibilityState", () => (window.away ? "hidden" : "visible")]]) {
      Object.defineProperty(document, name, { get: value, configurable: true });
    }
    document.dispatchEvent(new Event("visibilitychange"));
  });
  gateway.put("R", { type: "agent_usage", inputTokens: 1, outputTokens: 1 });
  say(gateway, "not seen");
  await page.evaluate(() => {
    window.away = false;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const line = page.locator(".row.newline");
  await line.waitFor();
  assert.match(await line.innerText(), /not seen/);
  assert.match(await line.getAttribute("data-since"), /^new since \d\d:\d\d:\d\d$/);
});

test("copies: a link, an event, a command; downloads: all, and what is shown", async (t) => {
  const gateway = await story(t);
  const { page, context } = await open(t, kit, runUrl(gateway, "R"), { acceptDownloads: true });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await ended(page);
  await page.locator(".row", { hasText: "exit 1" }).click();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Copy command" }).click();
  await until("the command", async () => (await copied()) === "make check TESTS=tests/test_ring");
  await page.keyboard.press("y");
  await until("the link", async () => (await copied()) === page.url() && /seq=\d+/.test(page.url()));
  await page.keyboard.press("c");
  await until("the event", async () => /^{/.test(await copied()) && JSON.parse(await copied()).type === "agent_tool_call");
  await page.keyboard.press("Escape");
  const [all] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as JSON Lines" }).click()]);
  assert.equal(all.suggestedFilename(), "R.jsonl");
  assert.equal(readFileSync(await all.path(), "utf8").trim().split("\n").length, gateway.stream("R").events.length);
  await page.locator(".chip", { hasText: "Commands" }).click({ modifiers: ["Alt"] });
  await page.getByRole("button", { name: "View", exact: true }).click();
  const [shown] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download the rows shown" }).click()]);
  const lines = readFileSync(await shown.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((event) => event.type).sort(), ["agent_tool_call", "agent_tool_call", "agent_tool_result", "agent_tool_result", "run_completed", "run_started"]);
});

test("the download where a token is asked for", async (t) => {
  const gateway = await story(t);
  gateway.token = "s3cret";
  const { page } = await open(t, kit, gateway.url, { acceptDownloads: true });
  await page.getByLabel("Token").fill("s3cret");
  await page.getByRole("button", { name: "Connect" }).click();
  await ended(page);
  const [all] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as JSON Lines" }).click()]);
  assert.equal(readFileSync(await all.path(), "utf8").trim().split("\n").length, gateway.stream("R").events.length);
  assert.equal(gateway.requests.some((path) => path.includes("s3cret")), false);
});

test("stopping a run: asked first; what the gateway refuses is said; the page goes on meanwhile", async (t) => {
  const { gateway } = await running(t);
  say(gateway, "one");
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await live(page);
  const stop = page.getByRole("button", { name: "Stop the run" });
  await stop.click();
  say(gateway, "two");
  await until("events while it asks", async () => /two/.test(await page.locator(".feed").innerText()));
  await page.getByRole("button", { name: "No", exact: true }).click();
  assert.equal(gateway.requests.some((path) => path.endsWith("/cancel")), false);
  gateway.mayCancel = false;
  await stop.click();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByText("Not stopped: runs may not be cancelled with this token").waitFor();
  await page.getByRole("button", { name: "Close", exact: true }).click();
  gateway.mayCancel = true;
  await stop.click();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await until("cancelled", async () => (await badge(page)) === "Cancelled");
  assert.equal(await stop.count(), 0);
});

test("the prompt of its work order is a run's title, in the list and above", async (t) => {
  const { gateway } = await running(t);
  gateway.prompts.set("Live", "Make the ring hold its capacity\nand test it");
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await until("above", async () => (await page.locator(".head h2").innerText()) === "Make the ring hold its capacity");
  await until("in the list", async () => /Make the ring hold/.test(await page.locator(".run-title").innerText()));
});

test("an error that is said again and again is one row in Errors, with how often", async (t) => {
  const { gateway } = await running(t);
  for (let n = 0; n < 5; n++) {
    gateway.put("R", { type: "agent_error", message: n === 2 ? "other" : "rate limited", severity: "warning", source: "stderr" });
  }
  const { page } = await open(t, kit, runUrl(gateway, "R", "?tab=errors"));
  await until("two rows", async () => (await rowSeqs(page)).length === 2);
  assert.match(await rowText(page, 2), /rate limited\s*×4, last/);
});

test("density and wrapping are as the reader likes them, and single keys can be switched off", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await ended(page);
  const height = async () => Math.round((await page.locator(".row:not([hidden])").first().boundingBox()).height);
  const menu = async (act) => {
    await page.getByRole("button", { name: "View", exact: true }).click();
    await act(page.getByRole("dialog", { name: "View" }));
    await page.keyboard.press("Escape");
  };
  assert.equal(await height(), 28);
  for (const [name, px] of [["Compact", 22], ["Two lines", 48], ["Normal", 28]]) {
    await menu((box) => box.getByLabel(name).check());
    assert.equal(await height(), px, name);
  }
  await page.locator(".row", { hasText: "exit 1" }).click();
  assert.equal(await page.locator(".term.nowrap").count(), 0);
  await menu((box) => box.getByLabel("Wrap long lines").uncheck());
  assert.ok((await page.locator(".term.nowrap").count()) > 0);
  await page.locator(".row", { hasText: "src/ring" }).filter({ hasText: "+2" }).first().click();
  await menu((box) => box.getByLabel("Diffs side by side").check());
  assert.ok((await page.locator(".d-pair").count()) > 0);
  await menu((box) => box.getByLabel("Single-key shortcuts").uncheck());
  await page.keyboard.press("2");
  await page.keyboard.press("Escape");
  await until("only Escape works", async () => (await page.locator(".drawer").count()) === 0);
  assert.match(await page.locator('[role=tab][aria-selected="true"]').innerText(), /^Activity/);
});

test("a part of the page that the gateway no longer has is said, and reloading helps", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, runUrl(gateway, "R"), { before: (page) => page.route(/\/assets\/views-/, (route) => route.fulfill({ status: 404 })) });
  await ended(page);
  await page.locator("#tab-output").click();
  await page.getByText("This part of the page could not be loaded.").first().waitFor();
  await page.unroute(/\/assets\/views-/);
  await page.getByRole("button", { name: "Reload the page" }).first().click();
  await until("the output", async () => /All tests pass/.test(await page.locator("main").innerText()));
});

test("what the page costs, on the page: ?hud=1", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, `${gateway.url}?hud=1#/runs/R`);
  await until("frames and nodes", async () => /\d+ fps · frame \d+ ms.* nodes · [\d.]+ MB/.test(await page.locator(".hud").innerText()));
});

test("another tab's changes of how the page looks are taken over", async (t) => {
  const gateway = await story(t);
  const { page, context } = await open(t, kit, runUrl(gateway, "R"));
  await ended(page);
  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByRole("button", { name: "View", exact: true }).click();
  await other.getByLabel("Compact").check();
  await until("here, too", async () => Math.round((await page.locator(".row:not([hidden])").first().boundingBox()).height) === 22);
});

test("several tabs watch the same run, each by itself", async (t) => {
  const { gateway } = await running(t);
  const pages = [];
  for (let n = 0; n < 4; n++) {
    pages.push((await open(t, kit, runUrl(gateway, "R"))).page);
  }
  for (const page of pages) {
    await live(page);
  }
  await pages[0].locator(".feed").focus();
  await pages[0].keyboard.press("k");
  for (let n = 0; n < 50; n++) {
    say(gateway, `line ${n}`);
  }
  for (const [at, page] of pages.entries()) {
    await until("all of it", async () => (await page.locator(".chip-info").innerText()) === "1–51, no gaps");
    assert.equal(await page.locator('.follow[aria-pressed="true"]').count(), at === 0 ? 0 : 1);
  }
});
