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

#include "feed/cursor.h"
#include "feed/read.h"
#include "tests/feed_tap.h"

static tap_hub_t hub;
static tap_t tap;

static void s_begin (uint32_t buffer, bool history, uint32_t rate)
{
    ag_hub_options_t options = rig_options ();
    options.buffer_events = buffer;
    options.rate_limit = rate;
    tap_hub_init (&hub, &options, history);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
}

/*  What was in memory is gone. */
static void s_restart (bool (*may_see) (void *user, ag_str_t work_order))
{
    tap_free (&tap);
    ag_hub_destroy (&hub.hub);
    ag_hub_options_t options = rig_options ();
    options.history = rig_history_face (hub.history);
    options.may_see = may_see;
    hub.hub = ag_hub_new (&options);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
}

static int s_end (void **state)
{
    (void) state;
    tap_free (&tap);
    tap_hub_free (&hub);
    return 0;
}

/*  Subscribes to the run R1 with after: {"R1": "epoch:seq"}. */
static void s_after (uint64_t epoch, uint64_t seq)
{
    ag_after_t after = { AG_STR ("R1"), epoch, seq };
    ag_subscribe_t request = {
        .run = AG_STR ("R1"), .types = UINT32_MAX, .thinking = true, .has_after = true, .after = &after, .after_count = 1
    };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
}

static void test_before_the_oldest_is_partial (void **state)
{
    (void) state;
    s_begin (3, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);        /* holds 8..10 */
    s_after (0, 6);
    assert_true (tap_saw (&tap, "\"replay\":\"partial\""));
    assert_true (tap_saw (&tap, "\"counts\":{\"agent_tool_call\":1},\"recoverable\":false"));
    tap_expect (&tap, "subscription_confirmed gap[7-7 evicted] c8 c9 c10 replay_complete");
}

static void test_one_before_the_oldest_is_complete (void **state)
{
    (void) state;
    s_begin (3, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    s_after (0, 7);
    assert_true (tap_saw (&tap, "\"replay\":\"complete\""));
    tap_expect (&tap, "subscription_confirmed c8 c9 c10 replay_complete");
}

static void test_the_oldest_itself (void **state)
{
    (void) state;
    s_begin (3, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    s_after (0, 8);
    tap_expect (&tap, "subscription_confirmed c9 c10 replay_complete");
}

static void test_the_newest_itself (void **state)
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

static void test_ahead_of_the_head_only_what_is_greater (void **state)
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

static void test_ahead_and_what_it_has_not_is_lost (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    s_after (RIG_EPOCH, 15);
    tap_forget (&tap);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 11, 13, hub.now_us);
    tap_wait (&hub, 0);
    tap_expect (&tap, "");
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 14, 20, hub.now_us);
    tap_put (&hub, RIG_CALL, 21, 21);
    tap_wait (&hub, 0);
    tap_expect (&tap, "gap[16-20 lost] c21");
}

static void test_an_epoch_that_is_not_known_yet_waits (void **state)
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

/*  A work order's viewer, come back to a gateway that has just begun, and gone again before
    that knows the runs. Another subscription brings the same positions. */
static void test_positions_in_unknown_runs_of_a_work_order_stay_in_the_cursor (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    ag_after_t after[] = { { AG_STR ("R1"), RIG_EPOCH, 3 }, { AG_STR ("R2"), 0, 1 }, { AG_STR ("R3"), RIG_EPOCH, 9 } };
    ag_subscribe_t request = rig_subscribe ("W1"), other = rig_subscribe ("W2");
    request.has_after = other.has_after = true;
    request.after = other.after = after;
    request.after_count = other.after_count = 3;
    tap_subscribe (&tap, &hub, &other);
    tap_subscribe (&tap, &hub, &request);
    tap_put_to (&hub, "R2", RIG_CALL, 1, 2);
    tap_wait (&hub, 1000);
    char *cursor = strdup (tap.cursor);
    tap_free (&tap);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
    request.after_count = 0;
    request.cursor = (ag_str_t) { cursor, strlen (cursor) };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed replay_complete");
    tap_put (&hub, RIG_CALL, 1, 5);
    tap_put_to (&hub, "R3", RIG_CALL, 9, 10);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "stream_started stream_started c4 c10 c5");
    free (cursor);
}

static size_t s_positions_in_cursor (void)
{
    ag_cursor_t *cursor = ag_cursor_parse ((ag_str_t) { tap.cursor, strlen (tap.cursor) });
    assert_non_null (cursor);
    size_t count = ag_cursor_count (cursor);
    ag_cursor_destroy (&cursor);
    return count;
}

/*  Each cursor that is made walks along them: a client cannot make that expensive for others. */
static void test_positions_in_unknown_runs_are_kept_as_long_as_they_are_few (void **state)
{
    (void) state;
    enum { MANY = 1024 };
    static char names[MANY][16];
    static ag_after_t after[MANY];
    s_begin (1000, false, 50);
    for (int i = 0; i < MANY; i++) {
        snprintf (names[i], sizeof names[i], "U%d", i);
        after[i] = (ag_after_t) { { names[i], strlen (names[i]) }, RIG_EPOCH, 1 };
    }
    ag_subscribe_t request = rig_subscribe ("W1"), other = rig_subscribe ("W2");
    request.has_after = other.has_after = true;
    request.after = other.after = after;
    request.after_count = MANY;
    other.after_count = 1;
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
    assert_int_equal (s_positions_in_cursor (), MANY);
    tap_subscribe (&tap, &hub, &request);           /* the same again is not more */
    tap_wait (&hub, 0);
    assert_int_equal (s_positions_in_cursor (), MANY);
    names[0][0] = 'V';
    tap_subscribe (&tap, &hub, &other);
    tap_wait (&hub, 0);
    assert_int_equal (s_positions_in_cursor (), MANY);
}

/*  Frames are shared by viewers who stand at the same places; these do not. */
static void test_positions_in_unknown_runs_are_not_told_to_another (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    ag_after_t after = { AG_STR ("R3"), RIG_EPOCH, 2 };
    ag_subscribe_t request = rig_subscribe ("W1");
    request.has_after = true;
    request.after = &after;
    tap_t other;
    tap_init (&other, &hub, &(ag_client_options_t) { .batch = true });
    tap_subscribe (&other, &hub, &request);         /* all from the start */
    request.after_count = 1;
    tap_subscribe (&tap, &hub, &request);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_wait (&hub, 1000);
    tap_t *viewers[] = { &tap, &other };
    request.after_count = 0;
    for (int i = 0; i < 2; i++) {
        char *cursor = strdup (viewers[i]->cursor);
        tap_free (viewers[i]);
        tap_init (viewers[i], &hub, &(ag_client_options_t) { .batch = true });
        request.cursor = (ag_str_t) { cursor, strlen (cursor) };
        tap_subscribe (viewers[i], &hub, &request);
        tap_wait (&hub, 0);
        tap_expect (viewers[i], "subscription_confirmed replay_complete");
        free (cursor);
    }
    tap_put_to (&hub, "R3", RIG_CALL, 1, 3);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "stream_started c3");
    tap_expect (&other, "stream_started c1 c2 c3");
    tap_free (&other);
}

/*  A position without an epoch, in a run that nobody knows yet: the cursor keeps it, so
    that who comes back with it does not get again what it has. */
static void test_a_position_in_an_unknown_run_stays_in_the_cursor (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    s_after (0, 3);
    char *cursor = strdup (tap.cursor);
    ag_client_unsubscribe (tap.client, &(ag_subscribe_t) { .run = AG_STR ("R1") }, hub.now_us);
    tap_subscribe_run (&tap, &hub, "R1", cursor);
    free (cursor);
    tap_wait (&hub, 0);
    tap_forget (&tap);
    tap_put (&hub, RIG_CALL, 1, 5);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "stream_started c4 c5");
}

/*  Two of them, and an epoch that is neither theirs nor the last: they go on waiting. */
static void test_two_wait_for_an_epoch_that_is_later_still (void **state)
{
    (void) state;
    tap_t other;
    s_begin (1000, false, 50);
    tap_init (&other, &hub, &(ag_client_options_t) { .batch = true });
    ag_after_t after = { AG_STR ("R1"), UINT64_MAX, 1 };
    ag_subscribe_t request = { .run = AG_STR ("R1"), .types = UINT32_MAX, .has_after = true, .after = &after, .after_count = 1 };
    tap_subscribe (&tap, &hub, &request);
    tap_subscribe (&other, &hub, &request);
    tap_put (&hub, RIG_CALL, 1, 3);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 1, RIG_CALL, 0, NULL }, hub.now_us);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "subscription_confirmed replay_complete");
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", UINT64_MAX, 1, RIG_CALL, 0, NULL }, hub.now_us);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", UINT64_MAX, 2, RIG_CALL, 0, NULL }, hub.now_us);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "stream_started c2");
    tap_expect (&other, "subscription_confirmed replay_complete stream_started c2");
    tap_free (&other);
}

static void test_a_newer_epoch_resets (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 1, RIG_CALL, 0, NULL }, hub.now_us);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 2, RIG_CALL, 0, NULL }, hub.now_us);
    s_after (RIG_EPOCH, 700);
    assert_true (tap_saw (&tap, "\"replay\":\"reset\""));
    tap_expect (&tap, "subscription_confirmed c1 c2 replay_complete");
}

static void test_a_newer_epoch_while_watching_ends_the_old_one (void **state)
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

/*  Who was far back is told at once, without reading all that for the sake of its count; and that
    it is all in the history. */
static void test_a_newer_epoch_while_far_back (void **state)
{
    (void) state;
    s_begin (10, true, 1);                  /* 20 at once */
    tap_put (&hub, RIG_CALL, 1, 40000);
    s_after (0, 0);
    tap_forget (&tap);
    size_t reads = rig_history_reads (hub.history);
    rig_put (hub.hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 1, RIG_ERROR, 0, NULL }, hub.now_us);
    assert_int_equal (rig_history_reads (hub.history), reads);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&tap, "\"counts\":{\"unknown\":7202,\"agent_tool_call\":32778},\"recoverable\":true"));
    tap_expect (&tap, "gap[21-40000 evicted] replay_complete stream_started e1");
}

static void test_an_older_epoch_is_not_streamed (void **state)
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

static void test_an_empty_ring_and_no_history (void **state)
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

static void test_a_run_that_does_not_exist_yet (void **state)
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

static void test_first_known_is_not_one (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_put (&hub, RIG_CALL, 500, 500);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed stream_started c500");
}

static void test_first_known_is_behind_the_position (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    s_after (RIG_EPOCH, 470);
    tap_put (&hub, RIG_CALL, 500, 500);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed replay_complete stream_started gap[471-499 evicted] c500");
}

static void test_an_idle_client_whose_position_ages_out (void **state)
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

static void test_a_stalled_client_that_fell_off_the_ring (void **state)
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

static void test_the_history_fills_in_for_the_ring (void **state)
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
static void test_what_is_on_its_way_into_the_history_is_waited_for (void **state)
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

/*  Memory is short while the disk takes its time: a ring that was cleared whole remembers nothing,
    and what was in it is on its way all the same. What was lost before that is still lost. */
static void test_what_was_cleared_for_memory_is_waited_for (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    options.total_bytes = 4096;
    tap_hub_init (&hub, &options, true);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
    rig_history_delay (hub.history, true);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 1, 2, hub.now_us);
    tap_put (&hub, RIG_CALL, 3, 6);
    tap_put (&hub, RIG_COMPLETED, 7, 7);
    tap_put_to (&hub, "R2", RIG_CALL, 1, 10);
    ag_stream_info_t info;
    ag_hub_stream (hub.hub, AG_STR ("R1"), &info);
    assert_int_equal (info.first, 0);
    s_after (0, 0);
    tap_wait (&hub, 1000);
    tap_expect (&tap, "subscription_confirmed gap[1-2 lost]");
    rig_history_delay (hub.history, false);
    tap_wait (&hub, 100);
    tap_expect (&tap, "c3 c4 c5 c6 E7 replay_complete");
}

static void test_what_never_comes_into_the_history_is_a_gap (void **state)
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

static void test_what_was_given_up_before_anything_came_is_lost_and_not_deleted (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 1, 3, hub.now_us);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-3 lost] replay_complete");
}

/*  All before it has fallen off, and nothing behind it. */
static void test_what_was_lost_in_front_of_the_ring_was_not_evicted (void **state)
{
    (void) state;
    s_begin (1, false, 50);
    tap_put (&hub, RIG_CALL, 1, 2);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 3, 4, hub.now_us);
    tap_put (&hub, RIG_CALL, 5, 5);
    s_after (0, 1);
    tap_expect (&tap, "subscription_confirmed gap[2-4 evicted] c5 replay_complete");
    s_after (0, 2);
    tap_expect (&tap, "subscription_confirmed gap[3-4 lost] c5 replay_complete");
}

static void test_a_run_that_ended_while_away (void **state)
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

static void test_a_work_order_that_only_the_history_knows (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 2);
    tap_put_to (&hub, "R2", RIG_CALL, 1, 1);
    s_restart (NULL);
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

static bool s_nobody (void *user, ag_str_t work_order)
{
    (void) user, (void) work_order;
    return false;
}

static void test_what_only_the_history_knows_may_be_forbidden (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 2);
    s_restart (s_nobody);
    s_after (0, 0);
    tap_put (&hub, RIG_CALL, 3, 3);
    tap_wait (&hub, 100);
    tap_expect (&tap, "subscription_confirmed replay_complete");
}

/*  A restart while the history cannot be read: the run's owner comes to light later. */
static void s_restart_blind (bool (*may_see) (void *user, ag_str_t work_order))
{
    rig_history_fail (hub.history, true);
    s_restart (may_see);
}

static void test_a_run_is_recalled_when_the_history_can_be_read (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 3);
    s_restart_blind (NULL);
    rig_history_fail_bounds (hub.history, true);
    tap_t live;
    tap_init (&live, &hub, &(ag_client_options_t) { .batch = true });
    tap_subscribe_run (&live, &hub, "R1", NULL);
    s_after (RIG_EPOCH, 1);
    tap_expect (&tap, "subscription_confirmed replay_complete");
    rig_history_fail (hub.history, false);
    rig_history_fail_bounds (hub.history, false);
    ag_hub_housekeep (hub.hub, hub.now_us);
    tap_wait (&hub, 0);
    tap_expect (&tap, "stream_started c2 c3");
    tap_put (&hub, RIG_CALL, 4, 4);
    tap_wait (&hub, 100);
    tap_expect (&tap, "c4");
    tap_expect (&live, "subscription_confirmed stream_started c4");
    /*  What it has not seen it can still ask for. */
    ag_after_t after = { AG_STR ("R1"), 0, 2 };
    tap_subscribe (&live, &hub, &(ag_subscribe_t) { .work_order = AG_STR ("W1"), .types = UINT32_MAX, .thinking = true,
        .partial = true, .has_after = true, .after = &after, .after_count = 1 });
    tap_wait (&hub, 100);
    tap_expect (&live, "subscription_confirmed c3 replay_complete");
    tap_free (&live);
}

static void test_a_run_is_recalled_when_somebody_names_it (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 3);
    s_restart_blind (NULL);
    s_after (RIG_EPOCH, 1);
    tap_expect (&tap, "subscription_confirmed replay_complete");
    rig_history_fail (hub.history, false);
    s_after (RIG_EPOCH, 2);
    tap_expect (&tap, "subscription_confirmed c3 replay_complete");
}

static void test_whose_run_cannot_be_read_is_not_shown (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 3);
    s_restart_blind (s_nobody);
    s_after (RIG_EPOCH, 1);
    rig_history_fail (hub.history, false);
    ag_hub_housekeep (hub.hub, hub.now_us);
    tap_wait (&hub, 100);
    tap_put (&hub, RIG_CALL, 4, 4);
    tap_wait (&hub, 100);
    tap_expect (&tap, "subscription_confirmed replay_complete");
}

static void test_retention_of_the_history (void **state)
{
    (void) state;
    s_begin (2, true, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    rig_history_prune (hub.history, "R1", RIG_EPOCH, 4);
    s_after (0, 1);
    tap_expect (&tap, "subscription_confirmed gap[2-3 retention] c4 c5 c6 c7 c8 c9 c10 replay_complete");
}

/*  What never came was not deleted. */
static void test_a_beginning_that_is_lost (void **state)
{
    (void) state;
    s_begin (2, true, 50);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 1, 2, hub.now_us);
    tap_put (&hub, RIG_CALL, 3, 6);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-2 lost] c3 c4 c5 c6 replay_complete");
    rig_history_prune (hub.history, "R1", RIG_EPOCH, 5);
    ag_hub_housekeep (hub.hub, hub.now_us);
    s_after (0, 2);
    tap_expect (&tap, "subscription_confirmed gap[3-4 retention] c5 c6 replay_complete");
}

/*  After a restart only the history can say which of both it was. */
static void test_a_beginning_that_is_missing_after_a_restart (void **state)
{
    (void) state;
    s_begin (1000, true, 50);
    tap_put (&hub, RIG_CALL, 3, 8);
    s_restart (NULL);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-2 lost] c3 c4 c5 c6 c7 c8 replay_complete");
    rig_history_prune (hub.history, "R1", RIG_EPOCH, 5);
    s_restart (NULL);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-4 retention] c5 c6 c7 c8 replay_complete");
}

static void test_the_history_cannot_be_read_for_a_while (void **state)
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

static void s_repair (uint64_t seq, rig_shape_t shape)
{
    ag_event_t *late = rig_event (&(rig_event_t) { "W1", "R1", 0, seq, shape, 0, NULL });
    if (hub.history != NULL)
        rig_history_add (hub.history, late);
    ag_hub_repaired (hub.hub, AG_STR ("R1"), RIG_EPOCH, &late, 1, hub.now_us);
    ag_event_unref (&late);
}

/*  What came late has come: when it is deleted it is not called lost. */
static void test_a_beginning_that_came_late_and_was_deleted (void **state)
{
    (void) state;
    s_begin (2, true, 50);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 1, 2, hub.now_us);
    tap_put (&hub, RIG_CALL, 3, 4);
    for (uint64_t seq = 1; seq <= 2; seq++)
        s_repair (seq, RIG_CALL);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed c1 c2 c3 c4 replay_complete");
    rig_history_prune (hub.history, "R1", RIG_EPOCH, 3);
    ag_hub_housekeep (hub.hub, hub.now_us);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-2 retention] c3 c4 replay_complete");
}

/*  Whether they stand between others, behind the newest or in front of the oldest. */
static void test_late_events_are_there_for_who_comes_now (void **state)
{
    (void) state;
    s_begin (4, false, 50);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 1, 1, hub.now_us);
    tap_put (&hub, RIG_CALL, 2, 2);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 3, 3, hub.now_us);
    tap_put (&hub, RIG_CALL, 4, 4);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 5, 6, hub.now_us);
    s_repair (3, RIG_CALL);
    s_repair (5, RIG_CALL);
    s_repair (1, RIG_CALL);                 /* no history would have it, and the ring begins at 2 */
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-1 evicted] c2 c3 c4 c5 gap[6-6 lost] replay_complete");
    tap_put (&hub, RIG_CALL, 7, 9);         /* 2 to 4 fall off */
    ag_stream_info_t info;
    ag_hub_stream (hub.hub, AG_STR ("R1"), &info);
    assert_int_equal (info.first, 5);
}

static void test_an_event_twice_comes_once (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    tap_put (&hub, RIG_CALL, 1, 3);
    tap_put (&hub, RIG_CALL, 2, 4);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 2, 4, hub.now_us);
    tap_wait (&hub, 100);
    tap_expect (&tap, "subscription_confirmed stream_started c1 c2 c3 c4");
    ag_hub_stats_t stats;
    ag_hub_stats (hub.hub, &stats);
    assert_int_equal (stats.events, 4);
}

/*  Who has not come to the hole yet finds events there and hears of nothing; who has, of each run
    of numbers that came. */
static void test_a_repair_is_told_to_who_missed_it (void **state)
{
    (void) state;
    s_begin (1000, false, 1);
    tap_t quick;
    tap_init (&quick, &hub, &(ag_client_options_t) { .batch = true });
    tap_put (&hub, RIG_CALL, 1, 30);
    tap_subscribe_run (&quick, &hub, "R1", NULL);
    s_after (RIG_EPOCH, 0);                 /* 20 at once */
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 31, 36, hub.now_us);
    tap_wait (&hub, 0);
    tap_expect (&quick, "subscription_confirmed gap[31-36 lost]");
    tap_forget (&tap);
    static const uint64_t seqs[] = { 31, 32, 35, 36 };
    ag_event_t *late[4];
    for (int i = 0; i < 4; i++)
        late[i] = rig_event (&(rig_event_t) { "W1", "R1", 0, seqs[i], RIG_CALL, 0, NULL });
    ag_hub_repaired (hub.hub, AG_STR ("R1"), RIG_EPOCH, late, 4, hub.now_us);
    tap_wait (&hub, 0);
    assert_true (tap_saw (&quick, "\"from\":31,\"to\":32}"));
    assert_true (tap_saw (&quick, "\"from\":35,\"to\":36}"));
    tap_expect (&quick, "gap_repaired gap_repaired");
    tap_wait (&hub, 2000);
    tap_expect (&tap, "c21 c22 c23 c24 c25 c26 c27 c28 c29 c30 c31 c32 gap[33-34 lost] c35 c36 replay_complete");
    for (int i = 0; i < 4; i++)
        ag_event_unref (&late[i]);
    tap_free (&quick);
}

/*  The history was read before it was repaired; who comes now reads it anew. */
static void test_a_repair_of_what_was_read_already (void **state)
{
    (void) state;
    s_begin (2, true, 50);
    tap_put (&hub, RIG_CALL, 1, 3);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 4, 5, hub.now_us);
    tap_put (&hub, RIG_CALL, 6, 9);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed c1 c2 c3 gap[4-5 lost] c6 c7 c8 c9 replay_complete");
    s_repair (4, RIG_CALL);
    tap_forget (&tap);
    s_after (0, 3);
    tap_expect (&tap, "gap_repaired subscription_confirmed c4 gap[5-5 lost] c6 c7 c8 c9 replay_complete");
}

/*  Lists and overviews show the newest progress, not the one that came last. */
static void test_a_late_event_is_not_the_latest (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_STARTED, 1, 1);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 2, 3, hub.now_us);
    tap_put (&hub, RIG_PROGRESS, 4, 4);
    s_repair (3, RIG_PROGRESS);
    ag_stream_info_t info;
    ag_hub_stream (hub.hub, AG_STR ("R1"), &info);
    assert_int_equal (ag_event_seq (info.progress), 4);
    assert_int_equal (info.last_ts_us, 4000);
    assert_int_equal (info.first_ts_us, 1000);
    assert_int_equal (info.count[AG_PROGRESS_UPDATE], 2);
}

static bool s_note_seq (void *context, ag_event_t *event)
{
    ag_buf_printf (context, "%llu ", (unsigned long long) ag_event_seq (event));
    return ag_event_seq (event) != 8;
}

/*  What the pages read: from the history what has left the ring, from the ring the rest, each once. */
static void test_reading_across_history_and_ring (void **state)
{
    (void) state;
    static const struct { uint64_t from, to; const char *text; } cases[] = {
        { 1, 5, "1 2 3 4 5 " }, { 1, 4, "1 2 3 4 " }, { 3, 6, "3 4 5 6 " }, { 5, 5, "5 " }, { 5, 7, "5 6 7 " },
        { 4, 4, "4 " }, { 7, 99, "7 8 " }, { 8, 8, "8 " }, { 9, 99, "" }
    };
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 8);         /* the ring holds 5 to 8 */
    ag_buf_t text = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ag_buf_clear (&text);
        assert_int_equal (ag_hub_read (hub.hub, AG_STR ("R1"), RIG_EPOCH, cases[i].from, cases[i].to, s_note_seq, &text), 0);
        assert_string_equal (ag_buf_cstr (&text), cases[i].text);
    }
    ag_buf_clear (&text);
    tap_put (&hub, RIG_CALL, 9, 12);        /* enough is enough, also within the history */
    assert_int_equal (ag_hub_read (hub.hub, AG_STR ("R1"), RIG_EPOCH, 6, 12, s_note_seq, &text), 0);
    assert_string_equal (ag_buf_cstr (&text), "6 7 8 ");
    rig_history_fail (hub.history, true);
    assert_int_equal (ag_hub_read (hub.hub, AG_STR ("R1"), RIG_EPOCH, 6, 12, s_note_seq, &text), -1);
    ag_buf_free (&text);
}

/*  What has left the ring and is not in the history yet is no hole: whoever pages comes back for it. */
static void test_reading_ends_before_what_waits_to_be_stored (void **state)
{
    (void) state;
    s_begin (4, true, 50);
    tap_put (&hub, RIG_CALL, 1, 3);
    rig_history_delay (hub.history, true);
    tap_put (&hub, RIG_CALL, 4, 10);        /* the ring holds 7 to 10, the history 1 to 3 */
    static const struct { uint64_t from, to; int rc; const char *text; } cases[] = {
        { 1, 99, 1, "1 2 3 " }, { 4, 99, 1, "" }, { 5, 6, 1, "" }, { 1, 3, 0, "1 2 3 " }, { 7, 8, 0, "7 8 " }, { 11, 99, 0, "" }
    };
    ag_buf_t text = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ag_buf_clear (&text);
        assert_int_equal (ag_hub_read (hub.hub, AG_STR ("R1"), RIG_EPOCH, cases[i].from, cases[i].to, s_note_seq, &text), cases[i].rc);
        assert_string_equal (ag_buf_cstr (&text), cases[i].text);
    }
    assert_int_equal (ag_hub_read (hub.hub, AG_STR ("R9"), RIG_EPOCH, 0, 0, s_note_seq, &text), 0);     /* known to nobody */
    rig_history_delay (hub.history, false);
    ag_buf_clear (&text);
    assert_int_equal (ag_hub_read (hub.hub, AG_STR ("R1"), RIG_EPOCH, 1, 7, s_note_seq, &text), 0);
    assert_string_equal (ag_buf_cstr (&text), "1 2 3 4 5 6 7 ");
    ag_buf_free (&text);
}

/*  Who wants the end of a long run reads all of it from the history, but not in one go: others
    are served in between. */
static void test_what_is_passed_over_is_read_in_turns (void **state)
{
    (void) state;
    enum { LAST = 6000, A_TURN = 1500 + 2 * 64 };
    s_begin (1000, true, 50);
    for (uint64_t seq = 1; seq <= LAST; seq++) {
        ag_event_t *event = rig_event (&(rig_event_t) { "W1", "R1", 0, seq, seq < LAST ? RIG_TEXT : RIG_COMPLETED, 0, NULL });
        rig_history_add (hub.history, event);
        ag_event_unref (&event);
    }
    ag_after_t after = { AG_STR ("R1"), 0, 0 };
    ag_subscribe_t request = {
        .run = AG_STR ("R1"), .types = 1u << AG_RUN_COMPLETED, .has_after = true, .after = &after, .after_count = 1
    };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed");
    for (size_t reads = 0; rig_history_reads (hub.history) < LAST; ) {
        assert_true (rig_history_reads (hub.history) > reads);
        assert_true (rig_history_reads (hub.history) <= reads + A_TURN);
        reads = rig_history_reads (hub.history);
        tap_wait (&hub, 100);
    }
    tap_expect (&tap, "E6000 replay_complete");
}

static void test_all_events_filtered (void **state)
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

static void test_a_ring_of_one (void **state)
{
    (void) state;
    s_begin (1, false, 50);
    tap_put (&hub, RIG_CALL, 1, 3);
    s_after (0, 0);
    tap_expect (&tap, "subscription_confirmed gap[1-2 evicted] c3 replay_complete");
}

static void test_replay_count (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_CALL, 1, 10);
    ag_subscribe_t request = { .work_order = AG_STR ("W1"), .types = UINT32_MAX, .replay_count = 3 };
    tap_subscribe (&tap, &hub, &request);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed c8 c9 c10 replay_complete");
}

static void test_a_replay_has_its_own_budget_and_sheds_nothing (void **state)
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

/*  "byte-capped": 4 MiB/s, so that one who comes back does not take the wire from the others. */
static void test_a_replay_has_its_bytes (void **state)
{
    (void) state;
    static char large[64000];
    memset (large, 'x', sizeof large - 1);
    s_begin (1000, true, 50);
    for (uint64_t seq = 1; seq <= 150; seq++)
        rig_put (hub.hub, hub.history, &(rig_event_t) { "W1", "R1", 0, seq, RIG_RESULT, 0, large }, hub.now_us);
    s_after (0, 0);
    assert_true (tap_saw (&tap, "\"seq\":65,"));
    assert_false (tap_saw (&tap, "\"seq\":67,"));
    tap_wait (&hub, 1000);
    assert_true (tap_saw (&tap, "\"seq\":130,"));
    assert_false (tap_saw (&tap, "\"seq\":134,"));
    tap_wait (&hub, 500);
    assert_true (tap_saw (&tap, "\"type\":\"replay_complete\""));
}

/*  What the cursor of a gap says is behind it. */
static void test_a_gap_is_not_told_again_after_its_cursor (void **state)
{
    (void) state;
    s_begin (1000, false, 50);
    tap_put (&hub, RIG_CALL, 1, 1);
    tap_subscribe_run (&tap, &hub, "R1", NULL);
    ag_hub_lost (hub.hub, AG_STR ("R1"), RIG_EPOCH, 2, 4, hub.now_us);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed gap[2-4 lost]");
    char *cursor = strdup (tap.cursor);
    tap_free (&tap);
    tap_put (&hub, RIG_CALL, 5, 5);
    tap_init (&tap, &hub, &(ag_client_options_t) { .batch = true });
    tap_subscribe_run (&tap, &hub, "R1", cursor);
    tap_wait (&hub, 0);
    tap_expect (&tap, "subscription_confirmed c5 replay_complete");
    free (cursor);
}

static void test_unsubscribe_in_mid_replay (void **state)
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

static void test_a_cursor_that_is_none (void **state)
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

static void test_resume_joins_without_seam (void **state)
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

int main (void)
{
    const struct CMUnitTest tests[] = {
        BOUNDARY (test_before_the_oldest_is_partial),
        BOUNDARY (test_one_before_the_oldest_is_complete),
        BOUNDARY (test_the_oldest_itself),
        BOUNDARY (test_the_newest_itself),
        BOUNDARY (test_ahead_of_the_head_only_what_is_greater),
        BOUNDARY (test_ahead_and_what_it_has_not_is_lost),
        BOUNDARY (test_an_epoch_that_is_not_known_yet_waits),
        BOUNDARY (test_a_position_in_an_unknown_run_stays_in_the_cursor),
        BOUNDARY (test_positions_in_unknown_runs_of_a_work_order_stay_in_the_cursor),
        BOUNDARY (test_positions_in_unknown_runs_are_not_told_to_another),
        BOUNDARY (test_positions_in_unknown_runs_are_kept_as_long_as_they_are_few),
        BOUNDARY (test_two_wait_for_an_epoch_that_is_later_still),
        BOUNDARY (test_a_newer_epoch_resets),
        BOUNDARY (test_a_newer_epoch_while_watching_ends_the_old_one),
        BOUNDARY (test_a_newer_epoch_while_far_back),
        BOUNDARY (test_an_older_epoch_is_not_streamed),
        BOUNDARY (test_an_empty_ring_and_no_history),
        BOUNDARY (test_a_run_that_does_not_exist_yet),
        BOUNDARY (test_first_known_is_not_one),
        BOUNDARY (test_first_known_is_behind_the_position),
        BOUNDARY (test_an_idle_client_whose_position_ages_out),
        BOUNDARY (test_a_stalled_client_that_fell_off_the_ring),
        BOUNDARY (test_the_history_fills_in_for_the_ring),
        BOUNDARY (test_what_is_on_its_way_into_the_history_is_waited_for),
        BOUNDARY (test_what_was_cleared_for_memory_is_waited_for),
        BOUNDARY (test_what_never_comes_into_the_history_is_a_gap),
        BOUNDARY (test_what_was_given_up_before_anything_came_is_lost_and_not_deleted),
        BOUNDARY (test_what_was_lost_in_front_of_the_ring_was_not_evicted),
        BOUNDARY (test_a_run_that_ended_while_away),
        BOUNDARY (test_a_work_order_that_only_the_history_knows),
        BOUNDARY (test_what_only_the_history_knows_may_be_forbidden),
        BOUNDARY (test_a_run_is_recalled_when_the_history_can_be_read),
        BOUNDARY (test_a_run_is_recalled_when_somebody_names_it),
        BOUNDARY (test_whose_run_cannot_be_read_is_not_shown),
        BOUNDARY (test_retention_of_the_history),
        BOUNDARY (test_a_beginning_that_is_missing_after_a_restart),
        BOUNDARY (test_a_beginning_that_is_lost),
        BOUNDARY (test_the_history_cannot_be_read_for_a_while),
        BOUNDARY (test_a_beginning_that_came_late_and_was_deleted),
        BOUNDARY (test_late_events_are_there_for_who_comes_now),
        BOUNDARY (test_an_event_twice_comes_once),
        BOUNDARY (test_a_repair_is_told_to_who_missed_it),
        BOUNDARY (test_a_repair_of_what_was_read_already),
        BOUNDARY (test_a_late_event_is_not_the_latest),
        BOUNDARY (test_reading_across_history_and_ring), BOUNDARY (test_reading_ends_before_what_waits_to_be_stored),
        BOUNDARY (test_what_is_passed_over_is_read_in_turns),
        BOUNDARY (test_all_events_filtered),
        BOUNDARY (test_a_ring_of_one),
        BOUNDARY (test_replay_count),
        BOUNDARY (test_a_replay_has_its_own_budget_and_sheds_nothing),
        BOUNDARY (test_a_replay_has_its_bytes),
        BOUNDARY (test_a_gap_is_not_told_again_after_its_cursor),
        BOUNDARY (test_unsubscribe_in_mid_replay),
        BOUNDARY (test_a_cursor_that_is_none),
        BOUNDARY (test_resume_joins_without_seam),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
