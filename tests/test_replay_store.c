/*  tests/test_replay_store.c - positions across ring and store, against a plain model

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The client core over the real archive: SQLite on a disk, written by its
    thread, read by the loop's connection. A case is a seed: a ring of a few
    events, a stream with holes, of which some fill late, an end, a newer
    epoch, restarts of the gateway, and then viewers at every position that has
    bitten others, with filters. What each must get follows from the list of
    what was put, and from nothing else.

    AG_SEED=N gives a case again; AGENTGATE_LONG_TESTS=1 runs many.
*/
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "feed/filter.h"
#include "net/archive.h"
#include "tests/feed_rig.h"

enum { SEQS = 400, CASES = 60, CASES_LONG = 3000, WAIT_MS = 20000 };

typedef enum { NEVER, HELD, LOST } fate_t;

typedef struct {
    fate_t fate;
    uint8_t class;
} fact_t;

typedef struct {
    char *folder;
    ag_hub_t *hub;
    ag_archive_t *archive;
    ag_hub_options_t options;
    int64_t now_us;
    unsigned epoch;                 /* 1 or 2 */
    uint64_t last;                  /* of it */
    fact_t facts[SEQS + 1];         /* of it */
    bool ended;
    unsigned seed;                  /* chance */
} world_t;

static unsigned s_chance (world_t *self, unsigned below)
{
    return (unsigned) rand_r (&self->seed) / 8 % below;
}

/* ---------------------------------------------------------------------- */
/*  The gateway: started, stopped, restarted */

static void s_wake (void *context)
{
    (void) context;
}

static void s_start (world_t *self)
{
    char *path = path_in (self->folder, "history.db"), *error = NULL;
    ag_archive_options_t archive = { .path = path, .wake = s_wake };
    self->archive = ag_archive_open (&archive, &error);
    if (!self->archive)
        fail_msg ("%s", error);
    self->options.history = ag_archive_history (self->archive);
    self->hub = ag_hub_new (&self->options);
    free (path);
}

static void s_stop (world_t *self)
{
    ag_hub_destroy (&self->hub);
    ag_archive_close (&self->archive);
}

/*  Until the store has all that was put. */
static void s_settle (world_t *self)
{
    const ag_history_t *history = ag_archive_history (self->archive);
    for (int ms = 0; history->behind (history->context); ms++) {
        if (ms > WAIT_MS)
            fail_msg ("the archive does not come to an end");
        usleep (1000);
    }
}

/* ---------------------------------------------------------------------- */
/*  What comes in */

static ag_event_t *s_event (const world_t *self, uint64_t seq, rig_shape_t shape)
{
    return rig_event (&(rig_event_t) { "W1", "R1", RIG_EPOCH + self->epoch, seq, shape, (int) seq / 7 % 3, NULL });
}

static void s_put (world_t *self, rig_shape_t shape)
{
    ag_event_t *event = s_event (self, ++self->last, shape);
    self->facts[self->last] = (fact_t) { HELD, ag_class_of (event) };
    ag_hub_put (self->hub, event, self->now_us);
    assert_true (ag_archive_put (self->archive, event, 0) > 0);
    ag_event_unref (&event);
    self->now_us += 1000;
}

static void s_put_some (world_t *self, uint64_t count)
{
    static const rig_shape_t shapes[] = { RIG_TEXT, RIG_TEXT, RIG_PARTIAL, RIG_PARTIAL, RIG_PARTIAL, RIG_THINKING,
        RIG_LOOSE, RIG_CALL, RIG_RESULT, RIG_USAGE, RIG_ERROR, RIG_WARNING, RIG_FILE, RIG_FILE, RIG_PROGRESS, RIG_STARTED };
    rig_shape_t shape = RIG_CALL;
    for (; count > 0 && self->last < SEQS - 20; count--) {
        if (s_chance (self, 3))
            shape = shapes[s_chance (self, sizeof shapes / sizeof *shapes)];
        s_put (self, shape);
    }
}

static void s_lose_some (world_t *self)
{
    uint64_t from = self->last + 1, to = self->last + 1 + s_chance (self, 6);
    if (to > SEQS - 20)
        return;
    for (uint64_t seq = from; seq <= to; seq++)
        self->facts[seq] = (fact_t) { LOST, AG_CLASS_HOLE };
    self->last = to;
    ag_hub_lost (self->hub, AG_STR ("R1"), RIG_EPOCH + self->epoch, from, to, self->now_us);
    s_put (self, RIG_CALL);
}

/*  Some of what was lost comes after all. Told when it can be read, as the desk does. */
static void s_repair_some (world_t *self)
{
    uint64_t from = 1;
    while (from <= self->last && self->facts[from].fate != LOST)
        from++;
    for (uint64_t seq = from; seq <= self->last && self->facts[seq].fate == LOST; seq++) {
        ag_event_t *event = s_event (self, seq, RIG_RESULT);
        self->facts[seq] = (fact_t) { HELD, ag_class_of (event) };
        assert_true (ag_archive_put (self->archive, event, 0) > 0);
        s_settle (self);
        ag_hub_repaired (self->hub, AG_STR ("R1"), RIG_EPOCH + self->epoch, &event, 1, self->now_us);
        ag_event_unref (&event);
    }
}

static void s_end (world_t *self)
{
    s_put (self, RIG_COMPLETED);
    self->ended = true;
    if (s_chance (self, 2)) {           /* long ago: not in memory any more */
        s_settle (self);
        self->now_us += INT64_C (7200) * 1000000;
        ag_hub_housekeep (self->hub, self->now_us);
    }
}

static void s_renew (world_t *self)
{
    self->epoch = 2;
    self->last = 0;
    self->ended = false;
    memset (self->facts, 0, sizeof self->facts);
    s_put_some (self, 1 + s_chance (self, 60));
}

static void s_restart (world_t *self)
{
    s_stop (self);
    s_start (self);
    /*  Its writer says HELLO; that makes the stream known again. */
    if (!self->ended && s_chance (self, 2))
        ag_hub_producer (self->hub, AG_STR ("R1"), AG_STR ("W1"), AG_STR ("R1"), RIG_EPOCH + self->epoch,
            AG_PRODUCER_ALIVE, self->now_us);
}

static void s_live (world_t *self)
{
    s_put_some (self, 1 + s_chance (self, 40));
    for (int deeds = 2 + (int) s_chance (self, 8); deeds > 0 && !self->ended; deeds--) {
        unsigned what = s_chance (self, 20);
        if (what < 8)
            s_put_some (self, 1 + s_chance (self, 60));
        else if (what < 11)
            s_lose_some (self);
        else if (what < 13)
            s_repair_some (self);
        else if (what < 17)
            s_restart (self);
        else if (what < 18 && self->epoch == 1)
            s_renew (self);
        else if (what < 19)
            s_end (self);
    }
    if (s_chance (self, 2))
        s_settle (self);
}

/* ---------------------------------------------------------------------- */
/*  A viewer, and what it must get */

typedef struct {
    ag_client_t *client;
    ag_filter_t filter;
    uint64_t at;                    /* all up to here is accounted for */
    uint64_t gap_to;                /* told: up to here */
    int completes;
    char outcome[16];
    bool gap;                       /* one was told before the replay was complete */
    const char *what;               /* for reports */
} viewer_t;

static void s_complain (const world_t *self, const viewer_t *viewer, const char *what, uint64_t seq)
{
    (void) self;
    fail_msg ("%s: %s, seq %llu, at %llu", viewer->what, what, (unsigned long long) seq, (unsigned long long) viewer->at);
}

/*  Passes over what needs not be sent: filtered, and what a gap has told. */
static void s_pass_over (const world_t *self, viewer_t *viewer, uint64_t to)
{
    for (uint64_t seq = viewer->at + 1; seq <= to; seq++) {
        const fact_t *fact = &self->facts[seq];
        if (fact->fate == HELD && ag_filter_passes (viewer->filter, fact->class))
            s_complain (self, viewer, "is missing", seq);
        if (fact->fate == LOST && seq > viewer->gap_to)
            s_complain (self, viewer, "was lost, and no gap tells it", seq);
    }
    viewer->at = to > viewer->at ? to : viewer->at;
}

static void s_take_event (const world_t *self, viewer_t *viewer, ag_str_t event)
{
    uint64_t seq = rig_number (event, "seq"), first = rig_number (event, "seqFirst");
    first = first ? first : seq;
    if (first <= viewer->at)
        s_complain (self, viewer, "came again, or out of order", first);
    if (seq > self->last || self->facts[seq].fate != HELD || !ag_filter_passes (viewer->filter, self->facts[seq].class))
        s_complain (self, viewer, "should not have come", seq);
    s_pass_over (self, viewer, first - 1);
    for (uint64_t inside = first; inside <= seq; inside++)
        if (self->facts[inside].fate == LOST)
            s_complain (self, viewer, "was lost, and is in a span", inside);
    viewer->at = seq;
}

static void s_take_gap (const world_t *self, viewer_t *viewer, ag_str_t gap)
{
    uint64_t from = rig_number (gap, "from"), to = rig_number (gap, "to");
    if (!rig_has (gap, "\"reason\":\"lost\""))
        s_complain (self, viewer, "a gap that is not of what was lost", from);
    for (uint64_t seq = from; seq <= to; seq++)
        if (self->facts[seq].fate != LOST)
            s_complain (self, viewer, "a gap tells what is there", seq);
    s_pass_over (self, viewer, from - 1);
    viewer->gap_to = to;
    viewer->gap |= viewer->completes == 0;
}

static void s_take (const world_t *self, viewer_t *viewer, ag_str_t message)
{
    ag_str_t event;
    size_t at = 0;
    if (rig_is (message, "batch"))
        while (rig_batch_next (message, &at, &event))
            s_take_event (self, viewer, event);
    else if (rig_is (message, "gap"))
        s_take_gap (self, viewer, message);
    else if (rig_is (message, "replay_complete"))
        viewer->completes++;
    else if (rig_is (message, "subscription_confirmed") && rig_has (message, "\"R1\":{")) {
        ag_str_t outcome = rig_text (message, "replay");
        snprintf (viewer->outcome, sizeof viewer->outcome, "%.*s", (int) outcome.len, outcome.ptr);
    }
}

static void s_drain (world_t *self, viewer_t *viewer)
{
    ag_frame_t frame;
    int64_t when_us;
    while (ag_client_next (viewer->client, self->now_us, 1 << 20, &frame, &when_us) == 1)
        for (size_t i = 0; i < frame.count; i++)
            s_take (self, viewer, frame.messages[i]);
}

/*  Time in steps, and the disk's as well. */
static void s_watch (world_t *self, viewer_t *viewer, int64_t us)
{
    for (int64_t end_us = self->now_us + us; self->now_us < end_us; self->now_us += 50000) {
        ag_hub_tick (self->hub, self->now_us);
        while (ag_hub_pop_ready (self->hub))
            ;
        s_drain (self, viewer);
    }
}

/* ---------------------------------------------------------------------- */
/*  Positions */

typedef struct {
    uint64_t epoch, seq;            /* epoch 0: the current one */
    const char *what;
} position_t;

static position_t s_position (world_t *self, int which)
{
    ag_stream_info_t info = { .first = 0 };
    ag_hub_stream (self->hub, AG_STR ("R1"), &info);
    uint64_t ring = info.first ? info.first : self->last + 1, now = RIG_EPOCH + self->epoch;
    const position_t all[] = {
        { 0, 0, "from the start" }, { now, 0, "from the start, by epoch" }, { now, 1, "the oldest" },
        { now, ring > 1 ? ring - 2 : 0, "two before the ring" }, { now, ring - 1, "one before the ring" },
        { now, ring, "the ring's oldest" }, { now, self->last ? self->last - 1 : 0, "one before the newest" },
        { now, self->last, "the newest" }, { now, self->last + 1, "one ahead" }, { now, self->last + 9, "far ahead" },
        { now + 1, 3, "an epoch that is not known yet" }, { now - 1, 5, "an older epoch" },
        { 0, s_chance (self, (unsigned) self->last + 1), "anywhere" },
    };
    return all[which % (int) (sizeof all / sizeof *all)];
}
enum { POSITIONS = 13 };

static void s_subscribe (world_t *self, viewer_t *viewer, const position_t *position)
{
    char *error = NULL;
    ag_after_t after = { AG_STR ("R1"), position->epoch, position->seq };
    ag_subscribe_t request = { .run = AG_STR ("R1"), .partial = s_chance (self, 2), .thinking = s_chance (self, 2),
        .types = s_chance (self, 2) ? UINT32_MAX : s_chance (self, 1 << 28), .has_after = true, .after = &after,
        .after_count = 1 };
    viewer->filter = ag_filter_make (request.types, request.partial, request.thinking, false);
    viewer->client = ag_client_new (self->hub, &(ag_client_options_t) { .batch = true }, NULL, self->now_us);
    if (ag_client_subscribe (viewer->client, &request, self->now_us, &error) != 0)
        fail_msg ("%s", error);
}

static const char *s_expected_outcome (const world_t *self, const position_t *position)
{
    uint64_t now = RIG_EPOCH + self->epoch;
    if (position->epoch > now)
        return "waiting";
    return position->epoch && position->epoch < now ? "reset" : "complete";
}

/*  Ahead of the head: only what is greater. Of an older epoch: from the first. Of one that is not known: nothing. */
static uint64_t s_expected_start (const world_t *self, const position_t *position)
{
    const char *outcome = s_expected_outcome (self, position);
    return strcmp (outcome, "reset") == 0 ? 0 : strcmp (outcome, "waiting") == 0 ? UINT64_MAX : position->seq;
}

static void s_try_position (world_t *self, int which)
{
    position_t position = s_position (self, which);
    viewer_t viewer = { .what = position.what, .at = s_expected_start (self, &position) };
    bool waits = viewer.at == UINT64_MAX;
    s_subscribe (self, &viewer, &position);
    s_watch (self, &viewer, 300000);
    s_settle (self);
    s_watch (self, &viewer, 60000000);
    if (strcmp (viewer.outcome, s_expected_outcome (self, &position)) != 0)
        fail_msg ("%s: the outcome is %s", position.what, viewer.outcome);
    assert_int_equal (viewer.completes, 1);
    if (!waits && viewer.at < self->last)
        s_pass_over (self, &viewer, self->last);
    /*  And then live, without a seam. */
    if (!self->ended) {
        s_put_some (self, 5);
        s_watch (self, &viewer, 300000);
        s_settle (self);
        s_watch (self, &viewer, 1000000);
        if (!waits && viewer.at < self->last)
            s_pass_over (self, &viewer, self->last);
    }
    assert_int_equal (viewer.completes, 1);
    ag_client_destroy (&viewer.client);
}

static void s_case (unsigned seed)
{
    static const uint32_t rings[] = { 1, 2, 7, 30, 1000 };
    world_t world = { .folder = new_folder (), .now_us = 1000000, .epoch = 1, .seed = seed };
    world.options = rig_options ();
    world.options.rate_limit = 0;
    world.options.buffer_events = rings[s_chance (&world, 5)];
    s_start (&world);
    s_live (&world);
    for (int which = 0; which < POSITIONS; which++)
        s_try_position (&world, which);
    s_stop (&world);
    remove_folder (&world.folder);
}

static void test_property_every_position_across_ring_and_store (void **state)
{
    (void) state;
    ag_log_init ("test", AG_LOG_ERROR, false);
    const char *more = getenv ("AGENTGATE_LONG_TESTS"), *one = getenv ("AG_SEED");
    unsigned seed = seed_of_test (__func__);
    unsigned cases = one ? 1 : more && strcmp (more, "1") == 0 ? CASES_LONG : CASES;
    for (unsigned i = 0; i < cases; i++) {
        if (cases > 1)
            print_message ("AG_SEED=%u\n", seed + i);
        s_case (seed + i);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_property_every_position_across_ring_and_store),
    };
    return cmocka_run_group_tests_name ("replay across ring and store", tests, NULL, NULL);
}
