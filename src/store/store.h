/*  store/store.h - streams and their events, durable, in one SQLite file

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The executor's journal (one file a run) and the gateway's history (one
    file for all) are the same module: what is stored are the encoded bytes
    of the events, under (stream, epoch, seq). SPEC sections 5.5 and 7.8.

    Appends go into an open transaction. ag_store_publishable() says when what
    was appended may be shown to others: a commit has happened. A commit is
    durable (fsync) when ag_store_sync() returns 0.
*/
#ifndef AG_STORE_STORE_H
#define AG_STORE_STORE_H

#include <agentgate/event.h>

typedef struct ag_store ag_store_t;

typedef enum {
    AG_STORE_CREATE,            /* made when missing, 0600; one writer, by a lock on the file */
    AG_STORE_READ               /* must exist; never writes, works on a read-only medium */
} ag_store_mode_t;

/*  What is known of one (stream, epoch). Strings are lent until the next call. */
typedef struct {
    ag_str_t stream, work_order, run;
    uint64_t epoch;
    uint64_t first, last;       /* held; 0, 0: none */
    uint64_t acked;             /* journal: acknowledged by a gateway as committed up to here */
    bool ended;                 /* its last event is run_completed or run_failed, or it was closed */
    int64_t started_us, updated_us;     /* ts of its first and last event, Unix microseconds */
} ag_store_stream_t;

/*  Opens. NULL with a malloc'ed *error_r: cannot be opened, is locked by a
    live process, is no store of ours, is of a newer version, is damaged. */
ag_store_t *ag_store_open (const char *path, ag_store_mode_t mode, char **error_r);
/*  Commits, checkpoints, closes, nulls. */
void ag_store_close (ag_store_t **self_p);

/*  All below: 0, or -1 with the reason in ag_store_error (), which is lent. A
    full disk rolls the open transaction back: nothing of it was stored. */
const char *ag_store_error (const ag_store_t *self);

/*  Appends one event; its stream is made when it is new. An event that is
    already there is left alone (0). */
int ag_store_append (ag_store_t *self, const ag_event_t *event);
int ag_store_commit (ag_store_t *self);         /* visible to readers, survives kill -9 of us */
int ag_store_sync (ag_store_t *self);           /* commit, and survives power loss (fsync) */
bool ag_store_dirty (const ag_store_t *self);   /* committed or appended since the last sync */

/*  Remembers how far gateways have acknowledged, and that a stream has ended. */
int ag_store_set_acked (ag_store_t *self, ag_str_t stream, uint64_t epoch, uint64_t seq);
int ag_store_set_ended (ag_store_t *self, ag_str_t stream, uint64_t epoch);

/*  1 found, 0 no such stream, -1. epoch 0: the newest. */
int ag_store_stream (ag_store_t *self, ag_str_t stream, uint64_t epoch, ag_store_stream_t *info_r);

/*  Calls back for each stream (newest first) until it returns false. */
typedef bool (ag_store_stream_fn) (void *context, const ag_store_stream_t *info);
int ag_store_each_stream (ag_store_t *self, ag_store_stream_fn *fn, void *context);

/*  Calls back for each event with from <= seq <= to, in order, until it
    returns false. The event is lent: ag_event_ref to keep it. */
typedef bool (ag_store_event_fn) (void *context, ag_event_t *event);
int ag_store_each_event (ag_store_t *self, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
    ag_store_event_fn *fn, void *context);

/*  Forgets ended streams that were last changed before `before_us`, oldest
    first, and then more until the file holds at most max_bytes (0: no limit). */
int ag_store_retain (ag_store_t *self, int64_t before_us, uint64_t max_bytes);

#endif
