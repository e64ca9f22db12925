/*  agent/scrub.c - finds secrets in text and takes them out

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A stream uses PCRE2's partial matching: "no match, but it may become one"
    says from where on to hold back. Nothing is held that no shape begins with.
*/
#define PCRE2_CODE_UNIT_WIDTH 8
#include "agent/scrub.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scrub_rules.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/utf8.h"

enum {
    VALUE_MIN_BYTES = 6,
    LINE_MIN_BYTES = 16,        /* of a value with several lines: lines that hide alone */
    VALUES_MAX = 1024,          /* with their lines and other forms */
    HEAD_MIN_BYTES = 16,
    HEAD_MAX_BYTES = 128,       /* how much of a value stands in the pattern */
    HEADS_BYTES = 16 * 1024,    /* of all together: a pattern has a largest size */
    CUT_MIN_BYTES = 12,         /* the beginning of a secret that counts as one where a text was cut */
    KEY_TAIL_BYTES = 64,        /* the end line of a key fits in */
    MATCH_LIMIT = 1000 * 1000
};

static const char s_mark[] = "[redacted]";

/*  Values are found by their beginning, which stands in the pattern; how far a
    text then goes on like the value is looked at byte by byte. So a value may
    have any size. */
struct ag_scrub {
    ag_str_t *values;           /* longest first; ours */
    size_t value_count;
    size_t left_out;            /* there were more */
    size_t head_bytes;          /* of each value in the pattern */
    pcre2_code *code;           /* the beginnings of all values, and all shapes */
    pcre2_code *token_rest;     /* what continues a token, at its beginning */
    pcre2_code *key_rest;       /* what continues a private key */
    pcre2_code *key_line;       /* a line of one */
    pcre2_match_context *limits;
    pcre2_match_data *data;
};

/* ---------------------------------------------------------------------- */
/*  Values */

static void s_add_value (ag_scrub_t *self, const char *text, size_t len, size_t min_bytes)
{
    if (len < min_bytes)
        return;
    if (self->value_count == VALUES_MAX) {
        self->left_out++;
        return;
    }
    self->values[self->value_count++] = (ag_str_t) { ag_str_dup ((ag_str_t) { text, len }), len };
}

/*  As it stands in a JSON text, where that differs. */
static void s_add_as_json (ag_scrub_t *self, ag_str_t value)
{
    ag_buf_t json = { 0 };
    ag_buf_append_json_string (&json, value);
    if (json.len - 2 != value.len)
        s_add_value (self, json.data + 1, json.len - 2, VALUE_MIN_BYTES);
    ag_buf_free (&json);
}

/*  Also each long line of it alone: a file shown with line numbers, a diff. */
static void s_add_lines (ag_scrub_t *self, ag_str_t value)
{
    if (!memchr (value.ptr, '\n', value.len))
        return;
    while (value.len) {
        const char *feed = memchr (value.ptr, '\n', value.len);
        size_t len = feed ? (size_t) (feed - value.ptr) : value.len;
        s_add_value (self, value.ptr, len, LINE_MIN_BYTES);
        value.ptr += feed ? len + 1 : len;
        value.len -= feed ? len + 1 : len;
    }
}

static int s_by_length (const void *a, const void *b)
{
    size_t a_len = ((const ag_str_t *) a)->len, b_len = ((const ag_str_t *) b)->len;
    return (a_len < b_len) - (a_len > b_len);
}

/*  Longest first, so that a value that begins with another hides whole. */
static void s_take_values (ag_scrub_t *self, const ag_str_t *values, size_t count)
{
    self->values = ag_calloc (VALUES_MAX, sizeof *self->values);
    for (size_t i = 0; i < count; i++)
        s_add_value (self, values[i].ptr, values[i].len, VALUE_MIN_BYTES);
    for (size_t i = 0; i < count; i++)
        if (values[i].len >= VALUE_MIN_BYTES) {
            s_add_as_json (self, values[i]);
            s_add_lines (self, values[i]);
        }
    if (self->left_out)
        ag_log_warning ("REDACT_VALUES", "of the values to hide, and their lines, %zu are too many and are not hidden",
                        self->left_out);
    qsort (self->values, self->value_count, sizeof *self->values, s_by_length);
    size_t head = HEADS_BYTES / (self->value_count + 1);
    self->head_bytes = head < HEAD_MIN_BYTES ? HEAD_MIN_BYTES : head > HEAD_MAX_BYTES ? HEAD_MAX_BYTES : head;
}

static size_t s_common (ag_str_t text, ag_str_t value)
{
    size_t len = 0;
    while (len < text.len && len < value.len && text.ptr[len] == value.ptr[len])
        len++;
    return len;
}

/*  What was found ends at *end; is it the beginning of a value, it ends where
    the text stops to be that. True: a value. *open says whether it may go on. */
static bool s_extend (const ag_scrub_t *self, ag_str_t text, size_t start, size_t *end, ag_scrub_open_t *open)
{
    bool found = false;
    ag_str_t from = { text.ptr + start, text.len - start };
    for (size_t i = 0; i < self->value_count; i++) {
        size_t head = self->values[i].len < self->head_bytes ? self->values[i].len : self->head_bytes;
        size_t len = s_common (from, self->values[i]);
        if (len < head || start + len < *end)
            continue;
        found = true;
        if (start + len == *end && open->state == AG_SCRUB_IN_VALUE)
            continue;
        *end = start + len;
        bool goes_on = len == from.len && len < self->values[i].len;
        *open = goes_on ? (ag_scrub_open_t) { AG_SCRUB_IN_VALUE, i, len } : (ag_scrub_open_t) { 0 };
    }
    return found;
}

/* ---------------------------------------------------------------------- */
/*  Patterns */

static pcre2_code *s_compile (const char *pattern, size_t len)
{
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code = pcre2_compile ((PCRE2_SPTR) pattern, len, 0, &error, &offset, NULL);
    if (!code) {
        PCRE2_UCHAR text[160];
        pcre2_get_error_message (error, text, sizeof text);
        ag_fatal (70, "a pattern for secrets is wrong at %zu: %s", (size_t) offset, (const char *) text);
    }
    pcre2_jit_compile (code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);  /* without JIT it is only slower */
    return code;
}

/*  As it stands: every byte that could mean something is escaped. */
static void s_append_value (ag_buf_t *pattern, const char *value, size_t len)
{
    ag_buf_append_char (pattern, '|');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char) value[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
            ag_buf_append_char (pattern, (char) c);
        else
            ag_buf_printf (pattern, "\\x%02x", c);
    }
}

static void s_append_rules (ag_buf_t *pattern, const char *const *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ag_buf_append_char (pattern, '|');
        ag_buf_append_cstr (pattern, rules[i]);
    }
}

/*  What begins at a word's beginning is asked for that once, not rule by rule. */
static pcre2_code *s_compile_rules (const ag_scrub_t *self)
{
    ag_buf_t pattern = { 0 };
    for (size_t i = 0; i < self->value_count; i++) {
        size_t len = self->values[i].len;
        s_append_value (&pattern, self->values[i].ptr, len < self->head_bytes ? len : self->head_bytes);
    }
    ag_buf_append_cstr (&pattern, "|" NEW "(?:(?!)");
    s_append_rules (&pattern, s_word_rules, sizeof s_word_rules / sizeof s_word_rules[0]);
    ag_buf_append_char (&pattern, ')');
    s_append_rules (&pattern, s_rules, sizeof s_rules / sizeof s_rules[0]);
    pcre2_code *code = s_compile (pattern.data + 1, pattern.len - 1);
    ag_buf_free (&pattern);
    return code;
}

ag_scrub_t *ag_scrub_new (const ag_str_t *values, size_t count)
{
    static const char token_rest[] = "\\A[A-Za-z0-9_+/=.~%-]*+";
    static const char key_rest[] = "\\A(?: " KEY_LABEL ")?+(?:" KEY_HEADER "|[0-9]{1,6}(?:\xe2\x86\x92|[:|])"
        "|(?<=\\n)[+>|-](?!-{4})|[A-Za-z0-9+/=\\s]|\\\\[nrt])*+(?:-----END " KEY_LABEL ")?+";
    static const char key_line[] = "\\A[ \\t]*+" KEY_MARGIN "(?:" KEY_HEADER "|-----END " KEY_LABEL
        "|[A-Za-z0-9+/=]{16,}+|(?=[A-Za-z]{0,40}+[0-9+/=])[A-Za-z0-9+/=]{1,40}+)?+[ \\t\\r]*+(?:\\n|\\z)";
    ag_scrub_t *self = ag_calloc (1, sizeof *self);
    s_take_values (self, values, count);
    self->code = s_compile_rules (self);
    self->token_rest = s_compile (token_rest, sizeof token_rest - 1);
    self->key_rest = s_compile (key_rest, sizeof key_rest - 1);
    self->key_line = s_compile (key_line, sizeof key_line - 1);
    self->limits = pcre2_match_context_create (NULL);
    self->data = pcre2_match_data_create (1, NULL);
    pcre2_set_match_limit (self->limits, MATCH_LIMIT);
    return self;
}

void ag_scrub_destroy (ag_scrub_t **self_p)
{
    ag_scrub_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->value_count; i++)
        free ((char *) self->values[i].ptr);
    free (self->values);
    pcre2_code_free (self->code);
    pcre2_code_free (self->token_rest);
    pcre2_code_free (self->key_rest);
    pcre2_code_free (self->key_line);
    pcre2_match_context_free (self->limits);
    pcre2_match_data_free (self->data);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  One match */

typedef enum { FOUND_NONE, FOUND_SECRET, FOUND_BEGINNING } s_found_t;

/*  Looks from `at` on. What the matcher gives up on is taken for a secret,
    up to the end: better too little to see than too much. */
static s_found_t s_find (ag_scrub_t *self, const pcre2_code *code, ag_str_t text, size_t at, bool partial,
                         size_t *start_r, size_t *end_r)
{
    int rc = pcre2_match (code, (PCRE2_SPTR) text.ptr, text.len, at, partial ? PCRE2_PARTIAL_HARD : 0, self->data,
                          self->limits);
    *start_r = at;
    *end_r = text.len;
    if (rc == PCRE2_ERROR_NOMATCH)
        return FOUND_NONE;
    if (rc >= 0 || rc == PCRE2_ERROR_PARTIAL) {
        const PCRE2_SIZE *at_r = pcre2_get_ovector_pointer (self->data);
        *start_r = at_r[0];
        *end_r = rc >= 0 ? at_r[1] : text.len;
    }
    while (*end_r < text.len && ((unsigned char) text.ptr[*end_r] & 0xc0) == 0x80)
        ++*end_r;               /* a bounded repetition may end inside a character */
    return rc == PCRE2_ERROR_PARTIAL ? FOUND_BEGINNING : FOUND_SECRET;
}

static const char s_key_begin[] = "-----BEGIN";

static bool s_is_key (ag_str_t text, size_t start)
{
    size_t len = sizeof s_key_begin - 1;
    return text.len - start >= len && !memcmp (text.ptr + start, s_key_begin, len);
}

/*  How a text ends whose last secret, a shape, began at `start` and ends at `end`. */
static ag_scrub_open_t s_open_after (ag_str_t text, size_t start, size_t end)
{
    static const char dashes[] = "-----";
    if (end < text.len)
        return (ag_scrub_open_t) { 0 };
    if (!s_is_key (text, start))
        return (ag_scrub_open_t) { .state = AG_SCRUB_IN_TOKEN };
    bool ended = memmem (text.ptr + start, text.len - start, "-----END", 8)
        && !memcmp (text.ptr + text.len - 5, dashes, 5);
    return (ag_scrub_open_t) { .state = ended ? AG_SCRUB_CLOSED : AG_SCRUB_IN_KEY };
}

/*  The next secret from `at` on, and what it leaves open. */
static s_found_t s_find_secret (ag_scrub_t *self, ag_str_t text, size_t at, bool partial, size_t *start_r, size_t *end_r,
                                ag_scrub_open_t *open_r)
{
    s_found_t found = s_find (self, self->code, text, at, partial, start_r, end_r);
    *open_r = (ag_scrub_open_t) { 0 };
    if (found == FOUND_SECRET && !s_extend (self, text, *start_r, end_r, open_r))
        *open_r = s_open_after (text, *start_r, *end_r);
    return found;
}

/*  Bytes at the beginning that still belong to the secret of the text before. */
static size_t s_rest (ag_scrub_t *self, ag_str_t text, ag_scrub_open_t *open)
{
    size_t start, end;
    if (open->state == AG_SCRUB_CLOSED || !text.len)
        return 0;
    if (open->state == AG_SCRUB_IN_VALUE) {
        ag_str_t value = self->values[open->value];
        end = s_common (text, (ag_str_t) { value.ptr + open->offset, value.len - open->offset });
        open->offset += end;
        if (end < text.len || open->offset == value.len)
            *open = (ag_scrub_open_t) { 0 };
        return end;
    }
    s_find (self, open->state == AG_SCRUB_IN_KEY ? self->key_rest : self->token_rest, text, 0, false, &start, &end);
    if (end < text.len)
        *open = (ag_scrub_open_t) { 0 };
    return end;
}

/* ---------------------------------------------------------------------- */
/*  Whole texts */

static void s_append (ag_buf_t *out, ag_str_t text, size_t from, size_t to)
{
    if (to > from)
        ag_buf_append (out, text.ptr + from, to - from);
}

static size_t s_later (size_t a, size_t b)
{
    return a > b ? a : b;
}

/*  Appends the text from `done` on, without the secrets that begin at `at` or later. */
static size_t s_scrub_from (ag_scrub_t *self, ag_str_t text, size_t at, size_t done, ag_scrub_open_t *open, ag_buf_t *out)
{
    size_t count = 0, start, end;
    ag_scrub_open_t left;
    while (at < text.len && s_find_secret (self, text, at, false, &start, &end, &left) == FOUND_SECRET && end > start) {
        s_append (out, text, done, start);
        if (end > done) {
            ag_buf_append_cstr (out, s_mark);
            count++;
        }
        at = end;
        done = s_later (done, end);
        *open = left;
    }
    s_append (out, text, done, text.len);
    return count;
}

/*  Where the beginning of a secret may stand at the end; the end when there is none. */
static size_t s_cut_at (ag_scrub_t *self, ag_str_t text)
{
    size_t at = text.len > 4 * AG_SCRUB_HOLD_CHARS ? text.len - 4 * AG_SCRUB_HOLD_CHARS : 0, start, end;
    s_found_t found;
    while ((found = s_find (self, self->code, text, at, true, &start, &end)) == FOUND_SECRET && end > at)
        at = end;
    return found == FOUND_BEGINNING && text.len - start >= CUT_MIN_BYTES ? start : text.len;
}

bool ag_scrub_text (ag_scrub_t *self, ag_str_t text, bool cut, ag_scrub_open_t *open, ag_buf_t *out, uint64_t *count)
{
    ag_scrub_open_t alone = { 0 };
    size_t start, end;
    if (!open)
        open = &alone;
    size_t rest = s_rest (self, text, open);
    size_t cut_at = cut && rest < text.len ? s_cut_at (self, text) : text.len;
    ag_str_t kept = { text.ptr, cut_at < rest ? rest : cut_at };
    bool changed = rest || kept.len < text.len;
    if (!changed && s_find (self, self->code, kept, 0, false, &start, &end) != FOUND_SECRET)
        return false;
    ag_buf_clear (out);
    *count += s_scrub_from (self, kept, rest, rest, open, out);
    if (kept.len < text.len) {
        ag_buf_append_cstr (out, s_mark);
        ++*count;
    }
    return true;
}

void ag_scrub_next_line (ag_scrub_t *self, ag_scrub_open_t *open, ag_str_t line)
{
    size_t start, end;
    bool goes_on = false;
    if (open->state == AG_SCRUB_IN_KEY)
        goes_on = s_find (self, self->key_line, line, 0, false, &start, &end) == FOUND_SECRET;
    else if (open->state == AG_SCRUB_IN_VALUE)
        goes_on = self->values[open->value].ptr[open->offset++] == '\n';
    if (!goes_on)
        *open = (ag_scrub_open_t) { 0 };
}

/* ---------------------------------------------------------------------- */
/*  Streams */

bool ag_scrub_holds (const ag_scrub_stream_t *stream)
{
    return stream->open.state == AG_SCRUB_CLOSED && stream->held.len > stream->out_bytes;
}

/*  Keeps the text from `at` on, and a byte before it; all before `out` is out. */
static void s_hold (ag_scrub_stream_t *stream, size_t at, size_t out)
{
    size_t gone = at > 0 ? at - 1 : 0;
    stream->has_context = at > 0;
    stream->out_bytes = out - gone;
    ag_buf_consume (&stream->held, gone);
}

/*  The rest of a key: swallowed but for what may be its end line's beginning. */
static size_t s_swallow_key (ag_scrub_t *self, ag_scrub_stream_t *stream, size_t at)
{
    ag_str_t text = { stream->held.data + at, stream->held.len - at };
    size_t start, end;
    if (s_find (self, self->key_rest, text, 0, true, &start, &end) == FOUND_BEGINNING)
        return text.len > KEY_TAIL_BYTES ? stream->held.len - KEY_TAIL_BYTES : at;
    stream->open = (ag_scrub_open_t) { 0 };
    return at + end;
}

/*  Bytes from `at` on that belong to the secret that is open. */
static size_t s_swallow (ag_scrub_t *self, ag_scrub_stream_t *stream, size_t at)
{
    if (stream->open.state == AG_SCRUB_IN_KEY)
        return s_swallow_key (self, stream, at);
    return at + s_rest (self, (ag_str_t) { stream->held.data + at, stream->held.len - at }, &stream->open);
}

/*  Too much to be held, from `at` on: what is a secret already goes, and what
    follows of it; so does what no shape but a secret's goes on for so long.
    *start_r and the result are where the hidden part begins and ends. */
static size_t s_force (ag_scrub_t *self, ag_scrub_stream_t *stream, size_t at, size_t *start_r)
{
    ag_str_t text = { stream->held.data, stream->held.len };
    size_t end;
    *start_r = at;
    if (s_is_key (text, at)) {
        stream->open = (ag_scrub_open_t) { .state = AG_SCRUB_IN_KEY };
        return at + sizeof s_key_begin - 1;
    }
    if (s_find_secret (self, text, at, false, start_r, &end, &stream->open) == FOUND_SECRET)
        return end;
    stream->open = (ag_scrub_open_t) { .state = AG_SCRUB_IN_TOKEN };
    *start_r = at;
    return text.len;
}

static bool s_is_too_long (ag_str_t held)
{
    return held.len > AG_SCRUB_HOLD_CHARS && ag_utf8_count (held.ptr, held.len) > AG_SCRUB_HOLD_CHARS;
}

/*  The text ends inside of a value, too early to tell. */
static bool s_may_be_value (const ag_scrub_t *self, ag_str_t from)
{
    for (size_t i = 0; i < self->value_count; i++)
        if (from.len < self->head_bytes && from.len < self->values[i].len
                && s_common (from, self->values[i]) == from.len)
            return true;
    return false;
}

/*  The next secret in what is held, from `at` on. FOUND_BEGINNING: one may begin at *start_r. */
static s_found_t s_next (ag_scrub_t *self, ag_scrub_stream_t *stream, size_t at, size_t *start_r, size_t *end_r)
{
    ag_str_t held = { stream->held.data, stream->held.len };
    ag_scrub_open_t open;
    s_found_t found = s_find_secret (self, held, at, true, start_r, end_r, &open);
    if (found == FOUND_SECRET && s_may_be_value (self, (ag_str_t) { held.ptr + *start_r, held.len - *start_r })) {
        *start_r = pcre2_get_startchar (self->data);    /* with "password=" before it, to be seen as that again */
        return FOUND_BEGINNING;
    }
    if (found == FOUND_SECRET)
        stream->open = open;
    else if (found == FOUND_BEGINNING && s_is_too_long ((ag_str_t) { held.ptr + *start_r, held.len - *start_r })) {
        *end_r = s_force (self, stream, *start_r, start_r);
        found = FOUND_SECRET;
    }
    return found;
}

/*  Something of a secret may be out already: then the rest of it is hidden. */
size_t ag_scrub_feed (ag_scrub_t *self, ag_scrub_stream_t *stream, ag_str_t text, ag_buf_t *out)
{
    size_t count = 0, at = stream->has_context, done = stream->out_bytes, start, end;
    ag_buf_append_str (&stream->held, text);
    for (;;) {
        ag_str_t held = { stream->held.data, stream->held.len };
        at = s_swallow (self, stream, at);
        done = s_later (done, at);
        if (stream->open.state != AG_SCRUB_CLOSED || at == held.len)
            break;
        s_found_t found = s_next (self, stream, at, &start, &end);
        at = found == FOUND_NONE ? held.len : start;
        s_append (out, held, done, at);
        done = s_later (done, at);
        if (found != FOUND_SECRET)
            break;
        if (end > done) {
            ag_buf_append_cstr (out, s_mark);
            count++;
        }
        at = end;
        done = s_later (done, end);
    }
    s_hold (stream, at, done);
    return count;
}

size_t ag_scrub_flush (ag_scrub_t *self, ag_scrub_stream_t *stream, ag_buf_t *out)
{
    size_t count = 0, from = stream->has_context, start, end;
    ag_str_t held = { stream->held.data, stream->held.len };
    if (stream->open.state == AG_SCRUB_IN_KEY) {
        s_hold (stream, from, from);
        return 0;
    }
    if (ag_scrub_holds (stream))
        count = s_scrub_from (self, held, from, stream->out_bytes, &stream->open, out);
    bool begins = !count && held.len && s_find (self, self->code, held, from, true, &start, &end) == FOUND_BEGINNING;
    s_hold (stream, begins ? start : held.len, held.len);
    return count;
}
