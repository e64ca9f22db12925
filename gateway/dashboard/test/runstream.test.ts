/*  gateway/dashboard/test/runstream.test.ts - one run over a fake socket and fake pages

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentGateEvent } from "../src/core/events.gen.ts";
import { REPLAY_COUNT, RunStream } from "../src/core/runstream.ts";
import { statusOf } from "../src/core/status.ts";
import { event, type FakeWorld, fakeWorld, random, seedOf, settle } from "./fakes.ts";

const EPOCH = "019a000000000001";

function start(): { world: FakeWorld; stream: RunStream } {
  const world = fakeWorld();
  const stream = new RunStream({ env: world.env, wsUrl: "ws://x/ws", runId: "R" });
  stream.start();
  return { world, stream };
}

const confirm = (world: FakeWorld, last = 0, cursor = "c0", epoch = EPOCH): void =>
  world
    .socket()
    .say({ type: "subscription_confirmed", cursor, streams: { R: { epoch, first: 1, last, state: "alive" } } });
const batch = (world: FakeWorld, events: AgentGateEvent[], cursor?: string): void =>
  world.socket().say({ type: "batch", events, cursor });
/*  Lets the wait run out, and not more. */
const again = (world: FakeWorld, stream: RunStream): void =>
  world.clock.advance(Math.max(0, stream.link.retryAt - world.clock.now()));
const pages = (events: AgentGateEvent[]) => (path: string) => {
  const url = new URL(path, "http://x/");
  const after = Number(url.searchParams.get("after"));
  const limit = Number(url.searchParams.get("limit"));
  const page = events.filter((e) => e.seq > after).slice(0, limit);
  return { events: page, next: page.length === limit ? page[page.length - 1]?.seq : null };
};
const known = (stream: RunStream): number[] =>
  Array.from({ length: stream.log.last }, (_, at) => at + 1).filter((seq) => stream.log.kind(seq) !== 0);

test("a cold load subscribes once the socket is open, not before", () => {
  const { world } = start();
  assert.deepEqual(world.socket().sent, []);
  world.socket().open();
  assert.deepEqual(world.socket().sent, [
    { type: "subscribe", batch: true, batchMs: 33, runId: "R", includePartial: true, replayCount: REPLAY_COUNT },
  ]);
});

test("every reconnect subscribes with the latest cursor", () => {
  const { world, stream } = start();
  world.socket().open();
  confirm(world, 0, "c0");
  batch(world, [event(1)], "c1");
  world.socket().say({ type: "gap", stream: "R", from: 2, to: 3, reason: "rate", recoverable: false, cursor: "c3" });
  world.socket().drop();
  again(world, stream);
  world.socket().open();
  assert.equal(world.socket().sent[0]?.after, "c3");
  confirm(world, 4, "c4");
  world.socket().drop();
  again(world, stream);
  world.socket().open();
  assert.equal(world.socket().sent[0]?.after, "c4");
});

test("it is live only when the subscription is confirmed", () => {
  const { world, stream } = start();
  assert.equal(statusOf(stream, world.clock).name, "connecting");
  world.socket().open();
  assert.equal(statusOf(stream, world.clock).name, "connecting", "an open socket is not enough");
  confirm(world);
  assert.equal(statusOf(stream, world.clock).name, "waiting");
  batch(world, [event(1, { timestamp: new Date(world.clock.wall()).toISOString() })]);
  assert.equal(statusOf(stream, world.clock).name, "live");
  world.clock.advance(24_000);
  world.socket().say({ type: "heartbeat", heads: { R: 1 }, producers: { R: "alive" } });
  world.clock.advance(10_000);
  assert.equal(statusOf(stream, world.clock).name, "quiet");
  world.socket().drop();
  assert.equal(statusOf(stream, world.clock).name, "reconnecting");
  assert.equal(stream.log.last, 1, "nothing is cleared");
});

test("the executor's own progress does not make a silent agent live", () => {
  const { world, stream } = start();
  const now = (): object => ({ timestamp: new Date(world.clock.wall()).toISOString() });
  world.socket().open();
  confirm(world);
  batch(world, [event(1, now())]);
  for (let seq = 2; seq <= 8; seq++) {
    world.clock.advance(5000);
    const fields = { type: "progress_update", percentage: 1, currentPhase: "Testing", toolCallCount: 0 };
    batch(world, [event(seq, { ...fields, ...now() })]);
  }
  assert.equal(statusOf(stream, world.clock).text, "Live, last event 35 s ago");
  batch(world, [event(9, now())]);
  assert.equal(statusOf(stream, world.clock).text, "Live");
});

test("what came before is fetched over HTTP, newest first, and what no longer exists is a gap", async () => {
  const { world, stream } = start();
  world.answer = pages(Array.from({ length: 2900 }, (_, at) => event(at + 101)));
  world.socket().open();
  confirm(world, 3000);
  batch(
    world,
    Array.from({ length: 1000 }, (_, at) => event(at + 2001)),
  );
  world.socket().say({ type: "replay_complete", cursor: "c" });
  for (let i = 0; i < 6; i++) {
    await settle(world, 50);
  }
  assert.match(world.asked[0] ?? "", /after=1000&limit=1000/);
  assert.deepEqual(
    known(stream),
    Array.from({ length: 2900 }, (_, at) => at + 101),
  );
  assert.deepEqual(
    stream.log.missing.list.map((part) => [part.from, part.to, part.tag.reason, part.tag.recoverable]),
    [[1, 100, "retention", false]],
  );
  assert.equal(stream.catchingUp, undefined);
});

test("a recoverable gap is fetched by itself; a lost one stays", async () => {
  const { world, stream } = start();
  world.answer = pages([event(2), event(3)]);
  world.socket().open();
  confirm(world);
  batch(world, [event(1)]);
  world.socket().say({ type: "gap", stream: "R", from: 2, to: 3, reason: "rate", counts: {}, recoverable: true });
  world.socket().say({ type: "gap", stream: "R", from: 4, to: 5, reason: "lost", counts: {}, recoverable: false });
  batch(world, [event(6)]);
  await settle(world, 50);
  await settle(world, 50);
  assert.deepEqual(known(stream), [1, 2, 3, 6]);
  assert.equal(stream.log.missing.find(4)?.tag.reason, "lost");
  world.answer = pages([event(4), event(5)]);
  world.socket().say({ type: "gap_repaired", stream: "R", from: 4, to: 5 });
  await settle(world, 50);
  await settle(world, 50);
  assert.deepEqual(known(stream), [1, 2, 3, 4, 5, 6]);
});

test("a gateway that does not answer is asked again; the reader may ask at once", async () => {
  const { world, stream } = start();
  world.answer = () => 503;
  world.socket().open();
  confirm(world);
  batch(world, [event(1), event(3)]);
  await settle(world, 20);
  await settle(world, 20);
  assert.equal(stream.log.missing.find(2)?.tag.state, "failed");
  assert.match(stream.fetchProblem, /503/);
  world.answer = pages([event(2)]);
  stream.fetchMissing(2, 2);
  await settle(world, 20);
  await settle(world, 20);
  assert.deepEqual(known(stream), [1, 2, 3]);
});

test("stopped and started again, as React's strict mode does, it fetches as before", async () => {
  const { world, stream } = start();
  world.answer = pages([event(1), event(2)]);
  world.socket().open();
  confirm(world, 2);
  world.socket().say({ type: "replay_complete" });
  stream.stop();
  stream.start();
  world.socket().open();
  confirm(world, 2);
  world.socket().say({ type: "replay_complete" });
  await settle(world, 50);
  await settle(world, 50);
  assert.deepEqual(known(stream), [1, 2]);
  assert.equal(stream.fetchProblem, "");
});

/*  A run of so many events of which the page holds only the end. */
function longRun(last: number): { world: FakeWorld; stream: RunStream; events: AgentGateEvent[] } {
  const { world, stream } = start();
  const events = Array.from({ length: last }, (_, at) => event(at + 1));
  world.socket().open();
  confirm(world, 0);
  world.socket().say({ type: "replay_complete" });
  batch(world, events);
  return { world, stream, events };
}

/*  Asks for them as a list of rows does: all, whenever something has changed. */
async function shown(world: FakeWorld, stream: RunStream, seqs: readonly number[], ms: number): Promise<number[]> {
  const look = (): number[] => seqs.filter((seq) => stream.body(seq)?.seq === seq);
  const stop = stream.live.subscribe(look);
  look();
  for (let waited = 0; waited < ms; waited += 20) {
    await settle(world, 20);
  }
  stop();
  return look();
}

test("bodies that are far apart all come, the first page's too", async () => {
  const { world, stream, events } = longRun(25_000);
  world.answer = pages(events);
  const seqs = [1, 2, ...Array.from({ length: 30 }, (_, at) => 100 + at * 130)];
  assert.deepEqual(await shown(world, stream, seqs, 1000), seqs);
  assert.ok(world.asked.length <= 32, `${world.asked.length} requests`);
  assert.equal(
    world.asked.find((path) => /after=-/.test(path)),
    undefined,
  );
});

test("a page too large for one answer comes in parts; what the gateway no longer has is asked for seldom", async () => {
  const { world, stream, events } = longRun(25_000);
  const whole = pages(events);
  world.answer = (path) => {
    const page = whole(path);
    const some = page.events.filter(({ seq }) => seq !== 140).slice(0, 10);
    return { events: some, next: page.events.length > some.length ? some[some.length - 1]?.seq : page.next };
  };
  const seqs = [130, 150, 160, 190];
  assert.deepEqual(await shown(world, stream, seqs, 4000), seqs);
  const before = world.asked.length;
  assert.deepEqual(await shown(world, stream, [140], 12_000), []);
  assert.ok(world.asked.length - before <= 4, `${world.asked.length - before} requests`);
});

test("more in sight than may be held: it is asked for ever more seldom", async () => {
  const { world, stream, events } = longRun(25_000);
  const content = "x".repeat(100_000); /* three pages of these are more than twice what is held */
  world.answer = pages(events.map((one) => ({ ...one, content }) as AgentGateEvent));
  await shown(world, stream, [100, 200, 300], 20_000);
  assert.ok(world.asked.length <= 3 * 7, `${world.asked.length} requests`);
});

test("when it has ended and all is here, its socket is released; a new start is heard", async () => {
  const { world, stream } = start();
  world.socket().open();
  confirm(world);
  batch(world, [event(1), event(3, { type: "run_completed", durationMs: 5, exitCode: 0 })], "c3");
  world.socket().say({ type: "heartbeat", heads: { R: 3 }, producers: { R: "ended" } });
  assert.equal(stream.released, false, "2 is still missing");
  world.answer = pages([event(2)]);
  await settle(world, 50);
  await settle(world, 6000);
  assert.deepEqual(known(stream), [1, 2, 3]);
  assert.equal(stream.released, true);
  assert.equal(world.sockets.length, 1);
  assert.equal(world.socket().closed, true);
  assert.equal(stream.status.text, "Done in 5 ms");
  stream.kick();
  assert.equal(world.sockets.length, 1, "coming back to the tab opens nothing");
  stream.start();
  world.socket().open();
  assert.equal(world.socket().sent[0]?.after, "c3");
  confirm(world, 1, "d1", "019b000000000000");
  batch(world, [event(1)]);
  assert.deepEqual([stream.status.name, stream.log.last], ["live", 1]);
});

test("who is behind may skip to the newest; what was left out is fetched", async () => {
  const { world, stream } = start();
  world.socket().open();
  confirm(world);
  batch(world, [event(1)], "c1");
  world.socket().say({ type: "backpressure", state: "slow", lagEvents: 900, lagMs: 8000 });
  assert.deepEqual([stream.status.name, stream.status.action], ["behind", "skip"]);
  stream.skip();
  assert.equal(world.socket().sent[1]?.replayCount, REPLAY_COUNT);
  assert.equal("after" in (world.socket().sent[1] ?? {}), false);
  world.answer = pages([event(2), event(3)]);
  confirm(world, 4);
  batch(world, [event(4)]);
  world.socket().say({ type: "replay_complete" });
  await settle(world, 50);
  await settle(world, 50);
  assert.deepEqual(known(stream), [1, 2, 3, 4]);
});

test("ages are told by the executor's clock, whatever the browser's says", () => {
  const { world, stream } = start();
  world.socket().open();
  confirm(world);
  world.socket().say({ type: "replay_complete" });
  const hour = 3_600_000;
  const at = (ms: number): object => ({ timestamp: new Date(world.clock.wall() - hour + ms).toISOString() });
  batch(world, [event(1, at(-300)), event(2, at(-20))]);
  assert.ok(Math.abs(stream.nowMs - (world.clock.wall() - hour)) < 25, "an hour apart, less the fastest event's way");
  world.clock.advance(5000);
  batch(world, [event(3, at(-1020))]);
  assert.ok(Math.abs(stream.lagMs - 1000) < 25, `${stream.lagMs}`);
});

test("a newer epoch begins anew, an older one does not", () => {
  const { world, stream } = start();
  world.socket().open();
  confirm(world);
  batch(world, [event(1), event(2)]);
  world
    .socket()
    .say({ type: "stream_started", stream: "R", workOrderId: "W", runId: "R", epoch: "0199000000000000", first: 1 });
  assert.equal(stream.log.last, 2);
  const generation = stream.generation;
  world
    .socket()
    .say({ type: "stream_started", stream: "R", workOrderId: "W", runId: "R", epoch: "019b000000000000", first: 1 });
  assert.equal(stream.log.last, 0);
  assert.equal(stream.generation, generation + 1);
  batch(world, [event(1)]);
  assert.deepEqual(known(stream), [1]);
});

test("a thousand messages in a frame are one paint", () => {
  const { world, stream } = start();
  world.socket().open();
  confirm(world);
  world.clock.advance(100);
  let paints = 0;
  stream.live.subscribe(() => {
    paints++;
  });
  for (let seq = 1; seq <= 1000; seq++) {
    batch(world, [event(seq)]);
  }
  world.clock.advance(16);
  assert.equal(paints, 1);
});

test("what others' streams and strangers say is ignored", () => {
  const { world, stream } = start();
  world.socket().open();
  confirm(world);
  const socket = world.socket();
  batch(world, [event(1, { runId: "other" }), event(2, { stream: "@W" })]);
  socket.say({ type: "gap", stream: "other", from: 1, to: 9, recoverable: true });
  socket.say({ type: "gap", stream: "R", from: 9, to: 1, recoverable: true });
  socket.say({ type: "no_such_thing" });
  socket.onmessage?.({ data: "not json" });
  socket.onmessage?.({ data: new ArrayBuffer(4) });
  socket.say({
    type: "batch",
    events: [null, 3, { type: "agent_output" }, { type: "agent_output", seq: -1 }, { type: "x", seq: 1 }],
  });
  assert.equal(stream.log.last, 0);
});

test("cut at random, its seqs equal the gateway's, in order, none twice", async () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 30; round++) {
    const { world, stream } = start();
    const all: AgentGateEvent[] = [];
    let at = 0; /* the gateway's cursor of this client */
    world.answer = (path) => pages(all)(path);
    const connect = (): void => {
      world.socket().open();
      const { after } = world.socket().sent[0] as { after?: string };
      at = after === undefined ? Math.max(0, all.length - 10) : Number(after);
      confirm(world, all.length, String(at));
      if (next() < 0.3) {
        world.socket().drop(); /* before anything was replayed */
        again(world, stream);
        connect();
        return;
      }
      flush();
      world.socket().say({ type: "replay_complete", cursor: String(at) });
    };
    const flush = (): void => {
      while (at < all.length) {
        const to = Math.min(all.length, at + 1 + Math.floor(next() * 5));
        if (next() < 0.2) {
          world.socket().say({
            type: "gap",
            stream: "R",
            epoch: EPOCH,
            from: at + 1,
            to,
            reason: "rate",
            counts: {},
            recoverable: true,
            cursor: String(to),
          });
        } else {
          batch(world, all.slice(at, to), String(to));
        }
        at = to;
      }
    };
    connect();
    for (let step = 0; step < 60; step++) {
      for (let n = Math.floor(next() * 6); n > 0; n--) {
        all.push(event(all.length + 1));
      }
      if (next() < 0.3) {
        world.socket().drop();
        again(world, stream);
        connect();
      } else {
        flush();
      }
      await settle(world, 30);
    }
    flush();
    for (let i = 0; i < 20; i++) {
      await settle(world, 100);
    }
    assert.deepEqual(
      known(stream),
      all.map((e) => e.seq),
    );
    assert.equal(stream.log.missing.list.length, 0);
    assert.equal(stream.log.counts[4], all.length, "each counted once");
    stream.stop();
    assert.equal(world.clock.pending <= 2, true, "no timer but a last paint is left");
  }
});
