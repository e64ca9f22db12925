/*  gateway/dashboard/src/page/rownode.ts - one row of the feed: nodes made once, bound to event after event

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    No framework here: a row is bound up to a hundred thousand times a minute.
    Only what differs from what the node shows is touched.
*/
import type { AgentGateEvent, AgentToolResult } from "../core/events.gen.ts";
import { Flag, isCall, Row } from "../core/rows.ts";
import type { Run } from "../core/run.ts";
import type { Missing } from "../core/runlog.ts";
import { callMs } from "../core/sorted.ts";
import { duration } from "../core/status.ts";
import type { Group, View } from "../core/view.ts";
import { clockTime, compact, dayTime, grouped, plural, took } from "../text/format.ts";
import { callBadge, callTarget, KINDS, summary, word } from "../text/summary.ts";
import { oneLine } from "../text/visible.ts";
import { iconNode } from "./icons.tsx";

export interface RowContext {
  run: Run;
  view: View;
  selected: number;
  matches: ReadonlySet<number> | undefined;
  newSeq: number /* a line stands above this row; 0: above none */;
  newSince: string /* what the line says */;
  folded: ReadonlySet<number>;
  sizes: boolean /* of answers, and bars of durations, as in the Tools tab */;
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
  bar: HTMLElement;
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

/*  How long a call took, drawn: a tenth of the width is ten times longer. */
function bar(node: HTMLElement): HTMLElement {
  const outer = document.createElement("span");
  const inner = document.createElement("span");
  outer.className = "r-bar";
  outer.setAttribute("aria-hidden", "true");
  outer.append(inner);
  node.append(outer);
  return inner;
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
    bar: bar(node),
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

export function missingText(run: Run, seq: number): string {
  const { from, to, parts } = run.log.missingStretch(seq);
  const range = from === to ? `event ${grouped(from)}` : `events ${grouped(from)}–${grouped(to)}`;
  const first = parts[parts.length - 1]?.tag;
  if (first?.recoverable && first.state !== "failed") {
    return `fetching ${range}`;
  }
  const why =
    first?.state === "failed" ? `could not be fetched: ${run.fetchProblem}` : REASONS[first?.reason ?? "lost"];
  return `${range} not received (${grouped(to - from + 1)}${between(run, from - 1, to + 1)}): ${why}`;
}

/*  A gap has no times of its own; its neighbours have. */
function between(run: Run, before: number, after: number): string {
  const { log } = run;
  const from = before >= 1 ? clockTime(log.timeMs(before)) : "";
  const to = after <= log.last ? clockTime(log.timeMs(after)) : "";
  return from && to
    ? `, ${from === to ? from : `${from}–${to}`}`
    : from
      ? `, after ${from}`
      : to
        ? `, before ${to}`
        : "";
}

export const canFetch = (run: Run, seq: number): boolean =>
  run.log.missingStretch(seq).parts.some((p) => p.tag.recoverable && p.tag.state === "failed");

/*  What a failed command says of itself. */
export function exitWord(result: AgentToolResult): string {
  const match = /(?:exit(?:ed with)? (?:code|status)|exit)[: ]+(\d+)/i.exec(
    `${result.error ?? ""} ${result.contentPreview ?? ""}`.slice(0, 200),
  );
  return match ? `exit ${match[1]}` : "failed";
}

/*  Since when a call runs; a second is soon enough to say so. */
const runningFor = (run: Run, seq: number): string => {
  const ms = run.nowMs - run.log.timeMs(seq);
  return ms >= 1000 ? duration(ms) : "";
};

function callState(run: Run, seq: number): { text: string; className: string } {
  const result = run.log.partner(seq);
  if (result === 0) {
    return run.facts.ended
      ? { text: "no result", className: "r-badge dim" }
      : { text: `running ${runningFor(run, seq)}`, className: "r-badge going" };
  }
  const event = run.log.bodies.get(result) ?? run.body(result);
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
  set(parts.text, missingText(context.run, seq));
  set(parts.adds, "");
  set(parts.dels, "");
  setBar(parts, 0);
  const fetchable = canFetch(context.run, seq);
  setBadge(parts, fetchable ? "Fetch" : "", fetchable ? "r-badge act" : "r-badge");
  return `row gap${context.run.log.missingStretch(seq).parts.some((p) => p.tag.recoverable) ? " soft" : ""}`;
}

/*  From 10 ms, which is nothing, to a quarter of an hour, which is all. */
function setBar(parts: Parts, ms: number): void {
  const share = ms > 10 ? Math.min(1, Math.log10(ms / 10) / 5) : 0;
  const width = `${Math.round(share * 100)}%`;
  if (parts.bar.style.width !== width) {
    parts.bar.style.width = width;
  }
}

const MEMBERS_MAX = 200;
const NAMED = 8;

/*  The reads of a group, as one line: how many of what, and the first few names. */
function bindGroup(parts: Parts, context: RowContext, group: Group): string {
  const { run } = context;
  const names = new Set<string>();
  let reads = 0;
  let searches = 0;
  const inner = run.log.parent(group.first);
  const end = Math.min(group.last, group.first + MEMBERS_MAX * 4);
  for (let seq = group.first; seq <= end; seq++) {
    const kind = run.log.kind(seq);
    if ((kind === Row.READ || kind === Row.SEARCH) && run.log.parent(seq) === inner) {
      reads += kind === Row.READ ? 1 : 0;
      searches += kind === Row.SEARCH ? 1 : 0;
      const event = names.size < NAMED ? run.body(seq) : undefined;
      if (event?.type === "agent_tool_call") {
        names.add(oneLine(callTarget(event, run.facts.started?.cwd), 60));
      }
    }
  }
  const more = end < group.last ? " and more" : "";
  const what = [reads ? plural(reads, "read") : "", searches ? plural(searches, "search", "searches") : ""];
  parts.icon.set("unfold");
  set(parts.time, clockTime(run.log.timeMs(group.first)));
  set(parts.word, searches > reads ? "Searches" : "Reads");
  set(
    parts.text,
    `${what.filter(Boolean).join(", ")}${more}: ${[...names].join(", ")}${names.size < NAMED ? "" : " …"}`,
  );
  set(parts.adds, "");
  set(parts.dels, "");
  setBar(parts, 0);
  const { text, className } = callState(run, group.last);
  setBadge(parts, `${group.count} rows${text.startsWith("running") ? `  ${text}` : ""}`, className);
  return `row t-blue code-row group${run.log.bodies.get(group.first) ? "" : " cold"}`;
}

function bindBadge(parts: Parts, context: RowContext, event: AgentGateEvent, seq: number): void {
  const failed = context.run.log.flags(seq) & Flag.FAILED;
  const badge = event.type === "agent_tool_call" && !failed ? callBadge(event) : undefined;
  set(parts.adds, badge?.adds ? `\u2002+${badge.adds}` : "");
  set(parts.dels, badge?.dels ? `\u2002−${badge.dels}` : "");
  setBar(parts, context.sizes ? callMs(context.run.log, seq) : 0);
  const message = event.type === "agent_error" ? context.run.facts.message(seq) : undefined;
  if (message && message.count > 1 && context.view.filter.once) {
    const last = clockTime(context.run.log.timeMs(message.last));
    setBadge(parts, `×${grouped(message.count)}, last ${last}`, "r-badge dim");
  } else if (event.type === "agent_tool_call") {
    const { text, className } = callState(context.run, seq);
    const agent = context.run.facts.agents.get(event.toolUseId);
    const folded = agent && context.folded.has(agent.number) ? `${agent.events} events folded  ` : "";
    setBadge(parts, folded + text, className);
  } else {
    const time = event.type === "agent_tool_result" && event.durationMs > 0 ? took(event.durationMs) : "";
    setBadge(parts, time, "r-badge dim");
  }
}

function bindEvent(parts: Parts, context: RowContext, seq: number): string {
  const { run } = context;
  const kind = run.log.kind(seq);
  const info = KINDS[kind];
  const event = run.body(seq);
  parts.icon.set(context.view.filter.group && context.view.groupOf(seq)?.first === seq ? "fold" : info.icon);
  set(parts.time, clockTime(run.log.timeMs(seq)));
  set(parts.word, event ? word(event) : info.word);
  set(parts.text, event ? summary(event, run.facts.started?.cwd) : "");
  if (event) {
    bindBadge(parts, context, event, seq);
  } else {
    set(parts.adds, "");
    set(parts.dels, "");
    setBar(parts, 0);
    setBadge(parts, "", "r-badge");
  }
  const mono =
    kind === Row.BASH ||
    kind === Row.READ ||
    kind === Row.EDIT ||
    kind === Row.SEARCH ||
    kind === Row.FILE ||
    kind === Row.RAW;
  const failed = run.log.flags(seq) & Flag.FAILED && !(event?.type === "agent_tool_call" && !isCall(kind));
  return `row t-${info.tone}${mono ? " code-row" : ""}${kind === Row.THINKING ? " soft" : ""}${failed ? " failed" : ""}${event ? "" : " cold"}${kind === Row.TEXT ? " says" : ""}`;
}

/*  Everything a row's looks depend on; equal keys look equal. */
function rowKey(context: RowContext, seq: number, group: Group | undefined): string {
  const { run } = context;
  const { log } = run;
  const kind = log.kind(seq);
  const result = log.partner(group ? group.last : seq);
  /* Asked for as long as the row is shown, not only when it begins to be. */
  const here = kind !== Row.MISSING && run.body(seq) ? 1 : 0;
  const resultHere = result !== 0 && run.body(result) ? 1 : 0;
  const going = isCall(kind) && result === 0 ? (run.facts.ended ? "e" : runningFor(run, group ? group.last : seq)) : "";
  const open = kind === Row.MISSING ? missingText(run, seq) : going;
  const folds = kind === Row.AGENT ? context.folded.size : group ? group.count : 0;
  const times = kind === Row.ERROR || kind === Row.WARNING ? (run.facts.message(seq)?.count ?? 0) : 0;
  const marks =
    (context.selected === seq ? 1 : 0) + (context.matches?.has(seq) ? 2 : 0) + (context.newSeq === seq ? 4 : 0);
  return `${run.generation} ${seq} ${kind} ${log.flags(seq)} ${result} ${here}${resultHere} ${marks} ${folds} ${times} ${log.parent(seq)} ${open} ${run.facts.started?.seq}`;
}

/*  The group that seq stands for. */
function closedGroup({ view }: RowContext, seq: number): Group | undefined {
  const group = view.filter.group ? view.groupOf(seq) : undefined;
  return group?.first === seq && !view.isOpened(group) ? group : undefined;
}

export function bindRow(node: HTMLElement, context: RowContext, seq: number): void {
  const parts = PARTS.get(node) as Parts;
  const group = closedGroup(context, seq);
  const key = rowKey(context, seq, group);
  if (parts.key === key) {
    return;
  }
  parts.key = key;
  const { log } = context.run;
  set(parts.size, context.sizes ? resultSize(context.run, seq) : "");
  let className = group
    ? bindGroup(parts, context, group)
    : log.kind(seq) === Row.MISSING
      ? bindMissing(parts, context, seq)
      : bindEvent(parts, context, seq);
  const parent = log.parent(seq);
  if (parent !== 0) {
    className += ` sub sub-${parent % 6}`;
  }
  const selected = context.selected === seq;
  const fresh = context.newSeq === seq;
  className += `${selected ? " selected" : ""}${context.matches?.has(seq) ? " match" : ""}${fresh ? " newline" : ""}`;
  if (fresh) {
    node.dataset.since = context.newSince;
  }
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
function resultSize(run: Run, seq: number): string {
  const result = run.log.partner(seq);
  const event = result ? run.log.bodies.get(result) : undefined;
  return event?.type === "agent_tool_result" && event.contentLength > 0 ? `${compact(event.contentLength)} chars` : "";
}

/*  All of a cut line and its day, when somebody points at it. */
export function titleRow(node: HTMLElement, run: Run): void {
  const parts = PARTS.get(node);
  const at = parts && run.log.kind(parts.seq) !== Row.MISSING ? `${dayTime(run.log.timeMs(parts.seq))}\n` : "";
  node.title = at + (parts?.text.data ?? "");
}
