// Made by proto/generate.py from proto/events.json. Change that, not this.
// Event types of agentgate-stream as JSON (SPEC section 4).

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export interface JsonObject { [key: string]: JsonValue }

export const EVENTS_VERSION = 1;

export type Tool = "Read" | "Write" | "Edit" | "Bash" | "Grep" | "Glob" | "WebFetch" | "WebSearch" | "Other";
export type OutputKind = "text" | "thinking" | "raw";
export type Severity = "error" | "warning";
export type ErrorSource = "agent" | "stderr" | "parser" | "executor";
export type FileAction = "created" | "modified" | "deleted";
export type Phase = "Starting" | "Reading" | "Planning" | "Implementing" | "Testing" | "Finalizing";
export type FailReason = "exit" | "signal" | "spawn" | "timeout" | "cancelled" | "agent_error" | "lost";
export type Priority = "critical" | "high" | "normal" | "low";

export interface EventCommon {
  workOrderId: string;
  runId?: string;
  stream?: string;
  seq: number;
  seqFirst?: number;
  timestamp: string;
}

export interface WorkOrderCreated extends EventCommon {
  type: "work_order_created";
  taskPrompt: string;
  status: string;
}

export interface WorkOrderUpdated extends EventCommon {
  type: "work_order_updated";
  status: string;
  previousStatus?: string;
}

export interface RunStarted extends EventCommon {
  type: "run_started";
  runNumber: number;
  agent: string;
  model?: string;
  sessionId?: string;
  cwd?: string;
  command?: string;
  journal?: string;
}

export interface RunIteration extends EventCommon {
  type: "run_iteration";
  iterationNumber: number;
  totalIterations: number;
  verificationPassed: boolean;
  verificationDetails?: JsonObject;
}

export interface RunCompleted extends EventCommon {
  type: "run_completed";
  durationMs: number;
  exitCode: number;
  numTurns?: number;
  costUsd?: number;
  resultPreview?: string;
  redactions?: number;
  prUrl?: string;
  branchName?: string;
}

export interface RunFailed extends EventCommon {
  type: "run_failed";
  error: string;
  reason: FailReason;
  exitCode?: number;
  signal?: string;
  iterationNumber?: number;
  durationMs: number;
  redactions?: number;
}

export interface AgentToolCall extends EventCommon {
  type: "agent_tool_call";
  toolUseId: string;
  tool: Tool;
  toolName: string;
  input: JsonObject;
  inputTruncated?: boolean;
  path?: string;
  parentToolUseId?: string;
}

export interface AgentToolResult extends EventCommon {
  type: "agent_tool_result";
  toolUseId: string;
  success: boolean;
  contentPreview: string;
  contentLength: number;
  durationMs: number;
  content?: string;
  contentTruncated?: boolean;
  error?: string;
  parentToolUseId?: string;
}

export interface AgentOutput extends EventCommon {
  type: "agent_output";
  content: string;
  kind: OutputKind;
  partial?: boolean;
  incomplete?: boolean;
  messageId?: string;
  blockIndex?: number;
  parentToolUseId?: string;
}

export interface AgentError extends EventCommon {
  type: "agent_error";
  message: string;
  severity: Severity;
  source: ErrorSource;
  code?: string;
  details?: JsonObject;
}

export interface AgentUsage extends EventCommon {
  type: "agent_usage";
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens?: number;
  cacheWriteTokens?: number;
  costUsd?: number;
  numTurns?: number;
  model?: string;
}

export interface FileChanged extends EventCommon {
  type: "file_changed";
  path: string;
  action: FileAction;
  sizeBytes?: number;
}

export interface ProgressUpdate extends EventCommon {
  type: "progress_update";
  percentage: number;
  currentPhase: Phase;
  toolCallCount: number;
  elapsedSeconds: number;
  estimatedRemainingSeconds?: number;
  todosDone?: number;
  todosTotal?: number;
}

export type AgentGateEvent =
  | WorkOrderCreated
  | WorkOrderUpdated
  | RunStarted
  | RunIteration
  | RunCompleted
  | RunFailed
  | AgentToolCall
  | AgentToolResult
  | AgentOutput
  | AgentError
  | AgentUsage
  | FileChanged
  | ProgressUpdate;
export type EventType = AgentGateEvent["type"];
export const EVENT_TYPES = ["work_order_created", "work_order_updated", "run_started", "run_iteration", "run_completed", "run_failed", "agent_tool_call", "agent_tool_result", "agent_output", "agent_error", "agent_usage", "file_changed", "progress_update"] as const;
export const PRIORITY: Record<EventType, Priority> = {
  work_order_created: "critical",
  work_order_updated: "critical",
  run_started: "high",
  run_iteration: "high",
  run_completed: "critical",
  run_failed: "critical",
  agent_tool_call: "high",
  agent_tool_result: "normal",
  agent_output: "low",
  agent_error: "critical",
  agent_usage: "high",
  file_changed: "high",
  progress_update: "high",
};
