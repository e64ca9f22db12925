/*  bus/debt.h - one journal that is owed, and its delivery

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Reads the journal beside whoever may be writing it (a work order's goes on
    while it is delivered), under a lock of its own, so that one process at a
    time delivers. The writer's lock is taken only for what is written: a
    missing end, and that all was acknowledged.
*/
#ifndef AG_BUS_DEBT_H
#define AG_BUS_DEBT_H

#include "bus/owed.h"

typedef struct ag_debt ag_debt_t;

typedef enum {
    AG_DEBT_PAYING,             /* call again at *when_us_r */
    AG_DEBT_PAID,               /* all is acknowledged, by every gateway that answers */
    AG_DEBT_UNANSWERED,         /* no gateway answers */
    AG_DEBT_STUCK               /* no progress, or refused: another time */
} ag_debt_state_t;

/*  Opens the journal in a folder. `silent` marks the control endpoints that are
    not worth asking (by their index in the options; NULL: none). NULL: with
    errno 0, there is nothing to do (a live process has it; it is not there; nothing
    is in it: then the mark is taken away; all is acknowledged); else it cannot be
    used, and *error_r (malloc'ed) says why. */
ag_debt_t *ag_debt_new (const char *folder, const ag_owed_options_t *options, const bool *silent, int64_t now_us,
    char **error_r);
void ag_debt_destroy (ag_debt_t **self_p);

ag_debt_state_t ag_debt_turn (ag_debt_t *self, int64_t now_us, int64_t *when_us_r);
/*  It had no end and was given one. */
bool ag_debt_closed (const ag_debt_t *self);
/*  Paid, but for gateways that do not answer or are not asked: they are named in the mark. */
bool ag_debt_is_partly (const ag_debt_t *self);
/*  The n-th control endpoint was asked and has not answered. */
bool ag_debt_is_silent (const ag_debt_t *self, size_t n);

#endif
