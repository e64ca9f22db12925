/*  agent_probe.c - what the parser makes of some text, in a form to compare

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/mem.h"

static void s_add (ag_buf_t *out, const char *before, const ag_draft_t *draft, ag_field_t field)
{
    ag_str_t text = ag_draft_string (draft, field);
    if (!text.ptr)
        return;
    ag_buf_append_cstr (out, before);
    ag_buf_append_str (out, text);
}

static void s_call (ag_buf_t *out, const ag_draft_t *draft)
{
    struct json_object *input = ag_draft_object (draft, AG_F_INPUT);
    s_add (out, "call ", draft, AG_F_TOOL_USE_ID);
    s_add (out, " ", draft, AG_F_TOOL);
    s_add (out, "/", draft, AG_F_TOOL_NAME);
    s_add (out, " path=", draft, AG_F_PATH);
    s_add (out, " <", draft, AG_F_PARENT_TOOL_USE_ID);
    int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    ag_buf_printf (out, " %s", json_object_to_json_string_ext (input, flags));
    if (ag_draft_boolean (draft, AG_F_INPUT_TRUNCATED, false))
        ag_buf_append_cstr (out, " truncated");
}

static void s_result (ag_buf_t *out, const ag_draft_t *draft)
{
    s_add (out, ag_draft_boolean (draft, AG_F_SUCCESS, false) ? "ok " : "fail ", draft, AG_F_TOOL_USE_ID);
    ag_buf_printf (out, " %lldms %lld", (long long) ag_draft_integer (draft, AG_F_DURATION_MS, -1),
                   (long long) ag_draft_integer (draft, AG_F_CONTENT_LENGTH, -1));
    s_add (out, ": ", draft, AG_F_CONTENT_PREVIEW);
    s_add (out, " ! ", draft, AG_F_ERROR);
    s_add (out, " <", draft, AG_F_PARENT_TOOL_USE_ID);
}

static void s_output (ag_buf_t *out, const ag_draft_t *draft)
{
    s_add (out, "", draft, AG_F_KIND);
    s_add (out, " ", draft, AG_F_MESSAGE_ID);
    if (ag_draft_has (draft, AG_F_BLOCK_INDEX))
        ag_buf_printf (out, "#%lld", (long long) ag_draft_integer (draft, AG_F_BLOCK_INDEX, -1));
    if (ag_draft_boolean (draft, AG_F_PARTIAL, false))
        ag_buf_append_cstr (out, " partial");
    if (ag_draft_boolean (draft, AG_F_INCOMPLETE, false))
        ag_buf_append_cstr (out, " incomplete");
    s_add (out, " <", draft, AG_F_PARENT_TOOL_USE_ID);
    s_add (out, ": ", draft, AG_F_CONTENT);
}

static void s_error (ag_buf_t *out, const ag_draft_t *draft)
{
    s_add (out, "", draft, AG_F_SEVERITY);
    s_add (out, " ", draft, AG_F_SOURCE);
    s_add (out, "/", draft, AG_F_CODE);
    s_add (out, ": ", draft, AG_F_MESSAGE);
    struct json_object *ids = NULL, *details = ag_draft_object (draft, AG_F_DETAILS);
    if (details && json_object_object_get_ex (details, "messageIds", &ids))
        ag_buf_printf (out, " %s", json_object_to_json_string_ext (ids, JSON_C_TO_STRING_PLAIN));
}

static void s_usage (ag_buf_t *out, const ag_draft_t *draft)
{
    ag_buf_printf (out, "usage %lld/%lld cache %lld/%lld $%g turns %lld",
                   (long long) ag_draft_integer (draft, AG_F_INPUT_TOKENS, -1),
                   (long long) ag_draft_integer (draft, AG_F_OUTPUT_TOKENS, -1),
                   (long long) ag_draft_integer (draft, AG_F_CACHE_READ_TOKENS, -1),
                   (long long) ag_draft_integer (draft, AG_F_CACHE_WRITE_TOKENS, -1),
                   ag_draft_number (draft, AG_F_COST_USD, -1),
                   (long long) ag_draft_integer (draft, AG_F_NUM_TURNS, -1));
    s_add (out, " ", draft, AG_F_MODEL);
}

/*  Every draft must make an event, whatever the input was. */
static size_t s_event_size (const ag_draft_t *draft, uint64_t seq)
{
    ag_ids_t ids = { .work_order = AG_STR ("w"), .run = AG_STR ("r") };
    ag_position_t at = { .epoch = 1, .seq = seq, .ts_us = 1 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    if (!event)
        fail_msg ("no event: %s", error);
    size_t size = ag_event_encoded (event).len;
    assert_true (ag_event_json (event).len > 0);
    ag_event_unref (&event);
    return size;
}

void ag_probe_take (void *context, ag_draft_t **draft_p)
{
    ag_probe_t *self = context;
    size_t size = s_event_size (*draft_p, ++self->drafts);
    if (size > self->largest)
        self->largest = size;
    switch (ag_draft_kind (*draft_p)) {
    case AG_AGENT_TOOL_CALL: s_call (&self->seen, *draft_p); break;
    case AG_AGENT_TOOL_RESULT: s_result (&self->seen, *draft_p); break;
    case AG_AGENT_OUTPUT: s_output (&self->seen, *draft_p); break;
    case AG_AGENT_ERROR: s_error (&self->seen, *draft_p); break;
    case AG_AGENT_USAGE: s_usage (&self->seen, *draft_p); break;
    default: fail_msg ("the parser made a %s", ag_kind_name (ag_draft_kind (*draft_p)));
    }
    ag_buf_append_char (&self->seen, '\n');
    ag_draft_destroy (draft_p);
}

char *ag_probe_parse (const char *format, const void *bytes, size_t len, size_t piece, ag_parser_summary_t *summary_r)
{
    ag_probe_t probe = { 0 };
    ag_parser_options_t options = { .format = format, .max_content_bytes = 64 * 1024 };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    assert_non_null (parser);
    for (size_t at = 0; at < len;) {
        size_t take = piece ? piece : (size_t) (1 + rand () % 3000);
        if (take > len - at)
            take = len - at;
        ag_parser_feed (parser, (const char *) bytes + at, take, 0);
        at += take;
    }
    ag_parser_end (parser, 0);
    if (summary_r)
        ag_parser_summary (parser, summary_r);
    ag_parser_destroy (&parser);
    char *seen = ag_strndup (probe.seen.data ? probe.seen.data : "", probe.seen.len);
    ag_buf_free (&probe.seen);
    return seen;
}

char *ag_probe_quote (const char *text)
{
    char *quoted = ag_strdup (text);
    for (char *at = quoted; *at; at++)
        if (*at == '`')
            *at = '"';
    return quoted;
}

void ag_probe_expect (const char *format, const char *input, const char *expected)
{
    char *quoted = ag_probe_quote (input), *wanted = ag_probe_quote (expected);
    char *seen = ag_probe_parse (format, quoted, strlen (quoted), strlen (quoted) + 1, NULL);
    assert_string_equal (seen, wanted);
    free (seen);
    free (wanted);
    free (quoted);
}

char *ag_probe_read (const char *path, size_t *len_r)
{
    FILE *file = fopen (path, "rb");
    if (!file)
        fail_msg ("cannot open %s", path);
    ag_buf_t out = { 0 };
    size_t got;
    do {
        got = fread (ag_buf_reserve (&out, 65536), 1, 65536, file);
        out.len += got;
    } while (got);
    fclose (file);
    *len_r = out.len;
    ag_buf_cstr (&out);
    return out.data;
}
