/*  bus/link.c - the control channel to one gateway

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bus/frames.h"
#include "core/log.h"
#include "core/mem.h"
#include "store/store.h"

enum {
    BEAT_US = 1000000, /* HEARTBEAT, GOODBYE, and HELLO while nobody answers */
    NEWS_US = 100000,  /* HEARTBEAT when the head has moved, so that a lost last event is missed soon */
    RETRY_US = 10000,  /* while nobody is connected: how soon to look again, at first */
    RETRY_MAX_US = 250000,
    WINDOW_RETRY_US = 2000, /* a full queue in the middle of a window */
    MESSAGES_A_TURN = 64
};

/*  A RESEND that is being answered. */
typedef struct {
    bool open;
    uint64_t from, to; /* as asked, cut to what can be */
    uint64_t gone;     /* from..gone is not held any more; 0: nothing is known to be gone */
    uint64_t next;     /* neither sent nor gone from here on */
    uint64_t room;     /* bytes that may still be sent */
    bool full;         /* ended by room, the queue, or a hole behind what was sent */
} s_window_t;

struct ag_link {
    void *dealer;                   /* connected to one ROUTER */
    char *endpoint;                 /* for messages */
    const ag_link_stream_t *stream; /* what we speak of; lent */
    const ag_link_owner_t *owner;   /* lent */
    bool welcomed;                  /* a WELCOME has come; stays when the connection goes */
    bool said_hello;                /* on this connection, as far as we know */
    bool said_goodbye;              /* and with the present head */
    char *refused;                  /* why, or NULL */
    uint64_t acked;                 /* committed by that gateway */
    uint64_t told;                  /* the head as last said */
    int64_t due_us;                 /* when the next HELLO, HEARTBEAT or GOODBYE is to go */
    int64_t retry_us;               /* how long to wait after a send that nobody took */
    s_window_t window;
    ag_buf_t out; /* scratch for a message */
};

ag_link_t *ag_link_new (void *zmq_context, const char *endpoint, ag_curve_t *curve,
    const ag_link_stream_t *stream, const ag_link_owner_t *owner, char **error_r)
{
    void *dealer = ag_socket_open (zmq_context, ZMQ_DEALER, error_r);
    if (!dealer)
        return NULL;
    if (ag_socket_attach (dealer, endpoint, AG_SOCKET_CONNECT, curve, error_r)) {
        zmq_close (dealer);
        return NULL;
    }
    ag_link_t *self = ag_calloc (1, sizeof *self);
    self->dealer = dealer;
    self->endpoint = ag_strdup (endpoint);
    self->stream = stream;
    self->owner = owner;
    self->retry_us = RETRY_US;
    return self;
}

void ag_link_destroy (ag_link_t **self_p)
{
    ag_link_t *self = *self_p;
    if (!self)
        return;
    zmq_close (self->dealer);
    free (self->endpoint);
    free (self->refused);
    ag_buf_free (&self->out);
    free (self);
    *self_p = NULL;
}

void *ag_link_socket (const ag_link_t *self)
{
    return self->dealer;
}

const char *ag_link_endpoint (const ag_link_t *self)
{
    return self->endpoint;
}

bool ag_link_welcomed (const ag_link_t *self)
{
    return self->welcomed;
}

const char *ag_link_refused (const ag_link_t *self)
{
    return self->refused;
}

uint64_t ag_link_acked (const ag_link_t *self)
{
    return self->acked;
}

/* ---------------------------------------------------------------------- */
/*  Saying */

static bool s_send (ag_link_t *self, const ag_control_t *message)
{
    const char *name = ag_control_name (message->kind);
    ag_buf_clear (&self->out);
    ag_control_pack (message, &self->out);
    ag_frame_view_t frames[2] = { { name, strlen (name) }, { self->out.data, self->out.len } };
    return ag_socket_send (self->dealer, frames, 2);
}

/*  What all our messages have. */
static ag_control_t s_message (const ag_link_t *self, ag_control_kind_t kind)
{
    return (ag_control_t){ .kind = kind,
        .stream = self->stream->stream,
        .epoch = self->stream->epoch,
        .first = self->stream->first,
        .last = self->stream->last };
}

static bool s_say_hello (ag_link_t *self)
{
    ag_control_t hello = s_message (self, AG_CONTROL_HELLO);
    hello.version = AG_CONTROL_VERSION;
    hello.work_order = self->stream->work_order;
    hello.run = self->stream->run;
    hello.ended = self->stream->ended;
    self->said_hello = s_send (self, &hello);
    return self->said_hello;
}

static bool s_say_head (ag_link_t *self)
{
    ag_control_t beat = s_message (self, self->stream->ended ? AG_CONTROL_GOODBYE : AG_CONTROL_HEARTBEAT);
    bool sent = s_send (self, &beat);
    self->said_goodbye = sent && self->stream->ended;
    return sent;
}

/*  Nobody takes it: the connection is gone, or has not come yet. Whoever comes
    next may know nothing of us. */
static void s_nobody (ag_link_t *self, int64_t now_us)
{
    self->said_hello = false;
    self->window.open = false;
    self->due_us = now_us + self->retry_us;
    self->retry_us = self->retry_us * 2 < RETRY_MAX_US ? self->retry_us * 2 : RETRY_MAX_US;
}

static void s_say_what_is_due (ag_link_t *self, int64_t now_us)
{
    bool news = self->stream->ended && !self->said_goodbye && self->said_hello;
    if (self->refused || (now_us < self->due_us && !news))
        return;
    bool sent = self->said_hello && self->welcomed ? s_say_head (self) : s_say_hello (self);
    if (!sent) {
        s_nobody (self, now_us);
        return;
    }
    self->said_goodbye = self->stream->ended; /* a HELLO says it too */
    self->told = self->stream->last;
    self->due_us = now_us + BEAT_US;
    self->retry_us = RETRY_US;
}

/* ---------------------------------------------------------------------- */
/*  A window of resent events */

static bool s_nothing_sent (const s_window_t *window)
{
    return window->next == window->from || window->next == window->gone + 1;
}

/*  The journal lacks next..to. Only in front of what is sent can a window say
    so; behind it, the window ends and the next one begins there. */
static bool s_note_gone (s_window_t *window, uint64_t to)
{
    if (!s_nothing_sent (window))
        return false;
    window->gone = to;
    window->next = to + 1;
    return true;
}

static bool s_resend_one (void *context, ag_event_t *event)
{
    ag_link_t *self = context;
    s_window_t *window = &self->window;
    uint64_t seq = ag_event_seq (event);
    size_t size = ag_event_encoded (event).len;
    window->full = (seq > window->next && !s_note_gone (window, seq - 1)) ||
                   (size > window->room && !s_nothing_sent (window));
    if (window->full)
        return false;
    ag_frames_t frames;
    ag_frames_of (&frames, event, &self->out);
    ag_frame_view_t all[4] = { { "EVENT", 5 }, frames.view[0], frames.view[1], frames.view[2] };
    window->full = !ag_socket_send (self->dealer, all, 4);
    if (window->full)
        return false;
    window->room -= size < window->room ? size : window->room;
    window->next = seq + 1;
    return true;
}

/*  Sends what the window has room for and closes it; where the queue is full
    before anything went, it stays open for the next turn. A journal that cannot
    be read just now says nothing of what it holds. */
static void s_serve_window (ag_link_t *self)
{
    s_window_t *window = &self->window;
    if (!window->open)
        return;
    window->full = false;
    int rc = 0;
    if (window->next <= window->to)
        rc = self->owner->read (self->owner->context, window->next, window->to, s_resend_one, self);
    if (rc == 0 && !window->full && window->next <= window->to)
        s_note_gone (window, window->to);
    if (window->full && window->next == window->from)
        return;
    ag_control_t resent = s_message (self, AG_CONTROL_RESENT);
    resent.last = 0;
    resent.from = window->from;
    resent.gone = window->gone;
    resent.to = window->next - 1;
    window->open = !s_send (self, &resent);
    /*  Not again what has been sent, should the RESENT have to wait. */
    if (window->open)
        window->to = window->next - 1;
}

static void s_open_window (ag_link_t *self, const ag_control_t *asked)
{
    s_window_t *window = &self->window;
    uint64_t max = asked->max_bytes && asked->max_bytes < AG_RESEND_MAX_BYTES ? asked->max_bytes : AG_RESEND_MAX_BYTES;
    if (asked->from == 0 || asked->from > asked->to || asked->from > self->stream->last) {
        ag_log_debug ("RESEND_RANGE", "a gateway asks for what is not there endpoint=%s", self->endpoint);
        return;
    }
    uint64_t to = asked->to < self->stream->last ? asked->to : self->stream->last;
    *window = (s_window_t){ .open = true, .from = asked->from, .to = to, .next = asked->from, .room = max };
}

/* ---------------------------------------------------------------------- */
/*  Hearing */

static void s_refuse (ag_link_t *self, const ag_control_t *welcome)
{
    free (self->refused);
    self->refused =
        welcome->error.ptr ? ag_str_dup (welcome->error) : ag_strdup ("another live writer has this stream");
    self->window.open = false;
    ag_log_warning (
        "REFUSED", "a gateway refuses this stream, it runs unpublished: %s endpoint=%s", self->refused, self->endpoint);
}

/*  A gateway may know more of the stream than we do. */
static uint64_t s_ours (const ag_link_t *self, uint64_t seq)
{
    return seq < self->stream->last ? seq : self->stream->last;
}

static void s_welcomed (ag_link_t *self, const ag_control_t *welcome)
{
    if (welcome->error.ptr || welcome->conflict)
        s_refuse (self, welcome);
    else {
        self->welcomed = true;
        self->acked = s_ours (self, welcome->durable);
    }
    self->owner->said (self->owner->context, self, welcome);
}

static void s_acked (ag_link_t *self, const ag_control_t *ack)
{
    uint64_t durable = s_ours (self, ack->durable);
    if (!self->welcomed || ack->durable >= AG_STORE_SEQ_LIMIT || durable <= self->acked)
        return;
    self->acked = durable;
    self->owner->said (self->owner->context, self, ack);
}

static void s_take (ag_link_t *self, const ag_control_t *message)
{
    switch (message->kind) {
    case AG_CONTROL_WELCOME:
        s_welcomed (self, message);
        break;
    case AG_CONTROL_RESEND:
        s_open_window (self, message);
        s_serve_window (self);
        break;
    case AG_CONTROL_ACK:
        s_acked (self, message);
        break;
    case AG_CONTROL_CANCEL:
        self->owner->said (self->owner->context, self, message);
        break;
    case AG_CONTROL_WHO:
        self->said_hello = false;
        self->due_us = 0;
        break;
    default:
        break;
    }
}

/*  One message: 1 there was one, 0 none. What is not ours or not about our
    stream is dropped. */
static int s_hear (ag_link_t *self)
{
    ag_incoming_t in;
    if (!ag_incoming_read (&in, self->dealer))
        return 0;
    ag_control_t message;
    ag_control_kind_t kind = in.count == 2 ? ag_control_kind (in.frames[0].data, in.frames[0].len) : AG_CONTROL_UNKNOWN;
    if (kind != AG_CONTROL_UNKNOWN && ag_control_unpack (kind, in.frames[1].data, in.frames[1].len, &message) == 0 &&
        message.epoch == self->stream->epoch && ag_str_eq (message.stream, self->stream->stream))
        s_take (self, &message);
    else
        ag_log_debug (
            "CONTROL_UNKNOWN", "a message that is not understood endpoint=%s frames=%zu", self->endpoint, in.count);
    ag_incoming_close (&in);
    return 1;
}

int64_t ag_link_turn (ag_link_t *self, int64_t now_us)
{
    int budget = MESSAGES_A_TURN;
    s_serve_window (self);
    while (budget > 0 && s_hear (self))
        budget--;
    if (self->welcomed && self->told != self->stream->last && self->due_us > now_us + NEWS_US)
        self->due_us = now_us + NEWS_US;
    s_say_what_is_due (self, now_us);
    if (budget == 0)
        return now_us;
    if (self->refused)
        return INT64_MAX;
    int64_t when_us = self->window.open ? now_us + WINDOW_RETRY_US : INT64_MAX;
    return when_us < self->due_us ? when_us : self->due_us;
}
