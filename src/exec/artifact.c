/*  exec/artifact.c - the agent's raw output: kept in a file, passed on by a cursor

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/artifact.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "core/buf.h"
#include "core/mem.h"
#include "exec/span.h"
#include "exec/spout.h"

enum { DRAIN_CHUNK_BYTES = 64 * 1024 };

struct ag_artifact {
    ag_span_t kept;             /* the file, from the first byte on */
    bool keep;                  /* it holds all, and grows */
    int error;                  /* what ended the keeping */
    ag_span_t spool;            /* unlinked: what no kept file took and is not passed on yet */
    bool spool_tried;           /* there was no place to make it */
    char *dir, *spare_dir;      /* where it may be made, or NULL */
    uint64_t max_spare_bytes;   /* of it in spare_dir */
    ag_buf_t memory;            /* what that did not take: the last bytes up to total */
    size_t max_memory_bytes;    /* of it */
    uint64_t dropped;           /* beyond that */
    ag_spout_t *spout;          /* where it is passed on to, or NULL */
    int reader_error;           /* the spout has failed for good */
    ag_artifact_t *other;       /* with the same reader, or NULL */
    int source_fd;              /* where it comes from, or -1 */
    bool mid_line;              /* it was the last to pass something on, and not the end of a line */
    uint64_t seen;              /* bytes that came */
    uint64_t total;             /* of them, without what was dropped before it was held */
    uint64_t passed;            /* the cursor */
};

static char *s_copy (const char *text)
{
    return text ? ag_strdup (text) : NULL;
}

ag_artifact_t *ag_artifact_new (const ag_artifact_options_t *options)
{
    ag_artifact_t *self = ag_calloc (1, sizeof *self);
    self->kept = self->spool = AG_SPAN_NONE;
    self->source_fd = -1;
    self->max_spare_bytes = options->max_spare_bytes;
    self->max_memory_bytes = options->max_memory_bytes;
    self->spout = options->out_fd >= 0 ? ag_spout_new (options->out_fd) : NULL;
    self->dir = s_copy (options->dir);
    self->spare_dir = s_copy (options->spare_dir);
    if (options->dir && options->name) {
        self->keep = ag_span_make (&self->kept, options->dir, options->name) == 0;
        self->error = self->keep ? 0 : errno;
    }
    return self;
}

void ag_artifact_destroy (ag_artifact_t **self_p)
{
    ag_artifact_t *self = *self_p;
    if (!self)
        return;
    if (self->other)
        self->other->other = NULL;
    ag_span_close (&self->kept);
    ag_span_close (&self->spool);
    ag_spout_destroy (&self->spout);
    ag_buf_free (&self->memory);
    free (self->dir);
    free (self->spare_dir);
    free (self);
    *self_p = NULL;
}

void ag_artifact_share_reader (ag_artifact_t *self, ag_artifact_t *other)
{
    self->other = other;
    other->other = self;
}

void ag_artifact_set_source (ag_artifact_t *self, int fd)
{
    self->source_fd = fd;
}

/* ---------------------------------------------------------------------- */
/*  Keeping and holding */

static void s_keep (ag_artifact_t *self, const char *bytes, size_t len)
{
    if (ag_span_append (&self->kept, bytes, len) == len)
        return;
    self->error = errno;
    self->keep = false;         /* from now on the file only serves what it has */
}

static void s_make_spool (ag_artifact_t *self)
{
    self->spool_tried = true;
    if (self->dir && !self->error && ag_span_make_unlinked (&self->spool, self->dir) == 0)
        return;
    if (self->spare_dir && ag_span_make_unlinked (&self->spool, self->spare_dir) == 0)
        self->spool.max_bytes = self->max_spare_bytes;
}

/*  Room in an unlinked file, made when there is first something to hold. Not
    while memory holds something: what comes behind that must follow it. */
static bool s_spool_ready (ag_artifact_t *self, uint64_t position)
{
    if (self->memory.len)
        return false;
    if (!self->spool_tried)
        s_make_spool (self);
    if (self->spool.end == self->spool.base)
        self->spool.base = self->spool.end = position;
    return self->spool.fd >= 0;
}

/*  Holds the last `len` bytes of the stream, which no kept file has. */
static void s_hold (ag_artifact_t *self, const char *bytes, size_t len)
{
    size_t done = 0;
    if (s_spool_ready (self, self->total - len))
        done = ag_span_append (&self->spool, bytes, len);
    size_t room = self->max_memory_bytes - self->memory.len;
    size_t left = len - done;
    size_t held = left < room ? left : room;
    ag_buf_append (&self->memory, bytes + done, held);
    self->dropped += left - held;
    self->total -= left - held;
}

/*  Nothing waits: an unlinked file gives its disk back, memory its room. */
static void s_all_passed (ag_artifact_t *self)
{
    if (self->spool.fd >= 0)
        ag_span_restart (&self->spool, self->total);
    ag_buf_shrink (&self->memory, DRAIN_CHUNK_BYTES);
}

/* ---------------------------------------------------------------------- */
/*  Passing on */

/*  There is more to come at once; else the line is unfinished because the agent has not finished it. */
static bool s_has_more (const ag_artifact_t *self)
{
    int waiting = 0;
    return ag_artifact_pending (self)
        || (self->source_fd >= 0 && ioctl (self->source_fd, FIONREAD, &waiting) == 0 && waiting > 0);
}

static bool s_must_wait (const ag_artifact_t *self)
{
    const ag_artifact_t *other = self->other;
    return other && other->mid_line && !other->reader_error && s_has_more (other);
}

/*  Of two, only the one that spoke last can be in the middle of a line: or both
    could come to wait for each other. */
static void s_said (ag_artifact_t *self, char last)
{
    self->mid_line = last != '\n';
    if (self->other)
        self->other->mid_line = false;
}

static void s_reader_gone (ag_artifact_t *self)
{
    self->reader_error = errno;
    self->passed = self->total;
    ag_buf_free (&self->memory);
}

/*  Offers bytes that start at the cursor; returns how many were taken. */
static size_t s_pass (ag_artifact_t *self, const char *bytes, size_t len)
{
    ssize_t taken = ag_spout_write (self->spout, bytes, len);
    if (taken < 0) {
        s_reader_gone (self);
        return 0;
    }
    if (taken > 0)
        s_said (self, bytes[taken - 1]);
    self->passed += (uint64_t) taken;
    return (size_t) taken;
}

void ag_artifact_append (ag_artifact_t *self, const void *bytes, size_t len)
{
    bool idle = self->passed == self->total && !s_must_wait (self);
    if (self->keep)
        s_keep (self, bytes, len);
    self->seen += len;
    self->total += len;
    if (!self->spout || self->reader_error) {
        self->passed = self->total;
        return;
    }
    size_t taken = idle ? s_pass (self, bytes, len) : 0;
    if (self->reader_error)
        return;
    /*  What a failing file still took need not be held twice */
    size_t in_file = self->total - len < self->kept.end ? (size_t) (self->kept.end - (self->total - len)) : 0;
    if (in_file > taken)
        taken = in_file;
    if (!self->keep && taken < len)
        s_hold (self, (const char *) bytes + taken, len - taken);
}

bool ag_artifact_pending (const ag_artifact_t *self)
{
    return self->passed < self->total;
}

int ag_artifact_out_fd (const ag_artifact_t *self)
{
    return self->spout && !self->reader_error ? ag_spout_fd (self->spout) : -1;
}

/*  One chunk from a file; false when the reader takes no more now. */
static bool s_drain_file (ag_artifact_t *self, const ag_span_t *span)
{
    char chunk[DRAIN_CHUNK_BYTES];
    ssize_t got = ag_span_read (span, self->passed, chunk, sizeof chunk);
    if (got > 0)
        return s_pass (self, chunk, (size_t) got) == (size_t) got;
    self->dropped += span->end - self->passed;  /* cannot be read back */
    self->passed = span->end;
    return true;
}

static bool s_drain_memory (ag_artifact_t *self)
{
    size_t len = self->memory.len;
    size_t taken = s_pass (self, self->memory.data, len);
    if (self->reader_error)
        return false;
    ag_buf_consume (&self->memory, taken);
    return taken == len;
}

static bool s_drain_once (ag_artifact_t *self)
{
    if (self->passed < self->kept.end)
        return s_drain_file (self, &self->kept);
    if (self->passed < self->spool.end)
        return s_drain_file (self, &self->spool);
    return s_drain_memory (self);
}

void ag_artifact_drain (ag_artifact_t *self, size_t max_bytes)
{
    if (!self->spout || self->reader_error || s_must_wait (self))
        return;
    uint64_t stop = self->passed + max_bytes;
    bool more = true;
    while (more && self->passed < self->total && self->passed < stop)
        more = s_drain_once (self);
    if (self->passed == self->total)
        s_all_passed (self);
}

/* ---------------------------------------------------------------------- */

int ag_artifact_error (const ag_artifact_t *self)
{
    return self->error;
}

int ag_artifact_reader_error (const ag_artifact_t *self)
{
    return self->reader_error;
}

uint64_t ag_artifact_total (const ag_artifact_t *self)
{
    return self->seen;
}

uint64_t ag_artifact_passed (const ag_artifact_t *self)
{
    return self->passed;
}

uint64_t ag_artifact_dropped (const ag_artifact_t *self)
{
    return self->dropped;
}
