/*  agentgate/subscriber.h - follows the bus

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Hears what is published from now on, at a gateway's republishing endpoint or
    at executors themselves. The bus drops for a subscriber that is too slow;
    because the writer numbers, a subscriber sees what it missed, and can fetch
    it from the gateway over HTTP. Example: docs/examples/follow.c.

        ag_subscriber_t *subscriber = ag_subscriber_new (NULL, &error);
        ag_received_t received;
        while (ag_subscriber_next (subscriber, -1, &received) == 1) {
            ag_str_t json = ag_event_json (received.event);
            printf ("%.*s\n", (int) json.len, json.ptr);
            ag_event_unref (&received.event);
        }

    A subscriber belongs to one thread.
*/
#ifndef AGENTGATE_SUBSCRIBER_H
#define AGENTGATE_SUBSCRIBER_H

#include <agentgate/event.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ag_subscriber ag_subscriber_t;

typedef struct {
    const char *const *endpoints;   /* to connect to; with a leading "@" to bind. NULL: the gateway of this machine */
    size_t endpoint_count;
    ag_str_t work_order;            /* only this one; absent: all */
    ag_str_t run;                   /* of it only this run; "@": only the work order's own stream */
    const char *curve_dir;          /* keys, or NULL */
    bool insecure;                  /* tcp to other machines without keys is allowed */
} ag_subscriber_options_t;

/*  What came. */
typedef struct {
    ag_event_t *event;              /* the caller's: ag_event_unref */
    uint64_t missed_from, missed_to;    /* numbers of its stream and epoch that should have come before it; 0, 0: none */
    bool repeated;                  /* its number was here before, or was missed and comes late */
} ag_received_t;

/*  options NULL: all that the gateway of this machine republishes. NULL with a malloc'ed *error_r. */
ag_subscriber_t *ag_subscriber_new (const ag_subscriber_options_t *options, char **error_r);
void ag_subscriber_destroy (ag_subscriber_t **self_p);

/*  1 an event, 0 none within timeout_ms (-1: no limit), -1 interrupted by a
    signal. What is no event of ours is skipped and counted. */
int ag_subscriber_next (ag_subscriber_t *self, int timeout_ms, ag_received_t *received_r);
uint64_t ag_subscriber_malformed (const ag_subscriber_t *self);
/*  The zmq SUB socket, for a poll of the caller's own; lent. */
void *ag_subscriber_socket (const ag_subscriber_t *self);

#ifdef __cplusplus
}
#endif
#endif
