/*  tests/test_feed_replay.c - positions, one boundary each

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
static tap_t tap;

static void
s_begin (uint32_t buffer, bool history, uint32_t rate)
{
    ag_hub_options_t options = rig_options ();
    options.buffer_events = buffer;
    options.rate_limit = rate;
    tap_hub_init (&hub, &options, history);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
}

static int
s_end (void **state)
{
    (void) state;
    tap_free (&tap);
    tap_hub_free (&hub);
    return 0;
}

/*  Subscribes to the run R1 with after: {"R1": "epoch:seq"}. */
static void
s_after (uint64_t epoch, uint64_t seq)
{
    ag_after_t after = { AG_STR ("R1"), epoch, seq };
    ag_subscribe_t request = {
        .run = AG_STR ("R1"), .types = UINT32_MAX, .thinking = true, .has_after = true, .after = &after, .after_count = 1
    };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
}

static void
test_before_the_oldest_is_partial (void **state)
{
    (void) state;
    s_begin (3, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);        /* holds 8..10 */
    s_after (0, 6);
    assert_true (tap_saw (&tap, "\"replay\":\"partial\""));
    assert_true (tap_saw (&tap, "\"counts\":{\"agent_tool_call\":1},\"recoverable\":false"));
    tap_expect (&tap, "subscription_confirmed gap[7-7 evicted] c8 c9 c10 replay_complete");
}

static void
test_one_before_the_oldest_is_complete (void **state)
{
    (void) state;
    s_begin (3, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    s_after (0, 7);
    assert_true (tap_saw (&tap, "\"replay\":\"complete\""));
    tap_expect (&tap, "subscription_confirmed c8 c9 c10 replay_complete");
}

static void
test_the_oldest_itself (void **state)
{
    (void) state;
    s_begin (3, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    s_after (0, 8);
    tap_expect (&tap, "subscription_confirmed c9 c10 replay_complete");
}

static void
test_the_newest_itself (void **state)
{
    (void) state;
    s_begin (3, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    s_after (RIG_EPOCH, 10);
    tap_expect (&tap, "subscription_confirmed replay_complete");
    tap_put (&hub, RIG_CALL, 11, 11);
    tap_wait (&hub, 0);
    tap_expect (&tap, "c11");
}

static void
test_ahead_of_the_head_only_what_is_greater (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    s_after (RIG_EPOCH, 15);
    tap_expect (&tap, "subscription_confirmed replay_complete");
    tap_put (&hub, RIG_CALL, 11, 15);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "");
    tap_put (&hub, RIG_CALL, 16, 17);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "c16 c17");
}

static void
test_an_epoch_that_is_not_known_yet_waits (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_CALL, 1, 3);
    s_after (RIG_EPOCH + 5, 2);
    assert_true (tap_saw (&tap, "\"replay\":\"waiting\""));
    tap_expect (&tap, "subscription_confirmed replay_complete");
    tap_put (&hub, RIG_CALL, 4, 5);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "");
    for (uint64_t seq = 1; seq <= 4; seq++)
        rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 5, seq, RIG_CALL, 0, NULL }, hub.now_us);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "stream_started c3 c4");
}

static void
test_a_newer_epoch_resets (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 1, RIG_CALL, 0, NULL }, hub.now_us);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 2, RIG_CALL, 0, NULL }, hub.now_us);
    s_after (RIG_EPOCH, 700);
    assert_true (tap_saw (&tap, "\"replay\":\"reset\""));
    tap_expect (&tap, "subscription_confirmed c1 c2 replay_complete");
}

static void
test_a_newer_epoch_while_watching_ends_the_old_one (void **state)
{
    (void) state;
    s_begin (1000, false, 5);
    tap_put (&hub, RIG_CALL, 1, 1);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed c1 replay_complete");
    tap_put (&hub, RIG_CALL, 2, 12);
    tap_wait (&hub, 0);
    tap_expect (&tap, "c2 c3 c4 c5 c6");
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 1, RIG_ERROR, 0, NULL }, hub.now_us);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&tap, "\"counts\":{\"agent_tool_call\":6}"));
    tap_expect (&tap, "gap[7-12 evicted] stream_started e1");
}

static void
test_an_older_epoch_is_not_streamed (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_CALL, 1, 1);
    s_after (0, 0);
    tap_forget (&tap);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH - 1, 2, RIG_CALL, 0, NULL }, hub.now_us);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "");
}

static void
test_an_empty_ring_and_no_history (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    ag_hub_producer (hub.hub, AG_STR ("R1"), AG_STR ("W1"), AG_STR ("R1"), RIG_EPOCH, AG_PRODUCER_ALIVE, hub.now_us);
    s_after (0, 0);
    assert_true (tap_saw (&tap, "\"R1\":{\"epoch\":\"0000000000001000\",\"first\":0,\"last\":0,\"state\":\"alive\""));
    tap_expect (&tap, "subscription_confirmed replay_complete");
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 0);
    tap_expect (&tap, "c1");
}

static void
test_a_run_that_does_not_exist_yet (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed");
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_wait (&hub, 0);
    tap_expect (&tap, "stream_started s1");
}

static void
test_first_known_is_not_one (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_put (&hub, RIG_CALL, 500, 500);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed stream_started c500");
}

static void
test_first_known_is_behind_the_position (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    s_after (RIG_EPOCH, 470);
    tap_put (&hub, RIG_CALL, 500, 500);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed replay_complete stream_started gap[471-499 evicted] c500");
}

static void
test_an_idle_client_whose_position_ages_out (void **state)
{
    (void) state;
    s_begin (2, false, 50);
    tap_put (&hub, RIG_CALL, 1, 1);
    ag_subscribe_t request = { .run = AG_STR ("R1"), .types = 1u << AG_AGENT_TOOL_CALL };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed");
    tap_put (&hub, RIG_TEXT, 2, 100);       /* nothing for it: its place fell off the ring long ago */
    tap_wait (&hub, 20000);
    tap_expect (&tap, "heartbeat heartbeat");
    tap_put (&hub, RIG_CALL, 101, 101);
    tap_wait (&hub, 0);
    tap_expect (&tap, "c101");
}

static void
test_a_stalled_client_that_fell_off_the_ring (void **state)
{
    (void) state;
    s_begin (4, false, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_wait (&hub, 0);
    tap_forget (&tap);
    tap_put (&hub, RIG_CALL, 1, 4);
    tap_put (&hub, RIG_RESULT, 5, 10);      /* holds 7..10; nobody served it */
    tap_wait (&hub, 100);
    assert_true (tap_saw (&tap, "\"counts\":{\"agent_tool_call\":4,\"agent_tool_result\":2},\"recoverable\":false"));
    tap_expect (&tap, "stream_started gap[1-6 evicted] r7 r8 r9 r10");
}

static void
test_the_history_fills_in_for_the_ring (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_wait (&hub, 0);
    tap_forget (&tap);
    tap_put (&hub, RIG_CALL, 1, 10);
    tap_wait (&hub, 100);
    tap_expect (&tap, "stream_started c1 c2 c3 c4 c5 c6 c7 c8 c9 c10");
}

/*  A disk takes its time: what fell off the ring is waited for, and is no gap. */
static void
test_what_is_on_its_way_into_the_history_is_waited_for (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_wait (&hub, 0);
    tap_forget (&tap);
    rig_history_delay (hub.history, true);
    tap_put (&hub, RIG_CALL, 1, 10);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "");
    rig_history_delay (hub.history, false);
    tap_wait (&hub, 100);
    tap_expect (&tap, "stream_started c1 c2 c3 c4 c5 c6 c7 c8 c9 c10");
}

static void
test_what_never_comes_into_the_history_is_a_gap (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_wait (&hub, 0);
    tap_forget (&tap);
    rig_history_delay (hub.history, true);
    tap_put (&hub, RIG_CALL, 1, 10);
    tap_wait (&hub, 1000);
    rig_history_drop (hub.history);         /* the disk has failed */
    tap_wait (&hub, 100);
    tap_expect (&tap, "stream_started gap[1-6 evicted] c7 c8 c9 c10");
}

static void
test_what_was_given_up_before_anything_came_is_lost_and_not_deleted (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 1, 3, hub.now_us);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-3 lost] replay_complete");
}

static void
test_a_run_that_ended_while_away (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_STARTED, 1, 1);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_wait (&hub, 0);
    tap_free (&tap);
    tap_put (&hub, RIG_CALL, 2, 9);
    tap_put (&hub, RIG_COMPLETED, 10, 10);
    hub.now_us += 2ll * 3600 * 1000 * 1000;
    ag_hub_housekeep (hub.hub, hub.now_us);
    ag_hub_stats_t stats;
    ag_hub_stats (hub.hub, &stats);
    assert_int_equal (stats.streams, 0);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
    s_after (RIG_EPOCH, 1);
    tap_expect (&tap, "subscription_confirmed c2 c3 c4 c5 c6 c7 c8 c9 E10 replay_complete");
}

static void
test_a_work_order_that_only_the_history_knows (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 2);
    tap_put_to (&hub, "R2", RIG_CALL, 1, 1);
    /*  A restart: what was in memory is gone. */
    tap_free (&tap);
    ag_hub_destroy (&hub.hub);
    ag_hub_options_t options = rig_options ();
    options.history = rig_history_face (hub.history);
    hub.hub = ag_hub_new (&options);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
    ag_subscribe_t request = { .work_order = AG_STR ("W1"), .types = UINT32_MAX, .has_after = true };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&tap, "\"R1\":{\"epoch\":\"0000000000001000\",\"first\":1,\"last\":2,\"state\":\"lost\""));
    assert_true (tap_saw (&tap, "\"R2\":{"));
    tap_expect (&tap, "subscription_confirmed c1 c1 c2 replay_complete");
    /*  And the run goes on where it was. */
    tap_put (&hub, RIG_CALL, 3, 3);
    tap_wait (&hub, 0);
    tap_expect (&tap, "c3");
}

static bool
s_nobody (void *user, ag_str_t work_order)
{
    (void) user, (void) work_order;
    return false;
}

static void
test_what_only_the_history_knows_may_be_forbidden (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 2);
    tap_free (&tap);
    ag_hub_destroy (&hub.hub);
    ag_hub_options_t options = rig_options ();
    options.history = rig_history_face (hub.history);
    options.may_see = s_nobody;
    hub.hub = ag_hub_new (&options);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
    s_after (0, 0);
    tap_put (&hub, RIG_CALL, 3, 3);
    tap_wait (&hub, 100);
    tap_expect (&tap, "subscription_confirmed replay_complete");
}

static void
test_retention_of_the_history (void **state)
{
    (void) state;
    s_begin (2, true, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    rig_history_prune (hub.history, "R1", RIG_EPOCH, 4);
    s_after (0, 1);
    tap_expect (&tap, "subscription_confirmed gap[2-3 retention] c4 c5 c6 c7 c8 c9 c10 replay_complete");
}

static void
test_the_history_cannot_be_read_for_a_while (void **state)
{
    (void) state;
    s_begin (2, true, 50);
    tap_put (&hub, RIG_CALL, 1, 5);
    rig_history_fail (hub.history, true);
    s_after (0, 2);
    tap_expect (&tap, "subscription_confirmed");
    tap_wait (&hub, 500);
    tap_expect (&tap, "");
    rig_history_fail (hub.history, false);
    tap_wait (&hub, 200);
    tap_expect (&tap, "c3 c4 c5 replay_complete");
}

static void
test_all_events_filtered (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_TEXT, 1, 50);
    ag_after_t after = { AG_STR ("R1"), 0, 0 };
    ag_subscribe_t request = {
        .run = AG_STR ("R1"), .types = 1u << AG_AGENT_TOOL_CALL, .has_after = true, .after = &after, .after_count = 1
    };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "subscription_confirmed replay_complete");
    /*  The cursor accounts for them. */
    char *cursor = strdup (tap.cursor);
    tap_free (&tap);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
    tap_subscribe_run (&tap, &hub, "R1", cursor);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "subscription_confirmed replay_complete");
    free (cursor);
}

static void
test_a_ring_of_one (void **state)
{
    (void) state;
    s_begin (1, false, 50);
    tap_put (&hub, RIG_CALL, 1, 3);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-2 evicted] c3 replay_complete");
}

static void
test_replay_count (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    ag_subscribe_t request = { .work_order = AG_STR ("W1"), .types = UINT32_MAX, .replay_count = 3 };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed c8 c9 c10 replay_complete");
}

static void
test_a_replay_has_its_own_budget_and_sheds_nothing (void **state)
{
    (void) state;
    s_begin (1000, false, 10);              /* 200 a second for replays, 200 at once */
    tap_put (&hub, RIG_CALL, 1, 450);
    s_after (0, 0);
    assert_true (tap_saw (&tap, "\"seq\":200,"));
    assert_false (tap_saw (&tap, "\"seq\":201,"));
    tap_wait (&hub, 1000);
    assert_true (tap_saw (&tap, "\"seq\":400,"));
    assert_false (tap_saw (&tap, "replay_complete"));
    tap_wait (&hub, 300);
    assert_true (tap_saw (&tap, "\"seq\":450,"));
    assert_true (tap_saw (&tap, "replay_complete"));
    assert_false (tap_saw (&tap, "\"type\":\"gap\""));
}

static void
test_unsubscribe_in_mid_replay (void **state)
{
    (void) state;
    s_begin (1000, false, 1);               /* 20 at once */
    tap_put (&hub, RIG_CALL, 1, 100);
    s_after (0, 0);
    tap_forget (&tap);
    ag_subscribe_t target = { .run = AG_STR ("R1") };
    assert_int_equal (ag_client_unsubscribe (tap.client, &target, hub.now_us), 1);
    assert_int_equal (ag_client_unsubscribe (tap.client, &target, hub.now_us), 0);
    tap_wait (&hub, 5000);
    tap_expect (&tap, "unsubscription_confirmed");
}

static void
test_a_cursor_that_is_none (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    ag_subscribe_t request = { .run = AG_STR ("R1"), .has_after = true, .cursor = AG_STR ("bm9uZQ") };
    char *error = NULL;
    assert_int_equal (ag_client_subscribe (tap.client, &request, hub.now_us, &error), -1);
    assert_non_null (error);
    assert_int_equal (ag_client_subscriptions (tap.client), 0);
    free (error);
}

static void
test_resume_joins_without_seam (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_put (&hub, RIG_CALL, 1, 5);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed stream_started c1 c2 c3 c4 c5");
    char *cursor = strdup (tap.cursor);
    tap_free (&tap);
    tap_put (&hub, RIG_CALL, 6, 8);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
    tap_subscribe_run (&tap, &hub, "R1", cursor);
    tap_put (&hub, RIG_CALL, 9, 9);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed c6 c7 c8 c9 replay_complete");
    free (cursor);
}

#define BOUNDARY(name) cmocka_unit_test_teardown (name, s_end)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        BOUNDARY (test_before_the_oldest_is_partial),
        BOUNDARY (test_one_before_the_oldest_is_complete),
        BOUNDARY (test_the_oldest_itself),
        BOUNDARY (test_the_newest_itself),
        BOUNDARY (test_ahead_of_the_head_only_what_is_greater),
        BOUNDARY (test_an_epoch_that_is_not_known_yet_waits),
        BOUNDARY (test_a_newer_epoch_resets),
        BOUNDARY (test_a_newer_epoch_while_watching_ends_the_old_one),
        BOUNDARY (test_an_older_epoch_is_not_streamed),
        BOUNDARY (test_an_empty_ring_and_no_history),
        BOUNDARY (test_a_run_that_does_not_exist_yet),
        BOUNDARY (test_first_known_is_not_one),
        BOUNDARY (test_first_known_is_behind_the_position),
        BOUNDARY (test_an_idle_client_whose_position_ages_out),
        BOUNDARY (test_a_stalled_client_that_fell_off_the_ring),
        BOUNDARY (test_the_history_fills_in_for_the_ring),
        BOUNDARY (test_what_is_on_its_way_into_the_history_is_waited_for),
        BOUNDARY (test_what_never_comes_into_the_history_is_a_gap),
        BOUNDARY (test_what_was_given_up_before_anything_came_is_lost_and_not_deleted),
        BOUNDARY (test_a_run_that_ended_while_away),
        BOUNDARY (test_a_work_order_that_only_the_history_knows),
        BOUNDARY (test_what_only_the_history_knows_may_be_forbidden),
        BOUNDARY (test_retention_of_the_history),
        BOUNDARY (test_the_history_cannot_be_read_for_a_while),
        BOUNDARY (test_all_events_filtered),
        BOUNDARY (test_a_ring_of_one),
        BOUNDARY (test_replay_count),
        BOUNDARY (test_a_replay_has_its_own_budget_and_sheds_nothing),
        BOUNDARY (test_unsubscribe_in_mid_replay),
        BOUNDARY (test_a_cursor_that_is_none),
        BOUNDARY (test_resume_joins_without_seam),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
