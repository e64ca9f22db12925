/*  gateway/dashboard/src/page/Summary.tsx - how it ended

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { FailReason } from "../core/events.gen.ts";
import type { Run } from "../core/run.ts";
import { money, plural, took } from "../text/format.ts";
import { unmarked } from "../text/summary.ts";
import { oneLine } from "../text/visible.ts";
import { Icon } from "./icons.tsx";

interface SummaryProps {
  run: Run;
  onError(): void;
  onFiles(): void;
  onSave?: (() => void) | undefined;
  onReplay?: (() => void) | undefined;
}

const ENDS: Partial<Record<FailReason, string>> = { cancelled: "Cancelled", lost: "Lost" };

export function Summary({ run, onError, onFiles, onSave, onReplay }: SummaryProps) {
  const { facts } = run;
  const end = facts.ended;
  if (!end) {
    return null;
  }
  const ok = end.type === "run_completed";
  const cost = ok ? (end.costUsd ?? facts.usage?.costUsd) : facts.usage?.costUsd;
  const turns = ok ? (end.numTurns ?? facts.usage?.numTurns) : facts.usage?.numTurns;
  const changed = [...facts.files.byPath.values()].filter((file) => file.edits > 0 || file.action !== "").length;
  const told = [
    took(end.durationMs),
    turns !== undefined ? plural(turns, "turn") : "",
    plural(facts.calls, "call"),
    cost ? money(cost) : "",
  ].filter(Boolean);
  const failures = facts.errors + facts.failedCalls;
  return (
    <section class={`summary ${ok ? "ok" : "bad"}`} aria-label="How the run ended">
      <Icon name={ok ? "check" : "error"} />
      <p>
        <strong>{ok ? "Completed" : (ENDS[end.reason] ?? "Failed")}</strong> {told.join(" · ")}
        <span class="summary-text">{oneLine(ok ? unmarked(end.resultPreview ?? "") : end.error, 300)}</span>
      </p>
      <span class="summary-tools">
        {changed > 0 ? (
          <button type="button" class="button small" onClick={onFiles}>
            {plural(changed, "file")} changed
          </button>
        ) : null}
        {failures > 0 ? (
          <button type="button" class="button small" onClick={onError}>
            First failure
          </button>
        ) : null}
        {onSave ? (
          <button type="button" class="button small wide" onClick={onSave}>
            Download
          </button>
        ) : null}
        {onReplay ? (
          <button type="button" class="button small wide" onClick={onReplay}>
            Replay
          </button>
        ) : null}
      </span>
    </section>
  );
}
