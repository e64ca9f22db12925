/*  gateway/dashboard/src/core/facts.ts - what the header, the tabs and the tables need, folded from events in any order

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Every fold is commutative (sums, maxima, pairs by id), because history pages
    and repaired gaps bring old events after newer ones.
*/
import type {
  AgentError,
  AgentGateEvent,
  AgentOutput,
  AgentToolCall,
  AgentToolResult,
  AgentUsage,
  ProgressUpdate,
  RunCompleted,
  RunFailed,
  RunIteration,
  RunStarted,
} from "./events.gen.ts";
import { changedPaths, type Edit, Files } from "./files.ts";
import { Flag, isCall, Row, rowKind } from "./rows.ts";
import type { RunLog } from "./runlog.ts";
import { TodoList } from "./todos.ts";

export interface Subagent {
  number: number /* from 1; what the index keeps as parent */;
  toolUseId: string;
  label: string;
  callSeq: number /* 0: its call is not known (yet) */;
  events: number;
}

/*  A text that is still being written. */
export interface LiveText {
  kind: "text" | "thinking" | "raw";
  content: string;
  seq: number;
}

interface OpenCall {
  seq: number;
  edits: Edit[];
}

/*  An error or warning that may be said more than once. */
export interface Message {
  first: number /* seq */;
  last: number;
  count: number;
}

const AGENTS_MAX = 0xfffe;
const LIVE_MAX = 64;
const LIVE_CHARS = 256 * 1024;
const OPEN_MAX = 50_000;
const MESSAGES_MAX = 5_000;

const blockKey = (event: AgentOutput): string =>
  `${event.parentToolUseId ?? ""}/${event.messageId ?? ""}/${event.blockIndex ?? 0}/${event.kind}`;

export class RunFacts {
  started: RunStarted | undefined; /* the later one, by which time the agent has introduced itself */
  ended: RunCompleted | RunFailed | undefined;
  iteration: RunIteration | undefined;
  progress: ProgressUpdate | undefined;
  usage: AgentUsage | undefined;
  lastCall: AgentToolCall | undefined;
  lastSeq = 0; /* of what was folded */
  #startedMs = 0; /* of the earliest run_started; 0 none */
  calls = 0;
  failedCalls = 0;
  errors = 0;
  warnings = 0;
  readonly files = new Files();
  readonly todos = new TodoList();
  readonly agents = new Map<string, Subagent>();
  readonly open = new Map<string, OpenCall>(); /* calls without a result, by toolUseId */
  readonly live = new Map<string, LiveText>();
  readonly #messages = new Map<string, Message>();
  readonly #messageAt = new Map<number, Message>(); /* by first seq */
  readonly #early = new Map<string, { seq: number; failed: boolean }>(); /* results whose call is not known yet */
  readonly #agentByNumber: Subagent[] = [];
  readonly #log: RunLog;

  constructor(log: RunLog) {
    this.#log = log;
  }

  /*  How often the words of this error were said, when it was the first to say them. */
  message(seq: number): Message | undefined {
    return this.#messageAt.get(seq);
  }

  agent(number: number): Subagent | undefined {
    return this.#agentByNumber[number - 1];
  }

  /*  The log has just taken this event as new. */
  fold(event: AgentGateEvent): void {
    this.lastSeq = Math.max(this.lastSeq, event.seq);
    this.#foldParent(event);
    switch (event.type) {
      case "agent_tool_call":
        this.#foldCall(event);
        break;
      case "agent_tool_result":
        this.#foldResult(event);
        break;
      case "agent_output":
        this.#foldOutput(event);
        break;
      case "agent_error":
        this.errors += event.severity === "warning" ? 0 : 1;
        this.warnings += event.severity === "warning" ? 1 : 0;
        this.#log.setFlag(event.seq, event.severity === "warning" ? 0 : Flag.FAILED);
        this.#foldMessage(event);
        break;
      case "file_changed":
        this.files.changed(event, this.relative(String(event.path)));
        break;
      default:
        this.#foldLatest(event);
    }
  }

  /*  Said by the run's own event, or by the list of runs before that has come. */
  start(event: RunStarted, ms: number): void {
    this.started = this.started && this.started.seq > event.seq ? this.started : event;
    this.#startedMs = Math.min(this.#startedMs || ms, ms);
  }

  /*  Wall clock, ms since 1970; 0 as long as nothing is known. */
  get startedMs(): number {
    return this.#startedMs || this.#log.firstMs;
  }

  #foldLatest(event: AgentGateEvent): void {
    const later = (old: { seq: number } | undefined): boolean => !old || event.seq > old.seq;
    switch (event.type) {
      case "run_started":
        this.start(event, Date.parse(event.timestamp) || 0);
        break;
      case "run_completed":
      case "run_failed":
        if (later(this.ended)) {
          this.ended = event;
        }
        if (event.type === "run_failed") {
          this.#log.setFlag(event.seq, Flag.FAILED);
        }
        this.live.clear();
        break;
      case "run_iteration":
        this.iteration = later(this.iteration) ? event : this.iteration;
        break;
      case "progress_update":
        this.progress = later(this.progress) ? event : this.progress;
        break;
      case "agent_usage":
        this.usage = later(this.usage) ? event : this.usage;
        break;
    }
  }

  /*  The first to say it stands for all; which is the first may still change. */
  #foldMessage({ seq, severity, code, message }: AgentError): void {
    const key = `${severity} ${code ?? ""} ${String(message).slice(0, 1000)}`;
    const known = this.#messages.get(key);
    if (!known) {
      if (this.#messages.size < MESSAGES_MAX) {
        const one = { first: seq, last: seq, count: 1 };
        this.#messages.set(key, one);
        this.#messageAt.set(seq, one);
      }
      return;
    }
    known.count++;
    known.last = Math.max(known.last, seq);
    this.#log.setFlag(Math.max(known.first, seq), Flag.REPEAT);
    if (seq < known.first) {
      this.#messageAt.delete(known.first);
      this.#messageAt.set(seq, known);
      known.first = seq;
    }
  }

  #foldParent(event: AgentGateEvent): void {
    const parent = "parentToolUseId" in event ? event.parentToolUseId : undefined;
    if (typeof parent !== "string") {
      return;
    }
    const agent = this.#agentOf(parent);
    if (agent) {
      agent.events++;
      this.#log.setParent(event.seq, agent.number);
    }
  }

  #agentOf(toolUseId: string): Subagent | undefined {
    let agent = this.agents.get(toolUseId);
    if (!agent && this.agents.size < AGENTS_MAX) {
      agent = { number: this.agents.size + 1, toolUseId, label: "", callSeq: 0, events: 0 };
      this.agents.set(toolUseId, agent);
      this.#agentByNumber.push(agent);
    }
    return agent;
  }

  #foldCall(event: AgentToolCall): void {
    this.calls++;
    if (!this.lastCall || event.seq > this.lastCall.seq) {
      this.lastCall = event;
    }
    if (rowKind(event) === Row.AGENT) {
      const agent = this.#agentOf(event.toolUseId);
      const input = event.input ?? {};
      if (agent) {
        agent.label = String(input.description ?? input.subagent_type ?? event.toolName);
        agent.callSeq = event.seq;
      }
    }
    this.todos.put(event);
    const call = { seq: event.seq, edits: this.#foldPaths(event) };
    const early = this.#early.get(event.toolUseId);
    if (early) {
      this.#early.delete(event.toolUseId);
      this.#close(call, early.seq, early.failed);
    } else if (this.open.size < OPEN_MAX) {
      this.open.set(event.toolUseId, call);
    }
  }

  #foldResult(event: AgentToolResult): void {
    const failed = event.success === false;
    this.failedCalls += failed ? 1 : 0;
    if (failed) {
      this.#log.setFlag(event.seq, Flag.FAILED);
    }
    const call = this.open.get(event.toolUseId);
    if (call) {
      this.open.delete(event.toolUseId);
      this.#close(call, event.seq, failed);
    } else if (this.#early.size < OPEN_MAX) {
      this.#early.set(event.toolUseId, { seq: event.seq, failed });
    }
  }

  #foldPaths(event: AgentToolCall): Edit[] {
    if (event.tool !== "Read" && event.tool !== "Edit" && event.tool !== "Write") {
      return [];
    }
    const paths = typeof event.path === "string" ? [event.path] : changedPaths(event.input).map((one) => one.path);
    const edits = paths.map((path) => this.files.call(event, this.relative(path)));
    return edits.filter((edit): edit is Edit => !!edit);
  }

  #close({ seq, edits }: OpenCall, result: number, failed: boolean): void {
    if (isCall(this.#log.kind(seq))) {
      this.#log.pair(seq, result);
      this.#log.setFlag(seq, failed ? Flag.DONE | Flag.FAILED : Flag.DONE);
    }
    for (const edit of failed ? edits : []) {
      this.files.undo(edit);
    }
  }

  /*  What a quiet run waits for: the oldest call without a result, a subagent's own rather than the subagent. */
  get runningCall(): number {
    let agent = 0;
    for (const { seq } of this.open.values()) {
      if (this.#log.kind(seq) !== Row.AGENT) {
        return seq;
      }
      agent ||= seq;
    }
    return agent;
  }

  /*  Deltas grow a live text; the whole text, when it comes, takes its place. */
  #foldOutput(event: AgentOutput): void {
    const key = blockKey(event);
    if (!event.partial) {
      this.live.delete(key);
      return;
    }
    const old = this.live.get(key);
    if (old && event.seq < old.seq) {
      return;
    }
    if (!old && this.live.size >= LIVE_MAX) {
      this.live.delete(this.live.keys().next().value as string);
    }
    const content = ((old?.content ?? "") + event.content).slice(-LIVE_CHARS);
    this.live.set(key, { kind: event.kind, content, seq: event.seq });
  }

  /*  Paths of calls are absolute, the watcher's are relative to the workspace. */
  relative(path: string): string {
    const cwd = this.started?.cwd;
    return cwd && path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
  }
}
