/*  exec/executor.c - one run of an agent, from spawn to the last acknowledgement

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/executor.h"

#include <czmq.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "bus/publisher.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "exec/artifact.h"
#include "exec/fds.h"
#include "exec/fold.h"
#include "exec/guard.h"
#include "exec/ladder.h"
#include "exec/outcome.h"
#include "exec/prune.h"
#include "exec/run.h"
#include "exec/rundir.h"
#include "exec/terminal.h"
#include "exec/watch.h"

enum {
    READ_BYTES = 256 * 1024,            /* at most, of the agent's output in one turn */
    PIPE_BYTES = 1024 * 1024,           /* asked for, so that our fsync does not hold the agent up */
    DRAIN_BYTES = 1024 * 1024,          /* passed through in one turn */
    BACKLOG_MEMORY_BYTES = 4 * 1024 * 1024,     /* held for a stuck reader when no disk takes it */
    QUIET_US = 250 * 1000,              /* the agent is dead, somebody holds its pipe and says nothing */
    ORPHAN_US = 2000 * 1000,            /* or says something, but this is enough */
    WATCH_END_US = 300 * 1000,          /* for the last changes in the workspace */
    SYNC_US = 1000 * 1000,              /* journal durable at least so often */
    FIRST_ANSWER_US = 500 * 1000,       /* at the end, for a gateway that has not answered yet */
    COMMAND_CHARS = 2000,               /* of the command line in run_started */
    SOCKETS_MAX = 64
};

typedef struct s_executor s_executor_t;

/*  One of the agent's two outputs. */
typedef struct {
    s_executor_t *owner;        /* for callbacks */
    int fd;                     /* our end of the pipe; -1: closed */
    ag_artifact_t *artifact;    /* raw bytes and pass-through */
    int out_fd;                 /* polled for room; -1: not */
    bool told_lost;             /* that the raw file is incomplete */
} s_pipe_t;

typedef enum {
    RUNNING,                    /* the agent lives, or its pipes do */
    LINGERING,                  /* the last event is out; gateways and readers get their time */
    OVER
} s_phase_t;

struct s_executor {
    const ag_options_t *options;        /* lent */
    s_phase_t phase;
    char *run_dir;                      /* NULL: none */
    char *command;                      /* as told in run_started */
    char *cwd;                          /* the same; or NULL */
    uint64_t epoch;                     /* of the stream */
    char *buffer;                       /* of one read */
    s_pipe_t out, err;                  /* the agent's stdout and stderr */
    ag_guard_t *guard;
    bool terminal;                      /* the agent's group has it */
    pid_t agent;                        /* 0: not there yet */
    bool dead;                          /* the agent is, or never came to be */
    int wait_status;                    /* of the dead agent */
    int spawn_errno;                    /* why it never came to be */
    int64_t start_us;                   /* when it was started */
    int64_t dead_us;                    /* when it was seen to be dead */
    int64_t read_us;                    /* when it last wrote something */
    int64_t sync_us;                    /* when the journal has to be durable; INT64_MAX: it is */
    int64_t linger_us;                  /* when the lingering began */
    int64_t drain_us;                   /* when our readers last took something */
    uint64_t drained;                   /* how much they had taken then */
    ag_parser_t *parser;                /* stdout */
    ag_fold_t *fold;                    /* stderr */
    ag_journal_t *journal;
    ag_run_t *run;
    ag_curve_t *curve;                  /* NULL: none */
    ag_publisher_t *publisher;          /* NULL: nothing is published */
    bool told_refused;                  /* that a gateway does not want it */
    ag_watch_t *watch;                  /* NULL: nothing is watched */
    ag_ladder_t *ladder;                /* NULL before the start */
    ag_prune_t *prune;                  /* NULL: done */
    zloop_t *loop;
    int timer_fd;                       /* the next deadline */
    int signal_fd;                      /* what asks us to stop */
    int pid_fd;                         /* the agent, once the guard is lost */
};

static int s_settle (s_executor_t *self);

static int64_t s_min (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---------------------------------------------------------------------- */
/*  The loop: what is polled */

static void s_poll (s_executor_t *self, int fd, short events, zloop_fn *handler, void *context)
{
    zmq_pollitem_t item = { .fd = fd, .events = events };
    zloop_poller (self->loop, &item, handler, context);
    zloop_poller_set_tolerant (self->loop, &item);      /* a hang-up is no error here */
}

static void s_unpoll (s_executor_t *self, int fd)
{
    zmq_pollitem_t item = { .fd = fd };
    if (fd >= 0)
        zloop_poller_end (self->loop, &item);
}

/*  Whatever happens in a turn happens at one time. */
static int64_t s_begin (s_executor_t *self)
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
    s_pipe_t *pipe = context;
    s_begin (pipe->owner);
    ag_artifact_drain (pipe->artifact, DRAIN_BYTES);
    return s_settle (pipe->owner);
}

/*  Polls for room as long as something waits for it. */
static void s_poll_room (s_executor_t *self, s_pipe_t *pipe)
{
    int want = ag_artifact_pending (pipe->artifact) ? ag_artifact_out_fd (pipe->artifact) : -1;
    if (want == pipe->out_fd)
        return;
    s_unpoll (self, pipe->out_fd);
    pipe->out_fd = want;
    if (want >= 0)
        s_poll (self, want, ZMQ_POLLOUT, s_on_room, pipe);
}

static void s_tell_artifact (s_executor_t *self, s_pipe_t *pipe, const char *name)
{
    int error = ag_artifact_error (pipe->artifact);
    if (!error || pipe->told_lost)
        return;
    pipe->told_lost = true;
    ag_log_error ("ARTIFACT_LOST", "the raw %s is not kept any more: %s", name, strerror (error));
    ag_run_warn (self->run, "ARTIFACT_LOST", ag_asprintf ("the raw %s is not kept any more: %s", name, strerror (error)));
}

static void s_close_pipe (s_executor_t *self, s_pipe_t *pipe)
{
    if (pipe->fd < 0)
        return;
    s_unpoll (self, pipe->fd);
    ag_fds_close (&pipe->fd);
    if (pipe == &self->out)
        ag_parser_end (self->parser, ag_clock_mono_us ());
    else
        ag_fold_end (self->fold);
}

static void s_take_output (s_executor_t *self, s_pipe_t *pipe, size_t len, int64_t now_us)
{
    bool is_stdout = pipe == &self->out;
    self->read_us = now_us;
    ag_artifact_append (pipe->artifact, self->buffer, len);
    s_tell_artifact (self, pipe, is_stdout ? "stdout" : "stderr");
    if (is_stdout)
        ag_parser_feed (self->parser, self->buffer, len, now_us);
    else
        ag_fold_feed (self->fold, self->buffer, len, now_us);
}

static int s_on_output (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    s_pipe_t *pipe = context;
    s_executor_t *self = pipe->owner;
    int64_t now_us = s_begin (self);
    ssize_t len = pipe->fd >= 0 ? read (pipe->fd, self->buffer, READ_BYTES) : -1;
    if (len > 0)
        s_take_output (self, pipe, (size_t) len, now_us);
    else if (len == 0 || (errno != EAGAIN && errno != EINTR))
        s_close_pipe (self, pipe);
    return s_settle (self);
}

/* ---------------------------------------------------------------------- */
/*  The agent's life */

static void s_take_death (s_executor_t *self, int wait_status, int spawn_errno)
{
    self->dead = true;
    self->dead_us = ag_clock_mono_us ();
    self->wait_status = wait_status;
    self->spawn_errno = spawn_errno;
    ag_ladder_done (self->ladder);
    if (self->terminal)
        ag_terminal_give (getpgrp (), self->agent);
}

static int s_on_agent (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    s_executor_t *self = context;
    int status;
    s_begin (self);
    if (waitpid (self->agent, &status, WNOHANG) != self->agent)
        return s_settle (self);
    s_unpoll (self, self->pid_fd);
    s_take_death (self, status, 0);
    return s_settle (self);
}

/*  Somebody has killed the guard. The agent is our child now. */
static void s_guard_lost (s_executor_t *self)
{
    s_unpoll (self, ag_guard_fd (self->guard));
    if (self->dead)
        return;
    ag_log_warning ("GUARD_LOST", "the guard process is dead: should we be killed, the agent will go on alone");
    if (!self->agent) {
        s_take_death (self, 0, ECHILD);
        return;
    }
    self->pid_fd = (int) syscall (SYS_pidfd_open, self->agent, 0);
    if (self->pid_fd >= 0)
        s_poll (self, self->pid_fd, ZMQ_POLLIN, s_on_agent, self);
    else
        s_take_death (self, W_EXITCODE (0, SIGKILL), 0);
}

static void s_take_report (s_executor_t *self, const ag_guard_report_t *report)
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
            ag_terminal_stop_with (self->agent);
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
    s_executor_t *self = context;
    ag_guard_report_t report;
    s_begin (self);
    while (ag_guard_next (self->guard, &report) == 1)
        s_take_report (self, &report);
    return s_settle (self);
}

/* ---------------------------------------------------------------------- */
/*  Signals, files, gateways, time */

static int s_on_signal (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    s_executor_t *self = context;
    struct signalfd_siginfo info;
    int64_t now_us = s_begin (self);
    if (read (self->signal_fd, &info, sizeof info) == sizeof info) {
        if (self->phase == LINGERING)
            self->phase = OVER;
        else
            ag_ladder_cancel (self->ladder, true, now_us);
    }
    return s_settle (self);
}

static int s_on_files (zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void) loop, (void) item;
    s_executor_t *self = context;
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
    s_executor_t *self = context;
    uint64_t times;
    s_begin (self);
    if (read (self->timer_fd, &times, sizeof times) < 0 && errno != EAGAIN)
        ag_log_error ("TIMER_FAILED", "timerfd: %s", strerror (errno));
    return s_settle (self);
}

/*  From the publisher. */
static void s_on_acked (void *context, uint64_t seq)
{
    s_executor_t *self = context;
    ag_journal_acked (self->journal, seq);
}

static void s_on_cancel (void *context)
{
    s_executor_t *self = context;
    ag_log_info ("CANCELLED", "a gateway cancels the run");
    ag_ladder_cancel (self->ladder, false, ag_clock_mono_us ());
}

static int s_read_journal (void *context, uint64_t from, uint64_t to, ag_publisher_event_fn *fn, void *fn_context)
{
    s_executor_t *self = context;
    return ag_journal_read (self->journal, from, to, fn, fn_context);
}

/*  From the run. */
static void s_publish (void *context, ag_event_t *event)
{
    s_executor_t *self = context;
    if (self->publisher)
        ag_publisher_put (self->publisher, event);
}

static void s_describe (void *context, ag_parser_summary_t *summary_r)
{
    s_executor_t *self = context;
    ag_parser_summary (self->parser, summary_r);
}

/* ---------------------------------------------------------------------- */
/*  The end */

/*  Both pipes closed, or held by somebody who is not the agent. */
static bool s_output_over (const s_executor_t *self, int64_t now_us)
{
    if (self->out.fd < 0 && self->err.fd < 0)
        return true;
    int64_t last_us = self->read_us > self->dead_us ? self->read_us : self->dead_us;
    return now_us >= last_us + QUIET_US || now_us >= self->dead_us + ORPHAN_US;
}

static ag_draft_t *s_last_draft (s_executor_t *self)
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

static uint64_t s_drained (const s_executor_t *self)
{
    return ag_artifact_passed (self->out.artifact) + ag_artifact_passed (self->err.artifact);
}

static void s_finish (s_executor_t *self, int64_t now_us)
{
    s_close_pipe (self, &self->out);
    s_close_pipe (self, &self->err);
    if (self->watch) {
        s_unpoll (self, ag_watch_fd (self->watch));
        ag_watch_finish (self->watch, WATCH_END_US);
    }
    ag_draft_t *last = s_last_draft (self);
    ag_run_end (self->run, &last);
    ag_journal_sync (self->journal);
    if (self->publisher)
        ag_publisher_ended (self->publisher);
    self->phase = LINGERING;
    self->linger_us = self->drain_us = now_us;
    self->drained = s_drained (self);
}

/*  Every gateway that has answered has it all. */
static bool s_delivered (const s_executor_t *self)
{
    return self->publisher && ag_publisher_answered (self->publisher)
        && ag_publisher_acked (self->publisher) >= ag_run_seq (self->run);
}

static int64_t s_linger_until_us (const s_executor_t *self)
{
    int64_t linger_us = self->options->linger_ms * 1000;
    if (!self->publisher || s_delivered (self))
        return 0;
    if (!ag_publisher_answered (self->publisher))
        linger_us = s_min (linger_us, FIRST_ANSWER_US);
    return self->linger_us + linger_us;
}

/*  A reader that still takes something is waited for. */
static int64_t s_drain_until_us (s_executor_t *self, int64_t now_us)
{
    bool pending = ag_artifact_pending (self->out.artifact) || ag_artifact_pending (self->err.artifact);
    if (self->drained != s_drained (self)) {
        self->drained = s_drained (self);
        self->drain_us = now_us;
    }
    return pending ? self->drain_us + self->options->drain_ms * 1000 : 0;
}

static void s_see_end (s_executor_t *self, int64_t now_us)
{
    if (self->phase == RUNNING && self->dead && s_output_over (self, now_us))
        s_finish (self, now_us);
    if (self->phase == LINGERING && now_us >= s_linger_until_us (self) && now_us >= s_drain_until_us (self, now_us))
        self->phase = OVER;
}

/* ---------------------------------------------------------------------- */
/*  The turn's end */

static void s_climb (s_executor_t *self, int64_t now_us)
{
    int signum = ag_ladder_signal (self->ladder, now_us);
    if (signum)
        ag_guard_signal (self->guard, signum);
}

static void s_sync (s_executor_t *self, int64_t now_us)
{
    if (!ag_journal_dirty (self->journal))
        self->sync_us = INT64_MAX;
    else if (self->sync_us == INT64_MAX)
        self->sync_us = now_us + SYNC_US;
    else if (now_us >= self->sync_us) {
        ag_journal_sync (self->journal);
        self->sync_us = INT64_MAX;
    }
}

/*  One slice whenever there is nothing else to do. */
static void s_prune (s_executor_t *self)
{
    if (self->prune && !ag_prune_turn (self->prune))
        ag_prune_destroy (&self->prune);
}

static int64_t s_end_deadline_us (s_executor_t *self, int64_t now_us)
{
    if (self->phase == LINGERING) {
        int64_t linger_us = s_linger_until_us (self), drain_us = s_drain_until_us (self, now_us);
        return linger_us > drain_us ? linger_us : drain_us;
    }
    return self->dead ? now_us + QUIET_US / 4 : INT64_MAX;
}

static int64_t s_deadline_us (s_executor_t *self, int64_t now_us, int64_t publisher_us)
{
    int64_t next_us = s_min (publisher_us, s_end_deadline_us (self, now_us));
    next_us = s_min (next_us, ag_ladder_deadline_us (self->ladder));
    next_us = s_min (next_us, ag_run_deadline_us (self->run));
    next_us = s_min (next_us, self->sync_us);
    if (self->phase != RUNNING)
        return next_us;
    next_us = s_min (next_us, ag_fold_deadline_us (self->fold));
    next_us = s_min (next_us, ag_parser_deadline_us (self->parser));
    return self->watch ? s_min (next_us, ag_watch_deadline_us (self->watch)) : next_us;
}

static void s_arm (s_executor_t *self, int64_t deadline_us)
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
static int64_t s_publisher_turn (s_executor_t *self, int64_t now_us)
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

/*  The one place where a turn ends: what is due by time, then durable, then
    sent, then what to wait for. Returns -1 to end the loop. */
static int s_settle (s_executor_t *self)
{
    int64_t now_us = ag_clock_mono_us ();
    s_climb (self, now_us);
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
    int64_t publisher_us = s_publisher_turn (self, now_us);
    s_see_end (self, now_us);           /* the acknowledgement may just have come */
    s_poll_room (self, &self->out);
    s_poll_room (self, &self->err);
    s_arm (self, s_deadline_us (self, now_us, publisher_us));
    return self->phase == OVER ? -1 : 0;
}

/* ---------------------------------------------------------------------- */
/*  The start */

static int s_on_idle (zloop_t *loop, int timer_id, void *context)
{
    s_executor_t *self = context;
    s_prune (self);
    if (!self->prune)
        zloop_timer_end (loop, timer_id);
    return 0;
}

/*  The command as somebody could type it. */
static char *s_command_line (char *const *argv)
{
    ag_buf_t line = { 0 };
    for (; *argv && line.len < COMMAND_CHARS; argv++) {
        bool plain = **argv && strspn (*argv, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@%+")
            == strlen (*argv);
        if (line.len)
            ag_buf_append_char (&line, ' ');
        if (!plain)
            ag_buf_append_char (&line, '\'');
        for (const char *c = *argv; *c; c++)
            if (*c == '\'' && !plain)
                ag_buf_append_cstr (&line, "'\\''");
            else
                ag_buf_append_char (&line, *c);
        if (!plain)
            ag_buf_append_char (&line, '\'');
    }
    if (line.len > COMMAND_CHARS)
        line.len = COMMAND_CHARS;
    ag_buf_cstr (&line);
    return line.data;
}

static ag_str_t s_str (const char *text)
{
    return (ag_str_t) { text, strlen (text) };
}

/*  Everything that exists before the guard does: only pipes. 0 or -1 with *error_r. */
static int s_make_guard (s_executor_t *self, const ag_origin_t *origin, char **error_r)
{
    ag_guard_options_t guard = {
        .plan = { .argv = self->options->argv, .origin = origin, .terminal = self->terminal },
        .kill_after_ms = (int) self->options->kill_after_ms
    };
    if (ag_fds_pipe (&self->out.fd, &guard.plan.stdout_fd) != 0
        || ag_fds_pipe (&self->err.fd, &guard.plan.stderr_fd) != 0) {
        *error_r = ag_asprintf ("pipe: %s", strerror (errno));
        return -1;
    }
    fcntl (self->out.fd, F_SETPIPE_SZ, PIPE_BYTES);
    ag_fds_set_nonblocking (self->out.fd);
    ag_fds_set_nonblocking (self->err.fd);
    guard.foreign_fds[0] = self->out.fd;
    guard.foreign_fds[1] = self->err.fd;
    self->guard = ag_guard_new (&guard, error_r);
    return self->guard ? 0 : -1;
}

/*  What the agent alone was meant to hold, we let go. */
static void s_let_go (s_executor_t *self)
{
    int keep[] = { self->out.fd, self->err.fd, ag_guard_fd (self->guard) };
    ag_fds_close_others (keep, sizeof keep / sizeof *keep);
    if (!self->terminal)
        ag_fds_replace_by_null (STDIN_FILENO);
    ag_fds_plug_standard ();
}

/*  0; or -1 with *error_r when there is such a run. Any other trouble leaves
    the run without a folder. */
static int s_make_folder (s_executor_t *self, char **error_r)
{
    char *error = NULL;
    if (self->options->state_dir)
        self->run_dir = ag_rundir_make (self->options->state_dir, s_str (self->options->run_id), &error);
    else
        error = ag_strdup (self->options->state_error);
    if (self->run_dir)
        return 0;
    if (self->options->state_dir && errno == EEXIST) {
        *error_r = ag_asprintf ("--run-id '%s': %s; an id is used once", self->options->run_id, error);
        free (error);
        return -1;
    }
    ag_log_error ("NO_STATE", "%s; the run goes on without journal and raw output", error);
    free (error);
    return 0;
}

static void s_make_pipe (s_executor_t *self, s_pipe_t *pipe, const char *name, int out_fd)
{
    ag_artifact_options_t options = {
        .dir = self->run_dir,
        .name = self->options->keep_artifacts ? name : NULL,
        .out_fd = self->options->quiet ? -1 : out_fd,
        .max_memory_bytes = BACKLOG_MEMORY_BYTES
    };
    pipe->owner = self;
    pipe->artifact = ag_artifact_new (&options);
    pipe->out_fd = -1;
}

static void s_make_run (s_executor_t *self)
{
    const ag_options_t *options = self->options;
    char *path = self->run_dir ? ag_asprintf ("%s/run.db", self->run_dir) : NULL;
    self->epoch = ag_epoch_new ();
    self->journal = ag_journal_new (path, s_str (options->run_id), self->epoch);
    if (path && ag_journal_lost (self->journal))
        ag_log_error ("NO_JOURNAL", "%s; the run goes on without journal", ag_journal_lost (self->journal));
    free (path);
    self->command = s_command_line (options->argv);
    self->cwd = getcwd (NULL, 0);
    ag_run_options_t run = {
        .ids = { .work_order = s_str (options->work_order), .run = s_str (options->run_id) },
        .epoch = self->epoch,
        .run_number = options->run_number,
        .agent = options->agent,
        .command = self->command,
        .cwd = self->cwd,
        .secrets = options->secrets,
        .secret_count = options->secret_count,
        .progress = options->progress,
        .journal = self->journal,
        .describe = s_describe,
        .publish = s_publish,
        .context = self,
        .wall_us = ag_clock_wall_us
    };
    ag_parser_options_t parser = {
        .format = options->format,
        .max_line_bytes = (size_t) options->max_line_bytes,
        .max_content_bytes = (size_t) options->max_content_bytes
    };
    self->run = ag_run_new (&run, ag_clock_mono_us ());
    self->parser = ag_parser_new (&parser, ag_run_put, self->run);
    self->fold = ag_fold_new (ag_run_put, self->run);
}

/*  0, or -1 with *error_r: an endpoint is wrong. */
static int s_make_publisher (s_executor_t *self, char **error_r)
{
    const ag_options_t *options = self->options;
    if (!options->streaming || options->bus_count + options->control_count == 0)
        return 0;
    if (options->curve_dir) {           /* until bus/socket.h has it */
        *error_r = ag_strdup ("--curve-dir: CURVE is not built yet");
        return -1;
    }
    ag_publisher_options_t publisher = {
        .bus = options->bus,
        .bus_count = options->bus_count,
        .control = options->control,
        .control_count = options->control_count,
        .curve = self->curve,
        .ids = { .work_order = s_str (options->work_order), .run = s_str (options->run_id) },
        .epoch = self->epoch,
        .read = s_read_journal,
        .acked_fn = s_on_acked,
        .cancel_fn = s_on_cancel,
        .context = self
    };
    self->publisher = ag_publisher_new (&publisher, error_r);
    return self->publisher ? 0 : -1;
}

static void s_make_watch (s_executor_t *self)
{
    char *error = NULL;
    if (!self->options->workspace)
        return;
    ag_watch_options_t watch = {
        .root = self->options->workspace,
        .ignore = self->options->ignore,
        .own_dir = self->options->state_dir,
        .max_files = (size_t) self->options->max_files,
        .sink = ag_run_put,
        .context = self->run
    };
    self->watch = ag_watch_new (&watch, &error);
    if (self->watch)
        return;
    ag_log_warning ("NOT_WATCHED", "%s", error);
    ag_run_warn (self->run, "NOT_WATCHED", error);
}

/*  What was ignored when we were started (nohup) stays ignored. */
static void s_make_signals (s_executor_t *self, const ag_origin_t *origin)
{
    static const int asking[] = { SIGINT, SIGTERM, SIGHUP };
    sigset_t set;
    sigemptyset (&set);
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++)
        if (!ag_origin_ignores (origin, asking[i]))
            sigaddset (&set, asking[i]);
    sigprocmask (SIG_BLOCK, &set, NULL);
    signal (SIGPIPE, SIG_IGN);
    signal (SIGTTOU, SIG_IGN);
    self->signal_fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    self->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

static void s_make_loop (s_executor_t *self)
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
}

static void s_make_prune (s_executor_t *self)
{
    const ag_options_t *options = self->options;
    if (!self->run_dir)
        return;
    self->prune = ag_prune_new (options->state_dir, ag_clock_wall_us () - options->retain_us, options->retain_bytes);
    zloop_timer (self->loop, 1, 0, s_on_idle, self);
}

/*  The guard first, before any thread and any file of ours. */
static int s_start (s_executor_t *self, const ag_origin_t *origin, char **error_r)
{
    self->terminal = ag_terminal_is_ours ();
    if (s_make_guard (self, origin, error_r) != 0)
        return -1;
    s_let_go (self);
    if (s_make_folder (self, error_r) != 0)
        return -1;
    s_make_signals (self, origin);
    zsys_handler_set (NULL);
    s_make_pipe (self, &self->out, "stdout", STDOUT_FILENO);
    s_make_pipe (self, &self->err, "stderr", STDERR_FILENO);
    self->buffer = ag_malloc (READ_BYTES);
    s_make_run (self);
    if (s_make_publisher (self, error_r) != 0)
        return -1;
    s_make_watch (self);
    s_make_loop (self);
    self->start_us = self->read_us = ag_clock_mono_us ();
    self->sync_us = INT64_MAX;
    self->ladder = ag_ladder_new (self->options->timeout_ms * 1000, self->options->kill_after_ms * 1000, self->start_us);
    if (ag_guard_spawn (self->guard) != 0)
        s_take_death (self, 0, errno);
    s_make_prune (self);
    s_tell_artifact (self, &self->out, "stdout");
    s_tell_artifact (self, &self->err, "stderr");
    return 0;
}

/* ---------------------------------------------------------------------- */

static void s_free (s_executor_t *self)
{
    zloop_destroy (&self->loop);
    ag_publisher_destroy (&self->publisher);
    ag_prune_destroy (&self->prune);
    ag_watch_destroy (&self->watch);
    ag_ladder_destroy (&self->ladder);
    ag_parser_destroy (&self->parser);
    ag_fold_destroy (&self->fold);
    ag_run_destroy (&self->run);
    ag_journal_destroy (&self->journal);
    ag_artifact_destroy (&self->out.artifact);
    ag_artifact_destroy (&self->err.artifact);
    ag_fds_close (&self->out.fd);
    ag_fds_close (&self->err.fd);
    ag_fds_close (&self->timer_fd);
    ag_fds_close (&self->signal_fd);
    ag_fds_close (&self->pid_fd);
    free (self->buffer);
    free (self->command);
    free (self->cwd);
    free (self->run_dir);
}

/*  What nobody is waiting for any more can be pruned one day. */
static void s_close_books (s_executor_t *self)
{
    if (self->run_dir && (s_delivered (self) || !self->options->streaming))
        ag_rundir_settle (self->run_dir);
    uint64_t lost = ag_artifact_dropped (self->out.artifact) + ag_artifact_dropped (self->err.artifact);
    if (lost)
        ag_log_warning ("OUTPUT_DROPPED", "%llu bytes of the agent's output could not be held for a reader that took "
            "nothing", (unsigned long long) lost);
}

static int s_status (const s_executor_t *self)
{
    ag_outcome_t outcome = { .spawn_errno = self->spawn_errno, .wait_status = self->wait_status };
    return ag_outcome_status (&outcome);
}

int ag_executor_run (const ag_options_t *options, const ag_origin_t *origin, char **error_r)
{
    s_executor_t self = { .options = options, .out = { .fd = -1 }, .err = { .fd = -1 }, .timer_fd = -1,
        .signal_fd = -1, .pid_fd = -1 };
    int status = -1;
    if (s_start (&self, origin, error_r) == 0) {
        if (s_settle (&self) == 0)
            while (zloop_start (self.loop) == 0 && self.phase != OVER)
                ;                       /* it also returns on EINTR */
        s_close_books (&self);
        status = s_status (&self);
    }
    /*  An agent that was asked to stop leaves nothing behind. */
    if (self.ladder && ag_ladder_reason (self.ladder) != AG_STOP_NONE)
        ag_guard_abandon (&self.guard);
    else
        ag_guard_destroy (&self.guard);
    s_free (&self);
    return status;
}
