/*  agent/codex.c - Codex CLI, exec --json

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Turns of items, that are started, updated and completed under one id.
    Texts come whole. No cost; usage once a turn. A command's success is its
    exit code: status "completed" is also said of commands that were given up.

    A todo list is shown as what other agents do: one call for each state of
    the list, answered at once. The first has the item's id, the further ones
    ".2", ".3" behind it. So an interrupted run has no open call of it.
*/
#include <stdlib.h>
#include <string.h>

#include "agent/adapter.h"
#include "agent/content.h"
#include "core/mem.h"

typedef struct {
    ag_buf_t room;              /* for the text of content arrays */
    ag_buf_t name;              /* of an MCP tool */
    ag_str_t todo;              /* the last state of the todo list, as JSON text; ours, like what follows; or absent */
    ag_str_t todo_id;           /* its item */
    unsigned todo_states;       /* of that item so far */
    ag_str_t last_error;        /* the last error; absent: none since the turn began */
    ag_str_t answer;            /* the last agent_message of the turn, or absent */
} s_state_t;

static const ag_str_t s_none = { NULL, 0 };

static void *s_new (void)
{
    return ag_calloc (1, sizeof (s_state_t));
}

static void s_keep (ag_str_t *kept, ag_str_t text)
{
    free ((char *) kept->ptr);
    *kept = (ag_str_t) { text.ptr ? ag_str_dup (text) : NULL, text.len };
}

static void s_destroy (void *state)
{
    s_state_t *self = state;
    ag_buf_free (&self->room);
    ag_buf_free (&self->name);
    s_keep (&self->todo, s_none);
    s_keep (&self->todo_id, s_none);
    s_keep (&self->last_error, s_none);
    s_keep (&self->answer, s_none);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Tools: one row an item type */

typedef struct {
    const char *type;           /* of the item */
    const char *tool;           /* of the fixed set */
    const char *const *input;   /* members that are its input */
    void (*result) (s_state_t *self, ag_val_t *item, ag_out_result_t *result);
} s_tool_t;

static bool s_is_completed (ag_val_t *item)
{
    return ag_val_is (item, "status", "completed");
}

static void s_command_result (s_state_t *self, ag_val_t *item, ag_out_result_t *result)
{
    int64_t code = ag_val_int (item, "exit_code", -1);
    bool has_code = ag_val_get (item, "exit_code") != NULL;
    result->content = ag_val_str (item, "aggregated_output");
    result->success = has_code && code == 0 && s_is_completed (item);
    if (has_code && code) {
        ag_buf_clear (&self->room);
        ag_buf_printf (&self->room, "exit code %lld", (long long) code);
        result->error = (ag_str_t) { self->room.data, self->room.len };
    }
    else if (ag_val_is (item, "status", "declined"))
        result->error = AG_STR ("declined");
    else if (!has_code)
        result->error = AG_STR ("ended without an exit code");
}

static void s_change_result (s_state_t *self, ag_val_t *item, ag_out_result_t *result)
{
    (void) self;
    result->success = s_is_completed (item);
    result->error = AG_STR ("the change was not made");
}

static void s_mcp_result (s_state_t *self, ag_val_t *item, ag_out_result_t *result)
{
    ag_val_t *given = ag_val_get (item, "result");
    ag_val_t *content = ag_val_get (given, "content"), *structured = ag_val_get (given, "structured_content");
    if (structured && !ag_val_first (content))
        content = structured;
    result->success = s_is_completed (item);
    result->content = ag_content_text (content ? content : given, &self->room);
    result->error = ag_val_str (ag_val_object (item, "error"), "message");
}

static void s_search_result (s_state_t *self, ag_val_t *item, ag_out_result_t *result)
{
    (void) self;
    result->success = true;     /* it has no status; results are not shown */
    result->content = ag_val_str (item, "query");
}

static void s_collab_result (s_state_t *self, ag_val_t *item, ag_out_result_t *result)
{
    result->success = s_is_completed (item);
    result->content = ag_content_text (ag_val_get (item, "agents_states"), &self->room);
}

static const char *const s_command_input[] = { "command", NULL };
static const char *const s_change_input[] = { "changes", NULL };
static const char *const s_search_input[] = { "query", "action", NULL };
static const char *const s_collab_input[] = { "prompt", "sender_thread_id", "receiver_thread_ids", NULL };

static const s_tool_t s_tools[] = {
    { "command_execution", "Bash", s_command_input, s_command_result },
    { "file_change", "Edit", s_change_input, s_change_result },
    { "mcp_tool_call", "Other", NULL, s_mcp_result },
    { "web_search", "WebSearch", s_search_input, s_search_result },
    { "collab_tool_call", "Other", s_collab_input, s_collab_result },
    { NULL, NULL, NULL, NULL }
};

static const s_tool_t *s_tool (ag_str_t type)
{
    for (const s_tool_t *tool = s_tools; tool->type; tool++)
        if (ag_str_is (type, tool->type))
            return tool;
    return NULL;
}

/*  The file, when the change is about one. */
static ag_str_t s_path (ag_val_t *item)
{
    ag_val_t *changes = ag_val_array (item, "changes");
    return ag_val_count (changes) == 1 ? ag_val_str (ag_val_first (changes), "path") : s_none;
}

/*  The tool's own name where the item has one, else the item's type. */
static ag_str_t s_name (s_state_t *self, ag_val_t *item, ag_str_t type)
{
    ag_str_t server = ag_val_str (item, "server"), tool = ag_val_str (item, "tool");
    if (!tool.len)
        return type;
    ag_buf_clear (&self->name);
    if (server.len)
        ag_buf_printf (&self->name, "mcp__%.*s__", (int) server.len, server.ptr);
    ag_buf_append_str (&self->name, tool);
    return (ag_str_t) { self->name.data, self->name.len };
}

static void s_call (s_state_t *self, ag_out_t *out, const s_tool_t *tool, ag_val_t *item)
{
    ag_out_call (out, &(ag_out_call_t) {
        .id = ag_val_str (item, "id"), .tool = tool->tool, .name = s_name (self, item, ag_val_str (item, "type")),
        .input = tool->input ? item : ag_val_get (item, "arguments"), .input_keys = tool->input, .path = s_path (item) });
}

/*  Some items have no start: older builds, searches. */
static void s_tool_item (s_state_t *self, ag_out_t *out, const s_tool_t *tool, ag_val_t *item, bool completed)
{
    ag_str_t id = ag_val_str (item, "id");
    if (!ag_out_is_open (out, id))
        s_call (self, out, tool, item);
    if (!completed)
        return;
    ag_out_result_t result = { .id = id, .content = AG_STR (""), .duration_ms = -1 };
    tool->result (self, item, &result);
    ag_out_result (out, &result);
}

/* ---------------------------------------------------------------------- */
/*  Todo list */

/*  Another state than the last one? Remembers it. */
static bool s_is_news (s_state_t *self, ag_str_t id, ag_val_t *items)
{
    ag_str_t text = ag_val_source (items);
    bool same_item = self->todo_id.ptr && ag_str_eq (id, self->todo_id);
    if (same_item && ag_str_eq (text, self->todo))
        return false;
    self->todo_states = same_item ? self->todo_states + 1 : 1;
    s_keep (&self->todo, text);
    s_keep (&self->todo_id, id);
    return true;
}

static void s_todo_list (s_state_t *self, ag_out_t *out, ag_val_t *item)
{
    static const char *const keys[] = { "items", NULL };
    ag_val_t *items = ag_val_array (item, "items");
    ag_str_t id = ag_val_str (item, "id");
    if (!items || !id.len || !s_is_news (self, id, items))
        return;
    ag_buf_clear (&self->name);
    ag_buf_append_str (&self->name, id);
    if (self->todo_states > 1)
        ag_buf_printf (&self->name, ".%u", self->todo_states);
    ag_str_t state_id = { self->name.data, self->name.len };
    ag_out_call (out, &(ag_out_call_t) {
        .id = state_id, .tool = "Other", .name = AG_STR ("todo_list"), .input = item, .input_keys = keys });
    ag_out_result (out, &(ag_out_result_t) { .id = state_id, .success = true, .content = AG_STR ("") });
}

/* ---------------------------------------------------------------------- */
/*  Records */

static void s_say (ag_out_t *out, ag_val_t *item, const char *kind)
{
    ag_out_text (out, &(ag_out_text_t) {
        .kind = kind, .content = ag_val_str (item, "text"), .message_id = ag_val_str (item, "id"),
        .block_index = -1 });
}

/*  Types and key of builds before 0.44 too. */
static ag_str_t s_item_type (ag_val_t *item)
{
    static const char *const keys[] = { "type", "item_type", NULL };
    return ag_val_str_any (item, keys);
}

static void s_completed_text (s_state_t *self, ag_out_t *out, ag_val_t *item, ag_str_t type)
{
    if (ag_str_is (type, "reasoning"))
        s_say (out, item, "thinking");
    else if (ag_str_is (type, "error"))
        ag_out_error (out, &(ag_out_error_t) { .message = ag_val_str (item, "message"), .warning = true });
    else if (ag_str_is (type, "agent_message") || ag_str_is (type, "assistant_message") || ag_str_is (type, "plan")) {
        s_say (out, item, "text");
        s_keep (&self->answer, ag_val_str (item, "text"));
    }
}

static bool s_is_text (ag_str_t type)
{
    return ag_str_is (type, "reasoning") || ag_str_is (type, "error") || ag_str_is (type, "agent_message")
        || ag_str_is (type, "assistant_message") || ag_str_is (type, "plan");
}

static bool s_item (s_state_t *self, ag_out_t *out, ag_val_t *record, ag_str_t event)
{
    ag_val_t *item = ag_val_object (record, "item");
    ag_str_t type = s_item_type (item);
    const s_tool_t *tool = s_tool (type);
    bool completed = ag_str_is (event, "item.completed");
    if (ag_str_is (type, "todo_list"))
        s_todo_list (self, out, item);
    else if (tool && !ag_str_is (event, "item.updated"))
        s_tool_item (self, out, tool, item, completed);
    else if (completed && s_is_text (type))
        s_completed_text (self, out, item, type);
    else
        return tool || s_is_text (type);
    return true;
}

static bool s_begins (ag_str_t text, const char *with)
{
    size_t len = strlen (with);
    return text.len > len && !memcmp (text.ptr, with, len);
}

/*  "Reconnecting... 1/5" is no end; what is one is followed by turn.failed. */
static void s_error (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_str_t message = ag_val_str (record, "message");
    bool warning = s_begins (message, "Reconnecting");
    ag_out_error (out, &(ag_out_error_t) { .message = message, .warning = warning });
    if (!warning)
        s_keep (&self->last_error, message);
}

static void s_turn_failed (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_str_t message = ag_val_str (ag_val_object (record, "error"), "message");
    if (!self->last_error.ptr || !ag_str_eq (message, self->last_error))
        ag_out_error (out, &(ag_out_error_t) { .message = message, .code = AG_STR ("turn_failed") });
    ag_out_turn_end (out, true, message);
}

static void s_turn_completed (s_state_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_val_t *given = ag_val_object (record, "usage");
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    usage.input = ag_val_int (given, "input_tokens", -1);
    usage.output = ag_val_int (given, "output_tokens", -1);
    usage.cache_read = ag_val_int (given, "cached_input_tokens", -1);
    usage.cache_write = ag_val_int (given, "cache_write_input_tokens", -1);
    usage.turns = 1;
    ag_out_turn_end (out, false, self->answer);
    if (given)
        ag_out_add_usage (out, &usage);
}

static void s_turn_started (s_state_t *self)
{
    s_keep (&self->last_error, s_none);
    s_keep (&self->answer, s_none);
}

static bool s_record (void *state, ag_out_t *out, ag_val_t *record)
{
    s_state_t *self = state;
    ag_str_t type = ag_val_str (record, "type");
    if (ag_str_is (type, "item.started") || ag_str_is (type, "item.completed") || ag_str_is (type, "item.updated"))
        return s_item (self, out, record, type);
    if (ag_str_is (type, "thread.started"))
        ag_out_session (out, ag_val_str (record, "thread_id"), s_none, s_none);
    else if (ag_str_is (type, "turn.started"))
        s_turn_started (self);
    else if (ag_str_is (type, "turn.completed"))
        s_turn_completed (self, out, record);
    else if (ag_str_is (type, "turn.failed"))
        s_turn_failed (self, out, record);
    else if (ag_str_is (type, "error"))
        s_error (self, out, record);
    else
        return ag_str_is (type, "item.plan.delta");
    return true;
}

static ag_match_t s_match (ag_val_t *record)
{
    ag_str_t type = ag_val_str (record, "type");
    if (s_begins (type, "thread.") || s_begins (type, "turn.") || s_begins (type, "item."))
        return AG_MATCH_SURE;
    return ag_str_is (type, "error") && ag_val_str (record, "message").ptr ? AG_MATCH_MAYBE : AG_MATCH_NO;
}

const ag_adapter_t ag_adapter_codex = {
    .name = "codex", .match = s_match, .state_new = s_new, .state_destroy = s_destroy, .record = s_record
};
