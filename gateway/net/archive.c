/*  gateway/net/archive.c - the store, behind a thread of its own

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Two buffers: the loop fills `queue`, the thread works off `batch`; they are
    swapped under the lock. A batch that fails stays and is tried again, so a
    ticket once given is either committed or still held.
*/
#include "net/archive.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"

#define GATHER_US       INT64_C (20000)         /* an event waits so long for others to be committed with */
#define SYNC_US         INT64_C (200000)        /* commits wait at most this long for their fsync */
#define RETRY_US        INT64_C (1000000)       /* after a failure */
#define RETAIN_US       INT64_C (60000000)      /* how often old streams are looked for */

/*  Events as bytes, one behind the other: record, then encoded event. */
typedef struct {
    ag_buf_t bytes;
    size_t count;                   /* events */
    int64_t since_us;               /* when the first came */
    uint64_t last_ticket;           /* of the last of them */
    bool urgent;                    /* holds an end or an orchestrator's event: its writer waits for the ACK */
} pile_t;

typedef struct {
    uint64_t epoch, acked;
    size_t len;
} record_t;

struct ag_archive {
    ag_archive_options_t options;
    char *path;                     /* owns options.path */
    ag_store_t *writer;             /* the thread's */
    char *gone;                     /* why there is no writer; NULL: there is one */
    ag_store_t *reader;             /* the loop's */
    unsigned reads_file;            /* which file that has open: state.files when it was opened */
    ag_history_t history;           /* reads from reader */
    pthread_t thread;
    bool started;                   /* the thread runs */
    uint64_t ticket;                /* the loop's: last given */

    pthread_mutex_t lock;           /* over all below */
    pthread_cond_t changed;         /* something in the queue, or stop */
    pile_t queue;                   /* filled by the loop */
    size_t held_count, held_bytes;  /* in queue and batch together: not committed */
    bool stop;
    ag_archive_state_t state;

    pile_t batch;                   /* the thread's */
};

/*  A damaged store is kept for whoever wants to look, and a new one begun.
    *error_r says what is wrong with it; NULL: what is wrong now. */
static ag_store_t *s_replace (const char *path, char **error_r)
{
    char *aside = NULL;
    if (ag_store_set_aside (path, &aside) == 0)
        ag_log_error ("STORE_DAMAGED", "%s; kept as %s, history begins anew", *error_r, aside);
    else if (errno != ENOENT)
        return NULL;
    free (aside);
    free (*error_r);
    *error_r = NULL;
    return ag_store_open (path, AG_STORE_CREATE, error_r);
}

static ag_store_t *s_open_writer (const char *path, char **error_r)
{
    *error_r = NULL;
    ag_store_t *store = ag_store_open (path, AG_STORE_CREATE, error_r);
    return store || errno != EBADMSG ? store : s_replace (path, error_r);
}

/* ---------------------------------------------------------------------- */
/*  The thread */

static int64_t s_min (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool s_full (const ag_archive_t *self)
{
    return self->held_count >= self->options.events || self->held_bytes >= AG_ARCHIVE_BYTES;
}

/*  What waits for a commit should not wait for company: it is much, or its writer waits. */
static bool s_presses (const ag_archive_t *self)
{
    return self->queue.urgent || self->held_count >= self->options.events / 4
        || self->held_bytes >= AG_ARCHIVE_BYTES / 4;
}

/*  Until when the thread may sleep. */
static int64_t s_due (const ag_archive_t *self, int64_t until_us)
{
    if (self->stop || (self->queue.count && s_presses (self)))
        return 0;
    return self->queue.count ? s_min (until_us, self->queue.since_us + GATHER_US) : until_us;
}

/*  Waits for work until `until_us` (monotonic); takes the queue if the batch is done. */
static bool s_take (ag_archive_t *self, int64_t until_us)
{
    int64_t due_us;
    pthread_mutex_lock (&self->lock);
    while (ag_clock_mono_us () < (due_us = s_due (self, until_us))) {
        struct timespec due = { .tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000 };
        pthread_cond_timedwait (&self->changed, &self->lock, &due);
    }
    if (!self->batch.count) {
        pile_t empty = self->batch;
        self->batch = self->queue;
        self->queue = empty;
    }
    bool stop = self->stop;
    pthread_mutex_unlock (&self->lock);
    return !stop;
}

/*  0, or -1: the store would not take it. */
static int s_append (ag_archive_t *self, const record_t *record, const char *bytes)
{
    char *error = NULL;
    ag_event_t *event = ag_event_decode (bytes, record->len, record->epoch, &error);
    free (error);
    if (!event)
        return 0;
    int rc = ag_store_append (self->writer, event);
    if (rc == 0 && record->acked)
        rc = ag_store_set_acked (self->writer, ag_event_stream (event), record->epoch, record->acked);
    int why = errno;
    ag_event_unref (&event);
    return rc == 0 || why == ERANGE ? 0 : -1;
}

static int s_append_batch (ag_archive_t *self)
{
    const char *at = self->batch.bytes.data;
    for (size_t i = 0; i < self->batch.count; i++) {
        record_t record;
        memcpy (&record, at, sizeof record);
        at += sizeof record;
        if (s_append (self, &record, at) != 0)
            return -1;
        at += record.len;
    }
    return ag_store_commit (self->writer);
}

static void s_clear_batch (ag_archive_t *self)
{
    ag_buf_clear (&self->batch.bytes);
    ag_buf_shrink (&self->batch.bytes, AG_ARCHIVE_BYTES);
    self->batch.count = 0;
    self->batch.urgent = false;
}

static const char *s_reason (const ag_archive_t *self)
{
    return self->writer ? ag_store_error (self->writer) : self->gone;
}

/*  Tells the loop how it went; failing starts and ends with a line in the log. */
static void s_report (ag_archive_t *self, bool failing)
{
    pthread_mutex_lock (&self->lock);
    bool changed = failing != self->state.failing;
    self->state.failing = failing;
    self->state.failures += failing;
    if (failing)
        snprintf (self->state.error, sizeof self->state.error, "%s", s_reason (self));
    pthread_mutex_unlock (&self->lock);
    if (changed && failing)
        ag_log_error ("STORE_FAILING", "events cannot be stored, live goes on and nothing is acknowledged: %s",
            s_reason (self));
    if (changed && !failing)
        ag_log_info ("STORE_RECOVERED", "events are stored again");
    if (changed)
        self->options.wake (self->options.context);
}

/*  The file turned out to be damaged (a large one is not checked when it is
    opened): it is kept for whoever wants to look, and a new one begun. */
static int s_begin_anew (ag_archive_t *self)
{
    if (self->writer) {
        self->gone = ag_strdup (ag_store_error (self->writer));
        ag_store_close (&self->writer);
        self->writer = s_replace (self->path, &self->gone);
    } else {
        free (self->gone);
        self->writer = s_open_writer (self->path, &self->gone);
    }
    if (!self->writer)
        return -1;
    pthread_mutex_lock (&self->lock);
    self->state.files++;
    pthread_mutex_unlock (&self->lock);
    return s_append_batch (self);
}

/*  The batch into the store, where readers see it. False: try again later. */
static bool s_commit (ag_archive_t *self)
{
    if (!self->batch.count)
        return true;
    int rc = self->writer ? s_append_batch (self) : -1;
    if (rc != 0 && (!self->writer || errno == EBADMSG))
        rc = s_begin_anew (self);
    if (rc != 0) {
        s_report (self, true);
        return false;
    }
    pthread_mutex_lock (&self->lock);
    bool was_full = s_full (self);
    self->held_count -= self->batch.count;
    self->held_bytes -= self->batch.bytes.len;
    self->state.events += self->batch.count;
    self->state.commits++;
    pthread_mutex_unlock (&self->lock);
    s_clear_batch (self);
    if (was_full)
        self->options.wake (self->options.context);
    return true;
}

/*  All that was committed is now on the disk for good. */
static bool s_sync (ag_archive_t *self, uint64_t ticket)
{
    int64_t before_us = ag_clock_mono_us ();
    if (!self->writer || ag_store_sync (self->writer) != 0) {
        s_report (self, true);
        return false;
    }
    pthread_mutex_lock (&self->lock);
    self->state.committed = ticket;
    self->state.syncs++;
    self->state.sync_us = ag_clock_mono_us () - before_us;
    pthread_mutex_unlock (&self->lock);
    s_report (self, false);
    self->options.wake (self->options.context);
    return true;
}

/*  One slice. True: there is more to forget. */
static bool s_retain (ag_archive_t *self)
{
    int64_t before_us = self->options.retain_us ? ag_clock_wall_us () - self->options.retain_us : 0;
    if (!self->writer || (!before_us && !self->options.max_bytes))
        return false;
    int more = ag_store_retain (self->writer, before_us, self->options.max_bytes);
    if (more < 0)
        ag_log_warning ("STORE_RETAIN", "old streams cannot be forgotten: %s", ag_store_error (self->writer));
    return more == 1;
}

static void *s_thread (void *argument)
{
    ag_archive_t *self = argument;
    uint64_t ticket = 0;                        /* last that is committed, though perhaps not synced */
    int64_t sync_at_us = INT64_MAX, retain_at_us = ag_clock_mono_us ();
    bool going = true;
    while (going) {
        going = s_take (self, s_min (sync_at_us, retain_at_us));
        int64_t now_us = ag_clock_mono_us ();
        uint64_t taken = self->batch.count ? self->batch.last_ticket : ticket;
        bool urgent = self->batch.urgent || !going, work = self->batch.count;
        if (!s_commit (self)) {
            sync_at_us = now_us + RETRY_US;
            /*  Not at every new event: a failing disk is asked once a second. */
            struct timespec pause = { .tv_sec = RETRY_US / 1000000 };
            if (going)
                nanosleep (&pause, NULL);
            continue;
        }
        ticket = taken;
        if (work)
            sync_at_us = s_min (sync_at_us, now_us + SYNC_US);
        if (urgent || now_us >= sync_at_us)
            sync_at_us = s_sync (self, ticket) ? INT64_MAX : now_us + RETRY_US;
        if (now_us >= retain_at_us)
            retain_at_us = s_retain (self) ? now_us : now_us + RETAIN_US;
    }
    return NULL;
}

/* ---------------------------------------------------------------------- */
/*  The loop's side */

/*  The disk is so slow that memory would be its buffer: what comes now is
    fetched again from its writers when all that is held is on the disk. */
static void s_give_way (ag_archive_t *self)
{
    self->state.failing = true;
    self->state.failures++;
    snprintf (self->state.error, sizeof self->state.error, "the disk is too slow for what comes in");
    ag_log_error ("STORE_SLOW", "the disk is too slow, live goes on and nothing is acknowledged: held=%zu",
        self->held_count);
}

uint64_t ag_archive_put (ag_archive_t *self, const ag_event_t *event, uint64_t acked)
{
    ag_str_t bytes = ag_event_encoded (event);
    record_t record = { ag_event_epoch (event), acked, bytes.len };
    pthread_mutex_lock (&self->lock);
    if (self->held_bytes > AG_ARCHIVE_HARD_BYTES && !self->state.failing)
        s_give_way (self);
    bool refused = self->state.failing;
    if (!refused) {
        bool pressed = self->queue.count && s_presses (self);
        if (!self->queue.count)
            self->queue.since_us = ag_clock_mono_us ();
        self->queue.last_ticket = ++self->ticket;
        self->queue.urgent |= ag_kind_ends (ag_event_kind (event)) || ag_event_stream (event).ptr[0] == '@';
        self->queue.count++;
        ag_buf_append (&self->queue.bytes, &record, sizeof record);
        ag_buf_append_str (&self->queue.bytes, bytes);
        self->held_count++;
        self->held_bytes += sizeof record + bytes.len;
        if (self->queue.count == 1 || (!pressed && s_presses (self)))
            pthread_cond_signal (&self->changed);
    }
    pthread_mutex_unlock (&self->lock);
    return refused ? 0 : self->ticket;
}

bool ag_archive_full (ag_archive_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool full = !self->state.failing && s_full (self);
    pthread_mutex_unlock (&self->lock);
    return full;
}

/*  A new file was begun: what is read now is that. Until it can be opened, the old one. */
static void s_follow_file (ag_archive_t *self, unsigned files)
{
    char *error = NULL;
    ag_store_t *reader = ag_store_open (self->path, AG_STORE_READ, &error);
    if (reader) {
        ag_store_close (&self->reader);
        self->reader = reader;
        self->reads_file = files;
    }
    free (error);
}

void ag_archive_state (ag_archive_t *self, ag_archive_state_t *state_r)
{
    pthread_mutex_lock (&self->lock);
    *state_r = self->state;
    pthread_mutex_unlock (&self->lock);
    if (self->reads_file != state_r->files)
        s_follow_file (self, state_r->files);
}

/* ---------------------------------------------------------------------- */
/*  History */

/*  What cannot be read because the file is damaged is not there: whoever asks is
    told of a hole, and does not wait for it. */
static int s_read (void *context, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *fn_context)
{
    ag_archive_t *self = context;
    if (ag_store_each_event (self->reader, stream, epoch, from, to, fn, fn_context) == 0)
        return 0;
    if (errno != EBADMSG)
        return -1;
    ag_log_error ("STORE_UNREADABLE", "a part of the history is damaged: stream=%.*s from=%llu to=%llu: %s",
        (int) stream.len, stream.ptr, (unsigned long long) from, (unsigned long long) to,
        ag_store_error (self->reader));
    return 0;
}

static int s_bounds (void *context, ag_str_t stream, uint64_t epoch, ag_history_bounds_t *bounds_r)
{
    ag_archive_t *self = context;
    ag_store_stream_t info;
    int rc = ag_store_stream (self->reader, stream, epoch, &info);
    if (rc == 1)
        *bounds_r = (ag_history_bounds_t) { info.epoch, info.first, info.last, info.forgotten };
    return rc;
}

typedef struct {
    ag_history_stream_fn *fn;
    void *context;
} search_t;

static bool s_tell_stream (void *context, const ag_store_stream_t *info)
{
    search_t *search = context;
    return search->fn (search->context, info->stream, info->work_order, info->run);
}

static int s_streams (void *context, ag_str_t work_order, ag_history_stream_fn *fn, void *fn_context)
{
    ag_archive_t *self = context;
    search_t search = { fn, fn_context };
    return ag_store_each_stream_of (self->reader, work_order, s_tell_stream, &search);
}

static bool s_behind (void *context)
{
    ag_archive_t *self = context;
    pthread_mutex_lock (&self->lock);
    bool behind = self->held_count && !self->state.failing;
    pthread_mutex_unlock (&self->lock);
    return behind;
}

static bool s_lacks (void *context)
{
    ag_archive_t *self = context;
    pthread_mutex_lock (&self->lock);
    bool lacks = self->held_count || self->state.failing;
    pthread_mutex_unlock (&self->lock);
    return lacks;
}

const ag_history_t *ag_archive_history (ag_archive_t *self)
{
    return &self->history;
}

ag_store_t *ag_archive_reader (ag_archive_t *self)
{
    return self->reader;
}

/* ---------------------------------------------------------------------- */
/*  Open and close */

static int s_start (ag_archive_t *self, char **error_r)
{
    pthread_condattr_t attributes;
    pthread_mutex_init (&self->lock, NULL);
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (&self->changed, &attributes);
    pthread_condattr_destroy (&attributes);
    self->writer = s_open_writer (self->path, error_r);
    if (!self->writer)
        return -1;
    self->reader = ag_store_open (self->path, AG_STORE_READ, error_r);
    if (!self->reader)
        return -1;
    int rc = pthread_create (&self->thread, NULL, s_thread, self);
    if (rc != 0) {
        *error_r = ag_asprintf ("a thread for the store: %s", strerror (rc));
        return -1;
    }
    self->started = true;
    return 0;
}

ag_archive_t *ag_archive_open (const ag_archive_options_t *options, char **error_r)
{
    ag_archive_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    if (!options->events || options->events > AG_ARCHIVE_EVENTS)
        self->options.events = AG_ARCHIVE_EVENTS;
    self->path = ag_strdup (options->path);
    self->history = (ag_history_t) { s_read, s_bounds, s_streams, self, s_behind, s_lacks };
    if (s_start (self, error_r) != 0)
        ag_archive_close (&self);
    return self;
}

void ag_archive_close (ag_archive_t **self_p)
{
    ag_archive_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (self->started) {
        pthread_mutex_lock (&self->lock);
        self->stop = true;
        pthread_cond_signal (&self->changed);
        pthread_mutex_unlock (&self->lock);
        pthread_join (self->thread, NULL);
    }
    ag_store_close (&self->reader);
    ag_store_close (&self->writer);
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->lock);
    ag_buf_free (&self->queue.bytes);
    ag_buf_free (&self->batch.bytes);
    free (self->gone);
    free (self->path);
    free (self);
}
