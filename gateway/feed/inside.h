/*  feed/inside.h - what the files of this folder know of each other

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Not for others: hub.h and client.h are the door.

    A *stream* has a ring and is watched at *places*. A place is one client's
    position in one stream; it is in exactly one of three states, which says
    in which list it hangs:

        IDLE     nothing that passes its filter is pending. Its position is
                 by definition the stream's head, so that a put need not touch it.
        ACTIVE   something is pending behind `at`; hangs in its client's list.
        WAITING  for a stream or an epoch that is not known yet.

    Places of one stream with the same filter form a *lane*: a put asks each
    lane, not each place, whether it is concerned.
*/
#ifndef AG_FEED_INSIDE_H
#define AG_FEED_INSIDE_H

#include <sys/queue.h>

#include "core/buf.h"
#include "feed/bucket.h"
#include "feed/client.h"
#include "feed/cursor.h"
#include "feed/filter.h"
#include "feed/hub.h"
#include "feed/map.h"
#include "feed/ring.h"

/*  glibc's queue.h lacks the safe form. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next) \
    for ((var) = TAILQ_FIRST (head); (var) && ((next) = TAILQ_NEXT (var, field), 1); (var) = (next))
#endif

typedef struct ag_stream ag_stream_t;
typedef struct ag_work ag_work_t;
typedef struct ag_lane ag_lane_t;
typedef struct ag_place ag_place_t;
typedef struct ag_sub ag_sub_t;
typedef struct ag_past ag_past_t;
typedef struct ag_frames ag_frames_t;

TAILQ_HEAD (ag_stream_list, ag_stream);
TAILQ_HEAD (ag_lane_list, ag_lane);
TAILQ_HEAD (ag_place_list, ag_place);
TAILQ_HEAD (ag_sub_list, ag_sub);
TAILQ_HEAD (ag_client_list, ag_client);

/* ---------------------------------------------------------------------- */

/*  Which seq came when, to a tenth of a second, for as long as "older than 2 s" needs. */
enum { AG_ARRIVALS = 32, AG_ARRIVAL_US = 100 * 1000 };

typedef struct {
    int64_t first_us;           /* when the first of it came; the others within AG_ARRIVAL_US */
    uint64_t last;              /* seq of the last */
} ag_arrival_t;

struct ag_stream {
    ag_hub_t *hub;              /* the owner */
    uint32_t serial;            /* never used again for another stream; for keys */
    char *id;                   /* NUL-terminated copy */
    size_t id_len;              /* an id may hold NUL */
    ag_work_t *work;            /* NULL while only asked for */
    bool is_run;                /* a run's; else a work order's own */
    bool unread;                /* the history could not be asked about it */
    bool heard;                 /* of its writer, or an event; else known from the history or asked for */
    uint64_t epoch;             /* 0: not known */
    uint64_t last;              /* head: newest seq, lost ones included */
    uint64_t first_put;         /* before it nothing ever was in this epoch; 0: nothing is */
    uint64_t held;              /* newest that was ever here or in the history; 0: none */
    uint64_t version;           /* grows whenever a reader could see something else */
    ag_ring_t *ring;            /* tail of this epoch */
    size_t counted_bytes, counted_events;       /* of the ring, in the hub's sums */
    ag_producer_t producer;     /* state of its writer */
    bool over;                  /* its last event came: the tail drains, nothing is shed */
    int64_t ended_us;           /* since when retention counts; 0: going on */
    ag_event_t *started, *progress, *ended;     /* latest of their kind, references */
    ag_arrival_t *arrivals;     /* the newest AG_ARRIVALS, around the end; NULL: nothing came */
    size_t arrival_count;       /* made in all */
    int64_t first_ts_us, last_ts_us;            /* of the events */
    uint64_t count[AG_KIND_COUNT];              /* put, by kind */
    struct ag_lane_list lanes;          /* who watches, by filter */
    struct ag_place_list waiting;       /* places in that state */
    TAILQ_ENTRY (ag_stream) in_hub;     /* least recently used first; ended ones apart */
    TAILQ_ENTRY (ag_stream) in_memory;  /* the same, of those whose ring takes any */
    TAILQ_ENTRY (ag_stream) in_work;    /* streams of a work order */
};

/*  A work order: its streams, and who asked for all of them. */
struct ag_work {
    char *id;                   /* NUL-terminated copy */
    size_t id_len;              /* bytes */
    struct ag_stream_list streams;
    struct ag_sub_list subs;    /* subscriptions to it */
};

struct ag_lane {
    ag_stream_t *stream;        /* watched */
    ag_filter_t filter;         /* of all its places */
    struct ag_place_list all;   /* every place */
    struct ag_place_list idle;  /* those in that state */
    TAILQ_ENTRY (ag_lane) in_stream;
};

typedef enum { AG_PLACE_IDLE, AG_PLACE_ACTIVE, AG_PLACE_WAITING } ag_place_state_t;

/*  What one decision to shed left standing in (at, to]; over when at reaches to.
    Dropped are priorities below `priority`, and of that priority what is before `from`. */
typedef struct {
    uint64_t to;                /* 0: none */
    uint64_t from;
    ag_priority_t priority;
} ag_shed_t;

/*  (from, to] was sent, as far as it passed the filter. */
typedef struct {
    uint64_t from, to;
    ag_filter_t filter;
} ag_had_t;

enum { AG_HAD_MAX = 4 };        /* what is older is forgotten, and may come again */

struct ag_place {
    ag_client_t *client;        /* whose; with the next the key in hub->places */
    ag_stream_t *stream;        /* where */
    ag_lane_t *lane;            /* with which filter */
    ag_place_state_t state;     /* see above */
    bool replay;                /* catching up: own budget, nothing is shed */
    bool resumable;             /* stands in cursors; not so when only "*" asked for it */
    uint64_t announced;         /* epoch that the client was told of */
    uint64_t epoch;             /* of the numbers below; 0: none */
    uint64_t at;                /* ACTIVE: all up to here is accounted for. WAITING: wanted from here on */
    uint64_t floor;             /* ahead of the head: the client said it has all up to here */
    uint64_t critical;          /* newest critical event that it has not got; 0: none */
    int64_t oldest_us;          /* when the first pending event came */
    bool busy;                  /* what is pending first cannot be read now */
    ag_shed_t shed;             /* the last decision */
    bool exact;                 /* a position was asked for: numbers it has not seen are a hole */
    uint64_t began;             /* from here on all that passes its filter was sent, up to `at` ... */
    bool gapped;                /* ... unless this */
    ag_had_t had[AG_HAD_MAX];   /* what was sent before that, or before it was set back */
    size_t had_count;
    uint64_t had_to;            /* the highest `to` in it; 0: none */
    uint32_t groups[4];         /* scratch of a decision: events after roll-up, by priority ... */
    uint64_t reach;             /* ... up to here */
    TAILQ_ENTRY (ag_place) in_lane;     /* lane->all */
    TAILQ_ENTRY (ag_place) by_state;    /* lane->idle, client->active or stream->waiting */
    TAILQ_ENTRY (ag_place) in_client;   /* client->places */
    TAILQ_ENTRY (ag_place) in_cursor;   /* client->resumable, if it is */
};

struct ag_sub {
    ag_client_t *client;        /* whose */
    ag_str_t work_order, run;   /* malloc'ed; one of them, or */
    bool all;                   /* "*" */
    ag_filter_t filter;
    bool positioned;            /* came with a position: streams that it lacks start at 1 */
    ag_cursor_t *after;         /* the positions; NULL: none */
    bool unmet;                 /* some of them are, as last seen, in streams that nobody knows yet, and are kept */
    uint32_t replay_count;      /* so many of each stream; 0: not asked */
    bool replaying;             /* replay_complete is owed */
    size_t replay_places;       /* then: of those that it covers, how many have not reached the head */
    TAILQ_ENTRY (ag_sub) in_client;
    TAILQ_ENTRY (ag_sub) in_target;     /* work->subs or hub->all_subs */
};

/*  Clients with the same window flush together. */
typedef struct {
    int64_t window_us;          /* 0: unused */
    int64_t due_us;             /* next tick; INT64_MAX: nobody waits */
    struct ag_client_list clients;
} ag_wheel_t;

enum { AG_WHEELS = 8 };

typedef struct {
    ag_buf_t text;              /* messages behind each other */
    ag_buf_t ends;              /* where each ends: size_t */
} ag_outbox_t;

struct ag_client {
    ag_hub_t *hub;              /* the owner */
    void *user;                 /* the carrier's */
    ag_client_options_t options;
    ag_bucket_t live;           /* events of live streams */
    ag_bucket_t replay;         /* events of replays and of ended streams' tails */
    ag_bucket_t replay_bytes;   /* and their size */
    ag_bucket_t passed;         /* events of the history that are only passed over */
    ag_outbox_t control;        /* messages of our own, in order, before events */
    ag_outbox_t going;          /* those of the frame that is lent now ... */
    ag_buf_t lent;              /* ... as the arrays that the frame points to */
    struct ag_sub_list subs;
    size_t sub_count;
    struct ag_place_list places;        /* all */
    struct ag_place_list resumable;     /* those that stand in its cursors ... */
    size_t cursor_bytes;        /* ... and what they take there at most */
    struct ag_place_list active;        /* with something pending, in turn */
    ag_wheel_t *wheel;          /* waits for its tick; NULL: does not */
    int64_t due_us;             /* live events wait until then; 0: quiet, the next goes at once */
    bool sent;                  /* events of live streams, in this flush */
    bool ready;                 /* on the hub's list */
    bool woken;                 /* its carrier was told and has not drained it yet */
    bool shedding;              /* was behind, and has not caught up since */
    int64_t decide_us;          /* when shedding: the next decision */
    bool stalled;               /* the carrier says: the socket does not drain */
    int flow;                   /* last backpressure state told */
    bool lagging;               /* shed something while stalled */
    int64_t said_us;            /* last message; heartbeat counts from here */
    bool beat;                  /* a writer's state has changed: a heartbeat is owed ... */
    int64_t beat_us;            /* ... a tick after the last one */
    uint64_t skipped[AG_KIND_COUNT];    /* plain: shed and not yet told */
    uint64_t skipped_total;     /* their sum */
    char skipped_work[AG_ID_MAX_BYTES];     /* of which work order */
    size_t skipped_work_len;    /* 0: of several */
    int64_t skipped_us;         /* when EVENTS_SKIPPED was last said */
    TAILQ_ENTRY (ag_client) in_hub;
    TAILQ_ENTRY (ag_client) in_ready;
    TAILQ_ENTRY (ag_client) in_wheel;
    TAILQ_ENTRY (ag_client) in_quiet;   /* by said_us */
};

struct ag_hub {
    ag_hub_options_t options;
    ag_map_t *streams;          /* by id */
    ag_map_t *works;            /* by work order id */
    ag_map_t *places;           /* by client and stream */
    struct ag_stream_list live, ended;  /* least recently used first */
    struct ag_stream_list live_memory, ended_memory;    /* those of them whose ring takes any */
    struct ag_sub_list all_subs;        /* subscriptions to "*" */
    struct ag_client_list clients;
    struct ag_client_list ready;        /* have something to send now */
    struct ag_client_list quiet;        /* not plain, longest silent first */
    ag_wheel_t wheels[AG_WHEELS];
    ag_past_t *past;            /* read windows over the history */
    ag_frames_t *frames;        /* frames that were built */
    ag_buf_t scratch;           /* a message in the making */
    ag_buf_t cursor_bytes;      /* a cursor in the making */
    ag_buf_t cursor_text;       /* and its text */
    uint32_t serial;            /* last stream serial given */
    uint64_t frame_id;          /* last frame id given */
    ag_hub_stats_t stats;
};

/* ---------------------------------------------------------------------- */
/*  stream.c: what is known of a stream, and reading it */

static inline ag_str_t ag_stream_id (const ag_stream_t *self)
{
    return (ag_str_t) { self->id, self->id_len };
}

ag_stream_t *ag_stream_get (ag_hub_t *hub, ag_str_t id);        /* or NULL */
/*  Makes it when it is not there; looks into the history. */
ag_stream_t *ag_stream_need (ag_hub_t *hub, ag_str_t id, int64_t now_us);
/*  What the history holds of its newest epoch, while nothing else is known of it. */
void ag_stream_recall (ag_stream_t *self, int64_t now_us);
void ag_stream_info (const ag_stream_t *self, ag_stream_info_t *info_r);
/*  Between the list of live and the list of ended ones; to its end in any case. */
void ag_stream_use (ag_stream_t *self, bool ended, int64_t now_us);
ag_work_t *ag_work_need (ag_hub_t *hub, ag_str_t id);
void ag_work_release (ag_hub_t *hub, ag_work_t *work);          /* frees it when nothing hangs on it */
void ag_stream_destroy (ag_stream_t **self_p);                  /* has no places */
/*  The ring has changed, or texts were made: what no longer fits falls off, the rest is
    counted. */
void ag_stream_count (ag_stream_t *self);
/*  A newer epoch: what was held is of no use to anybody any more. */
void ag_stream_renew (ag_stream_t *self, uint64_t epoch);
/*  Now it is known whose stream it is. */
void ag_stream_adopt (ag_stream_t *self, ag_str_t work_order, bool is_run);
/*  All up to the head has come by now, as far as it will. */
void ag_stream_note_arrival (ag_stream_t *self, int64_t now_us);
/*  When seq came, or up to AG_ARRIVAL_US later; 0: long ago, INT64_MAX: it never did. */
int64_t ag_stream_arrival_us (const ag_stream_t *self, uint64_t seq);
/*  Oldest seq that can still be had; last + 1 when nothing. */
uint64_t ag_stream_oldest (ag_stream_t *self);

typedef enum {
    AG_ITEM_END,                /* nothing there yet */
    AG_ITEM_EVENT,
    AG_ITEM_HOLE,               /* seq .. to are not to be had */
    AG_ITEM_BUSY                /* the history cannot be read now, or no further in this turn */
} ag_item_type_t;

typedef struct {
    ag_item_type_t type;
    uint64_t seq, to;           /* event: seq; hole: from seq to to */
    ag_gap_reason_t reason;     /* hole */
    bool recoverable;           /* hole: it may be had later */
    uint8_t class;              /* event */
    uint32_t key, text_bytes;   /* event; see rollup.h */
    int64_t arrived_us;         /* event; 0: not in the ring */
    ag_event_t *event;          /* lent until the next look; NULL: only the class is remembered */
    const ag_slot_t *slot;      /* where it stands in the ring, or NULL */
} ag_item_t;

/*  What stands at seq. Without `whole` the class is enough, and the history is not
    asked for what the trail knows. */
void ag_stream_look (ag_stream_t *self, uint64_t seq, bool whole, ag_item_t *item_r);
/*  The same from memory alone: never busy, and what ring and trail do not know is a hole. */
void ag_stream_remember (ag_stream_t *self, uint64_t seq, ag_item_t *item_r);

/* ---------------------------------------------------------------------- */
/*  past.c: read windows over the history */

ag_past_t *ag_past_new (const ag_history_t *history);
void ag_past_destroy (ag_past_t **self_p);
void ag_past_forget (ag_past_t *self, const ag_stream_t *stream);   /* NULL: all */
/*  The event at seq, or the hole there (up to `limit`). */
void ag_past_look (ag_past_t *self, ag_stream_t *stream, uint64_t seq, uint64_t limit, ag_item_t *item_r);

/* ---------------------------------------------------------------------- */
/*  place.c: one client's position in one stream */

typedef enum { AG_VERDICT_KEEP, AG_VERDICT_FILTERED, AG_VERDICT_SHED } ag_verdict_t;

ag_place_t *ag_place_find (const ag_client_t *client, const ag_stream_t *stream);
/*  Begins at the head. */
ag_place_t *ag_place_new (ag_client_t *client, ag_stream_t *stream, ag_filter_t filter);
void ag_place_destroy (ag_place_t **self_p);
/*  What passes only now was not sent up to here; and is not sent unless asked for. */
void ag_place_set_filter (ag_place_t *self, ag_filter_t filter);
void ag_place_set_resumable (ag_place_t *self, bool resumable);
/*  Something may be pending from `at` on. */
void ag_place_activate (ag_place_t *self, uint64_t at);
/*  Nothing is: it stands at the head. */
void ag_place_settle (ag_place_t *self);
/*  To a position that was asked for (epoch 0: the current one); decides between
    complete, partial, reset and waiting. */
void ag_place_resume (ag_place_t *self, uint64_t epoch, uint64_t seq);
/*  The same for one that has sent something: what it has sent does not come again. */
void ag_place_rewind (ag_place_t *self, uint64_t epoch, uint64_t seq);
/*  What was sent behind seq does not count as sent any more. */
void ag_place_forget (ag_place_t *self, uint64_t seq);
/*  Seq that a cursor says for it, and its epoch; false: nothing to say. */
bool ag_place_position (const ag_place_t *self, uint64_t *epoch_r, uint64_t *seq_r);
bool ag_shed_drops (const ag_shed_t *shed, uint64_t seq, ag_priority_t priority);
ag_verdict_t ag_place_verdict (const ag_place_t *self, uint64_t seq, uint8_t class);
/*  The first thing from seq on that the client has to get: an event with its
    content, a hole, or nothing. Busy: all before item_r->seq is passed over. */
void ag_place_look (ag_place_t *self, uint64_t seq, ag_item_t *item_r);
/*  Whether one more that is not for the client may be passed over in this turn. Only what
    has to be read from the history counts. */
bool ag_place_may_pass (ag_place_t *self, const ag_item_t *item);
/*  Adds what would have been sent of from .. to, by kind; what is not in memory any more
    counts as AG_KIND_UNKNOWN. Returns the sum. */
uint64_t ag_place_count (ag_place_t *self, uint64_t from, uint64_t to, uint64_t count[AG_KIND_COUNT]);
/*  Budget of a replay, or of the tail of a run that is over. */
static inline bool ag_place_catches_up (const ag_place_t *self)
{
    return self->replay || self->stream->over;
}

/*  After a put: moves the idle places of every lane that is concerned, and wakes
    their clients. before: the head until then; AG_CLASS_HOLE concerns all. */
void ag_places_wake (ag_stream_t *stream, uint64_t before, uint64_t seq, uint8_t class);

/* ---------------------------------------------------------------------- */
/*  shed.c: who is behind, and what it will not get */

/*  Decisions that are due for this client; announces them. True: one was made in front
    of a critical event, and may have cleared the way to the next; or a hole stands there. */
bool ag_shed_turn (ag_client_t *client, int64_t now_us);

/* ---------------------------------------------------------------------- */
/*  frame.c: events to texts, shared */

ag_frames_t *ag_frames_new (ag_hub_t *hub);
void ag_frames_destroy (ag_frames_t **self_p);
void ag_frames_forget (ag_frames_t *self);      /* gives the memory back */
/*  Builds or finds the next frame of events and moves the client's places behind
    it. live: it is the client's tick; else only those places take part that catch
    up or have a critical event. 1 or 0: nothing may go. */
int ag_frames_next (ag_frames_t *self, ag_client_t *client, bool live, size_t room_bytes, ag_frame_t *frame_r);

/* ---------------------------------------------------------------------- */
/*  client.c, subscribe.c */

/*  Its subscriptions' filter for a stream; false: none covers it. */
bool ag_client_covers (const ag_client_t *client, const ag_stream_t *stream, ag_filter_t *filter_r, bool *resumable_r);
/*  A stream has become known: gives the client its place there. */
void ag_client_meet (ag_client_t *client, ag_stream_t *stream, ag_sub_t *sub);
/*  The place begins to catch up, or has reached the head (place->replay says which). */
void ag_client_replay (ag_client_t *client, const ag_place_t *place);
bool ag_client_may_see (const ag_client_t *client, const ag_stream_t *stream);
/*  Says that from .. to will not come; for a plain client in its own words. recoverable:
    it can be read elsewhere. */
void ag_client_gap (ag_client_t *client, ag_place_t *place, uint64_t from, uint64_t to, ag_gap_reason_t reason,
    const uint64_t count[AG_KIND_COUNT], bool recoverable);
/*  Puts it on the ready list; urgent: although it waits for its tick. */
void ag_client_wake (ag_client_t *client, bool urgent);
void ag_client_cursor (const ag_client_t *client, ag_buf_t *out);
/*  What the positions in its cursor take at most that are in streams it has not met yet; 0: none. */
size_t ag_client_unmet_bytes (const ag_client_t *self);
/*  A subscription ends, and with it the places that no other asks for. */
void ag_client_drop (ag_client_t *client, ag_sub_t *sub);
/*  Its cursor now; lent until the next. */
ag_str_t ag_client_cursor_text (const ag_client_t *self);
/*  Something goes out: the next heartbeat is far. */
void ag_client_said (ag_client_t *self, int64_t now_us);

/* ---------------------------------------------------------------------- */
/*  outbox.c */

void ag_outbox_add (ag_outbox_t *self, ag_str_t text);
size_t ag_outbox_count (const ag_outbox_t *self);
ag_str_t ag_outbox_nth (const ag_outbox_t *self, size_t index);
/*  Moves as many as fit, but one at least, into an outbox that is emptied first. */
void ag_outbox_move (ag_outbox_t *self, size_t room_bytes, ag_outbox_t *going);
/*  Empties it, and gives back what a giant took. */
void ag_outbox_empty (ag_outbox_t *self);
void ag_outbox_free (ag_outbox_t *self);

/* ---------------------------------------------------------------------- */
/*  hub.c */

/*  ISO 8601 of a monotonic time, 25 bytes with the NUL. */
void ag_hub_timestamp (const ag_hub_t *hub, int64_t now_us, char *text);
/*  The wheel of a window. */
ag_wheel_t *ag_hub_wheel (ag_hub_t *hub, int64_t window_us);
/*  paced: events wait for the tick too. */
void ag_client_join_wheel (ag_client_t *client, bool paced, int64_t now_us);
void ag_client_leave_wheel (ag_client_t *client);
/*  heartbeat goes to the client's outbox. */
void ag_client_heartbeat (ag_client_t *client, int64_t now_us);
/*  Its tick has come. */
void ag_client_tick (ag_client_t *client);

#endif
