/*  tests/test_order.c - the sequencer: order, holes, repair, giving up

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/mem.h"
#include "feed/order.h"

enum { MS = 1000, SECOND = 1000 * 1000 };

static ag_event_t *s_event (uint64_t seq, ag_kind_t kind)
{
    ag_draft_t *draft = ag_draft_new (kind);
    if (kind == AG_RUN_COMPLETED) {
        ag_draft_set_integer (draft, AG_F_DURATION_MS, 1);
        ag_draft_set_integer (draft, AG_F_EXIT_CODE, 0);
    } else {
        ag_draft_set_text (draft, AG_F_CONTENT, "x");
        ag_draft_set_text (draft, AG_F_KIND, "text");
    }
    ag_ids_t ids = { .work_order = AG_STR ("w"), .run = AG_STR ("r") };
    ag_position_t at = { .epoch = 7, .seq = seq, .ts_us = 1 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    if (!event)
        fail_msg ("%s", error);
    ag_draft_destroy (&draft);
    return event;
}

/*  What came out, as text: "1 2 ask(3-4) lost(3-4) late(3) repairing 5". */
typedef struct {
    ag_buf_t text;
    ag_order_t *order;
} fixture_t;

static void s_deliver (void *context, ag_event_t *event)
{
    ag_buf_printf (context, "%llu ", (unsigned long long) ag_event_seq (event));
}

static void s_lost (void *context, uint64_t from, uint64_t to)
{
    ag_buf_printf (context, "lost(%llu-%llu) ", (unsigned long long) from, (unsigned long long) to);
}

static void s_late (void *context, ag_event_t *const *events, size_t count, bool told)
{
    ag_buf_printf (context, "%s(%llu+%zu) ", told ? "late" : "again", (unsigned long long) ag_event_seq (events[0]), count);
}

static void s_ask (void *context, uint64_t from, uint64_t to)
{
    ag_buf_printf (context, "ask(%llu-%llu) ", (unsigned long long) from, (unsigned long long) to);
}

static void s_state (void *context, ag_producer_t state)
{
    static const char *const names[] = { "alive", "repairing", "gone", "ended" };
    ag_buf_printf (context, "%s ", names[state]);
}

static void s_open_in (fixture_t *f, uint64_t held, ag_order_pool_t *pool)
{
    memset (f, 0, sizeof *f);
    ag_order_out_t out = { s_deliver, s_lost, s_late, s_ask, s_state, &f->text };
    f->order = ag_order_new (&out, held, pool, 0);
}

static void s_open (fixture_t *f, uint64_t held)
{
    s_open_in (f, held, NULL);
}

static bool s_said (fixture_t *f, const char *text)
{
    return strstr (ag_buf_cstr (&f->text), text) != NULL;
}

static void s_close (fixture_t *f)
{
    ag_order_destroy (&f->order);
    ag_order_destroy (&f->order);       /* harmless */
    ag_buf_free (&f->text);
}

static void s_put (fixture_t *f, uint64_t seq, bool over_control, int64_t now_us)
{
    ag_event_t *event = s_event (seq, AG_AGENT_OUTPUT);
    ag_order_event (f->order, event, over_control, now_us);
    ag_event_unref (&event);
}

#define assert_out(f, now_us, expected) do {                        \
    ag_order_turn ((f)->order, (now_us));                           \
    assert_string_equal (ag_buf_cstr (&(f)->text), (expected));     \
    ag_buf_clear (&(f)->text);                                      \
} while (0)

/* ---------------------------------------------------------------------- */

static void test_in_order_passes_straight_through (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        s_put (&f, seq, false, 0);
    assert_out (&f, 0, "1 2 3 ");
    assert_int_equal (ag_order_settled (f.order), 3);
    s_close (&f);
}

static void test_a_duplicate_is_dropped_and_counted (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    s_put (&f, 1, false, 0);
    s_put (&f, 1, true, 0);
    s_put (&f, 3, false, 0);
    s_put (&f, 3, false, 0);
    s_put (&f, 2, false, 0);
    assert_out (&f, 0, "1 2 3 ");
    assert_int_equal (ag_order_stats (f.order)->duplicates, 2);
    s_close (&f);
}

static void test_a_hole_is_asked_for_and_closed_by_resend (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 1, false, true, 0);
    s_put (&f, 1, false, 0);
    s_put (&f, 4, false, 0);
    assert_out (&f, 0, "1 ask(2-3) ");
    s_put (&f, 2, true, 1 * MS);
    s_put (&f, 3, true, 1 * MS);
    ag_order_resent (f.order, 2, 0, 3, 1, 1 * MS);
    assert_out (&f, 1 * MS, "2 3 4 ");
    s_close (&f);
}

static void test_a_lost_last_event_is_noticed_by_the_head (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 1, false, true, 0);
    s_put (&f, 1, false, 0);
    assert_out (&f, 0, "1 ");
    ag_order_head (f.order, 1, 2, false, false, 1 * SECOND);
    assert_out (&f, 1 * SECOND, "ask(2-2) ");
    s_put (&f, 2, true, 1 * SECOND);
    ag_order_resent (f.order, 2, 0, 2, 1, 1 * SECOND);
    ag_order_head (f.order, 1, 2, true, false, 1 * SECOND);
    assert_out (&f, 1 * SECOND, "2 ended ");
    s_close (&f);
}

static void test_what_the_store_holds_is_not_asked_for (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 5);
    ag_order_head (f.order, 1, 7, false, true, 0);
    assert_out (&f, 0, "ask(6-7) ");
    s_close (&f);
}

static void test_a_window_is_continued_where_it_was_cut (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 4, false, true, 0);
    assert_out (&f, 0, "ask(1-4) ");
    s_put (&f, 1, true, 1 * MS);
    s_put (&f, 2, true, 1 * MS);
    ag_order_resent (f.order, 1, 0, 2, 1, 1 * MS);
    assert_out (&f, 1 * MS, "1 2 ask(3-4) ");
    s_close (&f);
}

static void test_clients_are_told_after_250_ms (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 2, false, true, 0);
    s_put (&f, 2, false, 0);
    assert_int_equal (ag_order_turn (f.order, 0), 250 * MS);
    assert_out (&f, 249 * MS, "ask(1-1) ");
    assert_out (&f, 250 * MS, "repairing ");
    s_put (&f, 1, true, 300 * MS);
    assert_out (&f, 300 * MS, "1 2 alive ");
    s_close (&f);
}

static void test_a_window_that_does_not_move_is_asked_for_again (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 2, false, true, 0);
    assert_out (&f, 0, "ask(1-2) ");
    assert_out (&f, 999 * MS, "repairing ");
    assert_out (&f, 1000 * MS, "ask(1-2) ");
    s_close (&f);
}

static void test_what_the_writer_no_longer_has_is_given_up_soon (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 3, 4, false, true, 0);
    assert_out (&f, 0, "ask(3-4) ");
    s_put (&f, 3, true, 1 * MS);
    s_put (&f, 4, true, 1 * MS);
    ag_order_resent (f.order, 3, 0, 4, 3, 1 * MS);
    assert_out (&f, 249 * MS, "");              /* what it sent before may still be on the bus */
    assert_out (&f, 250 * MS, "lost(1-2) 3 4 ");
    assert_int_equal (ag_order_settled (f.order), 4);
    s_close (&f);
}

static void test_a_hole_in_the_journal_itself_is_given_up (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 5, false, true, 0);
    assert_out (&f, 0, "ask(1-5) ");
    s_put (&f, 1, true, 0);
    ag_order_resent (f.order, 1, 0, 1, 1, 0);
    assert_out (&f, 0, "1 ask(2-5) ");
    s_put (&f, 5, true, 0);
    ag_order_resent (f.order, 2, 4, 5, 1, 0);
    assert_out (&f, 249 * MS, "");
    assert_out (&f, 250 * MS, "lost(2-4) 5 ");
    assert_int_equal (ag_order_settled (f.order), 5);
    s_close (&f);
}

/*  The connection broke behind the first, or something on the way was lost. */
static void test_what_was_sent_and_did_not_come_is_asked_for_again (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 4, false, true, 0);
    assert_out (&f, 0, "ask(1-4) ");
    s_put (&f, 1, true, 0);
    s_put (&f, 4, true, 0);
    ag_order_resent (f.order, 1, 0, 4, 1, 0);
    assert_out (&f, 0, "1 ask(2-3) ");
    ag_order_resent (f.order, 2, 0, 3, 1, 1 * MS);
    assert_out (&f, 100 * MS, "");
    assert_out (&f, 101 * MS, "ask(2-3) ");
    s_put (&f, 2, true, 102 * MS);
    s_put (&f, 3, true, 102 * MS);
    assert_out (&f, 102 * MS, "2 3 4 ");
    s_close (&f);
}

/*  An event that we refuse is sent each time, and is never there. */
static void test_what_never_gets_through_is_given_up (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 2, false, true, 0);
    s_put (&f, 2, false, 0);
    ag_order_turn (f.order, 0);
    int64_t now_us = 300 * MS;
    for (int tries = 0; tries < AG_ORDER_TRIES; tries++, now_us += 100 * MS) {
        ag_buf_clear (&f.text);
        ag_order_resent (f.order, 1, 0, 1, 1, now_us);
        ag_order_turn (f.order, now_us);
        if (tries + 1 < AG_ORDER_TRIES)
            assert_false (s_said (&f, "lost"));
        ag_order_turn (f.order, now_us + 100 * MS);
    }
    assert_true (s_said (&f, "lost(1-1) 2 "));
    assert_int_equal (ag_order_settled (f.order), 2);
    s_close (&f);
}

/*  Each of these events comes right behind the end of its window, and the last of them not at first. */
static void test_late_answers_to_several_holes_give_none_up (void **state)
{
    (void) state;
    enum { LAST = 2 * AG_ORDER_TRIES };
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, LAST, false, true, 0);
    for (uint64_t seq = 2; seq <= LAST; seq += 2)
        s_put (&f, seq, false, 0);
    ag_order_turn (f.order, 0);
    int64_t now_us = 0;
    for (uint64_t seq = 1; seq < LAST; seq += 2) {
        ag_order_resent (f.order, seq, 0, seq, 1, now_us);
        now_us += seq == LAST - 1 ? 400 * MS : 1 * MS;
        ag_order_turn (f.order, now_us);
        s_put (&f, seq, true, now_us);
        now_us += 100 * MS;
        ag_order_turn (f.order, now_us);
    }
    assert_false (s_said (&f, "lost"));
    assert_int_equal (ag_order_settled (f.order), LAST);
    s_close (&f);
}

/*  A range that was forgotten would be acknowledged, and lost for good. */
static void test_many_lost_ranges_are_joined_and_none_is_forgotten (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_turn (f.order, 0);
    uint64_t last = 3 * AG_ORDER_LOST_RANGES;
    for (uint64_t seq = 2; seq <= last; seq += 2) {
        int64_t now_us = 4 * SECOND + (int64_t) seq * SECOND;
        s_put (&f, seq, false, now_us);
        ag_order_turn (f.order, now_us);
        ag_order_turn (f.order, now_us + 300 * MS);
    }
    assert_int_equal (ag_order_settled (f.order), 0);
    ag_buf_clear (&f.text);
    int64_t now_us = 10 * SECOND + (int64_t) last * SECOND;
    ag_order_head (f.order, 1, last, true, true, now_us);
    for (uint64_t seq = 1; seq <= last; seq++)
        s_put (&f, seq, true, now_us);
    ag_order_turn (f.order, now_us);
    assert_int_equal (ag_order_settled (f.order), last);
    s_close (&f);
}

static void test_several_share_one_bound_and_all_arrives (void **state)
{
    (void) state;
    enum { STREAMS = 4, EACH = 200 };
    ag_order_pool_t pool = { .max_bytes = 64 * 1024 };
    fixture_t f[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        s_open_in (&f[i], 0, &pool);
        ag_order_head (f[i].order, 1, EACH, false, true, 0);
        for (uint64_t seq = 2; seq <= EACH; seq++)
            s_put (&f[i], seq, false, 0);
        assert_true (pool.bytes <= pool.max_bytes);
    }
    assert_true (pool.bytes > 0);
    assert_true (ag_order_stats (f[STREAMS - 1].order)->refused > 0);
    for (int i = 0; i < STREAMS; i++) {
        for (uint64_t seq = 1; seq <= EACH; seq++)
            s_put (&f[i], seq, true, 0);
        assert_int_equal (ag_order_next (f[i].order), EACH + 1);
    }
    assert_int_equal (pool.bytes, 0);
    s_put (&f[0], EACH + 2, false, 0);
    assert_true (pool.bytes > 0);
    for (int i = 0; i < STREAMS; i++)
        s_close (&f[i]);
    assert_int_equal (pool.bytes, 0);
}

static void test_what_had_no_room_is_not_taken_for_missing (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    uint64_t far = AG_ORDER_WINDOW + 10;
    ag_order_head (f.order, 1, far, false, true, 0);
    ag_order_turn (f.order, 0);
    s_put (&f, far, true, 0);                   /* the journal has a hole larger than what may wait */
    ag_order_resent (f.order, 1, far - 1, far, 1, 0);
    ag_buf_clear (&f.text);
    char expected[64];
    snprintf (expected, sizeof expected, "lost(1-%llu) ask(%llu-%llu) ", (unsigned long long) far - 1,
        (unsigned long long) far, (unsigned long long) far);
    ag_order_turn (f.order, 1);
    ag_buf_clear (&f.text);
    assert_out (&f, 250 * MS + 1, expected);
    s_close (&f);
}

static void test_a_writer_that_holds_nothing_any_more (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 0, 5, false, true, 0);
    s_put (&f, 6, false, 0);
    assert_out (&f, 0, "");
    s_put (&f, 1, false, 100 * MS);             /* it was on its way */
    assert_out (&f, 100 * MS, "1 ");
    assert_out (&f, 349 * MS, "");
    assert_out (&f, 350 * MS, "lost(2-5) 6 ");
    s_close (&f);
}

static void test_without_hello_a_hole_is_given_up_after_3_s (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    s_put (&f, 3, false, 0);
    assert_out (&f, 0, "");
    assert_out (&f, 2999 * MS, "repairing ");
    assert_out (&f, 3000 * MS, "lost(1-2) 3 alive ");
    s_put (&f, 5, false, 4000 * MS);
    assert_out (&f, 4000 * MS, "");
    assert_out (&f, 4249 * MS, "");
    assert_out (&f, 4250 * MS, "lost(4-4) 5 ");
    s_close (&f);
}

static void test_a_dead_writer_s_hole_is_given_up_after_10_s (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 1, false, true, 0);
    s_put (&f, 2, false, 0);
    assert_out (&f, 0, "ask(1-1) ");
    assert_out (&f, 9999 * MS, "ask(1-1) repairing ");
    assert_out (&f, 10000 * MS, "lost(1-1) 2 gone ");
    s_close (&f);
}

static void test_a_missing_tail_of_a_dead_writer_is_not_given_up (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 2, false, true, 0);
    s_put (&f, 1, false, 0);
    assert_out (&f, 0, "1 ask(2-2) ");
    assert_out (&f, 20 * SECOND, "gone ");
    ag_order_head (f.order, 1, 2, true, true, 30 * SECOND);       /* its journal, delivered by another */
    assert_out (&f, 30 * SECOND, "ask(2-2) repairing ");
    s_put (&f, 2, true, 30 * SECOND);
    assert_out (&f, 30 * SECOND, "2 ended ");
    s_close (&f);
}

static void test_a_late_repair_is_announced_once (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    s_put (&f, 4, false, 0);
    ag_order_turn (f.order, 0);
    assert_out (&f, 3 * SECOND, "lost(1-3) 4 ");
    assert_int_equal (ag_order_settled (f.order), 0);
    ag_order_head (f.order, 1, 4, false, true, 4 * SECOND);
    assert_out (&f, 4 * SECOND, "ask(1-3) ");
    s_put (&f, 1, true, 4 * SECOND);
    s_put (&f, 2, true, 4 * SECOND);
    s_put (&f, 2, true, 4 * SECOND);
    ag_order_resent (f.order, 1, 0, 2, 1, 4 * SECOND);
    assert_out (&f, 4 * SECOND, "late(1+2) ask(3-3) ");
    assert_int_equal (ag_order_settled (f.order), 2);
    s_put (&f, 3, true, 4 * SECOND);
    assert_out (&f, 4 * SECOND, "late(3+1) ");
    assert_int_equal (ag_order_settled (f.order), 4);
    s_close (&f);
}

static void test_what_the_store_lost_is_wanted_again_without_announcement (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 3, false, true, 0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        s_put (&f, seq, true, 0);
    ag_order_want (f.order, 2, 3, false);
    assert_out (&f, 0, "1 2 3 ask(2-3) ");
    assert_int_equal (ag_order_settled (f.order), 1);
    s_put (&f, 2, true, 0);
    s_put (&f, 3, true, 0);
    assert_out (&f, 0, "again(2+2) ");
    assert_int_equal (ag_order_settled (f.order), 3);
    s_close (&f);
}

/*  What viewers were told is lost stays told, whatever else is wanted around it. */
static void test_what_was_lost_is_announced_though_the_store_wants_it_too (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    s_put (&f, 1, false, 0);
    s_put (&f, 4, false, 0);
    assert_out (&f, 0, "1 ");
    assert_out (&f, 4 * SECOND, "lost(2-3) 4 ");
    ag_order_want (f.order, 1, 4, false);
    assert_int_equal (ag_order_settled (f.order), 0);
    for (uint64_t seq = 1; seq <= 4; seq++)
        s_put (&f, seq, true, 4 * SECOND);
    assert_out (&f, 4 * SECOND, "again(1+1) late(2+2) again(4+1) ");
    assert_int_equal (ag_order_settled (f.order), 4);
    s_close (&f);
}

static void test_a_window_from_before_a_hello_is_forgotten (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_order_head (f.order, 1, 2, false, true, 0);
    assert_out (&f, 0, "ask(1-2) ");
    ag_order_head (f.order, 1, 2, false, true, 10 * MS);           /* the writer has reconnected */
    assert_out (&f, 10 * MS, "ask(1-2) ");
    s_close (&f);
}

static void test_what_waits_is_bounded_and_still_arrives (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    uint64_t last = AG_ORDER_WINDOW * 3;
    ag_order_head (f.order, 1, last, false, true, 0);
    for (uint64_t seq = 2; seq <= last; seq++)
        s_put (&f, seq, false, 0);
    assert_int_equal (ag_order_waiting (f.order), AG_ORDER_WINDOW - 1);
    s_put (&f, 1, true, 0);
    ag_order_resent (f.order, 1, 0, 1, 1, 0);
    ag_buf_clear (&f.text);
    char expected[64];
    snprintf (expected, sizeof expected, "ask(%d-%llu) ", AG_ORDER_WINDOW + 1, (unsigned long long) last);
    assert_out (&f, 0, expected);
    s_close (&f);
}

static void test_the_end_of_a_run_ends_the_stream (void **state)
{
    (void) state;
    fixture_t f;
    s_open (&f, 0);
    ag_event_t *event = s_event (1, AG_RUN_COMPLETED);
    ag_order_event (f.order, event, false, 0);
    ag_event_unref (&event);
    assert_out (&f, 0, "1 ended ");
    assert_out (&f, 60 * SECOND, "");       /* silence after the end is no loss */
    s_close (&f);
}

/* ---------------------------------------------------------------------- */
/*  A writer, a bus that drops, repeats and reorders, and a control channel
    that delays; against the plain statement of what must come out. */

enum { WORLD_EVENTS = 400, WORLD_FLIGHT = 4096 };

typedef struct {
    int64_t at_us;              /* arrives then */
    enum { FREE, DATA, RESENT_EVENT, RESENT_END, HEAD } what;
    uint64_t a, b, c;
} parcel_t;

typedef struct {
    unsigned seed;
    ag_order_t *order;
    parcel_t flight[WORLD_FLIGHT];
    uint64_t first, last;       /* what the writer holds */
    int64_t now_us;
    int64_t control_us;         /* the control channel keeps its order: next free arrival time */
    uint64_t out_next;          /* every number below is delivered or reported */
    int fate[WORLD_EVENTS + 1];     /* 0 nothing, 1 delivered, 2 lost, 3 late */
    unsigned broken[WORLD_EVENTS + 1];  /* times that this one was lost over control */
    uint64_t first_at_loss;     /* writer's oldest when something was given up */
    bool control;               /* the writer has a control channel */
    bool breaks;                /* which breaks: then it loses and reorders too */
} world_t;

static unsigned s_random (world_t *w, unsigned below)
{
    return (unsigned) rand_r (&w->seed) % below;
}

static void s_post (world_t *w, parcel_t parcel)
{
    for (size_t i = 0; i < WORLD_FLIGHT; i++)
        if (w->flight[i].what == FREE) {
            w->flight[i] = parcel;
            return;
        }
    fail_msg ("the model's bus is full");
}

/*  What is lost each time is given up in the end; that is not what is looked at here. */
static bool s_loses (world_t *w, const parcel_t *parcel)
{
    if (!w->breaks || s_random (w, 100) >= 20)
        return false;
    return parcel->what != RESENT_EVENT || ++w->broken[parcel->a] < AG_ORDER_TRIES;
}

static void s_post_control (world_t *w, parcel_t parcel)
{
    if (s_loses (w, &parcel))
        return;
    if (w->breaks && s_random (w, 100) < 20) {
        parcel.at_us = w->now_us + s_random (w, 2000);
        s_post (w, parcel);
        return;
    }
    if (w->control_us < w->now_us)
        w->control_us = w->now_us;
    parcel.at_us = w->control_us += 1 + s_random (w, 300);
    s_post (w, parcel);
}

static void s_world_deliver (void *context, ag_event_t *event)
{
    world_t *w = context;
    uint64_t seq = ag_event_seq (event);
    assert_int_equal (seq, w->out_next);
    w->fate[seq] = 1;
    w->out_next++;
}

static void s_world_lost (void *context, uint64_t from, uint64_t to)
{
    world_t *w = context;
    assert_int_equal (from, w->out_next);
    assert_true (to >= from && to <= WORLD_EVENTS);
    for (uint64_t seq = from; seq <= to; seq++)
        w->fate[seq] = 2;
    if (w->control && !w->breaks)
        assert_true (to < w->first);        /* alive: only what it no longer has */
    w->out_next = to + 1;
}

static void s_world_late (void *context, ag_event_t *const *events, size_t count, bool told)
{
    world_t *w = context;
    assert_true (told);
    for (size_t i = 0; i < count; i++) {
        uint64_t seq = ag_event_seq (events[i]);
        assert_int_equal (seq, ag_event_seq (events[0]) + i);
        assert_int_equal (w->fate[seq], 2);
        w->fate[seq] = 3;
    }
}

/*  The writer answers with a part of what it was asked for. */
static void s_world_ask (void *context, uint64_t from, uint64_t to)
{
    world_t *w = context;
    assert_true (from >= 1 && from <= to && to <= w->last);
    uint64_t seq = from < w->first ? w->first : from;
    uint64_t stop = seq + s_random (w, 20);
    uint64_t sent = from - 1;
    for (; seq <= to && seq < stop; seq++) {
        s_post_control (w, (parcel_t) { .what = RESENT_EVENT, .a = seq });
        sent = seq;
    }
    s_post_control (w, (parcel_t) { .what = RESENT_END, .a = from, .b = sent, .c = w->first });
}

static void s_world_state (void *context, ag_producer_t state)
{
    (void) context;
    (void) state;
}

static void s_arrive (world_t *w, parcel_t *parcel)
{
    parcel_t p = *parcel;
    parcel->what = FREE;
    if (p.what == DATA || p.what == RESENT_EVENT) {
        ag_event_t *event = s_event (p.a, AG_AGENT_OUTPUT);
        ag_order_event (w->order, event, p.what == RESENT_EVENT, w->now_us);
        ag_event_unref (&event);
    } else if (p.what == RESENT_END) {
        ag_order_resent (w->order, p.a, 0, p.b, p.c, w->now_us);
    } else {
        ag_order_head (w->order, p.a, p.b, false, p.c, w->now_us);
    }
}

/*  Lets time pass to the next arrival or alarm. Returns false when nothing is left to happen. */
static bool s_step (world_t *w, int64_t wake_us)
{
    parcel_t *next = NULL;
    for (size_t i = 0; i < WORLD_FLIGHT; i++)
        if (w->flight[i].what != FREE && (!next || w->flight[i].at_us < next->at_us))
            next = &w->flight[i];
    if (next && next->at_us <= wake_us) {
        w->now_us = next->at_us;
        s_arrive (w, next);
        return true;
    }
    if (wake_us == INT64_MAX)
        return false;
    w->now_us = wake_us;
    return true;
}

static void s_write_one (world_t *w, unsigned drop_percent)
{
    w->last++;
    for (int copy = s_random (w, 100) < 10 ? 2 : 1; copy > 0; copy--)
        if (s_random (w, 100) >= drop_percent)
            s_post (w, (parcel_t) { .at_us = w->now_us + s_random (w, 2000), .what = DATA, .a = w->last });
}

static void s_run_world (unsigned seed, bool control, bool evicts, bool breaks)
{
    static world_t w;
    memset (&w, 0, sizeof w);
    w.seed = seed;
    w.control = control;
    w.breaks = breaks;
    w.first = 1;
    w.out_next = 1;
    ag_order_out_t out = { s_world_deliver, s_world_lost, s_world_late, s_world_ask, s_world_state, &w };
    w.order = ag_order_new (&out, 0, NULL, 0);
    unsigned drop_percent = s_random (&w, 60);
    uint64_t hello_at = s_random (&w, WORLD_EVENTS);

    while (w.last < WORLD_EVENTS) {
        s_write_one (&w, drop_percent);
        if (evicts && w.last > 50 && s_random (&w, 10) == 0)
            w.first = w.last - 40;
        if (control && (w.last == hello_at + 1 || (w.last > hello_at && s_random (&w, 20) == 0)))
            s_post_control (&w, (parcel_t) { .what = HEAD, .a = w.first, .b = w.last, .c = w.last == hello_at + 1 });
        int64_t until = w.now_us + s_random (&w, 1000);
        int64_t wake = ag_order_turn (w.order, w.now_us);
        while (s_step (&w, until < wake ? until : wake) && w.now_us < until)
            wake = ag_order_turn (w.order, w.now_us);
    }
    if (control)
        s_post_control (&w, (parcel_t) { .what = HEAD, .a = w.first, .b = w.last, .c = hello_at + 1 >= WORLD_EVENTS });
    for (int steps = 0;; steps++) {
        bool rests = !s_step (&w, ag_order_turn (w.order, w.now_us));
        if (rests && !breaks)
            break;
        w.now_us += rests ? 2 * SECOND : 0;     /* the writer goes on saying what it has */
        if (steps > 100000)
            fail_msg ("it does not come to rest");
        bool heard = ag_order_control_us (w.order) != INT64_MIN;
        if (control && (!heard || w.now_us - ag_order_control_us (w.order) > SECOND))
            s_post_control (&w, (parcel_t) { .what = HEAD, .a = w.first, .b = w.last });
        if (w.out_next > WORLD_EVENTS && control && (!breaks || ag_order_settled (w.order) == WORLD_EVENTS))
            break;
    }

    uint64_t end = control ? WORLD_EVENTS : w.out_next - 1;
    for (uint64_t seq = 1; seq <= end; seq++) {
        assert_int_not_equal (w.fate[seq], 0);
        if (control && !evicts)
            assert_true (w.fate[seq] == 1 || (breaks && w.fate[seq] == 3));
    }
    if (control)
        assert_int_equal (w.out_next, WORLD_EVENTS + 1);
    assert_int_equal (ag_order_waiting (w.order), 0);
    ag_order_destroy (&w.order);
}

static unsigned s_seed (void)
{
    const char *given = getenv ("AG_TEST_SEED");
    unsigned seed = given ? (unsigned) strtoul (given, NULL, 10) : (unsigned) time (NULL);
    print_message ("seed %u (AG_TEST_SEED)\n", seed);
    return seed;
}

static void test_property_nothing_is_lost_while_the_writer_has_it (void **state)
{
    (void) state;
    unsigned seed = s_seed ();
    for (unsigned i = 0; i < 150; i++)
        s_run_world (seed + i, true, false, false);
}

static void test_property_only_evicted_events_are_given_up (void **state)
{
    (void) state;
    unsigned seed = s_seed ();
    for (unsigned i = 0; i < 150; i++)
        s_run_world (seed + i, true, true, false);
}

static void test_property_without_control_each_number_has_one_fate (void **state)
{
    (void) state;
    unsigned seed = s_seed ();
    for (unsigned i = 0; i < 150; i++)
        s_run_world (seed + i, false, false, false);
}

static void test_property_a_control_channel_that_breaks_costs_time_not_events (void **state)
{
    (void) state;
    unsigned seed = s_seed ();
    for (unsigned i = 0; i < 150; i++)
        s_run_world (seed + i, true, false, true);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_in_order_passes_straight_through),
        cmocka_unit_test (test_a_duplicate_is_dropped_and_counted),
        cmocka_unit_test (test_a_hole_is_asked_for_and_closed_by_resend),
        cmocka_unit_test (test_a_lost_last_event_is_noticed_by_the_head),
        cmocka_unit_test (test_what_the_store_holds_is_not_asked_for),
        cmocka_unit_test (test_a_window_is_continued_where_it_was_cut),
        cmocka_unit_test (test_clients_are_told_after_250_ms),
        cmocka_unit_test (test_a_window_that_does_not_move_is_asked_for_again),
        cmocka_unit_test (test_what_the_writer_no_longer_has_is_given_up_soon),
        cmocka_unit_test (test_a_hole_in_the_journal_itself_is_given_up),
        cmocka_unit_test (test_what_had_no_room_is_not_taken_for_missing),
        cmocka_unit_test (test_what_was_sent_and_did_not_come_is_asked_for_again),
        cmocka_unit_test (test_what_never_gets_through_is_given_up),
        cmocka_unit_test (test_late_answers_to_several_holes_give_none_up),
        cmocka_unit_test (test_many_lost_ranges_are_joined_and_none_is_forgotten),
        cmocka_unit_test (test_several_share_one_bound_and_all_arrives),
        cmocka_unit_test (test_a_writer_that_holds_nothing_any_more),
        cmocka_unit_test (test_without_hello_a_hole_is_given_up_after_3_s),
        cmocka_unit_test (test_a_dead_writer_s_hole_is_given_up_after_10_s),
        cmocka_unit_test (test_a_missing_tail_of_a_dead_writer_is_not_given_up),
        cmocka_unit_test (test_a_late_repair_is_announced_once),
        cmocka_unit_test (test_what_the_store_lost_is_wanted_again_without_announcement),
        cmocka_unit_test (test_what_was_lost_is_announced_though_the_store_wants_it_too),
        cmocka_unit_test (test_a_window_from_before_a_hello_is_forgotten),
        cmocka_unit_test (test_what_waits_is_bounded_and_still_arrives),
        cmocka_unit_test (test_the_end_of_a_run_ends_the_stream),
        cmocka_unit_test (test_property_nothing_is_lost_while_the_writer_has_it),
        cmocka_unit_test (test_property_only_evicted_events_are_given_up),
        cmocka_unit_test (test_property_without_control_each_number_has_one_fate),
        cmocka_unit_test (test_property_a_control_channel_that_breaks_costs_time_not_events),
    };
    return cmocka_run_group_tests_name ("order", tests, NULL, NULL);
}
