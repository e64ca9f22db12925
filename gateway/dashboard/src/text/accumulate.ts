/*  gateway/dashboard/src/text/accumulate.ts - all edits of a file as one change

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    An edit names a text and what takes its place, not where. When the whole file
    is known (read or written before) edits are applied to it. Else what belongs
    together is found by its text: an edit of what an earlier edit put in, or
    around it, joins that one, and what was changed back is gone.
*/
import type { AgentToolCall, JsonObject, JsonValue } from "../core/events.gen.ts";

export interface EditStep {
  before?: string;
  after?: string;
  all?: boolean /* wherever it stands */;
  content?: string /* the whole file */;
  patch?: string;
}

const text = (value: JsonValue | undefined): string | undefined => (typeof value === "string" ? value : undefined);
const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function step(input: JsonObject): EditStep | undefined {
  const before = text(input.old_string ?? input.oldString);
  const after = text(input.new_string ?? input.newString);
  if (before !== undefined || after !== undefined) {
    const all = (input.replace_all ?? input.replaceAll) === true;
    return { before: before ?? "", after: after ?? "", all };
  }
  const patch = text(input.patch ?? input.diff ?? input.unified_diff);
  if (patch !== undefined) {
    return { patch };
  }
  const content = text(input.content);
  return content === undefined ? undefined : { content };
}

/*  What a call of an editing tool does, one after the other. */
export function editSteps(call: AgentToolCall): EditStep[] {
  if (!isObject(call.input)) {
    return [];
  }
  const inputs = Array.isArray(call.input.edits) ? call.input.edits.filter(isObject).slice(0, 100) : [call.input];
  return inputs.map(step).filter((one): one is EditStep => !!one);
}

/*  The hunks of a patch as texts that are replaced. */
function patchSteps(patch: string): EditStep[] {
  const hunks: { before: string[]; after: string[] }[] = [];
  for (const line of patch.split("\n")) {
    const hunk = hunks[hunks.length - 1];
    if (line.startsWith("@@")) {
      hunks.push({ before: [], after: [] });
    } else if (hunk && /^[ +-]|^$/.test(line) && !/^(\+\+\+|---) /.test(line)) {
      if (!line.startsWith("+")) {
        hunk.before.push(line.slice(1));
      }
      if (!line.startsWith("-")) {
        hunk.after.push(line.slice(1));
      }
    }
  }
  return hunks.map(({ before, after }) => ({ before: before.join("\n"), after: after.join("\n") }));
}

/*  A file as a reading tool gave it, with its line numbers taken off; undefined when it is not all of it. */
export function wholeFile(content: string): string | undefined {
  const found: string[] = [];
  for (const line of content.split("\n")) {
    const match = /^\s*(\d+)(?:\t|→|: ?)(.*)$/.exec(line);
    if (match && Number(match[1]) === found.length + 1) {
      found.push(match[2] as string);
    } else if (found.length > 0) {
      return /^\s*$|^\(End of file/.test(line) ? found.join("\n") : undefined;
    }
  }
  return found.length > 0 ? found.join("\n") : undefined;
}

export interface Piece {
  before: string;
  after: string;
}

/*  So short a text is found in too many places to say that it is the same one. */
const SAME_CHARS = 12;

export class Accumulated {
  #whole: Piece | undefined;
  #pieces: Piece[] = [];
  overwritten = false; /* written whole, and what was there before is not known */
  inexact = false; /* an edit was of something else than what is known */

  /*  The file before all edits. */
  constructor(base?: string) {
    this.#whole = base === undefined ? undefined : { before: base, after: base };
  }

  get whole(): boolean {
    return this.#whole !== undefined;
  }

  /*  What became of what; unchanged ones are left out. */
  get pieces(): Piece[] {
    const all = this.#whole ? [this.#whole, ...this.#pieces] : this.#pieces;
    return all.filter((piece) => piece.before !== piece.after);
  }

  /*  created: there was no such file before, as far as is known. */
  apply(steps: readonly EditStep[], created = false): void {
    for (const one of steps) {
      if (one.content !== undefined) {
        this.#write(one.content, created);
      } else if (one.patch !== undefined) {
        this.apply(patchSteps(one.patch));
      } else {
        this.#replace(one.before ?? "", one.after ?? "", one.all ?? false);
      }
    }
  }

  #write(content: string, created: boolean): void {
    if (this.#whole) {
      this.#whole.after = content;
    } else {
      this.overwritten = !created;
      this.#whole = { before: "", after: content };
    }
    this.#pieces = [];
  }

  #replace(before: string, after: string, all: boolean): void {
    if (before === "" && !this.#whole) {
      this.#write(after, true); /* an edit of nothing makes a file */
      return;
    }
    const candidates = this.#whole ? [this.#whole] : [...this.#pieces].reverse();
    for (const piece of candidates) {
      if (piece.after.includes(before) && (this.#whole || before.length >= SAME_CHARS || piece.after === before)) {
        piece.after = all ? piece.after.split(before).join(after) : swap(piece.after, before, after);
        return;
      }
    }
    this.inexact ||= this.#whole !== undefined;
    const joined = this.#around({ before, after });
    this.#pieces.push(joined);
  }

  /*  The edit's text holds what earlier edits put in, or a part of it at an end: of
      the file that was before all, these are one change. */
  #around(edit: Piece): Piece {
    let now = edit.before; /* in the file as it is */
    let { before, after } = edit;
    const joined = new Set<Piece>();
    for (const piece of [...this.#pieces].reverse()) {
      const head = overlap(piece.after, now);
      const tail = overlap(now, piece.after);
      if (piece.after.length >= SAME_CHARS && now.split(piece.after).length === 2) {
        before = swap(before, piece.after, piece.before);
      } else if (head) {
        const rest = piece.after.slice(0, -head);
        [now, after, before] = [rest + now, rest + after, piece.before + before.slice(head)];
      } else if (tail) {
        const rest = piece.after.slice(tail);
        [now, after, before] = [now + rest, after + rest, before.slice(0, -tail) + piece.before];
      } else {
        continue;
      }
      joined.add(piece);
    }
    this.#pieces = this.#pieces.filter((piece) => !joined.has(piece));
    return { before, after };
  }
}

/*  How many characters of whole lines end the one text and begin the other. */
function overlap(first: string, second: string): number {
  const a = first.split("\n");
  const b = second.split("\n");
  for (let count = Math.min(a.length, b.length) - 1; count > 0; count--) {
    const shared = b.slice(0, count).join("\n");
    if (shared.length >= SAME_CHARS && a.slice(-count).join("\n") === shared) {
      return shared.length;
    }
  }
  return 0;
}

/*  The first one; a replacement is text, not a pattern. */
const swap = (whole: string, before: string, after: string): string => {
  const at = whole.indexOf(before);
  return whole.slice(0, at) + after + whole.slice(at + before.length);
};
