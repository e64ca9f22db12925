/*  gateway/feed/desk.c - where writers report: streams, their epochs, their control channels

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "feed/desk.h"

#include <czmq.h>
#include <sys/queue.h>

#include "core/log.h"
#include "core/mem.h"
#include "feed/order.h"

#define FORGET_EVERY_US INT64_C (60000000)

/*  One epoch of one stream. */
typedef struct track {
    ag_desk_t *desk;                /* whose */
    struct stream *stream;          /* of which */
    struct track *older;            /* next in the stream's list, newest epoch first */
    uint64_t epoch;
    ag_order_t *order;              /* puts its events in order */
    char *peer;                     /* routing id of its writer's control channel, or NULL */
    size_t peer_len;
    bool rival;                     /* another writer of the stream is alive: nothing of this one is taken */
    bool cancelled;                 /* its writer was told to stop, and is told again until it has ended */
    bool touched;                   /* in the desk's list of tracks that had input */
    int64_t wake_us;                /* when its order wants to be called */
    uint64_t acked;                 /* told to the writer */
    uint64_t mark_seq;              /* settled when mark_ticket was the newest; 0: no mark set */
    uint64_t mark_ticket;           /* once committed, mark_seq may be acknowledged */
    uint64_t unstored;              /* the lowest that the store would not take; 0: none */
    TAILQ_ENTRY (track) marks;      /* in the desk's list while a mark is set */
} track_t;

/*  Late events on their way to the store: viewers are told when they are there, so
    that whoever then looks finds them. */
typedef struct repair {
    track_t *track;                 /* whose */
    uint64_t ticket;                /* of the last of them */
    uint64_t from, to;              /* what the store had refused, though viewers have it: only numbers; or */
    size_t count;                   /* of what was reported lost */
    TAILQ_ENTRY (repair) in_desk;
    ag_event_t *events[];           /* referenced; by number */
} repair_t;

typedef struct stream {
    ag_str_t name;                  /* owned; the key in the table */
    ag_str_t work_order;            /* owned */
    ag_str_t run;                   /* owned; absent for work-order streams */
    uint64_t stored_epoch;          /* newest that the history held when we came to know the stream */
    track_t *newest;                /* list of its epochs, newest first */
} stream_t;

struct ag_desk {
    ag_desk_options_t options;
    zhashx_t *streams;              /* name -> stream_t */
    size_t tracks;                  /* in all streams */
    ag_order_pool_t waiting;        /* what waits behind holes, in all tracks */
    TAILQ_HEAD (track_list, track) marked;         /* tracks with a mark, lowest ticket first */
    TAILQ_HEAD (repair_list, repair) repairs;       /* lowest ticket first */
    track_t **touched;              /* had input since the last turn */
    size_t touched_count, touched_cap;
    int64_t wake_us;                /* earliest wake_us of all tracks; may be too early */
    int64_t forget_us;              /* when to look for what can be forgotten */
    int64_t now_us;                 /* of the call that is going on, for callbacks */
    uint64_t ticket;                /* newest given by the archive */
    uint64_t committed;             /* newest that is committed */
    bool full_told;                 /* that there are too many streams */
    ag_desk_stats_t stats;
};

/* ---------------------------------------------------------------------- */
/*  Streams and tracks */

static size_t s_hash (const void *key)
{
    const ag_str_t *name = key;
    size_t hash = 14695981039346656037u;            /* FNV-1a */
    for (size_t i = 0; i < name->len; i++)
        hash = (hash ^ (unsigned char) name->ptr[i]) * 1099511628211u;
    return hash;
}

static int s_compare (const void *a, const void *b)
{
    return ag_str_eq (*(const ag_str_t *) a, *(const ag_str_t *) b) ? 0 : 1;
}

static ag_str_t s_own (ag_str_t text)
{
    return text.ptr ? (ag_str_t) { ag_str_dup (text), text.len } : text;
}

static void s_repair_destroy (repair_t *repair)
{
    TAILQ_REMOVE (&repair->track->desk->repairs, repair, in_desk);
    for (size_t i = 0; i < repair->count; i++)
        ag_event_unref (&repair->events[i]);
    free (repair);
}

static void s_track_destroy (track_t *track)
{
    repair_t *repair = TAILQ_FIRST (&track->desk->repairs), *next;
    for (; repair; repair = next) {
        next = TAILQ_NEXT (repair, in_desk);
        if (repair->track == track)
            s_repair_destroy (repair);
    }
    if (track->mark_seq)
        TAILQ_REMOVE (&track->desk->marked, track, marks);
    ag_order_destroy (&track->order);
    free (track->peer);
    free (track);
}

static void s_stream_destroy (void **item_p)
{
    stream_t *stream = *item_p;
    *item_p = NULL;
    while (stream->newest) {
        track_t *track = stream->newest;
        stream->newest = track->older;
        s_track_destroy (track);
    }
    free ((char *) stream->name.ptr);
    free ((char *) stream->work_order.ptr);
    free ((char *) stream->run.ptr);
    free (stream);
}

ag_desk_t *ag_desk_new (const ag_desk_options_t *options)
{
    ag_desk_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->waiting.max_bytes = AG_DESK_WAITING_BYTES;
    TAILQ_INIT (&self->marked);
    TAILQ_INIT (&self->repairs);
    self->wake_us = INT64_MIN;
    self->streams = zhashx_new ();
    zhashx_set_key_hasher (self->streams, s_hash);
    zhashx_set_key_comparator (self->streams, s_compare);
    zhashx_set_key_duplicator (self->streams, NULL);
    zhashx_set_key_destructor (self->streams, NULL);
    zhashx_set_destructor (self->streams, s_stream_destroy);
    return self;
}

void ag_desk_destroy (ag_desk_t **self_p)
{
    ag_desk_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    zhashx_destroy (&self->streams);
    free (self->touched);
    free (self);
}

/*  What the history holds: the newest epoch (epoch 0 in), or an epoch's last seq. */
static uint64_t s_stored (ag_desk_t *self, ag_str_t name, uint64_t *epoch)
{
    const ag_history_t *history = self->options.history;
    ag_history_bounds_t held;
    if (!history || history->bounds (history->context, name, *epoch, &held) != 1)
        return 0;
    *epoch = held.epoch;
    return held.last;
}

static stream_t *s_stream (ag_desk_t *self, ag_str_t name, ag_str_t work_order, ag_str_t run)
{
    stream_t *stream = zhashx_lookup (self->streams, &name);
    if (stream)
        return stream;
    stream = ag_calloc (1, sizeof *stream);
    stream->name = s_own (name);
    stream->work_order = s_own (work_order);
    stream->run = s_own (run);
    if (!s_stored (self, name, &stream->stored_epoch))
        stream->stored_epoch = 0;
    zhashx_insert (self->streams, &stream->name, stream);
    return stream;
}

static void s_out_deliver (void *context, ag_event_t *event);
static void s_out_lost (void *context, uint64_t from, uint64_t to);
static void s_out_late (void *context, ag_event_t *const *events, size_t count, bool told);
static void s_out_ask (void *context, uint64_t from, uint64_t to);
static void s_out_state (void *context, ag_producer_t state);

static bool s_shown (const track_t *track);

static bool s_alive (const track_t *track, int64_t now_us)
{
    return ag_order_greeted (track->order) && ag_order_state (track->order) != AG_PRODUCER_ENDED
        && now_us - ag_order_control_us (track->order) < AG_DESK_RIVAL_US;
}

/*  Is another writer at work on the stream? */
static bool s_has_rival (const track_t *track, int64_t now_us)
{
    for (const track_t *other = track->stream->newest; other; other = other->older)
        if (other != track && !other->rival && s_alive (other, now_us))
            return true;
    return false;
}

static void s_link (stream_t *stream, track_t *track)
{
    track_t **at = &stream->newest;
    while (*at && (*at)->epoch > track->epoch)
        at = &(*at)->older;
    track->older = *at;
    *at = track;
}

static void s_tell_producer (track_t *track, ag_producer_t state)
{
    const stream_t *stream = track->stream;
    if (s_shown (track))
        ag_hub_producer (track->desk->options.hub, stream->name, stream->work_order, stream->run, track->epoch,
            state, track->desk->now_us);
}

static void s_want (void *context, uint64_t from, uint64_t to)
{
    track_t *track = context;
    ag_order_want (track->order, from, to, true);
}

/*  Begins behind the last that the store holds. What it lacks before that (given
    up by a gateway before us, or by us when its disk failed) is still wanted. */
static void s_recall (track_t *track)
{
    ag_desk_t *self = track->desk;
    const ag_desk_ops_t *ops = &self->options.ops;
    uint64_t epoch = track->epoch, held = s_stored (self, track->stream->name, &epoch);
    ag_order_out_t out = { s_out_deliver, s_out_lost, s_out_late, s_out_ask, s_out_state, track };
    track->order = ag_order_new (&out, held, &self->waiting, self->now_us);
    if (held && ops->missing)
        ops->missing (ops->context, track->stream->name, track->epoch, s_want, track);
    track->acked = ag_order_settled (track->order);
}

/*  Finds or makes; NULL when there are too many. */
static track_t *s_track (ag_desk_t *self, ag_str_t name, ag_str_t work_order, ag_str_t run, uint64_t epoch)
{
    stream_t *stream = zhashx_lookup (self->streams, &name);
    for (track_t *track = stream ? stream->newest : NULL; track; track = track->older)
        if (track->epoch == epoch)
            return track;
    if (self->tracks >= AG_DESK_TRACKS) {
        if (!self->full_told)
            ag_log_error ("STREAMS_FULL", "too many streams, new ones are not taken: limit=%d", AG_DESK_TRACKS);
        self->full_told = true;
        return NULL;
    }
    stream = s_stream (self, name, work_order, run);
    track_t *track = ag_calloc (1, sizeof *track);
    track->desk = self;
    track->stream = stream;
    track->epoch = epoch;
    track->wake_us = INT64_MAX;
    s_recall (track);
    s_link (stream, track);
    self->tracks++;
    track->rival = s_has_rival (track, self->now_us);
    s_tell_producer (track, AG_PRODUCER_ALIVE);
    return track;
}

/*  The epoch that viewers see: the newest without a rival, if the history has no newer one. */
static bool s_shown (const track_t *track)
{
    if (track->rival || track->epoch < track->stream->stored_epoch)
        return false;
    const track_t *newer = track->stream->newest;
    while (newer != track && newer->rival)
        newer = newer->older;
    return newer == track;
}

static void s_touch (track_t *track)
{
    ag_desk_t *self = track->desk;
    if (track->touched)
        return;
    track->touched = true;
    if (self->touched_count == self->touched_cap) {
        self->touched_cap = self->touched_cap ? self->touched_cap * 2 : 64;
        self->touched = ag_realloc (self->touched, self->touched_cap * sizeof *self->touched);
    }
    self->touched[self->touched_count++] = track;
}

/* ---------------------------------------------------------------------- */
/*  What the order puts out */

/*  Returns the ticket, or 0: it is not on its way to a store. */
static uint64_t s_archive (track_t *track, ag_event_t *event)
{
    ag_desk_t *self = track->desk;
    if (!self->options.ops.archive)
        return 0;
    uint64_t ticket = track->unstored ? 0 : self->options.ops.archive (self->options.ops.context, event, track->acked);
    if (ticket) {
        self->ticket = ticket;
        return ticket;
    }
    self->stats.unstored++;
    /*  A late one stands before what was refused first. */
    if (!track->unstored || ag_event_seq (event) < track->unstored)
        track->unstored = ag_event_seq (event);
    return 0;
}

static void s_out_deliver (void *context, ag_event_t *event)
{
    track_t *track = context;
    ag_desk_t *self = track->desk;
    if (s_shown (track)) {
        ag_hub_put (self->options.hub, event, self->now_us);
        if (self->options.ops.republish)
            self->options.ops.republish (self->options.ops.context, event);
    } else {
        self->stats.stale++;
    }
    s_archive (track, event);
}

static void s_out_lost (void *context, uint64_t from, uint64_t to)
{
    track_t *track = context;
    ag_desk_t *self = track->desk;
    self->stats.lost += to - from + 1;
    ag_log_warning ("EVENTS_LOST",
        "events are missing and their writer cannot send them: stream=%.*s from=%llu to=%llu",
        (int) track->stream->name.len, track->stream->name.ptr, (unsigned long long) from, (unsigned long long) to);
    if (s_shown (track))
        ag_hub_lost (self->options.hub, track->stream->name, track->epoch, from, to, self->now_us);
}

static void s_tell_repaired (track_t *track, ag_event_t *const *events, size_t count)
{
    if (s_shown (track))
        ag_hub_repaired (track->desk->options.hub, track->stream->name, track->epoch, events, count,
            track->desk->now_us);
}

static repair_t *s_repair_new (track_t *track, uint64_t ticket, size_t count)
{
    repair_t *repair = ag_calloc (1, sizeof *repair + count * sizeof (ag_event_t *));
    repair->track = track;
    repair->ticket = ticket;
    TAILQ_INSERT_TAIL (&track->desk->repairs, repair, in_desk);
    return repair;
}

static void s_tell_repaired_later (track_t *track, ag_event_t *const *events, size_t count, uint64_t ticket)
{
    repair_t *repair = s_repair_new (track, ticket, count);
    for (; repair->count < count; repair->count++)
        repair->events[repair->count] = ag_event_ref (events[repair->count]);
}

/*  A resend brings them one by one: what follows the last of them is told with it. */
static void s_tell_stored_later (track_t *track, uint64_t from, uint64_t to, uint64_t ticket)
{
    repair_t *repair = TAILQ_LAST (&track->desk->repairs, repair_list);
    if (!repair || repair->track != track || repair->count || repair->to + 1 != from) {
        repair = s_repair_new (track, ticket, 0);
        repair->from = from;
    }
    repair->to = to;
    repair->ticket = ticket;
}

static void s_tell (const repair_t *repair)
{
    track_t *track = repair->track;
    if (repair->count)
        s_tell_repaired (track, repair->events, repair->count);
    else if (s_shown (track))
        ag_hub_stored (track->desk->options.hub, track->stream->name, track->epoch, repair->from, repair->to);
}

static void s_out_late (void *context, ag_event_t *const *events, size_t count, bool told)
{
    track_t *track = context;
    uint64_t ticket = 0;
    track->desk->stats.late += told ? count : 0;
    for (size_t i = 0; i < count; i++)
        ticket = s_archive (track, events[i]);
    if (!told && ticket)
        s_tell_stored_later (track, ag_event_seq (events[0]), ag_event_seq (events[count - 1]), ticket);
    else if (told && ticket)
        s_tell_repaired_later (track, events, count, ticket);
    else if (told)
        s_tell_repaired (track, events, count);
}

static void s_send (track_t *track, const ag_control_t *message)
{
    if (track->peer)
        track->desk->options.ops.send (track->desk->options.ops.context,
            (ag_str_t) { track->peer, track->peer_len }, message);
}

static void s_send_ack (track_t *track)
{
    s_send (track, &(ag_control_t) { .kind = AG_CONTROL_ACK, .stream = track->stream->name, .epoch = track->epoch,
        .durable = track->acked });
}

static void s_send_cancel (track_t *track)
{
    s_send (track, &(ag_control_t) { .kind = AG_CONTROL_CANCEL, .stream = track->stream->name, .epoch = track->epoch });
}

static void s_out_ask (void *context, uint64_t from, uint64_t to)
{
    track_t *track = context;
    track->desk->stats.asked++;
    s_send (track, &(ag_control_t) {
        .kind = AG_CONTROL_RESEND, .stream = track->stream->name, .epoch = track->epoch,
        .from = from, .to = to, .max_bytes = AG_RESEND_MAX_BYTES });
}

static void s_out_state (void *context, ag_producer_t state)
{
    track_t *track = context;
    if (state == AG_PRODUCER_LOST)
        ag_log_warning ("WRITER_LOST", "no sign of life for 10 s: stream=%.*s",
            (int) track->stream->name.len, track->stream->name.ptr);
    s_tell_producer (track, state);
}

/* ---------------------------------------------------------------------- */
/*  Input */

/*  A second writer gets its turn when the first has gone. */
static void s_reconsider (track_t *track)
{
    if (track->rival && !s_has_rival (track, track->desk->now_us)) {
        track->rival = false;
        s_tell_producer (track, ag_order_state (track->order));
    }
}

void ag_desk_event (ag_desk_t *self, ag_event_t *event, ag_str_t peer, int64_t now_us)
{
    self->now_us = now_us;
    if (ag_event_seq (event) > AG_SEQ_MAX) {
        self->stats.refused++;
        return;
    }
    track_t *track = s_track (self, ag_event_stream (event), ag_event_work_order (event), ag_event_run (event),
        ag_event_epoch (event));
    if (!track) {
        self->stats.refused++;
        return;
    }
    s_reconsider (track);
    if (track->rival) {
        self->stats.conflicts++;
        return;
    }
    uint64_t duplicates = ag_order_stats (track->order)->duplicates;
    ag_order_event (track->order, event, peer.ptr != NULL, now_us);
    self->stats.duplicates += ag_order_stats (track->order)->duplicates - duplicates;
    s_touch (track);
}

static void s_set_peer (track_t *track, ag_str_t peer)
{
    if (track->peer && ag_str_eq ((ag_str_t) { track->peer, track->peer_len }, peer))
        return;
    free (track->peer);
    track->peer = ag_str_dup (peer);
    track->peer_len = peer.len;
}

/*  What may be acknowledged: settled, and not behind something the store would not take. */
static uint64_t s_settled (const track_t *track)
{
    uint64_t settled = ag_order_settled (track->order);
    return track->unstored && track->unstored <= settled ? track->unstored - 1 : settled;
}

static void s_welcome (track_t *track)
{
    s_send (track, &(ag_control_t) {
        .kind = AG_CONTROL_WELCOME, .version = AG_CONTROL_VERSION, .stream = track->stream->name,
        .epoch = track->epoch, .resume = ag_order_next (track->order) - 1, .durable = track->acked,
        .conflict = track->rival });
}

static void s_refuse (ag_desk_t *self, ag_str_t peer, const ag_control_t *hello, ag_str_t error)
{
    ag_control_t answer = { .kind = AG_CONTROL_WELCOME, .version = AG_CONTROL_VERSION, .stream = hello->stream,
        .epoch = hello->epoch, .error = error };
    self->options.ops.send (self->options.ops.context, peer, &answer);
}

static void s_hello (ag_desk_t *self, ag_str_t peer, const ag_control_t *hello)
{
    if (hello->version != AG_CONTROL_VERSION) {
        s_refuse (self, peer, hello, AG_STR ("this gateway speaks version 1 of the control channel"));
        return;
    }
    track_t *track = s_track (self, hello->stream, hello->work_order, hello->run, hello->epoch);
    if (!track) {
        s_refuse (self, peer, hello, AG_STR ("this gateway has too many streams"));
        return;
    }
    s_set_peer (track, peer);
    s_reconsider (track);
    if (track->rival) {
        self->stats.conflicts++;
        ag_log_warning ("WRITER_CONFLICT", "a second writer for a stream whose writer is alive, not taken: stream=%.*s",
            (int) hello->stream.len, hello->stream.ptr);
    }
    s_welcome (track);
    if (track->rival)
        return;
    ag_order_head (track->order, hello->first, hello->last, hello->ended, true, self->now_us);
    s_touch (track);
}

static track_t *s_find (ag_desk_t *self, ag_str_t name, uint64_t epoch)
{
    stream_t *stream = zhashx_lookup (self->streams, &name);
    track_t *track = stream ? stream->newest : NULL;
    while (track && track->epoch != epoch)
        track = track->older;
    return track;
}

static bool s_makes_sense (const ag_control_t *message)
{
    if (!message->stream.len || message->stream.len > AG_STREAM_MAX_BYTES || !message->epoch)
        return false;
    if (message->last > AG_SEQ_MAX || message->first > AG_SEQ_MAX || message->to > AG_SEQ_MAX)
        return false;
    if (message->kind != AG_CONTROL_HELLO)
        return true;
    bool of_work_order = message->stream.ptr[0] == '@';
    ag_str_t rest = { message->stream.ptr + of_work_order, message->stream.len - of_work_order };
    return message->work_order.len && message->work_order.len <= AG_ID_MAX_BYTES
        && ag_str_eq (rest, of_work_order ? message->work_order : message->run);
}

/*  HEARTBEAT or GOODBYE. What we said before may have been lost with a connection. */
static void s_hear_head (track_t *track, const ag_control_t *message)
{
    bool goodbye = message->kind == AG_CONTROL_GOODBYE;
    ag_order_head (track->order, message->first, message->last, goodbye, false, track->desk->now_us);
    if (goodbye && track->acked)
        s_send_ack (track);
    if (!goodbye && track->cancelled)
        s_send_cancel (track);
}

bool ag_desk_control (ag_desk_t *self, ag_str_t peer, const ag_control_t *message, int64_t now_us)
{
    self->now_us = now_us;
    if (!s_makes_sense (message))
        return false;
    if (message->kind == AG_CONTROL_HELLO) {
        s_hello (self, peer, message);
        return true;
    }
    if (message->kind != AG_CONTROL_HEARTBEAT && message->kind != AG_CONTROL_GOODBYE
        && message->kind != AG_CONTROL_RESENT)
        return false;
    track_t *track = s_find (self, message->stream, message->epoch);
    if (!track || !track->peer) {
        /*  It said HELLO to one before us, and will again when asked. */
        self->options.ops.send (self->options.ops.context, peer, &(ag_control_t) {
            .kind = AG_CONTROL_WHO, .stream = message->stream, .epoch = message->epoch });
        return true;
    }
    if (track->rival)
        return true;
    s_set_peer (track, peer);
    if (message->kind == AG_CONTROL_RESENT)
        ag_order_resent (track->order, message->from, message->gone, message->to, message->first, now_us);
    else
        s_hear_head (track, message);
    s_touch (track);
    return true;
}

/* ---------------------------------------------------------------------- */
/*  Acknowledgement */

static void s_acknowledge (track_t *track, uint64_t seq)
{
    if (seq <= track->acked)
        return;
    track->acked = seq;
    s_send_ack (track);
}

/*  What is settled now may be acknowledged when all is committed that was
    archived until now. */
static void s_mark (track_t *track)
{
    ag_desk_t *self = track->desk;
    uint64_t settled = s_settled (track);
    if (track->mark_seq || settled <= track->acked)
        return;
    if (!self->options.ops.archive || self->ticket <= self->committed) {
        s_acknowledge (track, settled);
        return;
    }
    track->mark_seq = settled;
    track->mark_ticket = self->ticket;
    TAILQ_INSERT_TAIL (&self->marked, track, marks);
}

typedef void (track_fn) (track_t *track);

static void s_each_track (ag_desk_t *self, track_fn *fn)
{
    for (stream_t *stream = zhashx_first (self->streams); stream; stream = zhashx_next (self->streams))
        for (track_t *track = stream->newest; track; track = track->older)
            fn (track);
}

void ag_desk_committed (ag_desk_t *self, uint64_t ticket)
{
    track_t *track;
    repair_t *repair;
    self->committed = ticket;
    while ((repair = TAILQ_FIRST (&self->repairs)) && repair->ticket <= ticket) {
        s_tell (repair);
        s_repair_destroy (repair);
    }
    while ((track = TAILQ_FIRST (&self->marked)) && track->mark_ticket <= ticket) {
        TAILQ_REMOVE (&self->marked, track, marks);
        s_acknowledge (track, track->mark_seq);
        track->mark_seq = 0;
        s_mark (track);
    }
}

static void s_want_again (track_t *track)
{
    if (!track->unstored)
        return;
    uint64_t from = track->unstored;
    track->unstored = 0;
    ag_order_want (track->order, from, ag_order_next (track->order) - 1, false);
    s_touch (track);
}

void ag_desk_store_recovered (ag_desk_t *self)
{
    s_each_track (self, s_want_again);
}

/* ---------------------------------------------------------------------- */
/*  Time */

static void s_turn_track (track_t *track)
{
    track->wake_us = ag_order_turn (track->order, track->desk->now_us);
    if (track->wake_us < track->desk->wake_us)
        track->desk->wake_us = track->wake_us;
    s_mark (track);
}

static bool s_forgettable (const track_t *track)
{
    const ag_desk_t *self = track->desk;
    ag_producer_t state = ag_order_state (track->order);
    return (state == AG_PRODUCER_ENDED || state == AG_PRODUCER_LOST) && !track->touched
        && self->now_us - ag_order_heard_us (track->order) > self->options.forget_us;
}

/*  Frees what has been quiet for long; its events are in ring and store. */
static void s_forget (ag_desk_t *self)
{
    zlistx_t *names = zhashx_keys (self->streams);
    for (ag_str_t *name = zlistx_first (names); name; name = zlistx_next (names)) {
        stream_t *stream = zhashx_lookup (self->streams, name);
        for (track_t **at = &stream->newest; *at; ) {
            track_t *track = *at;
            if (!s_forgettable (track)) {
                at = &track->older;
                continue;
            }
            *at = track->older;
            s_track_destroy (track);
            self->tracks--;
        }
        if (!stream->newest)
            zhashx_delete (self->streams, name);
    }
    zlistx_destroy (&names);
}

static void s_turn_if_due (track_t *track)
{
    if (track->wake_us <= track->desk->now_us)
        s_turn_track (track);
    else if (track->wake_us < track->desk->wake_us)
        track->desk->wake_us = track->wake_us;
}

int64_t ag_desk_turn (ag_desk_t *self, int64_t now_us)
{
    self->now_us = now_us;
    for (size_t i = 0; i < self->touched_count; i++) {
        self->touched[i]->touched = false;
        s_turn_track (self->touched[i]);
    }
    self->touched_count = 0;
    if (now_us >= self->forget_us) {
        self->forget_us = now_us + FORGET_EVERY_US;
        s_forget (self);
    }
    if (now_us >= self->wake_us) {
        self->wake_us = self->forget_us;
        s_each_track (self, s_turn_if_due);
    }
    return self->wake_us;
}

bool ag_desk_cancel (ag_desk_t *self, ag_str_t stream_name, int64_t now_us)
{
    stream_t *stream = zhashx_lookup (self->streams, &stream_name);
    for (track_t *track = stream ? stream->newest : NULL; track; track = track->older) {
        if (!s_shown (track) || !track->peer || !s_alive (track, now_us))
            continue;
        track->cancelled = true;
        s_send_cancel (track);
        return true;
    }
    return false;
}

void ag_desk_stats (const ag_desk_t *self, ag_desk_stats_t *stats_r)
{
    *stats_r = self->stats;
    stats_r->tracks = self->tracks;
    for (stream_t *stream = zhashx_first (self->streams); stream; stream = zhashx_next (self->streams)) {
        for (const track_t *track = stream->newest; track; track = track->older) {
            stats_r->alive += ag_order_state (track->order) == AG_PRODUCER_ALIVE;
            stats_r->repairing += ag_order_state (track->order) == AG_PRODUCER_REPAIRING;
            stats_r->waiting += ag_order_waiting (track->order);
        }
    }
}
