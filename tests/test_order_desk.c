/*  tests/test_order_desk.c - HELLO, ACK, epochs, second writers, a store that refuses

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/buf.h"
#include "feed/client.h"
#include "feed/desk.h"
#include "feed/order.h"

enum { SECOND = 1000 * 1000 };

/*  What went out to writers and to the store, as text. */
typedef struct {
    ag_buf_t text;
    ag_hub_t *hub;
    ag_desk_t *desk;
    uint64_t ticket;            /* last given */
    bool refuses;               /* the store's disk is full */
    uint64_t acked;             /* as told with the last event for the store */
    ag_history_t history;       /* one epoch of one stream, as a gateway before us left it */
    uint64_t stored_last;       /* last that it holds; 0: there is none */
    uint64_t hole_from, hole_to;        /* that it lacks */
} fixture_t;

static void s_send (void *context, ag_str_t peer, const ag_control_t *message)
{
    fixture_t *f = context;
    ag_buf_printf (&f->text, "%.*s:%s", (int) peer.len, peer.ptr, ag_control_name (message->kind));
    if (message->kind == AG_CONTROL_WELCOME)
        ag_buf_printf (&f->text, "(%llu,%llu%s%s)", (unsigned long long) message->resume,
            (unsigned long long) message->durable, message->conflict ? ",conflict" : "", message->error.ptr ? ",error" : "");
    if (message->kind == AG_CONTROL_RESEND)
        ag_buf_printf (&f->text, "(%llu-%llu)", (unsigned long long) message->from, (unsigned long long) message->to);
    if (message->kind == AG_CONTROL_ACK)
        ag_buf_printf (&f->text, "(%llu)", (unsigned long long) message->durable);
    ag_buf_append_char (&f->text, ' ');
}

static uint64_t s_archive (void *context, ag_event_t *event, uint64_t acked)
{
    fixture_t *f = context;
    if (f->refuses)
        return 0;
    f->acked = acked;
    ag_buf_printf (&f->text, "store(%llu) ", (unsigned long long) ag_event_seq (event));
    return ++f->ticket;
}

static int s_history_read (void *context, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *fn_context)
{
    (void) context, (void) stream, (void) epoch, (void) from, (void) to, (void) fn, (void) fn_context;
    return 0;
}

static int s_history_bounds (void *context, ag_str_t stream, uint64_t epoch, ag_history_bounds_t *bounds_r)
{
    fixture_t *f = context;
    (void) stream, (void) epoch;
    *bounds_r = (ag_history_bounds_t) { .epoch = 7, .first = 1, .last = f->stored_last };
    return f->stored_last ? 1 : 0;
}

static void s_missing (void *context, ag_str_t stream, uint64_t epoch, ag_desk_range_fn *fn, void *fn_context)
{
    fixture_t *f = context;
    (void) stream, (void) epoch;
    if (f->hole_from)
        fn (fn_context, f->hole_from, f->hole_to);
}

static void s_open_after (fixture_t *f, bool stores, uint64_t last, uint64_t hole_from, uint64_t hole_to)
{
    memset (f, 0, sizeof *f);
    f->history = (ag_history_t) { .read = s_history_read, .bounds = s_history_bounds, .context = f };
    f->stored_last = last;
    f->hole_from = hole_from;
    f->hole_to = hole_to;
    ag_hub_options_t hub = { .buffer_events = 100, .stream_bytes = 100000, .total_bytes = 1000000,
        .retention_us = 60 * INT64_C (1000000), .batch_us = 100000 };
    f->hub = ag_hub_new (&hub);
    ag_desk_options_t desk = { .hub = f->hub, .history = &f->history,
        .ops = { s_send, NULL, stores ? s_archive : NULL, s_missing, f }, .forget_us = 120 * INT64_C (1000000) };
    f->desk = ag_desk_new (&desk);
}

static void s_open (fixture_t *f, bool stores)
{
    s_open_after (f, stores, 0, 0, 0);
}

static void s_close (fixture_t *f)
{
    ag_desk_destroy (&f->desk);
    ag_desk_destroy (&f->desk);
    ag_hub_destroy (&f->hub);
    ag_buf_free (&f->text);
}

static void s_event (fixture_t *f, uint64_t epoch, uint64_t seq, const char *peer, int64_t now_us)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_CONTENT, "x");
    ag_draft_set_text (draft, AG_F_KIND, "text");
    ag_ids_t ids = { .work_order = AG_STR ("w"), .run = AG_STR ("r") };
    ag_position_t at = { .epoch = epoch, .seq = seq, .ts_us = 1 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    assert_non_null (event);
    ag_draft_destroy (&draft);
    ag_desk_event (f->desk, event, (ag_str_t) { peer, peer ? strlen (peer) : 0 }, now_us);
    ag_event_unref (&event);
}

static void s_work_order_event (fixture_t *f, uint64_t epoch, uint64_t seq)
{
    ag_draft_t *draft = ag_draft_new (AG_WORK_ORDER_UPDATED);
    ag_draft_set_text (draft, AG_F_STATUS, "x");
    ag_ids_t ids = { .work_order = AG_STR ("w"), .in_work_order_stream = true };
    ag_position_t at = { .epoch = epoch, .seq = seq, .ts_us = 1 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    assert_non_null (event);
    ag_draft_destroy (&draft);
    ag_desk_event (f->desk, event, (ag_str_t) { NULL, 0 }, 0);
    ag_event_unref (&event);
}

/*  Empties a client; true when one of its messages was of that type. */
static bool s_is_told (ag_client_t *client, const char *type, int64_t now_us)
{
    ag_frame_t frame;
    int64_t when_us;
    bool told = false;
    while (ag_client_next (client, now_us, 1 << 20, &frame, &when_us))
        for (size_t i = 0; i < frame.count; i++)
            told |= memmem (frame.messages[i].ptr, frame.messages[i].len, type, strlen (type)) != NULL;
    return told;
}

static bool s_control (fixture_t *f, ag_control_kind_t kind, const char *peer, uint64_t epoch, uint64_t last, int64_t now_us)
{
    ag_control_t message = { .kind = kind, .version = kind == AG_CONTROL_HELLO ? AG_CONTROL_VERSION : 0,
        .stream = AG_STR ("r"), .work_order = AG_STR ("w"), .run = AG_STR ("r"), .epoch = epoch, .first = last ? 1 : 0,
        .last = last };
    return ag_desk_control (f->desk, (ag_str_t) { peer, strlen (peer) }, &message, now_us);
}

#define assert_said(f, now_us, expected) do {                       \
    ag_desk_turn ((f)->desk, (now_us));                             \
    assert_string_equal (ag_buf_cstr (&(f)->text), (expected));     \
    ag_buf_clear (&(f)->text);                                      \
} while (0)

/* ---------------------------------------------------------------------- */

static void test_ack_comes_only_after_the_commit (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 0, 0);
    s_event (&f, 7, 1, NULL, 0);
    s_event (&f, 7, 2, NULL, 0);
    assert_said (&f, 0, "A:WELCOME(0,0) store(1) store(2) ");
    ag_desk_committed (f.desk, 1);
    assert_said (&f, 0, "");
    ag_desk_committed (f.desk, 2);
    assert_said (&f, 0, "A:ACK(2) ");
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 2, 0);
    assert_said (&f, 0, "A:WELCOME(2,2) ");
    s_close (&f);
}

static void test_without_a_store_what_is_delivered_is_acknowledged (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, false);
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 0, 0);
    s_event (&f, 7, 1, NULL, 0);
    assert_said (&f, 0, "A:WELCOME(0,0) A:ACK(1) ");
    s_close (&f);
}

static void test_what_the_store_refuses_is_not_acknowledged_and_wanted_again (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 0, 0);
    s_event (&f, 7, 1, NULL, 0);
    f.refuses = true;
    s_event (&f, 7, 2, NULL, 0);
    f.refuses = false;
    s_event (&f, 7, 3, NULL, 0);            /* behind a hole in the store: not stored either */
    assert_said (&f, 0, "A:WELCOME(0,0) store(1) ");
    ag_desk_committed (f.desk, f.ticket);
    assert_said (&f, 0, "A:ACK(1) ");
    ag_desk_store_recovered (f.desk);
    assert_said (&f, 0, "A:RESEND(2-3) ");
    s_event (&f, 7, 2, "A", 0);
    s_event (&f, 7, 3, "A", 0);
    assert_said (&f, 0, "store(2) store(3) ");
    ag_desk_committed (f.desk, f.ticket);
    assert_said (&f, 0, "A:ACK(3) ");
    s_close (&f);
}

/*  What comes late while the store refuses stands before what it refused first. */
static void test_what_comes_late_while_the_store_refuses_is_wanted_again (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    s_event (&f, 7, 1, NULL, 0);
    s_event (&f, 7, 3, NULL, 0);
    ag_desk_turn (f.desk, 0);
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 4, 3 * SECOND - 1);    /* gives 2 up: it must not hear of it before */
    ag_buf_clear (&f.text);
    ag_desk_turn (f.desk, 14 * SECOND);
    ag_desk_committed (f.desk, f.ticket);
    ag_buf_clear (&f.text);
    f.refuses = true;
    s_event (&f, 7, 4, "A", 14 * SECOND);
    s_event (&f, 7, 2, "A", 14 * SECOND);
    f.refuses = false;
    ag_desk_turn (f.desk, 14 * SECOND);
    ag_desk_committed (f.desk, f.ticket);
    assert_said (&f, 14 * SECOND, "");
    ag_desk_store_recovered (f.desk);
    assert_said (&f, 14 * SECOND, "A:RESEND(2-4) ");
    for (uint64_t seq = 2; seq <= 4; seq++)
        s_event (&f, 7, seq, "A", 14 * SECOND);
    assert_said (&f, 14 * SECOND, "store(2) store(3) store(4) ");
    ag_desk_committed (f.desk, f.ticket);
    assert_said (&f, 14 * SECOND, "A:ACK(4) ");
    s_close (&f);
}

static void test_a_lost_hole_is_not_acknowledged_until_it_comes (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, false);
    s_event (&f, 7, 3, NULL, 0);
    assert_said (&f, 0, "");
    assert_said (&f, 3 * SECOND, "");
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 3, 4 * SECOND);
    assert_said (&f, 4 * SECOND, "A:WELCOME(3,0) A:RESEND(1-2) ");
    s_event (&f, 7, 1, "A", 4 * SECOND);
    s_event (&f, 7, 2, "A", 4 * SECOND);
    assert_said (&f, 4 * SECOND, "A:ACK(3) ");
    s_close (&f);
}

/*  A gateway before us gave 4..5 up, delivered and stored 6..8, and was killed. */
static void test_what_the_store_lacks_is_wanted_again_and_not_acknowledged (void **state)
{
    (void) state;
    fixture_t f;
    s_open_after (&f, true, 8, 4, 5);
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 9, 0);
    assert_said (&f, 0, "A:WELCOME(8,3) A:RESEND(9-9) ");
    s_event (&f, 7, 9, "A", 0);
    assert_said (&f, 0, "store(9) ");
    assert_int_equal (f.acked, 3);
    ag_desk_committed (f.desk, f.ticket);
    s_control (&f, AG_CONTROL_RESENT, "A", 7, 0, 0);        /* of another window */
    assert_said (&f, 2 * SECOND, "A:RESEND(4-5) ");
    s_event (&f, 7, 4, "A", 2 * SECOND);
    s_event (&f, 7, 5, "A", 2 * SECOND);
    assert_said (&f, 2 * SECOND, "store(4) store(5) ");
    ag_desk_committed (f.desk, f.ticket);
    assert_said (&f, 2 * SECOND, "A:ACK(9) ");
    s_close (&f);
}

/*  The ACK may have gone down with its connection. */
static void test_goodbye_is_answered_by_what_is_acknowledged (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 0, 0);
    s_event (&f, 7, 1, NULL, 0);
    s_control (&f, AG_CONTROL_GOODBYE, "A", 7, 1, 0);
    assert_said (&f, 0, "A:WELCOME(0,0) store(1) ");
    ag_desk_committed (f.desk, f.ticket);
    assert_said (&f, 0, "A:ACK(1) ");
    s_control (&f, AG_CONTROL_GOODBYE, "A", 7, 1, SECOND);
    assert_said (&f, SECOND, "A:ACK(1) ");
    s_close (&f);
}

/*  Late events are told when they can be read. */
static void test_a_repair_is_told_when_it_is_committed (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    s_event (&f, 7, 3, NULL, 0);
    ag_desk_turn (f.desk, 0);
    assert_said (&f, 3 * SECOND, "store(3) ");
    ag_client_options_t ways = { .quiet = true };
    ag_client_t *client = ag_client_new (f.hub, &ways, NULL, 3 * SECOND);
    char *error = NULL;
    ag_subscribe_t all = { .run = AG_STR ("r"), .types = UINT32_MAX };
    assert_int_equal (ag_client_subscribe (client, &all, 3 * SECOND, &error), 0);
    s_event (&f, 7, 1, "A", 3 * SECOND);
    s_event (&f, 7, 2, "A", 3 * SECOND);
    assert_said (&f, 3 * SECOND, "store(1) store(2) ");
    assert_false (s_is_told (client, "gap_repaired", 3 * SECOND));
    ag_desk_committed (f.desk, f.ticket - 1);
    assert_false (s_is_told (client, "gap_repaired", 3 * SECOND));
    ag_desk_committed (f.desk, f.ticket);
    assert_true (s_is_told (client, "gap_repaired", 3 * SECOND));
    ag_client_destroy (&client);
    s_close (&f);
}

/*  A viewer who fetched meanwhile was told that there is nothing. */
static void test_what_the_store_had_refused_is_told_when_it_can_be_read (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    ag_client_options_t ways = { .quiet = true };
    ag_client_t *client = ag_client_new (f.hub, &ways, NULL, 0);
    char *error = NULL;
    ag_subscribe_t all = { .run = AG_STR ("r"), .types = UINT32_MAX };
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 0, 0);
    assert_int_equal (ag_client_subscribe (client, &all, 0, &error), 0);
    s_event (&f, 7, 1, NULL, 0);
    f.refuses = true;
    s_event (&f, 7, 2, NULL, 0);
    s_event (&f, 7, 3, NULL, 0);
    f.refuses = false;
    ag_desk_committed (f.desk, f.ticket);
    ag_desk_store_recovered (f.desk);
    ag_desk_turn (f.desk, 0);
    s_event (&f, 7, 2, "A", 0);
    s_event (&f, 7, 3, "A", 0);
    ag_desk_turn (f.desk, 0);
    assert_false (s_is_told (client, "gap_repaired", SECOND));
    ag_desk_committed (f.desk, f.ticket);
    assert_true (s_is_told (client, "\"gap_repaired\",\"stream\":\"r\",\"epoch\":\"0000000000000007\",\"from\":2,\"to\":3", SECOND));
    ag_stream_info_t info;
    assert_true (ag_hub_stream (f.hub, AG_STR ("r"), &info));
    assert_int_equal (info.count[AG_AGENT_OUTPUT], 3);      /* counted when they came, not again */
    ag_client_destroy (&client);
    s_close (&f);
}

/*  Marks in any number, each acknowledged by its own commit. */
static void test_each_stream_is_acknowledged_when_its_own_are_committed (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 0, 0);
    s_event (&f, 7, 1, NULL, 0);
    assert_said (&f, 0, "A:WELCOME(0,0) store(1) ");
    ag_control_t hello = { .kind = AG_CONTROL_HELLO, .version = AG_CONTROL_VERSION, .stream = AG_STR ("@w"),
        .work_order = AG_STR ("w"), .epoch = 9 };
    ag_desk_control (f.desk, AG_STR ("B"), &hello, 0);
    s_work_order_event (&f, 9, 1);
    assert_said (&f, 0, "B:WELCOME(0,0) store(1) ");
    s_event (&f, 7, 2, NULL, 0);
    assert_said (&f, 0, "store(2) ");
    ag_desk_committed (f.desk, 1);
    assert_said (&f, 0, "A:ACK(1) ");
    ag_desk_committed (f.desk, 2);
    assert_said (&f, 0, "B:ACK(1) ");
    ag_desk_committed (f.desk, 3);
    assert_said (&f, 0, "A:ACK(2) ");
    ag_desk_committed (f.desk, 3);
    assert_said (&f, 0, "");
    s_close (&f);
}

static uint64_t s_shown_epoch (fixture_t *f)
{
    ag_stream_info_t info;
    return ag_hub_stream (f->hub, AG_STR ("r"), &info) ? info.epoch : 0;
}

static void test_a_second_writer_waits_until_the_first_is_gone (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 0, 0);
    s_control (&f, AG_CONTROL_HELLO, "B", 8, 0, SECOND);
    s_event (&f, 8, 1, NULL, SECOND);
    assert_said (&f, SECOND, "A:WELCOME(0,0) B:WELCOME(0,0,conflict) ");
    assert_int_equal (s_shown_epoch (&f), 7);
    s_control (&f, AG_CONTROL_HELLO, "B", 8, 1, 4 * SECOND);        /* A has been silent for 4 s */
    s_event (&f, 8, 1, "B", 4 * SECOND);
    assert_said (&f, 4 * SECOND, "B:WELCOME(0,0) store(1) ");
    assert_int_equal (s_shown_epoch (&f), 8);
    s_close (&f);
}

static void test_an_older_epoch_is_stored_and_not_shown (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    s_event (&f, 8, 1, NULL, 0);
    s_event (&f, 7, 1, NULL, 0);
    assert_said (&f, 0, "store(1) store(1) ");
    assert_int_equal (s_shown_epoch (&f), 8);
    s_close (&f);
}

static void test_who_is_unknown_is_asked_who_it_is (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    assert_true (s_control (&f, AG_CONTROL_HEARTBEAT, "A", 7, 1, 0));
    assert_said (&f, 0, "A:WHO ");
    s_close (&f);
}

static void test_nonsense_is_refused (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    assert_false (s_control (&f, AG_CONTROL_HELLO, "A", 0, 0, 0));
    assert_false (s_control (&f, AG_CONTROL_ACK, "A", 7, 0, 0));
    assert_false (s_control (&f, AG_CONTROL_HELLO, "A", 7, UINT64_MAX, 0));
    s_event (&f, 7, AG_SEQ_MAX, NULL, 0);
    assert_said (&f, 0, "");
    s_close (&f);
}

static void test_cancel_goes_to_the_live_writer (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, true);
    assert_false (ag_desk_cancel (f.desk, AG_STR ("r"), 0));
    s_control (&f, AG_CONTROL_HELLO, "A", 7, 0, 0);
    assert_true (ag_desk_cancel (f.desk, AG_STR ("r"), 0));
    assert_said (&f, 0, "A:WELCOME(0,0) A:CANCEL ");
    s_control (&f, AG_CONTROL_HEARTBEAT, "A", 7, 0, SECOND);        /* it may not have heard: it runs on */
    assert_said (&f, SECOND, "A:CANCEL ");
    s_control (&f, AG_CONTROL_GOODBYE, "A", 7, 0, 2 * SECOND);
    assert_said (&f, 2 * SECOND, "");
    assert_false (ag_desk_cancel (f.desk, AG_STR ("r"), 20 * SECOND));
    s_close (&f);
}

static void test_what_is_long_quiet_is_forgotten (void **state)
{
    (void) state;
    fixture_t f;
    ag_desk_stats_t stats;
    s_open (&f, true);
    s_event (&f, 7, 1, NULL, 0);
    ag_desk_turn (f.desk, 0);
    for (int64_t second = 0; second < 300; second++)
        ag_desk_turn (f.desk, second * SECOND);
    ag_desk_stats (f.desk, &stats);
    assert_int_equal (stats.tracks, 0);
    s_event (&f, 7, 2, NULL, 300 * INT64_C (1000000));
    ag_desk_turn (f.desk, 300 * INT64_C (1000000));
    ag_desk_stats (f.desk, &stats);
    assert_int_equal (stats.tracks, 1);
    s_close (&f);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ack_comes_only_after_the_commit),
        cmocka_unit_test (test_without_a_store_what_is_delivered_is_acknowledged),
        cmocka_unit_test (test_what_the_store_refuses_is_not_acknowledged_and_wanted_again),
        cmocka_unit_test (test_what_comes_late_while_the_store_refuses_is_wanted_again),
        cmocka_unit_test (test_a_lost_hole_is_not_acknowledged_until_it_comes),
        cmocka_unit_test (test_what_the_store_lacks_is_wanted_again_and_not_acknowledged),
        cmocka_unit_test (test_goodbye_is_answered_by_what_is_acknowledged),
        cmocka_unit_test (test_a_repair_is_told_when_it_is_committed),
        cmocka_unit_test (test_what_the_store_had_refused_is_told_when_it_can_be_read),
        cmocka_unit_test (test_each_stream_is_acknowledged_when_its_own_are_committed),
        cmocka_unit_test (test_a_second_writer_waits_until_the_first_is_gone),
        cmocka_unit_test (test_an_older_epoch_is_stored_and_not_shown),
        cmocka_unit_test (test_who_is_unknown_is_asked_who_it_is),
        cmocka_unit_test (test_nonsense_is_refused),
        cmocka_unit_test (test_cancel_goes_to_the_live_writer),
        cmocka_unit_test (test_what_is_long_quiet_is_forgotten),
    };
    return cmocka_run_group_tests_name ("desk", tests, NULL, NULL);
}
