/*  tests/page/sse.test.mjs - a browser's own EventSource, cut at 50 random points, against the real gateway

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Between browser and gateway stands a wire that breaks after a random number of bytes, in the middle of records and chunks. The
    browser comes back by itself, with Last-Event-ID. (curl: tests/e2e/test_gateway_http.py.)
*/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { figure, open, ROOT, setup, until } from "./lib.mjs";
import { BUILD, execute, realGateway, talker } from "./real.mjs";

const kit = setup();
const CUTS = 50;
const CUT_BYTES = 12_000; // at most between two cuts
const TYPES = JSON.parse(readFileSync(join(ROOT, "proto/events.json"), "utf8")).events.map((event) => event.type);

/*  Passes on to the gateway; a stream that asks for ?cut breaks, so often, behind the head of its answer: of half a
    head Chromium makes an answer of another type, after which an EventSource does not come back. The browser need not
    wait a second each time. */
async function breakingWire(t, gateway) {
  const { port } = new URL(gateway.url);
  const state = { cuts: 0, resumed: 0 };
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    let left = Number.POSITIVE_INFINITY;
    let cut = 0; /* bytes of the body that is to come; 0: all */
    const end = () => {
      near.destroy();
      far.destroy();
    };
    for (const side of [near, far]) {
      sockets.add(side);
      side.on("error", end).on("close", end);
    }
    near.on("data", (data) => {
      const request = String(data);
      if (request.includes("/stream?cut") && state.cuts < CUTS) {
        cut = 1 + Math.floor(Math.random() * CUT_BYTES);
      }
      state.resumed += /last-event-id: [0-9a-f]{16}:\d+/i.test(request) ? 1 : 0;
      far.write(data);
    });
    far.on("data", (data) => {
      const text = Buffer.from(data.toString("latin1").replace("retry: 1000\n", "retry: 0010\n"), "latin1");
      const head = text.indexOf("\r\n\r\n");
      if (cut > 0 && head >= 0) {
        left = head + 4 + cut;
        cut = 0;
      }
      near.write(text.subarray(0, Math.min(left, text.length)));
      left -= text.length;
      if (left <= 0) {
        state.cuts++;
        near.end();
        far.destroy();
      }
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  return { state, url: `http://127.0.0.1:${server.address().port}/` };
}

test("EventSource, cut at 50 random points, has what one that stayed has", {
  skip: !BUILD,
  timeout: 180_000,
}, async (t) => {
  const gateway = await realGateway(t, undefined, "--rate-limit", "0");
  const wire = await breakingWire(t, gateway);
  const { page } = await open(t, kit, `${wire.url}healthz`);
  const run = execute(t, gateway, "R", talker(500, 6));
  await until("the run", async () => (await fetch(`${gateway.url}api/v1/runs/R`)).ok);
  await page.evaluate((types) => {
    window.seen = {};
    for (const way of ["cut", "stay"]) {
      const source = new EventSource(`/api/v1/runs/R/stream?${way}`);
      window.seen[way] = { seqs: [], ended: false, gaps: 0 };
      for (const type of types) {
        source.addEventListener(type, (message) => {
          window.seen[way].seqs.push(JSON.parse(message.data).seq);
          if (type === "run_completed") {
            window.seen[way].ended = true;
            source.close();
          }
        });
      }
      source.addEventListener("gap", () => window.seen[way].gaps++);
    }
  }, TYPES);
  assert.equal(await run.ended, 0, run.said);
  await until("both ends", () => page.evaluate(() => window.seen.cut.ended && window.seen.stay.ended), 120_000);
  const { cut, stay } = await page.evaluate(() => window.seen);
  figure("EventSource", `${wire.state.cuts} cuts, ${wire.state.resumed} times resumed, ${cut.seqs.length} events`);
  assert.equal(wire.state.cuts, CUTS);
  assert.ok(wire.state.resumed >= CUTS - 5);
  assert.deepEqual(
    stay.seqs,
    Array.from({ length: stay.seqs.length }, (_, i) => i + 1),
  );
  assert.ok(stay.seqs.length >= 3002);
  assert.deepEqual(cut.seqs, stay.seqs);
  assert.equal(cut.gaps + stay.gaps, 0);
});
