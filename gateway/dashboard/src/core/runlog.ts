/*  gateway/dashboard/src/core/runlog.ts - all that is known of one stream: an index over every seq, bodies, what is missing

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The index costs 12 bytes a seq in typed arrays, so a million events stay
    small. Events may come in any order and more than once (replay, gap repair,
    history pages); the first to come wins and put () is idempotent, so the set
    of known seqs is the union of all that arrived.
*/
import { Bodies } from "./bodies.ts";
import type { AgentGateEvent } from "./events.gen.ts";
import { type Interval, Intervals } from "./intervals.ts";
import type { Gap, GapReason } from "./protocol.ts";
import { ROW_KINDS, Row, type RowKind, rowKind } from "./rows.ts";

/*  Why seqs are missing. cold: never asked for; fetching and failed concern our own fetch. */
export interface Missing {
  reason: "cold" | GapReason;
  recoverable: boolean;
  state: "idle" | "fetching" | "failed";
}

export const COLD: Missing = { reason: "cold", recoverable: true, state: "idle" };
export const GONE: Missing = { reason: "retention", recoverable: false, state: "idle" };

const FIRST_CAPACITY = 4096;

function grown<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(old: T, capacity: number): T {
  const next = new (old.constructor as new (length: number) => T)(capacity);
  next.set(old);
  return next;
}

export class RunLog {
  epoch: string;
  last = 0; /* highest seq known to exist */
  received = 0; /* seqs known, absorbed ones included */
  duplicates = 0; /* events that came again and were ignored */
  readonly bodies = new Bodies();
  readonly missing = new Intervals<Missing>();
  readonly counts = new Uint32Array(ROW_KINDS);
  firstMs = 0; /* wall clock of the oldest event received */
  lastMs = 0; /* and of the newest */
  agentMs = 0; /* and of the newest that is not the executor's own progress, which comes in any silence */
  /*  Lowest seq whose row changed since a view last looked; views reset it in turn by version. */
  readonly changes: number[] = [];
  #changeBase = 0; /* version of changes[0] */

  #kind = new Uint8Array(FIRST_CAPACITY);
  #flags = new Uint8Array(FIRST_CAPACITY);
  #baseMs = 0; /* what times are counted from: of whichever event came first */
  #time = new Int32Array(FIRST_CAPACITY); /* ms since then */
  #partner = new Uint32Array(FIRST_CAPACITY); /* call <-> result; 0 none */
  #parent = new Uint16Array(FIRST_CAPACITY); /* subagent number; 0 the main agent */

  constructor(epoch = "") {
    this.epoch = epoch;
  }

  kind(seq: number): RowKind {
    return (this.#kind[seq] ?? 0) as RowKind;
  }

  flags(seq: number): number {
    return this.#flags[seq] ?? 0;
  }

  partner(seq: number): number {
    return this.#partner[seq] ?? 0;
  }

  parent(seq: number): number {
    return this.#parent[seq] ?? 0;
  }

  /*  Wall clock of a received seq, ms since 1970. */
  timeMs(seq: number): number {
    return this.#baseMs + (this.#time[seq] ?? 0);
  }

  /*  First seq of the span a rolled-up event stands for. */
  spanStart(seq: number): number {
    let from = seq;
    while (from > 1 && this.#kind[from - 1] === Row.ABSORBED) {
      from--;
    }
    return from;
  }

  /*  A missing stretch is one row, at its first seq. */
  isMissingStart(seq: number): boolean {
    return this.#kind[seq] === Row.MISSING && (seq === 1 || this.#kind[seq - 1] !== Row.MISSING);
  }

  missingStretch(seq: number): { from: number; to: number; parts: Interval<Missing>[] } {
    let to = seq;
    const parts: Interval<Missing>[] = [];
    for (let part = this.missing.find(to); part; part = this.missing.find(to)) {
      parts.push(part);
      to = part.to + 1;
    }
    return { from: seq, to: Math.max(seq, to - 1), parts };
  }

  #ensure(seq: number): void {
    if (seq < this.#kind.length) {
      return;
    }
    let capacity = this.#kind.length;
    while (capacity <= seq) {
      /* Doubling a million-row index at once would hold twice its size; grow by half when large. */
      capacity = capacity < 1 << 18 ? capacity * 2 : Math.ceil(capacity * 1.25);
    }
    this.#kind = grown(this.#kind, capacity);
    this.#flags = grown(this.#flags, capacity);
    this.#time = grown(this.#time, capacity);
    this.#partner = grown(this.#partner, capacity);
    this.#parent = grown(this.#parent, capacity);
  }

  /*  Seqs up to this one exist, received or not. */
  extendTo(last: number, why: Missing = COLD): void {
    if (last > this.last) {
      this.#ensure(last + 1);
      this.missing.set(this.last + 1, last, why);
      this.changed(this.last + 1);
      this.last = last;
    }
  }

  /*  True when it was new. hot: came live, so its body belongs to the tail. */
  put(event: AgentGateEvent, hot: boolean): boolean {
    const seq = event.seq;
    if (seq <= this.last && this.#kind[seq] !== Row.MISSING) {
      this.duplicates++;
      return false;
    }
    const span = event.seqFirst;
    const from = typeof span === "number" && span >= 1 && span <= seq ? Math.floor(span) : seq;
    const expected = this.last + 1;
    if (seq >= expected) {
      this.#ensure(seq + 1);
      if (from > expected) {
        this.missing.set(expected, from - 1, COLD);
      }
      this.last = seq;
    }
    if (from < expected) {
      this.missing.remove(from, Math.min(seq, expected - 1));
    }
    this.#index(event, seq, from);
    this.changed(Math.min(from, expected));
    if (hot || this.bodies.isHotRange(seq)) {
      this.bodies.putHot(event);
    }
    return true;
  }

  #index(event: AgentGateEvent, seq: number, from: number): void {
    for (let inner = from; inner < seq; inner++) {
      if (this.#kind[inner] === Row.MISSING) {
        this.#kind[inner] = Row.ABSORBED;
        this.received++;
      }
    }
    const kind = rowKind(event);
    this.#kind[seq] = kind;
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    this.received++;
    const ms = Date.parse(event.timestamp);
    if (Number.isFinite(ms)) {
      this.#baseMs ||= ms;
      this.#time[seq] = Math.max(-0x7fff_ffff, Math.min(0x7fff_ffff, ms - this.#baseMs));
      this.firstMs = this.firstMs ? Math.min(this.firstMs, ms) : ms;
      this.lastMs = Math.max(this.lastMs, ms);
      this.agentMs = kind === Row.PROGRESS ? this.agentMs : Math.max(this.agentMs, ms);
    }
  }

  setFlag(seq: number, flag: number): void {
    const old = this.#flags[seq] ?? 0;
    if ((old & flag) !== flag) {
      this.#flags[seq] = old | flag;
      this.changed(seq);
    }
  }

  pair(call: number, result: number): void {
    this.#partner[call] = result;
    this.#partner[result] = call;
    this.changed(Math.min(call, result));
  }

  setParent(seq: number, agent: number): void {
    this.#parent[seq] = agent;
  }

  gap(gap: Gap): void {
    const tag: Missing = { reason: gap.reason, recoverable: gap.recoverable, state: "idle" };
    const to = Math.max(gap.from, gap.to);
    this.extendTo(to, tag);
    this.retag(gap.from, to, tag);
  }

  /*  What is still missing in the range is missing for this reason. */
  retag(from: number, to: number, tag: Missing): void {
    for (const part of this.missing.within(from, to)) {
      this.missing.set(Math.max(from, part.from), Math.min(to, part.to), tag);
    }
    this.changed(from);
  }

  /*  Change tracking: each view remembers a version and asks from where on rows may differ. */
  get version(): number {
    return this.#changeBase + this.changes.length;
  }

  changed(seq: number): void {
    const top = this.changes.length - 1;
    /* One entry per version; entries are merged when nobody has looked in between. */
    if (top >= 0 && !this.#looked) {
      this.changes[top] = Math.min(this.changes[top] as number, seq);
    } else {
      this.changes.push(seq);
      this.#looked = false;
      if (this.changes.length > 64) {
        const low = Math.min(this.changes.shift() as number, this.changes[0] as number);
        this.changes[0] = low;
        this.#changeBase++;
      }
    }
  }

  #looked = false;

  /*  Lowest seq changed since that version; Infinity when none. */
  changedSince(version: number): number {
    this.#looked = true;
    let low = Number.POSITIVE_INFINITY;
    for (let i = Math.max(0, version - this.#changeBase); i < this.changes.length; i++) {
      low = Math.min(low, this.changes[i] as number);
    }
    return version < this.#changeBase ? 1 : low;
  }
}
