/*  gateway/dashboard/src/core/intervals.ts - sorted, disjoint ranges of seqs that are missing, each with a reason

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
export interface Interval<T> {
  from: number;
  to: number;
  tag: T;
}

export class Intervals<T> {
  #list: Interval<T>[] = [];

  get list(): readonly Interval<T>[] {
    return this.#list;
  }

  /*  The first interval that ends at or after seq. */
  #at(seq: number): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#list[middle] as Interval<T>).to < seq) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  find(seq: number): Interval<T> | undefined {
    const found = this.#list[this.#at(seq)];
    return found && found.from <= seq ? found : undefined;
  }

  within(from: number, to: number): Interval<T>[] {
    const found: Interval<T>[] = [];
    for (let i = this.#at(from); i < this.#list.length; i++) {
      const interval = this.#list[i] as Interval<T>;
      if (interval.from > to) {
        break;
      }
      found.push(interval);
    }
    return found;
  }

  /*  Takes [from, to] out, whatever was there. */
  remove(from: number, to: number): void {
    const start = this.#at(from);
    const rest: Interval<T>[] = [];
    let end = start;
    for (; end < this.#list.length; end++) {
      const interval = this.#list[end] as Interval<T>;
      if (interval.from > to) {
        break;
      }
      if (interval.from < from) {
        rest.push({ from: interval.from, to: from - 1, tag: interval.tag });
      }
      if (interval.to > to) {
        rest.push({ from: to + 1, to: interval.to, tag: interval.tag });
      }
    }
    if (end > start) {
      this.#list.splice(start, end - start, ...rest);
    }
  }

  /*  [from, to] is missing for this reason; an older reason gives way. */
  set(from: number, to: number, tag: T): void {
    if (from > to) {
      return;
    }
    this.remove(from, to);
    let at = this.#at(from);
    const before = this.#list[at - 1];
    const after = this.#list[at];
    const joined = { from, to, tag };
    let drop = 0;
    if (before && before.to === from - 1 && before.tag === tag) {
      joined.from = before.from;
      at--;
      drop++;
    }
    if (after && after.from === to + 1 && after.tag === tag) {
      joined.to = after.to;
      drop++;
    }
    this.#list.splice(at, drop, joined);
  }
}
