/*  exec/span.c - a file that holds one part of a stream of bytes

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/span.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/mem.h"
#include "exec/fds.h"

int ag_span_make (ag_span_t *self, const char *dir, const char *name)
{
    char *path = ag_asprintf ("%s/%s", dir, name);
    *self = (ag_span_t) { .max_bytes = UINT64_MAX };
    self->fd = ag_fds_lift (open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    int error = errno;
    free (path);
    errno = error;
    return self->fd < 0 ? -1 : 0;
}

/*  Not every file system knows O_TMPFILE. */
int ag_span_make_unlinked (ag_span_t *self, const char *dir)
{
    *self = (ag_span_t) { .max_bytes = UINT64_MAX };
    self->fd = ag_fds_lift (open (dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    if (self->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        char *path = ag_asprintf ("%s/agentgate-spool-XXXXXX", dir);
        self->fd = ag_fds_lift (mkostemp (path, O_CLOEXEC));
        if (self->fd >= 0)
            unlink (path);
        free (path);
    }
    return self->fd < 0 ? -1 : 0;
}

void ag_span_close (ag_span_t *self)
{
    ag_fds_close (&self->fd);
}

size_t ag_span_append (ag_span_t *self, const void *bytes, size_t len)
{
    size_t done = 0;
    uint64_t room = self->max_bytes - (self->end - self->base);
    size_t want = len < room ? len : (size_t) room;
    while (done < want) {
        ssize_t written = pwrite (self->fd, (const char *) bytes + done, want - done, (off_t) (self->end - self->base));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return done;
        done += (size_t) written;
        self->end += (uint64_t) written;
    }
    errno = ENOSPC;             /* should it be less than was asked for */
    return done;
}

ssize_t ag_span_read (const ag_span_t *self, uint64_t position, void *bytes, size_t len)
{
    uint64_t left = self->end - position;
    ssize_t got;
    do
        got = pread (self->fd, bytes, left < len ? (size_t) left : len, (off_t) (position - self->base));
    while (got < 0 && errno == EINTR);
    return got;
}

void ag_span_restart (ag_span_t *self, uint64_t position)
{
    if (self->end > self->base && ftruncate (self->fd, 0) != 0)
        ag_span_close (self);   /* unlinked, so that gives its disk back too */
    self->base = self->end = position;
}
