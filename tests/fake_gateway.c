/*  tests/fake_gateway.c - the gateway's end of the bus, led by hand

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "fake_gateway.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bus/frames.h"
#include "core/clock.h"
#include "core/mem.h"

struct fake_gateway {
    void *context;
    void *sub, *router;
    char *bus, *control; /* endpoints */
    ag_buf_t peer;       /* identity of the executor heard last */
    ag_incoming_t in;    /* the last message, which lends its strings */
    ag_event_t *event;   /* the last event */
};

static void *s_bound (void *context, int type, const char *endpoint)
{
    char *error = NULL;
    void *socket = ag_socket_open (context, type, &error);
    assert_non_null (socket);
    if (ag_socket_attach (socket, endpoint, AG_SOCKET_BIND, NULL, &error))
        fail_msg ("%s", error);
    return socket;
}

fake_gateway_t *fake_gateway_new (const char *folder)
{
    fake_gateway_t *self = ag_calloc (1, sizeof *self);
    self->context = zmq_ctx_new ();
    self->bus = ag_asprintf ("ipc://%s/bus", folder);
    self->control = ag_asprintf ("ipc://%s/control", folder);
    self->sub = s_bound (self->context, ZMQ_SUB, self->bus);
    self->router = s_bound (self->context, ZMQ_ROUTER, self->control);
    /*  A full queue makes the test wait, not lose. */
    const int yes = 1;
    zmq_setsockopt (self->router, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes);
    return self;
}

void fake_gateway_destroy (fake_gateway_t **self_p)
{
    fake_gateway_t *self = *self_p;
    const int none = 0;
    ag_incoming_close (&self->in);
    ag_event_unref (&self->event);
    zmq_setsockopt (self->router, ZMQ_LINGER, &none, sizeof none);
    zmq_close (self->sub);
    zmq_close (self->router);
    zmq_ctx_term (self->context);
    free (self->bus);
    free (self->control);
    ag_buf_free (&self->peer);
    free (self);
    *self_p = NULL;
}

void fake_gateway_subscribe (fake_gateway_t *self)
{
    assert_int_equal (zmq_setsockopt (self->sub, ZMQ_SUBSCRIBE, "agentgate/1/", 12), 0);
}

static bool s_wait (void *socket, int timeout_ms)
{
    zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
    return zmq_poll (&item, 1, timeout_ms) > 0;
}

static ag_event_t *s_event_at (fake_gateway_t *self, size_t at)
{
    char *error = NULL;
    ag_event_unref (&self->event);
    self->event = ag_incoming_event (&self->in, at, &error);
    if (!self->event)
        fail_msg ("%s", error);
    return self->event;
}

fake_message_t fake_gateway_control (fake_gateway_t *self, int timeout_ms)
{
    fake_message_t message = { .kind = AG_CONTROL_UNKNOWN };
    ag_incoming_close (&self->in);
    if (!s_wait (self->router, timeout_ms) || !ag_incoming_read (&self->in, self->router))
        return message;
    const ag_frame_view_t *frames = self->in.frames;
    ag_buf_clear (&self->peer);
    ag_buf_append (&self->peer, frames[0].data, frames[0].len);
    message.kind = ag_control_kind (frames[1].data, frames[1].len);
    assert_int_not_equal (message.kind, AG_CONTROL_UNKNOWN);
    if (message.kind == AG_CONTROL_EVENT)
        message.event = s_event_at (self, 2);
    else {
        assert_int_equal (self->in.count, 3);
        assert_int_equal (ag_control_unpack (message.kind, frames[2].data, frames[2].len, &message.control), 0);
    }
    return message;
}

fake_message_t fake_gateway_control_but (fake_gateway_t *self, ag_control_kind_t boring, int timeout_ms)
{
    fake_message_t message;
    int64_t until_us = ag_clock_mono_us () + (int64_t) timeout_ms * 1000;
    do
        message = fake_gateway_control (self, (int) ((until_us - ag_clock_mono_us ()) / 1000) + 1);
    while (message.kind == boring && ag_clock_mono_us () < until_us);
    return message;
}

ag_event_t *fake_gateway_event (fake_gateway_t *self, int timeout_ms)
{
    ag_incoming_close (&self->in);
    if (!s_wait (self->sub, timeout_ms) || !ag_incoming_read (&self->in, self->sub))
        return NULL;
    return s_event_at (self, 0);
}

void fake_gateway_say_frames (fake_gateway_t *self, const ag_str_t *frames, size_t count)
{
    zmq_send (self->router, self->peer.data, self->peer.len, ZMQ_SNDMORE);
    for (size_t i = 0; i < count; i++)
        zmq_send (self->router, frames[i].ptr, frames[i].len, i + 1 < count ? ZMQ_SNDMORE : 0);
}

void fake_gateway_say (fake_gateway_t *self, const ag_control_t *message)
{
    ag_buf_t map = { 0 };
    const char *name = ag_control_name (message->kind);
    ag_control_pack (message, &map);
    ag_str_t frames[2] = { { name, strlen (name) }, { map.data, map.len } };
    fake_gateway_say_frames (self, frames, 2);
    ag_buf_free (&map);
}

const char *fake_gateway_bus (const fake_gateway_t *self)
{
    return self->bus;
}

const char *fake_gateway_control_endpoint (const fake_gateway_t *self)
{
    return self->control;
}
