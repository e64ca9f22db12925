/*  gateway/net/gateway.c - the daemon: what its parts share, and its loop

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    libwebsockets owns the wait (its poll loop takes no other), ZeroMQ's
    descriptors and the signals are watched by it. Each turn: read the bus, let
    the desk and the hub do what follows, then sleep until a socket or a time.
    docs/design/gateway.md says why so.
*/
#include "config.h"

#include "net/gateway.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/paths.h"
#include "net/lock.h"
#include "net/server.h"
#include "net/tokens.h"

enum {
    PUMP_BUDGET = 256,                          /* messages of each socket in one turn */
    STREAM_BYTES = 2 * 1024 * 1024,             /* of a ring */
    /*  Of all rings: 1 MB for each of 20 runs. With 32 MB the process came to 50 MB and more, which is what it
        may have in all (bench/gateway_fan.py --memory); older positions are read from the store. */
    RING_BYTES = 20 * 1024 * 1024
};
#define HOLD_BACK_US    INT64_C (50000)         /* a store that is behind, at most */
#define HELD_LOOK_US    INT64_C (1000)          /* and is asked so often whether it still is */
#define BUSY_US         INT64_C (4000)          /* events that are closer keep the bus busy */
#define LOOK_US         INT64_C (4000)          /* then viewers' sockets are looked at so often, ... */
#define LOOK_EACH_US    INT64_C (10)            /* ... the more of them the less, ... */
#define LOOK_MAX_US     INT64_C (50000)         /* but so often at least */
#define SECOND_US       INT64_C (1000000)
#define CANARY_FIRST_US INT64_C (50000)         /* until the first came back */
#define CANARY_US       INT64_C (5000000)
#define GOODBYE_US      INT64_C (2000000)       /* clients have so long to take their close frame */
#define DESK_FORGET_US  INT64_C (60000000)      /* longer than the hub keeps an ended stream */

/* ---------------------------------------------------------------------- */
/*  Between the parts */

static void s_on_event (void *context, ag_event_t *event, ag_str_t peer)
{
    ag_gateway_t *self = context;
    ag_desk_event (self->desk, event, peer, self->now_us);
}

static bool s_on_control (void *context, ag_str_t peer, const ag_control_t *message)
{
    ag_gateway_t *self = context;
    return ag_desk_control (self->desk, peer, message, self->now_us);
}

/*  After a send the descriptor may stay silent although input waits; so the
    loop turns once more before it sleeps. */
static void s_send (void *context, ag_str_t peer, const ag_control_t *message)
{
    ag_gateway_t *self = context;
    self->sent = true;
    if (!ag_intake_send (self->intake, peer, message))
        ag_log_debug ("CONTROL_UNSENT", "a writer has gone, or does not read: command=%s stream=%.*s",
            ag_control_name (message->kind), (int) message->stream.len, message->stream.ptr);
}

static void s_republish (void *context, ag_event_t *event)
{
    ag_gateway_t *self = context;
    uint64_t before = ag_intake_stats (self->intake)->republished;
    ag_intake_republish (self->intake, event);
    self->sent |= ag_intake_stats (self->intake)->republished != before;
}

static uint64_t s_archive (void *context, ag_event_t *event, uint64_t acked)
{
    ag_gateway_t *self = context;
    return ag_archive_put (self->archive, event, acked);
}

static void s_missing (void *context, ag_str_t stream, uint64_t epoch, ag_desk_range_fn *fn, void *fn_context)
{
    ag_gateway_t *self = context;
    ag_store_t *store = ag_archive_reader (self->archive);
    if (ag_store_each_hole (store, stream, epoch, fn, fn_context) != 0)
        ag_log_warning ("STORE_HOLES", "what the store lacks of a stream cannot be found out: %s", ag_store_error (store));
}

/*  In the store's thread. */
static void s_wake (void *context)
{
    ag_gateway_t *self = context;
    if (__atomic_load_n (&self->running, __ATOMIC_ACQUIRE))
        ag_server_wake (self->server);
}

/* ---------------------------------------------------------------------- */
/*  Open and close */

static int s_take_signals (ag_gateway_t *self, char **error_r)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGHUP);           /* its terminal went */
    sigaddset (&set, SIGINT);
    sigaddset (&set, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &set, NULL);
    signal (SIGPIPE, SIG_IGN);
    self->signal_fd = signalfd (-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (self->signal_fd >= 0)
        return 0;
    *error_r = ag_asprintf ("signals cannot be read: %s", strerror (errno));
    return -1;
}

static int s_keep_lock (ag_gateway_t *self, int fd)
{
    if (fd >= 0)
        self->lock_fds[self->lock_count++] = fd;
    return fd == -1 ? -1 : 0;
}

static int s_lock (ag_gateway_t *self, char **error_r)
{
    const ag_gateway_options_t *options = &self->options;
    char *path = ag_asprintf ("%s/gateway.lock", options->state_dir);
    int fd = ag_lock_take (path, error_r);
    free (path);
    if (s_keep_lock (self, fd) != 0 || s_keep_lock (self, ag_lock_endpoint (options->bus, error_r)) != 0
        || s_keep_lock (self, ag_lock_endpoint (options->control, error_r)) != 0)
        return -1;
    return options->republish ? s_keep_lock (self, ag_lock_endpoint (options->republish, error_r)) : 0;
}

static int s_open_archive (ag_gateway_t *self, char **error_r)
{
    if (!self->options.store)
        return 0;
    char *path = ag_asprintf ("%s/history.db", self->options.state_dir);
    ag_archive_options_t options = { .path = path, .retain_us = self->options.store_retention_us,
        .max_bytes = self->options.store_bytes, .events = self->options.buffer_events / 2, .wake = s_wake,
        .context = self };
    self->archive = ag_archive_open (&options, error_r);
    free (path);
    return self->archive ? 0 : -1;
}

static void s_open_hub (ag_gateway_t *self)
{
    const ag_history_t *history = self->archive ? ag_archive_history (self->archive) : NULL;
    ag_hub_options_t hub = { .buffer_events = self->options.buffer_events, .stream_bytes = STREAM_BYTES,
        .total_bytes = RING_BYTES, .retention_us = self->options.retention_us,
        .rate_limit = self->options.rate_limit, .batch_us = self->options.batch_us, .history = history,
        .wall_offset_us = ag_clock_wall_us () - ag_clock_mono_us (),
        .subscriptions_max = self->options.subscriptions, .may_see = ag_server_may_see };
    self->hub = ag_hub_new (&hub);
    ag_desk_options_t desk = { .hub = self->hub, .history = history,
        .ops = { s_send, s_republish, self->archive ? s_archive : NULL, self->archive ? s_missing : NULL, self },
        .forget_us = self->options.retention_us + DESK_FORGET_US };
    self->desk = ag_desk_new (&desk);
}

static int s_open_intake (ag_gateway_t *self, char **error_r)
{
    ag_intake_options_t options = { .bus = self->options.bus, .control = self->options.control,
        .republish = self->options.republish, .curve_dir = self->options.curve_dir, .exposed = self->options.insecure,
        .event = s_on_event, .control_message = s_on_control, .context = self };
    self->intake = ag_intake_open (&options, error_r);
    return self->intake ? 0 : -1;
}

static int s_watch (ag_gateway_t *self, char **error_r)
{
    int rc = ag_server_watch (self->server, self->signal_fd);
    for (int i = 0; rc == 0 && i < AG_INTAKE_FDS; i++) {
        self->bus[i] = (struct pollfd) { .fd = ag_intake_fd (self->intake, i), .events = POLLIN };
        if (self->bus[i].fd >= 0)
            rc = ag_server_watch (self->server, self->bus[i].fd);
    }
    if (rc != 0)
        *error_r = ag_strdup ("libwebsockets cannot watch the bus");
    return rc;
}

static int s_open (ag_gateway_t *self, char **error_r)
{
    if (self->options.token_file && !(self->tokens = ag_tokens_load (self->options.token_file, error_r)))
        return -1;
    if (s_take_signals (self, error_r) != 0 || s_lock (self, error_r) != 0 || s_open_archive (self, error_r) != 0)
        return -1;
    s_open_hub (self);
    self->server = ag_server_open (self, error_r);
    if (!self->server || s_open_intake (self, error_r) != 0)
        return -1;
    return s_watch (self, error_r);
}

ag_gateway_t *ag_gateway_new (const ag_gateway_options_t *options, char **error_r)
{
    ag_gateway_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->signal_fd = -1;
    self->started_us = self->now_us = ag_clock_mono_us ();
    self->desk_wake_us = self->full_us = INT64_MAX;
    if (s_open (self, error_r) != 0)
        ag_gateway_destroy (&self);
    return self;
}

void ag_gateway_destroy (ag_gateway_t **self_p)
{
    ag_gateway_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    ag_archive_close (&self->archive);
    ag_server_close (&self->server);            /* its connections leave the hub */
    ag_intake_close (&self->intake);
    ag_desk_destroy (&self->desk);
    ag_hub_destroy (&self->hub);
    ag_tokens_destroy (&self->tokens);
    for (size_t i = 0; i < self->lock_count; i++)
        close (self->lock_fds[i]);
    if (self->signal_fd >= 0)
        close (self->signal_fd);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  The loop */

static void s_notify (const char *state)
{
#ifdef HAVE_SYSTEMD
    sd_notify (0, state);
#else
    (void) state;
#endif
}

static bool s_signalled (const ag_gateway_t *self)
{
    struct signalfd_siginfo info;
    return read (self->signal_fd, &info, sizeof info) == sizeof info;
}

static void s_second (ag_gateway_t *self)
{
    ag_hub_set_wall_offset (self->hub, ag_clock_wall_us () - self->now_us);
    ag_hub_housekeep (self->hub, self->now_us);
    s_notify ("WATCHDOG=1");
    self->second_us = self->now_us + SECOND_US;
}

static void s_canary (ag_gateway_t *self)
{
    bool first = ag_intake_canary_us (self->intake) == INT64_MIN;
    ag_intake_send_canary (self->intake);
    self->canary_us = self->now_us + (first ? CANARY_FIRST_US : CANARY_US);
    self->sent = true;
}

/*  What the store's thread has done since the last look. */
static void s_look_at_archive (ag_gateway_t *self)
{
    if (!self->archive)
        return;
    ag_archive_state_t state;
    ag_archive_state (self->archive, &state);
    if (state.committed != self->committed)
        ag_desk_committed (self->desk, state.committed);
    /*  Counted: it may have failed and recovered between two looks. */
    if (state.failures != self->store_failures && !state.failing) {
        self->store_failures = state.failures;
        ag_desk_store_recovered (self->desk);
    }
    self->committed = state.committed;
}

static int64_t s_sooner (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/*  A store that is behind holds the bus back for a moment, so that history has
    no hole; what the bus drops meanwhile is resent. A slow disk does not hold
    live up for longer. */
static bool s_is_held_back (const ag_gateway_t *self)
{
    return self->full_us != INT64_MAX && self->now_us - self->full_us < HOLD_BACK_US;
}

static bool s_hold_back (ag_gateway_t *self)
{
    if (!self->archive || !ag_archive_full (self->archive))
        self->full_us = INT64_MAX;
    else if (self->full_us == INT64_MAX)
        self->full_us = self->now_us;
    return s_is_held_back (self);
}

/*  One turn. Returns until when there is nothing to do. */
static int64_t s_turn (ag_gateway_t *self)
{
    self->now_us = ag_clock_mono_us ();
    self->sent = false;
    bool held_back = s_hold_back (self);
    bool more = !held_back && ag_intake_pump (self->intake, PUMP_BUDGET, self->now_us);
    s_look_at_archive (self);
    self->desk_wake_us = ag_desk_turn (self->desk, self->now_us);
    if (self->now_us >= self->second_us)
        s_second (self);
    if (self->now_us >= self->canary_us)
        s_canary (self);
    if (self->now_us >= ag_hub_next_tick_us (self->hub))
        ag_hub_tick (self->hub, self->now_us);
    ag_client_t *client;
    while ((client = ag_hub_pop_ready (self->hub)))
        ag_server_ready (client);
    int64_t until_us = s_sooner (ag_server_turn (self->server, self->now_us), self->desk_wake_us);
    until_us = s_sooner (until_us, s_sooner (self->second_us, self->canary_us));
    until_us = s_sooner (until_us, ag_hub_next_tick_us (self->hub));
    if (held_back)
        until_us = s_sooner (until_us, self->full_us + HOLD_BACK_US);
    return more || self->sent ? self->now_us : until_us;
}

/*  Events come one after the other? */
static bool s_is_busy (ag_gateway_t *self)
{
    uint64_t events = ag_intake_stats (self->intake)->events;
    if (events != self->events) {
        self->busy = self->now_us - self->event_us < BUSY_US;
        self->event_us = self->now_us;
        self->events = events;
    } else if (self->now_us - self->event_us >= BUSY_US)
        self->busy = false;
    return self->busy;
}

/*  Until the bus has something; held back it stays readable, and only time passes. */
static void s_sleep (ag_gateway_t *self, int64_t wait_us)
{
    bool held_back = s_is_held_back (self);
    int64_t sleep_us = held_back ? s_sooner (wait_us, HELD_LOOK_US) : wait_us;
    struct timespec time = { .tv_nsec = sleep_us * 1000 };
    ppoll (self->bus, held_back ? 0 : AG_INTAKE_FDS, &time, NULL);
}

/*  While the bus is busy, only the bus is waited for, and sockets get a look now
    and then: a look is linear in their number, and each event would pay for one.
    False: it is time to look. */
static bool s_wait_for_bus (ag_gateway_t *self, int64_t until_us)
{
    int64_t each_us = LOOK_US + (int64_t) ag_server_connections (self->server) * LOOK_EACH_US;
    int64_t look_us = self->looked_us + s_sooner (each_us, LOOK_MAX_US);
    bool busy = s_is_busy (self) || s_is_held_back (self);
    if (!busy || self->now_us >= look_us || ag_server_wants_look (self->server) || self->stopping)
        return false;
    int64_t wait_us = s_sooner (until_us, look_us) - self->now_us;
    if (wait_us > 0)
        s_sleep (self, wait_us);
    return true;
}

int ag_gateway_run (ag_gateway_t *self)
{
    int64_t end_us = INT64_MAX;
    __atomic_store_n (&self->running, true, __ATOMIC_RELEASE);
    fprintf (stderr, "agentgate-gateway: listening on %s\n", ag_server_url (self->server));
    s_notify ("READY=1");
    while (self->now_us < end_us && !(self->stopping && !ag_server_connections (self->server))) {
        int64_t until_us = s_sooner (s_turn (self), end_us);
        if (s_wait_for_bus (self, until_us))
            continue;
        ag_server_wait (self->server, self->now_us, until_us);
        self->looked_us = ag_clock_mono_us ();
        if (!self->stopping && s_signalled (self)) {
            self->stopping = true;
            end_us = ag_clock_mono_us () + GOODBYE_US;
            s_notify ("STOPPING=1");
            ag_server_dismiss (self->server);
        }
    }
    __atomic_store_n (&self->running, false, __ATOMIC_RELEASE);
    return 0;
}
