/*  gateway/net/command.c - what a WebSocket client asks for

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/command.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/utf8.h"

enum { DEPTH = 8, SHOWN = 60 };         /* of JSON; characters of a wrong value in an error */

/*  Where a parse stands; the error is set once, by the first who finds one. */
typedef struct {
    ag_command_t *command;
    const char *code;
    char *message;
} parse_t;

static bool s_fail (parse_t *parse, const char *code, char *message)
{
    if (parse->code)
        free (message);
    else {
        parse->code = code;
        parse->message = message;
    }
    return false;
}

/*  "rateLimit: must be an integer from 1, not "x"". */
static bool s_wrong (parse_t *parse, const char *field, const char *allowed, json_object *value)
{
    const char *text = json_object_to_json_string_ext (value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    size_t len = strlen (text), shown = ag_utf8_prefix_chars (text, len, SHOWN);
    return s_fail (parse, "INVALID_MESSAGE",
        ag_asprintf ("%s: must be %s, not %.*s%s", field, allowed, (int) shown, text, shown < len ? "..." : ""));
}

/* ---------------------------------------------------------------------- */
/*  Fields */

static ag_str_t s_text (json_object *value)
{
    return (ag_str_t) { json_object_get_string (value), (size_t) json_object_get_string_len (value) };
}

static bool s_boolean (parse_t *parse, const char *field, json_object *value, bool *out)
{
    if (!json_object_is_type (value, json_type_boolean))
        return s_wrong (parse, field, "true or false", value);
    *out = json_object_get_boolean (value);
    return true;
}

static bool s_integer (parse_t *parse, const char *field, json_object *value, int64_t min, int64_t max, int64_t *out)
{
    if (json_object_is_type (value, json_type_int)) {
        *out = json_object_get_int64 (value);
        if (*out >= min && *out <= max)
            return true;
    }
    char allowed[64];
    snprintf (allowed, sizeof allowed, "an integer from %lld to %lld", (long long) min, (long long) max);
    return s_wrong (parse, field, allowed, value);
}

static bool s_is_id (json_object *value)
{
    return json_object_is_type (value, json_type_string) && s_text (value).len > 0
        && s_text (value).len <= AG_ID_MAX_BYTES;
}

/*  A run or work order: in `target`, or all of them for "*". */
static bool s_id (parse_t *parse, const char *field, json_object *value, ag_str_t *target)
{
    if (!s_is_id (value))
        return s_wrong (parse, field, "a text of 1 to 128 bytes", value);
    if (ag_str_is (s_text (value), "*")) {
        parse->command->subscribe.all = true;
        parse->command->extended = true;
    } else
        *target = s_text (value);
    return true;
}

static bool s_filters (parse_t *parse, json_object *filters)
{
    if (!json_object_is_type (filters, json_type_object))
        return s_wrong (parse, "filters", "an object", filters);
    json_object_object_foreach (filters, name, value) {
        bool known = false, wanted = true;
        for (int kind = 0; kind < AG_KIND_COUNT; kind++) {
            const char *filter = ag_kind_filter ((ag_kind_t) kind);
            if (!filter || strcmp (filter, name) != 0)
                continue;
            if (!known && !s_boolean (parse, name, value, &wanted))
                return false;
            known = true;
            if (!wanted)
                parse->command->subscribe.types &= ~(UINT32_C (1) << kind);
        }
    }
    return true;
}

static bool s_types (parse_t *parse, json_object *types)
{
    if (!json_object_is_type (types, json_type_array))
        return s_wrong (parse, "types", "an array of event types", types);
    uint32_t mask = 0;
    for (size_t i = 0; i < json_object_array_length (types); i++) {
        json_object *type = json_object_array_get_idx (types, i);
        ag_kind_t kind = AG_KIND_UNKNOWN;
        if (json_object_is_type (type, json_type_string))
            kind = ag_kind_by_name (s_text (type).ptr, s_text (type).len);
        if (kind == AG_KIND_UNKNOWN)
            return s_wrong (parse, "types", "names of event types", type);
        mask |= UINT32_C (1) << kind;
    }
    parse->command->subscribe.types &= mask;
    return true;
}

/*  12, or "epoch:12". */
static bool s_position (json_object *value, ag_after_t *after)
{
    if (json_object_is_type (value, json_type_int)) {
        int64_t seq = json_object_get_int64 (value);
        after->seq = (uint64_t) seq;
        return seq >= 0;
    }
    if (!json_object_is_type (value, json_type_string))
        return false;
    ag_str_t text = s_text (value);
    const char *colon = memchr (text.ptr, ':', text.len);
    if (!colon || ag_epoch_parse (text.ptr, (size_t) (colon - text.ptr), &after->epoch) != 0)
        return false;
    const char *digit = colon + 1, *end = text.ptr + text.len;
    if (digit == end || end - digit > 15)
        return false;
    for (; digit < end && *digit >= '0' && *digit <= '9'; digit++)
        after->seq = after->seq * 10 + (uint64_t) (*digit - '0');
    return digit == end;
}

static bool s_after (parse_t *parse, json_object *after)
{
    ag_subscribe_t *subscribe = &parse->command->subscribe;
    subscribe->has_after = true;
    if (json_object_is_type (after, json_type_string)) {
        subscribe->cursor = s_text (after);
        return true;
    }
    if (!json_object_is_type (after, json_type_object))
        return s_wrong (parse, "after", "a cursor, or an object of positions", after);
    size_t count = (size_t) json_object_object_length (after);
    if (count > AG_COMMAND_AFTER_MAX)
        return s_fail (parse, "LIMIT_EXCEEDED", ag_asprintf ("after: at most %d streams", AG_COMMAND_AFTER_MAX));
    parse->command->after = ag_calloc (count + 1, sizeof (ag_after_t));
    json_object_object_foreach (after, stream, position) {
        ag_after_t *entry = &parse->command->after[subscribe->after_count++];
        entry->stream = (ag_str_t) { stream, strlen (stream) };
        if (!s_position (position, entry))
            return s_wrong (parse, "after", "per stream a seq, or \"<epoch>:<seq>\"", position);
    }
    subscribe->after = parse->command->after;
    return true;
}

static bool s_window (parse_t *parse, json_object *value)
{
    int64_t ms = 0;
    if (json_object_is_type (value, json_type_int))
        ms = json_object_get_int64 (value);
    if (ms != 33 && ms != 100 && ms != 250)
        return s_wrong (parse, "batchMs", "33, 100 or 250", value);
    parse->command->batch_us = ms * 1000;
    return true;
}

/* ---------------------------------------------------------------------- */
/*  Messages */

/*  A field of the second part of the protocol; an unknown one is skipped. */
static bool s_extension (parse_t *parse, const char *name, json_object *value)
{
    ag_command_t *command = parse->command;
    int64_t number = 0;
    command->extended = true;
    if (strcmp (name, "types") == 0)
        return s_types (parse, value);
    if (strcmp (name, "includePartial") == 0)
        return s_boolean (parse, name, value, &command->subscribe.partial);
    if (strcmp (name, "includeThinking") == 0)
        return s_boolean (parse, name, value, &command->subscribe.thinking);
    if (strcmp (name, "batch") == 0)
        return s_boolean (parse, name, value, &command->batch);
    if (strcmp (name, "after") == 0)
        return s_after (parse, value);
    if (strcmp (name, "batchMs") == 0)
        return s_window (parse, value);
    if (strcmp (name, "replayCount") == 0) {
        bool good = s_integer (parse, name, value, 1, 1000000, &number);
        command->subscribe.replay_count = (uint32_t) number;
        return good;
    }
    if (strcmp (name, "rateLimit") == 0) {
        bool good = s_integer (parse, name, value, 1, 1000000, &number);
        command->rate_limit = (uint32_t) number;
        return good;
    }
    return true;
}

static bool s_is_extension (const char *name)
{
    static const char *const names[] = { "types", "includePartial", "includeThinking", "batch", "after", "replayCount",
        "rateLimit", "batchMs" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp (names[i], name) == 0)
            return true;
    return false;
}

/*  workOrderId or runId, one of them. */
static bool s_target (parse_t *parse, json_object *message)
{
    ag_command_t *command = parse->command;
    json_object *value = NULL;
    bool by_work_order = json_object_object_get_ex (message, "workOrderId", &value);
    if (by_work_order && !s_id (parse, "workOrderId", value, &command->subscribe.work_order))
        return false;
    bool by_run = json_object_object_get_ex (message, "runId", &value);
    if (by_run && !s_id (parse, "runId", value, &command->subscribe.run))
        return false;
    if (by_run)
        command->extended = true;
    if (by_run == by_work_order)
        return s_fail (parse, "INVALID_MESSAGE", ag_asprintf ("%s: one of workOrderId and runId is required, a text",
            json_object_get_string (json_object_object_get (message, "type"))));
    return true;
}

static bool s_subscribe (parse_t *parse, json_object *message)
{
    parse->command->kind = AG_COMMAND_SUBSCRIBE;
    if (!s_target (parse, message))
        return false;
    json_object_object_foreach (message, name, value) {
        if (strcmp (name, "filters") == 0 && !s_filters (parse, value))
            return false;
        if (s_is_extension (name) && !s_extension (parse, name, value))
            return false;
    }
    return true;
}

static bool s_cancel (parse_t *parse, json_object *message)
{
    parse->command->kind = AG_COMMAND_CANCEL_RUN;
    parse->command->extended = true;
    json_object *run = NULL;
    json_object_object_get_ex (message, "runId", &run);
    if (!s_is_id (run))
        return s_wrong (parse, "runId", "a text of 1 to 128 bytes", run);
    parse->command->run = s_text (run);
    return true;
}

static bool s_message (parse_t *parse, json_object *message)
{
    json_object *type = NULL;
    if (!json_object_is_type (message, json_type_object))
        return s_wrong (parse, "message", "an object", message);
    json_object_object_get_ex (message, "type", &type);
    if (json_object_is_type (type, json_type_string)) {
        ag_str_t name = s_text (type);
        if (ag_str_is (name, "subscribe"))
            return s_subscribe (parse, message);
        if (ag_str_is (name, "unsubscribe")) {
            parse->command->kind = AG_COMMAND_UNSUBSCRIBE;
            return s_target (parse, message);
        }
        if (ag_str_is (name, "ping")) {
            parse->command->kind = AG_COMMAND_PING;
            return true;
        }
        if (ag_str_is (name, "cancel_run"))
            return s_cancel (parse, message);
    }
    return s_wrong (parse, "type", "subscribe, unsubscribe, ping or cancel_run", type);
}

static json_object *s_read (parse_t *parse, ag_str_t text)
{
    if (!ag_utf8_valid (text.ptr, text.len)) {
        s_fail (parse, "PARSE_ERROR", ag_strdup ("not UTF-8"));
        return NULL;
    }
    json_tokener *tokener = json_tokener_new_ex (DEPTH);
    json_tokener_set_flags (tokener, JSON_TOKENER_STRICT);
    json_object *json = json_tokener_parse_ex (tokener, text.ptr, (int) text.len);
    enum json_tokener_error error = json_tokener_get_error (tokener);
    size_t end = json_tokener_get_parse_end (tokener);
    if (error == json_tokener_continue) {           /* a bare number ends only with its text */
        json = json_tokener_parse_ex (tokener, "", 1);
        error = json_tokener_get_error (tokener) == json_tokener_success ? json_tokener_success : json_tokener_continue;
        end = text.len;
    }
    while (end < text.len && strchr (" \t\r\n", text.ptr[end]) && text.ptr[end])
        end++;
    if (error != json_tokener_success || end < text.len) {
        const char *why = error == json_tokener_success ? "something follows the object"
            : error == json_tokener_continue ? "ends too early" : json_tokener_error_desc (error);
        s_fail (parse, "PARSE_ERROR", ag_asprintf ("not JSON: %s at byte %zu", why, end));
        json_object_put (json);
        json = NULL;
    }
    json_tokener_free (tokener);
    return json;
}

int ag_command_parse (ag_str_t text, ag_command_t *command_r, const char **code_r, char **message_r)
{
    memset (command_r, 0, sizeof *command_r);
    command_r->subscribe.types = UINT32_MAX;
    command_r->subscribe.thinking = true;
    parse_t parse = { .command = command_r };
    if (text.len > AG_COMMAND_MAX_BYTES)
        s_fail (&parse, "LIMIT_EXCEEDED", ag_asprintf ("message: at most %d bytes", AG_COMMAND_MAX_BYTES));
    else
        command_r->json = s_read (&parse, text);
    if (!parse.code)
        s_message (&parse, command_r->json);
    if (!parse.code)
        return 0;
    ag_command_clear (command_r);
    *code_r = parse.code;
    *message_r = parse.message;
    return -1;
}

void ag_command_clear (ag_command_t *self)
{
    json_object_put (self->json);
    free (self->after);
    memset (self, 0, sizeof *self);
}

/* ---------------------------------------------------------------------- */
/*  Answers */

static void s_append_timestamp (ag_buf_t *out, int64_t wall_us)
{
    char timestamp[AG_TIMESTAMP_SIZE];
    ag_clock_format (wall_us, timestamp);
    ag_buf_printf (out, ",\"timestamp\":\"%s\"}", timestamp);
}

void ag_command_append_error (ag_buf_t *out, const char *code, const char *message, ag_str_t details, int64_t wall_us)
{
    ag_buf_printf (out, "{\"type\":\"error\",\"code\":\"%s\",\"message\":", code);
    ag_buf_append_json_string (out, (ag_str_t) { message, strlen (message) });
    if (details.len) {
        ag_buf_append_cstr (out, ",\"details\":");
        ag_buf_append_str (out, details);
    }
    s_append_timestamp (out, wall_us);
}

void ag_command_append_answer (ag_buf_t *out, const char *type, const ag_subscribe_t *target, int64_t wall_us)
{
    ag_buf_printf (out, "{\"type\":\"%s\"", type);
    if (target && (target->work_order.ptr || target->all)) {
        ag_buf_append_cstr (out, ",\"workOrderId\":");
        ag_buf_append_json_string (out, target->all ? AG_STR ("*") : target->work_order);
    } else if (target && target->run.ptr) {
        ag_buf_append_cstr (out, ",\"runId\":");
        ag_buf_append_json_string (out, target->run);
    }
    s_append_timestamp (out, wall_us);
}
