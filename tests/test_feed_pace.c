/*  tests/test_feed_pace.c - when a viewer gets what, and what it does not get

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/feed_tap.h"

static tap_hub_t hub;
static tap_t a, b;

static void s_begin_with (const ag_hub_options_t *options)
{
    tap_hub_init (&hub, options, false);
    tap_init (&a, &hub, &(ag_client_options_t) { .batch = true });
    tap_init (&b, &hub, &(ag_client_options_t) { .plain = true });
}

static void s_begin (uint32_t rate)
{
    ag_hub_options_t options = rig_options ();
    options.rate_limit = rate;
    s_begin_with (&options);
}

static int s_end (void **state)
{
    (void) state;
    tap_free (&a);
    tap_free (&b);
    tap_hub_free (&hub);
    return 0;
}

static void s_watch (tap_t *tap)
{
    ag_subscribe_t request = rig_subscribe ("W1");
    tap_subscribe (tap, &hub, &request);
    tap_wait (&hub, 0);
    tap_forget (tap);
}

/* ---------------------------------------------------------------------- */
/*  Pace */

static void test_first_after_quiet_at_once_then_on_the_tick (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_wait (&hub, 30);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started c1");
    tap_put (&hub, RIG_CALL, 2, 3);
    tap_wait (&hub, 69);
    tap_expect (&a, "");
    tap_wait (&hub, 1);
    tap_expect (&a, "c2 c3");
    tap_wait (&hub, 150);                   /* a tick with nothing: quiet again */
    tap_put (&hub, RIG_CALL, 4, 4);
    tap_wait (&hub, 0);
    tap_expect (&a, "c4");
}

static void test_a_window_of_its_own (void **state)
{
    (void) state;
    s_begin (50);
    ag_client_set_options (a.client, &(ag_client_options_t) { .batch = true, .batch_us = 250000 }, hub.now_us);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 0);
    tap_put (&hub, RIG_CALL, 2, 2);
    tap_wait (&hub, 249);
    tap_expect (&a, "stream_started c1");
    tap_wait (&hub, 1);
    tap_expect (&a, "c2");
}

static void test_the_rate_holds_and_order_too (void **state)
{
    (void) state;
    s_begin (10);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 14);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started c1 c2 c3 c4 c5 c6 c7 c8 c9 c10");
    tap_wait (&hub, 100);
    tap_expect (&a, "c11");
    tap_wait (&hub, 300);
    tap_expect (&a, "c12 c13 c14");
}

static void test_a_client_may_ask_for_less_not_for_more (void **state)
{
    (void) state;
    s_begin (10);
    ag_client_set_options (a.client, &(ag_client_options_t) { .batch = true, .rate_limit = 2 }, hub.now_us);
    ag_client_set_options (b.client, &(ag_client_options_t) { .plain = true, .rate_limit = 99 }, hub.now_us);
    s_watch (&a);
    s_watch (&b);
    tap_put (&hub, RIG_CALL, 1, 12);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started c1 c2");
    tap_expect (&b, "c1 c2 c3 c4 c5 c6 c7 c8 c9 c10");
    tap_wait (&hub, 100);
    tap_expect (&a, "");
    tap_expect (&b, "c11");
}

static void test_frames_hold_twenty_events (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 45);
    ag_client_t *client = ag_hub_pop_ready (hub.hub);
    ag_frame_t frame;
    int64_t when_us;
    int sizes[4] = { 0 }, n = 0;
    while (ag_client_next (client, hub.now_us, 1 << 20, &frame, &when_us) == 1)
        if (rig_is (frame.messages[0], "batch")) {
            ag_str_t event;
            for (size_t at = 0; rig_batch_next (frame.messages[0], &at, &event);)
                sizes[n]++;
            n++;
        }
    assert_int_equal (n, 3);
    assert_int_equal (sizes[0], 20);
    assert_int_equal (sizes[1], 20);
    assert_int_equal (sizes[2], 5);
    assert_int_equal (when_us, INT64_MAX);
}

static void test_frames_fit_the_room (void **state)
{
    (void) state;
    s_begin (0);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 100);
    ag_client_t *client = ag_hub_pop_ready (hub.hub);
    ag_frame_t frame;
    int64_t when_us;
    int frames = 0;
    for (; ag_client_next (client, hub.now_us, 2000, &frame, &when_us) == 1; frames++)
        assert_true (frame.bytes <= 2000);
    assert_true (frames > 5);
}

/*  A frame has 64 KB with its cursor; one event that is larger goes alone. */
static void test_frames_hold_64_kb (void **state)
{
    (void) state;
    static char tenth[6500], large[100000];
    memset (tenth, 'x', sizeof tenth - 1);
    memset (large, 'y', sizeof large - 1);
    s_begin (0);
    s_watch (&a);
    for (uint64_t seq = 1; seq <= 40; seq++)
        rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", 0, seq, RIG_RESULT, 0, seq % 20 == 0 ? large : tenth }, hub.now_us);
    ag_client_t *client = ag_hub_pop_ready (hub.hub);
    ag_frame_t frame;
    int64_t when_us;
    int full = 0, alone = 0, events = 0;
    while (ag_client_next (client, hub.now_us, 1 << 20, &frame, &when_us) == 1) {
        if (!rig_is (frame.messages[0], "batch"))
            continue;
        ag_str_t event;
        int count = 0;
        for (size_t at = 0; rig_batch_next (frame.messages[0], &at, &event);)
            count++;
        assert_int_equal (frame.bytes, frame.messages[0].len);
        assert_true (frame.bytes <= 64 * 1024 || count == 1);
        full += frame.bytes > 57 * 1024 && count > 1;
        alone += frame.bytes > 64 * 1024;
        events += count;
    }
    assert_int_equal (events, 40);
    assert_int_equal (alone, 2);
    assert_true (full >= 3);
}

static void test_frames_hold_500_events_without_a_limit (void **state)
{
    (void) state;
    tap_hub_init (&hub, &(ag_hub_options_t) { .buffer_events = 2000, .stream_bytes = 1 << 22, .total_bytes = 1 << 22,
        .retention_us = 1, .batch_us = 100000 }, false);
    tap_init (&a, &hub, &(ag_client_options_t) { .batch = true });
    tap_init (&b, &hub, &(ag_client_options_t) { .plain = true });
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .run = AG_STR ("R"), .types = UINT32_MAX });
    tap_wait (&hub, 0);
    for (uint64_t seq = 1; seq <= 1100; seq++)
        rig_put (hub.hub, NULL, &(rig_event_t) { "W", "R", 0, seq, RIG_LOOSE, 0, "" }, hub.now_us);
    ag_client_t *client = ag_hub_pop_ready (hub.hub);
    ag_frame_t frame;
    int64_t when_us;
    int sizes[8] = { 0 }, n = 0;
    while (ag_client_next (client, hub.now_us, 1 << 20, &frame, &when_us) == 1 && n < 8)
        if (rig_is (frame.messages[0], "batch")) {
            ag_str_t event;
            for (size_t at = 0; rig_batch_next (frame.messages[0], &at, &event);)
                sizes[n]++;
            assert_true (frame.bytes <= 64 * 1024);
            n++;
        }
    assert_int_equal (sizes[0], 500);
    assert_int_equal (n, 3);
}

/*  Days without a look, a clock that stands or goes back, times far from zero, the largest rate. */
static void test_strange_times (void **state)
{
    (void) state;
    s_begin (UINT32_MAX);
    hub.now_us = INT64_MAX / 2;
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 500);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "\"seq\":500,"));
    tap_forget (&a);
    hub.now_us += 400ll * 86400 * 1000000;
    tap_put (&hub, RIG_ERROR, 501, 501);
    tap_serve (&hub);
    tap_expect (&a, "e501");
    hub.now_us -= 3600ll * 1000000;
    tap_put (&hub, RIG_ERROR, 502, 502);
    tap_serve (&hub);
    tap_expect (&a, "e502");
    tap_put (&hub, RIG_CALL, 503, 503);
    hub.now_us += 3600ll * 1000000;
    tap_wait (&hub, 100);
    tap_expect (&a, "heartbeat c503");
}

/* ---------------------------------------------------------------------- */
/*  Critical */

static void test_critical_leaves_at_once (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 0);
    tap_put (&hub, RIG_CALL, 2, 3);
    tap_put (&hub, RIG_ERROR, 4, 4);
    tap_put (&hub, RIG_CALL, 5, 5);
    tap_serve (&hub);                       /* not the tick yet: what stands before it goes along, what is behind waits */
    tap_expect (&a, "stream_started c1 c2 c3 e4");
    tap_wait (&hub, 100);
    tap_expect (&a, "c5");
}

static void test_critical_sheds_what_the_bucket_does_not_allow (void **state)
{
    (void) state;
    s_begin (5);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 3);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started c1 c2 c3");
    tap_put (&hub, RIG_TEXT, 4, 4);
    tap_put (&hub, RIG_RESULT, 5, 6);
    tap_put (&hub, RIG_CALL, 7, 7);
    tap_put (&hub, RIG_LOOSE, 8, 8);
    tap_put (&hub, RIG_ERROR, 9, 9);
    tap_serve (&hub);                       /* two tokens: the call and the newer result */
    assert_true (tap_saw (&a, "\"counts\":{\"agent_tool_result\":1,\"agent_output\":2},\"recoverable\":true"));
    tap_expect (&a, "gap[4-8 rate] r6 c7 e9");
}

static void test_critical_drives_the_bucket_to_minus_burst_and_no_further (void **state)
{
    (void) state;
    s_begin (3);
    s_watch (&a);
    tap_put (&hub, RIG_ERROR, 1, 8);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started e1 e2 e3 e4 e5 e6");
    tap_wait (&hub, 400);
    tap_expect (&a, "e7");
    tap_wait (&hub, 400);
    tap_expect (&a, "e8");
}

static void test_critical_events_have_the_first_claim_on_the_bucket (void **state)
{
    (void) state;
    s_begin (2);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 2);
    tap_put (&hub, RIG_ERROR, 3, 5);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started gap[1-2 rate] e3 e4 e5");
}

static void test_the_end_sheds_nothing (void **state)
{
    (void) state;
    s_begin (5);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 30);
    tap_put (&hub, RIG_COMPLETED, 31, 31);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "\"seq\":30,"));
    assert_true (tap_saw (&a, "run_completed"));
    assert_false (tap_saw (&a, "\"type\":\"gap\""));
}

static void test_the_end_drains_at_the_replay_budget (void **state)
{
    (void) state;
    s_begin (5);                            /* 100 a second, 100 at once */
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 149);
    tap_put (&hub, RIG_COMPLETED, 150, 150);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "\"seq\":100,"));
    assert_false (tap_saw (&a, "\"seq\":101,"));
    tap_wait (&hub, 600);
    assert_true (tap_saw (&a, "run_completed"));
    assert_false (tap_saw (&a, "\"type\":\"gap\""));
}

/* ---------------------------------------------------------------------- */
/*  Behind */

static void test_too_long_a_range_sheds_low_first (void **state)
{
    (void) state;
    s_begin (10);
    s_watch (&a);
    for (uint64_t seq = 1; seq <= 120; seq++)
        tap_put (&hub, seq % 20 == 0 ? RIG_CALL : RIG_LOOSE, seq, seq);
    tap_serve (&hub);                       /* 120 > 10 x 10 */
    assert_true (tap_saw (&a, "\"counts\":{\"agent_output\":110},\"recoverable\":true"));
    tap_expect (&a, "stream_started gap[1-115 rate] c20 c40 c60 c80 c100 o116 o117 o118 o119 c120");
}

/*  Also the very last of the range goes, when all of its class do. */
static void test_the_last_of_the_range_is_shed_too (void **state)
{
    (void) state;
    s_begin (3);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 33);
    tap_put (&hub, RIG_LOOSE, 34, 34);
    tap_serve (&hub);
    assert_true (tap_saw (&a, "\"counts\":{\"agent_tool_call\":30,\"agent_output\":1}"));
    tap_expect (&a, "stream_started gap[1-34 rate] c31 c32 c33");
}

static void test_as_long_as_allowed_is_not_behind (void **state)
{
    (void) state;
    s_begin (10);
    s_watch (&a);
    tap_put (&hub, RIG_LOOSE, 1, 100);
    tap_serve (&hub);
    tap_expect (&a, "stream_started o1 o2 o3 o4 o5 o6 o7 o8 o9 o10");
}

/*  What its filter leaves out does not make a client behind. */
static void test_only_what_passes_makes_the_range_long (void **state)
{
    (void) state;
    s_begin (10);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.types = 1u << AG_AGENT_OUTPUT;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_forget (&a);
    for (uint64_t seq = 1; seq <= 200; seq++)
        tap_put (&hub, seq % 2 ? RIG_CALL : RIG_LOOSE, seq, seq);
    tap_serve (&hub);                       /* 100 of 200 */
    tap_expect (&a, "stream_started o2 o4 o6 o8 o10 o12 o14 o16 o18 o20");
}

static void test_too_old_a_range_is_behind (void **state)
{
    (void) state;
    s_begin (10);
    s_watch (&a);
    tap_put (&hub, RIG_LOOSE, 1, 60);
    tap_wait (&hub, 2000);
    tap_expect (&a, "stream_started o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 o13 o14 o15 o16 o17 o18 o19 o20"
        " o21 o22 o23 o24 o25 o26 o27 o28 o29 o30");
    tap_wait (&hub, 100);                   /* 31 is older than 2 s: the newest that one token buys */
    tap_expect (&a, "gap[31-59 rate] o60");
}

/*  One run floods, another has little to say: that little is not held up by decisions that do not
    concern it. */
static void test_a_flood_does_not_hold_up_another_run (void **state)
{
    (void) state;
    s_begin (10);
    s_watch (&a);
    for (uint64_t tick = 0; tick < 100; tick++) {
        tap_put_to (&hub, "R1", RIG_LOOSE, tick * 100 + 1, tick * 100 + 100);
        if (tick % 10 == 9)
            tap_put_to (&hub, "R2", RIG_CALL, tick / 10 + 1, tick / 10 + 1);
        tap_wait (&hub, 100);
        if (tick > 10 && tick % 10 == 5) {              /* 600 ms later: decisions are half a second apart */
            char part[40];
            snprintf (part, sizeof part, "\"runId\":\"R2\",\"seq\":%d,", (int) tick / 10);
            assert_true (tap_saw (&a, part));
        }
    }
    assert_true (tap_saw (&a, "\"reason\":\"rate\""));
    assert_false (tap_saw (&a, "\"type\":\"gap\",\"stream\":\"R2\""));
}

/*  "Behind" ends when it has caught up: what comes 5 s later is a new beginning. */
static void test_who_has_caught_up_is_not_behind (void **state)
{
    (void) state;
    s_begin (10);
    s_watch (&a);
    tap_put (&hub, RIG_LOOSE, 1, 120);
    tap_wait (&hub, 5000);
    assert_true (tap_saw (&a, "\"reason\":\"rate\""));
    tap_forget (&a);
    tap_put (&hub, RIG_LOOSE, 121, 135);
    tap_wait (&hub, 1000);
    tap_expect (&a, "o121 o122 o123 o124 o125 o126 o127 o128 o129 o130 o131 o132 o133 o134 o135");
}

/*  A ring that holds less than 2 s says nothing of how old the events are that fell off it. */
static void test_off_the_ring_is_not_old (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    options.rate_limit = 10;
    options.buffer_events = 4;
    tap_hub_init (&hub, &options, true);
    tap_init (&a, &hub, &(ag_client_options_t) { .batch = true });
    tap_init (&b, &hub, &(ag_client_options_t) { .plain = true });
    s_watch (&a);
    tap_put (&hub, RIG_LOOSE, 1, 60);
    tap_wait (&hub, 2000);
    assert_true (tap_saw (&a, "\"seq\":30,"));
    assert_false (tap_saw (&a, "\"type\":\"gap\""));
    tap_forget (&a);
    tap_wait (&hub, 300);                   /* 31 is older than 2 s now, to a tenth of a second */
    assert_true (tap_saw (&a, "\"reason\":\"rate\",\"counts\":{\"agent_output\":28}"));
    tap_expect (&a, "o31 gap[32-59 rate] o60");
}

static void test_unlimited_is_never_behind (void **state)
{
    (void) state;
    s_begin (0);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 900);
    hub.now_us += 10 * 1000 * 1000;
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "\"seq\":900,"));
    assert_false (tap_saw (&a, "\"type\":\"gap\""));
}

static void test_a_hole_is_told_in_its_place (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 2);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 3, 5, hub.now_us);
    tap_put (&hub, RIG_CALL, 6, 6);
    tap_wait (&hub, 100);
    assert_true (tap_saw (&a, "\"counts\":{\"unknown\":3},\"recoverable\":false"));
    tap_expect (&a, "stream_started c1 c2 gap[3-5 lost] c6");
    ag_event_t *late[2];
    for (int i = 0; i < 2; i++)
        late[i] = rig_event (&(rig_event_t) { "W1", "R1", 0, 3 + (uint64_t) i, RIG_CALL, 0, NULL });
    ag_hub_repaired (hub.hub, AG_STR ("R1"), RIG_EPOCH, late, 2, hub.now_us);
    tap_wait (&hub, 100);
    assert_true (tap_saw (&a, "\"from\":3,\"to\":4"));
    tap_expect (&a, "gap_repaired");
    for (int i = 0; i < 2; i++)
        ag_event_unref (&late[i]);
    /*  Who comes now finds them. */
    tap_free (&a);
    tap_init (&a, &hub, &(ag_client_options_t) { .batch = true });
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&a, "subscription_confirmed c1 c2 c3 c4 gap[5-5 lost] c6 replay_complete");
}

#define CASE(name) cmocka_unit_test_teardown (name, s_end)

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (test_first_after_quiet_at_once_then_on_the_tick),
        CASE (test_a_window_of_its_own),
        CASE (test_the_rate_holds_and_order_too),
        CASE (test_a_client_may_ask_for_less_not_for_more),
        CASE (test_frames_hold_twenty_events),
        CASE (test_frames_fit_the_room),
        CASE (test_frames_hold_64_kb),
        CASE (test_frames_hold_500_events_without_a_limit),
        CASE (test_strange_times),
        CASE (test_critical_leaves_at_once),
        CASE (test_critical_sheds_what_the_bucket_does_not_allow),
        CASE (test_critical_drives_the_bucket_to_minus_burst_and_no_further),
        CASE (test_critical_events_have_the_first_claim_on_the_bucket),
        CASE (test_the_end_sheds_nothing),
        CASE (test_the_end_drains_at_the_replay_budget),
        CASE (test_too_long_a_range_sheds_low_first),
        CASE (test_the_last_of_the_range_is_shed_too),
        CASE (test_as_long_as_allowed_is_not_behind),
        CASE (test_only_what_passes_makes_the_range_long),
        CASE (test_too_old_a_range_is_behind),
        CASE (test_a_flood_does_not_hold_up_another_run),
        CASE (test_who_has_caught_up_is_not_behind),
        CASE (test_off_the_ring_is_not_old),
        CASE (test_unlimited_is_never_behind),
        CASE (test_a_hole_is_told_in_its_place),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
