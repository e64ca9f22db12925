/*  gateway/dashboard/src/page/Drawer.tsx - the selected event, in full

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useRef, useState } from "react";
import type { AgentGateEvent, AgentToolCall, AgentToolResult, JsonValue } from "../core/events.gen.ts";
import { Row } from "../core/rows.ts";
import type { RunStream } from "../core/runstream.ts";
import { bytes, dayTime, grouped, took, words } from "../text/format.ts";
import { callTarget, KINDS, summary, word } from "../text/summary.ts";
import { oneLine, visible } from "../text/visible.ts";
import { Copy, Json, Terminal } from "./blocks.tsx";
import { CallBody, ResultBody } from "./details.tsx";
import { Icon } from "./icons.tsx";
import { Markdown } from "./Markdown.tsx";
import { exitWord, missingText } from "./rownode.ts";

interface DrawerProps {
  stream: RunStream;
  seq: number;
  version: number;
  inActivity: boolean;
  onClose(): void;
  onSelect(seq: number): void;
  onShow(seq: number): void;
}

/*  The page may hold a shorter form: ask for all of it, once. */
function useFull(stream: RunStream, seq: number): AgentGateEvent | undefined {
  const [full, setFull] = useState<AgentGateEvent>();
  useEffect(() => {
    setFull(undefined);
    if (!seq) {
      return undefined;
    }
    const abort = new AbortController();
    stream.fullBody(seq, abort.signal).then(setFull, () => undefined);
    return () => abort.abort();
  }, [stream, seq]);
  return full?.seq === seq ? full : undefined;
}

export function Drawer(props: DrawerProps) {
  const { stream, seq, onClose } = props;
  const panel = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another event begins at its top
  useEffect(() => {
    panel.current?.scrollTo(0, 0);
  }, [seq]);
  const { log } = stream;
  const isResult = log.kind(seq) === Row.RESULT;
  const callSeq = isResult ? log.partner(seq) : seq;
  const resultSeq = isResult ? seq : log.partner(seq);
  const event = useEvent(stream, isResult && callSeq ? callSeq : seq);
  const result = useEvent(stream, resultSeq);
  return (
    <aside class="drawer scrolls" ref={panel} tabIndex={-1} aria-label="Details of the selected event">
      {log.kind(seq) === Row.MISSING ? (
        <Missing {...props} />
      ) : event ? (
        <EventDetails {...props} event={event} result={result?.type === "agent_tool_result" ? result : undefined} />
      ) : (
        <>
          <Head title={`Event ${grouped(seq)}`} onClose={onClose} />
          <p class="dim">Fetching…</p>
        </>
      )}
    </aside>
  );
}

function useEvent(stream: RunStream, seq: number): AgentGateEvent | undefined {
  const held = seq && stream.log.kind(seq) > Row.PARTIAL ? stream.body(seq) : undefined;
  const cut =
    held?.type === "agent_tool_result"
      ? held.content === undefined && held.contentLength > held.contentPreview.length
      : !held;
  const full = useFull(stream, cut ? seq : 0);
  return full ?? held;
}

function Missing({ stream, seq, onClose }: DrawerProps) {
  const { from, to } = stream.log.missingStretch(seq);
  return (
    <>
      <Head title="Gap" onClose={onClose} />
      <p>{missingText(stream, seq)}</p>
      <button type="button" class="button" onClick={() => stream.fetchMissing(from, to)}>
        Fetch
      </button>
    </>
  );
}

function Head({ title, icon, onClose }: { title: string; icon?: string; onClose(): void }) {
  return (
    <header class="drawer-head">
      {icon ? <Icon name={icon} /> : null}
      <h3>{title}</h3>
      <button type="button" class="button quiet" aria-label="Close details" title="Close (Esc)" onClick={onClose}>
        <Icon name="close" />
      </button>
    </header>
  );
}

/*  Kinds whose input does not already say, first of all, what they are about. */
const TARGETS: ReadonlySet<number> = new Set([Row.READ, Row.EDIT, Row.WEB]);

interface EventDetailsProps extends DrawerProps {
  event: AgentGateEvent;
  result: AgentToolResult | undefined;
}

function EventDetails({ stream, seq, event, result, onClose, onSelect, onShow, inActivity }: EventDetailsProps) {
  const kind = stream.log.kind(event.seq);
  const cwd = stream.facts.started?.cwd;
  const agent = stream.facts.agent(stream.log.parent(event.seq));
  return (
    <>
      <Head title={word(event)} icon={KINDS[kind].icon} onClose={onClose} />
      <p class="drawer-target mono">
        {event.type === "agent_tool_call" && TARGETS.has(kind) ? oneLine(callTarget(event, cwd), 400) : ""}
      </p>
      <p class="drawer-facts">
        <span>event {grouped(seq)}</span>
        <time>{dayTime(stream.log.timeMs(event.seq))}</time>
        {result ? <Outcome result={result} /> : null}
        {agent ? (
          <button type="button" class="inline" onClick={() => onSelect(agent.callSeq)}>
            in {visible(agent.label) || "a subagent"}
          </button>
        ) : null}
      </p>
      <p class="drawer-tools">
        <Copy text={() => JSON.stringify(event, null, 2)} label="Copy JSON" />
        <Copy text={() => location.href} label="Copy link" />
        {inActivity ? null : (
          <button type="button" class="button small" onClick={() => onShow(seq)}>
            Show in Activity
          </button>
        )}
        <SameTool stream={stream} event={event} onSelect={onSelect} />
      </p>
      <Body event={event} result={result} open={stream.facts.ended === undefined} />
      <details class="raw-json">
        <summary>As JSON</summary>
        <Json value={event as unknown as JsonValue} />
        {result ? <Json value={result as unknown as JsonValue} /> : null}
      </details>
    </>
  );
}

function Outcome({ result }: { result: AgentToolResult }) {
  return (
    <>
      <span class={result.success ? "good" : "bad"}>{result.success ? "ok" : exitWord(result)}</span>
      {result.durationMs > 0 ? <span>{took(result.durationMs)}</span> : null}
      {result.contentLength > 0 ? <span>{grouped(result.contentLength)} characters</span> : null}
    </>
  );
}

/*  Previous and next call of the same kind of tool. */
function SameTool({
  stream,
  event,
  onSelect,
}: {
  stream: RunStream;
  event: AgentGateEvent;
  onSelect(seq: number): void;
}) {
  if (event.type !== "agent_tool_call") {
    return null;
  }
  const kind = stream.log.kind(event.seq);
  const find = (step: number): void => {
    for (let at = event.seq + step; at >= 1 && at <= stream.log.last; at += step) {
      if (stream.log.kind(at) === kind) {
        onSelect(at);
        return;
      }
    }
  };
  return (
    <>
      <button
        type="button"
        class="button small"
        aria-label={`Previous ${KINDS[kind].word}`}
        title={`Previous ${KINDS[kind].word}`}
        onClick={() => find(-1)}
      >
        <Icon name="prev" />
      </button>
      <button
        type="button"
        class="button small"
        aria-label={`Next ${KINDS[kind].word}`}
        title={`Next ${KINDS[kind].word}`}
        onClick={() => find(1)}
      >
        <Icon name="next" />
      </button>
    </>
  );
}

function Body({ event, result, open }: { event: AgentGateEvent; result: AgentToolResult | undefined; open: boolean }) {
  switch (event.type) {
    case "agent_tool_call":
      return <ToolBody call={event} result={result} open={open} />;
    case "agent_tool_result":
      return <ResultBody result={event} call={undefined} />;
    case "agent_output":
      return event.kind === "raw" ? (
        <Terminal text={event.content} />
      ) : (
        <div class={event.kind === "thinking" ? "thinking" : ""}>
          {event.kind === "thinking" ? <p class="dim">{grouped(words(event.content))} words</p> : null}
          <Markdown text={event.content} />
        </div>
      );
    case "agent_error":
      return (
        <>
          <Terminal text={event.message} />
          {event.details ? <Json value={event.details} /> : null}
        </>
      );
    case "run_completed":
      return event.resultPreview ? <Markdown text={event.resultPreview} /> : <p>{summary(event)}</p>;
    default:
      return <Json value={plain(event)} />;
  }
}

/*  What is particular to the event. */
function plain(event: AgentGateEvent): JsonValue {
  const { type, workOrderId, runId, stream, seq, timestamp, ...rest } = event as AgentGateEvent &
    Record<string, JsonValue>;
  return rest as JsonValue;
}

function ToolBody({ call, result, open }: { call: AgentToolCall; result: AgentToolResult | undefined; open: boolean }) {
  return (
    <>
      <CallBody call={call} />
      {call.inputTruncated ? <p class="cut">The input was cut at 64 KB by the executor.</p> : null}
      {result ? (
        <>
          <h4>Result</h4>
          {result.error && result.error !== result.contentPreview ? <p class="bad">{visible(result.error)}</p> : null}
          <ResultBody result={result} call={call} />
          {result.contentTruncated ? (
            <p class="cut">Only the first {bytes((result.content ?? result.contentPreview).length)} were kept.</p>
          ) : null}
        </>
      ) : (
        <p class="dim">{open ? "Still running." : "No result came before the run ended."}</p>
      )}
    </>
  );
}
