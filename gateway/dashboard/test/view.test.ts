/*  gateway/dashboard/test/view.test.ts - groups of reads, repeated errors, other orders, the timeline: against plain models

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentGateEvent } from "../src/core/events.gen.ts";
import { RunFacts } from "../src/core/facts.ts";
import { Flag, Row } from "../src/core/rows.ts";
import { RunLog } from "../src/core/runlog.ts";
import { callMs, Sorted } from "../src/core/sorted.ts";
import { BANDS, Timeline } from "../src/core/timeline.ts";
import { bits, type Filter, GROUP_MIN, View } from "../src/core/view.ts";
import { event, random, seedOf } from "./fakes.ts";

const ALL = bits(Row.MISSING, Row.RUN, Row.TEXT, Row.READ, Row.SEARCH, Row.BASH, Row.AGENT, Row.ERROR, Row.WARNING);
const filter = (fields: Partial<Filter> = {}): Filter => ({
  kinds: ALL,
  failedToo: false,
  folded: new Set(),
  only: undefined,
  group: true,
  opened: new Set(),
  ...fields,
});
const call = (seq: number, tool: string, fields: object = {}): AgentGateEvent =>
  event(seq, { type: "agent_tool_call", toolUseId: `t${seq}`, tool, toolName: tool, input: {}, ...fields });
const result = (seq: number, of: number, success = true): AgentGateEvent =>
  event(seq, {
    type: "agent_tool_result",
    toolUseId: `t${of}`,
    success,
    contentPreview: "",
    contentLength: 0,
    durationMs: 1,
  });

class Rig {
  readonly log = new RunLog();
  readonly facts = new RunFacts(this.log);
  put(one: AgentGateEvent): void {
    if (this.log.put(one, true)) {
      this.facts.fold(one);
    }
  }
}

const rows = (view: View): number[] => {
  view.update();
  return Array.from({ length: view.length }, (_, row) => view.seqAt(row));
};

test("four reads in a row are one row, three are three, and a failed one stands alone", () => {
  const rig = new Rig();
  const view = new View(rig.log, filter());
  for (let seq = 1; seq <= 3; seq++) {
    rig.put(call(seq, "Read"));
  }
  assert.deepEqual(rows(view), [1, 2, 3]);
  rig.put(call(4, "Grep"));
  rig.put(call(5, "Read"));
  assert.deepEqual(rows(view), [1]);
  assert.deepEqual(view.groupOf(3), { first: 1, last: 5, count: 5 });
  rig.put(event(6));
  rig.put(call(7, "Read"));
  assert.deepEqual(rows(view), [1, 6, 7]);
  rig.put(result(8, 3, false));
  assert.deepEqual(rows(view), [1, 2, 3, 4, 5, 6, 7], "no four in a row are left");
  view.setFilter(filter({ group: false }));
  assert.deepEqual(rows(view), [1, 2, 3, 4, 5, 6, 7]);
});

test("an opened group shows its rows, and is still one", () => {
  const rig = new Rig();
  for (let seq = 1; seq <= 6; seq++) {
    rig.put(call(seq, "Read"));
  }
  const view = new View(rig.log, filter({ opened: new Set([1]) }));
  assert.deepEqual(rows(view), [1, 2, 3, 4, 5, 6]);
  assert.equal(view.groupOf(4)?.count, 6);
  rig.put(call(7, "Read"));
  assert.deepEqual(rows(view), [1, 2, 3, 4, 5, 6, 7]);
});

/*  The rule, said plainly: accepted rows are cut into runs; long runs become their first. */
function expected({ log }: Rig, { kinds, folded, opened }: Filter): number[] {
  const found: number[][] = [];
  let open: number[] | undefined;
  for (let seq = 1; seq <= log.last; seq++) {
    const kind = log.kind(seq);
    const row =
      kind === Row.MISSING ? log.isMissingStart(seq) : (kinds & (1 << kind)) !== 0 && !folded.has(log.parent(seq));
    if (!row) {
      continue;
    }
    const read = (kind === Row.READ || kind === Row.SEARCH) && !(log.flags(seq) & Flag.FAILED);
    if (read && open && log.parent(open[0] as number) === log.parent(seq)) {
      open.push(seq);
    } else {
      const fresh = [seq];
      found.push(fresh);
      open = read ? fresh : undefined;
    }
  }
  return found.flatMap((run) => (run.length >= GROUP_MIN && !opened?.has(run[0] as number) ? run.slice(0, 1) : run));
}

test("groups equal the naive model, whatever comes in whatever order", () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 150; round++) {
    const rig = new Rig();
    const folded = new Set(next() < 0.3 ? [1] : []);
    const views = [
      new View(rig.log, filter({ folded })),
      new View(rig.log, filter({ folded, opened: new Set([1, 3, 5]) })),
    ];
    const calls: number[] = [];
    for (let step = 0; step < 80; step++) {
      const seq = next() < 0.8 ? rig.log.last + 1 : 1 + Math.floor(next() * (rig.log.last + 6));
      const parent = next() < 0.2 ? { parentToolUseId: "a" } : {};
      const what = next();
      if (what < 0.65) {
        rig.put(call(seq, next() < 0.7 ? "Read" : "Grep", parent));
        calls.push(seq);
      } else if (what < 0.85 && calls.length > 0) {
        rig.put(result(seq, calls[Math.floor(next() * calls.length)] as number, next() < 0.8));
      } else {
        rig.put(event(seq, parent));
      }
      for (const view of views) {
        if (next() < 0.3 || step === 79) {
          assert.deepEqual(rows(view), expected(rig, view.filter));
        }
      }
    }
    for (const view of views) {
      for (let seq = 1; seq <= rig.log.last; seq++) {
        const group = view.groupOf(seq);
        assert.ok(!group || (group.first <= seq && seq <= group.last && group.count >= GROUP_MIN));
      }
    }
  }
});

test("an error said twice is one row with its count, whichever came first", () => {
  const warning = (seq: number, message: string): AgentGateEvent =>
    event(seq, { type: "agent_error", message, severity: "warning", source: "stderr" });
  for (const order of [
    [1, 2, 3, 4],
    [4, 3, 2, 1],
    [3, 1, 4, 2],
  ]) {
    const rig = new Rig();
    rig.log.extendTo(4);
    for (const seq of order) {
      rig.put(warning(seq, seq === 3 ? "other" : "same"));
    }
    const view = new View(rig.log, filter({ once: true }));
    assert.deepEqual(rows(view), [1, 3]);
    assert.deepEqual(rig.facts.message(1), { first: 1, last: 4, count: 3 });
    assert.equal(rig.facts.message(4), undefined);
    view.setFilter(filter());
    assert.deepEqual(rows(view), [1, 2, 3, 4]);
  }
});

test("a table in another order holds the same rows", () => {
  const rig = new Rig();
  const at = (seq: number, seconds: number): object => ({
    timestamp: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
    seq,
  });
  rig.put(call(1, "Read", at(1, 0)));
  rig.put(call(2, "Bash", at(2, 0)));
  rig.put(call(3, "Read", at(3, 0)));
  rig.put({ ...result(4, 2), ...at(4, 9) } as AgentGateEvent);
  rig.put({ ...result(5, 1, false), ...at(5, 3) } as AgentGateEvent);
  const view = new View(rig.log, filter({ group: false }));
  view.update();
  const order = (sorted: Sorted): number[] => Array.from({ length: sorted.length }, (_, row) => sorted.seqAt(row));
  assert.deepEqual(
    [1, 2, 3].map((seq) => callMs(rig.log, seq)),
    [3000, 9000, -1],
  );
  assert.deepEqual(order(new Sorted(view, rig.log, "duration", false)), [2, 1, 3]);
  assert.deepEqual(order(new Sorted(view, rig.log, "duration", true)), [3, 1, 2]);
  assert.deepEqual(order(new Sorted(view, rig.log, "status", false)), [1, 3, 2]);
  assert.deepEqual(order(new Sorted(view, rig.log, "tool", false)), [1, 3, 2]);
  const byTime = new Sorted(view, rig.log, "time", false);
  assert.deepEqual(order(byTime), [1, 2, 3]);
  assert.deepEqual([byTime.rowOf(2), byTime.rowOf(9)], [1, -1]);
});

test("the timeline counts every row once, in its slice, and knows where a time is", () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 50; round++) {
    const rig = new Rig();
    let ms = Date.UTC(2026, 0, 1);
    const kinds: AgentGateEvent[] = [];
    for (let seq = 1; seq <= 200; seq++) {
      ms += Math.floor(next() * next() * 60_000);
      const fields = { timestamp: new Date(ms).toISOString() };
      kinds.push(next() < 0.5 ? call(seq, next() < 0.5 ? "Read" : "Bash", fields) : event(seq, fields));
    }
    /* The past comes after the present, as with a page that is opened late. */
    for (const one of [...kinds.slice(150), ...kinds.slice(0, 150)]) {
      if (next() < 0.95) {
        rig.put(one);
      }
    }
    const slices = 1 + Math.floor(next() * 300);
    const line = new Timeline(rig.log, slices, 0);
    const known = kinds.filter((one) => rig.log.kind(one.seq) !== Row.MISSING);
    assert.equal(
      line.counts.reduce((sum, n) => sum + n, 0),
      known.length,
    );
    for (const one of known) {
      const slice = line.sliceOf(Date.parse(one.timestamp));
      assert.ok(line.counts.slice(slice * BANDS.length, (slice + 1) * BANDS.length).some((n) => n > 0));
      /* Of events at the same moment the last is meant. */
      const meant = line.seqAt(Date.parse(one.timestamp));
      assert.equal(rig.log.timeMs(meant), Date.parse(one.timestamp));
      assert.ok(meant >= one.seq);
    }
  }
});
