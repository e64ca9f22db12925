/*  exec/folders.c - the folders that are watched, by watch descriptor and by path

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/folders.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/*  The kernel counts watch descriptors up from 1, so they index an array. */
struct ag_folders {
    char **paths;               /* by wd; NULL: no such watch */
    size_t capacity;            /* of paths */
    size_t count;               /* watches in it */
};

ag_folders_t *ag_folders_new (void)
{
    return ag_calloc (1, sizeof (ag_folders_t));
}

void ag_folders_destroy (ag_folders_t **self_p)
{
    ag_folders_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->capacity; i++)
        free (self->paths[i]);
    free (self->paths);
    free (self);
    *self_p = NULL;
}

static void s_reserve (ag_folders_t *self, size_t wanted)
{
    if (wanted <= self->capacity)
        return;
    size_t capacity = self->capacity ? self->capacity : 64;
    while (capacity < wanted)
        capacity *= 2;
    self->paths = ag_realloc (self->paths, capacity * sizeof *self->paths);
    memset (self->paths + self->capacity, 0, (capacity - self->capacity) * sizeof *self->paths);
    self->capacity = capacity;
}

bool ag_folders_put (ag_folders_t *self, int wd, const char *path)
{
    s_reserve (self, (size_t) wd + 1);
    if (self->paths[wd])
        return strcmp (self->paths[wd], path) == 0;
    self->paths[wd] = ag_strdup (path);
    self->count++;
    return true;
}

const char *ag_folders_path (const ag_folders_t *self, int wd)
{
    return wd >= 0 && (size_t) wd < self->capacity ? self->paths[wd] : NULL;
}

void ag_folders_remove (ag_folders_t *self, int wd)
{
    if (!ag_folders_path (self, wd))
        return;
    free (self->paths[wd]);
    self->paths[wd] = NULL;
    self->count--;
}

int ag_folders_take_gone (ag_folders_t *self, ag_gone_t *gone, int after)
{
    for (size_t wd = (size_t) after + 1; wd < self->capacity; wd++)
        if (self->paths[wd] && ag_gone_covers (gone, self->paths[wd])) {
            ag_folders_remove (self, (int) wd);
            return (int) wd;
        }
    return -1;
}

size_t ag_folders_count (const ag_folders_t *self)
{
    return self->count;
}

bool ag_path_is_below (const char *path, const char *folder)
{
    size_t len = strlen (folder);
    if (len == 0)
        return true;
    return strncmp (path, folder, len) == 0 && (path[len] == 0 || path[len] == '/');
}
