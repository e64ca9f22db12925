/*  gateway/dashboard/src/core/todos.ts - todo lists of several agents, from their tool calls

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { AgentToolCall, JsonObject, JsonValue } from "./events.gen.ts";

export type TodoState = "pending" | "active" | "done";
export interface Todo {
  text: string;
  state: TodoState;
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const string = (value: JsonValue | undefined): string | undefined => (typeof value === "string" ? value : undefined);

function todoState(item: JsonObject): TodoState {
  const status = string(item.status) ?? "";
  if (item.completed === true || /^(completed|done)$/.test(status)) {
    return "done";
  }
  return /^(in_progress|active)$/.test(status) ? "active" : "pending";
}

function listItem(value: JsonValue): Todo | undefined {
  if (!isObject(value)) {
    return undefined;
  }
  const state = todoState(value);
  const doing = state === "active" ? string(value.activeForm) : undefined;
  const text = doing ?? string(value.content) ?? string(value.text) ?? string(value.step) ?? string(value.subject);
  return text === undefined ? undefined : { text, state };
}

/*  The whole list, from a call that carries it whole: Claude's TodoWrite,
    opencode's todowrite, Codex's plan. */
export function wholeList(input: JsonObject): Todo[] | undefined {
  const list = [input.todos, input.items, input.plan].find(Array.isArray) as JsonValue[] | undefined;
  if (!list || list.length > 1000) {
    return undefined;
  }
  const found = list.map(listItem);
  return found.every((todo): todo is Todo => !!todo) && found.length > 0 ? (found as Todo[]) : undefined;
}

/*  Keeps the latest list. Calls may come in any order; the highest seq wins.
    Lists built call by call (TaskCreate, TaskUpdate) are replayed from their calls. */
export class TodoList {
  #wholeSeq = 0;
  #whole: Todo[] = [];
  readonly #steps: { seq: number; input: JsonObject; create: boolean }[] = [];

  put(event: AgentToolCall): void {
    if (event.parentToolUseId !== undefined || !isObject(event.input)) {
      return; /* a subagent's own list */
    }
    const whole = wholeList(event.input);
    if (whole && event.seq > this.#wholeSeq) {
      this.#wholeSeq = event.seq;
      this.#whole = whole;
    } else if (!whole && /^task(create|update)$/i.test(event.toolName) && this.#steps.length < 2000) {
      this.#steps.push({ seq: event.seq, input: event.input, create: /create$/i.test(event.toolName) });
      this.#steps.sort((a, b) => a.seq - b.seq);
    }
  }

  get items(): Todo[] {
    const lastStep = this.#steps[this.#steps.length - 1]?.seq ?? 0;
    return lastStep > this.#wholeSeq ? this.#replay() : this.#whole;
  }

  /*  Task ids count from 1 in the order of creation. */
  #replay(): Todo[] {
    const tasks: (Todo | undefined)[] = [];
    for (const { input, create } of this.#steps) {
      if (create) {
        tasks.push(listItem({ status: "pending", ...input }) ?? { text: "task", state: "pending" });
        continue;
      }
      const at = Number(input.taskId ?? input.id) - 1;
      const task = tasks[at];
      if (task && input.status === "deleted") {
        tasks[at] = undefined;
      } else if (task && typeof input.status === "string") {
        tasks[at] = { text: string(input.subject) ?? task.text, state: todoState(input) };
      }
    }
    return tasks.filter((task): task is Todo => !!task);
  }
}
