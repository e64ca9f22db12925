/*  exec/child.c - starts the agent as if nobody stood before it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <errno.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/child.h"
#include "exec/fds.h"

void ag_origin_capture (ag_origin_t *self)
{
    sigprocmask (SIG_BLOCK, NULL, &self->mask);
    for (int signum = 1; signum < _NSIG; signum++)
        if (sigaction (signum, NULL, &self->actions[signum]) != 0)
            self->actions[signum] = (struct sigaction) { .sa_handler = SIG_DFL };
    self->umask = umask (AG_ORIGIN_OWN_UMASK);
}

bool ag_origin_ignores (const ag_origin_t *self, int signum)
{
    return self->actions[signum].sa_handler == SIG_IGN;
}

/*  Signals that libc keeps for itself refuse to be set: harmless, they were
    not changed either. Handlers (of a sanitizer's runtime) end at exec anyhow. */
void ag_origin_restore (const ag_origin_t *self)
{
    for (int signum = 1; signum < _NSIG; signum++)
        sigaction (signum, &self->actions[signum], NULL);
    umask (self->umask);
    sigprocmask (SIG_SETMASK, &self->mask, NULL);
}

/*  Becomes the agent; returns only when that failed. */
static void s_become (const ag_child_plan_t *plan)
{
    if (dup2 (plan->stdout_fd, STDOUT_FILENO) < 0 || dup2 (plan->stderr_fd, STDERR_FILENO) < 0)
        return;
    ag_origin_restore (plan->origin);
    execvp (plan->argv[0], plan->argv);
}

/*  Runs in the child, with all signals blocked. A group that has never been an agent
    must not keep the terminal. */
static void s_run_child (const ag_child_plan_t *plan, int report_fd)
{
    pid_t before = plan->terminal ? tcgetpgrp (STDIN_FILENO) : -1;
    setpgid (0, 0);
    if (plan->terminal)
        tcsetpgrp (STDIN_FILENO, getpid ());
    s_become (plan);
    int error = errno;
    if (before >= 0)
        tcsetpgrp (STDIN_FILENO, before);
    ssize_t written;
    do
        written = write (report_fd, &error, sizeof error);
    while (written < 0 && errno == EINTR);
    _exit (127);
}

/*  The pipe closes at exec; what comes before is the errno of a failure. */
static int s_read_report (int report_fd)
{
    int error = 0;
    ssize_t got;
    do
        got = read (report_fd, &error, sizeof error);
    while (got < 0 && errno == EINTR);
    return got == sizeof error ? error : 0;
}

pid_t ag_child_spawn (const ag_child_plan_t *plan)
{
    int report[2];
    if (ag_fds_pipe (&report[0], &report[1]) != 0)
        return -1;
    sigset_t all, before;
    sigfillset (&all);
    sigprocmask (SIG_SETMASK, &all, &before);
    pid_t pid = fork ();
    if (pid == 0)
        s_run_child (plan, report[1]);
    int error = pid < 0 ? errno : 0;
    sigprocmask (SIG_SETMASK, &before, NULL);
    ag_fds_close (&report[1]);
    if (pid > 0) {
        setpgid (pid, pid);     /* whoever comes first; fails after exec, when the child has done it */
        error = s_read_report (report[0]);
    }
    ag_fds_close (&report[0]);
    if (error == 0)
        return pid;
    if (pid > 0)
        waitpid (pid, NULL, 0);
    errno = error;
    return -1;
}

int ag_child_shell_status (int wait_status)
{
    return WIFSIGNALED (wait_status) ? 128 + WTERMSIG (wait_status) : WEXITSTATUS (wait_status);
}

int ag_child_spawn_status (int spawn_errno)
{
    return spawn_errno == ENOENT ? 127 : 126;
}
