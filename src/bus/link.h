/*  bus/link.h - the control channel to one gateway

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A DEALER connected to one gateway's ROUTER (proto/README.md, "Control").
    It says HELLO until it is welcomed, and again when the gateway asks (WHO)
    or the connection was lost; then a HEARTBEAT each second, a GOODBYE in its
    place once the stream has ended; and it answers one RESEND at a time.
*/
#ifndef AG_BUS_LINK_H
#define AG_BUS_LINK_H

#include <agentgate/event.h>

#include "bus/socket.h"
#include "core/wire.h"

typedef struct ag_link ag_link_t;

/*  What a link tells of its stream; kept by the publisher, seen by all links. */
typedef struct {
    ag_str_t stream, work_order, run;
    uint64_t epoch, first, last;
    bool ended;
} ag_link_stream_t;

/*  What a link wants of its publisher. */
typedef struct {
    /*  Shows the events from..to that are held to `fn`, in order, until it returns false. */
    int (*read) (void *context, uint64_t from, uint64_t to, bool (*fn) (void *context, ag_event_t *event), void *fn_context);
    /*  A message that concerns more than the link: WELCOME, ACK, CANCEL. */
    void (*said) (void *context, ag_link_t *link, const ag_control_t *message);
    void *context;
} ag_link_owner_t;

/*  `stream` and `owner` are lent and must outlive the link. */
ag_link_t *ag_link_new (void *zmq_context, const char *endpoint, ag_curve_t *curve,
    const ag_link_stream_t *stream, const ag_link_owner_t *owner, char **error_r);
void ag_link_destroy (ag_link_t **self_p);

void *ag_link_socket (const ag_link_t *self);
const char *ag_link_endpoint (const ag_link_t *self);
/*  Reads, answers, says what is due; returns when it wants to be called again. */
int64_t ag_link_turn (ag_link_t *self, int64_t now_us);

bool ag_link_welcomed (const ag_link_t *self);          /* has been, since the stream was made known */
const char *ag_link_refused (const ag_link_t *self);    /* the reason, lent; or NULL */
uint64_t ag_link_acked (const ag_link_t *self);

#endif
