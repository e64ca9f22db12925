/*  exec/ladder.h - when an agent is told to stop, and when it is made to

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    SIGTERM, then SIGKILL after kill_after; the first reason counts. Pure: says
    which signal is due, sends none.
*/
#ifndef AG_EXEC_LADDER_H
#define AG_EXEC_LADDER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ag_ladder ag_ladder_t;

typedef enum {
    AG_STOP_NONE,               /* nobody has asked */
    AG_STOP_TIMEOUT,            /* --timeout is over */
    AG_STOP_CANCELLED           /* by a signal to us or by a gateway */
} ag_stop_t;

/*  timeout_us 0: none. */
ag_ladder_t *ag_ladder_new (int64_t timeout_us, int64_t kill_after_us, int64_t start_us);
void ag_ladder_destroy (ag_ladder_t **self_p);

/*  Asks the agent to stop. With `insist`, a second time means SIGKILL at once,
    unless it comes so soon that it is the same request. */
void ag_ladder_cancel (ag_ladder_t *self, bool insist, int64_t now_us);
/*  The agent is dead: nothing more is due, and who asks now has not stopped it. */
void ag_ladder_done (ag_ladder_t *self);
/*  The signal to send now, or 0. */
int ag_ladder_signal (ag_ladder_t *self, int64_t now_us);
int64_t ag_ladder_deadline_us (const ag_ladder_t *self);        /* INT64_MAX: none */
ag_stop_t ag_ladder_reason (const ag_ladder_t *self);

#endif
