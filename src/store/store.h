/*  store/store.h - streams and their events, durable, in one SQLite file

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The executor's journal (one file a run) and the gateway's history (one
    file for all) are the same module: what is stored are the encoded bytes
    of the events, under (stream, epoch, seq), each with a checksum. SPEC
    sections 5.5 and 7.8; docs/design/bus.md says why it is laid out so.

    Appends go into an open transaction. What was appended may be shown to
    others when ag_store_commit returned 0: it then survives kill -9 of this
    process. It survives power loss when ag_store_sync returned 0.

    A store belongs to one thread. Callbacks must not call the same store.
*/
#ifndef AG_STORE_STORE_H
#define AG_STORE_STORE_H

#include <agentgate/event.h>

typedef struct ag_store ag_store_t;

typedef enum {
    AG_STORE_CREATE,            /* made when missing, 0600; one writer, by a lock on PATH-lock */
    AG_STORE_READ               /* must exist; never writes, works on a read-only medium and beside a writer */
} ag_store_mode_t;

/*  What is known of one (stream, epoch). Strings are lent until the next call. */
typedef struct {
    ag_str_t stream, work_order, run;
    uint64_t epoch;
    uint64_t first, last;       /* held; 0, 0: none. Between them there may be holes */
    uint64_t acked;             /* journal: acknowledged by gateways up to here; history: to the writer, so what is
                                   missing up to here will never come */
    uint64_t forgotten;         /* what was held up to here was deleted by ag_store_retain; 0: nothing */
    bool ended;                 /* its last event is run_completed or run_failed, or it was closed */
    int64_t started_us, updated_us;     /* least and greatest ts of its events, Unix microseconds */
} ag_store_stream_t;

/*  Sequence numbers are below this; a larger one is refused with ERANGE. */
#define AG_STORE_SEQ_LIMIT (UINT64_C (1) << 36)

/*  Opens. NULL with a malloc'ed *error_r, and errno:
    EBUSY        a live process has it open for writing
    ENOENT       there is none (AG_STORE_READ)
    EMEDIUMTYPE  a file, but no store of ours: left alone
    ENOTSUP      made by a newer version: left alone
    EBADMSG      damaged: cut, noise, or rows that cannot be (see ag_store_set_aside)
    else         what the system said */
ag_store_t *ag_store_open (const char *path, ag_store_mode_t mode, char **error_r);
/*  Commits, syncs, checkpoints, closes, nulls. */
void ag_store_close (ag_store_t **self_p);

/*  Takes the lock PATH-lock, made if need be, for as long as the descriptor that is
    returned is open; -1 with errno (EBUSY: a live process has it) and a malloc'ed
    *error_r. A writer does that by itself; for others who must be alone. */
int ag_store_lock (const char *path, char **error_r);
/*  1 a live process has the store at `path` open for writing, 0 none, -1 with errno. */
int ag_store_locked (const char *path);
/*  Renames a store that cannot be used, with its companions, so that a new one
    can take its place. 0 with the new name in *aside_r (malloc'ed), or -1 with errno. */
int ag_store_set_aside (const char *path, char **aside_r);

/*  All below: 0, or -1 with the reason in ag_store_error (), which is lent, and
    errno: ENOSPC, EIO, EBADMSG (damaged), ERANGE (a number that cannot be), EROFS.
    After -1 from append, commit or sync (but for ERANGE) nothing is stored of what
    came since the last commit; the store may be tried again. */
const char *ag_store_error (const ag_store_t *self);

/*  Appends one event; its stream is made when it is new. An event that is
    already there is left alone (0). */
int ag_store_append (ag_store_t *self, const ag_event_t *event);
int ag_store_commit (ag_store_t *self);         /* visible to readers, survives kill -9 of us */
int ag_store_sync (ag_store_t *self);           /* commit, and survives power loss (fsync) */
bool ag_store_dirty (const ag_store_t *self);   /* committed or appended since the last sync */
/*  Moving what is in PATH-wal into the database waits for the disk. From now on whoever
    owns the store says when, by the log's size in pages. What fails is tried again the next time. */
void ag_store_checkpoint_by_hand (ag_store_t *self);
int ag_store_log_pages (const ag_store_t *self);
void ag_store_checkpoint (ag_store_t *self);
/*  For who makes PATH-wal durable himself, elsewhere: what is committed counts as synced. */
void ag_store_set_synced (ag_store_t *self);

/*  Remembers how far gateways have acknowledged, and that a stream has ended.
    Unknown streams are left alone. Kept with the next commit. */
int ag_store_set_acked (ag_store_t *self, ag_str_t stream, uint64_t epoch, uint64_t seq);
int ag_store_set_ended (ag_store_t *self, ag_str_t stream, uint64_t epoch);

/*  1 found, 0 no such stream, -1. epoch 0: the newest. */
int ag_store_stream (ag_store_t *self, ag_str_t stream, uint64_t epoch, ag_store_stream_t *info_r);

/*  Calls back for each stream (latest started first) until it returns false. */
typedef bool (ag_store_stream_fn) (void *context, const ag_store_stream_t *info);
int ag_store_each_stream (ag_store_t *self, ag_store_stream_fn *fn, void *context);
/*  The same for those of a work order, found by an index. */
int ag_store_each_stream_of (ag_store_t *self, ag_str_t work_order, ag_store_stream_fn *fn, void *context);

/*  Calls back for each event with from <= seq <= to, in order, until it
    returns false. The event is lent: ag_event_ref to keep it. An event whose
    checksum is wrong is not shown: a hole in the numbers, logged and counted. */
typedef bool (ag_store_event_fn) (void *context, ag_event_t *event);
int ag_store_each_event (ag_store_t *self, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
    ag_store_event_fn *fn, void *context);
/*  Calls back for each range of numbers behind `acked` that is missing before `last`, in order. */
typedef void (ag_store_hole_fn) (void *context, uint64_t from, uint64_t to);
int ag_store_each_hole (ag_store_t *self, ag_str_t stream, uint64_t epoch, ag_store_hole_fn *fn, void *context);
uint64_t ag_store_damaged (const ag_store_t *self);     /* events left out by each_event so far */

/*  Forgets what was last changed before `before_us`, and then, ended streams
    first and oldest first, more until the file's contents take at most
    max_bytes (0: no limit; the latest stream always stays). Works in slices,
    each its own commit: 1 call again, 0 done, -1. */
int ag_store_retain (ag_store_t *self, int64_t before_us, uint64_t max_bytes);

typedef struct {
    uint64_t streams, events;   /* held; the events by a count over all: slow, for reports */
    uint64_t file_bytes;        /* of the database, without the write-ahead log */
    uint64_t used_bytes;        /* of it in use */
} ag_store_stats_t;
int ag_store_stats (ag_store_t *self, ag_store_stats_t *stats_r);

#endif
