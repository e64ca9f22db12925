/*  agent/claude.c - Claude Code's stream-json, 0.2 to 2.1, and what looks like it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A record holds an API message whose content is an array of blocks. One
    message comes as several records, mostly one block each, that share its
    id. Also read here: the flat lines (flat.c), {"type":"assistant",
    "message":{"type":"text",..}}, and the bare messages of builds before
    0.2.117.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/adapter.h"
#include "agent/claude.h"
#include "agent/content.h"
#include "core/mem.h"

static const ag_tool_row_t s_tools[] = {
    { "Bash", "Bash" }, { "Read", "Read" }, { "Edit", "Edit" }, { "Write", "Write" }, { "Grep", "Grep" },
    { "Glob", "Glob" }, { "MultiEdit", "Edit" }, { "NotebookEdit", "Edit" }, { "NotebookRead", "Read" },
    { "LS", "Glob" }, { "WebFetch", "WebFetch" }, { "WebSearch", "WebSearch" }, { "web_fetch", "WebFetch" },
    { "web_search", "WebSearch" },
    { NULL, NULL }
};

static const ag_str_t s_none = { NULL, 0 };

static void *s_new (void)
{
    ag_claude_t *self = ag_calloc (1, sizeof *self);
    self->blocks = ag_blocks_new ();
    self->said = ag_said_new ();
    self->turns = -1;
    return self;
}

static void s_destroy (void *state)
{
    ag_claude_t *self = state;
    ag_blocks_destroy (&self->blocks);
    ag_said_destroy (&self->said);
    ag_buf_free (&self->room);
    free (self->api_error);
    free (self->failed_task);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Content blocks */

static ag_str_t s_path (const char *tool, ag_val_t *input)
{
    static const char *const keys[] = { "file_path", "notebook_path", NULL };
    return ag_tool_is_about_file (tool) ? ag_val_str_any (input, keys) : s_none;
}

static void s_call (ag_out_t *out, ag_val_t *block, ag_str_t parent)
{
    ag_str_t name = ag_val_str (block, "name");
    const char *tool = ag_tool_of (s_tools, name);
    ag_val_t *input = ag_val_object (block, "input");
    ag_out_call (out, &(ag_out_call_t) {
        .id = ag_val_str (block, "id"), .tool = tool, .name = name, .input = input, .path = s_path (tool, input),
        .parent = parent });
}

static void s_result (ag_claude_t *self, ag_out_t *out, ag_val_t *block, ag_str_t parent)
{
    ag_str_t content = ag_content_text (ag_val_get (block, "content"), &self->room);
    ag_out_result (out, &(ag_out_result_t) {
        .id = ag_val_str (block, "tool_use_id"), .success = !ag_val_bool (block, "is_error", false),
        .content = content, .parent = parent, .duration_ms = -1 });
}

/*  web_search_tool_result and its like: an array, or an object that is an error
    or has an exit code; mcp_tool_result has is_error. */
static void s_server_result (ag_claude_t *self, ag_out_t *out, ag_val_t *block, ag_str_t parent)
{
    char room[48];
    ag_val_t *content = ag_val_get (block, "content");
    ag_str_t error = ag_val_str (content, "error_code"), text = ag_content_text (content, &self->room);
    int64_t code = ag_val_int (content, "return_code", 0);
    if (!error.len && code)
        error = (ag_str_t) { room, (size_t) snprintf (room, sizeof room, "exit code %lld", (long long) code) };
    ag_out_result (out, &(ag_out_result_t) {
        .id = ag_val_str (block, "tool_use_id"), .success = !error.len && !ag_val_bool (block, "is_error", false),
        .content = text, .error = error, .parent = parent, .duration_ms = -1 });
}

static bool s_ends_with (ag_str_t text, const char *end)
{
    size_t len = strlen (end);
    return text.len >= len && !memcmp (text.ptr + text.len - len, end, len);
}

static void s_agent_block (ag_claude_t *self, ag_out_t *out, ag_val_t *block, ag_str_t parent)
{
    ag_str_t type = ag_val_str (block, "type");
    if (ag_str_is (type, "text")) {
        ag_blocks_whole (self->blocks, out, parent, AG_BLOCK_TEXT, ag_val_str (block, "text"), self->aborted);
        return;
    }
    if (ag_str_is (type, "thinking")) {
        ag_blocks_whole (self->blocks, out, parent, AG_BLOCK_THINKING, ag_val_str (block, "thinking"), self->aborted);
        return;
    }
    ag_blocks_whole (self->blocks, out, parent, AG_BLOCK_OTHER, s_none, false);
    if (ag_str_is (type, "tool_use") || ag_str_is (type, "server_tool_use") || ag_str_is (type, "mcp_tool_use"))
        s_call (out, block, parent);
    else if (ag_str_is (type, "tool_result"))
        s_result (self, out, block, parent);
    else if (s_ends_with (type, "_tool_result"))
        s_server_result (self, out, block, parent);
}

/*  Text of a user record is a prompt or a notice: only results are the agent's. */
static void s_user_block (ag_claude_t *self, ag_out_t *out, ag_val_t *block, ag_str_t parent)
{
    if (ag_val_is (block, "type", "tool_result"))
        s_result (self, out, block, parent);
}

/*  Calls `take` for each block: of an array, or the message itself is one. */
static void s_each_block (ag_claude_t *self, ag_out_t *out, ag_val_t *message, ag_str_t parent,
                          void (*take) (ag_claude_t *, ag_out_t *, ag_val_t *, ag_str_t))
{
    ag_val_t *content = ag_val_array (message, "content");
    bool is_block = ag_val_get (message, "type") && !ag_val_is (message, "type", "message");
    if (content && !is_block)
        for (ag_val_t *block = ag_val_first (content); block; block = ag_val_next (content, block))
            take (self, out, block, parent);
    else if (is_block)
        take (self, out, message, parent);
}

/* ---------------------------------------------------------------------- */
/*  Records */

static bool s_begins_with (ag_str_t text, const char *begin)
{
    size_t len = strlen (begin);
    return text.len >= len && !memcmp (text.ptr, begin, len);
}

/*  What the CLI made up because a call failed: an error, not the model's words.
    Builds before 2.0 only have the text to tell it by. False: it is none. */
static bool s_api_error (ag_claude_t *self, ag_out_t *out, ag_val_t *record, ag_val_t *message)
{
    if (!ag_val_is (message, "model", "<synthetic>"))
        return false;
    ag_str_t text = ag_content_text (ag_val_get (message, "content"), &self->room);
    if (!ag_val_str (record, "error").len && !ag_val_bool (record, "is_api_error_message", false)
            && !s_begins_with (text, "API Error"))
        return false;
    free (self->api_error);
    self->api_error = ag_str_dup (text);
    self->api_error_len = text.len;
    ag_out_error (out, &(ag_out_error_t) { .message = text, .code = ag_val_str (record, "error") });
    return true;
}

/*  An init record says the model; without one, the messages do. */
static void s_note_model (ag_out_t *out, ag_val_t *message)
{
    ag_str_t model = ag_val_str (message, "model");
    if (model.len && !ag_out_model (out).len && !ag_str_is (model, "<synthetic>"))
        ag_out_session (out, s_none, model, s_none);
}

static void s_message (ag_claude_t *self, ag_out_t *out, ag_val_t *message, ag_str_t parent)
{
    ag_str_t text = ag_val_is (message, "type", "message") || !ag_val_get (message, "type")
        ? ag_val_str (message, "content") : s_none;
    s_note_model (out, message);
    ag_blocks_message (self->blocks, out, parent, ag_val_str (message, "id"));
    if (text.ptr)
        ag_blocks_whole (self->blocks, out, parent, AG_BLOCK_TEXT, text, self->aborted);
    else
        s_each_block (self, out, message, parent, s_agent_block);
}

static void s_assistant (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_val_t *message = ag_val_get (record, "message");
    ag_str_t parent = ag_val_str (record, "parent_tool_use_id"), text = ag_val_text (message);
    ag_claude_retract (self, out, ag_val_array (record, "supersedes"), "superseded");
    ag_said_note (self->said, ag_val_str (record, "uuid"), ag_val_str (message, "id"));
    self->aborted = ag_val_bool (record, "aborted", false);
    if (s_api_error (self, out, record, message))
        ;
    else if (text.ptr)
        ag_out_text (out, &(ag_out_text_t) {
            .kind = "text", .content = text, .block_index = -1, .parent = parent, .incomplete = self->aborted });
    else
        s_message (self, out, message, parent);
    self->aborted = false;
}

static void s_user (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_str_t parent = ag_val_str (record, "parent_tool_use_id");
    ag_blocks_settle (self->blocks, out, parent);
    s_each_block (self, out, ag_val_get (record, "message"), parent, s_user_block);
}

/*  Records without an envelope; false: it is none. */
static bool s_bare (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_str_t role = ag_val_str (record, "role");
    if (!ag_val_array (record, "content") && !ag_val_get (record, "cost_usd"))
        return false;
    if (ag_str_is (role, "assistant"))
        s_message (self, out, record, s_none);
    else if (ag_str_is (role, "user"))
        s_each_block (self, out, record, s_none, s_user_block);
    else if (ag_str_is (role, "system"))
        ag_claude_footer (out, record);
    else
        return false;
    return true;
}

/*  Types that say nothing a viewer needs, or that repeat it. */
static bool s_is_quiet (ag_str_t type)
{
    static const char *const quiet[] = {
        "tool_progress", "tool_use_summary", "prompt_suggestion", "auth_status", "conversation_reset", "active_goal",
        "command_lifecycle", "keep_alive", "control_request", "control_response", "control_cancel_request", NULL
    };
    for (size_t i = 0; quiet[i]; i++)
        if (ag_str_is (type, quiet[i]))
            return true;
    return false;
}

static bool s_record (void *state, ag_out_t *out, ag_val_t *record)
{
    ag_claude_t *self = state;
    ag_str_t type = ag_val_str (record, "type");
    if (ag_str_is (type, "stream_event"))
        ag_claude_stream_event (self, out, record);
    else if (ag_str_is (type, "assistant"))
        s_assistant (self, out, record);
    else if (ag_str_is (type, "user"))
        s_user (self, out, record);
    else if (ag_str_is (type, "system"))
        ag_claude_system (self, out, record);
    else if (ag_str_is (type, "result"))
        ag_claude_result (self, out, record);
    else if (ag_str_is (type, "rate_limit_event"))
        ag_claude_rate_limit (out, record);
    else if (ag_str_is (type, "tool_progress") || ag_str_is (type, "auth_status"))
        ag_claude_notice (self, out, record);
    else if ((!type.ptr || ag_str_is (type, "message")) && s_bare (self, out, record))
        return true;
    else
        return s_is_quiet (type) || ag_flat_record (out, record);
    return !ag_str_is (type, "system") || ag_claude_knows_subtype (record);
}

static void s_end (void *state, ag_out_t *out)
{
    ag_blocks_end (((ag_claude_t *) state)->blocks, out);
}

static ag_match_t s_match (ag_val_t *record)
{
    ag_str_t type = ag_val_str (record, "type");
    if (ag_str_is (type, "system") || ag_str_is (type, "result"))
        return ag_val_get (record, "subtype") ? AG_MATCH_SURE : AG_MATCH_NO;
    if (ag_str_is (type, "assistant") || ag_str_is (type, "user"))
        return ag_val_get (record, "message") ? AG_MATCH_SURE : AG_MATCH_NO;
    if (ag_str_is (type, "stream_event") || ag_str_is (type, "rate_limit_event") || s_is_quiet (type))
        return AG_MATCH_SURE;
    if (ag_val_get (record, "role") && (ag_val_array (record, "content") || ag_val_get (record, "cost_usd")))
        return type.ptr ? AG_MATCH_SURE : AG_MATCH_MAYBE;
    return ag_flat_match (record) ? AG_MATCH_MAYBE : AG_MATCH_NO;
}

const ag_adapter_t ag_adapter_claude = {
    .name = "claude", .match = s_match, .state_new = s_new, .state_destroy = s_destroy, .record = s_record, .end = s_end
};
