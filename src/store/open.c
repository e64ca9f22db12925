/*  store/open.c - finds out what a file is, before anything relies on it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "store/private.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/mem.h"

/*  Above this a full check at open would take seconds; damage is then met by
    whoever reads it. */
enum { CHECK_MAX_BYTES = 64 * 1024 * 1024 };

/*  key = stream.no << 36 | seq, so an event is one row of one B-tree and a
    range of a stream is a range of rowids. doomed: numbers of streams that are
    forgotten and whose events are still being deleted; AUTOINCREMENT, so that
    such a number never comes again. forgotten: how far streams went that had not
    ended when they were, since more may come of those. */
#define SINCE_VERSION_2 \
    "CREATE INDEX stream_work_order ON stream (work_order);" \
    "CREATE INDEX stream_started ON stream (started_us);" \
    "CREATE TABLE forgotten (id BLOB NOT NULL, epoch BLOB NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (id, epoch))" \
    " WITHOUT ROWID;"

static const char s_schema[] =
    "CREATE TABLE stream (no INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL, epoch BLOB NOT NULL,"
    " work_order BLOB NOT NULL, run BLOB, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " acked INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,"
    " started_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, forgotten INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX stream_id ON stream (id, epoch);"
    "CREATE TABLE event (key INTEGER PRIMARY KEY, crc INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE doomed (no INTEGER PRIMARY KEY);" SINCE_VERSION_2;

/*  From version 1, which did not know what was forgotten, nor find a work order's streams or the latest. */
static const char s_upgrade[] =
    "BEGIN IMMEDIATE;"
    "ALTER TABLE stream ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;" SINCE_VERSION_2
    "PRAGMA user_version = 2; COMMIT;";

static int s_exec (ag_store_t *self, const char *sql)
{
    return sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : ag_store_failed (self, "cannot be opened");
}

/*  One number from a pragma; 0 or -1. */
static int s_number (ag_store_t *self, const char *sql, int64_t *value_r)
{
    sqlite3_stmt *statement = NULL;
    int rc = -1;
    if (sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step (statement) == SQLITE_ROW) {
        *value_r = sqlite3_column_int64 (statement, 0);
        rc = 0;
    } else
        ag_store_failed (self, "cannot be read");
    int saved = errno;
    sqlite3_finalize (statement);
    errno = saved;
    return rc;
}

static int s_refuse (ag_store_t *self, int error_number, char **error_r, const char *why)
{
    *error_r = ag_asprintf ("%s: %s", self->path, why);
    errno = error_number;
    return -1;
}

/* ---------------------------------------------------------------------- */
/*  What is it? */

/*  0 ours, 1 new and empty, 2 ours and of an older version, -1. */
static int s_identify (ag_store_t *self, char **error_r)
{
    int64_t application = 0, version = 0, tables = 0;
    if (s_number (self, "PRAGMA application_id", &application) || s_number (self, "PRAGMA user_version", &version) ||
        s_number (self, "SELECT count (*) FROM sqlite_schema", &tables))
        return -1;
    if (application == 0 && version == 0 && tables == 0) {
        if (self->mode == AG_STORE_CREATE)
            return 1;
        return s_refuse (self, EBADMSG, error_r, "is an empty file, not a store");
    }
    if (application != AG_STORE_APPLICATION_ID)
        return s_refuse (self, EMEDIUMTYPE, error_r, "is a database, but not a store of agentgate");
    if (version > AG_STORE_VERSION) {
        *error_r = ag_asprintf ("%s: was written by a newer version (format %lld, this program knows %d): use that one",
            self->path, (long long) version, AG_STORE_VERSION);
        errno = ENOTSUP;
        return -1;
    }
    if (version < 1)
        return s_refuse (self, EBADMSG, error_r, "is damaged: its format number cannot be");
    return version < AG_STORE_VERSION ? 2 : 0;
}

static int s_check (ag_store_t *self, char **error_r)
{
    struct stat status;
    const char *path = sqlite3_db_filename (self->db, "main");
    if (stat (path, &status) || status.st_size > CHECK_MAX_BYTES)
        return 0;
    sqlite3_stmt *check = NULL;
    int rc = -1;
    if (sqlite3_prepare_v2 (self->db, "PRAGMA quick_check (1)", -1, &check, NULL) != SQLITE_OK ||
        sqlite3_step (check) != SQLITE_ROW)
        ag_store_failed (self, "cannot be checked");
    else if (strcmp ((const char *) sqlite3_column_text (check, 0), "ok") == 0)
        rc = 0;
    else {
        *error_r = ag_asprintf ("%s: is damaged: %s", self->path, sqlite3_column_text (check, 0));
        errno = EBADMSG;
    }
    int saved = errno;
    sqlite3_finalize (check);
    errno = saved;
    return rc;
}

/* ---------------------------------------------------------------------- */
/*  Make and open */

static int s_create (ag_store_t *self)
{
    char *sql = ag_asprintf ("BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
        s_schema, AG_STORE_APPLICATION_ID, AG_STORE_VERSION);
    /*  auto_vacuum can only be chosen before the first table. The checkpoint
        puts the schema into the database itself: whatever happens to the log,
        the file is known as a store. */
    int rc = s_exec (self, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;");
    if (!rc)
        rc = s_exec (self, sql);
    if (!rc)
        rc = s_exec (self, "PRAGMA wal_checkpoint (TRUNCATE);");
    free (sql);
    return rc;
}

/*  mmap_size 0: a file that is cut while mapped would be a SIGBUS. */
static int s_configure (ag_store_t *self)
{
    sqlite3_busy_timeout (self->db, 2000);
    sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return s_exec (self, "PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON;"
                         " PRAGMA temp_store = MEMORY;");
}

static int s_configure_writer (ag_store_t *self)
{
    return s_exec (
        self, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 8388608;");
}

static int s_open_file (ag_store_t *self, const char *path, int flags)
{
    sqlite3_close (self->db);
    self->db = NULL;
    int rc = sqlite3_open_v2 (path, &self->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return ag_store_failed (self, "cannot be opened");
    return s_configure (self);
}

static int s_open_copy (ag_store_t *self, char **error_r)
{
    self->copy_dir = ag_store_file_copy (self->path, error_r);
    if (!self->copy_dir)
        return -1;
    char *copy = ag_asprintf ("%s/copy.db", self->copy_dir);
    int rc = s_open_file (self, copy, SQLITE_OPEN_READWRITE);
    free (copy);
    return rc;
}

/*  Reading beside a log needs its index file; where that can neither be opened
    nor made, a copy of database and log is read instead. */
static int s_open_reader (ag_store_t *self, char **error_r)
{
    int64_t version;
    if (access (self->path, R_OK))
        return s_refuse (self, errno, error_r, strerror (errno));
    ag_store_file_check_wal (self->path);
    if (s_open_file (self, self->path, SQLITE_OPEN_READONLY) == 0 &&
        s_number (self, "PRAGMA user_version", &version) == 0)
        return 0;
    int code = sqlite3_errcode (self->db);
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
        return -1;
    return s_open_copy (self, error_r);
}

static int s_open_writer (ag_store_t *self, char **error_r)
{
    self->lock_fd = ag_store_lock (self->path, error_r);
    if (self->lock_fd < 0)
        return -1;
    if (ag_store_file_create (self->path))
        return s_refuse (self, errno, error_r, strerror (errno));
    ag_store_file_check_wal (self->path);
    return s_open_file (self, self->path, SQLITE_OPEN_READWRITE);
}

/*  Who only reads leaves the file as it is, and reads a copy. */
static int s_bring_up_to_date (ag_store_t *self, char **error_r)
{
    if (self->mode == AG_STORE_READ && !self->copy_dir && s_open_copy (self, error_r))
        return -1;
    return s_exec (self, s_upgrade);
}

static int s_open_and_check (ag_store_t *self, char **error_r)
{
    bool writer = self->mode == AG_STORE_CREATE;
    if (writer ? s_open_writer (self, error_r) : s_open_reader (self, error_r))
        return -1;
    int found = s_identify (self, error_r);
    if (found < 0)
        return -1;
    if (found == 1 ? s_create (self) : s_check (self, error_r))
        return -1;
    if (found == 2 && s_bring_up_to_date (self, error_r))
        return -1;
    return writer ? s_configure_writer (self) : 0;
}

int ag_store_open_database (ag_store_t *self, char **error_r)
{
    if (s_open_and_check (self, error_r) == 0)
        return 0;
    int saved = errno;
    if (!*error_r)
        *error_r = ag_strdup (ag_store_error (self));
    errno = saved;
    return -1;
}
