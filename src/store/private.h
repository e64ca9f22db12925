/*  store/private.h - the inside of a store, for the files of this folder alone

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_STORE_PRIVATE_H
#define AG_STORE_PRIVATE_H

#include <czmq.h>
#include <sqlite3.h>

#include "core/buf.h"
#include "store/store.h"

enum {
    AG_STORE_APPLICATION_ID = 0x41475331,       /* "AGS1", in the file's header */
    AG_STORE_VERSION = 2,                       /* user_version: the schema; see open.c */
    AG_STORE_SEQ_BITS = 36                      /* of an event's key; the stream's number is above */
};

/*  Prepared once, at first use. */
typedef enum {
    AG_SQL_BEGIN, AG_SQL_COMMIT, AG_SQL_ROLLBACK,
    AG_SQL_INSERT_EVENT, AG_SQL_SELECT_EVENTS, AG_SQL_SELECT_KEYS,
    AG_SQL_INSERT_STREAM, AG_SQL_UPDATE_STREAM, AG_SQL_SELECT_STREAM, AG_SQL_SELECT_STREAMS,
    AG_SQL_SELECT_WORK_ORDER,
    AG_SQL_OLD_STREAM, AG_SQL_NEXT_STREAM, AG_SQL_DOOM, AG_SQL_FORGET, AG_SQL_DELETE_STREAM, AG_SQL_DOOMED,
    AG_SQL_DELETE_EVENTS, AG_SQL_UNDOOM, AG_SQL_VACUUM, AG_SQL_PAGES, AG_SQL_COUNT_STREAMS, AG_SQL_COUNT_EVENTS,
    AG_SQL_COUNT
} ag_sql_t;

/*  One row of table stream, kept while it is in use, written at commit. */
typedef struct {
    int64_t no;                 /* its number: the upper bits of its events' keys; 0: not in the table yet */
    ag_store_stream_t info;     /* strings point into text */
    char *text;                 /* stream, work order and run, one behind the other */
    bool dirty;                 /* differs from the table */
} ag_row_t;

struct ag_store {
    sqlite3 *db;
    sqlite3_stmt *statements[AG_SQL_COUNT];     /* NULL until used */
    ag_store_mode_t mode;
    char *path;                 /* as given, for messages */
    char *copy_dir;             /* of a copy made to read from a read-only medium, or NULL */
    int lock_fd;                /* of PATH-lock, held while we write; -1 in a reader */
    zhashx_t *rows;             /* (stream, epoch) -> ag_row_t; a cache that may be emptied when no row is dirty */
    bool in_transaction;
    int log_pages;              /* in the write-ahead log; counted when checkpoints are by hand */
    bool unsynced;              /* committed since the last sync */
    uint64_t damaged;           /* events with a wrong checksum met by readers */
    ag_buf_t error;             /* the last reason, NUL-terminated */
};

/*  store.c: statements and errors */
sqlite3_stmt *ag_store_statement (ag_store_t *self, ag_sql_t which);    /* reset and ready, or NULL (error set) */
int ag_store_step (ag_store_t *self, sqlite3_stmt *statement);          /* 1 a row, 0 done, -1 error set */
int ag_store_failed (ag_store_t *self, const char *what);               /* sets the error and errno, returns -1 */
int ag_store_begin (ag_store_t *self);                                  /* opens a transaction unless one is open */

int ag_store_roll_back (ag_store_t *self);                              /* all since the last commit is gone; returns -1, keeps error and errno */

/*  rows.c: the stream table and its cache */
zhashx_t *ag_rows_new (void);
ag_row_t *ag_rows_find (ag_store_t *self, ag_str_t stream, uint64_t epoch);     /* epoch 0: newest. NULL: none, or errno != 0 */
ag_row_t *ag_rows_make (ag_store_t *self, const ag_event_t *event);             /* a new row, in the table at once; NULL: error */
int ag_rows_flush (ag_store_t *self);           /* writes the dirty ones */
void ag_rows_forget (ag_store_t *self);         /* empties the cache, dirty or not */
void ag_rows_trim (ag_store_t *self);           /* empties it when it has grown large and nothing is dirty */

/*  file.c: what is done to the file before SQLite sees it */
int ag_store_file_create (const char *path);                            /* 0600 when it is missing; 0 or -1 */
char *ag_store_file_copy (const char *path, char **error_r);            /* folder of a private copy, or NULL */
void ag_store_file_drop_copy (char **dir_p);
/*  Says in the log when a write-ahead log has bytes that nobody can read. */
void ag_store_file_check_wal (const char *path);

/*  open.c */
int ag_store_open_database (ag_store_t *self, char **error_r);          /* 0, or -1 with errno */

#endif
