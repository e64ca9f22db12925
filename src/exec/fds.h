/*  exec/fds.h - keeps our file descriptors out of the agent's way

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The agent must see the descriptors that it would see when run directly, so
    ours are all close-on-exec and above 2; and what only the agent was meant
    to hold we let go, so that its peers see EOF when it closes them.
*/
#ifndef AG_EXEC_FDS_H
#define AG_EXEC_FDS_H

#include <stddef.h>

/*  Closes *fd_p if it is open and sets it to -1. */
void ag_fds_close (int *fd_p);
/*  Moves a descriptor above the standard three, close-on-exec; closes the old
    number. Returns the new one, or -1 with errno. */
int ag_fds_lift (int fd);
/*  A pipe with both ends close-on-exec and above 2. 0, or -1 with errno. */
int ag_fds_pipe (int *read_r, int *write_r);
/*  The same for a socketpair of type SOCK_SEQPACKET. */
int ag_fds_socketpair (int *ours_r, int *theirs_r);
/*  Closes all from 3 on but those in keep (count <= 8). */
void ag_fds_close_others (const int *keep, size_t count);
/*  Puts /dev/null where 0, 1 or 2 is closed, so that no file of ours ever gets
    such a number. */
void ag_fds_plug_standard (void);
/*  Puts /dev/null in place of `fd`. */
void ag_fds_replace_by_null (int fd);
int ag_fds_set_nonblocking (int fd);            /* 0, or -1 with errno */

#endif
