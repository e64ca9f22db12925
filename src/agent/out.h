/*  agent/out.h - what an adapter says: drafts by the rules of SPEC section 4

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Between the adapters, which know a dialect, and the sink, which wants
    drafts: previews and lengths in characters, long texts in pieces, inputs
    within bounds, the time a call took, calls that nobody answered. All
    texts given here are valid UTF-8 and lent for the call.
*/
#ifndef AG_AGENT_OUT_H
#define AG_AGENT_OUT_H

#include "agent/val.h"
#include "agent/parser.h"

enum {
    AG_PREVIEW_CHARS = 500,             /* contentPreview, error, resultPreview, a malformed line's; redact.c knows
                                           that what has so many may have been cut */
    AG_NAME_MAX_BYTES = 1024,           /* ids, names, models */
    AG_PATH_MAX_BYTES = 8192,
    AG_OPEN_CALLS_MAX = 1024,           /* calls waiting for their result; the oldest is closed first */
    AG_CONTENT_MAX_BYTES = 512 * 1024   /* the most that max_content_bytes may ask for: an event has its limit,
                                           and "[redacted]" may be longer than what it hides */
};

struct json_object;
typedef struct ag_out ag_out_t;

typedef struct {
    ag_str_t id;                /* absent: one is made */
    const char *tool;           /* one of the fixed set */
    ag_str_t name;              /* the agent's own */
    ag_val_t *input;            /* NULL: empty; what is no object becomes its member "arguments" */
    const char *const *input_keys;      /* only these members of it; NULL: all */
    ag_str_t path;              /* the file it is about, or absent */
    ag_str_t parent;            /* the call that started the subagent, or absent */
} ag_out_call_t;

typedef struct {
    ag_str_t id;                /* absent: the oldest open call */
    bool success;
    ag_str_t content;           /* the whole */
    ag_str_t error;             /* absent: when it failed, the first line of content */
    ag_str_t parent;            /* absent: that of its call */
    int64_t duration_ms;        /* below 0: since its call */
} ag_out_result_t;

typedef struct {
    const char *kind;           /* text thinking raw */
    ag_str_t content;
    ag_str_t message_id;        /* or absent */
    int64_t block_index;        /* below 0: none */
    ag_str_t parent;            /* or absent */
    bool partial, incomplete;
} ag_out_text_t;

typedef struct {
    ag_str_t message;
    bool warning;               /* else an error */
    bool from_parser;           /* else from the agent */
    ag_str_t code;              /* or absent */
    struct json_object *details;        /* or NULL; lent */
    ag_val_t *from;             /* without details: these members of it */
    const char *const *keys;
} ag_out_error_t;

/*  Totals of the run so far, by the agent's own account; below 0: not said. */
typedef struct {
    int64_t input, output, cache_read, cache_write, turns;
    double cost_usd;
    ag_str_t model;
} ag_out_usage_t;

#define AG_OUT_USAGE_NONE ((ag_out_usage_t) { -1, -1, -1, -1, -1, -1.0, { NULL, 0 } })

ag_out_t *ag_out_new (size_t max_content_bytes, ag_draft_sink_fn *sink, void *context);
void ag_out_destroy (ag_out_t **self_p);

void ag_out_set_now (ag_out_t *self, int64_t now_us);
int64_t ag_out_now (const ag_out_t *self);

void ag_out_call (ag_out_t *self, const ag_out_call_t *call);
void ag_out_result (ag_out_t *self, const ag_out_result_t *result);
bool ag_out_is_open (const ag_out_t *self, ag_str_t id);
/*  End of the stream: open calls get a result that says so. */
void ag_out_close_calls (ag_out_t *self);

/*  Empty text says nothing, unless its kind is raw. */
void ag_out_text (ag_out_t *self, const ag_out_text_t *text);
void ag_out_error (ag_out_t *self, const ag_out_error_t *error);
/*  The total as the agent counts it, or a part to be added to what was given
    so before (its model is the last one's). Without tokens there is no event:
    cost and turns are in the summary alone. */
void ag_out_usage (ag_out_t *self, const ag_out_usage_t *total);
void ag_out_add_usage (ag_out_t *self, const ag_out_usage_t *part);
/*  As add, but cost, turns and model are totals and come from `total`. */
void ag_out_add_usage_under (ag_out_t *self, const ag_out_usage_t *part, const ag_out_usage_t *total);

/*  For the summary. */
void ag_out_session (ag_out_t *self, ag_str_t session_id, ag_str_t model, ag_str_t cwd);
/*  A record that ends a turn; text absent: an answer that was there stays, an
    error has none. */
void ag_out_turn_end (ag_out_t *self, bool is_error, ag_str_t text);
void ag_out_summary (const ag_out_t *self, ag_parser_summary_t *summary_r);
ag_str_t ag_out_model (const ag_out_t *self);

/*  The first line of a text, at most AG_PREVIEW_CHARS. */
ag_str_t ag_first_line (ag_str_t text);

#endif
