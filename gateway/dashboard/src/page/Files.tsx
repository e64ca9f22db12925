/*  gateway/dashboard/src/page/Files.tsx - what was touched, how often, by which call, with the diffs

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useMemo, useState } from "react";
import type { FileFacts } from "../core/files.ts";
import type { Run } from "../core/run.ts";
import { Accumulated, editSteps, wholeFile } from "../text/accumulate.ts";
import { bytes, clockTime, grouped, plural } from "../text/format.ts";
import { visible } from "../text/visible.ts";
import { Copy, Diff } from "./blocks.tsx";
import { EditBody } from "./details.tsx";
import { Icon } from "./icons.tsx";

const SHOWN = 1000;
const ONE_BY_ONE = 30; /* edits shown one by one, the newest */

interface FilesProps {
  run: Run;
  version: number;
  selected: string;
  query: string /* part of a path */;
  onSelect(path: string): void;
  onCall(seq: number): void;
}

const folder = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);

function byFolder(files: FileFacts[]): [string, FileFacts[]][] {
  const groups = new Map<string, FileFacts[]>();
  for (const file of files) {
    const group = groups.get(folder(file.path));
    if (group) {
      group.push(file);
    } else {
      groups.set(folder(file.path), [file]);
    }
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function Files({ run, version, selected, query, onSelect, onCall }: FilesProps) {
  const { files } = run.facts;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each version may bring new files
  const all = useMemo(() => {
    const wanted = query.toLowerCase();
    const found = [...files.byPath.values()].filter((file) => file.path.toLowerCase().includes(wanted));
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }, [files, version, query]);
  const groups = useMemo(() => byFolder(all.slice(0, SHOWN)), [all]);
  if (files.byPath.size === 0) {
    return <p class="hint">No files touched yet.</p>;
  }
  const chosen = files.byPath.get(selected);
  return (
    <div class={`files${chosen ? " with-drawer" : ""}`}>
      <div class="file-list scrolls">
        {groups.map(([name, members]) => (
          <section key={name}>
            <h3>{visible(name) || "./"}</h3>
            {members.map((file) => (
              <FileRow key={file.path} file={file} selected={file.path === selected} onSelect={onSelect} />
            ))}
          </section>
        ))}
        {all.length === 0 ? <p class="hint">No path matches.</p> : null}
        {all.length > SHOWN || files.overflow > 0 ? (
          <p class="hint">{grouped(Math.max(0, all.length - SHOWN) + files.overflow)} more files</p>
        ) : null}
      </div>
      {chosen ? <FileDetails run={run} file={chosen} onClose={() => onSelect("")} onCall={onCall} /> : null}
    </div>
  );
}

const ACTIONS: Record<FileFacts["action"], [string, string]> = {
  created: ["A", "created"],
  modified: ["M", "modified"],
  deleted: ["D", "deleted"],
  "": ["", "not seen by the file watcher"],
};

function FileRow({ file, selected, onSelect }: { file: FileFacts; selected: boolean; onSelect(path: string): void }) {
  const [letter, title] = ACTIONS[file.action];
  return (
    <button
      type="button"
      class={`file${selected ? " selected" : ""}`}
      aria-pressed={selected}
      onClick={() => onSelect(selected ? "" : file.path)}
    >
      <span class={`file-action ${file.action}`} title={title}>
        {letter || (file.edits ? "·" : "")}
      </span>
      <span class="file-name">{visible(file.path.slice(folder(file.path).length))}</span>
      <span class="file-times">
        {[file.edits ? plural(file.edits, "edit") : "", file.reads ? plural(file.reads, "read") : ""]
          .filter(Boolean)
          .join(", ")}
      </span>
      <span class="adds">{file.adds ? `+${grouped(file.adds)}` : ""}</span>
      <span class="dels">{file.dels ? `−${grouped(file.dels)}` : ""}</span>
    </button>
  );
}

interface FileDetailsProps {
  run: Run;
  file: FileFacts;
  onClose(): void;
  onCall(seq: number): void;
}

function FileDetails({ run, file, onClose, onCall }: FileDetailsProps) {
  const [each, setEach] = useState(false);
  return (
    <aside class="drawer scrolls" aria-label={file.path} tabIndex={-1}>
      <header class="drawer-head">
        <h3 class="mono">{visible(file.path)}</h3>
        <button type="button" class="button quiet" aria-label="Close" title="Close (Esc)" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <p class="drawer-facts">
        <span>
          {ACTIONS[file.action][1]}
          {file.sizeBytes !== undefined ? `, ${bytes(file.sizeBytes)}` : ""}
        </span>
        {file.reads ? <span>read {plural(file.reads, "time")}</span> : null}
        {file.edits ? <span>{plural(file.edits, "edit")}</span> : null}
        {file.actionSeq ? (
          <button type="button" class="inline" onClick={() => onCall(file.actionSeq)}>
            last file event
          </button>
        ) : null}
      </p>
      <p class="drawer-tools">
        <Copy text={() => file.path} label="Copy path" />
        {file.calls.length > 1 ? (
          <>
            <button type="button" class="chip" aria-pressed={!each} onClick={() => setEach(false)}>
              All together
            </button>
            <button type="button" class="chip" aria-pressed={each} onClick={() => setEach(true)}>
              One by one
            </button>
          </>
        ) : null}
      </p>
      {file.calls.length === 0 ? (
        <p class="dim">No edit by a tool call: a command changed it, or it was only read.</p>
      ) : each || file.calls.length === 1 ? (
        <OneByOne run={run} file={file} onCall={onCall} />
      ) : (
        <Together run={run} file={file} />
      )}
    </aside>
  );
}

function OneByOne({ run, file, onCall }: { run: Run; file: FileFacts; onCall(seq: number): void }) {
  return (
    <>
      {file.calls.length > ONE_BY_ONE ? (
        <p class="dim">
          The last {ONE_BY_ONE} of {plural(file.calls.length, "edit")}.
        </p>
      ) : null}
      {file.calls.slice(-ONE_BY_ONE).map((seq) => {
        const event = run.body(seq);
        return (
          <section class="file-edit" key={seq}>
            <button type="button" class="inline" onClick={() => onCall(seq)}>
              {clockTime(run.log.timeMs(seq))} · event {grouped(seq)}
            </button>
            {event?.type === "agent_tool_call" ? <EditBody call={event} /> : <p class="dim">…</p>}
          </section>
        );
      })}
    </>
  );
}

/*  What the file was before the first edit, if the run read all of it. */
function textBefore(run: Run, file: FileFacts): string | undefined {
  const { wholeRead, calls } = file;
  if (!wholeRead || wholeRead > (calls[0] ?? 0)) {
    return undefined;
  }
  const result = run.body(run.log.partner(wholeRead));
  const whole = result?.type === "agent_tool_result" && result.success && !result.contentTruncated;
  return whole
    ? wholeFile(result.content ?? (result.contentLength <= result.contentPreview.length ? result.contentPreview : ""))
    : undefined;
}

/*  All edits as one change of the file. */
function Together({ run, file }: { run: Run; file: FileFacts }) {
  const events = file.calls.map((seq) => run.body(seq));
  const missing = events.filter((event) => !event).length;
  const before = textBefore(run, file);
  const key = `${file.calls.join()} ${missing} ${file.action}`; /* facts change in place */
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says when
  const sum = useMemo(() => {
    const made = new Accumulated(before);
    for (const event of events) {
      if (event?.type === "agent_tool_call") {
        made.apply(editSteps(event), file.action === "created");
      }
    }
    return made;
  }, [before, key]);
  if (missing > 0) {
    return <p class="dim">Fetching {plural(missing, "edit")}…</p>;
  }
  const { pieces } = sum;
  return (
    <>
      <p class="dim">{howKnown(sum, file)}</p>
      {pieces.length === 0 ? <p>Changed, and changed back.</p> : null}
      {pieces.map((piece, at) => (
        <Diff
          key={at}
          before={piece.before}
          after={piece.after}
          whole={sum.whole && piece.before === ""}
          numbers={sum.whole}
        />
      ))}
    </>
  );
}

function howKnown(sum: Accumulated, file: FileFacts): string {
  const edits = plural(file.edits, "edit");
  const more = file.calls.length < file.edits ? `, the last ${file.calls.length} of them` : "";
  if (sum.overwritten) {
    return `${edits}${more}: written whole; what was in it before was not read.`;
  }
  const how = sum.whole
    ? `from the file as it was ${file.action === "created" ? "made" : "read"}`
    : "each change in its place; the whole file was not read";
  return `${edits}${more}, ${how}${sum.inexact ? ". Something else changed it, too" : ""}.`;
}
