/*  agent/progress.c - how far a run is, by the model of SPEC section 4

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/progress.h"

#include <stdlib.h>

#include "core/mem.h"

struct ag_progress {
    ag_progress_options_t options;
    int64_t start_us;
    int64_t deadline_us;        /* of the next periodic update */
    int64_t calls;              /* tool calls so far */
};

ag_progress_t *ag_progress_new (const ag_progress_options_t *options, int64_t start_us)
{
    ag_progress_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->start_us = start_us;
    self->deadline_us = start_us + options->interval_us;
    return self;
}

void ag_progress_destroy (ag_progress_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

static ag_draft_t *s_draft (ag_progress_t *self, int64_t percentage, int64_t now_us)
{
    ag_draft_t *draft = ag_draft_new (AG_PROGRESS_UPDATE);
    ag_draft_set_integer (draft, AG_F_PERCENTAGE, percentage);
    ag_draft_set_text (draft, AG_F_CURRENT_PHASE, "Starting");
    ag_draft_set_integer (draft, AG_F_TOOL_CALL_COUNT, self->calls);
    ag_draft_set_integer (draft, AG_F_ELAPSED_SECONDS, (now_us - self->start_us) / 1000000);
    return draft;
}

ag_draft_t *ag_progress_see (ag_progress_t *self, const ag_draft_t *draft, int64_t now_us)
{
    (void) now_us;
    if (ag_draft_kind (draft) == AG_AGENT_TOOL_CALL)
        self->calls++;
    return NULL;
}

ag_draft_t *ag_progress_tick (ag_progress_t *self, int64_t now_us)
{
    if (now_us < self->deadline_us)
        return NULL;
    self->deadline_us = now_us + self->options.interval_us;
    return s_draft (self, 0, now_us);
}

int64_t ag_progress_deadline_us (const ag_progress_t *self)
{
    return self->deadline_us;
}

ag_draft_t *ag_progress_end (ag_progress_t *self, bool completed, int64_t now_us)
{
    return s_draft (self, completed ? 100 : 0, now_us);
}
