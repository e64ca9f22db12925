/*  gateway/dashboard/test/intervals.test.ts - intervals against a plain array

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { test } from "node:test";
import { Intervals } from "../src/core/intervals.ts";
import { random, seedOf } from "./fakes.ts";

test("any sequence of set and remove equals the naive model", () => {
  const seed = seedOf();
  console.log(`seed ${seed}`);
  const next = random(seed);
  for (let round = 0; round < 300; round++) {
    const intervals = new Intervals<number>();
    const model = new Array<number | undefined>(61).fill(undefined);
    for (let step = 0; step < 40; step++) {
      const from = 1 + Math.floor(next() * 60);
      const to = Math.min(60, from + Math.floor(next() * 12));
      const tag = Math.floor(next() * 3);
      if (next() < 0.5) {
        intervals.set(from, to, tag);
        model.fill(tag, from, to + 1);
      } else {
        intervals.remove(from, to);
        model.fill(undefined, from, to + 1);
      }
      const seen = new Array<number | undefined>(61).fill(undefined);
      let before = 0;
      for (const part of intervals.list) {
        assert.ok(part.from > before && part.to >= part.from, "sorted and disjoint");
        before = part.to;
        seen.fill(part.tag, part.from, part.to + 1);
      }
      assert.deepEqual(seen, model);
      const at = 1 + Math.floor(next() * 60);
      assert.equal(intervals.find(at)?.tag, model[at]);
    }
  }
});
