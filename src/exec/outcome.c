/*  exec/outcome.c - how a run ended, and what is told of it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/outcome.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/mem.h"
#include "core/utf8.h"
#include "exec/child.h"

enum { PREVIEW_CHARS = 500 };

static const char *s_reason (const ag_outcome_t *self)
{
    if (self->spawn_errno)
        return "spawn";
    if (self->stop == AG_STOP_TIMEOUT)
        return "timeout";
    if (self->stop == AG_STOP_CANCELLED)
        return "cancelled";
    if (WIFSIGNALED (self->wait_status))
        return "signal";
    if (WEXITSTATUS (self->wait_status) != 0)
        return "exit";
    return self->summary->result_is_error ? "agent_error" : NULL;
}

/*  "SIGKILL"; real-time signals have no name. */
static char *s_signal_name (int signum)
{
    const char *name = sigabbrev_np (signum);
    return name ? ag_asprintf ("SIG%s", name) : ag_asprintf ("signal %d", signum);
}

static char *s_how (const ag_outcome_t *self)
{
    if (!WIFSIGNALED (self->wait_status))
        return ag_asprintf ("the agent ended with exit status %d", WEXITSTATUS (self->wait_status));
    char *name = s_signal_name (WTERMSIG (self->wait_status));
    char *text = ag_asprintf ("the agent was ended by %s", name);
    free (name);
    return text;
}

static char *s_error (const ag_outcome_t *self, const char *reason)
{
    if (self->spawn_errno)
        return ag_asprintf ("%s: %s", self->command, strerror (self->spawn_errno));
    char *how = s_how (self), *text;
    ag_str_t said = self->summary->result_is_error ? self->summary->result_text : (ag_str_t) { NULL, 0 };
    int len = (int) ag_utf8_prefix_chars (said.ptr, said.len, PREVIEW_CHARS);
    if (strcmp (reason, "timeout") == 0)
        text = ag_asprintf ("the time limit of %g s was reached; %s", (double) self->timeout_ms / 1000, how);
    else if (strcmp (reason, "cancelled") == 0)
        text = ag_asprintf ("the run was cancelled; %s", how);
    else if (strcmp (reason, "agent_error") == 0)
        text = len ? ag_asprintf ("%.*s", len, said.ptr) : ag_strdup ("the agent reports an error as its result");
    else
        text = len ? ag_asprintf ("%s: %.*s", how, len, said.ptr) : ag_strdup (how);
    free (how);
    return text;
}

static ag_draft_t *s_failed (const ag_outcome_t *self, const char *reason)
{
    ag_draft_t *draft = ag_draft_new (AG_RUN_FAILED);
    char *error = s_error (self, reason);
    ag_draft_set_text (draft, AG_F_ERROR, error);
    free (error);
    ag_draft_set_text (draft, AG_F_REASON, reason);
    if (self->spawn_errno)
        ag_draft_set_integer (draft, AG_F_EXIT_CODE, ag_outcome_status (self));
    else if (WIFSIGNALED (self->wait_status)) {
        char *name = s_signal_name (WTERMSIG (self->wait_status));
        ag_draft_set_text (draft, AG_F_SIGNAL, name);
        free (name);
    }
    else
        ag_draft_set_integer (draft, AG_F_EXIT_CODE, WEXITSTATUS (self->wait_status));
    return draft;
}

static ag_draft_t *s_completed (const ag_outcome_t *self)
{
    const ag_parser_summary_t *summary = self->summary;
    ag_draft_t *draft = ag_draft_new (AG_RUN_COMPLETED);
    ag_draft_set_integer (draft, AG_F_EXIT_CODE, WEXITSTATUS (self->wait_status));
    if (summary->num_turns >= 0)
        ag_draft_set_integer (draft, AG_F_NUM_TURNS, summary->num_turns);
    if (summary->cost_usd >= 0)
        ag_draft_set_number (draft, AG_F_COST_USD, summary->cost_usd);
    if (summary->result_text.ptr)
        ag_draft_set_string (draft, AG_F_RESULT_PREVIEW, summary->result_text.ptr,
            ag_utf8_prefix_chars (summary->result_text.ptr, summary->result_text.len, PREVIEW_CHARS));
    return draft;
}

ag_draft_t *ag_outcome_draft (const ag_outcome_t *self)
{
    const char *reason = s_reason (self);
    ag_draft_t *draft = reason ? s_failed (self, reason) : s_completed (self);
    ag_draft_set_integer (draft, AG_F_DURATION_MS, self->duration_ms);
    if (self->redactions)
        ag_draft_set_integer (draft, AG_F_REDACTIONS, (int64_t) self->redactions);
    return draft;
}

int ag_outcome_status (const ag_outcome_t *self)
{
    return self->spawn_errno ? ag_child_spawn_status (self->spawn_errno) : ag_child_shell_status (self->wait_status);
}
