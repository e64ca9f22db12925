/*  gateway/dashboard/src/text/summary.ts - one line that says what an event is

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { AgentGateEvent, AgentToolCall, JsonObject, JsonValue } from "../core/events.gen.ts";
import { changedPaths, changeOf } from "../core/files.ts";
import { Row, type RowKind, rowKind } from "../core/rows.ts";
import { wholeList } from "../core/todos.ts";
import { stripAnsi } from "./ansi.ts";
import { bytes, compact, money, took, words } from "./format.ts";
import { oneLine } from "./visible.ts";

export interface KindInfo {
  word: string;
  icon: string /* name of a path in page/icons.ts */;
  tone: string /* colour class */;
}

export const KINDS: Record<RowKind, KindInfo> = {
  [Row.MISSING]: { word: "Gap", icon: "gap", tone: "grey" },
  [Row.ABSORBED]: { word: "", icon: "dot", tone: "grey" },
  [Row.PARTIAL]: { word: "", icon: "dot", tone: "grey" },
  [Row.RUN]: { word: "Run", icon: "flag", tone: "strong" },
  [Row.TEXT]: { word: "Says", icon: "text", tone: "plain" },
  [Row.THINKING]: { word: "Thinks", icon: "think", tone: "grey" },
  [Row.RAW]: { word: "Prints", icon: "raw", tone: "grey" },
  [Row.READ]: { word: "Read", icon: "read", tone: "blue" },
  [Row.EDIT]: { word: "Edit", icon: "edit", tone: "green" },
  [Row.BASH]: { word: "Bash", icon: "bash", tone: "amber" },
  [Row.SEARCH]: { word: "Search", icon: "search", tone: "violet" },
  [Row.WEB]: { word: "Web", icon: "web", tone: "cyan" },
  [Row.TOOL]: { word: "Tool", icon: "tool", tone: "plain" },
  [Row.AGENT]: { word: "Agent", icon: "agent", tone: "pink" },
  [Row.TODO]: { word: "Plan", icon: "todo", tone: "cyan" },
  [Row.RESULT]: { word: "Result", icon: "result", tone: "grey" },
  [Row.ERROR]: { word: "Error", icon: "error", tone: "red" },
  [Row.WARNING]: { word: "Warning", icon: "warn", tone: "orange" },
  [Row.FILE]: { word: "File", icon: "file", tone: "green" },
  [Row.USAGE]: { word: "Usage", icon: "usage", tone: "grey" },
  [Row.PROGRESS]: { word: "Progress", icon: "progress", tone: "grey" },
};

const text = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");

/*  The path as people in the workspace know it. */
export function shortPath(path: string, cwd: string | undefined): string {
  return cwd && path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}

function searchTarget(call: AgentToolCall, cwd: string | undefined): string {
  const where = call.path ?? text(call.input.path);
  const what = text(call.input.pattern) || text(call.input.query);
  return where ? `${what}  in ${shortPath(where, cwd)}` : what;
}

function jsonLine(value: JsonValue): string {
  const keys = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return keys
    .slice(0, 6)
    .map(([key, part]) => `${key}: ${typeof part === "object" ? "…" : String(part).slice(0, 80)}`)
    .join(", ");
}

function readRange(call: AgentToolCall): string {
  const offset = Number(call.input.offset);
  const limit = Number(call.input.limit);
  if (!Number.isFinite(offset) && !Number.isFinite(limit)) {
    return "";
  }
  const from = Number.isFinite(offset) ? offset : 1;
  return Number.isFinite(limit) ? `  lines ${from}–${from + limit - 1}` : `  from line ${from}`;
}

/*  What a call is about: the file, the command, the pattern. */
export function callTarget(call: AgentToolCall, cwd?: string): string {
  const input = typeof call.input === "object" && call.input !== null ? call.input : {};
  switch (rowKind(call)) {
    case Row.BASH:
      return (
        text(input.command) ||
        (Array.isArray(input.command) ? input.command.join(" ") : text(input.script)) ||
        jsonLine(input)
      );
    case Row.READ: {
      const path = call.path ?? text(input.file_path);
      return path ? shortPath(path, cwd) + readRange(call) : jsonLine(input);
    }
    case Row.EDIT:
      return call.path ? shortPath(call.path, cwd) : editTarget(input, cwd);
    case Row.SEARCH:
      return searchTarget(call, cwd);
    case Row.WEB:
      return text(input.url) || text(input.query) || jsonLine(input);
    case Row.AGENT:
      return text(input.description) || text(input.prompt) || jsonLine(input);
    case Row.TODO:
      return todoTarget(call);
    default:
      return call.path ? shortPath(call.path, cwd) : jsonLine(input);
  }
}

function editTarget(input: JsonObject, cwd: string | undefined): string {
  const paths = changedPaths(input).map((one) => one.path);
  return (
    (paths.length > 0 ? paths : [text(input.file_path)]).map((path) => shortPath(path, cwd)).join(", ") ||
    jsonLine(input)
  );
}

function todoTarget(call: AgentToolCall): string {
  const list = wholeList(call.input);
  if (!list) {
    return text(call.input.subject) || taskTarget(call.input) || jsonLine(call.input);
  }
  return `${list.filter((todo) => todo.state === "done").length} of ${list.length} done`;
}

/*  Lists that are kept task by task: which one, and what becomes of it. */
function taskTarget(input: JsonObject): string {
  const id = input.taskId ?? input.id;
  if (typeof id !== "string" && typeof id !== "number") {
    return "";
  }
  const status = text(input.status).replaceAll("_", " ");
  return `task ${id}${status ? `: ${status}` : ""}`;
}

/*  Some agents run every command in a shell of its own; what matters is inside. */
const inShell = (command: string): string =>
  /^(?:\/\S*\/)?(?:ba|z|da)?sh -l?c (['"]?)(.+)\1$/s.exec(command)?.[2] ?? command;

/*  Short facts of a call that stand at the right end of its row. */
export function callBadge(call: AgentToolCall): { adds: number; dels: number } | undefined {
  if (rowKind(call) !== Row.EDIT || typeof call.input !== "object" || call.input === null) {
    return undefined;
  }
  const change = changeOf(call.input);
  return change.adds + change.dels > 0 ? change : undefined;
}

function runLine(event: AgentGateEvent): string {
  switch (event.type) {
    case "run_started":
      return ["started", event.agent === "unknown" ? "" : event.agent, event.model, event.cwd && `in ${event.cwd}`]
        .filter(Boolean)
        .join(" · ");
    case "run_completed":
      return `completed in ${took(event.durationMs)}${event.resultPreview ? ` · ${unmarked(event.resultPreview)}` : ""}`;
    case "run_failed":
      return `${event.reason === "cancelled" ? "cancelled" : "failed"}: ${event.error}`;
    case "run_iteration":
      return `iteration ${event.iterationNumber} of ${event.totalIterations}, verification ${event.verificationPassed ? "passed" : "failed"}`;
    case "work_order_created":
      return `work order: ${event.taskPrompt}`;
    case "work_order_updated":
      return `work order ${event.status}`;
    default:
      return event.type;
  }
}

/*  Tools of an MCP server are named mcp__server__tool: the row's word is the tool, its text begins with the server. */
const MCP = /^mcp__(.+?)__(.+)$/;

function callLine(call: AgentToolCall, cwd: string | undefined): string {
  const target = callTarget(call, cwd);
  const kind = rowKind(call);
  const server = kind === Row.TOOL ? MCP.exec(call.toolName)?.[1] : undefined;
  return server ? `${server}  ${target}` : kind === Row.BASH ? inShell(target) : target;
}

function line(event: AgentGateEvent, cwd: string | undefined): string {
  switch (event.type) {
    case "agent_tool_call":
      return callLine(event, cwd);
    case "agent_tool_result":
      return event.error ?? (event.contentPreview || "(no output)");
    case "agent_output":
      return event.kind === "thinking"
        ? `${words(event.content)} words: ${unmarked(event.content)}`
        : event.kind === "raw"
          ? event.content
          : unmarked(event.content);
    case "agent_error":
      return event.code ? `${event.message} (${event.code})` : event.message;
    case "agent_usage":
      return `${compact(event.inputTokens)} in, ${compact(event.outputTokens)} out${event.costUsd === undefined ? "" : `, ${money(event.costUsd)}`}`;
    case "file_changed":
      return `${event.path} ${event.action}${event.sizeBytes === undefined ? "" : ` · ${bytes(event.sizeBytes)}`}`;
    case "progress_update":
      return `${event.currentPhase}, ${Math.round(event.percentage)} %, ${event.toolCallCount} calls`;
    default:
      return runLine(event);
  }
}

/*  Marks of markdown say nothing in a single line. */
export const unmarked = (source: string): string =>
  source
    .slice(0, 1000)
    .replace(/^\s*\|.*$/gm, "")
    .replace(/```\w*|\*\*|`/g, "")
    .replace(/^(#+|[-*]|>|\d+\.) +/gm, "");

const LINE_CHARS = 4000; /* looked at for a row, escapes included */

export function summary(event: AgentGateEvent, cwd?: string): string {
  return oneLine(stripAnsi(String(line(event, cwd)).slice(0, LINE_CHARS)));
}

/*  The word of the row: a tool goes by the agent's own name for it. */
export function word(event: AgentGateEvent): string {
  const kind = rowKind(event);
  if (
    event.type === "agent_tool_call" &&
    (kind === Row.TOOL || kind === Row.EDIT || kind === Row.SEARCH || kind === Row.WEB)
  ) {
    return oneLine(MCP.exec(event.toolName)?.[2] ?? event.toolName, 24);
  }
  return KINDS[kind].word;
}
