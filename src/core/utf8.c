/*  core/utf8.c - text that may not be text

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/utf8.h"

#include <stdint.h>
#include <string.h>

enum { CHAR_MAX_BYTES = 4 };

/*  Bytes of the well-formed sequence at `at`, or 0; *bad_r is then the length
    of the maximal ill-formed part (Unicode 15, section 3.9, "U+FFFD
    Substitution of Maximal Subparts"). */
static size_t s_sequence (const unsigned char *at, size_t room, size_t *bad_r)
{
    unsigned char c = at[0];
    *bad_r = 1;
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < len; i++) {
        if (i == room || at[i] < low || at[i] > high) {
            *bad_r = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return len;
}

/*  ASCII is most of what agents write: eight bytes at a time. */
static size_t s_ascii_run (const unsigned char *at, size_t room)
{
    size_t len = 0;
    uint64_t word;
    while (room - len >= sizeof word) {
        memcpy (&word, at + len, sizeof word);
        if (word & UINT64_C (0x8080808080808080))
            break;
        len += sizeof word;
    }
    while (len < room && at[len] < 0x80)
        len++;
    return len;
}

size_t ag_utf8_valid_prefix (const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *) text;
    size_t done = 0, bad;
    while (done < len) {
        done += s_ascii_run (bytes + done, len - done);
        if (done == len)
            break;
        size_t step = s_sequence (bytes + done, len - done, &bad);
        if (!step)
            break;
        done += step;
    }
    return done;
}

bool ag_utf8_valid (const char *text, size_t len)
{
    return ag_utf8_valid_prefix (text, len) == len;
}

void ag_utf8_append_repaired (ag_buf_t *out, const char *text, size_t len)
{
    while (len) {
        size_t good = ag_utf8_valid_prefix (text, len);
        ag_buf_append (out, text, good);
        text += good;
        len -= good;
        if (!len)
            break;
        size_t bad;
        s_sequence ((const unsigned char *) text, len, &bad);
        ag_buf_append_cstr (out, "\xef\xbf\xbd");
        text += bad;
        len -= bad;
    }
}

size_t ag_utf8_count (const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char) text[i] & 0xc0) != 0x80;
    return count;
}

size_t ag_utf8_prefix_chars (const char *text, size_t len, size_t count)
{
    size_t at = 0;
    while (at < len) {
        if (((unsigned char) text[at] & 0xc0) != 0x80 && count-- == 0)
            break;
        at++;
    }
    return at;
}

size_t ag_utf8_prefix_bytes (const char *text, size_t len, size_t max_bytes)
{
    if (len <= max_bytes)
        return len;
    size_t cut = max_bytes;
    while (cut && max_bytes - cut < CHAR_MAX_BYTES && ((unsigned char) text[cut] & 0xc0) == 0x80)
        cut--;
    return max_bytes - cut < CHAR_MAX_BYTES ? cut : max_bytes;
}
