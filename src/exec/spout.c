/*  exec/spout.c - our own stdout or stderr, written without ever blocking

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "exec/fds.h"
#include "exec/spout.h"

/*  What fits into any pipe or terminal that poll calls writable. */
enum { CAREFUL_BYTES = 256 };

typedef enum { BY_WRITE, BY_SEND, BY_POLL } s_manner_t;

struct ag_spout {
    int fd;                     /* what we write to */
    int own_fd;                 /* opened by us, or -1 */
    s_manner_t manner;          /* how not to block on it */
    int gone;                   /* errno that ended it; 0: alive */
};

/*  A descriptor of our own for the same pipe or terminal. */
static int s_reopen (int fd)
{
    char path[32];
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    return ag_fds_lift (open (path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

ag_spout_t *ag_spout_new (int fd)
{
    struct stat info;
    if (fstat (fd, &info) != 0)
        return NULL;
    ag_spout_t *self = ag_calloc (1, sizeof *self);
    self->fd = fd;
    self->own_fd = -1;
    if (S_ISSOCK (info.st_mode))
        self->manner = BY_SEND;
    else if (S_ISFIFO (info.st_mode) || S_ISCHR (info.st_mode)) {
        self->own_fd = s_reopen (fd);
        if (self->own_fd >= 0)
            self->fd = self->own_fd;
        else
            self->manner = BY_POLL;
    }
    return self;
}

void ag_spout_destroy (ag_spout_t **self_p)
{
    ag_spout_t *self = *self_p;
    if (!self)
        return;
    ag_fds_close (&self->own_fd);
    free (self);
    *self_p = NULL;
}

static ssize_t s_write_careful (ag_spout_t *self, const void *bytes, size_t len)
{
    struct pollfd item = { .fd = self->fd, .events = POLLOUT };
    if (poll (&item, 1, 0) != 1) {
        errno = EAGAIN;
        return -1;
    }
    return write (self->fd, bytes, len < CAREFUL_BYTES ? len : CAREFUL_BYTES);
}

static ssize_t s_write_once (ag_spout_t *self, const void *bytes, size_t len)
{
    switch (self->manner) {
    case BY_SEND:
        return send (self->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    case BY_POLL:
        return s_write_careful (self, bytes, len);
    default:
        return write (self->fd, bytes, len);
    }
}

ssize_t ag_spout_write (ag_spout_t *self, const void *bytes, size_t len)
{
    if (self->gone) {
        errno = self->gone;
        return -1;
    }
    size_t done = 0;
    while (done < len) {
        ssize_t written = s_write_once (self, (const char *) bytes + done, len - done);
        if (written > 0)
            done += (size_t) written;
        else if (written < 0 && errno == EINTR)
            continue;
        else if (written == 0 || errno == EAGAIN)
            break;
        else {
            self->gone = errno;
            return done ? (ssize_t) done : -1;
        }
    }
    return (ssize_t) done;
}

int ag_spout_fd (const ag_spout_t *self)
{
    return self->fd;
}
