/*  tests/page/leak.test.mjs - whoever keeps the page open: nothing is left over of what was looked at

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Timers, intervals, listeners and sockets that are alive are counted from
    outside; after the same walk once more there are as many as before.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import { badge, fake, figure, LONG, MadeUpAgent, open, runUrl, setup, sleep, until } from "./lib.mjs";

const kit = setup();
const ROUNDS = LONG ? 100 : 15; /* each looks at three runs and all tabs of one */

/*  Counts what a page has going. */
function count() {
  const alive = { intervals: new Set(), timeouts: new Set(), sockets: new Set(), listeners: 0, observers: 0 };
  window.alive = alive;
  const { setInterval: every, clearInterval: stopEvery, setTimeout: later, clearTimeout: stopLater, WebSocket: Socket, ResizeObserver: Observer } = window;
  window.setInterval = (...args) => {
    const id = every(...args);
    alive.intervals.add(id);
    return id;
  };
  window.clearInterval = (id) => {
    alive.intervals.delete(id);
    stopEvery(id);
  };
  window.setTimeout = (fn, ...rest) => {
    const id = later(() => {
      alive.timeouts.delete(id);
      fn();
    }, ...rest);
    alive.timeouts.add(id);
    return id;
  };
  window.clearTimeout = (id) => {
    alive.timeouts.delete(id);
    stopLater(id);
  };
  window.WebSocket = class extends Socket {
    constructor(...args) {
      super(...args);
      alive.sockets.add(this);
      super.addEventListener("close", () => alive.sockets.delete(this));
    }
  };
  window.ResizeObserver = class extends Observer {
    constructor(...args) {
      super(...args);
      alive.observers++;
    }
    disconnect() {
      alive.observers--;
      super.disconnect();
    }
  };
  for (const target of [window, document]) {
    const { addEventListener: add, removeEventListener: remove } = target;
    target.addEventListener = (...args) => {
      alive.listeners++;
      add.apply(target, args);
    };
    target.removeEventListener = (...args) => {
      alive.listeners--;
      remove.apply(target, args);
    };
  }
}

async function standing(page, cdp) {
  for (let n = 0; n < 3; n++) {
    await cdp.send("HeapProfiler.collectGarbage");
  }
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  const alive = await page.evaluate(() => {
    const { intervals, timeouts, sockets, listeners, observers } = window.alive;
    return { intervals: intervals.size, timeouts: timeouts.size, sockets: sockets.size, listeners, observers };
  });
  return { ...alive, nodes, jsEventListeners, mb: usedSize / 2 ** 20 };
}

test(`${ROUNDS} rounds through three runs, their tabs, details, search and replay: nothing is left over`, { timeout: 300_000 }, async (t) => {
  const gateway = await fake(t, kit);
  for (const id of ["A", "B", "C"]) {
    gateway.stream(id, `Run ${id}`);
    const agent = new MadeUpAgent((event) => gateway.put(id, event), id.charCodeAt(0));
    agent.start();
    while (gateway.stream(id).events.length < 1500) {
      agent.any();
    }
  }
  gateway.put("C", { type: "run_completed", durationMs: 1, exitCode: 0 });
  const { page, cdp, strange } = await open(t, kit, runUrl(gateway, "A"), { before: (page) => page.addInitScript(count) });
  await until("live", async () => (await badge(page)) === "Live");
  const show = async (hash, wanted) => {
    await page.evaluate((to) => {
      location.hash = to;
    }, hash);
    await page.locator(wanted).first().waitFor();
  };
  const round = async (n) => {
    await show("#/runs/B", '.run.selected[title*="B"]');
    await show(`#/runs/B?seq=${100 + n}`, ".drawer");
    await show("#/runs/B?tab=output", ".text-block");
    await show("#/runs/B?tab=files&file=src/ring.c", ".drawer");
    await show("#/runs/B?tab=tools&q=ring", ".search-found");
    await show("#/runs/C", '.run.selected[title*="C"]');
    if (n % 5 === 0) {
      await page.getByRole("button", { name: "Replay", exact: true }).first().click();
      await page.getByRole("region", { name: "Replay" }).waitFor();
      await show("#/grid?run=A&run=B&run=C", ".cell .row:not([hidden])");
    }
    await show("#/runs/A", '.run.selected[title*="A"]');
    await until("its rows", async () => (await page.locator(".row:not([hidden])").count()) > 10);
  };
  const home = async () => {
    await until("live", async () => /^Live/.test(await badge(page)));
    await sleep(1500); /* until whatever was put off has been done */
    return standing(page, cdp);
  };
  for (let n = 0; n < 6; n++) {
    await round(n);
  }
  const before = await home();
  for (let n = 0; n < ROUNDS; n++) {
    await round(n);
  }
  const after = await home();
  const told = (at) => Object.entries(at).map(([name, value]) => `${name} ${typeof value === "number" && name === "mb" ? value.toFixed(1) : value}`).join(", ");
  figure(`before ${ROUNDS} rounds`, told(before));
  figure(`after ${ROUNDS} rounds`, told(after));
  for (const name of ["intervals", "sockets", "listeners", "observers"]) {
    assert.equal(after[name], before[name], name);
  }
  assert.equal(after.sockets, 2, "one for the list, one for the run");
  assert.ok(after.timeouts <= before.timeouts + 3, `${after.timeouts} timeouts`);
  assert.ok(after.nodes <= before.nodes + 200, `${after.nodes} nodes`);
  assert.ok(after.mb <= before.mb + 2, `${before.mb} to ${after.mb} MB`);
  assert.deepEqual(strange, []);
});
