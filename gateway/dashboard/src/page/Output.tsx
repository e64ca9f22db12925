/*  gateway/dashboard/src/page/Output.tsx - the agent's text as it reads, with a caret where it is still writing

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useCallback, useEffect, useRef, useState } from "react";
import type { AgentOutput } from "../core/events.gen.ts";
import { eventsOf } from "../core/gather.ts";
import { Row } from "../core/rows.ts";
import type { Run } from "../core/run.ts";
import { bits, View } from "../core/view.ts";
import { clockTime, grouped } from "../text/format.ts";
import { visible } from "../text/visible.ts";
import { CHARS_MAX, Copy, Terminal } from "./blocks.tsx";
import type { FeedHandle } from "./Feed.tsx";
import { useHighlight } from "./highlight.ts";
import { Markdown } from "./Markdown.tsx";

const BLOCKS = 60; /* blocks shown at first; more on demand */
const NEAR = 60; /* px from the end that still count as reading along */

/*  Texts of one message and block are one text. */
function textOf(run: Run, seq: number): AgentOutput | undefined {
  const event = run.body(seq);
  return event?.type === "agent_output" ? event : undefined;
}

/*  Of the whole run; what is not here is fetched. */
async function allText(run: Run, view: View): Promise<string> {
  const seqs = Array.from({ length: view.length }, (_, row) => view.seqAt(row));
  const events = await eventsOf(run, seqs);
  return events.map((event) => (event.type === "agent_output" ? event.content : "")).join("\n\n");
}

function useTexts(run: Run, thinking: boolean): View {
  const kept = useRef<{ view: View; log: unknown; thinking: boolean }>(undefined);
  if (!kept.current || kept.current.log !== run.log || kept.current.thinking !== thinking) {
    const kinds = bits(Row.TEXT, Row.RAW) | (thinking ? bits(Row.THINKING) : 0);
    const view = new View(run.log, { kinds, failedToo: false, folded: new Set(), only: undefined });
    kept.current = { view, log: run.log, thinking };
  }
  kept.current.view.update();
  return kept.current.view;
}

interface OutputProps {
  run: Run;
  version: number;
  query: string;
  regex: boolean;
  matches: ReadonlySet<number> | undefined;
  handle: { current: FeedHandle | undefined };
}

/*  From match to match; the text that holds it is brought into sight. */
function useJump(
  props: OutputProps,
  view: View,
  setShown: (least: number) => void,
  box: { current: HTMLElement | null },
): number {
  const [at, setAt] = useState(0);
  const latest = useRef({ view, at });
  latest.current = { view, at };
  const { handle } = props;
  useEffect(() => {
    const nothing = (): void => undefined;
    const jump: FeedHandle["jump"] = (accept, back) => {
      const { view: texts, at: now } = latest.current;
      const from = now ? texts.rowOf(now) : back ? texts.length : -1;
      for (let step = 1; step <= texts.length; step++) {
        const row = (from + (back ? -step : step) + texts.length) % texts.length;
        if (accept(texts.seqAt(row))) {
          setShown(texts.length - row);
          setAt(texts.seqAt(row));
          return true;
        }
      }
      return false;
    };
    const own: FeedHandle = {
      move: nothing,
      home: nothing,
      end: nothing,
      toggle: nothing,
      page: nothing,
      show: nothing,
      open: () => false,
      jump,
      seqs: () => Array.from({ length: latest.current.view.length }, (_, row) => latest.current.view.seqAt(row)),
    };
    handle.current = own;
    return () => {
      if (handle.current === own) {
        handle.current = undefined;
      }
    };
  }, [handle, setShown]);
  useEffect(() => {
    box.current?.querySelector(`[data-seq="${at}"]`)?.scrollIntoView({ block: "center" });
  }, [at, box]);
  return at;
}

export function Output(props: OutputProps) {
  const { run, version, query, regex, matches } = props;
  const [shown, setShown] = useState(BLOCKS);
  const [raw, setRaw] = useState(false);
  const [thinking, setThinking] = useState(false);
  const scroller = useRef<HTMLDivElement>(null);
  const along = useRef(true);
  const view = useTexts(run, thinking);
  const least = useCallback((count: number) => setShown((now) => Math.max(now, count)), []);
  const chosen = useJump(props, view, least, scroller);
  const from = Math.max(0, view.length - shown);
  const seqs = Array.from({ length: view.length - from }, (_, at) => view.seqAt(from + at));
  const live = [...run.facts.live.values()].filter((text) => thinking || text.kind !== "thinking");
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there may be more text
  useEffect(() => {
    const node = scroller.current;
    if (node && along.current && !chosen) {
      node.scrollTop = node.scrollHeight;
    }
  }, [version, raw, thinking]);
  useHighlight(scroller, matches ? query : "", regex, version);
  const scrolled = (): void => {
    const node = scroller.current;
    along.current = !node || node.scrollHeight - node.scrollTop - node.clientHeight < NEAR;
  };
  return (
    <div class="output">
      <div class="prose-tools">
        <button type="button" class="chip" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          Raw
        </button>
        <button type="button" class="chip" aria-pressed={thinking} onClick={() => setThinking(!thinking)}>
          Thinking
        </button>
        <span class="grow" />
        <Copy text={() => allText(run, view)} label="Copy all" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scroll area must be reachable by keyboard */}
      <div class="prose scrolls" ref={scroller} onScroll={scrolled} tabIndex={0} role="document" aria-label="Output">
        {from > 0 ? (
          <button type="button" class="more" onClick={() => setShown(shown + 200)}>
            {grouped(from)} earlier, show
          </button>
        ) : null}
        {seqs.map((seq) => (
          <TextBlock
            key={seq}
            run={run}
            seq={seq}
            raw={raw}
            chosen={seq === chosen}
            match={matches?.has(seq) ?? false}
          />
        ))}
        {live.map((text) => (
          <article class={`text-block live ${text.kind}`} key={`live ${text.seq}`}>
            <Markdown text={text.content} />
          </article>
        ))}
        {seqs.length + live.length === 0 ? <p class="hint">No text yet.</p> : null}
      </div>
    </div>
  );
}

interface TextBlockProps {
  run: Run;
  seq: number;
  raw: boolean;
  chosen: boolean;
  match: boolean;
}

function TextBlock({ run, seq, raw, chosen, match }: TextBlockProps) {
  const event = textOf(run, seq);
  if (!event) {
    return (
      <article class="text-block cold" data-seq={seq}>
        …
      </article>
    );
  }
  const agent = run.facts.agent(run.log.parent(seq));
  return (
    <article class={`text-block ${event.kind}${match ? " match" : ""}${chosen ? " chosen" : ""}`} data-seq={seq}>
      <header>
        <time>{clockTime(run.log.timeMs(seq))}</time>
        {agent ? <span>{visible(agent.label)}</span> : null}
        {event.kind === "thinking" ? <span>thinking</span> : null}
        {event.incomplete ? <span class="warn">not finished</span> : null}
      </header>
      {event.kind === "raw" ? (
        <Terminal text={event.content} />
      ) : raw ? (
        <pre class="raw">{visible(event.content.slice(0, CHARS_MAX))}</pre>
      ) : (
        <Markdown text={event.content} />
      )}
    </article>
  );
}
