/*  tests/page/real.test.mjs - the page against the real gateway and the real executor

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Recordings of real agents are played by agentgate-replay under agentgate-exec,
    floods by a small program that writes lines.
*/
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { badge, figure, JUDGE_TIMES, load, LONG, lowContrast, open, overflow, random, ROOT, rowSeqs, runUrl, setup, shot, sleep, until } from "./lib.mjs";
import { allEvents, BUILD, execute, realGateway, replay, stopped, talker, wire } from "./real.mjs";

const kit = setup();
const real = { skip: BUILD ? false : "AGENTGATE_BUILD does not name a build folder", timeout: 180_000 };
const dist = () => kit.dist;

/*  What the header says: [last seq, "no gaps"]. */
async function continuity(page) {
  const [range, text] = (await page.locator(".chip-info").innerText()).split(", ");
  return [Number(range.split("–")[1].replace(/\D/g, "")), text];
}

const whole = (page, last, ms = 30_000) =>
  until(`all ${last}`, async () => (await continuity(page).catch(() => [])).join() === `${last},no gaps`, ms);

/*  Tool calls in a recording, counted without our programs. */
function callsIn(name) {
  const lines = readFileSync(join(ROOT, "tests/recordings", `${name}.jsonl`), "utf8").split("\n").filter(Boolean);
  const blocks = lines.map((line) => JSON.parse(line)).filter((r) => r.type === "assistant").flatMap((r) => r.message.content);
  return blocks.filter((block) => block.type === "tool_use").length;
}

/*  As they were recorded, with their own pauses, in the long form; four times as fast else. */
const WATCHED = LONG ? ["claude/fix_test_partial", "claude/todo_write", "claude/subagent_partial", "claude/odd_characters", "claude/long_run"] : ["claude/fix_test_partial", "claude/subagent_partial"];
const LOOKS = [
  { width: 1280, height: 800, scheme: "light" },
  { width: 1280, height: 800, scheme: "dark" },
  { width: 390, height: 844, scheme: "light" },
  { width: 390, height: 844, scheme: "dark" },
];

for (const name of WATCHED) {
  test(`${name}, watched from start to end on four screens`, { ...real, timeout: 300_000 }, async (t) => {
    const gateway = await realGateway(t, dist());
    const pages = [];
    for (const look of LOOKS) {
      pages.push({ ...(await open(t, kit, gateway.url, look)), ...look });
    }
    for (const { page } of pages) {
      await page.getByText("No runs yet").first().waitFor({ state: "attached" });
    }
    const started = Date.now();
    const run = execute(t, gateway, "R", replay(name, LONG ? 1 : 4), name);
    await until("the run", async () => (await pages[0].page.locator(".row").count()) > 0);
    figure(`${name}: from the executor's start to the first row`, `${Date.now() - started} ms`);
    let looked = 0;
    while (run.status === undefined) {
      await Promise.race([run.ended, sleep(LONG ? 5000 : 1500)]);
      for (const { page, width, scheme } of pages) {
        await shot(page, `real-${name.replace("/", "-")}-${width}-${scheme}-${looked}`);
        assert.ok((await overflow(page)) <= 0);
      }
      looked++;
    }
    assert.equal(run.status, 0, run.said);
    const ended = Date.now();
    await until("its end", async () => (await badge(pages[0].page)).startsWith("Done"));
    figure(`${name}: from the executor's end to the badge`, `${Date.now() - ended} ms`);
    const events = await allEvents(gateway, "R");
    for (const { page, width, scheme, strange } of pages) {
      await whole(page, events.length);
      const tab = await page.locator("#tab-tools .count").innerText();
      assert.equal(Number(tab), callsIn(name), "tool calls as in the recording");
      assert.deepEqual(await lowContrast(page), []);
      for (const tab of ["tools", "output", "files", "errors"]) {
        await page.locator(`#tab-${tab}`).click();
        await page.locator(`#panel-${tab}`).waitFor();
        await shot(page, `real-${name.replace("/", "-")}-${width}-${scheme}-${tab}`);
        assert.ok((await overflow(page)) <= 0, `${tab} at ${width}`);
      }
      assert.deepEqual(strange, []);
    }
  });
}

test("fifty cuts of the wire: the page has exactly what the gateway has", real, async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  console.log(`seed ${seed}`);
  const next = random(seed);
  const gateway = await realGateway(t, dist(), "--rate-limit", "0");
  const cable = await wire(t, gateway);
  const { page, strange } = await open(t, kit, runUrl(cable, "R"));
  const run = execute(t, gateway, "R", talker(200, 12));
  for (let cut = 0; cut < 50; cut++) {
    await sleep(next() * 220);
    cable.cut();
    await sleep(next() * 30);
    await page.evaluate(() => dispatchEvent(new Event("online")));
  }
  await run.ended;
  const events = await allEvents(gateway, "R");
  await whole(page, events.length);
  await until("the end", async () => (await badge(page)).startsWith("Done"));
  /* Every kind of row on, then row by row through the whole feed. */
  await page.evaluate(() => {
    location.hash = "#/runs/R?kinds=says,thinks,reads,edits,commands,tools,errors,results,files,stats";
  });
  const shown = new Set();
  await page.keyboard.press("Home");
  await page.keyboard.press("Escape");
  await page.locator(".feed").hover();
  for (let still = 0; still < 8; ) {
    const before = shown.size;
    for (const seq of await page.$$eval(".row:not([hidden])", (rows) => rows.map((row) => Number(row.dataset.seq)))) {
      shown.add(seq);
    }
    still = shown.size === before ? still + 1 : 0;
    /* Less than half of what is in sight: a turn of the wheel may come together with the next. */
    await page.mouse.wheel(0, 250);
    await sleep(25);
  }
  figure("after 50 cuts of the wire", `${shown.size} rows of ${events.length} events`);
  assert.deepEqual([...shown].sort((a, b) => a - b), events.map((event) => event.seq));
  assert.deepEqual(strange, []);
});

test("more than the default rate allows: what is shed is told, fetched, and complete in the end", real, async (t) => {
  const gateway = await realGateway(t, dist());
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  const run = execute(t, gateway, "R", talker(400, LONG ? 8 : 4));
  await run.ended;
  const events = await allEvents(gateway, "R");
  await whole(page, events.length, 60_000);
  figure("400 events/s through a rate of 50", `${events.length} events, all in the page`);
});

test("1000 events/s through the real gateway: CPU a frame", real, async (t) => {
  const gateway = await realGateway(t, dist(), "--rate-limit", "0");
  const { page, cdp } = await open(t, kit, runUrl(gateway, "R"));
  const run = execute(t, gateway, "R", talker(1000, LONG ? 24 : 7));
  await until("live", async () => (await page.locator(".badge.live").count()) > 0);
  await sleep(2000);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const thread = async () => (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === "ThreadTime").value * 1000;
  await page.evaluate(() => {
    window.frames_ = 0;
    const frame = () => {
      window.frames_++;
      requestAnimationFrame(frame);
    };
    frame();
  });
  const before = await thread();
  await sleep(LONG ? 18_000 : 4000);
  const cpu = (await thread()) - before;
  const frames = await page.evaluate(() => window.frames_);
  figure("CPU per frame at 1000 events/s from the real gateway", `${(cpu / frames).toFixed(2)} ms over ${frames} frames at load ${load()}`);
  await run.ended;
  await whole(page, (await allEvents(gateway, "R")).length);
  if (JUDGE_TIMES) {
    assert.ok(cpu / frames <= 8, `${cpu / frames} ms a frame`);
  }
});

test("the page that is linked in: policy, caching, gzip as stored", real, async (t) => {
  const gateway = await realGateway(t);
  const html = await fetch(gateway.url);
  const text = await html.text();
  assert.match(html.headers.get("content-security-policy") ?? "", /default-src 'none'.*require-trusted-types-for 'script'.*trusted-types 'none'/);
  const [, script] = /src="(assets\/page-\w+\.js)"/.exec(text) ?? [];
  assert.ok(script, "the gateway was built with the dashboard");
  const asset = await fetch(gateway.url + script, { headers: { "accept-encoding": "gzip" } });
  assert.match(asset.headers.get("cache-control") ?? "", /immutable/);
  assert.equal(asset.headers.get("content-encoding"), "gzip");
  const again = await fetch(gateway.url + script, { headers: { "if-none-match": asset.headers.get("etag") ?? "" } });
  assert.equal(again.status, 304);
  const { page, strange } = await open(t, kit, gateway.url);
  await page.getByText("No runs yet").first().waitFor();
  await shot(page, "real-empty-1280-light");
  assert.deepEqual(strange, []);
});

test("a token, as a person gives it: header over HTTP, subprotocol over WebSocket", real, async (t) => {
  const token = "correct-horse.battery_staple";
  const folder = mkdtempSync(join(tmpdir(), "ag-token."));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "tokens");
  writeFileSync(file, `${createHash("sha256").update(token).digest("hex")} cancel\n`, { mode: 0o600 });
  const gateway = await realGateway(t, dist(), "--token-file", file);
  const { page } = await open(t, kit, gateway.url);
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("No runs yet").first().waitFor();
  const run = execute(t, gateway, "R", ["sleep", "60"]);
  await until("live", async () => (await page.locator(".badge.live, .badge.quiet").count()) > 0);
  await page.getByRole("button", { name: "Stop the run" }).click();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await run.ended;
  await until("cancelled", async () => (await badge(page)) === "Cancelled");
});

test("a token that may not stop runs: the refusal is said, the agent goes on", real, async (t) => {
  const token = "only-look";
  const folder = mkdtempSync(join(tmpdir(), "ag-token."));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "tokens");
  writeFileSync(file, `${createHash("sha256").update(token).digest("hex")}\n`, { mode: 0o600 });
  const gateway = await realGateway(t, dist(), "--token-file", file);
  execute(t, gateway, "R", ["sleep", "60"]);
  const { page } = await open(t, kit, gateway.url);
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("button", { name: "Stop the run" }).click({ timeout: 15_000 });
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByText(/^Not stopped: .*may not be cancelled/).waitFor();
  await page.getByRole("button", { name: "Close", exact: true }).click();
  assert.match(await badge(page), /^Live|^No events yet/);
});

test("what the gateway no longer has is one gap row with its bounds, and stays one", real, async (t) => {
  const gateway = await realGateway(t, dist(), "--rate-limit", "0", "--store", "none", "--buffer-size", "100");
  const run = execute(t, gateway, "R", talker(300, 2));
  await run.ended;
  const [first] = await allEvents(gateway, "R");
  assert.ok(first.seq > 400, `its oldest event is ${first.seq}`);
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await until("the end", async () => (await badge(page)).startsWith("Done"));
  await until("one gap", async () => (await continuity(page).catch(() => []))[1] === "1 gap");
  await page.locator(".feed").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Escape");
  const row = page.locator(".row.gap:not([hidden])");
  await row.waitFor();
  assert.equal(await row.count(), 1);
  const words = (await row.innerText()).replaceAll("\u202f", "");
  assert.match(words, new RegExp(`events 1–${first.seq - 1} not received \\(${first.seq - 1}`));
  figure("a gap", words.replace(/\s+/g, " "));
  await row.click();
  await page.getByRole("button", { name: "Ask once more" }).click();
  await sleep(300);
  assert.equal(await row.count(), 1);
});

test("a gateway that is restarted: the page comes back by itself, with nothing lost and nothing doubled", real, async (t) => {
  const gateway = await realGateway(t, dist(), "--rate-limit", "0");
  const { page, strange } = await open(t, kit, runUrl(gateway, "R"));
  const run = execute(t, gateway, "R", talker(100, LONG ? 20 : 6));
  await until("some of it", async () => ((await continuity(page).catch(() => []))[0] ?? 0) > 100);
  await stopped(gateway.program);
  await until("it is noticed", async () => (await badge(page)).startsWith("Reconnecting"));
  assert.ok((await rowSeqs(page)).length > 10, "what was there stays");
  const port = new URL(gateway.url).port;
  const again = await realGateway(t, dist(), "--rate-limit", "0", { folder: gateway.folder, port });
  await run.ended;
  await until("the end", async () => (await badge(page)).startsWith("Done"), 30_000);
  const events = await allEvents(again, "R");
  await whole(page, events.length);
  assert.deepEqual(strange, []);
});

test("a gateway that comes back without its past: the page keeps what it has, and goes on", real, async (t) => {
  const gateway = await realGateway(t, dist(), "--rate-limit", "0");
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  const run = execute(t, gateway, "R", talker(100, 8));
  await until("some of it", async () => ((await continuity(page).catch(() => []))[0] ?? 0) > 100);
  await stopped(gateway.program);
  rmSync(join(gateway.folder, "gateway"), { recursive: true, force: true });
  const again = await realGateway(t, dist(), "--rate-limit", "0", { folder: gateway.folder, port: new URL(gateway.url).port });
  await run.ended;
  await until("the end", async () => (await badge(page)).startsWith("Done"), 40_000);
  await whole(page, (await allEvents(again, "R")).length);
});

test("a run that is not known, and then starts", real, async (t) => {
  const gateway = await realGateway(t, dist());
  const { page } = await open(t, kit, runUrl(gateway, "later"));
  await page.getByText("No run of this name is known here.").waitFor();
  assert.equal(await badge(page), "No events yet");
  const run = execute(t, gateway, "later", replay("claude/simple_text", 1000));
  await run.ended;
  await until("its end", async () => (await badge(page)).startsWith("Done"));
  assert.equal(await page.getByText("No run of this name").count(), 0);
});

test("an agent that prints JSON 100 000 deep and a line of 10 MB: through the real road into the page", real, async (t) => {
  const gateway = await realGateway(t, dist(), "--rate-limit", "0");
  const { page, strange } = await open(t, kit, runUrl(gateway, "R"));
  const program = `
    const deep = "[".repeat(100000) + "1" + "]".repeat(100000);
    process.stdout.write('{"type":"tool_use","id":"a","name":"mcp__x","input":{"deep":' + deep + '}}\\n');
    process.stdout.write(JSON.stringify({ type: "text", text: "<img src=x onerror=window.pwned=1>".repeat(300000) }) + "\\n");
    process.stdout.write(JSON.stringify({ type: "text", text: "after all that" }) + "\\n");`;
  const run = execute(t, gateway, "R", [process.execPath, "-e", program.replaceAll("\\\\n", "\\n")]);
  await run.ended;
  await until("the end", async () => (await badge(page)).startsWith("Done"), 60_000);
  const events = await allEvents(gateway, "R");
  await whole(page, events.length, 60_000);
  figure("deep JSON and a line of 10 MB from an agent", `${events.length} events, ${events.map((event) => event.type).filter((type, at, all) => all.indexOf(type) === at).join(", ")}`);
  await until("what came after it", async () => /after all that/.test(await page.locator(".feed").innerText()));
  await page.locator("#tab-output").click();
  await until("the output", async () => /after all that/.test(await page.locator("#panel-output").innerText()), 30_000);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.deepEqual(strange, []);
});
