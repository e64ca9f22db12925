/*  gateway/dashboard/src/page/Output.tsx - the agent's text as it reads, with a caret where it is still writing

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useRef, useState } from "react";
import type { AgentOutput } from "../core/events.gen.ts";
import { Row } from "../core/rows.ts";
import type { RunStream } from "../core/runstream.ts";
import { bits, View } from "../core/view.ts";
import { clockTime, grouped } from "../text/format.ts";
import { visible } from "../text/visible.ts";
import { Copy, Terminal } from "./blocks.tsx";
import { Markdown } from "./Markdown.tsx";

const BLOCKS = 60; /* blocks shown at first; more on demand */
const NEAR = 60; /* px from the end that still count as reading along */

/*  Texts of one message and block are one text. */
function textOf(stream: RunStream, seq: number): AgentOutput | undefined {
  const event = stream.body(seq);
  return event?.type === "agent_output" ? event : undefined;
}

function useTexts(stream: RunStream, thinking: boolean): View {
  const kept = useRef<{ view: View; log: unknown; thinking: boolean }>(undefined);
  if (!kept.current || kept.current.log !== stream.log || kept.current.thinking !== thinking) {
    const kinds = bits(Row.TEXT, Row.RAW) | (thinking ? bits(Row.THINKING) : 0);
    const view = new View(stream.log, { kinds, failedToo: false, folded: new Set(), only: undefined });
    kept.current = { view, log: stream.log, thinking };
  }
  kept.current.view.update();
  return kept.current.view;
}

export function Output({ stream, version }: { stream: RunStream; version: number }) {
  const [shown, setShown] = useState(BLOCKS);
  const [raw, setRaw] = useState(false);
  const [thinking, setThinking] = useState(false);
  const scroller = useRef<HTMLDivElement>(null);
  const along = useRef(true);
  const view = useTexts(stream, thinking);
  const from = Math.max(0, view.length - shown);
  const seqs = Array.from({ length: view.length - from }, (_, at) => view.seqAt(from + at));
  const live = [...stream.facts.live.values()].filter((text) => thinking || text.kind !== "thinking");
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there may be more text
  useEffect(() => {
    const node = scroller.current;
    if (node && along.current) {
      node.scrollTop = node.scrollHeight;
    }
  }, [version, raw, thinking]);
  const scrolled = (): void => {
    const node = scroller.current;
    along.current = !node || node.scrollHeight - node.scrollTop - node.clientHeight < NEAR;
  };
  const all = (): string => seqs.map((seq) => textOf(stream, seq)?.content ?? "").join("\n\n");
  return (
    <div class="output">
      <div class="toolbar">
        <button type="button" class="chip" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          Raw
        </button>
        <button type="button" class="chip" aria-pressed={thinking} onClick={() => setThinking(!thinking)}>
          Thinking
        </button>
        <span class="grow" />
        <Copy text={all} label="Copy all" />
      </div>
      <div class="prose scrolls" ref={scroller} onScroll={scrolled}>
        {from > 0 ? (
          <button type="button" class="more" onClick={() => setShown(shown + 200)}>
            {grouped(from)} earlier, show
          </button>
        ) : null}
        {seqs.map((seq) => (
          <TextBlock key={seq} stream={stream} seq={seq} raw={raw} />
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

function TextBlock({ stream, seq, raw }: { stream: RunStream; seq: number; raw: boolean }) {
  const event = textOf(stream, seq);
  if (!event) {
    return <article class="text-block cold">…</article>;
  }
  const agent = stream.facts.agent(stream.log.parent(seq));
  return (
    <article class={`text-block ${event.kind}`}>
      <header>
        <time>{clockTime(stream.log.timeMs(seq))}</time>
        {agent ? <span>{visible(agent.label)}</span> : null}
        {event.kind === "thinking" ? <span>thinking</span> : null}
        {event.incomplete ? <span class="warn">not finished</span> : null}
      </header>
      {event.kind === "raw" ? (
        <Terminal text={event.content} />
      ) : raw ? (
        <pre class="raw">{visible(event.content)}</pre>
      ) : (
        <Markdown text={event.content} />
      )}
    </article>
  );
}
