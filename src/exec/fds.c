/*  exec/fds.c - keeps our file descriptors out of the agent's way

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec/fds.h"

enum { FDS_FIRST = 3, FDS_KEEP_MAX = 8 };

void ag_fds_close (int *fd_p)
{
    if (*fd_p >= 0)
        close (*fd_p);
    *fd_p = -1;
}

/*  The standard three may be closed in us, and must then stay closed in the agent. */
int ag_fds_lift (int fd)
{
    if (fd < 0 || fd >= FDS_FIRST)
        return fd;
    int high = fcntl (fd, F_DUPFD_CLOEXEC, FDS_FIRST);
    close (fd);
    return high;
}

static int s_lift_both (int pair[2], int *first_r, int *second_r)
{
    *first_r = ag_fds_lift (pair[0]);
    *second_r = ag_fds_lift (pair[1]);
    if (*first_r >= 0 && *second_r >= 0)
        return 0;
    ag_fds_close (first_r);
    ag_fds_close (second_r);
    return -1;
}

int ag_fds_pipe (int *read_r, int *write_r)
{
    int pair[2];
    *read_r = *write_r = -1;
    return pipe2 (pair, O_CLOEXEC) == 0 ? s_lift_both (pair, read_r, write_r) : -1;
}

int ag_fds_socketpair (int *ours_r, int *theirs_r)
{
    int pair[2];
    *ours_r = *theirs_r = -1;
    if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    return s_lift_both (pair, ours_r, theirs_r);
}

static int s_by_number (const void *a, const void *b)
{
    return *(const int *) a - *(const int *) b;
}

void ag_fds_close_others (const int *keep, size_t count)
{
    assert (count <= FDS_KEEP_MAX);
    int sorted[FDS_KEEP_MAX] = { 0 };
    for (size_t i = 0; i < count; i++)
        sorted[i] = keep[i];
    qsort (sorted, count, sizeof (int), s_by_number);
    unsigned from = FDS_FIRST;
    for (size_t i = 0; i < count; i++) {
        if (sorted[i] < (int) from)
            continue;
        if (sorted[i] > (int) from)
            close_range (from, (unsigned) sorted[i] - 1, 0);
        from = (unsigned) sorted[i] + 1;
    }
    close_range (from, ~0U, 0);
}

void ag_fds_plug_standard (void)
{
    for (int fd = 0; fd < FDS_FIRST; fd++)
        if (fcntl (fd, F_GETFD) < 0)
            ag_fds_replace_by_null (fd);
}

void ag_fds_replace_by_null (int fd)
{
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && null != fd) {
        dup3 (null, fd, O_CLOEXEC);
        close (null);
    }
}

int ag_fds_set_nonblocking (int fd)
{
    int flags = fcntl (fd, F_GETFL);
    return flags < 0 ? -1 : fcntl (fd, F_SETFL, flags | O_NONBLOCK);
}
