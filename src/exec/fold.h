/*  exec/fold.h - the agent's stderr to warnings

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The lines of one read are one agent_error of severity warning. Above 50 in
    a second the rest of that second becomes a single one, with the last of
    their text and details.suppressed = how many were left out. A line that is not
    finished waits for its end, but not long. Pure: no I/O, time is a parameter.
*/
#ifndef AG_EXEC_FOLD_H
#define AG_EXEC_FOLD_H

#include "agent/parser.h"

typedef struct ag_fold ag_fold_t;

ag_fold_t *ag_fold_new (ag_draft_sink_fn *sink, void *context);
void ag_fold_destroy (ag_fold_t **self_p);

void ag_fold_feed (ag_fold_t *self, const char *bytes, size_t len, int64_t now_us);
/*  What is due by time. */
void ag_fold_tick (ag_fold_t *self, int64_t now_us);
int64_t ag_fold_deadline_us (const ag_fold_t *self);           /* INT64_MAX: none */
/*  End of stderr: all that is held back. */
void ag_fold_end (ag_fold_t *self);

#endif
