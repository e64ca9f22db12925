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
    CUT_MIN_BYTES = 12,         /* the beginning of a secret that counts as one where a text was cut */
    KEY_TAIL_BYTES = 64,        /* the end line of a key fits in */
    MATCH_LIMIT = 1000 * 1000
};

static const char s_mark[] = "[redacted]";

struct ag_scrub {
    pcre2_code *code;           /* all shapes */
    pcre2_code *token_rest;     /* what continues a token, at its beginning */
    pcre2_code *key_rest;       /* what continues a private key */
    pcre2_match_context *limits;
    pcre2_match_data *data;
};

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

/*  A value as it stands: every byte that could mean something is escaped. */
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

/*  Also each long line of it alone: a file shown with line numbers, a diff. */
static void s_append_lines (ag_buf_t *pattern, ag_str_t value)
{
    if (!memchr (value.ptr, '\n', value.len))
        return;
    while (value.len) {
        const char *feed = memchr (value.ptr, '\n', value.len);
        size_t len = feed ? (size_t) (feed - value.ptr) : value.len;
        if (len >= LINE_MIN_BYTES)
            s_append_value (pattern, value.ptr, len);
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
static void s_append_values (ag_buf_t *pattern, const ag_str_t *values, size_t count)
{
    ag_str_t *sorted = ag_calloc (count + 1, sizeof *sorted);
    if (count)
        memcpy (sorted, values, count * sizeof *values);
    qsort (sorted, count, sizeof *sorted, s_by_length);
    for (size_t i = 0; i < count && sorted[i].len >= VALUE_MIN_BYTES; i++)
        s_append_value (pattern, sorted[i].ptr, sorted[i].len);
    for (size_t i = 0; i < count && sorted[i].len >= VALUE_MIN_BYTES; i++)
        s_append_lines (pattern, sorted[i]);
    free (sorted);
}

static pcre2_code *s_compile_rules (const ag_str_t *values, size_t count)
{
    ag_buf_t pattern = { 0 };
    s_append_values (&pattern, values, count);
    for (size_t i = 0; i < sizeof s_rules / sizeof s_rules[0]; i++) {
        ag_buf_append_char (&pattern, '|');
        ag_buf_append_cstr (&pattern, s_rules[i]);
    }
    pcre2_code *code = s_compile (pattern.data + 1, pattern.len - 1);
    ag_buf_free (&pattern);
    return code;
}

ag_scrub_t *ag_scrub_new (const ag_str_t *values, size_t count)
{
    static const char token_rest[] = "\\A[A-Za-z0-9_+/=.~%-]*+";
    static const char key_rest[] = "\\A(?: " KEY_LABEL ")?+(?:" KEY_HEADER "|[A-Za-z0-9+/=\\s]|\\\\[nrt])*+"
        "(?:-----END " KEY_LABEL ")?+";
    ag_scrub_t *self = ag_calloc (1, sizeof *self);
    self->code = s_compile_rules (values, count);
    self->token_rest = s_compile (token_rest, sizeof token_rest - 1);
    self->key_rest = s_compile (key_rest, sizeof key_rest - 1);
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
    pcre2_code_free (self->code);
    pcre2_code_free (self->token_rest);
    pcre2_code_free (self->key_rest);
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

/*  How a text ends whose last secret began at `start` and ends at `end`. */
static ag_scrub_open_t s_open_after (ag_str_t text, size_t start, size_t end)
{
    static const char dashes[] = "-----";
    if (end < text.len)
        return AG_SCRUB_CLOSED;
    if (!s_is_key (text, start))
        return AG_SCRUB_IN_TOKEN;
    bool ended = memmem (text.ptr + start, text.len - start, "-----END", 8)
        && !memcmp (text.ptr + text.len - 5, dashes, 5);
    return ended ? AG_SCRUB_CLOSED : AG_SCRUB_IN_KEY;
}

/*  Bytes at the beginning that still belong to the secret of the text before. */
static size_t s_rest (ag_scrub_t *self, ag_str_t text, ag_scrub_open_t *open)
{
    size_t start, end;
    if (*open == AG_SCRUB_CLOSED || !text.len)
        return 0;
    s_find (self, *open == AG_SCRUB_IN_KEY ? self->key_rest : self->token_rest, text, 0, false, &start, &end);
    if (end < text.len)
        *open = AG_SCRUB_CLOSED;
    return end;
}

/* ---------------------------------------------------------------------- */
/*  Whole texts */

static void s_append (ag_buf_t *out, ag_str_t text, size_t from, size_t to)
{
    ag_buf_append (out, text.ptr + from, to - from);
}

/*  Appends the text from `at` on, without its secrets. */
static size_t s_scrub_from (ag_scrub_t *self, ag_str_t text, size_t at, ag_scrub_open_t *open, ag_buf_t *out)
{
    size_t count = 0, start, end;
    while (at < text.len && s_find (self, self->code, text, at, false, &start, &end) == FOUND_SECRET && end > start) {
        s_append (out, text, at, start);
        ag_buf_append_cstr (out, s_mark);
        count++;
        at = end;
        *open = s_open_after (text, start, end);
    }
    s_append (out, text, at, text.len);
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
    ag_scrub_open_t alone = AG_SCRUB_CLOSED;
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
    *count += s_scrub_from (self, kept, rest, open, out);
    if (kept.len < text.len) {
        ag_buf_append_cstr (out, s_mark);
        ++*count;
    }
    return true;
}

/* ---------------------------------------------------------------------- */
/*  Streams */

bool ag_scrub_holds (const ag_scrub_stream_t *stream)
{
    return stream->open == AG_SCRUB_CLOSED && stream->held.len > stream->has_context;
}

/*  Keeps the text from `at` on, and a byte before it. */
static void s_hold (ag_scrub_stream_t *stream, size_t at)
{
    stream->has_context = at > 0;
    ag_buf_consume (&stream->held, at > 0 ? at - 1 : 0);
}

/*  The rest of a key: swallowed but for what may be its end line's beginning. */
static size_t s_swallow_key (ag_scrub_t *self, ag_scrub_stream_t *stream, size_t at)
{
    ag_str_t text = { stream->held.data + at, stream->held.len - at };
    size_t start, end;
    if (s_find (self, self->key_rest, text, 0, true, &start, &end) == FOUND_BEGINNING)
        return text.len > KEY_TAIL_BYTES ? stream->held.len - KEY_TAIL_BYTES : at;
    stream->open = AG_SCRUB_CLOSED;
    return at + end;
}

/*  Too much to be held: what is a secret already goes, and what follows of it;
    so does what no shape but a secret's goes on for so long. */
static size_t s_force (ag_scrub_t *self, ag_scrub_stream_t *stream, size_t at, ag_buf_t *out, size_t *count)
{
    ag_str_t text = { stream->held.data, stream->held.len };
    size_t start = at, end = text.len;
    bool is_key = s_is_key (text, at);
    if (is_key)
        end = at + sizeof s_key_begin - 1;
    else if (s_find (self, self->code, text, at, false, &start, &end) == FOUND_NONE)
        end = text.len;
    s_append (out, text, at, start);
    ag_buf_append_cstr (out, s_mark);
    ++*count;
    stream->open = is_key ? AG_SCRUB_IN_KEY : s_open_after (text, start, end);
    return end;
}

static bool s_is_too_long (ag_str_t held)
{
    return held.len > AG_SCRUB_HOLD_CHARS && ag_utf8_count (held.ptr, held.len) > AG_SCRUB_HOLD_CHARS;
}

size_t ag_scrub_feed (ag_scrub_t *self, ag_scrub_stream_t *stream, ag_str_t text, ag_buf_t *out)
{
    size_t count = 0, at = stream->has_context;
    ag_buf_append_str (&stream->held, text);
    for (;;) {
        ag_str_t held = { stream->held.data, stream->held.len };
        size_t start, end;
        if (stream->open == AG_SCRUB_IN_KEY)
            at = s_swallow_key (self, stream, at);
        else
            at += s_rest (self, (ag_str_t) { held.ptr + at, held.len - at }, &stream->open);
        if (stream->open != AG_SCRUB_CLOSED || at == held.len)
            break;
        s_found_t found = s_find (self, self->code, held, at, true, &start, &end);
        if (found == FOUND_BEGINNING && s_is_too_long ((ag_str_t) { held.ptr + start, held.len - start })) {
            s_append (out, held, at, start);
            at = s_force (self, stream, start, out, &count);
            continue;
        }
        s_append (out, held, at, found == FOUND_NONE ? held.len : start);
        at = found == FOUND_NONE ? held.len : start;
        if (found != FOUND_SECRET)
            break;
        ag_buf_append_cstr (out, s_mark);
        count++;
        at = end;
    }
    s_hold (stream, at);
    return count;
}

size_t ag_scrub_flush (ag_scrub_t *self, ag_scrub_stream_t *stream, ag_buf_t *out)
{
    size_t count = 0;
    ag_str_t held = { stream->held.data, stream->held.len };
    if (ag_scrub_holds (stream))
        count = s_scrub_from (self, held, stream->has_context, &stream->open, out);
    s_hold (stream, stream->open == AG_SCRUB_IN_KEY ? stream->has_context : held.len);
    return count;
}
