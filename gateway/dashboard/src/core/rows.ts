/*  gateway/dashboard/src/core/rows.ts - what kind of row an event makes

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { AgentGateEvent, Tool } from "./events.gen.ts";

/*  0 to 15: what the index says of a seq. Small numbers, so that a view can
    be a bit mask. */
export const Row = {
  MISSING: 0 /* not received */,
  ABSORBED: 1 /* inside a rolled-up event; never a row */,
  PARTIAL: 2 /* a delta of a text still being written; never a row */,
  RUN: 3,
  TEXT: 4,
  THINKING: 5,
  RAW: 6,
  READ: 7,
  EDIT: 8,
  BASH: 9,
  SEARCH: 10,
  WEB: 11,
  TOOL: 12,
  AGENT: 13 /* a subagent's start */,
  TODO: 14,
  RESULT: 15,
  ERROR: 16,
  WARNING: 17,
  FILE: 18,
  USAGE: 19,
  PROGRESS: 20,
} as const;
export type RowKind = (typeof Row)[keyof typeof Row];
export const ROW_KINDS = 21;

export const isCall = (kind: number): boolean => kind >= Row.READ && kind <= Row.TODO;

const TOOL_ROWS: Record<Tool, RowKind> = {
  Read: Row.READ,
  Write: Row.EDIT,
  Edit: Row.EDIT,
  Bash: Row.BASH,
  Grep: Row.SEARCH,
  Glob: Row.SEARCH,
  WebFetch: Row.WEB,
  WebSearch: Row.WEB,
  Other: Row.TOOL,
};
const AGENT_TOOLS = /^(task|agent|spawn_agent|dispatch_agent)$/i;
const TODO_TOOLS = /^(todo_?write|todo_?read|todo_?list|update_plan|task_?(create|update|list|get))$/i;

function toolRow(tool: Tool, name: string): RowKind {
  if (tool !== "Other" && Object.hasOwn(TOOL_ROWS, tool)) {
    return TOOL_ROWS[tool];
  }
  if (AGENT_TOOLS.test(name)) {
    return Row.AGENT;
  }
  return TODO_TOOLS.test(name) ? Row.TODO : Row.TOOL;
}

export function rowKind(event: AgentGateEvent): RowKind {
  switch (event.type) {
    case "agent_tool_call":
      return toolRow(event.tool, String(event.toolName));
    case "agent_tool_result":
      return Row.RESULT;
    case "agent_output":
      if (event.partial) {
        return Row.PARTIAL;
      }
      return event.kind === "thinking" ? Row.THINKING : event.kind === "raw" ? Row.RAW : Row.TEXT;
    case "agent_error":
      return event.severity === "warning" ? Row.WARNING : Row.ERROR;
    case "agent_usage":
      return Row.USAGE;
    case "file_changed":
      return Row.FILE;
    case "progress_update":
      return Row.PROGRESS;
    default:
      return Row.RUN;
  }
}

/*  Bits beside the kind. */
export const Flag = {
  FAILED: 1 /* a failed call, its result, an error, a failed run */,
  DONE: 2 /* a call whose result is known */,
  REPEAT: 4 /* an error or warning whose words have been said before */,
} as const;
