/*  gateway/dashboard/src/page/Header.tsx - ProgressIndicator: what is known of a run, in two lines

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Progress comes from facts: the agent's own to-do list. Where it keeps none,
    the executor's estimate is shown and called one.
*/
import type { RunStream } from "../core/runstream.ts";
import { duration, type Status, statusOf } from "../core/status.ts";
import { bytes, compact, grouped, money, plural } from "../text/format.ts";
import { summary, unmarked, word } from "../text/summary.ts";
import { oneLine, visible } from "../text/visible.ts";
import { env } from "./browser.ts";
import { Icon } from "./icons.tsx";

interface HeaderProps {
  stream: RunStream;
  workOrder: string /* as the list of runs has it */;
  now: number;
  onRuns(): void;
  onHelp(): void;
}

export function Badge({ stream, status }: { stream: RunStream; status: Status }) {
  return (
    <span class={`badge ${status.name}`}>
      <span class="badge-dot" aria-hidden="true" />
      {status.text}
      {status.action === "retry" ? (
        <button type="button" class="inline" onClick={() => stream.kick()}>
          now
        </button>
      ) : null}
      {status.action === "reload" ? (
        <button type="button" class="inline" onClick={() => location.reload()}>
          reload
        </button>
      ) : null}
    </span>
  );
}

export function ProgressIndicator({ stream, workOrder: listed, now, onRuns, onHelp }: HeaderProps) {
  const { facts, log } = stream;
  const status = statusOf(stream, env.clock);
  const { started } = facts;
  const workOrder = started?.workOrderId ?? listed;
  const title = workOrder || stream.runId;
  return (
    <header class={`head${status.name === "reconnecting" || status.name === "error" ? " cut-off" : ""}`}>
      <div class="head-top">
        <button type="button" class="button quiet phone" aria-label="All runs" onClick={onRuns}>
          <Icon name="menu" />
        </button>
        <h2 title={visible(`${workOrder} ${stream.runId}`)}>{visible(title)}</h2>
        <Badge stream={stream} status={status} />
        <span class="head-sub">
          {visible(
            [
              started?.agent === "unknown" ? "" : started?.agent,
              started?.model,
              workOrder !== stream.runId ? stream.runId : "",
            ]
              .filter(Boolean)
              .join(" · "),
          )}
        </span>
        <span class="head-tools">
          <Cancel stream={stream} />
          <a
            class="button quiet"
            href={stream.api.exportPath(stream.runId)}
            download={`${stream.runId}.jsonl`}
            aria-label="Download as JSON Lines"
            title="Download as JSON Lines"
          >
            <Icon name="save" />
          </a>
          <button type="button" class="button quiet wide" aria-label="Keys" title="Keys (?)" onClick={onHelp}>
            <Icon name="keys" />
          </button>
        </span>
      </div>
      <Bar stream={stream} status={status} />
      <div class="head-facts">
        <Phase stream={stream} />
        <Stats stream={stream} now={now} />
        <Continuity stream={stream} />
      </div>
      <output class="said">{log.last > 0 ? status.text : ""}</output>
    </header>
  );
}

function Cancel({ stream }: { stream: RunStream }) {
  if (stream.facts.ended || !stream.confirmed || stream.producer === "lost" || stream.log.last === 0) {
    return null;
  }
  const cancel = (): void => {
    if (confirm("Stop this run? The agent gets SIGTERM.")) {
      stream.cancel().catch((error: Error) => alert(`The run was not stopped: ${error.message}`));
    }
  };
  return (
    <button type="button" class="button quiet" aria-label="Stop the run" title="Stop the run" onClick={cancel}>
      <Icon name="stop" />
    </button>
  );
}

function Bar({ stream, status }: { stream: RunStream; status: Status }) {
  const { facts } = stream;
  if (status.progress) {
    return (
      <progress
        class="bar catching"
        max={status.progress.total}
        value={status.progress.done}
        aria-label="Catching up"
      />
    );
  }
  if (facts.ended) {
    return <progress class={`bar ${status.name}`} max={1} value={1} aria-label={status.text} />;
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

/*  What it is doing, in words. */
function Phase({ stream }: { stream: RunStream }) {
  const { facts } = stream;
  const todos = facts.todos.items;
  const done = todos.filter((todo) => todo.state === "done").length;
  const active = todos.find((todo) => todo.state === "active");
  const progress = facts.progress;
  const end = facts.ended;
  let text = "";
  if (end) {
    text = end.type === "run_completed" ? unmarked(end.resultPreview ?? "Completed") : end.error;
  } else if (facts.lastCall) {
    text = `${word(facts.lastCall)} ${summary(facts.lastCall, facts.started?.cwd)}`;
  }
  return (
    <span class="phase" title={visible(text)}>
      {todos.length > 0 ? (
        <strong>
          {done} of {todos.length}
          {active && !end ? ` · ${oneLine(active.text, 80)}` : ""}
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

function Stats({ stream, now }: { stream: RunStream; now: number }) {
  const { facts, log } = stream;
  const files = [...facts.files.byPath.values()].filter((file) => file.edits > 0);
  const adds = files.reduce((sum, file) => sum + file.adds, 0);
  const dels = files.reduce((sum, file) => sum + file.dels, 0);
  const started = facts.started ? Date.parse(facts.started.timestamp) : log.firstMs;
  const elapsed = facts.ended ? facts.ended.durationMs : started ? Math.max(1000, now - started) : 0;
  const usage = facts.usage;
  const cost = facts.ended?.type === "run_completed" ? (facts.ended.costUsd ?? usage?.costUsd) : usage?.costUsd;
  const rate = stream.meter.perSecond;
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
          {dels > 0 ? <span class="dels">−{grouped(dels)} </span> : null}in {plural(files.length, "file")}
        </span>
      ) : null}
      {usage ? (
        <span title={usageTitle(stream)}>
          {compact(usage.inputTokens)} in, {compact(usage.outputTokens)} out
        </span>
      ) : null}
      {cost !== undefined ? <span>{money(cost)}</span> : null}
      {rate >= 1 && !facts.ended ? (
        <span title={`${bytes(log.bodies.bytes)} of events held`}>{plural(Math.round(rate), "event")}/s</span>
      ) : null}
    </span>
  );
}

function usageTitle(stream: RunStream): string {
  const usage = stream.facts.usage;
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
function Continuity({ stream }: { stream: RunStream }) {
  const { log } = stream;
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
