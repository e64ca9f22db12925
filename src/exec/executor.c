/*  exec/executor.c - one run of an agent, from spawn to the last acknowledgement

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/executor_private.h"

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "exec/fds.h"
#include "exec/outcome.h"
#include "exec/rundir.h"

enum {
    DRAIN_BYTES = 1024 * 1024,          /* passed through in one turn */
    REST_READS = 16,                    /* at the end, of what a pipe may still hold */
    QUIET_US = 250 * 1000,              /* the agent is dead, somebody holds its pipe and says nothing */
    ORPHAN_US = 2000 * 1000,            /* or says something, but this is enough */
    WATCH_END_US = 5000 * 1000,         /* at most, for the last changes in the workspace */
    SYNC_US = 1000 * 1000,              /* journal durable at least so often */
    NOTES_US = 100 * 1000,              /* between tries to write our own lines */
    FIRST_ANSWER_US = 500 * 1000,       /* at the end, for a gateway that has not answered yet */
    SOCKETS_MAX = 64
};

static int s_settle (ag_executor_t *self);

static int64_t s_min (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---------------------------------------------------------------------- */
/*  The loop: what is polled */

static void s_poll (ag_executor_t *self, int fd, short events, zloop_fn *handler, void *context)
{
    zmq_pollitem_t item = { .fd = fd, .events = events };
    zloop_poller (self->loop, &item, handler, context);
    zloop_poller_set_tolerant (self->loop, &item);      /* a hang-up is no error here */
}

static void s_unpoll (ag_executor_t *self, int fd)
{
    zmq_pollitem_t item = { .fd = fd };
    if (fd >= 0)
        zloop_poller_end (self->loop, &item);
}

/*  Whatever happens in a turn happens at one time. */
static int64_t s_begin (ag_executor_t *self)
{
    int64_t now_us = ag_clock_mono_us ();
    ag_run_now (self->run, now_us);
    return now_us;
}

/* ---------------------------------------------------------------------- */
/*  The agent's output */

static int s_on_room (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    ag_pipe_t *pipe = context;
    s_begin (pipe->owner);
    ag_artifact_drain (pipe->artifact, DRAIN_BYTES);
    return s_settle (pipe->owner);
}

/*  Polls for room as long as something waits for it. */
static void s_poll_room (ag_executor_t *self, ag_pipe_t *pipe)
{
    int want = ag_artifact_pending (pipe->artifact) ? ag_artifact_out_fd (pipe->artifact) : -1;
    if (want == pipe->out_fd)
        return;
    s_unpoll (self, pipe->out_fd);
    pipe->out_fd = want;
    if (want >= 0)
        s_poll (self, want, ZMQ_POLLOUT, s_on_room, pipe);
}

static void s_close_pipe (ag_executor_t *self, ag_pipe_t *pipe)
{
    if (pipe->fd < 0)
        return;
    s_unpoll (self, pipe->fd);
    ag_artifact_set_source (pipe->artifact, -1);
    ag_fds_close (&pipe->fd);
    if (pipe == &self->out)
        ag_parser_end (self->parser, ag_clock_mono_us ());
    else
        ag_fold_end (self->fold);
}

static void s_take_output (ag_executor_t *self, ag_pipe_t *pipe, size_t len, int64_t now_us)
{
    bool is_stdout = pipe == &self->out;
    self->read_us = now_us;
    ag_artifact_append (pipe->artifact, self->buffer, len);
    if (is_stdout)
        ag_parser_feed (self->parser, self->buffer, len, now_us);
    else
        ag_fold_feed (self->fold, self->buffer, len, now_us);
}

/*  One read. False: there is nothing now, or it is closed. */
static bool s_read_pipe (ag_executor_t *self, ag_pipe_t *pipe, int64_t now_us)
{
    ssize_t len = pipe->fd >= 0 ? read (pipe->fd, self->buffer, AG_READ_BYTES) : 0;
    if (len > 0)
        s_take_output (self, pipe, (size_t) len, now_us);
    else if (len == 0 || (errno != EAGAIN && errno != EINTR))
        s_close_pipe (self, pipe);
    return len > 0;
}

static int s_on_output (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    ag_pipe_t *pipe = context;
    s_read_pipe (pipe->owner, pipe, s_begin (pipe->owner));
    return s_settle (pipe->owner);
}

/*  What is in the pipes at this moment, and no more: somebody may go on writing. */
static bool s_read_rest (ag_executor_t *self, ag_pipe_t *pipe, int64_t now_us)
{
    bool any = false;
    for (int reads = 0; reads < REST_READS && s_read_pipe (self, pipe, now_us); reads++) {
        ag_run_settle (self->run);
        any = true;
    }
    return any;
}

/* ---------------------------------------------------------------------- */
/*  The agent's life */

static void s_take_death (ag_executor_t *self, int wait_status, int spawn_errno)
{
    self->dead = true;
    self->dead_us = ag_clock_mono_us ();
    self->wait_status = wait_status;
    self->spawn_errno = spawn_errno;
    if (spawn_errno)
        ag_log_error ("NOT_STARTED", "cannot run %s: %s", self->options->argv[0], strerror (spawn_errno));
    ag_ladder_done (self->ladder);
    if (self->terminal)
        ag_terminal_agent_dead (self->terminal, self->agent);
}

static int s_on_agent (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    s_begin (context);
    return s_settle (context);          /* reaps it */
}

/*  Without the guard its children are ours: the agent, and what is orphaned below it. */
static void s_reap (ag_executor_t *self)
{
    int status;
    pid_t pid;
    while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
        if (pid == self->agent && !self->dead) {
            s_unpoll (self, self->pid_fd);
            s_take_death (self, status, 0);
        }
}

/*  Somebody has killed the guard. What it has not told of the agent is known to
    nobody: neither its pid, if it was just started, nor how it ended. */
static void s_guard_lost (ag_executor_t *self)
{
    s_unpoll (self, ag_guard_fd (self->guard));
    self->guard_lost = true;
    if (self->dead)
        return;
    ag_log_warning ("GUARD_LOST", "the guard process is dead: should we be killed, the agent will go on alone");
    if (self->agent)
        self->pid_fd = (int) syscall (SYS_pidfd_open, self->agent, 0);
    if (self->pid_fd >= 0) {
        s_poll (self, self->pid_fd, ZMQ_POLLIN, s_on_agent, self);
        return;
    }
    ag_guard_signal (self->guard, SIGKILL);
    s_take_death (self, self->agent ? W_EXITCODE (0, SIGKILL) : 0, self->agent ? 0 : ECHILD);
}

static void s_take_report (ag_executor_t *self, const ag_guard_report_t *report)
{
    switch (report->kind) {
    case AG_GUARD_SPAWNED:
        self->agent = report->pid;
        break;
    case AG_GUARD_SPAWN_FAILED:
        s_take_death (self, 0, report->value);
        break;
    case AG_GUARD_EXITED:
        s_take_death (self, report->value, 0);
        break;
    case AG_GUARD_STOPPED:
        if (self->terminal)
            ag_terminal_agent_stopped (self->terminal, self->agent, report->value);
        break;
    case AG_GUARD_CONTINUED:
        break;
    case AG_GUARD_LOST:
        s_guard_lost (self);
    }
}

static int s_on_guard (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    ag_executor_t *self = context;
    ag_guard_report_t report;
    s_begin (self);
    while (ag_guard_next (self->guard, &report) == 1)
        s_take_report (self, &report);
    return s_settle (self);
}

/* ---------------------------------------------------------------------- */
/*  Signals, files, gateways, time */

/*  Asked to stop. While we only linger, for us there is nothing more to do. */
static void s_take_request (ag_executor_t *self, int64_t now_us)
{
    if (self->phase == LINGERING)
        self->phase = OVER;
    else
        ag_ladder_cancel (self->ladder, true, now_us);
}

/*  Whoever signals us means the agent: he has our pid, and the terminal's Ctrl-Z and
    Ctrl-\ come to our group unless stdin is the terminal (terminal.h). When the
    agent stops, we do. */
static void s_take_signal (ag_executor_t *self, int signum, int64_t now_us)
{
    if (signum == SIGINT || signum == SIGTERM || signum == SIGHUP || (signum == SIGQUIT && self->dead))
        s_take_request (self, now_us);
    else if (!self->dead)
        ag_guard_pass (self->guard, signum, signum != SIGUSR1 && signum != SIGUSR2);
    else if (signum == SIGTSTP && self->terminal)
        ag_terminal_stop ();
}

static int s_on_signal (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    ag_executor_t *self = context;
    struct signalfd_siginfo info;
    int64_t now_us = s_begin (self);
    if (read (self->signal_fd, &info, sizeof info) == sizeof info)
        s_take_signal (self, (int) info.ssi_signo, now_us);
    return s_settle (self);
}

static int s_on_files (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    ag_executor_t *self = context;
    s_begin (self);
    ag_watch_turn (self->watch);
    return s_settle (self);
}

static int s_on_bus (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    s_begin (context);
    return s_settle (context);          /* reads it */
}

static int s_on_timer (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    ag_executor_t *self = context;
    uint64_t times;
    s_begin (self);
    if (read (self->timer_fd, &times, sizeof times) < 0 && errno != EAGAIN)
        ag_log_error ("TIMER_FAILED", "timerfd: %s", strerror (errno));
    return s_settle (self);
}

/* ---------------------------------------------------------------------- */
/*  The end */

/*  Both pipes closed, or held by somebody who is not the agent. That it was
    quiet may only mean that we were not looking. */
static bool s_output_over (ag_executor_t *self, int64_t now_us)
{
    if (self->out.fd < 0 && self->err.fd < 0)
        return true;
    int64_t last_us = self->read_us > self->dead_us ? self->read_us : self->dead_us;
    bool enough = now_us >= self->dead_us + ORPHAN_US;
    if (now_us < last_us + QUIET_US && !enough)
        return false;
    bool any = s_read_rest (self, &self->out, now_us);
    any |= s_read_rest (self, &self->err, now_us);
    return enough || !any;
}

static ag_draft_t *s_last_draft (ag_executor_t *self)
{
    ag_parser_summary_t summary;
    ag_parser_summary (self->parser, &summary);
    ag_outcome_t outcome = {
        .spawn_errno = self->spawn_errno,
        .command = self->options->argv[0],
        .stop = ag_ladder_reason (self->ladder),
        .timeout_ms = self->options->timeout_ms,
        .wait_status = self->wait_status,
        .summary = &summary,
        .duration_ms = (self->dead_us - self->start_us) / 1000,
        .redactions = ag_run_redactions (self->run)
    };
    return ag_outcome_draft (&outcome);
}

static uint64_t s_drained (const ag_executor_t *self)
{
    return ag_artifact_passed (self->out.artifact) + ag_artifact_passed (self->err.artifact);
}

static void s_finish (ag_executor_t *self, int64_t now_us)
{
    s_close_pipe (self, &self->out);
    s_close_pipe (self, &self->err);
    if (self->watch) {
        s_unpoll (self, ag_watch_fd (self->watch));
        ag_watch_finish (self->watch, WATCH_END_US);
    }
    ag_draft_t *last = s_last_draft (self);
    ag_run_end (self->run, &last);
    if (self->publisher)
        ag_publisher_ended (self->publisher);
    self->phase = LINGERING;
    self->linger_us = self->drain_us = now_us;
    self->drained = s_drained (self);
}

/*  Every gateway that has answered has it all. */
static bool s_delivered (const ag_executor_t *self)
{
    return self->publisher && ag_publisher_answered (self->publisher)
        && ag_publisher_acked (self->publisher) >= ag_run_seq (self->run);
}

static int64_t s_linger_until_us (const ag_executor_t *self)
{
    int64_t linger_us = self->options->linger_ms * 1000;
    if (!self->publisher || (s_delivered (self) && !self->owed))
        return 0;
    if (!ag_publisher_answered (self->publisher))
        linger_us = s_min (linger_us, FIRST_ANSWER_US);
    return self->linger_us + linger_us;
}

/*  A reader that still takes something is waited for. */
static int64_t s_drain_until_us (ag_executor_t *self, int64_t now_us)
{
    bool pending = ag_artifact_pending (self->out.artifact) || ag_artifact_pending (self->err.artifact)
        || ag_notes_pending (self->notes);
    if (self->drained != s_drained (self)) {
        self->drained = s_drained (self);
        self->drain_us = now_us;
    }
    return pending ? self->drain_us + self->options->drain_ms * 1000 : 0;
}

static void s_see_end (ag_executor_t *self, int64_t now_us)
{
    if (self->phase == RUNNING && self->dead && s_output_over (self, now_us))
        s_finish (self, now_us);
    if (self->phase == LINGERING && now_us >= s_linger_until_us (self) && now_us >= s_drain_until_us (self, now_us))
        self->phase = OVER;
}

/* ---------------------------------------------------------------------- */
/*  The turn's end */

static void s_climb (ag_executor_t *self, int64_t now_us)
{
    int signum = ag_ladder_signal (self->ladder, now_us);
    if (signum)
        ag_guard_signal (self->guard, signum);
}

static void s_sync (ag_executor_t *self, int64_t now_us)
{
    if (!ag_journal_dirty (self->journal))
        self->sync_us = INT64_MAX;
    else if (self->sync_us == INT64_MAX)
        self->sync_us = now_us + SYNC_US;
    else if (now_us >= self->sync_us) {
        ag_journal_sync_soon (self->journal);
        self->sync_us = INT64_MAX;
    }
}

/*  Our own lines come behind what the agent has said before. */
static void s_say (ag_executor_t *self)
{
    if (!ag_artifact_pending (self->err.artifact))
        ag_notes_flush (self->notes);
}

/*  One slice whenever there is nothing else to do. */
static void s_prune (ag_executor_t *self)
{
    if (self->prune && !ag_prune_turn (self->prune))
        ag_prune_destroy (&self->prune);
}

static int64_t s_end_deadline_us (ag_executor_t *self, int64_t now_us)
{
    if (self->phase == LINGERING) {
        int64_t linger_us = s_linger_until_us (self), drain_us = s_drain_until_us (self, now_us);
        return linger_us > drain_us ? linger_us : drain_us;
    }
    return self->dead ? now_us + QUIET_US / 4 : INT64_MAX;
}

static int64_t s_deadline_us (ag_executor_t *self, int64_t now_us, int64_t publisher_us)
{
    int64_t next_us = s_min (publisher_us, s_end_deadline_us (self, now_us));
    next_us = s_min (next_us, ag_ladder_deadline_us (self->ladder));
    next_us = s_min (next_us, ag_run_deadline_us (self->run));
    next_us = s_min (next_us, self->sync_us);
    if (ag_notes_pending (self->notes))
        next_us = s_min (next_us, now_us + NOTES_US);
    if (self->phase != RUNNING)
        return next_us;
    next_us = s_min (next_us, ag_fold_deadline_us (self->fold));
    next_us = s_min (next_us, ag_parser_deadline_us (self->parser));
    return self->watch ? s_min (next_us, ag_watch_deadline_us (self->watch)) : next_us;
}

static void s_arm (ag_executor_t *self, int64_t deadline_us)
{
    struct itimerspec when = { 0 };
    if (deadline_us < 1)
        deadline_us = 1;                /* 0 would disarm it; the past fires at once */
    if (deadline_us != INT64_MAX) {
        when.it_value.tv_sec = deadline_us / 1000000;
        when.it_value.tv_nsec = deadline_us % 1000000 * 1000;
    }
    timerfd_settime (self->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/*  Returns when the publisher wants its next turn. */
static int64_t s_publisher_turn (ag_executor_t *self, int64_t now_us)
{
    if (!self->publisher)
        return INT64_MAX;
    if (ag_journal_first (self->journal))
        ag_publisher_set_first (self->publisher, ag_journal_first (self->journal));
    int64_t wish_us = ag_publisher_turn (self->publisher, now_us);
    const char *why = ag_publisher_refused (self->publisher);
    if (why && !self->told_refused) {
        self->told_refused = true;
        ag_log_warning ("NOT_PUBLISHED", "the run is not published any more: %s", why);
    }
    return wish_us;
}

static int64_t s_owed_turn (ag_executor_t *self, int64_t now_us)
{
    ag_executor_make_owed (self);
    if (!self->owed)
        return INT64_MAX;
    if (now_us >= self->owed_us)
        self->owed_us = ag_owed_turn (self->owed, now_us);
    if (self->owed_us == INT64_MAX)
        ag_owed_destroy (&self->owed);
    return self->owed_us;
}

/*  The one place where a turn ends: what is due by time, then durable, then
    sent, then what to wait for. Returns -1 to end the loop. */
static int s_settle (ag_executor_t *self)
{
    int64_t now_us = ag_clock_mono_us ();
    if (self->guard_lost)
        s_reap (self);
    s_climb (self, now_us);
    ag_executor_tell_artifacts (self);
    if (self->phase == RUNNING) {
        ag_fold_tick (self->fold, now_us);
        ag_parser_tick (self->parser, now_us);
        if (self->watch && now_us >= ag_watch_deadline_us (self->watch))
            ag_watch_turn (self->watch);
        ag_run_tick (self->run);
        ag_run_settle (self->run);
    }
    s_see_end (self, now_us);
    s_sync (self, now_us);
    int64_t publisher_us = s_min (s_publisher_turn (self, now_us), s_owed_turn (self, now_us));
    s_see_end (self, now_us);           /* the acknowledgement may just have come */
    s_say (self);
    s_poll_room (self, &self->out);
    s_poll_room (self, &self->err);
    s_arm (self, s_deadline_us (self, now_us, publisher_us));
    return self->phase == OVER ? -1 : 0;
}

/* ---------------------------------------------------------------------- */
/*  The start */

static int s_on_idle (zloop_t *loop, int timer_id, void *context)
{
    ag_executor_t *self = context;
    s_prune (self);
    if (!self->prune)
        zloop_timer_end (loop, timer_id);
    return 0;
}

static void s_make_loop (ag_executor_t *self)
{
    void *sockets[SOCKETS_MAX];
    size_t count = self->publisher ? ag_publisher_sockets (self->publisher, sockets, SOCKETS_MAX) : 0;
    self->loop = zloop_new ();
    s_poll (self, self->out.fd, ZMQ_POLLIN, s_on_output, &self->out);
    s_poll (self, self->err.fd, ZMQ_POLLIN, s_on_output, &self->err);
    s_poll (self, ag_guard_fd (self->guard), ZMQ_POLLIN, s_on_guard, self);
    s_poll (self, self->signal_fd, ZMQ_POLLIN, s_on_signal, self);
    s_poll (self, self->timer_fd, ZMQ_POLLIN, s_on_timer, self);
    if (self->watch)
        s_poll (self, ag_watch_fd (self->watch), ZMQ_POLLIN, s_on_files, self);
    for (size_t i = 0; i < count; i++) {
        zmq_pollitem_t item = { .socket = sockets[i], .events = ZMQ_POLLIN };
        zloop_poller (self->loop, &item, s_on_bus, self);
    }
    if (self->prune)
        zloop_timer (self->loop, 1, 0, s_on_idle, self);
}

static void s_start (ag_executor_t *self)
{
    const ag_options_t *options = self->options;
    self->sync_us = INT64_MAX;
    self->start_us = self->read_us = ag_clock_mono_us ();
    self->ladder = ag_ladder_new (options->timeout_ms * 1000, options->kill_after_ms * 1000, self->start_us);
    if (ag_guard_spawn (self->guard) != 0)
        s_take_death (self, 0, errno);
    ag_executor_open_books (self);
    s_make_loop (self);
}

/*  An agent that was asked to stop leaves nothing behind. */
static void s_dismiss_guard (ag_executor_t *self)
{
    if (self->ladder && ag_ladder_reason (self->ladder) != AG_STOP_NONE)
        ag_guard_abandon (&self->guard);
    else
        ag_guard_destroy (&self->guard);
}

/*  What nobody is waiting for any more can be pruned one day. A gateway that was
    not there is named in the mark when another has it all. What was to be published
    and could not be is owed to all. */
static void s_settle_owed (ag_executor_t *self)
{
    if (self->options->streaming && !self->publisher)
        return;
    const char **others = ag_calloc (self->options->control_count + 1, sizeof *others);
    size_t count = 0;
    for (size_t i = 0; self->publisher && i < self->options->control_count; i++)
        if (!ag_publisher_is_held (self->publisher, i))
            others[count++] = self->options->control[i];
    if (!self->options->streaming || count < self->options->control_count)
        ag_owed_settle_but (self->run_dir, others, count);
    free (others);
}

static void s_close_books (ag_executor_t *self)
{
    if (self->run_dir)
        s_settle_owed (self);
    uint64_t lost = ag_artifact_dropped (self->out.artifact) + ag_artifact_dropped (self->err.artifact);
    if (lost)
        ag_log_warning ("OUTPUT_DROPPED", "%llu bytes of the agent's output could not be held for a reader that took "
            "nothing", (unsigned long long) lost);
}

static int s_status (const ag_executor_t *self)
{
    ag_outcome_t outcome = { .spawn_errno = self->spawn_errno, .wait_status = self->wait_status };
    return ag_outcome_status (&outcome);
}

int ag_executor_run (const ag_options_t *options, const ag_origin_t *origin, char **error_r)
{
    ag_executor_t self = { .options = options, .out = { .fd = -1 }, .err = { .fd = -1 }, .timer_fd = -1,
        .signal_fd = -1, .pid_fd = -1 };
    int status = -1;
    if (ag_executor_assemble (&self, origin, error_r) == 0) {
        s_start (&self);
        if (s_settle (&self) == 0)
            while (zloop_start (self.loop) == 0 && self.phase != OVER)
                ;                       /* it also returns on EINTR */
        s_close_books (&self);
        status = s_status (&self);
    }
    s_dismiss_guard (&self);
    char *run_dir = self.run_dir;
    ag_executor_free (&self);
    if (status < 0 && run_dir)
        ag_rundir_remove (run_dir);     /* no run has begun */
    free (run_dir);
    return status;
}
