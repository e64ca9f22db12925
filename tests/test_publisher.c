/*  tests/test_publisher.c - the writing end against a gateway led by hand, over real sockets

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The publisher turns in a thread of its own, as it does in a process of its
    own; the test is the gateway.
*/
#include "fake_gateway.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "bus/publisher.h"
#include "core/clock.h"
#include "core/mem.h"

enum { EPOCH = 9, WAIT_MS = 5000, JOURNAL_MAX = 50000 };
static const ag_str_t RUN = { "run-1", 5 };

/* ---------------------------------------------------------------------- */
/*  An executor: publisher, journal in memory, a loop in a thread */

typedef struct {
    ag_publisher_t *publisher;
    ag_event_t **journal;    /* [seq - 1] */
    uint64_t count;          /* events in the journal */
    uint64_t lost_below;     /* smaller ones are no longer held */
    uint64_t hole_from, hole_to;     /* nor are these */
    bool broken;             /* it cannot be read */
    const char *text;        /* of events, or NULL */
    uint64_t acked, resumed; /* as the callbacks said */
    int cancels;
    pthread_t thread;
    pthread_mutex_t lock;   /* all above */
    pthread_cond_t changed; /* acked, resumed or cancels */
    int wake_fd;            /* the test has put something */
    bool stopping;
} executor_t;

static int s_read (void *context, uint64_t from, uint64_t to, ag_publisher_event_fn *fn, void *fn_context)
{
    executor_t *self = context;
    uint64_t last = self->broken ? 0 : self->count;
    for (uint64_t seq = from > self->lost_below ? from : self->lost_below; seq <= to && seq <= last; seq++)
        if (seq > 0 && !(seq >= self->hole_from && seq <= self->hole_to) && !fn (fn_context, self->journal[seq - 1]))
            break;
    return self->broken ? -1 : 0;
}

static void s_acked (void *context, uint64_t seq)
{
    executor_t *self = context;
    self->acked = seq;
    pthread_cond_broadcast (&self->changed);
}

static void s_resumed (void *context, uint64_t seq)
{
    executor_t *self = context;
    self->resumed = seq;
    pthread_cond_broadcast (&self->changed);
}

static void s_cancel (void *context)
{
    executor_t *self = context;
    self->cancels++;
    pthread_cond_broadcast (&self->changed);
}

static int s_timeout_ms (int64_t when_us)
{
    int64_t now_us = ag_clock_mono_us ();
    if (when_us <= now_us)
        return 0;
    return when_us - now_us > 1000000 ? 1000 : (int) ((when_us - now_us) / 1000) + 1;
}

static void *s_loop (void *context)
{
    executor_t *self = context;
    void *sockets[8];
    size_t count = ag_publisher_sockets (self->publisher, sockets, 8);
    zmq_pollitem_t items[9] = { { .fd = self->wake_fd, .events = ZMQ_POLLIN } };
    for (size_t i = 0; i < count; i++)
        items[i + 1] = (zmq_pollitem_t){ .socket = sockets[i], .events = ZMQ_POLLIN };
    int64_t when_us = 0;
    for (;;) {
        uint64_t woken;
        zmq_poll (items, (int) count + 1, s_timeout_ms (when_us));
        if (items[0].revents && read (self->wake_fd, &woken, sizeof woken) < 0)
            abort ();
        pthread_mutex_lock (&self->lock);
        bool stopping = self->stopping;
        when_us = ag_publisher_turn (self->publisher, ag_clock_mono_us ());
        pthread_mutex_unlock (&self->lock);
        if (stopping)
            return NULL;
    }
}

static void s_wake (executor_t *self)
{
    uint64_t one = 1;
    assert_int_equal (write (self->wake_fd, &one, sizeof one), sizeof one);
}

typedef struct {
    const char *bus[2], *control[2];
    size_t count;
} endpoints_t;

static executor_t *s_executor_new (const endpoints_t *endpoints, uint64_t held, bool ended)
{
    executor_t *self = ag_calloc (1, sizeof *self);
    self->journal = ag_calloc (JOURNAL_MAX, sizeof *self->journal);
    for (; self->count < held; self->count++)
        self->journal[self->count] = event_of (RUN, EPOCH, self->count + 1, NULL);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->changed, NULL);
    self->wake_fd = eventfd (0, EFD_CLOEXEC);
    ag_publisher_options_t options = { .bus = endpoints->bus,
        .bus_count = endpoints->count,
        .control = endpoints->control,
        .control_count = endpoints->count,
        .ids = { AG_STR ("W"), RUN, false },
        .epoch = EPOCH,
        .first = held ? 1 : 0,
        .last = held,
        .ended = ended,
        .read = s_read,
        .acked_fn = s_acked,
        .resumed_fn = s_resumed,
        .cancel_fn = s_cancel,
        .context = self };
    char *error = NULL;
    self->publisher = ag_publisher_new (&options, &error);
    if (!self->publisher)
        fail_msg ("%s", error);
    assert_int_equal (pthread_create (&self->thread, NULL, s_loop, self), 0);
    return self;
}

static void s_executor_destroy (executor_t **self_p)
{
    executor_t *self = *self_p;
    pthread_mutex_lock (&self->lock);
    self->stopping = true;
    pthread_mutex_unlock (&self->lock);
    s_wake (self);
    pthread_join (self->thread, NULL);
    ag_publisher_destroy (&self->publisher);
    for (uint64_t i = 0; i < self->count; i++)
        ag_event_unref (&self->journal[i]);
    free (self->journal);
    close (self->wake_fd);
    free (self);
    *self_p = NULL;
}

static void s_put (executor_t *self, unsigned count)
{
    pthread_mutex_lock (&self->lock);
    for (; count; count--) {
        ag_event_t *event = event_of (RUN, EPOCH, self->count + 1, self->text);
        self->journal[self->count++] = event;
        ag_publisher_put (self->publisher, event);
    }
    pthread_mutex_unlock (&self->lock);
    s_wake (self);
}

static void s_end (executor_t *self)
{
    pthread_mutex_lock (&self->lock);
    ag_publisher_ended (self->publisher);
    pthread_mutex_unlock (&self->lock);
    s_wake (self);
}

/*  Waits until a number that a callback sets has a value. */
static void s_await (executor_t *self, const uint64_t *value, uint64_t wanted)
{
    struct timespec until;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock (&self->lock);
    int rc = 0;
    while (*value != wanted && rc == 0)
        rc = pthread_cond_timedwait (&self->changed, &self->lock, &until);
    uint64_t got = *value;
    pthread_mutex_unlock (&self->lock);
    assert_int_equal (got, wanted);
}

/*  Waits until the publisher is in a state. */
static void s_until (executor_t *self, bool (*state) (const ag_publisher_t *))
{
    int64_t until_us = ag_clock_mono_us () + WAIT_MS * 1000;
    bool reached = false;
    while (!reached && ag_clock_mono_us () < until_us) {
        pthread_mutex_lock (&self->lock);
        reached = state (self->publisher);
        pthread_mutex_unlock (&self->lock);
        if (!reached)
            usleep (1000);
    }
    assert_true (reached);
}

static bool s_is_refused (const ag_publisher_t *publisher)
{
    return ag_publisher_refused (publisher) != NULL;
}

/* ---------------------------------------------------------------------- */
/*  A gateway's usual answers */

typedef struct {
    char *folder;
    fake_gateway_t *gateway;
    executor_t *executor;
} world_t;

static int s_setup (void **state)
{
    world_t *world = ag_calloc (1, sizeof *world);
    world->folder = new_folder ();
    world->gateway = fake_gateway_new (world->folder);
    *state = world;
    return 0;
}

static int s_teardown (void **state)
{
    world_t *world = *state;
    if (world->executor)
        s_executor_destroy (&world->executor);
    if (world->gateway)
        fake_gateway_destroy (&world->gateway);
    remove_folder (&world->folder);
    free (world);
    return 0;
}

static endpoints_t s_endpoints (const world_t *world)
{
    return (
        endpoints_t){ { fake_gateway_bus (world->gateway) }, { fake_gateway_control_endpoint (world->gateway) }, 1 };
}

static void s_start (world_t *world, uint64_t held, bool ended)
{
    endpoints_t endpoints = s_endpoints (world);
    world->executor = s_executor_new (&endpoints, held, ended);
}

static void s_say (fake_gateway_t *gateway, ag_control_kind_t kind, uint64_t number)
{
    ag_control_t message = {
        .kind = kind, .version = AG_CONTROL_VERSION, .stream = RUN, .epoch = EPOCH, .durable = number, .resume = number
    };
    fake_gateway_say (gateway, &message);
}

static void s_say_resend (fake_gateway_t *gateway, uint64_t from, uint64_t to, uint64_t max_bytes)
{
    ag_control_t message = {
        .kind = AG_CONTROL_RESEND, .stream = RUN, .epoch = EPOCH, .from = from, .to = to, .max_bytes = max_bytes
    };
    fake_gateway_say (gateway, &message);
}

static ag_control_t s_expect (fake_gateway_t *gateway, ag_control_kind_t kind)
{
    fake_message_t message = fake_gateway_control_but (
        gateway, kind == AG_CONTROL_HEARTBEAT ? AG_CONTROL_UNKNOWN + AG_CONTROL_COUNT : AG_CONTROL_HEARTBEAT, WAIT_MS);
    assert_string_equal (ag_control_name (message.kind), ag_control_name (kind));
    if (kind != AG_CONTROL_EVENT) {
        assert_true (ag_str_eq (message.control.stream, RUN));
        assert_int_equal (message.control.epoch, EPOCH);
    }
    return message.control;
}

/*  HELLO and WELCOME. */
static void s_greet (fake_gateway_t *gateway, uint64_t resume)
{
    s_expect (gateway, AG_CONTROL_HELLO);
    s_say (gateway, AG_CONTROL_WELCOME, resume);
}

/*  Reads a whole window; the number of its events. */
static uint64_t s_window (fake_gateway_t *gateway, uint64_t from, ag_control_t *resent_r)
{
    uint64_t next = from, bytes = 0;
    for (;;) {
        fake_message_t message = fake_gateway_control_but (gateway, AG_CONTROL_HEARTBEAT, WAIT_MS);
        if (message.kind == AG_CONTROL_RESENT) {
            *resent_r = message.control;
            assert_true (bytes <= AG_RESEND_MAX_BYTES);
            return next - from;
        }
        assert_int_equal (message.kind, AG_CONTROL_EVENT);
        assert_int_equal (ag_event_seq (message.event), next);
        bytes += ag_event_encoded (message.event).len;
        next++;
    }
}

static void s_expect_events (fake_gateway_t *gateway, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++) {
        ag_event_t *event = fake_gateway_event (gateway, WAIT_MS);
        if (!event)
            fail_msg ("event %llu does not come", (unsigned long long) seq);
        assert_int_equal (ag_event_seq (event), seq);
        assert_int_equal (ag_event_epoch (event), EPOCH);
    }
}

/* ---------------------------------------------------------------------- */
/*  Data */

static void test_events_before_the_subscription_are_not_lost (void **state)
{
    world_t *world = *state;
    fake_gateway_subscribe (world->gateway);
    s_start (world, 0, false);
    s_put (world->executor, 300);
    s_expect_events (world->gateway, 1, 300);
    s_put (world->executor, 1);
    s_expect_events (world->gateway, 301, 301);
}

static void test_nobody_subscribes_and_nothing_waits (void **state)
{
    world_t *world = *state;
    s_start (world, 0, false);
    int64_t began_us = ag_clock_mono_us ();
    s_put (world->executor, 10);
    s_until (world->executor, ag_publisher_drained);
    int64_t took_us = ag_clock_mono_us () - began_us;
    assert_true (took_us > 100000 && took_us < 2000000);
}

static void test_a_late_subscriber_starts_with_what_comes (void **state)
{
    world_t *world = *state;
    s_start (world, 0, false);
    s_put (world->executor, 10);
    s_until (world->executor, ag_publisher_drained);
    s_put (world->executor, 1);
    fake_gateway_subscribe (world->gateway);
    /*  The subscription needs its time to arrive; events 12 and on are put until one does. */
    ag_event_t *event;
    do {
        s_put (world->executor, 1);
        event = fake_gateway_event (world->gateway, 20);
    } while (!event && world->executor->count < 500);
    assert_non_null (event);
    assert_true (ag_event_seq (event) >= 12);
}

/*  More than both queues hold: the cursor waits and goes on from the journal. */
static void test_a_burst_beyond_the_queues_comes_whole (void **state)
{
    world_t *world = *state;
    fake_gateway_subscribe (world->gateway);
    s_start (world, 0, false);
    /*  A SUB sends its subscription from the thread that uses it: let it. */
    s_put (world->executor, 1);
    s_expect_events (world->gateway, 1, 1);
    for (int i = 0; i < 20; i++)
        s_put (world->executor, 500);
    s_expect_events (world->gateway, 2, 10001);
}

static void test_events_of_before_are_not_published_again (void **state)
{
    world_t *world = *state;
    fake_gateway_subscribe (world->gateway);
    s_start (world, 5, false);
    s_put (world->executor, 2);
    s_expect_events (world->gateway, 6, 7);
}

/* ---------------------------------------------------------------------- */
/*  Control */

static void test_hello_tells_all (void **state)
{
    world_t *world = *state;
    s_start (world, 3, true);
    ag_control_t hello = s_expect (world->gateway, AG_CONTROL_HELLO);
    assert_int_equal (hello.version, AG_CONTROL_VERSION);
    assert_true (ag_str_is (hello.work_order, "W"));
    assert_true (ag_str_eq (hello.run, RUN));
    assert_int_equal (hello.first, 1);
    assert_int_equal (hello.last, 3);
    assert_true (hello.ended);
}

static void test_hello_is_said_until_welcomed_then_heartbeats (void **state)
{
    world_t *world = *state;
    s_start (world, 0, false);
    s_expect (world->gateway, AG_CONTROL_HELLO);
    s_expect (world->gateway, AG_CONTROL_HELLO);
    s_say (world->gateway, AG_CONTROL_WELCOME, 0);
    s_put (world->executor, 4);
    ag_control_t beat = s_expect (world->gateway, AG_CONTROL_HEARTBEAT);
    assert_int_equal (beat.first, 1);
    assert_int_equal (beat.last, 4);
    s_until (world->executor, ag_publisher_answered);
}

static void test_goodbye_comes_at_once_with_the_head (void **state)
{
    world_t *world = *state;
    s_start (world, 0, false);
    s_greet (world->gateway, 0);
    s_expect (world->gateway, AG_CONTROL_HEARTBEAT);
    s_put (world->executor, 7);
    s_end (world->executor);
    assert_int_equal (s_expect (world->gateway, AG_CONTROL_GOODBYE).last, 7);
}

static void test_resend_in_windows (void **state)
{
    world_t *world = *state;
    s_start (world, 2000, false);
    s_greet (world->gateway, 0);
    ag_control_t resent;
    s_say_resend (world->gateway, 1, UINT64_MAX, 10000);
    uint64_t count = s_window (world->gateway, 1, &resent);
    assert_true (count > 20 && count < 200);
    assert_int_equal (resent.from, 1);
    assert_int_equal (resent.to, count);
    assert_int_equal (resent.first, 1);
    for (uint64_t next = resent.to + 1; next <= 2000; next = resent.to + 1) {
        s_say_resend (world->gateway, next, 2000, AG_RESEND_MAX_BYTES);
        assert_true (s_window (world->gateway, next, &resent) > 0);
    }
    assert_int_equal (resent.to, 2000);
}

static void test_a_window_gives_one_event_however_small (void **state)
{
    world_t *world = *state;
    s_start (world, 3, false);
    s_greet (world->gateway, 0);
    ag_control_t resent;
    s_say_resend (world->gateway, 2, 3, 1);
    assert_int_equal (s_window (world->gateway, 2, &resent), 1);
    assert_int_equal (resent.to, 2);
}

static void test_what_is_lost_is_said_to_be_lost (void **state)
{
    world_t *world = *state;
    s_start (world, 20, false);
    pthread_mutex_lock (&world->executor->lock);
    world->executor->lost_below = 15;
    ag_publisher_set_first (world->executor->publisher, 15);
    pthread_mutex_unlock (&world->executor->lock);
    s_greet (world->gateway, 0);
    ag_control_t resent;
    s_say_resend (world->gateway, 3, 9, 0);
    assert_int_equal (s_window (world->gateway, 3, &resent), 0);
    assert_int_equal (resent.from, 3);
    assert_int_equal (resent.gone, 9);
    assert_int_equal (resent.to, 9);
    assert_int_equal (resent.first, 15);
    s_say_resend (world->gateway, 12, 20, 0);
    assert_int_equal (fake_gateway_control_but (world->gateway, AG_CONTROL_HEARTBEAT, WAIT_MS).kind, AG_CONTROL_EVENT);
    for (uint64_t seq = 16; seq <= 20; seq++)
        assert_int_equal (ag_event_seq (fake_gateway_control_but (world->gateway, AG_CONTROL_HEARTBEAT, WAIT_MS).event), seq);
    resent = s_expect (world->gateway, AG_CONTROL_RESENT);
    assert_int_equal (resent.from, 12);
    assert_int_equal (resent.gone, 14);
    assert_int_equal (resent.to, 20);
}

/*  Only what is in front of a window's events is said to be gone; a hole behind them is the next window's. */
static void test_a_hole_in_the_journal_ends_a_window (void **state)
{
    world_t *world = *state;
    s_start (world, 20, false);
    pthread_mutex_lock (&world->executor->lock);
    world->executor->hole_from = 5;
    world->executor->hole_to = 17;
    pthread_mutex_unlock (&world->executor->lock);
    s_greet (world->gateway, 0);
    ag_control_t resent;
    s_say_resend (world->gateway, 1, 20, 0);
    assert_int_equal (s_window (world->gateway, 1, &resent), 4);
    assert_int_equal (resent.gone, 0);
    assert_int_equal (resent.to, 4);
    s_say_resend (world->gateway, 5, 17, 0);
    assert_int_equal (s_window (world->gateway, 5, &resent), 0);
    assert_int_equal (resent.gone, 17);
}

static void s_break_journal (executor_t *executor, bool broken)
{
    pthread_mutex_lock (&executor->lock);
    executor->broken = broken;
    pthread_mutex_unlock (&executor->lock);
}

/*  A journal that cannot be read now has lost nothing. */
static void test_a_journal_that_cannot_be_read_says_nothing_of_what_it_holds (void **state)
{
    world_t *world = *state;
    s_start (world, 20, false);
    s_break_journal (world->executor, true);
    s_greet (world->gateway, 0);
    ag_control_t resent;
    s_say_resend (world->gateway, 7, 20, 0);
    assert_int_equal (s_window (world->gateway, 7, &resent), 0);
    assert_int_equal (resent.from, 7);
    assert_int_equal (resent.to, 6);
    assert_int_equal (resent.gone, 0);
    s_break_journal (world->executor, false);
    s_say_resend (world->gateway, 7, 20, 0);
    assert_int_equal (s_window (world->gateway, 7, &resent), 14);
}

static void test_acks_reach_the_journal (void **state)
{
    world_t *world = *state;
    s_start (world, 10, false);
    s_greet (world->gateway, 4);
    s_await (world->executor, &world->executor->resumed, 4);
    s_await (world->executor, &world->executor->acked, 4);
    s_say (world->gateway, AG_CONTROL_ACK, 10);
    s_await (world->executor, &world->executor->acked, 10);
    assert_int_equal (ag_publisher_acked (world->executor->publisher), 10);
}

static void test_cancel (void **state)
{
    world_t *world = *state;
    s_start (world, 0, false);
    s_greet (world->gateway, 0);
    s_say (world->gateway, AG_CONTROL_CANCEL, 0);
    ag_control_t ask = { .kind = AG_CONTROL_WHO, .stream = RUN, .epoch = EPOCH };
    fake_gateway_say (world->gateway, &ask);
    s_expect (world->gateway, AG_CONTROL_HELLO);
    assert_int_equal (world->executor->cancels, 1);
}

static void test_refused_publishes_nothing (void **state)
{
    world_t *world = *state;
    fake_gateway_subscribe (world->gateway);
    s_start (world, 0, false);
    s_expect (world->gateway, AG_CONTROL_HELLO);
    ag_control_t welcome = { .kind = AG_CONTROL_WELCOME, .stream = RUN, .epoch = EPOCH, .conflict = true };
    fake_gateway_say (world->gateway, &welcome);
    s_until (world->executor, s_is_refused);
    s_put (world->executor, 5);
    assert_null (fake_gateway_event (world->gateway, 50));
    assert_non_null (strstr (ag_publisher_refused (world->executor->publisher), "another live writer"));
}

/* ---------------------------------------------------------------------- */
/*  Gateways that come and go */

static void test_a_gateway_that_comes_later_gets_all (void **state)
{
    world_t *world = *state;
    endpoints_t endpoints = s_endpoints (world);
    char *bus = ag_strdup (endpoints.bus[0]), *control = ag_strdup (endpoints.control[0]);
    fake_gateway_destroy (&world->gateway);
    endpoints_t kept = { { bus }, { control }, 1 };
    world->executor = s_executor_new (&kept, 0, false);
    s_put (world->executor, 50);
    s_until (world->executor, ag_publisher_drained);
    world->gateway = fake_gateway_new (world->folder);
    ag_control_t hello = s_expect (world->gateway, AG_CONTROL_HELLO);
    assert_int_equal (hello.last, 50);
    s_say (world->gateway, AG_CONTROL_WELCOME, 0);
    ag_control_t resent;
    s_say_resend (world->gateway, 1, hello.last, 0);
    assert_int_equal (s_window (world->gateway, 1, &resent), 50);
    free (bus);
    free (control);
}

static void test_a_gateway_that_comes_back_is_greeted_again (void **state)
{
    world_t *world = *state;
    s_start (world, 3, false);
    s_greet (world->gateway, 3);
    s_await (world->executor, &world->executor->acked, 3);
    fake_gateway_destroy (&world->gateway);
    world->gateway = fake_gateway_new (world->folder);
    /*  Either the executor noticed (HELLO), or its heartbeat came first and is asked who that is. */
    fake_message_t first = fake_gateway_control (world->gateway, WAIT_MS);
    if (first.kind == AG_CONTROL_HEARTBEAT) {
        ag_control_t ask = { .kind = AG_CONTROL_WHO, .stream = RUN, .epoch = EPOCH };
        fake_gateway_say (world->gateway, &ask);
        s_expect (world->gateway, AG_CONTROL_HELLO);
    } else
        assert_int_equal (first.kind, AG_CONTROL_HELLO);
    s_say (world->gateway, AG_CONTROL_WELCOME, 0);
    ag_control_t resent;
    s_say_resend (world->gateway, 1, 3, 0);
    assert_int_equal (s_window (world->gateway, 1, &resent), 3);
}

static void test_two_gateways_each_with_its_position (void **state)
{
    world_t *world = *state;
    char *folder = path_in (world->folder, "second");
    assert_int_equal (mkdir (folder, 0700), 0);
    fake_gateway_t *second = fake_gateway_new (folder);
    endpoints_t both = { { fake_gateway_bus (world->gateway), fake_gateway_bus (second) },
        { fake_gateway_control_endpoint (world->gateway), fake_gateway_control_endpoint (second) }, 2 };
    fake_gateway_subscribe (world->gateway);
    fake_gateway_subscribe (second);
    world->executor = s_executor_new (&both, 0, false);
    s_put (world->executor, 20);
    s_expect_events (world->gateway, 1, 20);
    s_expect_events (second, 1, 20);
    s_greet (world->gateway, 1);
    s_await (world->executor, &world->executor->resumed, 1);
    s_greet (second, 2);
    s_await (world->executor, &world->executor->resumed, 2);
    s_say (world->gateway, AG_CONTROL_ACK, 20);
    s_say (second, AG_CONTROL_ACK, 5);
    s_await (world->executor, &world->executor->acked, 5);
    s_say (second, AG_CONTROL_ACK, 20);
    s_await (world->executor, &world->executor->acked, 20);
    fake_gateway_destroy (&second);
    free (folder);
}

/*  A gateway that reads nothing: the publisher goes on, its memory is bounded by the queues. */
static void test_a_stuck_gateway_holds_nothing_up (void **state)
{
    world_t *world = *state;
    fake_gateway_subscribe (world->gateway);
    s_start (world, 0, false);
    s_put (world->executor, 1);
    s_expect_events (world->gateway, 1, 1);
    int64_t began_us = ag_clock_mono_us ();
    for (int i = 0; i < 40; i++)
        s_put (world->executor, 500);
    assert_true (ag_clock_mono_us () - began_us < 5000000);
    assert_false (ag_publisher_drained (world->executor->publisher));
    s_expect_events (world->gateway, 2, 20001);
}

/* ---------------------------------------------------------------------- */
/*  A gateway that is none */

static void test_hostile_frames_do_no_harm (void **state)
{
    world_t *world = *state;
    unsigned seed = seed_of_test (__func__);
    srand (seed);
    s_start (world, 10, false);
    s_greet (world->gateway, 0);
    for (int round = 0; round < 2000; round++) {
        char bytes[6][64];
        ag_str_t frames[6];
        size_t count = 1 + (size_t) rand () % 6;
        for (size_t i = 0; i < count; i++) {
            frames[i] = (ag_str_t){ bytes[i], (size_t) rand () % sizeof bytes[i] };
            for (size_t k = 0; k < frames[i].len; k++)
                bytes[i][k] = (char) rand ();
        }
        if (round % 2) {
            const char *name = ag_control_name ((ag_control_kind_t) (1 + rand () % (AG_CONTROL_COUNT - 1)));
            frames[0] = (ag_str_t){ name, strlen (name) };
        }
        fake_gateway_say_frames (world->gateway, frames, count);
    }
    /*  And well-formed nonsense. */
    s_say_resend (world->gateway, 0, 0, 0);
    s_say_resend (world->gateway, 9, 3, 0);
    s_say_resend (world->gateway, 11, UINT64_MAX, UINT64_MAX);
    s_say (world->gateway, AG_CONTROL_ACK, UINT64_MAX);
    ag_control_t other = { .kind = AG_CONTROL_CANCEL, .stream = AG_STR ("run-2"), .epoch = EPOCH };
    fake_gateway_say (world->gateway, &other);
    other = (ag_control_t){ .kind = AG_CONTROL_CANCEL, .stream = RUN, .epoch = EPOCH + 1 };
    fake_gateway_say (world->gateway, &other);
    ag_control_t resent;
    s_say_resend (world->gateway, 1, 10, 0);
    assert_int_equal (s_window (world->gateway, 1, &resent), 10);
    assert_int_equal (world->executor->cancels, 0);
    assert_int_equal (world->executor->acked, 0);
}

static void test_endpoints_that_cannot_be (void **state)
{
    (void) state;
    static const char *const wrong[] = { "nonsense", "@ipc:///nowhere/at/all" };
    for (size_t i = 0; i < 2; i++) {
        const char *bus[1] = { wrong[i] };
        ag_publisher_options_t options = {
            .bus = bus, .bus_count = 1, .ids = { AG_STR ("W"), RUN, false }, .epoch = 1
        };
        char *error = NULL;
        assert_null (ag_publisher_new (&options, &error));
        assert_non_null (strstr (error, wrong[i] + (wrong[i][0] == '@')));
        free (error);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_events_before_the_subscription_are_not_lost),
        TEST (test_nobody_subscribes_and_nothing_waits),
        TEST (test_a_late_subscriber_starts_with_what_comes),
        TEST (test_a_burst_beyond_the_queues_comes_whole),
        TEST (test_events_of_before_are_not_published_again),
        TEST (test_hello_tells_all),
        TEST (test_hello_is_said_until_welcomed_then_heartbeats),
        TEST (test_goodbye_comes_at_once_with_the_head),
        TEST (test_resend_in_windows),
        TEST (test_a_window_gives_one_event_however_small),
        TEST (test_what_is_lost_is_said_to_be_lost),
        TEST (test_a_hole_in_the_journal_ends_a_window),
        TEST (test_a_journal_that_cannot_be_read_says_nothing_of_what_it_holds),
        TEST (test_acks_reach_the_journal),
        TEST (test_cancel),
        TEST (test_refused_publishes_nothing),
        TEST (test_a_gateway_that_comes_later_gets_all),
        TEST (test_a_gateway_that_comes_back_is_greeted_again),
        TEST (test_two_gateways_each_with_its_position),
        TEST (test_a_stuck_gateway_holds_nothing_up),
        TEST (test_hostile_frames_do_no_harm),
        cmocka_unit_test (test_endpoints_that_cannot_be),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
