/*  gateway/net/runs.h - what is known of runs: live ones in the hub, older ones in the store

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_NET_RUNS_H
#define AG_NET_RUNS_H

#include "core/buf.h"
#include "net/gateway.h"
#include "net/tokens.h"

/*  One epoch of one stream; owns its strings. */
typedef struct {
    ag_str_t stream, work_order, run;
    uint64_t epoch, first, last;
    const char *state;              /* "alive", "repairing", "lost", "ended"; static */
    int64_t started_us, updated_us;
    bool live;                      /* the hub knows this epoch */
} ag_run_t;

/*  epoch 0: the newest. 1 found, 0 not known, -1 the history cannot be read. */
int ag_runs_find (ag_gateway_t *gateway, ag_str_t stream, uint64_t epoch, ag_run_t *run_r);
void ag_run_copy (ag_run_t *to, const ag_run_t *from);
void ag_run_clear (ag_run_t *self);

/*  Events in order, from ring and store, until fn returns false. 0, or -1, or 1 (ag_hub_read). */
int ag_runs_read (ag_gateway_t *gateway, const ag_run_t *run, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *context);

/*  The object of proto/README.md, "HTTP". */
void ag_run_append_json (ag_gateway_t *gateway, const ag_run_t *run, ag_buf_t *out);
/*  A page of all streams that may be seen, work orders' own too, by name; behind `after` when there is one. 0, or -1. */
int ag_streams_append_list (ag_gateway_t *gateway, const ag_access_t *access, ag_str_t after, size_t limit, ag_buf_t *out);

/*  At most `limit` of them that may be seen, newest first; their objects one by
    one, separated by commas. NULL: the history cannot be read. */
typedef struct ag_runs_list ag_runs_list_t;
ag_runs_list_t *ag_runs_list_new (ag_gateway_t *gateway, const ag_access_t *access, size_t limit);
bool ag_runs_list_begun (const ag_runs_list_t *self);
bool ag_runs_list_next (ag_runs_list_t *self, ag_buf_t *out);       /* false: that was all */
void ag_runs_list_destroy (ag_runs_list_t **self_p);

#endif
