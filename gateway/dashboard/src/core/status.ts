/*  gateway/dashboard/src/core/status.ts - what the badge says: derived from facts, never from the socket's state alone

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { Clock } from "./env.ts";
import type { FailReason } from "./events.gen.ts";
import { runState } from "./fleet.ts";
import type { Run } from "./run.ts";
import type { RunStream } from "./runstream.ts";

export type StatusName =
  | "connecting"
  | "catching-up"
  | "waiting"
  | "live"
  | "quiet"
  | "repairing"
  | "behind"
  | "lost"
  | "reconnecting"
  | "ended"
  | "failed"
  | "replay"
  | "error";

export interface Status {
  name: StatusName;
  text: string;
  action: "" | "retry" | "reload" | "token" | "skip";
  progress: { done: number; total: number } | undefined;
}

export const QUIET_MS = 30_000;

export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 1 && ms > 0) {
    return `${Math.round(ms)} ms`;
  }
  if (s < 60) {
    return `${s} s`;
  }
  if (s < 3600) {
    return `${Math.floor(s / 60)} m ${String(s % 60).padStart(2, "0")} s`;
  }
  return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, "0")} m`;
}

export const say = (
  name: StatusName,
  text: string,
  action: Status["action"] = "",
  progress: Status["progress"] = undefined,
): Status => ({ name, text, action, progress });

const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

function stopped(stream: RunStream): Status {
  const { code, reason } = stream.link;
  if (code === 4501) {
    return say("error", "This gateway asks for a token", "token");
  }
  if (code === 4503) {
    return say("error", "This token may not see the run", "token");
  }
  return say("error", `The gateway closed the connection: ${reason || `code ${code}`}`, "reload");
}

function disconnected(stream: RunStream, clock: Clock): Status {
  const { link } = stream;
  if (link.phase === "waiting") {
    const seconds = Math.ceil(Math.max(0, link.retryAt - clock.now()) / 1000);
    const tries = link.attempt > 0 ? ` (try ${link.attempt + 1})` : "";
    return say("reconnecting", `Reconnecting in ${seconds} s${tries}`, "retry");
  }
  const long = link.attempt > 1 ? ` (try ${link.attempt})` : "";
  return stream.known ? say("reconnecting", `Reconnecting…${long}`) : say("connecting", `Connecting…${long}`);
}

const FAILURES: Partial<Record<FailReason, string>> = {
  agent_error: "agent error",
  spawn: "not started",
  timeout: "timed out",
};

export function endedStatus(run: Run): Status | undefined {
  const end = run.facts.ended;
  if (!end) {
    return undefined;
  }
  if (end.type === "run_completed") {
    return say("ended", `Done in ${duration(end.durationMs)}`);
  }
  const state = runState({ ended: end, producer: "" });
  /* An agent that reports an error may well exit with 0. */
  const why = FAILURES[end.reason] ?? end.signal ?? (end.exitCode ? `exit ${end.exitCode}` : end.reason);
  return say("failed", state === "failed" ? `Failed: ${why}` : state === "cancelled" ? "Cancelled" : "Lost");
}

function alive(stream: RunStream, clock: Clock): Status {
  if (stream.pressure) {
    return say("behind", `Behind by ${duration(stream.pressure.lagMs)}`, "skip");
  }
  if (stream.producer === "lost") {
    return say("lost", "Executor not heard from");
  }
  if (stream.producer === "repairing") {
    return say("repairing", "Live, fetching lost events");
  }
  if (stream.log.last === 0) {
    return say("waiting", "No events yet");
  }
  const idle = Math.min(clock.now() - stream.heardAt, Math.max(0, stream.nowMs - stream.log.agentMs));
  return idle > QUIET_MS ? say("quiet", `Live, last event ${duration(idle)} ago`) : say("live", "Live");
}

export function statusOf(stream: RunStream, clock: Clock): Status {
  if (stream.link.phase === "stopped" && stream.link.code !== 0) {
    return stopped(stream);
  }
  const end = endedStatus(stream);
  if (!stream.confirmed && stream.link.phase === "open" && stream.problem) {
    return say("error", `The gateway refused: ${stream.problem.message || stream.problem.code}`, "reload");
  }
  if (!stream.confirmed) {
    return end && stream.known ? end : disconnected(stream, clock);
  }
  const work = stream.catchingUp;
  if (work && work.total - work.done > 50) {
    return say("catching-up", `Catching up ${grouped(work.done)} / ${grouped(work.total)}`, "", work);
  }
  return end ?? alive(stream, clock);
}
