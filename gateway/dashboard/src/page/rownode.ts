/*  gateway/dashboard/src/page/rownode.ts - one row of the feed: nodes made once, bound to event after event

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    No framework here: a row is bound up to a hundred thousand times a minute.
    Only what differs from what the node shows is touched.
*/
import type { AgentGateEvent, AgentToolResult } from "../core/events.gen.ts";
import { Flag, isCall, Row } from "../core/rows.ts";
import type { Missing } from "../core/runlog.ts";
import type { RunStream } from "../core/runstream.ts";
import { clockTime, compact, grouped, took } from "../text/format.ts";
import { callBadge, KINDS, summary, word } from "../text/summary.ts";
import { iconNode } from "./icons.tsx";

export interface RowContext {
  stream: RunStream;
  selected: number;
  matches: ReadonlySet<number> | undefined;
  newFrom: number /* a line above the first row at or after this seq; 0 none */;
  folded: ReadonlySet<number>;
  sizes: boolean /* of answers, as in the Tools tab */;
}

interface Parts {
  key: string;
  seq: number;
  className: string;
  icon: ReturnType<typeof iconNode>;
  time: Text;
  word: Text;
  text: Text;
  adds: Text;
  dels: Text;
  size: Text;
  badge: Text;
  badgeSpan: HTMLElement;
}

const PARTS = new WeakMap<HTMLElement, Parts>();

function part(node: HTMLElement, name: string): Text {
  const span = document.createElement("span");
  const text = document.createTextNode("");
  span.className = name;
  span.append(text);
  node.append(span);
  return text;
}

export function createRow(): HTMLElement {
  const node = document.createElement("article");
  node.className = "row";
  const time = part(node, "r-time");
  const icon = iconNode();
  node.append(icon.svg);
  const parts = {
    key: "",
    seq: 0,
    className: "row",
    time,
    icon,
    word: part(node, "r-word"),
    text: part(node, "r-text"),
    adds: part(node, "r-adds"),
    dels: part(node, "r-dels"),
    size: part(node, "r-size"),
    badge: part(node, "r-badge"),
  };
  PARTS.set(node, { ...parts, badgeSpan: parts.badge.parentElement as HTMLElement });
  node.setAttribute("aria-setsize", "-1"); /* it grows: not known */
  return node;
}

const set = (node: Text, text: string): void => {
  if (node.data !== text) {
    node.data = text;
  }
};

function setBadge(parts: Parts, text: string, className: string): void {
  set(parts.badge, text);
  if (parts.badgeSpan.className !== className) {
    parts.badgeSpan.className = className;
  }
}

const REASONS: Record<Missing["reason"], string> = {
  cold: "earlier events",
  rate: "held back: more than this page's rate",
  evicted: "left the gateway's memory first",
  lost: "never reached the gateway",
  retention: "no longer kept by the gateway",
};

export function missingText(stream: RunStream, seq: number): string {
  const { from, to, parts } = stream.log.missingStretch(seq);
  const range = from === to ? `event ${grouped(from)}` : `events ${grouped(from)}–${grouped(to)}`;
  const first = parts[parts.length - 1]?.tag;
  if (first?.recoverable && first.state !== "failed") {
    return `fetching ${range}`;
  }
  const why =
    first?.state === "failed" ? `could not be fetched: ${stream.fetchProblem}` : REASONS[first?.reason ?? "lost"];
  return `${range} not received (${grouped(to - from + 1)}): ${why}`;
}

export const canFetch = (stream: RunStream, seq: number): boolean =>
  stream.log.missingStretch(seq).parts.some((p) => p.tag.recoverable && p.tag.state === "failed");

/*  What a failed command says of itself. */
export function exitWord(result: AgentToolResult): string {
  const match = /(?:exit(?:ed with)? (?:code|status)|exit)[: ]+(\d+)/i.exec(
    `${result.error ?? ""} ${result.contentPreview ?? ""}`.slice(0, 200),
  );
  return match ? `exit ${match[1]}` : "failed";
}

function callState(stream: RunStream, seq: number): { text: string; className: string } {
  const result = stream.log.partner(seq);
  if (result === 0) {
    return stream.facts.ended
      ? { text: "no result", className: "r-badge dim" }
      : { text: "running", className: "r-badge going" };
  }
  const event = stream.log.bodies.get(result) ?? stream.body(result);
  if (event?.type !== "agent_tool_result") {
    return { text: "", className: "r-badge" };
  }
  const time = event.durationMs > 0 ? took(event.durationMs) : "";
  return event.success
    ? { text: time, className: "r-badge dim" }
    : { text: [exitWord(event), time].filter(Boolean).join(" · "), className: "r-badge bad" };
}

function bindMissing(parts: Parts, context: RowContext, seq: number): string {
  parts.icon.set("gap");
  set(parts.time, "");
  set(parts.word, "Gap");
  set(parts.text, missingText(context.stream, seq));
  set(parts.adds, "");
  set(parts.dels, "");
  const fetchable = canFetch(context.stream, seq);
  setBadge(parts, fetchable ? "Fetch" : "", fetchable ? "r-badge act" : "r-badge");
  return `row gap${context.stream.log.missingStretch(seq).parts.some((p) => p.tag.recoverable) ? " soft" : ""}`;
}

function bindBadge(parts: Parts, context: RowContext, event: AgentGateEvent, seq: number): void {
  const badge = event.type === "agent_tool_call" ? callBadge(event) : undefined;
  set(parts.adds, badge?.adds ? `+${badge.adds}` : "");
  set(parts.dels, badge?.dels ? `−${badge.dels}` : "");
  if (event.type === "agent_tool_call") {
    const { text, className } = callState(context.stream, seq);
    const agent = context.stream.facts.agents.get(event.toolUseId);
    const folded = agent && context.folded.has(agent.number) ? `${agent.events} events folded  ` : "";
    setBadge(parts, folded + text, className);
  } else {
    const time = event.type === "agent_tool_result" && event.durationMs > 0 ? took(event.durationMs) : "";
    setBadge(parts, time, "r-badge dim");
  }
}

function bindEvent(parts: Parts, context: RowContext, seq: number): string {
  const { stream } = context;
  const kind = stream.log.kind(seq);
  const info = KINDS[kind];
  const event = stream.body(seq);
  parts.icon.set(info.icon);
  set(parts.time, clockTime(stream.log.timeMs(seq)));
  set(parts.word, event ? word(event) : info.word);
  set(parts.text, event ? summary(event, stream.facts.started?.cwd) : "");
  if (event) {
    bindBadge(parts, context, event, seq);
  } else {
    set(parts.adds, "");
    set(parts.dels, "");
    setBadge(parts, "", "r-badge");
  }
  const mono =
    kind === Row.BASH ||
    kind === Row.READ ||
    kind === Row.EDIT ||
    kind === Row.SEARCH ||
    kind === Row.FILE ||
    kind === Row.RAW;
  const failed = stream.log.flags(seq) & Flag.FAILED && !(event?.type === "agent_tool_call" && !isCall(kind));
  return `row t-${info.tone}${mono ? " code-row" : ""}${kind === Row.THINKING ? " soft" : ""}${failed ? " failed" : ""}${event ? "" : " cold"}${kind === Row.TEXT ? " says" : ""}`;
}

/*  Everything a row's looks depend on; equal keys look equal. */
function rowKey(context: RowContext, seq: number): string {
  const { stream } = context;
  const { log } = stream;
  const kind = log.kind(seq);
  const result = log.partner(seq);
  const here = log.bodies.get(seq) ? 1 : 0;
  const resultHere = result !== 0 && log.bodies.get(result) ? 1 : 0;
  const open = kind === Row.MISSING ? missingText(stream, seq) : isCall(kind) && stream.facts.ended ? "e" : "";
  const agents = kind === Row.AGENT ? context.folded.size : 0;
  const marks =
    (context.selected === seq ? 1 : 0) + (context.matches?.has(seq) ? 2 : 0) + (context.newFrom === seq ? 4 : 0);
  return `${stream.generation} ${seq} ${kind} ${log.flags(seq)} ${result} ${here}${resultHere} ${marks} ${agents} ${log.parent(seq)} ${open}`;
}

export function bindRow(node: HTMLElement, context: RowContext, seq: number): void {
  const parts = PARTS.get(node) as Parts;
  const key = rowKey(context, seq);
  if (parts.key === key) {
    return;
  }
  parts.key = key;
  const { log } = context.stream;
  set(parts.size, context.sizes ? resultSize(context.stream, seq) : "");
  let className = log.kind(seq) === Row.MISSING ? bindMissing(parts, context, seq) : bindEvent(parts, context, seq);
  const parent = log.parent(seq);
  if (parent !== 0) {
    className += ` sub sub-${parent % 6}`;
  }
  const selected = context.selected === seq;
  className += `${selected ? " selected" : ""}${context.matches?.has(seq) ? " match" : ""}${context.newFrom === seq ? " newline" : ""}`;
  if (className !== parts.className) {
    parts.className = className;
    node.className = className;
    node.tabIndex = selected ? 0 : -1;
  }
  if (seq !== parts.seq) {
    parts.seq = seq;
    node.dataset.seq = String(seq);
    node.setAttribute("aria-posinset", String(seq));
    if (node.title) {
      node.title = "";
    }
  }
}

/*  Size of the answer, in the Tools tab. */
function resultSize(stream: RunStream, seq: number): string {
  const result = stream.log.partner(seq);
  const event = result ? stream.log.bodies.get(result) : undefined;
  return event?.type === "agent_tool_result" && event.contentLength > 0 ? `${compact(event.contentLength)} chars` : "";
}

/*  All of a cut line, when somebody points at it. */
export function titleRow(node: HTMLElement): void {
  node.title = PARTS.get(node)?.text.data ?? "";
}
