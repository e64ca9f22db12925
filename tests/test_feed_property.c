/*  tests/test_feed_property.c - random histories against the naive model

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A case is a seed: from it come the ring's size, rates, filters, the
    viewers' ways, and a list of operations. A case that fails is shrunk by
    leaving out ever smaller parts of the list, and what is left is printed.

    AGENTGATE_LONG_TESTS=1 runs the long form; AGENTGATE_FEED_SEED=N one case, or
    where the long form begins; AGENTGATE_FEED_TRACE=N prints all that viewer N gets.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "tests/feed_model.h"

enum { OPS = 160, CASES = 600, CASES_LONG = 40000 };

/* ---------------------------------------------------------------------- */
/*  Chance */

typedef struct { uint64_t state; } chance_t;

static uint32_t s_chance (chance_t *self, uint32_t below)
{
    self->state += 0x9e3779b97f4a7c15u;
    uint64_t z = self->state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t) ((z ^ z >> 31) >> 16) % below;
}

/* ---------------------------------------------------------------------- */
/*  Operations */

typedef enum {
    OP_PUT, OP_BURST, OP_TIME, OP_LOST, OP_REPAIR, OP_END, OP_EPOCH, OP_STALL, OP_FLOW,
    OP_LEAVE, OP_COME, OP_PRODUCER, OP_HOUSEKEEP, OP_PRUNE, OP_BLIND, OP_AGE, OP_KINDS
} op_kind_t;

static const char *const s_op_names[OP_KINDS] = {
    "put", "burst", "time", "lost", "repair", "end", "epoch", "stall", "flow",
    "leave", "come", "producer", "housekeep", "prune", "blind", "age"
};
static const uint8_t s_op_weights[OP_KINDS] = { 80, 24, 100, 4, 2, 4, 2, 8, 8, 10, 12, 4, 2, 2, 2, 1 };

typedef struct {
    op_kind_t kind;
    uint32_t a, b, c;
    bool off;                   /* left out while shrinking */
} op_t;

static void s_make_ops (chance_t *chance, op_t *ops)
{
    uint32_t sum = 0;
    for (int i = 0; i < OP_KINDS; i++)
        sum += s_op_weights[i];
    for (int i = 0; i < OPS; i++) {
        uint32_t pick = s_chance (chance, sum);
        int kind = 0;
        while (pick >= s_op_weights[kind])
            pick -= s_op_weights[kind++];
        ops[i] = (op_t) { (op_kind_t) kind, s_chance (chance, 1 << 30), s_chance (chance, 1 << 30),
            s_chance (chance, 1 << 30), false };
    }
}

/* ---------------------------------------------------------------------- */
/*  Viewers. 0, 1, 4: limited. 2: unlimited, stays. 3: as 2, comes and goes. 5: plain. */

static void s_subscribe_one (model_t *model, model_viewer_t *viewer, ag_subscribe_t *request)
{
    char *error = NULL;
    request->types = viewer->types;
    request->partial = viewer->partial;
    request->thinking = viewer->thinking;
    if (viewer->positioned) {
        request->has_after = true;
        request->cursor = (ag_str_t) { viewer->cursor, strlen (viewer->cursor) };
    }
    if (ag_client_subscribe (viewer->client, request, model->now_us, &error) == -1)
        model_fail (model, "subscribe: %s", error);
    free (error);
}

static void s_subscribe (model_t *model, model_viewer_t *viewer)
{
    if (viewer->work_order)
        s_subscribe_one (model, viewer, &(ag_subscribe_t) { .work_order = AG_STR ("W1") });
    if (viewer->run)
        s_subscribe_one (model, viewer, &(ag_subscribe_t) { .run = AG_STR ("R0") });
    if (viewer->all)
        s_subscribe_one (model, viewer, &(ag_subscribe_t) { .all = true });
}

/*  Without a position: live from now, and what starts later from seq 1. */
static void s_begin_live (model_t *model, model_viewer_t *viewer)
{
    for (int i = 0; i < MODEL_STREAMS; i++) {
        const model_stream_t *stream = &model->streams[i];
        for (int epoch = 0; epoch < MODEL_EPOCHS; epoch++)
            viewer->begin[i][epoch] = epoch > stream->epoch ? 1 : epoch == stream->epoch ? stream->last[epoch] + 1 : 0;
    }
}

static void s_come (model_t *model, model_viewer_t *viewer)
{
    if (viewer->client != NULL)
        return;
    viewer->client = ag_client_new (model->hub, &viewer->options, viewer, model->now_us);
    viewer->level = (int64_t) viewer->options.rate_limit * 1000000;
    viewer->level_us = model->now_us;
    viewer->stalled = false;
    viewer->total_level = 21 * viewer->level;
    viewer->total_us = model->now_us;
    viewer->behind = false;
    viewer->empty_us = viewer->skipped_us = 0;
    viewer->must_stream = -1;
    viewer->replay_completes = 0;
    for (int i = 0; i < MODEL_STREAMS; i++) {
        viewer->begun_epoch[i] = model->streams[i].epoch;
        viewer->begun_last[i] = viewer->begun_epoch[i] < 0 ? 0 : model->streams[i].last[viewer->begun_epoch[i]];
    }
    memset (viewer->told_epoch, 0, sizeof viewer->told_epoch);
    viewer->positioned = viewer->catching_up = viewer->cursor != NULL && !viewer->all;
    if (!viewer->positioned)
        s_begin_live (model, viewer);
    s_subscribe (model, viewer);
}

/*  A gap that was queued for it is gone with it; of an older epoch nobody will tell it again. */
static void s_leave (const model_t *model, model_viewer_t *viewer)
{
    for (int i = 0; i < MODEL_STREAMS; i++)
        for (int epoch = 0; epoch < model->streams[i].epoch; epoch++)
            viewer->relaxed[i][epoch] = true;
    viewer->stalled = false;
    ag_client_destroy (&viewer->client);
}

static void s_make_viewer (chance_t *chance, model_viewer_t *viewer, int index)
{
    static const uint32_t rates[] = { 1, 5, 50, 200 };
    static const int64_t windows[] = { 33000, 100000, 250000 };
    viewer->options.plain = index == 5;
    viewer->options.batch = index != 5 && (index > 0 || s_chance (chance, 2));
    viewer->options.batch_us = windows[s_chance (chance, 3)];
    viewer->options.rate_limit = index == 2 || index == 3 ? 0 : rates[s_chance (chance, 4)];
    viewer->types = s_chance (chance, 2) ? UINT32_MAX : s_chance (chance, 1 << 30) | s_chance (chance, 1 << 30);
    viewer->partial = index != 5 && s_chance (chance, 2);
    viewer->thinking = index != 5 && s_chance (chance, 2);
    uint32_t target = index == 5 ? 0 : s_chance (chance, 4);
    viewer->work_order = target == 0 || target == 1;
    viewer->run = target == 1 || target == 2;
    viewer->all = target == 3 && index != 3 && index != 2 && index != 4;
    if (!viewer->work_order && !viewer->run && !viewer->all)
        viewer->run = true;
}

static void s_finish_viewer (model_viewer_t *viewer)
{
    viewer->covers[0] = true;
    viewer->covers[1] = viewer->covers[2] = viewer->work_order || viewer->all;
    viewer->covers[3] = viewer->all;
}

/* ---------------------------------------------------------------------- */
/*  Time */

static void s_drain (model_t *model, model_viewer_t *viewer, size_t room_bytes)
{
    ag_frame_t frame;
    int64_t when_us;
    if (viewer->client == NULL || viewer->stalled)
        return;
    for (int i = 0; ag_client_next (viewer->client, model->now_us, room_bytes, &frame, &when_us) == 1; i++) {
        model_frame (model, viewer, &frame);
        if (i > 100000) {
            model_fail (model, "client_next does not come to an end");
            return;
        }
    }
    if (when_us < model->now_us)
        model_fail (model, "to be asked again in the past");
    model_drained (model, viewer);
}

static void s_serve (model_t *model, size_t room_bytes)
{
    ag_client_t *client;
    while ((client = ag_hub_pop_ready (model->hub)) != NULL)
        s_drain (model, ag_client_user (client), room_bytes);
}

static void s_pass_time (model_t *model, int64_t us, size_t room_bytes)
{
    int64_t end_us = model->now_us + us;
    for (;;) {
        int64_t tick_us = ag_hub_next_tick_us (model->hub);
        if (tick_us > end_us)
            break;
        if (tick_us > model->now_us)
            model->now_us = tick_us;
        ag_hub_tick (model->hub, model->now_us);
        s_serve (model, room_bytes);
        model_served (model);
    }
    model->now_us = end_us;
    model_served (model);
}

/* ---------------------------------------------------------------------- */
/*  Doing them */

static rig_shape_t s_shape (const model_stream_t *stream, uint32_t pick)
{
    static const rig_shape_t shapes[] = {
        RIG_TEXT, RIG_TEXT, RIG_PARTIAL, RIG_PARTIAL, RIG_PARTIAL, RIG_PARTIAL, RIG_THINKING, RIG_THINKING_PARTIAL,
        RIG_LOOSE, RIG_CALL, RIG_CALL, RIG_RESULT, RIG_RESULT, RIG_USAGE, RIG_WARNING, RIG_FILE, RIG_FILE,
        RIG_PROGRESS, RIG_PROGRESS, RIG_STARTED
    };
    if (stream->run == NULL)
        return pick % 4 == 0 ? RIG_UPDATED : RIG_ITERATION;
    if (pick % 97 == 0)
        return RIG_ERROR;
    return shapes[pick % (sizeof shapes / sizeof *shapes)];
}

static bool s_writable (const model_stream_t *stream, uint64_t count)
{
    return !stream->over && stream->last[stream->epoch < 0 ? 0 : stream->epoch] + count < MODEL_SEQS;
}

static void s_put (model_t *model, int index, uint32_t pick, uint32_t variant)
{
    model_stream_t *stream = &model->streams[index];
    if (!s_writable (stream, 1))
        return;
    if (stream->epoch < 0)
        stream->epoch = 0;
    model_put (model, index, s_shape (stream, pick), (int) (variant % 3));
}

static void s_do_burst (model_t *model, const op_t *op)
{
    chance_t chance = { op->c };
    /*  Often runs of the same, as texts come. */
    uint32_t count = 1 + op->b % 90, pick = op->a;
    for (uint32_t i = 0; i < count; i++) {
        if (s_chance (&chance, 3) == 0)
            pick = s_chance (&chance, 1 << 20);
        s_put (model, (int) (op->a % MODEL_STREAMS), pick, pick / 64);
    }
}

static void s_do_time (model_t *model, const op_t *op)
{
    static const int64_t steps_us[] = { 100, 1000, 10000, 33000, 100000, 500000, 3000000 };
    static const size_t rooms[] = { 1 << 20, 1 << 20, 1 << 20, 700 };
    s_pass_time (model, steps_us[op->a % 7] + op->b % 100, rooms[op->c % 4]);
}

static void s_do_repair (model_t *model, int index)
{
    model_stream_t *stream = &model->streams[index];
    /*  It is told when it can be read. */
    if (stream->lost_from == 0 || stream->epoch < 0 || model->slow)
        return;
    ag_event_t *events[64];
    size_t count = 0;
    for (uint64_t seq = stream->lost_from; seq <= stream->lost_to; seq++) {
        rig_event_t what = { stream->work_order, stream->run, model_epoch (stream->epoch), seq, RIG_CALL, 0, NULL };
        if (stream->run == NULL)
            what.shape = RIG_ITERATION;
        events[count] = rig_event (&what);
        stream->events[stream->epoch][seq] = (model_event_t) { (uint8_t) what.shape, 0, false, model->now_us };
        if (model->history != NULL)
            rig_history_add (model->history, events[count]);
        count++;
    }
    ag_hub_repaired (model->hub, (ag_str_t) { stream->id, strlen (stream->id) }, model_epoch (stream->epoch),
        events, count, model->now_us);
    for (size_t i = 0; i < count; i++)
        ag_event_unref (&events[i]);
    stream->lost_from = 0;
}

static void s_do_epoch (model_t *model, int index, bool hello)
{
    model_stream_t *stream = &model->streams[index];
    if (stream->epoch < 0 || stream->epoch + 1 >= MODEL_EPOCHS)
        return;
    for (int i = 0; i < MODEL_VIEWERS; i++) {
        model_viewer_t *viewer = &model->viewers[i];
        viewer->relaxed[index][stream->epoch] |= viewer->client == NULL || viewer->catching_up;
    }
    stream->epoch++;
    stream->over = stream->dead = false;
    stream->lost_from = 0;
    if (hello)
        ag_hub_producer (model->hub, (ag_str_t) { stream->id, strlen (stream->id) },
            (ag_str_t) { stream->work_order, strlen (stream->work_order) },
            stream->run ? (ag_str_t) { stream->run, strlen (stream->run) } : (ag_str_t) { NULL, 0 },
            model_epoch (stream->epoch), AG_PRODUCER_ALIVE, model->now_us);
    else
        s_put (model, index, 9, 0);
}

static void s_do_producer (model_t *model, int index, ag_producer_t state)
{
    model_stream_t *stream = &model->streams[index];
    if (stream->epoch < 0)
        return;
    stream->dead = state == AG_PRODUCER_LOST;
    ag_hub_producer (model->hub, (ag_str_t) { stream->id, strlen (stream->id) },
        (ag_str_t) { stream->work_order, strlen (stream->work_order) },
        stream->run ? (ag_str_t) { stream->run, strlen (stream->run) } : (ag_str_t) { NULL, 0 },
        model_epoch (stream->epoch), state, model->now_us);
}

static void s_flow (model_t *model, model_viewer_t *viewer)
{
    if (viewer->stalled) {
        viewer->free_us = model->now_us;
        ag_client_set_stalled (viewer->client, false, model->now_us);
    }
    viewer->stalled = false;
    s_drain (model, viewer, 1 << 20);
}

static void s_do_viewer (model_t *model, const op_t *op)
{
    model_viewer_t *viewer = &model->viewers[op->a % MODEL_VIEWERS];
    bool goes = viewer == &model->viewers[3] || viewer == &model->viewers[4];
    if (op->kind == OP_STALL && viewer->client != NULL && viewer != &model->viewers[2]) {
        viewer->stalled = true;
        ag_client_set_stalled (viewer->client, true, model->now_us);
    }
    if (op->kind == OP_FLOW && viewer->client != NULL && viewer->stalled)
        s_flow (model, viewer);
    if (op->kind == OP_LEAVE && goes)
        s_leave (model, viewer);
    if (op->kind == OP_COME)
        for (int i = 3; i <= 4; i++)
            s_come (model, &model->viewers[i]);
}

/*  slow: what was there can be read, what comes is on its way. */
static void s_blind (model_t *model, bool blind, bool slow)
{
    if (model->blind)
        model->seen_us = model->now_us;
    model->blind = blind;
    model->slow = blind && slow;
    rig_history_fail (model->history, blind && !slow);
    rig_history_delay (model->history, blind && slow);
}

/*  What is over and what is given up is forgotten, and for "*", which cannot be resumed, all of it. */
static void s_do_age (model_t *model)
{
    if (model->blind)
        s_blind (model, false, false);
    s_pass_time (model, 3601ll * 1000 * 1000, 1 << 20);
    ag_hub_housekeep (model->hub, model->now_us);
    model->aged = true;
    for (int i = 0; i < MODEL_STREAMS; i++)
        for (int k = 0; k < MODEL_VIEWERS; k++)
            if (model->viewers[k].all && model->streams[i].epoch >= 0 && (model->streams[i].dead || model->streams[i].over))
                model->viewers[k].relaxed[i][model->streams[i].epoch] = true;
}

static void s_do (model_t *model, const op_t *op)
{
    int index = (int) (op->a % MODEL_STREAMS);
    model_stream_t *stream = &model->streams[index];
    switch (op->kind) {
    case OP_PUT:
        s_put (model, index, op->b, op->c);
        break;
    case OP_BURST:
        s_do_burst (model, op);
        break;
    case OP_TIME:
        s_do_time (model, op);
        break;
    case OP_LOST:
        if (stream->epoch >= 0 && s_writable (stream, 60))
            model_lost (model, index, 1 + op->b % (op->c % 4 ? 4 : 50));
        break;
    case OP_REPAIR:
        s_do_repair (model, index);
        break;
    case OP_END:
        if (stream->run != NULL && stream->epoch >= 0 && s_writable (stream, 1))
            model_put (model, index, RIG_COMPLETED, 0);
        break;
    case OP_EPOCH:
        s_do_epoch (model, index, op->b % 2);
        break;
    case OP_PRODUCER:
        s_do_producer (model, index, stream->over ? AG_PRODUCER_ENDED : (ag_producer_t) (op->b % 3));
        break;
    case OP_HOUSEKEEP:
        ag_hub_housekeep (model->hub, model->now_us);
        break;
    case OP_AGE:
        s_do_age (model);
        break;
    case OP_BLIND:
        if (model->history != NULL)
            s_blind (model, !model->blind, op->b % 2);
        break;
    case OP_PRUNE:
        if (model->history != NULL && model->pruned && stream->epoch >= 0)
            rig_history_prune (model->history, stream->id, model_epoch (stream->epoch), op->b % MODEL_SEQS);
        break;
    default:
        s_do_viewer (model, op);
    }
    s_serve (model, 1 << 20);
    model_served (model);
}

/* ---------------------------------------------------------------------- */
/*  Cases */

static model_t *s_model_new (chance_t *chance)
{
    static const uint32_t sizes[] = { 1, 2, 10, 100, 1000 };
    static const char *const names[MODEL_STREAMS][3] = {
        { "W1", "R0", "R0" }, { "W1", "R1", "R1" }, { "W1", NULL, "@W1" }, { "W2", "R2", "R2" }
    };
    model_t *model = ag_calloc (1, sizeof *model);
    model->now_us = 1000000;
    ag_hub_options_t options = rig_options ();
    options.rate_limit = 0;
    options.buffer_events = sizes[s_chance (chance, 5)];
    if (s_chance (chance, 4) == 0)
        options.total_bytes = 20000;
    if (s_chance (chance, 4) != 0) {
        model->history = rig_history_new ();
        options.history = rig_history_face (model->history);
        model->pruned = s_chance (chance, 4) == 0;
    }
    model->hub = ag_hub_new (&options);
    for (int i = 0; i < MODEL_STREAMS; i++) {
        model->streams[i].work_order = names[i][0];
        model->streams[i].run = names[i][1];
        model->streams[i].id = names[i][2];
        model->streams[i].epoch = -1;
    }
    for (int i = 0; i < MODEL_VIEWERS; i++)
        s_make_viewer (chance, &model->viewers[i], i);
    model_viewer_t *stays = &model->viewers[2], *goes = &model->viewers[3];
    *goes = *stays;
    for (int i = 0; i < MODEL_VIEWERS; i++) {
        s_finish_viewer (&model->viewers[i]);
        s_come (model, &model->viewers[i]);
    }
    s_serve (model, 1 << 20);
    return model;
}

static void s_model_destroy (model_t **model_p)
{
    model_t *model = *model_p;
    for (int i = 0; i < MODEL_VIEWERS; i++) {
        s_leave (model, &model->viewers[i]);
        free (model->viewers[i].gaps);
        free (model->viewers[i].cursor);
    }
    ag_hub_destroy (&model->hub);
    rig_history_destroy (&model->history);
    free (model);
    *model_p = NULL;
}

/*  Everybody comes back and gets what is still owed. */
static void s_settle (model_t *model)
{
    if (model->history != NULL)
        s_blind (model, false, false);
    for (int i = 0; i < MODEL_VIEWERS; i++) {
        s_come (model, &model->viewers[i]);
        s_flow (model, &model->viewers[i]);
    }
    s_serve (model, 1 << 20);
    for (int i = 0; i < 400 && model->failure[0] == '\0'; i++)
        s_pass_time (model, 500000, 1 << 20);
}

/*  Everybody has gone, all streams are old: nothing may be left in the hub's sums. */
static void s_check_sums (model_t *model)
{
    ag_hub_stats_t stats;
    for (int i = 0; i < MODEL_VIEWERS; i++)
        s_leave (model, &model->viewers[i]);
    for (int i = 0; i < MODEL_STREAMS; i++)
        s_do_producer (model, i, AG_PRODUCER_LOST);
    ag_hub_housekeep (model->hub, model->now_us + 3601ll * 1000 * 1000);
    ag_hub_stats (model->hub, &stats);
    if (stats.streams || stats.clients || stats.events || stats.bytes)
        model_fail (model, "left over: %zu streams, %zu clients, %zu events, %zu bytes", stats.streams, stats.clients,
            stats.events, stats.bytes);
}

/*  True: nothing failed. */
static bool s_run (uint64_t seed, const op_t *ops, char *failure, size_t size, uint64_t *events)
{
    chance_t chance = { seed };
    model_t *model = s_model_new (&chance);
    for (int i = 0; i < OPS && model->failure[0] == '\0'; i++)
        if (!ops[i].off)
            s_do (model, &ops[i]);
    s_settle (model);
    model_check (model);
    if (model->history != NULL && !model->pruned)
        model_check_same (model, &model->viewers[2], &model->viewers[3]);
    s_check_sums (model);
    bool good = model->failure[0] == '\0';
    snprintf (failure, size, "%s", model->failure);
    *events += model->delivered;
    s_model_destroy (&model);
    return good;
}

/*  Leaves out halves, quarters … as long as it still fails. */
static void s_shrink (uint64_t seed, op_t *ops)
{
    char failure[512];
    uint64_t events = 0;
    for (int size = OPS / 2; size > 0; size /= 2)
        for (int at = 0; at + size <= OPS; at += size) {
            op_t before[OPS];
            memcpy (before, ops, sizeof before);
            for (int i = at; i < at + size; i++)
                ops[i].off = true;
            if (s_run (seed, ops, failure, sizeof failure, &events))
                memcpy (ops, before, sizeof before);
        }
}

static void s_report (uint64_t seed, const op_t *ops)
{
    char failure[512];
    uint64_t events = 0;
    s_run (seed, ops, failure, sizeof failure, &events);
    fprintf (stderr, "seed %llu: %s\n", (unsigned long long) seed, failure);
    for (int i = 0; i < OPS; i++)
        if (!ops[i].off)
            fprintf (stderr, "  %3d %-10s %u %u %u\n", i, s_op_names[ops[i].kind], ops[i].a, ops[i].b, ops[i].c);
}

static bool s_case (uint64_t seed, uint64_t *events)
{
    char failure[512];
    chance_t chance = { ~seed };
    op_t ops[OPS];
    s_make_ops (&chance, ops);
    if (s_run (seed, ops, failure, sizeof failure, events))
        return true;
    s_shrink (seed, ops);
    s_report (seed, ops);
    return false;
}

static void test_random_histories_are_told_truly (void **state)
{
    (void) state;
    const char *one = getenv ("AGENTGATE_FEED_SEED"), *more = getenv ("AGENTGATE_LONG_TESTS");
    bool many = more != NULL && strcmp (more, "1") == 0;
    uint64_t cases = many ? CASES_LONG : one ? 1 : CASES, first = one ? strtoull (one, NULL, 10) : 1, events = 0;
    for (uint64_t seed = first; seed < first + cases; seed++)
        assert_true (s_case (seed, &events));
    fprintf (stderr, "seeds %llu..%llu: %llu operations, %llu events delivered\n", (unsigned long long) first,
        (unsigned long long) (first + cases - 1), (unsigned long long) cases * OPS, (unsigned long long) events);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_random_histories_are_told_truly),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
