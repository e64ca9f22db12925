/*  feed/outbox.c - messages of our own that wait for the next frame

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <string.h>

#include "feed/inside.h"

enum { KEEP_BYTES = 4 * 1024 };

void ag_outbox_add (ag_outbox_t *self, ag_str_t text)
{
    ag_buf_append_str (&self->text, text);
    ag_buf_append (&self->ends, &self->text.len, sizeof self->text.len);
}

size_t ag_outbox_count (const ag_outbox_t *self)
{
    return self->ends.len / sizeof (size_t);
}

ag_str_t ag_outbox_nth (const ag_outbox_t *self, size_t index)
{
    const size_t *ends = (const size_t *) self->ends.data;
    size_t begin = index ? ends[index - 1] : 0;
    return (ag_str_t) { self->text.data + begin, ends[index] - begin };
}

/*  As many as fit, but one at least. */
static size_t s_fitting (const ag_outbox_t *self, size_t room_bytes)
{
    const size_t *ends = (const size_t *) self->ends.data;
    size_t count = 1, all = ag_outbox_count (self);
    while (count < all && ends[count] <= room_bytes)
        count++;
    return count;
}

void ag_outbox_move (ag_outbox_t *self, size_t room_bytes, ag_outbox_t *going)
{
    ag_buf_clear (&going->text);
    ag_buf_clear (&going->ends);
    size_t count = s_fitting (self, room_bytes), all = ag_outbox_count (self);
    for (size_t i = 0; i < count; i++)
        ag_outbox_add (going, ag_outbox_nth (self, i));
    size_t gone = ((const size_t *) self->ends.data)[count - 1];
    ag_buf_consume (&self->text, gone);
    size_t *ends = (size_t *) self->ends.data;
    for (size_t i = count; i < all; i++)
        ends[i - count] = ends[i] - gone;
    self->ends.len = (all - count) * sizeof *ends;
}

void ag_outbox_empty (ag_outbox_t *self)
{
    ag_buf_clear (&self->text);
    ag_buf_clear (&self->ends);
    ag_buf_shrink (&self->text, KEEP_BYTES);
    ag_buf_shrink (&self->ends, KEEP_BYTES);
}

void ag_outbox_free (ag_outbox_t *self)
{
    ag_buf_free (&self->text);
    ag_buf_free (&self->ends);
}
