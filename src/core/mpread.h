/*  core/mpread.h - reads msgpack that nobody vouches for

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A cursor over bytes: no allocation, recursion bounded by max_depth,
    every length checked against what is left before it is believed.
    (msgpack-c packs for us; its unpacker allocates what an array header
    claims before it has seen one element.) Format: github.com/msgpack/msgpack
    spec.md.
*/
#ifndef AG_CORE_MPREAD_H
#define AG_CORE_MPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

typedef enum {
    AG_MP_NIL, AG_MP_BOOLEAN, AG_MP_INTEGER, AG_MP_UNSIGNED, AG_MP_FLOAT,
    AG_MP_STRING, AG_MP_BINARY, AG_MP_ARRAY, AG_MP_MAP, AG_MP_EXT
} ag_mp_type_t;

typedef struct {
    ag_mp_type_t type;
    union {
        bool boolean;
        int64_t integer;        /* AG_MP_INTEGER */
        uint64_t uint;          /* AG_MP_UNSIGNED: above INT64_MAX */
        double number;
        ag_str_t bytes;         /* string, binary, ext: lent from the input */
        uint32_t count;         /* array: elements; map: pairs; they follow */
    } u;
} ag_mp_value_t;

typedef struct {
    const unsigned char *next;
    const unsigned char *end;
} ag_mp_t;

ag_mp_t ag_mp (const void *data, size_t len);
/*  Reads one token and moves behind it. 0, or -1: truncated, the reserved
    byte 0xC1, or a container that claims more elements than bytes are left. */
int ag_mp_next (ag_mp_t *self, ag_mp_value_t *value_r);
/*  Skips one whole value. 0, or -1: as above, deeper than max_depth, or a map
    with a container as a key. */
int ag_mp_skip (ag_mp_t *self, unsigned max_depth);
bool ag_mp_at_end (const ag_mp_t *self);
/*  Appends one value as JSON and moves behind it. Map keys that are not
    strings become strings; binary becomes base64 (RFC 4648); ext becomes
    null; floats that are not finite become null; strings that are not UTF-8
    are repaired with U+FFFD. 0 or -1. */
int ag_mp_to_json (ag_mp_t *self, unsigned max_depth, ag_buf_t *out);

/*  Looks a key up in the map that starts at the cursor, whose position stays.
    Last one wins. 1 found, 0 not there, -1 no map or malformed. */
int ag_mp_map_get (ag_mp_t self, const char *key, ag_mp_value_t *value_r);

#endif
