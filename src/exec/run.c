/*  exec/run.c - what somebody wants to say becomes an event of the run

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/run.h"

#include <stdlib.h>
#include <string.h>

#include "agent/redact.h"
#include "core/log.h"
#include "core/mem.h"

enum {
    NAMED_HOLD_US = 100 * 1000,         /* run_started waits so long when the agent is known */
    UNNAMED_HOLD_US = 1000 * 1000,      /* and when it is not */
    PENDING_MAX = 500,                  /* numbered but not yet committed; a giant read settles in between */
    EARLY_MAX = 32                      /* said before the agent is introduced, and waiting for that */
};

/*  What was said before run_started. */
typedef struct {
    ag_draft_t *draft;
    int64_t wall_us;                    /* when */
} s_early_t;

struct ag_run {
    ag_run_options_t options;   /* as given */
    ag_redact_t *redact;        /* all drafts go through it */
    ag_progress_t *progress;    /* watches what comes out */
    int64_t now_us;             /* monotonic time of this turn */
    int64_t start_by_us;        /* when run_started is sent at the latest */
    bool started;               /* it was sent */
    bool introduced;            /* with all that the agent says of itself in it */
    s_early_t early[EARLY_MAX]; /* banners and warnings that came before the agent's first record */
    size_t early_count;
    int64_t wall_us;            /* of what is being numbered; 0: now */
    bool ended;                 /* so was the last event */
    bool told_lost;             /* JOURNAL_LOST was sent, or there was no journal from the start */
    uint64_t seq;               /* last number given */
    ag_event_t *pending[PENDING_MAX];   /* numbered, not yet committed and published */
    size_t pending_count;       /* of them */
};

/* ---------------------------------------------------------------------- */
/*  Numbering */

static void s_publish_pending (ag_run_t *self)
{
    ag_journal_commit (self->options.journal);
    for (size_t i = 0; i < self->pending_count; i++) {
        self->options.publish (self->options.context, self->pending[i]);
        ag_event_unref (&self->pending[i]);
    }
    self->pending_count = 0;
}

/*  NULL: the draft cannot be an event; the log says why. */
static ag_event_t *s_make (ag_run_t *self, const ag_draft_t *draft)
{
    char *error = NULL;
    int64_t wall_us = self->wall_us ? self->wall_us : self->options.wall_us ();
    ag_position_t at = { .epoch = self->options.epoch, .seq = self->seq + 1, .ts_us = wall_us };
    ag_event_t *event = ag_event_new (draft, &self->options.ids, &at, &error);
    if (event)
        return event;
    ag_log_warning ("EVENT_REFUSED", "an %s could not be made: %s", ag_kind_name (ag_draft_kind (draft)), error);
    free (error);
    return NULL;
}

static ag_draft_t *s_error_draft (const char *severity, const char *code, const char *message)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_ERROR);
    ag_draft_set_text (draft, AG_F_MESSAGE, message);
    ag_draft_set_text (draft, AG_F_SEVERITY, severity);
    ag_draft_set_text (draft, AG_F_SOURCE, "executor");
    ag_draft_set_text (draft, AG_F_CODE, code);
    return draft;
}

/*  What is too large to be an event is at least told to have been. */
static ag_event_t *s_make_or_tell (ag_run_t *self, const ag_draft_t *draft)
{
    ag_event_t *event = s_make (self, draft);
    if (event)
        return event;
    char *message = ag_asprintf ("an event of type %s could not be sent: it is too large or not well formed",
        ag_kind_name (ag_draft_kind (draft)));
    ag_draft_t *instead = s_error_draft ("warning", "EVENT_REFUSED", message);
    event = s_make (self, instead);
    ag_draft_destroy (&instead);
    free (message);
    return event;
}

static void s_number (ag_run_t *self, const ag_draft_t *draft)
{
    ag_event_t *event = s_make_or_tell (self, draft);
    if (!event)
        return;
    if (self->pending_count == PENDING_MAX)
        s_publish_pending (self);
    self->seq++;
    ag_journal_append (self->options.journal, event);
    self->pending[self->pending_count++] = event;
}

static void s_number_and_free (ag_run_t *self, ag_draft_t *draft)
{
    if (draft)
        s_number (self, draft);
    ag_draft_destroy (&draft);
}

/*  What comes out of the redactor. */
static void s_redacted (void *context, ag_draft_t **draft_p)
{
    ag_run_t *self = context;
    ag_draft_t *progress = ag_progress_see (self->progress, *draft_p, self->now_us);
    s_number_and_free (self, *draft_p);
    *draft_p = NULL;
    s_number_and_free (self, progress);
}

/* ---------------------------------------------------------------------- */

ag_run_t *ag_run_new (const ag_run_options_t *options, int64_t now_us)
{
    ag_run_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->redact = ag_redact_new (options->secrets, options->secret_count, s_redacted, self);
    if (!options->redact)
        ag_redact_disable (self->redact);
    self->progress = ag_progress_new (&options->progress, now_us);
    self->now_us = now_us;
    self->start_by_us = now_us + (options->agent ? NAMED_HOLD_US : UNNAMED_HOLD_US);
    self->told_lost = ag_journal_lost (options->journal) != NULL;
    return self;
}

void ag_run_destroy (ag_run_t **self_p)
{
    ag_run_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->pending_count; i++)
        ag_event_unref (&self->pending[i]);
    for (size_t i = 0; i < self->early_count; i++)
        ag_draft_destroy (&self->early[i].draft);
    ag_redact_destroy (&self->redact);
    ag_progress_destroy (&self->progress);
    free (self);
    *self_p = NULL;
}

void ag_run_now (ag_run_t *self, int64_t now_us)
{
    self->now_us = now_us;
}

static void s_set_text (ag_draft_t *draft, ag_field_t field, const char *text)
{
    if (text)
        ag_draft_set_text (draft, field, text);
}

static void s_set_str (ag_draft_t *draft, ag_field_t field, ag_str_t text)
{
    if (text.ptr)
        ag_draft_set_string (draft, field, text.ptr, text.len);
}

static ag_parser_summary_t s_describe (const ag_run_t *self)
{
    ag_parser_summary_t summary = { 0 };
    self->options.describe (self->options.context, &summary);
    return summary;
}

/*  An agent that writes text or flat lines says no more of itself than that. */
static bool s_is_silent (const ag_parser_summary_t *summary)
{
    return summary->agent && (!strcmp (summary->agent, "text") || !strcmp (summary->agent, "flat"));
}

/*  The agent has told enough of itself to be introduced. */
static bool s_is_introduced (const ag_parser_summary_t *summary)
{
    return summary->model.ptr || summary->session_id.ptr || s_is_silent (summary);
}

static void s_introduce (ag_run_t *self)
{
    ag_parser_summary_t summary = s_describe (self);
    const char *agent = summary.agent ? summary.agent : self->options.agent;
    self->introduced = s_is_introduced (&summary);
    ag_draft_t *draft = ag_draft_new (AG_RUN_STARTED);
    ag_draft_set_integer (draft, AG_F_RUN_NUMBER, self->options.run_number);
    ag_draft_set_text (draft, AG_F_AGENT, agent ? agent : "unknown");
    s_set_str (draft, AG_F_MODEL, summary.model);
    s_set_str (draft, AG_F_SESSION_ID, summary.session_id);
    s_set_text (draft, AG_F_CWD, self->options.cwd);
    s_set_text (draft, AG_F_COMMAND, self->options.command);
    if (ag_journal_lost (self->options.journal))
        ag_draft_set_text (draft, AG_F_JOURNAL, "none");
    ag_redact_push (self->redact, &draft, self->now_us);
}

/*  The run is introduced first, then comes what was said before it. */
static void s_start (ag_run_t *self)
{
    self->started = true;
    self->wall_us = self->early_count ? self->early[0].wall_us : 0;
    s_introduce (self);
    for (size_t i = 0; i < self->early_count; i++) {
        self->wall_us = self->early[i].wall_us;
        ag_redact_push (self->redact, &self->early[i].draft, self->now_us);
    }
    self->early_count = 0;
    self->wall_us = 0;
}

/*  Has the agent introduced itself? Then the run is, also when it was started
    without. `due`: it is started in any case. */
static void s_look (ag_run_t *self, bool due)
{
    if (self->introduced)
        return;
    ag_parser_summary_t summary = s_describe (self);
    if (!self->started && (due || s_is_introduced (&summary)))
        s_start (self);
    else if (self->started && s_is_introduced (&summary))
        s_introduce (self);
}

/*  A banner, a warning: many agents write such before their first record. */
static bool s_may_wait (const ag_run_t *self, const ag_draft_t *draft)
{
    ag_parser_summary_t summary = s_describe (self);
    if (s_is_introduced (&summary) || self->early_count == EARLY_MAX)
        return false;
    if (ag_draft_kind (draft) == AG_AGENT_OUTPUT)
        return ag_str_is (ag_draft_string (draft, AG_F_KIND), "raw");
    return ag_draft_kind (draft) == AG_AGENT_ERROR && ag_str_is (ag_draft_string (draft, AG_F_SEVERITY), "warning")
        && !ag_str_is (ag_draft_string (draft, AG_F_SOURCE), "agent");
}

void ag_run_put (void *context, ag_draft_t **draft_p)
{
    ag_run_t *self = context;
    if (self->ended) {
        ag_draft_destroy (draft_p);
        return;
    }
    if (!self->started && s_may_wait (self, *draft_p)) {
        self->early[self->early_count++] = (s_early_t) { *draft_p, self->options.wall_us () };
        *draft_p = NULL;
        return;
    }
    s_look (self, true);
    ag_redact_push (self->redact, draft_p, self->now_us);
}

void ag_run_warn (ag_run_t *self, const char *code, char *message)
{
    ag_draft_t *draft = s_error_draft ("warning", code, message);
    free (message);
    ag_run_put (self, &draft);
}

void ag_run_tick (ag_run_t *self)
{
    if (self->ended)
        return;
    s_look (self, self->now_us >= self->start_by_us);
    ag_redact_tick (self->redact, self->now_us);
    if (self->started)
        s_number_and_free (self, ag_progress_tick (self->progress, self->now_us));
}

int64_t ag_run_deadline_us (const ag_run_t *self)
{
    if (self->ended)
        return INT64_MAX;
    if (!self->started)
        return self->start_by_us;
    int64_t redact_us = ag_redact_deadline_us (self->redact);
    int64_t progress_us = ag_progress_deadline_us (self->progress);
    return redact_us < progress_us ? redact_us : progress_us;
}

/*  A journal that fails in mid-run is told of, once: why, or NULL. */
static const char *s_log_lost (ag_run_t *self)
{
    const char *why = ag_journal_lost (self->options.journal);
    if (!why || self->told_lost)
        return NULL;
    self->told_lost = true;
    ag_log_error ("JOURNAL_LOST", "the journal cannot be written any more: %s; the run goes on without", why);
    return why;
}

static void s_tell_lost (ag_run_t *self)
{
    const char *why = s_log_lost (self);
    if (!why)
        return;
    char *message = ag_asprintf ("the journal cannot be written any more: %s", why);
    s_number_and_free (self, s_error_draft ("error", "JOURNAL_LOST", message));
    free (message);
}

void ag_run_settle (ag_run_t *self)
{
    if (self->pending_count == 0)
        return;
    ag_journal_commit (self->options.journal);
    s_tell_lost (self);
    s_publish_pending (self);
}

void ag_run_end (ag_run_t *self, ag_draft_t **last_p)
{
    if (!self->started)
        s_start (self);
    ag_redact_flush (self->redact);
    bool completed = ag_draft_kind (*last_p) == AG_RUN_COMPLETED;
    s_number_and_free (self, ag_progress_end (self->progress, completed, self->now_us));
    ag_journal_commit (self->options.journal);
    s_tell_lost (self);
    if (ag_redact_count (self->redact))
        ag_draft_set_integer (*last_p, AG_F_REDACTIONS, (int64_t) ag_redact_count (self->redact));
    ag_redact_push (self->redact, last_p, self->now_us);
    ag_redact_flush (self->redact);
    self->ended = true;
    s_publish_pending (self);
    ag_journal_sync (self->options.journal);
    s_log_lost (self);
}

uint64_t ag_run_seq (const ag_run_t *self)
{
    return self->seq;
}

uint64_t ag_run_redactions (const ag_run_t *self)
{
    return ag_redact_count (self->redact);
}
