/*  gateway/dashboard/src/core/protocol.ts - what the gateway says over /ws, and what we say to it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Nothing here trusts its input: parseMessage gives a message whose named
    fields have the right type, or undefined. Unknown types pass as undefined, so
    that a newer gateway does not break an older page.
*/
import { type AgentGateEvent, EVENT_TYPES } from "./events.gen.ts";

export type GapReason = "rate" | "evicted" | "lost" | "retention";
export type Producer = "alive" | "repairing" | "lost" | "ended";

export interface StreamInfo {
  epoch: string;
  first: number;
  last: number;
  state: string;
}

export interface Confirmed {
  type: "subscription_confirmed";
  cursor?: string;
  streams: Record<string, StreamInfo>;
}

export interface Batch {
  type: "batch";
  events: AgentGateEvent[];
  cursor?: string;
}

export interface Gap {
  type: "gap";
  stream: string;
  epoch: string;
  from: number;
  to: number;
  reason: GapReason;
  counts: Record<string, number>;
  recoverable: boolean;
  cursor?: string;
}

export interface GapRepaired {
  type: "gap_repaired";
  stream: string;
  from: number;
  to: number;
}

export interface StreamStarted {
  type: "stream_started";
  stream: string;
  workOrderId: string;
  runId?: string;
  epoch: string;
  first: number;
}

export interface ReplayComplete {
  type: "replay_complete";
  cursor?: string;
}

export interface Heartbeat {
  type: "heartbeat";
  heads: Record<string, number>;
  producers: Record<string, Producer>;
}

export interface Backpressure {
  type: "backpressure";
  state: "ok" | "slow" | "shedding";
  lagEvents: number;
  lagMs: number;
}

export interface ServerError {
  type: "error";
  code: string;
  message: string;
}

export interface Single {
  type: "event";
  event: AgentGateEvent;
}

export type ServerMessage =
  | Confirmed
  | Batch
  | Single
  | Gap
  | GapRepaired
  | StreamStarted
  | ReplayComplete
  | Heartbeat
  | Backpressure
  | ServerError
  | { type: "pong" };

export type After = string | Record<string, number | string>;

export interface SubscribeRequest {
  runId?: string;
  workOrderId?: string;
  after?: After;
  replayCount?: number;
  includePartial?: boolean;
  batchMs?: number;
}

type Fields = Record<string, unknown>;

const EVENT_TYPE_SET: ReadonlySet<string> = new Set(EVENT_TYPES);
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const count = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;

/*  An event that can be shown: known type, an id, a position. The fields of its
    type are read with care where they are used. */
export function asEvent(value: unknown): AgentGateEvent | undefined {
  if (!isFields(value) || typeof value.type !== "string" || !EVENT_TYPE_SET.has(value.type)) {
    return undefined;
  }
  const seq = value.seq;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1 || seq > 0xffff_fffe) {
    return undefined;
  }
  return value as unknown as AgentGateEvent;
}

export function asEvents(value: unknown): AgentGateEvent[] {
  return Array.isArray(value) ? value.map(asEvent).filter((event): event is AgentGateEvent => !!event) : [];
}

/*  The stream an event belongs to (SPEC section 4). */
export function streamOf(event: AgentGateEvent): string {
  return event.stream ?? event.runId ?? `@${event.workOrderId}`;
}

function numbers(value: unknown): Record<string, number> {
  const found: Record<string, number> = Object.create(null);
  for (const [key, amount] of Object.entries(isFields(value) ? value : {})) {
    found[key] = count(amount);
  }
  return found;
}

function streams(value: unknown): Record<string, StreamInfo> {
  const found: Record<string, StreamInfo> = Object.create(null);
  for (const [id, info] of Object.entries(isFields(value) ? value : {})) {
    if (isFields(info)) {
      found[id] = {
        epoch: text(info.epoch),
        first: count(info.first),
        last: count(info.last),
        state: text(info.state),
      };
    }
  }
  return found;
}

const withCursor = <T extends object>(message: T, from: Fields): T & { cursor?: string } =>
  typeof from.cursor === "string" ? { ...message, cursor: from.cursor } : message;

const READERS: Record<string, (from: Fields) => ServerMessage> = {
  subscription_confirmed: (from) =>
    withCursor({ type: "subscription_confirmed" as const, streams: streams(from.streams) }, from),
  batch: (from) => withCursor({ type: "batch" as const, events: asEvents(from.events) }, from),
  gap: (from) =>
    withCursor(
      {
        type: "gap" as const,
        stream: text(from.stream),
        epoch: text(from.epoch),
        from: count(from.from),
        to: count(from.to),
        reason: (text(from.reason) || "lost") as GapReason,
        counts: numbers(from.counts),
        recoverable: from.recoverable === true,
      },
      from,
    ),
  gap_repaired: (from) => ({
    type: "gap_repaired",
    stream: text(from.stream),
    from: count(from.from),
    to: count(from.to),
  }),
  stream_started: (from) => ({
    type: "stream_started",
    stream: text(from.stream),
    workOrderId: text(from.workOrderId),
    ...(typeof from.runId === "string" ? { runId: from.runId } : {}),
    epoch: text(from.epoch),
    first: count(from.first),
  }),
  replay_complete: (from) => withCursor({ type: "replay_complete" as const }, from),
  heartbeat: (from) => ({
    type: "heartbeat",
    heads: numbers(from.heads),
    producers: (isFields(from.producers) ? from.producers : {}) as Record<string, Producer>,
  }),
  backpressure: (from) => ({
    type: "backpressure",
    state: from.state === "slow" || from.state === "shedding" ? from.state : "ok",
    lagEvents: count(from.lagEvents),
    lagMs: count(from.lagMs),
  }),
  error: (from) => ({ type: "error", code: text(from.code), message: text(from.message) }),
  pong: () => ({ type: "pong" }),
};

export function parseMessage(json: string): ServerMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isFields(value) || typeof value.type !== "string") {
    return undefined;
  }
  if (Object.hasOwn(READERS, value.type)) {
    return READERS[value.type]?.(value);
  }
  const event = asEvent(value);
  return event && { type: "event", event };
}

/*  JSON can be read deeper than it can be written. */
export function jsonText(value: unknown, indent = 0): string {
  try {
    return JSON.stringify(value, null, indent) ?? "";
  } catch {
    return "(nested too deeply to be written)";
  }
}

/*  batch and a short window: one message per event is the first wall a browser hits. */
export function subscribeMessage(request: SubscribeRequest): string {
  return JSON.stringify({ type: "subscribe", batch: true, batchMs: 33, ...request });
}
