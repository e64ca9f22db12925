/*  exec/terminal.h - who has the terminal, when the agent reads from one

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    When stdin is our controlling terminal and we are in its foreground, the
    agent's process group gets it, as a shell would give it: then the agent can
    read, and Ctrl-C and Ctrl-Z are the agent's.
*/
#ifndef AG_EXEC_TERMINAL_H
#define AG_EXEC_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

/*  Is stdin our controlling terminal, and are we in its foreground? */
bool ag_terminal_is_ours (void);
/*  Gives it to a group, if we or `from` have it now. */
void ag_terminal_give (pid_t group, pid_t from);
/*  The agent was stopped (Ctrl-Z): so we stop too, and the shell has the
    terminal; when we are continued, so is the agent. */
void ag_terminal_stop_with (pid_t agent);

#endif
