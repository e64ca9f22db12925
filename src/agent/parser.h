/*  agent/parser.h - an agent's stdout to event drafts

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Finds the dialect (or is told), reads each line, and hands drafts to a
    sink in the order of the lines. One adapter per agent: adapter.h. Pure:
    no I/O, time is a parameter. SPEC sections 5.2 and 5.3.
*/
#ifndef AG_AGENT_PARSER_H
#define AG_AGENT_PARSER_H

#include <agentgate/event.h>

typedef struct ag_parser ag_parser_t;

/*  Takes the draft. */
typedef void (ag_draft_sink_fn) (void *context, ag_draft_t **draft_p);

typedef struct {
    const char *format;         /* auto amp claude codex cursor gemini opencode flat text */
    size_t max_line_bytes;      /* 32 MiB */
    size_t max_content_bytes;   /* agent_tool_result content: 64 KiB; 0: preview only */
} ag_parser_options_t;

/*  A record type that no adapter knew, and how often it came. */
typedef struct {
    char name[64];              /* "type" or "type/subtype", cut; the last one stands for all further names */
    uint64_t count;
} ag_parser_ignored_t;

/*  What the agent has said of itself and of how it ended; strings are lent. */
typedef struct {
    const char *agent;          /* "claude", "codex" ... NULL while undecided */
    ag_str_t model, session_id, cwd;    /* absent when not said */
    bool has_result;            /* a record that ends a turn was seen */
    bool result_is_error;       /* and the last one says failure */
    ag_str_t result_text;       /* its text: the answer, or the error */
    int64_t num_turns;          /* -1: not said */
    double cost_usd;            /* below 0: not said */
    uint64_t lines, bad_lines, ignored_records;
    const ag_parser_ignored_t *ignored;     /* the names behind ignored_records */
    size_t ignored_names;
} ag_parser_summary_t;

/*  NULL: there is no such format. */
ag_parser_t *ag_parser_new (const ag_parser_options_t *options, ag_draft_sink_fn *sink, void *context);
void ag_parser_destroy (ag_parser_t **self_p);

/*  One read() of stdout, cut anywhere. now_us is monotonic. */
void ag_parser_feed (ag_parser_t *self, const char *bytes, size_t len, int64_t now_us);
/*  A burst of malformed lines is reported when it ends; one that is followed
    by silence at its deadline (INT64_MAX: there is none). */
int64_t ag_parser_deadline_us (const ag_parser_t *self);
void ag_parser_tick (ag_parser_t *self, int64_t now_us);
/*  End of stdout: what was begun is flushed; open tool calls get a result with
    success false. */
void ag_parser_end (ag_parser_t *self, int64_t now_us);
void ag_parser_summary (const ag_parser_t *self, ag_parser_summary_t *summary_r);

#endif
