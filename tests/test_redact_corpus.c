/*  test_redact_corpus.c - many ordinary texts stay as they are, many secrets do not

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    tests/redact/ordinary.txt and secrets.txt, whole and at every cut. The
    secrets there are templates; what they stand for is made here.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scrub.h"
#include "core/mem.h"

#define HIDE_BEGIN "\xe2\x80\xb9"       /* < and >, as quotation marks of one stroke */
#define HIDE_END "\xe2\x80\xba"

/*  A line of a corpus: what is said, and what must be left of it. */
typedef struct {
    ag_buf_t text, expected;
} s_case_t;

static void s_free (s_case_t *self)
{
    ag_buf_free (&self->text);
    ag_buf_free (&self->expected);
}

/* ---------------------------------------------------------------------- */
/*  Templates */

static const char *s_alphabet (char letter)
{
    switch (letter) {
    case 'A': return "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    case 'a': return "abcdefghijklmnopqrstuvwxyz0123456789";
    case 'H': return "0123456789abcdef";
    case 'N': return "0123456789";
    case 'U': return "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    case 'B': return "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
    default: return NULL;
    }
}

/*  {A20} at the beginning: how long it is in the template, 0: there is none. The
    second character is a digit, as in all real ones. */
static size_t s_expand (const char *at, ag_buf_t *out)
{
    char letter, end;
    int count, used = 0;
    if (sscanf (at, "{%c%d%c%n", &letter, &count, &end, &used) != 3 || end != '}' || !s_alphabet (letter))
        return 0;
    const char *alphabet = s_alphabet (letter);
    for (int i = 0; i < count; i++)
        ag_buf_append_char (out, i == 1 ? '7' : alphabet[(size_t) rand () % strlen (alphabet)]);
    return (size_t) used;
}

static bool s_begins (const char *at, const char *with)
{
    return !strncmp (at, with, strlen (with));
}

/*  Makes text and expectation of a template. */
static s_case_t s_make (const char *line)
{
    s_case_t made = { { 0 }, { 0 } };
    bool hidden = false;
    for (const char *at = line; *at;) {
        size_t before = made.text.len, used = s_expand (at, &made.text);
        if (s_begins (at, HIDE_BEGIN) || s_begins (at, HIDE_END)) {
            if ((hidden = s_begins (at, HIDE_BEGIN)))
                ag_buf_append_cstr (&made.expected, "[redacted]");
            at += strlen (HIDE_BEGIN);
            continue;
        }
        if (!used && (used = s_begins (at, "\\\\n") ? 3 : s_begins (at, "\\n") ? 2 : 0))
            ag_buf_append_cstr (&made.text, used == 3 ? "\\n" : "\n");
        if (!used)
            ag_buf_append (&made.text, at, used = 1);
        if (!hidden)
            ag_buf_append (&made.expected, made.text.data + before, made.text.len - before);
        at += used;
    }
    ag_buf_append_char (&made.text, '\n');
    ag_buf_append_char (&made.expected, '\n');
    return made;
}

/*  An ordinary line stands for itself. */
static s_case_t s_copy (const char *line)
{
    s_case_t made = { { 0 }, { 0 } };
    ag_buf_printf (&made.text, "%s\n", line);
    ag_buf_printf (&made.expected, "%s\n", line);
    return made;
}

/* ---------------------------------------------------------------------- */
/*  Checks */

static ag_str_t s_str (const ag_buf_t *buf)
{
    return (ag_str_t) { buf->data, buf->len };
}

static void s_expect (const s_case_t *given, ag_buf_t *out, const char *how, size_t where)
{
    if (!ag_str_eq (s_str (out), s_str (&given->expected)))
        fail_msg ("%s %zu: %s became %s", how, where, ag_buf_cstr ((ag_buf_t *) &given->text), ag_buf_cstr (out));
    ag_buf_free (out);
}

static void s_check_whole (ag_scrub_t *scrub, const s_case_t *given)
{
    ag_buf_t out = { 0 };
    uint64_t count = 0;
    if (!ag_scrub_text (scrub, s_str (&given->text), false, NULL, &out, &count))
        ag_buf_append_str (&out, s_str (&given->text));
    s_expect (given, &out, "whole", 0);
}

static void s_feed (ag_scrub_t *scrub, ag_scrub_stream_t *stream, ag_str_t text, size_t from, size_t to, ag_buf_t *out)
{
    ag_scrub_feed (scrub, stream, (ag_str_t) { text.ptr + from, to - from }, out);
}

/*  In two deltas, cut anywhere, and in deltas of one size. */
static void s_check_cuts (ag_scrub_t *scrub, const s_case_t *given)
{
    ag_str_t text = s_str (&given->text);
    for (size_t cut = 1; cut < text.len; cut++) {
        ag_buf_t out = { 0 };
        ag_scrub_stream_t stream = { 0 };
        s_feed (scrub, &stream, text, 0, cut, &out);
        s_feed (scrub, &stream, text, cut, text.len, &out);
        ag_scrub_flush (scrub, &stream, &out);
        ag_buf_free (&stream.held);
        s_expect (given, &out, "cut at", cut);
    }
    for (size_t size = 1; size < 12; size++) {
        ag_buf_t out = { 0 };
        ag_scrub_stream_t stream = { 0 };
        for (size_t at = 0; at < text.len; at += size)
            s_feed (scrub, &stream, text, at, at + size < text.len ? at + size : text.len, &out);
        ag_scrub_flush (scrub, &stream, &out);
        ag_buf_free (&stream.held);
        s_expect (given, &out, "in pieces of", size);
    }
}

/*  Calls for each line that is no comment. Returns how many. */
static size_t s_each (const char *name, s_case_t (*make) (const char *line),
                      void (*check) (ag_scrub_t *, const s_case_t *))
{
    char path[1024], line[1024];
    snprintf (path, sizeof path, SRCDIR "/tests/redact/%s", name);
    FILE *file = fopen (path, "r");
    assert_non_null (file);
    ag_scrub_t *scrub = ag_scrub_new (NULL, 0);
    size_t count = 0;
    while (fgets (line, sizeof line, file)) {
        line[strcspn (line, "\n")] = 0;
        if (line[0] == '#' || !line[0])
            continue;
        s_case_t made = make (line);
        check (scrub, &made);
        s_free (&made);
        count++;
    }
    ag_scrub_destroy (&scrub);
    fclose (file);
    return count;
}

static void test_ordinary_texts_are_not_touched (void **state)
{
    (void) state;
    assert_true (s_each ("ordinary.txt", s_copy, s_check_whole) >= 200);
}

static void test_ordinary_texts_pass_at_every_cut (void **state)
{
    (void) state;
    s_each ("ordinary.txt", s_copy, s_check_cuts);
}

static void test_secrets_are_hidden (void **state)
{
    (void) state;
    assert_true (s_each ("secrets.txt", s_make, s_check_whole) >= 120);
}

static void test_secrets_are_hidden_at_every_cut (void **state)
{
    (void) state;
    s_each ("secrets.txt", s_make, s_check_cuts);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ordinary_texts_are_not_touched),
        cmocka_unit_test (test_ordinary_texts_pass_at_every_cut),
        cmocka_unit_test (test_secrets_are_hidden),
        cmocka_unit_test (test_secrets_are_hidden_at_every_cut),
    };
    srand (20);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
