/*  faults.c - a bad disk, for LD_PRELOAD

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Of files whose path contains FAULTS_UNDER:

    FAULTS_SLOW=PATH      fsync and fdatasync do not return before PATH is there
    FAULTS_HANG=PATH      nor while PATH is there
    FAULTS_EIO=PATH       once PATH is there, writing and syncing fails with EIO
    FAULTS_READ=PATH      while PATH is there, reading at a place (pread) fails with EIO
*/
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static bool s_is_ours (int fd)
{
    const char *under = getenv ("FAULTS_UNDER");
    char link[64], path[4096];
    snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = under ? readlink (link, path, sizeof path - 1) : -1;
    if (len < 0)
        return false;
    path[len] = 0;
    return strstr (path, under) != NULL;
}

static bool s_is_there (const char *variable)
{
    const char *path = getenv (variable);
    return path && access (path, F_OK) == 0;
}

static bool s_fails (int fd, const char *variable)
{
    int saved = errno;
    bool fails = s_is_there (variable) && s_is_ours (fd);
    errno = fails ? EIO : saved;
    return fails;
}

static void s_wait (int fd)
{
    if (!s_is_ours (fd))
        return;
    while ((getenv ("FAULTS_SLOW") && !s_is_there ("FAULTS_SLOW")) || s_is_there ("FAULTS_HANG"))
        usleep (1000);
}

static void *s_next (const char *name)
{
    return dlsym (RTLD_NEXT, name);
}

ssize_t write (int fd, const void *bytes, size_t len)
{
    ssize_t (*next) (int, const void *, size_t);
    *(void **) &next = s_next ("write");
    return s_fails (fd, "FAULTS_EIO") ? -1 : next (fd, bytes, len);
}

ssize_t pwrite (int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t (*next) (int, const void *, size_t, off_t);
    *(void **) &next = s_next ("pwrite");
    return s_fails (fd, "FAULTS_EIO") ? -1 : next (fd, bytes, len, at);
}

ssize_t pwrite64 (int fd, const void *bytes, size_t len, off64_t at)
{
    ssize_t (*next) (int, const void *, size_t, off64_t);
    *(void **) &next = s_next ("pwrite64");
    return s_fails (fd, "FAULTS_EIO") ? -1 : next (fd, bytes, len, at);
}

ssize_t pread (int fd, void *bytes, size_t len, off_t at)
{
    ssize_t (*next) (int, void *, size_t, off_t);
    *(void **) &next = s_next ("pread");
    return s_fails (fd, "FAULTS_READ") ? -1 : next (fd, bytes, len, at);
}

ssize_t pread64 (int fd, void *bytes, size_t len, off64_t at)
{
    ssize_t (*next) (int, void *, size_t, off64_t);
    *(void **) &next = s_next ("pread64");
    return s_fails (fd, "FAULTS_READ") ? -1 : next (fd, bytes, len, at);
}

int fsync (int fd)
{
    int (*next) (int);
    *(void **) &next = s_next ("fsync");
    s_wait (fd);
    return s_fails (fd, "FAULTS_EIO") ? -1 : next (fd);
}

int fdatasync (int fd)
{
    int (*next) (int);
    *(void **) &next = s_next ("fdatasync");
    s_wait (fd);
    return s_fails (fd, "FAULTS_EIO") ? -1 : next (fd);
}
