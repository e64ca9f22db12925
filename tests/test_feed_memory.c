/*  tests/test_feed_memory.c - the hub's count of its memory is true, and its limits hold

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The allocator's entry points are wrapped at link time, so that what is
    allocated by our own code and not yet freed is known to the byte.
*/
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feed/read.h"
#include "tests/feed_rig.h"

/* ---------------------------------------------------------------------- */
/*  What is allocated: a table of pointers, since free also gets what others allocated */

enum { BLOCKS = 1 << 17 };

typedef struct {
    void *ptr;                  /* NULL: free place */
    size_t size;                /* asked for */
} s_block_t;

static s_block_t s_blocks[BLOCKS];
static size_t s_asked;          /* sum over the blocks */

void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *ptr, size_t size);
void __real_free (void *ptr);
void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *ptr, size_t size);
void __wrap_free (void *ptr);

static s_block_t *s_find_block (const void *ptr)
{
    size_t i = (uintptr_t) ptr / 16 % BLOCKS;
    while (s_blocks[i].ptr != NULL && s_blocks[i].ptr != ptr)
        i = (i + 1) % BLOCKS;
    return &s_blocks[i];
}

static void *s_add_block (void *ptr, size_t size)
{
    s_block_t *block = s_find_block (ptr);
    *block = (s_block_t) { ptr, size };
    s_asked += size;
    return ptr;
}

static void s_remove_block (void *ptr)
{
    s_block_t *block = s_find_block (ptr);
    if (ptr == NULL || block->ptr == NULL)
        return;
    s_asked -= block->size;
    *block = (s_block_t) { 0 };
    /*  Those that had to make way for it are entered anew. */
    for (size_t i = (size_t) (block - s_blocks + 1) % BLOCKS; s_blocks[i].ptr != NULL; i = (i + 1) % BLOCKS) {
        s_block_t moved = s_blocks[i];
        s_blocks[i] = (s_block_t) { 0 };
        *s_find_block (moved.ptr) = moved;
    }
}

void *__wrap_malloc (size_t size)
{
    return s_add_block (__real_malloc (size), size);
}

void *__wrap_calloc (size_t count, size_t size)
{
    return s_add_block (__real_calloc (count, size), count * size);
}

void *__wrap_realloc (void *ptr, size_t size)
{
    s_remove_block (ptr);
    return s_add_block (__real_realloc (ptr, size), size);
}

void __wrap_free (void *ptr)
{
    s_remove_block (ptr);
    __real_free (ptr);
}

/*  What the allocator really set aside for them. */
static size_t s_usable (void)
{
    size_t sum = 0;
    for (size_t i = 0; i < BLOCKS; i++)
        sum += s_blocks[i].ptr ? malloc_usable_size (s_blocks[i].ptr) : 0;
    return sum;
}

/* ---------------------------------------------------------------------- */

static ag_hub_t *hub;

static size_t s_counted (void)
{
    ag_hub_stats_t stats;
    ag_hub_stats (hub, &stats);
    return stats.bytes;
}

static size_t s_held (void)
{
    ag_hub_stats_t stats;
    ag_hub_stats (hub, &stats);
    return stats.events;
}

static void s_put (const char *run, uint64_t seq, rig_shape_t shape, const char *text)
{
    rig_put (hub, NULL, &(rig_event_t) { "W1", run, 0, seq, shape, 0, text }, (int64_t) seq * 1000);
}

static bool s_read (void *context, ag_event_t *event)
{
    *(size_t *) context += ag_event_json (event).len;
    return true;
}

static size_t s_make_texts (const char *run)
{
    size_t bytes = 0;
    ag_hub_read (hub, (ag_str_t) { run, strlen (run) }, RIG_EPOCH, 1, UINT64_MAX, s_read, &bytes);
    return bytes;
}

/*  Asked of the allocator and not counted: the hub and the stream themselves, the same at all times. */
static void test_the_count_is_what_was_allocated (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    hub = ag_hub_new (&options);
    s_put ("R1", 1, RIG_CALL, NULL);
    ag_event_t *late = rig_event (&(rig_event_t) { "W1", "R1", 0, 1, RIG_CALL, 0, NULL });
    ag_hub_repaired (hub, AG_STR ("R1"), RIG_EPOCH, &late, 1, 0);       /* there already; but the hub has its buffers */
    ag_event_unref (&late);
    size_t beside = s_asked - s_counted ();
    for (uint64_t seq = 2; seq <= 3000; seq++) {
        s_put ("R1", seq, seq % 3 ? RIG_RESULT : RIG_TEXT, seq % 100 ? NULL : "a longer text, so that not all are alike");
        assert_int_equal (s_asked - s_counted (), beside);
    }
    assert_int_equal (s_held (), 1000);
    size_t without = s_counted ();
    s_make_texts ("R1");
    assert_true (s_counted () > without + 1000);
    assert_int_equal (s_asked - s_counted (), beside);
    print_message ("counted %zu bytes for 1,000 events with texts; the allocator set aside %zu beside the %zu of the hub\n",
        s_counted (), s_usable () - beside, beside);
#ifndef __SANITIZE_ADDRESS__
    assert_true (s_usable () - beside < s_counted () + s_counted () / 10);
#endif
    /*  A hole, late events, the end, and an hour later: nothing is left of it. */
    ag_hub_lost (hub, AG_STR ("R1"), RIG_EPOCH, 3001, 3002, 0);
    late = rig_event (&(rig_event_t) { "W1", "R1", 0, 3002, RIG_CALL, 0, NULL });
    ag_hub_repaired (hub, AG_STR ("R1"), RIG_EPOCH, &late, 1, 0);
    ag_event_unref (&late);
    assert_int_equal (s_asked - s_counted (), beside);
    rig_put (hub, NULL, &(rig_event_t) { "W1", "R1", RIG_EPOCH + 1, 1, RIG_CALL, 0, NULL }, 0);
    assert_int_equal (s_asked - s_counted (), beside);
    assert_int_equal (s_held (), 1);
    ag_hub_producer (hub, AG_STR ("R1"), AG_STR ("W1"), AG_STR ("R1"), RIG_EPOCH + 1, AG_PRODUCER_LOST, 0);
    ag_hub_housekeep (hub, options.retention_us + 1);
    assert_int_equal (s_counted (), 0);
    assert_int_equal (s_held (), 0);
    assert_true (s_asked < beside);
    ag_hub_destroy (&hub);
    assert_int_equal (s_asked, 0);
}

/*  Texts double what is held; that is part of the limit, also of a stream that is only read. */
static void test_a_stream_keeps_its_limit_with_its_texts (void **state)
{
    (void) state;
    static char large[60000];
    memset (large, 'x', sizeof large - 1);
    ag_hub_options_t options = rig_options ();
    hub = ag_hub_new (&options);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        s_put ("R1", seq, RIG_LOOSE, large);
        assert_true (s_counted () <= options.stream_bytes);
    }
    size_t before = s_held ();
    assert_in_range (before, 30, 40);
    s_make_texts ("R1");
    assert_true (s_counted () <= options.stream_bytes);
    assert_in_range (s_held (), before / 2 - 1, before / 2 + 1);
    /*  And with a viewer, whose frames make the texts. */
    ag_client_t *client = ag_client_new (hub, &(ag_client_options_t) { .batch = true }, NULL, 0);
    ag_subscribe_t request = rig_subscribe ("W1");
    char *error = NULL;
    assert_int_equal (ag_client_subscribe (client, &request, 0, &error), 0);
    for (uint64_t seq = 101; seq <= 200; seq++) {
        s_put ("R1", seq, RIG_LOOSE, large);
        ag_frame_t frame;
        int64_t when_us;
        while (ag_client_next (client, (int64_t) seq * 1000, 1 << 20, &frame, &when_us) == 1)
            ;
        assert_true (s_counted () <= options.stream_bytes);
    }
    ag_client_destroy (&client);
    ag_hub_destroy (&hub);
    assert_int_equal (s_asked, 0);
}

/*  More streams than the limit has room for rings: each event may be the only one of its stream,
    and what a ring takes beside its events is given back with the last of them. */
static void test_thousands_of_live_streams_keep_the_limit_over_all (void **state)
{
    (void) state;
    enum { STREAMS = 3000 };
    ag_hub_options_t options = rig_options ();
    options.total_bytes = 2 * 1024 * 1024;
    hub = ag_hub_new (&options);
    char run[16];
    for (uint64_t seq = 1; seq <= 20; seq++)
        for (int i = 0; i < STREAMS; i++) {
            snprintf (run, sizeof run, "run-%d", i);
            s_put (run, seq, RIG_CALL, NULL);
            assert_true (s_counted () <= options.total_bytes);
        }
    /*  It is used, and it is the newest that are held. */
    assert_true (s_counted () > options.total_bytes - 4096);
    ag_stream_info_t info;
    assert_true (ag_hub_stream (hub, AG_STR ("run-2999"), &info));
    assert_int_equal (info.first, 20);
    assert_true (ag_hub_stream (hub, AG_STR ("run-0"), &info));
    assert_int_equal (info.first, 0);
    ag_hub_destroy (&hub);
    assert_int_equal (s_asked, 0);
}

/*  However small the limit, the newest of the stream that is being written is there. */
static void test_the_newest_stays (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    options.total_bytes = 1;
    hub = ag_hub_new (&options);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        s_put ("R1", seq, seq == 5 ? RIG_COMPLETED : RIG_CALL, NULL);
        ag_stream_info_t info;
        assert_true (ag_hub_stream (hub, AG_STR ("R1"), &info));
        assert_int_equal (info.first, seq);
    }
    ag_hub_destroy (&hub);
    assert_int_equal (s_asked, 0);
}

static void s_drain (ag_client_t *client, int64_t now_us)
{
    ag_frame_t frame;
    int64_t when_us;
    while (ag_client_next (client, now_us, 1 << 17, &frame, &when_us) == 1)
        ;
}

/*  What a client of all runs is told at first is forgotten when it has gone out; what remains are
    a few hundred bytes for each run. */
static void test_a_client_gives_back_what_its_first_answer_took (void **state)
{
    (void) state;
    enum { RUNS = 2000 };
    ag_hub_options_t options = rig_options ();
    hub = ag_hub_new (&options);
    char run[16];
    for (int i = 0; i < RUNS; i++) {
        snprintf (run, sizeof run, "run-%d", i);
        s_put (run, 1, RIG_STARTED, NULL);
        s_put (run, 2, RIG_PROGRESS, NULL);
        s_make_texts (run);
    }
    size_t before = s_asked, most = 0;
    ag_client_t *clients[2];
    for (int i = 0; i < 2; i++) {
        clients[i] = ag_client_new (hub, &(ag_client_options_t) { .batch = true }, NULL, 0);
        char *error = NULL;
        assert_int_equal (ag_client_subscribe (clients[i], &(ag_subscribe_t) { .all = true, .types = UINT32_MAX }, 0, &error), 0);
        most = s_asked > most ? s_asked : most;
        s_drain (clients[i], 0);
        ag_hub_housekeep (hub, 0);
    }
    print_message ("a client of %d runs: %zu bytes while it is told, %zu after\n", RUNS, most - before, (s_asked - before) / 2);
    assert_true (s_asked - before < 2 * RUNS * 700);
    for (int i = 0; i < 2; i++)
        ag_client_destroy (&clients[i]);
    ag_hub_destroy (&hub);
    assert_int_equal (s_asked, 0);
}

/*  Runs that never come: each costs its name and a place to wait at, the rest is bounded by how
    many subscriptions a client may have. With the client all of it goes. */
static void test_waiting_for_runs_that_never_come (void **state)
{
    (void) state;
    enum { CLIENTS = 50, RUNS = 64 };
    ag_hub_options_t options = rig_options ();
    hub = ag_hub_new (&options);
    size_t before = s_asked;
    ag_client_t *clients[CLIENTS];
    char run[40], *error = NULL;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = ag_client_new (hub, &(ag_client_options_t) { .batch = true }, NULL, 0);
        for (int k = 0; k <= RUNS; k++) {
            int len = snprintf (run, sizeof run, "00000000-0000-4000-%04d-%012d", i, k);
            ag_after_t after = { { run, (size_t) len }, RIG_EPOCH, 7 };
            int rc = ag_client_subscribe (clients[i], &(ag_subscribe_t) { .run = { run, (size_t) len }, .types = UINT32_MAX,
                .has_after = true, .after = &after, .after_count = 1 }, 0, &error);
            assert_int_equal (rc, k < RUNS ? 0 : -1);
            free (error);
            error = NULL;
        }
        s_drain (clients[i], 0);
    }
    ag_hub_housekeep (hub, options.retention_us * 2);
    print_message ("%zu bytes for each run that is waited for\n", (s_asked - before) / (CLIENTS * RUNS));
    assert_true (s_asked - before < CLIENTS * RUNS * 2000);
    for (int i = 0; i < CLIENTS; i++)
        ag_client_destroy (&clients[i]);
    ag_hub_stats_t stats;
    ag_hub_stats (hub, &stats);
    assert_int_equal (stats.streams, 0);
    ag_hub_destroy (&hub);
    assert_int_equal (s_asked, 0);
}

/*  Ended before live, and among each the least recently used first. */
static void test_who_gives_way (void **state)
{
    (void) state;
    ag_hub_options_t options = rig_options ();
    options.total_bytes = 60000;
    hub = ag_hub_new (&options);
    const char *const runs[] = { "live-1", "ended-1", "live-2", "ended-2" };
    for (int i = 0; i < 4; i++)
        for (uint64_t seq = 1; seq <= 20; seq++)
            s_put (runs[i], seq, seq == 20 && i % 2 ? RIG_COMPLETED : RIG_CALL, NULL);
    s_put ("live-1", 21, RIG_CALL, NULL);           /* used later than live-2 */
    const char *const order[] = { "ended-1", "ended-2", "live-2", "live-1" };
    int gone = 0;
    bool in_parts[4] = { false };
    for (uint64_t seq = 1; gone < 4 && seq < 1000; seq++) {
        s_put ("new", seq, RIG_CALL, NULL);
        ag_stream_info_t info;
        while (gone < 4 && ag_hub_stream (hub, (ag_str_t) { order[gone], strlen (order[gone]) }, &info) && info.first == 0)
            gone++;
        for (int i = 0; i < 4; i++)
            if (ag_hub_stream (hub, (ag_str_t) { order[i], strlen (order[i]) }, &info))
                in_parts[i] |= info.first > 1;
        for (int i = gone + 1; i < 4; i++) {
            assert_true (ag_hub_stream (hub, (ag_str_t) { order[i], strlen (order[i]) }, &info));
            assert_int_equal (info.first, 1);       /* untouched until its turn */
        }
    }
    assert_int_equal (gone, 4);
    /*  Ended ones give way whole, live ones event by event. */
    assert_false (in_parts[0] || in_parts[1]);
    assert_true (in_parts[2] && in_parts[3]);
    ag_hub_destroy (&hub);
    assert_int_equal (s_asked, 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_the_count_is_what_was_allocated),
        cmocka_unit_test (test_a_stream_keeps_its_limit_with_its_texts),
        cmocka_unit_test (test_thousands_of_live_streams_keep_the_limit_over_all),
        cmocka_unit_test (test_a_client_gives_back_what_its_first_answer_took),
        cmocka_unit_test (test_waiting_for_runs_that_never_come),
        cmocka_unit_test (test_who_gives_way),
        cmocka_unit_test (test_the_newest_stays),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
