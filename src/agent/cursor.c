/*  agent/cursor.c - Cursor's agent, cursor-agent -p --output-format stream-json

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A tool's name is the key that ends in "ToolCall", and how the call ended
    is again a key: "success", or what went wrong. Thoughts come in deltas.
    A text that has a time but no model_call_id is a delta too; the whole
    follows. No cost.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/adapter.h"
#include "agent/blocks.h"
#include "agent/content.h"
#include "core/mem.h"

typedef struct {
    ag_blocks_t *blocks;        /* the message in progress: one block */
    bool open;                  /* there is one */
    ag_block_kind_t kind;       /* of it */
    unsigned messages;          /* so far; they have no id, so we count */
    ag_buf_t room;              /* for the text of results */
} s_state_t;

static const ag_str_t s_none = { NULL, 0 };

static const ag_tool_row_t s_tools[] = {
    { "shell", "Bash" }, { "read", "Read" }, { "edit", "Edit" }, { "write", "Write" }, { "grep", "Grep" },
    { "semSearch", "Grep" }, { "glob", "Glob" }, { "ls", "Glob" }, { "webFetch", "WebFetch" }, { "fetch", "WebFetch" },
    { "webSearch", "WebSearch" }, { NULL, NULL }
};

static void *s_new (void)
{
    s_state_t *self = ag_calloc (1, sizeof *self);
    self->blocks = ag_blocks_new ();
    return self;
}

static void s_destroy (void *state)
{
    s_state_t *self = state;
    ag_blocks_destroy (&self->blocks);
    ag_buf_free (&self->room);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Texts */

/*  Ends the message, if there is one. */
static void s_finish (s_state_t *self, ag_out_t *out, bool complete)
{
    if (!self->open)
        return;
    if (complete)
        ag_blocks_stop (self->blocks, out, s_none, 0);
    ag_blocks_finish (self->blocks, out, s_none);
    self->open = false;
}

/*  A message of that kind is open. */
static void s_open (s_state_t *self, ag_out_t *out, ag_block_kind_t kind)
{
    char id[32];
    if (self->open && self->kind == kind)
        return;
    s_finish (self, out, true);
    int len = snprintf (id, sizeof id, "message-%u", ++self->messages);
    ag_blocks_message (self->blocks, out, s_none, (ag_str_t) { id, (size_t) len });
    ag_blocks_start (self->blocks, out, s_none, 0, kind);
    self->kind = kind;
    self->open = true;
}

static void s_thinking (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    if (ag_val_is (record, "subtype", "completed")) {
        s_finish (self, out, true);
        return;
    }
    s_open (self, out, AG_BLOCK_THINKING);
    ag_blocks_delta (self->blocks, out, s_none, 0, ag_val_str (record, "text"));
}

static void s_assistant (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_val_t *message = ag_val_object (record, "message");
    ag_str_t text = ag_content_text (ag_val_get (message, "content"), &self->room);
    s_open (self, out, AG_BLOCK_TEXT);
    if (ag_val_get (record, "timestamp_ms") && !ag_val_get (record, "model_call_id")) {
        ag_blocks_delta (self->blocks, out, s_none, 0, text);
        return;
    }
    ag_blocks_whole (self->blocks, out, s_none, AG_BLOCK_TEXT, text, false);
    self->open = false;
}

/* ---------------------------------------------------------------------- */
/*  Tools */

/*  One call, as its record holds it. */
typedef struct {
    ag_str_t name;
    ag_val_t *args, *result;  /* lent; NULL: none */
} s_tool_t;

/*  The member that is the call: {"shellToolCall":{"args":..,"result":..},"toolCallId":..}. */
static s_tool_t s_named_tool (ag_val_t *call)
{
    static const char end[] = "ToolCall";
    size_t end_len = sizeof end - 1;
    ag_str_t key;
    for (ag_val_t *value = NULL; (value = ag_val_member (call, value, &key));)
        if (key.len > end_len && !memcmp (key.ptr + key.len - end_len, end, end_len))
            return (s_tool_t) { { key.ptr, key.len - end_len }, ag_val_object (value, "args"), ag_val_object (value, "result") };
    return (s_tool_t) { s_none, NULL, NULL };
}

/*  Or {"function":{"name":..,"arguments":".."}}. */
static s_tool_t s_tool (ag_val_t *call)
{
    ag_val_t *function = ag_val_object (call, "function");
    if (function)
        return (s_tool_t) { ag_val_str (function, "name"), function, ag_val_object (function, "result") };
    return s_named_tool (call);
}

static void s_call (ag_out_t *out, ag_str_t id, const s_tool_t *tool)
{
    const char *kind = ag_tool_of (s_tools, tool->name);
    ag_out_call (out, &(ag_out_call_t) {
        .id = id, .tool = kind, .name = tool->name, .input = tool->args,
        .path = ag_tool_is_about_file (kind) ? ag_val_str (tool->args, "path") : s_none });
}

/*  What a person would see of it. */
static ag_str_t s_result_text (s_state_t *self, ag_val_t *value)
{
    static const char *const keys[] = { "interleavedOutput", "stdout", "content", "diffString", "message", "error",
                                        "errorMessage", NULL };
    ag_str_t text = s_none, errors = ag_val_str (value, "stderr");
    for (size_t i = 0; keys[i] && !text.len; i++)
        text = ag_val_str (value, keys[i]);
    if (text.len)
        return text;
    return errors.ptr ? errors : ag_content_text (value, &self->room);
}

/*  What did not succeed: the key says how, the value perhaps why. */
static void s_failure (s_state_t *self, ag_val_t *given, ag_out_result_t *result)
{
    ag_str_t how = s_none;
    ag_val_t *why = ag_val_member (given, NULL, &how);
    ag_str_t error = ag_val_str (why, "error");
    result->content = why ? s_result_text (self, why) : AG_STR ("");
    result->error = error.len ? error : how;
}

static void s_result (s_state_t *self, ag_out_t *out, ag_str_t id, const s_tool_t *tool)
{
    char room[48];
    ag_str_t how;
    ag_val_t *success = ag_val_get (tool->result, "success");
    ag_out_result_t result = { .id = id, .success = success != NULL, .duration_ms = -1 };
    if (success)
        result.content = s_result_text (self, success);
    else
        s_failure (self, tool->result, &result);
    int64_t code = ag_val_int (ag_val_member (tool->result, NULL, &how), "exitCode", 0);
    if (code) {
        result.success = false;
        result.error = (ag_str_t) { room, (size_t) snprintf (room, sizeof room, "exit code %lld", (long long) code) };
    }
    ag_out_result (out, &result);
}

static void s_tool_call (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    s_tool_t tool = s_tool (ag_val_object (record, "tool_call"));
    ag_str_t id = ag_val_str (record, "call_id");
    bool ended = ag_val_is (record, "subtype", "completed");
    if (!ag_out_is_open (out, id))
        s_call (out, id, &tool);
    if (ended)
        s_result (self, out, id, &tool);
}

/* ---------------------------------------------------------------------- */
/*  Records */

static void s_end_record (ag_out_t *out, ag_val_t *record)
{
    bool failed = ag_val_bool (record, "is_error", false);
    ag_val_t *given = ag_val_object (record, "usage");
    ag_str_t text = ag_val_str (record, "result"), subtype = ag_val_str (record, "subtype");
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    if (failed)
        ag_out_error (out, &(ag_out_error_t) { .message = text.len ? text : subtype, .code = subtype });
    ag_out_turn_end (out, failed, text);
    usage.input = ag_val_int (given, "inputTokens", -1);
    usage.output = ag_val_int (given, "outputTokens", -1);
    usage.cache_read = ag_val_int (given, "cacheReadTokens", -1);
    usage.cache_write = ag_val_int (given, "cacheWriteTokens", -1);
    ag_out_add_usage (out, &usage);
}

static bool s_record (void *state, ag_out_t *out, ag_val_t *record)
{
    s_state_t *self = state;
    ag_str_t type = ag_val_str (record, "type");
    if (ag_str_is (type, "thinking") || ag_str_is (type, "assistant")) {
        (ag_str_is (type, "thinking") ? s_thinking : s_assistant) (self, out, record);
        return true;
    }
    s_finish (self, out, true);
    if (ag_str_is (type, "tool_call"))
        s_tool_call (self, out, record);
    else if (ag_str_is (type, "result"))
        s_end_record (out, record);
    else if (ag_str_is (type, "system") && ag_val_is (record, "subtype", "init"))
        ag_out_session (out, ag_val_str (record, "session_id"), ag_val_str (record, "model"), ag_val_str (record, "cwd"));
    else
        return ag_str_is (type, "user");        /* the prompt */
    return true;
}

static void s_end (void *state, ag_out_t *out)
{
    s_finish (state, out, false);
}

/*  Its init record is Claude's without most of it. */
static ag_match_t s_match (ag_val_t *record)
{
    ag_str_t type = ag_val_str (record, "type"), subtype = ag_val_str (record, "subtype");
    if (ag_str_is (type, "system") && ag_str_is (subtype, "init"))
        return ag_val_get (record, "permissionMode") && !ag_val_get (record, "tools")
            && !ag_val_get (record, "claude_code_version") ? AG_MATCH_SURE : AG_MATCH_NO;
    if (ag_str_is (type, "tool_call"))
        return ag_val_object (record, "tool_call") && ag_val_get (record, "call_id") ? AG_MATCH_SURE : AG_MATCH_NO;
    return ag_str_is (type, "thinking") && subtype.ptr ? AG_MATCH_SURE : AG_MATCH_NO;
}

const ag_adapter_t ag_adapter_cursor = {
    .name = "cursor", .match = s_match, .state_new = s_new, .state_destroy = s_destroy, .record = s_record, .end = s_end
};
