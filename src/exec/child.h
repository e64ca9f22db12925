/*  exec/child.h - starts the agent as if nobody stood before it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The agent gets its own process group and the pipes; everything else is
    what it would have when run directly: signal mask and dispositions as they
    were when our program started, environment, working directory, umask,
    limits, stdin and every descriptor that we were given.
*/
#ifndef AG_EXEC_CHILD_H
#define AG_EXEC_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/*  For the files of a run: they hold what redaction takes out. */
enum { AG_ORIGIN_OWN_UMASK = 077 };

/*  The state that a program inherits and we change for ourselves. */
typedef struct {
    sigset_t mask;                      /* blocked signals */
    struct sigaction actions[_NSIG];    /* dispositions, by signal number */
    mode_t umask;
} ag_origin_t;

/*  To be called first thing in main. From then on our umask is our own. */
void ag_origin_capture (ag_origin_t *self);
/*  Was this signal ignored when we were started (nohup)? */
bool ag_origin_ignores (const ag_origin_t *self, int signum);
/*  Gives it back; async-signal-safe. */
void ag_origin_restore (const ag_origin_t *self);

typedef struct {
    char *const *argv;                  /* the command, searched in PATH; NULL-terminated */
    const ag_origin_t *origin;          /* signal state to give it */
    int stdout_fd, stderr_fd;           /* write ends of our pipes */
    bool terminal;                      /* stdin is our terminal: its group gets the foreground */
} ag_child_plan_t;

/*  Forks and execs. Returns the pid, which is also the process group; or -1
    with errno, which is that of execvp when the command could not be started. */
pid_t ag_child_spawn (const ag_child_plan_t *plan);

/*  The status a shell would give for it: 0-255, 128 + n for signal n. */
int ag_child_shell_status (int wait_status);
/*  The status a shell gives for a command that does not start: 127 not found, else 126. */
int ag_child_spawn_status (int spawn_errno);

#endif
