/*  bus/debt.c - one journal that is owed, and its delivery

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/debt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/publisher.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "store/store.h"

enum {
    TURN_US = 5000,     /* while there is something to do */
    OTHERS_US = 300000, /* after the first answer: time for the other gateways to tell what they hold */
    ANSWER_US = 2000000,
    PATIENCE_US = 10000000,
    YOUNG_S = 60        /* a folder without a journal may be one that is just being made */
};

struct ag_debt {
    char *folder;        /* where the mark is */
    char *path;          /* of the journal */
    int lock_fd;         /* we alone deliver it; -1: not yet */
    ag_store_t *journal; /* to read from */
    char *text;          /* stream and work order, one behind the other */
    ag_str_t stream;     /* and its ids; into text */
    ag_ids_t ids;
    uint64_t epoch;                 /* of the stream */
    uint64_t first, last;           /* in the journal */
    uint64_t resumed;               /* most that a gateway holds */
    int64_t started_us, updated_us; /* ts of its first and last event */
    bool ended;                     /* nothing is to be added */
    bool closed;                    /* by us */
    const ag_owed_options_t *options;   /* lent */
    char *mark;                         /* as we found it; NULL: there was none */
    char *names;                        /* its lines, cut apart */
    const char **control;               /* of the options' endpoints, those that it is owed to and that we ask */
    size_t control_count;
    const char **others;                /* those that it is owed to and that we do not ask; into the options and names */
    size_t other_count;
    ag_publisher_t *publisher;
    uint64_t noted;       /* acknowledged, as the journal knows */
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
/*  The journal */

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
    self->noted = info->acked;
    self->started_us = info->started_us;
    self->updated_us = info->updated_us;
    self->ended = info->ended || self->ids.in_work_order_stream;
    return false;
}

/*  A writer that was killed while it made its journal left an empty file, or one
    that is to be rolled back, which a reader cannot: a writer can. */
static int s_open_journal (ag_debt_t *self, char **error_r)
{
    self->journal = ag_store_open (self->path, AG_STORE_READ, error_r);
    if (self->journal || (errno != EBADMSG && errno != EROFS))
        return self->journal ? 0 : -1;
    free (*error_r);
    *error_r = NULL;
    ag_store_t *writer = ag_store_open (self->path, AG_STORE_CREATE, error_r);
    if (!writer)
        return -1;
    ag_store_close (&writer);
    self->journal = ag_store_open (self->path, AG_STORE_READ, error_r);
    return self->journal ? 0 : -1;
}

/*  Marked, and there is no journal: somebody is about to make one, or died before. */
static void s_forget_stillborn (const ag_debt_t *self)
{
    struct stat status;
    if (stat (self->folder, &status) == 0 && ag_clock_wall_us () / 1000000 - status.st_mtime > YOUNG_S)
        ag_owed_settle (self->folder);
}

static bool s_is_known (const ag_owed_options_t *options, const char *endpoint)
{
    for (size_t i = 0; i < options->control_count; i++)
        if (strcmp (options->control[i], endpoint) == 0)
            return true;
    return false;
}

/*  Who delivers may not have been told of all that the mark names: those stay in it. */
static void s_keep_unknown (ag_debt_t *self)
{
    char *rest = NULL;
    for (char *name = strtok_r (self->names, "\n", &rest); name; name = strtok_r (NULL, "\n", &rest))
        if (!s_is_known (self->options, name))
            self->others[self->other_count++] = name;
}

/*  Whom it is owed to: all, or those that the mark names. */
static void s_choose_gateways (ag_debt_t *self, const bool *silent)
{
    size_t count = self->options->control_count;
    self->mark = ag_owed_read (self->folder);
    self->names = ag_strdup (self->mark ? self->mark : "");
    self->control = ag_calloc (count + 1, sizeof *self->control);
    self->others = ag_calloc (count + strlen (self->names) + 1, sizeof *self->others);
    for (size_t i = 0; i < count; i++) {
        const char *endpoint = self->options->control[i];
        if (!ag_owed_names (self->mark, endpoint))
            continue;
        if (silent && silent[i])
            self->others[self->other_count++] = endpoint;
        else
            self->control[self->control_count++] = endpoint;
    }
    s_keep_unknown (self);
}

/*  <state>/work-orders/NAME; all others are runs'. */
static bool s_is_of_work_order (const ag_debt_t *self)
{
    static const char parent[] = "/work-orders/";
    const char *name = strrchr (self->folder, '/');
    size_t len = name ? (size_t) (name + 1 - self->folder) : 0;
    return len >= sizeof parent - 1 && memcmp (name + 1 - (sizeof parent - 1), parent, sizeof parent - 1) == 0;
}

static int s_find_stream (ag_debt_t *self, char **error_r)
{
    if (ag_store_each_stream (self->journal, s_take_stream, self) == 0)
        return 0;
    *error_r = ag_strdup (ag_store_error (self->journal));
    return -1;
}

/*  A journal without a stream: its writer died, or is about to add one, and has
    marked that. Which of them is known under its lock. */
static int s_look_into_empty (ag_debt_t *self, char **error_r)
{
    int lock_fd = ag_store_lock (self->path, error_r);
    if (lock_fd < 0)
        return errno == EBUSY ? 0 : -1;
    int rc = s_find_stream (self, error_r);
    if (rc == 0 && !self->stream.ptr)
        ag_owed_settle (self->folder);
    close (lock_fd);
    return rc;
}

/*  1 something is owed, 0 nothing, -1 with *error_r. A writer takes its lock
    before it makes its file, so a run's journal that is there and not locked
    has no writer. A work order's has now and then, and is no less owed. */
static int s_open (ag_debt_t *self, char **error_r)
{
    if (self->control_count == 0)
        return 0;
    if (access (self->path, F_OK)) {
        s_forget_stillborn (self);
        return 0;
    }
    if (ag_store_locked (self->path) && !s_is_of_work_order (self))
        return 0;
    char *mark = ag_asprintf ("%s/owed", self->folder);
    self->lock_fd = ag_store_lock (mark, error_r);
    int why = errno;
    free (mark);
    if (self->lock_fd < 0)
        return why == EBUSY ? 0 : -1;
    if (s_open_journal (self, error_r))
        return errno == EBUSY || errno == ENOENT ? 0 : -1;
    if (s_find_stream (self, error_r) || (!self->stream.ptr && s_look_into_empty (self, error_r)))
        return -1;
    /*  The journal only knows what those have that answered its writer; the mark knows the others. */
    bool paid = !self->mark && self->ended && self->noted >= self->last;
    return self->stream.ptr && !paid;
}

/* ---------------------------------------------------------------------- */
/*  New and destroy */

static int s_announce (ag_debt_t *self, char **error_r)
{
    ag_publisher_options_t publisher = { .control = self->control,
        .control_count = self->control_count,
        .curve = self->options->curve,
        .zmq_context = self->options->zmq_context,
        .ids = self->ids,
        .epoch = self->epoch,
        .first = self->first,
        .last = self->last,
        .ended = self->ended && !self->ids.in_work_order_stream,
        .read = s_read,
        .resumed_fn = s_resumed,
        .context = self };
    self->publisher = ag_publisher_new (&publisher, error_r);
    return self->publisher ? 0 : -1;
}

ag_debt_t *ag_debt_new (const char *folder, const ag_owed_options_t *options, const bool *silent, int64_t now_us,
    char **error_r)
{
    ag_debt_t *self = ag_calloc (1, sizeof *self);
    self->folder = ag_strdup (folder);
    self->path = ag_asprintf ("%s/run.db", folder);
    self->options = options;
    self->lock_fd = -1;
    self->answer_by_us = now_us + (options->answer_us ? options->answer_us : ANSWER_US);
    self->patience_us = options->patience_us ? options->patience_us : PATIENCE_US;
    self->progress_us = now_us;
    *error_r = NULL;
    s_choose_gateways (self, silent);
    int owed = s_open (self, error_r);
    if (owed == 1)
        owed = s_announce (self, error_r) == 0 ? 1 : -1;
    if (owed == 1)
        return self;
    if (owed == 0) {
        free (*error_r);
        *error_r = NULL;
    }
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
    if (self->lock_fd >= 0)
        close (self->lock_fd);
    free (self->mark);
    free (self->names);
    free (self->control);
    free (self->others);
    free (self->path);
    free (self->folder);
    free (self->text);
    free (self);
    *self_p = NULL;
}

bool ag_debt_closed (const ag_debt_t *self)
{
    return self->closed;
}

bool ag_debt_is_partly (const ag_debt_t *self)
{
    return self->other_count > 0;
}

bool ag_debt_is_silent (const ag_debt_t *self, size_t n)
{
    for (size_t i = 0; i < self->control_count; i++)
        if (strcmp (self->control[i], self->options->control[n]) == 0)
            return !ag_publisher_is_heard (self->publisher, i);
    return false;
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

static int s_append (const ag_debt_t *self, const ag_event_t *event, char **error_r)
{
    ag_store_t *writer = ag_store_open (self->path, AG_STORE_CREATE, error_r);
    if (!writer)
        return -1;
    int rc = ag_store_append (writer, event) || ag_store_sync (writer) ? -1 : 0;
    if (rc)
        *error_r = ag_strdup (ag_store_error (writer));
    ag_store_close (&writer);
    return rc;
}

static int s_close_run (ag_debt_t *self)
{
    char *error = NULL;
    ag_event_t *event = s_lost_event (self, &error);
    int rc = event ? s_append (self, event, &error) : -1;
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
/*  Paid */

/*  Under the writer's lock: who writes now marks anew what it adds. The mark
    goes only when the journal knows. */
static int s_note_paid (const ag_debt_t *self, ag_store_t *writer)
{
    ag_store_stream_t info;
    uint64_t head = ag_publisher_head (self->publisher);
    if (ag_store_set_acked (writer, self->stream, self->epoch, head) || ag_store_sync (writer) ||
        ag_store_stream (writer, self->stream, self->epoch, &info) != 1) {
        ag_log_warning ("OWED_SETTLE", "a journal cannot note that it was delivered: %s", ag_store_error (writer));
        return -1;
    }
    return info.last == head ? 0 : -1;
}

/*  Who has added to the journal since has made it owed to all. */
static bool s_is_as_found (const ag_debt_t *self)
{
    char *mark = ag_owed_read (self->folder);
    bool same = mark && self->mark ? strcmp (mark, self->mark) == 0 : mark == self->mark;
    free (mark);
    return same;
}

/*  Those that have not got it all are named in the mark. */
static void s_settle (ag_debt_t *self)
{
    for (size_t i = 0; i < self->control_count; i++)
        if (!ag_publisher_is_held (self->publisher, i))
            self->others[self->other_count++] = self->control[i];
    char *error = NULL;
    ag_store_t *writer = ag_store_open (self->path, AG_STORE_CREATE, &error);
    if (!writer)
        ag_log_debug ("OWED_SETTLE", "another time: %s", error);
    else if (s_note_paid (self, writer) == 0 && s_is_as_found (self) &&
             ag_owed_settle_but (self->folder, self->others, self->other_count))
        ag_log_warning ("OWED_SETTLE", "%s: the mark cannot be changed: %s", self->folder, strerror (errno));
    ag_store_close (&writer);
    free (error);
}

/* ---------------------------------------------------------------------- */
/*  Turn */

/*  All that we ask have told what they hold; or those that have not had their time. */
static bool s_all_told (const ag_debt_t *self, int64_t now_us)
{
    for (size_t i = 0; i < self->control_count; i++)
        if (!ag_publisher_is_heard (self->publisher, i))
            return now_us - self->answered_us >= OTHERS_US && now_us >= self->answer_by_us;
    return true;
}

static ag_debt_state_t s_judge (ag_debt_t *self, int64_t now_us)
{
    if (ag_publisher_refused (self->publisher))
        return AG_DEBT_STUCK;
    if (!ag_publisher_answered (self->publisher))
        return now_us < self->answer_by_us ? AG_DEBT_PAYING : AG_DEBT_UNANSWERED;
    if (!self->answered_us)
        self->answered_us = now_us;
    bool told = s_all_told (self, now_us);
    if (!self->ended)
        return !told || s_close_run (self) == 0 ? AG_DEBT_PAYING : AG_DEBT_STUCK;
    uint64_t acked = ag_publisher_acked (self->publisher);
    if (acked >= ag_publisher_head (self->publisher))
        return told ? AG_DEBT_PAID : AG_DEBT_PAYING;
    if (acked > self->acked) {
        self->acked = acked;
        self->progress_us = now_us;
    }
    return now_us - self->progress_us < self->patience_us ? AG_DEBT_PAYING : AG_DEBT_STUCK;
}

ag_debt_state_t ag_debt_turn (ag_debt_t *self, int64_t now_us, int64_t *when_us_r)
{
    ag_publisher_turn (self->publisher, now_us);
    *when_us_r = now_us + TURN_US;
    ag_debt_state_t state = s_judge (self, now_us);
    if (state != AG_DEBT_PAID)
        return state;
    s_settle (self);
    /*  A work order's stream goes on one day; for now this is a GOODBYE. */
    ag_publisher_ended (self->publisher);
    ag_publisher_turn (self->publisher, now_us);
    return state;
}
