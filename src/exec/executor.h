/*  exec/executor.h - one run of an agent, from spawn to the last acknowledgement

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The loop of agentgate-exec: a single thread that reads the agent's output,
    the workspace's changes, signals, the guard and the gateways. After each of
    them the turn is finished in one place: commit, publish, pass through, see
    what is due next (s_settle).
*/
#ifndef AG_EXEC_EXECUTOR_H
#define AG_EXEC_EXECUTOR_H

#include "exec/child.h"
#include "exec/options.h"

/*  To be called before any thread is started. Returns our exit status, or -1
    with a malloc'ed *error_r when the run is refused (wrong use). */
int ag_executor_run (const ag_options_t *options, const ag_origin_t *origin, char **error_r);

#endif
