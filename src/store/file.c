/*  store/file.c - the file before SQLite sees it: lock, copy, set aside

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The lock is an open-file-description lock on a file of its own. Not on the
    database: closing any descriptor of that would drop SQLite's own locks.
    Not flock: asking whether it is held would have to take it for a moment,
    and a writer that starts in that moment would be refused.
*/
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"

/* ---------------------------------------------------------------------- */
/*  Lock */

static char *s_lock_path (const char *path)
{
    return ag_asprintf ("%s-lock", path);
}

/*  Who holds it, for the message only: the holder wrote its pid there. */
static long s_holder (int fd)
{
    char text[24] = "";
    ssize_t got = pread (fd, text, sizeof text - 1, 0);
    return got > 0 ? strtol (text, NULL, 10) : 0;
}

static void s_sign (int fd)
{
    char text[24];
    int len = snprintf (text, sizeof text, "%ld\n", (long) getpid ());
    if (ftruncate (fd, 0) || pwrite (fd, text, (size_t) len, 0) != len)
        ag_log_debug ("STORE_LOCK", "the lock file could not be signed: %s", strerror (errno));
}

int ag_store_lock (const char *path, char **error_r)
{
    char *lock_path = s_lock_path (path);
    int fd = open (lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free (lock_path);
    if (fd < 0) {
        *error_r = ag_asprintf ("%s: cannot be opened for writing: %s", path, strerror (errno));
        return -1;
    }
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl (fd, F_OFD_SETLK, &lock) == 0) {
        s_sign (fd);
        return fd;
    }
    int why = errno == EACCES || errno == EAGAIN ? EBUSY : errno;
    if (why == EBUSY)
        *error_r = ag_asprintf ("%s: is in use by process %ld", path, s_holder (fd));
    else
        *error_r = ag_asprintf ("%s: cannot be locked: %s", path, strerror (why));
    close (fd);
    errno = why;
    return -1;
}

int ag_store_locked (const char *path)
{
    char *lock_path = s_lock_path (path);
    int fd = open (lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == EROFS || errno == EACCES))
        fd = open (lock_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    free (lock_path);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int rc = fcntl (fd, F_OFD_GETLK, &lock);
    int saved = errno;
    close (fd);
    errno = saved;
    return rc ? -1 : lock.l_type != F_UNLCK;
}

int ag_store_file_create (const char *path)
{
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    close (fd);
    return 0;
}

/* ---------------------------------------------------------------------- */
/*  A private copy, where the medium cannot be written */

static int s_copy_bytes (int from, int to)
{
    ssize_t sent;
    do
        sent = sendfile (to, from, NULL, 1 << 20);
    while (sent > 0);
    return sent < 0 ? -1 : 0;
}

/*  A companion may be missing; 0 or -1 with errno. */
static int s_copy (const char *from, const char *dir, const char *name, bool may_miss)
{
    int in = open (from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return may_miss && errno == ENOENT ? 0 : -1;
    char *to = ag_asprintf ("%s/%s", dir, name);
    int out = open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    free (to);
    int rc = out < 0 ? -1 : s_copy_bytes (in, out);
    int saved = errno;
    if (out >= 0 && close (out) && !rc) {
        rc = -1;
        saved = errno;
    }
    close (in);
    errno = saved;
    return rc;
}

char *ag_store_file_copy (const char *path, char **error_r)
{
    const char *tmp = getenv ("TMPDIR");
    char *dir = ag_asprintf ("%s/agentgate-store-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    char *wal = ag_asprintf ("%s-wal", path);
    bool made = mkdtemp (dir) != NULL;
    int rc = made ? s_copy (path, dir, "copy.db", false) : -1;
    if (rc == 0)
        rc = s_copy (wal, dir, "copy.db-wal", true);
    free (wal);
    if (rc == 0)
        return dir;
    int saved = errno;
    *error_r = ag_asprintf (
        "%s: is on a medium that cannot be written, and copying it to %s failed: %s", path, dir, strerror (saved));
    if (made)
        ag_store_file_drop_copy (&dir);
    free (dir);
    errno = saved;
    return NULL;
}

void ag_store_file_drop_copy (char **dir_p)
{
    static const char *const names[] = { "copy.db", "copy.db-wal", "copy.db-shm" };
    if (!*dir_p)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = ag_asprintf ("%s/%s", *dir_p, names[i]);
        unlink (path);
        free (path);
    }
    rmdir (*dir_p);
    free (*dir_p);
    *dir_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Set aside */

/*  A missing companion is no failure. */
static int s_rename_companion (const char *path, const char *aside, const char *suffix)
{
    char *from = ag_asprintf ("%s%s", path, suffix);
    char *to = ag_asprintf ("%s%s", aside, suffix);
    int rc = rename (from, to);
    if (rc && errno == ENOENT)
        rc = 0;
    free (from);
    free (to);
    return rc;
}

int ag_store_set_aside (const char *path, char **aside_r)
{
    *aside_r = NULL;
    int locked = ag_store_locked (path);
    if (locked) {
        errno = locked > 0 ? EBUSY : errno;
        return -1;
    }
    char *aside = ag_asprintf ("%s.damaged-%lld", path, (long long) ag_clock_wall_us ());
    /*  The log first: a database without its log is only older, a log without
        its database is nothing. -shm holds nothing that is not in the log. */
    if (s_rename_companion (path, aside, "-wal") || rename (path, aside)) {
        int saved = errno;
        free (aside);
        errno = saved;
        return -1;
    }
    char *shm = ag_asprintf ("%s-shm", path);
    unlink (shm);
    free (shm);
    *aside_r = aside;
    return 0;
}

/* ---------------------------------------------------------------------- */
/*  Is the write-ahead log whole? SQLite reads it up to the first frame whose
    checksum is wrong, and takes that for the end, which after a power loss it
    is. Frames of the same generation behind it mean that something inside was
    hurt: then whoever runs this is told. Format: sqlite.org/fileformat2.html,
    section 4. */

enum { WAL_HEADER = 32, WAL_FRAME_HEADER = 24 };

static uint32_t s_be32 (const unsigned char *bytes)
{
    return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

static uint32_t s_le32 (const unsigned char *bytes)
{
    return (uint32_t) bytes[3] << 24 | (uint32_t) bytes[2] << 16 | (uint32_t) bytes[1] << 8 | bytes[0];
}

static void s_wal_sum (bool big_endian, const unsigned char *bytes, size_t len, uint32_t sum[2])
{
    for (size_t i = 0; i + 8 <= len; i += 8) {
        sum[0] += (big_endian ? s_be32 (bytes + i) : s_le32 (bytes + i)) + sum[1];
        sum[1] += (big_endian ? s_be32 (bytes + i + 4) : s_le32 (bytes + i + 4)) + sum[0];
    }
}

/*  The frames of a log one after the other: how many are good, and how many
    of the same generation come behind the first bad one. */
typedef struct {
    uint32_t page_bytes;
    bool big_endian;       /* of the checksums */
    uint32_t sum[2];       /* running */
    unsigned char salt[8]; /* of this generation */
    uint64_t good, stranded;
} s_wal_t;

static int s_wal_header (s_wal_t *wal, const unsigned char header[WAL_HEADER])
{
    wal->big_endian = header[3] & 1;
    wal->page_bytes = s_be32 (header + 8);
    memcpy (wal->salt, header + 16, 8);
    s_wal_sum (wal->big_endian, header, 24, wal->sum);
    bool good = s_be32 (header) >> 1 == 0x377f0682 >> 1 && wal->sum[0] == s_be32 (header + 24) &&
                wal->sum[1] == s_be32 (header + 28) && wal->page_bytes >= 512 && wal->page_bytes <= 65536;
    return good ? 0 : -1;
}

static void s_wal_frame (s_wal_t *wal, const unsigned char *frame)
{
    bool same_generation = memcmp (frame + 8, wal->salt, 8) == 0;
    if (wal->stranded == 0 && same_generation) {
        s_wal_sum (wal->big_endian, frame, 8, wal->sum);
        s_wal_sum (wal->big_endian, frame + WAL_FRAME_HEADER, wal->page_bytes, wal->sum);
        if (wal->sum[0] == s_be32 (frame + 16) && wal->sum[1] == s_be32 (frame + 20)) {
            wal->good++;
            return;
        }
    }
    if (same_generation)
        wal->stranded++;
}

static void s_wal_frames (s_wal_t *wal, FILE *file)
{
    size_t size = WAL_FRAME_HEADER + wal->page_bytes;
    unsigned char *frame = ag_malloc (size);
    while (fread (frame, 1, size, file) == size)
        s_wal_frame (wal, frame);
    free (frame);
}

void ag_store_file_check_wal (const char *path)
{
    char *wal_path = ag_asprintf ("%s-wal", path);
    FILE *file = fopen (wal_path, "rbe");
    unsigned char header[WAL_HEADER];
    s_wal_t wal = { 0 };
    if (file && fread (header, 1, sizeof header, file) == sizeof header) {
        if (s_wal_header (&wal, header))
            ag_log_error ("STORE_LOG_DAMAGED",
                "the head of a write-ahead log is damaged:"
                " what was in it and not yet in the database is lost path=%s",
                wal_path);
        else {
            s_wal_frames (&wal, file);
            if (wal.stranded > 1)
                ag_log_error ("STORE_LOG_DAMAGED",
                    "a write-ahead log is damaged inside: the last commits are lost"
                    " path=%s frames=%llu lost=%llu",
                    wal_path, (unsigned long long) wal.good, (unsigned long long) wal.stranded);
        }
    }
    if (file)
        fclose (file);
    free (wal_path);
}
