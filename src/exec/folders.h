/*  exec/folders.h - the folders that are watched, by watch descriptor and by path

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    No I/O: only which inotify watch descriptor stands for which folder.
*/
#ifndef AG_EXEC_FOLDERS_H
#define AG_EXEC_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "exec/gone.h"

typedef struct ag_folders ag_folders_t;

ag_folders_t *ag_folders_new (void);
void ag_folders_destroy (ag_folders_t **self_p);

/*  Notes that `wd` watches `path` (relative, "" for the workspace itself).
    False when it already watches another path: the kernel has one watch an
    inode, so that folder was moved and the message about it is still to come. */
bool ag_folders_put (ag_folders_t *self, int wd, const char *path);
/*  Path of a watch, lent; NULL: not ours (any more). */
const char *ag_folders_path (const ag_folders_t *self, int wd);
void ag_folders_remove (ag_folders_t *self, int wd);
/*  Takes out the first watch after `after` (-1: from the start) that `gone` covers.
    Its wd, or -1: no more. */
int ag_folders_take_gone (ag_folders_t *self, ag_gone_t *gone, int after);
size_t ag_folders_count (const ag_folders_t *self);

/*  Is path the folder itself or below it? */
bool ag_path_is_below (const char *path, const char *folder);

#endif
