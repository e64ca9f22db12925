/*  store/store.c - append, commit, read

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "store/private.h"

#include <errno.h>
#include <zlib.h>

#include "core/log.h"
#include "core/mem.h"

static const char *const s_sql[AG_SQL_COUNT] = {
    [AG_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [AG_SQL_COMMIT] = "COMMIT",
    [AG_SQL_ROLLBACK] = "ROLLBACK",
    [AG_SQL_INSERT_EVENT] = "INSERT OR IGNORE INTO event (key, crc, data) VALUES (?1, ?2, ?3)",
    [AG_SQL_SELECT_EVENTS] = "SELECT key, crc, data FROM event WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
    [AG_SQL_SELECT_KEYS] = "SELECT key FROM event WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
    [AG_SQL_INSERT_STREAM] = "INSERT INTO stream (id, epoch, work_order, run, first, last, forgotten, started_us, updated_us)"
                             " VALUES (?1, ?2, ?3, ?4, 0, 0,"
                             " coalesce ((SELECT last FROM forgotten WHERE id = ?1 AND epoch = ?2), 0), ?5, ?5)"
                             " RETURNING no, forgotten",
    [AG_SQL_UPDATE_STREAM] = "UPDATE stream SET first = ?2, last = ?3, acked = ?4, ended = ?5, started_us = ?6,"
                             " updated_us = ?7 WHERE no = ?1",
    [AG_SQL_SELECT_STREAM] = "SELECT no, id, epoch, work_order, run, first, last, acked, ended, started_us, updated_us,"
                             " forgotten FROM stream WHERE id = ?1 AND epoch BETWEEN ?2 AND ?3 ORDER BY epoch DESC LIMIT 1",
    [AG_SQL_SELECT_STREAMS] = "SELECT no, id, epoch, work_order, run, first, last, acked, ended, started_us, updated_us,"
                              " forgotten FROM stream ORDER BY started_us DESC, no DESC",
    [AG_SQL_SELECT_WORK_ORDER] = "SELECT no, id, epoch, work_order, run, first, last, acked, ended, started_us, updated_us,"
                                 " forgotten FROM stream WHERE work_order = ?1 ORDER BY started_us DESC, no DESC",
    [AG_SQL_OLD_STREAM] = "SELECT no FROM stream WHERE updated_us < ?1 ORDER BY updated_us LIMIT 1",
    [AG_SQL_NEXT_STREAM] = "SELECT no FROM stream WHERE no <> (SELECT no FROM stream ORDER BY updated_us DESC, no DESC"
                           " LIMIT 1) ORDER BY ended DESC, updated_us LIMIT 1",
    [AG_SQL_DOOM] = "INSERT INTO doomed (no) VALUES (?1)",
    [AG_SQL_FORGET] = "INSERT OR REPLACE INTO forgotten (id, epoch, last)"
                      " SELECT id, epoch, last FROM stream WHERE no = ?1 AND NOT ended",
    [AG_SQL_DELETE_STREAM] = "DELETE FROM stream WHERE no = ?1",
    [AG_SQL_DOOMED] = "SELECT no FROM doomed ORDER BY no LIMIT 1",
    [AG_SQL_DELETE_EVENTS] = "DELETE FROM event WHERE key IN (SELECT key FROM event WHERE key BETWEEN ?1 AND ?2"
                             " ORDER BY key LIMIT ?3)",
    [AG_SQL_UNDOOM] = "DELETE FROM doomed WHERE no = ?1",
    [AG_SQL_VACUUM] = "PRAGMA incremental_vacuum (1000)",
    [AG_SQL_PAGES] = "SELECT page_count, freelist_count, page_size"
                     " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    [AG_SQL_COUNT_STREAMS] = "SELECT count (*) FROM stream",
    [AG_SQL_COUNT_EVENTS] = "SELECT count (*) FROM event",
};

/* ---------------------------------------------------------------------- */
/*  Statements and errors */

static int s_errno_of (int code, int system_errno)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return ENOSPC;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return EBADMSG;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return EBUSY;
    case SQLITE_READONLY:
        return EROFS;
    case SQLITE_TOOBIG:
        return ERANGE;
    default:
        return system_errno == ENOSPC || system_errno == EDQUOT ? ENOSPC : EIO;
    }
}

int ag_store_failed (ag_store_t *self, const char *what)
{
    int code = sqlite3_extended_errcode (self->db);
    int system_errno = sqlite3_system_errno (self->db);
    ag_buf_clear (&self->error);
    ag_buf_printf (&self->error, "%s: %s: %s (SQLite %d)", self->path, what, sqlite3_errmsg (self->db), code);
    ag_buf_cstr (&self->error);
    errno = s_errno_of (code, system_errno);
    return -1;
}

/*  A failure that is not SQLite's. */
static int s_refuse (ag_store_t *self, int error_number, const char *why)
{
    ag_buf_clear (&self->error);
    ag_buf_printf (&self->error, "%s: %s", self->path, why);
    ag_buf_cstr (&self->error);
    errno = error_number;
    return -1;
}

const char *ag_store_error (const ag_store_t *self)
{
    return self->error.data ? self->error.data : "";
}

sqlite3_stmt *ag_store_statement (ag_store_t *self, ag_sql_t which)
{
    sqlite3_stmt **slot = &self->statements[which];
    if (!*slot && sqlite3_prepare_v3 (self->db, s_sql[which], -1, SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK) {
        ag_store_failed (self, "cannot be read");
        return NULL;
    }
    sqlite3_reset (*slot);
    return *slot;
}

int ag_store_step (ag_store_t *self, sqlite3_stmt *statement)
{
    int code = sqlite3_step (statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE) {
        sqlite3_reset (statement);
        return 0;
    }
    ag_store_failed (self, "failed");
    int saved = errno;
    sqlite3_reset (statement);
    errno = saved;
    return -1;
}

/*  Runs a statement without parameters or rows. */
static int s_run (ag_store_t *self, ag_sql_t which)
{
    sqlite3_stmt *statement = ag_store_statement (self, which);
    return statement ? ag_store_step (self, statement) : -1;
}

/* ---------------------------------------------------------------------- */
/*  Open and close */

ag_store_t *ag_store_open (const char *path, ag_store_mode_t mode, char **error_r)
{
    ag_store_t *self = ag_calloc (1, sizeof *self);
    self->mode = mode;
    self->path = ag_strdup (path);
    self->lock_fd = -1;
    self->rows = ag_rows_new ();
    *error_r = NULL;
    if (ag_store_open_database (self, error_r)) {
        int saved = errno;
        ag_store_close (&self);
        errno = saved;
    }
    return self;
}

static void s_finalize (ag_store_t *self)
{
    for (size_t i = 0; i < AG_SQL_COUNT; i++)
        sqlite3_finalize (self->statements[i]);
    sqlite3_close (self->db);
}

void ag_store_close (ag_store_t **self_p)
{
    ag_store_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (self->db && ag_store_dirty (self) && ag_store_sync (self))
        ag_log_error ("STORE_CLOSE", "%s", ag_store_error (self));
    s_finalize (self);
    /*  Only after SQLite has let go of the file may another writer come. */
    if (self->lock_fd >= 0)
        close (self->lock_fd);
    ag_store_file_drop_copy (&self->copy_dir);
    zhashx_destroy (&self->rows);
    ag_buf_free (&self->error);
    free (self->path);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Transactions */

int ag_store_begin (ag_store_t *self)
{
    if (self->mode == AG_STORE_READ)
        return s_refuse (self, EROFS, "was opened for reading");
    if (self->in_transaction)
        return 0;
    if (s_run (self, AG_SQL_BEGIN))
        return -1;
    self->in_transaction = true;
    return 0;
}

/*  All since the last commit is gone; keeps the reason and errno. */
int ag_store_roll_back (ag_store_t *self)
{
    int saved = errno;
    ag_buf_t reason = self->error;
    self->error = (ag_buf_t){ 0 };
    if (!sqlite3_get_autocommit (self->db))
        s_run (self, AG_SQL_ROLLBACK);
    self->in_transaction = false;
    ag_rows_forget (self);
    ag_buf_free (&self->error);
    self->error = reason;
    errno = saved;
    return -1;
}

int ag_store_commit (ag_store_t *self)
{
    if (!self->in_transaction)
        return 0;
    if (ag_rows_flush (self) || s_run (self, AG_SQL_COMMIT))
        return ag_store_roll_back (self);
    self->in_transaction = false;
    self->unsynced = true;
    ag_rows_trim (self);
    return 0;
}

/*  Commits are written to the write-ahead log but not fsynced (synchronous is
    NORMAL, so that a commit costs no disk wait); here the log is. What SQLite
    has moved from the log into the database it has fsynced itself. */
int ag_store_sync (ag_store_t *self)
{
    if (ag_store_commit (self))
        return -1;
    if (!self->unsynced)
        return 0;
    sqlite3_file *wal = NULL;
    int code = sqlite3_file_control (self->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (code == SQLITE_OK && wal && wal->pMethods)
        code = wal->pMethods->xSync (wal, SQLITE_SYNC_NORMAL);
    if (code != SQLITE_OK)
        return s_refuse (self, EIO, "cannot be synced to disk");
    self->unsynced = false;
    return 0;
}

static int s_note_log (void *context, sqlite3 *db, const char *name, int pages)
{
    (void) db, (void) name;
    ag_store_t *self = context;
    self->log_pages = pages;
    return SQLITE_OK;
}

/*  The hook takes the place of SQLite's own, which makes the checkpoints. */
void ag_store_checkpoint_by_hand (ag_store_t *self)
{
    sqlite3_wal_hook (self->db, s_note_log, self);
}

int ag_store_log_pages (const ag_store_t *self)
{
    return self->log_pages;
}

void ag_store_checkpoint (ag_store_t *self)
{
    sqlite3_wal_checkpoint_v2 (self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    self->log_pages = 0;
}

void ag_store_set_synced (ag_store_t *self)
{
    self->unsynced = false;
}

bool ag_store_dirty (const ag_store_t *self)
{
    return self->in_transaction || self->unsynced;
}

/* ---------------------------------------------------------------------- */
/*  Events */

static int64_t s_key (const ag_row_t *row, uint64_t seq)
{
    return (int64_t) (((uint64_t) row->no << AG_STORE_SEQ_BITS) | seq);
}

static uint32_t s_checksum (ag_str_t data)
{
    return (uint32_t) crc32_z (0, (const Bytef *) data.ptr, data.len);
}

/*  1 inserted, 0 was there, -1. */
static int s_insert (ag_store_t *self, const ag_row_t *row, const ag_event_t *event)
{
    sqlite3_stmt *insert = ag_store_statement (self, AG_SQL_INSERT_EVENT);
    if (!insert)
        return -1;
    ag_str_t data = ag_event_encoded (event);
    sqlite3_bind_int64 (insert, 1, s_key (row, ag_event_seq (event)));
    sqlite3_bind_int64 (insert, 2, s_checksum (data));
    sqlite3_bind_blob64 (insert, 3, data.ptr, data.len, SQLITE_STATIC);
    int rc = ag_store_step (self, insert);
    sqlite3_clear_bindings (insert);
    return rc ? -1 : sqlite3_changes (self->db) > 0;
}

static void s_note (ag_row_t *row, const ag_event_t *event)
{
    ag_store_stream_t *info = &row->info;
    uint64_t seq = ag_event_seq (event);
    int64_t ts_us = ag_event_ts_us (event);
    if (!info->first || seq < info->first)
        info->first = seq;
    if (seq > info->last)
        info->last = seq;
    if (ts_us < info->started_us)
        info->started_us = ts_us;
    if (ts_us > info->updated_us)
        info->updated_us = ts_us;
    if (ag_kind_ends (ag_event_kind (event)) && info->stream.ptr[0] != '@')
        info->ended = true;
    row->dirty = true;
}

int ag_store_append (ag_store_t *self, const ag_event_t *event)
{
    if (ag_event_seq (event) == 0 || ag_event_seq (event) >= AG_STORE_SEQ_LIMIT)
        return s_refuse (self, ERANGE, "a sequence number out of range");
    if (ag_store_begin (self))
        return -1;
    errno = 0;
    ag_row_t *row = ag_rows_find (self, ag_event_stream (event), ag_event_epoch (event));
    if (!row && !errno)
        row = ag_rows_make (self, event);
    int inserted = row ? s_insert (self, row, event) : -1;
    if (inserted < 0)
        return ag_store_roll_back (self);
    if (inserted)
        s_note (row, event);
    return 0;
}

/*  Where a reading of events stands. */
typedef struct {
    ag_store_t *store;
    const ag_row_t *row;
    ag_store_event_fn *fn;
    void *context;
} s_reading_t;

/*  Shows the row that the statement stands on; false: enough. */
static bool s_show (s_reading_t *reading, sqlite3_stmt *select)
{
    uint64_t seq = (uint64_t) sqlite3_column_int64 (select, 0) & (AG_STORE_SEQ_LIMIT - 1);
    ag_str_t data = { sqlite3_column_blob (select, 2), (size_t) sqlite3_column_bytes (select, 2) };
    char *why = NULL;
    ag_event_t *event = NULL;
    if (data.ptr && s_checksum (data) == (uint32_t) sqlite3_column_int64 (select, 1))
        event = ag_event_decode (data.ptr, data.len, reading->row->info.epoch, &why);
    if (!event || ag_event_seq (event) != seq) {
        reading->store->damaged++;
        ag_log_error ("STORE_EVENT_DAMAGED",
            "an event in the store is damaged and left out path=%s stream=%.*s seq=%llu", reading->store->path,
            (int) reading->row->info.stream.len, reading->row->info.stream.ptr, (unsigned long long) seq);
        free (why);
        ag_event_unref (&event);
        return true;
    }
    bool more = reading->fn (reading->context, event);
    ag_event_unref (&event);
    return more;
}

int ag_store_each_event (
    ag_store_t *self, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to, ag_store_event_fn *fn, void *context)
{
    errno = 0;
    ag_row_t *row = ag_rows_find (self, stream, epoch);
    if (!row)
        return errno ? -1 : 0;
    if (to > AG_STORE_SEQ_LIMIT - 1)
        to = AG_STORE_SEQ_LIMIT - 1;
    sqlite3_stmt *select = from <= to ? ag_store_statement (self, AG_SQL_SELECT_EVENTS) : NULL;
    if (!select)
        return from <= to ? -1 : 0;
    sqlite3_bind_int64 (select, 1, s_key (row, from));
    sqlite3_bind_int64 (select, 2, s_key (row, to));
    s_reading_t reading = { self, row, fn, context };
    int rc;
    do
        rc = ag_store_step (self, select);
    while (rc == 1 && s_show (&reading, select));
    sqlite3_reset (select);
    return rc < 0 ? -1 : 0;
}

int ag_store_each_hole (ag_store_t *self, ag_str_t stream, uint64_t epoch, ag_store_hole_fn *fn, void *context)
{
    errno = 0;
    ag_row_t *row = ag_rows_find (self, stream, epoch);
    if (!row || row->info.acked >= row->info.last)
        return !row && errno ? -1 : 0;
    sqlite3_stmt *select = ag_store_statement (self, AG_SQL_SELECT_KEYS);
    if (!select)
        return -1;
    uint64_t next = row->info.acked + 1;
    sqlite3_bind_int64 (select, 1, s_key (row, next));
    sqlite3_bind_int64 (select, 2, s_key (row, row->info.last));
    int rc;
    while ((rc = ag_store_step (self, select)) == 1) {
        uint64_t seq = (uint64_t) sqlite3_column_int64 (select, 0) & (AG_STORE_SEQ_LIMIT - 1);
        if (seq > next)
            fn (context, next, seq - 1);
        next = seq + 1;
    }
    return rc;
}

uint64_t ag_store_damaged (const ag_store_t *self)
{
    return self->damaged;
}
