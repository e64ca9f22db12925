/*  bus/publisher.h - the writing end of the bus

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    One stream, whose events are in a journal, an XPUB socket for each data
    endpoint and a DEALER for each control endpoint (SPEC section 6). Belongs
    to one thread. The owner polls the sockets that ag_publisher_sockets gives,
    and calls ag_publisher_turn when one is readable, when the time has come
    that the last turn named, and after it has put events. Nothing blocks:
    what is not taken now is read from the journal again, later or on request.
*/
#ifndef AG_BUS_PUBLISHER_H
#define AG_BUS_PUBLISHER_H

#include <agentgate/event.h>

#include "bus/socket.h"

typedef struct ag_publisher ag_publisher_t;

/*  How long publishing waits for an endpoint's first subscription. */
enum { AG_PUBLISHER_START_MS = 250 };

/*  Where events can be read again: the journal, or the last events in memory
    when the journal is lost. Calls back in order, from <= seq <= to, until it
    returns false; returns 0 or -1. Events that are no longer held are left out. */
typedef bool (ag_publisher_event_fn) (void *context, ag_event_t *event);
typedef int (ag_publisher_read_fn) (void *context, uint64_t from, uint64_t to,
    ag_publisher_event_fn *fn, void *fn_context);

typedef struct {
    void *zmq_context;                  /* lent (ag_publisher_context), then nothing is bound; NULL: one of its own */
    const char *const *bus;             /* data endpoints; a leading "@" binds, else connects. None: all goes by RESEND */
    size_t bus_count;
    const char *const *control;         /* control endpoints */
    size_t control_count;
    ag_curve_t *curve;            /* lent, or NULL */
    ag_ids_t ids;
    uint64_t epoch;
    uint64_t first, last;               /* what the journal holds already; 0, 0: nothing. Not published again, only resent */
    uint64_t acked;                     /* of that, what gateways have acknowledged before */
    bool ended;                         /* the stream is complete: nothing will be put */
    ag_publisher_read_fn *read;
    /*  Called from ag_publisher_turn; each may be NULL. */
    void (*acked_fn) (void *context, uint64_t seq);     /* all gateways that answered have committed up to seq */
    void (*resumed_fn) (void *context, uint64_t seq);   /* WELCOME: a gateway holds this epoch up to seq */
    void (*cancel_fn) (void *context);                  /* CANCEL from a gateway */
    void *context;                      /* for read and the three */
} ag_publisher_options_t;

/*  Copies what it needs. NULL with a malloc'ed *error_r: an endpoint that
    cannot be bound or connected. */
ag_publisher_t *ag_publisher_new (const ag_publisher_options_t *options, char **error_r);
/*  Closes the sockets; waits at most AG_SOCKET_LINGER_MS for what is on its way. */
void ag_publisher_destroy (ag_publisher_t **self_p);

/*  Its ZeroMQ context, for another publisher: that starts no thread, which may not
    be possible when an agent has used up all the processes that it may have. */
void *ag_publisher_context (const ag_publisher_t *self);

/*  Publishes an event that is in the journal: the head is now its seq. */
void ag_publisher_put (ag_publisher_t *self, ag_event_t *event);
/*  Nothing follows the head. */
void ag_publisher_ended (ag_publisher_t *self);
/*  The journal is lost: what is held now begins at `first`. */
void ag_publisher_set_first (ag_publisher_t *self, uint64_t first);

/*  For the owner's loop: zmq sockets to poll for input (lent, at most `max`);
    the count is returned. They stay the same for life. */
size_t ag_publisher_sockets (const ag_publisher_t *self, void **sockets_r, size_t max);
/*  Reads all input, answers, catches up, keeps heartbeats. Returns the monotonic
    time in microseconds at which it wants to be called again. */
int64_t ag_publisher_turn (ag_publisher_t *self, int64_t now_us);

/*  True while the start still waits for a subscription. */
bool ag_publisher_starting (const ag_publisher_t *self, int64_t now_us);
/*  True when every data endpoint has been given all up to the head (or has nobody). */
bool ag_publisher_drained (const ag_publisher_t *self);
bool ag_publisher_answered (const ag_publisher_t *self);        /* a gateway has said WELCOME, and none has refused */
/*  A gateway has refused us or knows another live writer of the stream: nothing
    is published any more. The reason, lent; or NULL. */
const char *ag_publisher_refused (const ag_publisher_t *self);
/*  The last seq that every gateway that answered has committed; 0: none has answered. */
uint64_t ag_publisher_acked (const ag_publisher_t *self);
uint64_t ag_publisher_head (const ag_publisher_t *self);
/*  Of the gateway at the n-th control endpoint: it has answered; it has committed all up to the head. */
bool ag_publisher_is_heard (const ag_publisher_t *self, size_t n);
bool ag_publisher_is_held (const ag_publisher_t *self, size_t n);

#endif
