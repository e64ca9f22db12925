/*  agent/opencode.c - opencode run --format json

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Steps of parts. A tool's part comes when the call has ended, with its own
    times; texts come whole. Usage and cost are of one step, so they are
    added up. There is no last record: a step that did not stop for a tool
    ends the turn. A failing command is "completed", its code in
    metadata.exit (null: it was killed); "invalid" is how a call of a tool
    that does not exist is shown.
*/
#include <stdio.h>
#include <stdlib.h>

#include "agent/adapter.h"
#include "core/mem.h"

typedef struct {
    char *message_id;           /* of the last part; NULL: none */
    int64_t parts;              /* of that message so far, but steps */
    char *answer;               /* the last text; NULL: none */
    size_t answer_len;
} s_state_t;

static const ag_str_t s_none = { NULL, 0 };

static const ag_tool_row_t s_tools[] = {
    { "bash", "Bash" }, { "read", "Read" }, { "edit", "Edit" }, { "multiedit", "Edit" }, { "patch", "Edit" },
    { "apply_patch", "Edit" }, { "write", "Write" }, { "grep", "Grep" }, { "glob", "Glob" }, { "list", "Glob" },
    { "webfetch", "WebFetch" }, { "websearch", "WebSearch" }, { NULL, NULL }
};

static void *s_new (void)
{
    return ag_calloc (1, sizeof (s_state_t));
}

static void s_destroy (void *state)
{
    s_state_t *self = state;
    free (self->message_id);
    free (self->answer);
    free (self);
}

/*  Which part of its message this is, from 0. */
static int64_t s_count_part (s_state_t *self, ag_str_t message_id)
{
    if (!self->message_id || !ag_str_is (message_id, self->message_id)) {
        free (self->message_id);
        self->message_id = ag_str_dup (message_id);
        self->parts = 0;
    }
    return self->parts++;
}

static void s_say (s_state_t *self, ag_out_t *out, ag_val_t *part, const char *kind)
{
    ag_str_t message_id = ag_val_str (part, "messageID");
    ag_out_text (out, &(ag_out_text_t) {
        .kind = kind, .content = ag_val_str (part, "text"), .message_id = message_id,
        .block_index = s_count_part (self, message_id) });
}

static void s_text (s_state_t *self, ag_out_t *out, ag_val_t *part)
{
    ag_str_t text = ag_val_str (part, "text");
    s_say (self, out, part, "text");
    free (self->answer);
    self->answer = ag_str_dup (text);
    self->answer_len = text.len;
}

/* ---------------------------------------------------------------------- */
/*  Tools */

/*  Why a part that says "completed" is a failure all the same; absent: it is none. */
static ag_str_t s_hidden_failure (ag_str_t tool, ag_val_t *state, char *room, size_t size)
{
    ag_val_t *metadata = ag_val_object (state, "metadata");
    if (ag_str_is (tool, "invalid"))
        return ag_val_str (ag_val_object (state, "input"), "error");
    if (!ag_val_has (metadata, "exit"))
        return s_none;
    if (!ag_val_get (metadata, "exit"))
        return AG_STR ("ended without an exit code");
    int64_t code = ag_val_int (metadata, "exit", 0);
    return code ? (ag_str_t) { room, (size_t) snprintf (room, size, "exit code %lld", (long long) code) } : s_none;
}

static int64_t s_duration_ms (ag_val_t *state)
{
    ag_val_t *time = ag_val_object (state, "time");
    int64_t start = ag_val_int (time, "start", -1), end = ag_val_int (time, "end", -1);
    return start >= 0 && end >= start ? end - start : 0;
}

static void s_tool (s_state_t *self, ag_out_t *out, ag_val_t *part)
{
    static const char *const path_keys[] = { "filePath", "path", NULL };
    char room[48];
    ag_str_t id = ag_val_str (part, "callID"), name = ag_val_str (part, "tool");
    const char *tool = ag_tool_of (s_tools, name);
    ag_val_t *state = ag_val_object (part, "state"), *input = ag_val_object (state, "input");
    s_count_part (self, ag_val_str (part, "messageID"));
    ag_out_call (out, &(ag_out_call_t) {
        .id = id, .tool = tool, .name = name, .input = input,
        .path = ag_tool_is_about_file (tool) ? ag_val_str_any (input, path_keys) : s_none });
    ag_str_t error = ag_val_str (state, "error"), output = ag_val_str (state, "output");
    if (!error.ptr)
        error = s_hidden_failure (name, state, room, sizeof room);
    ag_out_result (out, &(ag_out_result_t) {
        .id = id, .success = ag_val_is (state, "status", "completed") && !error.ptr,
        .content = output.ptr ? output : error, .error = error, .duration_ms = s_duration_ms (state) });
}

/* ---------------------------------------------------------------------- */
/*  Records */

static void s_step_finish (s_state_t *self, ag_out_t *out, ag_val_t *part)
{
    ag_val_t *tokens = ag_val_object (part, "tokens"), *cache = ag_val_object (tokens, "cache");
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    usage.input = ag_val_int (tokens, "input", -1);
    usage.output = ag_val_int (tokens, "output", -1);
    usage.cache_read = ag_val_int (cache, "read", -1);
    usage.cache_write = ag_val_int (cache, "write", -1);
    usage.cost_usd = ag_val_number (part, "cost", -1);
    usage.turns = 1;
    ag_out_add_usage (out, &usage);
    if (!ag_val_is (part, "reason", "tool-calls"))
        ag_out_turn_end (out, false, (ag_str_t) { self->answer, self->answer_len });
}

static void s_error (ag_out_t *out, ag_val_t *record)
{
    static const char *const keys[] = { "statusCode", "isRetryable", "responseBody", NULL };
    ag_val_t *error = ag_val_object (record, "error"), *data = ag_val_object (error, "data");
    ag_str_t message = ag_val_str (data, "message"), name = ag_val_str (error, "name");
    ag_out_error (out, &(ag_out_error_t) {
        .message = message.len ? message : name, .code = name, .from = data, .keys = keys });
    ag_out_turn_end (out, true, message.len ? message : name);
}

/*  Newer builds say at the end what nobody was there to allow. */
static void s_done (ag_out_t *out, ag_val_t *record)
{
    static const char *const keys[] = { "rejected", NULL };
    if (ag_val_first (ag_val_array (record, "rejected")))
        ag_out_error (out, &(ag_out_error_t) {
            .message = AG_STR ("permissions were refused, since nobody was asked"), .warning = true,
            .code = AG_STR ("permission_rejected"), .from = record, .keys = keys });
}

static bool s_record (void *state, ag_out_t *out, ag_val_t *record)
{
    s_state_t *self = state;
    ag_val_t *part = ag_val_object (record, "part");
    ag_str_t type = ag_val_str (record, "type");
    ag_out_session (out, ag_val_str (record, "sessionID"), s_none, s_none);
    if (ag_str_is (type, "tool_use"))
        s_tool (self, out, part);
    else if (ag_str_is (type, "text"))
        s_text (self, out, part);
    else if (ag_str_is (type, "reasoning"))
        s_say (self, out, part, "thinking");
    else if (ag_str_is (type, "step_finish"))
        s_step_finish (self, out, part);
    else if (ag_str_is (type, "error"))
        s_error (out, record);
    else if (ag_str_is (type, "done"))
        s_done (out, record);
    else
        return ag_str_is (type, "step_start");
    return true;
}

static ag_match_t s_match (ag_val_t *record)
{
    if (!ag_val_str (record, "sessionID").ptr)
        return AG_MATCH_NO;
    bool has_body = ag_val_object (record, "part") || ag_val_object (record, "error");
    return has_body || ag_val_is (record, "type", "done") ? AG_MATCH_SURE : AG_MATCH_MAYBE;
}

const ag_adapter_t ag_adapter_opencode = {
    .name = "opencode", .match = s_match, .state_new = s_new, .state_destroy = s_destroy, .record = s_record
};
