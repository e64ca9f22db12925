/*  bus/zap.c - the gate of a context: which keys may connect

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    czmq's own (zauth) serves czmq's global context only; ours have contexts of
    their own, so that closing them ends their threads. The certificates and
    the folder that is watched for changes are czmq's.
*/
#include "bus/curve.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bus/curve_private.h"
#include "bus/frames.h"
#include "core/log.h"
#include "core/mem.h"

enum { CREDENTIAL_BYTES = 32, ZAP_FRAMES = 7 };

struct ag_zap {
    void *requests;               /* REP: libzmq asks here */
    void *stop_here, *stop_there; /* PAIR: closing time, from the owner to the thread */
    zcertstore_t *allowed;        /* reads its folder again when that changes; the thread's */
    pthread_t thread;
    bool running; /* the thread is */
};

static bool s_is_allowed (ag_zap_t *self, const ag_incoming_t *in)
{
    char key[41];
    const ag_frame_view_t *credentials = &in->frames[6];
    return in->count == ZAP_FRAMES && credentials->len == CREDENTIAL_BYTES && in->frames[5].len == 5 &&
           memcmp (in->frames[5].data, "CURVE", 5) == 0 && zmq_z85_encode (key, credentials->data, CREDENTIAL_BYTES) &&
           zcertstore_lookup (self->allowed, key) != NULL;
}

static void s_answer (ag_zap_t *self)
{
    ag_incoming_t in;
    if (!ag_incoming_read (&in, self->requests))
        return;
    bool allowed = s_is_allowed (self, &in);
    ag_frame_view_t id = in.count > 1 ? in.frames[1] : (ag_frame_view_t){ "", 0 };
    ag_frame_view_t reply[6] = { { "1.0", 3 }, id, { allowed ? "200" : "400", 3 },
        { allowed ? "OK" : "No access", allowed ? 2 : 9 }, { "", 0 }, { "", 0 } };
    if (!allowed)
        ag_log_warning ("KEY_REFUSED", "a peer whose key is not in the allow-list was refused address=%.*s",
            in.count > 3 ? (int) in.frames[3].len : 0, in.count > 3 ? (const char *) in.frames[3].data : "");
    ag_socket_send (self->requests, reply, 6);
    ag_incoming_close (&in);
}

static void *s_loop (void *context)
{
    ag_zap_t *self = context;
    zmq_pollitem_t items[2] = { { .socket = self->requests, .events = ZMQ_POLLIN },
        { .socket = self->stop_there, .events = ZMQ_POLLIN } };
    for (;;) {
        if (zmq_poll (items, 2, -1) < 0 && errno != EINTR)
            break;
        if (items[1].revents)
            break;
        if (items[0].revents)
            s_answer (self);
    }
    return NULL;
}

static int s_open (ag_zap_t *self, void *zmq_context)
{
    char *name = ag_asprintf ("inproc://agentgate-zap-%p", (void *) self);
    self->requests = zmq_socket (zmq_context, ZMQ_REP);
    self->stop_here = zmq_socket (zmq_context, ZMQ_PAIR);
    self->stop_there = zmq_socket (zmq_context, ZMQ_PAIR);
    int rc = !self->requests || !self->stop_here || !self->stop_there || zmq_bind (self->stop_there, name) ||
             zmq_connect (self->stop_here, name) || zmq_bind (self->requests, "inproc://zeromq.zap.01");
    free (name);
    return rc ? -1 : 0;
}

ag_zap_t *ag_zap_new (void *zmq_context, ag_curve_t *curve, char **error_r)
{
    ag_zap_t *self = ag_calloc (1, sizeof *self);
    char *folder = ag_asprintf ("%s/allowed", curve->dir);
    self->allowed = zcertstore_new (folder);
    free (folder);
    if (s_open (self, zmq_context) == 0)
        self->running = pthread_create (&self->thread, NULL, s_loop, self) == 0;
    if (self->running) {
        curve->gates++;
        return self;
    }
    *error_r = ag_asprintf ("the gate for keys cannot be opened: %s", zmq_strerror (errno));
    ag_zap_destroy (&self);
    return NULL;
}

static void s_close (void *socket)
{
    const int none = 0;
    if (!socket)
        return;
    zmq_setsockopt (socket, ZMQ_LINGER, &none, sizeof none);
    zmq_close (socket);
}

void ag_zap_destroy (ag_zap_t **self_p)
{
    ag_zap_t *self = *self_p;
    if (!self)
        return;
    if (self->running) {
        zmq_send (self->stop_here, "", 0, 0);
        pthread_join (self->thread, NULL);
    }
    s_close (self->requests);
    s_close (self->stop_there);
    s_close (self->stop_here);
    zcertstore_destroy (&self->allowed);
    free (self);
    *self_p = NULL;
}
