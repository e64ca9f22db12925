/*  store/rows.c - the stream table, and its rows in memory while they are in use

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    An append changes its stream's row; written at each append that would
    double the work. So rows are kept here, and the changed ones are written
    once per commit. After a rollback the cache is emptied, and the table is
    the truth again.
*/
#include "store/private.h"

#include <errno.h>

#include "core/mem.h"

enum { ROWS_KEPT = 512 }; /* more are emptied after a commit */

/* ---------------------------------------------------------------------- */
/*  Keys: a length-counted id (it may hold NUL) and an epoch */

typedef struct {
    ag_str_t stream;
    uint64_t epoch;
} s_key_t;

static size_t s_key_hash (const void *item)
{
    const s_key_t *key = item;
    uint64_t hash = UINT64_C (14695981039346656037) ^ key->epoch; /* FNV-1a */
    for (size_t i = 0; i < key->stream.len; i++)
        hash = (hash ^ (unsigned char) key->stream.ptr[i]) * UINT64_C (1099511628211);
    return (size_t) hash;
}

static int s_key_compare (const void *left, const void *right)
{
    const s_key_t *a = left, *b = right;
    return !(a->epoch == b->epoch && ag_str_eq (a->stream, b->stream));
}

static void *s_key_dup (const void *item)
{
    const s_key_t *key = item;
    s_key_t *copy = ag_malloc (sizeof *copy + key->stream.len);
    memcpy ((char *) (copy + 1), key->stream.ptr, key->stream.len);
    *copy = (s_key_t){ { (char *) (copy + 1), key->stream.len }, key->epoch };
    return copy;
}

static void s_key_free (void **item_p)
{
    free (*item_p);
    *item_p = NULL;
}

static void s_row_free (void **item_p)
{
    ag_row_t *row = *item_p;
    *item_p = NULL;
    free (row->text);
    free (row);
}

zhashx_t *ag_rows_new (void)
{
    zhashx_t *rows = zhashx_new ();
    zhashx_set_key_hasher (rows, s_key_hash);
    zhashx_set_key_comparator (rows, s_key_compare);
    zhashx_set_key_duplicator (rows, s_key_dup);
    zhashx_set_key_destructor (rows, s_key_free);
    zhashx_set_destructor (rows, s_row_free);
    return rows;
}

/* ---------------------------------------------------------------------- */
/*  Columns */

/*  Epochs are kept as eight big-endian bytes: they compare as unsigned
    numbers, and hex (epoch) is the text that JSON shows. */
static void s_epoch_bytes (uint64_t epoch, unsigned char bytes[8])
{
    for (int i = 7; i >= 0; i--, epoch >>= 8)
        bytes[i] = (unsigned char) epoch;
}

static uint64_t s_epoch_column (sqlite3_stmt *statement, int column)
{
    const unsigned char *bytes = sqlite3_column_blob (statement, column);
    uint64_t epoch = 0;
    if (bytes && sqlite3_column_bytes (statement, column) == 8)
        for (int i = 0; i < 8; i++)
            epoch = epoch << 8 | bytes[i];
    return epoch;
}

static void s_bind_epoch (sqlite3_stmt *statement, int column, uint64_t epoch)
{
    unsigned char bytes[8];
    s_epoch_bytes (epoch, bytes);
    sqlite3_bind_blob (statement, column, bytes, 8, SQLITE_TRANSIENT);
}

static void s_bind_str (sqlite3_stmt *statement, int column, ag_str_t text)
{
    if (text.ptr)
        sqlite3_bind_blob64 (statement, column, text.ptr, text.len, SQLITE_STATIC);
    else
        sqlite3_bind_null (statement, column);
}

static ag_str_t s_str_column (sqlite3_stmt *statement, int column)
{
    if (sqlite3_column_type (statement, column) == SQLITE_NULL)
        return (ag_str_t){ NULL, 0 };
    const char *ptr = sqlite3_column_blob (statement, column);
    return (ag_str_t){ ptr ? ptr : "", (size_t) sqlite3_column_bytes (statement, column) };
}

/*  Moves a string behind the others in a row's text. */
static void s_keep (ag_str_t *text, char **end)
{
    if (!text->ptr)
        return;
    memcpy (*end, text->ptr, text->len);
    text->ptr = *end;
    *end += text->len;
}

static ag_row_t *s_row_new (const ag_store_stream_t *info)
{
    ag_row_t *row = ag_calloc (1, sizeof *row);
    row->info = *info;
    row->text = ag_malloc (info->stream.len + info->work_order.len + info->run.len + 1);
    char *end = row->text;
    s_keep (&row->info.stream, &end);
    s_keep (&row->info.work_order, &end);
    s_keep (&row->info.run, &end);
    return row;
}

static ag_row_t *s_row_read (sqlite3_stmt *select)
{
    ag_store_stream_t info = {
        .stream = s_str_column (select, 1),
        .epoch = s_epoch_column (select, 2),
        .work_order = s_str_column (select, 3),
        .run = s_str_column (select, 4),
        .first = (uint64_t) sqlite3_column_int64 (select, 5),
        .last = (uint64_t) sqlite3_column_int64 (select, 6),
        .acked = (uint64_t) sqlite3_column_int64 (select, 7),
        .ended = sqlite3_column_int (select, 8) != 0,
        .started_us = sqlite3_column_int64 (select, 9),
        .updated_us = sqlite3_column_int64 (select, 10),
        .forgotten = (uint64_t) sqlite3_column_int64 (select, 11),
    };
    ag_row_t *row = s_row_new (&info);
    row->no = sqlite3_column_int64 (select, 0);
    return row;
}

/* ---------------------------------------------------------------------- */
/*  Find and make */

static ag_row_t *s_remember (ag_store_t *self, ag_row_t *row)
{
    s_key_t key = { row->info.stream, row->info.epoch };
    ag_row_t *known = zhashx_lookup (self->rows, &key);
    if (known) {
        void *spare = row;
        s_row_free (&spare);
        return known;
    }
    zhashx_insert (self->rows, &key, row);
    return row;
}

static ag_row_t *s_load (ag_store_t *self, ag_str_t stream, uint64_t epoch)
{
    sqlite3_stmt *select = ag_store_statement (self, AG_SQL_SELECT_STREAM);
    if (!select)
        return NULL;
    s_bind_str (select, 1, stream);
    s_bind_epoch (select, 2, epoch);
    s_bind_epoch (select, 3, epoch ? epoch : UINT64_MAX);
    int rc = ag_store_step (self, select);
    if (rc < 0)
        return NULL;
    ag_row_t *row = rc == 1 ? s_remember (self, s_row_read (select)) : NULL;
    sqlite3_reset (select);
    errno = 0;
    return row;
}

ag_row_t *ag_rows_find (ag_store_t *self, ag_str_t stream, uint64_t epoch)
{
    if (self->mode == AG_STORE_READ)
        zhashx_purge (self->rows); /* the writer may have changed them */
    if (epoch) {
        s_key_t key = { stream, epoch };
        ag_row_t *row = zhashx_lookup (self->rows, &key);
        if (row)
            return row;
    }
    return s_load (self, stream, epoch);
}

ag_row_t *ag_rows_make (ag_store_t *self, const ag_event_t *event)
{
    ag_store_stream_t info = { .stream = ag_event_stream (event),
        .work_order = ag_event_work_order (event),
        .run = ag_event_run (event),
        .epoch = ag_event_epoch (event),
        .started_us = ag_event_ts_us (event),
        .updated_us = ag_event_ts_us (event) };
    if (info.stream.len && info.stream.ptr[0] == '@')
        info.run = (ag_str_t){ NULL, 0 }; /* its events may be about several runs */
    sqlite3_stmt *insert = ag_store_statement (self, AG_SQL_INSERT_STREAM);
    if (!insert)
        return NULL;
    s_bind_str (insert, 1, info.stream);
    s_bind_epoch (insert, 2, info.epoch);
    s_bind_str (insert, 3, info.work_order);
    s_bind_str (insert, 4, info.run);
    sqlite3_bind_int64 (insert, 5, info.started_us);
    int rc = ag_store_step (self, insert);
    int64_t no = rc == 1 ? sqlite3_column_int64 (insert, 0) : 0;
    info.forgotten = rc == 1 ? (uint64_t) sqlite3_column_int64 (insert, 1) : 0;
    sqlite3_reset (insert);
    sqlite3_clear_bindings (insert);
    if (rc != 1)
        return NULL;
    ag_row_t *row = s_row_new (&info);
    row->no = no;
    return s_remember (self, row);
}

/* ---------------------------------------------------------------------- */
/*  Write back */

static int s_write (ag_store_t *self, ag_row_t *row)
{
    sqlite3_stmt *update = ag_store_statement (self, AG_SQL_UPDATE_STREAM);
    if (!update)
        return -1;
    sqlite3_bind_int64 (update, 1, row->no);
    sqlite3_bind_int64 (update, 2, (int64_t) row->info.first);
    sqlite3_bind_int64 (update, 3, (int64_t) row->info.last);
    sqlite3_bind_int64 (update, 4, (int64_t) row->info.acked);
    sqlite3_bind_int (update, 5, row->info.ended);
    sqlite3_bind_int64 (update, 6, row->info.started_us);
    sqlite3_bind_int64 (update, 7, row->info.updated_us);
    if (ag_store_step (self, update))
        return -1;
    row->dirty = false;
    return 0;
}

int ag_rows_flush (ag_store_t *self)
{
    for (ag_row_t *row = zhashx_first (self->rows); row; row = zhashx_next (self->rows))
        if (row->dirty && s_write (self, row))
            return -1;
    return 0;
}

void ag_rows_forget (ag_store_t *self)
{
    zhashx_purge (self->rows);
}

void ag_rows_trim (ag_store_t *self)
{
    if (zhashx_size (self->rows) > ROWS_KEPT)
        zhashx_purge (self->rows);
}

/* ---------------------------------------------------------------------- */
/*  What others ask of a stream */

int ag_store_stream (ag_store_t *self, ag_str_t stream, uint64_t epoch, ag_store_stream_t *info_r)
{
    errno = 0;
    ag_row_t *row = ag_rows_find (self, stream, epoch);
    if (!row)
        return errno ? -1 : 0;
    *info_r = row->info;
    return 1;
}

/*  Of a work order; ptr NULL: all. */
static int s_each (ag_store_t *self, ag_str_t work_order, ag_store_stream_fn *fn, void *context)
{
    if (ag_rows_flush (self))
        return -1;
    sqlite3_stmt *select = ag_store_statement (self, work_order.ptr ? AG_SQL_SELECT_WORK_ORDER : AG_SQL_SELECT_STREAMS);
    if (select && work_order.ptr)
        s_bind_str (select, 1, work_order);
    int rc = select ? ag_store_step (self, select) : -1;
    bool more = true;
    while (rc == 1 && more) {
        void *row = s_row_read (select);
        more = fn (context, &((ag_row_t *) row)->info);
        s_row_free (&row);
        if (more)
            rc = ag_store_step (self, select);
    }
    if (select)
        sqlite3_reset (select);
    return rc < 0 ? -1 : 0;
}

int ag_store_each_stream (ag_store_t *self, ag_store_stream_fn *fn, void *context)
{
    return s_each (self, (ag_str_t){ NULL, 0 }, fn, context);
}

int ag_store_each_stream_of (ag_store_t *self, ag_str_t work_order, ag_store_stream_fn *fn, void *context)
{
    return s_each (self, work_order, fn, context);
}

int ag_store_set_acked (ag_store_t *self, ag_str_t stream, uint64_t epoch, uint64_t seq)
{
    if (ag_store_begin (self))
        return -1;
    errno = 0;
    ag_row_t *row = ag_rows_find (self, stream, epoch);
    if (row && seq > row->info.acked) {
        row->info.acked = seq;
        row->dirty = true;
    }
    return !row && errno ? -1 : 0;
}

int ag_store_set_ended (ag_store_t *self, ag_str_t stream, uint64_t epoch)
{
    if (ag_store_begin (self))
        return -1;
    errno = 0;
    ag_row_t *row = ag_rows_find (self, stream, epoch);
    if (row && !row->info.ended) {
        row->info.ended = true;
        row->dirty = true;
    }
    return !row && errno ? -1 : 0;
}
