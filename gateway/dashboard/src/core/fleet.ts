/*  gateway/dashboard/src/core/fleet.ts - all runs: the list of the gateway kept fresh by a subscription to every run

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { Api, ApiError, type RunRecord } from "./api.ts";
import type { Env, TimerId } from "./env.ts";
import type { AgentGateEvent, ProgressUpdate, RunCompleted, RunFailed, RunStarted } from "./events.gen.ts";
import { Link, type LinkState } from "./link.ts";
import { every, Notifier } from "./notify.ts";
import { parseMessage, type ServerMessage, streamOf, subscribeMessage } from "./protocol.ts";

const LIST_MS = 250;
const REFRESH_MS = 60_000;
const RETRY_MS = 5_000;
const RUNS_MAX = 2000;
const PULSE_MS = 4000; /* progress comes every 5 s, and counts as a beat */
const PULSES = 24;

export interface RunItem {
  runId: string;
  workOrderId: string;
  started: RunStarted | undefined;
  progress: ProgressUpdate | undefined;
  ended: RunCompleted | RunFailed | undefined;
  errors: number /* seen since the page was opened */;
  startedMs: number;
  updatedMs: number /* progress that comes in any silence left out */;
  seq: number /* the highest heard of */;
  producer: string;
  pulse: Pulse;
}

/*  Events per second, from the numbers of the few events that the list hears. */
export class Pulse {
  readonly rates: number[] = []; /* the newest last */
  #atMs = 0;
  #seq = 0;

  beat(ms: number, seq: number): void {
    if (ms - this.#atMs < PULSE_MS || seq <= this.#seq) {
      return;
    }
    if (this.#seq > 0) {
      this.rates.push(((seq - this.#seq) * 1000) / (ms - this.#atMs));
      this.rates.splice(0, this.rates.length - PULSES);
    }
    this.#atMs = ms;
    this.#seq = seq;
  }
}

export type RunState = "live" | "done" | "failed" | "cancelled" | "lost";

export function runState(run: Pick<RunItem, "ended" | "producer">): RunState {
  if (run.ended?.type === "run_failed") {
    return run.ended.reason === "cancelled" ? "cancelled" : run.ended.reason === "lost" ? "lost" : "failed";
  }
  if (run.ended) {
    return "done";
  }
  return run.producer === "lost" ? "lost" : "live";
}

export class Fleet {
  readonly runs = new Map<string, RunItem>();
  readonly prompts = new Map<string, string>(); /* what work orders ask for, as far as it was heard */
  readonly changed: Notifier;
  readonly api: Api;
  link: LinkState;
  listed = false; /* the list has been read at least once */
  problem: ApiError | undefined; /* why the list could not be read */
  readonly #env: Env;
  readonly #link: Link;
  #timer: TimerId | undefined;
  #stopped = false;
  #newest: string[] | undefined; /* run ids, cached order */

  constructor(env: Env, wsUrl: string) {
    this.#env = env;
    this.api = new Api(env);
    this.changed = new Notifier(every(env.clock, LIST_MS, env.frame));
    this.#link = new Link({
      clock: env.clock,
      openSocket: env.openSocket,
      url: wsUrl,
      onOpen: (link) => {
        link.send(subscribeMessage({ runId: "*" }));
        this.refresh();
      },
      onMessage: (text) => this.#message(parseMessage(text)),
      onState: (state) => {
        this.link = state;
        this.changed.touch();
      },
    });
    this.link = this.#link.state;
  }

  start(): void {
    this.#stopped = false;
    this.#link.start();
    this.refresh(); /* also says whether a token is asked for, when no socket opens */
  }

  stop(): void {
    this.#stopped = true;
    this.#link.stop();
    this.#env.clock.clearTimeout(this.#timer);
  }

  kick(): void {
    this.#link.kick();
  }

  /*  Live runs first, then by start, newest first. */
  list(): RunItem[] {
    if (!this.#newest) {
      const live = (run: RunItem): number => (runState(run) === "live" ? 1 : 0);
      this.#newest = [...this.runs.values()]
        .sort((a, b) => live(b) - live(a) || b.startedMs - a.startedMs || (a.runId < b.runId ? 1 : -1))
        .map((run) => run.runId);
    }
    return this.#newest.map((id) => this.runs.get(id) as RunItem);
  }

  refresh(): void {
    this.#env.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#refresh();
  }

  async #refresh(): Promise<void> {
    try {
      for (const record of await this.api.runs()) {
        this.#record(record);
      }
      this.listed = true;
      this.problem = undefined;
    } catch (error) {
      this.problem = error instanceof ApiError ? error : new ApiError(0, String(error));
    }
    this.#newest = undefined;
    this.changed.touch();
    if (!this.#stopped && this.#timer === undefined) {
      this.#timer = this.#env.clock.setTimeout(() => this.refresh(), this.problem ? RETRY_MS : REFRESH_MS);
    }
  }

  /*  The prompt of a work order that was created before we came. */
  async askPrompt(workOrderId: string): Promise<void> {
    if (!workOrderId || this.prompts.has(workOrderId)) {
      return;
    }
    this.prompts.set(workOrderId, "");
    const page = await this.api.events(`@${workOrderId}`, 0, 1, "").catch(() => undefined);
    for (const event of page?.events ?? []) {
      this.#prompt(event);
    }
    this.changed.touch();
  }

  #prompt(event: AgentGateEvent): void {
    if (event.type === "work_order_created" && typeof event.taskPrompt === "string") {
      this.prompts.set(event.workOrderId, event.taskPrompt.slice(0, 1000));
    }
  }

  /*  A page that is open for weeks forgets what ended first. */
  #makeRoom(): void {
    const ended = [...this.runs.values()].filter((run) => runState(run) !== "live");
    const oldest = ended.sort((a, b) => a.updatedMs - b.updatedMs)[0];
    if (oldest) {
      this.runs.delete(oldest.runId);
    }
  }

  #run(runId: string, workOrderId: string): RunItem | undefined {
    let run = this.runs.get(runId);
    if (!run && this.runs.size >= RUNS_MAX) {
      this.#makeRoom();
    }
    if (!run && this.runs.size < RUNS_MAX) {
      run = {
        runId,
        workOrderId: workOrderId || runId,
        started: undefined,
        progress: undefined,
        ended: undefined,
        errors: 0,
        startedMs: 0,
        updatedMs: 0,
        seq: 0,
        producer: "",
        pulse: new Pulse(),
      };
      this.runs.set(runId, run);
      this.#newest = undefined;
    }
    return run;
  }

  #record(record: RunRecord): void {
    const run = this.#run(record.runId, record.workOrderId);
    if (!run) {
      return;
    }
    run.startedMs = Date.parse(record.startedAt) || run.startedMs;
    if (run.updatedMs === 0 || record.last > run.seq + 1) {
      run.updatedMs = Math.max(run.updatedMs, Date.parse(record.updatedAt) || 0);
    }
    run.seq = Math.max(run.seq, record.last);
    run.producer = record.state || run.producer;
    const heard = Date.parse(run.ended?.timestamp ?? "") || 0;
    if (record.state === "alive" && !record.ended && Date.parse(record.updatedAt) > heard) {
      run.ended = undefined; /* started again under the same name, and not a list that was made before it ended */
    }
    for (const event of [record.started, record.progress, record.ended]) {
      if (event) {
        this.#latest(run, event);
      }
    }
  }

  #message(message: ServerMessage | undefined): void {
    if (!message) {
      return;
    }
    if (message.type === "batch") {
      for (const event of message.events) {
        this.#event(event);
      }
    } else if (message.type === "event") {
      this.#event(message.event);
    } else if (message.type === "stream_started" && message.runId !== undefined) {
      this.#run(message.runId, message.workOrderId);
    } else if (message.type === "heartbeat") {
      for (const [stream, state] of Object.entries(message.producers)) {
        const run = this.runs.get(stream);
        if (run && run.producer !== state) {
          run.producer = state;
          this.#newest = undefined;
        }
      }
    }
    this.changed.touch();
  }

  #event(event: AgentGateEvent): void {
    this.#prompt(event);
    if (event.runId === undefined || streamOf(event) !== event.runId) {
      return;
    }
    const run = this.#run(event.runId, event.workOrderId);
    if (run) {
      const ms = Date.parse(event.timestamp) || 0;
      this.#latest(run, event);
      if (event.type !== "progress_update" || event.seq > run.seq + 1) {
        run.updatedMs = Math.max(run.updatedMs, ms);
      }
      run.seq = Math.max(run.seq, event.seq);
      run.pulse.beat(ms, event.seq);
      run.errors += event.type === "agent_error" && event.severity !== "warning" ? 1 : 0;
    }
  }

  #latest(run: RunItem, event: AgentGateEvent): void {
    switch (event.type) {
      case "run_started":
        run.started = event;
        if (run.ended && event.timestamp > run.ended.timestamp) {
          run.ended = undefined;
          run.startedMs = run.seq = 0;
          run.pulse = new Pulse();
        }
        run.startedMs ||= Date.parse(event.timestamp) || 0;
        this.#newest = undefined;
        break;
      case "progress_update":
        run.progress = event;
        break;
      case "run_completed":
      case "run_failed":
        run.ended = event;
        this.#newest = undefined;
        break;
    }
  }
}
