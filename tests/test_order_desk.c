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

static uint64_t s_archive (void *context, ag_event_t *event)
{
    fixture_t *f = context;
    if (f->refuses)
        return 0;
    ag_buf_printf (&f->text, "store(%llu) ", (unsigned long long) ag_event_seq (event));
    return ++f->ticket;
}

static void s_open (fixture_t *f, bool stores)
{
    memset (f, 0, sizeof *f);
    ag_hub_options_t hub = { .buffer_events = 100, .stream_bytes = 100000, .total_bytes = 1000000,
        .retention_us = 60 * INT64_C (1000000), .batch_us = 100000 };
    f->hub = ag_hub_new (&hub);
    ag_desk_options_t desk = { .hub = f->hub, .ops = { s_send, NULL, stores ? s_archive : NULL, f },
        .forget_us = 120 * INT64_C (1000000) };
    f->desk = ag_desk_new (&desk);
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
        cmocka_unit_test (test_a_lost_hole_is_not_acknowledged_until_it_comes),
        cmocka_unit_test (test_a_second_writer_waits_until_the_first_is_gone),
        cmocka_unit_test (test_an_older_epoch_is_stored_and_not_shown),
        cmocka_unit_test (test_who_is_unknown_is_asked_who_it_is),
        cmocka_unit_test (test_nonsense_is_refused),
        cmocka_unit_test (test_cancel_goes_to_the_live_writer),
        cmocka_unit_test (test_what_is_long_quiet_is_forgotten),
    };
    return cmocka_run_group_tests_name ("desk", tests, NULL, NULL);
}
