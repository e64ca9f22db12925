/*  bus/subscriber.c - follows the bus

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <agentgate/subscriber.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bus/curve.h"
#include "bus/endpoints.h"
#include "bus/frames.h"
#include "bus/heads.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/paths.h"

struct ag_subscriber {
    void *zmq_context;  /* of its own, with one I/O thread */
    void *socket;       /* SUB */
    ag_curve_t *curve;  /* or NULL */
    ag_zap_t *zap;      /* the gate for keys, or NULL */
    ag_heads_t *heads;  /* last number of each stream */
    uint64_t malformed; /* messages that are no event */
};

static char *s_default_endpoint (char **error_r)
{
    char *folder = ag_path_runtime_dir (error_r);
    char *endpoint = folder ? ag_asprintf ("ipc://%s/republish", folder) : NULL;
    free (folder);
    return endpoint;
}

static int s_attach (ag_subscriber_t *self, const ag_subscriber_options_t *options, char **error_r)
{
    ag_endpoints_t endpoints;
    bool exposed = options->insecure || options->curve_dir;
    if (ag_endpoints_init (
            &endpoints, options->endpoints, options->endpoint_count, s_default_endpoint, exposed, error_r))
        return -1;
    int rc = 0;
    for (size_t i = 0; i < endpoints.count && rc == 0; i++)
        rc = ag_socket_attach_text (self->socket, endpoints.texts[i], self->curve, error_r);
    ag_endpoints_free (&endpoints);
    return rc;
}

static void s_subscribe (ag_subscriber_t *self, const ag_subscriber_options_t *options)
{
    ag_buf_t topic = { 0 };
    if (options->work_order.ptr)
        ag_topic_append_prefix (&topic, options->work_order, options->run);
    else
        ag_buf_append_cstr (&topic, AG_TOPIC_ROOT);
    zmq_setsockopt (self->socket, ZMQ_SUBSCRIBE, topic.data, topic.len);
    ag_buf_free (&topic);
}

static int s_open (ag_subscriber_t *self, const ag_subscriber_options_t *options, char **error_r)
{
    if (options->curve_dir) {
        self->curve = ag_curve_load (options->curve_dir, error_r);
        self->zap = self->curve ? ag_zap_new (self->zmq_context, self->curve, error_r) : NULL;
        if (!self->zap)
            return -1;
    }
    self->socket = ag_socket_open (self->zmq_context, ZMQ_SUB, error_r);
    if (!self->socket)
        return -1;
    s_subscribe (self, options);
    return s_attach (self, options, error_r);
}

ag_subscriber_t *ag_subscriber_new (const ag_subscriber_options_t *options, char **error_r)
{
    static const ag_subscriber_options_t everything = { 0 };
    ag_subscriber_t *self = ag_calloc (1, sizeof *self);
    self->zmq_context = zmq_ctx_new ();
    self->heads = ag_heads_new ();
    *error_r = NULL;
    if (s_open (self, options ? options : &everything, error_r))
        ag_subscriber_destroy (&self);
    return self;
}

void ag_subscriber_destroy (ag_subscriber_t **self_p)
{
    ag_subscriber_t *self = *self_p;
    if (!self)
        return;
    if (self->socket)
        zmq_close (self->socket);
    ag_zap_destroy (&self->zap);
    zmq_ctx_term (self->zmq_context);
    ag_curve_destroy (&self->curve);
    ag_heads_destroy (&self->heads);
    free (self);
    *self_p = NULL;
}

/*  One message: 1 an event, 0 none there, 2 something else. */
static int s_read (ag_subscriber_t *self, ag_received_t *received_r)
{
    ag_incoming_t in;
    char *why = NULL;
    if (!ag_incoming_read (&in, self->socket))
        return 0;
    ag_event_t *event = ag_incoming_event (&in, 0, &why);
    ag_incoming_close (&in);
    if (!event) {
        self->malformed++;
        ag_log_debug ("NO_EVENT", "a message on the bus is no event: %s", why);
        free (why);
        return 2;
    }
    *received_r = (ag_received_t){ .event = event };
    ag_heads_note (self->heads, event, received_r);
    return 1;
}

/*  1 there is input, 0 not within the time, -1 interrupted. */
static int s_wait (ag_subscriber_t *self, int64_t until_us)
{
    long wait_ms = -1;
    if (until_us >= 0) {
        int64_t left_us = until_us - ag_clock_mono_us ();
        wait_ms = left_us > 0 ? (long) (left_us / 1000) + 1 : 0;
    }
    zmq_pollitem_t item = { .socket = self->socket, .events = ZMQ_POLLIN };
    return zmq_poll (&item, 1, wait_ms);
}

int ag_subscriber_next (ag_subscriber_t *self, int timeout_ms, ag_received_t *received_r)
{
    int64_t until_us = timeout_ms < 0 ? -1 : ag_clock_mono_us () + (int64_t) timeout_ms * 1000;
    for (;;) {
        int got;
        do
            got = s_read (self, received_r);
        while (got == 2);
        if (got == 1)
            return 1;
        int ready = s_wait (self, until_us);
        if (ready <= 0)
            return ready;
    }
}

uint64_t ag_subscriber_malformed (const ag_subscriber_t *self)
{
    return self->malformed;
}

void *ag_subscriber_socket (const ag_subscriber_t *self)
{
    return self->socket;
}
