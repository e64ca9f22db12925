/*  tests/test_feed_client.c - what a viewer gets

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
/*  Roll-up */

static void test_text_of_one_block_is_joined (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_PARTIAL, 1, 5);
    tap_put (&hub, RIG_CALL, 6, 6);
    tap_put (&hub, RIG_PARTIAL, 7, 8);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "\"content\":\"1.2.3.4.5.\""));
    tap_expect (&a, "stream_started o1-5 c6 o7-8");
}

static void test_text_without_message_never_joins (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_LOOSE, 1, 3);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started o1 o2 o3");
}

static void test_text_is_joined_up_to_64_kib (void **state)
{
    (void) state;
    static char half[AG_TEXT_MAX_BYTES / 2 + 1];
    memset (half, 'x', sizeof half - 1);
    s_begin (50);
    s_watch (&a);
    for (uint64_t seq = 1; seq <= 5; seq++)
        rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", 0, seq, RIG_TEXT, 0, half }, hub.now_us);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started o1-2 o3-4 o5");
}

static void test_the_last_byte_of_64_kib (void **state)
{
    (void) state;
    static char half[AG_TEXT_MAX_BYTES / 2 + 1], more[AG_TEXT_MAX_BYTES / 2 + 2];
    memset (half, 'x', sizeof half - 1);
    memset (more, 'x', sizeof more - 1);
    s_begin (50);
    s_watch (&a);
    for (uint64_t seq = 1; seq <= 6; seq++)
        rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", 0, seq, RIG_TEXT, (int) (seq - 1) / 2,
            seq == 4 || seq == 5 ? more : half }, hub.now_us);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started o1-2 o3 o4 o5 o6");
}

/*  A decision knows that they will not be one. */
static void test_a_decision_reckons_with_64_kib (void **state)
{
    (void) state;
    static char large[40001];
    memset (large, 'x', sizeof large - 1);
    s_begin (2);
    s_watch (&a);
    for (uint64_t seq = 1; seq <= 30; seq++)
        rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", 0, seq, RIG_TEXT, 0, large }, hub.now_us);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started gap[1-28 rate] o29 o30");
}

static void test_files_and_progress_become_the_last (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_FILE, 1, 3);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", 0, 4, RIG_FILE, 2, NULL }, hub.now_us);
    tap_put (&hub, RIG_PROGRESS, 5, 7);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started f1-3 f4 p5-7");
}

static void test_nothing_is_joined_over_a_tool_call (void **state)
{
    (void) state;
    s_begin (50);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.types &= ~(1u << AG_AGENT_TOOL_CALL);
    tap_subscribe (&a, &hub, &request);
    tap_put (&hub, RIG_PARTIAL, 1, 2);
    tap_put (&hub, RIG_CALL, 3, 3);
    tap_put (&hub, RIG_PARTIAL, 4, 5);
    tap_wait (&hub, 0);
    tap_expect (&a, "subscription_confirmed stream_started o1-2 o4-5");
}

/*  What it will not get is not reckoned as if it were joined with what it will. */
static void test_a_decision_reckons_with_groups_as_they_will_be (void **state)
{
    (void) state;
    s_begin (2);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.types &= ~(1u << AG_AGENT_TOOL_CALL);
    tap_subscribe (&a, &hub, &request);
    for (uint64_t seq = 1; seq <= 40; seq += 2) {
        tap_put (&hub, RIG_PARTIAL, seq, seq);
        tap_put (&hub, RIG_CALL, seq + 1, seq + 1);
    }
    tap_put (&hub, RIG_PARTIAL, 41, 44);
    tap_wait (&hub, 0);                     /* 21 groups, 24 events: behind */
    tap_expect (&a, "subscription_confirmed stream_started gap[1-37 rate] o39 o41-44");
}

static void test_nothing_is_joined_over_a_hole (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_PARTIAL, 1, 2);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 3, 3, hub.now_us);
    tap_put (&hub, RIG_PARTIAL, 4, 5);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started o1-2 gap[3-3 lost] o4-5");
}

/* ---------------------------------------------------------------------- */
/*  Filters and plain clients */

static void test_partials_and_thinking_are_asked_for (void **state)
{
    (void) state;
    s_begin (50);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.partial = false;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_forget (&a);
    s_watch (&b);
    tap_put (&hub, RIG_PARTIAL, 1, 2);
    tap_put (&hub, RIG_TEXT, 3, 3);
    tap_put (&hub, RIG_THINKING_PARTIAL, 4, 4);
    tap_put (&hub, RIG_THINKING, 5, 5);
    tap_put (&hub, RIG_LOOSE, 6, 6);
    tap_wait (&hub, 100);
    tap_expect (&a, "stream_started o3 o5 o6");
    tap_expect (&b, "o3 o6");
}

static void test_filtered_events_are_no_gap (void **state)
{
    (void) state;
    s_begin (5);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.types = 1u << AG_AGENT_TOOL_CALL;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_forget (&a);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_put (&hub, RIG_LOOSE, 2, 500);
    tap_put (&hub, RIG_CALL, 501, 501);
    tap_wait (&hub, 3000);
    tap_expect (&a, "stream_started c1 c501");
}

static void test_a_plain_client_is_told_in_its_own_words (void **state)
{
    (void) state;
    s_begin (2);
    s_watch (&b);
    tap_put (&hub, RIG_CALL, 1, 30);
    tap_wait (&hub, 0);                     /* behind at once: the two that it can have */
    assert_true (tap_saw (&b, "\"code\":\"EVENTS_SKIPPED\""));
    assert_true (tap_saw (&b, "\"details\":{\"workOrderId\":\"W1\",\"counts\":{\"agent_tool_call\":28}}"));
    tap_expect (&b, "error c29 c30");
    tap_put (&hub, RIG_CALL, 31, 70);       /* and not twice a second */
    tap_wait (&hub, 900);
    assert_false (tap_saw (&b, "EVENTS_SKIPPED"));
    tap_wait (&hub, 200);
    assert_true (tap_saw (&b, "EVENTS_SKIPPED"));
    tap_wait (&hub, 5000);
    tap_forget (&b);
    tap_wait (&hub, 5000);                  /* nothing new was skipped: nothing is told */
    tap_expect (&b, "");
}

/*  Two gaps before it is told: one message, their sum; and what was told is not told again. */
static void test_what_was_skipped_is_added_up (void **state)
{
    (void) state;
    s_begin (2);
    s_watch (&b);
    tap_put (&hub, RIG_CALL, 1, 30);
    tap_wait (&hub, 0);                     /* 28 calls, told at once */
    tap_forget (&b);
    tap_put (&hub, RIG_CALL, 31, 60);
    tap_put (&hub, RIG_ERROR, 61, 61);
    tap_serve (&hub);
    tap_put (&hub, RIG_CALL, 62, 65);
    tap_put (&hub, RIG_RESULT, 66, 69);
    tap_put (&hub, RIG_ERROR, 70, 70);
    tap_serve (&hub);
    tap_expect (&b, "e61 e70");
    tap_wait (&hub, 1000);
    assert_true (tap_saw (&b, "\"message\":\"38 events were skipped\""));
    assert_true (tap_saw (&b, "\"counts\":{\"agent_tool_call\":34,\"agent_tool_result\":4}"));
    tap_forget (&b);
    tap_wait (&hub, 3000);
    tap_put (&hub, RIG_CALL, 71, 100);
    tap_wait (&hub, 1000);
    assert_true (tap_saw (&b, "\"message\":\"28 events were skipped\""));
    assert_true (tap_saw (&b, "\"counts\":{\"agent_tool_call\":28}"));
}

static void test_work_order_created_reaches_everybody (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", NULL, 0, 1, RIG_CREATED, 0, NULL }, hub.now_us);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W2", NULL, 0, 1, RIG_CREATED, 0, NULL }, hub.now_us);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W2", NULL, 0, 2, RIG_UPDATED, 0, NULL }, hub.now_us);
    tap_wait (&hub, 100);
    tap_expect (&a, "W1 stream_started W1");
    assert_int_equal (ag_client_subscriptions (b.client), 0);
    tap_expect (&b, "W1 W1");
}

/*  They cost what a critical event costs, and make no more debt than one may. */
static void test_a_burst_of_work_orders_does_not_silence_a_client (void **state)
{
    (void) state;
    s_begin (5);
    s_watch (&a);
    char work_order[16];
    for (int i = 0; i < 40; i++) {
        snprintf (work_order, sizeof work_order, "X%d", i);
        rig_put (hub.hub, NULL, &(rig_event_t) { work_order, NULL, 0, 1, RIG_CREATED, 0, NULL }, hub.now_us);
    }
    tap_wait (&hub, 0);
    tap_forget (&a);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 1100);                  /* from -5 to 1 takes 1.2 s */
    tap_expect (&a, "stream_started");
    tap_wait (&hub, 200);
    tap_expect (&a, "c1");
}

/* ---------------------------------------------------------------------- */
/*  Several streams, several subscriptions */

static void test_streams_share_the_rate_by_turns (void **state)
{
    (void) state;
    s_begin (6);
    s_watch (&a);
    tap_put_to (&hub, "R1", RIG_CALL, 1, 20);
    tap_put_to (&hub, "R2", RIG_RESULT, 1, 20);
    tap_put_to (&hub, "R3", RIG_USAGE, 1, 20);
    tap_serve (&hub);
    tap_expect (&a, "stream_started stream_started stream_started c1 r1 u1 c2 r2 u2");
    tap_wait (&hub, 900);                   /* one each 167 ms: the turn goes on where it was */
    tap_expect (&a, "c3 r3 u3 c4 r4");
}

static void test_the_same_run_twice_comes_once (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_subscribe_run (&a, &hub, "R1", NULL);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_put (&hub, RIG_CALL, 2, 2);
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed subscription_confirmed stream_started s1 c2");
    ag_client_unsubscribe (a.client, &(ag_subscribe_t) { .work_order = AG_STR ("W1") }, hub.now_us);
    tap_put (&hub, RIG_CALL, 3, 3);
    tap_wait (&hub, 100);
    tap_expect (&a, "unsubscription_confirmed c3");
    ag_client_unsubscribe (a.client, &(ag_subscribe_t) { .run = AG_STR ("R1") }, hub.now_us);
    tap_put (&hub, RIG_CALL, 4, 4);
    tap_put (&hub, RIG_PROGRESS, 5, 5);
    tap_wait (&hub, 100);
    tap_expect (&a, "unsubscription_confirmed p5");
}

static void test_both_subscriptions_resumed_by_one_cursor (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_subscribe_run (&a, &hub, "R1", NULL);
    tap_put (&hub, RIG_CALL, 1, 2);
    tap_wait (&hub, 0);
    char *cursor = strdup (a.cursor);
    tap_free (&a);
    tap_put (&hub, RIG_CALL, 3, 4);
    tap_init (&a, &hub, &(ag_client_options_t) { .batch = true });
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    request.cursor = (ag_str_t) { cursor, strlen (cursor) };
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);                     /* the first is served before the second comes */
    tap_expect (&a, "subscription_confirmed c3 c4 replay_complete");
    tap_subscribe_run (&a, &hub, "R1", cursor);
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed replay_complete");
    free (cursor);
}

/*  Each is told when its own replay is complete, whoever made the place catch up. */
static void test_two_replays_of_one_run_are_complete_together (void **state)
{
    (void) state;
    s_begin (1);                            /* 20 at once */
    tap_put (&hub, RIG_CALL, 1, 50);
    tap_put_to (&hub, "R2", RIG_CALL, 1, 1);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_forget (&a);
    request = (ag_subscribe_t) { .run = AG_STR ("R1"), .types = UINT32_MAX, .has_after = true };
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&a, "subscription_confirmed");
    tap_wait (&hub, 1000);
    assert_false (tap_saw (&a, "replay_complete"));
    tap_wait (&hub, 1000);
    assert_true (tap_saw (&a, "\"seq\":50,"));
    assert_true (tap_saw (&a, "\"type\":\"replay_complete\",\"workOrderId\":\"W1\""));
    assert_true (tap_saw (&a, "\"type\":\"replay_complete\",\"runId\":\"R1\""));
    tap_wait (&hub, 5000);
    tap_forget (&a);
    tap_put (&hub, RIG_CALL, 51, 51);
    tap_wait (&hub, 1000);
    tap_expect (&a, "c51");                 /* and each once */
}

/*  Asked for an epoch that nobody knows, in the midst of a replay: it waits, and holds nothing up. */
static void test_a_replay_that_is_given_up_for_a_later_epoch (void **state)
{
    (void) state;
    s_begin (1);
    tap_put (&hub, RIG_CALL, 1, 50);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_subscribe_run (&a, &hub, "R1", NULL);
    tap_forget (&a);
    ag_after_t after = { AG_STR ("R1"), RIG_EPOCH + 1, 7 };
    tap_subscribe (&a, &hub, &(ag_subscribe_t) {
        .run = AG_STR ("R1"), .types = UINT32_MAX, .has_after = true, .after = &after, .after_count = 1 });
    tap_wait (&hub, 100);
    assert_true (tap_saw (&a, "\"type\":\"replay_complete\",\"workOrderId\":\"W1\""));
}

/*  The run's owner becomes known while a viewer catches up there and with the work order. */
static void test_a_replay_of_a_run_whose_owner_is_not_known_yet (void **state)
{
    (void) state;
    s_begin (1);
    tap_put_to (&hub, "R2", RIG_CALL, 1, 60);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 1, 5, hub.now_us);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    tap_subscribe (&a, &hub, &request);
    request = (ag_subscribe_t) { .run = AG_STR ("R1"), .types = UINT32_MAX, .has_after = true };
    tap_subscribe (&a, &hub, &request);
    tap_put (&hub, RIG_CALL, 6, 6);
    tap_wait (&hub, 0);
    assert_false (tap_saw (&a, "\"type\":\"replay_complete\",\"workOrderId\":\"W1\""));
    tap_wait (&hub, 5000);
    assert_true (tap_saw (&a, "\"type\":\"replay_complete\",\"workOrderId\":\"W1\""));
    assert_true (tap_saw (&a, "\"type\":\"replay_complete\",\"runId\":\"R1\""));
}

/*  More runs than a cursor has room for: what it leaves out are runs that are over, and they
    come again from 1. What is handed out can be given back, and leaves room for events. */
static void test_a_cursor_of_very_many_runs (void **state)
{
    (void) state;
    enum { GOING_ON = 600, OVER = 600 };
    s_begin (0);
    s_watch (&a);
    char run[40];
    for (int i = 0; i < GOING_ON + OVER; i++) {
        snprintf (run, sizeof run, "00000000-0000-4000-8000-%012d", i);
        tap_put_to (&hub, run, RIG_CALL, 1, 1);
        tap_put_to (&hub, run, i % 2 ? RIG_COMPLETED : RIG_CALL, 2, 2);
    }
    tap_wait (&hub, 1000);
    char *cursor = strdup (a.cursor);
    assert_in_range (strlen (cursor), 47 * 1024, 48 * 1024);
    tap_forget (&a);
    for (uint64_t seq = 3; seq <= 42; seq++)
        tap_put_to (&hub, "00000000-0000-4000-8000-000000000000", RIG_CALL, seq, seq);
    tap_wait (&hub, 0);
    /*  Some 160 bytes each and the cursor: 40 of them fit into two frames or three of 64 KB. */
    size_t lines = 0;
    for (size_t i = 0; i < a.raw.len; i++)
        lines += a.raw.data[i] == '\n';
    assert_in_range (lines, 1, 3);
    tap_free (&a);
    tap_init (&a, &hub, &(ag_client_options_t) { .batch = true });
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    request.cursor = (ag_str_t) { cursor, strlen (cursor) };
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 1000);
    assert_true (tap_saw (&a, "replay_complete"));
    size_t again = 0, first = 0;
    for (size_t i = 0; i + 1 < a.log.len; i++) {
        again += a.log.data[i] == 'E';
        first += a.log.data[i] == 'c' && a.log.data[i + 1] == '1' && (i + 2 == a.log.len || a.log.data[i + 2] == ' ');
    }
    assert_in_range (again, 350, 450);      /* of 600, 200 had room */
    assert_int_equal (first, again);
    free (cursor);
}

static void test_a_run_seen_in_the_overview_then_opened (void **state)
{
    (void) state;
    s_begin (50);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_put (&hub, RIG_CALL, 2, 3);
    tap_put (&hub, RIG_PROGRESS, 4, 4);
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed stream_started s1 p4");
    ag_subscribe_t request = { .run = AG_STR ("R1"), .types = UINT32_MAX, .thinking = true, .has_after = true };
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed c2 c3 replay_complete");
}

/*  The overview, then the work order as it goes on, then the run from its beginning: what passed
    neither of the first two was not sent, and what did does not come twice. */
static void test_one_run_seen_by_three_subscriptions (void **state)
{
    (void) state;
    s_begin (50);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_put (&hub, RIG_CALL, 2, 3);
    tap_put (&hub, RIG_PROGRESS, 4, 4);
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed stream_started s1 p4");
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .work_order = AG_STR ("W1"), .types = UINT32_MAX });
    tap_put (&hub, RIG_CALL, 5, 5);
    tap_put (&hub, RIG_PROGRESS, 6, 6);
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed c5 p6");
    tap_put (&hub, RIG_CALL, 7, 7);         /* on its way */
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .run = AG_STR ("R1"), .types = UINT32_MAX, .has_after = true });
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed c2 c3 c7 replay_complete");
    tap_put (&hub, RIG_CALL, 8, 8);
    tap_wait (&hub, 100);
    tap_expect (&a, "c8");
}

static bool s_saw_all (uint64_t first, uint64_t last)
{
    char part[32];
    for (uint64_t seq = first; seq <= last; seq++) {
        snprintf (part, sizeof part, "\"seq\":%llu,", (unsigned long long) seq);
        if (!tap_saw (&a, part))
            return false;
    }
    return true;
}

/*  What was shed was not sent, so a subscription with a position gets it. */
static void test_what_was_shed_can_be_asked_for (void **state)
{
    (void) state;
    s_begin (10);
    tap_subscribe_run (&a, &hub, "R1", NULL);
    tap_put (&hub, RIG_LOOSE, 1, 120);
    tap_serve (&hub);
    tap_expect (&a, "subscription_confirmed stream_started gap[1-110 rate] o111 o112 o113 o114 o115 o116 o117 o118 o119 o120");
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 1000);
    assert_true (s_saw_all (1, 110));
}

/*  Also when the filter was widened in the midst of what the decision had kept. */
static void test_what_is_being_shed_can_be_asked_for (void **state)
{
    (void) state;
    s_begin (50);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.types = 1u << AG_AGENT_TOOL_CALL | 1u << AG_AGENT_OUTPUT;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_put (&hub, RIG_CALL, 1, 20);
    tap_put (&hub, RIG_LOOSE, 21, 600);
    ag_frame_t frame;
    int64_t when_us;
    do                                      /* the first of what was kept: a call */
        assert_int_equal (ag_client_next (a.client, hub.now_us, 100, &frame, &when_us), 1);
    while (!rig_is (frame.messages[0], "batch"));
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_wait (&hub, 100);
    assert_true (s_saw_all (2, 20));
    tap_forget (&a);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .run = AG_STR ("R1"), .types = UINT32_MAX, .has_after = true });
    tap_wait (&hub, 1000);
    assert_true (s_saw_all (21, 570));
}

static void test_the_overview_begins_with_the_latest_state (void **state)
{
    (void) state;
    s_begin (50);
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_put (&hub, RIG_PROGRESS, 2, 9);
    tap_put_to (&hub, "R2", RIG_STARTED, 1, 1);
    tap_put_to (&hub, "R2", RIG_COMPLETED, 2, 2);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_wait (&hub, 0);
    tap_expect (&a, "subscription_confirmed s1 p9");
    tap_put (&hub, RIG_PROGRESS, 10, 10);
    tap_put_to (&hub, "R3", RIG_STARTED, 1, 1);
    tap_wait (&hub, 100);
    tap_expect (&a, "stream_started p10 s1");
}

/*  Nor of what is over, although this client has a place there. */
static void test_the_overview_beside_the_work_order (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_put_to (&hub, "R2", RIG_STARTED, 1, 1);
    tap_put_to (&hub, "R2", RIG_COMPLETED, 2, 2);
    tap_wait (&hub, 100);
    tap_forget (&a);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed s1");
}

static bool s_only_w1 (void *user, ag_str_t work_order)
{
    (void) user;
    return work_order.len == 2 && memcmp (work_order.ptr, "W1", 2) == 0;
}

static void test_what_may_not_be_seen_is_not (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    options.may_see = s_only_w1;
    s_begin_with (&options);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_subscribe_run (&a, &hub, "R9", NULL);       /* not known yet, and then it is W2's */
    tap_wait (&hub, 0);
    tap_forget (&a);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W2", "R9", 0, 1, RIG_STARTED, 0, NULL }, hub.now_us);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W2", NULL, 0, 1, RIG_CREATED, 0, NULL }, hub.now_us);
    tap_wait (&hub, 100);
    tap_expect (&a, "");
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_wait (&hub, 100);
    tap_expect (&a, "stream_started s1");
}

static void test_at_most_so_many_subscriptions (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    options.subscriptions_max = 2;
    s_begin_with (&options);
    s_watch (&a);
    tap_subscribe_run (&a, &hub, "R1", NULL);
    tap_subscribe_run (&a, &hub, "R1", NULL);       /* the same again replaces it */
    assert_int_equal (ag_client_subscriptions (a.client), 2);
    ag_subscribe_t request = rig_subscribe ("W2");
    char *error = NULL;
    assert_int_equal (ag_client_subscribe (a.client, &request, hub.now_us, &error), -1);
    assert_string_equal (error, "at most 2 subscriptions");
    free (error);
}

static void test_the_same_again_with_a_position_is_a_replay (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 3);
    tap_wait (&hub, 0);
    tap_forget (&a);
    ag_after_t after = { AG_STR ("R1"), 0, 1 };
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    request.after = &after;
    request.after_count = 1;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&a, "subscription_confirmed c2 c3 replay_complete");
}

/*  What had ended goes on: a writer that was given up, a run that is started anew. */
static void test_the_overview_sees_what_comes_back (void **state)
{
    (void) state;
    s_begin (50);
    tap_put (&hub, RIG_STARTED, 1, 1);
    ag_hub_producer (hub.hub, AG_STR ("R1"), AG_STR ("W1"), AG_STR ("R1"), RIG_EPOCH, AG_PRODUCER_LOST, hub.now_us);
    tap_put_to (&hub, "R2", RIG_STARTED, 1, 1);
    tap_put_to (&hub, "R2", RIG_COMPLETED, 2, 2);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_wait (&hub, 0);
    tap_expect (&a, "subscription_confirmed");
    tap_put (&hub, RIG_COMPLETED, 2, 2);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R2", RIG_EPOCH + 1, 1, RIG_STARTED, 0, NULL }, hub.now_us);
    tap_wait (&hub, 100);
    tap_expect (&a, "stream_started stream_started E2 s1");
    /*  And it is not forgotten with what has ended. */
    ag_hub_housekeep (hub.hub, hub.now_us + 3601ll * 1000 * 1000);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R2", RIG_EPOCH + 1, 2, RIG_PROGRESS, 0, NULL }, hub.now_us);
    tap_wait (&hub, 100);
    tap_expect (&a, "p2");
}

/* ---------------------------------------------------------------------- */
/*  Silence, producers, flow */

static void test_heartbeat_after_ten_seconds_of_silence (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    s_watch (&b);
    tap_put (&hub, RIG_CALL, 1, 3);
    tap_wait (&hub, 9999);
    tap_expect (&a, "stream_started c1 c2 c3");
    tap_wait (&hub, 2);
    assert_true (tap_saw (&a, "\"heads\":{\"R1\":3},\"producers\":{\"R1\":\"alive\"},\"timestamp\":\""));
    tap_expect (&a, "heartbeat");
    tap_expect (&b, "c1 c2 c3");
}

static void test_a_producer_in_trouble_is_told_at_once (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 200);
    tap_forget (&a);
    ag_hub_producer (hub.hub, AG_STR ("R1"), AG_STR ("W1"), AG_STR ("R1"), RIG_EPOCH, AG_PRODUCER_REPAIRING, hub.now_us);
    tap_serve (&hub);
    assert_true (tap_saw (&a, "\"R1\":\"repairing\""));
    tap_expect (&a, "heartbeat");
}

/*  A network goes down, and with it all writers: not one heartbeat for each. */
static void test_many_producers_in_trouble_are_one_heartbeat (void **state)
{
    (void) state;
    s_begin (0);
    s_watch (&a);
    char run[16];
    for (int i = 0; i < 100; i++) {
        snprintf (run, sizeof run, "run-%d", i);
        tap_put_to (&hub, run, RIG_CALL, 1, 1);
    }
    tap_wait (&hub, 300);
    tap_forget (&a);
    for (int i = 0; i < 100; i++) {
        snprintf (run, sizeof run, "run-%d", i);
        ag_str_t id = { run, strlen (run) };
        ag_hub_producer (hub.hub, id, AG_STR ("W1"), id, RIG_EPOCH, AG_PRODUCER_REPAIRING, hub.now_us);
        if (i == 50)
            tap_serve (&hub);
    }
    tap_serve (&hub);
    assert_true (tap_saw (&a, "\"run-50\":\"repairing\""));
    assert_false (tap_saw (&a, "\"run-51\":\"repairing\""));
    tap_expect (&a, "heartbeat");           /* the first at once */
    tap_wait (&hub, 200);
    assert_true (tap_saw (&a, "\"run-51\":\"repairing\""));
    tap_expect (&a, "heartbeat");           /* the others with the window */
    tap_wait (&hub, 9000);
    tap_expect (&a, "");
}

static void test_backpressure_is_told_and_stretches_the_window (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    ag_client_set_stalled (a.client, true, hub.now_us);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "\"state\":\"slow\""));
    tap_expect (&a, "backpressure stream_started c1");
    tap_put (&hub, RIG_CALL, 2, 2);
    tap_wait (&hub, 150);                   /* ticks are 400 ms apart now, the next one at 1.2 s */
    tap_expect (&a, "");
    tap_wait (&hub, 50);
    tap_expect (&a, "c2");
    ag_client_set_stalled (a.client, false, hub.now_us);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "\"state\":\"ok\""));
    tap_expect (&a, "backpressure");
}

static void test_backpressure_says_when_it_sheds (void **state)
{
    (void) state;
    s_begin (2);
    s_watch (&a);
    ag_client_set_stalled (a.client, true, hub.now_us);
    tap_put (&hub, RIG_CALL, 1, 30);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "{\"type\":\"backpressure\",\"state\":\"slow\",\"lagEvents\":0,\"lagMs\":0}"));
    assert_true (tap_saw (&a, "\"state\":\"shedding\",\"lagEvents\":30"));
    tap_forget (&a);
    ag_client_set_stalled (a.client, false, hub.now_us);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&a, "\"state\":\"ok\""));
}

/*  A window that is longer than any stretched one stays as it is. */
static void test_a_stalled_client_never_gets_a_shorter_window (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    options.batch_us = 10 * 1000 * 1000;
    s_begin_with (&options);
    s_watch (&a);
    ag_client_set_stalled (a.client, true, hub.now_us);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 0);
    tap_expect (&a, "backpressure stream_started c1");
    tap_put (&hub, RIG_CALL, 2, 2);
    tap_wait (&hub, 8000);
    tap_expect (&a, "");
    tap_wait (&hub, 1000);
    tap_expect (&a, "c2");
}

/* ---------------------------------------------------------------------- */
/*  Sharing and memory */

static void test_clients_at_the_same_place_share_the_frame (void **state)
{
    (void) state;
    s_begin (50);
    tap_t c;
    tap_init (&c, &hub, &(ag_client_options_t) { .batch = true });
    s_watch (&a);
    s_watch (&c);
    tap_put (&hub, RIG_CALL, 1, 5);
    tap_wait (&hub, 0);
    assert_int_equal (a.frame_id, c.frame_id);
    tap_expect (&a, "stream_started c1 c2 c3 c4 c5");
    tap_expect (&c, "stream_started c1 c2 c3 c4 c5");
    tap_free (&c);
}

/*  At the same place, but not alike: each gets its own. */
static void test_clients_that_differ_do_not_share (void **state)
{
    (void) state;
    s_begin (10);
    tap_t single, slower, wider, again;
    tap_init (&single, &hub, &(ag_client_options_t) { 0 });                 /* extended, without batch */
    tap_init (&slower, &hub, &(ag_client_options_t) { .batch = true });
    tap_init (&wider, &hub, &(ag_client_options_t) { .batch = true });
    tap_init (&again, &hub, &(ag_client_options_t) { .batch = true });
    tap_t *all[] = { &a, &single, &slower, &wider, &again };
    for (size_t i = 0; i < 5; i++)
        s_watch (all[i]);
    tap_subscribe_run (&wider, &hub, "R2", NULL);
    tap_put_to (&hub, "R2", RIG_PROGRESS, 1, 3);                            /* R2 is of W1 too; now all have it */
    tap_wait (&hub, 2000);
    ag_subscribe_t w2 = rig_subscribe ("W2");
    tap_subscribe (&wider, &hub, &w2);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W2", "R9", 0, 1, RIG_PROGRESS, 0, NULL }, hub.now_us);
    ag_client_set_options (slower.client, &(ag_client_options_t) { .batch = true, .rate_limit = 2 }, hub.now_us);
    tap_wait (&hub, 2000);
    for (size_t i = 0; i < 5; i++)
        tap_forget (all[i]);
    tap_put (&hub, RIG_CALL, 1, 4);
    tap_wait (&hub, 0);
    tap_expect (&a, "stream_started c1 c2 c3 c4");
    assert_false (tap_saw (&single, "\"batch\""));
    tap_expect (&single, "stream_started c1 c2 c3 c4");
    tap_expect (&slower, "stream_started c1 c2");
    tap_expect (&wider, "stream_started c1 c2 c3 c4");
    assert_string_not_equal (a.cursor, wider.cursor);       /* there is R9 in it */
    /*  One has had some of it. */
    ag_after_t after = { AG_STR ("R1"), 0, 0 };
    ag_subscribe_t replay = { .run = AG_STR ("R1"), .types = UINT32_MAX, .partial = true, .thinking = true,
        .has_after = true, .after = &after, .after_count = 1 };
    tap_forget (&again);
    ag_client_unsubscribe (a.client, &(ag_subscribe_t) { .work_order = AG_STR ("W1") }, hub.now_us);
    after.seq = 2;
    tap_subscribe (&a, &hub, &replay);
    ag_client_unsubscribe (again.client, &(ag_subscribe_t) { .work_order = AG_STR ("W1") }, hub.now_us);
    tap_subscribe_run (&again, &hub, "R1", NULL);
    tap_put (&hub, RIG_CALL, 5, 5);
    ag_subscribe_t order = rig_subscribe ("W1");
    order.has_after = true;
    order.after = &after;
    order.after_count = 1;
    tap_wait (&hub, 1000);
    tap_forget (&again);
    tap_expect (&a, "unsubscription_confirmed subscription_confirmed c3 c4 c5 replay_complete");
    tap_subscribe (&again, &hub, &order);                   /* has had 5 */
    tap_wait (&hub, 1000);
    assert_true (tap_saw (&again, "\"seq\":4,"));
    assert_false (tap_saw (&again, "\"seq\":5,"));
    for (size_t i = 1; i < 5; i++)
        tap_free (all[i]);
}

/*  One has had some of it, one has been found behind, one stands elsewhere in another run: all
    that differs is in what the frame is built for. */
static void test_what_a_frame_is_built_for (void **state)
{
    (void) state;
    s_begin (50);
    tap_t c;
    tap_init (&c, &hub, &(ag_client_options_t) { .batch = true });
    tap_put (&hub, RIG_CALL, 1, 2);
    ag_subscribe_t replay = { .run = AG_STR ("R1"), .types = UINT32_MAX, .has_after = true };
    tap_subscribe (&c, &hub, &(ag_subscribe_t) { .work_order = AG_STR ("W1"), .types = UINT32_MAX });
    tap_put (&hub, RIG_CALL, 3, 4);
    tap_wait (&hub, 0);
    tap_expect (&c, "subscription_confirmed c3 c4");
    tap_subscribe (&a, &hub, &replay);
    tap_subscribe (&c, &hub, &replay);
    tap_wait (&hub, 0);
    tap_expect (&a, "subscription_confirmed c1 c2 c3 c4 replay_complete");
    tap_expect (&c, "subscription_confirmed c1 c2 replay_complete");
    /*  Both may have ten now, and both have 120 in front of them; but only one is behind. */
    tap_wait (&hub, 3000);
    ag_client_unsubscribe (c.client, &(ag_subscribe_t) { .work_order = AG_STR ("W1") }, hub.now_us);
    tap_put (&hub, RIG_LOOSE, 5, 44);
    tap_wait (&hub, 0);
    ag_client_set_options (c.client, &(ag_client_options_t) { .batch = true, .rate_limit = 10 }, hub.now_us);
    ag_client_set_stalled (a.client, true, hub.now_us);
    tap_wait (&hub, 0);
    ag_client_set_stalled (a.client, false, hub.now_us);
    tap_wait (&hub, 0);
    tap_forget (&a);
    tap_forget (&c);
    tap_put (&hub, RIG_LOOSE, 45, 164);
    tap_serve (&hub);
    tap_expect (&a, "o45 o46 o47 o48 o49 o50 o51 o52 o53 o54");
    hub.now_us += 100000;
    ag_hub_tick (hub.hub, hub.now_us);
    tap_serve (&hub);
    assert_true (tap_saw (&c, "\"reason\":\"rate\""));
    assert_false (tap_saw (&c, "\"seq\":45,"));
    tap_free (&c);
}

static void test_a_cursor_is_of_the_client_that_gets_it (void **state)
{
    (void) state;
    s_begin (50);
    tap_t c;
    tap_init (&c, &hub, &(ag_client_options_t) { .batch = true });
    tap_put_to (&hub, "R2", RIG_CALL, 1, 1);
    tap_put_to (&hub, "R3", RIG_CALL, 1, 1);
    tap_subscribe_run (&a, &hub, "R1", NULL);
    tap_subscribe_run (&a, &hub, "R2", NULL);
    tap_subscribe_run (&c, &hub, "R1", NULL);
    tap_subscribe_run (&c, &hub, "R3", NULL);
    tap_put (&hub, RIG_CALL, 1, 3);
    tap_wait (&hub, 0);
    assert_string_not_equal (a.cursor, c.cursor);
    tap_free (&c);
}

/*  The same numbers, another epoch. */
static void test_a_frame_of_another_epoch_is_not_handed_out (void **state)
{
    (void) state;
    s_begin (50);
    s_watch (&a);
    tap_put (&hub, RIG_CALL, 1, 3);
    tap_wait (&hub, 500);
    tap_expect (&a, "stream_started c1 c2 c3");
    for (uint64_t seq = 1; seq <= 3; seq++)
        rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, seq, RIG_RESULT, 0, NULL }, hub.now_us);
    tap_wait (&hub, 500);
    tap_expect (&a, "stream_started r1 r2 r3");
}

/*  What was built before a late event came is not what is there now. */
static void test_a_frame_of_before_is_not_handed_out (void **state)
{
    (void) state;
    s_begin (50);
    tap_t c;
    tap_init (&c, &hub, &(ag_client_options_t) { .batch = true });
    tap_put (&hub, RIG_CALL, 1, 2);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 3, 3, hub.now_us);
    tap_put (&hub, RIG_CALL, 4, 5);
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    tap_subscribe (&a, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&a, "subscription_confirmed c1 c2 gap[3-3 lost] c4 c5 replay_complete");
    ag_event_t *late = rig_event (&(rig_event_t) { "W1", "R1", 0, 3, RIG_CALL, 0, NULL });
    ag_hub_repaired (hub.hub, AG_STR ("R1"), RIG_EPOCH, &late, 1, hub.now_us);
    ag_event_unref (&late);
    tap_subscribe (&c, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&c, "subscription_confirmed c1 c2 c3 c4 c5 replay_complete");
    tap_free (&c);
}

static void test_all_rings_together_keep_their_limit (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    options.total_bytes = 100000;
    s_begin_with (&options);
    ag_hub_stats_t stats;
    ag_stream_info_t info;
    tap_put_to (&hub, "old", RIG_CALL, 1, 50);
    tap_put_to (&hub, "old", RIG_COMPLETED, 51, 51);
    tap_put_to (&hub, "live", RIG_CALL, 1, 100);
    for (uint64_t seq = 1; seq <= 300; seq++) {
        tap_put_to (&hub, "new", RIG_CALL, seq, seq);
        ag_hub_stats (hub.hub, &stats);
        assert_true (stats.bytes <= 100000);
    }
    assert_true (ag_hub_stream (hub.hub, AG_STR ("old"), &info));
    assert_int_equal (info.first, 0);       /* the ended one gave way first, and whole */
    assert_true (ag_hub_stream (hub.hub, AG_STR ("new"), &info));
    assert_int_equal (info.last, 300);
}

static void test_retention_forgets_ended_streams (void **state)
{
    (void) state;
    s_begin (50);
    tap_subscribe (&a, &hub, &(ag_subscribe_t) { .all = true, .types = UINT32_MAX });
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_put (&hub, RIG_COMPLETED, 2, 2);
    tap_put_to (&hub, "R2", RIG_STARTED, 1, 1);
    tap_wait (&hub, 100);
    ag_hub_stats_t stats;
    ag_hub_housekeep (hub.hub, hub.now_us + 3599ll * 1000 * 1000);
    ag_hub_stats (hub.hub, &stats);
    assert_int_equal (stats.streams, 2);
    ag_hub_housekeep (hub.hub, hub.now_us + 3600ll * 1000 * 1000);
    ag_hub_stats (hub.hub, &stats);
    assert_int_equal (stats.streams, 1);
    assert_int_equal (stats.events, 1);
}

/*  But who watches one keeps its place, and a run that is started anew finds it there. */
static void test_retention_keeps_who_watches (void **state)
{
    (void) state;
    s_begin (50);
    tap_subscribe_run (&a, &hub, "R1", NULL);
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_put (&hub, RIG_COMPLETED, 2, 2);
    tap_wait (&hub, 100);
    tap_expect (&a, "subscription_confirmed stream_started s1 E2");
    ag_hub_housekeep (hub.hub, hub.now_us + 3600ll * 1000 * 1000);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 1, RIG_STARTED, 0, NULL }, hub.now_us);
    tap_wait (&hub, 100);
    tap_expect (&a, "stream_started s1");
}

#define CASE(name) cmocka_unit_test_teardown (name, s_end)

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (test_text_of_one_block_is_joined),
        CASE (test_text_without_message_never_joins),
        CASE (test_text_is_joined_up_to_64_kib),
        CASE (test_the_last_byte_of_64_kib),
        CASE (test_a_decision_reckons_with_64_kib),
        CASE (test_files_and_progress_become_the_last),
        CASE (test_nothing_is_joined_over_a_tool_call),
        CASE (test_a_decision_reckons_with_groups_as_they_will_be),
        CASE (test_nothing_is_joined_over_a_hole),
        CASE (test_partials_and_thinking_are_asked_for),
        CASE (test_filtered_events_are_no_gap),
        CASE (test_a_plain_client_is_told_in_its_own_words),
        CASE (test_what_was_skipped_is_added_up),
        CASE (test_work_order_created_reaches_everybody),
        CASE (test_a_burst_of_work_orders_does_not_silence_a_client),
        CASE (test_streams_share_the_rate_by_turns),
        CASE (test_the_same_run_twice_comes_once),
        CASE (test_both_subscriptions_resumed_by_one_cursor),
        CASE (test_two_replays_of_one_run_are_complete_together),
        CASE (test_a_replay_that_is_given_up_for_a_later_epoch),
        CASE (test_a_replay_of_a_run_whose_owner_is_not_known_yet),
        CASE (test_a_cursor_of_very_many_runs),
        CASE (test_a_run_seen_in_the_overview_then_opened),
        CASE (test_one_run_seen_by_three_subscriptions),
        CASE (test_what_was_shed_can_be_asked_for),
        CASE (test_what_is_being_shed_can_be_asked_for),
        CASE (test_the_overview_begins_with_the_latest_state),
        CASE (test_the_overview_beside_the_work_order),
        CASE (test_what_may_not_be_seen_is_not),
        CASE (test_at_most_so_many_subscriptions),
        CASE (test_the_same_again_with_a_position_is_a_replay),
        CASE (test_the_overview_sees_what_comes_back),
        CASE (test_heartbeat_after_ten_seconds_of_silence),
        CASE (test_a_producer_in_trouble_is_told_at_once),
        CASE (test_many_producers_in_trouble_are_one_heartbeat),
        CASE (test_backpressure_is_told_and_stretches_the_window),
        CASE (test_backpressure_says_when_it_sheds),
        CASE (test_a_stalled_client_never_gets_a_shorter_window),
        CASE (test_clients_at_the_same_place_share_the_frame),
        CASE (test_clients_that_differ_do_not_share),
        CASE (test_what_a_frame_is_built_for),
        CASE (test_a_cursor_is_of_the_client_that_gets_it),
        CASE (test_a_frame_of_another_epoch_is_not_handed_out),
        CASE (test_a_frame_of_before_is_not_handed_out),
        CASE (test_all_rings_together_keep_their_limit),
        CASE (test_retention_forgets_ended_streams),
        CASE (test_retention_keeps_who_watches),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
