/*  agent/claude_system.c - what Claude Code says of the run: system, result, limits

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    total_cost_usd and modelUsage are totals of the session and cover the
    subagents, so the last one counts; num_turns is of one turn, so they are
    added up. is_error is to be trusted, the subtype is not.
*/
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "agent/claude.h"
#include "core/mem.h"

/*  With these members of a record as its details. */
static void s_warn (ag_out_t *out, const char *code, ag_str_t message, ag_val_t *from, const char *const *keys)
{
    ag_out_error (out, &(ag_out_error_t) {
        .message = message, .warning = true, .code = { code, strlen (code) }, .from = from, .keys = keys });
}

static void s_init (ag_out_t *out, ag_val_t *record)
{
    ag_str_t session_id = ag_val_str (record, "session_id");
    ag_out_session (out, session_id, ag_val_str (record, "model"), ag_val_str (record, "cwd"));
}

/*  A call of the model failed and will be tried again, by the run or a subagent of it. */
static void s_retry (ag_claude_t *self, ag_out_t *out, ag_val_t *from, const char *error_key)
{
    static const char *const keys[] = { "attempt", "max_retries", "retry_delay_ms", "error_status", "error",
                                        "error_category", "agent_id", NULL };
    ag_str_t error = ag_val_str (from, error_key);
    int64_t status = ag_val_int (from, "error_status", -1), attempt = ag_val_int (from, "attempt", 0);
    int64_t attempts = ag_val_int (from, "max_retries", 0), delay_ms = ag_val_int (from, "retry_delay_ms", 0);
    ag_buf_clear (&self->room);
    ag_buf_append_cstr (&self->room, "the model's service failed (");
    ag_buf_append_str (&self->room, error.len ? error : AG_STR ("unknown"));
    if (status >= 0)
        ag_buf_printf (&self->room, ", status %lld", (long long) status);
    ag_buf_printf (&self->room, "); try %lld of %lld follows in %lld ms", (long long) attempt, (long long) attempts,
                   (long long) delay_ms);
    s_warn (out, "api_retry", (ag_str_t) { self->room.data, self->room.len }, from, keys);
}

void ag_claude_notice (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_val_t *retry = ag_val_object (record, "subagent_retry");
    ag_str_t error = ag_val_str (record, "error");
    if (retry)
        s_retry (self, out, retry, "error_category");
    else if (ag_val_is (record, "type", "auth_status") && error.len)
        s_warn (out, "auth", error, NULL, NULL);
}

static void s_status (ag_out_t *out, ag_val_t *record)
{
    if (ag_val_is (record, "compact_result", "failed")) {
        ag_str_t why = ag_val_str (record, "compact_error");
        s_warn (out, "compact_failed", why.len ? why : AG_STR ("the history could not be made shorter"), NULL, NULL);
    }
}

static void s_hook_response (ag_out_t *out, ag_val_t *record)
{
    static const char *const text_keys[] = { "stderr", "output", "stdout", NULL };
    static const char *const keys[] = { "hook_name", "hook_event", "exit_code", "outcome", NULL };
    if (!ag_val_is (record, "outcome", "error"))
        return;
    ag_str_t text = { NULL, 0 };
    for (size_t i = 0; !text.len && text_keys[i]; i++)
        text = ag_val_str (record, text_keys[i]);
    s_warn (out, "hook_failed", text.len ? text : AG_STR ("a hook failed"), record, keys);
}

/*  A background task failed. Told by a notification, by an update, or by both. */
static void s_task_failed (ag_claude_t *self, ag_out_t *out, ag_val_t *record, ag_str_t why)
{
    static const char *const keys[] = { "task_id", "tool_use_id", "reason", NULL };
    ag_str_t id = ag_val_str (record, "task_id");
    if (self->failed_task && ag_str_is (id, self->failed_task))
        return;
    free (self->failed_task);
    self->failed_task = id.ptr ? ag_str_dup (id) : NULL;
    s_warn (out, "task_failed", why.len ? why : AG_STR ("a background task failed"), record, keys);
}

static void s_task_notification (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    if (ag_val_is (record, "status", "failed"))
        s_task_failed (self, out, record, ag_val_str (record, "summary"));
}

/*  Without an error a notification follows, which says more. */
static void s_task_updated (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_val_t *patch = ag_val_object (record, "patch");
    ag_str_t error = ag_val_str (patch, "error");
    if (error.len && ag_val_is (patch, "status", "failed"))
        s_task_failed (self, out, record, error);
}

/* ---------------------------------------------------------------------- */
/*  What was said and does not count any more */

void ag_claude_retract (ag_claude_t *self, ag_out_t *out, ag_val_t *uuids, const char *code)
{
    struct json_object *ids = uuids ? ag_said_take (self->said, uuids) : NULL;
    if (!ids)
        return;
    struct json_object *details = json_object_new_object ();
    json_object_object_add (details, "messageIds", ids);
    ag_out_error (out, &(ag_out_error_t) {
        .message = AG_STR ("the agent takes back what it has said in these messages"), .warning = true,
        .code = { code, strlen (code) }, .details = details });
    json_object_put (details);
}

/*  Another model answers from here, or the answer was refused. A subagent's
    (scope local) is not the run's. */
static void s_model_changed (ag_claude_t *self, ag_out_t *out, ag_val_t *record, const char *code)
{
    static const char *const keys[] = { "original_model", "fallback_model", "trigger", "direction", "scope",
                                        "api_refusal_category", "api_refusal_explanation", NULL };
    static const ag_str_t none = { NULL, 0 };
    ag_str_t content = ag_val_str (record, "content");
    s_warn (out, code, content.len ? content : AG_STR ("the model refused or could not answer"), record, keys);
    ag_claude_retract (self, out, ag_val_array (record, "retracted_message_uuids"), "retracted");
    if (!ag_val_is (record, "scope", "local"))
        ag_out_session (out, none, ag_val_str (record, "fallback_model"), none);
}

/* ---------------------------------------------------------------------- */

static void s_informational (ag_out_t *out, ag_val_t *record)
{
    if (ag_val_is (record, "level", "warning") || ag_val_bool (record, "prevent_continuation", false))
        s_warn (out, "informational", ag_val_str (record, "content"), NULL, NULL);
}

/*  What the CLI itself answers to a slash command. */
static void s_command_output (ag_out_t *out, ag_val_t *record)
{
    ag_str_t content = ag_val_str (record, "content");
    if (content.len)
        ag_out_text (out, &(ag_out_text_t) { .kind = "raw", .content = content, .block_index = -1 });
}

/*  The transcript on disk is not what was said here: a resumed session will miss it. */
static void s_lost (ag_out_t *out, ag_val_t *record)
{
    static const char *const keys[] = { "error_code", "lost", NULL };
    ag_str_t error = ag_val_str (record, "error");
    s_warn (out, "session_not_saved", error.len ? error : AG_STR ("the agent could not save its session"), record, keys);
}

static void s_plugin (ag_out_t *out, ag_val_t *record)
{
    static const char *const keys[] = { "name", NULL };
    if (!ag_val_is (record, "status", "failed"))
        return;
    ag_str_t error = ag_val_str (record, "error");
    s_warn (out, "plugin_failed", error.len ? error : AG_STR ("a plugin could not be installed"), record, keys);
}

void ag_claude_system (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_str_t subtype = ag_val_str (record, "subtype");
    if (ag_str_is (subtype, "init"))
        s_init (out, record);
    else if (ag_str_is (subtype, "api_retry"))
        s_retry (self, out, record, "error");
    else if (ag_str_is (subtype, "status"))
        s_status (out, record);
    else if (ag_str_is (subtype, "hook_response"))
        s_hook_response (out, record);
    else if (ag_str_is (subtype, "task_notification"))
        s_task_notification (self, out, record);
    else if (ag_str_is (subtype, "task_updated"))
        s_task_updated (self, out, record);
    else if (ag_str_is (subtype, "informational"))
        s_informational (out, record);
    else if (ag_str_is (subtype, "local_command_output"))
        s_command_output (out, record);
    else if (ag_str_is (subtype, "session_writes_lost") || ag_str_is (subtype, "mirror_error"))
        s_lost (out, record);
    else if (ag_str_is (subtype, "plugin_install"))
        s_plugin (out, record);
    else if (ag_str_is (subtype, "model_fallback"))
        s_model_changed (self, out, record, "model_fallback");
    else if (ag_str_is (subtype, "model_refusal_fallback") || ag_str_is (subtype, "model_refusal_no_fallback"))
        s_model_changed (self, out, record, "model_refusal");
}

/*  Subtypes of system records whose meaning is known, also where there is
    nothing to say: the tool result or the result tells it too. */
bool ag_claude_knows_subtype (ag_val_t *record)
{
    static const char *const known[] = {
        "init", "api_retry", "status", "hook_started", "hook_progress", "hook_response", "task_started",
        "task_progress", "task_updated", "task_notification", "background_tasks_changed", "thinking_tokens",
        "compact_boundary", "permission_denied", "session_state_changed", "informational", "notification",
        "local_command_output", "model_refusal_fallback", "model_refusal_no_fallback", "model_fallback",
        "files_persisted", "commands_changed", "memory_recall", "mirror_error", "elicitation_complete",
        "control_request_progress", "plugin_install", "worker_shutting_down", "session_writes_lost",
        "post_turn_summary", "ui_invalidate", NULL
    };
    ag_str_t subtype = ag_val_str (record, "subtype");
    for (size_t i = 0; known[i]; i++)
        if (ag_str_is (subtype, known[i]))
            return true;
    return false;
}

void ag_claude_rate_limit (ag_out_t *out, ag_val_t *record)
{
    ag_val_t *info = ag_val_object (record, "rate_limit_info");
    ag_str_t status = ag_val_str (info, "status");
    if (ag_str_is (status, "rejected"))
        s_warn (out, "rate_limit", AG_STR ("the account's rate limit is used up"), info, NULL);
    else if (ag_str_is (status, "allowed_warning"))
        s_warn (out, "rate_limit", AG_STR ("the account comes near its rate limit"), info, NULL);
}

/* ---------------------------------------------------------------------- */
/*  Result */

static int64_t s_plus (int64_t sum, int64_t part)
{
    int64_t total;
    if (part < 0)
        return sum;
    return __builtin_add_overflow (sum < 0 ? 0 : sum, part, &total) ? INT64_MAX : total;
}

/*  All models together; its name where there is only one. False: empty. */
static bool s_model_usage (ag_val_t *models, ag_out_usage_t *usage)
{
    size_t count = 0;
    ag_str_t name;
    for (ag_val_t *model = NULL; (model = ag_val_member (models, model, &name)); count++) {
        usage->input = s_plus (usage->input, ag_val_int (model, "inputTokens", -1));
        usage->output = s_plus (usage->output, ag_val_int (model, "outputTokens", -1));
        usage->cache_read = s_plus (usage->cache_read, ag_val_int (model, "cacheReadInputTokens", -1));
        usage->cache_write = s_plus (usage->cache_write, ag_val_int (model, "cacheCreationInputTokens", -1));
        usage->model = name;
    }
    if (count > 1)
        usage->model = (ag_str_t) { NULL, 0 };
    return count > 0;
}

static void s_turn_usage (ag_val_t *record, ag_out_usage_t *usage)
{
    ag_val_t *of_turn = ag_val_object (record, "usage");
    usage->input = ag_val_int (of_turn, "input_tokens", -1);
    usage->output = ag_val_int (of_turn, "output_tokens", -1);
    usage->cache_read = ag_val_int (of_turn, "cache_read_input_tokens", -1);
    usage->cache_write = ag_val_int (of_turn, "cache_creation_input_tokens", -1);
}

static void s_result_usage (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    usage.cost_usd = ag_val_number (record, "total_cost_usd", ag_val_number (record, "cost_usd", -1));
    self->turns = s_plus (self->turns, ag_val_int (record, "num_turns", -1));
    usage.turns = self->turns;
    if (s_model_usage (ag_val_object (record, "modelUsage"), &usage)) {
        ag_out_usage (out, &usage);
        return;
    }
    ag_out_usage_t turn = AG_OUT_USAGE_NONE;    /* no totals: add up the turns; cost and turns are totals already */
    s_turn_usage (record, &turn);
    if (turn.input >= 0 || turn.output >= 0 || usage.cost_usd >= 0 || usage.turns >= 0)
        ag_out_add_usage_under (out, &turn, &usage);
}

/*  The text of a result, or of its errors. */
static ag_str_t s_result_text (ag_claude_t *self, ag_val_t *record)
{
    ag_val_t *errors = ag_val_array (record, "errors");
    static const char *const keys[] = { "result", "error", NULL };
    ag_str_t text = ag_val_str_any (record, keys);
    if (text.ptr || !errors)
        return text;
    ag_buf_clear (&self->room);
    for (ag_val_t *error = ag_val_first (errors); error; error = ag_val_next (errors, error)) {
        if (error != ag_val_first (errors))
            ag_buf_append_char (&self->room, '\n');
        ag_buf_append_str (&self->room, ag_val_text (error));
    }
    return (ag_str_t) { self->room.len ? self->room.data : "", self->room.len };
}

static bool s_is_told (const ag_claude_t *self, ag_str_t text)
{
    return self->api_error && self->api_error_len == text.len && !memcmp (self->api_error, text.ptr, text.len);
}

static void s_result_error (ag_claude_t *self, ag_out_t *out, ag_val_t *record, ag_str_t text)
{
    static const char *const code_keys[] = { "terminal_reason", "subtype", NULL };
    ag_str_t subtype = ag_val_str (record, "subtype");
    bool is_error = ag_val_bool (record, "is_error", false);
    bool stopped = subtype.len > 6 && !memcmp (subtype.ptr, "error_", 6);   /* before 2.1: not is_error */
    if ((!is_error && !stopped) || (text.len && s_is_told (self, text)))
        return;
    ag_out_error (out, &(ag_out_error_t) {
        .message = text.len ? text : subtype, .warning = !is_error, .code = ag_val_str_any (record, code_keys) });
}

void ag_claude_result (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_blocks_finish (self->blocks, out, (ag_str_t) { NULL, 0 });
    ag_str_t text = s_result_text (self, record);
    s_result_error (self, out, record, text);
    ag_out_turn_end (out, ag_val_bool (record, "is_error", false), text);
    s_result_usage (self, out, record);
    ag_out_session (out, ag_val_str (record, "session_id"), (ag_str_t) { NULL, 0 }, (ag_str_t) { NULL, 0 });
}

void ag_claude_footer (ag_out_t *out, ag_val_t *record)
{
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    usage.cost_usd = ag_val_number (record, "cost_usd", -1);
    ag_out_turn_end (out, false, (ag_str_t) { NULL, 0 });
    ag_out_usage (out, &usage);
}
