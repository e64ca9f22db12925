/*  exec/notes.h - what we say ourselves on stderr, without ever waiting for its reader

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Our stderr is usually the pipe that the agent's stderr is passed on to. A
    log line written plainly would block in it as soon as its reader is stuck,
    and then nobody reads the agent. So lines wait here, a few at most.
*/
#ifndef AG_EXEC_NOTES_H
#define AG_EXEC_NOTES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ag_notes ag_notes_t;

/*  For descriptor `fd`; lent. */
ag_notes_t *ag_notes_new (int fd, size_t max_bytes);
void ag_notes_destroy (ag_notes_t **self_p);

/*  Takes a line, whole or not at all when max_bytes are waiting. As a sink: ag_log_sink_fn. */
void ag_notes_put (void *self, const char *line, size_t len);
/*  Writes what there is room for. */
void ag_notes_flush (ag_notes_t *self);
bool ag_notes_pending (const ag_notes_t *self);

#endif
