/*  gateway/dashboard/src/page/Rail.tsx - the runs: live ones first

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useState } from "react";
import { type Fleet, type RunItem, type RunState, runState } from "../core/fleet.ts";
import { duration, QUIET_MS } from "../core/status.ts";
import { dayTime, plural } from "../text/format.ts";
import { oneLine, visible } from "../text/visible.ts";
import { Icon } from "./icons.tsx";
import { togglePin, usePrefs } from "./prefs.ts";
import type { Route } from "./route.ts";
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
  route: Route;
  onSelect(runId: string): void;
  onGrid(pins: string[]): void;
  onFile(): void;
  onClose(): void;
}

export function Rail({ fleet, runs, now, route, onSelect, onGrid, onFile, onClose }: RailProps) {
  const [filter, setFilter] = useState("");
  const [mode, setMode] = useState(theme());
  const { pins } = usePrefs();
  const prompt = (run: RunItem): string => fleet.prompts.get(run.workOrderId) ?? "";
  const wanted = filter.toLowerCase();
  const told = (run: RunItem): string =>
    `${run.runId} ${run.workOrderId} ${run.started?.agent ?? ""} ${prompt(run)}`.toLowerCase();
  const shown = wanted ? runs.filter((run) => told(run).includes(wanted)) : runs;
  const selected = route.place === "run" ? route.runId : "";
  const live = runs.filter((run) => runState(run) === "live").length;
  return (
    <nav class="rail" aria-label="Runs">
      <header>
        <h1>agentgate</h1>
        {pins.length > 1 ? (
          <button
            type="button"
            class="button quiet"
            aria-pressed={route.place === "grid"}
            aria-label={`The ${pins.length} pinned runs beside each other`}
            title="Pinned runs beside each other"
            onClick={() => onGrid(pins)}
          >
            <Icon name="grid" />
          </button>
        ) : null}
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
          <li key={run.runId} class="run-item">
            <RunRow run={run} prompt={prompt(run)} now={now} selected={run.runId === selected} onSelect={onSelect} />
            <button
              type="button"
              class="pin"
              aria-pressed={pins.includes(run.runId)}
              aria-label={`Pin ${run.runId}`}
              title="Pin it, to see up to four beside each other"
              onClick={() => togglePin(run.runId)}
            >
              <Icon name="pin" />
            </button>
          </li>
        ))}
      </ul>
      {shown.length > 200 ? <p class="rail-note">{shown.length - 200} more: filter to find them</p> : null}
      {fleet.listed && runs.length === 0 ? <p class="rail-note">No runs yet</p> : null}
      <footer>
        <FleetState fleet={fleet} live={live} />
        <button type="button" class="inline" title="Look at a downloaded run (JSON Lines)" onClick={onFile}>
          Open a file
        </button>
      </footer>
    </nav>
  );
}

function FleetState({ fleet, live }: { fleet: Fleet; live: number }) {
  const { phase } = fleet.link;
  if (phase === "open") {
    return <span>{live > 0 ? `${plural(live, "run")} live` : "Nothing running"}</span>;
  }
  return <span class="warn">{phase === "stopped" ? "Not connected" : "Connecting…"}</span>;
}

interface RunRowProps {
  run: RunItem;
  prompt: string;
  now: number;
  selected: boolean;
  onSelect(id: string): void;
}

function RunRow({ run, prompt, now, selected, onSelect }: RunRowProps) {
  const state = runState(run);
  const title = oneLine(prompt || run.workOrderId, 120);
  const agent = run.started?.agent === "unknown" ? "" : run.started?.agent;
  const name = run.runId === run.workOrderId && !prompt ? run.started?.model : run.runId;
  const sub = [agent, name].filter(Boolean).join(" · ");
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
      title={`${visible(prompt.slice(0, 500) || run.runId)}${run.startedMs ? `, started ${dayTime(run.startedMs)}` : ""}`}
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
  const { rates } = run.pulse;
  const todo = state === "live" && progress?.todosTotal ? (progress.todosDone ?? 0) / progress.todosTotal : undefined;
  return (
    <span class="run-facts">
      {todo !== undefined ? <progress max={1} value={todo} aria-label="To-do items done" /> : null}
      {parts.length ? <span>{parts.join(" · ")}</span> : null}
      {state === "live" && rates.length > 2 ? <Sparkline rates={rates} /> : null}
      {run.errors > 0 ? <span class="bad">{plural(run.errors, "error")}</span> : null}
      {state === "failed" || state === "lost" ? <span class="bad">{WORDS[state]}</span> : null}
    </span>
  );
}

const SPARK = { width: 48, height: 12 };

/*  Events per second of the last two minutes. */
function Sparkline({ rates }: { rates: readonly number[] }) {
  const most = Math.max(1, ...rates);
  const step = SPARK.width / Math.max(1, rates.length - 1);
  const points = rates.map(
    (rate, at) => `${(at * step).toFixed(1)} ${((1 - rate / most) * (SPARK.height - 2) + 1).toFixed(1)}`,
  );
  const now = Math.round(rates[rates.length - 1] ?? 0);
  return (
    <svg class="spark" width={SPARK.width} height={SPARK.height} role="img" aria-label={`${now} events/s`}>
      <title>{`${now} events/s`}</title>
      <path d={`M${points.join("L")}`} />
    </svg>
  );
}
