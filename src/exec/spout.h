/*  exec/spout.h - our own stdout or stderr, written without ever blocking

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    O_NONBLOCK belongs to the open file, which we share with our parent, its
    other children and, on a terminal, the agent's stdin: it is not ours to
    set. Pipes and terminals are opened anew through /proc/self/fd, sockets are
    sent to with MSG_DONTWAIT, files do not block.
*/
#ifndef AG_EXEC_SPOUT_H
#define AG_EXEC_SPOUT_H

#include <stddef.h>
#include <sys/types.h>

typedef struct ag_spout ag_spout_t;

/*  For descriptor `fd`; lent, must stay open. NULL when it is not open. */
ag_spout_t *ag_spout_new (int fd);
void ag_spout_destroy (ag_spout_t **self_p);

/*  Returns how many bytes were taken, 0 when there is no room now, or -1: the
    reader is gone for good (errno says why), as at every later call. */
ssize_t ag_spout_write (ag_spout_t *self, const void *bytes, size_t len);
/*  To be polled for output after a 0. */
int ag_spout_fd (const ag_spout_t *self);

#endif
