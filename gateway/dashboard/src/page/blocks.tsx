/*  gateway/dashboard/src/page/blocks.tsx - pieces that details are made of: terminal text, diffs, JSON, copy buttons

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useMemo, useState } from "react";
import type { JsonValue } from "../core/events.gen.ts";
import { ansiSpans } from "../text/ansi.ts";
import { type DiffLine, diffLines, hunks, sides } from "../text/diff.ts";
import { grouped } from "../text/format.ts";
import { visible } from "../text/visible.ts";
import { Icon } from "./icons.tsx";
import { usePrefs } from "./prefs.ts";

const LINES_SHOWN = 400; /* first and last half of it */
export const CHARS_MAX = 256 * 1024;
const LINE_MAX = 4000;

export function Copy({ text, label = "Copy" }: { text: () => string | Promise<string>; label?: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const id = said ? setTimeout(() => setSaid(""), 1500) : undefined;
    return () => clearTimeout(id);
  }, [said]);
  const copy = async (): Promise<void> => {
    try {
      /* Only pages that came over TLS or from this machine may write to the clipboard. */
      await navigator.clipboard.writeText(await text());
      setSaid("Copied");
    } catch {
      setSaid("Not allowed");
    }
  };
  return (
    <button type="button" class="button small" onClick={() => void copy()}>
      <Icon name={said === "Copied" ? "check" : "copy"} />
      {said || label}
    </button>
  );
}

/*  Output of a program: colours, and the middle of long ones on demand. */
export function Terminal({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const { wrap } = usePrefs();
  const lines = useMemo(() => {
    const cut = text.length > CHARS_MAX ? text.slice(0, CHARS_MAX) : text;
    return cut.split("\n").map((line) => (line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line));
  }, [text]);
  const long = lines.length > LINES_SHOWN && !whole;
  const half = LINES_SHOWN / 2;
  return (
    <div class={wrap ? "term" : "term nowrap"}>
      <Ansi text={(long ? lines.slice(0, half) : lines).join("\n")} />
      {long ? (
        <>
          <button type="button" class="more" onClick={() => setWhole(true)}>
            {grouped(lines.length - LINES_SHOWN)} lines between, show
          </button>
          <Ansi text={lines.slice(-half).join("\n")} />
        </>
      ) : null}
      {text.length > CHARS_MAX ? <p class="cut">Cut here at 256 KB; the download has all of it.</p> : null}
    </div>
  );
}

function Ansi({ text }: { text: string }) {
  const spans = useMemo(() => ansiSpans(text), [text]);
  return (
    <pre>
      {spans.map((span, at) =>
        span.classes ? (
          <span key={at} class={span.classes}>
            {span.text}
          </span>
        ) : (
          span.text
        ),
      )}
    </pre>
  );
}

interface DiffProps {
  before: string;
  after: string;
  whole?: boolean /* a file that was not there */;
  numbers?: boolean /* both texts are whole files */;
}

export function Diff({ before, after, whole = false, numbers = whole }: DiffProps) {
  const { wrap, split } = usePrefs();
  const shown = useMemo(() => {
    const lines = diffLines(visible(before.slice(0, CHARS_MAX)), visible(after.slice(0, CHARS_MAX)));
    return (whole ? lines : hunks(lines)).slice(0, 2000);
  }, [before, after, whole]);
  return (
    <div class={`diff${wrap ? "" : " nowrap"}`}>
      {split && !whole
        ? sides(shown).map((pair, at) => (pair ? <Pair key={at} pair={pair} /> : <Hole key={at} />))
        : shown.map((line, at) => (line ? <Line key={at} line={line} numbers={numbers} /> : <Hole key={at} />))}
      {before.length > CHARS_MAX || after.length > CHARS_MAX ? <p class="cut">Cut here at 256 KB.</p> : null}
    </div>
  );
}

const TONES = { "+": "d-add", "-": "d-del", " ": "d-same" };

const Hole = () => <div class="d-hole" aria-hidden="true" />;

function Line({ line, numbers }: { line: DiffLine; numbers: boolean }) {
  return (
    <div class={TONES[line.kind]}>
      {numbers ? <span class="d-no">{line.after || ""}</span> : null}
      <span class="d-mark">{line.kind}</span>
      <span class="d-text">{line.text.slice(0, LINE_MAX)}</span>
    </div>
  );
}

function Pair({ pair: [left, right] }: { pair: [DiffLine | undefined, DiffLine | undefined] }) {
  return (
    <div class="d-pair">
      {[left, right].map((line, at) => (
        <span key={at} class={line ? TONES[line.kind] : "d-none"}>
          {line?.text.slice(0, LINE_MAX)}
        </span>
      ))}
    </div>
  );
}

/*  A patch as the agent wrote it. */
export function Patch({ text }: { text: string }) {
  const { wrap } = usePrefs();
  return (
    <div class={wrap ? "diff" : "diff nowrap"}>
      {visible(text.slice(0, CHARS_MAX))
        .split("\n")
        .slice(0, 2000)
        .map((line, at) => {
          const kind = /^\+(?!\+\+)/.test(line) ? "d-add" : /^-(?!--)/.test(line) ? "d-del" : "d-same";
          return (
            <div key={at} class={kind}>
              <span class="d-text">{line.slice(0, LINE_MAX)}</span>
            </div>
          );
        })}
    </div>
  );
}

const isBranch = (value: JsonValue): value is JsonValue[] | { [key: string]: JsonValue } =>
  typeof value === "object" && value !== null;

function Leaf({ value }: { value: JsonValue }) {
  if (typeof value === "string") {
    const text = visible(value.length > 20_000 ? `${value.slice(0, 20_000)}…` : value);
    return text.includes("\n") ? <pre class="j-block">{text}</pre> : <span class="j-string">{text || '""'}</span>;
  }
  return <span class="j-other">{String(value)}</span>;
}

/*  Opens level by level, so that depth and size cost only what is looked at. */
export function Json({ value, depth = 0 }: { value: JsonValue; depth?: number }) {
  const [shown, setShown] = useState(100);
  if (!isBranch(value)) {
    return <Leaf value={value} />;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) {
    return <span class="j-other">{Array.isArray(value) ? "[]" : "{}"}</span>;
  }
  return (
    <dl class="json">
      {entries.slice(0, shown).map(([key, part]) => (
        <div key={key} class={isBranch(part) ? "j-branch" : "j-leaf"}>
          <dt>{visible(key.slice(0, 200))}</dt>
          <dd>{isBranch(part) ? <Branch value={part} depth={depth} /> : <Leaf value={part} />}</dd>
        </div>
      ))}
      {entries.length > shown ? (
        <button type="button" class="more" onClick={() => setShown(shown + 1000)}>
          {grouped(entries.length - shown)} more, show
        </button>
      ) : null}
    </dl>
  );
}

function Branch({ value, depth }: { value: JsonValue[] | { [key: string]: JsonValue }; depth: number }) {
  const [open, setOpen] = useState(depth < 2 && Object.keys(value).length <= 20);
  const size = Object.keys(value).length;
  return (
    <>
      <button type="button" class="j-open" aria-expanded={open} onClick={() => setOpen(!open)}>
        {Array.isArray(value) ? `[${size}]` : `{${size}}`}
      </button>
      {open ? <Json value={value} depth={depth + 1} /> : null}
    </>
  );
}
