/*  exec/terminal.c - who has the terminal, when the agent reads from one

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/terminal.h"

#include <signal.h>
#include <unistd.h>

bool ag_terminal_is_ours (void)
{
    return isatty (STDIN_FILENO) && tcgetpgrp (STDIN_FILENO) == getpgrp ();
}

/*  From the background this raises SIGTTOU, which we ignore. */
void ag_terminal_give (pid_t group, pid_t from)
{
    pid_t now = tcgetpgrp (STDIN_FILENO);
    if (now == from || now == getpgrp ())
        tcsetpgrp (STDIN_FILENO, group);
}

/*  SIGTSTP, not SIGSTOP: where no shell could ever continue us (an orphaned
    process group) the kernel lets it pass, as it would have for the agent. */
void ag_terminal_stop_with (pid_t agent)
{
    ag_terminal_give (getpgrp (), agent);
    kill (0, SIGTSTP);
    if (tcgetpgrp (STDIN_FILENO) == getpgrp ())
        tcsetpgrp (STDIN_FILENO, agent);
    kill (-agent, SIGCONT);
}
