/*  exec/assembly.c - the parts of one run are made, in the order that matters

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/executor_private.h"

#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "exec/fds.h"
#include "exec/limits.h"
#include "exec/rundir.h"

enum {
    PIPE_BYTES = 1024 * 1024,           /* asked for, so that a wait for our disk does not hold the agent up */
    BACKLOG_MEMORY_BYTES = 4 * 1024 * 1024,     /* held for a stuck reader when no disk takes it */
    BACKLOG_SPARE_BYTES = 256 * 1024 * 1024,    /* in TMPDIR, when the state dir does not take it */
    COMMAND_CHARS = 2000,               /* of the command line in run_started */
    NOTES_BYTES = 64 * 1024,            /* of our own lines, while nobody reads our stderr */
    WATCH_BEGIN_US = 25 * 1000          /* of reading the workspace before the agent starts */
};

/* ---------------------------------------------------------------------- */
/*  What the parts ask of each other */

/*  To the run; what is said before it is there waits for it. */
static void s_put (void *context, ag_draft_t **draft_p)
{
    ag_executor_t *self = context;
    if (self->run)
        ag_run_put (self->run, draft_p);
    else if (self->early_count < AG_EARLY_MAX)
        self->early[self->early_count++] = *draft_p;
    else
        ag_draft_destroy (draft_p);
    *draft_p = NULL;
}

static void s_put_early (ag_executor_t *self)
{
    for (size_t i = 0; i < self->early_count; i++)
        ag_run_put (self->run, &self->early[i]);
    self->early_count = 0;
}

/*  From the publisher. */
static void s_on_acked (void *context, uint64_t seq)
{
    ag_executor_t *self = context;
    ag_journal_acked (self->journal, seq);
}

static void s_on_cancel (void *context)
{
    ag_executor_t *self = context;
    ag_log_info ("CANCELLED", "a gateway cancels the run");
    ag_ladder_cancel (self->ladder, false, ag_clock_mono_us ());
}

static int s_read_journal (void *context, uint64_t from, uint64_t to, ag_publisher_event_fn *fn, void *fn_context)
{
    ag_executor_t *self = context;
    return ag_journal_read (self->journal, from, to, fn, fn_context);
}

/*  From the run. */
static void s_publish (void *context, ag_event_t *event)
{
    ag_executor_t *self = context;
    if (self->publisher)
        ag_publisher_put (self->publisher, event);
}

static void s_describe (void *context, ag_parser_summary_t *summary_r)
{
    ag_executor_t *self = context;
    ag_parser_summary (self->parser, summary_r);
}

/* ---------------------------------------------------------------------- */
/*  The parts */

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
static int s_make_guard (ag_executor_t *self, const ag_origin_t *origin, char **error_r)
{
    ag_guard_options_t guard = {
        .plan = { .argv = self->options->argv, .origin = origin, .terminal = ag_terminal_is_ours () },
        .kill_after_ms = (int) self->options->kill_after_ms
    };
    if (ag_fds_pipe (&self->out.fd, &guard.plan.stdout_fd) != 0
        || ag_fds_pipe (&self->err.fd, &guard.plan.stderr_fd) != 0) {
        *error_r = ag_asprintf ("pipe: %s", strerror (errno));
        return -1;
    }
    fcntl (self->out.fd, F_SETPIPE_SZ, PIPE_BYTES);
    fcntl (self->err.fd, F_SETPIPE_SZ, PIPE_BYTES / 4);
    ag_fds_set_nonblocking (self->out.fd);
    ag_fds_set_nonblocking (self->err.fd);
    guard.read_fds[0] = self->out.fd;
    guard.read_fds[1] = self->err.fd;
    self->guard = ag_guard_new (&guard, error_r);
    return self->guard ? 0 : -1;
}

/*  What the agent alone was meant to hold, we let go. */
static void s_let_go (ag_executor_t *self)
{
    int keep[] = { self->out.fd, self->err.fd, ag_guard_fd (self->guard) };
    ag_fds_close_others (keep, sizeof keep / sizeof *keep);
    self->terminal = ag_terminal_new ();
    ag_fds_replace_by_null (STDIN_FILENO);
    ag_fds_plug_standard ();
}

/*  From here on we do not even wait for a reader of what we log. */
static void s_make_notes (ag_executor_t *self)
{
    self->notes = ag_notes_new (STDERR_FILENO, NOTES_BYTES);
    ag_log_set_sink (ag_notes_put, self->notes);
}

static void s_free_notes (ag_executor_t *self)
{
    if (!self->notes)
        return;
    ag_log_set_sink (NULL, NULL);
    ag_notes_flush (self->notes);
    ag_notes_destroy (&self->notes);
}

/*  0; or -1 with *error_r when there is such a run. Any other trouble leaves
    the run without a folder. */
static int s_make_folder (ag_executor_t *self, char **error_r)
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

static void s_make_pipe (ag_executor_t *self, ag_pipe_t *pipe, const char *name, int out_fd)
{
    const char *tmp = getenv ("TMPDIR");
    ag_artifact_options_t options = {
        .dir = self->run_dir,
        .name = self->options->keep_artifacts ? name : NULL,
        .out_fd = self->options->quiet ? -1 : out_fd,
        .spare_dir = tmp && *tmp ? tmp : "/tmp",
        .max_spare_bytes = BACKLOG_SPARE_BYTES,
        .max_memory_bytes = BACKLOG_MEMORY_BYTES
    };
    pipe->owner = self;
    pipe->artifact = ag_artifact_new (&options);
    ag_artifact_set_source (pipe->artifact, pipe->fd);
    pipe->out_fd = -1;
}

static bool s_is_same_file (int a, int b)
{
    struct stat left, right;
    return fstat (a, &left) == 0 && fstat (b, &right) == 0
        && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

static void s_make_pipes (ag_executor_t *self)
{
    s_make_pipe (self, &self->out, "stdout", STDOUT_FILENO);
    s_make_pipe (self, &self->err, "stderr", STDERR_FILENO);
    if (s_is_same_file (STDOUT_FILENO, STDERR_FILENO))
        ag_artifact_share_reader (self->out.artifact, self->err.artifact);
}

static void s_make_run (ag_executor_t *self)
{
    const ag_options_t *options = self->options;
    char *path = self->run_dir ? ag_asprintf ("%s/run.db", self->run_dir) : NULL;
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
        .redact = options->redact,
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
static int s_make_publisher (ag_executor_t *self, const ag_origin_t *origin, char **error_r)
{
    const ag_options_t *options = self->options;
    self->epoch = ag_epoch_new ();
    if (!options->streaming || options->bus_count + options->control_count == 0)
        return 0;
    if (!ag_limits_allow_sockets (options->bus_count + options->control_count)) {
        ag_log_warning ("NOT_PUBLISHED", "the run is not published: too few files may be open (ulimit -H -n)");
        return 0;
    }
    if (options->curve_dir && !(self->curve = ag_curve_load (options->curve_dir, error_r)))
        return -1;
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
    umask (origin->umask);              /* sockets that we bind are for whom it allows */
    self->publisher = ag_publisher_new (&publisher, error_r);
    umask (AG_ORIGIN_OWN_UMASK);
    return self->publisher ? 0 : -1;
}

/*  Runs whose executor was killed, or that ended while no gateway was there. There
    may be thousands, so they are not even looked for before one has answered. */
void ag_executor_make_owed (ag_executor_t *self)
{
    if (self->owed_made || !self->options->state_dir || !self->publisher || !ag_publisher_answered (self->publisher))
        return;
    self->owed_made = true;
    ag_owed_options_t owed = {
        .state_dir = self->options->state_dir,
        .control = self->options->control,
        .control_count = self->options->control_count,
        .curve = self->curve,
        .zmq_context = ag_publisher_context (self->publisher)
    };
    self->owed = ag_owed_new (&owed);
}

static void s_make_watch (ag_executor_t *self)
{
    if (!self->options->workspace)
        return;
    ag_watch_options_t watch = {
        .root = self->options->workspace,
        .ignore = self->options->ignore,
        .state_dir = self->options->state_dir,
        .run_dir = self->run_dir,
        .max_files = (size_t) self->options->max_files,
        .sink = s_put,
        .context = self
    };
    self->watch = ag_watch_new (&watch, &self->watch_error);
    if (self->watch)
        ag_watch_begin (self->watch, WATCH_BEGIN_US);
}

static void s_tell_watch_error (ag_executor_t *self)
{
    if (!self->watch_error)
        return;
    ag_log_warning ("NOT_WATCHED", "%s", self->watch_error);
    ag_run_warn (self->run, "NOT_WATCHED", self->watch_error);
    self->watch_error = NULL;
}

/*  What was ignored when we were started (nohup) stays ignored. SIGCONT is wanted
    in any case (terminal.h), and that our children can be waited for too. */
static void s_make_signals (ag_executor_t *self, const ag_origin_t *origin)
{
    static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP };
    sigset_t set;
    sigemptyset (&set);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!ag_origin_ignores (origin, wanted[i]))
            sigaddset (&set, wanted[i]);
    sigaddset (&set, SIGCONT);
    sigprocmask (SIG_BLOCK, &set, NULL);
    signal (SIGPIPE, SIG_IGN);
    signal (SIGTTOU, SIG_IGN);
    signal (SIGCHLD, SIG_DFL);
    self->signal_fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    self->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

/* ---------------------------------------------------------------------- */

static void s_tell (ag_executor_t *self, bool *told, const char *code, const char *what, const char *name, int error)
{
    if (*told)
        return;
    *told = true;
    char *text = ag_asprintf ("the agent's %s %s any more: %s", name, what, strerror (error));
    ag_log_error (code, "%s", text);
    ag_run_warn (self->run, code, text);
}

/*  A reader that goes away is none of our business; a full disk is. */
static void s_tell_artifact (ag_executor_t *self, ag_pipe_t *pipe, const char *name)
{
    int error = ag_artifact_error (pipe->artifact), reader_error = ag_artifact_reader_error (pipe->artifact);
    if (error)
        s_tell (self, &pipe->told_lost, "ARTIFACT_LOST", "is not kept", name, error);
    if (reader_error && reader_error != EPIPE && reader_error != ECONNRESET)
        s_tell (self, &pipe->told_unpassed, "OUTPUT_LOST", "cannot be passed on", name, reader_error);
}

void ag_executor_tell_artifacts (ag_executor_t *self)
{
    s_tell_artifact (self, &self->out, "stdout");
    s_tell_artifact (self, &self->err, "stderr");
}

int ag_executor_assemble (ag_executor_t *self, const ag_origin_t *origin, char **error_r)
{
    if (s_make_guard (self, origin, error_r) != 0)
        return -1;
    ag_limits_widen ();
    s_let_go (self);
    s_make_notes (self);
    if (s_make_folder (self, error_r) != 0)
        return -1;
    s_make_signals (self, origin);
    zsys_handler_set (NULL);
    s_make_pipes (self);
    self->buffer = ag_malloc (AG_READ_BYTES);
    if (s_make_publisher (self, origin, error_r) != 0)
        return -1;
    s_make_watch (self);                /* what changes from now on is told */
    return 0;
}

void ag_executor_open_books (ag_executor_t *self)
{
    s_make_run (self);
    s_put_early (self);
    s_tell_watch_error (self);
    if (self->run_dir)
        self->prune = ag_prune_new (self->options->state_dir, ag_clock_wall_us () - self->options->retain_us,
            self->options->retain_bytes);
}

void ag_executor_free (ag_executor_t *self)
{
    zloop_destroy (&self->loop);
    ag_owed_destroy (&self->owed);
    ag_publisher_destroy (&self->publisher);
    ag_curve_destroy (&self->curve);
    ag_prune_destroy (&self->prune);
    ag_watch_destroy (&self->watch);
    ag_terminal_destroy (&self->terminal);
    ag_ladder_destroy (&self->ladder);
    ag_parser_destroy (&self->parser);
    ag_fold_destroy (&self->fold);
    ag_run_destroy (&self->run);
    for (size_t i = 0; i < self->early_count; i++)
        ag_draft_destroy (&self->early[i]);
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
    free (self->watch_error);
    s_free_notes (self);
}

