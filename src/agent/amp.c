/*  agent/amp.c - Amp, amp -x --stream-json

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Made to look like Claude Code's, with one record a whole message. What
    differs: messages have no id; usage is of one message, so it is added up;
    a failed command is no is_error, its code stands in the JSON text that is
    the result's content; why a run failed stands in "error".
*/
#include <stdio.h>
#include <stdlib.h>

#include "agent/adapter.h"
#include "agent/content.h"
#include "core/mem.h"

typedef struct {
    unsigned messages;          /* so far; they have no id, so we count */
    ag_buf_t room;              /* for the text of content arrays */
    ag_reader_t *reader;        /* of results that are JSON text */
} s_state_t;

static const ag_str_t s_none = { NULL, 0 };

static const ag_tool_row_t s_tools[] = {
    { "Bash", "Bash" }, { "shell_command", "Bash" }, { "Read", "Read" }, { "view_media", "Read" },
    { "apply_patch", "Edit" }, { "edit_file", "Edit" }, { "undo_edit", "Edit" }, { "create_file", "Write" },
    { "Grep", "Grep" }, { "finder", "Grep" }, { "glob", "Glob" }, { "list_directory", "Glob" },
    { "read_web_page", "WebFetch" }, { "web_search", "WebSearch" }, { NULL, NULL }
};

static void *s_new (void)
{
    s_state_t *self = ag_calloc (1, sizeof *self);
    self->reader = ag_reader_new ();
    return self;
}

static void s_destroy (void *state)
{
    s_state_t *self = state;
    ag_buf_free (&self->room);
    ag_reader_destroy (&self->reader);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Blocks */

static void s_call (ag_out_t *out, ag_val_t *block, ag_str_t parent)
{
    static const char *const path_keys[] = { "path", "file_path", NULL };
    ag_str_t name = ag_val_str (block, "name");
    const char *tool = ag_tool_of (s_tools, name);
    ag_val_t *input = ag_val_object (block, "input");
    ag_out_call (out, &(ag_out_call_t) {
        .id = ag_val_str (block, "id"), .tool = tool, .name = name, .input = input,
        .path = ag_tool_is_about_file (tool) ? ag_val_str_any (input, path_keys) : s_none, .parent = parent });
}

static void s_agent_block (ag_out_t *out, ag_val_t *block, ag_out_text_t *text)
{
    bool thinks = ag_val_is (block, "type", "thinking");
    if (ag_val_is (block, "type", "tool_use"))
        s_call (out, block, text->parent);
    else if (thinks || ag_val_is (block, "type", "text")) {
        text->kind = thinks ? "thinking" : "text";
        text->content = ag_val_str (block, text->kind);
        ag_out_text (out, text);
    }
    text->block_index++;
}

/*  {"output":"..","exitCode":1} as text: what a command wrote, and how it ended.
    NULL: it is not that. */
static ag_val_t *s_command_end (s_state_t *self, ag_str_t content)
{
    size_t used;
    const char *why;
    ag_val_t *end = content.len && content.ptr[0] == '{' ? ag_reader_read (self->reader, content, &used, &why) : NULL;
    bool is_end = end && used == content.len && ag_val_get (end, "exitCode") && ag_val_str (end, "output").ptr;
    return is_end ? end : NULL;
}

static void s_result (s_state_t *self, ag_out_t *out, ag_val_t *block, ag_str_t parent)
{
    char room[48];
    ag_out_result_t result = {
        .id = ag_val_str (block, "tool_use_id"), .success = !ag_val_bool (block, "is_error", false),
        .content = ag_content_text (ag_val_get (block, "content"), &self->room), .parent = parent, .duration_ms = -1 };
    ag_val_t *end = s_command_end (self, result.content);
    int64_t code = ag_val_int (end, "exitCode", 0);
    if (end)
        result.content = ag_val_str (end, "output");
    if (code) {
        result.success = false;
        result.error = (ag_str_t) { room, (size_t) snprintf (room, sizeof room, "exit code %lld", (long long) code) };
    }
    ag_out_result (out, &result);
}

/* ---------------------------------------------------------------------- */
/*  Records */

static void s_usage (ag_out_t *out, ag_val_t *given)
{
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    usage.input = ag_val_int (given, "input_tokens", -1);
    usage.output = ag_val_int (given, "output_tokens", -1);
    usage.cache_read = ag_val_int (given, "cache_read_input_tokens", -1);
    usage.cache_write = ag_val_int (given, "cache_creation_input_tokens", -1);
    if (given)
        ag_out_add_usage (out, &usage);
}

static void s_assistant (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    char id[32];
    ag_val_t *message = ag_val_object (record, "message"), *content = ag_val_array (message, "content");
    int len = snprintf (id, sizeof id, "message-%u", ++self->messages);
    ag_out_text_t text = { .message_id = { id, (size_t) len }, .parent = ag_val_str (record, "parent_tool_use_id") };
    for (ag_val_t *block = ag_val_first (content); block; block = ag_val_next (content, block))
        s_agent_block (out, block, &text);
    s_usage (out, ag_val_object (message, "usage"));
}

/*  Its text is the prompt. */
static void s_user (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_val_t *content = ag_val_array (ag_val_object (record, "message"), "content");
    for (ag_val_t *block = ag_val_first (content); block; block = ag_val_next (content, block))
        if (ag_val_is (block, "type", "tool_result"))
            s_result (self, out, block, ag_val_str (record, "parent_tool_use_id"));
}

static void s_end_record (ag_out_t *out, ag_val_t *record)
{
    static const char *const keys[] = { "result", "error", NULL };
    ag_out_usage_t turns = AG_OUT_USAGE_NONE;
    bool failed = ag_val_bool (record, "is_error", false);
    ag_str_t text = ag_val_str_any (record, keys), subtype = ag_val_str (record, "subtype");
    if (failed)
        ag_out_error (out, &(ag_out_error_t) { .message = text.len ? text : subtype, .code = subtype });
    ag_out_turn_end (out, failed, text);
    turns.turns = ag_val_int (record, "num_turns", -1);
    ag_out_add_usage (out, &turns);
}

static bool s_record (void *state, ag_out_t *out, ag_val_t *record)
{
    s_state_t *self = state;
    ag_str_t type = ag_val_str (record, "type");
    if (ag_str_is (type, "assistant"))
        s_assistant (self, out, record);
    else if (ag_str_is (type, "user"))
        s_user (self, out, record);
    else if (ag_str_is (type, "result"))
        s_end_record (out, record);
    else if (ag_str_is (type, "system") && ag_val_is (record, "subtype", "init"))
        ag_out_session (out, ag_val_str (record, "session_id"), s_none, ag_val_str (record, "cwd"));
    else
        return false;
    return true;
}

/*  By the session, which is a thread: T-.. */
static ag_match_t s_match (ag_val_t *record)
{
    ag_str_t session = ag_val_str (record, "session_id"), type = ag_val_str (record, "type");
    bool known = ag_str_is (type, "system") || ag_str_is (type, "assistant") || ag_str_is (type, "user")
        || ag_str_is (type, "result");
    return known && session.len > 2 && session.ptr[0] == 'T' && session.ptr[1] == '-' ? AG_MATCH_SURE : AG_MATCH_NO;
}

const ag_adapter_t ag_adapter_amp = {
    .name = "amp", .match = s_match, .state_new = s_new, .state_destroy = s_destroy, .record = s_record
};
