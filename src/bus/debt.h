/*  bus/debt.h - one journal that is owed, and its delivery

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_BUS_DEBT_H
#define AG_BUS_DEBT_H

#include "bus/owed.h"

typedef struct ag_debt ag_debt_t;

typedef enum {
    AG_DEBT_PAYING,             /* call again at *when_us_r */
    AG_DEBT_PAID,               /* all is acknowledged */
    AG_DEBT_UNANSWERED,         /* no gateway answers */
    AG_DEBT_STUCK               /* no progress, or refused: another time */
} ag_debt_state_t;

/*  Opens the journal in a folder. NULL: with errno 0, there is nothing to do
    (a live process has it; it is not there; all is acknowledged: then the mark
    is taken away); else it cannot be used, and *error_r (malloc'ed) says why. */
ag_debt_t *ag_debt_new (const char *folder, const ag_owed_options_t *options, int64_t now_us, char **error_r);
void ag_debt_destroy (ag_debt_t **self_p);

ag_debt_state_t ag_debt_turn (ag_debt_t *self, int64_t now_us, int64_t *when_us_r);
/*  It had no end and was given one. */
bool ag_debt_closed (const ag_debt_t *self);

#endif
