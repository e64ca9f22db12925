/*  gateway/dashboard/src/core/player.ts - a run again, by a clock: as it was at any moment, at any speed

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A player has a log and facts of its own and puts the events of another run
    into them, one after the other, so that whatever shows a run shows it as of
    that time. Going back is beginning anew. Its source may still grow.
*/
import type { EventPage } from "./api.ts";
import { HOT_EVENTS } from "./bodies.ts";
import type { AgentGateEvent } from "./events.gen.ts";
import { Row } from "./rows.ts";
import { Run } from "./run.ts";
import { GONE } from "./runlog.ts";
import { type Status, say } from "./status.ts";

export const SPEEDS = [1, 2, 8, 32, Number.POSITIVE_INFINITY] as const;
const IDLE_MS = 1000; /* nobody waits longer than this for the next event */
const SLICE_MS = 6; /* of a frame, for putting events */
const PAGE = 1000;
const AHEAD = 500; /* fewer events than this in hand: the next page is fetched */

const timeOf = (event: AgentGateEvent): number => Date.parse(event.timestamp) || 0;

export class Player extends Run {
  readonly source: Run;
  playing = false;
  speed: number = 1;
  problem = "";
  #atMs = 0;
  #target = 0; /* seq that is sought; 0: none */
  #tickAt = 0; /* clock.now () of the last tick */
  #ticking = false;
  #fetching = false;
  #next = 0; /* the next page is of events after this seq */
  #done = false; /* the source had nothing after #next when it was asked */
  #ahead: AgentGateEvent[] = []; /* fetched, not yet put */
  #used = 0; /* of #ahead */
  #life = 0; /* answers for an older life are not for this one */
  #stop: (() => void) | undefined;

  constructor(source: Run) {
    super(source.env, source.runId);
    this.source = source;
    this.known = true;
    this.log.epoch = source.log.epoch;
    this.#atMs = source.log.firstMs;
  }

  start(): void {
    this.#stop = this.source.live.subscribe(() => this.touch());
    this.#fetch();
  }

  stop(): void {
    this.#stop?.();
    this.playing = false;
    this.#life++;
  }

  get nowMs(): number {
    return this.#atMs;
  }

  /*  Last seq that can be played. */
  get last(): number {
    return this.source.log.last;
  }

  get atEnd(): boolean {
    return this.log.last >= this.last;
  }

  get seeking(): boolean {
    return this.#target !== 0;
  }

  get status(): Status {
    const speed = this.speed === Number.POSITIVE_INFINITY ? "max" : `${this.speed}×`;
    const what = this.playing ? `Replay ${speed}` : "Replay paused";
    return this.problem ? say("error", `Replay stopped: ${this.problem}`) : say("replay", what, "", this.catchingUp);
  }

  get catchingUp(): { done: number; total: number } | undefined {
    return this.#target > this.log.last + PAGE ? { done: this.log.last, total: this.#target } : undefined;
  }

  play(on: boolean): void {
    this.playing = on && !this.atEnd;
    this.#tickAt = this.env.clock.now();
    this.problem = "";
    this.#soon();
    this.touch();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.touch();
  }

  /*  Shows the run as it was right after this event. */
  seek(seq: number): void {
    const target = Math.max(1, Math.min(this.last, seq));
    if (target < this.log.last) {
      this.#again();
    }
    this.#target = target;
    this.#soon();
    this.touch();
  }

  /*  To the next event that is a row, or back to the one before. */
  step(by: 1 | -1): void {
    this.playing = false;
    const { log } = this.source;
    let seq = this.log.last + by;
    while (seq > 1 && seq < this.last && (log.kind(seq) <= Row.PARTIAL || log.kind(seq) === Row.RESULT)) {
      seq += by;
    }
    this.seek(seq);
  }

  #again(): void {
    this.renew(this.source.log.epoch);
    this.#life++;
    this.#fetching = false;
    this.#done = false;
    this.#next = 0;
    this.#ahead = [];
    this.#used = 0;
    this.#atMs = this.source.log.firstMs;
  }

  #soon(): void {
    if (!this.#ticking) {
      this.#ticking = true;
      this.env.frame(() => {
        this.#ticking = false;
        this.#tick();
      });
    }
  }

  #tick(): void {
    const now = this.env.clock.now();
    const passed = now - this.#tickAt;
    this.#tickAt = now;
    if (this.#target) {
      this.#put(now + SLICE_MS, (event) => event.seq <= this.#target);
      this.#target = this.log.last >= this.#target || (this.#done && !this.#first) ? 0 : this.#target;
    } else if (this.playing) {
      this.#advance(passed, now);
    }
    this.#fetch();
    if (this.#target || this.playing) {
      this.#soon();
    }
    this.touch();
  }

  get #first(): AgentGateEvent | undefined {
    return this.#ahead[this.#used];
  }

  #advance(passed: number, now: number): void {
    if (this.speed === Number.POSITIVE_INFINITY) {
      this.#put(now + SLICE_MS, () => true);
    } else if (this.#first) {
      const due = Math.max(this.#atMs + passed * this.speed, timeOf(this.#first) - IDLE_MS * this.speed);
      this.#put(now + SLICE_MS, (event) => timeOf(event) <= due);
      this.#atMs = Math.max(this.#atMs, due);
    }
    if (!this.#first && this.#done) {
      const hole = this.source.log.missing.find(this.log.last + 1);
      if (hole && !hole.tag.recoverable) {
        this.log.extendTo(hole.to, GONE);
      }
      this.playing = !this.atEnd && this.playing;
      this.#done = this.atEnd;
    }
  }

  /*  Puts what is in hand as long as it is wanted and there is time. */
  #put(until: number, wanted: (event: AgentGateEvent) => boolean): void {
    for (let n = 1; this.#first && wanted(this.#first); n++) {
      const event = this.#first;
      this.#used++;
      const from = this.log.last + 1;
      if (this.log.put(event, true)) {
        this.facts.fold(event);
        this.meter.count();
      }
      this.log.retag(from, event.seq, GONE); /* what the source has not cannot come later */
      this.#atMs = Math.max(this.#atMs, timeOf(event));
      if (n % 64 === 0 && this.env.clock.now() > until) {
        return;
      }
    }
    if (!this.#first && this.#done && this.#target) {
      this.log.extendTo(this.#target, GONE);
    }
  }

  #fetch(): void {
    const wanted = this.#target > this.#next || this.playing || this.#next === 0;
    if (this.#fetching || this.#done || !wanted || this.#ahead.length - this.#used >= AHEAD) {
      return;
    }
    this.#ahead = this.#ahead.slice(this.#used);
    this.#used = 0;
    const held = this.#held();
    if (held.length > 0) {
      this.#take({ events: held, next: (held[held.length - 1] as AgentGateEvent).seq });
      return;
    }
    this.#fetching = true;
    const life = this.#life;
    this.source.page(this.#next, PAGE).then(
      (page) => {
        if (life === this.#life) {
          this.#fetching = false;
          this.#take(page);
          this.#soon();
        }
      },
      (error: Error) => {
        if (life === this.#life) {
          this.#fetching = false;
          this.#target = 0;
          this.playing = false;
          this.problem = error.message;
          this.touch();
        }
      },
    );
  }

  /*  Events that the source holds anyway, from the next one on. */
  #held(): AgentGateEvent[] {
    const { log } = this.source;
    const found: AgentGateEvent[] = [];
    for (let seq = this.#next + 1; seq <= log.last && found.length < PAGE; seq++) {
      const event = log.bodies.get(seq);
      if (event) {
        found.push(event);
      } else if (log.kind(seq) !== Row.ABSORBED) {
        break;
      }
    }
    return found;
  }

  #take(page: EventPage): void {
    const last = page.events[page.events.length - 1];
    this.#ahead.push(...page.events.filter((event) => event.seq > this.#next));
    this.#next = Math.max(this.#next, last?.seq ?? 0, page.next ?? 0); /* an event of an unknown type is none */
    this.#done = page.next === null || this.#next >= this.last;
  }

  body(seq: number): AgentGateEvent | undefined {
    return (seq > this.log.last - HOT_EVENTS ? this.log.bodies.get(seq) : undefined) ?? this.source.body(seq);
  }

  fullBody(seq: number, signal?: AbortSignal): Promise<AgentGateEvent | undefined> {
    return this.source.fullBody(seq, signal);
  }

  page(after: number, limit: number, signal?: AbortSignal): Promise<EventPage> {
    return this.source.page(after, limit, signal);
  }

  search(query: string, found: (seqs: number[]) => void, signal?: AbortSignal): Promise<void> {
    return this.source.search(query, (seqs) => found(seqs.filter((seq) => seq <= this.log.last)), signal);
  }
}
