/*  agent/line.c - bytes to lines

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>
#include <string.h>

#include "agent/line.h"
#include "core/buf.h"
#include "core/mem.h"

enum { KEEP_BYTES = 256 * 1024 };   /* what the carry may hold on to between lines */

/*  Invariant: while `skipping`, carry is empty and `seen` counts the bytes of
    the line that is thrown away; else the line begins with the carry. */
struct ag_line {
    size_t max_bytes;           /* of a line, without its line feed */
    ag_buf_t carry;             /* the beginning of a line that an earlier feed left open */
    bool lent;                  /* the carry is what the last item lent: empty it at the next call */
    bool skipping;              /* in a line that is too long */
    uint64_t seen;              /* bytes of that line so far */
    bool ended;                 /* no more feeds */
    const char *chunk;          /* what is left of the fed bytes */
    size_t chunk_len;
};

ag_line_t *ag_line_new (size_t max_bytes)
{
    ag_line_t *self = ag_calloc (1, sizeof *self);
    self->max_bytes = max_bytes;
    return self;
}

void ag_line_destroy (ag_line_t **self_p)
{
    if (!*self_p)
        return;
    ag_buf_free (&(*self_p)->carry);
    free (*self_p);
    *self_p = NULL;
}

void ag_line_feed (ag_line_t *self, const char *bytes, size_t len)
{
    self->chunk = bytes;
    self->chunk_len = len;
}

void ag_line_end (ag_line_t *self)
{
    self->ended = true;
}

size_t ag_line_memory (const ag_line_t *self)
{
    return sizeof *self + self->carry.cap;
}

/*  Gives the line; a carriage return before its line feed belongs to the line end. */
static bool s_give (ag_line_item_t *item_r, const char *text, size_t len, bool terminated)
{
    if (len && text[len - 1] == '\r')
        len--;
    *item_r = (ag_line_item_t) { .text = { len ? text : "", len }, .terminated = terminated };
    return true;
}

static bool s_give_too_long (ag_line_t *self, ag_line_item_t *item_r, bool terminated)
{
    *item_r = (ag_line_item_t) { .text = { "", 0 }, .terminated = terminated, .too_long_bytes = self->seen };
    self->skipping = false;
    self->seen = 0;
    return true;
}

/*  Takes what is left of the chunk as the beginning of a line. */
static void s_carry (ag_line_t *self, size_t len)
{
    if (!self->skipping && self->carry.len + len > self->max_bytes) {
        self->skipping = true;
        self->seen = self->carry.len;
        ag_buf_free (&self->carry);
    }
    if (self->skipping)
        self->seen += len;
    else
        ag_buf_append (&self->carry, self->chunk, len);
    self->chunk += len;
    self->chunk_len -= len;
}

/*  The line ends `len` bytes into the chunk. */
static bool s_finish (ag_line_t *self, size_t len, ag_line_item_t *item_r)
{
    const char *start = self->chunk;
    if (self->skipping || self->carry.len || len > self->max_bytes)
        s_carry (self, len);
    else {
        self->chunk += len;
        self->chunk_len -= len;
    }
    self->chunk++;
    self->chunk_len--;
    if (self->skipping)
        return s_give_too_long (self, item_r, true);
    if (!self->carry.len)
        return s_give (item_r, start, len, true);
    self->lent = true;
    return s_give (item_r, self->carry.data, self->carry.len, true);
}

/*  The unterminated rest, once all is fed. */
static bool s_finish_rest (ag_line_t *self, ag_line_item_t *item_r)
{
    if (self->skipping)
        return s_give_too_long (self, item_r, false);
    if (!self->carry.len)
        return false;
    self->lent = true;
    return s_give (item_r, self->carry.data, self->carry.len, false);
}

bool ag_line_next (ag_line_t *self, ag_line_item_t *item_r)
{
    if (self->lent) {
        ag_buf_clear (&self->carry);
        ag_buf_shrink (&self->carry, KEEP_BYTES);
        self->lent = false;
    }
    if (self->chunk_len) {
        const char *feed = memchr (self->chunk, '\n', self->chunk_len);
        if (feed)
            return s_finish (self, (size_t) (feed - self->chunk), item_r);
        s_carry (self, self->chunk_len);
    }
    return self->ended && s_finish_rest (self, item_r);
}
