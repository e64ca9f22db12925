/*  agent/flat.c - one JSON object a line, one step an object

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    {"type":"tool_use","id":..,"name":..,"input":{..}}, {"type":"tool_result",..},
    {"type":"text",..}: what wrappers, test doubles and small agents write,
    with many names for the same thing. Ids may be missing: then results
    answer calls in their order. Usage lines are per message, so they are added up.
*/
#include "agent/adapter.h"
#include "agent/content.h"
#include "core/mem.h"

static const ag_tool_row_t s_tools[] = {
    { "Read", "Read" }, { "read", "Read" }, { "read_file", "Read" }, { "view", "Read" }, { "NotebookRead", "Read" },
    { "Write", "Write" }, { "write", "Write" }, { "write_file", "Write" }, { "create_file", "Write" },
    { "Edit", "Edit" }, { "edit", "Edit" }, { "edit_file", "Edit" }, { "MultiEdit", "Edit" },
    { "NotebookEdit", "Edit" }, { "replace", "Edit" }, { "apply_patch", "Edit" }, { "patch", "Edit" },
    { "str_replace", "Edit" },
    { "Bash", "Bash" }, { "bash", "Bash" }, { "shell", "Bash" }, { "run_command", "Bash" }, { "execute", "Bash" },
    { "run_shell_command", "Bash" },
    { "Grep", "Grep" }, { "grep", "Grep" }, { "search", "Grep" }, { "Glob", "Glob" }, { "glob", "Glob" },
    { "LS", "Glob" }, { "ls", "Glob" }, { "list_files", "Glob" }, { "list_directory", "Glob" },
    { "WebFetch", "WebFetch" }, { "web_fetch", "WebFetch" }, { "fetch", "WebFetch" },
    { "WebSearch", "WebSearch" }, { "web_search", "WebSearch" },
    { NULL, NULL }
};

static const char *const s_id_keys[] = { "id", "tool_use_id", "toolUseId", "tool_call_id", "call_id", NULL };
static const char *const s_result_id_keys[] = { "tool_use_id", "toolUseId", "tool_call_id", "call_id", "id", NULL };
static const char *const s_name_keys[] = { "name", "tool_name", "toolName", "tool", NULL };
static const char *const s_text_keys[] = { "text", "content", "thinking", "message", NULL };
static const char *const s_path_keys[] = { "file_path", "filePath", "path", "absolute_path", "notebook_path",
                                           "filename", NULL };

/*  Arguments may be written as a string that holds the JSON of an object. NULL: it does not. */
static ag_val_t *s_read_text (ag_reader_t *reader, ag_str_t text)
{
    size_t used;
    const char *why;
    ag_val_t *read = text.len > 1 && text.ptr[0] == '{' ? ag_reader_read (reader, text, &used, &why) : NULL;
    return read && used == text.len ? read : NULL;
}

static void s_call (ag_out_t *out, ag_val_t *record)
{
    static const char *const keys[] = { "input", "args", "arguments", "parameters", "params", NULL };
    ag_reader_t *reader = NULL;
    ag_val_t *given = ag_val_get_any (record, keys), *input = given;
    if (ag_val_type (given) == AG_VAL_STRING)
        input = s_read_text (reader = ag_reader_new (), ag_val_text (given));
    ag_str_t name = ag_val_str_any (record, s_name_keys);
    const char *tool = ag_tool_of (s_tools, name);
    ag_out_call (out, &(ag_out_call_t) {
        .id = ag_val_str_any (record, s_id_keys), .tool = tool, .name = name, .input = input ? input : given,
        .path = ag_tool_is_about_file (tool) ? ag_val_str_any (input, s_path_keys) : (ag_str_t) { NULL, 0 },
        .parent = ag_val_str (record, "parent_tool_use_id") });
    ag_reader_destroy (&reader);
}

/*  Without a name it is another dialect's. */
static bool s_is_call (ag_val_t *record, ag_str_t type)
{
    return (ag_str_is (type, "tool_use") || ag_str_is (type, "tool_call")) && ag_val_str_any (record, s_name_keys).ptr;
}

static bool s_succeeded (ag_val_t *record)
{
    if (ag_val_bool (record, "is_error", false) || ag_val_bool (record, "isError", false)
            || !ag_val_bool (record, "success", true) || ag_val_int (record, "exit_code", 0) != 0)
        return false;
    return !ag_val_is (record, "status", "error") && !ag_val_is (record, "status", "failed")
        && !ag_val_str (record, "error").len;
}

static void s_result (ag_out_t *out, ag_val_t *record)
{
    static const char *const keys[] = { "content", "output", "result", NULL };
    ag_buf_t room = { 0 };
    ag_out_result (out, &(ag_out_result_t) {
        .id = ag_val_str_any (record, s_result_id_keys), .success = s_succeeded (record),
        .content = ag_content_text (ag_val_get_any (record, keys), &room), .error = ag_val_str (record, "error"),
        .parent = ag_val_str (record, "parent_tool_use_id"), .duration_ms = ag_val_int (record, "duration_ms", -1) });
    ag_buf_free (&room);
}

static void s_say (ag_out_t *out, ag_val_t *record, const char *kind)
{
    static const char *const id_keys[] = { "message_id", "messageId", NULL };
    ag_buf_t room = { 0 };
    ag_out_text (out, &(ag_out_text_t) {
        .kind = kind, .content = ag_content_text (ag_val_get_any (record, s_text_keys), &room),
        .message_id = ag_val_str_any (record, id_keys), .block_index = -1,
        .parent = ag_val_str (record, "parent_tool_use_id") });
    ag_buf_free (&room);
}

/*  {"type":"error","message":".."}, or with an object "error". */
static void s_error (ag_out_t *out, ag_val_t *record)
{
    static const char *const keys[] = { "message", "error", "text", NULL };
    static const char *const code_keys[] = { "code", "name", NULL };
    ag_val_t *inner = ag_val_object (record, "error");
    ag_val_t *from = inner ? inner : record;
    ag_out_error (out, &(ag_out_error_t) {
        .message = ag_val_str_any (from, keys), .code = ag_val_str_any (from, code_keys),
        .warning = ag_val_is (record, "severity", "warning"), .from = ag_val_object (record, "details") });
}

static void s_usage (ag_out_t *out, ag_val_t *record)
{
    ag_val_t *inner = ag_val_object (record, "usage");
    ag_val_t *from = inner ? inner : record;
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    usage.input = ag_val_int (from, "input_tokens", -1);
    usage.output = ag_val_int (from, "output_tokens", -1);
    usage.cache_read = ag_val_int (from, "cache_read_input_tokens", -1);
    usage.cache_write = ag_val_int (from, "cache_creation_input_tokens", -1);
    usage.cost_usd = ag_val_number (record, "cost_usd", -1);
    usage.model = ag_val_str (record, "model");
    ag_out_add_usage (out, &usage);
}

bool ag_flat_record (ag_out_t *out, ag_val_t *record)
{
    ag_str_t type = ag_val_str (record, "type");
    if (s_is_call (record, type))
        s_call (out, record);
    else if (ag_str_is (type, "tool_result"))
        s_result (out, record);
    else if (ag_str_is (type, "text") || (ag_str_is (type, "message") && ag_val_is (record, "role", "assistant")))
        s_say (out, record, "text");
    else if (ag_str_is (type, "thinking") && !ag_val_get (record, "subtype"))
        s_say (out, record, "thinking");
    else if (ag_str_is (type, "error"))
        s_error (out, record);
    else if (ag_str_is (type, "usage"))
        s_usage (out, record);
    else
        return ag_str_is (type, "message");     /* of the user: no output, but nothing unknown */
    return true;
}

/*  By the keys, not by the type alone: Gemini and opencode have these types too. */
ag_match_t ag_flat_match (ag_val_t *record)
{
    ag_str_t type = ag_val_str (record, "type");
    if (ag_val_get (record, "sessionID") || ag_val_get (record, "tool_id"))
        return AG_MATCH_NO;
    if (s_is_call (record, type) || ag_str_is (type, "text") || ag_str_is (type, "tool_result"))
        return AG_MATCH_SURE;
    if ((ag_str_is (type, "thinking") && !ag_val_get (record, "subtype"))
            || (ag_str_is (type, "usage") && ag_val_get (record, "input_tokens")))
        return AG_MATCH_SURE;
    return ag_str_is (type, "error") || ag_str_is (type, "message") ? AG_MATCH_MAYBE : AG_MATCH_NO;
}

static bool s_record (void *state, ag_out_t *out, ag_val_t *record)
{
    (void) state;
    return ag_flat_record (out, record);
}

const ag_adapter_t ag_adapter_flat = { .name = "flat", .match = ag_flat_match, .record = s_record };
