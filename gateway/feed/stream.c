/*  feed/stream.c - what is known of a stream, and reading it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "feed/inside.h"

/* ---------------------------------------------------------------------- */
/*  Work orders */

static char *
s_copy (ag_str_t text)
{
    char *copy = ag_malloc (text.len + 1);
    memcpy (copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

ag_work_t *
ag_work_need (ag_hub_t *hub, ag_str_t id)
{
    ag_work_t *self = ag_map_get (hub->works, id);
    if (self != NULL)
        return self;
    self = ag_calloc (1, sizeof *self);
    self->id = s_copy (id);
    self->id_len = id.len;
    TAILQ_INIT (&self->streams);
    TAILQ_INIT (&self->subs);
    ag_map_put (hub->works, (ag_str_t) { self->id, self->id_len }, self);
    return self;
}

void
ag_work_release (ag_hub_t *hub, ag_work_t *work)
{
    if (!TAILQ_EMPTY (&work->streams) || !TAILQ_EMPTY (&work->subs))
        return;
    ag_map_remove (hub->works, (ag_str_t) { work->id, work->id_len });
    free (work->id);
    free (work);
}

/* ---------------------------------------------------------------------- */
/*  Streams */

ag_stream_t *
ag_stream_get (ag_hub_t *hub, ag_str_t id)
{
    return ag_map_get (hub->streams, id);
}

/*  Its newest event says whose it is (and so who may see it), and whether it is over. */
static bool
s_recall_newest (void *context, ag_event_t *event)
{
    ag_stream_t *self = context;
    ag_str_t run = ag_event_run (event);
    ag_stream_adopt (self, ag_event_work_order (event), run.ptr != NULL && ag_str_eq (run, ag_stream_id (self)));
    self->over = self->is_run && ag_kind_ends (ag_event_kind (event));
    return false;
}

/*  What the history holds of its newest epoch. Until its writer is heard of, it counts as ended. */
static void
s_recall (ag_stream_t *self, int64_t now_us)
{
    const ag_history_t *history = self->hub->options.history;
    uint64_t first = 0, last = 0, epoch = 0;
    if (history == NULL || history->bounds (history->context, ag_stream_id (self), &epoch, &first, &last) != 1)
        return;
    self->epoch = epoch;
    self->last = last;
    self->producer = AG_PRODUCER_LOST;
    ag_stream_use (self, true, now_us);
    history->read (history->context, ag_stream_id (self), epoch, last, last, s_recall_newest, self);
    if (self->over)
        self->producer = AG_PRODUCER_ENDED;
}

ag_stream_t *
ag_stream_need (ag_hub_t *hub, ag_str_t id, int64_t now_us)
{
    ag_stream_t *self = ag_stream_get (hub, id);
    if (self != NULL)
        return self;
    self = ag_calloc (1, sizeof *self);
    self->hub = hub;
    self->serial = ++hub->serial;
    self->id = s_copy (id);
    self->id_len = id.len;
    self->ring = ag_ring_new (hub->options.buffer_events, hub->options.stream_bytes);
    TAILQ_INIT (&self->lanes);
    TAILQ_INIT (&self->waiting);
    ag_map_put (hub->streams, ag_stream_id (self), self);
    TAILQ_INSERT_TAIL (&hub->live, self, in_hub);
    hub->stats.streams++;
    s_recall (self, now_us);
    return self;
}

void
ag_stream_use (ag_stream_t *self, bool ended, int64_t now_us)
{
    ag_hub_t *hub = self->hub;
    bool revived = self->ended_us && !ended;
    TAILQ_REMOVE (self->ended_us ? &hub->ended : &hub->live, self, in_hub);
    if (!ended)
        self->ended_us = 0;
    else if (self->ended_us == 0)
        self->ended_us = now_us ? now_us : 1;
    TAILQ_INSERT_TAIL (self->ended_us ? &hub->ended : &hub->live, self, in_hub);
    /*  "*" has no place in an ended one. */
    ag_sub_t *sub;
    if (revived)
        TAILQ_FOREACH (sub, &hub->all_subs, in_target)
            ag_client_meet (sub->client, self, sub);
}

void
ag_stream_info (const ag_stream_t *self, ag_stream_info_t *info_r)
{
    *info_r = (ag_stream_info_t) {
        .stream = ag_stream_id (self), .epoch = self->epoch, .producer = self->producer,
        .first = ag_ring_first (self->ring), .last = self->last,
        .started = self->started, .progress = self->progress, .ended = self->ended,
        .first_ts_us = self->first_ts_us, .last_ts_us = self->last_ts_us
    };
    if (self->work != NULL)
        info_r->work_order = (ag_str_t) { self->work->id, self->work->id_len };
    if (self->is_run)
        info_r->run = info_r->stream;
    memcpy (info_r->count, self->count, sizeof info_r->count);
}

static void
s_forget_events (ag_stream_t *self)
{
    ag_event_unref (&self->started);
    ag_event_unref (&self->progress);
    ag_event_unref (&self->ended);
    ag_ring_clear (self->ring);
    ag_stream_count_bytes (self);
    ag_past_forget (self->hub->past, self);
}

void
ag_stream_destroy (ag_stream_t **self_p)
{
    ag_stream_t *self = *self_p;
    if (self == NULL)
        return;
    ag_hub_t *hub = self->hub;
    s_forget_events (self);
    ag_map_remove (hub->streams, ag_stream_id (self));
    TAILQ_REMOVE (self->ended_us ? &hub->ended : &hub->live, self, in_hub);
    if (self->work != NULL) {
        TAILQ_REMOVE (&self->work->streams, self, in_work);
        ag_work_release (hub, self->work);
    }
    ag_ring_destroy (&self->ring);
    hub->stats.streams--;
    free (self->id);
    free (self);
    *self_p = NULL;
}

void
ag_stream_count_bytes (ag_stream_t *self)
{
    size_t bytes = ag_ring_bytes (self->ring);
    self->hub->stats.bytes += bytes - self->counted_bytes;
    self->counted_bytes = bytes;
}

uint64_t
ag_stream_oldest (ag_stream_t *self)
{
    const ag_history_t *history = self->hub->options.history;
    uint64_t first = 0, last = 0, epoch = self->epoch;
    if (history != NULL && history->bounds (history->context, ag_stream_id (self), &epoch, &first, &last) == 1
            && first != 0)
        return first;
    return ag_ring_count (self->ring) ? ag_ring_first (self->ring) : self->last + 1;
}

/*  Who had not got all of the old epoch is told so, since its numbers end here. */
static void
s_close_places (ag_stream_t *self)
{
    ag_lane_t *lane;
    ag_place_t *place;
    TAILQ_FOREACH (lane, &self->lanes, in_stream)
        TAILQ_FOREACH (place, &lane->all, in_lane) {
            if (place->state != AG_PLACE_ACTIVE)
                continue;
            uint64_t count[AG_KIND_COUNT] = { 0 };
            if (ag_place_count (place, place->at + 1, self->last, count) > 0)
                ag_client_gap (place->client, place, place->at + 1, self->last, AG_GAP_EVICTED, count);
        }
}

void
ag_stream_renew (ag_stream_t *self, uint64_t epoch)
{
    if (self->epoch != 0)
        s_close_places (self);
    s_forget_events (self);
    self->epoch = epoch;
    self->last = 0;
    self->over = false;
    self->first_ts_us = self->last_ts_us = 0;
    memset (self->count, 0, sizeof self->count);
    self->version++;
    ag_lane_t *lane;
    ag_place_t *place, *next;
    TAILQ_FOREACH (lane, &self->lanes, in_stream)
        TAILQ_FOREACH (place, &lane->all, in_lane)
            if (place->state != AG_PLACE_WAITING) {
                ag_place_settle (place);
                place->floor = place->had_to = place->critical = place->began = 0;
            }
    TAILQ_FOREACH_SAFE (place, &self->waiting, by_state, next)
        ag_place_resume (place, place->epoch, place->at);
}

void
ag_stream_adopt (ag_stream_t *self, ag_str_t work_order, bool is_run)
{
    if (self->work != NULL)
        return;
    self->is_run = is_run;
    self->work = ag_work_need (self->hub, work_order);
    TAILQ_INSERT_TAIL (&self->work->streams, self, in_work);
    /*  Who asked for this run before it was known to whom it belongs. */
    ag_lane_t *lane, *next_lane;
    ag_place_t *place, *next;
    TAILQ_FOREACH_SAFE (lane, &self->lanes, in_stream, next_lane)
        TAILQ_FOREACH_SAFE (place, &lane->all, in_lane, next)
            if (!ag_client_may_see (place->client, self))
                ag_place_destroy (&place);
    ag_sub_t *sub;
    TAILQ_FOREACH (sub, &self->work->subs, in_target)
        ag_client_meet (sub->client, self, sub);
    TAILQ_FOREACH (sub, &self->hub->all_subs, in_target)
        ag_client_meet (sub->client, self, sub);
}

/* ---------------------------------------------------------------------- */
/*  Reading */

static void
s_slot_item (const ag_slot_t *slot, ag_item_t *item_r)
{
    *item_r = (ag_item_t) {
        .type = AG_ITEM_EVENT, .seq = slot->seq, .to = slot->seq, .class = slot->class, .key = slot->key,
        .text_bytes = slot->text_bytes, .arrived_us = slot->arrived_us, .event = slot->event, .slot = slot
    };
}

static void
s_hole (uint64_t from, uint64_t to, ag_gap_reason_t reason, ag_item_t *item_r)
{
    *item_r = (ag_item_t) { .type = AG_ITEM_HOLE, .seq = from, .to = to, .reason = reason };
}

/*  What fell off the ring: its class is known, or that it never came. */
static void
s_look_trail (ag_stream_t *self, uint64_t seq, ag_item_t *item_r)
{
    uint8_t class = ag_ring_trail_class (self->ring, seq);
    if (class != AG_CLASS_HOLE) {
        *item_r = (ag_item_t) { .type = AG_ITEM_EVENT, .seq = seq, .to = seq, .class = class };
        return;
    }
    uint64_t to = seq;
    while (to + 1 < ag_ring_trail_end (self->ring) && ag_ring_trail_class (self->ring, to + 1) == AG_CLASS_HOLE)
        to++;
    s_hole (seq, to, AG_GAP_LOST, item_r);
}

static void
s_look_before_ring (ag_stream_t *self, uint64_t seq, uint64_t limit, bool whole, ag_item_t *item_r)
{
    uint64_t trail_first = ag_ring_trail_first (self->ring), trail_end = ag_ring_trail_end (self->ring);
    if (!whole && seq >= trail_first && seq < trail_end)
        s_look_trail (self, seq, item_r);
    else if (self->hub->past != NULL)
        ag_past_look (self->hub->past, self, seq, limit, item_r);
    else if (!whole && seq < trail_first && trail_first <= limit)
        s_hole (seq, trail_first - 1, AG_GAP_EVICTED, item_r);
    else
        s_hole (seq, limit, AG_GAP_EVICTED, item_r);
}

void
ag_stream_look (ag_stream_t *self, uint64_t seq, bool whole, ag_item_t *item_r)
{
    if (seq > self->last) {
        *item_r = (ag_item_t) { .type = AG_ITEM_END, .seq = seq };
        return;
    }
    size_t count = ag_ring_count (self->ring);
    uint64_t first = ag_ring_first (self->ring);
    if (count == 0 || seq < first) {
        s_look_before_ring (self, seq, count ? first - 1 : self->last, whole, item_r);
        return;
    }
    size_t index = ag_ring_find (self->ring, seq);
    if (index == count)
        s_hole (seq, self->last, AG_GAP_LOST, item_r);
    else if (ag_ring_slot (self->ring, index)->seq == seq)
        s_slot_item (ag_ring_slot (self->ring, index), item_r);
    else
        s_hole (seq, ag_ring_slot (self->ring, index)->seq - 1, AG_GAP_LOST, item_r);
}
