/*  gateway/net/sse.c - a viewer by server-sent events

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The same client core as a WebSocket's; only the envelope differs: one
    record per message, its id "epoch:seq", so that Last-Event-ID resumes. Such
    an id means one stream: also a work order's own comes alone, without its runs.
*/
#include "net/conn.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

enum { TURN_BYTES = 16 * 1024, LEAST_ROOM = 8 * 1024};

/*  "epoch:seq"; 0, or -1. */
static int s_parse_id (const char *id, ag_after_t *after)
{
    const char *colon = strchr (id, ':');
    if (!colon || ag_epoch_parse (id, (size_t) (colon - id), &after->epoch) != 0)
        return -1;
    const char *digits = colon + 1;
    size_t len = strlen (digits);
    if (!len || len > 18 || strspn (digits, "0123456789") != len)
        return -1;
    after->seq = strtoull (digits, NULL, 10);
    return 0;
}

int ag_sse_begin (ag_conn_t *self, ag_str_t stream, const char *last_event_id)
{
    int64_t now_us = ag_clock_mono_us ();
    ag_after_t after = { .stream = stream };
    ag_subscribe_t request = { .run = stream, .types = UINT32_MAX, .thinking = true };
    char *error = NULL;
    if (last_event_id && *last_event_id) {
        if (s_parse_id (last_event_id, &after) != 0)
            return -1;
        request.has_after = true;
        request.after = &after;
        request.after_count = 1;
    } else
        request.has_after = true;           /* from the start: a page that opens a run wants the whole of it */
    self->ways = (ag_client_options_t) { .quiet = true };
    self->client = ag_client_new (self->gateway->hub, &self->ways, self, now_us);
    self->heard_us = now_us;
    self->server->stats.streams++;
    if (ag_client_subscribe (self->client, &request, now_us, &error) == 0)
        return 0;
    free (error);
    return -1;
}

/*  The first words: come back after a second, not after the three or five that browsers wait. */
void ag_sse_greet (ag_conn_t *self)
{
    static const char text[] = "retry: 1000\n\n";
    ag_buf_t *out = &self->server->out;
    if (self->chunked)
        ag_buf_printf (out, "%zx\r\n%s\r\n", sizeof text - 1, text);
    else
        ag_buf_append_cstr (out, text);
}

static void s_append_record (ag_buf_t *out, ag_str_t message, const ag_event_t *event)
{
    static const char head[] = "{\"type\":\"";
    if (event) {
        char epoch[17];
        ag_epoch_format (ag_event_epoch (event), epoch);
        ag_buf_printf (out, "id: %s:%llu\n", epoch, (unsigned long long) ag_event_seq (event));
    }
    if (message.len > sizeof head && memcmp (message.ptr, head, sizeof head - 1) == 0) {
        const char *type = message.ptr + sizeof head - 1;
        const char *quote = memchr (type, '"', message.len - (sizeof head - 1));
        if (quote)
            ag_buf_printf (out, "event: %.*s\n", (int) (quote - type), type);
    }
    ag_buf_append_cstr (out, "data: ");
    ag_buf_append_str (out, message);
    ag_buf_append_cstr (out, "\n\n");
}

/*  Moves what waits into the buffer, as far as there is room. */
static void s_take_rest (ag_conn_t *self, size_t room)
{
    ag_buf_t *out = &self->server->out;
    size_t used = out->len - LWS_PRE, free_room = room > used ? room - used : 0;
    size_t taken = self->rest.len < free_room ? self->rest.len : free_room;
    ag_buf_append (out, self->rest.data, taken);
    ag_buf_consume (&self->rest, taken);
    if (!self->rest.len)
        ag_buf_free (&self->rest);
}

static void s_append_frame (ag_conn_t *self, const ag_frame_t *frame)
{
    ag_buf_t records = {0};
    for (size_t i = 0; i < frame->count; i++)
        s_append_record (&records, frame->messages[i], frame->events[i]);
    if (self->chunked) {
        ag_buf_printf (&self->rest, "%zx\r\n", records.len);
        ag_buf_append_cstr (&records, "\r\n");
    }
    ag_buf_append (&self->rest, records.data, records.len);
    ag_buf_free (&records);
}

int ag_sse_writable (ag_conn_t *self)
{
    int64_t now_us = ag_clock_mono_us (), when_us;
    size_t room = ag_writer_room (&self->writer);
    ag_buf_t *out = &self->server->out;
    ag_frame_t frame;
    bool more = false;
    out->len = LWS_PRE;
    self->waits_for_room = false;
    s_take_rest (self, room);
    while (!self->rest.len) {
        size_t used = out->len - LWS_PRE;
        if ((more = used >= TURN_BYTES) || (self->waits_for_room = room < used + LEAST_ROOM))
            break;
        if (!ag_client_next (self->client, now_us, room - used - LEAST_ROOM / 2, &frame, &when_us))
            break;
        ag_conn_note_age (self, &frame);
        s_append_frame (self, &frame);
        s_take_rest (self, room);
    }
    if (self->waits_for_room || self->rest.len)
        ag_conn_wait_for_room (self);
    if (ag_conn_write_out (self, LWS_WRITE_HTTP) != 0 || self->close_code)
        return -1;
    if (more)
        ag_conn_wake (self);
    return 0;
}
