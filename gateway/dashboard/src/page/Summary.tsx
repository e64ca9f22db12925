/*  gateway/dashboard/src/page/Summary.tsx - how it ended

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { RunStream } from "../core/runstream.ts";
import { money, plural, took } from "../text/format.ts";
import { unmarked } from "../text/summary.ts";
import { oneLine } from "../text/visible.ts";
import { Icon } from "./icons.tsx";

export function Summary({ stream, onError }: { stream: RunStream; onError(): void }) {
  const end = stream.facts.ended;
  if (!end) {
    return null;
  }
  const ok = end.type === "run_completed";
  const cost = ok ? (end.costUsd ?? stream.facts.usage?.costUsd) : stream.facts.usage?.costUsd;
  const facts = [
    took(end.durationMs),
    ok && end.numTurns !== undefined ? plural(end.numTurns, "turn") : "",
    plural(stream.facts.calls, "call"),
    cost !== undefined ? money(cost) : "",
  ].filter(Boolean);
  return (
    <section class={`summary ${ok ? "ok" : "bad"}`} aria-label="How the run ended">
      <Icon name={ok ? "check" : "error"} />
      <p>
        <strong>{ok ? "Completed" : end.reason === "cancelled" ? "Cancelled" : "Failed"}</strong> {facts.join(" · ")}
        <span class="summary-text">{oneLine(ok ? unmarked(end.resultPreview ?? "") : end.error, 300)}</span>
      </p>
      {stream.facts.errors + stream.facts.failedCalls > 0 ? (
        <button type="button" class="button small" onClick={onError}>
          Last failure
        </button>
      ) : null}
    </section>
  );
}
