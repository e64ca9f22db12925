/*  gateway/dashboard/src/page/Grid.tsx - up to four pinned runs beside each other

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useMemo, useState } from "react";
import type { Env } from "../core/env.ts";
import type { Fleet } from "../core/fleet.ts";
import { duration } from "../core/status.ts";
import { useRunStream } from "../hooks/useRunStream.ts";
import { plural } from "../text/format.ts";
import { oneLine } from "../text/visible.ts";
import { onReturn } from "./browser.ts";
import { maskOf, readKinds } from "./chips.ts";
import { Feed } from "./Feed.tsx";
import { Badge, doing, elapsedMs } from "./Header.tsx";
import { Icon } from "./icons.tsx";
import { usePrefs } from "./prefs.ts";
import type { Go } from "./route.ts";

const ROW_PX = 22;

interface GridProps {
  runs: string[];
  fleet: Fleet;
  env: Env;
  wsUrl: string;
  go: Go;
  onRuns(): void;
}

export function Grid({ runs, fleet, env, wsUrl, go, onRuns }: GridProps) {
  useEffect(() => {
    document.title = `${plural(runs.length, "run")} · agentgate`;
    return () => {
      document.title = "agentgate";
    };
  }, [runs.length]);
  return (
    <div class="grid-page">
      <header class="grid-head">
        <button type="button" class="button quiet phone" aria-label="All runs" onClick={onRuns}>
          <Icon name="menu" />
        </button>
        <h2>Pinned runs</h2>
      </header>
      {runs.length === 0 ? (
        <p class="hint">No run is pinned. Pin up to four in the list of runs, or press p in a run.</p>
      ) : null}
      <div class="grid" data-count={runs.length}>
        {runs.map((runId) => (
          <Cell
            key={runId}
            runId={runId}
            title={
              fleet.prompts.get(fleet.runs.get(runId)?.workOrderId ?? "") || fleet.runs.get(runId)?.workOrderId || runId
            }
            env={env}
            wsUrl={wsUrl}
            onOpen={(seq) => go({ place: "run", runId, seq, tab: "activity", file: "" })}
            onRemove={() => go({ runs: runs.filter((id) => id !== runId) })}
          />
        ))}
      </div>
    </div>
  );
}

interface CellProps {
  runId: string;
  title: string;
  env: Env;
  wsUrl: string;
  onOpen(seq: number): void;
  onRemove(): void;
}

function Cell({ runId, title, env, wsUrl, onOpen, onRemove }: CellProps) {
  const { stream } = useRunStream({ env, wsUrl, runId });
  const { group } = usePrefs();
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  useEffect(() => onReturn(() => stream.kick()), [stream]);
  const filter = useMemo(() => {
    const on = readKinds("");
    return { kinds: maskOf(on), failedToo: true, folded: new Set<number>(), only: undefined, group, opened };
  }, [group, opened]);
  const { facts } = stream;
  const todos = facts.todos.items;
  const done = todos.filter((todo) => todo.state === "done").length;
  const elapsed = elapsedMs(stream);
  const failures = facts.errors + facts.failedCalls;
  return (
    <section class="cell" aria-label={title}>
      <header>
        <button type="button" class="cell-title" title={`Open ${runId}`} onClick={() => onOpen(0)}>
          {oneLine(title, 100)}
        </button>
        <Badge status={stream.status} />
        <span class="cell-facts">
          {todos.length > 0 ? `${done} of ${todos.length} · ` : ""}
          {elapsed ? duration(elapsed) : ""}
          {failures > 0 ? <span class="bad"> {failures} failed</span> : null}
        </span>
        <button
          type="button"
          class="button quiet"
          aria-label={`Take ${runId} out`}
          title="Take it out"
          onClick={onRemove}
        >
          <Icon name="close" />
        </button>
      </header>
      <p class="cell-doing">{(facts.ended ? "" : oneLine(doing(stream), 200)) || "\u00a0"}</p>
      <div class="panel">
        <Feed
          run={stream}
          label={title}
          filter={filter}
          selected={0}
          rowHeight={ROW_PX}
          look="compact"
          onSelect={onOpen}
          onGroup={(first) => setOpened(new Set([...opened, first]))}
          empty={stream.known ? "No events yet." : ""}
        />
      </div>
    </section>
  );
}
