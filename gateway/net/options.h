/*  gateway/net/options.h - what can be set, and whether it goes together

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_NET_OPTIONS_H
#define AG_NET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  Everything that can be set (SPEC section 10); strings are lent. */
typedef struct {
    const char *listen;                 /* HOST:PORT */
    const char *bus, *control, *republish;
    const char *state_dir;
    bool store;                         /* false: --store none */
    const char *curve_dir;
    const char *tls_cert, *tls_key;
    const char *token_file;
    const char *const *origins;         /* allowed besides our own */
    size_t origin_count;
    const char *dashboard_dir;          /* or NULL: the one linked in */
    bool insecure;
    uint32_t rate_limit, buffer_events;
    int64_t batch_us, retention_us, store_retention_us;
    uint64_t store_bytes;
    uint32_t connections, connections_per_address, subscriptions;
    int64_t ping_us;                    /* silence of a viewer before it is pinged */
    int64_t stall_us;                   /* without an answer, or with a socket that does not drain, it is closed after this */
} ag_gateway_options_t;

/*  What can be known without opening a socket: addresses that others can reach are
    protected or meant to be open, endpoints can be used, files that belong together
    are there and can be read. 0, or -1 with *error_r. */
int ag_gateway_options_check (const ag_gateway_options_t *self, char **error_r);

/*  "HOST:PORT", "[v6]:PORT" or "PORT"; *host_r is malloc'ed. 0, or -1 with *error_r. */
int ag_listen_split (const char *listen, char **host_r, int *port_r, char **error_r);

#endif
