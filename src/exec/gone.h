/*  exec/gone.h - folders that have gone, and what was below them

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Thousands of folders may be renamed at once. To look for each of them
    through all that is known took seconds; so they are collected, and one pass
    asks of each path whether it was below any of them. Pure.
*/
#ifndef AG_EXEC_GONE_H
#define AG_EXEC_GONE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ag_gone ag_gone_t;

ag_gone_t *ag_gone_new (void);
void ag_gone_destroy (ag_gone_t **self_p);

void ag_gone_add (ag_gone_t *self, const char *folder);
bool ag_gone_is_empty (const ag_gone_t *self);
/*  Is the path one of the folders, or below one? */
bool ag_gone_covers (ag_gone_t *self, const char *path);
void ag_gone_clear (ag_gone_t *self);

#endif
