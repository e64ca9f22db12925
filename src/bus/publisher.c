/*  bus/publisher.c - the writing end of the bus

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/publisher.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bus/curve.h"
#include "bus/frames.h"
#include "bus/link.h"
#include "bus/outlet.h"
#include "core/clock.h"
#include "core/mem.h"

enum {
    CATCH_UP_EVENTS = 256,  /* read from the journal for one outlet in one turn */
    BLOCKED_RETRY_US = 5000 /* an XPUB does not say when its queue has room again */
};

struct ag_publisher {
    void *zmq_context;     /* with one I/O thread */
    bool lent;             /* it is another's */
    ag_zap_t *zap;         /* the gate for keys, or NULL */
    ag_outlet_t **outlets; /* one for each data endpoint */
    size_t outlet_count;
    ag_link_t **links; /* one for each control endpoint */
    size_t link_count;
    ag_link_stream_t stream;        /* what the links tell; .last is the head. Strings in text */
    ag_link_owner_t owner;          /* what the links ask of us */
    char *text;                     /* stream, work order and run, one behind the other */
    ag_publisher_options_t options; /* for its functions and context alone */
    uint64_t acked;                 /* least of the links that answered, as last told */
    ag_buf_t topic;                 /* scratch */
};

/* ---------------------------------------------------------------------- */
/*  What the links want */

static int s_read (void *context, uint64_t from, uint64_t to, bool (*fn) (void *, ag_event_t *), void *fn_context)
{
    ag_publisher_t *self = context;
    return self->options.read (self->options.context, from, to, fn, fn_context);
}

static void s_tell_acked (ag_publisher_t *self)
{
    uint64_t acked = ag_publisher_acked (self);
    if (acked <= self->acked)
        return;
    self->acked = acked;
    if (self->options.acked_fn)
        self->options.acked_fn (self->options.context, acked);
}

static void s_said (void *context, ag_link_t *link, const ag_control_t *message)
{
    ag_publisher_t *self = context;
    const ag_publisher_options_t *options = &self->options;
    if (message->kind == AG_CONTROL_WELCOME && options->resumed_fn && !ag_link_refused (link))
        options->resumed_fn (options->context, message->resume);
    if (message->kind == AG_CONTROL_CANCEL && options->cancel_fn)
        options->cancel_fn (options->context);
    s_tell_acked (self);
}

/* ---------------------------------------------------------------------- */
/*  New and destroy */

static ag_str_t s_keep (char **end, ag_str_t text)
{
    if (!text.ptr)
        return text;
    memcpy (*end, text.ptr, text.len);
    text.ptr = *end;
    *end += text.len;
    return text;
}

static void s_name_stream (ag_publisher_t *self, const ag_publisher_options_t *options)
{
    const ag_ids_t *ids = &options->ids;
    bool of_work_order = ids->in_work_order_stream || !ids->run.ptr;
    char *end = self->text = ag_malloc (ids->work_order.len + ids->run.len + AG_STREAM_MAX_BYTES);
    self->stream.work_order = s_keep (&end, ids->work_order);
    if (of_work_order) {
        self->stream.stream = (ag_str_t){ end, ids->work_order.len + 1 };
        *end++ = '@';
        s_keep (&end, ids->work_order);
    } else
        self->stream.stream = self->stream.run = s_keep (&end, ids->run);
}

static int s_open_endpoints (ag_publisher_t *self, const ag_publisher_options_t *options, char **error_r)
{
    int64_t start_by_us = ag_clock_mono_us () + AG_PUBLISHER_START_MS * 1000;
    self->outlets = ag_calloc (options->bus_count + 1, sizeof *self->outlets);
    self->links = ag_calloc (options->control_count + 1, sizeof *self->links);
    for (; self->outlet_count < options->bus_count; self->outlet_count++) {
        ag_outlet_t *outlet = ag_outlet_new (
            self->zmq_context, options->bus[self->outlet_count], options->curve, options->last, start_by_us, error_r);
        if (!outlet)
            return -1;
        self->outlets[self->outlet_count] = outlet;
    }
    for (; self->link_count < options->control_count; self->link_count++) {
        ag_link_t *link = ag_link_new (self->zmq_context, options->control[self->link_count], options->curve,
            &self->stream, &self->owner, error_r);
        if (!link)
            return -1;
        self->links[self->link_count] = link;
    }
    return 0;
}

ag_publisher_t *ag_publisher_new (const ag_publisher_options_t *options, char **error_r)
{
    ag_publisher_t *self = ag_calloc (1, sizeof *self);
    self->lent = options->zmq_context != NULL;
    self->zmq_context = self->lent ? options->zmq_context : zmq_ctx_new ();
    self->options = *options;
    self->owner = (ag_link_owner_t){ s_read, s_said, self };
    self->stream.epoch = options->epoch;
    self->stream.first = options->first;
    self->stream.last = options->last;
    self->stream.ended = options->ended;
    self->acked = options->acked;
    s_name_stream (self, options);
    if (options->curve && !self->lent)
        self->zap = ag_zap_new (self->zmq_context, options->curve, error_r);
    if ((options->curve && !self->lent && !self->zap) || s_open_endpoints (self, options, error_r))
        ag_publisher_destroy (&self);
    return self;
}

void ag_publisher_destroy (ag_publisher_t **self_p)
{
    ag_publisher_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->outlet_count; i++)
        ag_outlet_destroy (&self->outlets[i]);
    for (size_t i = 0; i < self->link_count; i++)
        ag_link_destroy (&self->links[i]);
    ag_zap_destroy (&self->zap);
    if (!self->lent)
        zmq_ctx_term (self->zmq_context);
    free (self->outlets);
    free (self->links);
    free (self->text);
    ag_buf_free (&self->topic);
    free (self);
    *self_p = NULL;
}

void *ag_publisher_context (const ag_publisher_t *self)
{
    return self->zmq_context;
}

/* ---------------------------------------------------------------------- */
/*  Publishing */

void ag_publisher_put (ag_publisher_t *self, ag_event_t *event)
{
    uint64_t seq = ag_event_seq (event);
    if (self->stream.first == 0)
        self->stream.first = seq;
    self->stream.last = seq;
    if (ag_publisher_refused (self))
        return;
    ag_frames_t frames;
    ag_frames_of (&frames, event, &self->topic);
    for (size_t i = 0; i < self->outlet_count; i++) {
        ag_outlet_t *outlet = self->outlets[i];
        if (ag_outlet_started (outlet) && ag_outlet_sent (outlet) + 1 == seq)
            ag_outlet_put (outlet, seq, frames.view);
    }
}

void ag_publisher_ended (ag_publisher_t *self)
{
    self->stream.ended = true;
}

void ag_publisher_set_first (ag_publisher_t *self, uint64_t first)
{
    self->stream.first = first;
}

/*  An outlet that catches up from the journal. */
typedef struct {
    ag_publisher_t *publisher;
    ag_outlet_t *outlet;
    int left;     /* events that it may still take in this turn */
    bool blocked; /* it would take no more */
} s_catching_t;

static bool s_catch_up_one (void *context, ag_event_t *event)
{
    s_catching_t *catching = context;
    ag_frames_t frames;
    ag_frames_of (&frames, event, &catching->publisher->topic);
    catching->blocked = !ag_outlet_put (catching->outlet, ag_event_seq (event), frames.view);
    return !catching->blocked && --catching->left > 0;
}

/*  Returns when to go on with it. */
static int64_t s_catch_up (ag_publisher_t *self, ag_outlet_t *outlet, int64_t now_us)
{
    uint64_t head = self->stream.last;
    if (ag_outlet_sent (outlet) >= head)
        return INT64_MAX;
    if (!ag_outlet_has_subscribers (outlet) || ag_publisher_refused (self)) {
        ag_outlet_skip (outlet, head);
        return INT64_MAX;
    }
    s_catching_t catching = { self, outlet, CATCH_UP_EVENTS, false };
    self->options.read (self->options.context, ag_outlet_sent (outlet) + 1, head, s_catch_up_one, &catching);
    if (catching.blocked)
        return now_us + BLOCKED_RETRY_US;
    if (catching.left == 0)
        return now_us;
    ag_outlet_skip (outlet, head); /* the rest is no longer held */
    return INT64_MAX;
}

static int64_t s_outlet_turn (ag_publisher_t *self, ag_outlet_t *outlet, int64_t now_us)
{
    ag_outlet_read (outlet, now_us);
    return ag_outlet_started (outlet) ? s_catch_up (self, outlet, now_us) : ag_outlet_start_by_us (outlet);
}

/* ---------------------------------------------------------------------- */
/*  The owner's loop */

size_t ag_publisher_sockets (const ag_publisher_t *self, void **sockets_r, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < self->outlet_count && count < max; i++)
        sockets_r[count++] = ag_outlet_socket (self->outlets[i]);
    for (size_t i = 0; i < self->link_count && count < max; i++)
        sockets_r[count++] = ag_link_socket (self->links[i]);
    return count;
}

int64_t ag_publisher_turn (ag_publisher_t *self, int64_t now_us)
{
    int64_t when_us = INT64_MAX;
    /*  Links first: a refusal is to be known before anything is published. */
    for (size_t i = 0; i < self->link_count; i++) {
        int64_t wish_us = ag_link_turn (self->links[i], now_us);
        when_us = wish_us < when_us ? wish_us : when_us;
    }
    for (size_t i = 0; i < self->outlet_count; i++) {
        int64_t wish_us = s_outlet_turn (self, self->outlets[i], now_us);
        when_us = wish_us < when_us ? wish_us : when_us;
    }
    return when_us;
}

bool ag_publisher_starting (const ag_publisher_t *self, int64_t now_us)
{
    for (size_t i = 0; i < self->outlet_count; i++)
        if (ag_outlet_starting (self->outlets[i], now_us))
            return true;
    return false;
}

bool ag_publisher_drained (const ag_publisher_t *self)
{
    for (size_t i = 0; i < self->outlet_count; i++)
        if (ag_outlet_sent (self->outlets[i]) < self->stream.last)
            return false;
    return true;
}

bool ag_publisher_answered (const ag_publisher_t *self)
{
    bool answered = false;
    for (size_t i = 0; i < self->link_count; i++)
        answered |= ag_link_welcomed (self->links[i]);
    return answered && !ag_publisher_refused (self);
}

const char *ag_publisher_refused (const ag_publisher_t *self)
{
    for (size_t i = 0; i < self->link_count; i++)
        if (ag_link_refused (self->links[i]))
            return ag_link_refused (self->links[i]);
    return NULL;
}

uint64_t ag_publisher_acked (const ag_publisher_t *self)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < self->link_count; i++)
        if (ag_link_welcomed (self->links[i]) && ag_link_acked (self->links[i]) < least)
            least = ag_link_acked (self->links[i]);
    return least == UINT64_MAX ? 0 : least;
}

uint64_t ag_publisher_head (const ag_publisher_t *self)
{
    return self->stream.last;
}

bool ag_publisher_is_heard (const ag_publisher_t *self, size_t n)
{
    return ag_link_welcomed (self->links[n]);
}

bool ag_publisher_is_held (const ag_publisher_t *self, size_t n)
{
    return ag_link_welcomed (self->links[n]) && ag_link_acked (self->links[n]) >= self->stream.last;
}
