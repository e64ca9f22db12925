/*  gateway/net/api.h - /api/v1: runs, their events, search, export, cancel

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_NET_API_H
#define AG_NET_API_H

#include "net/gateway.h"
#include "net/reply.h"
#include "net/tokens.h"

/*  A request as text; arguments are decoded. */
typedef struct {
    bool post;
    const char *path;           /* behind "/api/v1/", decoded */
    const char *after, *limit, *types, *epoch, *q;      /* of the query; NULL: not given */
    const ag_access_t *access;
} ag_api_request_t;

/*  Fills the reply. True: the request asks for the stream of *run_r (server-sent
    events), which is not made here; *run_r is a copy. */
bool ag_api_answer (ag_gateway_t *gateway, const ag_api_request_t *request, ag_reply_t *reply, char **run_r);

/*  /metrics and /readyz. */
void ag_metrics_answer (ag_gateway_t *gateway, ag_reply_t *reply);
void ag_ready_answer (ag_gateway_t *gateway, ag_reply_t *reply);

#endif
