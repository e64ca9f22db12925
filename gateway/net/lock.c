/*  gateway/net/lock.c - one gateway per socket and per state folder

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/mem.h"

static int s_refuse (int fd, const char *path, int why, char **error_r)
{
    char owner[24] = "";
    if (fd >= 0 && why == EWOULDBLOCK && read (fd, owner, sizeof owner - 1) > 0)
        owner[strcspn (owner, "\n")] = '\0';
    *error_r = why == EWOULDBLOCK
        ? ag_asprintf ("%s is locked: another gateway runs here (process %s)", path, *owner ? owner : "unknown")
        : ag_asprintf ("%s: cannot be locked: %s", path, strerror (why));
    if (fd >= 0)
        close (fd);
    return -1;
}

int ag_lock_take (const char *path, char **error_r)
{
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) != 0)
        return s_refuse (fd, path, errno, error_r);
    if (ftruncate (fd, 0) == 0)
        dprintf (fd, "%ld\n", (long) getpid ());
    return fd;
}

int ag_lock_endpoint (const char *endpoint, char **error_r)
{
    if (strncmp (endpoint, "ipc://", 6) != 0 || endpoint[6] == '@')
        return -2;
    char *path = ag_asprintf ("%s.lock", endpoint + 6);
    int fd = ag_lock_take (path, error_r);
    free (path);
    return fd;
}
