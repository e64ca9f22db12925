/*  exec/limits.h - resource limits that were meant for the agent must not end us

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The guard is forked before, so the agent has the limits that we were started with.
*/
#ifndef AG_EXEC_LIMITS_H
#define AG_EXEC_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

/*  Takes for ourselves what we may: soft limits become the hard ones, and a file
    that has reached its size limit is an error of write, no deadly signal. */
void ag_limits_widen (void);
/*  Are there enough descriptors for `endpoints` sockets? Where there are not,
    libzmq ends the process. */
bool ag_limits_allow_sockets (size_t endpoints);

#endif
