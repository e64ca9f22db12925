/*  tests/test_feed_overlap.c - one client, one run, and any subscriptions that meet in it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A run can be watched by its id, by its work order and by "*", with any
    filters and positions, one after the other. At random, against two
    sentences: what a subscription asks for comes, and nothing comes twice
    that was not asked for again. AGENTGATE_LONG_TESTS=1: 400,000 sequences.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/feed_tap.h"

enum { CASES = 4000, CASES_LONG = 400000, OPS = 24, SEQS = 400, TARGETS = 3 };

/*  Shapes that do not merge, so that each event is a delivery of its own. */
static const rig_shape_t s_shapes[] = { RIG_CALL, RIG_LOOSE, RIG_STARTED, RIG_USAGE };
static const uint32_t s_types[] = {
    UINT32_MAX, 1u << AG_AGENT_TOOL_CALL, 1u << AG_AGENT_OUTPUT | 1u << AG_RUN_STARTED, 1u << AG_AGENT_USAGE
};

typedef struct {
    tap_hub_t hub;
    tap_t tap;
    uint64_t chance;
    uint64_t last;
    ag_kind_t kind[SEQS + 1];
    bool on[TARGETS];           /* run, work order, "*" */
    uint32_t types[TARGETS];
    bool must[SEQS + 1];        /* was asked for */
    int may[SEQS + 1];          /* how often it may come */
    int came[SEQS + 1];
    int segments;               /* how often what was sent had to be written down */
} case_t;

static uint32_t s_chance (case_t *self, uint32_t below)
{
    self->chance = self->chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (self->chance >> 33) % below;
}

static bool s_passes (const case_t *self, uint64_t seq)
{
    for (int i = 0; i < TARGETS; i++)
        if (self->on[i] && (self->types[i] >> self->kind[seq]) & 1 && (i != 2 || ag_kind_overview (self->kind[seq])))
            return true;
    return false;
}

static void s_read_log (case_t *self)
{
    const char *at = ag_buf_cstr (&self->tap.raw);
    for (const char *end; (end = strchr (at, '\n')) != NULL; at = end + 1) {
        ag_str_t line = { at, (size_t) (end - at) }, event;
        for (size_t from = 0; rig_is (line, "batch") && rig_batch_next (line, &from, &event);)
            self->came[rig_number (event, "seq")]++;
    }
    tap_forget (&self->tap);
}

static void s_drain (case_t *self)
{
    tap_wait (&self->hub, 500);
    s_read_log (self);
}

static void s_put (case_t *self)
{
    if (self->last == SEQS)
        return;
    uint64_t seq = ++self->last;
    rig_event_t what = { "W1", "R1", 0, seq, s_shapes[s_chance (self, 4)], 0, NULL };
    ag_event_t *event = rig_event (&what);
    self->kind[seq] = ag_event_kind (event);
    ag_event_unref (&event);
    rig_put (self->hub.hub, NULL, &what, self->hub.now_us);
    self->must[seq] = s_passes (self, seq);
    self->may[seq] = 1;
}

static ag_subscribe_t s_request (int target, uint32_t types)
{
    ag_subscribe_t request = { .types = types };
    if (target == 0)
        request.run = AG_STR ("R1");
    if (target == 1)
        request.work_order = AG_STR ("W1");
    request.all = target == 2;
    return request;
}

static void s_subscribe (case_t *self)
{
    int target = (int) s_chance (self, TARGETS);
    ag_subscribe_t request = s_request (target, s_types[s_chance (self, 4)]);
    ag_after_t after = { AG_STR ("R1"), 0, s_chance (self, (uint32_t) self->last + 1) };
    if (target != 2 && s_chance (self, 2)) {
        request.has_after = true;
        request.after = &after;
        request.after_count = 1;
    }
    bool again = self->on[target];
    if (again)                              /* the old one goes, and with it what was still on its way */
        s_drain (self);
    tap_subscribe (&self->tap, &self->hub, &request);
    self->on[target] = true;
    self->types[target] = request.types;
    self->segments++;
    for (uint64_t seq = after.seq + 1; request.has_after && seq <= self->last; seq++) {
        /*  Four of them are remembered. */
        self->may[seq] += again || self->segments > 4;
        self->must[seq] |= (request.types >> self->kind[seq]) & 1;
    }
}

static void s_unsubscribe (case_t *self)
{
    int target = (int) s_chance (self, TARGETS);
    if (!self->on[target])
        return;
    s_drain (self);
    ag_subscribe_t request = s_request (target, 0);
    assert_int_equal (ag_client_unsubscribe (self->tap.client, &request, self->hub.now_us), 1);
    self->on[target] = false;
    self->segments++;
    /*  With the last subscription all is forgotten. */
    for (uint64_t seq = 1; !self->on[0] && !self->on[1] && !self->on[2] && seq <= self->last; seq++)
        self->may[seq]++;
}

static void s_check (const case_t *self, uint64_t seed)
{
    for (uint64_t seq = 1; seq <= self->last; seq++)
        if (self->came[seq] < self->must[seq] || self->came[seq] > self->may[seq])
            fail_msg ("case %llu: %llu (%s) came %d times, not %d to %d", (unsigned long long) seed, (unsigned long long) seq,
                ag_kind_name (self->kind[seq]), self->came[seq], self->must[seq], self->may[seq]);
}

static void s_run (uint64_t seed)
{
    static case_t self;
    self = (case_t) { .chance = seed * 2654435761u };
    ag_hub_options_t options = rig_options ();
    options.rate_limit = 0;
    tap_hub_init (&self.hub, &options, false);
    tap_init (&self.tap, &self.hub, &(ag_client_options_t) { .batch = true });
    for (int i = 0; i < OPS; i++) {
        uint32_t pick = s_chance (&self, 10);
        if (pick < 2)
            s_subscribe (&self);
        else if (pick == 2)
            s_unsubscribe (&self);
        else if (pick == 3)
            s_drain (&self);
        else
            for (uint32_t n = 1 + s_chance (&self, 5); n > 0; n--)
                s_put (&self);
    }
    s_drain (&self);
    s_check (&self, seed);
    tap_free (&self.tap);
    tap_hub_free (&self.hub);
}

static void test_subscriptions_that_meet (void **state)
{
    (void) state;
    const char *more = getenv ("AGENTGATE_LONG_TESTS");
    uint64_t cases = more != NULL && strcmp (more, "1") == 0 ? CASES_LONG : CASES;
    for (uint64_t seed = 1; seed <= cases; seed++)
        s_run (seed);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_subscriptions_that_meet),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
