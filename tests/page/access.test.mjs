/*  tests/page/access.test.mjs - by keyboard alone, for screen readers, at 200 %, in forced colours, without motion

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    roles.txt is what assistive tools see of a finished run, as roles and names.
    UPDATE_ROLES=1 writes it anew; a change of it is to be looked at.
*/
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { badge, fake, figure, lowContrast, MadeUpAgent, open, overflow, ROOT, rowSeqs, runUrl, setup, shot, until } from "./lib.mjs";

const kit = setup();
const ROLES = join(ROOT, "tests/page/roles.txt");

async function story(t) {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Fix the ring");
  for (const _ of new MadeUpAgent((event) => gateway.put("R", event)).story()) {
    /* to the end */
  }
  const { events } = gateway.stream("R");
  for (const [at, event] of events.entries()) {
    event.timestamp = new Date(Date.UTC(2026, 0, 1) + at * 1800).toISOString();
  }
  return gateway;
}

const ended = (page) => until("the end", async () => (await badge(page)).startsWith("Done"));
const say = (gateway, content) => gateway.put("R", { type: "agent_output", kind: "text", content, messageId: content });

/*  Tab from the top until it comes round: what has the focus, one after the other. */
async function walk(page) {
  const seen = [];
  for (let n = 0; n < 120; n++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) {
        return undefined;
      }
      const style = getComputedStyle(node);
      const box = node.getBoundingClientRect();
      const ring = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
      const inside = box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight;
      const name = node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent.trim().slice(0, 40);
      return { what: `${node.getAttribute("role") ?? node.localName} ${name}`, seen: inside, ring: ring || node.classList.contains("splitter") };
    });
    if (!at || (seen.length > 2 && at.what === seen[0].what)) {
      break;
    }
    seen.push(at);
  }
  return seen;
}

test("with the Tab key every control is reached, seen, and left again", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, runUrl(gateway, "R", "?seq=5"));
  await ended(page);
  await page.locator(".drawer").waitFor();
  await page.getByRole("slider").waitFor();
  await page.getByRole("button", { name: "Pin R" }).waitFor();
  const seen = await walk(page);
  figure("stops of the Tab key", seen.length);
  assert.deepEqual(seen.filter((at) => !at.seen).map((at) => at.what), [], "out of sight");
  assert.deepEqual(seen.filter((at) => !at.ring).map((at) => at.what), [], "without a visible focus");
  const names = seen.map((at) => at.what).join("\n");
  for (const wanted of [/Skip to the run/, /Theme/, /Fix the ring/, /Pin R/, /Width of the list/, /Download/, /Replay/, /Keys/, /slider Timeline/, /tab Activity/, /Search this run/, /Regular expression/, /Messages/, /View/, /feed activity/, /Close details/, /Copy JSON/, /Width of the details/]) {
    assert.match(names, wanted);
  }
});

test("a whole visit by keyboard: to a run, through its rows, tabs, details, search, replay, and back", async (t) => {
  const gateway = await story(t);
  gateway.stream("S", "Another");
  gateway.put("S", { type: "run_started", runNumber: 1, agent: "codex" });
  const { page } = await open(t, kit, gateway.url);
  await until("the live one first", async () => page.url().includes("#/runs/S") && (await badge(page).catch(() => "")) === "Live");
  await page.keyboard.press("]");
  await until("the next run", async () => page.url().includes("#/runs/R"));
  await ended(page);
  /* Into the list: the focus goes with the selection, so that a screen reader hears the row. */
  await page.locator(".feed").focus();
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  const focused = () => page.evaluate(() => document.activeElement.dataset.seq ?? document.activeElement.className);
  const third = await until("a row has the focus", async () => (await page.locator(".row.selected").getAttribute("data-seq")) === (await focused()) && focused());
  assert.equal(await page.locator(`.row[data-seq="${third}"]`).getAttribute("tabindex"), "0");
  await page.keyboard.press("Enter");
  assert.match(await focused(), /drawer/);
  await page.keyboard.press("Escape");
  await until("closed", async () => (await page.locator(".drawer").count()) === 0);
  await page.keyboard.press("e");
  await until("the failure", async () => /exit 1/.test(await page.locator(".drawer").innerText()));
  await page.keyboard.press("Escape");
  /* Tabs by arrows, as the pattern has it. */
  await page.locator("#tab-activity").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("#tab-tools").getAttribute("aria-selected"), "true");
  assert.equal(await page.evaluate(() => document.activeElement.id), "tab-tools");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.locator("#tab-errors").getAttribute("aria-selected"), "true");
  await page.keyboard.press("1");
  await page.keyboard.press("/");
  await page.keyboard.type("cursor");
  await page.keyboard.press("Enter");
  await until("a match", async () => (await page.locator(".row.selected.match").count()) === 1);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.keyboard.press("r");
  await page.getByRole("region", { name: "Replay" }).waitFor();
  await page.keyboard.press("r");
  await ended(page);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("[");
  await until("back", async () => page.url().includes("#/runs/S"));
});

test("roles and names, as they were looked at", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, runUrl(gateway, "R", "?seq=24"), { timezoneId: "UTC" });
  await ended(page);
  await page.locator(".drawer").waitFor();
  await page.locator(".run.selected").waitFor();
  await page.getByRole("slider").waitFor();
  await page.keyboard.press("g");
  await page.locator(".row.selected[data-seq='1']").waitFor();
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll("button, a[href], input:not([aria-hidden])")]
      .filter((node) => !(node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.length))
      .map((node) => node.outerHTML),
  );
  assert.deepEqual(unnamed, []);
  const snapshot = `${await page.locator("body").ariaSnapshot()}\n`;
  if (process.env.UPDATE_ROLES === "1") {
    writeFileSync(ROLES, snapshot);
  }
  assert.equal(snapshot, readFileSync(ROLES, "utf8"));
});

test("rows tell their place; a screen reader is told a sum, and interrupted only by what matters", async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Talk");
  gateway.put("R", { type: "run_started", runNumber: 1, agent: "claude", cwd: "/w" });
  const { page } = await open(t, kit, runUrl(gateway, "R"), { before: (page) => page.clock.install() });
  const step = (ms) => page.clock.runFor(ms);
  await until("live", async () => {
    await step(100);
    return (await badge(page).catch(() => "")) === "Live";
  });
  assert.equal(await page.locator('[aria-live], [role="log"]').count(), 0, "the feed itself does not speak");
  const said = [];
  await page.exposeFunction("heard", (text) => said.push(text));
  await page.evaluate(() => {
    for (const node of document.querySelectorAll("output.said, [role=alert]")) {
      new MutationObserver(() => node.textContent && window.heard(`${node.getAttribute("role") ?? "status"}: ${node.textContent}`)).observe(node, { childList: true, characterData: true, subtree: true });
    }
  });
  for (let n = 0; n < 60; n++) {
    say(gateway, `line ${n}`);
    await step(500);
  }
  figure("said in 30 s of two events a second", JSON.stringify(said));
  assert.ok(said.length >= 2 && said.length <= 4, said.join(" | "));
  assert.match(said.at(-1), /^status: \d+ new events$/);
  assert.deepEqual(await page.locator(".row:not([hidden])").first().evaluate((row) => [row.getAttribute("role") ?? row.localName, Number(row.getAttribute("aria-posinset")) > 0, row.getAttribute("aria-setsize")]), ["article", true, "-1"]);
  said.length = 0;
  gateway.refuse = true;
  gateway.cut();
  await until("the loss is said, and after ten seconds loudly", async () => {
    await step(1000);
    return said.some((line) => /^alert: .*lost/.test(line));
  });
  assert.match(said[0], /^status: Connection lost/);
  gateway.refuse = false;
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await until("live again", async () => {
    await step(300);
    return (await badge(page)) === "Live";
  });
  said.length = 0;
  gateway.put("R", { type: "run_failed", error: "it broke", reason: "exit", exitCode: 2, durationMs: 5 });
  await until("the failure interrupts", async () => {
    await step(300);
    return said.some((line) => /^alert: The run has failed: Failed: exit 2$/.test(line));
  });
});

test("a run that had failed before somebody looked is no alarm", async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Old");
  gateway.put("R", { type: "run_failed", error: "long ago", reason: "exit", exitCode: 2, durationMs: 5 });
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await until("failed", async () => (await badge(page)) === "Failed: exit 2");
  assert.equal(await page.locator("[role=alert].said").innerText(), "");
});

test("200 % zoom: nothing is cut off, all of it can be reached", async (t) => {
  const gateway = await story(t);
  /* 1280 x 800 at 200 % is 640 x 400 of CSS pixels. */
  const { page } = await open(t, kit, runUrl(gateway, "R"), { width: 640, height: 400, deviceScaleFactor: 2 });
  await ended(page);
  for (const tab of ["activity", "tools", "output", "files", "errors"]) {
    await page.locator(`#tab-${tab}`).click();
    await page.locator(`#panel-${tab}`).waitFor();
    assert.ok((await overflow(page)) <= 0, tab);
    await shot(page, `zoom-200-${tab}`);
  }
  await page.locator("#tab-activity").click();
  const feed = await page.locator(".feed").boundingBox();
  figure("height left for rows at 200 %", `${feed.height} px of 400`);
  assert.ok(feed.height >= 104, "at least two rows");
  await page.getByRole("button", { name: "All runs" }).click();
  await page.getByRole("button", { name: "Close the list" }).click();
});

test("forced colours: state, selection and progress do not hang on colour alone", async (t) => {
  const gateway = await story(t);
  const { page } = await open(t, kit, runUrl(gateway, "R", "?seq=5"), { forcedColors: "active" });
  await ended(page);
  const told = [".row.selected", ".run.selected", ".state", ".badge-dot", ".tab[aria-selected=true]", ".chip[aria-pressed=true]", "progress.bar"];
  for (const selector of told) {
    await page.locator(selector).first().waitFor(); /* the list of runs may come after the run */
  }
  await shot(page, "forced-colors");
  const borders = await page.evaluate((selectors) => {
    const width = (selector) => Number.parseFloat(getComputedStyle(document.querySelector(selector)).outlineWidth) + Number.parseFloat(getComputedStyle(document.querySelector(selector)).borderTopWidth);
    return selectors.map((selector) => [selector, width(selector) > 0]);
  }, told);
  assert.deepEqual(borders.filter(([, seen]) => !seen), []);
  assert.deepEqual(await lowContrast(page), []);
});

test("whoever asked for less motion sees none", async (t) => {
  const gateway = await fake(t, kit);
  gateway.stream("R", "Still");
  say(gateway, "x");
  const { page } = await open(t, kit, runUrl(gateway, "R"), { reducedMotion: "reduce" });
  await until("live", async () => (await badge(page)) === "Live");
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});

test("every text stands out, in the details of every kind of event, in both themes", { timeout: 90_000 }, async (t) => {
  const gateway = await story(t);
  const last = gateway.stream("R").events.length;
  const { page } = await open(t, kit, runUrl(gateway, "R"));
  await ended(page);
  const kinds = new Set();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (let seq = 1; seq <= last; seq++) {
      const { type, tool = "", kind = "" } = gateway.stream("R").events[seq - 1];
      if (kinds.has(`${colorScheme}${type}${tool}${kind}`)) {
        continue;
      }
      kinds.add(`${colorScheme}${type}${tool}${kind}`);
      await page.evaluate((at) => {
        location.hash = `#/runs/R?seq=${at}`;
      }, seq);
      await page.locator(".drawer").waitFor();
      await until("the details", async () => !/Fetching/.test(await page.locator(".drawer").innerText()));
      assert.deepEqual(await lowContrast(page), [], `${type} ${tool}, ${colorScheme}`);
    }
    for (const tab of ["tools", "output", "files", "errors"]) {
      await page.evaluate((name) => {
        location.hash = `#/runs/R?tab=${name}`;
      }, tab);
      await page.locator(`#panel-${tab}`).waitFor();
      assert.deepEqual(await lowContrast(page), [], `${tab}, ${colorScheme}`);
    }
  }
  figure("kinds of details looked at for contrast", kinds.size);
  assert.ok((await rowSeqs(page)).length > 0);
});
