/*  tests/test_feed_flood.c - 1,000 events/s through 50/s for a minute, and the sum

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The mix is that of a busy agent: mostly pieces of text that do not merge,
    results, calls, a progress now and then, an error each second. Printed is
    what came in, what the client got, what the gaps say; the sum must be that
    of what came in, kind by kind.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/feed_rig.h"

enum { SECONDS = 60, PER_SECOND = 1000, RATE = 50 };

typedef struct {
    uint64_t put[AG_KIND_COUNT], got[AG_KIND_COUNT], shed[AG_KIND_COUNT];
    uint64_t gaps, events, merged, last_seq;
    int64_t put_us[SECONDS * PER_SECOND + 2];   /* when each seq was put */
    int64_t worst_us, worst_error_us;           /* from put to delivery */
    bool disorder;
} sum_t;

static rig_shape_t s_shape (uint64_t seq)
{
    if (seq % 1000 == 500)
        return RIG_ERROR;
    if (seq % 100 == 0)
        return RIG_PROGRESS;
    switch (seq % 10) {
    case 0:
        return RIG_CALL;
    case 1:
    case 2:
        return RIG_RESULT;
    case 3:
        return RIG_FILE;
    default:
        return RIG_LOOSE;
    }
}

static void s_event (sum_t *sum, ag_str_t event, int64_t now_us)
{
    uint64_t seq = rig_number (event, "seq"), first = rig_number (event, "seqFirst");
    ag_str_t type = rig_text (event, "type");
    ag_kind_t kind = ag_kind_by_name (type.ptr, type.len);
    sum->disorder |= (first ? first : seq) <= sum->last_seq;
    sum->last_seq = seq;
    sum->events++;
    int64_t late_us = now_us - sum->put_us[seq];
    if (late_us > sum->worst_us)
        sum->worst_us = late_us;
    if (kind == AG_AGENT_ERROR && late_us > sum->worst_error_us)
        sum->worst_error_us = late_us;
    sum->got[kind]++;
    if (first != 0) {
        sum->merged += seq - first;
        sum->got[kind] += seq - first;
    }
}

static void s_message (sum_t *sum, ag_str_t message, int64_t now_us)
{
    if (rig_is (message, "batch")) {
        ag_str_t event;
        for (size_t at = 0; rig_batch_next (message, &at, &event);)
            s_event (sum, event, now_us);
    }
    if (rig_is (message, "gap")) {
        sum->gaps++;
        const char *counts = memmem (message.ptr, message.len, "\"counts\"", 8);
        ag_str_t part = { counts, (size_t) (message.ptr + message.len - counts) };
        for (int kind = 0; kind < AG_KIND_COUNT; kind++)
            sum->shed[kind] += rig_number (part, ag_kind_name ((ag_kind_t) kind));
    }
}

static void s_serve (ag_hub_t *hub, sum_t *sum, int64_t now_us)
{
    ag_client_t *client;
    while ((client = ag_hub_pop_ready (hub)) != NULL) {
        ag_frame_t frame;
        int64_t when_us;
        while (ag_client_next (client, now_us, 1 << 20, &frame, &when_us) == 1)
            for (size_t i = 0; i < frame.count; i++)
                s_message (sum, frame.messages[i], now_us);
    }
}

static void s_run (uint32_t rate, sum_t *sum)
{
    ag_hub_options_t options = rig_options ();
    options.rate_limit = rate;
    ag_hub_t *hub = ag_hub_new (&options);
    ag_client_t *client = ag_client_new (hub, &(ag_client_options_t) { .batch = true }, NULL, 0);
    ag_subscribe_t request = rig_subscribe ("W1");
    char *error = NULL;
    assert_int_equal (ag_client_subscribe (client, &request, 0, &error), 0);
    int64_t now_us = 0;
    for (uint64_t seq = 1; seq <= SECONDS * PER_SECOND; seq++, now_us += 1000000 / PER_SECOND) {
        rig_event_t what = { "W1", "R1", 0, seq, s_shape (seq), (int) (seq % 7), NULL };
        sum->put_us[seq] = now_us;
        rig_put (hub, NULL, &what, now_us);
        ag_event_t *event = rig_event (&what);
        sum->put[ag_event_kind (event)]++;
        ag_event_unref (&event);
        if (ag_hub_next_tick_us (hub) <= now_us)
            ag_hub_tick (hub, now_us);
        s_serve (hub, sum, now_us);
    }
    rig_put (hub, NULL, &(rig_event_t) { "W1", "R1", 0, SECONDS * PER_SECOND + 1, RIG_COMPLETED, 0, NULL }, now_us);
    sum->put_us[SECONDS * PER_SECOND + 1] = now_us;
    sum->put[AG_RUN_COMPLETED]++;
    for (int64_t end_us = now_us + 5 * 1000 * 1000; now_us < end_us; now_us += 1000) {
        ag_hub_tick (hub, now_us);
        s_serve (hub, sum, now_us);
    }
    ag_client_destroy (&client);
    ag_hub_destroy (&hub);
}

static void s_print (const char *what, const sum_t *sum)
{
    uint64_t put = 0, got = 0, shed = 0;
    print_message ("%s, %d s at %d events/s:\n  %-20s %8s %8s %8s\n", what, SECONDS, PER_SECOND, "", "put", "got", "shed");
    for (int kind = 0; kind < AG_KIND_COUNT; kind++) {
        if (sum->put[kind] + sum->shed[kind] == 0)
            continue;
        put += sum->put[kind];
        got += sum->got[kind];
        shed += sum->shed[kind];
        print_message ("  %-20s %8llu %8llu %8llu\n", ag_kind_name ((ag_kind_t) kind), (unsigned long long) sum->put[kind],
            (unsigned long long) sum->got[kind], (unsigned long long) sum->shed[kind]);
    }
    print_message ("  %-20s %8llu %8llu %8llu\n  %llu events in %.1f s = %.1f/s, %llu more rolled up; %llu gaps;"
        " latest %.0f ms, errors %.0f ms\n", "sum", (unsigned long long) put, (unsigned long long) got,
        (unsigned long long) shed, (unsigned long long) sum->events, (double) SECONDS, (double) sum->events / SECONDS,
        (unsigned long long) sum->merged, (unsigned long long) sum->gaps, (double) sum->worst_us / 1000,
        (double) sum->worst_error_us / 1000);
    assert_int_equal (put, got + shed);
}

static void s_check_kinds (const sum_t *sum)
{
    for (int kind = 0; kind < AG_KIND_COUNT; kind++)
        assert_int_equal (sum->put[kind], sum->got[kind] + sum->shed[kind]);
    assert_false (sum->disorder);
}

static void test_fifty_a_second_tell_the_whole_story (void **state)
{
    (void) state;
    static sum_t sum;
    s_run (RATE, &sum);
    s_print ("50/s", &sum);
    s_check_kinds (&sum);
    /*  Not one critical event is missing, and none was late. */
    assert_int_equal (sum.got[AG_AGENT_ERROR], sum.put[AG_AGENT_ERROR]);
    assert_int_equal (sum.got[AG_RUN_COMPLETED], 1);
    assert_int_equal (sum.worst_error_us, 0);
    /*  The rate, the burst of the beginning and the tail of the end (at most 10 s' worth, sent for nothing). */
    assert_true (sum.events <= RATE * SECONDS + RATE + RATE * 10);
    assert_true (sum.events >= RATE * (SECONDS - 1));
    /*  What is important comes first: of what was shed, little is high. */
    assert_true (sum.got[AG_AGENT_TOOL_CALL] * 10 > sum.put[AG_AGENT_TOOL_CALL] * 2);
    assert_true (sum.got[AG_AGENT_OUTPUT] * 10 < sum.put[AG_AGENT_OUTPUT]);
    /*  Fresh: never older than 2 s and a window. */
    assert_true (sum.worst_us <= 2100 * 1000);
}

static void test_without_a_limit_everything_comes (void **state)
{
    (void) state;
    static sum_t sum;
    s_run (0, &sum);
    s_print ("unlimited", &sum);
    s_check_kinds (&sum);
    assert_int_equal (sum.gaps, 0);
    assert_true (sum.worst_us <= 100 * 1000);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_fifty_a_second_tell_the_whole_story),
        cmocka_unit_test (test_without_a_limit_everything_comes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
