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
  once?: boolean /* an error that was said before is no row */;
  group?: boolean /* reads and searches in a row are one row */;
  opened?: ReadonlySet<number> /* groups shown row by row, by their first seq */;
  also?: number /* a row whatever its kind: somebody links to it */;
}

/*  Reads and searches one after the other; one row at the first one's seq, unless it is opened. */
export interface Group {
  first: number;
  last: number;
  count: number;
}

export const GROUP_MIN = 4;

export const bits = (...kinds: number[]): number => kinds.reduce((mask, kind) => mask | (1 << kind), 0);

const GROUPED = bits(Row.READ, Row.SEARCH);

export class View {
  #rows = new Uint32Array(1024);
  #count = 0;
  #next = 1; /* first seq not looked at */
  #version = -1;
  #log: RunLog;
  #filter: Filter;
  readonly #groups: Group[] = []; /* of at least GROUP_MIN, in order */
  #run: Group | undefined; /* what the last row belongs to, while it may still grow */

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

  /*  The group whose stretch seq lies in. */
  groupOf(seq: number): Group | undefined {
    let low = 0;
    let high = this.#groups.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#groups[middle] as Group).first <= seq) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const group = this.#groups[low - 1];
    return group && seq <= group.last ? group : undefined;
  }

  isOpened(group: Group): boolean {
    return this.#filter.opened?.has(group.first) ?? false;
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
    this.#groups.length = 0;
    this.#run = undefined;
  }

  /*  Takes in what the log has learned. */
  update(): void {
    const log = this.#log;
    const changed = log.changedSince(this.#version);
    this.#version = log.version;
    if (changed < this.#next) {
      this.#backTo(changed);
    }
    for (; this.#next <= log.last; this.#next++) {
      if (this.#accepts(this.#next)) {
        this.#add(this.#next);
      }
    }
  }

  /*  Rows from seq on are looked at again; a group that they may belong to, from its first. */
  #backTo(seq: number): void {
    this.#count = this.rowOf(seq - 1) + 1;
    this.#next = seq;
    for (let last = this.seqAt(this.#count - 1); last && this.#filter.group && this.#isGrouped(last); ) {
      this.#next = last;
      this.#count--;
      last = this.seqAt(this.#count - 1);
    }
    while ((this.#groups[this.#groups.length - 1]?.first ?? 0) >= this.#next) {
      this.#groups.pop();
    }
    this.#run = undefined;
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
    if (seq === filter.also && kind > Row.PARTIAL) {
      return true;
    }
    const parent = log.parent(seq);
    if (parent !== 0 && filter.folded.has(parent)) {
      return false;
    }
    const flags = log.flags(seq);
    if (filter.once && flags & Flag.REPEAT) {
      return false;
    }
    if (filter.kinds & (1 << kind)) {
      return true;
    }
    if (kind === Row.RESULT) {
      /* A result is part of its call's row; alone it stands for itself. */
      return log.partner(seq) === 0 && (filter.failedToo || (filter.kinds & bits(Row.TOOL)) !== 0);
    }
    return filter.failedToo && (flags & Flag.FAILED) !== 0 && (isCall(kind) || kind === Row.RUN);
  }

  /*  What failed is never hidden in a group. */
  #isGrouped(seq: number): boolean {
    return (GROUPED & (1 << this.#log.kind(seq))) !== 0 && !(this.#log.flags(seq) & Flag.FAILED);
  }

  #add(seq: number): void {
    if (!this.#filter.group || !this.#isGrouped(seq)) {
      this.#run = undefined;
      this.#push(seq);
      return;
    }
    const run = this.#run;
    if (!run || this.#log.parent(run.first) !== this.#log.parent(seq)) {
      this.#run = { first: seq, last: seq, count: 1 };
      this.#push(seq);
      return;
    }
    run.last = seq;
    run.count++;
    if (run.count === GROUP_MIN) {
      this.#groups.push(run);
    }
    if (this.isOpened(run) || run.count < GROUP_MIN) {
      this.#push(seq);
    } else if (run.count === GROUP_MIN) {
      this.#count -= GROUP_MIN - 2; /* its first stays, and stands for all */
    }
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
