/*  gateway/feed/client.h - one viewer: subscriptions, a cursor, a budget

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A client is a cursor over streams, not a queue. ag_client_next returns what
    to send and when to ask again; whatever carries it (WebSocket, server-sent
    events) only carries. Pure. SPEC sections 7.3 to 7.7 and 8.
*/
#ifndef AG_FEED_CLIENT_H
#define AG_FEED_CLIENT_H

#include "feed/hub.h"

/*  A position asked for in 'after'. epoch 0: the current one. */
typedef struct {
    ag_str_t stream;
    uint64_t epoch, seq;
} ag_after_t;

/*  A subscription as asked for; strings and arrays are lent for the call. Either
    'cursor' (the text of one of our cursors) or 'after', not both. */
typedef struct {
    ag_str_t work_order;            /* one of the three */
    ag_str_t run;
    bool all;                       /* "*" */
    uint32_t types;                 /* bit (1 << ag_kind_t), from filters and types; all ones: every type */
    bool partial;                   /* includePartial */
    bool thinking;                  /* includeThinking */
    bool has_after;                 /* a position was given; streams not listed start at 1 */
    ag_str_t cursor;                /* after: "C"; absent: see the next */
    const ag_after_t *after;        /* after: {stream: position} */
    size_t after_count;
    uint32_t replay_count;          /* replayCount; 0: not asked */
} ag_subscribe_t;

/*  Ways of a client; a plain one (AgentGate's) uses no field of ours. */
typedef struct {
    bool plain;                     /* one message per event, no gap, no partials, no thinking */
    bool batch;                     /* {"type":"batch"} frames */
    uint32_t rate_limit;            /* asked for; 0: the hub's; never more than the hub's */
    int64_t batch_us;               /* 33, 100 or 250 ms; 0: the hub's */
    bool quiet;                     /* not told of work orders that it did not subscribe to (server-sent events) */
} ag_client_options_t;

/*  What goes out together: each message is one WebSocket message or one SSE
    record. Lent until the next call on any client of the hub. Equal ids mean
    equal content (clients at the same place share the frame). */
typedef struct {
    uint64_t id;
    const ag_str_t *messages;       /* JSON texts */
    const ag_event_t *const *events;    /* per message the (last) event it carries, or NULL: control */
    size_t count;
    size_t bytes;
    ag_str_t cursor;                /* after this frame, as the frame's batch says it; else absent */
} ag_frame_t;

ag_client_t *ag_client_new (ag_hub_t *hub, const ag_client_options_t *options, void *user, int64_t now_us);
void ag_client_destroy (ag_client_t **self_p);
void *ag_client_user (const ag_client_t *self);
/*  Options may change until the first subscription, and rate and window later. */
void ag_client_set_options (ag_client_t *self, const ag_client_options_t *options, int64_t now_us);

/*  Adds a subscription (the same target again replaces it). The confirmation
    message comes first out of ag_client_next. 0, or -1 with a malloc'ed
    *error_r (a cursor that is none of ours, too many subscriptions). */
int ag_client_subscribe (ag_client_t *self, const ag_subscribe_t *request, int64_t now_us, char **error_r);
/*  1 was there (unsubscription_confirmed follows), 0 was not. */
int ag_client_unsubscribe (ag_client_t *self, const ag_subscribe_t *target, int64_t now_us);
size_t ag_client_subscriptions (const ag_client_t *self);

/*  A message of the carrier's own (pong, error): goes out with the next frame, before events. */
void ag_client_say (ag_client_t *self, ag_str_t json);

/*  1: *frame_r is to be sent now, and is accounted as sent. 0: nothing before
    *when_us_r (INT64_MAX: until the hub says ready). room_bytes: what the
    carrier can take now; frames are made no larger (but one message at least). */
int ag_client_next (ag_client_t *self, int64_t now_us, size_t room_bytes, ag_frame_t *frame_r, int64_t *when_us_r);

/*  The carrier's report on its socket: it does not drain, or it does again.
    Makes the backpressure messages and the longer windows (SPEC section 7.6). */
void ag_client_set_stalled (ag_client_t *self, bool stalled, int64_t now_us);

#endif
