/*  feed/cursor.h - how far a client has come, as a text it gives back

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Self-contained: a list of positions, so that any gateway can read it. The
    text is base64url of

        version (1), then per stream: length of its id (1 byte, 1..129), the id,
        epoch (8 bytes, big-endian), seq (LEB128); at the end two bytes of a
        checksum, which finds a text that was cut, not one that was forged.

    A forged one does no harm: it only says from where the client reads what it
    may read anyway. A text is never longer than what a client can give back:
    what has no room is left out, and so begins at 1 again.
*/
#ifndef AG_FEED_CURSOR_H
#define AG_FEED_CURSOR_H

#include "core/buf.h"

enum {
    AG_CURSOR_MAX_BYTES = 48 * 1024,    /* of text; a message to us has 64 KiB */
    AG_CURSOR_EMPTY_BYTES = 3,          /* version and checksum */
    AG_CURSOR_POSITION_BYTES = 19       /* of a position at most, without the id */
};

typedef struct {
    ag_str_t stream;
    uint64_t epoch;             /* 0: the current one */
    uint64_t seq;               /* all up to here is known */
} ag_cursor_position_t;

typedef struct ag_cursor ag_cursor_t;

/*  NULL: none of ours. */
ag_cursor_t *ag_cursor_parse (ag_str_t text);
ag_cursor_t *ag_cursor_from (const ag_cursor_position_t *positions, size_t count);    /* copies */
void ag_cursor_destroy (ag_cursor_t **self_p);
size_t ag_cursor_count (const ag_cursor_t *self);
/*  In the order of their ids: shorter ones first. */
const ag_cursor_position_t *ag_cursor_nth (const ag_cursor_t *self, size_t index);
/*  NULL: not listed. */
const ag_cursor_position_t *ag_cursor_find (const ag_cursor_t *self, ag_str_t stream);

/*  Writing: begin, each position, end; `bytes` is where the binary form grows. What has
    no room any more is left out. */
void ag_cursor_begin (ag_buf_t *bytes);
/*  Whether positions that take so many bytes will all have room. */
bool ag_cursor_fits (size_t positions_bytes);
void ag_cursor_add (ag_buf_t *bytes, ag_str_t stream, uint64_t epoch, uint64_t seq);
void ag_cursor_end (ag_buf_t *bytes, ag_buf_t *text);

#endif
