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

static char *s_copy (ag_str_t text)
{
    char *copy = ag_malloc (text.len + 1);
    memcpy (copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

ag_work_t *ag_work_need (ag_hub_t *hub, ag_str_t id)
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

void ag_work_release (ag_hub_t *hub, ag_work_t *work)
{
    if (!TAILQ_EMPTY (&work->streams) || !TAILQ_EMPTY (&work->subs))
        return;
    ag_map_remove (hub->works, (ag_str_t) { work->id, work->id_len });
    free (work->id);
    free (work);
}

/* ---------------------------------------------------------------------- */
/*  Streams */

ag_stream_t *ag_stream_get (ag_hub_t *hub, ag_str_t id)
{
    return ag_map_get (hub->streams, id);
}

/*  Its newest event says whose it is (and so who may see it), and whether it is over. */
static bool s_recall_newest (void *context, ag_event_t *event)
{
    ag_stream_t *self = context;
    ag_str_t run = ag_event_run (event);
    ag_stream_adopt (self, ag_event_work_order (event), run.ptr != NULL && ag_str_eq (run, ag_stream_id (self)));
    self->over = self->is_run && ag_kind_ends (ag_event_kind (event));
    return false;
}

static void s_resume_waiting (ag_stream_t *self)
{
    ag_place_t *place, *next;
    TAILQ_FOREACH_SAFE (place, &self->waiting, by_state, next)
        ag_place_resume (place, place->epoch, place->at);
}

/*  Who had asked for it before anything was known of it. */
static void s_serve_early (ag_stream_t *self)
{
    ag_lane_t *lane;
    ag_place_t *place;
    TAILQ_FOREACH (lane, &self->lanes, in_stream)
        TAILQ_FOREACH (place, &lane->idle, by_state)
            place->began = self->last;
    s_resume_waiting (self);
}

/*  As long as nobody can say whose it is, it is not known, and nobody gets anything of it. */
void ag_stream_recall (ag_stream_t *self, int64_t now_us)
{
    const ag_history_t *history = self->hub->options.history;
    ag_history_bounds_t held;
    int found = history ? history->bounds (history->context, ag_stream_id (self), 0, &held) : 0;
    self->unread = found == -1;
    if (found != 1)
        return;
    self->epoch = held.epoch;
    self->last = self->held = held.last;
    self->first_put = held.forgotten ? 1 : held.first;
    history->read (history->context, ag_stream_id (self), held.epoch, held.last, held.last, s_recall_newest, self);
    if (self->work == NULL) {
        self->epoch = self->last = self->held = 0;
        self->unread = true;
        return;
    }
    /*  Until its writer is heard of, it counts as ended. */
    self->producer = self->over ? AG_PRODUCER_ENDED : AG_PRODUCER_LOST;
    ag_stream_use (self, true, now_us);
    s_serve_early (self);
}

ag_stream_t *ag_stream_need (ag_hub_t *hub, ag_str_t id, int64_t now_us)
{
    ag_stream_t *self = ag_stream_get (hub, id);
    if (self != NULL) {
        if (self->unread)
            ag_stream_recall (self, now_us);
        return self;
    }
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
    ag_stream_recall (self, now_us);
    return self;
}

static struct ag_stream_list *s_in_hub (const ag_stream_t *self)
{
    return self->ended_us ? &self->hub->ended : &self->hub->live;
}

static struct ag_stream_list *s_in_memory (const ag_stream_t *self)
{
    return self->ended_us ? &self->hub->ended_memory : &self->hub->live_memory;
}

void ag_stream_use (ag_stream_t *self, bool ended, int64_t now_us)
{
    ag_hub_t *hub = self->hub;
    bool revived = self->ended_us && !ended;
    TAILQ_REMOVE (s_in_hub (self), self, in_hub);
    if (self->counted_bytes > 0)
        TAILQ_REMOVE (s_in_memory (self), self, in_memory);
    if (!ended)
        self->ended_us = 0;
    else if (self->ended_us == 0)
        self->ended_us = now_us ? now_us : 1;
    TAILQ_INSERT_TAIL (s_in_hub (self), self, in_hub);
    if (self->counted_bytes > 0)
        TAILQ_INSERT_TAIL (s_in_memory (self), self, in_memory);
    /*  "*" has no place in an ended one. */
    ag_sub_t *sub;
    if (revived)
        TAILQ_FOREACH (sub, &hub->all_subs, in_target)
            ag_client_meet (sub->client, self, sub);
}

void ag_stream_info (const ag_stream_t *self, ag_stream_info_t *info_r)
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

static void s_forget_events (ag_stream_t *self)
{
    ag_event_unref (&self->started);
    ag_event_unref (&self->progress);
    ag_event_unref (&self->ended);
    ag_ring_clear (self->ring);
    ag_stream_count (self);
    ag_past_forget (self->hub->past, self);
}

void ag_stream_destroy (ag_stream_t **self_p)
{
    ag_stream_t *self = *self_p;
    if (self == NULL)
        return;
    ag_hub_t *hub = self->hub;
    s_forget_events (self);
    ag_map_remove (hub->streams, ag_stream_id (self));
    TAILQ_REMOVE (s_in_hub (self), self, in_hub);
    if (self->work != NULL) {
        TAILQ_REMOVE (&self->work->streams, self, in_work);
        ag_work_release (hub, self->work);
    }
    ag_ring_destroy (&self->ring);
    free (self->arrivals);
    hub->stats.streams--;
    free (self->id);
    free (self);
    *self_p = NULL;
}

void ag_stream_count (ag_stream_t *self)
{
    ag_hub_stats_t *stats = &self->hub->stats;
    stats->evicted += ag_ring_trim (self->ring);
    size_t bytes = ag_ring_bytes (self->ring), events = ag_ring_count (self->ring);
    if (bytes > 0 && self->counted_bytes == 0)
        TAILQ_INSERT_TAIL (s_in_memory (self), self, in_memory);
    if (bytes == 0 && self->counted_bytes > 0)
        TAILQ_REMOVE (s_in_memory (self), self, in_memory);
    stats->bytes += bytes - self->counted_bytes;
    stats->events += events - self->counted_events;
    self->counted_bytes = bytes;
    self->counted_events = events;
}

void ag_stream_note_arrival (ag_stream_t *self, int64_t now_us)
{
    if (self->arrivals == NULL)
        self->arrivals = ag_calloc (AG_ARRIVALS, sizeof *self->arrivals);
    ag_arrival_t *newest = &self->arrivals[(self->arrival_count - 1) % AG_ARRIVALS];
    if (self->arrival_count == 0 || now_us - newest->first_us >= AG_ARRIVAL_US) {
        newest = &self->arrivals[self->arrival_count++ % AG_ARRIVALS];
        newest->first_us = now_us;
    }
    newest->last = self->last;
}

int64_t ag_stream_arrival_us (const ag_stream_t *self, uint64_t seq)
{
    for (size_t i = self->arrival_count < AG_ARRIVALS ? 0 : self->arrival_count - AG_ARRIVALS; i < self->arrival_count; i++)
        if (self->arrivals[i % AG_ARRIVALS].last >= seq)
            return self->arrivals[i % AG_ARRIVALS].first_us + AG_ARRIVAL_US;
    return self->arrival_count ? INT64_MAX : 0;
}

uint64_t ag_stream_oldest (ag_stream_t *self)
{
    const ag_history_t *history = self->hub->options.history;
    ag_history_bounds_t held;
    if (history != NULL && history->bounds (history->context, ag_stream_id (self), self->epoch, &held) == 1
            && held.first != 0)
        return held.first;
    /*  What has left the ring is on its way there. */
    if (history != NULL && history->behind != NULL && history->behind (history->context)
            && ag_ring_trail_first (self->ring) < ag_ring_trail_end (self->ring))
        return ag_ring_trail_first (self->ring);
    return ag_ring_count (self->ring) ? ag_ring_first (self->ring) : self->last + 1;
}

/*  Who had not got all of the old epoch is told so, since its numbers end here. */
static void s_close_places (ag_stream_t *self)
{
    ag_lane_t *lane;
    ag_place_t *place;
    TAILQ_FOREACH (lane, &self->lanes, in_stream)
        TAILQ_FOREACH (place, &lane->all, in_lane) {
            if (place->state != AG_PLACE_ACTIVE)
                continue;
            uint64_t count[AG_KIND_COUNT] = { 0 };
            if (ag_place_count (place, place->at + 1, self->last, count) > 0)
                ag_client_gap (place->client, place, place->at + 1, self->last, AG_GAP_EVICTED, count,
                    self->hub->options.history != NULL);
        }
}

void ag_stream_renew (ag_stream_t *self, uint64_t epoch)
{
    if (self->epoch != 0)
        s_close_places (self);
    s_forget_events (self);
    self->epoch = epoch;
    self->last = self->first_put = self->held = 0;
    self->unread = false;
    self->over = false;
    self->arrival_count = 0;
    self->first_ts_us = self->last_ts_us = 0;
    memset (self->count, 0, sizeof self->count);
    self->version++;
    ag_lane_t *lane;
    ag_place_t *place;
    TAILQ_FOREACH (lane, &self->lanes, in_stream)
        TAILQ_FOREACH (place, &lane->all, in_lane)
            if (place->state != AG_PLACE_WAITING) {
                ag_place_settle (place);
                place->floor = place->critical = place->began = 0;
                ag_place_forget (place, 0);
            }
    s_resume_waiting (self);
    ag_stream_use (self, false, 0);
}

void ag_stream_adopt (ag_stream_t *self, ag_str_t work_order, bool is_run)
{
    if (self->work != NULL)
        return;
    self->is_run = is_run;
    self->unread = false;
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

static void s_slot_item (const ag_slot_t *slot, ag_item_t *item_r)
{
    *item_r = (ag_item_t) {
        .type = AG_ITEM_EVENT, .seq = slot->seq, .to = slot->seq, .class = slot->class, .key = slot->key,
        .text_bytes = slot->text_bytes, .arrived_us = slot->arrived_us, .event = slot->event, .slot = slot
    };
}

static void s_hole (uint64_t from, uint64_t to, ag_gap_reason_t reason, ag_item_t *item_r)
{
    *item_r = (ag_item_t) { .type = AG_ITEM_HOLE, .seq = from, .to = to, .reason = reason };
}

/*  What fell off the ring: its class is known, or that it never came. */
static void s_look_trail (ag_stream_t *self, uint64_t seq, ag_item_t *item_r)
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

static void s_look_before_ring (ag_stream_t *self, uint64_t seq, uint64_t limit, bool whole, ag_past_t *past,
    ag_item_t *item_r)
{
    uint64_t trail_first = ag_ring_trail_first (self->ring), trail_end = ag_ring_trail_end (self->ring);
    if (!whole && seq >= trail_first && seq < trail_end)
        s_look_trail (self, seq, item_r);
    else if (past != NULL)
        ag_past_look (past, self, seq, limit, item_r);
    else if (trail_first < trail_end && seq >= trail_end)
        s_hole (seq, limit, AG_GAP_LOST, item_r);       /* between the last that fell off and the oldest */
    else if (!whole && seq < trail_first && trail_first <= limit)
        s_hole (seq, trail_first - 1, AG_GAP_EVICTED, item_r);
    else
        s_hole (seq, limit, AG_GAP_EVICTED, item_r);
}

/*  The last seq that no ring holds: what is up to there has fallen off. */
static uint64_t s_before_ring (const ag_stream_t *self)
{
    return ag_ring_count (self->ring) ? ag_ring_first (self->ring) - 1 : self->last;
}

static void s_look_ring (ag_stream_t *self, uint64_t seq, ag_item_t *item_r)
{
    size_t count = ag_ring_count (self->ring);
    size_t index = ag_ring_find (self->ring, seq);
    if (index == count)
        s_hole (seq, self->last, AG_GAP_LOST, item_r);
    else if (ag_ring_slot (self->ring, index)->seq == seq)
        s_slot_item (ag_ring_slot (self->ring, index), item_r);
    else
        s_hole (seq, ag_ring_slot (self->ring, index)->seq - 1, AG_GAP_LOST, item_r);
}

static void s_look (ag_stream_t *self, uint64_t seq, bool whole, ag_past_t *past, ag_item_t *item_r)
{
    uint64_t before = s_before_ring (self);
    if (seq > self->last)
        *item_r = (ag_item_t) { .type = AG_ITEM_END, .seq = seq };
    else if (seq <= before)
        s_look_before_ring (self, seq, before, whole, past, item_r);
    else
        s_look_ring (self, seq, item_r);
}

void ag_stream_look (ag_stream_t *self, uint64_t seq, bool whole, ag_item_t *item_r)
{
    s_look (self, seq, whole, self->hub->past, item_r);
}

void ag_stream_remember (ag_stream_t *self, uint64_t seq, ag_item_t *item_r)
{
    s_look (self, seq, false, NULL, item_r);
}
