/*  bus/writer.c - publishes a stream of events, and knows what has arrived

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <agentgate/writer.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "bus/curve.h"
#include "bus/endpoints.h"
#include "bus/publisher.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/paths.h"
#include "store/store.h"

enum {
    RESUME_MS = 500,   /* a continued journal: how long a gateway may take to tell what it holds */
    STRANGER_MS = 500, /* at the end: how long to wait for a gateway that has not answered yet */
    SYNC_US = 1000000, /* the journal is durable so often */
    SOCKETS_MAX = 64
};

struct ag_writer {
    ag_store_t *journal;
    ag_publisher_t *publisher;
    ag_curve_t *curve;    /* or NULL */
    char *text;           /* work order, run and stream, one behind the other */
    ag_ids_t ids;         /* into text */
    ag_str_t stream;      /* into text */
    uint64_t epoch;       /* of the journal */
    uint64_t first, last; /* in the journal when it was opened */
    uint64_t seq;         /* of the last event; a new one gets the next */
    uint64_t acked;       /* as the journal knows */
    bool cancelled;       /* a gateway wants it */
    zmq_pollitem_t items[SOCKETS_MAX];
    size_t item_count;
    int64_t due_us;    /* when the publisher wants its next turn */
    int64_t synced_us; /* when the journal was synced last */
};

/* ---------------------------------------------------------------------- */
/*  What the publisher wants */

static int s_read (void *context, uint64_t from, uint64_t to, ag_publisher_event_fn *fn, void *fn_context)
{
    ag_writer_t *self = context;
    return ag_store_each_event (self->journal, self->stream, self->epoch, from, to, fn, fn_context);
}

static void s_acked (void *context, uint64_t seq)
{
    ag_writer_t *self = context;
    self->acked = seq;
    if (ag_store_set_acked (self->journal, self->stream, self->epoch, seq) || ag_store_commit (self->journal))
        ag_log_warning (
            "JOURNAL_ACK", "the journal cannot note an acknowledgement: %s", ag_store_error (self->journal));
}

/*  A gateway may know more of this epoch than the journal, which lost its last
    second to a power failure. */
static void s_resumed (void *context, uint64_t seq)
{
    ag_writer_t *self = context;
    if (seq > self->seq)
        self->seq = seq;
}

static void s_cancel (void *context)
{
    ag_writer_t *self = context;
    self->cancelled = true;
}

/* ---------------------------------------------------------------------- */
/*  Open */

static ag_str_t s_keep (char **end, ag_str_t text)
{
    if (!text.ptr)
        return text;
    memcpy (*end, text.ptr, text.len);
    text.ptr = *end;
    *end += text.len;
    return text;
}

static int s_name (ag_writer_t *self, const ag_ids_t *ids, char **error_r)
{
    if (!ids->work_order.len || ids->work_order.len > AG_ID_MAX_BYTES || ids->run.len > AG_ID_MAX_BYTES ||
        (ids->run.ptr && !ids->run.len)) {
        *error_r = ag_asprintf ("a work order id and a run id have 1 to %d bytes", AG_ID_MAX_BYTES);
        errno = EINVAL;
        return -1;
    }
    char *end = self->text = ag_malloc (ids->work_order.len * 2 + ids->run.len + 1);
    self->ids = *ids;
    self->ids.work_order = s_keep (&end, ids->work_order);
    self->ids.run = s_keep (&end, ids->run);
    self->stream = self->ids.run;
    if (ids->in_work_order_stream || !ids->run.ptr) {
        self->stream = (ag_str_t){ end, ids->work_order.len + 1 };
        *end++ = '@';
        s_keep (&end, ids->work_order);
    }
    return 0;
}

static int s_open_journal (ag_writer_t *self, const char *path, char **error_r)
{
    self->journal = ag_store_open (path, AG_STORE_CREATE, error_r);
    if (!self->journal)
        return -1;
    ag_store_stream_t info;
    int found = ag_store_stream (self->journal, self->stream, 0, &info);
    if (found < 0)
        *error_r = ag_strdup (ag_store_error (self->journal));
    if (found != 1) {
        self->epoch = ag_epoch_new ();
        return found;
    }
    self->epoch = info.epoch;
    self->first = info.first;
    self->last = self->seq = info.last;
    self->acked = info.acked;
    if (!info.ended)
        return 0;
    *error_r = ag_asprintf ("%s: the run in this journal has ended", path);
    errno = EEXIST;
    return -1;
}

static int s_open_publisher (ag_writer_t *self, const ag_writer_options_t *given, char **error_r)
{
    bool exposed = given->insecure || given->curve_dir;
    ag_endpoints_t bus = { NULL, 0 }, control = { NULL, 0 };
    if (ag_endpoints_init (&bus, given->bus, given->bus_count, ag_path_bus, exposed, error_r) == 0 &&
        ag_endpoints_init (&control, given->control, given->control_count, ag_path_control, exposed, error_r) == 0) {
        ag_publisher_options_t options = { .bus = (const char *const *) bus.texts,
            .bus_count = bus.count,
            .control = (const char *const *) control.texts,
            .control_count = control.count,
            .curve = self->curve,
            .ids = self->ids,
            .epoch = self->epoch,
            .first = self->first,
            .last = self->last,
            .acked = self->acked,
            .read = s_read,
            .acked_fn = s_acked,
            .resumed_fn = s_resumed,
            .cancel_fn = s_cancel,
            .context = self };
        self->publisher = ag_publisher_new (&options, error_r);
    }
    ag_endpoints_free (&bus);
    ag_endpoints_free (&control);
    if (!self->publisher)
        errno = EINVAL;
    return self->publisher ? 0 : -1;
}

static void s_find_sockets (ag_writer_t *self)
{
    void *sockets[SOCKETS_MAX];
    self->item_count = ag_publisher_sockets (self->publisher, sockets, SOCKETS_MAX);
    for (size_t i = 0; i < self->item_count; i++)
        self->items[i] = (zmq_pollitem_t){ .socket = sockets[i], .events = ZMQ_POLLIN };
}

static void s_free (ag_writer_t **self_p)
{
    ag_writer_t *self = *self_p;
    ag_publisher_destroy (&self->publisher);
    ag_store_close (&self->journal);
    ag_curve_destroy (&self->curve);
    free (self->text);
    free (self);
    *self_p = NULL;
}

static int s_open_all (ag_writer_t *self, const ag_writer_options_t *options, char **error_r)
{
    if (options->curve_dir) {
        self->curve = ag_curve_load (options->curve_dir, error_r);
        if (!self->curve)
            return -1;
    }
    return s_name (self, &options->ids, error_r) || s_open_journal (self, options->journal, error_r) ||
                   s_open_publisher (self, options, error_r)
               ? -1
               : 0;
}

/*  Turns until a condition holds, or the time is over. */
static bool s_turn_until (ag_writer_t *self, bool (*done) (const ag_writer_t *), int timeout_ms)
{
    int64_t until_us = ag_clock_mono_us () + (int64_t) timeout_ms * 1000;
    while (!done (self)) {
        int64_t left_us = until_us - ag_clock_mono_us ();
        if (left_us <= 0 || ag_writer_turn (self, (int) (left_us / 1000) + 1))
            return done (self);
    }
    return true;
}

ag_writer_t *ag_writer_open (const ag_writer_options_t *options, char **error_r)
{
    ag_writer_t *self = ag_calloc (1, sizeof *self);
    *error_r = NULL;
    if (s_open_all (self, options, error_r)) {
        int saved = errno;
        s_free (&self);
        errno = saved;
        return NULL;
    }
    s_find_sockets (self);
    if (self->last)
        s_turn_until (self, ag_writer_answered, RESUME_MS);
    return self;
}

/* ---------------------------------------------------------------------- */
/*  Put */

static bool s_journal (ag_writer_t *self, const ag_event_t *event, char **error_r)
{
    if (ag_store_append (self->journal, event) == 0 && ag_store_commit (self->journal) == 0)
        return true;
    *error_r = ag_strdup (ag_store_error (self->journal));
    return false;
}

uint64_t ag_writer_put (ag_writer_t *self, const ag_draft_t *draft, char **error_r)
{
    ag_position_t at = { self->epoch, self->seq + 1, ag_clock_wall_us () };
    ag_event_t *event = ag_event_new (draft, &self->ids, &at, error_r);
    bool journaled = event && s_journal (self, event, error_r);
    if (journaled) {
        self->seq = at.seq;
        ag_publisher_put (self->publisher, event);
        self->due_us = 0;
    }
    ag_event_unref (&event);
    return journaled ? at.seq : 0;
}

/* ---------------------------------------------------------------------- */
/*  Turn */

static long s_wait_ms (const ag_writer_t *self, int timeout_ms)
{
    int64_t left_us = self->due_us - ag_clock_mono_us ();
    if (left_us <= 0)
        return 0;
    return left_us / 1000 < timeout_ms ? (long) (left_us / 1000) + 1 : timeout_ms;
}

static void s_sync_when_due (ag_writer_t *self)
{
    int64_t now_us = ag_clock_mono_us ();
    if (!ag_store_dirty (self->journal) || now_us - self->synced_us < SYNC_US)
        return;
    self->synced_us = now_us;
    if (ag_store_sync (self->journal))
        ag_log_warning ("JOURNAL_SYNC", "the journal cannot be synced: %s", ag_store_error (self->journal));
}

int ag_writer_turn (ag_writer_t *self, int timeout_ms)
{
    int64_t until_us = ag_clock_mono_us () + (int64_t) timeout_ms * 1000;
    uint64_t acked = self->acked;
    bool answered = ag_writer_answered (self);
    for (;;) {
        int64_t left_us = until_us - ag_clock_mono_us ();
        if (zmq_poll (self->items, (int) self->item_count,
                s_wait_ms (self, left_us > 0 ? (int) (left_us / 1000) + 1 : 0)) < 0)
            return -1;
        self->due_us = ag_publisher_turn (self->publisher, ag_clock_mono_us ());
        s_sync_when_due (self);
        /*  News ends the wait: whoever waits for it looks. */
        if (left_us <= 0 || self->acked != acked || ag_writer_answered (self) != answered || self->cancelled)
            return 0;
    }
}

static bool s_all_acked (const ag_writer_t *self)
{
    return self->acked >= ag_publisher_head (self->publisher) || ag_publisher_refused (self->publisher);
}

bool ag_writer_flush (ag_writer_t *self, int timeout_ms)
{
    s_turn_until (self, s_all_acked, timeout_ms);
    return self->acked >= ag_publisher_head (self->publisher);
}

bool ag_writer_answered (const ag_writer_t *self)
{
    return ag_publisher_answered (self->publisher);
}

uint64_t ag_writer_acked (const ag_writer_t *self)
{
    return self->acked;
}

bool ag_writer_cancelled (const ag_writer_t *self)
{
    return self->cancelled;
}

const char *ag_writer_refused (const ag_writer_t *self)
{
    return ag_publisher_refused (self->publisher);
}

uint64_t ag_writer_seq (const ag_writer_t *self)
{
    return self->seq;
}

uint64_t ag_writer_epoch (const ag_writer_t *self)
{
    return self->epoch;
}

bool ag_writer_close (ag_writer_t **self_p, int linger_ms)
{
    ag_writer_t *self = *self_p;
    if (!self)
        return true;
    ag_publisher_ended (self->publisher);
    self->due_us = 0;
    bool settled = ag_writer_flush (self, linger_ms < STRANGER_MS ? linger_ms : STRANGER_MS);
    if (!settled && ag_writer_answered (self))
        settled = ag_writer_flush (self, linger_ms - STRANGER_MS);
    ag_writer_turn (self, 0);
    s_free (self_p);
    return settled;
}
