/*  core/buf.c - bytes that grow

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/utf8.h"

void ag_buf_free (ag_buf_t *self)
{
    free (self->data);
    *self = (ag_buf_t) { 0 };
}

void ag_buf_clear (ag_buf_t *self)
{
    self->len = 0;
}

void ag_buf_shrink (ag_buf_t *self, size_t cap_bytes)
{
    if (self->cap <= cap_bytes)
        return;
    size_t cap = self->len > cap_bytes ? self->len : cap_bytes;
    self->data = ag_realloc (self->data, cap);
    self->cap = cap;
}

char *ag_buf_reserve (ag_buf_t *self, size_t extra)
{
    if (self->cap - self->len < extra) {
        size_t cap = self->cap ? self->cap : 64;
        while (cap - self->len < extra)
            cap += cap / 2 + 64;
        self->data = ag_realloc (self->data, cap);
        self->cap = cap;
    }
    return self->data + self->len;
}

void ag_buf_append (ag_buf_t *self, const void *bytes, size_t len)
{
    if (!len)
        return;
    memcpy (ag_buf_reserve (self, len), bytes, len);
    self->len += len;
}

void ag_buf_append_str (ag_buf_t *self, ag_str_t text)
{
    ag_buf_append (self, text.ptr, text.len);
}

void ag_buf_append_cstr (ag_buf_t *self, const char *text)
{
    ag_buf_append (self, text, strlen (text));
}

void ag_buf_append_char (ag_buf_t *self, char c)
{
    *ag_buf_reserve (self, 1) = c;
    self->len++;
}

void ag_buf_append_uint (ag_buf_t *self, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char) ('0' + value % 10);
        value /= 10;
    } while (value);
    ag_buf_append (self, digits + at, sizeof digits - at);
}

void ag_buf_append_int (ag_buf_t *self, int64_t value)
{
    if (value < 0)
        ag_buf_append_char (self, '-');
    ag_buf_append_uint (self, value < 0 ? 0 - (uint64_t) value : (uint64_t) value);
}

void ag_buf_printf (ag_buf_t *self, const char *format, ...)
{
    va_list args, again;
    va_start (args, format);
    va_copy (again, args);
    char *at = ag_buf_reserve (self, 64);
    size_t room = self->cap - self->len;
    int len = vsnprintf (at, room, format, args);
    if (len >= 0 && (size_t) len >= room)
        vsnprintf (ag_buf_reserve (self, (size_t) len + 1), (size_t) len + 1, format, again);
    if (len > 0)
        self->len += (size_t) len;
    va_end (again);
    va_end (args);
}

const char *ag_buf_cstr (ag_buf_t *self)
{
    *ag_buf_reserve (self, 1) = 0;
    return self->data;
}

void ag_buf_consume (ag_buf_t *self, size_t count)
{
    if (count > self->len)
        count = self->len;
    self->len -= count;
    if (self->len)
        memmove (self->data, self->data + count, self->len);
}

/*  What a byte needs in a JSON string: 0 nothing, 1 an escape, 2 a look at
    the next bytes (0xE2 starts U+2028 and U+2029). */
static const unsigned char s_json_class[256] = {
    [0x00] = 1, [0x01] = 1, [0x02] = 1, [0x03] = 1, [0x04] = 1, [0x05] = 1, [0x06] = 1, [0x07] = 1,
    [0x08] = 1, [0x09] = 1, [0x0a] = 1, [0x0b] = 1, [0x0c] = 1, [0x0d] = 1, [0x0e] = 1, [0x0f] = 1,
    [0x10] = 1, [0x11] = 1, [0x12] = 1, [0x13] = 1, [0x14] = 1, [0x15] = 1, [0x16] = 1, [0x17] = 1,
    [0x18] = 1, [0x19] = 1, [0x1a] = 1, [0x1b] = 1, [0x1c] = 1, [0x1d] = 1, [0x1e] = 1, [0x1f] = 1,
    ['"'] = 1, ['\\'] = 1, [0x7f] = 1, [0xe2] = 2,
};

static void s_append_escape (ag_buf_t *self, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"': ag_buf_append (self, "\\\"", 2); break;
    case '\\': ag_buf_append (self, "\\\\", 2); break;
    case '\b': ag_buf_append (self, "\\b", 2); break;
    case '\f': ag_buf_append (self, "\\f", 2); break;
    case '\n': ag_buf_append (self, "\\n", 2); break;
    case '\r': ag_buf_append (self, "\\r", 2); break;
    case '\t': ag_buf_append (self, "\\t", 2); break;
    default: {
        char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
        ag_buf_append (self, escape, sizeof escape);
    }
    }
}

static void s_append_json_utf8 (ag_buf_t *self, ag_str_t text)
{
    const unsigned char *at = (const unsigned char *) text.ptr;
    const unsigned char *end = at + text.len;
    ag_buf_reserve (self, text.len + 2);
    ag_buf_append_char (self, '"');
    while (at < end) {
        const unsigned char *plain = at;
        while (at < end && !s_json_class[*at])
            at++;
        ag_buf_append (self, plain, (size_t) (at - plain));
        if (at == end)
            break;
        if (s_json_class[*at] == 1) {
            s_append_escape (self, *at++);
        } else if (end - at >= 3 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) {
            ag_buf_append_cstr (self, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
            at += 3;
        } else
            ag_buf_append_char (self, (char) *at++);
    }
    ag_buf_append_char (self, '"');
}

void ag_buf_append_json_string (ag_buf_t *self, ag_str_t text)
{
    if (ag_utf8_valid (text.ptr, text.len)) {
        s_append_json_utf8 (self, text);
        return;
    }
    ag_buf_t repaired = { 0 };
    ag_utf8_append_repaired (&repaired, text.ptr, text.len);
    s_append_json_utf8 (self, (ag_str_t) { repaired.data, repaired.len });
    ag_buf_free (&repaired);
}

void ag_buf_append_json_number (ag_buf_t *self, double value)
{
    /*  15 digits are enough for most, 17 for all. */
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf (text, sizeof text, "%.*g", digits, value);
        if (strtod (text, NULL) == value)
            break;
    }
    ag_buf_append_cstr (self, text);
}
