/*  gateway/dashboard/src/core/runstream.ts - one run, live: socket, subscription, log, facts, history; no framework

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { Api, type EventPage } from "./api.ts";
import { Backfill } from "./backfill.ts";
import { PAGE_EVENTS } from "./bodies.ts";
import type { Env } from "./env.ts";
import type { AgentGateEvent } from "./events.gen.ts";
import { Link, type LinkState } from "./link.ts";
import {
  type Backpressure,
  type Confirmed,
  type Gap,
  type Heartbeat,
  type Producer,
  parseMessage,
  type ServerMessage,
  streamOf,
  subscribeMessage,
} from "./protocol.ts";
import { Row } from "./rows.ts";
import { Run } from "./run.ts";
import { type Status, statusOf } from "./status.ts";

/*  How much of the past is asked for over the socket; the rest comes over HTTP. */
export const REPLAY_COUNT = 1000;

export interface RunStreamOptions {
  env: Env;
  wsUrl: string;
  runId: string;
}

export class RunStream extends Run {
  readonly api: Api;
  link: LinkState;
  confirmed = false; /* subscribed on the present connection */
  replaying = false;
  producer: Producer | "" = "";
  pressure: Backpressure | undefined;
  problem: { code: string; message: string } | undefined;
  heardAt = 0; /* clock.now () of the last event that came live, the executor's progress left out */
  readonly #link: Link;
  #released = false;
  #skewMs = 0;
  #heardLive = false;
  #cursor: string | undefined;
  #backfill: Backfill;

  constructor(options: RunStreamOptions) {
    super(options.env, options.runId);
    this.api = new Api(options.env);
    this.#backfill = this.#newBackfill();
    this.#link = new Link({
      clock: options.env.clock,
      openSocket: options.env.openSocket,
      url: options.wsUrl,
      onOpen: () => this.#subscribe(),
      onMessage: (text) => this.#message(text),
      onState: (state) => this.#linkState(state),
    });
    this.link = this.#link.state;
  }

  start(): void {
    this.#released = false;
    this.#link.start();
  }

  stop(): void {
    this.#link.stop();
    this.#backfill.stop();
  }

  /*  It has ended and all of it is here: its socket is released. start () listens again. */
  get released(): boolean {
    return this.#released;
  }

  /*  The reader would rather have the newest now than all in order: what is
      left out is fetched like any other hole. */
  skip(): void {
    this.#cursor = undefined;
    this.pressure = undefined;
    this.#subscribe();
    this.touch();
  }

  kick(): void {
    this.#link.kick();
  }

  get status(): Status {
    return statusOf(this, this.env.clock);
  }

  /*  By the executor's clock: the browser's may go wrong, and differ by the
      least that an event seemed to take to get here. */
  get nowMs(): number {
    return this.env.clock.wall() - this.#skewMs;
  }

  override get fetchProblem(): string {
    return this.#backfill.problem;
  }

  get catchingUp(): { done: number; total: number } | undefined {
    if (this.replaying && this.log.received < this.log.last) {
      return { done: this.log.received, total: this.log.last };
    }
    const open = this.log.missing.list.reduce(
      (sum, part) => sum + (part.tag.recoverable && part.tag.state !== "failed" ? part.to - part.from + 1 : 0),
      0,
    );
    return open > 0 ? { done: this.log.last - open, total: this.log.last } : undefined;
  }

  body(seq: number): AgentGateEvent | undefined {
    const found = this.log.bodies.get(seq);
    if (!found) {
      this.#backfill.want(seq);
    } else if (!this.log.bodies.isHotRange(seq)) {
      this.log.bodies.touch(Math.floor(seq / PAGE_EVENTS));
    }
    return found;
  }

  fullBody(seq: number, signal?: AbortSignal): Promise<AgentGateEvent | undefined> {
    return this.api.event(this.runId, seq, signal);
  }

  page(after: number, limit: number, signal?: AbortSignal): Promise<EventPage> {
    return this.api.events(this.runId, after, limit, this.log.epoch, signal);
  }

  search(query: string, found: (seqs: number[]) => void, signal?: AbortSignal): Promise<void> {
    return this.api.search(this.runId, query, found, signal);
  }

  override fetchMissing(from: number, to: number): void {
    this.#backfill.retry(from, to);
    this.touch();
  }

  override prefer(seq: number): void {
    this.#backfill.prefer(seq);
  }

  cancel(): Promise<void> {
    return this.api.cancel(this.runId);
  }

  #newBackfill(): Backfill {
    return new Backfill({
      api: this.api,
      clock: this.env.clock,
      runId: this.runId,
      log: this.log,
      put: (event) => this.#put(event, false),
      changed: () => {
        this.#release();
        this.touch();
      },
    });
  }

  #subscribe(): void {
    const from = this.#cursor === undefined ? { replayCount: REPLAY_COUNT } : { after: this.#cursor };
    this.#link.send(subscribeMessage({ runId: this.runId, includePartial: true, ...from }));
  }

  #linkState(state: LinkState): void {
    this.link = state;
    if (state.phase !== "open") {
      this.confirmed = false;
      this.replaying = false;
    }
    this.touch();
  }

  #message(text: string): void {
    const message = parseMessage(text);
    if (message) {
      this.#handle(message);
      this.link = this.#link.state;
      this.#release();
      this.touch();
    }
  }

  #release(): void {
    const whole = this.log.missing.list.length === 0 && !this.replaying;
    if (this.facts.ended && this.producer === "ended" && whole && this.confirmed) {
      this.#released = true;
      this.#link.stop();
    }
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case "batch":
        for (const event of message.events) {
          this.#put(event, true);
        }
        break;
      case "event":
        this.#put(message.event, true);
        break;
      case "subscription_confirmed":
        this.#confirmed(message);
        break;
      case "stream_started":
        if (message.stream === this.runId) {
          this.#epoch(message.epoch);
          this.producer = "alive";
        }
        break;
      case "gap":
        this.#gap(message);
        break;
      case "gap_repaired":
        this.#repaired(message.stream, message.from, message.to);
        break;
      case "replay_complete":
        this.#replayed();
        break;
      case "heartbeat":
        this.#heartbeat(message);
        break;
      case "backpressure":
        this.pressure = message.state === "ok" ? undefined : message;
        break;
      case "error":
        this.problem = { code: message.code, message: message.message };
        break;
    }
    if ("cursor" in message && message.cursor !== undefined) {
      this.#cursor = message.cursor;
    }
  }

  #put(event: AgentGateEvent, hot: boolean): void {
    if (streamOf(event) !== this.runId) {
      return;
    }
    if (this.log.put(event, hot)) {
      this.facts.fold(event);
      if (hot) {
        this.meter.count();
      }
      if (hot && !this.replaying) {
        this.#heard(event.seq);
      }
    }
    if (hot && !this.replaying) {
      this.#backfill.kick();
    }
  }

  #heard(seq: number): void {
    this.heardAt = this.log.kind(seq) === Row.PROGRESS ? this.heardAt : this.env.clock.now();
    const took = this.env.clock.wall() - this.log.timeMs(seq);
    this.#skewMs = this.#heardLive ? Math.min(this.#skewMs, took) : took;
    this.#heardLive = true;
    this.lagMs = took - this.#skewMs;
  }

  #confirmed(message: Confirmed): void {
    const info = message.streams[this.runId];
    this.openedAt = this.known ? this.openedAt : (info?.last ?? 0);
    this.confirmed = true;
    this.known = true;
    this.problem = undefined;
    if (!info) {
      return;
    }
    this.#epoch(info.epoch);
    this.producer = info.state as Producer;
    this.replaying = true;
    this.log.extendTo(info.last);
    if (info.last === 0) {
      this.#replayed();
    }
  }

  /*  A newer journal of the same run has other numbers: begin anew. */
  #epoch(epoch: string): void {
    if (epoch !== "" && this.log.epoch !== "" && epoch > this.log.epoch) {
      this.renew(epoch);
      this.#backfill.stop();
      this.#backfill = this.#newBackfill();
      if (!this.replaying) {
        this.#backfill.start();
      }
    } else if (this.log.epoch === "") {
      this.log.epoch = epoch;
    }
  }

  #replayed(): void {
    this.replaying = false;
    this.#backfill.start();
  }

  #gap(gap: Gap): void {
    if (gap.stream !== this.runId || gap.from < 1 || gap.to < gap.from) {
      return;
    }
    this.log.gap(gap);
    if (!this.replaying) {
      this.#backfill.kick();
    }
  }

  #repaired(stream: string, from: number, to: number): void {
    if (stream === this.runId && from >= 1) {
      this.#backfill.retry(from, to);
    }
  }

  #heartbeat(message: Heartbeat): void {
    const state = message.producers[this.runId];
    this.producer = state ?? this.producer;
    if (this.replaying) {
      this.#replayed(); /* silence: whatever was to be replayed has come */
    }
  }
}
