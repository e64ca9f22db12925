/*  tests/feed_tap.c - a hub, a clock and viewers that write down what they get

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "tests/feed_tap.h"

void tap_hub_init (tap_hub_t *self, const ag_hub_options_t *options, bool history)
{
    ag_hub_options_t own = *options;
    self->history = history ? rig_history_new () : NULL;
    if (history)
        own.history = rig_history_face (self->history);
    self->hub = ag_hub_new (&own);
    self->now_us = 1000000;
}

void tap_hub_free (tap_hub_t *self)
{
    ag_hub_destroy (&self->hub);
    rig_history_destroy (&self->history);
}

void tap_init (tap_t *self, tap_hub_t *hub, const ag_client_options_t *options)
{
    *self = (tap_t) { 0 };
    self->client = ag_client_new (hub->hub, options, self, hub->now_us);
}

void tap_free (tap_t *self)
{
    ag_client_destroy (&self->client);
    ag_buf_free (&self->log);
    ag_buf_free (&self->raw);
    free (self->cursor);
    self->cursor = NULL;
}

void tap_subscribe (tap_t *self, tap_hub_t *hub, const ag_subscribe_t *request)
{
    char *error = NULL;
    if (ag_client_subscribe (self->client, request, hub->now_us, &error) == -1)
        fail_msg ("subscribe: %s", error);
}

void tap_subscribe_run (tap_t *self, tap_hub_t *hub, const char *run, const char *cursor)
{
    ag_subscribe_t request = { .run = { run, strlen (run) }, .types = UINT32_MAX, .thinking = true, .partial = true };
    if (cursor != NULL) {
        request.has_after = true;
        request.cursor = (ag_str_t) { cursor, strlen (cursor) };
    }
    tap_subscribe (self, hub, &request);
}

/* ---------------------------------------------------------------------- */
/*  Writing down */

static char s_letter (ag_str_t event)
{
    static const struct { const char *type; char letter; } letters[] = {
        { "agent_output", 'o' }, { "agent_tool_call", 'c' }, { "agent_tool_result", 'r' }, { "agent_usage", 'u' },
        { "agent_error", 'e' }, { "file_changed", 'f' }, { "progress_update", 'p' }, { "run_started", 's' },
        { "run_completed", 'E' }, { "work_order_created", 'W' }, { "work_order_updated", 'w' }, { "run_iteration", 'i' }
    };
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (rig_is (event, letters[i].type))
            return letters[i].letter;
    return 0;
}

static void s_note_event (tap_t *self, ag_str_t event)
{
    unsigned long long seq = rig_number (event, "seq"), first = rig_number (event, "seqFirst");
    ag_buf_printf (&self->log, self->log.len ? " %c" : "%c", s_letter (event));
    if (first)
        ag_buf_printf (&self->log, "%llu-", first);
    ag_buf_printf (&self->log, "%llu", seq);
}

static void s_note_control (tap_t *self, ag_str_t message)
{
    ag_str_t type = rig_text (message, "type");
    if (self->log.len)
        ag_buf_append_char (&self->log, ' ');
    ag_buf_append_str (&self->log, type);
    if (rig_is (message, "gap")) {
        ag_str_t reason = rig_text (message, "reason");
        ag_buf_printf (&self->log, "[%llu-%llu %.*s]", (unsigned long long) rig_number (message, "from"),
            (unsigned long long) rig_number (message, "to"), (int) reason.len, reason.ptr);
    }
}

static void s_note (tap_t *self, ag_str_t message)
{
    ag_buf_append_str (&self->raw, message);
    ag_buf_append_char (&self->raw, '\n');
    ag_str_t cursor = rig_text (message, "cursor");
    if (cursor.ptr != NULL) {
        free (self->cursor);
        self->cursor = ag_str_dup (cursor);
    }
    if (rig_is (message, "batch")) {
        ag_str_t event;
        for (size_t at = 0; rig_batch_next (message, &at, &event);)
            s_note_event (self, event);
    }
    else if (s_letter (message))
        s_note_event (self, message);
    else
        s_note_control (self, message);
}

void tap_expect_at (tap_t *self, const char *text, const char *file, int line)
{
    const char *got = ag_buf_cstr (&self->log);
    if (strcmp (got, text) != 0)
        print_error ("got      \"%s\"\nexpected \"%s\"\n", got, text);
    _assert_true (strcmp (got, text) == 0, "what the viewer got", file, line);
    tap_forget (self);
}

bool tap_saw (const tap_t *self, const char *part)
{
    return rig_has ((ag_str_t) { self->raw.data, self->raw.len }, part);
}

void tap_forget (tap_t *self)
{
    ag_buf_clear (&self->log);
    ag_buf_clear (&self->raw);
}

/* ---------------------------------------------------------------------- */
/*  Events and time */

void tap_put_to (tap_hub_t *self, const char *run, rig_shape_t shape, uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; seq <= last; seq++)
        rig_put (self->hub, self->history, &(rig_event_t) { "W1", run, 0, seq, shape, 0, NULL }, self->now_us);
}

void tap_put (tap_hub_t *self, rig_shape_t shape, uint64_t first, uint64_t last)
{
    tap_put_to (self, "R1", shape, first, last);
}

void tap_serve (tap_hub_t *self)
{
    ag_client_t *client;
    while ((client = ag_hub_pop_ready (self->hub)) != NULL) {
        tap_t *tap = ag_client_user (client);
        ag_frame_t frame;
        int64_t when_us;
        while (ag_client_next (client, self->now_us, 1 << 20, &frame, &when_us) == 1)
            for (size_t i = 0; i < frame.count; i++) {
                s_note (tap, frame.messages[i]);
                tap->frame_id = frame.id;
            }
    }
}

void tap_wait (tap_hub_t *self, int64_t ms)
{
    int64_t end_us = self->now_us + ms * 1000;
    tap_serve (self);
    for (int64_t tick_us; (tick_us = ag_hub_next_tick_us (self->hub)) <= end_us;) {
        if (tick_us > self->now_us)
            self->now_us = tick_us;
        ag_hub_tick (self->hub, self->now_us);
        tap_serve (self);
    }
    self->now_us = end_us;
}
