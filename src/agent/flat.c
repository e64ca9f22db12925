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

static struct json_object *s_any (struct json_object *record, const char *const *keys)
{
    struct json_object *value = NULL;
    while (!value && *keys)
        value = ag_json_get (record, *keys++);
    return value;
}

/*  An object, also where it is written as a string; anything else is wrapped.
    To be put by the caller. */
static struct json_object *s_input (struct json_object *record)
{
    static const char *const keys[] = { "input", "args", "arguments", "parameters", "params", NULL };
    struct json_object *value = s_any (record, keys);
    if (!value || json_object_is_type (value, json_type_object))
        return json_object_get (value);
    struct json_object *read = NULL;
    ag_str_t text = ag_json_text (value);
    if (text.len > 1 && text.ptr[0] == '{') {
        struct json_tokener *tokener = json_tokener_new_ex (AG_JSON_MAX_DEPTH);
        read = json_tokener_parse_ex (tokener, text.ptr, (int) text.len);
        json_tokener_free (tokener);
    }
    if (read && json_object_is_type (read, json_type_object))
        return read;
    json_object_put (read);
    read = json_object_new_object ();
    json_object_object_add (read, "arguments", json_object_get (value));
    return read;
}

static void s_call (ag_out_t *out, struct json_object *record)
{
    struct json_object *input = s_input (record);
    ag_str_t name = ag_json_str_any (record, s_name_keys);
    const char *tool = ag_tool_of (s_tools, name);
    ag_out_call (out, &(ag_out_call_t) {
        .id = ag_json_str_any (record, s_id_keys), .tool = tool, .name = name, .input = input,
        .path = ag_tool_is_about_file (tool) ? ag_json_str_any (input, s_path_keys) : (ag_str_t) { NULL, 0 },
        .parent = ag_json_str (record, "parent_tool_use_id") });
    json_object_put (input);
}

/*  Without a name it is another dialect's. */
static bool s_is_call (struct json_object *record, ag_str_t type)
{
    return (ag_str_is (type, "tool_use") || ag_str_is (type, "tool_call")) && ag_json_str_any (record, s_name_keys).ptr;
}

static bool s_succeeded (struct json_object *record)
{
    if (ag_json_bool (record, "is_error", false) || ag_json_bool (record, "isError", false)
            || !ag_json_bool (record, "success", true) || ag_json_int (record, "exit_code", 0) != 0)
        return false;
    return !ag_json_is (record, "status", "error") && !ag_json_is (record, "status", "failed")
        && !ag_json_str (record, "error").len;
}

static void s_result (ag_out_t *out, struct json_object *record)
{
    static const char *const keys[] = { "content", "output", "result", NULL };
    ag_buf_t room = { 0 };
    ag_out_result (out, &(ag_out_result_t) {
        .id = ag_json_str_any (record, s_result_id_keys), .success = s_succeeded (record),
        .content = ag_content_text (s_any (record, keys), &room), .error = ag_json_str (record, "error"),
        .parent = ag_json_str (record, "parent_tool_use_id"), .duration_ms = ag_json_int (record, "duration_ms", -1) });
    ag_buf_free (&room);
}

static void s_say (ag_out_t *out, struct json_object *record, const char *kind)
{
    static const char *const id_keys[] = { "message_id", "messageId", NULL };
    ag_buf_t room = { 0 };
    ag_out_text (out, &(ag_out_text_t) {
        .kind = kind, .content = ag_content_text (s_any (record, s_text_keys), &room),
        .message_id = ag_json_str_any (record, id_keys), .block_index = -1,
        .parent = ag_json_str (record, "parent_tool_use_id") });
    ag_buf_free (&room);
}

/*  {"type":"error","message":".."}, or with an object "error". */
static void s_error (ag_out_t *out, struct json_object *record)
{
    static const char *const keys[] = { "message", "error", "text", NULL };
    static const char *const code_keys[] = { "code", "name", NULL };
    struct json_object *inner = ag_json_object (record, "error");
    struct json_object *from = inner ? inner : record;
    ag_out_error (out, &(ag_out_error_t) {
        .message = ag_json_str_any (from, keys), .code = ag_json_str_any (from, code_keys),
        .warning = ag_json_is (record, "severity", "warning"), .details = ag_json_object (record, "details") });
}

static void s_usage (ag_out_t *out, struct json_object *record)
{
    struct json_object *inner = ag_json_object (record, "usage");
    struct json_object *from = inner ? inner : record;
    ag_out_usage_t usage = AG_OUT_USAGE_NONE;
    usage.input = ag_json_int (from, "input_tokens", -1);
    usage.output = ag_json_int (from, "output_tokens", -1);
    usage.cache_read = ag_json_int (from, "cache_read_input_tokens", -1);
    usage.cache_write = ag_json_int (from, "cache_creation_input_tokens", -1);
    usage.cost_usd = ag_json_number (record, "cost_usd", -1);
    usage.model = ag_json_str (record, "model");
    ag_out_add_usage (out, &usage);
}

bool ag_flat_record (ag_out_t *out, struct json_object *record)
{
    ag_str_t type = ag_json_str (record, "type");
    if (s_is_call (record, type))
        s_call (out, record);
    else if (ag_str_is (type, "tool_result"))
        s_result (out, record);
    else if (ag_str_is (type, "text") || (ag_str_is (type, "message") && ag_json_is (record, "role", "assistant")))
        s_say (out, record, "text");
    else if (ag_str_is (type, "thinking") && !ag_json_get (record, "subtype"))
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
ag_match_t ag_flat_match (struct json_object *record)
{
    ag_str_t type = ag_json_str (record, "type");
    if (ag_json_get (record, "sessionID") || ag_json_get (record, "tool_id"))
        return AG_MATCH_NO;
    if (s_is_call (record, type) || ag_str_is (type, "text") || ag_str_is (type, "tool_result"))
        return AG_MATCH_SURE;
    if ((ag_str_is (type, "thinking") && !ag_json_get (record, "subtype"))
            || (ag_str_is (type, "usage") && ag_json_get (record, "input_tokens")))
        return AG_MATCH_SURE;
    return ag_str_is (type, "error") || ag_str_is (type, "message") ? AG_MATCH_MAYBE : AG_MATCH_NO;
}

static bool s_record (void *state, ag_out_t *out, struct json_object *record)
{
    (void) state;
    return ag_flat_record (out, record);
}

const ag_adapter_t ag_adapter_flat = { .name = "flat", .match = ag_flat_match, .record = s_record };
