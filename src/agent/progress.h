/*  agent/progress.h - how far a run is, by the model of SPEC section 4

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Watches drafts go by and makes progress_update drafts. Pure: no I/O.
*/
#ifndef AG_AGENT_PROGRESS_H
#define AG_AGENT_PROGRESS_H

#include "agent/parser.h"

typedef struct ag_progress ag_progress_t;

typedef struct {
    int64_t interval_us;        /* 5 s */
    int64_t expected_us;        /* 300 s */
    int expected_calls;         /* 50 */
} ag_progress_options_t;

ag_progress_t *ag_progress_new (const ag_progress_options_t *options, int64_t start_us);
void ag_progress_destroy (ag_progress_t **self_p);
/*  Looks at a draft (lent). Returns a progress_update draft when the phase
    changed with it, to be sent right behind it; else NULL. */
ag_draft_t *ag_progress_see (ag_progress_t *self, const ag_draft_t *draft, int64_t now_us);
/*  The periodic one; NULL before the deadline. */
ag_draft_t *ag_progress_tick (ag_progress_t *self, int64_t now_us);
int64_t ag_progress_deadline_us (const ag_progress_t *self);
/*  The last: 100 when the run completed, else where it stood. */
ag_draft_t *ag_progress_end (ag_progress_t *self, bool completed, int64_t now_us);

#endif
