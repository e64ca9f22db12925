/*  gateway/dashboard/src/page/Files.tsx - what was touched, how often, by which call, with the diffs

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useMemo } from "react";
import type { FileFacts } from "../core/files.ts";
import type { RunStream } from "../core/runstream.ts";
import { bytes, clockTime, grouped, plural } from "../text/format.ts";
import { visible } from "../text/visible.ts";
import { EditBody } from "./details.tsx";
import { Icon } from "./icons.tsx";

const SHOWN = 1000;

interface FilesProps {
  stream: RunStream;
  version: number;
  selected: string;
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

export function Files({ stream, version, selected, onSelect, onCall }: FilesProps) {
  const { files } = stream.facts;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each version may bring new files
  const groups = useMemo(() => {
    const all = [...files.byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    return byFolder(all.slice(0, SHOWN));
  }, [files, version]);
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
        {files.byPath.size > SHOWN ? (
          <p class="hint">{grouped(files.byPath.size - SHOWN + files.overflow)} more files</p>
        ) : null}
      </div>
      {chosen ? <FileDetails stream={stream} file={chosen} onClose={() => onSelect("")} onCall={onCall} /> : null}
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
  stream: RunStream;
  file: FileFacts;
  onClose(): void;
  onCall(seq: number): void;
}

function FileDetails({ stream, file, onClose, onCall }: FileDetailsProps) {
  return (
    <aside class="drawer scrolls" aria-label={file.path}>
      <header class="drawer-head">
        <h3 class="mono">{visible(file.path)}</h3>
        <button type="button" class="button quiet" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <p class="dim">
        {ACTIONS[file.action][1]}
        {file.sizeBytes !== undefined ? `, ${bytes(file.sizeBytes)}` : ""}
        {file.reads ? `, read ${plural(file.reads, "time")}` : ""}
      </p>
      {file.calls.slice(-30).map((seq) => {
        const event = stream.body(seq);
        return (
          <section class="file-edit" key={seq}>
            <button type="button" class="inline" onClick={() => onCall(seq)}>
              {clockTime(stream.log.timeMs(seq))} · event {grouped(seq)}
            </button>
            {event?.type === "agent_tool_call" ? <EditBody call={event} /> : <p class="dim">…</p>}
          </section>
        );
      })}
      {file.calls.length === 0 ? (
        <p class="dim">No edit by a tool call: a command changed it, or it was only read.</p>
      ) : null}
    </aside>
  );
}
