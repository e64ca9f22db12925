/*  gateway/dashboard/src/page/Tabs.tsx - Activity, Tools, Output, Files, Errors

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useRef } from "react";
import { Row } from "../core/rows.ts";
import type { Run } from "../core/run.ts";
import { compact } from "../text/format.ts";
import { TABS, type Tab } from "./route.ts";

const NAMES: Record<Tab, string> = {
  activity: "Activity",
  tools: "Tools",
  output: "Output",
  files: "Files",
  errors: "Errors",
};

function count(run: Run, tab: Tab): number {
  const { facts, log } = run;
  switch (tab) {
    case "activity":
      return log.last;
    case "tools":
      return facts.calls;
    case "output":
      return log.counts[Row.TEXT] ?? 0;
    case "files":
      return facts.files.byPath.size;
    case "errors":
      return facts.errors + facts.failedCalls + facts.warnings + (facts.ended?.type === "run_failed" ? 1 : 0);
  }
}

interface TabsProps {
  run: Run;
  tab: Tab;
  onTab(tab: Tab): void;
}

export function Tabs({ run, tab, onTab }: TabsProps) {
  /* What was there when it was last looked at. */
  const looked = useRef<{ run: Run; counts: Partial<Record<Tab, number>> }>({ run, counts: {} });
  if (looked.current.run !== run) {
    looked.current = { run, counts: {} };
  }
  const { counts } = looked.current;
  const settled = run.known && !run.catchingUp && run.status.name !== "replay";
  for (const name of TABS) {
    if (!settled) {
      delete counts[name];
    } else if (name === tab || counts[name] === undefined) {
      counts[name] = count(run, name);
    }
  }
  const key = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const next = TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length];
    if (by && next) {
      event.preventDefault();
      onTab(next);
      document.getElementById(`tab-${next}`)?.focus();
    }
  };
  return (
    <div class="tabs" role="tablist" aria-label="Views of the run" onKeyDown={key}>
      {TABS.map((name) => {
        const n = count(run, name);
        const failures = name === "errors" && n > run.facts.warnings;
        return (
          <button
            type="button"
            key={name}
            id={`tab-${name}`}
            role="tab"
            class="tab"
            aria-selected={tab === name}
            aria-controls={tab === name ? `panel-${name}` : undefined}
            tabIndex={tab === name ? 0 : -1}
            onClick={() => onTab(name)}
          >
            {NAMES[name]}
            {n > 0 ? <span class={`count${failures ? " bad" : ""}`}>{compact(n)}</span> : null}
            {n > (counts[name] ?? n) ? <span class="tab-new" role="img" aria-label="new" /> : null}
          </button>
        );
      })}
    </div>
  );
}
