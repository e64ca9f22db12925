/*  exec/ladder.c - when an agent is told to stop, and when it is made to

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/ladder.h"

#include <signal.h>
#include <stdlib.h>

#include "core/mem.h"

/*  SIGKILL is repeated: what forks at that moment escapes one pass. Two signals
    at once are one request: timeout(1) sends it to its child and to its group. */
enum { KILL_AGAIN_US = 100 * 1000, SAME_US = 100 * 1000 };

struct ag_ladder {
    int64_t kill_after_us;      /* from SIGTERM to SIGKILL */
    int64_t term_us;            /* when SIGTERM is due; INT64_MAX: not asked, or sent */
    int64_t kill_us;            /* when SIGKILL is due; INT64_MAX: not yet known */
    ag_stop_t reason;           /* who asked first */
    bool timeout;               /* term_us is the time limit, not yet a reason */
    bool done;                  /* the agent is dead */
    int64_t asked_us;           /* when AG_STOP_CANCELLED was first asked for */
};

ag_ladder_t *ag_ladder_new (int64_t timeout_us, int64_t kill_after_us, int64_t start_us)
{
    ag_ladder_t *self = ag_calloc (1, sizeof *self);
    self->kill_after_us = kill_after_us;
    self->timeout = timeout_us > 0;
    self->term_us = self->timeout ? start_us + timeout_us : INT64_MAX;
    self->kill_us = INT64_MAX;
    return self;
}

void ag_ladder_destroy (ag_ladder_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

void ag_ladder_cancel (ag_ladder_t *self, bool insist, int64_t now_us)
{
    if (self->done)
        return;
    if (self->reason == AG_STOP_NONE) {
        self->reason = AG_STOP_CANCELLED;
        self->asked_us = now_us;
        self->timeout = false;
        self->term_us = now_us;
    }
    else if (insist && self->kill_us > now_us && now_us >= self->asked_us + SAME_US)
        self->kill_us = now_us;
}

void ag_ladder_done (ag_ladder_t *self)
{
    self->done = true;
    self->term_us = self->kill_us = INT64_MAX;
}

int ag_ladder_signal (ag_ladder_t *self, int64_t now_us)
{
    if (now_us >= self->term_us) {
        if (self->timeout)
            self->reason = AG_STOP_TIMEOUT;
        self->timeout = false;
        self->term_us = INT64_MAX;
        self->kill_us = now_us + self->kill_after_us;
        return SIGTERM;
    }
    if (now_us >= self->kill_us) {
        self->kill_us = now_us + KILL_AGAIN_US;
        return SIGKILL;
    }
    return 0;
}

int64_t ag_ladder_deadline_us (const ag_ladder_t *self)
{
    return self->term_us < self->kill_us ? self->term_us : self->kill_us;
}

ag_stop_t ag_ladder_reason (const ag_ladder_t *self)
{
    return self->reason;
}
