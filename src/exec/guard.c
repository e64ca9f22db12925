/*  exec/guard.c - the process that outlives us: the executor's side

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "exec/descend.h"
#include "exec/fds.h"
#include "exec/guard.h"
#include "exec/guard_wire.h"

struct ag_guard {
    int sock;                   /* to the guard; closing it without a word makes it kill */
    pid_t pid;                  /* the guard */
    pid_t agent;                /* its process group too; 0 before the spawn */
    bool lost;                  /* the guard is dead */
    bool told;                  /* AG_GUARD_LOST was handed out */
};

ag_guard_t *ag_guard_new (const ag_guard_options_t *options, char **error_r)
{
    int ours, theirs;
    if (ag_fds_socketpair (&ours, &theirs) != 0) {
        *error_r = ag_asprintf ("socketpair: %s", strerror (errno));
        return NULL;
    }
    pid_t pid = fork ();
    if (pid == 0) {
        close (ours);
        ag_guard_live (options, theirs);
    }
    close (theirs);
    if (pid < 0) {
        *error_r = ag_asprintf ("fork: %s", strerror (errno));
        close (ours);
        return NULL;
    }
    prctl (PR_SET_CHILD_SUBREAPER, 1);
    ag_guard_t *self = ag_calloc (1, sizeof *self);
    self->sock = ours;
    self->pid = pid;
    close (options->plan.stdout_fd);
    close (options->plan.stderr_fd);
    return self;
}

static int s_command (ag_guard_t *self, ag_guard_verb_t verb, int value)
{
    ag_guard_command_t command = { .verb = verb, .value = value };
    ssize_t sent = send (self->sock, &command, sizeof command, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == sizeof command ? 0 : -1;
}

void ag_guard_destroy (ag_guard_t **self_p)
{
    ag_guard_t *self = *self_p;
    if (!self)
        return;
    if (!self->lost) {
        kill (self->pid, SIGKILL);      /* before it sees our end close; also works when somebody has stopped it */
        waitpid (self->pid, NULL, 0);
    }
    close (self->sock);
    free (self);
    *self_p = NULL;
}

void ag_guard_abandon (ag_guard_t **self_p)
{
    ag_guard_t *self = *self_p;
    if (!self)
        return;
    if (self->lost)
        ag_descend_signal (getpid (), SIGKILL, 0);      /* nobody else will */
    close (self->sock);
    free (self);
    *self_p = NULL;
}

int ag_guard_spawn (ag_guard_t *self)
{
    return s_command (self, AG_GUARD_DO_SPAWN, 0);
}

void ag_guard_signal (ag_guard_t *self, int signum)
{
    if (!self->lost && s_command (self, AG_GUARD_DO_SIGNAL, signum) == 0)
        return;
    /*  Without the guard the tree hangs below us */
    if (self->agent > 0)
        kill (-self->agent, signum);
    ag_descend_signal (getpid (), signum, self->agent);
}

void ag_guard_pass (ag_guard_t *self, int signum, bool group)
{
    if (!self->lost && s_command (self, group ? AG_GUARD_DO_PASS_GROUP : AG_GUARD_DO_PASS, signum) == 0)
        return;
    if (self->agent > 0)
        kill (group ? -self->agent : self->agent, signum);
}

int ag_guard_fd (const ag_guard_t *self)
{
    return self->sock;
}

int ag_guard_next (ag_guard_t *self, ag_guard_report_t *report_r)
{
    if (self->lost && self->told)
        return -1;
    ssize_t got = recv (self->sock, report_r, sizeof *report_r, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got == sizeof *report_r) {
        if (report_r->pid > 0)
            self->agent = report_r->pid;
        return 1;
    }
    self->lost = self->told = true;
    waitpid (self->pid, NULL, WNOHANG);
    *report_r = (ag_guard_report_t) { .kind = AG_GUARD_LOST, .pid = self->agent };
    return 1;
}
