/*  feed/client.c - one viewer: what to send, and when to ask again

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

enum {
    SKIPPED_US = 1000 * 1000,
    REPLAY_FACTOR = 20,
    REPLAY_BYTES_PER_SECOND = 4 * 1024 * 1024,
    PASSED_PER_SECOND = 15000,  /* events read from the history that are not for it ... */
    PASSED_AT_ONCE = 1500,      /* ... some 4 ms of work */
    STRETCH = 4,                /* windows of a client whose socket does not drain */
    STRETCHED_MAX_US = 1000 * 1000
};

/* ---------------------------------------------------------------------- */
/*  Life */

static uint32_t s_rate (const ag_client_t *self)
{
    uint32_t hub = self->hub->options.rate_limit, own = self->options.rate_limit;
    if (hub == 0)
        return own;
    return own != 0 && own < hub ? own : hub;
}

static uint32_t s_replay_rate (uint32_t rate)
{
    return rate < UINT32_MAX / REPLAY_FACTOR ? rate * REPLAY_FACTOR : UINT32_MAX;
}

ag_client_t *ag_client_new (ag_hub_t *hub, const ag_client_options_t *options, void *user, int64_t now_us)
{
    ag_client_t *self = ag_calloc (1, sizeof *self);
    self->hub = hub;
    self->user = user;
    self->options = *options;
    uint32_t rate = s_rate (self);
    ag_bucket_init (&self->live, rate, rate, now_us);
    ag_bucket_init (&self->replay, s_replay_rate (rate), s_replay_rate (rate), now_us);
    ag_bucket_init (&self->replay_bytes, rate ? REPLAY_BYTES_PER_SECOND : 0, REPLAY_BYTES_PER_SECOND, now_us);
    ag_bucket_init (&self->passed, PASSED_PER_SECOND, PASSED_AT_ONCE, now_us);
    TAILQ_INIT (&self->subs);
    TAILQ_INIT (&self->places);
    TAILQ_INIT (&self->resumable);
    TAILQ_INIT (&self->active);
    TAILQ_INSERT_TAIL (&hub->clients, self, in_hub);
    self->said_us = now_us;
    self->beat_us = now_us - STRETCHED_MAX_US;
    self->skipped_us = now_us - SKIPPED_US;
    TAILQ_INSERT_TAIL (&hub->quiet, self, in_quiet);
    hub->stats.clients++;
    return self;
}

void ag_client_destroy (ag_client_t **self_p)
{
    ag_client_t *self = *self_p;
    if (self == NULL)
        return;
    /*  Places first: else each subscription that goes looks at all of them. */
    ag_place_t *place, *next;
    TAILQ_FOREACH_SAFE (place, &self->places, in_client, next)
        ag_place_destroy (&place);
    while (!TAILQ_EMPTY (&self->subs))
        ag_client_drop (self, TAILQ_FIRST (&self->subs));
    ag_client_leave_wheel (self);
    if (self->ready)
        TAILQ_REMOVE (&self->hub->ready, self, in_ready);
    TAILQ_REMOVE (&self->hub->quiet, self, in_quiet);
    TAILQ_REMOVE (&self->hub->clients, self, in_hub);
    self->hub->stats.clients--;
    ag_outbox_free (&self->control);
    ag_outbox_free (&self->going);
    ag_buf_free (&self->lent);
    free (self);
    *self_p = NULL;
}

void *ag_client_user (const ag_client_t *self)
{
    return self->user;
}

void ag_client_set_options (ag_client_t *self, const ag_client_options_t *options, int64_t now_us)
{
    bool plain = self->sub_count > 0 ? self->options.plain : options->plain;
    self->options = *options;
    self->options.plain = plain;
    uint32_t rate = s_rate (self);
    ag_bucket_set_rate (&self->live, rate, rate, now_us);
    ag_bucket_set_rate (&self->replay, s_replay_rate (rate), s_replay_rate (rate), now_us);
    ag_bucket_set_rate (&self->replay_bytes, rate ? REPLAY_BYTES_PER_SECOND : 0, REPLAY_BYTES_PER_SECOND, now_us);
    if (rate == 0)
        self->shedding = false;
}

size_t ag_client_subscriptions (const ag_client_t *self)
{
    return self->sub_count;
}

bool ag_client_may_see (const ag_client_t *self, const ag_stream_t *stream)
{
    const ag_hub_options_t *options = &self->hub->options;
    if (options->may_see == NULL || stream->work == NULL)
        return true;
    return options->may_see (self->user, (ag_str_t) { stream->work->id, stream->work->id_len });
}

/* ---------------------------------------------------------------------- */
/*  Ready, paced, quiet */

void ag_client_wake (ag_client_t *self, bool urgent)
{
    if (self->ready || self->woken || (!urgent && self->due_us > 0))
        return;
    self->ready = true;
    TAILQ_INSERT_TAIL (&self->hub->ready, self, in_ready);
}

static int64_t s_window (const ag_client_t *self)
{
    int64_t window_us = self->options.batch_us ? self->options.batch_us : self->hub->options.batch_us;
    if (!self->stalled || window_us >= STRETCHED_MAX_US)
        return window_us;
    return window_us * STRETCH < STRETCHED_MAX_US ? window_us * STRETCH : STRETCHED_MAX_US;
}

void ag_client_join_wheel (ag_client_t *self, bool paced, int64_t now_us)
{
    int64_t window_us = s_window (self);
    ag_wheel_t *wheel = ag_hub_wheel (self->hub, window_us);
    if (self->wheel != wheel) {
        ag_client_leave_wheel (self);
        self->wheel = wheel;
        TAILQ_INSERT_TAIL (&wheel->clients, self, in_wheel);
    }
    int64_t due_us = (now_us / wheel->window_us + 1) * wheel->window_us;
    if (wheel->due_us > due_us)
        wheel->due_us = due_us;
    self->due_us = paced ? due_us : 0;
}

void ag_client_leave_wheel (ag_client_t *self)
{
    if (self->wheel == NULL)
        return;
    TAILQ_REMOVE (&self->wheel->clients, self, in_wheel);
    if (TAILQ_EMPTY (&self->wheel->clients))
        self->wheel->due_us = INT64_MAX;
    self->wheel = NULL;
    self->due_us = 0;
}

/*  Or messages about them. */
static bool s_has_events (const ag_client_t *self)
{
    return !TAILQ_EMPTY (&self->active) || ag_outbox_count (&self->control) > 0 || self->skipped_total > 0;
}

/*  A tick with nothing: it has caught up, and the next event goes at once. */
void ag_client_tick (ag_client_t *self)
{
    bool events = s_has_events (self);
    if (TAILQ_EMPTY (&self->active))
        self->shedding = false;
    if (!events)
        self->due_us = 0;
    if (events || self->beat)
        ag_client_wake (self, true);
    else
        ag_client_leave_wheel (self);
}

/* ---------------------------------------------------------------------- */
/*  What it says of itself */

void ag_client_say (ag_client_t *self, ag_str_t json)
{
    ag_outbox_add (&self->control, json);
    ag_client_wake (self, true);
}

static void s_add_positions (const ag_client_t *self, ag_buf_t *bytes, bool going_on, bool over)
{
    const ag_place_t *place;
    TAILQ_FOREACH (place, &self->resumable, in_cursor) {
        uint64_t epoch, seq;
        if ((place->stream->over ? over : going_on) && ag_place_position (place, &epoch, &seq))
            ag_cursor_add (bytes, ag_stream_id (place->stream), epoch, seq);
    }
}

/*  Has a subscription before this one the position too? */
static bool s_is_named_before (const ag_client_t *self, const ag_sub_t *last, ag_str_t stream)
{
    const ag_sub_t *sub;
    TAILQ_FOREACH (sub, &self->subs, in_client) {
        if (sub == last)
            break;
        if (sub->unmet && ag_cursor_find (sub->after, stream) != NULL)
            return true;
    }
    return false;
}

/*  A gateway that has just begun knows few of the streams that its clients come back
    with: those positions stay as they came. */
static void s_add_unmet (const ag_client_t *self, ag_sub_t *sub, ag_buf_t *bytes)
{
    bool unmet = false;
    for (size_t i = 0; i < ag_cursor_count (sub->after); i++) {
        const ag_cursor_position_t *position = ag_cursor_nth (sub->after, i);
        const ag_stream_t *stream = ag_stream_get (self->hub, position->stream);
        if (stream != NULL && (stream->work != NULL || ag_place_find (self, stream) != NULL))
            continue;
        unmet = true;
        if (position->seq != 0 && !s_is_named_before (self, sub, position->stream))
            ag_cursor_add (bytes, position->stream, position->epoch, position->seq);
    }
    sub->unmet = unmet;
}

size_t ag_client_unmet_bytes (const ag_client_t *self)
{
    size_t bytes = 0;
    const ag_sub_t *sub;
    TAILQ_FOREACH (sub, &self->subs, in_client)
        for (size_t i = 0; sub->unmet && i < ag_cursor_count (sub->after); i++)
            bytes += ag_cursor_nth (sub->after, i)->stream.len + AG_CURSOR_POSITION_BYTES;
    return bytes;
}

/*  When not all fit, those that go on are more use; the others will come again from 1. */
void ag_client_cursor (const ag_client_t *self, ag_buf_t *out)
{
    ag_buf_t *bytes = &self->hub->cursor_bytes;
    ag_cursor_begin (bytes);
    if (ag_cursor_fits (self->cursor_bytes))
        s_add_positions (self, bytes, true, true);
    else {
        s_add_positions (self, bytes, true, false);
        s_add_positions (self, bytes, false, true);
    }
    ag_sub_t *sub;
    TAILQ_FOREACH (sub, &self->subs, in_client)
        if (sub->unmet)
            s_add_unmet (self, sub, bytes);
    ag_cursor_end (bytes, out);
}

/*  Its cursor now; lent until the next. */
ag_str_t ag_client_cursor_text (const ag_client_t *self)
{
    ag_buf_t *text = &self->hub->cursor_text;
    ag_buf_clear (text);
    ag_client_cursor (self, text);
    return (ag_str_t) { text->data, text->len };
}

/*  The work order that the skipped events are of; none when they are of several. */
static void s_note_skipped (ag_client_t *self, const ag_work_t *work, uint64_t total)
{
    if (self->skipped_total == 0 && work != NULL && work->id_len <= sizeof self->skipped_work) {
        memcpy (self->skipped_work, work->id, work->id_len);
        self->skipped_work_len = work->id_len;
    }
    else if (work == NULL || !ag_str_eq ((ag_str_t) { self->skipped_work, self->skipped_work_len },
            (ag_str_t) { work->id, work->id_len }))
        self->skipped_work_len = 0;
    self->skipped_total += total;
}

/*  Non-plain clients learn a stream's epoch before its first event, or gap. */
static void s_announce (ag_client_t *self, ag_place_t *place, uint64_t first)
{
    if (place->announced == place->epoch)
        return;
    place->announced = place->epoch;
    if (self->options.plain)
        return;
    ag_stream_info_t info;
    ag_stream_info (place->stream, &info);
    ag_buf_t *message = &self->hub->scratch;
    ag_buf_clear (message);
    ag_message_stream_started (message, &info, first);
    ag_outbox_add (&self->control, (ag_str_t) { message->data, message->len });
}

void ag_client_gap (ag_client_t *self, ag_place_t *place, uint64_t from, uint64_t to, ag_gap_reason_t reason,
    const uint64_t count[AG_KIND_COUNT], bool recoverable)
{
    const ag_stream_t *stream = place->stream;
    uint64_t total = 0;
    for (int kind = 0; kind < AG_KIND_COUNT; kind++) {
        total += count[kind];
        self->skipped[kind] += self->options.plain ? count[kind] : 0;
    }
    place->gapped = true;
    self->lagging |= reason == AG_GAP_RATE && self->stalled;
    self->hub->stats.shed += total;
    self->hub->stats.gaps++;
    if (self->options.plain) {
        s_note_skipped (self, stream->work, total);
        return;
    }
    s_announce (self, place, from <= place->at ? from : place->at + 1);
    ag_gap_t gap = {
        .stream = ag_stream_id (stream), .epoch = place->epoch, .from = from, .to = to, .reason = reason,
        .count = count, .cursor = ag_client_cursor_text (self), .recoverable = recoverable
    };
    ag_buf_t *message = &self->hub->scratch;
    ag_buf_clear (message);
    ag_message_gap (message, &gap);
    ag_outbox_add (&self->control, (ag_str_t) { message->data, message->len });
}

void ag_client_heartbeat (ag_client_t *self, int64_t now_us)
{
    ag_buf_t *message = &self->hub->scratch;
    ag_place_t *place;
    ag_buf_clear (message);
    ag_message_heartbeat_begin (message);
    TAILQ_FOREACH (place, &self->places, in_client)
        if (place->stream->epoch != 0)
            ag_message_heartbeat_head (message, ag_stream_id (place->stream), place->stream->last);
    ag_message_heartbeat_producers (message);
    TAILQ_FOREACH (place, &self->places, in_client)
        if (place->stream->epoch != 0)
            ag_message_heartbeat_producer (message, ag_stream_id (place->stream), place->stream->producer);
    char timestamp[AG_TIMESTAMP_SIZE];
    ag_hub_timestamp (self->hub, now_us, timestamp);
    ag_message_heartbeat_end (message, timestamp);
    self->beat = false;
    self->beat_us = now_us;
    ag_client_said (self, now_us);
    ag_client_say (self, (ag_str_t) { message->data, message->len });
}

/*  It names all streams of the client, so one from tick to tick must do. */
static void s_tell_producers (ag_client_t *self, int64_t now_us)
{
    int64_t window_us = s_window (self);
    if (self->beat && now_us >= self->due_us && now_us / window_us != self->beat_us / window_us)
        ag_client_heartbeat (self, now_us);
}

/*  Something goes out: the next heartbeat is far. */
void ag_client_said (ag_client_t *self, int64_t now_us)
{
    self->said_us = now_us;
    TAILQ_REMOVE (&self->hub->quiet, self, in_quiet);
    TAILQ_INSERT_TAIL (&self->hub->quiet, self, in_quiet);
}

static void s_tell_skipped (ag_client_t *self, int64_t now_us)
{
    if (self->skipped_total == 0 || now_us - self->skipped_us < SKIPPED_US)
        return;
    char timestamp[AG_TIMESTAMP_SIZE];
    ag_hub_timestamp (self->hub, now_us, timestamp);
    ag_buf_t *message = &self->hub->scratch;
    ag_buf_clear (message);
    ag_str_t work_order = { self->skipped_work, self->skipped_work_len };
    if (self->skipped_work_len == 0)
        work_order.ptr = NULL;
    ag_message_skipped (message, work_order, self->skipped, self->skipped_total, timestamp);
    ag_outbox_add (&self->control, (ag_str_t) { message->data, message->len });
    memset (self->skipped, 0, sizeof self->skipped);
    self->skipped_total = 0;
    self->skipped_us = now_us;
}

/* ---------------------------------------------------------------------- */
/*  Backpressure */

static void s_tell_flow (ag_client_t *self, int64_t now_us)
{
    static const char *const names[] = { "ok", "slow", "shedding" };
    int flow = !self->stalled ? 0 : self->lagging ? 2 : 1;
    if (flow == self->flow || self->options.plain)
        return;
    self->flow = flow;
    uint64_t lag = 0;
    int64_t oldest_us = now_us;
    ag_place_t *place;
    TAILQ_FOREACH (place, &self->active, by_state) {
        lag += place->stream->last - place->at;
        if (place->oldest_us != 0 && place->oldest_us < oldest_us)
            oldest_us = place->oldest_us;
    }
    ag_buf_t *message = &self->hub->scratch;
    ag_buf_clear (message);
    ag_message_backpressure (message, names[flow], lag, (now_us - oldest_us) / 1000);
    ag_outbox_add (&self->control, (ag_str_t) { message->data, message->len });
}

void ag_client_set_stalled (ag_client_t *self, bool stalled, int64_t now_us)
{
    if (self->stalled == stalled)
        return;
    self->stalled = stalled;
    self->lagging = false;
    s_tell_flow (self, now_us);
    /*  What has waited need not wait for a tick; else the next tick is a later one. */
    if (!stalled)
        ag_client_leave_wheel (self);
    else if (self->wheel != NULL)
        ag_client_join_wheel (self, self->due_us > 0, now_us);
    ag_client_wake (self, true);
}

/* ---------------------------------------------------------------------- */
/*  Sending */

/*  Numbers that are not to be had. Nothing is said when all that passes the filter is known
    and none of it is among them. */
static void s_pass_hole (ag_client_t *self, ag_place_t *place, const ag_item_t *item)
{
    uint64_t count[AG_KIND_COUNT] = { 0 };
    if (ag_place_count (place, item->seq, item->to, count) > 0) {
        place->at = item->to;
        ag_client_gap (self, place, item->seq, item->to, item->reason, count, item->recoverable);
    }
    place->at = item->to;
}

/*  Moves a place to the first event that it has to send; holes on the way are told. */
static void s_advance (ag_client_t *self, ag_place_t *place)
{
    ag_item_t item;
    for (;;) {
        ag_place_look (place, place->at + 1, &item);
        if (item.type == AG_ITEM_HOLE) {
            s_pass_hole (self, place, &item);
            continue;
        }
        if (item.type == AG_ITEM_END)
            ag_place_settle (place);
        place->busy = item.type == AG_ITEM_BUSY;
        if (item.type == AG_ITEM_EVENT || item.type == AG_ITEM_BUSY)
            place->oldest_us = item.arrived_us ? item.arrived_us : ag_stream_arrival_us (place->stream, item.seq);
        if (item.type == AG_ITEM_EVENT || item.type == AG_ITEM_BUSY)
            place->at = item.seq - 1;
        if (item.type == AG_ITEM_EVENT)
            s_announce (self, place, item.seq);
        return;
    }
}

static bool s_prepare (ag_client_t *self, int64_t now_us)
{
    bool live = now_us >= self->due_us;
    ag_place_t *place, *next;
    TAILQ_FOREACH_SAFE (place, &self->active, by_state, next)
        if (live || ag_place_catches_up (place) || place->critical > place->at)
            s_advance (self, place);
    return ag_shed_turn (self, now_us);
}

static int s_control_frame (ag_client_t *self, size_t room_bytes, ag_frame_t *frame_r)
{
    size_t count;
    ag_outbox_move (&self->control, room_bytes, &self->going);
    count = ag_outbox_count (&self->going);
    ag_buf_clear (&self->lent);
    for (size_t i = 0; i < count; i++) {
        ag_str_t text = ag_outbox_nth (&self->going, i);
        ag_buf_append (&self->lent, &text, sizeof text);
    }
    size_t events_bytes = count * sizeof (ag_event_t *);
    memset (ag_buf_reserve (&self->lent, events_bytes), 0, events_bytes);
    *frame_r = (ag_frame_t) {
        .id = ++self->hub->frame_id, .count = count, .bytes = self->going.text.len,
        .messages = (const ag_str_t *) self->lent.data,
        .events = (const ag_event_t *const *) (self->lent.data + self->lent.len)
    };
    return 1;
}

/*  Nothing more to send now: when to ask again. */
static int s_rest (ag_client_t *self, int64_t now_us, int64_t *when_us_r)
{
    self->woken = false;
    bool pending = s_has_events (self);
    /*  The first answer to a client of all runs may have been large. */
    ag_outbox_empty (&self->going);
    if (ag_outbox_count (&self->control) == 0)
        ag_outbox_empty (&self->control);
    if (self->sent || (pending && now_us >= self->due_us))
        ag_client_join_wheel (self, true, now_us);
    else if (self->beat && self->due_us == 0)
        ag_client_join_wheel (self, false, now_us);
    self->sent = false;
    if (self->due_us == 0)
        self->shedding = false;     /* nothing to wait for: it has caught up */
    *when_us_r = pending ? self->due_us : self->beat ? self->wheel->due_us : INT64_MAX;
    return 0;
}

/*  Messages of our own first; then events. */
static int s_frame (ag_client_t *self, int64_t now_us, size_t room_bytes, ag_frame_t *frame_r)
{
    if (ag_outbox_count (&self->control) > 0)
        return s_control_frame (self, room_bytes, frame_r);
    if (TAILQ_EMPTY (&self->active))
        return 0;
    return ag_frames_next (self->hub->frames, self, now_us >= self->due_us, room_bytes, frame_r);
}

int ag_client_next (ag_client_t *self, int64_t now_us, size_t room_bytes, ag_frame_t *frame_r, int64_t *when_us_r)
{
    int result = 0;
    bool again = ag_outbox_count (&self->control) == 0;
    if (again) {
        ag_bucket_refill (&self->live, now_us);
        ag_bucket_refill (&self->replay, now_us);
        ag_bucket_refill (&self->replay_bytes, now_us);
        ag_bucket_refill (&self->passed, now_us);
    }
    do {
        again = again && s_prepare (self, now_us);
        s_tell_skipped (self, now_us);
        s_tell_flow (self, now_us);
        s_tell_producers (self, now_us);
        result = s_frame (self, now_us, room_bytes, frame_r);
    } while (result == 0 && again);
    if (result == 0)
        return s_rest (self, now_us, when_us_r);
    ag_client_said (self, now_us);
    return 1;
}
