/*  exec/terminal.h - who has the terminal, when the agent reads from one

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The agent has a process group of its own, so it needs what a shell gives to
    a job. When stdin is our controlling terminal and we are in its foreground,
    the group gets it at the start: then the agent can read, and Ctrl-C and
    Ctrl-Z are the agent's. In all other cases (started in the background, stdin
    a pipe and the password asked for on /dev/tty) it gets it when it is stopped
    for not having it and we do. When the agent stops for another reason, we
    stop with it, so that the shell sees its job stop, and continue with it.
*/
#ifndef AG_EXEC_TERMINAL_H
#define AG_EXEC_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct ag_terminal ag_terminal_t;

/*  Is stdin our controlling terminal, and are we its foreground? To be asked
    before the guard is made. */
bool ag_terminal_is_ours (void);

/*  Our controlling terminal; NULL: there is none. Nothing is read from it. */
ag_terminal_t *ag_terminal_new (void);
void ag_terminal_destroy (ag_terminal_t **self_p);

/*  The agent (a group's leader) was stopped by a signal. Returns when it is to
    go on, and it does. */
void ag_terminal_agent_stopped (ag_terminal_t *self, pid_t agent, int signum);
/*  The agent is dead: takes the terminal back. */
void ag_terminal_agent_dead (ag_terminal_t *self, pid_t agent);
/*  The whole job is to stop, and there is no agent (any more). */
void ag_terminal_stop (void);

#endif
