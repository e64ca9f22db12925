/*  bus/publisher.h - the writing end of the bus

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    One stream, its journal, an XPUB socket for all data endpoints and one
    DEALER for each control endpoint (SPEC section 6). Belongs to one thread.
    The owner polls the fds that ag_publisher_sockets gives and calls
    ag_publisher_turn. Publishing never blocks: what is not taken is resent
    from the journal on request.
*/
#ifndef AG_BUS_PUBLISHER_H
#define AG_BUS_PUBLISHER_H

#include <agentgate/event.h>

typedef struct ag_publisher ag_publisher_t;

/*  Where events can be read again for a RESEND: the journal, or the last
    events in memory when the journal is lost. Calls back in order until it
    returns false; returns 0 or -1. */
typedef bool (ag_publisher_event_fn) (void *context, ag_event_t *event);
typedef int (ag_publisher_read_fn) (void *context, uint64_t from, uint64_t to,
    ag_publisher_event_fn *fn, void *fn_context);

typedef struct {
    const char *const *bus;             /* data endpoints; a leading "@" binds, else connects */
    size_t bus_count;
    const char *const *control;         /* control endpoints */
    size_t control_count;
    const char *curve_dir;              /* or NULL */
    ag_ids_t ids;
    uint64_t epoch;
    ag_publisher_read_fn *read;
    void (*acked) (void *context, uint64_t seq);        /* a gateway has committed all up to seq */
    void (*resumed) (void *context, uint64_t seq);      /* WELCOME: a gateway holds this epoch up to seq */
    void (*cancel) (void *context);                     /* CANCEL from a gateway */
    void *context;                      /* for the four */
} ag_publisher_options_t;

ag_publisher_t *ag_publisher_new (const ag_publisher_options_t *options, char **error_r);
void ag_publisher_destroy (ag_publisher_t **self_p);

/*  Publishes an event that is in the journal. Until an endpoint's first
    subscription (at most 250 ms after the start) it is only noted as the
    head: a gateway fetches it by RESEND. */
void ag_publisher_put (ag_publisher_t *self, ag_event_t *event);
/*  What the head is, and that nothing follows. */
void ag_publisher_ended (ag_publisher_t *self);

/*  For the owner's loop: zmq sockets to poll for input (lent, at most `max`),
    the count is returned. */
size_t ag_publisher_sockets (ag_publisher_t *self, void **sockets_r, size_t max);
/*  Reads all input, answers, keeps heartbeats. Returns the monotonic time in
    microseconds at which it wants to be called again. */
int64_t ag_publisher_turn (ag_publisher_t *self, int64_t now_us);

/*  True while the start still waits for a subscription. */
bool ag_publisher_starting (const ag_publisher_t *self, int64_t now_us);
bool ag_publisher_answered (const ag_publisher_t *self);        /* a gateway has said WELCOME */
/*  The last seq that every gateway that answered has acknowledged. */
uint64_t ag_publisher_acked (const ag_publisher_t *self);

#endif
