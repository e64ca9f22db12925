/*  gateway/net/intake.c - the gateway's end of the bus

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bus/curve.h"
#include "bus/socket.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/paths.h"

enum {
    FRAMES = 6,                         /* EVENT over control has the most: peer, name, three frames */
    BAD_QUIET_S = 10                    /* a burst of bad frames is over after this */
};
#define CANARY_TOPIC "agentgate/canary"

struct ag_intake {
    ag_intake_options_t options;        /* endpoints are lent until open returns */
    void *zmq;                          /* ZeroMQ context */
    ag_curve_t *curve;                  /* or NULL */
    ag_zap_t *zap;                      /* the gate that knows its keys; or NULL */
    void *bus;                          /* SUB */
    void *control;                      /* ROUTER */
    void *readers;                      /* XPUB, or NULL */
    void *canary;                       /* PUB */
    zmq_msg_t frames[FRAMES];           /* of the message that is being read */
    size_t count;                       /* of them in use */
    ag_buf_t scratch;                   /* a topic, or a control message */
    int subscribers;                    /* of the XPUB */
    int64_t canary_us;                  /* when one last came back */
    int64_t bad_us;                     /* when the last bad frame came */
    uint64_t bad_in_burst;              /* since the burst began */
    int64_t now_us;                     /* of the pump that is going on */
    ag_intake_stats_t stats;
};

/* ---------------------------------------------------------------------- */
/*  Open and close */

static void *s_bound (ag_intake_t *self, int type, const char *endpoint, char **error_r)
{
    if (ag_endpoint_check (endpoint, self->options.exposed || self->curve, error_r) != 0)
        return NULL;
    void *socket = ag_socket_open (self->zmq, type, error_r);
    if (socket && ag_socket_attach (socket, endpoint, AG_SOCKET_BIND, self->curve, error_r) != 0) {
        zmq_close (socket);
        socket = NULL;
    }
    return socket;
}

/*  The canary goes in by a door of its own, so that neither CURVE nor a full queue stops it. */
static int s_open_canary (ag_intake_t *self, char **error_r)
{
    self->canary = ag_socket_open (self->zmq, ZMQ_PUB, error_r);
    if (!self->canary)
        return -1;
    const char *door = "inproc://canary";
    if (zmq_bind (self->bus, door) == 0 && zmq_connect (self->canary, door) == 0)
        return 0;
    *error_r = ag_asprintf ("canary: %s", zmq_strerror (errno));
    return -1;
}

static int s_open (ag_intake_t *self, char **error_r)
{
    const ag_intake_options_t *options = &self->options;
    if (options->curve_dir && (!(self->curve = ag_curve_load (options->curve_dir, error_r))
        || !(self->zap = ag_zap_new (self->zmq, self->curve, error_r))))
        return -1;
    if (!(self->bus = s_bound (self, ZMQ_SUB, options->bus, error_r)))
        return -1;
    zmq_setsockopt (self->bus, ZMQ_SUBSCRIBE, "", 0);
    if (!(self->control = s_bound (self, ZMQ_ROUTER, options->control, error_r)))
        return -1;
    /*  A peer that has gone is an error, not silence: then nothing waits for its answer. */
    zmq_setsockopt (self->control, ZMQ_ROUTER_MANDATORY, &(int) { 1 }, sizeof (int));
    if (options->republish) {
        if (!(self->readers = s_bound (self, ZMQ_XPUB, options->republish, error_r)))
            return -1;
        zmq_setsockopt (self->readers, ZMQ_XPUB_VERBOSER, &(int) { 1 }, sizeof (int));
    }
    return s_open_canary (self, error_r);
}

ag_intake_t *ag_intake_open (const ag_intake_options_t *options, char **error_r)
{
    ag_intake_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->canary_us = self->bad_us = INT64_MIN;
    self->zmq = zmq_ctx_new ();
    if (s_open (self, error_r) != 0)
        ag_intake_close (&self);
    return self;
}

static void s_close_socket (void **socket_p)
{
    if (*socket_p)
        zmq_close (*socket_p);
    *socket_p = NULL;
}

void ag_intake_close (ag_intake_t **self_p)
{
    ag_intake_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    s_close_socket (&self->canary);
    s_close_socket (&self->readers);
    s_close_socket (&self->control);
    s_close_socket (&self->bus);
    ag_zap_destroy (&self->zap);
    ag_curve_destroy (&self->curve);
    zmq_ctx_term (self->zmq);
    ag_buf_free (&self->scratch);
    free (self);
}

int ag_intake_fd (const ag_intake_t *self, int which)
{
    void *sockets[AG_INTAKE_FDS] = { self->bus, self->control, self->readers };
    int fd = -1;
    size_t size = sizeof fd;
    if (sockets[which])
        zmq_getsockopt (sockets[which], ZMQ_FD, &fd, &size);
    return fd;
}

/* ---------------------------------------------------------------------- */
/*  Reading */

static ag_str_t s_frame (ag_intake_t *self, size_t index)
{
    return (ag_str_t) { zmq_msg_data (&self->frames[index]), zmq_msg_size (&self->frames[index]) };
}

/*  Reads one message into frames; those above FRAMES are read and dropped, but
    counted. 1 there is one, 0 there is none. */
static int s_receive (ag_intake_t *self, void *socket)
{
    size_t count = 0;
    int more = 1;
    while (more) {
        zmq_msg_t spare;
        zmq_msg_t *frame = count < FRAMES ? &self->frames[count] : &spare;
        zmq_msg_init (frame);
        if (zmq_msg_recv (frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (frame);
            break;
        }
        more = zmq_msg_more (frame);
        if (count >= FRAMES)
            zmq_msg_close (frame);
        count++;
    }
    self->count = count;
    return count > 0;
}

static void s_release (ag_intake_t *self)
{
    for (size_t i = 0; i < self->count && i < FRAMES; i++)
        zmq_msg_close (&self->frames[i]);
    self->count = 0;
}

/*  Something that is none of ours: told once, then counted until it stops. */
static void s_bad (ag_intake_t *self, const char *channel, const char *why)
{
    self->stats.bad++;
    bool first = self->bad_us == INT64_MIN || self->now_us - self->bad_us > BAD_QUIET_S * INT64_C (1000000);
    if (first) {
        ag_log_warning ("BUS_BAD_MESSAGE", "a message that is not ours, dropped; more of them are only counted: "
            "channel=%s why=\"%s\" frames=%zu before=%llu", channel, why, self->count,
            (unsigned long long) self->bad_in_burst);
        self->bad_in_burst = 0;
    }
    self->bad_us = self->now_us;
    self->bad_in_burst++;
}

static bool s_topic_fits (ag_intake_t *self, ag_str_t topic, const ag_event_t *event)
{
    ag_buf_clear (&self->scratch);
    ag_topic_append (&self->scratch, event);
    return ag_str_eq (topic, (ag_str_t) { self->scratch.data, self->scratch.len });
}

/*  Topic, header and event from frames `at` on. */
static void s_event (ag_intake_t *self, size_t at, ag_str_t peer)
{
    const char *channel = peer.ptr ? "control" : "bus";
    uint64_t epoch, seq;
    ag_str_t header = s_frame (self, at + 1), body = s_frame (self, at + 2);
    if (ag_header_unpack (header.ptr, header.len, &epoch, &seq) != 0) {
        s_bad (self, channel, "no header");
        return;
    }
    char *error = NULL;
    ag_event_t *event = ag_event_decode (body.ptr, body.len, epoch, &error);
    if (!event) {
        s_bad (self, channel, error);
        free (error);
        return;
    }
    if (ag_event_seq (event) != seq)
        s_bad (self, channel, "header and event disagree on seq");
    else if (!s_topic_fits (self, s_frame (self, at), event))
        s_bad (self, channel, "topic and event disagree");
    else {
        self->stats.events++;
        self->stats.bytes += body.len;
        self->stats.resent += peer.ptr != NULL;
        self->options.event (self->options.context, event, peer);
    }
    ag_event_unref (&event);
}

static void s_from_bus (ag_intake_t *self)
{
    if (self->count == 3)
        s_event (self, 0, (ag_str_t) { NULL, 0 });
    else if (self->count == 1 && ag_str_is (s_frame (self, 0), CANARY_TOPIC))
        self->canary_us = self->now_us;
    else
        s_bad (self, "bus", "not three frames");
}

static void s_from_control (ag_intake_t *self)
{
    if (self->count < 2) {
        s_bad (self, "control", "no command");
        return;
    }
    ag_str_t peer = s_frame (self, 0), name = s_frame (self, 1);
    ag_control_kind_t kind = ag_control_kind (name.ptr, name.len);
    ag_control_t message;
    if (kind == AG_CONTROL_EVENT && self->count == 5)
        s_event (self, 2, peer);
    else if (kind == AG_CONTROL_UNKNOWN || kind == AG_CONTROL_EVENT || self->count != 3)
        s_bad (self, "control", "not a command and a map");
    else if (ag_control_unpack (kind, s_frame (self, 2).ptr, s_frame (self, 2).len, &message) != 0)
        s_bad (self, "control", "no such map");
    else if (!self->options.control_message (self->options.context, peer, &message))
        s_bad (self, "control", "a command that makes no sense");
    else
        self->stats.control++;
}

/*  Subscriptions come in as messages: 1 or 0, then the topic. */
static void s_from_readers (ag_intake_t *self)
{
    ag_str_t frame = s_frame (self, 0);
    if (frame.len && frame.ptr[0] == 1)
        self->subscribers++;
    else if (frame.len && frame.ptr[0] == 0 && self->subscribers > 0)
        self->subscribers--;
}

typedef void (s_handler_fn) (ag_intake_t *self);

static bool s_pump_socket (ag_intake_t *self, void *socket, s_handler_fn *handler, int budget)
{
    while (budget > 0 && s_receive (self, socket)) {
        handler (self);
        s_release (self);
        budget--;
    }
    return budget == 0;
}

bool ag_intake_pump (ag_intake_t *self, int budget, int64_t now_us)
{
    self->now_us = now_us;
    bool more = s_pump_socket (self, self->control, s_from_control, budget);
    more |= s_pump_socket (self, self->bus, s_from_bus, budget);
    if (self->readers)
        more |= s_pump_socket (self, self->readers, s_from_readers, budget);
    return more;
}

/* ---------------------------------------------------------------------- */
/*  Sending */

bool ag_intake_send (ag_intake_t *self, ag_str_t peer, const ag_control_t *message)
{
    const char *name = ag_control_name (message->kind);
    ag_buf_clear (&self->scratch);
    ag_control_pack (message, &self->scratch);
    ag_frame_view_t frames[] = { { peer.ptr, peer.len }, { name, strlen (name) },
        { self->scratch.data, self->scratch.len } };
    return ag_socket_send (self->control, frames, 3);
}

void ag_intake_republish (ag_intake_t *self, const ag_event_t *event)
{
    if (!self->readers || !self->subscribers)
        return;
    unsigned char header[AG_HEADER_SIZE];
    ag_header_pack (header, ag_event_epoch (event), ag_event_seq (event));
    ag_buf_clear (&self->scratch);
    ag_topic_append (&self->scratch, event);
    ag_str_t body = ag_event_encoded (event);
    ag_frame_view_t frames[] = { { self->scratch.data, self->scratch.len }, { header, sizeof header },
        { body.ptr, body.len } };
    self->stats.republished += ag_socket_send (self->readers, frames, 3);
}

void ag_intake_send_canary (ag_intake_t *self)
{
    ag_frame_view_t frame = { CANARY_TOPIC, sizeof CANARY_TOPIC - 1 };
    ag_socket_send (self->canary, &frame, 1);
}

int64_t ag_intake_canary_us (const ag_intake_t *self)
{
    return self->canary_us;
}

const ag_intake_stats_t *ag_intake_stats (const ag_intake_t *self)
{
    return &self->stats;
}
