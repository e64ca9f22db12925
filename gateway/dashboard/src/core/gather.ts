/*  gateway/dashboard/src/core/gather.ts - chosen events of a run, wherever they are

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { AgentGateEvent } from "./events.gen.ts";
import type { Run } from "./run.ts";

const PAGE = 1000;

/*  The events with these seqs, in order; what the page does not hold is fetched, a page at a time. */
export async function eventsOf(run: Run, seqs: readonly number[]): Promise<AgentGateEvent[]> {
  const found: AgentGateEvent[] = [];
  let fetched = new Map<number, AgentGateEvent>();
  let covered = 0; /* up to this seq it is known what can be had */
  for (const seq of [...seqs].sort((a, b) => a - b)) {
    const held = run.log.bodies.get(seq) ?? fetched.get(seq);
    if (!held && seq > covered) {
      const page = await run.page(seq - 1, PAGE);
      covered = page.next ?? Number.POSITIVE_INFINITY;
      fetched = new Map(page.events.map((event) => [event.seq, event]));
    }
    const event = held ?? fetched.get(seq);
    if (event) {
      found.push(event);
    }
  }
  return found;
}
