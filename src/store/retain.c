/*  store/retain.c - forgetting, a slice at a time

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A stream is forgotten at once (its row goes, its number is noted as doomed)
    and its events are deleted in slices, so that no call takes long, whatever
    the stream's size. A crash in between leaves the note, and the next call
    goes on.
*/
#include "store/private.h"

#include <errno.h>

enum { SLICE_EVENTS = 2000 };

/*  First column of the first row: 1 with *value_r, 0 no row, -1. */
static int s_one (ag_store_t *self, sqlite3_stmt *statement, int64_t *value_r)
{
    int rc = statement ? ag_store_step (self, statement) : -1;
    if (rc == 1) {
        *value_r = sqlite3_column_int64 (statement, 0);
        sqlite3_reset (statement);
    }
    return rc;
}

/*  Runs a statement whose first parameter is a number; 0 or -1. */
static int s_with (ag_store_t *self, ag_sql_t which, int64_t number)
{
    sqlite3_stmt *statement = ag_store_statement (self, which);
    if (!statement)
        return -1;
    sqlite3_bind_int64 (statement, 1, number);
    return ag_store_step (self, statement);
}

static int s_pages (ag_store_t *self, uint64_t *file_bytes_r, uint64_t *used_bytes_r)
{
    sqlite3_stmt *pages = ag_store_statement (self, AG_SQL_PAGES);
    if (!pages || ag_store_step (self, pages) != 1)
        return -1;
    uint64_t page_bytes = (uint64_t) sqlite3_column_int64 (pages, 2);
    *file_bytes_r = (uint64_t) sqlite3_column_int64 (pages, 0) * page_bytes;
    *used_bytes_r = *file_bytes_r - (uint64_t) sqlite3_column_int64 (pages, 1) * page_bytes;
    sqlite3_reset (pages);
    return 0;
}

/* ---------------------------------------------------------------------- */

/*  Which stream is to go next: 1 with its number, 0 none, -1. */
static int s_choose (ag_store_t *self, int64_t before_us, uint64_t max_bytes, int64_t *no_r)
{
    sqlite3_stmt *old = ag_store_statement (self, AG_SQL_OLD_STREAM);
    if (!old)
        return -1;
    sqlite3_bind_int64 (old, 1, before_us);
    int rc = s_one (self, old, no_r);
    uint64_t file_bytes, used_bytes;
    if (rc != 0 || max_bytes == 0)
        return rc;
    if (s_pages (self, &file_bytes, &used_bytes))
        return -1;
    return used_bytes > max_bytes ? s_one (self, ag_store_statement (self, AG_SQL_NEXT_STREAM), no_r) : 0;
}

static int s_doom (ag_store_t *self, int64_t no)
{
    ag_rows_forget (self);
    return s_with (self, AG_SQL_DOOM, no) || s_with (self, AG_SQL_FORGET, no) || s_with (self, AG_SQL_DELETE_STREAM, no)
        ? -1 : 0;
}

/*  Deletes some events of a doomed stream. */
static int s_slice (ag_store_t *self, int64_t no)
{
    sqlite3_stmt *delete = ag_store_statement (self, AG_SQL_DELETE_EVENTS);
    if (!delete)
        return -1;
    sqlite3_bind_int64 (delete, 1, no << AG_STORE_SEQ_BITS);
    sqlite3_bind_int64 (delete, 2, (no << AG_STORE_SEQ_BITS) | (int64_t) (AG_STORE_SEQ_LIMIT - 1));
    sqlite3_bind_int64 (delete, 3, SLICE_EVENTS);
    if (ag_store_step (self, delete))
        return -1;
    return sqlite3_changes (self->db) < SLICE_EVENTS ? s_with (self, AG_SQL_UNDOOM, no) : 0;
}

/*  1 there was work, 0 none, -1. */
static int s_work (ag_store_t *self, int64_t before_us, uint64_t max_bytes)
{
    int64_t no = 0;
    int doomed = s_one (self, ag_store_statement (self, AG_SQL_DOOMED), &no);
    if (doomed)
        return doomed < 0 || s_slice (self, no) ? -1 : 1;
    int chosen = s_choose (self, before_us, max_bytes, &no);
    if (chosen <= 0)
        return chosen;
    return s_doom (self, no) || s_slice (self, no) ? -1 : 1;
}

/*  Gives a thousand free pages back to the file system. */
static int s_vacuum (ag_store_t *self)
{
    sqlite3_stmt *vacuum = ag_store_statement (self, AG_SQL_VACUUM);
    int rc;
    do
        rc = vacuum ? ag_store_step (self, vacuum) : -1;
    while (rc == 1);
    return rc;
}

/*  What was given back is given back when the log has been moved into the
    database; as far as no reader is in the way. */
static int s_give_back (ag_store_t *self)
{
    if (s_vacuum (self))
        return -1;
    sqlite3_wal_checkpoint_v2 (self->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return 0;
}

int ag_store_retain (ag_store_t *self, int64_t before_us, uint64_t max_bytes)
{
    /*  What came since the last commit is not to be lost by a failure here. */
    if (ag_store_commit (self) || ag_store_begin (self))
        return -1;
    int more = s_work (self, before_us, max_bytes);
    if (more < 0)
        return ag_store_roll_back (self);
    if (ag_store_commit (self))
        return -1;
    return more || s_give_back (self) == 0 ? more : -1;
}

int ag_store_stats (ag_store_t *self, ag_store_stats_t *stats_r)
{
    int64_t streams = 0, events = 0;
    if (s_pages (self, &stats_r->file_bytes, &stats_r->used_bytes) ||
        s_one (self, ag_store_statement (self, AG_SQL_COUNT_STREAMS), &streams) < 0 ||
        s_one (self, ag_store_statement (self, AG_SQL_COUNT_EVENTS), &events) < 0)
        return -1;
    stats_r->streams = (uint64_t) streams;
    stats_r->events = (uint64_t) events;
    return 0;
}
