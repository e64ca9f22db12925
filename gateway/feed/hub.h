/*  gateway/feed/hub.h - runs x clients

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The hub owns the streams (each a ring of events) and knows the clients.
    Events come in by ag_hub_put, already in order (order.h sees to that), and
    are stored once, encoded once, shared by all who watch. Pure: no socket,
    no clock; now_us is monotonic. SPEC section 7.
*/
#ifndef AG_FEED_HUB_H
#define AG_FEED_HUB_H

#include <agentgate/event.h>

typedef struct ag_hub ag_hub_t;
typedef struct ag_client ag_client_t;

/*  Durable history behind the rings (the store; a fake in tests). Calls back
    in order until it returns false; 0 or -1. */
typedef bool (ag_history_event_fn) (void *context, ag_event_t *event);
typedef bool (ag_history_stream_fn) (void *context, ag_str_t stream, ag_str_t work_order, ag_str_t run);
typedef struct {
    uint64_t epoch;
    uint64_t first, last;           /* oldest and newest seq that is held; 0, 0: none */
    uint64_t forgotten;             /* what was held up to here was deleted by age or size; 0: nothing */
} ag_history_bounds_t;
typedef struct {
    int (*read) (void *context, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
        ag_history_event_fn *fn, void *fn_context);
    /*  What is held of an epoch (0: the newest). 1 found, 0 not, -1. */
    int (*bounds) (void *context, ag_str_t stream, uint64_t epoch, ag_history_bounds_t *bounds_r);
    /*  Or NULL: tells fn each stream of a work order that is held, so that a viewer who
        comes back after a restart meets runs that ended long ago. 0 or -1. */
    int (*streams) (void *context, ag_str_t work_order, ag_history_stream_fn *fn, void *fn_context);
    void *context;
    /*  Or NULL: true while something that was put is on its way into the history and
        cannot be read yet. Then an event that is not there is waited for. */
    bool (*behind) (void *context);
    /*  Or NULL: true while it lacks something that was put, for a moment or because it cannot be
        written. Then the end of a read may be missing. */
    bool (*lacks) (void *context);
} ag_history_t;

typedef struct {
    uint32_t buffer_events;         /* 1,000 per stream */
    size_t stream_bytes;            /* per stream */
    size_t total_bytes;             /* over all rings */
    int64_t retention_us;           /* 60 min after a stream's end */
    uint32_t rate_limit;            /* events/s per client; 0: none */
    int64_t batch_us;               /* 100 ms */
    const ag_history_t *history;    /* lent; or NULL */
    int64_t wall_offset_us;         /* wall clock = now_us + this, for timestamps of our own messages */
    size_t subscriptions_max;       /* per client; 0: 64 */
    /*  Whether a client (its user pointer) may see a work order; NULL: all may. */
    bool (*may_see) (void *user, ag_str_t work_order);
} ag_hub_options_t;

typedef enum { AG_PRODUCER_ALIVE, AG_PRODUCER_REPAIRING, AG_PRODUCER_LOST, AG_PRODUCER_ENDED } ag_producer_t;
typedef enum { AG_GAP_RATE, AG_GAP_EVICTED, AG_GAP_LOST, AG_GAP_RETENTION } ag_gap_reason_t;

ag_hub_t *ag_hub_new (const ag_hub_options_t *options);
void ag_hub_destroy (ag_hub_t **self_p);        /* clients must be gone */
/*  The wall clock was set, or drifts from the monotonic one. */
void ag_hub_set_wall_offset (ag_hub_t *self, int64_t wall_offset_us);

/*  The next event of its stream: seq = last + 1 of its epoch (or the first
    that is known of it), or a newer epoch's first. Takes its own reference.
    An older epoch is not for the hub. */
void ag_hub_put (ag_hub_t *self, ag_event_t *event, int64_t now_us);
/*  These numbers will not come (order.h has given up on them); the next put is to+1. */
void ag_hub_lost (ag_hub_t *self, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to, int64_t now_us);
/*  They came after all, late, and are in the ring (if still in its range) and the history. */
void ag_hub_repaired (ag_hub_t *self, ag_str_t stream, uint64_t epoch, ag_event_t *const *events, size_t count, int64_t now_us);
/*  The history has them now, which it had refused: who read it meanwhile was told that they are not there. */
void ag_hub_stored (ag_hub_t *self, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to);
/*  What is known of a stream's writer; also makes a stream known before its
    first event (HELLO). run absent for work-order streams. */
void ag_hub_producer (ag_hub_t *self, ag_str_t stream, ag_str_t work_order, ag_str_t run, uint64_t epoch,
    ag_producer_t state, int64_t now_us);

/*  Retention and eviction by time; call about once a second. */
void ag_hub_housekeep (ag_hub_t *self, int64_t now_us);

/*  Clients that have something to send now, because of puts since the last
    call: first after quiet, or critical. Takes one off the list; NULL: none. */
ag_client_t *ag_hub_pop_ready (ag_hub_t *self);
/*  The next shared flush tick that any client waits for; INT64_MAX: none.
    ag_hub_tick puts the clients that are due on the ready list. */
int64_t ag_hub_next_tick_us (const ag_hub_t *self);
void ag_hub_tick (ag_hub_t *self, int64_t now_us);

/*  Lists. Strings are lent until the next change of the hub. */
typedef struct {
    ag_str_t stream, work_order, run;
    uint64_t epoch, first, last;    /* ring; 0, 0 when empty */
    ag_producer_t producer;
    ag_event_t *started, *progress, *ended;     /* latest of their kind, lent, or NULL */
    int64_t first_ts_us, last_ts_us;
    uint64_t count[AG_KIND_COUNT];
} ag_stream_info_t;
typedef bool (ag_hub_stream_fn) (void *context, const ag_stream_info_t *info);
void ag_hub_each_stream (const ag_hub_t *self, ag_hub_stream_fn *fn, void *context);
bool ag_hub_stream (const ag_hub_t *self, ag_str_t stream, ag_stream_info_t *info_r);

typedef struct {
    size_t streams, clients, events, bytes;
    uint64_t put, delivered, rolled_up, shed, gaps, evicted;
} ag_hub_stats_t;
void ag_hub_stats (const ag_hub_t *self, ag_hub_stats_t *stats_r);

#endif
