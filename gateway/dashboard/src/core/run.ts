/*  gateway/dashboard/src/core/run.ts - what the page asks of a run, wherever it comes from: live, replayed, a file

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    live changes at most once a frame, calm at most five times a second (headers,
    counts), so that a flood costs one paint a frame and no more. Both are what
    React's useSyncExternalStore wants.
*/
import type { EventPage } from "./api.ts";
import type { Env } from "./env.ts";
import type { AgentGateEvent } from "./events.gen.ts";
import { RunFacts } from "./facts.ts";
import { Meter } from "./meter.ts";
import { every, Notifier } from "./notify.ts";
import { RunLog } from "./runlog.ts";
import type { Status } from "./status.ts";

const CALM_MS = 200;

export abstract class Run {
  readonly runId: string;
  readonly live: Notifier;
  readonly calm: Notifier;
  readonly meter: Meter;
  log = new RunLog();
  facts = new RunFacts(this.log);
  generation = 0; /* changes when log and facts are new objects */
  openedAt = 0; /* last seq when the page first had the run: what is above is new */
  lagMs = 0; /* how much longer than the fastest the last event took to get here */
  known = false; /* something can be said of it, if only that it is empty */
  readonly env: Env;

  constructor(env: Env, runId: string) {
    this.env = env;
    this.runId = runId;
    this.live = new Notifier(env.frame);
    this.calm = new Notifier(every(env.clock, CALM_MS, env.frame));
    this.meter = new Meter(env.clock);
  }

  abstract get status(): Status;
  /*  Of the events that exist, how many are here; undefined when all are or nothing is on its way. */
  abstract get catchingUp(): { done: number; total: number } | undefined;
  /*  The run's own clock, ms since 1970: a replay's stands where the reader put it. */
  abstract get nowMs(): number;
  /*  The event, or undefined while it is fetched. */
  abstract body(seq: number): AgentGateEvent | undefined;
  /*  The event with all its body that can be had. */
  abstract fullBody(seq: number, signal?: AbortSignal): Promise<AgentGateEvent | undefined>;
  /*  At most limit events with a seq above after, and where the next page begins. */
  abstract page(after: number, limit: number, signal?: AbortSignal): Promise<EventPage>;
  /*  All seqs whose text holds the query, some at a time. */
  abstract search(query: string, found: (seqs: number[]) => void, signal?: AbortSignal): Promise<void>;
  /*  A reader wants to stand here. */
  prefer(_seq: number): void {}
  /*  A reader pressed Fetch on a gap. */
  fetchMissing(_from: number, _to: number): void {}

  get fetchProblem(): string {
    return "";
  }

  /*  Another journal, or a replay from its start: all begins anew. */
  protected renew(epoch: string): void {
    this.log = new RunLog(epoch);
    this.facts = new RunFacts(this.log);
    this.generation++;
    this.openedAt = 0;
  }

  protected touch(): void {
    this.live.touch();
    this.calm.touch();
  }
}
