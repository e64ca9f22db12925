/*  gateway/net/server.h - libwebsockets: one context, one listening port, the loop's clock

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_NET_SERVER_H
#define AG_NET_SERVER_H

#include "net/gateway.h"

/*  Listens. NULL with *error_r. */
ag_server_t *ag_server_open (ag_gateway_t *gateway, char **error_r);
void ag_server_close (ag_server_t **self_p);

/*  "http://127.0.0.1:3001", with the real port. */
const char *ag_server_url (const ag_server_t *self);

/*  Wakes ag_server_wait whenever the descriptor is readable; it is duplicated. */
int ag_server_watch (ag_server_t *self, int fd);
/*  It should be called now, and not after a wait for something else. */
bool ag_server_wants_look (const ag_server_t *self);
/*  Serves sockets until something has happened, or the time has come. */
void ag_server_wait (ag_server_t *self, int64_t now_us, int64_t until_us);
/*  From any thread: ends the wait. */
void ag_server_wake (ag_server_t *self);

/*  For the hub: whether a client's token lets it see a work order. */
bool ag_server_may_see (void *user, ag_str_t work_order);
/*  A client of the hub has something to send. */
void ag_server_ready (ag_client_t *client);
/*  Sockets that were full, clients that do not answer: looks at those that are
    due, and says when it wants to again. */
int64_t ag_server_turn (ag_server_t *self, int64_t now_us);
/*  Tells all clients 4012, and lets them go. */
void ag_server_dismiss (ag_server_t *self);
size_t ag_server_connections (const ag_server_t *self);

enum { AG_AGES = 12 };                  /* steps of a histogram */

typedef struct {
    uint64_t accepted, turned_away;     /* connections; those closed at once, because there were too many */
    uint64_t refused;                   /* handshakes */
    uint64_t closed_slow, closed_abuse, closed_unauthorized;    /* 4008, 4508, 4501 */
    uint64_t requests, bad_messages;
    uint64_t bytes_out, writes, held;   /* held: writes that lws had to keep a part of */
    size_t websockets, streams;         /* now: WebSocket, server-sent events */
    size_t stalled;                     /* of these */
    uint64_t ages[AG_AGES];             /* frames by the age of their newest event when they were written */
    int64_t ages_sum_us;
} ag_server_stats_t;
const ag_server_stats_t *ag_server_stats (const ag_server_t *self);
/*  The upper end of a step of ages; the last has none. */
int64_t ag_server_age_us (size_t step);

#endif
