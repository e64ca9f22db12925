/*  exec/ignore.h - which paths of a workspace nobody wants to hear of

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Globs as in fnmatch(3). One without a slash is held against the last part
    of a path, one with a slash against the whole path from the workspace on.
    Whatever lies below an ignored folder is not looked at at all.
*/
#ifndef AG_EXEC_IGNORE_H
#define AG_EXEC_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ag_ignore ag_ignore_t;

/*  With the usual ones: .git, node_modules, caches, editors' scratch files. */
ag_ignore_t *ag_ignore_new (void);
void ag_ignore_destroy (ag_ignore_t **self_p);
void ag_ignore_add (ag_ignore_t *self, const char *pattern);
/*  `path` is relative to the workspace, without a leading slash. Only its last
    part is judged: its folders have been before. */
bool ag_ignore_match (const ag_ignore_t *self, const char *path);

#endif
