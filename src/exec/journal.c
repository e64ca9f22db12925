/*  exec/journal.c - the run's log: a file, and memory when there is no file (any more)

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/journal.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "exec/syncer.h"
#include "store/store.h"

/*  When the write-ahead log is moved into the database: when it is so large and the disk
    has just been quick; or at the latest when it has answered at all. */
enum { LOG_PAGES = 1000, LOG_MAX_PAGES = 16000, QUICK_US = 100 * 1000 };

struct ag_journal {
    ag_syncer_t *syncer;        /* for its write-ahead log; NULL: there is none, then who syncs waits */
    ag_store_t *store;          /* the file; read-only in effect once lost; NULL: there never was one */
    bool asked;                 /* a sync was started to see how quick the disk is */
    char *lost;                 /* why it is not written (any more); NULL: it is */
    char *stream;               /* of the run */
    size_t stream_len;          /* bytes of it */
    uint64_t epoch;             /* of the run */
    uint64_t committed;         /* last seq that the file has */
    ag_event_t *tail[AG_JOURNAL_MEMORY_EVENTS];         /* ring: appended but not committed; once lost, the last ones */
    size_t tail_first;          /* index of the oldest */
    size_t tail_count;          /* in use */
    size_t tail_bytes;          /* encoded */
};

static void s_make_syncer (ag_journal_t *self, const char *path)
{
    char *log = ag_asprintf ("%s-wal", path);
    self->syncer = ag_syncer_new (log);
    free (log);
    if (self->syncer)
        ag_store_checkpoint_by_hand (self->store);
}

ag_journal_t *ag_journal_new (const char *path, ag_str_t stream, uint64_t epoch)
{
    ag_journal_t *self = ag_calloc (1, sizeof *self);
    self->stream = ag_str_dup (stream);
    self->stream_len = stream.len;
    self->epoch = epoch;
    if (!path)
        self->lost = ag_strdup ("none is kept");
    else
        self->store = ag_store_open (path, AG_STORE_CREATE, &self->lost);
    if (self->store)
        s_make_syncer (self, path);
    return self;
}

static void s_drop_oldest (ag_journal_t *self)
{
    ag_event_t *event = self->tail[self->tail_first];
    self->tail_bytes -= ag_event_encoded (event).len;
    self->tail_first = (self->tail_first + 1) % AG_JOURNAL_MEMORY_EVENTS;
    self->tail_count--;
    ag_event_unref (&event);
}

static void s_drop_all (ag_journal_t *self)
{
    while (self->tail_count)
        s_drop_oldest (self);
}

void ag_journal_destroy (ag_journal_t **self_p)
{
    ag_journal_t *self = *self_p;
    if (!self)
        return;
    s_drop_all (self);
    ag_syncer_destroy (&self->syncer);
    if (self->store)
        ag_store_close (&self->store);
    free (self->stream);
    free (self->lost);
    free (self);
    *self_p = NULL;
}

static ag_str_t s_stream (const ag_journal_t *self)
{
    return (ag_str_t) { self->stream, self->stream_len };
}

static void s_lose (ag_journal_t *self)
{
    if (!self->lost)
        self->lost = ag_strdup (ag_store_error (self->store));
}

static void s_remember (ag_journal_t *self, ag_event_t *event)
{
    if (self->tail_count == AG_JOURNAL_MEMORY_EVENTS)
        s_drop_oldest (self);
    self->tail[(self->tail_first + self->tail_count) % AG_JOURNAL_MEMORY_EVENTS] = ag_event_ref (event);
    self->tail_count++;
    self->tail_bytes += ag_event_encoded (event).len;
    while (self->tail_bytes > AG_JOURNAL_MEMORY_BYTES && self->tail_count > 1)
        s_drop_oldest (self);
}

/*  A transaction is never larger than what memory can take over if it fails. */
static void s_commit_if_full (ag_journal_t *self, const ag_event_t *next)
{
    if (self->tail_count == AG_JOURNAL_MEMORY_EVENTS
        || self->tail_bytes + ag_event_encoded (next).len > AG_JOURNAL_MEMORY_BYTES)
        ag_journal_commit (self);
}

/*  A sync that failed in the background. Asked between transactions, so that what
    the file has stays what was committed. */
static void s_hear_syncer (ag_journal_t *self)
{
    int error = self->syncer && !self->lost ? ag_syncer_error (self->syncer) : 0;
    if (error)
        self->lost = ag_asprintf ("cannot be synced to disk: %s", strerror (error));
}

void ag_journal_append (ag_journal_t *self, ag_event_t *event)
{
    if (!self->tail_count)
        s_hear_syncer (self);
    if (!self->lost)
        s_commit_if_full (self, event);
    s_remember (self, event);
    if (!self->lost && ag_store_append (self->store, event) != 0)
        s_lose (self);
}

/*  Waits for the disk, and meanwhile nobody reads the agent: so not while that is slow. */
static void s_checkpoint_if_due (ag_journal_t *self)
{
    int pages = ag_store_log_pages (self->store);
    if (!self->syncer || pages < LOG_PAGES)
        return;
    if (!self->asked) {
        self->asked = ag_syncer_start (self->syncer);
        return;
    }
    int64_t took_us = ag_syncer_took_us (self->syncer);
    if (took_us < 0)
        return;
    self->asked = false;
    if (took_us < QUICK_US || pages >= LOG_MAX_PAGES)
        ag_store_checkpoint (self->store);
}

/*  Also when nothing was appended: what is acknowledged waits in a transaction too. */
void ag_journal_commit (ag_journal_t *self)
{
    if (self->lost)
        return;
    if (ag_store_commit (self->store) != 0) {
        s_lose (self);
        return;
    }
    if (self->tail_count == 0)
        return;
    size_t newest = (self->tail_first + self->tail_count - 1) % AG_JOURNAL_MEMORY_EVENTS;
    self->committed = ag_event_seq (self->tail[newest]);
    s_drop_all (self);
    s_checkpoint_if_due (self);
}

void ag_journal_sync_soon (ag_journal_t *self)
{
    if (!self->syncer) {
        ag_journal_sync (self);
        return;
    }
    ag_journal_commit (self);
    s_hear_syncer (self);
    if (!self->lost && ag_syncer_start (self->syncer))
        ag_store_set_synced (self->store);
}

void ag_journal_sync (ag_journal_t *self)
{
    ag_journal_commit (self);
    s_hear_syncer (self);
    if (!self->lost && ag_store_sync (self->store) != 0)
        s_lose (self);
}

bool ag_journal_dirty (const ag_journal_t *self)
{
    return !self->lost && ag_store_dirty (self->store);
}

void ag_journal_acked (ag_journal_t *self, uint64_t seq)
{
    if (!self->lost && ag_store_set_acked (self->store, s_stream (self), self->epoch, seq) != 0)
        s_lose (self);
}

const char *ag_journal_lost (const ag_journal_t *self)
{
    return self->lost;
}

uint64_t ag_journal_first (const ag_journal_t *self)
{
    if (!self->lost || self->committed || self->tail_count == 0)
        return 0;
    uint64_t first = ag_event_seq (self->tail[self->tail_first]);
    return first > 1 ? first : 0;
}

static int s_read_file (ag_journal_t *self, uint64_t from, uint64_t to, ag_journal_event_fn *fn, void *context)
{
    if (to > self->committed)
        to = self->committed;
    if (!self->store || from > to)
        return 0;
    return ag_store_each_event (self->store, s_stream (self), self->epoch, from, to, fn, context);
}

/*  Remembers whether the reader has had enough while the file was read. */
typedef struct {
    ag_journal_event_fn *fn;    /* the reader */
    void *context;              /* for it */
    bool enough;                /* it returned false */
} s_reader_t;

static bool s_pass (void *context, ag_event_t *event)
{
    s_reader_t *reader = context;
    reader->enough = !reader->fn (reader->context, event);
    return !reader->enough;
}

int ag_journal_read (ag_journal_t *self, uint64_t from, uint64_t to, ag_journal_event_fn *fn, void *context)
{
    s_reader_t reader = { .fn = fn, .context = context };
    int rc = s_read_file (self, from, to, s_pass, &reader);
    for (size_t i = 0; i < self->tail_count && !reader.enough; i++) {
        ag_event_t *event = self->tail[(self->tail_first + i) % AG_JOURNAL_MEMORY_EVENTS];
        uint64_t seq = ag_event_seq (event);
        if (seq >= from && seq <= to && seq > self->committed)
            s_pass (&reader, event);
    }
    return rc;
}
