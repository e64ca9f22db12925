/*  gateway/dashboard/src/page/chips.ts - the filter chips of the feed

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { Row } from "../core/rows.ts";
import type { RunLog } from "../core/runlog.ts";
import { bits } from "../core/view.ts";

export interface Chip {
  id: string;
  label: string;
  mask: number;
  on: boolean /* at first; the others stand in the view menu */;
}

export const CHIPS: readonly Chip[] = [
  { id: "says", label: "Messages", mask: bits(Row.TEXT, Row.RAW), on: true },
  { id: "thinks", label: "Thinking", mask: bits(Row.THINKING), on: true },
  { id: "reads", label: "Reads", mask: bits(Row.READ, Row.SEARCH), on: true },
  { id: "edits", label: "Edits", mask: bits(Row.EDIT), on: true },
  { id: "commands", label: "Commands", mask: bits(Row.BASH), on: true },
  { id: "tools", label: "Other tools", mask: bits(Row.TOOL, Row.WEB, Row.AGENT, Row.TODO), on: true },
  { id: "errors", label: "Errors", mask: bits(Row.ERROR, Row.WARNING), on: true },
  { id: "results", label: "Results", mask: bits(Row.RESULT), on: false },
  { id: "files", label: "File events", mask: bits(Row.FILE), on: false },
  { id: "stats", label: "Stats", mask: bits(Row.USAGE, Row.PROGRESS), on: false },
];

const USUAL = CHIPS.filter((chip) => chip.on).map((chip) => chip.id);

/*  In the address: ids of those that are on; nothing: the usual ones. */
export function readKinds(text: string): ReadonlySet<string> {
  const found = text.split(",").filter((id) => CHIPS.some((chip) => chip.id === id));
  return new Set(found.length > 0 || text === "none" ? found : USUAL);
}

export function writeKinds(on: ReadonlySet<string>): string {
  const ids = CHIPS.filter((chip) => on.has(chip.id)).map((chip) => chip.id);
  return ids.join() === USUAL.join() ? "" : ids.join() || "none";
}

/*  A click turns one on or off; alone: only this one, or all again. */
export function toggled(on: ReadonlySet<string>, id: string, alone: boolean): ReadonlySet<string> {
  if (alone) {
    return new Set(on.size === 1 && on.has(id) ? USUAL : [id]);
  }
  const next = new Set(on);
  if (!next.delete(id)) {
    next.add(id);
  }
  return next;
}

/*  Gaps and the run's own milestones are always shown: they are no noise. */
const ALWAYS = bits(Row.MISSING, Row.RUN);

export const maskOf = (on: ReadonlySet<string>): number =>
  CHIPS.reduce((mask, chip) => (on.has(chip.id) ? mask | chip.mask : mask), ALWAYS);

export function chipCount(log: RunLog, chip: Chip): number {
  let sum = 0;
  log.counts.forEach((count, kind) => {
    sum += chip.mask & (1 << kind) ? count : 0;
  });
  return sum;
}
