/*  gateway/dashboard/src/page/Header.tsx - ProgressIndicator: what is known of a run, in two lines

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Progress comes from facts: the agent's own to-do list. Where it keeps none,
    the executor's estimate is shown and called one.
*/
import type { ComponentChildren } from "preact";
import { useState } from "react";
import type { AgentToolCall } from "../core/events.gen.ts";
import type { Run } from "../core/run.ts";
import { duration, QUIET_MS, type Status } from "../core/status.ts";
import { bytes, compact, grouped, money, plural, took } from "../text/format.ts";
import { summary, unmarked, word } from "../text/summary.ts";
import { oneLine, visible } from "../text/visible.ts";
import { Icon } from "./icons.tsx";

interface HeaderProps {
  run: Run;
  title: string;
  workOrder: string;
  children?: ComponentChildren /* beside the badge */;
  tools: ComponentChildren;
  onRuns(): void;
  onHelp(): void;
}

export function Badge({ status, children }: { status: Status; children?: ComponentChildren }) {
  return (
    <span class={`badge ${status.name}`}>
      <span class="badge-dot" aria-hidden="true" />
      <span class="badge-text">{status.text}</span>
      {children}
    </span>
  );
}

export function ProgressIndicator({ run, title, workOrder, children, tools, onRuns, onHelp }: HeaderProps) {
  const { status } = run;
  const { started } = run.facts;
  const agent = started?.agent === "unknown" ? "" : started?.agent;
  const order = workOrder !== title && workOrder !== run.runId ? workOrder : "";
  const sub = [agent, started?.model, order, run.runId === title ? "" : run.runId].filter(Boolean).join(" · ");
  return (
    <header class={`head${status.name === "reconnecting" || status.name === "error" ? " cut-off" : ""}`}>
      <div class="head-top">
        <button type="button" class="button quiet phone" aria-label="All runs" onClick={onRuns}>
          <Icon name="menu" />
        </button>
        <h2 title={visible(`${title}\n${workOrder} ${run.runId}`)}>{oneLine(title, 200)}</h2>
        {children}
        <span class="head-sub">{visible(sub)}</span>
        <span class="head-tools">
          {tools}
          <button type="button" class="button quiet wide" aria-label="Keys" title="Keys (?)" onClick={onHelp}>
            <Icon name="keys" />
          </button>
        </span>
      </div>
      <Bar run={run} status={status} />
      <div class="head-facts">
        <Phase run={run} />
        <Stats run={run} />
        <Continuity run={run} />
      </div>
    </header>
  );
}

/*  Asked before it is done, without a dialog of the browser's: that would stop the page meanwhile. */
export function Cancel({ onCancel }: { onCancel(): Promise<void> }) {
  const [state, setState] = useState<"" | "asking" | "stopping" | "refused">("");
  const [problem, setProblem] = useState("");
  const cancel = (): void => {
    setState("stopping");
    onCancel().catch((error: Error) => {
      setProblem(error.message);
      setState("refused");
    });
  };
  if (state === "") {
    return (
      <button
        type="button"
        class="button quiet"
        aria-label="Stop the run"
        title="Stop the run"
        onClick={() => setState("asking")}
      >
        <Icon name="stop" />
      </button>
    );
  }
  return (
    <span class="asks" role="alert">
      {state === "asking" ? "Stop the agent?" : state === "stopping" ? "Stopping…" : `Not stopped: ${problem}`}
      {state === "asking" ? (
        <button type="button" class="button small danger" onClick={cancel}>
          Stop
        </button>
      ) : null}
      {state === "stopping" ? null : (
        <button type="button" class="button small" onClick={() => setState("")}>
          {state === "asking" ? "No" : "Close"}
        </button>
      )}
    </span>
  );
}

function Bar({ run, status }: { run: Run; status: Status }) {
  const { facts } = run;
  if (status.progress) {
    return (
      <progress
        class="bar catching"
        max={status.progress.total}
        value={status.progress.done}
        aria-label={status.text}
      />
    );
  }
  if (facts.ended) {
    const how = facts.ended.type === "run_completed" ? "ended" : "failed";
    return <progress class={`bar ${how}`} max={1} value={1} aria-label={how === "ended" ? "Done" : "Failed"} />;
  }
  const todos = facts.todos.items;
  if (todos.length > 0) {
    const done = todos.filter((todo) => todo.state === "done").length;
    return (
      <progress
        class="bar"
        max={todos.length}
        value={done}
        aria-label={`${done} of ${todos.length} to-do items done`}
      />
    );
  }
  const estimate = facts.progress?.percentage;
  return estimate === undefined ? (
    <progress class="bar" aria-label="Running" />
  ) : (
    <progress class="bar estimate" max={100} value={estimate} aria-label="Estimated progress" />
  );
}

const AFTER_MS = 2000; /* so long after its result a call is no longer what is being done */

/*  What it is doing, in words; when nothing has come for a while, what it waits for and since when. */
export function doing(run: Run): string {
  const { facts, log } = run;
  const end = facts.ended;
  if (end) {
    return end.type === "run_completed" ? unmarked(end.resultPreview ?? "Completed") : end.error;
  }
  const waiting = facts.runningCall;
  const since = waiting ? run.nowMs - log.timeMs(waiting) : 0;
  const open = since > QUIET_MS ? run.body(waiting) : undefined;
  const call = open?.type === "agent_tool_call" ? open : facts.lastCall;
  const result = call ? log.partner(call.seq) : 0;
  const text = [...facts.live.values()].pop();
  if (text && (result || !call)) {
    return `${text.kind === "thinking" ? "Thinking" : "Writing"}: ${text.content.slice(0, 200)}`;
  }
  const after = result && run.nowMs - log.timeMs(result) > AFTER_MS ? "after " : "";
  return call
    ? `${after}${describe(call, facts.started?.cwd)}${call === open ? ` · running for ${duration(since)}` : ""}`
    : "";
}

export const describe = (call: AgentToolCall, cwd: string | undefined): string => `${word(call)} ${summary(call, cwd)}`;

const ETA_TODOS = 3; /* fewer say nothing about the others */

/*  Only from what has been done, and only as a guess. */
function timeLeft(run: Run, done: number, total: number): string {
  const started = run.facts.startedMs;
  const left = started && done >= ETA_TODOS && done < total ? ((run.nowMs - started) / done) * (total - done) : 0;
  return left > 0 ? ` · ~${left < 90_000 ? duration(left) : `${Math.round(left / 60_000)} m`} left` : "";
}

function Phase({ run }: { run: Run }) {
  const { facts } = run;
  const todos = facts.todos.items;
  const done = todos.filter((todo) => todo.state === "done").length;
  const active = todos.find((todo) => todo.state === "active");
  const progress = facts.progress;
  const end = facts.ended;
  const text = doing(run);
  return (
    <span class="phase" title={visible(text)}>
      {todos.length > 0 ? (
        <strong>
          {done} of {todos.length}
          {active && !end ? ` · ${oneLine(active.text, 80)}` : ""}
          {end ? "" : timeLeft(run, done, todos.length)}
        </strong>
      ) : progress && !end ? (
        <strong title="Estimated by the executor from time, calls and phase">
          {progress.currentPhase} ~{Math.round(progress.percentage)} %
        </strong>
      ) : null}
      <span class="phase-text">{oneLine(text, 200)}</span>
    </span>
  );
}

export function elapsedMs({ facts, nowMs }: Run): number {
  return facts.ended ? facts.ended.durationMs : facts.startedMs ? Math.max(1000, nowMs - facts.startedMs) : 0;
}

function Stats({ run }: { run: Run }) {
  const { facts, log } = run;
  const files = [...facts.files.byPath.values()].filter((file) => file.edits > 0);
  const adds = files.reduce((sum, file) => sum + file.adds, 0);
  const dels = files.reduce((sum, file) => sum + file.dels, 0);
  const elapsed = elapsedMs(run);
  const usage = facts.usage;
  const cost = facts.ended?.type === "run_completed" ? (facts.ended.costUsd ?? usage?.costUsd) : usage?.costUsd;
  const rate = run.meter.perSecond;
  return (
    <span class="stats">
      {elapsed > 0 ? <span title="Elapsed">{duration(elapsed)}</span> : null}
      {facts.calls > 0 ? (
        <span>
          {plural(facts.calls, "call")}
          {facts.failedCalls ? <span class="bad"> {grouped(facts.failedCalls)} failed</span> : null}
        </span>
      ) : null}
      {files.length > 0 ? (
        <span>
          {adds > 0 ? <span class="adds">+{grouped(adds)} </span> : null}
          {dels > 0 ? <span class="dels">−{grouped(dels)} </span> : null}
          {adds + dels > 0 ? `in ${plural(files.length, "file")}` : `${plural(files.length, "file")} edited`}
        </span>
      ) : null}
      {usage ? (
        <span title={usageTitle(run)}>
          {compact(usage.inputTokens)} in, {compact(usage.outputTokens)} out
        </span>
      ) : null}
      {cost ? <span>{money(cost)}</span> : null}
      {rate >= 1 && !facts.ended ? (
        <span
          title={`${bytes(log.bodies.bytes)} of events held; the last came ${took(run.lagMs)} later than the fastest`}
        >
          {plural(Math.round(rate), "event")}/s
        </span>
      ) : null}
    </span>
  );
}

function usageTitle(run: Run): string {
  const usage = run.facts.usage;
  const parts = [`${grouped(usage?.inputTokens ?? 0)} input`, `${grouped(usage?.outputTokens ?? 0)} output`];
  if (usage?.cacheReadTokens !== undefined) {
    parts.push(`${grouped(usage.cacheReadTokens)} read from cache`);
  }
  if (usage?.cacheWriteTokens !== undefined) {
    parts.push(`${grouped(usage.cacheWriteTokens)} written to cache`);
  }
  return `Tokens: ${parts.join(", ")}`;
}

/*  Whether all of it is here. */
function Continuity({ run }: { run: Run }) {
  const { log } = run;
  if (log.last === 0) {
    return null;
  }
  const holes = log.missing.list.filter((part) => !part.tag.recoverable || part.tag.state === "failed");
  const open = log.missing.list.length - holes.length;
  const text = holes.length > 0 ? plural(holes.length, "gap") : open > 0 ? "fetching earlier events" : "no gaps";
  return (
    <span
      class={`chip-info${holes.length ? " bad" : ""}`}
      title="Events are numbered without holes; this page knows when one is missing"
    >
      1–{grouped(log.last)}, {text}
    </span>
  );
}
