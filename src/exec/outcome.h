/*  exec/outcome.h - how a run ended, and what is told of it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The end reason is the first that matches (SPEC section 5.7): spawn, timeout,
    cancelled, signal, exit, agent_error, else the run is completed. Pure.
*/
#ifndef AG_EXEC_OUTCOME_H
#define AG_EXEC_OUTCOME_H

#include "agent/parser.h"
#include "exec/ladder.h"

typedef struct {
    int spawn_errno;            /* not 0: the command could not be started */
    const char *command;        /* its name, for the text */
    ag_stop_t stop;             /* who asked it to stop */
    int64_t timeout_ms;         /* for the text */
    int wait_status;            /* of the agent */
    const ag_parser_summary_t *summary;         /* what it said itself */
    int64_t duration_ms;        /* from spawn to end */
    uint64_t redactions;        /* 0: not told */
} ag_outcome_t;

/*  The last event of the stream: run_completed or run_failed. */
ag_draft_t *ag_outcome_draft (const ag_outcome_t *self);
/*  Our own exit status: the agent's, as a shell gives it. */
int ag_outcome_status (const ag_outcome_t *self);

#endif
