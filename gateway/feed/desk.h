/*  gateway/feed/desk.h - where writers report: streams, their epochs, their control channels

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Between the bus and the hub. Keeps a sequencer (order.h) for each (stream,
    epoch), answers HELLO, asks for what is missing, acknowledges what is
    committed, and decides which epoch of a stream is shown: the newest, unless
    another writer of that stream is alive, which is a conflict. Events of older
    epochs are stored, not streamed. SPEC sections 2, 6 and 7.1.

    Pure: no socket, no clock, no file; what it does goes out by callbacks,
    which must not call back in.
*/
#ifndef AG_FEED_DESK_H
#define AG_FEED_DESK_H

#include <agentgate/event.h>

#include "core/wire.h"
#include "feed/hub.h"

typedef struct ag_desk ag_desk_t;

enum {
    AG_DESK_TRACKS = 20000,         /* (stream, epoch) pairs known at once */
    AG_DESK_WAITING_BYTES = 16 * 1024 * 1024    /* of events that wait behind holes, in all streams together */
};
#define AG_DESK_RIVAL_US INT64_C (3000000)      /* a writer heard of within this owns its stream */

typedef void (ag_desk_range_fn) (void *context, uint64_t from, uint64_t to);

typedef struct {
    /*  Sends a control message to a writer; `peer` is its routing id. */
    void (*send) (void *context, ag_str_t peer, const ag_control_t *message);
    /*  An event that goes to viewers, in order, for other readers of the bus; or NULL. */
    void (*republish) (void *context, ag_event_t *event);
    /*  Takes an event for the store, and how far its stream is acknowledged.
        Returns a ticket, higher than all before, for ag_desk_committed; or 0
        when it cannot. NULL: there is no store, and what is delivered counts
        as committed. */
    uint64_t (*archive) (void *context, ag_event_t *event, uint64_t acked);
    /*  Tells fn the ranges that the store lacks, in order: of those behind what
        was acknowledged, and before the last that it holds. NULL: never any. */
    void (*missing) (void *context, ag_str_t stream, uint64_t epoch, ag_desk_range_fn *fn, void *fn_context);
    void *context;
} ag_desk_ops_t;

typedef struct {
    ag_hub_t *hub;                  /* lent */
    const ag_history_t *history;    /* what is stored already; lent; or NULL */
    ag_desk_ops_t ops;
    int64_t forget_us;              /* ended or lost streams are forgotten after this */
} ag_desk_options_t;

ag_desk_t *ag_desk_new (const ag_desk_options_t *options);
void ag_desk_destroy (ag_desk_t **self_p);

/*  An event from the bus (peer absent) or from a writer's control channel. */
void ag_desk_event (ag_desk_t *self, ag_event_t *event, ag_str_t peer, int64_t now_us);
/*  HELLO, HEARTBEAT, GOODBYE, RESENT from a writer. Returns false on a message
    that makes no sense (a gateway's own kind, a stream without epoch). */
bool ag_desk_control (ag_desk_t *self, ag_str_t peer, const ag_control_t *message, int64_t now_us);

/*  Everything up to `ticket` is in the store for good. */
void ag_desk_committed (ag_desk_t *self, uint64_t ticket);
/*  The store takes events again; what it missed is asked for once more. */
void ag_desk_store_recovered (ag_desk_t *self);

/*  To be called after input, and at the time it returned last. */
int64_t ag_desk_turn (ag_desk_t *self, int64_t now_us);

/*  CANCEL to the writer of a stream: true when there is one and it is alive. */
bool ag_desk_cancel (ag_desk_t *self, ag_str_t stream, int64_t now_us);

typedef struct {
    size_t tracks;                  /* (stream, epoch) pairs known */
    size_t alive, repairing;        /* of these, by state */
    size_t waiting;                 /* events that wait behind holes */
    uint64_t duplicates, asked, lost, late;     /* as in order.h, over all */
    uint64_t stale;                 /* events of older epochs */
    uint64_t conflicts;             /* events and HELLOs of a second writer */
    uint64_t refused;               /* events of streams beyond AG_DESK_TRACKS */
    uint64_t unstored;              /* events that the store would not take */
} ag_desk_stats_t;
void ag_desk_stats (const ag_desk_t *self, ag_desk_stats_t *stats_r);

#endif
