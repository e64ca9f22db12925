/*  gateway/dashboard/src/core/timeline.ts - a run by time: how much of what happened in each slice, and where its gaps are

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Counted from the index alone, in one pass: 5 ms a million events, so whoever
    draws it may count anew as often as he can afford.
*/
import { Flag, Row } from "./rows.ts";
import type { RunLog } from "./runlog.ts";

/*  What a slice is made of, from the bottom up. */
export const BANDS = ["texts", "reads", "edits", "commands", "tools", "failures"] as const;
const NONE = 255;
const BAND = new Uint8Array(32).fill(NONE);
for (const [band, kinds] of [
  [Row.TEXT, Row.THINKING, Row.RAW],
  [Row.READ, Row.SEARCH],
  [Row.EDIT],
  [Row.BASH],
  [Row.TOOL, Row.WEB, Row.AGENT, Row.TODO],
  [Row.ERROR, Row.WARNING],
].entries()) {
  for (const kind of kinds) {
    BAND[kind] = band;
  }
}
const FAILURES = BANDS.indexOf("failures");

export class Timeline {
  readonly slices: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly counts: Uint32Array; /* slice x bands + band */
  readonly most: number; /* events in the fullest slice */
  readonly gaps: { from: number; to: number }[] = []; /* slices */
  readonly #first: Uint32Array; /* lowest seq in a slice; 0 none */
  readonly #log: RunLog;

  constructor(log: RunLog, slices: number, nowMs: number) {
    this.#log = log;
    this.slices = slices;
    this.fromMs = log.firstMs;
    this.toMs = Math.max(log.lastMs, nowMs, log.firstMs + 1);
    this.counts = new Uint32Array(slices * BANDS.length);
    this.#first = new Uint32Array(slices);
    const sums = new Uint32Array(slices);
    for (let seq = 1; seq <= log.last; seq++) {
      const band = BAND[log.kind(seq)] as number;
      if (band === NONE) {
        continue;
      }
      const slice = this.sliceOf(log.timeMs(seq));
      const shown = log.flags(seq) & Flag.FAILED ? FAILURES : band;
      const at = slice * BANDS.length + shown;
      this.counts[at] = (this.counts[at] ?? 0) + 1;
      sums[slice] = (sums[slice] ?? 0) + 1;
      this.#first[slice] ||= seq;
    }
    this.most = sums.reduce((most, sum) => Math.max(most, sum), 0);
    for (const part of log.missing.list) {
      if (!part.tag.recoverable) {
        this.gaps.push({ from: this.#sliceBefore(part.from - 1), to: this.#sliceAfter(part.to + 1) });
      }
    }
  }

  sliceOf(ms: number): number {
    const share = (ms - this.fromMs) / (this.toMs - this.fromMs);
    return Math.max(0, Math.min(this.slices - 1, Math.floor(share * this.slices)));
  }

  /*  A missing stretch has no times; its neighbours do. */
  #sliceBefore(seq: number): number {
    const part = this.#log.missing.find(seq);
    return part ? this.#sliceBefore(part.from - 1) : seq < 1 ? 0 : this.sliceOf(this.#log.timeMs(seq));
  }

  #sliceAfter(seq: number): number {
    const part = this.#log.missing.find(seq);
    const end = seq > this.#log.last;
    return part ? this.#sliceAfter(part.to + 1) : end ? this.slices - 1 : this.sliceOf(this.#log.timeMs(seq));
  }

  /*  The seq that a reader means who points at this time: the nearest in the same slice or before. */
  seqAt(ms: number): number {
    const slice = this.sliceOf(ms);
    let at = slice;
    while (at > 0 && !this.#first[at]) {
      at--;
    }
    const log = this.#log;
    let seq = this.#first[at] || 1;
    for (let next = seq; next <= log.last; next++) {
      if (BAND[log.kind(next)] !== NONE) {
        if (log.timeMs(next) > ms) {
          break;
        }
        seq = next;
      }
    }
    return seq;
  }
}
