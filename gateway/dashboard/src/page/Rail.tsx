/*  gateway/dashboard/src/page/Rail.tsx - the runs: live ones first

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useState } from "react";
import { type Fleet, type RunItem, type RunState, runState } from "../core/fleet.ts";
import { duration, QUIET_MS } from "../core/status.ts";
import { dayTime, plural } from "../text/format.ts";
import { visible } from "../text/visible.ts";
import { Icon } from "./icons.tsx";
import { nextTheme, theme } from "./theme.ts";

const WORDS: Record<RunState, string> = {
  live: "running",
  done: "done",
  failed: "failed",
  cancelled: "cancelled",
  lost: "lost",
};

interface RailProps {
  fleet: Fleet;
  runs: RunItem[];
  now: number;
  selected: string;
  onSelect(runId: string): void;
  onClose(): void;
}

export function Rail({ fleet, runs, now, selected, onSelect, onClose }: RailProps) {
  const [filter, setFilter] = useState("");
  const [mode, setMode] = useState(theme());
  const wanted = filter.toLowerCase();
  const shown = wanted
    ? runs.filter((run) => `${run.runId} ${run.workOrderId} ${run.started?.agent ?? ""}`.toLowerCase().includes(wanted))
    : runs;
  const live = runs.filter((run) => runState(run) === "live").length;
  return (
    <nav class="rail" aria-label="Runs">
      <header>
        <h1>agentgate</h1>
        <button
          type="button"
          class="button quiet"
          aria-label={`Theme: ${mode}`}
          title={`Theme: ${mode}`}
          onClick={() => setMode(nextTheme())}
        >
          <Icon name={mode === "auto" ? "auto" : mode === "light" ? "sun" : "moon"} />
        </button>
        <button type="button" class="button quiet phone" aria-label="Close the list" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {runs.length > 5 ? (
        <input
          class="field"
          type="search"
          placeholder="Filter runs"
          aria-label="Filter runs"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      ) : null}
      <ul class="runs">
        {shown.slice(0, 200).map((run) => (
          <li key={run.runId}>
            <RunRow run={run} now={now} selected={run.runId === selected} onSelect={onSelect} />
          </li>
        ))}
      </ul>
      {shown.length > 200 ? <p class="rail-note">{shown.length - 200} more: filter to find them</p> : null}
      {fleet.listed && runs.length === 0 ? <p class="rail-note">No runs yet</p> : null}
      <footer>
        <FleetState fleet={fleet} live={live} />
      </footer>
    </nav>
  );
}

function FleetState({ fleet, live }: { fleet: Fleet; live: number }) {
  const { phase } = fleet.link;
  if (phase === "open") {
    return <span>{live > 0 ? `${plural(live, "run")} live` : "Connected, nothing running"}</span>;
  }
  return <span class="warn">{phase === "stopped" ? "Not connected" : "Connecting…"}</span>;
}

function RunRow({
  run,
  now,
  selected,
  onSelect,
}: {
  run: RunItem;
  now: number;
  selected: boolean;
  onSelect(id: string): void;
}) {
  const state = runState(run);
  const title = visible(run.workOrderId);
  const agent = run.started?.agent === "unknown" ? "" : run.started?.agent;
  const sub = [agent, run.runId === run.workOrderId ? run.started?.model : run.runId].filter(Boolean).join(" · ");
  const silent = state === "live" && run.updatedMs > 0 && now - run.updatedMs > QUIET_MS * 4;
  const time = run.ended
    ? duration(run.ended.durationMs)
    : run.startedMs
      ? duration(Math.max(1000, now - run.startedMs))
      : "";
  return (
    <button
      type="button"
      class={`run${selected ? " selected" : ""}`}
      aria-current={selected ? "page" : undefined}
      title={`${run.runId}${run.startedMs ? `, started ${dayTime(run.startedMs)}` : ""}`}
      onClick={() => onSelect(run.runId)}
    >
      <span class={`state ${state}`} role="img" aria-label={WORDS[state]} />
      <span class="run-title">{title}</span>
      <span class="run-time">{time}</span>
      <span class="run-sub">{visible(sub)}</span>
      <RunFacts run={run} state={state} silent={silent} now={now} />
    </button>
  );
}

function RunFacts({ run, state, silent, now }: { run: RunItem; state: RunState; silent: boolean; now: number }) {
  const { progress } = run;
  const parts: string[] = [];
  if (state === "live" && progress) {
    parts.push(progress.todosTotal ? `${progress.todosDone ?? 0} of ${progress.todosTotal}` : progress.currentPhase);
  }
  if (silent) {
    parts.push(`silent ${duration(now - run.updatedMs)}`);
  }
  const todo = state === "live" && progress?.todosTotal ? (progress.todosDone ?? 0) / progress.todosTotal : undefined;
  return (
    <span class="run-facts">
      {todo !== undefined ? <progress max={1} value={todo} aria-label="To-do items done" /> : null}
      {parts.length ? <span>{parts.join(" · ")}</span> : null}
      {run.errors > 0 ? <span class="bad">{plural(run.errors, "error")}</span> : null}
      {state === "failed" || state === "lost" ? <span class="bad">{WORDS[state]}</span> : null}
    </span>
  );
}
