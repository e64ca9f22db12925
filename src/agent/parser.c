/*  agent/parser.c - an agent's stdout to event drafts

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "agent/adapter.h"
#include "agent/line.h"
#include "agent/trouble.h"
#include "core/mem.h"
#include "core/utf8.h"

enum {
    ADAPTERS_MAX = 16,
    IGNORED_MAX = 64,           /* names of unknown record types that are kept apart */
    TEXT_LINES = 20,            /* so many lines without a JSON object are a text agent's */
    SLICE_BYTES = 64 * 1024,    /* how much of a line is repaired at a time */
    NOISE_TRIES = 4,            /* how many braces behind noise may be the beginning of a record */
    DEFAULT_LINE_BYTES = 32 * 1024 * 1024,
    MAX_LINE_BYTES = 1024 * 1024 * 1024     /* a value counts in 32 bits */
};

struct ag_parser {
    ag_line_t *lines;
    ag_reader_t *reader;
    ag_out_t *out;
    ag_trouble_t *trouble;
    ag_buf_t clean;             /* a line whose bytes had to be repaired */
    size_t max_line_bytes;
    bool detect;                /* --format auto */
    const ag_adapter_t *adapter;        /* NULL: undecided */
    void *states[ADAPTERS_MAX];         /* of the adapters used so far, by their place in the list */
    uint64_t line_number;       /* from 1 */
    unsigned text_lines;        /* while undecided: lines without a JSON object */
    ag_parser_ignored_t ignored[IGNORED_MAX];
    size_t ignored_names;
    uint64_t ignored_records;
};

ag_parser_t *ag_parser_new (const ag_parser_options_t *options, ag_draft_sink_fn *sink, void *context)
{
    bool detect = !options->format || !strcmp (options->format, "auto");
    const ag_adapter_t *adapter = detect ? NULL : ag_adapter_by_name (options->format);
    if (!detect && !adapter)
        return NULL;
    ag_parser_t *self = ag_calloc (1, sizeof *self);
    self->max_line_bytes = options->max_line_bytes ? options->max_line_bytes : DEFAULT_LINE_BYTES;
    if (self->max_line_bytes > MAX_LINE_BYTES)
        self->max_line_bytes = MAX_LINE_BYTES;
    self->lines = ag_line_new (self->max_line_bytes);
    self->reader = ag_reader_new ();
    self->out = ag_out_new (options->max_content_bytes, sink, context);
    self->trouble = ag_trouble_new ();
    self->detect = detect;
    self->adapter = adapter;
    return self;
}

void ag_parser_destroy (ag_parser_t **self_p)
{
    ag_parser_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; ag_adapters[i]; i++)
        if (self->states[i])
            ag_adapters[i]->state_destroy (self->states[i]);
    ag_line_destroy (&self->lines);
    ag_reader_destroy (&self->reader);
    ag_out_destroy (&self->out);
    ag_trouble_destroy (&self->trouble);
    ag_buf_free (&self->clean);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Dialect */

static void *s_state (ag_parser_t *self, const ag_adapter_t *adapter)
{
    size_t place = 0;
    while (ag_adapters[place] != adapter)
        place++;
    if (!self->states[place] && adapter->state_new)
        self->states[place] = adapter->state_new ();
    return self->states[place];
}

static const ag_adapter_t *s_best_match (ag_val_t *record, ag_match_t *match_r)
{
    const ag_adapter_t *best = NULL;
    *match_r = AG_MATCH_NO;
    for (size_t i = 0; ag_adapters[i]; i++) {
        ag_match_t match = ag_adapters[i]->match (record);
        if (match > *match_r) {
            *match_r = match;
            best = ag_adapters[i];
        }
    }
    return best;
}

/*  Which dialect reads this record. The first that is surely of one decides;
    flat and text, which many lines look like, give way to another. */
static const ag_adapter_t *s_dialect (ag_parser_t *self, ag_val_t *record)
{
    bool firm = self->adapter && self->adapter != &ag_adapter_flat && !self->adapter->plain;
    if (!self->detect || firm)
        return self->adapter;
    ag_match_t match;
    const ag_adapter_t *best = s_best_match (record, &match);
    if (match == AG_MATCH_SURE)
        self->adapter = best;
    return self->adapter && !self->adapter->plain ? self->adapter : best;
}

static bool s_is_plain (const ag_parser_t *self)
{
    return self->adapter && self->adapter->plain;
}

/* ---------------------------------------------------------------------- */
/*  Records */

static void s_count_ignored (ag_parser_t *self, ag_val_t *record)
{
    char name[sizeof self->ignored[0].name];
    ag_str_t type = ag_val_str (record, "type"), subtype = ag_val_str (record, "subtype");
    snprintf (name, sizeof name, "%.*s%s%.*s", (int) (type.ptr ? type.len : 9), type.ptr ? type.ptr : "(no type)",
              subtype.ptr ? "/" : "", (int) subtype.len, subtype.ptr ? subtype.ptr : "");
    name[ag_utf8_prefix_bytes (name, strlen (name), sizeof name - 4)] = 0;     /* not in the middle of a character */
    size_t i = 0;
    while (i < self->ignored_names && strcmp (self->ignored[i].name, name))
        i++;
    if (i == IGNORED_MAX)
        i--;
    else if (i == self->ignored_names) {
        memcpy (self->ignored[i].name, name, sizeof name);
        self->ignored_names++;
    }
    self->ignored[i].count++;
    self->ignored_records++;
}

static void s_take_record (ag_parser_t *self, ag_val_t *record)
{
    ag_trouble_over (self->trouble, self->out);
    const ag_adapter_t *adapter = s_dialect (self, record);
    if (!adapter || !adapter->record (s_state (self, adapter), self->out, record))
        s_count_ignored (self, record);
}

static void s_take_raw (ag_parser_t *self, ag_str_t text)
{
    ag_trouble_over (self->trouble, self->out);
    ag_out_text (self->out, &(ag_out_text_t) { .kind = "raw", .content = text, .block_index = -1 });
}

/* ---------------------------------------------------------------------- */
/*  Lines */

static ag_str_t s_from (ag_str_t text, size_t offset)
{
    return (ag_str_t) { text.ptr + offset, text.len - offset };
}

/*  Without leading white space and byte order marks. */
static ag_str_t s_skip_space (ag_str_t text)
{
    for (;;) {
        if (text.len && strchr (" \t\r\n\v\f", text.ptr[0]))
            text = s_from (text, 1);
        else if (text.len >= 3 && !memcmp (text.ptr, "\xef\xbb\xbf", 3))
            text = s_from (text, 3);
        else
            return text;
    }
}

/*  The next place where an object with members, or an empty one, may begin. */
static ag_str_t s_find_object (ag_str_t text)
{
    const char *at = text.len ? memmem (text.ptr, text.len, "{\"", 2) : NULL;
    return at ? s_from (text, (size_t) (at - text.ptr)) : (ag_str_t) { NULL, 0 };
}

static bool s_would_read (ag_parser_t *self, ag_val_t *record)
{
    ag_match_t match;
    if (!self->adapter || (self->detect && (self->adapter == &ag_adapter_flat || self->adapter->plain)))
        return s_best_match (record, &match) != NULL;
    return self->adapter->match (record) != AG_MATCH_NO;
}

/*  A record behind a prefix (a log's time, an escape sequence): it counts only
    if it is one of the dialect's and nothing but records follows, for in the
    tail of a line that was cut by another there are whole objects too. */
static ag_val_t *s_behind_noise (ag_parser_t *self, ag_str_t text, ag_str_t *rest_r)
{
    ag_str_t at = text;
    for (int i = 0; i < NOISE_TRIES && (at = s_find_object (at)).ptr; i++, at = s_from (at, 1)) {
        size_t used;
        const char *why;
        ag_val_t *record = ag_reader_read (self->reader, at, &used, &why);
        if (!record)
            continue;
        *rest_r = s_skip_space (s_from (at, used));
        if ((!rest_r->len || rest_r->ptr[0] == '{') && s_would_read (self, record))
            return record;
        return NULL;
    }
    return NULL;
}

/*  After a line that was cut, its tail: still no text that the agent wrote. */
static bool s_is_tail (const ag_parser_t *self, ag_str_t text)
{
    return ag_trouble_in_burst (self->trouble) && text.ptr[text.len - 1] == '}'
        && memmem (text.ptr, text.len, "\":", 2);
}

static void s_bad_line (ag_parser_t *self, ag_str_t text, size_t offset, const char *why)
{
    ag_trouble_bad_line (self->trouble, self->out, self->line_number, text, offset, why);
}

/*  What does not begin with a brace. Returns what is to be read after it. */
static ag_str_t s_take_other (ag_parser_t *self, ag_str_t text)
{
    ag_str_t rest = { NULL, 0 };
    ag_val_t *record = s_behind_noise (self, text, &rest);
    if (record) {
        s_take_record (self, record);
        return rest;
    }
    if (s_is_tail (self, text))
        s_bad_line (self, text, 0, "it is the end of an object without its beginning");
    else
        s_take_raw (self, text);
    return (ag_str_t) { NULL, 0 };
}

/*  JSON that a text agent prints is text. So is, while it is not clear who
    speaks, an object without a type: no dialect has such. */
static bool s_is_only_text (ag_parser_t *self, ag_val_t *record)
{
    if (self->adapter && !self->adapter->plain)
        return false;
    return !s_would_read (self, record) && (self->adapter || !ag_val_str (record, "type").ptr);
}

static ag_str_t s_take_object (ag_parser_t *self, ag_str_t text)
{
    size_t used;
    const char *why;
    ag_val_t *record = ag_reader_read (self->reader, text, &used, &why);
    if (record && s_is_only_text (self, record)) {
        s_take_raw (self, text);
        return (ag_str_t) { NULL, 0 };
    }
    if (record) {
        s_take_record (self, record);
        return s_skip_space (s_from (text, used));
    }
    ag_str_t behind = s_skip_space (s_from (text, 1));
    if (behind.len && behind.ptr[0] == '"' && !s_is_plain (self))
        s_bad_line (self, text, used, why);
    else
        s_take_raw (self, text);        /* a brace, but nothing of JSON behind it */
    return (ag_str_t) { NULL, 0 };
}

static void s_note_text_line (ag_parser_t *self)
{
    if (self->detect && !self->adapter && ++self->text_lines == TEXT_LINES)
        self->adapter = &ag_adapter_text;
}

/*  One object is usual; two on a line, and noise around them, are read too. */
static void s_take_json_line (ag_parser_t *self, ag_str_t line)
{
    ag_str_t rest = s_skip_space (line);
    bool is_other = rest.len && rest.ptr[0] != '{', undecided = !self->adapter;
    if (is_other)
        s_note_text_line (self);
    if (is_other && undecided)
        rest = line;            /* perhaps a text agent: its indentation counts */
    if (!self->adapter && !rest.len && self->text_lines)
        s_take_raw (self, line);        /* and so do its empty lines */
    while (rest.len)
        rest = rest.ptr[0] == '{' ? s_take_object (self, rest) : s_take_other (self, rest);
}

/*  A stretch of the line: at most SLICE_BYTES, not ending inside a character
    (in what is no character a cut does no harm). */
static size_t s_slice (ag_str_t line)
{
    size_t len = line.len < SLICE_BYTES ? line.len : SLICE_BYTES;
    for (int i = 0; i < 3 && len > 1 && len < line.len && ((unsigned char) line.ptr[len] & 0xc0) == 0x80; i++)
        len--;
    return len;
}

/*  Appends it repaired. In JSON a NUL is written as an escape. */
static void s_append_clean (ag_parser_t *self, ag_str_t part)
{
    while (part.len) {
        const char *nul = memchr (part.ptr, 0, part.len);
        size_t len = nul ? (size_t) (nul - part.ptr) : part.len;
        ag_utf8_append_repaired (&self->clean, part.ptr, len);
        if (nul)
            ag_buf_append_cstr (&self->clean, s_is_plain (self) ? "\xef\xbf\xbd" : "\\u0000");
        part = s_from (part, nul ? len + 1 : len);
    }
}

/*  Makes of the line valid UTF-8 without NUL, as everything behind this point
    may expect. False: so repaired it is above the limit. */
static bool s_clean (ag_parser_t *self, ag_str_t *line)
{
    if (!memchr (line->ptr, 0, line->len) && ag_utf8_valid (line->ptr, line->len))
        return true;
    ag_buf_clear (&self->clean);
    for (ag_str_t rest = *line; rest.len && self->clean.len <= self->max_line_bytes;) {
        size_t len = s_slice (rest);
        s_append_clean (self, (ag_str_t) { rest.ptr, len });
        rest = s_from (rest, len);
    }
    *line = (ag_str_t) { self->clean.len ? self->clean.data : "", self->clean.len };
    return line->len <= self->max_line_bytes;
}

static void s_take_text (ag_parser_t *self, ag_str_t line)
{
    if (s_is_plain (self) && (!self->detect || !line.len || line.ptr[0] != '{'))
        s_take_raw (self, line);
    else
        s_take_json_line (self, line);
}

static void s_take_line (ag_parser_t *self, const ag_line_item_t *item)
{
    ag_str_t line = item->text;
    self->line_number++;
    if (item->too_long_bytes)
        ag_trouble_long_line (self->trouble, self->out, self->line_number, item->too_long_bytes, self->max_line_bytes);
    else if (!s_clean (self, &line))
        s_bad_line (self, (ag_str_t) { line.ptr, s_slice (line) }, 0, "it is not text");
    else
        s_take_text (self, line);
    ag_buf_clear (&self->clean);
    ag_buf_shrink (&self->clean, AG_TEXT_MAX_BYTES);
}

static void s_take_lines (ag_parser_t *self)
{
    ag_line_item_t item;
    while (ag_line_next (self->lines, &item))
        s_take_line (self, &item);
}

/* ---------------------------------------------------------------------- */
/*  Stream */

void ag_parser_feed (ag_parser_t *self, const char *bytes, size_t len, int64_t now_us)
{
    ag_parser_tick (self, now_us);
    ag_line_feed (self->lines, bytes, len);
    s_take_lines (self);
}

int64_t ag_parser_deadline_us (const ag_parser_t *self)
{
    return ag_trouble_deadline_us (self->trouble);
}

void ag_parser_tick (ag_parser_t *self, int64_t now_us)
{
    ag_out_set_now (self->out, now_us);
    if (now_us >= ag_trouble_deadline_us (self->trouble))
        ag_trouble_over (self->trouble, self->out);
}

/*  What was left out is said, once. */
static void s_tell_ignored (ag_parser_t *self)
{
    if (!self->ignored_records)
        return;
    struct json_object *details = json_object_new_object ();
    for (size_t i = 0; i < self->ignored_names; i++) {
        const ag_parser_ignored_t *ignored = &self->ignored[i];
        json_object_object_add (details, ignored->name, json_object_new_uint64 (ignored->count));
    }
    char *message = ag_asprintf ("records of unknown types were left out: %llu%s",
                                 (unsigned long long) self->ignored_records,
                                 self->adapter ? "" : "; the agent's format is not one that is known");
    ag_out_error (self->out, &(ag_out_error_t) {
        .message = { message, strlen (message) }, .warning = true, .from_parser = true,
        .code = AG_STR ("UNKNOWN_RECORDS"), .details = details });
    json_object_put (details);
    free (message);
}

void ag_parser_end (ag_parser_t *self, int64_t now_us)
{
    ag_out_set_now (self->out, now_us);
    ag_line_end (self->lines);
    s_take_lines (self);
    ag_trouble_over (self->trouble, self->out);
    s_tell_ignored (self);
    for (size_t i = 0; ag_adapters[i]; i++)
        if (self->states[i] && ag_adapters[i]->end)
            ag_adapters[i]->end (self->states[i], self->out);
    ag_out_close_calls (self->out);
    if (!self->adapter && self->detect && self->text_lines)
        self->adapter = &ag_adapter_text;
}

void ag_parser_summary (const ag_parser_t *self, ag_parser_summary_t *summary_r)
{
    *summary_r = (ag_parser_summary_t) {
        .agent = self->adapter ? self->adapter->name : NULL,
        .lines = self->line_number, .bad_lines = ag_trouble_count (self->trouble),
        .ignored_records = self->ignored_records, .ignored = self->ignored, .ignored_names = self->ignored_names
    };
    ag_out_summary (self->out, summary_r);
}
