/*  tests/test_bus.c - writers, subscribers, owed journals and keys, over real sockets

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "fake_gateway.h"

#include <agentgate/subscriber.h>
#include <agentgate/writer.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bus/curve.h"
#include "bus/debt.h"
#include "bus/frames.h"
#include "bus/heads.h"
#include "bus/owed.h"
#include "core/clock.h"
#include "core/mem.h"
#include "store/store.h"

enum { WAIT_MS = 5000, EPOCH = 5 };
static const ag_str_t WORK_ORDER = { "W", 1 }, RUN = { "run-1", 5 };

/* ---------------------------------------------------------------------- */
/*  A gateway that does what a gateway does: welcomes, asks for what it lacks,
    acknowledges. In a thread; stops when it is told. */

typedef struct {
    char *folder;
    fake_gateway_t *bus;
    uint64_t held;      /* told in WELCOME; then the last event that came in order */
    uint64_t ack_limit; /* it acknowledges no more than that */
    ag_buf_t seqs;      /* "1 2 3 ": what came by RESEND, in order */
    char last_type[40]; /* of the last event */
    bool goodbye;       /* was heard */
    bool stopping;
    pthread_t thread;
    pthread_mutex_t lock;
} gateway_t;

static void s_answer (gateway_t *self, const fake_message_t *message, ag_control_kind_t kind, uint64_t to)
{
    ag_control_t answer = { .kind = kind,
        .version = AG_CONTROL_VERSION,
        .stream = message->control.stream,
        .epoch = message->control.epoch,
        .resume = self->held,
        .durable = self->held,
        .from = self->held + 1,
        .to = to };
    fake_gateway_say (self->bus, &answer);
}

static void s_note_head (gateway_t *self, const fake_message_t *message)
{
    if (message->control.last > self->held)
        s_answer (self, message, AG_CONTROL_RESEND, message->control.last);
    else if (self->held <= self->ack_limit)
        s_answer (self, message, AG_CONTROL_ACK, 0);
}

static void s_note_event (gateway_t *self, ag_event_t *event)
{
    self->held = ag_event_seq (event);
    ag_buf_printf (&self->seqs, "%llu ", (unsigned long long) self->held);
    snprintf (
        self->last_type, sizeof self->last_type, "%.*s", (int) ag_event_type (event).len, ag_event_type (event).ptr);
}

static void s_serve (gateway_t *self, const fake_message_t *message)
{
    switch (message->kind) {
    case AG_CONTROL_HELLO:
        s_answer (self, message, AG_CONTROL_WELCOME, 0);
        s_note_head (self, message);
        break;
    case AG_CONTROL_EVENT:
        s_note_event (self, message->event);
        break;
    case AG_CONTROL_RESENT:
        if (self->held <= self->ack_limit)
            s_answer (self, message, AG_CONTROL_ACK, 0);
        break;
    case AG_CONTROL_GOODBYE:
        self->goodbye = true;
        s_note_head (self, message);
        break;
    case AG_CONTROL_HEARTBEAT:
        s_note_head (self, message);
        break;
    default:
        break;
    }
}

static void *s_gateway_loop (void *context)
{
    gateway_t *self = context;
    bool stopping = false;
    while (!stopping) {
        fake_message_t message = fake_gateway_control (self->bus, 20);
        pthread_mutex_lock (&self->lock);
        s_serve (self, &message);
        stopping = self->stopping;
        pthread_mutex_unlock (&self->lock);
    }
    return NULL;
}

static void s_gateway_start (gateway_t *self, uint64_t held, uint64_t ack_limit)
{
    self->held = held;
    self->ack_limit = ack_limit;
    self->bus = fake_gateway_new (self->folder);
    pthread_mutex_init (&self->lock, NULL);
    assert_int_equal (pthread_create (&self->thread, NULL, s_gateway_loop, self), 0);
}

static void s_gateway_stop (gateway_t *self)
{
    if (!self->bus)
        return;
    pthread_mutex_lock (&self->lock);
    self->stopping = true;
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->thread, NULL);
    fake_gateway_destroy (&self->bus);
}

static int s_setup (void **state)
{
    gateway_t *self = ag_calloc (1, sizeof *self);
    self->folder = new_folder ();
    *state = self;
    return 0;
}

static int s_teardown (void **state)
{
    gateway_t *self = *state;
    s_gateway_stop (self);
    ag_buf_free (&self->seqs);
    remove_folder (&self->folder);
    free (self);
    return 0;
}

/* ---------------------------------------------------------------------- */
/*  Writer */

static ag_writer_t *s_writer (const char *folder, const ag_ids_t *ids, char **error_r)
{
    char *journal = path_in (folder, "run.db");
    char *bus = ag_asprintf ("ipc://%s/bus", folder), *control = ag_asprintf ("ipc://%s/control", folder);
    const char *buses[1] = { bus }, *controls[1] = { control };
    ag_writer_options_t options = {
        .journal = journal, .ids = *ids, .bus = buses, .bus_count = 1, .control = controls, .control_count = 1
    };
    ag_writer_t *writer = ag_writer_open (&options, error_r);
    int saved = errno;
    free (journal);
    free (bus);
    free (control);
    errno = saved;
    return writer;
}

static ag_writer_t *s_writer_of_work_order (const char *folder)
{
    char *error = NULL;
    ag_writer_t *writer = s_writer (folder, &(ag_ids_t){ .work_order = WORK_ORDER }, &error);
    if (!writer)
        fail_msg ("%s", error);
    return writer;
}

static uint64_t s_put_status (ag_writer_t *writer, const char *status)
{
    char *error = NULL;
    ag_draft_t *draft = ag_draft_new (AG_WORK_ORDER_UPDATED);
    ag_draft_set_text (draft, AG_F_STATUS, status);
    uint64_t seq = ag_writer_put (writer, draft, &error);
    if (!seq)
        fail_msg ("%s", error);
    ag_draft_destroy (&draft);
    return seq;
}

static void test_what_is_written_is_acknowledged (void **state)
{
    gateway_t *gateway = *state;
    s_gateway_start (gateway, 0, UINT64_MAX);
    ag_writer_t *writer = s_writer_of_work_order (gateway->folder);
    assert_int_equal (s_put_status (writer, "running"), 1);
    assert_int_equal (s_put_status (writer, "done"), 2);
    assert_true (ag_writer_flush (writer, WAIT_MS));
    assert_int_equal (ag_writer_acked (writer), 2);
    assert_true (ag_writer_close (&writer, WAIT_MS));
    assert_null (writer);
    s_gateway_stop (gateway);
    assert_string_equal (ag_buf_cstr (&gateway->seqs), "1 2 ");
    assert_true (gateway->goodbye);
}

static void test_no_gateway_and_it_is_still_in_the_journal (void **state)
{
    gateway_t *gateway = *state;
    ag_writer_t *writer = s_writer_of_work_order (gateway->folder);
    s_put_status (writer, "running");
    assert_false (ag_writer_close (&writer, WAIT_MS));
    s_gateway_start (gateway, 0, UINT64_MAX);
    writer = s_writer_of_work_order (gateway->folder);
    assert_int_equal (s_put_status (writer, "done"), 2);
    assert_true (ag_writer_close (&writer, WAIT_MS));
    s_gateway_stop (gateway);
    assert_string_equal (ag_buf_cstr (&gateway->seqs), "1 2 ");
}

/*  A journal that lost its last second: its writer takes numbers that nobody has. */
static void test_numbers_go_on_behind_what_a_gateway_has (void **state)
{
    gateway_t *gateway = *state;
    ag_writer_t *writer = s_writer_of_work_order (gateway->folder);
    s_put_status (writer, "running");
    ag_writer_close (&writer, 0);
    s_gateway_start (gateway, 7, UINT64_MAX);
    writer = s_writer_of_work_order (gateway->folder);
    assert_int_equal (s_put_status (writer, "done"), 8);
    assert_true (ag_writer_close (&writer, WAIT_MS));
}

static void test_one_writer_of_a_journal (void **state)
{
    gateway_t *gateway = *state;
    ag_writer_t *writer = s_writer_of_work_order (gateway->folder);
    char *error = NULL;
    assert_null (s_writer (gateway->folder, &(ag_ids_t){ .work_order = WORK_ORDER }, &error));
    assert_int_equal (errno, EBUSY);
    assert_non_null (strstr (error, "in use by process"));
    free (error);
    ag_writer_close (&writer, 0);
}

static void test_a_run_that_has_ended_is_not_continued (void **state)
{
    gateway_t *gateway = *state;
    ag_ids_t ids = { WORK_ORDER, RUN, false };
    char *error = NULL;
    ag_writer_t *writer = s_writer (gateway->folder, &ids, &error);
    assert_non_null (writer);
    ag_draft_t *draft = ag_draft_new (AG_RUN_COMPLETED);
    assert_int_equal (ag_writer_put (writer, draft, &error), 0);
    assert_non_null (strstr (error, "durationMs"));
    free (error);
    ag_draft_set_integer (draft, AG_F_DURATION_MS, 1);
    ag_draft_set_integer (draft, AG_F_EXIT_CODE, 0);
    assert_int_equal (ag_writer_put (writer, draft, &error), 1);
    ag_draft_destroy (&draft);
    ag_writer_close (&writer, 0);
    assert_null (s_writer (gateway->folder, &ids, &error));
    assert_int_equal (errno, EEXIST);
    free (error);
}

/* ---------------------------------------------------------------------- */
/*  Subscriber */

static void *s_bound_xpub (void *context, const char *endpoint)
{
    char *error = NULL;
    void *socket = ag_socket_open (context, ZMQ_XPUB, &error);
    assert_int_equal (ag_socket_attach (socket, endpoint, AG_SOCKET_BIND, NULL, &error), 0);
    return socket;
}

/*  A SUB sends its subscription from the thread that uses it, so it is used meanwhile. */
static void s_await_subscription (void *xpub, ag_subscriber_t *subscriber)
{
    char topic[200];
    ag_received_t received;
    int64_t until_us = ag_clock_mono_us () + WAIT_MS * 1000;
    while (zmq_recv (xpub, topic, sizeof topic, ZMQ_DONTWAIT) < 0) {
        assert_true (ag_clock_mono_us () < until_us);
        assert_int_equal (ag_subscriber_next (subscriber, 5, &received), 0);
    }
}

static void s_publish (void *socket, ag_event_t *event)
{
    ag_buf_t topic = { 0 };
    ag_frames_t frames;
    ag_frames_of (&frames, event, &topic);
    assert_true (ag_socket_send (socket, frames.view, 3));
    ag_buf_free (&topic);
    ag_event_unref (&event);
}

static ag_received_t s_next (ag_subscriber_t *subscriber, uint64_t seq)
{
    ag_received_t received;
    assert_int_equal (ag_subscriber_next (subscriber, WAIT_MS, &received), 1);
    assert_int_equal (ag_event_seq (received.event), seq);
    ag_event_unref (&received.event);
    return received;
}

static void test_a_subscriber_sees_holes_and_skips_what_is_no_event (void **state)
{
    gateway_t *gateway = *state;
    void *context = zmq_ctx_new ();
    char *endpoint = ag_asprintf ("ipc://%s/republish", gateway->folder), *error = NULL;
    void *xpub = s_bound_xpub (context, endpoint);
    const char *endpoints[1] = { endpoint };
    ag_subscriber_t *subscriber =
        ag_subscriber_new (&(ag_subscriber_options_t){ .endpoints = endpoints, .endpoint_count = 1 }, &error);
    assert_non_null (subscriber);
    ag_received_t received;
    s_await_subscription (xpub, subscriber);
    s_publish (xpub, event_of (RUN, EPOCH, 3, NULL));
    zmq_send (xpub, "agentgate/1/nonsense", 20, 0);
    s_publish (xpub, event_of (RUN, EPOCH, 4, NULL));
    s_publish (xpub, event_of (RUN, EPOCH, 7, NULL));
    s_publish (xpub, event_of (RUN, EPOCH, 5, NULL));
    assert_int_equal (s_next (subscriber, 3).missed_from, 0);
    assert_int_equal (s_next (subscriber, 4).missed_from, 0);
    received = s_next (subscriber, 7);
    assert_int_equal (received.missed_from, 5);
    assert_int_equal (received.missed_to, 6);
    assert_true (s_next (subscriber, 5).repeated);
    assert_int_equal (ag_subscriber_malformed (subscriber), 1);
    ag_subscriber_destroy (&subscriber);
    zmq_close (xpub);
    zmq_ctx_term (context);
    free (endpoint);
}

/*  Writer and subscriber meet without a gateway: the subscriber binds. */
static void test_a_subscriber_that_was_there_first_gets_all (void **state)
{
    gateway_t *gateway = *state;
    char *there = ag_asprintf ("@ipc://%s/bus", gateway->folder), *error = NULL;
    const char *endpoints[1] = { there };
    ag_subscriber_t *subscriber = ag_subscriber_new (
        &(ag_subscriber_options_t){ .endpoints = endpoints, .endpoint_count = 1, .work_order = WORK_ORDER }, &error);
    assert_non_null (subscriber);
    ag_writer_t *writer = s_writer_of_work_order (gateway->folder);
    for (int i = 0; i < 50; i++)
        s_put_status (writer, "running");
    for (uint64_t seq = 1; seq <= 50; seq++) {
        ag_received_t received;
        int64_t until_us = ag_clock_mono_us () + WAIT_MS * 1000;
        while (ag_subscriber_next (subscriber, 0, &received) != 1) {
            assert_true (ag_clock_mono_us () < until_us);
            ag_writer_turn (writer, 5);
        }
        assert_int_equal (ag_event_seq (received.event), seq);
        assert_int_equal (ag_event_epoch (received.event), ag_writer_epoch (writer));
        ag_event_unref (&received.event);
    }
    ag_writer_close (&writer, 0);
    ag_subscriber_destroy (&subscriber);
    free (there);
}

static void test_heads (void **state)
{
    (void) state;
    ag_heads_t *heads = ag_heads_new ();
    static const struct {
        uint64_t epoch, seq, from, to;
        bool repeated;
    } steps[] = {
        { 5, 10, 0, 0, false },
        { 5, 11, 0, 0, false },
        { 5, 20, 12, 19, false },
        { 5, 15, 0, 0, true },
        { 5, 21, 0, 0, false },
        { 4, 99, 0, 0, false },
        { 6, 1, 0, 0, false },
        { 6, 3, 2, 2, false },
        { 5, 22, 0, 0, false },
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        ag_event_t *event = event_of (RUN, steps[i].epoch, steps[i].seq, NULL);
        ag_received_t received = { .event = event };
        ag_heads_note (heads, event, &received);
        assert_int_equal (received.missed_from, steps[i].from);
        assert_int_equal (received.missed_to, steps[i].to);
        assert_int_equal (received.repeated, steps[i].repeated);
        ag_event_unref (&event);
    }
    ag_heads_destroy (&heads);
}

static void test_heads_are_bounded (void **state)
{
    (void) state;
    ag_heads_t *heads = ag_heads_new ();
    for (int i = 0; i < AG_HEADS_MAX + 10; i++) {
        char name[16];
        int len = snprintf (name, sizeof name, "%d", i);
        ag_event_t *event = event_of ((ag_str_t){ name, (size_t) len }, EPOCH, 1, NULL);
        ag_received_t received = { .event = event };
        ag_heads_note (heads, event, &received);
        ag_event_unref (&event);
    }
    assert_true (ag_heads_count (heads) <= AG_HEADS_MAX);
    ag_heads_destroy (&heads);
}

/* ---------------------------------------------------------------------- */
/*  Owed */

static char *s_owing_folder (const char *state_dir, const char *name)
{
    char *runs = path_in (state_dir, "runs");
    char *folder = path_in (runs, name);
    mkdir (runs, 0700);
    assert_int_equal (mkdir (folder, 0700), 0);
    assert_int_equal (ag_owed_mark (folder), 0);
    free (runs);
    return folder;
}

static ag_store_t *s_journal (const char *folder, ag_store_mode_t mode)
{
    char *path = path_in (folder, "run.db"), *error = NULL;
    ag_store_t *store = ag_store_open (path, mode, &error);
    if (!store)
        fail_msg ("%s", error);
    free (path);
    return store;
}

/*  A run of `count` events, with or without its end as the last of them. */
static char *s_owing_run (const char *state_dir, const char *name, uint64_t count, bool ended)
{
    char *folder = s_owing_folder (state_dir, name);
    ag_store_t *journal = s_journal (folder, AG_STORE_CREATE);
    ag_str_t run = { name, strlen (name) };
    for (uint64_t seq = 1; seq <= count; seq++) {
        ag_event_t *event = seq == count && ended ? event_ending (run, EPOCH, seq) : event_of (run, EPOCH, seq, NULL);
        assert_int_equal (ag_store_append (journal, event), 0);
        ag_event_unref (&event);
    }
    ag_store_close (&journal);
    return folder;
}

static ag_owed_result_t s_deliver_to (const char *state_dir, const char *const *controls, size_t count, int64_t answer_us,
    int64_t patience_us)
{
    ag_owed_options_t options = { .state_dir = state_dir,
        .control = controls,
        .control_count = count,
        .answer_us = answer_us,
        .patience_us = patience_us };
    ag_owed_t *owed = ag_owed_new (&options);
    int64_t when_us;
    while ((when_us = ag_owed_turn (owed, ag_clock_mono_us ())) != INT64_MAX) {
        int64_t now_us = ag_clock_mono_us ();
        if (when_us > now_us)
            usleep ((useconds_t) (when_us - now_us));
    }
    ag_owed_result_t result;
    ag_owed_result (owed, &result);
    ag_owed_destroy (&owed);
    return result;
}

static ag_owed_result_t s_deliver (const gateway_t *gateway, int64_t answer_us, int64_t patience_us)
{
    char *control = ag_asprintf ("ipc://%s/control", gateway->folder);
    const char *controls[1] = { control };
    ag_owed_result_t result = s_deliver_to (gateway->folder, controls, 1, answer_us, patience_us);
    free (control);
    return result;
}

static bool s_is_owed (const char *folder)
{
    char *mark = path_in (folder, "owed");
    bool owed = access (mark, F_OK) == 0;
    free (mark);
    return owed;
}

static void test_an_owed_run_is_delivered_once (void **state)
{
    gateway_t *gateway = *state;
    char *folder = s_owing_run (gateway->folder, "run-1", 3, true);
    s_gateway_start (gateway, 0, UINT64_MAX);
    ag_owed_result_t result = s_deliver (gateway, 0, 0);
    assert_int_equal (result.found, 1);
    assert_int_equal (result.delivered, 1);
    assert_int_equal (result.closed, 0);
    assert_false (s_is_owed (folder));
    result = s_deliver (gateway, 0, 0);
    assert_int_equal (result.found, 0);
    s_gateway_stop (gateway);
    assert_string_equal (ag_buf_cstr (&gateway->seqs), "1 2 3 ");
    free (folder);
}

static void test_a_run_without_an_end_gets_one_behind_what_a_gateway_has (void **state)
{
    gateway_t *gateway = *state;
    char *folder = s_owing_run (gateway->folder, "run-1", 3, false);
    s_gateway_start (gateway, 5, UINT64_MAX);
    ag_owed_result_t result = s_deliver (gateway, 0, 0);
    assert_int_equal (result.delivered, 1);
    assert_int_equal (result.closed, 1);
    s_gateway_stop (gateway);
    assert_string_equal (ag_buf_cstr (&gateway->seqs), "6 ");
    assert_string_equal (gateway->last_type, "run_failed");
    ag_store_t *journal = s_journal (folder, AG_STORE_READ);
    ag_store_stream_t info;
    assert_int_equal (ag_store_stream (journal, RUN, 0, &info), 1);
    assert_true (info.ended);
    assert_int_equal (info.last, 6);
    assert_int_equal (info.acked, 6);
    ag_store_close (&journal);
    free (folder);
}

static void test_a_live_run_is_left_alone (void **state)
{
    gateway_t *gateway = *state;
    char *folder = s_owing_run (gateway->folder, "run-1", 3, false);
    ag_store_t *live = s_journal (folder, AG_STORE_CREATE);
    s_gateway_start (gateway, 0, UINT64_MAX);
    assert_int_equal (s_deliver (gateway, 0, 0).found, 0);
    assert_true (s_is_owed (folder));
    ag_store_close (&live);
    free (folder);
}

static void test_no_gateway_answers_and_all_stays_owed (void **state)
{
    gateway_t *gateway = *state;
    char *first = s_owing_run (gateway->folder, "run-1", 3, true);
    char *second = s_owing_run (gateway->folder, "run-2", 3, false);
    ag_owed_result_t result = s_deliver (gateway, 50000, 0);
    assert_true (result.unanswered);
    assert_int_equal (result.delivered, 0);
    assert_true (s_is_owed (first));
    assert_true (s_is_owed (second));
    free (first);
    free (second);
}

static void test_a_gateway_that_cannot_commit_leaves_it_owed (void **state)
{
    gateway_t *gateway = *state;
    char *folder = s_owing_run (gateway->folder, "run-1", 3, true);
    s_gateway_start (gateway, 0, 0);
    ag_owed_result_t result = s_deliver (gateway, 0, 300000);
    assert_int_equal (result.found, 1);
    assert_int_equal (result.delivered, 0);
    assert_false (result.unanswered);
    assert_true (s_is_owed (folder));
    free (folder);
}

static void test_a_damaged_journal_does_not_stop_the_others (void **state)
{
    gateway_t *gateway = *state;
    char *bad = s_owing_folder (gateway->folder, "a-bad-one"), *path = path_in (bad, "run.db");
    FILE *file = fopen (path, "w");
    for (int i = 0; i < 9000; i++)
        fputc ("noise"[i % 5], file);
    fclose (file);
    char *empty = s_owing_folder (gateway->folder, "empty");
    char *good = s_owing_run (gateway->folder, "run-1", 2, true);
    s_gateway_start (gateway, 0, UINT64_MAX);
    ag_owed_result_t result = s_deliver (gateway, 0, 0);
    assert_int_equal (result.failed, 1);
    assert_int_equal (result.delivered, 1);
    assert_true (s_is_owed (bad));
    assert_false (s_is_owed (good));
    free (path);
    free (bad);
    free (empty);
    free (good);
}

/*  Of two gateways one is not there: it is named in the mark, and gets all when it comes. */
static void test_what_one_gateway_lacks_stays_owed_to_it (void **state)
{
    gateway_t *gateway = *state, second = { .folder = path_in (gateway->folder, "second") };
    assert_int_equal (mkdir (second.folder, 0700), 0);
    char *folder = s_owing_run (gateway->folder, "run-1", 3, true);
    char *here = ag_asprintf ("ipc://%s/control", gateway->folder), *there = ag_asprintf ("ipc://%s/control", second.folder);
    const char *both[2] = { here, there };
    s_gateway_start (gateway, 0, UINT64_MAX);
    ag_owed_result_t result = s_deliver_to (gateway->folder, both, 2, 300000, 0);
    assert_int_equal (result.delivered, 1);
    assert_int_equal (result.partly, 1);
    assert_false (result.unanswered);
    char *mark = ag_owed_read (folder);
    assert_non_null (mark);
    assert_true (strncmp (mark, there, strlen (there)) == 0 && strcmp (mark + strlen (there), "\n") == 0);
    assert_false (ag_owed_names (mark, here));
    assert_true (ag_owed_names (mark, there));
    free (mark);
    assert_int_equal (s_deliver (gateway, 0, 0).found, 0);          /* not owed to that one */
    s_gateway_start (&second, 0, UINT64_MAX);
    /*  The journal knows of an acknowledgement, but that was the other's. */
    result = s_deliver_to (gateway->folder, both + 1, 1, 0, 0);
    assert_int_equal (result.delivered, 1);
    assert_int_equal (result.partly, 0);
    assert_false (s_is_owed (folder));
    free (folder);
    s_gateway_stop (&second);
    assert_string_equal (ag_buf_cstr (&second.seqs), "1 2 3 ");
    ag_buf_free (&second.seqs);
    free (second.folder);
    free (here);
    free (there);
}

/*  Who delivers need not know all the gateways that a mark names. */
static void test_a_gateway_that_is_not_asked_stays_in_the_mark (void **state)
{
    gateway_t *gateway = *state;
    char *folder = s_owing_run (gateway->folder, "run-1", 3, true);
    char *here = ag_asprintf ("ipc://%s/control", gateway->folder);
    const char *both[2] = { here, "ipc:///elsewhere/control" };
    assert_int_equal (ag_owed_settle_but (folder, both, 2), 0);
    s_gateway_start (gateway, 0, UINT64_MAX);
    ag_owed_result_t result = s_deliver (gateway, 0, 0);
    assert_int_equal (result.delivered, 1);
    assert_int_equal (result.partly, 1);
    char *mark = ag_owed_read (folder);
    assert_string_equal (mark, "ipc:///elsewhere/control\n");
    free (mark);
    free (here);
    free (folder);
}

static void test_a_mark_names_whole_lines (void **state)
{
    (void) state;
    assert_true (ag_owed_names (NULL, "a"));
    assert_true (ag_owed_names ("", "a"));
    assert_true (ag_owed_names ("a\nb\n", "b"));
    assert_true (ag_owed_names ("a\nb", "b"));          /* by hand, without an end */
    assert_false (ag_owed_names ("a\nbc", "b"));
    assert_false (ag_owed_names ("a\nbc\n", "c"));
}

/*  A writer that was killed in the middle of making its journal. */
static char *s_torn_journal (const char *state_dir, const char *name)
{
    char *folder = s_owing_folder (state_dir, name), *path = path_in (folder, "run.db"), *error = NULL;
    pid_t child = fork ();
    if (child == 0) {
        /*  SQLite's own words for it: a transaction that has been written and not been committed. */
        sqlite3 *db = NULL;
        sqlite3_open (path, &db);
        sqlite3_exec (db, "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; CREATE TABLE b (x);"
            " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
            " INSERT INTO b SELECT hex (randomblob (100)) FROM n;", NULL, NULL, &error);
        kill (getpid (), SIGKILL);
    }
    waitpid (child, NULL, 0);
    char *hot = path_in (folder, "run.db-journal");
    assert_int_equal (access (hot, F_OK), 0);
    free (hot);
    free (path);
    return folder;
}

/*  Its writer was killed before there was anything in it. */
static void test_a_journal_with_nothing_in_it_is_not_owed (void **state)
{
    gateway_t *gateway = *state;
    char *folder = s_owing_folder (gateway->folder, "run-1"), *path = path_in (folder, "run.db");
    FILE *file = fopen (path, "w");
    fclose (file);
    char *torn = s_torn_journal (gateway->folder, "run-4");
    char *young = s_owing_folder (gateway->folder, "run-2");
    char *old = s_owing_folder (gateway->folder, "run-3");
    struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };
    assert_int_equal (utimensat (AT_FDCWD, old, times, 0), 0);
    assert_int_equal (s_deliver (gateway, 0, 0).found, 0);
    assert_false (s_is_owed (folder));
    assert_false (s_is_owed (torn));
    free (torn);
    assert_true (s_is_owed (young));        /* its journal may be about to be made */
    assert_false (s_is_owed (old));
    free (path);
    free (folder);
    free (young);
    free (old);
}

/*  An orchestrator adds to a work order's stream while that is delivered. */
static void test_a_work_order_is_delivered_beside_its_writer (void **state)
{
    gateway_t *gateway = *state;
    char *parent = path_in (gateway->folder, "work-orders"), *folder = path_in (parent, "W"), *error = NULL;
    assert_int_equal (mkdir (parent, 0700) | mkdir (folder, 0700), 0);
    ag_writer_t *writer = s_writer (folder, &(ag_ids_t){ .work_order = WORK_ORDER }, &error);
    assert_non_null (writer);
    s_put_status (writer, "one");
    assert_int_equal (ag_owed_mark (folder), 0);
    s_gateway_start (gateway, 0, UINT64_MAX);
    char *control = ag_asprintf ("ipc://%s/control", gateway->folder);
    const char *controls[1] = { control };
    ag_owed_options_t options = { .state_dir = gateway->folder, .control = controls, .control_count = 1 };
    ag_debt_t *debt = ag_debt_new (folder, &options, NULL, ag_clock_mono_us (), &error);
    assert_non_null (debt);
    /*  One at a time. */
    assert_null (ag_debt_new (folder, &options, NULL, ag_clock_mono_us (), &error));
    assert_int_equal (errno, 0);
    int64_t when_us;
    while (ag_debt_turn (debt, ag_clock_mono_us (), &when_us) == AG_DEBT_PAYING)
        usleep (1000);
    assert_true (s_is_owed (folder));       /* its writer has the journal: that it was delivered is noted another time */
    ag_debt_destroy (&debt);
    s_put_status (writer, "two");
    ag_writer_close (&writer, 0);
    ag_owed_result_t result = s_deliver (gateway, 0, 0);
    assert_int_equal (result.delivered, 1);
    assert_false (s_is_owed (folder));
    s_gateway_stop (gateway);
    assert_string_equal (ag_buf_cstr (&gateway->seqs), "1 2 ");
    free (control);
    free (parent);
    free (folder);
}

/* ---------------------------------------------------------------------- */
/*  Keys */

typedef struct {
    char *dir;
    ag_curve_t *curve;
} s_party_t;

static s_party_t s_party (const char *folder, const char *name)
{
    s_party_t party = { path_in (folder, name), NULL };
    char key[41], *error = NULL;
    if (ag_curve_generate (party.dir, key, &error))
        fail_msg ("%s", error);
    assert_int_equal (strlen (key), 40);
    return party;
}

/*  The public certificate of one in the folder of another. */
static void s_give (const s_party_t *from, const s_party_t *to, const char *as)
{
    char *source = path_in (from->dir, "own"), *target = path_in (to->dir, as), line[4096];
    FILE *in = fopen (source, "r"), *out = fopen (target, "w");
    size_t len = fread (line, 1, sizeof line, in);
    assert_true (len > 0 && fwrite (line, 1, len, out) == len);
    fclose (in);
    fclose (out);
    free (source);
    free (target);
}

static void s_load (s_party_t *party)
{
    char *error = NULL;
    party->curve = ag_curve_load (party->dir, &error);
    if (!party->curve)
        fail_msg ("%s", error);
}

static void s_party_free (s_party_t *party)
{
    ag_curve_destroy (&party->curve);
    free (party->dir);
}

/*  Does what a client sends arrive? */
static bool s_gets_through (void *context, void *pull, const char *endpoint, ag_curve_t *curve)
{
    char *error = NULL, text[8] = "";
    void *push = ag_socket_open (context, ZMQ_PUSH, &error);
    assert_int_equal (ag_socket_attach (push, endpoint, AG_SOCKET_CONNECT, curve, &error), 0);
    const int wait_ms = 300, none = 0;
    zmq_setsockopt (push, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms);
    zmq_setsockopt (push, ZMQ_LINGER, &none, sizeof none);
    bool through = zmq_send (push, "hello", 5, 0) == 5;
    zmq_pollitem_t item = { .socket = pull, .events = ZMQ_POLLIN };
    through = through && zmq_poll (&item, 1, WAIT_MS) == 1 && zmq_recv (pull, text, sizeof text, 0) == 5;
    zmq_close (push);
    return through;
}

static void test_keys_let_in_whom_they_name_and_nobody_else (void **state)
{
    gateway_t *world = *state;
    s_party_t gateway = s_party (world->folder, "gateway"), friend = s_party (world->folder, "friend");
    s_party_t stranger = s_party (world->folder, "stranger");
    s_give (&gateway, &friend, "gateway");
    s_give (&gateway, &stranger, "gateway");
    s_give (&friend, &gateway, "allowed/friend");
    s_load (&gateway);
    s_load (&friend);
    s_load (&stranger);
    char *error = NULL, endpoint[64];
    size_t size = sizeof endpoint;
    void *context = zmq_ctx_new ();
    void *pull = ag_socket_open (context, ZMQ_PULL, &error);
    /*  Without a gate any key would do: so it is not bound. */
    assert_int_equal (ag_socket_attach (pull, "tcp://127.0.0.1:*", AG_SOCKET_BIND, gateway.curve, &error), -1);
    free (error);
    ag_zap_t *zap = ag_zap_new (context, gateway.curve, &error);
    assert_non_null (zap);
    assert_int_equal (ag_socket_attach (pull, "tcp://127.0.0.1:*", AG_SOCKET_BIND, gateway.curve, &error), 0);
    assert_int_equal (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    assert_true (s_gets_through (context, pull, endpoint, friend.curve));
    assert_false (s_gets_through (context, pull, endpoint, stranger.curve));
    assert_false (s_gets_through (context, pull, endpoint, NULL));
    zmq_close (pull);
    ag_zap_destroy (&zap);
    zmq_ctx_term (context);
    s_party_free (&gateway);
    s_party_free (&friend);
    s_party_free (&stranger);
}

static void test_keys_that_are_missing_or_open_are_named (void **state)
{
    gateway_t *world = *state;
    char *error = NULL;
    assert_null (ag_curve_load (world->folder, &error));
    assert_non_null (strstr (error, "own_secret is missing"));
    free (error);
    s_party_t party = s_party (world->folder, "party");
    char *secret = path_in (party.dir, "own_secret"), key[41];
    assert_int_equal (ag_curve_generate (party.dir, key, &error), -1);
    assert_non_null (strstr (error, "left alone"));
    free (error);
    assert_int_equal (chmod (secret, 0644), 0);
    assert_null (ag_curve_load (party.dir, &error));
    assert_non_null (strstr (error, "may be read by others"));
    free (error);
    free (secret);
    s_party_free (&party);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_what_is_written_is_acknowledged),
        TEST (test_no_gateway_and_it_is_still_in_the_journal),
        TEST (test_numbers_go_on_behind_what_a_gateway_has),
        TEST (test_one_writer_of_a_journal),
        TEST (test_a_run_that_has_ended_is_not_continued),
        TEST (test_a_subscriber_sees_holes_and_skips_what_is_no_event),
        TEST (test_a_subscriber_that_was_there_first_gets_all),
        cmocka_unit_test (test_heads),
        cmocka_unit_test (test_heads_are_bounded),
        TEST (test_an_owed_run_is_delivered_once),
        TEST (test_a_run_without_an_end_gets_one_behind_what_a_gateway_has),
        TEST (test_a_live_run_is_left_alone),
        TEST (test_no_gateway_answers_and_all_stays_owed),
        TEST (test_a_gateway_that_cannot_commit_leaves_it_owed),
        TEST (test_a_damaged_journal_does_not_stop_the_others),
        TEST (test_what_one_gateway_lacks_stays_owed_to_it),
        TEST (test_a_gateway_that_is_not_asked_stays_in_the_mark),
        TEST (test_a_mark_names_whole_lines),
        TEST (test_a_journal_with_nothing_in_it_is_not_owed),
        TEST (test_a_work_order_is_delivered_beside_its_writer),
        TEST (test_keys_let_in_whom_they_name_and_nobody_else),
        TEST (test_keys_that_are_missing_or_open_are_named),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
