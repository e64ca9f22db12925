/*  exec/syncer.h - makes a file durable without waiting for its disk

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    fdatasync takes milliseconds on a good day and many seconds on a bad one;
    a thread of its own waits for it. It touches nothing but the descriptor.
*/
#ifndef AG_EXEC_SYNCER_H
#define AG_EXEC_SYNCER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ag_syncer ag_syncer_t;

/*  For the file at `path`. NULL: it is not there, or there is no thread to be had. */
ag_syncer_t *ag_syncer_new (const char *path);
/*  Waits for a call that is running. */
void ag_syncer_destroy (ag_syncer_t **self_p);

/*  Starts to make durable what has been written until now. False: the last call
    is still running. */
bool ag_syncer_start (ag_syncer_t *self);
/*  How long the last call took; -1: it is still running, or there was none. */
int64_t ag_syncer_took_us (ag_syncer_t *self);
/*  errno of the first call that failed; 0: none has. */
int ag_syncer_error (ag_syncer_t *self);

#endif
