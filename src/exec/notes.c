/*  exec/notes.c - what we say ourselves on stderr, without ever waiting for its reader

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/notes.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/mem.h"
#include "exec/spout.h"

struct ag_notes {
    ag_spout_t *spout;          /* where they go; NULL: nowhere */
    ag_buf_t waiting;           /* whole lines, the first perhaps begun */
    size_t max_bytes;           /* of it */
};

ag_notes_t *ag_notes_new (int fd, size_t max_bytes)
{
    ag_notes_t *self = ag_calloc (1, sizeof *self);
    self->spout = ag_spout_new (fd);
    self->max_bytes = max_bytes;
    return self;
}

void ag_notes_destroy (ag_notes_t **self_p)
{
    ag_notes_t *self = *self_p;
    if (!self)
        return;
    ag_spout_destroy (&self->spout);
    ag_buf_free (&self->waiting);
    free (self);
    *self_p = NULL;
}

void ag_notes_put (void *context, const char *line, size_t len)
{
    ag_notes_t *self = context;
    if (!self->spout || self->waiting.len + len > self->max_bytes)
        return;
    ag_buf_append (&self->waiting, line, len);
}

void ag_notes_flush (ag_notes_t *self)
{
    if (!self->waiting.len)
        return;
    ssize_t taken = ag_spout_write (self->spout, self->waiting.data, self->waiting.len);
    ag_buf_consume (&self->waiting, taken < 0 ? self->waiting.len : (size_t) taken);
}

bool ag_notes_pending (const ag_notes_t *self)
{
    return self->waiting.len > 0;
}
