/*  exec/artifact.c - the agent's raw output: kept in a file, passed on by a cursor

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/mem.h"
#include "exec/artifact.h"
#include "exec/fds.h"
#include "exec/spout.h"

enum { DRAIN_CHUNK_BYTES = 64 * 1024 };

struct ag_artifact {
    int file;                   /* the kept file, or the unlinked one; -1: none (any more) */
    bool keep;                  /* the file holds all, from the first byte on */
    char *dir;                  /* where an unlinked file may be made, or NULL */
    ag_spout_t *spout;        /* where it is passed on to, or NULL */
    bool reader_gone;           /* the spout has failed for good */
    uint64_t total;             /* bytes seen */
    uint64_t passed;            /* the cursor */
    uint64_t file_base;         /* stream position of the file's first byte */
    uint64_t file_end;          /* stream position behind its last */
    ag_buf_t memory;            /* what no file took and is not passed on yet: the last bytes up to total */
    size_t max_memory_bytes;    /* its limit */
    uint64_t dropped;           /* beyond that limit */
    int error;                  /* what ended the keeping */
};

static int s_open_kept (const char *dir, const char *name)
{
    char *path = ag_asprintf ("%s/%s", dir, name);
    int fd = ag_fds_lift (open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    int error = errno;
    free (path);
    errno = error;
    return fd;
}

ag_artifact_t *ag_artifact_new (const ag_artifact_options_t *options)
{
    ag_artifact_t *self = ag_calloc (1, sizeof *self);
    self->file = -1;
    self->max_memory_bytes = options->max_memory_bytes;
    self->spout = options->out_fd >= 0 ? ag_spout_new (options->out_fd) : NULL;
    self->dir = options->dir ? ag_strdup (options->dir) : NULL;
    if (options->dir && options->name) {
        self->file = s_open_kept (options->dir, options->name);
        self->keep = self->file >= 0;
        self->error = self->keep ? 0 : errno;
    }
    return self;
}

void ag_artifact_destroy (ag_artifact_t **self_p)
{
    ag_artifact_t *self = *self_p;
    if (!self)
        return;
    ag_fds_close (&self->file);
    ag_spout_destroy (&self->spout);
    ag_buf_free (&self->memory);
    free (self->dir);
    free (self);
    *self_p = NULL;
}

/*  Writes at the file's end as much as it takes; returns that. */
static size_t s_file_write (ag_artifact_t *self, const char *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t written = pwrite (self->file, bytes + done, len - done, (off_t) (self->file_end - self->file_base));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        done += (size_t) written;
        self->file_end += (uint64_t) written;
    }
    return done;
}

static void s_keep (ag_artifact_t *self, const char *bytes, size_t len)
{
    if (s_file_write (self, bytes, len) == len)
        return;
    self->error = errno ? errno : EIO;
    self->keep = false;         /* from now on the file only serves what it has */
}

/*  Room in an unlinked file, made when there is first something to hold. Not
    while memory holds something: what comes behind that must follow it. */
static bool s_spool_ready (ag_artifact_t *self, uint64_t position)
{
    if (self->error || self->memory.len || !self->dir)
        return false;
    if (self->file < 0)
        self->file = ag_fds_lift (open (self->dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    if (self->file_end == self->file_base)
        self->file_base = self->file_end = position;
    return self->file >= 0;
}

/*  Holds the last `len` bytes of the stream, which no kept file has. */
static void s_hold (ag_artifact_t *self, const char *bytes, size_t len)
{
    size_t done = 0;
    if (s_spool_ready (self, self->total - len))
        done = s_file_write (self, bytes, len);
    size_t room = self->max_memory_bytes - self->memory.len;
    size_t left = len - done;
    size_t held = left < room ? left : room;
    ag_buf_append (&self->memory, bytes + done, held);
    self->dropped += left - held;
    self->total -= left - held;
}

static void s_reader_gone (ag_artifact_t *self)
{
    self->reader_gone = true;
    self->passed = self->total;
    ag_buf_free (&self->memory);
}

/*  Nothing waits: an unlinked file gives its disk back, memory its room. */
static void s_all_passed (ag_artifact_t *self)
{
    if (self->file >= 0 && !self->keep && self->error == 0 && self->file_end > self->file_base
        && ftruncate (self->file, 0) == 0)
        self->file_base = self->file_end = self->total;
    ag_buf_shrink (&self->memory, DRAIN_CHUNK_BYTES);
}

/*  Offers bytes that start at the cursor; returns how many were taken. */
static size_t s_pass (ag_artifact_t *self, const char *bytes, size_t len)
{
    ssize_t taken = ag_spout_write (self->spout, bytes, len);
    if (taken < 0) {
        s_reader_gone (self);
        return 0;
    }
    self->passed += (uint64_t) taken;
    return (size_t) taken;
}

void ag_artifact_append (ag_artifact_t *self, const void *bytes, size_t len)
{
    bool idle = self->passed == self->total;
    if (self->keep)
        s_keep (self, bytes, len);
    self->total += len;
    if (!self->spout || self->reader_gone) {
        self->passed = self->total;
        return;
    }
    size_t taken = idle ? s_pass (self, bytes, len) : 0;
    if (self->reader_gone)
        return;
    /*  What a failing file still took need not be held twice */
    size_t in_file = self->total - len < self->file_end ? (size_t) (self->file_end - (self->total - len)) : 0;
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
    return self->spout && !self->reader_gone ? ag_spout_fd (self->spout) : -1;
}

/*  One chunk from the file; false when the reader takes no more now. */
static bool s_drain_file (ag_artifact_t *self)
{
    char chunk[DRAIN_CHUNK_BYTES];
    uint64_t left = self->file_end - self->passed;
    size_t want = left < sizeof chunk ? (size_t) left : sizeof chunk;
    ssize_t got = pread (self->file, chunk, want, (off_t) (self->passed - self->file_base));
    if (got > 0)
        return s_pass (self, chunk, (size_t) got) == (size_t) got;
    if (got < 0 && errno == EINTR)
        return true;
    self->dropped += left;      /* cannot be read back */
    self->passed = self->file_end;
    return true;
}

static bool s_drain_memory (ag_artifact_t *self)
{
    size_t len = self->memory.len;
    size_t taken = s_pass (self, self->memory.data, len);
    if (self->reader_gone)
        return false;
    ag_buf_consume (&self->memory, taken);
    return taken == len;
}

void ag_artifact_drain (ag_artifact_t *self, size_t max_bytes)
{
    if (!self->spout || self->reader_gone)
        return;
    uint64_t stop = self->passed + max_bytes;
    bool more = true;
    while (more && self->passed < self->total && self->passed < stop) {
        more = self->passed < self->file_end ? s_drain_file (self) : s_drain_memory (self);
    }
    if (self->passed == self->total)
        s_all_passed (self);
}

int ag_artifact_error (const ag_artifact_t *self)
{
    return self->error;
}

uint64_t ag_artifact_total (const ag_artifact_t *self)
{
    return self->total + self->dropped;
}

uint64_t ag_artifact_passed (const ag_artifact_t *self)
{
    return self->passed;
}

uint64_t ag_artifact_dropped (const ag_artifact_t *self)
{
    return self->dropped;
}
