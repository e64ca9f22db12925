/*  feed/place.c - one client's position in one stream

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "feed/inside.h"

/* ---------------------------------------------------------------------- */
/*  Lanes and lists */

static ag_lane_t *s_lane_need (ag_stream_t *stream, ag_filter_t filter)
{
    ag_lane_t *lane;
    TAILQ_FOREACH (lane, &stream->lanes, in_stream)
        if (lane->filter == filter)
            return lane;
    lane = ag_calloc (1, sizeof *lane);
    lane->stream = stream;
    lane->filter = filter;
    TAILQ_INIT (&lane->all);
    TAILQ_INIT (&lane->idle);
    TAILQ_INSERT_TAIL (&stream->lanes, lane, in_stream);
    return lane;
}

/*  The list that it hangs in because of its state. */
static struct ag_place_list *s_list (ag_place_t *self)
{
    switch (self->state) {
    case AG_PLACE_IDLE:
        return &self->lane->idle;
    case AG_PLACE_ACTIVE:
        return &self->client->active;
    default:
        return &self->stream->waiting;
    }
}

static void s_set_state (ag_place_t *self, ag_place_state_t state)
{
    TAILQ_REMOVE (s_list (self), self, by_state);
    self->state = state;
    TAILQ_INSERT_TAIL (s_list (self), self, by_state);
}

static void s_enter_lane (ag_place_t *self, ag_filter_t filter)
{
    self->lane = s_lane_need (self->stream, filter);
    TAILQ_INSERT_TAIL (&self->lane->all, self, in_lane);
    TAILQ_INSERT_TAIL (s_list (self), self, by_state);
}

static void s_leave_lane (ag_place_t *self)
{
    ag_lane_t *lane = self->lane;
    TAILQ_REMOVE (s_list (self), self, by_state);
    TAILQ_REMOVE (&lane->all, self, in_lane);
    if (TAILQ_EMPTY (&lane->all)) {
        TAILQ_REMOVE (&self->stream->lanes, lane, in_stream);
        free (lane);
    }
    self->lane = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Life */

typedef struct {
    const ag_client_t *client;
    const ag_stream_t *stream;
} s_key_t;

_Static_assert (offsetof (ag_place_t, client) == 0 && offsetof (ag_place_t, stream) == offsetof (s_key_t, stream),
    "a place begins with its key");

static ag_str_t s_key (const void *key)
{
    return (ag_str_t) { key, sizeof (s_key_t) };
}

ag_place_t *ag_place_find (const ag_client_t *client, const ag_stream_t *stream)
{
    s_key_t key = { client, stream };
    return ag_map_get (client->hub->places, s_key (&key));
}

ag_place_t *ag_place_new (ag_client_t *client, ag_stream_t *stream, ag_filter_t filter)
{
    ag_place_t *self = ag_calloc (1, sizeof *self);
    self->client = client;
    self->stream = stream;
    self->began = stream->last;
    self->state = AG_PLACE_IDLE;
    s_enter_lane (self, filter);
    TAILQ_INSERT_TAIL (&client->places, self, in_client);
    ag_map_put (client->hub->places, s_key (self), self);
    return self;
}

static void s_replay (ag_place_t *self, bool replay)
{
    if (self->replay == replay)
        return;
    self->replay = replay;
    ag_client_replay (self->client, self);
}

void ag_place_destroy (ag_place_t **self_p)
{
    ag_place_t *self = *self_p;
    if (self == NULL)
        return;
    s_replay (self, false);
    ag_stream_t *stream = self->stream;
    s_leave_lane (self);
    ag_place_set_resumable (self, false);
    TAILQ_REMOVE (&self->client->places, self, in_client);
    ag_map_remove (self->client->hub->places, s_key (self));
    free (self);
    *self_p = NULL;
    /*  Nobody but us had ever asked for it. */
    if (stream->work == NULL && TAILQ_EMPTY (&stream->lanes))
        ag_stream_destroy (&stream);
}

/*  Writes down what was sent since it began, and begins anew here. */
static void s_close_segment (ag_place_t *self)
{
    uint64_t epoch, here;
    if (self->state == AG_PLACE_WAITING || !ag_place_position (self, &epoch, &here))
        return;
    if (!self->gapped && self->began < here) {
        if (self->had_count == AG_HAD_MAX)
            memmove (self->had, self->had + 1, --self->had_count * sizeof *self->had);
        self->had[self->had_count++] = (ag_had_t) { self->began, here, self->lane->filter };
        self->had_to = here > self->had_to ? here : self->had_to;
    }
    self->began = here;
    self->gapped = self->shed.to > here;
}

/*  Of what was written down, that which begins before `from`, and that only up to `to`. */
static void s_keep_had (ag_place_t *self, uint64_t from, uint64_t to)
{
    size_t kept = 0;
    self->had_to = 0;
    for (size_t i = 0; i < self->had_count; i++) {
        ag_had_t had = self->had[i];
        if (had.to > to)
            had.to = to;
        if (had.from >= from || had.from >= had.to)
            continue;
        self->had[kept++] = had;
        self->had_to = had.to > self->had_to ? had.to : self->had_to;
    }
    self->had_count = kept;
}

void ag_place_forget (ag_place_t *self, uint64_t seq)
{
    s_close_segment (self);
    s_keep_had (self, UINT64_MAX, seq);
}

void ag_place_set_filter (ag_place_t *self, ag_filter_t filter)
{
    if (self->lane->filter == filter)
        return;
    s_close_segment (self);
    s_leave_lane (self);
    s_enter_lane (self, filter);
}

void ag_place_set_resumable (ag_place_t *self, bool resumable)
{
    if (self->resumable == resumable)
        return;
    ag_client_t *client = self->client;
    size_t bytes = AG_CURSOR_POSITION_BYTES + self->stream->id_len;
    self->resumable = resumable;
    client->cursor_bytes += resumable ? bytes : -bytes;
    if (resumable)
        TAILQ_INSERT_TAIL (&client->resumable, self, in_cursor);
    else
        TAILQ_REMOVE (&client->resumable, self, in_cursor);
}

void ag_place_activate (ag_place_t *self, uint64_t at)
{
    s_set_state (self, AG_PLACE_ACTIVE);
    self->epoch = self->stream->epoch;
    self->at = at;
    self->oldest_us = 0;
}

void ag_place_settle (ag_place_t *self)
{
    s_set_state (self, AG_PLACE_IDLE);
    self->critical = 0;
    self->shed.to = 0;
    /*  All from where it began on was sent now; what had been before that is of no interest. */
    s_keep_had (self, self->began, UINT64_MAX);
    s_replay (self, false);
}

/*  One that goes on waiting keeps its turn: whoever walks the list of those that wait
    would meet it again behind itself, for ever. */
static void s_wait (ag_place_t *self, uint64_t epoch, uint64_t seq)
{
    if (self->state != AG_PLACE_WAITING)
        s_set_state (self, AG_PLACE_WAITING);
    self->epoch = epoch;
    self->at = seq;
    s_replay (self, false);
}

void ag_place_resume (ag_place_t *self, uint64_t epoch, uint64_t seq)
{
    ag_stream_t *stream = self->stream;
    self->exact = true;
    self->critical = self->shed.to = 0;
    if (stream->epoch == 0 || epoch > stream->epoch) {
        s_wait (self, epoch, seq);
        return;
    }
    if (epoch != 0 && epoch < stream->epoch)
        seq = 0;
    self->floor = seq > stream->last ? seq : 0;
    self->began = seq;
    self->gapped = false;
    if (seq >= stream->last) {
        ag_place_settle (self);
        return;
    }
    s_replay (self, true);
    ag_place_activate (self, seq);
    ag_client_wake (self->client, true);
}

void ag_place_rewind (ag_place_t *self, uint64_t epoch, uint64_t seq)
{
    s_close_segment (self);
    ag_place_resume (self, epoch, seq);
}

/* ---------------------------------------------------------------------- */
/*  Reading */

bool ag_place_position (const ag_place_t *self, uint64_t *epoch_r, uint64_t *seq_r)
{
    *epoch_r = self->state == AG_PLACE_IDLE ? self->stream->epoch : self->epoch;
    *seq_r = self->state == AG_PLACE_IDLE ? self->stream->last : self->at;
    if (self->state != AG_PLACE_WAITING && *seq_r < self->floor)
        *seq_r = self->floor;
    /*  Waiting for whichever epoch comes first, from a seq on. */
    return *epoch_r != 0 || *seq_r != 0;
}

bool ag_shed_drops (const ag_shed_t *shed, uint64_t seq, ag_priority_t priority)
{
    if (seq > shed->to)
        return false;
    return priority > shed->priority || (priority == shed->priority && seq < shed->from);
}

static bool s_had (const ag_place_t *self, uint64_t seq, uint8_t class)
{
    for (size_t i = 0; i < self->had_count; i++)
        if (seq > self->had[i].from && seq <= self->had[i].to && ag_filter_passes (self->had[i].filter, class))
            return true;
    return false;
}

ag_verdict_t ag_place_verdict (const ag_place_t *self, uint64_t seq, uint8_t class)
{
    if (!ag_filter_passes (self->lane->filter, class))
        return AG_VERDICT_FILTERED;
    if (seq <= self->had_to && s_had (self, seq, class))
        return AG_VERDICT_FILTERED;
    if (seq <= self->shed.to && ag_shed_drops (&self->shed, seq, ag_class_priority (class)))
        return AG_VERDICT_SHED;
    return AG_VERDICT_KEEP;
}

bool ag_place_may_pass (ag_place_t *self, const ag_item_t *item)
{
    if (item->event == NULL || item->slot != NULL)
        return true;
    if (ag_bucket_whole (&self->client->passed) == 0)
        return false;
    ag_bucket_take (&self->client->passed, 1);
    return true;
}

/*  Who wants few of very many must not hold up all others. */
void ag_place_look (ag_place_t *self, uint64_t seq, ag_item_t *item_r)
{
    ag_stream_look (self->stream, seq, false, item_r);
    while (item_r->type == AG_ITEM_EVENT && ag_place_verdict (self, item_r->seq, item_r->class) != AG_VERDICT_KEEP) {
        if (!ag_place_may_pass (self, item_r)) {
            *item_r = (ag_item_t) { .type = AG_ITEM_BUSY, .seq = item_r->seq };
            return;
        }
        ag_stream_look (self->stream, item_r->seq + 1, false, item_r);
    }
    if (item_r->type == AG_ITEM_EVENT && item_r->event == NULL)
        ag_stream_look (self->stream, item_r->seq, true, item_r);
}

uint64_t ag_place_count (ag_place_t *self, uint64_t from, uint64_t to, uint64_t count[AG_KIND_COUNT])
{
    uint64_t sum = 0;
    ag_item_t item;
    for (uint64_t seq = from; seq <= to; seq = item.to + 1) {
        ag_stream_remember (self->stream, seq, &item);
        uint64_t end = item.to < to ? item.to : to;
        if (item.type == AG_ITEM_END)
            break;
        uint64_t n = end - seq + 1;
        ag_kind_t kind = AG_KIND_UNKNOWN;
        if (item.type == AG_ITEM_EVENT) {
            n = ag_place_verdict (self, seq, item.class) == AG_VERDICT_KEEP;
            kind = ag_class_kind (item.class);
        }
        count[kind] += n;
        sum += n;
    }
    return sum;
}

/* ---------------------------------------------------------------------- */
/*  Waking */

/*  An idle place has all up to the head that was, or up to where its client said; only one that
    came with a position cares for numbers that were never here. */
static void s_wake_idle (ag_lane_t *lane, uint64_t before, uint64_t seq)
{
    ag_place_t *place, *next;
    TAILQ_FOREACH_SAFE (place, &lane->idle, by_state, next) {
        if (place->floor >= lane->stream->last)
            continue;
        uint64_t known = before > place->floor ? before : place->floor;
        ag_place_activate (place, place->exact ? known : seq - 1);
        ag_client_wake (place->client, false);
    }
}

static void s_wake_critical (ag_lane_t *lane, uint64_t seq)
{
    ag_place_t *place;
    TAILQ_FOREACH (place, &lane->all, in_lane)
        if (place->state == AG_PLACE_ACTIVE && place->floor < seq) {
            place->critical = seq;
            ag_client_wake (place->client, true);
        }
}

void ag_places_wake (ag_stream_t *stream, uint64_t before, uint64_t seq, uint8_t class)
{
    bool critical = class != AG_CLASS_HOLE && ag_class_priority (class) == AG_CRITICAL;
    ag_lane_t *lane;
    TAILQ_FOREACH (lane, &stream->lanes, in_stream) {
        if (class != AG_CLASS_HOLE && !ag_filter_passes (lane->filter, class))
            continue;
        s_wake_idle (lane, before, seq);
        if (critical)
            s_wake_critical (lane, seq);
    }
}
