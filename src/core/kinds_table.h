/*  core/kinds_table.h - the tables behind agentgate/kinds.h, for core/kinds.c alone

    Made by proto/generate.py from proto/events.json. Change that, not this.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/

static const char *const s_enum_tool[] = { "Read", "Write", "Edit", "Bash", "Grep", "Glob", "WebFetch", "WebSearch", "Other", NULL };
static const char *const s_enum_outputKind[] = { "text", "thinking", "raw", NULL };
static const char *const s_enum_severity[] = { "error", "warning", NULL };
static const char *const s_enum_errorSource[] = { "agent", "stderr", "parser", "executor", NULL };
static const char *const s_enum_fileAction[] = { "created", "modified", "deleted", NULL };
static const char *const s_enum_phase[] = { "Starting", "Reading", "Planning", "Implementing", "Testing", "Finalizing", NULL };
static const char *const s_enum_failReason[] = { "exit", "signal", "spawn", "timeout", "cancelled", "agent_error", "lost", NULL };

static const ag_field_rule_t s_fields_work_order_created[] = {
    { AG_F_TASK_PROMPT, true, NULL },
    { AG_F_STATUS, true, NULL },
};
static const ag_field_rule_t s_fields_work_order_updated[] = {
    { AG_F_STATUS, true, NULL },
    { AG_F_PREVIOUS_STATUS, false, NULL },
};
static const ag_field_rule_t s_fields_run_started[] = {
    { AG_F_RUN_NUMBER, true, NULL },
    { AG_F_AGENT, true, NULL },
    { AG_F_MODEL, false, NULL },
    { AG_F_SESSION_ID, false, NULL },
    { AG_F_CWD, false, NULL },
    { AG_F_COMMAND, false, NULL },
    { AG_F_JOURNAL, false, NULL },
};
static const ag_field_rule_t s_fields_run_iteration[] = {
    { AG_F_ITERATION_NUMBER, true, NULL },
    { AG_F_TOTAL_ITERATIONS, true, NULL },
    { AG_F_VERIFICATION_PASSED, true, NULL },
    { AG_F_VERIFICATION_DETAILS, false, NULL },
};
static const ag_field_rule_t s_fields_run_completed[] = {
    { AG_F_DURATION_MS, true, NULL },
    { AG_F_EXIT_CODE, true, NULL },
    { AG_F_NUM_TURNS, false, NULL },
    { AG_F_COST_USD, false, NULL },
    { AG_F_RESULT_PREVIEW, false, NULL },
    { AG_F_REDACTIONS, false, NULL },
    { AG_F_PR_URL, false, NULL },
    { AG_F_BRANCH_NAME, false, NULL },
};
static const ag_field_rule_t s_fields_run_failed[] = {
    { AG_F_ERROR, true, NULL },
    { AG_F_REASON, true, s_enum_failReason },
    { AG_F_EXIT_CODE, false, NULL },
    { AG_F_SIGNAL, false, NULL },
    { AG_F_ITERATION_NUMBER, false, NULL },
    { AG_F_DURATION_MS, true, NULL },
    { AG_F_REDACTIONS, false, NULL },
};
static const ag_field_rule_t s_fields_agent_tool_call[] = {
    { AG_F_TOOL_USE_ID, true, NULL },
    { AG_F_TOOL, true, s_enum_tool },
    { AG_F_TOOL_NAME, true, NULL },
    { AG_F_INPUT, true, NULL },
    { AG_F_INPUT_TRUNCATED, false, NULL },
    { AG_F_PATH, false, NULL },
    { AG_F_PARENT_TOOL_USE_ID, false, NULL },
};
static const ag_field_rule_t s_fields_agent_tool_result[] = {
    { AG_F_TOOL_USE_ID, true, NULL },
    { AG_F_SUCCESS, true, NULL },
    { AG_F_CONTENT_PREVIEW, true, NULL },
    { AG_F_CONTENT_LENGTH, true, NULL },
    { AG_F_DURATION_MS, true, NULL },
    { AG_F_CONTENT, false, NULL },
    { AG_F_CONTENT_TRUNCATED, false, NULL },
    { AG_F_ERROR, false, NULL },
    { AG_F_PARENT_TOOL_USE_ID, false, NULL },
};
static const ag_field_rule_t s_fields_agent_output[] = {
    { AG_F_CONTENT, true, NULL },
    { AG_F_KIND, true, s_enum_outputKind },
    { AG_F_PARTIAL, false, NULL },
    { AG_F_INCOMPLETE, false, NULL },
    { AG_F_MESSAGE_ID, false, NULL },
    { AG_F_BLOCK_INDEX, false, NULL },
    { AG_F_PARENT_TOOL_USE_ID, false, NULL },
};
static const ag_field_rule_t s_fields_agent_error[] = {
    { AG_F_MESSAGE, true, NULL },
    { AG_F_SEVERITY, true, s_enum_severity },
    { AG_F_SOURCE, true, s_enum_errorSource },
    { AG_F_CODE, false, NULL },
    { AG_F_DETAILS, false, NULL },
};
static const ag_field_rule_t s_fields_agent_usage[] = {
    { AG_F_INPUT_TOKENS, true, NULL },
    { AG_F_OUTPUT_TOKENS, true, NULL },
    { AG_F_CACHE_READ_TOKENS, false, NULL },
    { AG_F_CACHE_WRITE_TOKENS, false, NULL },
    { AG_F_COST_USD, false, NULL },
    { AG_F_NUM_TURNS, false, NULL },
    { AG_F_MODEL, false, NULL },
};
static const ag_field_rule_t s_fields_file_changed[] = {
    { AG_F_PATH, true, NULL },
    { AG_F_ACTION, true, s_enum_fileAction },
    { AG_F_SIZE_BYTES, false, NULL },
};
static const ag_field_rule_t s_fields_progress_update[] = {
    { AG_F_PERCENTAGE, true, NULL },
    { AG_F_CURRENT_PHASE, true, s_enum_phase },
    { AG_F_TOOL_CALL_COUNT, true, NULL },
    { AG_F_ELAPSED_SECONDS, true, NULL },
    { AG_F_ESTIMATED_REMAINING_SECONDS, false, NULL },
    { AG_F_TODOS_DONE, false, NULL },
    { AG_F_TODOS_TOTAL, false, NULL },
};

static const s_kind_row_t s_kinds[AG_KIND_COUNT] = {
    [AG_KIND_UNKNOWN] = { "unknown", AG_NORMAL, NULL, false, false, NULL, 0 },
    [AG_WORK_ORDER_CREATED] = { "work_order_created", AG_CRITICAL, NULL, true, false,
        s_fields_work_order_created, 2 },
    [AG_WORK_ORDER_UPDATED] = { "work_order_updated", AG_CRITICAL, NULL, true, false,
        s_fields_work_order_updated, 2 },
    [AG_RUN_STARTED] = { "run_started", AG_HIGH, NULL, true, false,
        s_fields_run_started, 7 },
    [AG_RUN_ITERATION] = { "run_iteration", AG_HIGH, NULL, true, false,
        s_fields_run_iteration, 4 },
    [AG_RUN_COMPLETED] = { "run_completed", AG_CRITICAL, NULL, true, true,
        s_fields_run_completed, 8 },
    [AG_RUN_FAILED] = { "run_failed", AG_CRITICAL, NULL, true, true,
        s_fields_run_failed, 7 },
    [AG_AGENT_TOOL_CALL] = { "agent_tool_call", AG_HIGH, "includeToolCalls", false, false,
        s_fields_agent_tool_call, 7 },
    [AG_AGENT_TOOL_RESULT] = { "agent_tool_result", AG_NORMAL, "includeToolResults", false, false,
        s_fields_agent_tool_result, 9 },
    [AG_AGENT_OUTPUT] = { "agent_output", AG_LOW, "includeOutput", false, false,
        s_fields_agent_output, 7 },
    [AG_AGENT_ERROR] = { "agent_error", AG_CRITICAL, NULL, true, false,
        s_fields_agent_error, 5 },
    [AG_AGENT_USAGE] = { "agent_usage", AG_HIGH, NULL, false, false,
        s_fields_agent_usage, 7 },
    [AG_FILE_CHANGED] = { "file_changed", AG_HIGH, "includeFileChanges", false, false,
        s_fields_file_changed, 3 },
    [AG_PROGRESS_UPDATE] = { "progress_update", AG_HIGH, "includeProgress", true, false,
        s_fields_progress_update, 7 },
};

static const s_field_row_t s_fields[AG_F_COUNT] = {
    [AG_F_NONE] = { "", AG_TYPE_STRING },
    [AG_F_ACTION] = { "action", AG_TYPE_STRING },
    [AG_F_AGENT] = { "agent", AG_TYPE_STRING },
    [AG_F_BLOCK_INDEX] = { "blockIndex", AG_TYPE_INTEGER },
    [AG_F_BRANCH_NAME] = { "branchName", AG_TYPE_STRING },
    [AG_F_CACHE_READ_TOKENS] = { "cacheReadTokens", AG_TYPE_INTEGER },
    [AG_F_CACHE_WRITE_TOKENS] = { "cacheWriteTokens", AG_TYPE_INTEGER },
    [AG_F_CODE] = { "code", AG_TYPE_STRING },
    [AG_F_COMMAND] = { "command", AG_TYPE_STRING },
    [AG_F_CONTENT] = { "content", AG_TYPE_STRING },
    [AG_F_CONTENT_LENGTH] = { "contentLength", AG_TYPE_INTEGER },
    [AG_F_CONTENT_PREVIEW] = { "contentPreview", AG_TYPE_STRING },
    [AG_F_CONTENT_TRUNCATED] = { "contentTruncated", AG_TYPE_BOOLEAN },
    [AG_F_COST_USD] = { "costUsd", AG_TYPE_NUMBER },
    [AG_F_CURRENT_PHASE] = { "currentPhase", AG_TYPE_STRING },
    [AG_F_CWD] = { "cwd", AG_TYPE_STRING },
    [AG_F_DETAILS] = { "details", AG_TYPE_OBJECT },
    [AG_F_DURATION_MS] = { "durationMs", AG_TYPE_INTEGER },
    [AG_F_ELAPSED_SECONDS] = { "elapsedSeconds", AG_TYPE_INTEGER },
    [AG_F_ERROR] = { "error", AG_TYPE_STRING },
    [AG_F_ESTIMATED_REMAINING_SECONDS] = { "estimatedRemainingSeconds", AG_TYPE_INTEGER },
    [AG_F_EXIT_CODE] = { "exitCode", AG_TYPE_INTEGER },
    [AG_F_INCOMPLETE] = { "incomplete", AG_TYPE_BOOLEAN },
    [AG_F_INPUT] = { "input", AG_TYPE_OBJECT },
    [AG_F_INPUT_TOKENS] = { "inputTokens", AG_TYPE_INTEGER },
    [AG_F_INPUT_TRUNCATED] = { "inputTruncated", AG_TYPE_BOOLEAN },
    [AG_F_ITERATION_NUMBER] = { "iterationNumber", AG_TYPE_INTEGER },
    [AG_F_JOURNAL] = { "journal", AG_TYPE_STRING },
    [AG_F_KIND] = { "kind", AG_TYPE_STRING },
    [AG_F_MESSAGE] = { "message", AG_TYPE_STRING },
    [AG_F_MESSAGE_ID] = { "messageId", AG_TYPE_STRING },
    [AG_F_MODEL] = { "model", AG_TYPE_STRING },
    [AG_F_NUM_TURNS] = { "numTurns", AG_TYPE_INTEGER },
    [AG_F_OUTPUT_TOKENS] = { "outputTokens", AG_TYPE_INTEGER },
    [AG_F_PARENT_TOOL_USE_ID] = { "parentToolUseId", AG_TYPE_STRING },
    [AG_F_PARTIAL] = { "partial", AG_TYPE_BOOLEAN },
    [AG_F_PATH] = { "path", AG_TYPE_STRING },
    [AG_F_PERCENTAGE] = { "percentage", AG_TYPE_INTEGER },
    [AG_F_PR_URL] = { "prUrl", AG_TYPE_STRING },
    [AG_F_PREVIOUS_STATUS] = { "previousStatus", AG_TYPE_STRING },
    [AG_F_REASON] = { "reason", AG_TYPE_STRING },
    [AG_F_REDACTIONS] = { "redactions", AG_TYPE_INTEGER },
    [AG_F_RESULT_PREVIEW] = { "resultPreview", AG_TYPE_STRING },
    [AG_F_RUN_NUMBER] = { "runNumber", AG_TYPE_INTEGER },
    [AG_F_SESSION_ID] = { "sessionId", AG_TYPE_STRING },
    [AG_F_SEVERITY] = { "severity", AG_TYPE_STRING },
    [AG_F_SIGNAL] = { "signal", AG_TYPE_STRING },
    [AG_F_SIZE_BYTES] = { "sizeBytes", AG_TYPE_INTEGER },
    [AG_F_SOURCE] = { "source", AG_TYPE_STRING },
    [AG_F_STATUS] = { "status", AG_TYPE_STRING },
    [AG_F_SUCCESS] = { "success", AG_TYPE_BOOLEAN },
    [AG_F_TASK_PROMPT] = { "taskPrompt", AG_TYPE_STRING },
    [AG_F_TODOS_DONE] = { "todosDone", AG_TYPE_INTEGER },
    [AG_F_TODOS_TOTAL] = { "todosTotal", AG_TYPE_INTEGER },
    [AG_F_TOOL] = { "tool", AG_TYPE_STRING },
    [AG_F_TOOL_CALL_COUNT] = { "toolCallCount", AG_TYPE_INTEGER },
    [AG_F_TOOL_NAME] = { "toolName", AG_TYPE_STRING },
    [AG_F_TOOL_USE_ID] = { "toolUseId", AG_TYPE_STRING },
    [AG_F_TOTAL_ITERATIONS] = { "totalIterations", AG_TYPE_INTEGER },
    [AG_F_VERIFICATION_DETAILS] = { "verificationDetails", AG_TYPE_OBJECT },
    [AG_F_VERIFICATION_PASSED] = { "verificationPassed", AG_TYPE_BOOLEAN },
};

static const char *const s_priorities[] = { "critical", "high", "normal", "low" };
