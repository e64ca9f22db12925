/*  gateway/dashboard/test/fakes.ts - a clock, sockets and a gateway that a test drives by hand

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { Clock, Env, SocketLike, TimerId } from "../src/core/env.ts";
import type { AgentGateEvent } from "../src/core/events.gen.ts";

/*  Time moves only by advance (). */
export class FakeClock implements Clock {
  #now = 1000;
  #next = 1;
  readonly #timers = new Map<number, { at: number; fn: () => void }>();
  chance = 0.5;

  now = (): number => this.#now;
  wall = (): number => Date.UTC(2026, 0, 1) + this.#now;
  random = (): number => this.chance;

  setTimeout = (fn: () => void, ms: number): TimerId => {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + ms, fn });
    return id;
  };

  clearTimeout = (id: TimerId): void => {
    this.#timers.delete(id as number);
  };

  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
      if (!due) {
        break;
      }
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].fn();
    }
    this.#now = end;
  }
}

export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly sent: { type: string; [key: string]: unknown }[] = [];
  closed = false;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
  }

  /*  The other side. */
  open(): void {
    this.onopen?.();
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  drop(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}

export interface FakeWorld {
  env: Env;
  clock: FakeClock;
  sockets: FakeSocket[];
  socket(): FakeSocket;
  frames: number;
  asked: string[];
  answer: (path: string) => unknown /* JSON, or a number: that HTTP status */;
}

export function fakeWorld(): FakeWorld {
  const clock = new FakeClock();
  const sockets: FakeSocket[] = [];
  const world: FakeWorld = {
    clock,
    sockets,
    socket: () => sockets[sockets.length - 1] as FakeSocket,
    frames: 0,
    asked: [],
    answer: () => 404,
    env: {
      clock,
      openSocket: (url) => {
        const socket = new FakeSocket(url);
        sockets.push(socket);
        return socket;
      },
      frame: (fn) => {
        clock.setTimeout(() => {
          world.frames++;
          fn();
        }, 16);
      },
      fetch: async (path) => {
        world.asked.push(path);
        const answer = world.answer(path);
        return typeof answer === "number"
          ? new Response(JSON.stringify({ detail: `status ${answer}` }), { status: answer })
          : new Response(JSON.stringify(answer));
      },
    },
  };
  return world;
}

/*  Lets promises settle, then timers. */
export async function settle(world: FakeWorld, ms = 0): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await new Promise((done) => setImmediate(done));
  }
  world.clock.advance(ms);
  for (let i = 0; i < 10; i++) {
    await new Promise((done) => setImmediate(done));
  }
}

export function event(seq: number, fields: object = {}): AgentGateEvent {
  return {
    type: "agent_output",
    workOrderId: "W",
    runId: "R",
    seq,
    timestamp: new Date(Date.UTC(2026, 0, 1) + seq * 1000).toISOString(),
    kind: "text",
    content: `text ${seq}`,
    ...fields,
  } as AgentGateEvent;
}

/*  Repeatable randomness; the seed is printed by whoever uses it. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const seedOf = (): number => Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
