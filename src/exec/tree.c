/*  exec/tree.c - what lies in a workspace, and nothing outside of it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/mem.h"
#include "exec/fds.h"

enum { LOOK_MASK = STATX_BASIC_STATS | STATX_BTIME };

struct ag_tree {
    char *root;                 /* absolute, as it was at the start; without a slash at its end ("" for "/") */
    int fd;                     /* the same folder */
};

ag_tree_t *ag_tree_new (const char *root, char **error_r)
{
    char *real = realpath (root, NULL);
    int fd = real ? ag_fds_lift (open (real, O_PATH | O_DIRECTORY | O_CLOEXEC)) : -1;
    if (fd < 0) {
        *error_r = ag_asprintf ("cannot watch %s: %s", root, strerror (errno));
        free (real);
        return NULL;
    }
    ag_tree_t *self = ag_calloc (1, sizeof *self);
    self->root = real;
    self->fd = fd;
    if (strcmp (real, "/") == 0)
        real[0] = 0;
    return self;
}

void ag_tree_destroy (ag_tree_t **self_p)
{
    ag_tree_t *self = *self_p;
    if (!self)
        return;
    ag_fds_close (&self->fd);
    free (self->root);
    free (self);
    *self_p = NULL;
}

char *ag_tree_relative (const ag_tree_t *self, const char *dir)
{
    char *real = dir ? realpath (dir, NULL) : NULL;
    char *relative = NULL;
    size_t len = strlen (self->root);
    if (real && strncmp (real, self->root, len) == 0 && real[len] == '/' && real[len + 1])
        relative = ag_strdup (real + len + 1);
    free (real);
    return relative;
}

/*  Where openat2 is missing (Linux before 5.6) or not allowed (the filter of an old
    container), links on the way are followed. */
static int s_open (const ag_tree_t *self, const char *path, int flags)
{
    struct open_how how = { .flags = (uint64_t) (flags | O_CLOEXEC | O_NOFOLLOW), .resolve = RESOLVE_NO_SYMLINKS };
    const char *name = path[0] ? path : ".";
    int fd = (int) syscall (SYS_openat2, self->fd, name, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = openat (self->fd, name, flags | O_CLOEXEC | O_NOFOLLOW);
    return fd;
}

int ag_tree_open (const ag_tree_t *self, const char *path)
{
    return s_open (self, path, O_RDONLY | O_DIRECTORY);
}

/*  By its descriptor, so what is watched is what was opened, wherever its path
    leads by now. */
int ag_tree_watch (int inotify_fd, int folder_fd, uint32_t mask)
{
    char path[64];
    snprintf (path, sizeof path, "/proc/self/fd/%d", folder_fd);
    return inotify_add_watch (inotify_fd, path, mask | IN_ONLYDIR);
}

bool ag_tree_is_removed (const ag_tree_t *self)
{
    struct stat info;
    return fstat (self->fd, &info) == 0 && info.st_nlink == 0;
}

/*  Is that an answer? A descriptor or memory that is lacking tells nothing. */
static int s_absent (void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return 0;
    default:
        return -1;
    }
}

int ag_tree_look (const ag_tree_t *self, const char *path, struct statx *info_r)
{
    int fd = s_open (self, path, O_PATH);
    if (fd < 0)
        return s_absent ();
    int rc = statx (fd, "", AT_EMPTY_PATH, LOOK_MASK, info_r);
    close (fd);
    return rc == 0 ? 1 : -1;
}

int ag_tree_look_in (int folder_fd, const char *name, struct statx *info_r)
{
    if (statx (folder_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, LOOK_MASK, info_r) == 0)
        return 1;
    return s_absent ();
}
