/*  feed/message.c - our own messages as JSON

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/clock.h"
#include "feed/message.h"

const char *ag_gap_reason_name (ag_gap_reason_t reason)
{
    static const char *const names[] = { "rate", "evicted", "lost", "retention" };
    return names[reason];
}

const char *ag_producer_name (ag_producer_t state)
{
    static const char *const names[] = { "alive", "repairing", "lost", "ended" };
    return names[state];
}

/* ---------------------------------------------------------------------- */
/*  Parts */

static void s_begin (ag_buf_t *out, const char *type)
{
    ag_buf_append_cstr (out, "{\"type\":\"");
    ag_buf_append_cstr (out, type);
    ag_buf_append_char (out, '"');
}

static void s_name (ag_buf_t *out, const char *name)
{
    ag_buf_append_cstr (out, ",\"");
    ag_buf_append_cstr (out, name);
    ag_buf_append_cstr (out, "\":");
}

static void s_string (ag_buf_t *out, const char *name, ag_str_t text)
{
    if (text.ptr == NULL)
        return;
    s_name (out, name);
    ag_buf_append_json_string (out, text);
}

static void s_cstring (ag_buf_t *out, const char *name, const char *text)
{
    s_name (out, name);
    ag_buf_append_char (out, '"');
    ag_buf_append_cstr (out, text);
    ag_buf_append_char (out, '"');
}

static void s_uint (ag_buf_t *out, const char *name, uint64_t value)
{
    s_name (out, name);
    ag_buf_append_uint (out, value);
}

static void s_epoch (ag_buf_t *out, uint64_t epoch)
{
    char text[17];
    ag_epoch_format (epoch, text);
    s_cstring (out, "epoch", text);
}

static void s_counts (ag_buf_t *out, const uint64_t *count)
{
    const char *comma = "{\"";
    for (int kind = 0; kind < AG_KIND_COUNT; kind++) {
        if (count[kind] == 0)
            continue;
        ag_buf_append_cstr (out, comma);
        ag_buf_append_cstr (out, ag_kind_name ((ag_kind_t) kind));
        ag_buf_append_cstr (out, "\":");
        ag_buf_append_uint (out, count[kind]);
        comma = ",\"";
    }
    ag_buf_append_cstr (out, comma[0] == '{' ? "{}" : "}");
}

/*  A comma before every member of an object but the first. */
static void s_member (ag_buf_t *out, ag_str_t name)
{
    if (out->data[out->len - 1] != '{')
        ag_buf_append_char (out, ',');
    ag_buf_append_json_string (out, name);
    ag_buf_append_char (out, ':');
}

void ag_message_end (ag_buf_t *out)
{
    ag_buf_append_char (out, '}');
}

/* ---------------------------------------------------------------------- */
/*  Subscriptions */

void ag_message_target_begin (ag_buf_t *out, const char *type, ag_str_t work_order, ag_str_t run, const char *timestamp)
{
    s_begin (out, type);
    s_string (out, "workOrderId", work_order);
    s_string (out, "runId", run);
    s_cstring (out, "timestamp", timestamp);
}

void ag_message_cursor (ag_buf_t *out, ag_str_t cursor)
{
    s_string (out, "cursor", cursor);
}

void ag_message_streams_begin (ag_buf_t *out)
{
    ag_buf_append_cstr (out, ",\"streams\":{");
}

void ag_message_stream (ag_buf_t *out, const ag_stream_info_t *info, const char *outcome)
{
    char epoch[17];
    ag_epoch_format (info->epoch, epoch);
    s_member (out, info->stream);
    ag_buf_append_cstr (out, "{\"epoch\":\"");
    ag_buf_append_cstr (out, epoch);
    ag_buf_append_char (out, '"');
    s_uint (out, "first", info->first);
    s_uint (out, "last", info->last);
    s_cstring (out, "state", ag_producer_name (info->producer));
    s_cstring (out, "replay", outcome);
    ag_buf_append_char (out, '}');
}

void ag_message_streams_end (ag_buf_t *out)
{
    ag_buf_append_char (out, '}');
}

/* ---------------------------------------------------------------------- */
/*  What happened to events */

void ag_message_gap (ag_buf_t *out, const ag_gap_t *gap)
{
    s_begin (out, "gap");
    s_string (out, "stream", gap->stream);
    s_epoch (out, gap->epoch);
    s_uint (out, "from", gap->from);
    s_uint (out, "to", gap->to);
    s_cstring (out, "reason", ag_gap_reason_name (gap->reason));
    s_name (out, "counts");
    s_counts (out, gap->count);
    s_name (out, "recoverable");
    ag_buf_append_cstr (out, gap->recoverable ? "true" : "false");
    s_string (out, "cursor", gap->cursor);
    ag_message_end (out);
}

void ag_message_gap_repaired (ag_buf_t *out, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to)
{
    s_begin (out, "gap_repaired");
    s_string (out, "stream", stream);
    s_epoch (out, epoch);
    s_uint (out, "from", from);
    s_uint (out, "to", to);
    ag_message_end (out);
}

void ag_message_replay_complete (ag_buf_t *out, ag_str_t work_order, ag_str_t run, ag_str_t cursor)
{
    s_begin (out, "replay_complete");
    s_string (out, "workOrderId", work_order);
    s_string (out, "runId", run);
    s_string (out, "cursor", cursor);
    ag_message_end (out);
}

void ag_message_stream_started (ag_buf_t *out, const ag_stream_info_t *info, uint64_t first)
{
    s_begin (out, "stream_started");
    s_string (out, "stream", info->stream);
    s_string (out, "workOrderId", info->work_order);
    s_string (out, "runId", info->run);
    s_epoch (out, info->epoch);
    s_uint (out, "first", first);
    ag_message_end (out);
}

void ag_message_backpressure (ag_buf_t *out, const char *state, uint64_t lag_events, int64_t lag_ms)
{
    s_begin (out, "backpressure");
    s_cstring (out, "state", state);
    s_uint (out, "lagEvents", lag_events);
    s_uint (out, "lagMs", lag_ms > 0 ? (uint64_t) lag_ms : 0);
    ag_message_end (out);
}

void ag_message_skipped (ag_buf_t *out, ag_str_t work_order, const uint64_t *count, uint64_t total,
    const char *timestamp)
{
    s_begin (out, "error");
    s_cstring (out, "code", "EVENTS_SKIPPED");
    ag_buf_printf (out, ",\"message\":\"%llu events were skipped\"", (unsigned long long) total);
    ag_buf_append_cstr (out, ",\"details\":{");
    if (work_order.ptr != NULL) {
        s_member (out, AG_STR ("workOrderId"));
        ag_buf_append_json_string (out, work_order);
    }
    s_member (out, AG_STR ("counts"));
    s_counts (out, count);
    ag_buf_append_char (out, '}');
    s_cstring (out, "timestamp", timestamp);
    ag_message_end (out);
}

void ag_message_heartbeat_begin (ag_buf_t *out)
{
    s_begin (out, "heartbeat");
    ag_buf_append_cstr (out, ",\"heads\":{");
}

void ag_message_heartbeat_head (ag_buf_t *out, ag_str_t stream, uint64_t last)
{
    s_member (out, stream);
    ag_buf_append_uint (out, last);
}

void ag_message_heartbeat_producers (ag_buf_t *out)
{
    ag_buf_append_cstr (out, "},\"producers\":{");
}

void ag_message_heartbeat_producer (ag_buf_t *out, ag_str_t stream, ag_producer_t state)
{
    s_member (out, stream);
    ag_buf_append_char (out, '"');
    ag_buf_append_cstr (out, ag_producer_name (state));
    ag_buf_append_char (out, '"');
}

void ag_message_heartbeat_end (ag_buf_t *out, const char *timestamp)
{
    ag_buf_append_char (out, '}');
    s_cstring (out, "timestamp", timestamp);
    ag_message_end (out);
}
