/*  tools/history.c - what a gateway has kept, as events again

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "tools/history.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/wire.h"
#include "tools/http.h"

enum { TRIES = 10 };

/* ---------------------------------------------------------------------- */
/*  JSON */

static ag_str_t s_text (struct json_object *object, const char *key)
{
    struct json_object *value;
    if (!json_object_object_get_ex (object, key, &value) || !json_object_is_type (value, json_type_string))
        return (ag_str_t){ NULL, 0 };
    return (ag_str_t){ json_object_get_string (value), (size_t) json_object_get_string_len (value) };
}

static uint64_t s_number (struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex (object, key, &value) ? (uint64_t) json_object_get_int64 (value) : 0;
}

/*  "2026-11-22T08:34:45.309Z" in microseconds; 0: it is none. */
static int64_t s_time (ag_str_t text)
{
    struct tm parts = { 0 };
    int ms = 0;
    if (!text.ptr || sscanf (text.ptr, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                         &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &ms) != 7)
        return 0;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return (int64_t) timegm (&parts) * 1000000 + ms * 1000;
}

/*  Every byte: whatever an id holds. */
static void s_append_escaped (ag_buf_t *out, ag_str_t text)
{
    for (size_t i = 0; i < text.len; i++)
        ag_buf_printf (out, "%%%02X", (unsigned char) text.ptr[i]);
}

/*  What waits to be stored, or finds too many connections, is asked for again. */
static int s_get (const ag_history_source_t *source, const char *path, ag_buf_t *body, char **error_r)
{
    const struct timespec pause = { .tv_sec = 1 };
    int status = ag_http_get (source->base_url, path, source->token, body, error_r);
    for (int tries = 1; status == 503 && tries < TRIES; tries++) {
        nanosleep (&pause, NULL);
        ag_buf_clear (body);
        status = ag_http_get (source->base_url, path, source->token, body, error_r);
    }
    return status;
}

/*  The page as an object with an array `key`; to be put. NULL with *error_r. */
static struct json_object *s_page (
    const ag_history_source_t *source, const char *path, const char *key, struct json_object **array_r, char **error_r)
{
    ag_buf_t body = { 0 };
    int status = s_get (source, path, &body, error_r);
    struct json_object *page = status == 200 ? json_tokener_parse (ag_buf_cstr (&body)) : NULL;
    ag_buf_free (&body);
    if (page && json_object_object_get_ex (page, key, array_r) && json_object_is_type (*array_r, json_type_array))
        return page;
    if (status >= 0)
        *error_r = ag_asprintf ("%s%s: %s (HTTP %d)", source->base_url, path,
            status == 200 ? "the answer is not understood" : "refused", status);
    json_object_put (page);
    return NULL;
}

/* ---------------------------------------------------------------------- */
/*  Streams */

/*  A gateway's list, page by page; owns its strings. */
typedef struct {
    ag_history_stream_t *streams;
    size_t count;
} s_list_t;

static ag_str_t s_own (ag_str_t text)
{
    return (ag_str_t){ ag_str_dup (text), text.len };
}

/*  False: it is none. */
static bool s_take_stream (s_list_t *list, struct json_object *json)
{
    ag_history_stream_t stream = { .stream = s_text (json, "stream"), .work_order = s_text (json, "workOrderId"),
        .last = s_number (json, "last") };
    ag_str_t epoch = s_text (json, "epoch"), started = s_text (json, "startedAt");
    if (!stream.stream.ptr || !stream.work_order.ptr || !epoch.ptr ||
        ag_epoch_parse (epoch.ptr, epoch.len, &stream.epoch))
        return false;
    stream.stream = s_own (stream.stream);
    stream.work_order = s_own (stream.work_order);
    stream.started_us = s_time (started);
    list->streams = ag_realloc (list->streams, (list->count + 1) * sizeof *list->streams);
    list->streams[list->count++] = stream;
    return true;
}

static char *s_streams_path (ag_str_t after)
{
    ag_buf_t path = { 0 };
    ag_buf_append_cstr (&path, "/api/v1/streams?limit=1000");
    if (after.ptr)
        ag_buf_append_cstr (&path, "&after=");
    s_append_escaped (&path, after);
    ag_buf_cstr (&path);
    return path.data;
}

/*  1 there are more, 0 that was the last page, -1 with *error_r. */
static int s_list_page (const ag_history_source_t *source, s_list_t *list, char **error_r)
{
    ag_str_t after = list->count ? list->streams[list->count - 1].stream : (ag_str_t){ NULL, 0 };
    char *path = s_streams_path (after);
    struct json_object *streams, *more, *page = s_page (source, path, "streams", &streams, error_r);
    free (path);
    if (!page)
        return -1;
    size_t before = list->count;
    for (size_t i = 0; i < json_object_array_length (streams); i++)
        s_take_stream (list, json_object_array_get_idx (streams, i));
    int rc = list->count > before && json_object_object_get_ex (page, "more", &more) && json_object_get_boolean (more);
    json_object_put (page);
    return rc;
}

static int s_by_age (const void *a, const void *b)
{
    const ag_history_stream_t *left = a, *right = b;
    return (left->started_us > right->started_us) - (left->started_us < right->started_us);
}

int ag_history_streams (const ag_history_source_t *source, ag_history_stream_fn *fn, void *context, char **error_r)
{
    s_list_t list = { NULL, 0 };
    int rc;
    do
        rc = s_list_page (source, &list, error_r);
    while (rc == 1);
    if (list.count)
        qsort (list.streams, list.count, sizeof *list.streams, s_by_age);
    for (size_t i = 0; i < list.count; i++) {
        if (rc == 0)
            fn (context, &list.streams[i]);
        free ((char *) list.streams[i].stream.ptr);
        free ((char *) list.streams[i].work_order.ptr);
    }
    free (list.streams);
    return rc;
}

/* ---------------------------------------------------------------------- */
/*  Events */

static void s_copy_field (ag_draft_t *draft, ag_field_t field, struct json_object *value)
{
    switch (ag_field_type (field)) {
    case AG_TYPE_STRING:
        ag_draft_set_string (draft, field, json_object_get_string (value), (size_t) json_object_get_string_len (value));
        break;
    case AG_TYPE_INTEGER:
        ag_draft_set_integer (draft, field, json_object_get_int64 (value));
        break;
    case AG_TYPE_NUMBER:
        ag_draft_set_number (draft, field, json_object_get_double (value));
        break;
    case AG_TYPE_BOOLEAN:
        ag_draft_set_boolean (draft, field, json_object_get_boolean (value));
        break;
    case AG_TYPE_OBJECT:
        ag_draft_set_object (draft, field, value);
        break;
    }
}

ag_draft_t *ag_history_draft (ag_kind_t kind, struct json_object *event)
{
    size_t count;
    struct json_object *value;
    const ag_field_rule_t *rules = ag_kind_fields (kind, &count);
    ag_draft_t *draft = ag_draft_new (kind);
    for (size_t i = 0; i < count; i++)
        if (json_object_object_get_ex (event, ag_field_name (rules[i].field), &value) && value)
            s_copy_field (draft, rules[i].field, value);
    return draft;
}

/*  NULL: of an unknown kind, or not as it should be. */
static ag_event_t *s_event (struct json_object *json, ag_str_t stream, uint64_t epoch)
{
    ag_str_t type = s_text (json, "type");
    ag_kind_t kind = type.ptr ? ag_kind_by_name (type.ptr, type.len) : AG_KIND_UNKNOWN;
    if (kind == AG_KIND_UNKNOWN)
        return NULL;
    char *error = NULL;
    ag_ids_t ids = { s_text (json, "workOrderId"), s_text (json, "runId"), stream.ptr[0] == '@' };
    ag_position_t at = { epoch, s_number (json, "seq"), s_time (s_text (json, "timestamp")) };
    ag_draft_t *draft = ag_history_draft (kind, json);
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    ag_draft_destroy (&draft);
    free (error);
    return event;
}

static char *s_events_path (ag_str_t stream, uint64_t epoch, uint64_t from)
{
    char hex[17];
    ag_buf_t path = { 0 };
    ag_epoch_format (epoch, hex);
    ag_buf_append_cstr (&path, "/api/v1/runs/");
    s_append_escaped (&path, stream);
    ag_buf_printf (&path, "/events?limit=500&epoch=%s&after=%" PRIu64, hex, from - 1);
    ag_buf_cstr (&path);
    return path.data;
}

/*  Shows a page's events up to `to`; returns the last seq on it, 0: none. */
static uint64_t s_show (
    struct json_object *events, ag_str_t stream, uint64_t epoch, uint64_t to, ag_history_event_fn *fn, void *context)
{
    uint64_t last = 0;
    for (size_t i = 0; i < json_object_array_length (events); i++) {
        struct json_object *json = json_object_array_get_idx (events, i);
        last = s_number (json, "seq");
        ag_event_t *event = last <= to ? s_event (json, stream, epoch) : NULL;
        if (event)
            fn (context, event);
        ag_event_unref (&event);
    }
    return last;
}

int ag_history_events (const ag_history_source_t *source, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *context, char **error_r)
{
    while (from <= to) {
        char *path = s_events_path (stream, epoch, from);
        struct json_object *events, *page = s_page (source, path, "events", &events, error_r);
        free (path);
        if (!page)
            return -1;
        uint64_t last = s_show (events, stream, epoch, to, fn, context);
        json_object_put (page);
        if (last < from)
            return 0;
        from = last + 1;
    }
    return 0;
}
