/*  exec/guard.h - the process that outlives us, to clean up behind us

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Forked before we start any thread and before we open anything of our own.
    It starts the agent, so it is the agent's parent, and being a child
    subreaper it keeps the whole tree below it in reach: also what changes its
    process group or its session. It reports what becomes of the agent. When
    our end of the socket closes without a word (we were killed), it sends
    SIGTERM to the tree, SIGKILL after kill_after_ms, and ends.

    Should the guard itself be killed, the agent comes to us: we are a child
    subreaper too (ag_guard_next gives AG_GUARD_LOST; watch the agent by pidfd).
*/
#ifndef AG_EXEC_GUARD_H
#define AG_EXEC_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "exec/child.h"

typedef struct ag_guard ag_guard_t;

typedef struct {
    ag_child_plan_t plan;               /* the agent; its pipe ends are closed in us */
    int read_fds[2];                    /* our ends of those pipes, non-blocking. The guard keeps them open, and
                                           reads them when we are dead: SIGPIPE is no way to be asked to stop */
    int kill_after_ms;                  /* between SIGTERM and SIGKILL */
} ag_guard_options_t;

typedef enum {
    AG_GUARD_SPAWNED,                   /* pid */
    AG_GUARD_SPAWN_FAILED,              /* value: errno */
    AG_GUARD_EXITED,                    /* value: wait status of the agent, which is reaped */
    AG_GUARD_STOPPED,                   /* value: the signal */
    AG_GUARD_CONTINUED,
    AG_GUARD_LOST                       /* the guard is dead */
} ag_guard_kind_t;

typedef struct {
    ag_guard_kind_t kind;
    pid_t pid;                          /* the agent; 0 before it is there */
    int value;
} ag_guard_report_t;

/*  Forks the guard. NULL with a malloc'ed *error_r. */
ag_guard_t *ag_guard_new (const ag_guard_options_t *options, char **error_r);
/*  All is done: ends the guard, waits until it is gone, frees. What the agent
    has left running stays, as it would without us. */
void ag_guard_destroy (ag_guard_t **self_p);
/*  The other end: leaves the guard behind to TERM and KILL what is left. */
void ag_guard_abandon (ag_guard_t **self_p);

/*  Starts the agent; the answer is a report. 0, or -1 with errno. */
int ag_guard_spawn (ag_guard_t *self);
/*  Signals the agent's group and every descendant outside it. */
void ag_guard_signal (ag_guard_t *self, int signum);

/*  Passes on a signal that was meant for the agent: to it alone, or to its group. */
void ag_guard_pass (ag_guard_t *self, int signum, bool group);

int ag_guard_fd (const ag_guard_t *self);       /* to be polled for input */
/*  1 a report, 0 none now, -1 the guard is gone (after AG_GUARD_LOST). */
int ag_guard_next (ag_guard_t *self, ag_guard_report_t *report_r);

#endif
