/*  exec/fold.c - the agent's stderr to warnings

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/fold.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/utf8.h"

enum {
    PER_WINDOW = 50,                    /* warnings told one by one in a second */
    WINDOW_US = 1000 * 1000,
    UNFINISHED_US = 200 * 1000,         /* a prompt without a newline is told after this */
    FOLDED_TEXT_BYTES = 4096            /* of the last text in a folded warning */
};

struct ag_fold {
    ag_draft_sink_fn *sink;     /* gets the warnings */
    void *context;              /* for it */
    ag_buf_t text;              /* lines of this read, and an unfinished one */
    int64_t unfinished_us;      /* when an unfinished line is told; INT64_MAX: there is none */
    int64_t window_us;          /* end of the running second; INT64_MAX: none runs */
    int in_window;              /* warnings told in it */
    uint64_t suppressed;        /* warnings left out in it */
    ag_buf_t last;              /* text of the last of them */
};

ag_fold_t *ag_fold_new (ag_draft_sink_fn *sink, void *context)
{
    ag_fold_t *self = ag_calloc (1, sizeof *self);
    self->sink = sink;
    self->context = context;
    self->unfinished_us = self->window_us = INT64_MAX;
    return self;
}

void ag_fold_destroy (ag_fold_t **self_p)
{
    ag_fold_t *self = *self_p;
    if (!self)
        return;
    ag_buf_free (&self->text);
    ag_buf_free (&self->last);
    free (self);
    *self_p = NULL;
}

static void s_emit (ag_fold_t *self, const char *text, size_t len, uint64_t suppressed)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_ERROR);
    ag_draft_set_string (draft, AG_F_MESSAGE, text, len);
    ag_draft_set_text (draft, AG_F_SEVERITY, "warning");
    ag_draft_set_text (draft, AG_F_SOURCE, "stderr");
    if (suppressed) {
        struct json_object *details = json_object_new_object ();
        json_object_object_add (details, "suppressed", json_object_new_int64 ((int64_t) suppressed));
        ag_draft_set_object (draft, AG_F_DETAILS, details);
        json_object_put (details);
    }
    self->sink (self->context, &draft);
}

static void s_close_window (ag_fold_t *self)
{
    if (self->suppressed)
        s_emit (self, self->last.data, self->last.len, self->suppressed);
    self->suppressed = 0;
    self->in_window = 0;
    self->window_us = INT64_MAX;
}

/*  Bytes of the text that one warning of at most `limit` takes: up to the end of a
    line, else up to a blank, so that no word (or secret) is torn; else the limit. */
static size_t s_part (const char *text, size_t len, size_t limit)
{
    if (len <= limit)
        return len;
    size_t most = ag_utf8_prefix_bytes (text, len, limit);
    const char *end = memrchr (text, '\n', most);
    if (!end)
        end = memrchr (text, ' ', most);
    return end ? (size_t) (end + 1 - text) : most;
}

static size_t s_without_line_ends (const char *text, size_t len)
{
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    return len;
}

/*  One warning: told, or counted. Nothing, when there are only line ends. */
static void s_warn (ag_fold_t *self, const char *text, size_t len, int64_t now_us)
{
    len = s_without_line_ends (text, len);
    if (!len)
        return;
    if (now_us >= self->window_us)
        s_close_window (self);
    if (self->window_us == INT64_MAX)
        self->window_us = now_us + WINDOW_US;
    if (self->in_window < PER_WINDOW) {
        self->in_window++;
        s_emit (self, text, len, 0);
        return;
    }
    self->suppressed++;
    ag_buf_clear (&self->last);
    ag_buf_append (&self->last, text, s_without_line_ends (text, s_part (text, len, FOLDED_TEXT_BYTES)));
}

/*  Tells the first `len` bytes of the text. */
static void s_warn_front (ag_fold_t *self, size_t len, int64_t now_us)
{
    for (size_t at = 0, part; at < len; at += part) {
        part = s_part (self->text.data + at, len - at, AG_TEXT_MAX_BYTES);
        s_warn (self, self->text.data + at, part, now_us);
    }
    ag_buf_consume (&self->text, len);
}

void ag_fold_feed (ag_fold_t *self, const char *bytes, size_t len, int64_t now_us)
{
    ag_buf_append (&self->text, bytes, len);
    const char *newline = memrchr (self->text.data, '\n', self->text.len);
    if (newline)
        s_warn_front (self, (size_t) (newline + 1 - self->text.data), now_us);
    while (self->text.len > AG_TEXT_MAX_BYTES)      /* a line without end */
        s_warn_front (self, s_part (self->text.data, self->text.len, AG_TEXT_MAX_BYTES), now_us);
    if (self->text.len == 0)
        self->unfinished_us = INT64_MAX;
    else if (newline || self->unfinished_us == INT64_MAX)
        self->unfinished_us = now_us + UNFINISHED_US;
}

void ag_fold_tick (ag_fold_t *self, int64_t now_us)
{
    if (now_us >= self->unfinished_us) {
        self->unfinished_us = INT64_MAX;
        s_warn_front (self, self->text.len, now_us);
    }
    if (now_us >= self->window_us)
        s_close_window (self);
}

int64_t ag_fold_deadline_us (const ag_fold_t *self)
{
    return self->unfinished_us < self->window_us ? self->unfinished_us : self->window_us;
}

void ag_fold_end (ag_fold_t *self)
{
    if (self->unfinished_us != INT64_MAX)
        s_warn_front (self, self->text.len, 0);
    self->unfinished_us = INT64_MAX;
    s_close_window (self);
}
