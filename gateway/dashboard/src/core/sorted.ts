/*  gateway/dashboard/src/core/sorted.ts - the rows of a view in another order, as they are at this moment

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A table that sorts itself anew while it is read cannot be read: what comes
    later is not in it until it is sorted again.
*/
import { Flag } from "./rows.ts";
import type { RunLog } from "./runlog.ts";
import type { View } from "./view.ts";

export const ORDERS = ["time", "tool", "status", "duration"] as const;
export type Order = (typeof ORDERS)[number];

/*  From call to result by their own times; -1: there is no result. */
export function callMs(log: RunLog, call: number): number {
  const result = log.partner(call);
  return result ? Math.max(0, log.timeMs(result) - log.timeMs(call)) : -1;
}

/*  Failures first, then what still runs. */
function status(log: RunLog, seq: number): number {
  const flags = log.flags(seq);
  return flags & Flag.FAILED ? 0 : flags & Flag.DONE ? 2 : 1;
}

const KEYS: Record<Order, (log: RunLog, seq: number) => number> = {
  time: (_, seq) => seq,
  tool: (log, seq) => log.kind(seq),
  status,
  duration: (log, seq) => -callMs(log, seq),
};

export class Sorted {
  readonly #seqs: Uint32Array;
  readonly #rows = new Map<number, number>();

  constructor(view: View, log: RunLog, order: Order, backwards: boolean) {
    const seqs = Array.from({ length: view.length }, (_, row) => view.seqAt(row));
    const key = new Map(seqs.map((seq) => [seq, KEYS[order](log, seq)]));
    const by = backwards ? -1 : 1;
    seqs.sort((a, b) => by * ((key.get(a) as number) - (key.get(b) as number)) || a - b);
    this.#seqs = Uint32Array.from(seqs);
    seqs.forEach((seq, row) => {
      this.#rows.set(seq, row);
    });
  }

  get length(): number {
    return this.#seqs.length;
  }

  seqAt(row: number): number {
    return this.#seqs[row] ?? 0;
  }

  rowOf(seq: number): number {
    return this.#rows.get(seq) ?? -1;
  }
}
