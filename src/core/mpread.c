/*  core/mpread.c - reads msgpack that nobody vouches for

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/mpread.h"

#include <math.h>
#include <string.h>


ag_mp_t ag_mp (const void *data, size_t len)
{
    const unsigned char *bytes = data;
    return (ag_mp_t) { bytes, bytes + len };
}

bool ag_mp_at_end (const ag_mp_t *self)
{
    return self->next == self->end;
}

static size_t s_left (const ag_mp_t *self)
{
    return (size_t) (self->end - self->next);
}

/*  A big-endian integer of 1, 2, 4 or 8 bytes. */
static int s_take (ag_mp_t *self, size_t size, uint64_t *value_r)
{
    if (s_left (self) < size)
        return -1;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | *self->next++;
    *value_r = value;
    return 0;
}

static int s_bytes (ag_mp_t *self, ag_mp_type_t type, uint64_t len, ag_mp_value_t *value_r)
{
    if (s_left (self) < len)
        return -1;
    value_r->type = type;
    value_r->u.bytes = (ag_str_t) { (const char *) self->next, (size_t) len };
    self->next += len;
    return 0;
}

static int s_sized_bytes (ag_mp_t *self, ag_mp_type_t type, size_t size, ag_mp_value_t *value_r)
{
    uint64_t len;
    if (s_take (self, size, &len))
        return -1;
    if (type == AG_MP_EXT)
        len++;                  /* the ext's own type byte stands before its data */
    return s_bytes (self, type, len, value_r);
}

/*  Each element takes at least one byte, so a count beyond that is a lie. */
static int s_container (ag_mp_t *self, ag_mp_type_t type, uint64_t count, ag_mp_value_t *value_r)
{
    if (count * (type == AG_MP_MAP ? 2 : 1) > s_left (self))
        return -1;
    value_r->type = type;
    value_r->u.count = (uint32_t) count;
    return 0;
}

static int s_sized_container (ag_mp_t *self, ag_mp_type_t type, size_t size, ag_mp_value_t *value_r)
{
    uint64_t count;
    return s_take (self, size, &count) ? -1 : s_container (self, type, count, value_r);
}

static int s_integer (ag_mp_value_t *value_r, int64_t value)
{
    value_r->type = AG_MP_INTEGER;
    value_r->u.integer = value;
    return 0;
}

static int s_unsigned (ag_mp_t *self, size_t size, ag_mp_value_t *value_r)
{
    uint64_t value;
    if (s_take (self, size, &value))
        return -1;
    if (value <= INT64_MAX)
        return s_integer (value_r, (int64_t) value);
    value_r->type = AG_MP_UNSIGNED;
    value_r->u.uint = value;
    return 0;
}

static int s_signed (ag_mp_t *self, size_t size, ag_mp_value_t *value_r)
{
    uint64_t value;
    if (s_take (self, size, &value))
        return -1;
    switch (size) {
    case 1: return s_integer (value_r, (int8_t) value);
    case 2: return s_integer (value_r, (int16_t) value);
    case 4: return s_integer (value_r, (int32_t) value);
    default: return s_integer (value_r, (int64_t) value);
    }
}

static int s_float (ag_mp_t *self, size_t size, ag_mp_value_t *value_r)
{
    uint64_t bits;
    if (s_take (self, size, &bits))
        return -1;
    value_r->type = AG_MP_FLOAT;
    if (size == 4) {
        uint32_t bits32 = (uint32_t) bits;
        float number;
        memcpy (&number, &bits32, sizeof number);
        value_r->u.number = number;
    } else
        memcpy (&value_r->u.number, &bits, sizeof bits);
    return 0;
}

static int s_boolean (ag_mp_value_t *value_r, bool value)
{
    value_r->type = AG_MP_BOOLEAN;
    value_r->u.boolean = value;
    return 0;
}

/*  The first bytes 0xC0 to 0xDF, in the order of the format's table. */
static int s_next_tagged (ag_mp_t *self, unsigned char tag, ag_mp_value_t *value_r)
{
    switch (tag) {
    case 0xc0: value_r->type = AG_MP_NIL; return 0;
    case 0xc2: case 0xc3: return s_boolean (value_r, tag == 0xc3);
    case 0xc4: case 0xc5: case 0xc6: return s_sized_bytes (self, AG_MP_BINARY, (size_t) 1 << (tag - 0xc4), value_r);
    case 0xc7: case 0xc8: case 0xc9: return s_sized_bytes (self, AG_MP_EXT, (size_t) 1 << (tag - 0xc7), value_r);
    case 0xca: return s_float (self, 4, value_r);
    case 0xcb: return s_float (self, 8, value_r);
    case 0xcc: case 0xcd: case 0xce: case 0xcf: return s_unsigned (self, (size_t) 1 << (tag - 0xcc), value_r);
    case 0xd0: case 0xd1: case 0xd2: case 0xd3: return s_signed (self, (size_t) 1 << (tag - 0xd0), value_r);
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return s_bytes (self, AG_MP_EXT, 1 + ((uint64_t) 1 << (tag - 0xd4)), value_r);
    case 0xd9: case 0xda: case 0xdb: return s_sized_bytes (self, AG_MP_STRING, (size_t) 1 << (tag - 0xd9), value_r);
    case 0xdc: case 0xdd: return s_sized_container (self, AG_MP_ARRAY, (size_t) 2 << (tag - 0xdc), value_r);
    case 0xde: case 0xdf: return s_sized_container (self, AG_MP_MAP, (size_t) 2 << (tag - 0xde), value_r);
    default: return -1;         /* 0xC1: never used */
    }
}

static int s_next (ag_mp_t *self, ag_mp_value_t *value_r)
{
    uint64_t byte;
    if (s_take (self, 1, &byte))
        return -1;
    unsigned char tag = (unsigned char) byte;
    if (tag < 0x80)
        return s_integer (value_r, tag);
    if (tag < 0x90)
        return s_container (self, AG_MP_MAP, tag & 15, value_r);
    if (tag < 0xa0)
        return s_container (self, AG_MP_ARRAY, tag & 15, value_r);
    if (tag < 0xc0)
        return s_bytes (self, AG_MP_STRING, tag & 31, value_r);
    if (tag >= 0xe0)
        return s_integer (value_r, (int8_t) tag);
    return s_next_tagged (self, tag, value_r);
}

int ag_mp_next (ag_mp_t *self, ag_mp_value_t *value_r)
{
    const unsigned char *start = self->next;
    if (s_next (self, value_r) == 0)
        return 0;
    self->next = start;         /* a failed read moves nothing */
    return -1;
}

/*  Elements that follow a container's token. */
static uint64_t s_children (const ag_mp_value_t *value)
{
    return value->type == AG_MP_ARRAY ? value->u.count : value->type == AG_MP_MAP ? 2 * (uint64_t) value->u.count : 0;
}

/*  A container as a key is legal msgpack, but nothing that JSON can say. */
static int s_skip_key (ag_mp_t *self)
{
    ag_mp_value_t key;
    return ag_mp_next (self, &key) || key.type == AG_MP_ARRAY || key.type == AG_MP_MAP ? -1 : 0;
}

int ag_mp_skip (ag_mp_t *self, unsigned max_depth)
{
    ag_mp_value_t value;
    if (ag_mp_next (self, &value))
        return -1;
    uint64_t children = s_children (&value);
    if (children && !max_depth)
        return -1;
    for (uint64_t i = 0; i < children; i++) {
        bool key = value.type == AG_MP_MAP && i % 2 == 0;
        if (key ? s_skip_key (self) : ag_mp_skip (self, max_depth - 1))
            return -1;
    }
    return 0;
}

int ag_mp_map_get (ag_mp_t self, const char *key, ag_mp_value_t *value_r)
{
    ag_mp_value_t map, name, value;
    if (ag_mp_next (&self, &map) || map.type != AG_MP_MAP)
        return -1;
    size_t key_len = strlen (key);
    int found = 0;
    for (uint32_t i = 0; i < map.u.count; i++) {
        if (ag_mp_next (&self, &name) || name.type == AG_MP_ARRAY || name.type == AG_MP_MAP)
            return -1;
        ag_mp_t at = self;
        if (ag_mp_skip (&self, AG_EVENT_MAX_DEPTH) || ag_mp_next (&at, &value))
            return -1;
        if (name.type == AG_MP_STRING && name.u.bytes.len == key_len && memcmp (name.u.bytes.ptr, key, key_len) == 0) {
            *value_r = value;
            found = 1;
        }
    }
    return found;
}

/* ---------------------------------------------------------------------- */
/*  To JSON */

static void s_json_base64 (ag_str_t bytes, ag_buf_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = (const unsigned char *) bytes.ptr;
    ag_buf_append_char (out, '"');
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t word = (uint32_t) at[i] << 16 | (have > 1 ? (uint32_t) at[i + 1] << 8 : 0) | (have > 2 ? at[i + 2] : 0);
        char quad[4] = { digits[word >> 18], digits[word >> 12 & 63], have > 1 ? digits[word >> 6 & 63] : '=',
            have > 2 ? digits[word & 63] : '=' };
        ag_buf_append (out, quad, sizeof quad);
    }
    ag_buf_append_char (out, '"');
}

static void s_json_scalar (const ag_mp_value_t *value, ag_buf_t *out)
{
    switch (value->type) {
    case AG_MP_BOOLEAN: ag_buf_append_cstr (out, value->u.boolean ? "true" : "false"); break;
    case AG_MP_INTEGER: ag_buf_append_int (out, value->u.integer); break;
    case AG_MP_UNSIGNED: ag_buf_append_uint (out, value->u.uint); break;
    case AG_MP_STRING: ag_buf_append_json_string (out, value->u.bytes); break;
    case AG_MP_BINARY: s_json_base64 (value->u.bytes, out); break;
    case AG_MP_FLOAT:
        if (isfinite (value->u.number)) {
            ag_buf_append_json_number (out, value->u.number);
            break;
        }
        /* fall through */
    default: ag_buf_append_cstr (out, "null");
    }
}

/*  A key must be a string in JSON: other scalars are quoted, a container is refused. */
static int s_json_key (ag_mp_t *self, ag_buf_t *out)
{
    ag_mp_value_t key;
    if (ag_mp_next (self, &key) || key.type == AG_MP_ARRAY || key.type == AG_MP_MAP)
        return -1;
    bool quoted = key.type == AG_MP_STRING || key.type == AG_MP_BINARY;
    if (!quoted)
        ag_buf_append_char (out, '"');
    s_json_scalar (&key, out);
    if (!quoted)
        ag_buf_append_char (out, '"');
    ag_buf_append_char (out, ':');
    return 0;
}

int ag_mp_to_json (ag_mp_t *self, unsigned max_depth, ag_buf_t *out)
{
    ag_mp_value_t value;
    if (ag_mp_next (self, &value))
        return -1;
    bool map = value.type == AG_MP_MAP;
    if (!map && value.type != AG_MP_ARRAY) {
        s_json_scalar (&value, out);
        return 0;
    }
    if (!max_depth && s_children (&value))
        return -1;
    ag_buf_append_char (out, map ? '{' : '[');
    for (uint32_t i = 0; i < value.u.count; i++) {
        if (i)
            ag_buf_append_char (out, ',');
        if ((map && s_json_key (self, out)) || ag_mp_to_json (self, max_depth - 1, out))
            return -1;
    }
    ag_buf_append_char (out, map ? '}' : ']');
    return 0;
}
