/*  feed/hub.c - runs x clients

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "feed/inside.h"
#include "feed/message.h"

enum { HEARTBEAT_US = 10 * 1000 * 1000 };

/* ---------------------------------------------------------------------- */
/*  Life */

ag_hub_t *ag_hub_new (const ag_hub_options_t *options)
{
    ag_hub_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->streams = ag_map_new ();
    self->works = ag_map_new ();
    self->places = ag_map_new ();
    TAILQ_INIT (&self->live);
    TAILQ_INIT (&self->ended);
    TAILQ_INIT (&self->live_memory);
    TAILQ_INIT (&self->ended_memory);
    TAILQ_INIT (&self->all_subs);
    TAILQ_INIT (&self->clients);
    TAILQ_INIT (&self->ready);
    TAILQ_INIT (&self->quiet);
    for (size_t i = 0; i < AG_WHEELS; i++) {
        TAILQ_INIT (&self->wheels[i].clients);
        self->wheels[i].due_us = INT64_MAX;
    }
    if (options->history != NULL)
        self->past = ag_past_new (options->history);
    self->frames = ag_frames_new (self);
    return self;
}

static void s_destroy_streams (struct ag_stream_list *streams)
{
    ag_stream_t *stream, *next;
    TAILQ_FOREACH_SAFE (stream, streams, in_hub, next)
        ag_stream_destroy (&stream);
}

void ag_hub_destroy (ag_hub_t **self_p)
{
    ag_hub_t *self = *self_p;
    if (self == NULL)
        return;
    s_destroy_streams (&self->live);
    s_destroy_streams (&self->ended);
    ag_frames_destroy (&self->frames);
    ag_past_destroy (&self->past);
    ag_map_destroy (&self->streams);
    ag_map_destroy (&self->works);
    ag_map_destroy (&self->places);
    ag_buf_free (&self->scratch);
    ag_buf_free (&self->cursor_bytes);
    ag_buf_free (&self->cursor_text);
    free (self);
    *self_p = NULL;
}

void ag_hub_set_wall_offset (ag_hub_t *self, int64_t wall_offset_us)
{
    self->options.wall_offset_us = wall_offset_us;
}

void ag_hub_timestamp (const ag_hub_t *self, int64_t now_us, char *text)
{
    ag_clock_format (now_us + self->options.wall_offset_us, text);
}

/* ---------------------------------------------------------------------- */
/*  Memory */

/*  The least recently used whose ring takes memory; the one that is being written last. */
static ag_stream_t *s_least_used (const struct ag_stream_list *streams, const ag_stream_t *writing)
{
    ag_stream_t *stream = TAILQ_FIRST (streams);
    return stream != NULL && stream == writing ? TAILQ_NEXT (stream, in_memory) : stream;
}

/*  Ended streams give way whole, live ones event by event, and with the last event all that
    the ring takes beside them. */
static void s_shrink (ag_hub_t *self, ag_stream_t *stream, bool whole)
{
    if (whole || ag_ring_count (stream->ring) <= 1) {
        self->stats.evicted += ag_ring_count (stream->ring);
        ag_ring_clear (stream->ring);
    } else {
        self->stats.evicted++;
        ag_ring_evict (stream->ring);
    }
    ag_stream_count (stream);
}

/*  The one that is being written keeps its newest. */
static bool s_shrink_one (ag_hub_t *self, ag_stream_t *writing)
{
    ag_stream_t *ended = s_least_used (&self->ended_memory, writing);
    ag_stream_t *live = ended ? NULL : s_least_used (&self->live_memory, writing);
    if (ended != NULL)
        s_shrink (self, ended, true);
    else if (live != NULL)
        s_shrink (self, live, false);
    else if (writing != NULL && ag_ring_count (writing->ring) > 1)
        s_shrink (self, writing, false);
    else
        return false;
    return true;
}

static void s_fit (ag_hub_t *self, ag_stream_t *writing)
{
    while (self->stats.bytes > self->options.total_bytes && s_shrink_one (self, writing))
        ;
}

/* ---------------------------------------------------------------------- */
/*  Events in */

/*  A late one is not the latest. */
static void s_keep (ag_event_t **slot, ag_event_t *event)
{
    if (*slot != NULL && ag_event_seq (*slot) > ag_event_seq (event))
        return;
    ag_event_ref (event);
    ag_event_unref (slot);
    *slot = event;
}

/*  What lists and overviews show of a stream. */
static void s_note (ag_stream_t *stream, ag_event_t *event)
{
    ag_kind_t kind = ag_event_kind (event);
    int64_t ts_us = ag_event_ts_us (event);
    stream->count[kind]++;
    if (stream->last_ts_us < ts_us)
        stream->last_ts_us = ts_us;
    if (stream->first_ts_us == 0 || ts_us < stream->first_ts_us)
        stream->first_ts_us = ts_us;
    if (kind == AG_RUN_STARTED)
        s_keep (&stream->started, event);
    if (kind == AG_PROGRESS_UPDATE)
        s_keep (&stream->progress, event);
    if (ag_kind_ends (kind))
        s_keep (&stream->ended, event);
}

/*  Every client may learn of a new work order; those who watch its stream get it there. */
static void s_announce_work (ag_hub_t *self, const ag_stream_t *stream, ag_event_t *event)
{
    ag_client_t *client;
    TAILQ_FOREACH (client, &self->clients, in_hub) {
        if (client->options.quiet || ag_place_find (client, stream) || !ag_client_may_see (client, stream))
            continue;
        /*  It cannot wait, having no place to wait at; but it makes no debt that events
            are not allowed to make, or a burst of them would silence the client. */
        if (ag_bucket_whole_with_debt (&client->live) > 0)
            ag_bucket_take (&client->live, 1);
        ag_client_say (client, ag_event_json (event));
    }
}

static ag_stream_t *s_stream_of (ag_hub_t *self, const ag_event_t *event, int64_t now_us)
{
    ag_str_t id = ag_event_stream (event), run = ag_event_run (event);
    ag_stream_t *stream = ag_stream_get (self, id);
    bool fresh = stream == NULL || stream->epoch == 0;
    stream = ag_stream_need (self, id, now_us);
    /*  The history may have been given this event a moment before us. */
    if (fresh && stream->epoch == ag_event_epoch (event) && stream->last >= ag_event_seq (event)) {
        stream->last = ag_event_seq (event) - 1;
        stream->over = false;
    }
    if (!stream->heard)
        stream->producer = AG_PRODUCER_ALIVE;
    /*  Whom we believed dead and who writes is not. */
    if (!stream->heard || stream->producer == AG_PRODUCER_LOST)
        ag_stream_use (stream, false, now_us);
    stream->heard = true;
    ag_stream_adopt (stream, ag_event_work_order (event), run.ptr != NULL && ag_str_eq (run, id));
    return stream;
}

/*  What was ever here begins and ends with this one, at the least. */
static void s_widen (ag_stream_t *stream, uint64_t seq)
{
    if (stream->first_put == 0 || seq < stream->first_put)
        stream->first_put = seq;
    if (seq > stream->held)
        stream->held = seq;
}

static void s_store (ag_hub_t *self, ag_stream_t *stream, ag_event_t *event, int64_t now_us)
{
    stream->last = ag_event_seq (event);
    s_widen (stream, stream->last);
    stream->version++;
    ag_stream_note_arrival (stream, now_us);
    self->stats.put++;
    self->stats.evicted += ag_ring_put (stream->ring, event, now_us);
    ag_stream_count (stream);
    s_note (stream, event);
    if (stream->is_run && ag_kind_ends (ag_event_kind (event)))
        stream->over = true;
    ag_stream_use (stream, stream->over || stream->ended_us, now_us);
}

void ag_hub_put (ag_hub_t *self, ag_event_t *event, int64_t now_us)
{
    ag_stream_t *stream = s_stream_of (self, event, now_us);
    uint64_t epoch = ag_event_epoch (event), seq = ag_event_seq (event);
    if (epoch > stream->epoch)
        ag_stream_renew (stream, epoch);
    if (epoch < stream->epoch || seq <= stream->last)
        return;
    uint64_t before = stream->last;
    s_store (self, stream, event, now_us);
    ag_places_wake (stream, before, seq, ag_class_of (event));
    if (ag_event_kind (event) == AG_WORK_ORDER_CREATED)
        s_announce_work (self, stream, event);
    s_fit (self, stream);
}

void ag_hub_lost (ag_hub_t *self, ag_str_t id, uint64_t epoch, uint64_t from, uint64_t to, int64_t now_us)
{
    ag_stream_t *stream = ag_stream_need (self, id, now_us);
    if (epoch > stream->epoch)
        ag_stream_renew (stream, epoch);
    if (epoch < stream->epoch || to <= stream->last || from > to)
        return;
    uint64_t before = stream->last > from - 1 ? stream->last : from - 1;
    stream->last = to;
    stream->version++;
    ag_places_wake (stream, before, before + 1, AG_CLASS_HOLE);
}

/* ---------------------------------------------------------------------- */
/*  Late events */

/*  Runs of numbers that came, one message each. */
static void s_say_repaired (ag_stream_t *stream, uint64_t from, uint64_t to)
{
    ag_buf_t *message = &stream->hub->scratch;
    ag_lane_t *lane;
    ag_place_t *place;
    ag_buf_clear (message);
    ag_message_gap_repaired (message, ag_stream_id (stream), stream->epoch, from, to);
    TAILQ_FOREACH (lane, &stream->lanes, in_stream)
        TAILQ_FOREACH (place, &lane->all, in_lane) {
            uint64_t epoch, at;
            if (!place->client->options.plain && place->state != AG_PLACE_WAITING
                    && ag_place_position (place, &epoch, &at) && at >= from)
                ag_client_say (place->client, (ag_str_t) { message->data, message->len });
        }
}

void ag_hub_repaired (ag_hub_t *self, ag_str_t id, uint64_t epoch, ag_event_t *const *events, size_t count,
    int64_t now_us)
{
    ag_stream_t *stream = ag_stream_get (self, id);
    if (stream == NULL || stream->epoch != epoch || count == 0)
        return;
    uint64_t from = ag_event_seq (events[0]), to = from;
    for (size_t i = 0; i < count; i++) {
        uint64_t seq = ag_event_seq (events[i]);
        if (seq > to + 1) {
            s_say_repaired (stream, from, to);
            from = seq;
        }
        to = seq;
        s_widen (stream, seq);
        ag_ring_insert (stream->ring, events[i], now_us);
        s_note (stream, events[i]);
    }
    s_say_repaired (stream, from, to);
    ag_stream_note_arrival (stream, now_us);
    stream->version++;
    ag_past_forget (self->past, stream);
    ag_stream_count (stream);
    s_fit (self, stream);
}

void ag_hub_stored (ag_hub_t *self, ag_str_t id, uint64_t epoch, uint64_t from, uint64_t to)
{
    ag_stream_t *stream = ag_stream_get (self, id);
    if (stream == NULL || stream->epoch != epoch)
        return;
    ag_past_forget (self->past, stream);
    s_say_repaired (stream, from, to);
}

/* ---------------------------------------------------------------------- */
/*  Writers */

/*  Each client says it in one heartbeat, however many of its writers change in a window. */
static void s_tell_producer (ag_stream_t *stream)
{
    ag_lane_t *lane;
    ag_place_t *place;
    TAILQ_FOREACH (lane, &stream->lanes, in_stream)
        TAILQ_FOREACH (place, &lane->all, in_lane)
            if (!place->client->options.plain && place->state != AG_PLACE_WAITING) {
                place->client->beat = true;
                ag_client_wake (place->client, false);
            }
}

void ag_hub_producer (ag_hub_t *self, ag_str_t id, ag_str_t work_order, ag_str_t run, uint64_t epoch,
    ag_producer_t state, int64_t now_us)
{
    ag_stream_t *stream = ag_stream_need (self, id, now_us);
    ag_stream_adopt (stream, work_order, run.ptr != NULL && ag_str_eq (run, id));
    if (epoch < stream->epoch)
        return;
    if (epoch > stream->epoch)
        ag_stream_renew (stream, epoch);
    bool changed = stream->heard && stream->producer != state;
    stream->producer = state;
    stream->heard = true;
    ag_stream_use (stream, stream->over || state == AG_PRODUCER_LOST || state == AG_PRODUCER_ENDED, now_us);
    if (changed)
        s_tell_producer (stream);
}

/* ---------------------------------------------------------------------- */
/*  Time */

/*  Places that only "*" asked for have nothing to expect of an ended stream. */
static void s_drop_overviews (ag_stream_t *stream)
{
    ag_lane_t *lane, *next_lane;
    ag_place_t *place, *next;
    TAILQ_FOREACH_SAFE (lane, &stream->lanes, in_stream, next_lane)
        TAILQ_FOREACH_SAFE (place, &lane->all, in_lane, next)
            if (!place->resumable && place->state == AG_PLACE_IDLE)
                ag_place_destroy (&place);
}

static void s_retire (ag_stream_t *stream)
{
    ag_ring_clear (stream->ring);
    ag_stream_count (stream);
    s_drop_overviews (stream);
    if (TAILQ_EMPTY (&stream->lanes))
        ag_stream_destroy (&stream);
}

void ag_hub_housekeep (ag_hub_t *self, int64_t now_us)
{
    ag_stream_t *stream, *next;
    TAILQ_FOREACH_SAFE (stream, &self->live, in_hub, next)
        if (stream->unread)
            ag_stream_recall (stream, now_us);
    TAILQ_FOREACH_SAFE (stream, &self->ended, in_hub, next)
        if (now_us - stream->ended_us >= self->options.retention_us)
            s_retire (stream);
    s_fit (self, NULL);
    ag_past_forget (self->past, NULL);
    ag_frames_forget (self->frames);
}

ag_client_t *ag_hub_pop_ready (ag_hub_t *self)
{
    ag_client_t *client = TAILQ_FIRST (&self->ready);
    if (client == NULL)
        return NULL;
    TAILQ_REMOVE (&self->ready, client, in_ready);
    client->ready = false;
    client->woken = true;
    return client;
}

ag_wheel_t *ag_hub_wheel (ag_hub_t *self, int64_t window_us)
{
    for (size_t i = 0; i < AG_WHEELS; i++) {
        ag_wheel_t *wheel = &self->wheels[i];
        if (wheel->window_us == 0 || TAILQ_EMPTY (&wheel->clients))
            wheel->window_us = wheel->window_us == window_us ? window_us : 0;
    }
    for (size_t i = 0; i < AG_WHEELS; i++)
        if (self->wheels[i].window_us == window_us)
            return &self->wheels[i];
    for (size_t i = 0; i < AG_WHEELS; i++)
        if (self->wheels[i].window_us == 0) {
            self->wheels[i].window_us = window_us;
            return &self->wheels[i];
        }
    return &self->wheels[AG_WHEELS - 1];
}

int64_t ag_hub_next_tick_us (const ag_hub_t *self)
{
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < AG_WHEELS; i++)
        if (self->wheels[i].due_us < next_us)
            next_us = self->wheels[i].due_us;
    const ag_client_t *quiet = TAILQ_FIRST (&self->quiet);
    if (quiet != NULL && quiet->said_us + HEARTBEAT_US < next_us)
        next_us = quiet->said_us + HEARTBEAT_US;
    return next_us;
}

static void s_turn_wheel (ag_wheel_t *wheel, int64_t now_us)
{
    ag_client_t *client, *next;
    TAILQ_FOREACH_SAFE (client, &wheel->clients, in_wheel, next)
        ag_client_tick (client);
    wheel->due_us = TAILQ_EMPTY (&wheel->clients) ? INT64_MAX : (now_us / wheel->window_us + 1) * wheel->window_us;
}

static void s_break_silence (ag_hub_t *self, int64_t now_us)
{
    ag_client_t *client;
    while ((client = TAILQ_FIRST (&self->quiet)) != NULL && client->said_us + HEARTBEAT_US <= now_us) {
        if (client->options.plain || client->stalled || ag_outbox_count (&client->control) > 0)
            ag_client_said (client, now_us);
        else
            ag_client_heartbeat (client, now_us);
    }
}

void ag_hub_tick (ag_hub_t *self, int64_t now_us)
{
    for (size_t i = 0; i < AG_WHEELS; i++)
        if (self->wheels[i].due_us <= now_us)
            s_turn_wheel (&self->wheels[i], now_us);
    s_break_silence (self, now_us);
}

/* ---------------------------------------------------------------------- */
/*  Lists */

static bool s_each (const struct ag_stream_list *streams, ag_hub_stream_fn *fn, void *context)
{
    const ag_stream_t *stream;
    TAILQ_FOREACH (stream, streams, in_hub) {
        ag_stream_info_t info;
        ag_stream_info (stream, &info);
        if (stream->epoch != 0 && !fn (context, &info))
            return false;
    }
    return true;
}

void ag_hub_each_stream (const ag_hub_t *self, ag_hub_stream_fn *fn, void *context)
{
    if (s_each (&self->live, fn, context))
        s_each (&self->ended, fn, context);
}

bool ag_hub_stream (const ag_hub_t *self, ag_str_t id, ag_stream_info_t *info_r)
{
    const ag_stream_t *stream = ag_map_get (self->streams, id);
    if (stream == NULL || stream->epoch == 0)
        return false;
    ag_stream_info (stream, info_r);
    return true;
}

void ag_hub_stats (const ag_hub_t *self, ag_hub_stats_t *stats_r)
{
    *stats_r = self->stats;
}
