/*  gateway/net/lock.h - one gateway per socket and per state folder

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    ZeroMQ takes an ipc socket's path over from whoever has it, without a word.
    So a file beside it is locked first; the lock ends with the process.
*/
#ifndef AG_NET_LOCK_H
#define AG_NET_LOCK_H

/*  Locks `path`, made if missing. A descriptor to keep, or -1 with *error_r:
    another process (named by its id) has it. */
int ag_lock_take (const char *path, char **error_r);
/*  For an ipc:// endpoint; -2: no file belongs to this endpoint. */
int ag_lock_endpoint (const char *endpoint, char **error_r);

#endif
