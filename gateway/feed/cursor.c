/*  feed/cursor.c - how far a client has come, as a text it gives back

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "feed/cursor.h"

enum {
    VERSION = 1,
    MAX_BYTES = AG_CURSOR_MAX_BYTES / 4 * 3     /* of the binary form */
};

/*  Positions; their strings point into `bytes`. */
struct ag_cursor {
    ag_cursor_position_t *positions;    /* count of them, by length of id, then by id */
    size_t count;
    ag_buf_t bytes;             /* ids, or the decoded text */
};

static const char s_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* ---------------------------------------------------------------------- */
/*  base64url without padding, RFC 4648 section 5 */

static void s_encode (const unsigned char *bytes, size_t len, ag_buf_t *out)
{
    char *to = ag_buf_reserve (out, (len + 2) / 3 * 4);
    size_t at = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t) bytes[i] << 16;
        three |= i + 1 < len ? (uint32_t) bytes[i + 1] << 8 : 0;
        three |= i + 2 < len ? bytes[i + 2] : 0;
        for (size_t k = 0; k < 4 && k <= len - i; k++)
            to[at++] = s_alphabet[(three >> (18 - 6 * k)) & 63];
    }
    out->len += at;
}

static int s_digit (char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static int s_decode (ag_str_t text, ag_buf_t *out)
{
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = s_digit (text.ptr[i]);
        if (digit < 0)
            return -1;
        bits = bits << 6 | (uint32_t) digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            ag_buf_append_char (out, (char) (bits >> have & 0xFF));
        }
    }
    /*  What is left over must be less than a digit, and zero. */
    return have < 6 && (bits & ((1u << have) - 1)) == 0 ? 0 : -1;
}

static uint16_t s_checksum (const char *bytes, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char) bytes[i]) * 16777619u;
    return (uint16_t) (hash ^ hash >> 16);
}

/* ---------------------------------------------------------------------- */
/*  Reading */

static int s_read_seq (const unsigned char **at, const unsigned char *end, uint64_t *seq_r)
{
    uint64_t seq = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;
        if (shift == 63 && byte > 1)
            return -1;
        seq |= (uint64_t) (byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            *seq_r = seq;
            return 0;
        }
    }
    return -1;
}

static int s_read_position (const unsigned char **at, const unsigned char *end, ag_cursor_position_t *position_r)
{
    size_t len = *(*at)++;
    if (len == 0 || len > AG_STREAM_MAX_BYTES || (size_t) (end - *at) < len + 8)
        return -1;
    position_r->stream = (ag_str_t) { (const char *) *at, len };
    *at += len;
    position_r->epoch = 0;
    for (int i = 0; i < 8; i++)
        position_r->epoch = position_r->epoch << 8 | *(*at)++;
    return s_read_seq (at, end, &position_r->seq);
}

static int s_compare (const void *a, const void *b)
{
    const ag_str_t *x = &((const ag_cursor_position_t *) a)->stream, *y = &((const ag_cursor_position_t *) b)->stream;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp (x->ptr, y->ptr, x->len);
}

static void s_sort (ag_cursor_t *self)
{
    qsort (self->positions, self->count, sizeof *self->positions, s_compare);
}

static int s_read (ag_cursor_t *self)
{
    if (self->bytes.len < 3 || self->bytes.data[0] != VERSION)
        return -1;
    const unsigned char *at = (const unsigned char *) self->bytes.data;
    const unsigned char *end = at + self->bytes.len - 2;
    uint16_t sum = s_checksum (self->bytes.data, self->bytes.len - 2);
    if (end[0] != sum >> 8 || end[1] != (sum & 0xFF))
        return -1;
    /*  A position takes at least 11 bytes; so the array is bounded by the text. */
    self->positions = ag_calloc (self->bytes.len / 11 + 1, sizeof *self->positions);
    for (at++; at < end; self->count++)
        if (s_read_position (&at, end, &self->positions[self->count]) == -1)
            return -1;
    s_sort (self);
    return 0;
}

ag_cursor_t *ag_cursor_parse (ag_str_t text)
{
    if (text.len > AG_CURSOR_MAX_BYTES)
        return NULL;
    ag_cursor_t *self = ag_calloc (1, sizeof *self);
    if (s_decode (text, &self->bytes) == -1 || s_read (self) == -1)
        ag_cursor_destroy (&self);
    return self;
}

ag_cursor_t *ag_cursor_from (const ag_cursor_position_t *positions, size_t count)
{
    ag_cursor_t *self = ag_calloc (1, sizeof *self);
    self->positions = ag_calloc (count ? count : 1, sizeof *positions);
    self->count = count;
    for (size_t i = 0; i < count; i++)
        ag_buf_append_str (&self->bytes, positions[i].stream);
    const char *id = self->bytes.data;
    for (size_t i = 0; i < count; i++) {
        self->positions[i] = positions[i];
        self->positions[i].stream.ptr = id;
        id += positions[i].stream.len;
    }
    s_sort (self);
    return self;
}

void ag_cursor_destroy (ag_cursor_t **self_p)
{
    if (*self_p == NULL)
        return;
    free ((*self_p)->positions);
    ag_buf_free (&(*self_p)->bytes);
    free (*self_p);
    *self_p = NULL;
}

size_t ag_cursor_count (const ag_cursor_t *self)
{
    return self->count;
}

const ag_cursor_position_t *ag_cursor_nth (const ag_cursor_t *self, size_t index)
{
    return &self->positions[index];
}

const ag_cursor_position_t *ag_cursor_find (const ag_cursor_t *self, ag_str_t stream)
{
    ag_cursor_position_t key = { .stream = stream };
    return self ? bsearch (&key, self->positions, self->count, sizeof key, s_compare) : NULL;
}

/* ---------------------------------------------------------------------- */
/*  Writing */

void ag_cursor_begin (ag_buf_t *bytes)
{
    ag_buf_clear (bytes);
    ag_buf_append_char (bytes, VERSION);
}

bool ag_cursor_fits (size_t positions_bytes)
{
    return AG_CURSOR_EMPTY_BYTES + positions_bytes <= MAX_BYTES;
}

void ag_cursor_add (ag_buf_t *bytes, ag_str_t stream, uint64_t epoch, uint64_t seq)
{
    if (bytes->len + AG_CURSOR_POSITION_BYTES + stream.len + 2 > MAX_BYTES)
        return;
    ag_buf_append_char (bytes, (char) stream.len);
    ag_buf_append_str (bytes, stream);
    for (int shift = 56; shift >= 0; shift -= 8)
        ag_buf_append_char (bytes, (char) (epoch >> shift & 0xFF));
    for (; seq > 0x7F; seq >>= 7)
        ag_buf_append_char (bytes, (char) (0x80 | (seq & 0x7F)));
    ag_buf_append_char (bytes, (char) seq);
}

void ag_cursor_end (ag_buf_t *bytes, ag_buf_t *text)
{
    uint16_t sum = s_checksum (bytes->data, bytes->len);
    ag_buf_append_char (bytes, (char) (sum >> 8));
    ag_buf_append_char (bytes, (char) (sum & 0xFF));
    s_encode ((const unsigned char *) bytes->data, bytes->len, text);
}
