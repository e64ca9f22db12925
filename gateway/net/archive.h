/*  gateway/net/archive.h - the store, behind a thread of its own

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A commit may wait for a disk; the loop must not. So events are handed over
    as bytes to a thread that owns the writing store, and the loop reads history
    through a second, read-only store. When AG_ARCHIVE_EVENTS are on the way,
    less than a ring holds, the loop pauses a moment, so that what history does
    not show yet is in the rings. A disk that needs longer than a moment does not
    hold live up: then a slow viewer may meet a gap that history closes later.

    When the disk fails, live goes on: events are refused (ticket 0) until what
    is held is committed, and ag_archive_state says why.
*/
#ifndef AG_NET_ARCHIVE_H
#define AG_NET_ARCHIVE_H

#include <agentgate/event.h>

#include "feed/hub.h"
#include "store/store.h"

typedef struct ag_archive ag_archive_t;

enum {
    AG_ARCHIVE_EVENTS = 500,                /* on their way to the disk, at most */
    AG_ARCHIVE_BYTES = 1024 * 1024,         /* or so many bytes; a moment more when the disk is slow */
    AG_ARCHIVE_HARD_BYTES = 8 * 1024 * 1024 /* above this events are refused */
};

typedef struct {
    const char *path;           /* of the SQLite file */
    int64_t retain_us;          /* ended streams are kept for this; 0: for ever */
    uint64_t max_bytes;         /* of the file; 0: no limit */
    size_t events;              /* on their way at most, if less than AG_ARCHIVE_EVENTS */
    void (*wake) (void *context);   /* called in the thread when something was committed or has failed */
    void *context;
} ag_archive_options_t;

/*  A damaged file is set aside with an error in the log and a new one begun, now or
    when the damage is met (a file above 64 MB is not checked now); all else that
    is wrong is *error_r. */
ag_archive_t *ag_archive_open (const ag_archive_options_t *options, char **error_r);
/*  Commits what is on its way, then closes. */
void ag_archive_close (ag_archive_t **self_p);

/*  An event, and how far its stream is acknowledged to its writer. Returns a
    ticket, higher than all before, or 0: the disk fails. */
uint64_t ag_archive_put (ag_archive_t *self, const ag_event_t *event, uint64_t acked);
/*  Should the loop stop reading the bus for a moment, or until the next wake? */
bool ag_archive_full (ag_archive_t *self);

typedef struct {
    uint64_t committed;         /* tickets up to here are on the disk (fsync) */
    bool failing;               /* the disk takes nothing at the moment */
    char error[200];            /* why */
    uint64_t events, commits, syncs, failures;
    int64_t sync_us;            /* the last sync took this long */
    unsigned files;             /* begun anew since the start, because the one before was damaged */
} ag_archive_state_t;
void ag_archive_state (ag_archive_t *self, ag_archive_state_t *state_r);

/*  Reading, in the loop's thread. */
const ag_history_t *ag_archive_history (ag_archive_t *self);
ag_store_t *ag_archive_reader (ag_archive_t *self);

#endif
