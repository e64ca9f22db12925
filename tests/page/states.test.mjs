/*  tests/page/states.test.mjs - every state the page can be in, at 1280 and 390 px, in both themes

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A state is brought about, its words are read, nothing reaches over the edge,
    every text stands out by 4.5 : 1, and a picture is taken (SHOTS). Without
    pictures and without AGENTGATE_LONG_TESTS=1 each size is looked at in one theme.
*/
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { badge, fake, figure, LONG, lowContrast, MadeUpAgent, open, overflow, runUrl, setup, shot, until } from "./lib.mjs";

const kit = setup();

const say = (gateway, content) => gateway.put("R", { type: "agent_output", kind: "text", content, messageId: content });

function story(gateway) {
  gateway.stream("R", "Fix the ring");
  const agent = new MadeUpAgent((event) => gateway.put("R", event));
  for (const _ of agent.story()) {
    /* to the end */
  }
  /* As if it had taken its time. */
  const { events } = gateway.stream("R");
  for (const [at, event] of events.entries()) {
    event.timestamp = new Date(Date.now() - (events.length - at) * 1800).toISOString();
  }
}

const seqOf = (gateway, tool) => gateway.stream("R").events.find((event) => event.tool === tool).seq;

function running(gateway, events = 60) {
  gateway.stream("R", "Fix the ring");
  const agent = new MadeUpAgent((event) => gateway.put("R", event), 5);
  agent.start();
  agent.todos(1);
  while (gateway.stream("R").events.length < events) {
    agent.any();
  }
  agent.call("Bash", "Bash", { command: "make check TESTS=tests/test_ring" }, null);
  return agent;
}

/*  Each: what stands before, then what is done; what the badge says; what else must be seen. */
const STATES = {
  empty: { path: "", sees: /No runs yet/ },
  "no-events": { before: (gateway) => gateway.stream("R"), badge: /^No events yet$/, sees: /Nothing here yet/ },
  connecting: {
    before: (gateway) => {
      gateway.mute = true;
    },
    badge: /^Connecting/,
    then: (_, page) => page.clock.runFor(3500),
    sees: /No answer yet from/,
  },
  "catching-up": {
    before: (gateway) => {
      running(gateway, 3000);
      gateway.slow = true;
    },
    badge: /^Catching up [\d\u202f]+ \/ 3[\d\u202f]+$/,
  },
  live: { before: running, badge: /^Live$/, sees: /Following|Messages/ },
  quiet: { before: running, then: (_, page) => page.clock.runFor(40_000), badge: /^Live, last event \d+ s ago$/, sees: /running for \d+ s/ },
  writing: {
    before: (gateway) => {
      gateway.stream("R", "Fix the ring");
      const agent = new MadeUpAgent((event) => gateway.put("R", event), 5);
      agent.start();
      agent.call("Read", "Read", { file_path: "/srv/ringbuffer/src/ring.c" }, "ok");
      gateway.put("R", { type: "agent_output", kind: "text", content: "The eviction compares", partial: true, messageId: "m", blockIndex: 0 });
    },
    badge: /^Live$/,
    sees: /Writing: The eviction compares/,
  },
  paused: {
    before: running,
    then: async (gateway, page) => {
      await page.locator(".feed").focus();
      await page.mouse.move(600, 500);
      await page.mouse.wheel(0, -200);
      await page.locator('.follow[aria-pressed="false"]').waitFor();
      for (let n = 0; n < 30; n++) {
        say(gateway, `later ${n}`);
      }
      await page.clock.runFor(1000);
    },
    badge: /^Live$/,
    sees: /30 new/,
  },
  reconnecting: {
    before: running,
    then: async (gateway, page) => {
      gateway.refuse = true;
      gateway.cut();
      await page.clock.runFor(700);
    },
    badge: /^Reconnecting/,
    sees: /now/,
  },
  gap: {
    before: (gateway) => {
      running(gateway);
      for (let seq = 20; seq <= 44; seq++) {
        gateway.stream("R").lost.add(seq);
      }
    },
    badge: /^Live$/,
    sees: /events 20–44 not received \(25/,
  },
  behind: {
    before: running,
    then: (gateway) => gateway.say({ type: "backpressure", state: "slow", lagEvents: 900, lagMs: 8200 }),
    badge: /^Behind by 8 s$/,
    sees: /to the latest/,
  },
  repairing: { before: running, then: (gateway) => producer(gateway, "repairing"), badge: /^Live, fetching lost events$/ },
  lost: { before: running, then: (gateway) => producer(gateway, "lost"), badge: /^Executor not heard from$/ },
  ended: { before: story, badge: /^Done in 1 m 34 s$/, sees: /14 turns.*\$0\.42/s },
  failed: {
    before: (gateway) => running(gateway).fail(),
    badge: /^Failed: exit 1$/,
    sees: /the agent exited with status 1/,
  },
  cancelled: {
    before: (gateway) => {
      running(gateway);
      gateway.put("R", { type: "run_failed", error: "cancelled by a person", reason: "cancelled", durationMs: 4000 });
    },
    badge: /^Cancelled$/,
  },
  replay: {
    before: story,
    then: async (_, page) => {
      await page.getByRole("button", { name: "Replay", exact: true }).first().click();
      await page.getByRole("region", { name: "Replay" }).waitFor();
      await page.clock.runFor(3000);
    },
    badge: /^Replay 1×$/,
    sees: /event \d+ of 52/,
  },
  details: {
    before: story,
    query: (gateway) => `?seq=${seqOf(gateway, "Bash")}`,
    badge: /^Done/,
    sees: /expected 1000, got 999/,
  },
  asking: {
    before: running,
    then: (_, page) => page.getByRole("button", { name: "Stop the run" }).click(),
    badge: /^Live$/,
    sees: /Stop the agent\?/,
  },
  menu: {
    before: story,
    then: (_, page) => page.getByRole("button", { name: "View", exact: true }).click(),
    badge: /^Done/,
    sees: /Group reads and searches/,
  },
  keys: {
    before: story,
    then: (_, page) => page.keyboard.press("?"),
    badge: /^Done/,
    sees: /Single-key shortcuts/,
  },
  "unknown-run": { before: story, path: "#/runs/nobody", badge: /^No events yet$/, sees: /No run of this name is known here/ },
  refused: {
    before: running,
    then: (gateway) => {
      for (const client of gateway.clients) {
        client.ws.close(4503, "forbidden");
      }
    },
    badge: /^This token may not see the run$/,
    sees: /another token/,
  },
  protocol: {
    before: running,
    then: (gateway) => {
      for (const client of gateway.clients) {
        client.ws.close(4508, "protocol abuse");
      }
    },
    badge: /^The gateway closed the connection: protocol abuse$/,
    sees: /reload/,
  },
  token: {
    before: (gateway) => {
      gateway.token = "secret";
    },
    path: "",
    sees: /This gateway asks for a token/,
  },
  "no-gateway": {
    before: (gateway) => {
      gateway.refuse = true;
    },
    path: "",
    then: (_, page) => page.clock.runFor(2500),
    sees: /No answer yet/,
  },
  pinned: {
    before: (gateway) => {
      story(gateway);
      for (const id of ["S", "T", "U"]) {
        gateway.stream(id, `Run ${id}`);
        const agent = new MadeUpAgent((event) => gateway.put(id, event), id.charCodeAt(0));
        agent.start();
        for (let n = 0; n < 20; n++) {
          agent.any();
        }
      }
    },
    path: "#/grid?run=R&run=S&run=T&run=U",
    sees: /Pinned runs.*Done in.*Live/s,
  },
  "no-file": { path: "#/file", sees: /No file is open/ },
};

function producer(gateway, state) {
  gateway.stream("R").state = state;
  gateway.heartbeat();
}

async function reach(t, name, state) {
  const gateway = await fake(t, kit);
  await state.before?.(gateway);
  const url = state.path === undefined ? runUrl(gateway, "R", state.query?.(gateway) ?? "") : gateway.url + state.path;
  const { page } = await open(t, kit, url, { before: (page) => page.clock.install() });
  const settled = async () => {
    await page.clock.runFor(300);
    return state.path === undefined ? (await page.locator(".badge-text").count()) > 0 : (await page.locator("main").innerText()) !== "";
  };
  await until(`${name}: something to see`, settled);
  if (state.then) {
    await until(`${name}: its start`, async () => {
      await page.clock.runFor(300);
      return !/^Connecting|^$/.test(state.path === undefined && !gateway.mute ? await badge(page) : "x");
    });
    await state.then(gateway, page);
  }
  if (state.badge) {
    await until(`${name}: the badge ${state.badge}; it says ${await badge(page)}`, async () => {
      await page.clock.runFor(300);
      return state.badge.test(await badge(page));
    });
  }
  if (state.sees) {
    await until(`${name}: ${state.sees}`, async () => {
      await page.clock.runFor(300);
      return state.sees.test(await page.locator("body").innerText());
    });
  }
  return page;
}

for (const [name, state] of Object.entries(STATES)) {
  test(`state: ${name}`, { timeout: 60_000 }, async (t) => {
    const page = await reach(t, name, state);
    for (const [width, height] of [
      [1280, 800],
      [390, 844],
    ]) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of process.env.SHOTS || LONG ? ["light", "dark"] : [width > 700 ? "light" : "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.clock.runFor(process.env.SHOTS ? 1100 : 100); /* the timeline is drawn anew once a second */
        await shot(page, `state-${name}-${width}-${colorScheme}`);
        assert.ok((await overflow(page)) <= 0, `${name} at ${width} px is too wide`);
        assert.deepEqual(await lowContrast(page), [], `${name}, ${colorScheme}, ${width} px: contrast`);
      }
    }
  });
}

after(() => figure("states", `${Object.keys(STATES).length}, each at 1280 and 390 px`));
