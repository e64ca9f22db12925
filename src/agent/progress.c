/*  agent/progress.c - how far a run is, by the model of SPEC section 4

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The phase is what the agent does now, so it may go from Testing back to
    Implementing; the percentage only ever grows.
*/
#include "agent/progress.h"

#include <stdlib.h>

#include "agent/phase.h"
#include "agent/todo.h"
#include "core/mem.h"

struct ag_progress {
    ag_progress_options_t options;
    int64_t start_us;
    int64_t deadline_us;        /* of the next periodic update */
    ag_phase_t phase;
    int64_t calls;              /* tool calls so far, those of subagents too */
    int64_t percentage;         /* the highest that was told */
    ag_todo_t *todo;
};

ag_progress_t *ag_progress_new (const ag_progress_options_t *options, int64_t start_us)
{
    ag_progress_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->start_us = start_us;
    self->deadline_us = start_us + options->interval_us;
    self->todo = ag_todo_new ();
    return self;
}

void ag_progress_destroy (ag_progress_t **self_p)
{
    if (!*self_p)
        return;
    ag_todo_destroy (&(*self_p)->todo);
    free (*self_p);
    *self_p = NULL;
}

static double s_ratio (double part, double whole)
{
    if (whole <= 0 || part >= whole)
        return 1;
    return part > 0 ? part / whole : 0;
}

/*  0.3 of time, 0.3 of calls, 0.4 of the phase; a todo list stands for the first two. */
static double s_model (const ag_progress_t *self, int64_t now_us)
{
    static const double weights[AG_PHASE_COUNT] = { 0.05, 0.15, 0.25, 0.60, 0.85, 0.95 };
    int64_t total = ag_todo_total (self->todo);
    double worked = total > 0
        ? 0.6 * s_ratio ((double) ag_todo_done (self->todo), (double) total)
        : 0.3 * s_ratio ((double) (now_us - self->start_us), (double) self->options.expected_us)
            + 0.3 * s_ratio ((double) self->calls, self->options.expected_calls);
    return 100 * (worked + 0.4 * weights[self->phase]);
}

static void s_advance (ag_progress_t *self, int64_t now_us)
{
    double model = s_model (self, now_us);
    int64_t percentage = model < 99 ? (int64_t) model : 99;
    if (percentage > self->percentage)
        self->percentage = percentage;
}

/*  By the rule of three; too early there is nothing to reckon with. */
static int64_t s_remaining_s (const ag_progress_t *self, int64_t elapsed_s)
{
    if (self->percentage < 10 || self->percentage > 99 || elapsed_s < 10)
        return -1;
    return elapsed_s * (100 - self->percentage) / self->percentage;
}

static ag_draft_t *s_draft (ag_progress_t *self, int64_t now_us)
{
    int64_t elapsed_s = now_us > self->start_us ? (now_us - self->start_us) / 1000000 : 0;
    int64_t remaining_s = s_remaining_s (self, elapsed_s), todos = ag_todo_total (self->todo);
    ag_draft_t *draft = ag_draft_new (AG_PROGRESS_UPDATE);
    ag_draft_set_integer (draft, AG_F_PERCENTAGE, self->percentage);
    ag_draft_set_text (draft, AG_F_CURRENT_PHASE, ag_phase_name (self->phase));
    ag_draft_set_integer (draft, AG_F_TOOL_CALL_COUNT, self->calls);
    ag_draft_set_integer (draft, AG_F_ELAPSED_SECONDS, elapsed_s);
    if (remaining_s >= 0)
        ag_draft_set_integer (draft, AG_F_ESTIMATED_REMAINING_SECONDS, remaining_s);
    if (todos > 0) {
        ag_draft_set_integer (draft, AG_F_TODOS_DONE, ag_todo_done (self->todo));
        ag_draft_set_integer (draft, AG_F_TODOS_TOTAL, todos);
    }
    return draft;
}

/*  A call that tells nothing of its work still means that the run has begun. */
static ag_phase_t s_phase_with (const ag_progress_t *self, const ag_draft_t *call)
{
    ag_phase_t work = ag_phase_of_call (call);
    if (work == AG_PHASE_STARTING)
        work = AG_PHASE_READING;
    return ag_phase_after (self->phase, work);
}

ag_draft_t *ag_progress_see (ag_progress_t *self, const ag_draft_t *draft, int64_t now_us)
{
    ag_todo_see (self->todo, draft);
    if (ag_draft_kind (draft) != AG_AGENT_TOOL_CALL)
        return NULL;
    self->calls++;
    ag_phase_t phase = s_phase_with (self, draft);
    if (phase == self->phase)
        return NULL;
    self->phase = phase;
    s_advance (self, now_us);
    return s_draft (self, now_us);
}

ag_draft_t *ag_progress_tick (ag_progress_t *self, int64_t now_us)
{
    if (now_us < self->deadline_us)
        return NULL;
    self->deadline_us = now_us + self->options.interval_us;
    s_advance (self, now_us);
    return s_draft (self, now_us);
}

int64_t ag_progress_deadline_us (const ag_progress_t *self)
{
    return self->deadline_us;
}

ag_draft_t *ag_progress_end (ag_progress_t *self, bool completed, int64_t now_us)
{
    s_advance (self, now_us);
    if (completed) {
        self->phase = AG_PHASE_FINALIZING;
        self->percentage = 100;
    }
    return s_draft (self, now_us);
}
