/*  gateway/dashboard/src/core/files.ts - what happened to which file, from tool calls and from the watcher

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { AgentToolCall, FileChanged, JsonObject, JsonValue } from "./events.gen.ts";

export interface FileFacts {
  path: string;
  action: "" | "created" | "modified" | "deleted" /* as the watcher saw it last; empty: only from calls */;
  actionSeq: number;
  sizeBytes: number | undefined;
  adds: number;
  dels: number;
  edits: number;
  reads: number;
  calls: number[] /* seqs of the edits, newest at most 200 */;
  wholeRead: number /* seq of the first call that read all of it; 0 none */;
  lastSeq: number;
}

export interface Change {
  adds: number;
  dels: number;
}

export interface Edit extends Change {
  path: string;
  seq: number;
}

/*  Paths beyond this many are counted, not listed. */
export const FILES_MAX = 20_000;
const CALLS_MAX = 200;

const lines = (value: JsonValue | undefined): number => {
  if (typeof value !== "string" || value === "") {
    return 0;
  }
  let count = 1;
  for (let at = value.indexOf("\n"); at >= 0 && at < value.length - 1; at = value.indexOf("\n", at + 1)) {
    count++;
  }
  return count;
};

function pairChange(before: JsonValue | undefined, after: JsonValue | undefined): Change {
  if (typeof before !== "string" || typeof after !== "string") {
    return { adds: lines(after), dels: lines(before) };
  }
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) {
    head++;
  }
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) {
    tail++;
  }
  return { adds: b.length - head - tail, dels: a.length - head - tail };
}

function patchChange(patch: string): Change {
  let adds = 0;
  let dels = 0;
  for (const line of patch.split("\n")) {
    adds += line.startsWith("+") && !line.startsWith("+++") ? 1 : 0;
    dels += line.startsWith("-") && !line.startsWith("---") ? 1 : 0;
  }
  return { adds, dels };
}

/*  Codex changes several files in one call, and says only which and how. */
export function changedPaths(input: JsonObject): { path: string; kind: string }[] {
  const changes = Array.isArray(input?.changes) ? input.changes.slice(0, 1000) : [];
  return changes.flatMap((change) => {
    const { path, kind } = (change ?? {}) as JsonObject;
    return typeof path === "string" ? [{ path, kind: typeof kind === "string" ? kind : "" }] : [];
  });
}

/*  Lines added and taken away by an Edit or Write call, as its input tells. */
export function changeOf(input: JsonObject): Change {
  if (Array.isArray(input.edits)) {
    const sum = { adds: 0, dels: 0 };
    for (const edit of input.edits.slice(0, 1000)) {
      const part = typeof edit === "object" && edit !== null && !Array.isArray(edit) ? changeOf(edit) : sum;
      sum.adds += part === sum ? 0 : part.adds;
      sum.dels += part === sum ? 0 : part.dels;
    }
    return sum;
  }
  const before = input.old_string ?? input.oldString;
  const after = input.new_string ?? input.newString;
  if (before !== undefined || after !== undefined) {
    return pairChange(before, after);
  }
  const patch = input.patch ?? input.diff ?? input.unified_diff;
  return typeof patch === "string" ? patchChange(patch) : { adds: lines(input.content), dels: 0 };
}

export class Files {
  readonly byPath = new Map<string, FileFacts>();
  overflow = 0;

  #file(path: string): FileFacts | undefined {
    let file = this.byPath.get(path);
    if (!file) {
      if (this.byPath.size >= FILES_MAX) {
        this.overflow++;
        return undefined;
      }
      file = {
        path,
        action: "",
        actionSeq: 0,
        sizeBytes: undefined,
        adds: 0,
        dels: 0,
        edits: 0,
        reads: 0,
        calls: [],
        wholeRead: 0,
        lastSeq: 0,
      };
      this.byPath.set(path, file);
    }
    return file;
  }

  /*  The change that an Edit or a Write makes, unless it fails. */
  call(event: AgentToolCall, path: string): Edit | undefined {
    const file = this.#file(path);
    if (!file) {
      return undefined;
    }
    file.lastSeq = Math.max(file.lastSeq, event.seq);
    if (event.tool === "Read") {
      file.reads++;
      const part = event.input?.offset !== undefined || event.input?.limit !== undefined;
      file.wholeRead = part || (file.wholeRead && file.wholeRead < event.seq) ? file.wholeRead : event.seq;
      return undefined;
    }
    const { adds, dels } = changeOf(event.input);
    file.adds += adds;
    file.dels += dels;
    file.edits++;
    file.calls.push(event.seq);
    file.calls.sort((a, b) => a - b).splice(0, Math.max(0, file.calls.length - CALLS_MAX));
    return { path, seq: event.seq, adds, dels };
  }

  /*  The call has failed: it changed nothing. */
  undo(edit: Edit): void {
    const file = this.byPath.get(edit.path);
    if (file) {
      file.adds -= edit.adds;
      file.dels -= edit.dels;
      file.edits--;
      file.calls = file.calls.filter((seq) => seq !== edit.seq);
    }
  }

  changed(event: FileChanged, path: string): void {
    const file = this.#file(path);
    if (!file) {
      return;
    }
    file.lastSeq = Math.max(file.lastSeq, event.seq);
    if (event.seq > file.actionSeq) {
      /* Created and then written again is still a file that was not there before. */
      const still = file.action === "created" && event.action === "modified";
      file.action = still ? "created" : event.action;
      file.actionSeq = event.seq;
      file.sizeBytes = event.sizeBytes;
    }
  }
}
