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
#include "feed/filter.h"
#include "tests/feed_model.h"

enum { MILLION = 1000000 };

void
model_fail (model_t *self, const char *format, ...)
{
    if (self->failure[0] != '\0')
        return;
    va_list args;
    int len = snprintf (self->failure, sizeof self->failure, "viewer %d: ", self->who);
    va_start (args, format);
    vsnprintf (self->failure + len, sizeof self->failure - (size_t) len, format, args);
    va_end (args);
}

uint64_t
model_epoch (int index)
{
    return RIG_EPOCH + (uint64_t) index;
}

/* ---------------------------------------------------------------------- */
/*  Truth */

void
model_put (model_t *self, int stream, rig_shape_t shape, int variant)
{
    model_stream_t *s = &self->streams[stream];
    uint64_t seq = ++s->last[s->epoch];
    rig_event_t what = { s->work_order, s->run, model_epoch (s->epoch), seq, shape, variant, NULL };
    ag_event_t *event = rig_event (&what);
    s->events[s->epoch][seq] = (model_event_t) { ag_class_of (event), (uint8_t) shape, (uint8_t) variant, false };
    s->over |= s->run != NULL && ag_kind_ends (ag_event_kind (event));
    if (self->history != NULL)
        rig_history_add (self->history, event);
    ag_hub_put (self->hub, event, self->now_us);
    ag_event_unref (&event);
    self->events++;
}

void
model_lost (model_t *self, int stream, uint64_t count)
{
    model_stream_t *s = &self->streams[stream];
    uint64_t from = s->last[s->epoch] + 1, to = from + count - 1;
    for (uint64_t seq = from; seq <= to; seq++)
        s->events[s->epoch][seq] = (model_event_t) { AG_CLASS_HOLE, 0, 0, true };
    s->last[s->epoch] = s->lost_to = to;
    s->lost_from = from;
    ag_hub_lost (self->hub, (ag_str_t) { s->id, strlen (s->id) }, model_epoch (s->epoch), from, to, self->now_us);
}

static int
s_stream_by_id (const model_t *self, ag_str_t id)
{
    for (int i = 0; i < MODEL_STREAMS; i++)
        if (ag_str_is (id, self->streams[i].id))
            return i;
    return -1;
}

static int
s_stream_of (const model_t *self, ag_str_t message)
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

static bool
s_mergeable (const model_event_t *a, const model_event_t *b)
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
static void
s_check_span (model_t *self, const model_viewer_t *viewer, int stream, uint64_t first, uint64_t seq, ag_str_t message)
{
    const model_stream_t *s = &self->streams[stream];
    const model_event_t *events = s->events[s->epoch];
    char text[64 * 1024];
    size_t len = 0;
    for (uint64_t i = first; i <= seq; i++) {
        if (events[i].lost)
            model_fail (self, "%s: span %llu..%llu runs over a hole", s->id, (unsigned long long) first, (unsigned long long) seq);
        if (!ag_filter_passes (viewer->filter, events[i].class))
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

static void
s_refill (model_viewer_t *viewer, int64_t now_us)
{
    int64_t rate = viewer->options.rate_limit;
    viewer->level += (now_us - viewer->level_us) * rate;
    viewer->level_us = now_us;
    if (viewer->level > rate * MILLION)
        viewer->level = rate * MILLION;
}

/*  "Each delivered event, after roll-up, costs 1; critical may drive the bucket to -burst." */
static void
s_charge (model_t *self, model_viewer_t *viewer, bool critical)
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

static void
s_mark (model_t *self, model_viewer_t *viewer, int stream, uint64_t first, uint64_t seq)
{
    int epoch = self->streams[stream].epoch;
    for (uint64_t i = first; i <= seq; i++)
        if (ag_filter_passes (viewer->filter, self->streams[stream].events[epoch][i].class))
            viewer->got[stream][epoch][i]++;
    viewer->newest[stream][epoch] = seq;
}

static void
s_event (model_t *self, model_viewer_t *viewer, ag_str_t message)
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
    if (!ag_filter_passes (viewer->filter, event->class) || !ag_filter_passes (viewer->filter,
            s->events[s->epoch][first].class))
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
        s_charge (self, viewer, ag_class_priority (event->class) == AG_CRITICAL);
    self->delivered++;
}

/* ---------------------------------------------------------------------- */
/*  Control messages */

static uint64_t
s_hex (ag_str_t text)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++)
        value = value << 4 | (uint64_t) (text.ptr[i] <= '9' ? text.ptr[i] - '0' : text.ptr[i] - 'a' + 10);
    return value;
}

static void
s_gap (model_t *self, model_viewer_t *viewer, ag_str_t message)
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
    if (viewer->gap_count == viewer->gap_cap) {
        viewer->gap_cap = viewer->gap_cap ? viewer->gap_cap * 2 : 16;
        viewer->gaps = ag_realloc (viewer->gaps, viewer->gap_cap * sizeof *viewer->gaps);
    }
    viewer->gaps[viewer->gap_count++] = gap;
}

static void
s_confirmed (model_t *self, model_viewer_t *viewer, ag_str_t message)
{
    for (int i = 0; i < MODEL_STREAMS; i++) {
        char part[64];
        snprintf (part, sizeof part, "\"%s\":{\"epoch\"", self->streams[i].id);
        const char *at = memmem (message.ptr, message.len, part, strlen (part));
        if (at != NULL)
            viewer->told_epoch[i] = s_hex (rig_text ((ag_str_t) { at, (size_t) (message.ptr + message.len - at) }, "epoch"));
    }
}

static void
s_skipped (model_viewer_t *viewer, ag_str_t message)
{
    for (int kind = 0; kind < AG_KIND_COUNT; kind++)
        viewer->skipped[kind] += rig_number (message, ag_kind_name ((ag_kind_t) kind));
}

static bool
s_control (model_t *self, model_viewer_t *viewer, ag_str_t message)
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
        viewer->replay_completes++;
        viewer->catching_up = viewer->replay_completes < viewer->work_order + viewer->run;
    }
    else if (rig_is (message, "error"))
        s_skipped (viewer, message);
    else
        return rig_is (message, "heartbeat") || rig_is (message, "backpressure") || rig_is (message, "gap_repaired");
    return true;
}

static void
s_keep_cursor (model_viewer_t *viewer, ag_str_t message)
{
    ag_str_t cursor = rig_text (message, "cursor");
    if (cursor.ptr == NULL)
        return;
    free (viewer->cursor);
    viewer->cursor = ag_str_dup (cursor);
}

static void
s_message (model_t *self, model_viewer_t *viewer, ag_str_t message)
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

void
model_frame (model_t *self, model_viewer_t *viewer, const ag_frame_t *frame)
{
    self->who = (int) (viewer - self->viewers);
    for (size_t i = 0; i < frame->count; i++)
        s_message (self, viewer, frame->messages[i]);
}

/* ---------------------------------------------------------------------- */
/*  After each drain: "A critical event leaves at once" */

/*  How many gaps have it in their range, and the most of one reason. What a decision kept
    can still be lost to eviction or a new epoch: then that gap's range meets the first. */
static int
s_gaps_over (const model_viewer_t *viewer, int stream, int epoch, uint64_t seq, int *same_reason_r)
{
    int all = 0, rate = 0;
    for (size_t i = 0; i < viewer->gap_count; i++) {
        const model_gap_t *gap = &viewer->gaps[i];
        bool over = gap->stream == stream && gap->epoch == epoch && gap->from <= seq && seq <= gap->to;
        all += over;
        rate += over && ag_str_is (gap->reason, "rate");
    }
    *same_reason_r = rate > all - rate ? rate : all - rate;
    return all;
}

/*  The first critical event that it should have and has not; 0: none. */
static uint64_t
s_waiting_critical (const model_t *self, const model_viewer_t *viewer, int stream)
{
    const model_stream_t *s = &self->streams[stream];
    if (s->epoch < 0 || s->over || !viewer->covers[stream] || viewer->begin[stream][s->epoch] == 0)
        return 0;
    uint64_t from = viewer->newest[stream][s->epoch] + 1;
    if (from < viewer->begin[stream][s->epoch])
        from = viewer->begin[stream][s->epoch];
    for (uint64_t seq = from; seq <= s->last[s->epoch]; seq++) {
        uint8_t class = s->events[s->epoch][seq].class;
        int same;
        if (!s->events[s->epoch][seq].lost && ag_filter_passes (viewer->filter, class)
                && ag_class_priority (class) == AG_CRITICAL
                && s_gaps_over (viewer, stream, s->epoch, seq, &same) == 0)
            return seq;
    }
    return 0;
}

/*  "A critical event leaves at once": none waits while there is debt left. True: one does,
    or that cannot be known. */
static bool
s_waits (model_t *self, model_viewer_t *viewer)
{
    int64_t full = (int64_t) viewer->options.rate_limit * MILLION;
    bool waits = false;
    self->who = (int) (viewer - self->viewers);
    s_refill (viewer, self->now_us);
    /*  A plain client is not told which number was evicted before it could be read. */
    ag_hub_stats_t stats;
    ag_hub_stats (self->hub, &stats);
    if (viewer->positioned || (viewer->options.plain && stats.evicted > 0))
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

void
model_drained (model_t *self, model_viewer_t *viewer)
{
    bool waits = s_waits (self, viewer);
    if (viewer->options.rate_limit && viewer->charged && !viewer->critical_now && !waits && viewer->level < 0)
        model_fail (self, "debt without a critical event: %lld", (long long) viewer->level);
    viewer->critical_now = viewer->charged = false;
}

/* ---------------------------------------------------------------------- */
/*  At the end: "every seq delivered, merged, filtered, or in exactly one gap; counts true" */

static void
s_check_seqs (model_t *self, const model_viewer_t *viewer, int stream, int epoch, uint64_t missed[AG_KIND_COUNT])
{
    const model_stream_t *s = &self->streams[stream];
    for (uint64_t seq = viewer->begin[stream][epoch]; seq <= s->last[epoch]; seq++) {
        const model_event_t *event = &s->events[epoch][seq];
        int got = viewer->got[stream][epoch][seq], same_reason;
        int gaps = s_gaps_over (viewer, stream, epoch, seq, &same_reason);
        if (got > 1)
            model_fail (self, "%s: %llu came %d times", s->id, (unsigned long long) seq, got);
        if (!event->lost && !ag_filter_passes (viewer->filter, event->class))
            continue;
        if (got == 0)
            missed[ag_class_kind (event->class)]++;
        if (viewer->options.plain)
            continue;
        if (got == 0 && gaps == 0)
            model_fail (self, "%s: epoch %d, %llu (%s) was skipped silently", s->id, epoch, (unsigned long long) seq,
                ag_kind_name (ag_class_kind (event->class)));
        if (same_reason > 1 && !viewer->positioned)
            model_fail (self, "%s: %llu is in %d gaps", s->id, (unsigned long long) seq, gaps);
    }
}

/*  Whether a gap of the other sort (rate or not) tells of it as well. */
static bool
s_also (const model_viewer_t *viewer, const model_gap_t *gap, uint64_t seq)
{
    int same;
    return s_gaps_over (viewer, gap->stream, gap->epoch, seq, &same) > 1;
}

/*  "counts true": as many of each kind as were not sent; where another gap overlaps, at most. */
static void
s_check_gap (model_t *self, const model_viewer_t *viewer, const model_gap_t *gap)
{
    const model_stream_t *s = &self->streams[gap->stream];
    bool rate = ag_str_is (gap->reason, "rate");
    uint64_t least[AG_KIND_COUNT] = { 0 }, most[AG_KIND_COUNT] = { 0 };
    for (uint64_t seq = gap->from; seq <= gap->to; seq++) {
        const model_event_t *event = &s->events[gap->epoch][seq];
        if (viewer->got[gap->stream][gap->epoch][seq]
                || (!event->lost && !ag_filter_passes (viewer->filter, event->class)))
            continue;
        ag_kind_t kind = event->lost ? AG_KIND_UNKNOWN : ag_class_kind (event->class);
        bool also = s_also (viewer, gap, seq);
        most[kind]++;
        least[kind] += !also;
        if (rate && !also && ag_class_priority (event->class) == AG_CRITICAL && !event->lost)
            model_fail (self, "%s: critical %llu was shed", s->id, (unsigned long long) seq);
    }
    if (viewer->positioned || (!rate && gap->count[AG_KIND_UNKNOWN] > 0))
        return;
    for (int kind = 0; kind < AG_KIND_COUNT; kind++)
        if (gap->count[kind] < least[kind] || gap->count[kind] > most[kind])
            model_fail (self, "%s: gap %llu..%llu %s says %llu %s, true is %llu", s->id, (unsigned long long) gap->from,
                (unsigned long long) gap->to, gap->reason.ptr, (unsigned long long) gap->count[kind],
                ag_kind_name ((ag_kind_t) kind), (unsigned long long) most[kind]);
}

static void
s_check_viewer (model_t *self, const model_viewer_t *viewer)
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

void
model_check (model_t *self)
{
    for (self->who = 0; self->who < MODEL_VIEWERS; self->who++)
        s_check_viewer (self, &self->viewers[self->who]);
}

void
model_check_same (model_t *self, const model_viewer_t *stayed, const model_viewer_t *came_back)
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
