/*  agent/gemini.c - Gemini CLI, --output-format stream-json

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Texts come as deltas without an id or an end: a run of them is one
    message, which ends at the next record of another type. A failed command
    is a success here: its exit code is nowhere. stats are of the session.
*/
#include <stdio.h>
#include <stdlib.h>

#include "agent/adapter.h"
#include "agent/blocks.h"
#include "core/buf.h"
#include "core/mem.h"
#include "core/utf8.h"

typedef struct {
    ag_blocks_t *blocks;        /* the message in progress: one block */
    bool open;                  /* there is one */
    unsigned messages;          /* so far; they have no id, so we count */
    ag_buf_t answer;            /* text of the last one, for the summary */
} s_state_t;

static const ag_str_t s_none = { NULL, 0 };

static const ag_tool_row_t s_tools[] = {
    { "read_file", "Read" }, { "read_many_files", "Read" }, { "write_file", "Write" }, { "replace", "Edit" },
    { "edit", "Edit" }, { "run_shell_command", "Bash" }, { "grep_search", "Grep" }, { "search_file_content", "Grep" },
    { "grep_search_ripgrep", "Grep" }, { "glob", "Glob" }, { "list_directory", "Glob" }, { "web_fetch", "WebFetch" },
    { "google_web_search", "WebSearch" }, { NULL, NULL }
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
    ag_buf_free (&self->answer);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Texts */

static void s_begin (s_state_t *self, ag_out_t *out)
{
    char id[32];
    int len = snprintf (id, sizeof id, "message-%u", ++self->messages);
    ag_blocks_message (self->blocks, out, s_none, (ag_str_t) { id, (size_t) len });
    ag_blocks_start (self->blocks, out, s_none, 0, AG_BLOCK_TEXT);
    ag_buf_clear (&self->answer);
    self->open = true;
}

/*  Ends the message, if there is one. Unfinished when the stream ends in it. */
static void s_finish (s_state_t *self, ag_out_t *out, bool complete)
{
    if (!self->open)
        return;
    if (complete)
        ag_blocks_stop (self->blocks, out, s_none, 0);
    ag_blocks_finish (self->blocks, out, s_none);
    self->open = false;
}

/*  What the summary shows of the answer: its beginning. */
static void s_keep_answer (s_state_t *self, ag_str_t text)
{
    size_t room = AG_TEXT_MAX_BYTES - self->answer.len;
    ag_buf_append (&self->answer, text.ptr, text.len > room ? ag_utf8_prefix_bytes (text.ptr, text.len, room) : text.len);
}

static void s_message (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    if (!ag_val_is (record, "role", "assistant")) {
        s_finish (self, out, true);
        return;
    }
    bool delta = ag_val_bool (record, "delta", false);
    if (!delta)
        s_finish (self, out, true);
    if (!self->open)
        s_begin (self, out);
    ag_str_t content = ag_val_str (record, "content");
    s_keep_answer (self, content);
    if (delta) {
        ag_blocks_delta (self->blocks, out, s_none, 0, content);
        return;
    }
    ag_blocks_whole (self->blocks, out, s_none, AG_BLOCK_TEXT, content, false);
    self->open = false;
}

/* ---------------------------------------------------------------------- */
/*  Tools */

static void s_call (ag_out_t *out, ag_val_t *record)
{
    static const char *const path_keys[] = { "file_path", "absolute_path", "path", NULL };
    ag_str_t name = ag_val_str (record, "tool_name");
    const char *tool = ag_tool_of (s_tools, name);
    ag_val_t *input = ag_val_object (record, "parameters");
    ag_out_call (out, &(ag_out_call_t) {
        .id = ag_val_str (record, "tool_id"), .tool = tool, .name = name, .input = input,
        .path = ag_tool_is_about_file (tool) ? ag_val_str_any (input, path_keys) : s_none });
}

static void s_result (ag_out_t *out, ag_val_t *record)
{
    ag_str_t output = ag_val_str (record, "output"), error = ag_val_str (ag_val_object (record, "error"), "message");
    ag_out_result (out, &(ag_out_result_t) {
        .id = ag_val_str (record, "tool_id"), .success = ag_val_is (record, "status", "success"),
        .content = output.len ? output : error, .error = error, .duration_ms = -1 });
}

/* ---------------------------------------------------------------------- */
/*  Records */

static void s_error (ag_out_t *out, ag_val_t *record)
{
    ag_out_error (out, &(ag_out_error_t) {
        .message = ag_val_str (record, "message"), .warning = ag_val_is (record, "severity", "warning") });
}

static void s_usage (ag_out_t *out, ag_val_t *stats)
{
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    usage.input = ag_val_int (stats, "input_tokens", -1);
    usage.output = ag_val_int (stats, "output_tokens", -1);
    usage.cache_read = ag_val_int (stats, "cached", -1);
    if (stats)
        ag_out_usage (out, &usage);
}

static void s_end_record (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    bool failed = !ag_val_is (record, "status", "success");
    ag_val_t *error = ag_val_object (record, "error");
    ag_str_t message = ag_val_str (error, "message");
    if (failed)
        ag_out_error (out, &(ag_out_error_t) { .message = message, .code = ag_val_str (error, "type") });
    ag_out_turn_end (out, failed, failed ? message : (ag_str_t) { self->answer.data, self->answer.len });
    s_usage (out, ag_val_object (record, "stats"));
}

static bool s_record (void *state, ag_out_t *out, ag_val_t *record)
{
    s_state_t *self = state;
    ag_str_t type = ag_val_str (record, "type");
    if (ag_str_is (type, "message")) {
        s_message (self, out, record);
        return true;
    }
    s_finish (self, out, true);
    if (ag_str_is (type, "tool_use"))
        s_call (out, record);
    else if (ag_str_is (type, "tool_result"))
        s_result (out, record);
    else if (ag_str_is (type, "init"))
        ag_out_session (out, ag_val_str (record, "session_id"), ag_val_str (record, "model"), s_none);
    else if (ag_str_is (type, "error"))
        s_error (out, record);
    else if (ag_str_is (type, "result"))
        s_end_record (self, out, record);
    else
        return false;
    return true;
}

static void s_end (void *state, ag_out_t *out)
{
    s_finish (state, out, false);
}

static ag_match_t s_match (ag_val_t *record)
{
    ag_str_t type = ag_val_str (record, "type");
    bool timed = ag_val_str (record, "timestamp").ptr != NULL;
    if (ag_str_is (type, "init"))
        return ag_val_get (record, "session_id") ? AG_MATCH_SURE : AG_MATCH_MAYBE;
    if (ag_str_is (type, "message"))
        return timed && ag_val_str (record, "content").ptr ? AG_MATCH_SURE : AG_MATCH_NO;
    if (ag_str_is (type, "tool_use") || ag_str_is (type, "tool_result"))
        return ag_val_get (record, "tool_id") ? AG_MATCH_SURE : AG_MATCH_NO;
    bool is_end = ag_str_is (type, "error") || ag_str_is (type, "result");
    bool judges = ag_val_get (record, "severity") || ag_val_get (record, "status");
    return is_end && timed && judges ? AG_MATCH_SURE : AG_MATCH_NO;
}

const ag_adapter_t ag_adapter_gemini = {
    .name = "gemini", .match = s_match, .state_new = s_new, .state_destroy = s_destroy, .record = s_record, .end = s_end
};
