/*  exec/journal.h - the run's log: a file, and memory when there is no file (any more)

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Appended, committed, then published: in this order. When the file fails in
    mid-run (full disk) it is never written again, so what it holds stays whole;
    from then on the last events stay in memory, where a gateway can fetch
    them. Seq and epoch go on as before.
*/
#ifndef AG_EXEC_JOURNAL_H
#define AG_EXEC_JOURNAL_H

#include <agentgate/event.h>

typedef struct ag_journal ag_journal_t;

typedef bool (ag_journal_event_fn) (void *context, ag_event_t *event);

enum {
    AG_JOURNAL_MEMORY_EVENTS = 1000,
    AG_JOURNAL_MEMORY_BYTES = 10 * 1024 * 1024
};

/*  `path` NULL: in memory from the start. Never fails: if the file cannot be
    made, the journal is lost at once, and says why. */
ag_journal_t *ag_journal_new (const char *path, ag_str_t stream, uint64_t epoch);
void ag_journal_destroy (ag_journal_t **self_p);

void ag_journal_append (ag_journal_t *self, ag_event_t *event);
/*  What was appended may be shown after this. */
void ag_journal_commit (ag_journal_t *self);
/*  Durable against power loss. */
void ag_journal_sync (ag_journal_t *self);
bool ag_journal_dirty (const ag_journal_t *self);
void ag_journal_acked (ag_journal_t *self, uint64_t seq);

/*  Why there is no file (any more), lent; NULL: there is one. */
const char *ag_journal_lost (const ag_journal_t *self);
/*  The oldest seq that is held, when that is not the first: there never was a file. 0: the first is.
    (When a file was lost in mid-run, what it has is held, and then what memory has: a hole between them.) */
uint64_t ag_journal_first (const ag_journal_t *self);
/*  The events from..to that are still held, in order, until fn returns false. 0 or -1. */
int ag_journal_read (ag_journal_t *self, uint64_t from, uint64_t to, ag_journal_event_fn *fn, void *context);

#endif
