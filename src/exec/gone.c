/*  exec/gone.c - folders that have gone, and what was below them

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/gone.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "exec/folders.h"

/*  Once sealed: sorted, and none of them lies below another. In an order where
    '/' is the smallest character, all paths below a folder follow it directly;
    so the only one that can cover a path is the last that is not greater. */
struct ag_gone {
    char **folders;             /* relative paths */
    size_t count, capacity;     /* of them */
    bool sealed;                /* sorted and without nested ones */
};

ag_gone_t *ag_gone_new (void)
{
    return ag_calloc (1, sizeof (ag_gone_t));
}

void ag_gone_destroy (ag_gone_t **self_p)
{
    ag_gone_t *self = *self_p;
    if (!self)
        return;
    ag_gone_clear (self);
    free (self->folders);
    free (self);
    *self_p = NULL;
}

void ag_gone_add (ag_gone_t *self, const char *folder)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->folders = ag_realloc (self->folders, self->capacity * sizeof *self->folders);
    }
    self->folders[self->count++] = ag_strdup (folder);
    self->sealed = false;
}

bool ag_gone_is_empty (const ag_gone_t *self)
{
    return self->count == 0;
}

void ag_gone_clear (ag_gone_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free (self->folders[i]);
    self->count = 0;
}

static int s_weight (char c)
{
    return c == '/' ? 1 : c == 0 ? 0 : (unsigned char) c + 1;
}

static int s_compare (const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return s_weight (*a) - s_weight (*b);
}

static int s_compare_items (const void *a, const void *b)
{
    return s_compare (*(char *const *) a, *(char *const *) b);
}

static void s_seal (ag_gone_t *self)
{
    size_t kept = 0;
    if (self->sealed)
        return;
    self->sealed = true;
    qsort (self->folders, self->count, sizeof *self->folders, s_compare_items);
    for (size_t i = 0; i < self->count; i++)
        if (kept && ag_path_is_below (self->folders[i], self->folders[kept - 1]))
            free (self->folders[i]);
        else
            self->folders[kept++] = self->folders[i];
    self->count = kept;
}

bool ag_gone_covers (ag_gone_t *self, const char *path)
{
    if (!self->count)
        return false;
    s_seal (self);
    size_t low = 0, high = self->count;         /* the answer, if any, stands before `high` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s_compare (self->folders[middle], path) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && ag_path_is_below (path, self->folders[low - 1]);
}
