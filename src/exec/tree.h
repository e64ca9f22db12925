/*  exec/tree.h - what lies in a workspace, and nothing outside of it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Paths are relative to the workspace ("" is itself). No symbolic link is
    followed on the way, also not one that has just taken a folder's place; and
    a workspace that is moved stays the same one.
*/
#ifndef AG_EXEC_TREE_H
#define AG_EXEC_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct ag_tree ag_tree_t;

/*  NULL with a malloc'ed *error_r: no such folder. */
ag_tree_t *ag_tree_new (const char *root, char **error_r);
void ag_tree_destroy (ag_tree_t **self_p);

/*  `dir` relative to the workspace, malloc'ed; NULL: it does not lie below it. */
char *ag_tree_relative (const ag_tree_t *self, const char *dir);

/*  Opens a folder for reading. A descriptor, or -1 with errno. */
int ag_tree_open (const ag_tree_t *self, const char *path);
/*  Puts an inotify watch on an open folder. Its number, or -1 with errno. */
int ag_tree_watch (int inotify_fd, int folder_fd, uint32_t mask);
/*  Is the workspace itself no longer anywhere? */
bool ag_tree_is_removed (const ag_tree_t *self);
/*  Looks at a file: 1 it is there, 0 it is not, -1 that cannot be seen now. */
int ag_tree_look (const ag_tree_t *self, const char *path, struct statx *info_r);
/*  The same for an entry of an open folder. */
int ag_tree_look_in (int folder_fd, const char *name, struct statx *info_r);

#endif
