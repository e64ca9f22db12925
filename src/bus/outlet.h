/*  bus/outlet.h - one data endpoint: an XPUB socket and how far it has come

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    An outlet is a cursor over the journal, not a queue. An event that it has
    taken is sent; what it could not take yet (nobody has subscribed since the
    start, or the peer's queue is full) is read from the journal later.
*/
#ifndef AG_BUS_OUTLET_H
#define AG_BUS_OUTLET_H

#include <agentgate/event.h>

#include "bus/socket.h"

typedef struct ag_outlet ag_outlet_t;

ag_outlet_t *ag_outlet_new (void *zmq_context, const char *endpoint, ag_curve_t *curve, uint64_t sent,
    int64_t start_by_us, char **error_r);
void ag_outlet_destroy (ag_outlet_t **self_p);

void *ag_outlet_socket (const ag_outlet_t *self);
/*  Takes in subscriptions; the first one, or its time, starts the outlet. */
void ag_outlet_read (ag_outlet_t *self, int64_t now_us);
bool ag_outlet_starting (const ag_outlet_t *self, int64_t now_us);
int64_t ag_outlet_start_by_us (const ag_outlet_t *self);
/*  The last seq that it has taken. */
uint64_t ag_outlet_sent (const ag_outlet_t *self);
/*  Moves it on without sending: the events are no longer held. */
void ag_outlet_skip (ag_outlet_t *self, uint64_t seq);
/*  It no longer waits: a subscription has come, or its time was up. */
bool ag_outlet_started (const ag_outlet_t *self);
bool ag_outlet_has_subscribers (const ag_outlet_t *self);
/*  Sends the frames of event seq; where nobody listens it counts as sent.
    False: the queue is full, later again. */
bool ag_outlet_put (ag_outlet_t *self, uint64_t seq, const ag_frame_view_t frames[3]);

#endif
