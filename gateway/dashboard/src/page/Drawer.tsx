/*  gateway/dashboard/src/page/Drawer.tsx - the selected event, in full

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "react";
import type { AgentGateEvent, AgentToolCall, AgentToolResult, JsonValue } from "../core/events.gen.ts";
import { jsonText } from "../core/protocol.ts";
import { Row } from "../core/rows.ts";
import type { Run } from "../core/run.ts";
import { bytes, dayTime, grouped, took, words } from "../text/format.ts";
import { callTarget, KINDS, summary, word } from "../text/summary.ts";
import { oneLine, visible } from "../text/visible.ts";
import { Copy, Json, Terminal } from "./blocks.tsx";
import { CallBody, ResultBody } from "./details.tsx";
import { Icon } from "./icons.tsx";
import { Markdown } from "./Markdown.tsx";
import { exitWord, missingText } from "./rownode.ts";

interface DrawerProps {
  run: Run;
  seq: number;
  version: number;
  inActivity: boolean;
  onClose(): void;
  onSelect(seq: number): void;
  onShow(seq: number): void;
}

interface Fetched {
  seq: number;
  event: AgentGateEvent | undefined;
  problem: string;
}

/*  The page may hold a shorter form: ask for all of it, once. */
function useFull(run: Run, seq: number): Fetched | undefined {
  const [full, setFull] = useState<Fetched>();
  useEffect(() => {
    setFull(undefined);
    if (!seq || seq > run.log.last) {
      return undefined;
    }
    const abort = new AbortController();
    run.fullBody(seq, abort.signal).then(
      (event) => setFull({ seq, event, problem: event ? "" : "it is not held" }),
      (error: Error) => abort.signal.aborted || setFull({ seq, event: undefined, problem: error.message }),
    );
    return () => abort.abort();
  }, [run, seq]);
  return full?.seq === seq ? full : undefined;
}

export function Drawer(props: DrawerProps) {
  const { run, seq, onClose } = props;
  const panel = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another event begins at its top
  useEffect(() => {
    panel.current?.scrollTo(0, 0);
  }, [seq]);
  const { log } = run;
  const isResult = log.kind(seq) === Row.RESULT;
  const callSeq = isResult ? log.partner(seq) : seq;
  const resultSeq = isResult ? seq : log.partner(seq);
  const { event, problem } = useEvent(run, isResult && callSeq ? callSeq : seq);
  const { event: result } = useEvent(run, resultSeq);
  return (
    <aside class="drawer scrolls" ref={panel} tabIndex={-1} aria-label="Details of the selected event">
      {log.kind(seq) === Row.MISSING ? (
        <Missing {...props} />
      ) : event ? (
        <EventDetails {...props} event={event} result={result?.type === "agent_tool_result" ? result : undefined} />
      ) : (
        <>
          <Head title={`Event ${grouped(seq)}`} onClose={onClose} />
          <p class="dim">
            {seq > log.last
              ? `There is no such event yet: the newest is ${grouped(log.last)}.`
              : problem
                ? `It could not be fetched: ${problem}`
                : "Fetching…"}
          </p>
        </>
      )}
    </aside>
  );
}

function useEvent(run: Run, seq: number): { event: AgentGateEvent | undefined; problem: string } {
  const held = seq && run.log.kind(seq) > Row.PARTIAL ? run.body(seq) : undefined;
  const cut =
    held?.type === "agent_tool_result"
      ? held.content === undefined && held.contentLength > held.contentPreview.length
      : !held;
  const full = useFull(run, cut ? seq : 0);
  return { event: full?.event ?? held, problem: full?.problem ?? "" };
}

function Missing({ run, seq, onClose }: DrawerProps) {
  const { from, to, parts } = run.log.missingStretch(seq);
  const gone = !parts.some((part) => part.tag.recoverable);
  return (
    <>
      <Head title="Gap" onClose={onClose} />
      <p>{missingText(run, seq)}</p>
      <p class="drawer-tools">
        <button type="button" class="button" onClick={() => run.fetchMissing(from, to)}>
          {gone ? "Ask once more" : "Fetch"}
        </button>
      </p>
    </>
  );
}

interface HeadProps {
  title: string;
  icon?: string;
  children?: ComponentChildren;
  onClose(): void;
}

function Head({ title, icon, children, onClose }: HeadProps) {
  return (
    <header class="drawer-head">
      {icon ? <Icon name={icon} /> : null}
      <h3>{title}</h3>
      {children}
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

function EventDetails({ run, seq, event, result, onClose, onSelect, onShow, inActivity }: EventDetailsProps) {
  const kind = run.log.kind(event.seq);
  const cwd = run.facts.started?.cwd;
  const agent = run.facts.agent(run.log.parent(event.seq));
  return (
    <>
      <Head title={word(event)} icon={KINDS[kind].icon} onClose={onClose}>
        <SameTool run={run} event={event} onSelect={onSelect} />
      </Head>
      {event.type === "agent_tool_call" && TARGETS.has(kind) ? (
        <p class="drawer-target mono">{oneLine(callTarget(event, cwd), 400)}</p>
      ) : null}
      <p class="drawer-facts">
        <span>event {grouped(seq)}</span>
        <time>{dayTime(run.log.timeMs(event.seq))}</time>
        {result ? <Outcome result={result} /> : null}
        {kind === Row.BASH && cwd ? <span title="Working directory of the run">in {visible(cwd)}</span> : null}
        {agent ? (
          <button type="button" class="inline" onClick={() => onSelect(agent.callSeq)}>
            in {visible(agent.label) || "a subagent"}
          </button>
        ) : null}
      </p>
      <p class="drawer-tools">
        <Copy text={() => jsonText(event, 2)} label="Copy JSON" />
        <Copy text={() => location.href} label="Copy link" />
        <CopyWhat event={event} />
        {inActivity ? null : (
          <button type="button" class="button small" onClick={() => onShow(seq)}>
            Show in Activity
          </button>
        )}
      </p>
      <Body event={event} result={result} open={run.facts.ended === undefined} />
      <details class="raw-json">
        <summary>As JSON</summary>
        <Json value={event as unknown as JsonValue} />
        {result ? <Json value={result as unknown as JsonValue} /> : null}
      </details>
    </>
  );
}

/*  What somebody would paste elsewhere. */
function CopyWhat({ event }: { event: AgentGateEvent }) {
  switch (event.type) {
    case "agent_tool_call":
      return event.tool === "Bash" ? (
        <Copy text={() => callTarget(event)} label="Copy command" />
      ) : event.path !== undefined ? (
        <Copy text={() => event.path ?? ""} label="Copy path" />
      ) : null;
    case "agent_output":
      return <Copy text={() => event.content} label="Copy text" />;
    case "file_changed":
      return <Copy text={() => event.path} label="Copy path" />;
    default:
      return null;
  }
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
function SameTool({ run, event, onSelect }: { run: Run; event: AgentGateEvent; onSelect(seq: number): void }) {
  if (event.type !== "agent_tool_call") {
    return null;
  }
  const kind = run.log.kind(event.seq);
  const find = (step: number): void => {
    for (let at = event.seq + step; at >= 1 && at <= run.log.last; at += step) {
      if (run.log.kind(at) === kind) {
        onSelect(at);
        return;
      }
    }
  };
  return (
    <>
      <button
        type="button"
        class="button quiet"
        aria-label={`Previous ${KINDS[kind].word}`}
        title={`Previous ${KINDS[kind].word}`}
        onClick={() => find(-1)}
      >
        <Icon name="prev" />
      </button>
      <button
        type="button"
        class="button quiet"
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
  const { type, workOrderId, runId, run, seq, timestamp, ...rest } = event as AgentGateEvent &
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
          {result.error && !result.contentPreview.startsWith(result.error) ? (
            <p class="bad">{visible(result.error)}</p>
          ) : null}
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
