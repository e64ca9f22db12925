/*  exec/guard_live.c - the process that outlives us: the guard's own life

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "exec/descend.h"
#include "exec/fds.h"
#include "exec/guard_wire.h"

/*  How often a dying tree is looked at, and how much of it is heard each time. */
enum { LADDER_STEP_MS = 50, HEAR_READS = 256 };

typedef struct {
    const ag_guard_options_t *options;  /* what to start, how long to wait */
    int sock;                           /* to the executor */
    int signal_fd;                      /* SIGCHLD */
    pid_t group;                        /* the executor's, which we were in */
    pid_t agent;                        /* 0: not there yet */
    bool agent_reaped;                  /* its pid may be somebody else's now */
    int64_t kill_us;                    /* the tree was asked to stop, and is made to then; 0: not asked */
} s_guard_t;

static void s_report (s_guard_t *self, ag_guard_kind_t kind, int value)
{
    ag_guard_report_t report = { .kind = kind, .pid = self->agent, .value = value };
    ssize_t sent;
    do
        sent = send (self->sock, &report, sizeof report, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
}

/*  Lets go of all that belongs to the agent alone, so that its peers see EOF. */
static void s_let_go (s_guard_t *self)
{
    int keep[] = { self->sock, self->signal_fd, self->options->read_fds[0], self->options->read_fds[1] };
    ag_fds_close_others (keep, sizeof keep / sizeof *keep);
    for (int fd = 0; fd <= 2; fd++)
        ag_fds_replace_by_null (fd);
}

static void s_spawn (s_guard_t *self)
{
    pid_t pid = ag_child_spawn (&self->options->plan);
    int error = errno;
    if (pid > 0)
        self->agent = pid;
    s_let_go (self);
    if (pid > 0)
        s_report (self, AG_GUARD_SPAWNED, 0);
    else
        s_report (self, AG_GUARD_SPAWN_FAILED, error);
}

static void s_report_agent (s_guard_t *self, const siginfo_t *info)
{
    switch (info->si_code) {
    case CLD_STOPPED:
        s_report (self, AG_GUARD_STOPPED, info->si_status);
        break;
    case CLD_CONTINUED:
        s_report (self, AG_GUARD_CONTINUED, 0);
        break;
    default:                /* exited, killed, dumped: as a wait status */
        self->agent_reaped = true;
        s_report (self, AG_GUARD_EXITED,
            info->si_code == CLD_EXITED ? W_EXITCODE (info->si_status, 0) : W_EXITCODE (0, info->si_status));
    }
}

/*  Reaps all that is dead: the agent, and the orphans that a subreaper gets. */
static void s_reap (s_guard_t *self)
{
    siginfo_t info = { 0 };
    while (waitid (P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) == 0 && info.si_pid != 0) {
        if (info.si_pid == self->agent && !self->agent_reaped)
            s_report_agent (self, &info);
        info.si_pid = 0;
    }
}

/*  The group at once, then whoever has left it. A stopped process would keep a
    SIGTERM for later, so it is woken. */
static size_t s_signal_tree (s_guard_t *self, int signum)
{
    pid_t group = self->agent_reaped ? 0 : self->agent;
    if (group > 0) {
        kill (-group, signum);
        if (signum == SIGTERM)
            kill (-group, SIGCONT);
    }
    return ag_descend_signal (getpid (), signum, group);
}

/*  As long as the pid is the agent's. */
static void s_pass (s_guard_t *self, pid_t whom, int signum)
{
    if (self->agent && !self->agent_reaped)
        kill (whom, signum);
}

static void s_wait (s_guard_t *self, struct pollfd *items, nfds_t count, int timeout_ms)
{
    struct signalfd_siginfo ignored;
    if (poll (items, count, timeout_ms) > 0 && items[0].revents) {
        while (read (self->signal_fd, &ignored, sizeof ignored) > 0)
            ;
        s_reap (self);
    }
}

/*  What the agent still says is for nobody, but must not block or break it. A
    part at a time: who never stops talking must not put off his SIGKILL. */
static void s_hear_out (struct pollfd *item)
{
    char ignored[4096];
    ssize_t len = 1;
    if (!item->revents)
        return;
    for (int i = 0; i < HEAR_READS && len > 0; i++)
        len = read (item->fd, ignored, sizeof ignored);
    if (len == 0 || (len < 0 && errno != EAGAIN))
        item->fd = -1;          /* all its writers are gone */
}

/*  The terminal goes back to where the executor had it from. */
static void s_take_terminal_back (s_guard_t *self)
{
    int fd = open ("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && self->agent && tcgetpgrp (fd) == self->agent && tcsetpgrp (fd, self->group) == 0)
        kill (-self->group, SIGCONT);   /* who has tried to read before was stopped */
    ag_fds_close (&fd);
}

static size_t s_ask (s_guard_t *self)
{
    if (!self->kill_us)
        self->kill_us = ag_clock_mono_us () + self->options->kill_after_ms * INT64_C (1000);
    return s_signal_tree (self, SIGTERM);
}

/*  The executor is gone. SIGTERM, if it has not sent that itself, then SIGKILL until
    nothing is left. */
static void __attribute__ ((noreturn)) s_clean_up (s_guard_t *self)
{
    struct pollfd items[] = { { .fd = self->signal_fd, .events = POLLIN },
        { .fd = self->options->read_fds[0], .events = POLLIN }, { .fd = self->options->read_fds[1], .events = POLLIN } };
    s_take_terminal_back (self);
    size_t living = self->kill_us ? ag_descend_signal (getpid (), 0, 0) : s_ask (self);
    while (living) {
        s_wait (self, items, 3, LADDER_STEP_MS);
        s_hear_out (&items[1]);
        s_hear_out (&items[2]);
        bool time_is_up = ag_clock_mono_us () >= self->kill_us;
        living = time_is_up ? s_signal_tree (self, SIGKILL) : ag_descend_signal (getpid (), 0, 0);
    }
    _exit (0);
}

static void s_obey (s_guard_t *self)
{
    ag_guard_command_t command;
    ssize_t got = recv (self->sock, &command, sizeof command, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got != sizeof command)
        s_clean_up (self);
    switch (command.verb) {
    case AG_GUARD_DO_SPAWN:
        s_spawn (self);
        break;
    case AG_GUARD_DO_SIGNAL:
        if (command.value == SIGTERM)
            s_ask (self);
        else {
            self->kill_us = 1;          /* long ago */
            s_signal_tree (self, command.value);
        }
        break;
    case AG_GUARD_DO_PASS:
        s_pass (self, self->agent, command.value);
        break;
    case AG_GUARD_DO_PASS_GROUP:
        s_pass (self, -self->agent, command.value);
        break;
    }
}

/*  Nothing that is sent to us by name stops us: who ends the executor must not
    end what cleans up behind it. Own group, same session: the agent's group is
    then no orphan, and job control works on it. */
static void s_prepare (s_guard_t *self)
{
    sigset_t all, child;
    struct sigaction plain = { .sa_handler = SIG_DFL };
    prctl (PR_SET_CHILD_SUBREAPER, 1);
    prctl (PR_SET_NAME, "agentgate-guard");
    self->group = getpgrp ();
    setpgid (0, 0);
    sigaction (SIGCHLD, &plain, NULL);
    sigfillset (&all);
    sigprocmask (SIG_SETMASK, &all, NULL);
    sigemptyset (&child);
    sigaddset (&child, SIGCHLD);
    self->signal_fd = ag_fds_lift (signalfd (-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
}

void ag_guard_live (const ag_guard_options_t *options, int sock)
{
    s_guard_t self = { .options = options, .sock = sock };
    s_prepare (&self);
    struct pollfd items[] = { { .fd = self.signal_fd, .events = POLLIN }, { .fd = sock, .events = POLLIN } };
    for (;;) {
        s_wait (&self, items, 2, -1);
        if (items[1].revents)
            s_obey (&self);
    }
}
