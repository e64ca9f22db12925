/*  gateway/net/tokens.h - who may see what

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A token file has a line for each token: its SHA-256 in hex, then words:
    "cancel" (may stop runs), "work-order=W" (sees only these; repeatable; none:
    all). '#' at the beginning or after white space begins a comment.
*/
#ifndef AG_NET_TOKENS_H
#define AG_NET_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include <agentgate/event.h>

typedef struct ag_tokens ag_tokens_t;

/*  What one connection may do. */
typedef struct {
    bool known;                     /* it has shown a token, or none is needed */
    bool cancel;                    /* may stop runs */
    const char *const *work_orders; /* lent from the tokens; NULL: all */
    size_t work_order_count;
} ag_access_t;

ag_tokens_t *ag_tokens_load (const char *path, char **error_r);
void ag_tokens_destroy (ag_tokens_t **self_p);

/*  self NULL: everybody may do everything. A token that is not known gives an
    access with known = false. Compares in constant time. */
ag_access_t ag_tokens_check (const ag_tokens_t *self, ag_str_t token);
bool ag_access_may_see (const ag_access_t *self, ag_str_t work_order);

#endif
