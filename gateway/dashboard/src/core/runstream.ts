/*  gateway/dashboard/src/core/runstream.ts - one run, live: socket, subscription, log, facts, history; no framework

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    subscribe () and getSnapshot () are what React's useSyncExternalStore wants.
    live changes at most once a frame, calm at most five times a second (headers,
    counts), so that a flood costs one paint a frame and no more.
*/
import { Api } from "./api.ts";
import { Backfill } from "./backfill.ts";
import { HOT_EVENTS, PAGE_EVENTS } from "./bodies.ts";
import type { Env } from "./env.ts";
import type { AgentGateEvent } from "./events.gen.ts";
import { RunFacts } from "./facts.ts";
import { Link, type LinkState } from "./link.ts";
import { Meter } from "./meter.ts";
import { every, Notifier } from "./notify.ts";
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
import { RunLog } from "./runlog.ts";

const CALM_MS = 200;
/*  How much of the past is asked for over the socket; the rest comes over HTTP. */
export const REPLAY_COUNT = 1000;

export interface RunStreamOptions {
  env: Env;
  wsUrl: string;
  runId: string;
}

export class RunStream {
  readonly runId: string;
  readonly api: Api;
  readonly live: Notifier;
  readonly calm: Notifier;
  readonly meter: Meter;
  log = new RunLog();
  facts = new RunFacts(this.log);
  generation = 0; /* changes when log and facts are new objects */
  link: LinkState;
  confirmed = false; /* subscribed on the present connection */
  replaying = false;
  openedAt = 0; /* last seq when the page first subscribed: what is above is new */
  everConfirmed = false;
  producer: Producer | "" = "";
  pressure: Backpressure | undefined;
  problem: { code: string; message: string } | undefined;
  heardAt = 0; /* clock.now () of the last event that came live */
  readonly #env: Env;
  readonly #link: Link;
  #cursor: string | undefined;
  #backfill: Backfill;

  constructor(options: RunStreamOptions) {
    this.runId = options.runId;
    this.#env = options.env;
    this.api = new Api(options.env);
    this.live = new Notifier(options.env.frame);
    this.calm = new Notifier(every(options.env.clock, CALM_MS, options.env.frame));
    this.meter = new Meter(options.env.clock);
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
    this.#link.start();
  }

  stop(): void {
    this.#link.stop();
    this.#backfill.stop();
  }

  kick(): void {
    this.#link.kick();
  }

  get backfillProblem(): string {
    return this.#backfill.problem;
  }

  /*  Of the events that exist, how many are here; undefined when all are or nothing is on its way. */
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

  /*  The event, or undefined while it is fetched. */
  body(seq: number): AgentGateEvent | undefined {
    const found = this.log.bodies.get(seq);
    if (!found) {
      this.#backfill.want(seq);
    } else if (seq <= this.log.last - HOT_EVENTS) {
      this.log.bodies.touch(Math.floor(seq / PAGE_EVENTS));
    }
    return found;
  }

  /*  The event with all its body that the gateway holds. */
  fullBody(seq: number, signal?: AbortSignal): Promise<AgentGateEvent | undefined> {
    return this.api.event(this.runId, seq, signal);
  }

  fetchMissing(from: number, to: number): void {
    this.#backfill.retry(from, to);
    this.#touch();
  }

  /*  A reader wants to stand here. */
  prefer(seq: number): void {
    this.#backfill.prefer(seq);
  }

  cancel(): Promise<void> {
    return this.api.cancel(this.runId);
  }

  #newBackfill(): Backfill {
    return new Backfill({
      api: this.api,
      clock: this.#env.clock,
      runId: this.runId,
      log: this.log,
      put: (event) => this.#put(event, false),
      changed: () => this.#touch(),
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
    this.#touch();
  }

  #message(text: string): void {
    const message = parseMessage(text);
    if (message) {
      this.#handle(message);
      this.link = this.#link.state;
      this.#touch();
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
        this.heardAt = this.replaying ? this.heardAt : this.#env.clock.now();
      }
    }
    if (hot && !this.replaying) {
      this.#backfill.kick();
    }
  }

  #confirmed(message: Confirmed): void {
    const info = message.streams[this.runId];
    this.openedAt = this.everConfirmed ? this.openedAt : (info?.last ?? 0);
    this.confirmed = true;
    this.everConfirmed = true;
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
      this.log = new RunLog(epoch);
      this.facts = new RunFacts(this.log);
      this.generation++;
      this.openedAt = 0;
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

  #touch(): void {
    this.live.touch();
    this.calm.touch();
  }
}
