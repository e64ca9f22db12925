/*  tests/feed_model.c - what a client may and must get, in the plainest words

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "tests/feed_model.h"

enum { MILLION = 1000000 };

/*  SPEC section 4, of what the rig makes. */
typedef enum { CRITICAL, HIGH, NORMAL, LOW } priority_t;

static const struct {
    const char *type;
    priority_t priority;
    bool partial, thinking, overview;
} s_traits[RIG_SHAPES] = {
    [RIG_TEXT] = { "agent_output", LOW, false, false, false },
    [RIG_PARTIAL] = { "agent_output", LOW, true, false, false },
    [RIG_THINKING] = { "agent_output", LOW, false, true, false },
    [RIG_THINKING_PARTIAL] = { "agent_output", LOW, true, true, false },
    [RIG_LOOSE] = { "agent_output", LOW, false, false, false },
    [RIG_CALL] = { "agent_tool_call", HIGH, false, false, false },
    [RIG_RESULT] = { "agent_tool_result", NORMAL, false, false, false },
    [RIG_USAGE] = { "agent_usage", HIGH, false, false, false },
    [RIG_ERROR] = { "agent_error", CRITICAL, false, false, true },
    [RIG_WARNING] = { "agent_error", HIGH, false, false, true },
    [RIG_FILE] = { "file_changed", HIGH, false, false, false },
    [RIG_PROGRESS] = { "progress_update", HIGH, false, false, true },
    [RIG_STARTED] = { "run_started", HIGH, false, false, true },
    [RIG_COMPLETED] = { "run_completed", CRITICAL, false, false, true },
    [RIG_CREATED] = { "work_order_created", CRITICAL, false, false, true },
    [RIG_UPDATED] = { "work_order_updated", CRITICAL, false, false, true },
    [RIG_ITERATION] = { "run_iteration", HIGH, false, false, true }
};

static ag_kind_t s_kind (const model_event_t *event)
{
    static ag_kind_t kinds[RIG_SHAPES];
    const char *type = s_traits[event->shape].type;
    if (kinds[event->shape] == AG_KIND_UNKNOWN)
        kinds[event->shape] = ag_kind_by_name (type, strlen (type));
    return event->lost ? AG_KIND_UNKNOWN : kinds[event->shape];
}

static priority_t s_priority (const model_event_t *event)
{
    return s_traits[event->shape].priority;
}

bool model_passes (const model_viewer_t *viewer, const model_event_t *event)
{
    if (event->lost || !((viewer->types >> s_kind (event)) & 1))
        return false;
    return (viewer->partial || !s_traits[event->shape].partial) && (viewer->thinking || !s_traits[event->shape].thinking)
        && (!viewer->all || s_traits[event->shape].overview);
}

void model_fail (model_t *self, const char *format, ...)
{
    if (self->failure[0] != '\0')
        return;
    va_list args;
    int len = snprintf (self->failure, sizeof self->failure, "viewer %d: ", self->who);
    va_start (args, format);
    vsnprintf (self->failure + len, sizeof self->failure - (size_t) len, format, args);
    va_end (args);
}

uint64_t model_epoch (int index)
{
    return RIG_EPOCH + (uint64_t) index;
}

/* ---------------------------------------------------------------------- */
/*  Truth */

/*  How many gaps have it in their range, and the most of one sort. What a decision kept
    can still be lost to eviction or a new epoch: then that gap's range meets the first. */
static int s_gaps_over (const model_viewer_t *viewer, int stream, int epoch, uint64_t seq, int *same_sort_r)
{
    int rate = viewer->shed[stream][epoch][seq], other = viewer->missed[stream][epoch][seq];
    *same_sort_r = rate > other ? rate : other;
    return rate + other;
}

/*  How many up to a seq are pending of a stream, and since when; what a gap has told of is not. */
static uint64_t s_pending (const model_t *self, const model_viewer_t *viewer, int stream, uint64_t upto,
    int64_t *oldest_us)
{
    const model_stream_t *s = &self->streams[stream];
    if (s->epoch < 0 || !viewer->covers[stream] || viewer->begin[stream][s->epoch] == 0)
        return 0;
    uint64_t pending = 0, seq = viewer->newest[stream][s->epoch] + 1;
    if (seq < viewer->begin[stream][s->epoch])
        seq = viewer->begin[stream][s->epoch];
    for (; seq <= s->last[s->epoch] && seq <= upto; seq++) {
        const model_event_t *event = &s->events[s->epoch][seq];
        int same;
        if (!model_passes (viewer, event) || s_gaps_over (viewer, stream, s->epoch, seq, &same) > 0)
            continue;
        pending++;
        if (event->put_us < *oldest_us)
            *oldest_us = event->put_us;
    }
    return pending;
}

static uint64_t s_pending_all (const model_t *self, const model_viewer_t *viewer, int64_t *oldest_us)
{
    uint64_t pending = 0;
    for (int i = 0; i < MODEL_STREAMS; i++)
        pending += s_pending (self, viewer, i, UINT64_MAX, oldest_us);
    return pending;
}

static int64_t s_window_us (const model_viewer_t *viewer)
{
    return viewer->options.batch_us;
}

static void s_refill (model_viewer_t *viewer, int64_t now_us);

/*  Someone who could be served now, and whose budget is known. (What a plain client is told
    does not say which numbers it will not get.) */
static bool s_attends (const model_t *self, const model_viewer_t *viewer)
{
    return viewer->client != NULL && !viewer->stalled && !viewer->positioned && !viewer->options.plain && !self->blind
        && self->now_us - self->seen_us > s_window_us (viewer);
}

/*  "the first event after quiet leaves at once" */
static void s_note_put (model_t *self, model_viewer_t *viewer, int stream, uint64_t seq)
{
    const model_stream_t *s = &self->streams[stream];
    const model_event_t *event = &s->events[s->epoch][seq];
    if (!viewer->covers[stream] || !model_passes (viewer, event) || viewer->empty_us == 0)
        return;
    bool quiet = self->now_us - viewer->empty_us > 2 * s_window_us (viewer)
        && self->now_us - viewer->sent_us > 2 * s_window_us (viewer);
    /*  While the socket did not drain the windows were longer, at most 1 s. */
    if (quiet && self->now_us - viewer->empty_us > 2 * MILLION)
        viewer->behind = false;
    viewer->empty_us = 0;
    s_refill (viewer, self->now_us);
    if (quiet && s_attends (self, viewer) && !viewer->behind
            && (viewer->options.rate_limit == 0 || viewer->level >= MILLION)) {
        viewer->must_stream = stream;
        viewer->must_seq = seq;
    }
}

void model_put (model_t *self, int stream, rig_shape_t shape, int variant)
{
    model_stream_t *s = &self->streams[stream];
    uint64_t seq = ++s->last[s->epoch];
    rig_event_t what = { s->work_order, s->run, model_epoch (s->epoch), seq, shape, variant, NULL };
    ag_event_t *event = rig_event (&what);
    s->events[s->epoch][seq] = (model_event_t) { (uint8_t) shape, (uint8_t) variant, false, self->now_us };
    s->over |= shape == RIG_COMPLETED;
    s->dead = false;
    for (int i = 0; i < MODEL_VIEWERS; i++)
        s_note_put (self, &self->viewers[i], stream, seq);
    if (self->history != NULL)
        rig_history_add (self->history, event);
    ag_hub_put (self->hub, event, self->now_us);
    ag_event_unref (&event);
    self->events++;
}

void model_lost (model_t *self, int stream, uint64_t count)
{
    model_stream_t *s = &self->streams[stream];
    uint64_t from = s->last[s->epoch] + 1, to = from + count - 1;
    for (uint64_t seq = from; seq <= to; seq++)
        s->events[s->epoch][seq] = (model_event_t) { .lost = true };
    s->last[s->epoch] = s->lost_to = to;
    s->lost_from = from;
    ag_hub_lost (self->hub, (ag_str_t) { s->id, strlen (s->id) }, model_epoch (s->epoch), from, to, self->now_us);
}

static int s_stream_by_id (const model_t *self, ag_str_t id)
{
    for (int i = 0; i < MODEL_STREAMS; i++)
        if (ag_str_is (id, self->streams[i].id))
            return i;
    return -1;
}

static int s_stream_of (const model_t *self, ag_str_t message)
{
    ag_str_t run = rig_text (message, "runId");
    if (run.ptr != NULL)
        return s_stream_by_id (self, run);
    char id[64];
    ag_str_t work_order = rig_text (message, "workOrderId");
    snprintf (id, sizeof id, "@%.*s", (int) work_order.len, work_order.ptr);
    return s_stream_by_id (self, (ag_str_t) { id, strlen (id) });
}

/* ---------------------------------------------------------------------- */
/*  Events */

static bool s_mergeable (const model_event_t *a, const model_event_t *b)
{
    if (a->shape != b->shape)
        return false;
    if (a->shape == RIG_PROGRESS)
        return true;
    bool can = a->shape <= RIG_THINKING_PARTIAL || a->shape == RIG_FILE;
    return can && a->variant == b->variant;
}

/*  "It absorbs only the immediately preceding events in that client's view": all that
    pass in the span are of one kind, message or file; and text is all there. */
static void s_check_span (model_t *self, const model_viewer_t *viewer, int stream, uint64_t first, uint64_t seq,
    ag_str_t message)
{
    const model_stream_t *s = &self->streams[stream];
    const model_event_t *events = s->events[s->epoch];
    char text[64 * 1024];
    size_t len = 0;
    for (uint64_t i = first; i <= seq; i++) {
        if (events[i].lost)
            model_fail (self, "%s: span %llu..%llu runs over a hole", s->id, (unsigned long long) first, (unsigned long long) seq);
        if (events[i].shape == RIG_CALL && first != seq)
            model_fail (self, "%s: span %llu..%llu runs over a tool call", s->id, (unsigned long long) first, (unsigned long long) seq);
        if (!model_passes (viewer, &events[i]))
            continue;
        if (!s_mergeable (&events[i], &events[seq]) && first != seq)
            model_fail (self, "%s: %llu was merged into %llu", s->id, (unsigned long long) i, (unsigned long long) seq);
        if (len < sizeof text - 32)
            len += (size_t) snprintf (text + len, 32, "%llu.", (unsigned long long) i);
    }
    if (events[seq].shape <= RIG_LOOSE) {
        ag_str_t content = rig_text (message, "content");
        if (!ag_str_eq (content, (ag_str_t) { text, len }))
            model_fail (self, "%s: %llu..%llu has content %.*s, not %.*s", s->id, (unsigned long long) first,
                (unsigned long long) seq, (int) content.len, content.ptr, (int) len, text);
    }
}

static void s_refill (model_viewer_t *viewer, int64_t now_us)
{
    int64_t rate = viewer->options.rate_limit;
    viewer->level += (now_us - viewer->level_us) * rate;
    viewer->level_us = now_us;
    if (viewer->level > rate * MILLION)
        viewer->level = rate * MILLION;
}

/*  "Each delivered event, after roll-up, costs 1; critical may drive the bucket to -burst." */
static void s_charge (model_t *self, model_viewer_t *viewer, bool critical)
{
    int64_t full = (int64_t) viewer->options.rate_limit * MILLION;
    if (full == 0)
        return;
    s_refill (viewer, self->now_us);
    viewer->level -= MILLION;
    viewer->critical_now |= critical;
    viewer->charged = true;
    if (viewer->level < -full)
        model_fail (self, "bucket at %lld of -%lld", (long long) viewer->level, (long long) full);
}

/*  "Budget 20 x rate, apart from the live one": whatever it was, no more than both together,
    and the debt that critical events may make. */
static void s_charge_total (model_t *self, model_viewer_t *viewer)
{
    int64_t rate = viewer->options.rate_limit, both = 21 * rate;
    if (rate == 0)
        return;
    viewer->total_level += (self->now_us - viewer->total_us) * both;
    viewer->total_us = self->now_us;
    if (viewer->total_level > both * MILLION)
        viewer->total_level = both * MILLION;
    viewer->total_level -= MILLION;
    if (viewer->total_level < -rate * MILLION)
        model_fail (self, "live and replay budgets together at %lld", (long long) viewer->total_level);
}

static void s_mark (model_t *self, model_viewer_t *viewer, int stream, uint64_t first, uint64_t seq)
{
    int epoch = self->streams[stream].epoch;
    for (uint64_t i = first; i <= seq; i++)
        if (model_passes (viewer, &self->streams[stream].events[epoch][i]))
            viewer->got[stream][epoch][i]++;
    viewer->newest[stream][epoch] = seq;
}

static void s_event (model_t *self, model_viewer_t *viewer, ag_str_t message)
{
    int stream = s_stream_of (self, message);
    uint64_t seq = rig_number (message, "seq"), first = rig_number (message, "seqFirst");
    if (stream < 0 || !viewer->covers[stream]) {
        model_fail (self, "not asked for: %.*s", (int) message.len, message.ptr);
        return;
    }
    const model_stream_t *s = &self->streams[stream];
    first = first ? first : seq;
    if (first > seq || seq > s->last[s->epoch]) {
        model_fail (self, "never put: %.*s", (int) message.len, message.ptr);
        return;
    }
    const model_event_t *event = &s->events[s->epoch][seq];
    /*  "after the confirmation comes the latest state of each live run" */
    if (viewer->all && seq < viewer->begin[stream][s->epoch]
            && (event->shape == RIG_STARTED || event->shape == RIG_PROGRESS))
        return;
    if (!model_passes (viewer, event) || !model_passes (viewer, &s->events[s->epoch][first]))
        model_fail (self, "%s: filtered %llu was sent", s->id, (unsigned long long) seq);
    if (first <= viewer->newest[stream][s->epoch])
        model_fail (self, "%s: %llu after %llu: order or twice", s->id, (unsigned long long) first,
            (unsigned long long) viewer->newest[stream][s->epoch]);
    if (!viewer->options.plain && viewer->told_epoch[stream] != model_epoch (s->epoch))
        model_fail (self, "%s: event before its epoch was told", s->id);
    s_check_span (self, viewer, stream, first, seq, message);
    s_mark (self, viewer, stream, first, seq);
    /*  A replay has its own budget, and who is in one is not for us to know. */
    if (!s->over && !viewer->positioned)
        s_charge (self, viewer, s_priority (event) == CRITICAL);
    s_charge_total (self, viewer);
    viewer->sent_us = self->now_us;
    self->delivered++;
}

/* ---------------------------------------------------------------------- */
/*  Control messages */

static uint64_t s_hex (ag_str_t text)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++)
        value = value << 4 | (uint64_t) (text.ptr[i] <= '9' ? text.ptr[i] - '0' : text.ptr[i] - 'a' + 10);
    return value;
}

static bool s_critical_pending (const model_t *self, const model_viewer_t *viewer, const model_gap_t *gap)
{
    const model_stream_t *s = &self->streams[gap->stream];
    for (uint64_t seq = gap->to; seq <= s->last[gap->epoch]; seq++)
        if (model_passes (viewer, &s->events[gap->epoch][seq]) && s_priority (&s->events[gap->epoch][seq]) == CRITICAL)
            return true;
    return false;
}

/*  Numbers that never came and that it was not told of. */
static bool s_hole_pending (const model_t *self, const model_viewer_t *viewer)
{
    int same;
    for (int i = 0; i < MODEL_STREAMS; i++) {
        const model_stream_t *s = &self->streams[i];
        for (uint64_t seq = 1; s->epoch >= 0 && viewer->covers[i] && seq <= s->last[s->epoch]; seq++)
            if (s->events[s->epoch][seq].lost && s_gaps_over (viewer, i, s->epoch, seq, &same) == 0)
                return true;
    }
    return false;
}

/*  "A client is behind when its pending range is older than 2 s or longer than 10 x its rate", and
    stays so until it has caught up. As long as the history cannot be read nobody can say that
    there is nothing but a hole. */
static void s_find_behind (const model_t *self, model_viewer_t *viewer, uint64_t pending, int64_t oldest_us)
{
    viewer->behind |= viewer->options.rate_limit && (pending > 10 * (uint64_t) viewer->options.rate_limit
        || self->now_us - 2 * MILLION > oldest_us || (self->blind && s_hole_pending (self, viewer)));
}

/*  Else only a critical event makes it shed. */
static void s_check_reason (model_t *self, model_viewer_t *viewer, const model_gap_t *gap)
{
    int64_t oldest_us = INT64_MAX;
    uint64_t pending = s_pending_all (self, viewer, &oldest_us);
    s_find_behind (self, viewer, pending, oldest_us);
    if (viewer->options.rate_limit == 0 || (!viewer->behind && !s_critical_pending (self, viewer, gap)))
        model_fail (self, "%s: shed %llu..%llu with %llu pending for %lld us", self->streams[gap->stream].id,
            (unsigned long long) gap->from, (unsigned long long) gap->to, (unsigned long long) pending,
            (long long) (self->now_us - oldest_us));
}

/*  "lost" never came, "retention" was deleted, and what a history has does not get "evicted" but
    by a new epoch. (Where lost numbers and deleted ones meet, the first gives the word.) */
static void s_check_word (model_t *self, const model_gap_t *gap)
{
    const model_stream_t *s = &self->streams[gap->stream];
    bool right = true;
    if (ag_str_is (gap->reason, "lost") && !self->pruned)
        for (uint64_t seq = gap->from; seq <= gap->to; seq++)
            right &= s->events[gap->epoch][seq].lost;
    if (ag_str_is (gap->reason, "retention"))
        right = self->pruned;
    if (ag_str_is (gap->reason, "evicted"))
        right = self->history == NULL || self->pruned || gap->epoch < s->epoch;
    if (!right)
        model_fail (self, "%s: gap %llu..%llu is not %.*s", s->id, (unsigned long long) gap->from,
            (unsigned long long) gap->to, (int) gap->reason.len, gap->reason.ptr);
}

/*  "before the first kept event of its range" */
static void s_check_gap_now (model_t *self, model_viewer_t *viewer, const model_gap_t *gap)
{
    const model_stream_t *s = &self->streams[gap->stream];
    if (gap->epoch < 0 || gap->epoch > s->epoch || gap->to > s->last[gap->epoch]) {
        model_fail (self, "%s: gap %llu..%llu of what never was", s->id, (unsigned long long) gap->from,
            (unsigned long long) gap->to);
        return;
    }
    s_check_word (self, gap);
    bool rate = ag_str_is (gap->reason, "rate");
    if (viewer->newest[gap->stream][gap->epoch] >= gap->from)
        model_fail (self, "%s: gap %llu..%llu after %llu was sent", s->id, (unsigned long long) gap->from,
            (unsigned long long) gap->to, (unsigned long long) viewer->newest[gap->stream][gap->epoch]);
    ag_stream_info_t info;
    ag_hub_stream (self->hub, (ag_str_t) { s->id, strlen (s->id) }, &info);
    bool held = self->history != NULL || (gap->epoch == s->epoch && info.first != 0 && gap->from >= info.first);
    if (gap->recoverable && !held)
        model_fail (self, "%s: gap %llu..%llu is not recoverable", s->id, (unsigned long long) gap->from,
            (unsigned long long) gap->to);
    if (rate && held && !gap->recoverable)
        model_fail (self, "%s: gap %llu..%llu is recoverable", s->id, (unsigned long long) gap->from,
            (unsigned long long) gap->to);
    if (rate && !viewer->positioned)
        s_check_reason (self, viewer, gap);
}

static void s_gap (model_t *self, model_viewer_t *viewer, ag_str_t message)
{
    static const char *const reasons[] = { "rate", "evicted", "lost", "retention" };
    model_gap_t gap = { .stream = s_stream_by_id (self, rig_text (message, "stream")) };
    gap.epoch = (int) (s_hex (rig_text (message, "epoch")) - RIG_EPOCH);
    gap.from = rig_number (message, "from");
    gap.to = rig_number (message, "to");
    gap.recoverable = rig_has (message, "\"recoverable\":true");
    for (int i = 0; i < 4; i++)
        if (ag_str_is (rig_text (message, "reason"), reasons[i]))
            gap.reason = (ag_str_t) { reasons[i], strlen (reasons[i]) };
    const char *counts = memmem (message.ptr, message.len, "\"counts\":", 9);
    ag_str_t part = { counts, (size_t) (message.ptr + message.len - counts) };
    for (int kind = 0; kind < AG_KIND_COUNT; kind++)
        gap.count[kind] = rig_number (part, ag_kind_name ((ag_kind_t) kind));
    if (gap.stream < 0 || gap.from > gap.to || gap.from == 0 || gap.reason.ptr == NULL)
        model_fail (self, "malformed: %.*s", (int) message.len, message.ptr);
    else if (viewer->told_epoch[gap.stream] != model_epoch (gap.epoch))
        model_fail (self, "%s: gap before its epoch was told", self->streams[gap.stream].id);
    else
        s_check_gap_now (self, viewer, &gap);
    viewer->sent_us = self->now_us;
    for (uint64_t seq = gap.from; self->failure[0] == '\0' && seq <= gap.to; seq++)
        (ag_str_is (gap.reason, "rate") ? viewer->shed : viewer->missed)[gap.stream][gap.epoch][seq]++;
    if (viewer->gap_count == viewer->gap_cap) {
        viewer->gap_cap = viewer->gap_cap ? viewer->gap_cap * 2 : 16;
        viewer->gaps = ag_realloc (viewer->gaps, viewer->gap_cap * sizeof *viewer->gaps);
    }
    viewer->gaps[viewer->gap_count++] = gap;
}

static void s_confirmed (model_t *self, model_viewer_t *viewer, ag_str_t message)
{
    for (int i = 0; i < MODEL_STREAMS; i++) {
        char part[64];
        snprintf (part, sizeof part, "\"%s\":{\"epoch\"", self->streams[i].id);
        const char *at = memmem (message.ptr, message.len, part, strlen (part));
        if (at != NULL)
            viewer->told_epoch[i] = s_hex (rig_text ((ag_str_t) { at, (size_t) (message.ptr + message.len - at) }, "epoch"));
    }
}

/*  "at most once a second" */
static void s_skipped (model_t *self, model_viewer_t *viewer, ag_str_t message)
{
    if (viewer->skipped_us != 0 && self->now_us - viewer->skipped_us < MILLION)
        model_fail (self, "EVENTS_SKIPPED after %lld us", (long long) (self->now_us - viewer->skipped_us));
    viewer->skipped_us = self->now_us;
    for (int kind = 0; kind < AG_KIND_COUNT; kind++)
        viewer->skipped[kind] += rig_number (message, ag_kind_name ((ag_kind_t) kind));
}

/*  "until the cursor reaches the head, then replay_complete" */
static void s_check_replay (model_t *self, model_viewer_t *viewer, bool run)
{
    int64_t oldest_us = INT64_MAX;
    for (int i = 0; i < (run ? 1 : 3); i++)
        if (self->streams[i].epoch >= 0 && self->streams[i].epoch == viewer->begun_epoch[i]
                && !viewer->relaxed[i][self->streams[i].epoch] && s_pending (self, viewer, i, viewer->begun_last[i], &oldest_us) > 0)
            model_fail (self, "%s: replay_complete before all of it came", self->streams[i].id);
}

static bool s_control (model_t *self, model_viewer_t *viewer, ag_str_t message)
{
    if (rig_is (message, "gap"))
        s_gap (self, viewer, message);
    else if (rig_is (message, "subscription_confirmed"))
        s_confirmed (self, viewer, message);
    else if (rig_is (message, "stream_started")) {
        int stream = s_stream_by_id (self, rig_text (message, "stream"));
        viewer->told_epoch[stream] = s_hex (rig_text (message, "epoch"));
    }
    else if (rig_is (message, "replay_complete")) {
        s_check_replay (self, viewer, rig_text (message, "runId").ptr != NULL);
        viewer->replay_completes++;
        viewer->catching_up = viewer->replay_completes < viewer->work_order + viewer->run;
    }
    else if (rig_is (message, "error"))
        s_skipped (self, viewer, message);
    else
        return rig_is (message, "heartbeat") || rig_is (message, "backpressure") || rig_is (message, "gap_repaired");
    return true;
}

static void s_keep_cursor (model_viewer_t *viewer, ag_str_t message)
{
    ag_str_t cursor = rig_text (message, "cursor");
    if (cursor.ptr == NULL)
        return;
    free (viewer->cursor);
    viewer->cursor = ag_str_dup (cursor);
}

static void s_message (model_t *self, model_viewer_t *viewer, ag_str_t message)
{
    if (rig_is (message, "batch")) {
        ag_str_t event;
        for (size_t at = 0; rig_batch_next (message, &at, &event);)
            s_event (self, viewer, event);
        s_keep_cursor (viewer, (ag_str_t) { event.ptr, (size_t) (message.ptr + message.len - event.ptr) });
        return;
    }
    if (!s_control (self, viewer, message)) {
        s_event (self, viewer, message);
        return;
    }
    s_keep_cursor (viewer, message);
    /*  "gets just that, one message per event, no gap, backpressure, replay_complete" */
    if (viewer->options.plain && !rig_is (message, "subscription_confirmed") && !rig_is (message, "error"))
        model_fail (self, "a plain client got %.*s", (int) message.len, message.ptr);
}

void model_frame (model_t *self, model_viewer_t *viewer, const ag_frame_t *frame)
{
    self->who = (int) (viewer - self->viewers);
    const char *trace = getenv ("AGENTGATE_FEED_TRACE");
    for (size_t i = 0; trace != NULL && atoi (trace) == self->who && i < frame->count; i++)
        fprintf (stderr, "%lld %.*s\n", (long long) self->now_us, (int) frame->messages[i].len, frame->messages[i].ptr);
    for (size_t i = 0; i < frame->count; i++)
        s_message (self, viewer, frame->messages[i]);
}

/* ---------------------------------------------------------------------- */
/*  After each drain: "A critical event leaves at once" */

/*  The first critical event that it should have and has not; 0: none. */
static uint64_t s_waiting_critical (const model_t *self, const model_viewer_t *viewer, int stream)
{
    const model_stream_t *s = &self->streams[stream];
    if (s->epoch < 0 || s->over || !viewer->covers[stream] || viewer->begin[stream][s->epoch] == 0)
        return 0;
    uint64_t from = viewer->newest[stream][s->epoch] + 1;
    if (from < viewer->begin[stream][s->epoch])
        from = viewer->begin[stream][s->epoch];
    for (uint64_t seq = from; seq <= s->last[s->epoch]; seq++) {
        const model_event_t *event = &s->events[s->epoch][seq];
        int same;
        if (model_passes (viewer, event) && s_priority (event) == CRITICAL
                && s_gaps_over (viewer, stream, s->epoch, seq, &same) == 0)
            return seq;
    }
    return 0;
}

/*  "A critical event leaves at once": none waits while there is debt left. True: one does,
    or that cannot be known. */
static bool s_waits (model_t *self, model_viewer_t *viewer)
{
    int64_t full = (int64_t) viewer->options.rate_limit * MILLION;
    bool waits = false;
    self->who = (int) (viewer - self->viewers);
    s_refill (viewer, self->now_us);
    /*  A plain client is not told which number was evicted before it could be read. */
    ag_hub_stats_t stats;
    ag_hub_stats (self->hub, &stats);
    if (viewer->positioned || self->blind || self->now_us - self->seen_us <= s_window_us (viewer) || (viewer->options.plain && (stats.evicted > 0 || self->aged)))
        return true;
    for (int stream = 0; stream < MODEL_STREAMS; stream++) {
        uint64_t seq = s_waiting_critical (self, viewer, stream);
        waits |= seq != 0;
        if (seq != 0 && (full == 0 || viewer->level >= MILLION - full))
            model_fail (self, "%s: critical %llu still waits, bucket at %lld", self->streams[stream].id,
                (unsigned long long) seq, (long long) viewer->level);
    }
    return waits;
}

void model_drained (model_t *self, model_viewer_t *viewer)
{
    bool waits = s_waits (self, viewer);
    if (viewer->options.rate_limit && viewer->charged && !viewer->critical_now && !waits && viewer->level < 0)
        model_fail (self, "debt without a critical event: %lld", (long long) viewer->level);
    viewer->critical_now = viewer->charged = false;
    int64_t oldest_us = INT64_MAX;
    if (s_pending_all (self, viewer, &oldest_us) > 0)
        viewer->empty_us = 0;
    else if (viewer->empty_us == 0)
        viewer->empty_us = self->now_us;
}

/*  Who is behind sheds, and what it keeps it gets: after 2 s, half a second (1 s at 1/s) to the
    next decision, and some tokens. */
static void s_check_fresh (model_t *self, const model_viewer_t *viewer)
{
    int64_t oldest_us = INT64_MAX;
    for (int i = 0; i < MODEL_STREAMS; i++)
        if (!self->streams[i].over)
            s_pending (self, viewer, i, UINT64_MAX, &oldest_us);
    if (self->now_us - oldest_us > 6 * MILLION && self->now_us - viewer->free_us > 6 * MILLION
            && self->now_us - self->seen_us > 6 * MILLION)
        model_fail (self, "something waits for %lld us", (long long) (self->now_us - oldest_us));
}

/*  "then on a shared tick": nothing that the bucket allows waits for longer than a window. */
static void s_check_prompt (model_t *self, model_viewer_t *viewer)
{
    const model_stream_t *must = viewer->must_stream < 0 ? NULL : &self->streams[viewer->must_stream];
    int same;
    if (must != NULL && s_attends (self, viewer) && !viewer->got[viewer->must_stream][must->epoch][viewer->must_seq]
            && s_gaps_over (viewer, viewer->must_stream, must->epoch, viewer->must_seq, &same) == 0)
        model_fail (self, "%s: %llu came after quiet and did not go at once", must->id, (unsigned long long) viewer->must_seq);
    viewer->must_stream = -1;
    s_refill (viewer, self->now_us);
    /*  What was in the bucket at the last tick, at least. */
    int64_t level = viewer->level - s_window_us (viewer) * viewer->options.rate_limit;
    bool may = viewer->options.rate_limit == 0 || (level >= MILLION && !viewer->behind);
    if (viewer->options.plain || viewer->client == NULL)
        return;
    int64_t oldest_us = INT64_MAX;
    uint64_t pending = s_pending_all (self, viewer, &oldest_us);
    s_find_behind (self, viewer, pending, oldest_us);
    if (viewer->level < 0)
        viewer->free_us = self->now_us;
    if (s_attends (self, viewer) && viewer->options.rate_limit)
        s_check_fresh (self, viewer);
    if (!s_attends (self, viewer) || !may)
        return;
    if (pending > 0 && !viewer->behind && self->now_us - oldest_us > s_window_us (viewer))
        model_fail (self, "%llu events wait, the first for %lld us, with %lld in a bucket of %u/s", (unsigned long long) pending,
            (long long) (self->now_us - oldest_us), (long long) viewer->level, viewer->options.rate_limit);
}

void model_served (model_t *self)
{
    for (self->who = 0; self->who < MODEL_VIEWERS; self->who++)
        s_check_prompt (self, &self->viewers[self->who]);
}

/* ---------------------------------------------------------------------- */
/*  At the end: "every seq delivered, merged, filtered, or in exactly one gap; counts true" */

static void s_check_seqs (model_t *self, const model_viewer_t *viewer, int stream, int epoch,
    uint64_t missed[AG_KIND_COUNT])
{
    const model_stream_t *s = &self->streams[stream];
    for (uint64_t seq = viewer->begin[stream][epoch]; seq <= s->last[epoch]; seq++) {
        const model_event_t *event = &s->events[epoch][seq];
        int got = viewer->got[stream][epoch][seq], same_reason;
        int gaps = s_gaps_over (viewer, stream, epoch, seq, &same_reason);
        if (got > 1)
            model_fail (self, "%s: %llu came %d times", s->id, (unsigned long long) seq, got);
        if (!event->lost && !model_passes (viewer, event))
            continue;
        if (got == 0)
            missed[s_kind (event)]++;
        if (viewer->options.plain)
            continue;
        if (got == 0 && gaps == 0)
            model_fail (self, "%s: epoch %d, %llu (%s) was skipped silently", s->id, epoch, (unsigned long long) seq,
                ag_kind_name (s_kind (event)));
        if (same_reason > 1 && !viewer->positioned)
            model_fail (self, "%s: %llu is in %d gaps", s->id, (unsigned long long) seq, gaps);
    }
}

/*  Whether a gap of the other sort (rate or not) tells of it as well. */
static bool s_also (const model_viewer_t *viewer, const model_gap_t *gap, uint64_t seq)
{
    int same;
    return s_gaps_over (viewer, gap->stream, gap->epoch, seq, &same) > 1;
}

/*  "low goes first, then normal, then high", and never critical: what was kept of the range is
    more important than what was shed, or as important and newer. */
static void s_check_choice (model_t *self, const model_viewer_t *viewer, const model_gap_t *gap)
{
    const model_stream_t *s = &self->streams[gap->stream];
    uint64_t first_kept[4] = { 0 }, last_shed[4] = { 0 };
    for (uint64_t seq = gap->from; seq <= gap->to; seq++) {
        const model_event_t *event = &s->events[gap->epoch][seq];
        bool kept = viewer->got[gap->stream][gap->epoch][seq];
        if (!model_passes (viewer, event) || (!kept && s_also (viewer, gap, seq)))
            continue;
        if (kept && first_kept[s_priority (event)] == 0)
            first_kept[s_priority (event)] = seq;
        if (!kept)
            last_shed[s_priority (event)] = seq;
    }
    if (last_shed[CRITICAL] != 0)
        model_fail (self, "%s: critical %llu was shed", s->id, (unsigned long long) last_shed[CRITICAL]);
    for (int shed = CRITICAL; shed <= LOW; shed++)
        for (int kept = shed; kept <= LOW && last_shed[shed] != 0; kept++)
            if (first_kept[kept] != 0 && (kept > shed || first_kept[kept] < last_shed[shed]))
                model_fail (self, "%s: %llu was shed and %llu kept", s->id, (unsigned long long) last_shed[shed],
                    (unsigned long long) first_kept[kept]);
}

/*  "counts true": as many of each kind as were not sent; where another gap overlaps, at most. */
static void s_check_gap (model_t *self, const model_viewer_t *viewer, const model_gap_t *gap)
{
    const model_stream_t *s = &self->streams[gap->stream];
    bool rate = ag_str_is (gap->reason, "rate");
    uint64_t least[AG_KIND_COUNT] = { 0 }, most[AG_KIND_COUNT] = { 0 };
    for (uint64_t seq = gap->from; seq <= gap->to; seq++) {
        const model_event_t *event = &s->events[gap->epoch][seq];
        if (viewer->got[gap->stream][gap->epoch][seq]
                || (!event->lost && !model_passes (viewer, event)))
            continue;
        ag_kind_t kind = s_kind (event);
        bool also = s_also (viewer, gap, seq);
        most[kind]++;
        least[kind] += !also;
    }
    if (rate && !viewer->positioned)
        s_check_choice (self, viewer, gap);
    if (viewer->positioned || (!rate && gap->count[AG_KIND_UNKNOWN] > 0))
        return;
    for (int kind = 0; kind < AG_KIND_COUNT; kind++)
        if (gap->count[kind] < least[kind] || gap->count[kind] > most[kind])
            model_fail (self, "%s: gap %llu..%llu %s says %llu %s, true is %llu", s->id, (unsigned long long) gap->from,
                (unsigned long long) gap->to, gap->reason.ptr, (unsigned long long) gap->count[kind],
                ag_kind_name ((ag_kind_t) kind), (unsigned long long) most[kind]);
}

static void s_check_viewer (model_t *self, const model_viewer_t *viewer)
{
    uint64_t missed[AG_KIND_COUNT] = { 0 };
    bool relaxed = false;
    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        for (int epoch = 0; epoch <= self->streams[stream].epoch; epoch++) {
            relaxed |= viewer->relaxed[stream][epoch];
            if (viewer->covers[stream] && viewer->begin[stream][epoch] && !viewer->relaxed[stream][epoch])
                s_check_seqs (self, viewer, stream, epoch, missed);
        }
    for (size_t i = 0; i < viewer->gap_count; i++)
        if (!viewer->relaxed[viewer->gaps[i].stream][viewer->gaps[i].epoch])
            s_check_gap (self, viewer, &viewer->gaps[i]);
    for (int kind = 1; kind < AG_KIND_COUNT; kind++)
        if (viewer->options.plain && !relaxed && viewer->skipped[kind] != missed[kind]
                && viewer->skipped[AG_KIND_UNKNOWN] == missed[AG_KIND_UNKNOWN])
            model_fail (self, "plain: %llu %s skipped, told %llu", (unsigned long long) missed[kind],
                ag_kind_name ((ag_kind_t) kind), (unsigned long long) viewer->skipped[kind]);
    if (viewer->positioned && !viewer->options.plain && viewer->replay_completes != viewer->work_order + viewer->run)
        model_fail (self, "replay_complete came %d times", viewer->replay_completes);
}

void model_check (model_t *self)
{
    for (self->who = 0; self->who < MODEL_VIEWERS; self->who++)
        s_check_viewer (self, &self->viewers[self->who]);
}

void model_check_same (model_t *self, const model_viewer_t *stayed, const model_viewer_t *came_back)
{
    int same;
    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        for (int epoch = 0; epoch <= self->streams[stream].epoch; epoch++)
            for (uint64_t seq = 1; seq <= self->streams[stream].last[epoch]; seq++)
                if (!came_back->relaxed[stream][epoch] && s_gaps_over (came_back, stream, epoch, seq, &same) == 0
                        && s_gaps_over (stayed, stream, epoch, seq, &same) == 0
                        && stayed->got[stream][epoch][seq] != came_back->got[stream][epoch][seq])
                    model_fail (self, "%s: %llu: who stayed got it %d times, who came back %d", self->streams[stream].id,
                        (unsigned long long) seq, stayed->got[stream][epoch][seq], came_back->got[stream][epoch][seq]);
}
