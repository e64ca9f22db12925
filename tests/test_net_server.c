/*  tests/test_net_server.c - the loop's wait ends when it has to

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/clock.h"
#include "net/server.h"

/*  A wait that has lost its end lasts for days: then the process is killed. */
enum { HANG_S = 60, WAITS = 5000 };

static int s_setup (void **state)
{
    static ag_gateway_t gateway = { .options = { .listen = "127.0.0.1:0", .connections = 8 } };
    char *error = NULL;
    *state = ag_server_open (&gateway, &error);
    if (!*state)
        print_error ("%s\n", error);
    free (error);
    alarm (HANG_S);
    return *state ? 0 : -1;
}

static int s_teardown (void **state)
{
    alarm (0);
    ag_server_close ((ag_server_t **) state);
    return 0;
}

static void test_a_time_that_has_come_is_not_waited_for (void **state)
{
    for (int i = 0; i < WAITS; i++) {
        int64_t now_us = ag_clock_mono_us ();
        ag_server_wait (*state, now_us, now_us - i % 2);
    }
}

/*  The sooner it is, the likelier it comes before the poll. */
static void test_a_time_that_comes_before_the_poll_ends_it (void **state)
{
    for (int i = 0; i < WAITS; i++) {
        int64_t now_us = ag_clock_mono_us ();
        ag_server_wait (*state, now_us, now_us + 1 + i % 4);
    }
}

static void test_a_wait_lasts_until_its_time (void **state)
{
    int64_t began_us = ag_clock_mono_us (), until_us = began_us + 50000, now_us;
    while ((now_us = ag_clock_mono_us ()) < until_us)
        ag_server_wait (*state, now_us, until_us);
    assert_in_range (now_us - began_us, 50000, 5000000);
}

static void test_it_can_be_woken (void **state)
{
    ag_server_wake (*state);
    ag_server_wait (*state, ag_clock_mono_us (), INT64_MAX);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown (test_a_time_that_has_come_is_not_waited_for, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_time_that_comes_before_the_poll_ends_it, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_wait_lasts_until_its_time, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_it_can_be_woken, s_setup, s_teardown),
    };
    return cmocka_run_group_tests_name ("server", tests, NULL, NULL);
}
