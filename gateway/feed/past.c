/*  feed/past.c - read windows over the history

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Clients that replay the same old part read the same chunk: a few windows
    of some events each are kept, the least recently used one makes room.
*/
#include <stdlib.h>

#include "core/mem.h"
#include "feed/inside.h"
#include "feed/rollup.h"

enum {
    WINDOWS = 4,
    WINDOW_EVENTS = 64,
    WINDOW_BYTES = 512 * 1024
};

/*  All that the history holds of from .. to. */
typedef struct {
    const ag_stream_t *stream;  /* NULL: unused */
    uint64_t epoch;
    uint64_t from, to;
    ag_event_t *events[WINDOW_EVENTS];  /* references, by seq */
    size_t count;
    size_t bytes;               /* of the encoded events */
    uint64_t used;              /* when, in looks */
} s_window_t;

struct ag_past {
    const ag_history_t *history;        /* lent */
    s_window_t windows[WINDOWS];
    uint64_t looks;             /* a clock for `used` */
};

ag_past_t *ag_past_new (const ag_history_t *history)
{
    ag_past_t *self = ag_calloc (1, sizeof *self);
    self->history = history;
    return self;
}

static void s_window_empty (s_window_t *window)
{
    for (size_t i = 0; i < window->count; i++)
        ag_event_unref (&window->events[i]);
    window->stream = NULL;
    window->count = window->bytes = 0;
}

void ag_past_forget (ag_past_t *self, const ag_stream_t *stream)
{
    for (size_t i = 0; self != NULL && i < WINDOWS; i++)
        if (stream == NULL || self->windows[i].stream == stream)
            s_window_empty (&self->windows[i]);
}

void ag_past_destroy (ag_past_t **self_p)
{
    if (*self_p == NULL)
        return;
    ag_past_forget (*self_p, NULL);
    free (*self_p);
    *self_p = NULL;
}

static bool s_collect (void *context, ag_event_t *event)
{
    s_window_t *window = context;
    window->events[window->count++] = ag_event_ref (event);
    window->bytes += ag_event_encoded (event).len;
    return window->count < WINDOW_EVENTS && window->bytes < WINDOW_BYTES;
}

static int s_read (ag_past_t *self, s_window_t *window, ag_stream_t *stream, uint64_t from, uint64_t to)
{
    s_window_empty (window);
    if (self->history->read (self->history->context, ag_stream_id (stream), stream->epoch, from, to,
            s_collect, window) == -1) {
        s_window_empty (window);
        return -1;
    }
    bool full = window->count == WINDOW_EVENTS || window->bytes >= WINDOW_BYTES;
    window->stream = stream;
    window->epoch = stream->epoch;
    window->from = from;
    window->to = full ? ag_event_seq (window->events[window->count - 1]) : to;
    return 0;
}

static s_window_t *s_window (ag_past_t *self, ag_stream_t *stream, uint64_t seq, uint64_t limit)
{
    s_window_t *oldest = &self->windows[0];
    for (size_t i = 0; i < WINDOWS; i++) {
        s_window_t *window = &self->windows[i];
        if (window->stream == stream && window->epoch == stream->epoch && window->from <= seq && seq <= window->to)
            return window;
        if (window->used < oldest->used)
            oldest = window;
    }
    return s_read (self, oldest, stream, seq, limit) == 0 ? oldest : NULL;
}

/*  What is remembered of it: nothing ever came in front of the first that was put, nor between the
    last that fell off the ring and the ring's oldest. A ring that was cleared remembers nothing. */
typedef enum { NEVER_CAME, UNKNOWN, EXISTED } s_memory_t;

static s_memory_t s_remembered (const ag_stream_t *stream, uint64_t seq)
{
    uint64_t first = ag_ring_trail_first (stream->ring), end = ag_ring_trail_end (stream->ring);
    if (first == end || seq < first)
        return stream->first_put == 0 || seq < stream->first_put ? NEVER_CAME : UNKNOWN;
    return seq >= end || ag_ring_trail_class (stream->ring, seq) == AG_CLASS_HOLE ? NEVER_CAME : EXISTED;
}

/*  It has been here, as far as is known. */
static bool s_may_have_existed (const ag_stream_t *stream, uint64_t seq)
{
    return s_remembered (stream, seq) != NEVER_CAME && seq <= stream->held;
}

/*  A hole from `from` on ends before what more is remembered of: that may yet be read. */
static uint64_t s_end_of_hole (const ag_stream_t *stream, uint64_t from, uint64_t to)
{
    uint64_t first = ag_ring_trail_first (stream->ring), end = ag_ring_trail_end (stream->ring);
    s_memory_t memory = s_remembered (stream, from);
    if (memory == EXISTED)
        return to;
    if (from < stream->first_put && stream->first_put <= to)
        return stream->first_put - 1;
    for (uint64_t seq = from < first ? first : from + 1; seq <= to && seq < end; seq++)
        if (s_remembered (stream, seq) == EXISTED)
            return seq - 1;
    return to;
}

/*  The history has not come as far as that, or cannot say so now. */
static bool s_is_ahead (ag_past_t *self, ag_stream_t *stream, uint64_t seq)
{
    const ag_history_t *history = self->history;
    ag_history_bounds_t held;
    int found = history->bounds (history->context, ag_stream_id (stream), stream->epoch, &held);
    return found != 1 || seq > held.last;
}

/*  It will come that far in a moment. */
static bool s_is_on_its_way (ag_past_t *self, ag_stream_t *stream, uint64_t seq)
{
    const ag_history_t *history = self->history;
    return history->behind != NULL && history->behind (history->context) && s_is_ahead (self, stream, seq);
}

/*  It may come that far, though nobody waits for it: its disk fails. */
static bool s_may_be_had_later (ag_past_t *self, ag_stream_t *stream, uint64_t seq)
{
    const ag_history_t *history = self->history;
    return history->lacks != NULL && history->lacks (history->context) && s_is_ahead (self, stream, seq);
}

/*  Why the history does not have it: it never came, it was there once and is too old, or
    it fell off the ring before it was stored. */
static ag_gap_reason_t s_reason (ag_past_t *self, ag_stream_t *stream, uint64_t seq)
{
    s_memory_t memory = s_remembered (stream, seq);
    if (memory == NEVER_CAME)
        return AG_GAP_LOST;
    ag_history_bounds_t held;
    int found = self->history->bounds (self->history->context, ag_stream_id (stream), stream->epoch, &held);
    if (found == 1 && seq <= held.forgotten)
        return AG_GAP_RETENTION;
    if (memory == EXISTED || (found == 1 && seq > held.last && seq <= stream->held))
        return AG_GAP_EVICTED;
    return found == 1 || seq > stream->held ? AG_GAP_LOST : AG_GAP_RETENTION;
}

static void s_event (ag_event_t *event, ag_item_t *item_r)
{
    *item_r = (ag_item_t) {
        .type = AG_ITEM_EVENT, .seq = ag_event_seq (event), .to = ag_event_seq (event), .event = event,
        .class = ag_class_of (event), .key = ag_rollup_key (event), .text_bytes = ag_rollup_text_bytes (event)
    };
}

/*  What fell off the ring a moment ago may be on its way into the history, and a window may
    have been read before it came. So before an event that may have existed is called a hole, it is
    asked whether it is on its way, and then read anew: nothing falls between the two. */
void ag_past_look (ag_past_t *self, ag_stream_t *stream, uint64_t seq, uint64_t limit, ag_item_t *item_r)
{
    uint64_t from = seq;
    bool asked = false, on_its_way = false, later = false;
    *item_r = (ag_item_t) { .type = AG_ITEM_BUSY, .seq = from };
    for (;;) {
        s_window_t *window = s_window (self, stream, seq, limit);
        if (window == NULL)
            return;
        window->used = ++self->looks;
        size_t i = 0;
        while (i < window->count && ag_event_seq (window->events[i]) < seq)
            i++;
        if (i < window->count && ag_event_seq (window->events[i]) == from) {
            s_event (window->events[i], item_r);
            return;
        }
        uint64_t to = i < window->count ? ag_event_seq (window->events[i]) - 1 : window->to;
        if (i == window->count && to < limit)
            seq = to + 1;
        else if (!asked && s_may_have_existed (stream, from)) {
            on_its_way = s_is_on_its_way (self, stream, from);
            later = !on_its_way && s_may_be_had_later (self, stream, from);
            asked = true;
            ag_past_forget (self, stream);
            seq = from;
        }
        else {
            if (!on_its_way)
                *item_r = (ag_item_t) { .type = AG_ITEM_HOLE, .seq = from,
                    .to = s_end_of_hole (stream, from, to < limit ? to : limit),
                    .reason = s_reason (self, stream, from), .recoverable = later };
            return;
        }
    }
}
