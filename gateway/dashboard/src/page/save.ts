/*  gateway/dashboard/src/page/save.ts - downloads: all of a run, or the rows that are shown

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { eventsOf } from "../core/gather.ts";
import { jsonText } from "../core/protocol.ts";
import type { Run } from "../core/run.ts";
import type { RunStream } from "../core/runstream.ts";
import { token } from "./browser.ts";

const KEEP_MS = 60_000; /* until the browser has surely taken it */

function offer(href: string, name: string): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = name.replace(/[^\w.@-]+/g, "_");
  link.click();
}

function offerBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  offer(url, name);
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

/*  The gateway's own file, straight to disk. Where it wants a token, which a link
    cannot carry, the page fetches it and hands it over. */
export async function saveRun(run: RunStream): Promise<void> {
  const path = run.api.exportPath(run.runId);
  const name = `${run.runId}.jsonl`;
  if (token() === "") {
    offer(path, name);
    return;
  }
  const answer = await run.env.fetch(path);
  if (answer.ok) {
    offerBlob(await answer.blob(), name);
  }
}

/*  The events of these rows, and the results of calls among them. */
export async function saveRows(run: Run, seqs: readonly number[]): Promise<void> {
  const results = seqs.map((seq) => run.log.partner(seq)).filter((seq) => seq > 0);
  const events = await eventsOf(run, [...new Set([...seqs, ...results])]);
  const lines = events.map((event) => `${jsonText(event)}\n`);
  offerBlob(new Blob(lines, { type: "application/jsonl" }), `${run.runId}-shown.jsonl`);
}
