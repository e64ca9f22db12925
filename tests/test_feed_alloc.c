/*  tests/test_feed_alloc.c - in a steady state nothing is allocated

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Every allocation goes through a counter (the linker's --wrap). The events
    and their JSON texts are made before; what is counted is what the feed does
    with them, for a hundred clients.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/feed_rig.h"

/*  Each of the 64 frames that are kept must have held the largest once: that takes a while. */
enum { CLIENTS = 100, WARM = 20000, EVENTS = 22000, PER_TICK = 10 };

static size_t s_allocations;

void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *ptr, size_t size);
void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *ptr, size_t size);

void *__wrap_malloc (size_t size)
{
    s_allocations++;
    return __real_malloc (size);
}

void *__wrap_calloc (size_t count, size_t size)
{
    s_allocations++;
    return __real_calloc (count, size);
}

void *__wrap_realloc (void *ptr, size_t size)
{
    s_allocations++;
    return __real_realloc (ptr, size);
}

static void s_serve (ag_hub_t *hub, int64_t now_us)
{
    ag_client_t *client;
    while ((client = ag_hub_pop_ready (hub)) != NULL) {
        ag_frame_t frame;
        int64_t when_us;
        while (ag_client_next (client, now_us, 1 << 20, &frame, &when_us) == 1)
            ;
    }
}

static void s_play (ag_hub_t *hub, ag_event_t **events, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        int64_t now_us = (int64_t) (i / PER_TICK) * 100000;
        if (i % PER_TICK == 0) {
            ag_hub_tick (hub, now_us);
            s_serve (hub, now_us);
        }
        ag_hub_put (hub, events[i], now_us);
        s_serve (hub, now_us);
    }
}

static void test_a_steady_state_allocates_nothing (void **state)
{
    (void) state;
    static ag_event_t *events[EVENTS];
    static const rig_shape_t mix[] = { RIG_PARTIAL, RIG_PARTIAL, RIG_CALL, RIG_RESULT, RIG_LOOSE, RIG_FILE, RIG_FILE };
    for (size_t i = 0; i < EVENTS; i++) {
        events[i] = rig_event (&(rig_event_t) { "W1", "R1", 0, 10000 + i, mix[i % 7], 0, NULL });
        ag_event_json (events[i]);
    }
    ag_hub_options_t options = rig_options ();
    options.buffer_events = 100;
    options.rate_limit = 200;
    ag_hub_t *hub = ag_hub_new (&options);
    ag_client_t *clients[CLIENTS];
    ag_subscribe_t request = rig_subscribe ("W1");
    char *error = NULL;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = ag_client_new (hub, &(ag_client_options_t) { .plain = i % 2, .batch = i % 2 == 0 }, NULL, 0);
        assert_int_equal (ag_client_subscribe (clients[i], &request, 0, &error), 0);
    }
    s_play (hub, events, 0, WARM);
    ag_hub_stats_t before, after;
    ag_hub_stats (hub, &before);
    s_allocations = 0;
    s_play (hub, events, WARM, EVENTS);
    size_t allocations = s_allocations;
    ag_hub_stats (hub, &after);
    print_message ("%llu deliveries to %d clients, %zu allocations\n",
        (unsigned long long) (after.delivered - before.delivered), CLIENTS, allocations);
    assert_true (after.delivered - before.delivered > (EVENTS - WARM) * CLIENTS / 2);
    assert_int_equal (after.shed, 0);
    assert_int_equal (allocations, 0);
    for (int i = 0; i < CLIENTS; i++)
        ag_client_destroy (&clients[i]);
    ag_hub_destroy (&hub);
    for (size_t i = 0; i < EVENTS; i++)
        ag_event_unref (&events[i]);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_steady_state_allocates_nothing),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
