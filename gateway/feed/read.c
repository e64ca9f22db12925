/*  gateway/feed/read.c - the events of a stream, from ring and history

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "feed/read.h"

#include "feed/inside.h"

typedef struct {
    ag_history_event_fn *fn;
    void *context;
    uint64_t last;              /* seq that fn was told last, or the one before the first wanted */
    bool enough;                /* fn has returned false */
} reading_t;

static bool s_pass (void *context, ag_event_t *event)
{
    reading_t *reading = context;
    reading->last = ag_event_seq (event);
    reading->enough = !reading->fn (reading->context, event);
    return !reading->enough;
}

static void s_read_ring (ag_ring_t *ring, uint64_t from, uint64_t to, reading_t *reading)
{
    for (size_t i = ag_ring_find (ring, from); i < ag_ring_count (ring) && !reading->enough; i++) {
        const ag_slot_t *slot = ag_ring_slot (ring, i);
        if (slot->seq > to)
            return;
        ag_ring_json (ring, slot);      /* through the ring, which counts its memory */
        s_pass (reading, slot->event);
    }
}

/*  Whether the history ends before `to`, and may yet come that far: something there has been here,
    and was not deleted since. */
static bool s_is_short (const ag_history_t *history, const ag_stream_t *stream, uint64_t to)
{
    ag_history_bounds_t bounds;
    if (!history->lacks || !history->lacks (history->context))
        return false;
    int found = history->bounds (history->context, ag_stream_id (stream), stream->epoch, &bounds);
    return found == 1 ? bounds.last < to && bounds.forgotten < to : found == -1 || ag_ring_count (stream->ring) > 0;
}

int ag_hub_read (ag_hub_t *self, ag_str_t id, uint64_t epoch, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *context)
{
    const ag_history_t *history = self->options.history;
    ag_stream_t *stream = ag_stream_get (self, id);
    ag_ring_t *ring = stream && stream->epoch == epoch && ag_ring_count (stream->ring) ? stream->ring : NULL;
    uint64_t ring_first = ring ? ag_ring_first (ring) : UINT64_MAX;
    reading_t reading = { fn, context, from ? from - 1 : 0, false };
    int rc = 0;
    uint64_t before = ring_first - 1 < to ? ring_first - 1 : to;
    if (history && from < ring_first) {
        /*  Asked first: what is stored between the two is then read, or read later. */
        bool known = stream && stream->epoch == epoch;
        uint64_t end = known && stream->held < before ? stream->held : before;
        bool is_short = known && from <= end && s_is_short (history, stream, end);
        rc = history->read (history->context, id, epoch, from, before, s_pass, &reading);
        if (rc == 0 && is_short && !reading.enough && reading.last < end)
            return 1;
    }
    if (rc == 0 && ring && !reading.enough)
        s_read_ring (ring, from > ring_first ? from : ring_first, to, &reading);
    if (ring)
        ag_stream_count (stream);
    return rc;
}
