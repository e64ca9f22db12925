/*  exec/run.h - what somebody wants to say becomes an event of the run

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    draft -> redaction -> progress -> number -> journal -> published. The first
    event is run_started, the last run_completed or run_failed. Nothing is
    published that is not committed; ag_run_settle does both, once a turn.

    run_started waits a moment for the agent to say its model and session: until its
    first record, or any other event, or 100 ms (1 s when not even the agent's
    name is known), whichever comes first.
*/
#ifndef AG_EXEC_RUN_H
#define AG_EXEC_RUN_H

#include "agent/parser.h"
#include "agent/progress.h"
#include "exec/journal.h"

typedef struct ag_run ag_run_t;

typedef struct {
    ag_ids_t ids;                       /* lent as long as the run lives; so are all texts here */
    uint64_t epoch;
    int64_t run_number;
    const char *agent;                  /* its name if known from the outside, or NULL */
    const char *command;                /* as typed; or NULL */
    const char *cwd;                    /* or NULL */
    const ag_str_t *secrets;            /* to be redacted besides known shapes */
    size_t secret_count;
    bool redact;                        /* false: events hold what the agent has said, secrets and all */
    ag_progress_options_t progress;
    ag_journal_t *journal;              /* lent */
    /*  What the agent has said of itself so far. */
    void (*describe) (void *context, ag_parser_summary_t *summary_r);
    /*  Takes an event that is committed. */
    void (*publish) (void *context, ag_event_t *event);
    void *context;                      /* for both */
    int64_t (*wall_us) (void);          /* clock of the timestamps */
} ag_run_options_t;

ag_run_t *ag_run_new (const ag_run_options_t *options, int64_t now_us);
void ag_run_destroy (ag_run_t **self_p);

/*  Time of this turn, for all that follows in it. */
void ag_run_now (ag_run_t *self, int64_t now_us);
/*  Takes the draft. As a sink: ag_draft_sink_fn with the run as context. */
void ag_run_put (void *self, ag_draft_t **draft_p);
/*  A warning of the executor's own; takes the text. */
void ag_run_warn (ag_run_t *self, const char *code, char *message);
/*  What is due by time: run_started, held back text, progress. */
void ag_run_tick (ag_run_t *self);
int64_t ag_run_deadline_us (const ag_run_t *self);
/*  Commits what was numbered since the last time, then publishes it. */
void ag_run_settle (ag_run_t *self);

/*  The last event; takes the draft. Settles, makes all durable, and nothing more is accepted. */
void ag_run_end (ag_run_t *self, ag_draft_t **last_p);

uint64_t ag_run_seq (const ag_run_t *self);             /* of the last event */
uint64_t ag_run_redactions (const ag_run_t *self);

#endif
