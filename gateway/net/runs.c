/*  gateway/net/runs.c - what is known of runs: live ones in the hub, older ones in the store

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/runs.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "feed/read.h"

/*  A run's last progress stands close to its end. */
enum { TAIL_EVENTS = 20 };

static ag_str_t s_own (ag_str_t text)
{
    return text.ptr ? (ag_str_t) { ag_str_dup (text), text.len } : text;
}

void ag_run_copy (ag_run_t *to, const ag_run_t *from)
{
    *to = *from;
    to->stream = s_own (from->stream);
    to->work_order = s_own (from->work_order);
    to->run = s_own (from->run);
}

void ag_run_clear (ag_run_t *self)
{
    free ((char *) self->stream.ptr);
    free ((char *) self->work_order.ptr);
    free ((char *) self->run.ptr);
    memset (self, 0, sizeof *self);
}

static const char *s_state (ag_producer_t producer)
{
    static const char *const names[] = { "alive", "repairing", "lost", "ended" };
    return names[producer];
}

/* ---------------------------------------------------------------------- */
/*  Finding */

static ag_run_t s_from_hub (const ag_stream_info_t *info)
{
    return (ag_run_t) { .stream = info->stream, .work_order = info->work_order, .run = info->run, .epoch = info->epoch,
        .first = info->first, .last = info->last, .state = s_state (info->producer),
        .started_us = info->first_ts_us, .updated_us = info->last_ts_us, .live = true };
}

static ag_run_t s_from_store (const ag_store_stream_t *info)
{
    return (ag_run_t) { .stream = info->stream, .work_order = info->work_order, .run = info->run, .epoch = info->epoch,
        .first = info->first, .last = info->last, .state = info->ended ? "ended" : "lost",
        .started_us = info->started_us, .updated_us = info->updated_us };
}

/*  What the store knows of a stream that the hub knows too: how far back it goes. */
static void s_add_store (ag_gateway_t *gateway, ag_run_t *run)
{
    ag_store_stream_t stored;
    ag_store_t *store = gateway->archive ? ag_archive_reader (gateway->archive) : NULL;
    if (!store || ag_store_stream (store, run->stream, run->epoch, &stored) != 1)
        return;
    if (stored.first && (!run->first || stored.first < run->first)) {
        run->first = stored.first;
        run->started_us = stored.started_us;
    }
    if (stored.last > run->last) {
        run->last = stored.last;
        run->updated_us = stored.updated_us;
    }
}

int ag_runs_find (ag_gateway_t *gateway, ag_str_t stream, uint64_t epoch, ag_run_t *run_r)
{
    ag_stream_info_t live;
    ag_store_stream_t stored;
    if (ag_hub_stream (gateway->hub, stream, &live) && (!epoch || live.epoch == epoch)) {
        ag_run_t run = s_from_hub (&live);
        ag_run_copy (run_r, &run);
        s_add_store (gateway, run_r);
        return 1;
    }
    int found = gateway->archive ? ag_store_stream (ag_archive_reader (gateway->archive), stream, epoch, &stored) : 0;
    if (found != 1)
        return found;
    ag_run_t run = s_from_store (&stored);
    ag_run_copy (run_r, &run);
    return 1;
}

int ag_runs_read (ag_gateway_t *gateway, const ag_run_t *run, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *context)
{
    return ag_hub_read (gateway->hub, run->stream, run->epoch, from, to, fn, context);
}

/* ---------------------------------------------------------------------- */
/*  As JSON */

static void s_append_text (ag_buf_t *out, const char *name, ag_str_t text)
{
    if (!text.ptr)
        return;
    ag_buf_printf (out, "\"%s\":", name);
    ag_buf_append_json_string (out, text);
    ag_buf_append_char (out, ',');
}

static void s_append_time (ag_buf_t *out, const char *name, int64_t ts_us)
{
    char text[AG_TIMESTAMP_SIZE];
    if (!ts_us)
        return;
    ag_clock_format (ts_us, text);
    ag_buf_printf (out, ",\"%s\":\"%s\"", name, text);
}

static void s_append_event (ag_buf_t *out, const char *name, ag_event_t *event)
{
    if (!event)
        return;
    ag_buf_printf (out, ",\"%s\":", name);
    ag_buf_append_str (out, ag_event_json (event));
}

/*  The events that sum a run up, from the store. */
typedef struct {
    ag_event_t *started, *progress, *ended;
} summary_t;

static bool s_note (void *context, ag_event_t *event)
{
    summary_t *summary = context;
    ag_kind_t kind = ag_event_kind (event);
    ag_event_t **slot = kind == AG_RUN_STARTED ? &summary->started : kind == AG_PROGRESS_UPDATE ? &summary->progress
        : ag_kind_ends (kind) ? &summary->ended : NULL;
    if (slot) {
        ag_event_unref (slot);
        *slot = ag_event_ref (event);
    }
    return true;
}

static void s_append_summary (ag_gateway_t *gateway, const ag_run_t *run, ag_buf_t *out)
{
    summary_t summary = { NULL, NULL, NULL };
    uint64_t tail = run->last > run->first + TAIL_EVENTS ? run->last - TAIL_EVENTS : run->first;
    ag_runs_read (gateway, run, run->first, run->first, s_note, &summary);
    ag_runs_read (gateway, run, tail, run->last, s_note, &summary);
    s_append_event (out, "started", summary.started);
    s_append_event (out, "progress", summary.progress);
    s_append_event (out, "ended", summary.ended);
    ag_event_unref (&summary.started);
    ag_event_unref (&summary.progress);
    ag_event_unref (&summary.ended);
}

static void s_append_head (const ag_run_t *run, ag_buf_t *out)
{
    char epoch[17];
    ag_epoch_format (run->epoch, epoch);
    ag_buf_append_char (out, '{');
    s_append_text (out, "runId", run->run);
    s_append_text (out, "workOrderId", run->work_order);
    s_append_text (out, "stream", run->stream);
    ag_buf_printf (out, "\"epoch\":\"%s\",\"first\":%llu,\"last\":%llu,\"state\":\"%s\"", epoch,
        (unsigned long long) run->first, (unsigned long long) run->last, run->state);
    s_append_time (out, "startedAt", run->started_us);
    s_append_time (out, "updatedAt", run->updated_us);
}

void ag_run_append_json (ag_gateway_t *gateway, const ag_run_t *run, ag_buf_t *out)
{
    ag_stream_info_t live;
    s_append_head (run, out);
    /*  A stream that the hub only remembers from the store has no such events in hand. */
    if (run->live && ag_hub_stream (gateway->hub, run->stream, &live) && live.epoch == run->epoch && live.first) {
        s_append_event (out, "started", live.started);
        s_append_event (out, "progress", live.progress);
        s_append_event (out, "ended", live.ended);
    } else
        s_append_summary (gateway, run, out);
    ag_buf_append_char (out, '}');
}

/* ---------------------------------------------------------------------- */
/*  The list */

struct ag_runs_list {
    ag_gateway_t *gateway;
    const ag_access_t *access;      /* lent while it is made */
    bool all;                       /* work orders' own streams too, and whole */
    size_t limit;                   /* unless all, so many are asked for */
    ag_run_t *runs;                 /* found; own their strings */
    size_t count, capacity;
    size_t look_at;                 /* with so many found, older epochs are dropped, and it is seen whether they suffice */
    size_t at;                      /* of the next to be told */
};

typedef ag_runs_list_t list_t;

static void s_add (list_t *list, const ag_run_t *run)
{
    if ((!run->run.ptr && !list->all) || !ag_access_may_see (list->access, run->work_order))
        return;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->runs = ag_realloc (list->runs, list->capacity * sizeof *list->runs);
    }
    ag_run_copy (&list->runs[list->count++], run);
}

static bool s_add_live (void *context, const ag_stream_info_t *info)
{
    ag_run_t run = s_from_hub (info);
    s_add (context, &run);
    return true;
}

/*  Streams by name, newest epoch first: the others of a name are dropped. */
static int s_by_name (const void *a, const void *b)
{
    const ag_run_t *left = a, *right = b;
    size_t len = left->stream.len < right->stream.len ? left->stream.len : right->stream.len;
    int order = memcmp (left->stream.ptr, right->stream.ptr, len);
    if (order == 0)
        order = (left->stream.len > right->stream.len) - (left->stream.len < right->stream.len);
    return order ? order : (left->epoch < right->epoch) - (left->epoch > right->epoch);
}

static int s_by_age (const void *a, const void *b)
{
    const ag_run_t *left = a, *right = b;
    return (left->started_us < right->started_us) - (left->started_us > right->started_us);
}

static void s_drop_older_epochs (list_t *list)
{
    size_t kept = 0;
    qsort (list->runs, list->count, sizeof *list->runs, s_by_name);
    for (size_t i = 0; i < list->count; i++)
        if (kept && ag_str_eq (list->runs[kept - 1].stream, list->runs[i].stream))
            ag_run_clear (&list->runs[i]);
        else
            list->runs[kept++] = list->runs[i];
    list->count = kept;
}

static bool s_suffices (const list_t *list)
{
    size_t stored = 0;
    for (size_t i = 0; i < list->count; i++)
        stored += !list->runs[i].live;
    return stored >= list->limit;
}

/*  Not what the hub has told already. The latest come first, and of a stream the
    newest epoch: with enough of them the rest needs no look. */
static bool s_add_stored (void *context, const ag_store_stream_t *info)
{
    list_t *list = context;
    ag_stream_info_t live;
    if (ag_hub_stream (list->gateway->hub, info->stream, &live))
        return true;
    ag_run_t run = s_from_store (info);
    s_add (list, &run);
    if (list->all || list->count < list->look_at)
        return true;
    s_drop_older_epochs (list);
    list->look_at = list->count + list->limit;
    return !s_suffices (list);
}

/*  By name, the newest epoch of each. 0, or -1. */
static int s_find (list_t *list)
{
    ag_archive_t *archive = list->gateway->archive;
    ag_hub_each_stream (list->gateway->hub, s_add_live, list);
    list->look_at = list->count + list->limit;
    int rc = archive ? ag_store_each_stream (ag_archive_reader (archive), s_add_stored, list) : 0;
    if (list->count)
        s_drop_older_epochs (list);
    return rc;
}

int ag_streams_append_list (ag_gateway_t *gateway, const ag_access_t *access, ag_str_t after, size_t limit, ag_buf_t *out)
{
    list_t list = { .gateway = gateway, .access = access, .all = true };
    ag_run_t bound = { .stream = after };           /* behind all of its name: epochs count down */
    size_t shown = 0, left = 0;
    ag_buf_append_cstr (out, "{\"streams\":[");
    int rc = s_find (&list);
    for (size_t i = 0; i < list.count; i++) {
        ag_run_t *run = &list.runs[i];
        bool due = !after.ptr || s_by_name (run, &bound) > 0;
        left += due && shown == limit;
        if (due && shown < limit) {
            if (run->live)
                s_add_store (gateway, run);
            if (shown++)
                ag_buf_append_char (out, ',');
            s_append_head (run, out);
            ag_buf_append_char (out, '}');
        }
        ag_run_clear (run);
    }
    free (list.runs);
    ag_buf_append_cstr (out, left ? "],\"more\":true}\n" : "],\"more\":false}\n");
    return rc;
}

ag_runs_list_t *ag_runs_list_new (ag_gateway_t *gateway, const ag_access_t *access, size_t limit)
{
    ag_runs_list_t *self = ag_calloc (1, sizeof *self);
    self->gateway = gateway;
    self->access = access;
    self->limit = limit;
    if (s_find (self) != 0) {
        ag_runs_list_destroy (&self);
        return NULL;
    }
    if (self->count)
        qsort (self->runs, self->count, sizeof *self->runs, s_by_age);
    while (self->count > limit)
        ag_run_clear (&self->runs[--self->count]);
    self->access = NULL;
    return self;
}

bool ag_runs_list_begun (const ag_runs_list_t *self)
{
    return self->at > 0;
}

bool ag_runs_list_next (ag_runs_list_t *self, ag_buf_t *out)
{
    if (self->at == self->count)
        return false;
    ag_run_t *run = &self->runs[self->at++];
    if (run->live)
        s_add_store (self->gateway, run);
    if (self->at > 1)
        ag_buf_append_char (out, ',');
    ag_run_append_json (self->gateway, run, out);
    return true;
}

void ag_runs_list_destroy (ag_runs_list_t **self_p)
{
    ag_runs_list_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < self->count; i++)
        ag_run_clear (&self->runs[i]);
    free (self->runs);
    free (self);
}
