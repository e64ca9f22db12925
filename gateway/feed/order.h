/*  gateway/feed/order.h - what came in, into the order it was written in

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A sequencer for one epoch of one stream. Events come in as the bus brings
    them: twice, late, or not at all. They go out once each and in the order of
    their numbers. What is missing is asked for (one RESEND window at a time)
    and waited for; it is given up only by the rules of SPEC section 7.1:

      - the writer says that it no longer has it, or
      - its control channel has been silent for 10 s, or
      - it never said HELLO, and has been known for 3 s.

    A missing tail (the writer's head is known, nothing behind it has come) is
    never given up: nothing waits for it, and whoever delivers the journal
    later simply goes on. What was given up for the last two reasons is still
    wanted, and comes out by `late` when it arrives after all.

    Pure: no socket, no clock. The callbacks must not call back in.
*/
#ifndef AG_FEED_ORDER_H
#define AG_FEED_ORDER_H

#include <agentgate/event.h>

#include "feed/hub.h"

typedef struct ag_order ag_order_t;

/*  Limits and times; documented for tests and for the design page. */
enum {
    AG_ORDER_WINDOW = 1024,                     /* events that may wait behind a hole */
    AG_ORDER_WAITING_BYTES = 2 * 1024 * 1024,   /* and their memory */
    AG_ORDER_LOST_RANGES = 1024,                /* given up, still wanted; more are joined, with what lies between */
    AG_ORDER_TRIES = 10                         /* windows in a row that brought nothing of what was asked for */
};
#define AG_SEQ_MAX              ((UINT64_C (1) << 36) - 1)        /* as the store: what is larger is none of ours */
#define AG_ORDER_REPAIRING_US   INT64_C (250000)    /* a hole this old is told */
#define AG_ORDER_RETRY_US       INT64_C (1000000)   /* a window that does not move is asked for again */
#define AG_ORDER_HELLO_US       INT64_C (3000000)   /* a writer without a control channel */
#define AG_ORDER_DEAD_US        INT64_C (10000000)  /* a silent writer */

/*  What comes out. Events are lent. */
typedef struct {
    /*  The next event. */
    void (*deliver) (void *context, ag_event_t *event);
    /*  These will not come; the next one delivered is to + 1. */
    void (*lost) (void *context, uint64_t from, uint64_t to);
    /*  They came after all: consecutive numbers, given up by `lost` (told) or
        only wanted again by ag_order_want. */
    void (*late) (void *context, ag_event_t *const *events, size_t count, bool told);
    /*  Ask the writer to send these again. */
    void (*ask) (void *context, uint64_t from, uint64_t to);
    /*  The writer's state has changed. It starts as ALIVE. */
    void (*state) (void *context, ag_producer_t state);
    void *context;
} ag_order_out_t;

/*  What waits in several sequencers together; one that would exceed it refuses. */
typedef struct {
    size_t bytes, max_bytes;
} ag_order_pool_t;

/*  All up to `held` is here already (the store has it); 0: nothing. The pool is
    lent; NULL: none. */
ag_order_t *ag_order_new (const ag_order_out_t *out, uint64_t held, ag_order_pool_t *pool, int64_t now_us);
void ag_order_destroy (ag_order_t **self_p);

/*  An event, over either channel; lent, referenced if it has to wait.
    Returns false when it was dropped: here already, or no room to wait (the
    writer will be asked for it). */
bool ag_order_event (ag_order_t *self, ag_event_t *event, bool over_control, int64_t now_us);

/*  HELLO, HEARTBEAT, GOODBYE: the writer holds first .. last (0: nothing);
    `ended`: nothing follows `last`. `anew`: a HELLO, so nothing asked for
    before will be answered. */
void ag_order_head (ag_order_t *self, uint64_t first, uint64_t last, bool ended, bool anew, int64_t now_us);
/*  RESENT: the window from `from` is closed: up to `gone` it does not exist any
    more (0: nothing is gone), from there up to `to` it was sent; `first` is the
    oldest held. What was sent and has not come is asked for again. */
void ag_order_resent (ag_order_t *self, uint64_t from, uint64_t gone, uint64_t to, uint64_t first, int64_t now_us);

/*  Wants from .. to again, which is behind us: the store lost it, or lacked it
    when we began (told: viewers may have been told so). It comes out by `late`. */
void ag_order_want (ag_order_t *self, uint64_t from, uint64_t to, bool told);

/*  Does what time demands, and says when it must be called again at the
    latest (INT64_MAX: not before something comes in). Call it after input too. */
int64_t ag_order_turn (ag_order_t *self, int64_t now_us);

uint64_t ag_order_next (const ag_order_t *self);            /* the number delivered next */
/*  All up to here is delivered or will never come: what may be acknowledged. */
uint64_t ag_order_settled (const ag_order_t *self);
ag_producer_t ag_order_state (const ag_order_t *self);
bool ag_order_greeted (const ag_order_t *self);             /* a HELLO has come */
int64_t ag_order_heard_us (const ag_order_t *self);         /* last sign of life, either channel */
int64_t ag_order_control_us (const ag_order_t *self);       /* last sign of life over control; INT64_MIN: never */
size_t ag_order_waiting (const ag_order_t *self);           /* events behind a hole */

typedef struct {
    uint64_t duplicates;        /* came again */
    uint64_t refused;           /* no room to wait; asked for again */
    uint64_t asked;             /* RESEND windows */
    uint64_t lost;              /* events given up */
    uint64_t late;              /* of these, came after all */
} ag_order_stats_t;
const ag_order_stats_t *ag_order_stats (const ag_order_t *self);

#endif
