/*  test_exec_run.c - what is said becomes numbered, journalled and published events

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "store_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "exec/journal.h"
#include "exec/run.h"
#include "store/store.h"

static const ag_str_t RUN = { "r", 1 };
static const uint64_t EPOCH = 77;

/*  What came out, as text: seq:type ... */
typedef struct {
    ag_buf_t seen;              /* seq:type of each, with a blank behind */
    uint64_t last;              /* seq of the last */
    ag_journal_t *journal;      /* to see that what is published is journalled */
    ag_parser_summary_t says;   /* what the agent says of itself */
} s_world_t;

static bool s_count (void *context, ag_event_t *event)
{
    (void) event;
    ++*(int *) context;
    return true;
}

static void s_publish (void *context, ag_event_t *event)
{
    s_world_t *world = context;
    int held = 0;
    assert_int_equal (ag_journal_read (world->journal, ag_event_seq (event), ag_event_seq (event), s_count, &held), 0);
    assert_int_equal (held, 1);
    assert_true (ag_event_seq (event) == world->last + 1);
    world->last = ag_event_seq (event);
    ag_buf_append_str (&world->seen, ag_event_type (event));
    ag_str_t agent = ag_event_string (event, AG_F_AGENT), code = ag_event_string (event, AG_F_CODE);
    if (agent.ptr)
        ag_buf_printf (&world->seen, "=%.*s", (int) agent.len, agent.ptr);
    if (code.ptr)
        ag_buf_printf (&world->seen, "=%.*s", (int) code.len, code.ptr);
    if (ag_event_integer (event, AG_F_REDACTIONS, 0))
        ag_buf_printf (&world->seen, "=%lld", (long long) ag_event_integer (event, AG_F_REDACTIONS, 0));
    ag_buf_append_char (&world->seen, ' ');
}

static void s_describe (void *context, ag_parser_summary_t *summary_r)
{
    *summary_r = ((s_world_t *) context)->says;
}

static int64_t s_wall_us (void)
{
    return 1700000000000000;
}

static ag_run_t *s_new (s_world_t *world, const char *path, const char *agent)
{
    *world = (s_world_t) { .journal = ag_journal_new (path, RUN, EPOCH) };
    ag_run_options_t options = {
        .ids = { .work_order = AG_STR ("w"), .run = RUN },
        .epoch = EPOCH,
        .run_number = 1,
        .agent = agent,
        .redact = true,
        .progress = { .interval_us = 5000000, .expected_us = 300000000, .expected_calls = 50 },
        .journal = world->journal,
        .describe = s_describe,
        .publish = s_publish,
        .context = world,
        .wall_us = s_wall_us
    };
    return ag_run_new (&options, 0);
}

static void s_free (s_world_t *world, ag_run_t **run_p)
{
    ag_run_destroy (run_p);
    ag_run_destroy (run_p);
    ag_journal_destroy (&world->journal);
    ag_buf_free (&world->seen);
}

static void s_assert_seen (s_world_t *world, const char *expected)
{
    assert_string_equal (ag_buf_cstr (&world->seen), expected);
    ag_buf_clear (&world->seen);
}

static void s_say (ag_run_t *run, const char *text)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_CONTENT, text);
    ag_draft_set_text (draft, AG_F_KIND, "raw");
    ag_run_put (run, &draft);
    assert_null (draft);
}

static void s_end (ag_run_t *run)
{
    ag_draft_t *last = ag_draft_new (AG_RUN_COMPLETED);
    ag_draft_set_integer (last, AG_F_EXIT_CODE, 0);
    ag_draft_set_integer (last, AG_F_DURATION_MS, 1);
    ag_run_end (run, &last);
}

static void test_started_is_first_and_the_end_is_last (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, NULL);
    world.says.agent = "text";
    s_say (run, "hello");
    s_assert_seen (&world, "");
    ag_run_settle (run);
    s_assert_seen (&world, "run_started=text agent_output ");
    s_end (run);
    s_assert_seen (&world, "progress_update run_completed ");
    s_say (run, "too late");
    ag_run_settle (run);
    s_assert_seen (&world, "");
    assert_true (ag_run_seq (run) == 4);
    s_free (&world, &run);
}

static void test_started_waits_a_moment_for_the_agent_to_introduce_itself (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, "claude");
    assert_true (ag_run_deadline_us (run) == 100000);
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "");
    ag_run_now (run, 100000);
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "run_started=claude ");
    s_free (&world, &run);

    run = s_new (&world, NULL, NULL);
    assert_true (ag_run_deadline_us (run) == 1000000);
    world.says = (ag_parser_summary_t) { .agent = "codex", .session_id = AG_STR ("s") };
    ag_run_now (run, 2000);
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "run_started=codex ");
    s_free (&world, &run);
}

static void s_warn (ag_run_t *run)
{
    ag_run_warn (run, "W", strdup ("careful"));
}

/*  Agents write banners before their first record: the run is still introduced
    with what that record says, and nothing changes places. */
static void test_banners_wait_for_the_introduction (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, NULL);
    s_warn (run);
    s_say (run, "banner");
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "");
    world.says = (ag_parser_summary_t) { .agent = "codex", .session_id = AG_STR ("s") };
    ag_run_tick (run);
    s_say (run, "then");
    ag_run_settle (run);
    s_assert_seen (&world, "run_started=codex agent_error=W agent_output agent_output ");
    s_free (&world, &run);

    run = s_new (&world, NULL, NULL);           /* many of them do not wait */
    for (int i = 0; i < 40; i++)
        s_say (run, "banner");
    ag_run_settle (run);
    assert_true (world.last == 41);
    s_free (&world, &run);

    run = s_new (&world, NULL, NULL);           /* nor at the end */
    s_warn (run);
    s_end (run);
    s_assert_seen (&world, "run_started=unknown agent_error=W progress_update run_completed ");
    s_free (&world, &run);

    run = s_new (&world, NULL, NULL);           /* what was held is not lost with the run */
    s_warn (run);
    s_free (&world, &run);
}

/*  A run is not hidden until a slow agent has spoken; then it is introduced once more. */
static void test_a_late_introduction_is_told_too (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, NULL);
    s_warn (run);
    ag_run_now (run, 1000000);
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "run_started=unknown agent_error=W ");
    world.says.agent = "claude";                /* a hook's line: no model yet */
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "");
    world.says.model = AG_STR ("m");
    s_say (run, "hello");
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "run_started=claude agent_output ");
    s_free (&world, &run);
}

static void test_a_run_without_events_has_both_ends (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, NULL);
    s_end (run);
    s_assert_seen (&world, "run_started=unknown progress_update run_completed ");
    s_free (&world, &run);
}

/*  Also those of what comes out only with the end. */
static void test_the_end_says_how_many_secrets_there_were (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, NULL);
    s_say (run, "password=hunter2");
    s_end (run);
    s_assert_seen (&world, "run_started=unknown agent_output progress_update run_completed=1 ");
    s_free (&world, &run);
}

static void s_say_delta (ag_run_t *run, const char *message_id, const char *text)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_CONTENT, text);
    ag_draft_set_text (draft, AG_F_KIND, "text");
    ag_draft_set_text (draft, AG_F_MESSAGE_ID, message_id);
    ag_draft_set_boolean (draft, AG_F_PARTIAL, true);
    ag_run_put (run, &draft);
}

/*  What may be the beginning of a secret waits 200 ms, whatever else is due. */
static void test_each_block_has_its_own_wait (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, NULL);
    world.says.agent = "claude";
    s_say_delta (run, "one", "pass");
    ag_run_now (run, 150000);
    s_say_delta (run, "two", "pass");
    ag_run_now (run, 200000);
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "run_started=claude agent_output ");
    assert_true (ag_run_deadline_us (run) == 350000);
    ag_run_now (run, 350000);
    ag_run_tick (run);
    ag_run_settle (run);
    s_assert_seen (&world, "agent_output ");
    s_end (run);
    s_free (&world, &run);
}

static void test_what_cannot_be_an_event_is_told (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, NULL);
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);      /* without its required fields */
    ag_run_put (run, &draft);
    ag_run_settle (run);
    s_assert_seen (&world, "run_started=unknown agent_error=EVENT_REFUSED ");
    s_free (&world, &run);
}

/*  More in one turn than is held at once: all of it comes, in order. */
static void test_a_giant_turn (void **state)
{
    (void) state;
    char *folder = new_folder (), *path = path_in (folder, "run.db");
    s_world_t world;
    ag_run_t *run = s_new (&world, path, NULL);
    for (int i = 0; i < 5000; i++)
        s_say (run, "line");
    ag_run_settle (run);
    assert_true (world.last == 5001);
    int held = 0;
    ag_journal_read (world.journal, 1, 10000, s_count, &held);
    assert_int_equal (held, 5001);
    s_free (&world, &run);
    free (path);
    remove_folder (&folder);
}

static void s_limit_files (rlim_t bytes)
{
    struct rlimit limit;
    signal (SIGXFSZ, SIG_IGN);
    getrlimit (RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit (RLIMIT_FSIZE, &limit);
}

typedef struct {
    uint64_t next;              /* seq that must come next; 0: any */
    uint64_t count;
} s_order_t;

static bool s_in_order (void *context, ag_event_t *event)
{
    s_order_t *order = context;
    if (order->next)
        assert_true (ag_event_seq (event) == order->next);
    order->next = ag_event_seq (event) + 1;
    order->count++;
    return true;
}

/*  The file cannot grow any more: told once, seq goes on, what is published can
    be fetched from then on out of memory. */
static void test_journal_lost_in_mid_run (void **state)
{
    (void) state;
    char *folder = new_folder (), *path = path_in (folder, "run.db");
    s_world_t world;
    char text[4000];
    memset (text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    ag_run_t *run = s_new (&world, path, NULL);
    s_limit_files (200000);
    for (int i = 0; i < 100; i++) {
        s_say (run, text);
        ag_run_settle (run);
    }
    s_limit_files (RLIM_INFINITY);
    assert_non_null (ag_journal_lost (world.journal));
    assert_non_null (strstr (ag_buf_cstr (&world.seen), "agent_error=JOURNAL_LOST"));
    assert_null (strstr (strstr (ag_buf_cstr (&world.seen), "JOURNAL_LOST") + 1, "JOURNAL_LOST"));
    assert_true (ag_journal_first (world.journal) == 0);
    s_order_t all = { .next = 1 };
    assert_int_equal (ag_journal_read (world.journal, 1, UINT64_MAX, s_in_order, &all), 0);
    assert_true (all.count == world.last);
    s_end (run);
    s_free (&world, &run);

    /*  What the file has is whole, and nothing came behind it */
    char *error = NULL;
    ag_store_t *store = ag_store_open (path, AG_STORE_READ, &error);
    ag_store_stream_t info;
    assert_non_null (store);
    assert_int_equal (ag_store_stream (store, RUN, EPOCH, &info), 1);
    print_message ("kept %d to %d\n", (int) info.first, (int) info.last);
    assert_true (info.first == 1 && info.last >= 5 && info.last < 60 && !info.ended);
    ag_store_close (&store);
    free (path);
    remove_folder (&folder);
}

static void test_memory_of_a_lost_journal_is_bounded (void **state)
{
    (void) state;
    s_world_t world;
    ag_run_t *run = s_new (&world, NULL, NULL);
    for (int i = 0; i < 3000; i++)
        s_say (run, "x");
    ag_run_settle (run);
    s_order_t held = { 0 };
    ag_journal_read (world.journal, 1, UINT64_MAX, s_in_order, &held);
    assert_int_equal (held.count, AG_JOURNAL_MEMORY_EVENTS);
    assert_true (held.next == world.last + 1);
    assert_true (ag_journal_first (world.journal) == world.last - AG_JOURNAL_MEMORY_EVENTS + 1);
    s_free (&world, &run);
}

/*  What the file has stays to be had, also when memory no longer reaches back to it. */
static void test_a_lost_journal_serves_what_the_file_has (void **state)
{
    (void) state;
    char *folder = new_folder (), *path = path_in (folder, "run.db");
    s_world_t world;
    ag_run_t *run = s_new (&world, path, NULL);
    s_limit_files (200000);
    for (int i = 0; i < 4000; i++) {
        s_say (run, "a line of some length, so that the file is full soon");
        ag_run_settle (run);
    }
    s_limit_files (RLIM_INFINITY);
    assert_non_null (ag_journal_lost (world.journal));
    assert_true (ag_journal_first (world.journal) == 0);
    s_order_t before = { .next = 1 }, behind = { 0 };
    uint64_t oldest = world.last - AG_JOURNAL_MEMORY_EVENTS + 1;
    assert_int_equal (ag_journal_read (world.journal, 1, oldest - 1, s_in_order, &before), 0);
    assert_true (before.count >= 10 && before.count < oldest - 1);
    assert_int_equal (ag_journal_read (world.journal, before.next, UINT64_MAX, s_in_order, &behind), 0);
    assert_int_equal (behind.count, AG_JOURNAL_MEMORY_EVENTS);
    assert_true (behind.next == world.last + 1);
    s_free (&world, &run);
    free (path);
    remove_folder (&folder);
}

/*  An idle agent: no event comes that would take what is acknowledged with it. */
static void test_what_is_acknowledged_is_kept_without_another_event (void **state)
{
    (void) state;
    char *folder = new_folder (), *path = path_in (folder, "run.db"), *error = NULL;
    s_world_t world;
    ag_run_t *run = s_new (&world, path, NULL);
    world.says.agent = "text";
    s_say (run, "all there is");
    ag_run_settle (run);
    ag_journal_acked (world.journal, world.last);
    assert_true (ag_journal_dirty (world.journal));
    ag_journal_sync_soon (world.journal);
    assert_false (ag_journal_dirty (world.journal));
    ag_store_t *reader = ag_store_open (path, AG_STORE_READ, &error);
    ag_store_stream_t info;
    assert_non_null (reader);
    assert_int_equal (ag_store_stream (reader, RUN, EPOCH, &info), 1);
    assert_int_equal (info.acked, world.last);
    ag_store_close (&reader);
    s_free (&world, &run);
    free (path);
    remove_folder (&folder);
}

/*  The log does not grow for ever: once the disk has answered it goes into the database. */
static void test_the_log_is_moved_into_the_database (void **state)
{
    (void) state;
    char *folder = new_folder (), *path = path_in (folder, "run.db"), text[4000];
    s_world_t world;
    struct stat file = { 0 };
    memset (text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    ag_run_t *run = s_new (&world, path, NULL);
    world.says.agent = "text";
    for (int i = 0; i < 100000 && file.st_size < 2000000; i++) {
        s_say (run, text);
        ag_run_settle (run);
        assert_int_equal (stat (path, &file), 0);
    }
    assert_true (file.st_size >= 2000000);
    s_order_t all = { .next = 1 };
    assert_int_equal (ag_journal_read (world.journal, 1, UINT64_MAX, s_in_order, &all), 0);
    assert_true (all.count == world.last);
    s_free (&world, &run);
    free (path);
    remove_folder (&folder);
}

static bool s_stop_at_once (void *context, ag_event_t *event)
{
    (void) event;
    ++*(int *) context;
    return false;
}

static void test_reading_stops_when_the_reader_has_enough (void **state)
{
    (void) state;
    char *folder = new_folder (), *path = path_in (folder, "run.db");
    s_world_t world;
    ag_run_t *run = s_new (&world, path, NULL);
    world.says.agent = "text";
    s_say (run, "committed");
    ag_run_settle (run);
    s_say (run, "pending");
    int calls = 0;
    ag_journal_read (world.journal, 1, UINT64_MAX, s_stop_at_once, &calls);
    assert_int_equal (calls, 1);
    s_free (&world, &run);
    free (path);
    remove_folder (&folder);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_started_is_first_and_the_end_is_last),
        cmocka_unit_test (test_started_waits_a_moment_for_the_agent_to_introduce_itself),
        cmocka_unit_test (test_banners_wait_for_the_introduction),
        cmocka_unit_test (test_a_late_introduction_is_told_too),
        cmocka_unit_test (test_a_run_without_events_has_both_ends),
        cmocka_unit_test (test_the_end_says_how_many_secrets_there_were),
        cmocka_unit_test (test_each_block_has_its_own_wait),
        cmocka_unit_test (test_what_cannot_be_an_event_is_told),
        cmocka_unit_test (test_a_giant_turn),
        cmocka_unit_test (test_journal_lost_in_mid_run),
        cmocka_unit_test (test_memory_of_a_lost_journal_is_bounded),
        cmocka_unit_test (test_a_lost_journal_serves_what_the_file_has),
        cmocka_unit_test (test_what_is_acknowledged_is_kept_without_another_event),
        cmocka_unit_test (test_the_log_is_moved_into_the_database),
        cmocka_unit_test (test_reading_stops_when_the_reader_has_enough),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
