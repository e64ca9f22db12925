/*  gateway/dashboard/test/link.test.ts - a socket that stays connected

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDSHAKE_MS, Link, type LinkState, PROBE_MS, SILENCE_MS } from "../src/core/link.ts";
import { fakeWorld } from "./fakes.ts";

function newLink() {
  const world = fakeWorld();
  const opened: number[] = [];
  const heard: string[] = [];
  const states: LinkState[] = [];
  const link = new Link({
    clock: world.clock,
    openSocket: world.env.openSocket,
    url: "ws://x/ws",
    onOpen: () => opened.push(world.clock.now()),
    onMessage: (text) => heard.push(text),
    onState: (state) => states.push(state),
  });
  /* Lets the wait run out, and not more. */
  const wait = (): void => world.clock.advance(link.state.retryAt - world.clock.now());
  return { world, link, opened, heard, states, wait };
}

test("onOpen is called after open, and again after every reconnect", () => {
  const { world, link, opened, wait } = newLink();
  link.start();
  assert.equal(opened.length, 0);
  assert.equal(link.send("x"), false);
  world.socket().open();
  assert.equal(opened.length, 1);
  world.socket().drop();
  wait();
  world.socket().open();
  assert.equal(opened.length, 2);
  assert.equal(world.sockets.length, 2);
});

test("a handshake without answer is given up after 10 s and tried again", () => {
  const { world, link } = newLink();
  link.start();
  world.clock.advance(HANDSHAKE_MS - 1);
  assert.equal(link.state.phase, "connecting");
  world.clock.advance(1);
  assert.equal(link.state.phase, "waiting");
  assert.equal(world.sockets[0]?.closed, true);
  world.clock.advance(1000);
  assert.equal(world.sockets.length, 2);
});

test("waits double from half a second to 15 s, with full jitter", () => {
  const { world, link, wait } = newLink();
  world.clock.chance = 0.999999;
  const waits: number[] = [];
  link.start();
  for (let i = 0; i < 8; i++) {
    world.socket().drop();
    waits.push(link.state.retryAt - world.clock.now());
    wait();
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  world.clock.chance = 0;
  world.socket().drop();
  assert.equal(link.state.retryAt, world.clock.now());
});

test("only a gateway that speaks resets the waits", () => {
  const { world, link, wait } = newLink();
  world.clock.chance = 0.999999;
  link.start();
  for (let i = 0; i < 4; i++) {
    world.socket().open();
    world.socket().drop();
    wait();
  }
  world.socket().open();
  assert.equal(link.state.attempt, 5);
  world.socket().say({ type: "pong" });
  world.socket().drop();
  assert.equal(link.state.retryAt - world.clock.now(), 500);
});

test("a kick ends the wait at once, and probes an open socket", () => {
  const { world, link } = newLink();
  link.start();
  world.socket().drop();
  link.kick();
  assert.equal(link.state.phase, "connecting");
  world.socket().open();
  world.clock.advance(5000);
  link.kick();
  assert.deepEqual(world.socket().sent, [{ type: "ping" }]);
  world.clock.advance(PROBE_MS);
  assert.equal(link.state.phase, "waiting", "no answer: it was dead");
});

test("an answered probe keeps the socket", () => {
  const { world, link } = newLink();
  link.start();
  world.socket().open();
  world.clock.advance(5000);
  link.kick();
  world.socket().say({ type: "pong" });
  world.clock.advance(PROBE_MS * 2);
  assert.equal(link.state.phase, "open");
});

test("silence of 25 s is a dead connection; a word now and then is not", () => {
  const { world, link } = newLink();
  link.start();
  world.socket().open();
  for (let i = 0; i < 10; i++) {
    world.clock.advance(SILENCE_MS - 1);
    world.socket().say({ type: "heartbeat" });
  }
  assert.equal(link.state.phase, "open");
  world.clock.advance(SILENCE_MS + 1);
  assert.equal(link.state.phase, "waiting");
});

test("codes 4500 to 4999 are final, others are not", () => {
  for (const [code, phase] of [
    [4501, "stopped"],
    [4999, "stopped"],
    [4008, "waiting"],
    [4499, "waiting"],
    [1006, "waiting"],
  ] as const) {
    const { world, link } = newLink();
    link.start();
    world.socket().open();
    world.socket().drop(code, "why");
    assert.equal(link.state.phase, phase, String(code));
    assert.equal(link.state.code, code);
  }
});

test("after stop nothing happens any more, and no timer is left", () => {
  const { world, link, heard } = newLink();
  link.start();
  world.socket().open();
  const socket = world.socket();
  link.stop();
  assert.equal(world.clock.pending, 0);
  socket.say({ type: "pong" });
  assert.equal(heard.length, 0);
  world.clock.advance(60_000);
  assert.equal(world.sockets.length, 1);
});

test("a socket that cannot even be made is a failed try", () => {
  const world = fakeWorld();
  const link = new Link({
    clock: world.clock,
    openSocket: () => {
      throw new Error("bad address");
    },
    url: "",
    onOpen: () => assert.fail(),
    onMessage: () => assert.fail(),
    onState: () => undefined,
  });
  link.start();
  assert.equal(link.state.phase, "waiting");
  assert.match(link.state.reason, /bad address/);
});
