/*  exec/terminal.c - who has the terminal, when the agent reads from one

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/mem.h"
#include "exec/fds.h"

struct ag_terminal {
    int fd;                     /* /dev/tty: also there when stdin is something else */
    bool given;                 /* the agent's group has had it, so it gets it again after a stop */
};

bool ag_terminal_is_ours (void)
{
    return isatty (STDIN_FILENO) && tcgetpgrp (STDIN_FILENO) == getpgrp ();
}

ag_terminal_t *ag_terminal_new (void)
{
    int fd = ag_fds_lift (open ("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (fd < 0)
        return NULL;
    ag_terminal_t *self = ag_calloc (1, sizeof *self);
    self->fd = fd;
    self->given = tcgetpgrp (STDIN_FILENO) >= 0;
    return self;
}

void ag_terminal_destroy (ag_terminal_t **self_p)
{
    ag_terminal_t *self = *self_p;
    if (!self)
        return;
    ag_fds_close (&self->fd);
    free (self);
    *self_p = NULL;
}

/*  From the background this raises SIGTTOU, which we ignore. */
static void s_give (ag_terminal_t *self, pid_t from, pid_t to)
{
    if (tcgetpgrp (self->fd) == from)
        tcsetpgrp (self->fd, to);
}

/*  A terminal that is closed hangs us up and continues us, once: who stops again before
    he has heard it may never wake up. */
static bool s_is_asked_to_end (void)
{
    sigset_t pending;
    return sigpending (&pending) == 0
        && (sigismember (&pending, SIGHUP) || sigismember (&pending, SIGTERM) || sigismember (&pending, SIGINT));
}

/*  SIGTSTP, not SIGSTOP: where no shell could ever continue us (an orphaned
    process group) the kernel lets it pass. Returns whether we did stop: then
    we got SIGCONT, which is taken here, or the signalfd would pass it on again. */
static bool s_stop_our_group (void)
{
    static const struct timespec at_once;
    sigset_t stop, before, go_on;
    if (s_is_asked_to_end ())
        return false;
    sigemptyset (&stop);
    sigaddset (&stop, SIGTSTP);
    sigprocmask (SIG_UNBLOCK, &stop, &before);
    kill (0, SIGTSTP);
    sigprocmask (SIG_SETMASK, &before, NULL);
    sigemptyset (&go_on);
    sigaddset (&go_on, SIGCONT);
    return sigtimedwait (&go_on, NULL, &at_once) == SIGCONT;
}

void ag_terminal_stop (void)
{
    s_stop_our_group ();
}

void ag_terminal_agent_stopped (ag_terminal_t *self, pid_t agent, int signum)
{
    bool wants = signum == SIGTTIN || signum == SIGTTOU;
    bool had = self->given;
    pid_t owner = tcgetpgrp (self->fd);
    self->given |= wants;
    if (!wants || (owner != getpgrp () && owner != agent)) {
        if (signum == SIGSTOP && !had)
            return;             /* somebody has stopped the agent alone, and will continue it */
        s_give (self, agent, getpgrp ());
        /*  What the kernel does with a stopped job that has lost its shell */
        if (!s_stop_our_group () && wants)
            kill (-agent, SIGHUP);
    }
    if (self->given)
        s_give (self, getpgrp (), agent);
    kill (-agent, SIGCONT);
}

void ag_terminal_agent_dead (ag_terminal_t *self, pid_t agent)
{
    s_give (self, agent, getpgrp ());
}
