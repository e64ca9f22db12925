/*  bus/debt.c - one journal that is owed, and its delivery

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/debt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/publisher.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "store/store.h"

enum {
    TURN_US = 10000,    /* while there is something to do */
    OTHERS_US = 300000, /* after the first answer: time for the other gateways to tell what they hold */
    ANSWER_US = 2000000,
    PATIENCE_US = 10000000
};

struct ag_debt {
    char *folder;        /* where the mark is */
    ag_store_t *journal; /* locked by us */
    char *text;          /* stream, work order and run, one behind the other */
    ag_str_t stream;     /* and its ids; into text */
    ag_ids_t ids;
    uint64_t epoch;                 /* of the stream */
    uint64_t first, last;           /* in the journal */
    uint64_t resumed;               /* most that a gateway holds */
    int64_t started_us, updated_us; /* ts of its first and last event */
    bool ended;                     /* nothing is to be added */
    bool closed;                    /* by us */
    ag_publisher_t *publisher;
    uint64_t acked;       /* as last seen */
    int64_t answer_by_us; /* a gateway must have answered by then */
    int64_t answered_us;  /* when the first did; 0: none yet */
    int64_t patience_us;  /* without progress */
    int64_t progress_us;  /* when acked last grew */
};

/* ---------------------------------------------------------------------- */
/*  What the publisher wants */

static int s_read (void *context, uint64_t from, uint64_t to, ag_publisher_event_fn *fn, void *fn_context)
{
    ag_debt_t *self = context;
    return ag_store_each_event (self->journal, self->stream, self->epoch, from, to, fn, fn_context);
}

static void s_resumed (void *context, uint64_t seq)
{
    ag_debt_t *self = context;
    if (seq > self->resumed)
        self->resumed = seq;
}

/* ---------------------------------------------------------------------- */
/*  New and destroy */

/*  A journal has one stream; of several epochs the newest, which comes first. */
static bool s_take_stream (void *context, const ag_store_stream_t *info)
{
    ag_debt_t *self = context;
    self->text = ag_malloc (info->stream.len + info->work_order.len + 1);
    memcpy (self->text, info->stream.ptr, info->stream.len);
    memcpy (self->text + info->stream.len, info->work_order.ptr, info->work_order.len);
    self->stream = (ag_str_t){ self->text, info->stream.len };
    self->ids.work_order = (ag_str_t){ self->text + info->stream.len, info->work_order.len };
    self->ids.in_work_order_stream = info->stream.ptr[0] == '@';
    if (!self->ids.in_work_order_stream)
        self->ids.run = self->stream;
    self->epoch = info->epoch;
    self->first = info->first;
    self->last = info->last;
    self->acked = info->acked;
    self->started_us = info->started_us;
    self->updated_us = info->updated_us;
    self->ended = info->ended || self->ids.in_work_order_stream;
    return false;
}

/*  1 something is owed, 0 nothing, -1 with *error_r. */
static int s_open (ag_debt_t *self, char **error_r)
{
    char *path = ag_asprintf ("%s/run.db", self->folder);
    /*  A writer takes its lock before it makes the file, so a journal that is
        there and not locked has no writer. */
    bool there = access (path, F_OK) == 0 && ag_store_locked (path) == 0;
    if (there)
        self->journal = ag_store_open (path, AG_STORE_CREATE, error_r);
    int why = errno;
    free (path);
    if (!self->journal) {
        bool busy = !there || why == EBUSY;
        if (busy) {
            free (*error_r);
            *error_r = NULL;
        }
        return busy ? 0 : -1;
    }
    if (ag_store_each_stream (self->journal, s_take_stream, self)) {
        *error_r = ag_strdup (ag_store_error (self->journal));
        return -1;
    }
    if (self->stream.ptr && self->ended && self->acked >= self->last)
        ag_owed_settle (self->folder);
    else if (self->stream.ptr)
        return 1;
    return 0;
}

static int s_announce (ag_debt_t *self, const ag_owed_options_t *options, char **error_r)
{
    ag_publisher_options_t publisher = { .control = options->control,
        .control_count = options->control_count,
        .curve = options->curve,
        .zmq_context = options->zmq_context,
        .ids = self->ids,
        .epoch = self->epoch,
        .first = self->first,
        .last = self->last,
        .acked = self->acked,
        .ended = self->ended,
        .read = s_read,
        .resumed_fn = s_resumed,
        .context = self };
    self->publisher = ag_publisher_new (&publisher, error_r);
    return self->publisher ? 0 : -1;
}

ag_debt_t *ag_debt_new (const char *folder, const ag_owed_options_t *options, int64_t now_us, char **error_r)
{
    ag_debt_t *self = ag_calloc (1, sizeof *self);
    self->folder = ag_strdup (folder);
    self->answer_by_us = now_us + (options->answer_us ? options->answer_us : ANSWER_US);
    self->patience_us = options->patience_us ? options->patience_us : PATIENCE_US;
    self->progress_us = now_us;
    *error_r = NULL;
    int owed = s_open (self, error_r);
    if (owed == 1)
        owed = s_announce (self, options, error_r) == 0 ? 1 : -1;
    if (owed == 1)
        return self;
    ag_debt_destroy (&self);
    errno = owed < 0 ? EIO : 0;
    return NULL;
}

void ag_debt_destroy (ag_debt_t **self_p)
{
    ag_debt_t *self = *self_p;
    if (!self)
        return;
    ag_publisher_destroy (&self->publisher);
    ag_store_close (&self->journal);
    free (self->folder);
    free (self->text);
    free (self);
    *self_p = NULL;
}

bool ag_debt_closed (const ag_debt_t *self)
{
    return self->closed;
}

/* ---------------------------------------------------------------------- */
/*  The end that is missing */

/*  Its number is behind everything that anybody has: the journal may have lost
    its last second to a power failure, and a gateway not. */
static ag_event_t *s_lost_event (const ag_debt_t *self, char **error_r)
{
    ag_position_t at = { .epoch = self->epoch, .ts_us = ag_clock_wall_us () };
    at.seq = (self->last > self->resumed ? self->last : self->resumed) + 1;
    ag_draft_t *draft = ag_draft_new (AG_RUN_FAILED);
    ag_draft_set_text (draft, AG_F_ERROR, "the executor ended without telling how the run did");
    ag_draft_set_text (draft, AG_F_REASON, "lost");
    ag_draft_set_integer (draft, AG_F_DURATION_MS, (self->updated_us - self->started_us) / 1000);
    ag_event_t *event = ag_event_new (draft, &self->ids, &at, error_r);
    ag_draft_destroy (&draft);
    return event;
}

static int s_close_run (ag_debt_t *self)
{
    char *error = NULL;
    ag_event_t *event = s_lost_event (self, &error);
    int rc = event ? 0 : -1;
    if (event && (ag_store_append (self->journal, event) || ag_store_sync (self->journal))) {
        error = ag_strdup (ag_store_error (self->journal));
        rc = -1;
    }
    if (rc == 0) {
        ag_publisher_put (self->publisher, event);
        ag_publisher_ended (self->publisher);
        self->ended = self->closed = true;
    } else
        ag_log_error ("OWED_CLOSE", "a run without an end cannot be given one: %s", error);
    free (error);
    ag_event_unref (&event);
    return rc;
}

/* ---------------------------------------------------------------------- */
/*  Turn */

static bool s_others_may_answer (const ag_debt_t *self, int64_t now_us)
{
    return now_us - self->answered_us < OTHERS_US;
}

static ag_debt_state_t s_judge (ag_debt_t *self, int64_t now_us)
{
    if (ag_publisher_refused (self->publisher))
        return AG_DEBT_STUCK;
    if (!ag_publisher_answered (self->publisher))
        return now_us < self->answer_by_us ? AG_DEBT_PAYING : AG_DEBT_UNANSWERED;
    if (!self->answered_us)
        self->answered_us = now_us;
    if (!self->ended)
        return s_others_may_answer (self, now_us) || s_close_run (self) == 0 ? AG_DEBT_PAYING : AG_DEBT_STUCK;
    uint64_t acked = ag_publisher_acked (self->publisher);
    if (acked >= ag_publisher_head (self->publisher))
        return AG_DEBT_PAID;
    if (acked > self->acked) {
        self->acked = acked;
        self->progress_us = now_us;
    }
    return now_us - self->progress_us < self->patience_us ? AG_DEBT_PAYING : AG_DEBT_STUCK;
}

/*  The mark goes only when the journal knows. */
static void s_settle (ag_debt_t *self)
{
    uint64_t head = ag_publisher_head (self->publisher);
    if (ag_store_set_acked (self->journal, self->stream, self->epoch, head) || ag_store_sync (self->journal))
        ag_log_warning (
            "OWED_SETTLE", "a journal cannot note that it was delivered: %s", ag_store_error (self->journal));
    else if (ag_owed_settle (self->folder))
        ag_log_warning ("OWED_SETTLE", "%s: the mark cannot be removed: %s", self->folder, strerror (errno));
}

ag_debt_state_t ag_debt_turn (ag_debt_t *self, int64_t now_us, int64_t *when_us_r)
{
    ag_publisher_turn (self->publisher, now_us);
    *when_us_r = now_us + TURN_US;
    ag_debt_state_t state = s_judge (self, now_us);
    if (state == AG_DEBT_PAID)
        s_settle (self);
    return state;
}
