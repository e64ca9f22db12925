/*  gateway/net/intake.h - the gateway's end of the bus

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A SUB that executors connect to, a ROUTER for their control channels, an
    XPUB for other readers, and a small PUB that sends a canary to the SUB, so
    that /readyz knows the way in is open. Frames are checked here; what is no
    event of ours is counted and told once per burst. Belongs to one thread.
*/
#ifndef AG_NET_INTAKE_H
#define AG_NET_INTAKE_H

#include <agentgate/event.h>

#include "core/wire.h"

typedef struct ag_intake ag_intake_t;

typedef struct {
    const char *bus;            /* bound; ipc:// or tcp:// */
    const char *control;        /* bound */
    const char *republish;      /* bound; or NULL */
    const char *curve_dir;      /* or NULL */
    bool exposed;               /* a tcp address that is not loopback may go without CURVE */
    /*  An event, lent; peer is absent when it came over the bus. */
    void (*event) (void *context, ag_event_t *event, ag_str_t peer);
    /*  A control message, lent; false: it makes no sense. */
    bool (*control_message) (void *context, ag_str_t peer, const ag_control_t *message);
    void *context;
} ag_intake_options_t;

ag_intake_t *ag_intake_open (const ag_intake_options_t *options, char **error_r);
void ag_intake_close (ag_intake_t **self_p);

/*  File descriptors that become readable when ag_intake_pump has work. They
    are edge-triggered by nature: pump before sleeping, always. */
enum { AG_INTAKE_FDS = 3 };
int ag_intake_fd (const ag_intake_t *self, int which);

/*  Reads at most `budget` messages. True: there may be more. */
bool ag_intake_pump (ag_intake_t *self, int budget, int64_t now_us);

/*  Sends a control message; false when the peer is gone or its queue full. */
bool ag_intake_send (ag_intake_t *self, ag_str_t peer, const ag_control_t *message);
/*  To the readers of the XPUB, if there are any. */
void ag_intake_republish (ag_intake_t *self, const ag_event_t *event);

/*  Sends a canary; at most one a second makes sense. */
void ag_intake_send_canary (ag_intake_t *self);
/*  When one last came back; INT64_MIN: never. */
int64_t ag_intake_canary_us (const ag_intake_t *self);

typedef struct {
    uint64_t events, bytes;     /* good ones, over both ways */
    uint64_t resent;            /* of these over control */
    uint64_t control;           /* other control messages */
    uint64_t bad;               /* frames that are none of ours */
    uint64_t republished;
} ag_intake_stats_t;
const ag_intake_stats_t *ag_intake_stats (const ag_intake_t *self);

#endif
