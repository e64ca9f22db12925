/*  tests/feed_rig.c - events, a history and a reader for the feed's tests

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/mem.h"
#include "tests/feed_rig.h"

/* ---------------------------------------------------------------------- */
/*  Events */

static const ag_kind_t s_kinds[RIG_SHAPES] = {
    AG_AGENT_OUTPUT, AG_AGENT_OUTPUT, AG_AGENT_OUTPUT, AG_AGENT_OUTPUT, AG_AGENT_OUTPUT,
    AG_AGENT_TOOL_CALL, AG_AGENT_TOOL_RESULT, AG_AGENT_USAGE, AG_AGENT_ERROR, AG_AGENT_ERROR,
    AG_FILE_CHANGED, AG_PROGRESS_UPDATE, AG_RUN_STARTED, AG_RUN_COMPLETED,
    AG_WORK_ORDER_CREATED, AG_WORK_ORDER_UPDATED, AG_RUN_ITERATION
};

static void s_output (ag_draft_t *draft, const rig_event_t *what)
{
    char text[32];
    snprintf (text, sizeof text, "%llu.", (unsigned long long) what->seq);
    ag_draft_set_text (draft, AG_F_CONTENT, what->text ? what->text : text);
    bool thinking = what->shape == RIG_THINKING || what->shape == RIG_THINKING_PARTIAL;
    ag_draft_set_text (draft, AG_F_KIND, thinking ? "thinking" : "text");
    if (what->shape == RIG_PARTIAL || what->shape == RIG_THINKING_PARTIAL)
        ag_draft_set_boolean (draft, AG_F_PARTIAL, true);
    if (what->shape == RIG_LOOSE)
        return;
    snprintf (text, sizeof text, "m%d", what->variant);
    ag_draft_set_text (draft, AG_F_MESSAGE_ID, text);
    ag_draft_set_integer (draft, AG_F_BLOCK_INDEX, 0);
}

static void s_tool (ag_draft_t *draft, const rig_event_t *what)
{
    ag_draft_set_text (draft, AG_F_TOOL_USE_ID, "t1");
    if (what->shape == RIG_CALL) {
        ag_draft_set_text (draft, AG_F_TOOL, "Bash");
        ag_draft_set_text (draft, AG_F_TOOL_NAME, "Bash");
        struct json_object *input = json_object_new_object ();
        ag_draft_set_object (draft, AG_F_INPUT, input);
        json_object_put (input);
        return;
    }
    ag_draft_set_boolean (draft, AG_F_SUCCESS, true);
    ag_draft_set_text (draft, AG_F_CONTENT_PREVIEW, what->text ? what->text : "ok");
    ag_draft_set_integer (draft, AG_F_CONTENT_LENGTH, 2);
    ag_draft_set_integer (draft, AG_F_DURATION_MS, 1);
}

static void s_error (ag_draft_t *draft, const rig_event_t *what)
{
    ag_draft_set_text (draft, AG_F_MESSAGE, "it went wrong");
    ag_draft_set_text (draft, AG_F_SEVERITY, what->shape == RIG_ERROR ? "error" : "warning");
    ag_draft_set_text (draft, AG_F_SOURCE, "agent");
}

static void s_file (ag_draft_t *draft, const rig_event_t *what)
{
    char path[32];
    snprintf (path, sizeof path, "src/f%d.c", what->variant);
    ag_draft_set_text (draft, AG_F_PATH, path);
    ag_draft_set_text (draft, AG_F_ACTION, "modified");
}

static void s_progress (ag_draft_t *draft)
{
    ag_draft_set_integer (draft, AG_F_PERCENTAGE, 10);
    ag_draft_set_text (draft, AG_F_CURRENT_PHASE, "Reading");
    ag_draft_set_integer (draft, AG_F_TOOL_CALL_COUNT, 1);
    ag_draft_set_integer (draft, AG_F_ELAPSED_SECONDS, 1);
}

static void s_run (ag_draft_t *draft, const rig_event_t *what)
{
    if (what->shape == RIG_STARTED) {
        ag_draft_set_integer (draft, AG_F_RUN_NUMBER, 1);
        ag_draft_set_text (draft, AG_F_AGENT, "claude");
    } else {
        ag_draft_set_integer (draft, AG_F_DURATION_MS, 1);
        ag_draft_set_integer (draft, AG_F_EXIT_CODE, 0);
    }
}

static void s_work_order (ag_draft_t *draft, const rig_event_t *what)
{
    if (what->shape == RIG_ITERATION) {
        ag_draft_set_integer (draft, AG_F_ITERATION_NUMBER, 1);
        ag_draft_set_integer (draft, AG_F_TOTAL_ITERATIONS, 2);
        ag_draft_set_boolean (draft, AG_F_VERIFICATION_PASSED, true);
        return;
    }
    if (what->shape == RIG_CREATED)
        ag_draft_set_text (draft, AG_F_TASK_PROMPT, "do it");
    ag_draft_set_text (draft, AG_F_STATUS, "running");
}

static void s_fields (ag_draft_t *draft, const rig_event_t *what)
{
    switch (ag_draft_kind (draft)) {
    case AG_AGENT_OUTPUT:
        s_output (draft, what);
        break;
    case AG_AGENT_TOOL_CALL:
    case AG_AGENT_TOOL_RESULT:
        s_tool (draft, what);
        break;
    case AG_AGENT_ERROR:
        s_error (draft, what);
        break;
    case AG_FILE_CHANGED:
        s_file (draft, what);
        break;
    case AG_PROGRESS_UPDATE:
        s_progress (draft);
        break;
    case AG_RUN_STARTED:
    case AG_RUN_COMPLETED:
        s_run (draft, what);
        break;
    case AG_AGENT_USAGE:
        ag_draft_set_integer (draft, AG_F_INPUT_TOKENS, 1);
        ag_draft_set_integer (draft, AG_F_OUTPUT_TOKENS, 1);
        break;
    default:
        s_work_order (draft, what);
    }
}

ag_event_t *rig_event (const rig_event_t *what)
{
    ag_draft_t *draft = ag_draft_new (s_kinds[what->shape]);
    s_fields (draft, what);
    ag_ids_t ids = { .work_order = { what->work_order, strlen (what->work_order) } };
    if (what->run != NULL)
        ids.run = (ag_str_t) { what->run, strlen (what->run) };
    else
        ids.in_work_order_stream = true;
    uint64_t epoch = what->epoch ? what->epoch : RIG_EPOCH;
    ag_position_t at = { epoch, what->seq, (int64_t) what->seq * 1000 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    if (event == NULL) {
        fprintf (stderr, "rig_event: %s\n", error);
        abort ();
    }
    ag_draft_destroy (&draft);
    return event;
}

void rig_put (ag_hub_t *hub, rig_history_t *history, const rig_event_t *what, int64_t now_us)
{
    ag_event_t *event = rig_event (what);
    if (history != NULL)
        rig_history_add (history, event);
    ag_hub_put (hub, event, now_us);
    ag_event_unref (&event);
}

/* ---------------------------------------------------------------------- */
/*  History: one list for all, in the order of seq within a stream's epoch */

struct rig_history {
    ag_event_t **events;        /* references */
    size_t count, cap;
    bool fail, fail_bounds;     /* reads fail; questions for bounds */
    size_t reads;               /* events handed out */
    ag_event_t **late;          /* added, and not to be read yet; references */
    size_t late_count;
    bool delay;                 /* what is added goes there */
    struct {
        char stream[32];
        uint64_t epoch, last;
    } prunes[16];               /* up to where was deleted; the last one counts */
    size_t prune_count;
    ag_history_t face;          /* handed to the hub */
};

static bool s_is_of (const ag_event_t *event, ag_str_t stream, uint64_t epoch)
{
    return ag_event_epoch (event) == epoch && ag_str_eq (ag_event_stream (event), stream);
}

static int s_read (void *context, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *fn_context)
{
    rig_history_t *self = context;
    if (self->fail)
        return -1;
    for (size_t i = 0; i < self->count; i++) {
        ag_event_t *event = self->events[i];
        uint64_t seq = ag_event_seq (event);
        if (!s_is_of (event, stream, epoch) || seq < from || seq > to)
            continue;
        self->reads++;
        if (!fn (fn_context, event))
            break;
    }
    return 0;
}

static int s_bounds (void *context, ag_str_t stream, uint64_t epoch, ag_history_bounds_t *bounds_r)
{
    rig_history_t *self = context;
    uint64_t newest = 0;
    if (self->fail_bounds)
        return -1;
    for (size_t i = 0; i < self->count && epoch == 0; i++)
        if (ag_str_eq (ag_event_stream (self->events[i]), stream) && ag_event_epoch (self->events[i]) > newest)
            newest = ag_event_epoch (self->events[i]);
    *bounds_r = (ag_history_bounds_t) { .epoch = epoch ? epoch : newest };
    for (size_t i = 0; i < self->count; i++)
        if (s_is_of (self->events[i], stream, bounds_r->epoch)) {
            bounds_r->first = bounds_r->first ? bounds_r->first : ag_event_seq (self->events[i]);
            bounds_r->last = ag_event_seq (self->events[i]);
        }
    for (size_t i = 0; i < self->prune_count; i++)
        if (self->prunes[i].epoch == bounds_r->epoch && ag_str_is (stream, self->prunes[i].stream))
            bounds_r->forgotten = self->prunes[i].last;
    return bounds_r->first != 0;
}

static int s_streams (void *context, ag_str_t work_order, ag_history_stream_fn *fn, void *fn_context)
{
    rig_history_t *self = context;
    for (size_t i = 0; i < self->count; i++) {
        ag_event_t *event = self->events[i];
        if (ag_str_eq (ag_event_work_order (event), work_order)
                && !fn (fn_context, ag_event_stream (event), work_order, ag_event_run (event)))
            break;
    }
    return 0;
}

static bool s_behind_puts (void *context)
{
    const rig_history_t *self = context;
    return self->late_count > 0;
}

rig_history_t *rig_history_new (void)
{
    rig_history_t *self = ag_calloc (1, sizeof *self);
    self->face = (ag_history_t) { s_read, s_bounds, s_streams, self, s_behind_puts, s_behind_puts };
    return self;
}

void rig_history_destroy (rig_history_t **self_p)
{
    rig_history_t *self = *self_p;
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->count; i++)
        ag_event_unref (&self->events[i]);
    rig_history_drop (self);
    free (self->late);
    free (self->events);
    free (self);
    *self_p = NULL;
}

const ag_history_t *rig_history_face (rig_history_t *self)
{
    return &self->face;
}

void rig_history_fail (rig_history_t *self, bool fail)
{
    self->fail = fail;
}

size_t rig_history_reads (const rig_history_t *self)
{
    return self->reads;
}

void rig_history_fail_bounds (rig_history_t *self, bool fail)
{
    self->fail_bounds = fail;
}

void rig_history_delay (rig_history_t *self, bool delay)
{
    self->delay = delay;
    for (size_t i = 0; i < self->late_count && !delay; i++) {
        rig_history_add (self, self->late[i]);
        ag_event_unref (&self->late[i]);
    }
    self->late_count = delay ? self->late_count : 0;
}

void rig_history_drop (rig_history_t *self)
{
    while (self->late_count)
        ag_event_unref (&self->late[--self->late_count]);
}

/*  A late one goes to its place. */
void rig_history_add (rig_history_t *self, ag_event_t *event)
{
    if (self->delay) {
        self->late = ag_realloc (self->late, (self->late_count + 1) * sizeof *self->late);
        self->late[self->late_count++] = ag_event_ref (event);
        return;
    }
    if (self->count == self->cap) {
        self->cap = self->cap ? self->cap * 2 : 64;
        self->events = ag_realloc (self->events, self->cap * sizeof *self->events);
    }
    size_t at = self->count++;
    for (; at > 0; at--) {
        ag_event_t *other = self->events[at - 1];
        if (s_is_of (other, ag_event_stream (event), ag_event_epoch (event))
                && ag_event_seq (other) < ag_event_seq (event))
            break;
        self->events[at] = other;
    }
    self->events[at] = ag_event_ref (event);
}

void rig_history_prune (rig_history_t *self, const char *stream, uint64_t epoch, uint64_t seq)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        ag_event_t *event = self->events[i];
        if (s_is_of (event, (ag_str_t) { stream, strlen (stream) }, epoch) && ag_event_seq (event) < seq)
            ag_event_unref (&event);
        else
            self->events[kept++] = event;
    }
    self->count = kept;
    if (self->prune_count == sizeof self->prunes / sizeof self->prunes[0])
        abort ();
    self->prunes[self->prune_count].epoch = epoch;
    self->prunes[self->prune_count].last = seq - 1;
    snprintf (self->prunes[self->prune_count++].stream, sizeof self->prunes[0].stream, "%s", stream);
}

/* ---------------------------------------------------------------------- */
/*  Reading */

bool rig_has (ag_str_t message, const char *part)
{
    return memmem (message.ptr, message.len, part, strlen (part)) != NULL;
}

bool rig_is (ag_str_t message, const char *type)
{
    char part[64];
    int len = snprintf (part, sizeof part, "{\"type\":\"%s\"", type);
    return message.len >= (size_t) len && memcmp (message.ptr, part, (size_t) len) == 0;
}

static const char *s_behind (ag_str_t message, const char *name)
{
    char part[64];
    int len = snprintf (part, sizeof part, "\"%s\":", name);
    const char *at = memmem (message.ptr, message.len, part, (size_t) len);
    return at ? at + len : NULL;
}

uint64_t rig_number (ag_str_t message, const char *name)
{
    const char *at = s_behind (message, name), *end = message.ptr + message.len;
    uint64_t number = 0;
    for (; at != NULL && at < end && *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (uint64_t) (*at - '0');
    return number;
}

ag_str_t rig_text (ag_str_t message, const char *name)
{
    const char *at = s_behind (message, name), *end = message.ptr + message.len;
    if (at == NULL || *at != '"')
        return (ag_str_t) { NULL, 0 };
    const char *close = memchr (at + 1, '"', (size_t) (end - at - 1));
    return (ag_str_t) { at + 1, (size_t) (close - at - 1) };
}

/*  No text of the rig holds a brace. */
bool rig_batch_next (ag_str_t batch, size_t *at, ag_str_t *event_r)
{
    if (*at == 0)
        *at = strlen ("{\"type\":\"batch\",\"events\":[");
    if (batch.ptr[*at] == ',')
        ++*at;
    if (batch.ptr[*at] != '{')
        return false;
    size_t begin = *at;
    for (int depth = 0; *at < batch.len;) {
        char c = batch.ptr[(*at)++];
        depth += (c == '{') - (c == '}');
        if (depth == 0)
            break;
    }
    *event_r = (ag_str_t) { batch.ptr + begin, *at - begin };
    return true;
}

/* ---------------------------------------------------------------------- */
/*  Defaults */

ag_hub_options_t rig_options (void)
{
    return (ag_hub_options_t) {
        .buffer_events = 1000, .stream_bytes = 2 * 1024 * 1024, .total_bytes = 32 * 1024 * 1024,
        .retention_us = 3600ll * 1000 * 1000, .rate_limit = 50, .batch_us = 100 * 1000
    };
}

ag_subscribe_t rig_subscribe (const char *work_order)
{
    return (ag_subscribe_t) {
        .work_order = { work_order, strlen (work_order) }, .types = UINT32_MAX, .partial = true, .thinking = true
    };
}
