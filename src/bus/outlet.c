/*  bus/outlet.c - one data endpoint: an XPUB socket and how far it has come

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/outlet.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#include "core/mem.h"

struct ag_outlet {
    void *socket;           /* XPUB: its input is the subscriptions */
    uint64_t sent;          /* events up to here have been taken */
    int64_t start_by_us;    /* without a subscription until then it starts all the same */
    unsigned subscriptions; /* distinct topics that somebody wants */
    bool started;
};

/*  With one peer (we connect) a full queue says so, and the cursor waits: a
    burst loses nothing. With many (we bind) it does not, or the slowest of
    them would hold up the others. */
static void *s_open (void *zmq_context, const char *endpoint, ag_curve_t *curve, char **error_r)
{
    void *socket = ag_socket_open (zmq_context, ZMQ_XPUB, error_r);
    if (!socket)
        return NULL;
    const int no_drop = endpoint[0] != '@';
    zmq_setsockopt (socket, ZMQ_XPUB_NODROP, &no_drop, sizeof no_drop);
    if (ag_socket_attach_text (socket, endpoint, curve, error_r) == 0)
        return socket;
    zmq_close (socket);
    return NULL;
}

ag_outlet_t *ag_outlet_new (void *zmq_context, const char *endpoint, ag_curve_t *curve, uint64_t sent,
    int64_t start_by_us, char **error_r)
{
    void *socket = s_open (zmq_context, endpoint, curve, error_r);
    if (!socket)
        return NULL;
    ag_outlet_t *self = ag_calloc (1, sizeof *self);
    self->socket = socket;
    self->sent = sent;
    self->start_by_us = start_by_us;
    return self;
}

void ag_outlet_destroy (ag_outlet_t **self_p)
{
    ag_outlet_t *self = *self_p;
    if (!self)
        return;
    zmq_close (self->socket);
    free (self);
    *self_p = NULL;
}

void *ag_outlet_socket (const ag_outlet_t *self)
{
    return self->socket;
}

/*  A subscription message: 1 or 0, then the topic. */
static void s_note (ag_outlet_t *self, const unsigned char *data, size_t len)
{
    if (len == 0)
        return;
    if (data[0] == 1) {
        self->subscriptions++;
        self->started = true;
    } else if (data[0] == 0 && self->subscriptions)
        self->subscriptions--;
}

void ag_outlet_read (ag_outlet_t *self, int64_t now_us)
{
    zmq_msg_t message;
    zmq_msg_init (&message);
    while (zmq_msg_recv (&message, self->socket, ZMQ_DONTWAIT) >= 0)
        s_note (self, zmq_msg_data (&message), zmq_msg_size (&message));
    zmq_msg_close (&message);
    if (now_us >= self->start_by_us)
        self->started = true;
}

bool ag_outlet_starting (const ag_outlet_t *self, int64_t now_us)
{
    return !self->started && now_us < self->start_by_us;
}

int64_t ag_outlet_start_by_us (const ag_outlet_t *self)
{
    return self->start_by_us;
}

uint64_t ag_outlet_sent (const ag_outlet_t *self)
{
    return self->sent;
}

void ag_outlet_skip (ag_outlet_t *self, uint64_t seq)
{
    if (seq > self->sent)
        self->sent = seq;
}

bool ag_outlet_started (const ag_outlet_t *self)
{
    return self->started;
}

bool ag_outlet_has_subscribers (const ag_outlet_t *self)
{
    return self->subscriptions > 0;
}

bool ag_outlet_put (ag_outlet_t *self, uint64_t seq, const ag_frame_view_t frames[3])
{
    if (self->subscriptions && !ag_socket_send (self->socket, frames, 3))
        return false;
    self->sent = seq;
    return true;
}
