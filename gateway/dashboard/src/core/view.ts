/*  gateway/dashboard/src/core/view.ts - which seqs are rows, under a filter

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A view is a growing list of seqs. Row height is fixed, so pixel = row index x
    height: nothing is estimated and nothing can jump.
*/
import { Flag, isCall, Row } from "./rows.ts";
import type { RunLog } from "./runlog.ts";

export interface Filter {
  kinds: number /* bit (1 << RowKind) */;
  failedToo: boolean /* failures are rows whatever their kind */;
  folded: ReadonlySet<number> /* subagents whose rows are folded away */;
  only: ReadonlySet<number> | undefined /* when set: just these seqs */;
}

export const bits = (...kinds: number[]): number => kinds.reduce((mask, kind) => mask | (1 << kind), 0);

export class View {
  #rows = new Uint32Array(1024);
  #count = 0;
  #next = 1; /* first seq not looked at */
  #version = -1;
  #log: RunLog;
  #filter: Filter;

  constructor(log: RunLog, filter: Filter) {
    this.#log = log;
    this.#filter = filter;
  }

  get length(): number {
    return this.#count;
  }

  get filter(): Filter {
    return this.#filter;
  }

  seqAt(row: number): number {
    return row >= 0 && row < this.#count ? (this.#rows[row] as number) : 0;
  }

  /*  The row of seq, or of the nearest row before it; -1 when there is none. */
  rowOf(seq: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] as number) <= seq) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  has(seq: number): boolean {
    return this.seqAt(this.rowOf(seq)) === seq;
  }

  setLog(log: RunLog): void {
    this.#log = log;
    this.#restart();
  }

  setFilter(filter: Filter): void {
    this.#filter = filter;
    this.#restart();
  }

  #restart(): void {
    this.#count = 0;
    this.#next = 1;
    this.#version = -1;
  }

  /*  Takes in what the log has learned. Returns the first row that may differ. */
  update(): number {
    const before = this.#count;
    const log = this.#log;
    const changed = log.changedSince(this.#version);
    this.#version = log.version;
    if (changed < this.#next) {
      this.#count = this.rowOf(changed - 1) + 1;
      this.#next = changed;
    }
    const kept = this.#count;
    for (; this.#next <= log.last; this.#next++) {
      if (this.#accepts(this.#next)) {
        this.#push(this.#next);
      }
    }
    /* A missing stretch that began at or before the change may start elsewhere now. */
    return Math.min(before, kept);
  }

  #accepts(seq: number): boolean {
    const log = this.#log;
    const filter = this.#filter;
    const kind = log.kind(seq);
    if (filter.only) {
      return filter.only.has(seq) && kind !== Row.ABSORBED && kind !== Row.PARTIAL;
    }
    if (kind === Row.MISSING) {
      return (filter.kinds & (1 << Row.MISSING)) !== 0 && log.isMissingStart(seq);
    }
    const parent = log.parent(seq);
    if (parent !== 0 && filter.folded.has(parent)) {
      return false;
    }
    if (filter.kinds & (1 << kind)) {
      return true;
    }
    if (kind === Row.RESULT) {
      /* A result is part of its call's row; alone it stands for itself. */
      return log.partner(seq) === 0 && (filter.failedToo || (filter.kinds & bits(Row.TOOL)) !== 0);
    }
    return filter.failedToo && (log.flags(seq) & Flag.FAILED) !== 0 && (isCall(kind) || kind === Row.RUN);
  }

  #push(seq: number): void {
    if (this.#count === this.#rows.length) {
      const larger = new Uint32Array(Math.ceil(this.#count * 1.5));
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.#count++] = seq;
  }
}
