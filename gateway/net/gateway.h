/*  gateway/net/gateway.h - the daemon: what its parts share, and its loop

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_NET_GATEWAY_H
#define AG_NET_GATEWAY_H

#include <poll.h>

#include "feed/client.h"
#include "feed/desk.h"
#include "feed/hub.h"
#include "net/archive.h"
#include "net/intake.h"
#include "net/options.h"

typedef struct ag_gateway ag_gateway_t;
typedef struct ag_server ag_server_t;
typedef struct ag_tokens ag_tokens_t;

/*  What HTTP and WebSocket handlers may use. */
struct ag_gateway {
    ag_gateway_options_t options;
    ag_hub_t *hub;
    ag_desk_t *desk;
    ag_archive_t *archive;              /* NULL: no store */
    ag_intake_t *intake;
    ag_server_t *server;
    ag_tokens_t *tokens;                /* NULL: everybody may */
    int signal_fd;                      /* SIGHUP, SIGINT, SIGTERM */
    int64_t started_us;                 /* monotonic */
    int64_t now_us;                     /* of this turn of the loop */
    int64_t desk_wake_us;               /* when the desk wants its turn */
    int64_t second_us, canary_us;       /* next once-a-second work; next canary */
    int64_t full_us;                    /* since when the store is behind; INT64_MAX: it is not */
    struct pollfd bus[AG_INTAKE_FDS];   /* its sockets; -1: there is none */
    uint64_t events;                    /* from the bus, as last seen */
    int64_t event_us, looked_us;        /* when the last came; when all sockets were last looked at */
    bool busy;                          /* events come one after the other */
    bool sent;                          /* something went out on a ZeroMQ socket in this turn */
    bool running;                       /* the store's thread may wake the loop; atomic */
    uint64_t committed;                 /* last ticket told to the desk */
    uint64_t store_failures;            /* as many as the desk was told are over */
    bool stopping;
    int lock_fds[4];                    /* held while we live */
    size_t lock_count;
};

/*  Opens everything with options that were checked; "listening on ..." is said by ag_gateway_run. NULL with *error_r. */
ag_gateway_t *ag_gateway_new (const ag_gateway_options_t *options, char **error_r);
/*  Until one of these; clients are told (4012). 0 or -1. */
int ag_gateway_run (ag_gateway_t *self);
void ag_gateway_destroy (ag_gateway_t **self_p);

#endif
