/*  gateway/dashboard/src/core/api.ts - the gateway's HTTP pages

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { Env } from "./env.ts";
import type { AgentGateEvent } from "./events.gen.ts";
import { asEvent, asEvents } from "./protocol.ts";

export interface RunRecord {
  runId: string;
  workOrderId: string;
  epoch: string;
  first: number;
  last: number;
  state: string;
  startedAt: string;
  updatedAt: string;
  started: AgentGateEvent | undefined;
  progress: AgentGateEvent | undefined;
  ended: AgentGateEvent | undefined;
}

export interface EventPage {
  events: AgentGateEvent[];
  next: number | null;
}

export class ApiError extends Error {
  readonly status: number; /* 0: no answer at all */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Fields = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

export function asRunRecord(value: unknown): RunRecord | undefined {
  const from = (typeof value === "object" && value !== null ? value : {}) as Fields;
  if (typeof from.runId !== "string" || from.runId === "") {
    return undefined;
  }
  return {
    runId: from.runId,
    workOrderId: text(from.workOrderId) || from.runId,
    epoch: text(from.epoch),
    first: number(from.first),
    last: number(from.last),
    state: text(from.state),
    startedAt: text(from.startedAt),
    updatedAt: text(from.updatedAt),
    started: asEvent(from.started),
    progress: asEvent(from.progress),
    ended: asEvent(from.ended),
  };
}

export class Api {
  readonly #fetch: Env["fetch"];

  constructor(env: Pick<Env, "fetch">) {
    this.#fetch = env.fetch;
  }

  async #json(path: string, signal?: AbortSignal): Promise<Fields> {
    let response: Response;
    try {
      response = await this.#fetch(path, signal ? { signal } : {});
    } catch (error) {
      throw new ApiError(0, `no answer: ${error instanceof Error ? error.message : error}`);
    }
    const body = (await response.json().catch(() => ({}))) as Fields | null;
    if (!response.ok) {
      throw new ApiError(response.status, text(body?.detail) || text(body?.title) || `HTTP ${response.status}`);
    }
    return typeof body === "object" && body !== null ? body : {};
  }

  async runs(signal?: AbortSignal): Promise<RunRecord[]> {
    const { runs } = await this.#json("api/v1/runs", signal);
    return (Array.isArray(runs) ? runs : []).map(asRunRecord).filter((run): run is RunRecord => !!run);
  }

  async events(runId: string, after: number, limit: number, epoch: string, signal?: AbortSignal): Promise<EventPage> {
    const query = `after=${after}&limit=${limit}${epoch ? `&epoch=${epoch}` : ""}`;
    const page = await this.#json(`${this.runPath(runId)}/events?${query}`, signal);
    return { events: asEvents(page.events), next: typeof page.next === "number" ? page.next : null };
  }

  async event(runId: string, seq: number, signal?: AbortSignal): Promise<AgentGateEvent | undefined> {
    return asEvent(await this.#json(`${this.runPath(runId)}/events/${seq}`, signal));
  }

  /*  All matching seqs, a slice of the stream at a time. */
  async search(runId: string, query: string, found: (seqs: number[]) => void, signal?: AbortSignal): Promise<void> {
    let after: number | null = 0;
    while (after !== null) {
      const path = `${this.runPath(runId)}/search?q=${encodeURIComponent(query)}&after=${after}`;
      const page: Fields = await this.#json(path, signal);
      found((Array.isArray(page.seqs) ? page.seqs : []).filter((seq): seq is number => typeof seq === "number"));
      const next: number | null = typeof page.next === "number" ? page.next : null;
      after = next !== null && next > after ? next : null;
    }
  }

  async cancel(runId: string): Promise<void> {
    const response = await this.#fetch(`${this.runPath(runId)}/cancel`, { method: "POST" });
    if (!response.ok) {
      const body = (await response.json().catch(() => ({}))) as Fields | null;
      throw new ApiError(response.status, text(body?.detail) || `HTTP ${response.status}`);
    }
  }

  exportPath(runId: string): string {
    return `${this.runPath(runId)}/export`;
  }

  runPath(runId: string): string {
    return `api/v1/runs/${encodeURIComponent(runId)}`;
  }
}
