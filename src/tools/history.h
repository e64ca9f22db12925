/*  tools/history.h - what a gateway has kept, as events again

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_TOOLS_HISTORY_H
#define AG_TOOLS_HISTORY_H

#include <agentgate/event.h>

struct json_object;

typedef struct {
    const char *base_url;       /* http://HOST:PORT */
    const char *token;          /* or NULL */
} ag_history_source_t;

/*  A stream that the gateway knows; strings are lent. */
typedef struct {
    ag_str_t stream, work_order;
    uint64_t epoch, last;
    int64_t started_us;         /* Unix microseconds */
} ag_history_stream_t;

typedef void (ag_history_stream_fn) (void *context, const ag_history_stream_t *stream);
/*  Streams, oldest first. 0, or -1 with a malloc'ed *error_r. */
int ag_history_streams (const ag_history_source_t *source, ag_history_stream_fn *fn, void *context, char **error_r);

typedef void (ag_history_event_fn) (void *context, ag_event_t *event);
/*  Events from..to of a stream that it holds, in order. Kinds that this version
    does not know are left out. 0, or -1 with a malloc'ed *error_r. */
int ag_history_events (const ag_history_source_t *source, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *context, char **error_r);

/*  The fields of an event's JSON as a draft again. */
ag_draft_t *ag_history_draft (ag_kind_t kind, struct json_object *event);

#endif
