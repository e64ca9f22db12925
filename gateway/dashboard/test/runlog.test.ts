/*  gateway/dashboard/test/runlog.test.ts - the index: any order, any repetition, spans, gaps, views

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Row } from "../src/core/rows.ts";
import { RunLog } from "../src/core/runlog.ts";
import { bits, type Filter, View } from "../src/core/view.ts";
import { event, random, seedOf } from "./fakes.ts";

const ALL: Filter = {
  kinds: bits(Row.MISSING, Row.TEXT, Row.FILE, Row.THINKING),
  failedToo: false,
  folded: new Set(),
  only: undefined,
};
const gap = (from: number, to: number) => ({
  type: "gap" as const,
  stream: "R",
  epoch: "",
  from,
  to,
  reason: "rate" as const,
  counts: {},
  recoverable: true,
});
const rows = (view: View): number[] => {
  view.update();
  return Array.from({ length: view.length }, (_, row) => view.seqAt(row));
};

test("an event that comes again is ignored", () => {
  const log = new RunLog();
  assert.equal(log.put(event(1), true), true);
  assert.equal(log.put(event(1), true), false);
  assert.deepEqual([log.received, log.duplicates, log.last], [1, 1, 1]);
});

test("a rolled-up event stands for its whole span", () => {
  const log = new RunLog();
  log.put(event(1), true);
  log.put(event(5, { seqFirst: 2 }), true);
  assert.equal(log.received, 5);
  assert.equal(log.missing.list.length, 0);
  assert.equal(log.spanStart(5), 2);
  assert.deepEqual(rows(new View(log, ALL)), [1, 5]);
  assert.equal(log.put(event(3), false), false, "inside the span: known");
});

test("a hole is one row at its first seq, and closes as it is filled", () => {
  const log = new RunLog();
  const view = new View(log, ALL);
  log.put(event(1), true);
  log.gap(gap(2, 6));
  log.put(event(4), true);
  log.put(event(7), true);
  assert.deepEqual(rows(view), [1, 2, 4, 5, 7]);
  assert.deepEqual([log.missingStretch(2).to, log.missingStretch(5).to], [3, 6]);
  log.put(event(2), false);
  assert.deepEqual(rows(view), [1, 2, 3, 4, 5, 7]);
  for (const seq of [3, 6, 5]) {
    log.put(event(seq), false);
  }
  assert.deepEqual(rows(view), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(log.missing.list.length, 0);
});

test("joining in the middle leaves the earlier events as one cold row", () => {
  const log = new RunLog();
  log.extendTo(500);
  log.put(event(500), true);
  log.put(event(501), true);
  assert.deepEqual(rows(new View(log, ALL)), [1, 500, 501]);
  assert.equal(log.missing.find(7)?.tag.reason, "cold");
});

/*  A naive model: a map of seqs, rebuilt from nothing each time. */
class Model {
  readonly known = new Map<number, number>(); /* seq -> 0 absorbed, else row kind */
  last = 0;
  put(seq: number, from: number, kind: number): void {
    if (this.known.has(seq)) {
      return;
    }
    for (let inner = from; inner < seq; inner++) {
      if (!this.known.has(inner)) {
        this.known.set(inner, 0);
      }
    }
    this.known.set(seq, kind);
    this.last = Math.max(this.last, seq);
  }
  rows(kinds: number): number[] {
    const found: number[] = [];
    for (let seq = 1; seq <= this.last; seq++) {
      const kind = this.known.get(seq);
      if (kind === undefined ? this.known.has(seq - 1) || seq === 1 : kind !== 0 && kinds & (1 << kind)) {
        found.push(seq);
      }
    }
    return found;
  }
}

test("any order of live events, spans, gaps and old pages equals the naive model", () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 200; round++) {
    const log = new RunLog();
    const model = new Model();
    const filters = [ALL, { ...ALL, kinds: bits(Row.MISSING, Row.TEXT) }];
    const views = filters.map((filter) => new View(log, filter));
    for (let step = 0; step < 60; step++) {
      const seq = Math.max(1, Math.floor(log.last + 4 - next() * next() * (log.last + 4)));
      const file = next() < 0.3;
      const from = file && next() < 0.5 ? Math.max(1, seq - Math.floor(next() * 4)) : seq;
      if (next() < 0.15) {
        const to = seq + Math.floor(next() * 5);
        log.gap(gap(seq, to));
        model.last = Math.max(model.last, to);
      } else {
        const fields = file ? { type: "file_changed", path: "a", action: "modified", seqFirst: from } : {};
        log.put(event(seq, fields), next() < 0.5);
        model.put(seq, from, file ? Row.FILE : Row.TEXT);
      }
      /* Views look at different times, as tabs do. */
      for (const view of views) {
        if (next() < 0.4) {
          assert.deepEqual(rows(view), model.rows(view.filter.kinds));
        }
      }
    }
    for (const view of views) {
      assert.deepEqual(rows(view), model.rows(view.filter.kinds));
    }
    assert.equal(log.received, model.known.size);
    const missing = log.missing.list.reduce((sum, part) => sum + part.to - part.from + 1, 0);
    assert.equal(missing + log.received, log.last);
  }
});

test("a million events cost at most 20 bytes each above the kept bodies", { timeout: 120_000 }, async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const log = new RunLog();
  const view = new View(log, ALL);
  const fill = async (from: number, to: number): Promise<number> => {
    for (let seq = from; seq <= to; seq++) {
      log.put(event(seq), true);
      if (seq % 5000 === 0) {
        view.update();
      }
    }
    for (let i = 0; i < 4; i++) {
      collect(); /* array buffers go a turn later */
      await new Promise((done) => setTimeout(done, 50));
    }
    return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  };
  const small = await fill(1, 100_000);
  const large = await fill(100_001, 1_000_000);
  const slope = (large - small) / 900_000;
  console.log(`bytes per event between 100 k and 1 M: ${slope.toFixed(1)}`);
  assert.equal(view.length, 1_000_000);
  assert.ok(slope <= 20, `${slope}`);
});
