/*  agent/redact.h - takes secrets out of drafts

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Before journal and bus (SPEC section 5.8). PCRE2 with JIT and match limits. What it
    holds back of a delta comes out at the next one, at ag_redact_flush, or
    after 200 ms (ag_redact_tick at ag_redact_deadline_us). Pure: no I/O.
*/
#ifndef AG_AGENT_REDACT_H
#define AG_AGENT_REDACT_H

#include "agent/parser.h"

enum { AG_REDACT_MIN_BYTES = 6 };       /* of a value; shorter ones look like too many words, and are ignored */

typedef struct ag_redact ag_redact_t;

/*  `secrets` are values to hide besides the known shapes (of --redact-env).
    Drafts come out at `sink`, in order. */
ag_redact_t *ag_redact_new (const ag_str_t *secrets, size_t count, ag_draft_sink_fn *sink, void *context);
void ag_redact_destroy (ag_redact_t **self_p);
/*  From now on all goes by as it is, and at once (--no-redact). Before the first push. */
void ag_redact_disable (ag_redact_t *self);
/*  Takes the draft; passes it on, perhaps later, perhaps changed. */
void ag_redact_push (ag_redact_t *self, ag_draft_t **draft_p, int64_t now_us);
/*  What has waited long enough comes out; with flush, all. */
void ag_redact_tick (ag_redact_t *self, int64_t now_us);
void ag_redact_flush (ag_redact_t *self);
int64_t ag_redact_deadline_us (const ag_redact_t *self);       /* INT64_MAX: none */
uint64_t ag_redact_count (const ag_redact_t *self);

#endif
