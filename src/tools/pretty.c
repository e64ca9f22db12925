/*  tools/pretty.c - events as a person reads them in a terminal

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "tools/pretty.h"

#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "core/utf8.h"

enum { INDENT = 13, PREVIEW_BYTES = 2000, ONE_LINE_BYTES = 160 };

static const char *const s_colours[] = {
    [AG_CRITICAL] = "\033[1;31m", [AG_HIGH] = "\033[36m", [AG_NORMAL] = "\033[2m", [AG_LOW] = ""
};
static const char s_dim[] = "\033[2m", s_plain[] = "\033[0m";

/* ---------------------------------------------------------------------- */
/*  Text */

/*  One code point of well-formed UTF-8, and how long it is. */
static uint32_t s_decode (const unsigned char *at, size_t *len_r)
{
    size_t len = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? at[0] : at[0] & (0x7f >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (at[i] & 0x3f);
    *len_r = len;
    return code;
}

/*  What a terminal obeys, or what turns text around. */
static bool s_is_harmful (uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xe0000 && code <= 0xe007f);
}

static void s_append_escaped (ag_buf_t *out, uint32_t code)
{
    if (code == 0x1b)
        ag_buf_append_cstr (out, "\\e");
    else
        ag_buf_printf (out, code < 0x100 ? "\\x%02x" : "\\u{%x}", code);
}

static void s_append_safe (ag_buf_t *out, ag_str_t text, size_t indent)
{
    size_t len;
    for (size_t i = 0; i < text.len; i += len) {
        uint32_t code = s_decode ((const unsigned char *) text.ptr + i, &len);
        if (code == '\t')
            ag_buf_append_char (out, ' ');
        else if (code == '\n')
            ag_buf_printf (out, "\n%*s", (int) indent, "");
        else if (s_is_harmful (code))
            s_append_escaped (out, code);
        else
            ag_buf_append (out, text.ptr + i, len);
    }
}

void ag_pretty_append_text (ag_buf_t *out, ag_str_t text, size_t indent)
{
    ag_buf_t repaired = { 0 };
    ag_utf8_append_repaired (&repaired, text.ptr, text.len);
    s_append_safe (out, (ag_str_t){ repaired.data, repaired.len }, indent);
    ag_buf_free (&repaired);
}

/*  The beginning of a text, and that there is more. */
static void s_append_preview (ag_buf_t *out, ag_str_t text, size_t max_bytes)
{
    size_t len = ag_utf8_prefix_bytes (text.ptr, text.len, max_bytes);
    while (len && text.ptr[len - 1] == '\n')
        len--;
    ag_pretty_append_text (out, (ag_str_t){ text.ptr, len }, INDENT + 2);
    if (len < text.len && text.len > max_bytes)
        ag_buf_append_cstr (out, " ...");
}

/* ---------------------------------------------------------------------- */
/*  One sentence for each kind */

static void s_field (ag_buf_t *out, const char *before, ag_event_t *event, ag_field_t field)
{
    ag_str_t text = ag_event_string (event, field);
    if (!text.ptr)
        return;
    ag_buf_append_cstr (out, before);
    s_append_preview (out, text, PREVIEW_BYTES);
}

static void s_number (ag_buf_t *out, const char *before, ag_event_t *event, ag_field_t field, const char *after)
{
    int64_t number = ag_event_integer (event, field, INT64_MIN);
    if (number != INT64_MIN)
        ag_buf_printf (out, "%s%lld%s", before, (long long) number, after);
}

/*  The JSON of an object field, cut: "input":{...} as the event has it. */
static void s_object (ag_buf_t *out, ag_event_t *event, const char *key)
{
    ag_str_t json = ag_event_json (event);
    const char *at = memmem (json.ptr, json.len, key, strlen (key));
    if (!at)
        return;
    at += strlen (key);
    ag_buf_append_char (out, ' ');
    s_append_preview (out, (ag_str_t){ at, (size_t) (json.ptr + json.len - at) }, ONE_LINE_BYTES);
}

static void s_append_tool_call (ag_buf_t *out, ag_event_t *event)
{
    s_field (out, "", event, AG_F_TOOL_NAME);
    if (ag_event_string (event, AG_F_PATH).ptr)
        s_field (out, " ", event, AG_F_PATH);
    else
        s_object (out, event, "\"input\":");
}

static void s_append_tool_result (ag_buf_t *out, ag_event_t *event)
{
    ag_buf_append_cstr (out, ag_event_boolean (event, AG_F_SUCCESS, false) ? "ok" : "failed");
    s_number (out, " in ", event, AG_F_DURATION_MS, " ms");
    s_number (out, ", ", event, AG_F_CONTENT_LENGTH, " characters");
    s_field (out, "\n               ", event, AG_F_CONTENT_PREVIEW);
}

static void s_append_usage (ag_buf_t *out, ag_event_t *event)
{
    s_number (out, "tokens: ", event, AG_F_INPUT_TOKENS, " in");
    s_number (out, ", ", event, AG_F_OUTPUT_TOKENS, " out");
    double cost = ag_event_number (event, AG_F_COST_USD, -1);
    if (cost >= 0)
        ag_buf_printf (out, ", $%.4f", cost);
}

static void s_append_progress (ag_buf_t *out, ag_event_t *event)
{
    s_number (out, "", event, AG_F_PERCENTAGE, " % ");
    s_field (out, "", event, AG_F_CURRENT_PHASE);
    s_number (out, ", ", event, AG_F_TOOL_CALL_COUNT, " tool calls");
    s_number (out, ", ", event, AG_F_ELAPSED_SECONDS, " s");
}

static void s_append_end (ag_buf_t *out, ag_event_t *event)
{
    s_field (out, "", event, AG_F_REASON);
    s_field (out, ": ", event, AG_F_ERROR);
    s_number (out, " exit ", event, AG_F_EXIT_CODE, "");
    s_number (out, " after ", event, AG_F_DURATION_MS, " ms");
    s_field (out, "\n               ", event, AG_F_RESULT_PREVIEW);
}

/*  Kinds without a sentence of their own show the text that they have. */
static void s_append_other (ag_buf_t *out, ag_event_t *event)
{
    static const ag_field_t fields[] = { AG_F_AGENT, AG_F_MODEL, AG_F_STATUS, AG_F_TASK_PROMPT, AG_F_ACTION, AG_F_PATH,
        AG_F_SEVERITY, AG_F_MESSAGE };
    const char *before = "";
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (ag_event_string (event, fields[i]).ptr) {
            s_field (out, before, event, fields[i]);
            before = " ";
        }
    s_number (out, "iteration ", event, AG_F_ITERATION_NUMBER, "");
    s_number (out, " of ", event, AG_F_TOTAL_ITERATIONS, "");
}

static void s_append_sentence (ag_buf_t *out, ag_event_t *event)
{
    switch (ag_event_kind (event)) {
    case AG_AGENT_TOOL_CALL:
        s_append_tool_call (out, event);
        break;
    case AG_AGENT_TOOL_RESULT:
        s_append_tool_result (out, event);
        break;
    case AG_AGENT_OUTPUT:
        s_field (out, "", event, AG_F_CONTENT);
        break;
    case AG_AGENT_USAGE:
        s_append_usage (out, event);
        break;
    case AG_PROGRESS_UPDATE:
        s_append_progress (out, event);
        break;
    case AG_RUN_COMPLETED:
    case AG_RUN_FAILED:
        s_append_end (out, event);
        break;
    default:
        s_append_other (out, event);
    }
}

/* ---------------------------------------------------------------------- */
/*  Line */

/*  Local time, "12:34:56.789". */
static void s_append_time (ag_buf_t *out, int64_t ts_us)
{
    struct tm parts;
    time_t seconds = (time_t) (ts_us / 1000000);
    if (localtime_r (&seconds, &parts))
        ag_buf_printf (
            out, "%02d:%02d:%02d.%03d ", parts.tm_hour, parts.tm_min, parts.tm_sec, (int) (ts_us / 1000 % 1000));
}

void ag_pretty_append (ag_buf_t *out, ag_event_t *event, bool colour)
{
    ag_buf_append_cstr (out, colour ? s_dim : "");
    s_append_time (out, ag_event_ts_us (event));
    ag_pretty_append_text (out, ag_event_stream (event), 0);
    ag_buf_printf (out, " #%llu ", (unsigned long long) ag_event_seq (event));
    ag_buf_append_cstr (out, colour ? s_plain : "");
    ag_buf_append_cstr (out, colour ? s_colours[ag_event_priority (event)] : "");
    ag_pretty_append_text (out, ag_event_type (event), 0);
    ag_buf_append_cstr (out, colour ? s_plain : "");
    ag_buf_append_cstr (out, " ");
    s_append_sentence (out, event);
    ag_buf_append_char (out, '\n');
}
