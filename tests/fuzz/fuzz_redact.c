/*  fuzz_redact.c - any text, whole and in pieces, through the patterns for secrets

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The first byte says how the rest is cut. The text is repaired first, since
    drafts hold valid UTF-8; what comes out must be valid too, what a stream
    holds back must stay within its bound, and pieces must say what the whole does.
*/
#include <stdlib.h>
#include <string.h>

#include "agent/scrub.h"
#include "core/utf8.h"

static void s_require (bool fact)
{
    if (!fact)
        abort ();
}

/*  Appends what is left of a whole text. */
static void s_whole (ag_scrub_t *scrub, ag_str_t text, bool cut, ag_buf_t *out)
{
    uint64_t count = 0;
    if (ag_scrub_text (scrub, text, cut, NULL, out, &count))
        s_require (count);
    else
        ag_buf_append_str (out, text);
    s_require (!out->len || ag_utf8_valid (out->data, out->len));
}

static void s_stream (ag_scrub_t *scrub, ag_str_t text, size_t piece, ag_buf_t *out)
{
    ag_scrub_stream_t stream = { 0 };
    while (text.len) {
        size_t len = ag_utf8_prefix_bytes (text.ptr, text.len, piece);
        if (!len)
            len = ag_utf8_prefix_chars (text.ptr, text.len, 1);
        ag_scrub_feed (scrub, &stream, (ag_str_t) { text.ptr, len }, out);
        s_require (stream.held.len <= 4 * AG_SCRUB_HOLD_CHARS + 1);
        text.ptr += len;
        text.len -= len;
    }
    ag_scrub_flush (scrub, &stream, out);
    s_require (!out->len || ag_utf8_valid (out->data, out->len));
    ag_buf_free (&stream.held);
}

/*  Is there something that looks like the beginning of a key? Of a malformed one a
    stream hides more than the whole text does. */
static bool s_has_key (ag_str_t text)
{
    return memmem (text.ptr, text.len, "-----BEGIN", 10) != NULL;
}

/*  Texts that a stream may hold back whole: it says the same of them. (Of longer ones
    it hides what only begins like a secret and does not end for 256 characters.) */
static void s_compare (ag_scrub_t *scrub, ag_str_t text, size_t piece)
{
    while (text.len) {
        ag_buf_t whole = { 0 }, pieces = { 0 };
        ag_str_t window = { text.ptr, ag_utf8_prefix_chars (text.ptr, text.len, AG_SCRUB_HOLD_CHARS) };
        s_whole (scrub, window, false, &whole);
        s_stream (scrub, window, piece, &pieces);
        bool same = whole.len == pieces.len && (!whole.len || !memcmp (whole.data, pieces.data, whole.len));
        s_require (same || s_has_key (window));
        ag_buf_free (&whole);
        ag_buf_free (&pieces);
        text.ptr += window.len;
        text.len -= window.len;
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static ag_scrub_t *scrub;
    static const ag_str_t values[] = { AG_STR ("swordfish"), AG_STR ("line one of a value\nline two of a value"),
        AG_STR ("{\"a long value\": \"of many words\", \"longer than\": \"what a pattern holds of it\", \"and with\": \"quotes, "
                "so that\", \"it differs\": \"where JSON writes it\"}") };
    if (!scrub)
        scrub = ag_scrub_new (values, 3);
    if (!size)
        return 0;
    ag_buf_t clean = { 0 };
    ag_utf8_append_repaired (&clean, (const char *) data + 1, size - 1);
    ag_str_t text = { clean.len ? clean.data : "", clean.len };
    ag_buf_t whole = { 0 }, pieces = { 0 };
    s_whole (scrub, text, data[0] & 1, &whole);
    s_stream (scrub, text, 1 + data[0] / 2, &pieces);
    ag_buf_free (&whole);
    ag_buf_free (&pieces);
    s_compare (scrub, text, 1 + data[0] / 2);
    ag_buf_free (&clean);
    return 0;
}
