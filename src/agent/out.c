/*  agent/out.c - what an adapter says: drafts by the rules of SPEC section 4

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "agent/bound.h"
#include "agent/calls.h"
#include "core/mem.h"
#include "core/utf8.h"

enum {
    SPLIT_BACK_BYTES = 4096,    /* how far back a piece of a long text may end, to end at white space */
    MADE_ID_SIZE = 32
};

struct ag_out {
    ag_draft_sink_fn *sink;
    void *context;              /* of the sink */
    size_t max_content_bytes;
    int64_t now_us;             /* monotonic; when the bytes being read came */
    ag_calls_t *calls;          /* without a result so far */
    uint64_t made_ids;          /* ids that we gave to what had none */

    char *session_id, *model, *cwd;     /* as last said; NULL: never */
    bool has_result, result_is_error;   /* of the last turn that ended */
    char *result_text;          /* its text; NULL: none */
    size_t result_len;
    int64_t num_turns;          /* below 0: not said */
    double cost_usd;            /* below 0: not said */
    ag_out_usage_t added;       /* sum of the parts; its model is not used */
};

ag_out_t *ag_out_new (size_t max_content_bytes, ag_draft_sink_fn *sink, void *context)
{
    ag_out_t *self = ag_calloc (1, sizeof *self);
    self->sink = sink;
    self->context = context;
    self->max_content_bytes = max_content_bytes < AG_CONTENT_MAX_BYTES ? max_content_bytes : AG_CONTENT_MAX_BYTES;
    self->calls = ag_calls_new ();
    self->added = AG_OUT_USAGE_NONE;
    self->num_turns = -1;
    self->cost_usd = -1;
    return self;
}

void ag_out_destroy (ag_out_t **self_p)
{
    ag_out_t *self = *self_p;
    if (!self)
        return;
    ag_calls_destroy (&self->calls);
    free (self->session_id);
    free (self->model);
    free (self->cwd);
    free (self->result_text);
    free (self);
    *self_p = NULL;
}

void ag_out_set_now (ag_out_t *self, int64_t now_us)
{
    self->now_us = now_us;
}

int64_t ag_out_now (const ag_out_t *self)
{
    return self->now_us;
}

/* ---------------------------------------------------------------------- */
/*  Fields */

static ag_str_t s_cut (ag_str_t text, size_t max_bytes)
{
    if (text.len > max_bytes)
        text.len = ag_utf8_prefix_bytes (text.ptr, text.len, max_bytes);
    return text;
}

static ag_str_t s_preview (ag_str_t text)
{
    text.len = ag_utf8_prefix_chars (text.ptr, text.len, AG_PREVIEW_CHARS);
    return text;
}

ag_str_t ag_first_line (ag_str_t text)
{
    const char *end = text.len ? memchr (text.ptr, '\n', text.len) : NULL;
    return s_preview ((ag_str_t) { text.ptr, end ? (size_t) (end - text.ptr) : text.len });
}

static void s_set (ag_draft_t *draft, ag_field_t field, ag_str_t text)
{
    ag_draft_set_string (draft, field, text.ptr, text.len);
}

static void s_set_name (ag_draft_t *draft, ag_field_t field, ag_str_t text)
{
    if (text.ptr)
        s_set (draft, field, s_cut (text, AG_NAME_MAX_BYTES));
}

static void s_set_count (ag_draft_t *draft, ag_field_t field, int64_t value)
{
    if (value >= 0)
        ag_draft_set_integer (draft, field, value);
}

static void s_sink (ag_out_t *self, ag_draft_t *draft)
{
    self->sink (self->context, &draft);
}

/* ---------------------------------------------------------------------- */
/*  Calls and results */

static void s_set_input (ag_draft_t *draft, const ag_out_call_t *call)
{
    bool cut;
    struct json_object *bounded = ag_bound (call->input, call->input_keys, &cut);
    ag_draft_set_object (draft, AG_F_INPUT, bounded);
    json_object_put (bounded);
    if (cut)
        ag_draft_set_boolean (draft, AG_F_INPUT_TRUNCATED, true);
}

static void s_answer_oldest (ag_out_t *self, const char *why)
{
    ag_out_result_t result = { .content = AG_STR (""), .error = { why, strlen (why) }, .duration_ms = -1 };
    ag_out_result (self, &result);
}

/*  An id for what has none: "call-1". */
static ag_str_t s_make_id (ag_out_t *self, const char *what, char room[MADE_ID_SIZE])
{
    int len = snprintf (room, MADE_ID_SIZE, "%s-%llu", what, (unsigned long long) ++self->made_ids);
    return (ag_str_t) { room, (size_t) len };
}

void ag_out_call (ag_out_t *self, const ag_out_call_t *call)
{
    char made[MADE_ID_SIZE];
    ag_str_t id = call->id.ptr ? s_cut (call->id, AG_NAME_MAX_BYTES) : s_make_id (self, "call", made);
    ag_draft_t *draft = ag_draft_new (AG_AGENT_TOOL_CALL);
    s_set (draft, AG_F_TOOL_USE_ID, id);
    ag_draft_set_text (draft, AG_F_TOOL, call->tool);
    s_set (draft, AG_F_TOOL_NAME, s_cut (call->name.ptr ? call->name : AG_STR (""), AG_NAME_MAX_BYTES));
    s_set_input (draft, call);
    if (call->path.len)
        s_set (draft, AG_F_PATH, s_cut (call->path, AG_PATH_MAX_BYTES));
    s_set_name (draft, AG_F_PARENT_TOOL_USE_ID, call->parent);
    if (ag_calls_count (self->calls) == AG_OPEN_CALLS_MAX)
        s_answer_oldest (self, "no result came while many later calls began");
    ag_calls_add (self->calls, id, s_cut (call->parent, AG_NAME_MAX_BYTES), self->now_us);
    s_sink (self, draft);
}

static void s_set_content (const ag_out_t *self, ag_draft_t *draft, ag_str_t content)
{
    s_set (draft, AG_F_CONTENT_PREVIEW, s_preview (content));
    ag_draft_set_integer (draft, AG_F_CONTENT_LENGTH, (int64_t) ag_utf8_count (content.ptr, content.len));
    if (!self->max_content_bytes)
        return;
    ag_str_t kept = s_cut (content, self->max_content_bytes);
    s_set (draft, AG_F_CONTENT, kept);
    if (kept.len < content.len)
        ag_draft_set_boolean (draft, AG_F_CONTENT_TRUNCATED, true);
}

static int64_t s_duration_ms (const ag_out_t *self, const ag_out_result_t *result, const ag_open_call_t *call)
{
    if (result->duration_ms >= 0)
        return result->duration_ms;
    int64_t us = call ? self->now_us - call->start_us : 0;
    return us > 0 ? us / 1000 : 0;
}

/*  Why it failed: what the agent says, else how the content begins. */
static void s_set_failure (ag_draft_t *draft, const ag_out_result_t *result)
{
    ag_str_t error = result->error.len ? s_preview (result->error) : ag_first_line (result->content);
    s_set (draft, AG_F_ERROR, error.len ? error : AG_STR ("failed"));
}

static void s_set_parent (ag_draft_t *draft, ag_str_t parent, const ag_open_call_t *call)
{
    if (!parent.ptr && call && call->parent)
        parent = (ag_str_t) { call->parent, call->parent_len };
    s_set_name (draft, AG_F_PARENT_TOOL_USE_ID, parent);
}

void ag_out_result (ag_out_t *self, const ag_out_result_t *result)
{
    ag_str_t id = s_cut (result->id, AG_NAME_MAX_BYTES);
    ag_open_call_t *call = id.ptr ? ag_calls_take (self->calls, id) : ag_calls_take_oldest (self->calls);
    if (!id.ptr)
        id = call ? (ag_str_t) { call->id, call->id_len } : AG_STR ("unknown");
    ag_str_t content = result->content.ptr ? result->content : AG_STR ("");
    ag_draft_t *draft = ag_draft_new (AG_AGENT_TOOL_RESULT);
    s_set (draft, AG_F_TOOL_USE_ID, id);
    ag_draft_set_boolean (draft, AG_F_SUCCESS, result->success);
    s_set_content (self, draft, content);
    ag_draft_set_integer (draft, AG_F_DURATION_MS, s_duration_ms (self, result, call));
    if (!result->success)
        s_set_failure (draft, result);
    s_set_parent (draft, result->parent, call);
    ag_open_call_destroy (&call);
    s_sink (self, draft);
}

bool ag_out_is_open (const ag_out_t *self, ag_str_t id)
{
    return id.ptr && ag_calls_has (self->calls, s_cut (id, AG_NAME_MAX_BYTES));
}

void ag_out_close_calls (ag_out_t *self)
{
    while (ag_calls_count (self->calls))
        s_answer_oldest (self, "the agent ended before this call did");
}

/* ---------------------------------------------------------------------- */
/*  Texts */

/*  Bytes of the next piece: all, or up to the last white space before the
    limit, so that a word (or a secret) is not torn; else up to the limit. */
static size_t s_piece (ag_str_t text)
{
    if (text.len <= AG_TEXT_MAX_BYTES)
        return text.len;
    size_t most = ag_utf8_prefix_bytes (text.ptr, text.len, AG_TEXT_MAX_BYTES);
    for (size_t len = most; len > most - SPLIT_BACK_BYTES; len--)
        if (text.ptr[len - 1] == '\n' || text.ptr[len - 1] == ' ')
            return len;
    return most;
}

static void s_say_piece (ag_out_t *self, const ag_out_text_t *text, ag_str_t piece, ag_str_t message_id)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    s_set (draft, AG_F_CONTENT, piece);
    ag_draft_set_text (draft, AG_F_KIND, text->kind);
    if (text->partial)
        ag_draft_set_boolean (draft, AG_F_PARTIAL, true);
    if (text->incomplete)
        ag_draft_set_boolean (draft, AG_F_INCOMPLETE, true);
    s_set_name (draft, AG_F_MESSAGE_ID, message_id);
    s_set_count (draft, AG_F_BLOCK_INDEX, text->block_index);
    s_set_name (draft, AG_F_PARENT_TOOL_USE_ID, text->parent);
    s_sink (self, draft);
}

void ag_out_text (ag_out_t *self, const ag_out_text_t *text)
{
    char made[MADE_ID_SIZE];
    ag_str_t rest = text->content, message_id = text->message_id;
    if (!rest.len && strcmp (text->kind, "raw"))
        return;
    if (rest.len > AG_TEXT_MAX_BYTES && !message_id.ptr)    /* what belongs together must be seen to */
        message_id = s_make_id (self, "text", made);
    do {
        ag_str_t piece = { rest.ptr, s_piece (rest) };
        s_say_piece (self, text, piece, message_id);
        rest.ptr += piece.len;
        rest.len -= piece.len;
    } while (rest.len);
}

static void s_set_details (ag_draft_t *draft, const ag_out_error_t *error)
{
    bool cut;
    struct json_object *made = !error->details && error->from ? ag_bound (error->from, error->keys, &cut) : NULL;
    struct json_object *details = made ? made : error->details;
    if (details && json_object_object_length (details))
        ag_draft_set_object (draft, AG_F_DETAILS, details);
    json_object_put (made);
}

void ag_out_error (ag_out_t *self, const ag_out_error_t *error)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_ERROR);
    ag_str_t message = error->message.len ? error->message : AG_STR ("unknown error");
    s_set (draft, AG_F_MESSAGE, s_cut (message, AG_TEXT_MAX_BYTES));
    ag_draft_set_text (draft, AG_F_SEVERITY, error->warning ? "warning" : "error");
    ag_draft_set_text (draft, AG_F_SOURCE, error->from_parser ? "parser" : "agent");
    if (error->code.len)
        s_set_name (draft, AG_F_CODE, error->code);
    s_set_details (draft, error);
    s_sink (self, draft);
}

/*  Not said stays not said; a hostile number does not wrap. */
static void s_add (int64_t *sum, int64_t part)
{
    if (part >= 0 && __builtin_add_overflow (*sum > 0 ? *sum : 0, part, sum))
        *sum = INT64_MAX;
}

static void s_add_part (ag_out_usage_t *sum, const ag_out_usage_t *part)
{
    s_add (&sum->input, part->input);
    s_add (&sum->output, part->output);
    s_add (&sum->cache_read, part->cache_read);
    s_add (&sum->cache_write, part->cache_write);
    s_add (&sum->turns, part->turns);
    if (part->cost_usd >= 0)
        sum->cost_usd = (sum->cost_usd > 0 ? sum->cost_usd : 0) + part->cost_usd;
}

void ag_out_add_usage (ag_out_t *self, const ag_out_usage_t *part)
{
    s_add_part (&self->added, part);
    ag_out_usage_t total = self->added;
    total.model = part->model;
    ag_out_usage (self, &total);
}

void ag_out_add_usage_under (ag_out_t *self, const ag_out_usage_t *part, const ag_out_usage_t *total)
{
    s_add_part (&self->added, part);
    ag_out_usage_t sum = self->added;
    sum.cost_usd = total->cost_usd;
    sum.turns = total->turns;
    sum.model = total->model;
    ag_out_usage (self, &sum);
}

void ag_out_usage (ag_out_t *self, const ag_out_usage_t *usage)
{
    if (usage->cost_usd >= 0)
        self->cost_usd = usage->cost_usd;
    if (usage->turns >= 0)
        self->num_turns = usage->turns;
    if (usage->input < 0 && usage->output < 0)
        return;                 /* an event must have them, and 0 would be made up */
    ag_draft_t *draft = ag_draft_new (AG_AGENT_USAGE);
    ag_draft_set_integer (draft, AG_F_INPUT_TOKENS, usage->input > 0 ? usage->input : 0);
    ag_draft_set_integer (draft, AG_F_OUTPUT_TOKENS, usage->output > 0 ? usage->output : 0);
    s_set_count (draft, AG_F_CACHE_READ_TOKENS, usage->cache_read);
    s_set_count (draft, AG_F_CACHE_WRITE_TOKENS, usage->cache_write);
    if (usage->cost_usd >= 0)
        ag_draft_set_number (draft, AG_F_COST_USD, usage->cost_usd);
    s_set_count (draft, AG_F_NUM_TURNS, usage->turns);
    s_set_name (draft, AG_F_MODEL, usage->model.len ? usage->model : ag_out_model (self));
    s_sink (self, draft);
}

/* ---------------------------------------------------------------------- */
/*  Summary */

static void s_keep (char **kept_p, ag_str_t text)
{
    if (!text.len)
        return;
    free (*kept_p);
    *kept_p = ag_str_dup (s_cut (text, AG_NAME_MAX_BYTES));
}

void ag_out_session (ag_out_t *self, ag_str_t session_id, ag_str_t model, ag_str_t cwd)
{
    s_keep (&self->session_id, session_id);
    s_keep (&self->model, model);
    s_keep (&self->cwd, cwd);
}

void ag_out_turn_end (ag_out_t *self, bool is_error, ag_str_t text)
{
    self->has_result = true;
    self->result_is_error = is_error;
    if (!text.ptr && !is_error)
        return;
    free (self->result_text);
    self->result_text = text.ptr ? ag_str_dup (s_cut (text, AG_TEXT_MAX_BYTES)) : NULL;
    self->result_len = text.ptr ? s_cut (text, AG_TEXT_MAX_BYTES).len : 0;
}

static ag_str_t s_lend (const char *text)
{
    return (ag_str_t) { text, text ? strlen (text) : 0 };
}

ag_str_t ag_out_model (const ag_out_t *self)
{
    return s_lend (self->model);
}

void ag_out_summary (const ag_out_t *self, ag_parser_summary_t *summary_r)
{
    summary_r->model = s_lend (self->model);
    summary_r->session_id = s_lend (self->session_id);
    summary_r->cwd = s_lend (self->cwd);
    summary_r->has_result = self->has_result;
    summary_r->result_is_error = self->result_is_error;
    summary_r->result_text = (ag_str_t) { self->result_text, self->result_len };
    summary_r->num_turns = self->num_turns;
    summary_r->cost_usd = self->cost_usd;
}
