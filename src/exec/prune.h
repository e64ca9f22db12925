/*  exec/prune.h - forgets runs that are old, or the oldest when they are many

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Only runs that are nobody's any more: complete, and acknowledged by the
    gateways or never meant for one. A run that still owes something stays,
    whatever its age.
*/
#ifndef AG_EXEC_PRUNE_H
#define AG_EXEC_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ag_prune ag_prune_t;

/*  before_us: last changed before that wall clock time; max_bytes: of all runs together. */
ag_prune_t *ag_prune_new (const char *state_dir, int64_t before_us, int64_t max_bytes);
void ag_prune_destroy (ag_prune_t **self_p);
/*  A slice of work: false when there is nothing left to do. */
bool ag_prune_turn (ag_prune_t *self);

#endif
