/*  feed/message.h - our own messages as JSON

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Each function appends one message, or a part of one that its name tells.
    Absent strings (ptr NULL) are left out. SPEC sections 7 and 8.
*/
#ifndef AG_FEED_MESSAGE_H
#define AG_FEED_MESSAGE_H

#include "core/buf.h"
#include "feed/hub.h"

const char *ag_gap_reason_name (ag_gap_reason_t reason);
const char *ag_producer_name (ag_producer_t state);

/*  subscription_confirmed and unsubscription_confirmed: begin, then for a client that
    is not plain the cursor and each stream between streams and end. */
void ag_message_target_begin (ag_buf_t *out, const char *type, ag_str_t work_order, ag_str_t run, const char *timestamp);
void ag_message_cursor (ag_buf_t *out, ag_str_t cursor);
void ag_message_streams_begin (ag_buf_t *out);
/*  outcome: live, complete, partial, reset, waiting: what a replay will be. */
void ag_message_stream (ag_buf_t *out, const ag_stream_info_t *info, const char *outcome);
void ag_message_streams_end (ag_buf_t *out);
void ag_message_end (ag_buf_t *out);

typedef struct {
    ag_str_t stream;
    uint64_t epoch, from, to;
    ag_gap_reason_t reason;
    const uint64_t *count;      /* [AG_KIND_COUNT] */
    bool recoverable;
    ag_str_t cursor;
} ag_gap_t;

void ag_message_gap (ag_buf_t *out, const ag_gap_t *gap);
void ag_message_gap_repaired (ag_buf_t *out, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to);
void ag_message_replay_complete (ag_buf_t *out, ag_str_t work_order, ag_str_t run, ag_str_t cursor);
void ag_message_stream_started (ag_buf_t *out, const ag_stream_info_t *info, uint64_t first);
void ag_message_backpressure (ag_buf_t *out, const char *state, uint64_t lag_events, int64_t lag_ms);
/*  error EVENTS_SKIPPED, the gap of plain clients. work_order: absent when they are of several. */
void ag_message_skipped (ag_buf_t *out, ag_str_t work_order, const uint64_t *count, uint64_t total,
    const char *timestamp);

/*  heartbeat: begin, each stream's head, producers, each stream's producer, end. */
void ag_message_heartbeat_begin (ag_buf_t *out);
void ag_message_heartbeat_head (ag_buf_t *out, ag_str_t stream, uint64_t last);
void ag_message_heartbeat_producers (ag_buf_t *out);
void ag_message_heartbeat_producer (ag_buf_t *out, ag_str_t stream, ag_producer_t state);
void ag_message_heartbeat_end (ag_buf_t *out, const char *timestamp);

#endif
