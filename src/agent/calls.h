/*  agent/calls.h - tool calls that wait for their result

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_AGENT_CALLS_H
#define AG_AGENT_CALLS_H

#include <agentgate/event.h>

typedef struct ag_calls ag_calls_t;

/*  One call; its strings belong to it. */
typedef struct {
    char *id;
    size_t id_len;
    char *parent;               /* NULL: none */
    size_t parent_len;
    int64_t start_us;           /* monotonic */
} ag_open_call_t;

ag_calls_t *ag_calls_new (void);
void ag_calls_destroy (ag_calls_t **self_p);
/*  A further call with an id that is open replaces it. */
void ag_calls_add (ag_calls_t *self, ag_str_t id, ag_str_t parent, int64_t start_us);
/*  Takes a call out, by id or the oldest; NULL: there is none. */
ag_open_call_t *ag_calls_take (ag_calls_t *self, ag_str_t id);
ag_open_call_t *ag_calls_take_oldest (ag_calls_t *self);
void ag_open_call_destroy (ag_open_call_t **self_p);
bool ag_calls_has (const ag_calls_t *self, ag_str_t id);
size_t ag_calls_count (const ag_calls_t *self);

#endif
