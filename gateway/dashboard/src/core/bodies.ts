/*  gateway/dashboard/src/core/bodies.ts - the events themselves: a hot tail and a few cold pages

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The index knows every seq of a run; bodies are kept only for the newest ones
    and for pages lately looked at. All else is fetched again when it is seen.
*/
import type { AgentGateEvent, JsonValue } from "./events.gen.ts";

export const HOT_EVENTS = 20_000;
const HOT_BYTES = 12 << 20;
const COLD_BYTES = 8 << 20;
/*  Small: the rows of a filtered view lie far apart, each on a page of its own. */
export const PAGE_EVENTS = 64;

function weighJson(value: JsonValue | undefined, depth: number): number {
  if (typeof value === "string") {
    return 24 + value.length;
  }
  if (typeof value !== "object" || value === null || depth > 6) {
    return 8;
  }
  let sum = 48;
  for (const part of Object.values(value)) {
    sum += weighJson(part, depth + 1);
  }
  return sum;
}

/*  Roughly what an event takes in memory. */
export function weigh(event: AgentGateEvent): number {
  return 200 + weighJson(event as unknown as JsonValue, 0);
}

interface ColdPage {
  events: Map<number, AgentGateEvent>;
  bytes: number;
}

export class Bodies {
  readonly #hot: (AgentGateEvent | undefined)[] = [];
  readonly #weights = new Uint32Array(HOT_EVENTS);
  #hotBytes = 0;
  #oldest = 1; /* no hot body below */
  #newest = 0;
  readonly #cold = new Map<number, ColdPage>();
  #coldBytes = 0;

  get(seq: number): AgentGateEvent | undefined {
    const hot = this.#hot[seq % HOT_EVENTS];
    if (hot?.seq === seq) {
      return hot;
    }
    return this.#cold.get(Math.floor(seq / PAGE_EVENTS))?.events.get(seq);
  }

  /*  A new event at the end of the run. Older ones are for putCold. */
  putHot(event: AgentGateEvent): void {
    const slot = event.seq % HOT_EVENTS;
    this.#clear(slot);
    const weight = weigh(event);
    this.#hot[slot] = event;
    this.#weights[slot] = weight;
    this.#hotBytes += weight;
    this.#newest = Math.max(this.#newest, event.seq);
    this.#oldest = Math.max(this.#oldest, this.#newest - HOT_EVENTS + 1);
    while (this.#hotBytes > HOT_BYTES && this.#oldest < this.#newest) {
      this.#evict(this.#oldest++);
    }
  }

  isHotRange(seq: number): boolean {
    return seq >= this.#oldest && seq > this.#newest - HOT_EVENTS;
  }

  #evict(seq: number): void {
    const slot = seq % HOT_EVENTS;
    if (this.#hot[slot]?.seq === seq) {
      this.#clear(slot);
    }
  }

  #clear(slot: number): void {
    if (this.#hot[slot]) {
      this.#hotBytes -= this.#weights[slot] ?? 0;
      this.#hot[slot] = undefined;
    }
  }

  /*  A page, or a part of one, as fetched; the least lately fetched or touched goes first. */
  putCold(page: number, events: readonly AgentGateEvent[]): void {
    const kept: ColdPage = this.#cold.get(page) ?? { events: new Map(), bytes: 0 };
    this.#forget(page);
    for (const event of events) {
      if (!kept.events.has(event.seq)) {
        kept.events.set(event.seq, event);
        kept.bytes += weigh(event);
      }
    }
    this.#cold.set(page, kept);
    this.#coldBytes += kept.bytes;
    for (const oldest of this.#cold.keys()) {
      if (this.#coldBytes <= COLD_BYTES || oldest === page) {
        break;
      }
      this.#forget(oldest);
    }
  }

  hasCold(page: number): boolean {
    return this.#cold.has(page);
  }

  /*  It is being looked at. */
  touch(page: number): void {
    const found = this.#cold.get(page);
    if (found) {
      this.#cold.delete(page);
      this.#cold.set(page, found);
    }
  }

  #forget(page: number): void {
    const found = this.#cold.get(page);
    if (found) {
      this.#coldBytes -= found.bytes;
      this.#cold.delete(page);
    }
  }

  get bytes(): number {
    return this.#hotBytes + this.#coldBytes;
  }
}
