/*  gateway/dashboard/src/core/backfill.ts - fetches what is missing and can be had, and bodies that have gone cold

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    One request for missing seqs at a time, newest stretch first, since that is
    where people look; bodies for what is on screen go beside it. A gateway that
    answers without the events no longer has them: then the stretch is final.
*/
import { type Api, ApiError } from "./api.ts";
import { PAGE_EVENTS } from "./bodies.ts";
import type { Clock, TimerId } from "./env.ts";
import type { AgentGateEvent } from "./events.gen.ts";
import { GONE, type Missing, type RunLog } from "./runlog.ts";

const FETCH_LIMIT = 1000;
const PAUSE_MS = 20;
const RETRY_MS = 5_000;
const AGAIN_MS = 500; /* for the rest of a page that came in part, or one that others have pushed out */
const AGAIN_MAX_MS = 30_000;
const BODY_REQUESTS = 2;

export interface BackfillOptions {
  api: Api;
  clock: Clock;
  runId: string;
  log: RunLog;
  put(event: AgentGateEvent): void /* an event of the past */;
  changed(): void;
}

export class Backfill {
  readonly #options: BackfillOptions;
  #abort = new AbortController();
  #timer: TimerId | undefined;
  #busy = false;
  #running = false;
  #preferred = 0; /* seq; 0 none */
  problem = ""; /* why fetching does not go on; empty: it does */
  readonly #wanted = new Map<number, number>(); /* page of bodies -> seq, latest wish last */
  readonly #fetching = new Set<number>();
  readonly #resting = new Set<number>(); /* pages that are not asked for just now */
  readonly #rests = new Map<
    number,
    number
  >(); /* page -> ms: longer each time, when more is in sight than can be held */

  constructor(options: BackfillOptions) {
    this.#options = options;
  }

  /*  Also after a stop: React's strict mode starts, stops and starts. */
  start(): void {
    if (this.#abort.signal.aborted) {
      this.#abort = new AbortController();
    }
    this.#running = true;
    this.#soon(0);
  }

  stop(): void {
    this.#running = false;
    this.#abort.abort();
    this.#options.clock.clearTimeout(this.#timer);
  }

  /*  More may be missing now. */
  kick(): void {
    if (this.#running && !this.#busy && this.#timer === undefined) {
      this.#soon(0);
    }
  }

  /*  A reader pressed Fetch on this stretch. */
  retry(from: number, to: number): void {
    const { log } = this.#options;
    for (const part of log.missing.within(from, to)) {
      log.retag(part.from, part.to, { ...part.tag, recoverable: true, state: "idle" });
    }
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.kick();
  }

  #soon(ms: number): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#turn();
    }, ms);
  }

  /*  Somebody wants to see this seq: it comes first. */
  prefer(seq: number): void {
    this.#preferred = seq;
    this.kick();
  }

  #next(): { from: number; to: number; tag: Missing } | undefined {
    const { missing } = this.#options.log;
    const { list } = missing;
    const wanted = this.#preferred ? missing.find(this.#preferred) : undefined;
    if (wanted?.tag.recoverable && wanted.tag.state === "idle") {
      const from = Math.max(wanted.from, this.#preferred - FETCH_LIMIT / 2);
      return { from, to: Math.min(wanted.to, from + FETCH_LIMIT - 1), tag: wanted.tag };
    }
    for (let i = list.length - 1; i >= 0; i--) {
      const part = list[i];
      if (part?.tag.recoverable && part.tag.state !== "fetching") {
        return { from: Math.max(part.from, part.to - FETCH_LIMIT + 1), to: part.to, tag: part.tag };
      }
    }
    return undefined;
  }

  async #turn(): Promise<void> {
    const part = this.#running && !this.#busy ? this.#next() : undefined;
    if (!part) {
      return;
    }
    this.#busy = true;
    const ok = await this.#fetch(part.from, part.to, part.tag);
    this.#busy = false;
    if (this.#running) {
      this.#options.changed();
      this.#soon(ok ? PAUSE_MS : RETRY_MS);
    }
  }

  async #fetch(from: number, to: number, tag: Missing): Promise<boolean> {
    const { api, log, runId } = this.#options;
    const { signal } = this.#abort;
    log.retag(from, to, { ...tag, state: "fetching" });
    try {
      const page = await api.events(runId, from - 1, to - from + 1, log.epoch, signal);
      this.problem = "";
      this.#take(page.events, from, page.next === null ? to : Math.min(to, page.next), tag);
      return true;
    } catch (error) {
      if (signal.aborted) {
        log.retag(from, to, { ...tag, state: "idle" });
        return true;
      }
      const gone = error instanceof ApiError && error.status === 404;
      this.problem = gone ? "" : String(error instanceof Error ? error.message : error);
      log.retag(from, to, gone ? GONE : { ...tag, state: "failed" });
      return gone;
    }
  }

  /*  The answer covers from .. covered: what it does not hold is gone for good. */
  #take(events: readonly AgentGateEvent[], from: number, covered: number, tag: Missing): void {
    const { log } = this.#options;
    for (const event of events) {
      if (event.seq >= from && event.seq <= covered) {
        this.#options.put(event);
      }
    }
    const reason = tag.reason === "cold" ? GONE.reason : tag.reason;
    log.retag(from, covered, { reason, recoverable: false, state: "idle" });
    for (const rest of log.missing.within(covered + 1, Number.MAX_SAFE_INTEGER)) {
      if (rest.tag.state === "fetching") {
        log.retag(rest.from, rest.to, { ...tag, state: "idle" });
      }
    }
  }

  /*  The body of seq is on screen but not here. Old wishes are forgotten: whoever
      still shows the row says so again whenever something has changed. */
  want(seq: number): void {
    const page = Math.floor(seq / PAGE_EVENTS);
    if (this.#fetching.has(page) || this.#resting.has(page) || !this.#running) {
      return;
    }
    this.#wanted.delete(page);
    this.#wanted.set(page, seq);
    while (this.#wanted.size > 8) {
      this.#wanted.delete(this.#wanted.keys().next().value as number);
    }
    this.#bodies();
  }

  #bodies(): void {
    while (this.#fetching.size < BODY_REQUESTS && this.#wanted.size > 0) {
      const [page, seq] = [...this.#wanted].pop() as [number, number];
      this.#wanted.delete(page);
      this.#fetching.add(page);
      void this.#fetchPage(page, seq);
    }
  }

  /*  A page that is too large for one answer comes in parts, from the wanted seq on. */
  async #fetchPage(page: number, seq: number): Promise<void> {
    const { api, log, runId } = this.#options;
    const end = (page + 1) * PAGE_EVENTS;
    const from = Math.max(1, log.bodies.hasCold(page) ? seq : page * PAGE_EVENTS);
    let ms = RETRY_MS;
    try {
      const answer = await api.events(runId, from - 1, end - from, log.epoch, this.#abort.signal);
      log.bodies.putCold(
        page,
        answer.events.filter((event) => Math.floor(event.seq / PAGE_EVENTS) === page),
      );
      const upTo = answer.next ?? end;
      const here = log.bodies.get(seq) !== undefined;
      if (upTo < (here ? end - 1 : seq)) {
        ms = AGAIN_MS;
      } else if (here) {
        ms = this.#rests.get(page) ?? AGAIN_MS;
        this.#rests.set(page, Math.min(AGAIN_MAX_MS, ms * 2));
      }
    } catch {
      /* asked again later */
    }
    this.#fetching.delete(page);
    if (this.#running) {
      this.#rest(page, ms);
      this.#bodies();
      this.#options.changed();
    }
  }

  #rest(page: number, ms: number): void {
    this.#resting.add(page);
    this.#options.clock.setTimeout(() => {
      this.#resting.delete(page);
      if (this.#running) {
        this.#options.changed();
      }
    }, ms);
  }
}
