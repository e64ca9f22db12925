/*  feed/map.c - from a text to a thing

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>

#include "core/mem.h"
#include "feed/map.h"

typedef struct {
    uint64_t hash;              /* of the key */
    ag_str_t key;               /* lent */
    void *thing;                /* NULL: a free place */
} s_entry_t;

struct ag_map {
    s_entry_t *entries;         /* a power of two of them */
    size_t mask;                /* their number minus one */
    size_t size;                /* in use, at most half */
};

enum { FIRST_SIZE = 16 };

/*  FNV-1a, finished by a multiplication so that the low bits depend on all. */
static uint64_t s_hash (ag_str_t key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char) key.ptr[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    return hash * 0x9e3779b97f4a7c15u >> 8;
}

ag_map_t *ag_map_new (void)
{
    ag_map_t *self = ag_calloc (1, sizeof *self);
    self->entries = ag_calloc (FIRST_SIZE, sizeof *self->entries);
    self->mask = FIRST_SIZE - 1;
    return self;
}

void ag_map_destroy (ag_map_t **self_p)
{
    if (*self_p == NULL)
        return;
    free ((*self_p)->entries);
    free (*self_p);
    *self_p = NULL;
}

size_t ag_map_size (const ag_map_t *self)
{
    return self->size;
}

/*  The entry of that key, or the free one where it would go. */
static s_entry_t *s_find (const ag_map_t *self, uint64_t hash, ag_str_t key)
{
    size_t i = hash & self->mask;
    while (self->entries[i].thing != NULL
            && !(self->entries[i].hash == hash && ag_str_eq (self->entries[i].key, key)))
        i = (i + 1) & self->mask;
    return &self->entries[i];
}

void *ag_map_get (const ag_map_t *self, ag_str_t key)
{
    return s_find (self, s_hash (key), key)->thing;
}

static void s_grow (ag_map_t *self)
{
    s_entry_t *old = self->entries;
    size_t old_count = self->mask + 1;
    self->mask = old_count * 2 - 1;
    self->entries = ag_calloc (old_count * 2, sizeof *self->entries);
    for (size_t i = 0; i < old_count; i++)
        if (old[i].thing != NULL)
            *s_find (self, old[i].hash, old[i].key) = old[i];
    free (old);
}

void ag_map_put (ag_map_t *self, ag_str_t key, void *thing)
{
    if ((self->size + 1) * 2 > self->mask)
        s_grow (self);
    uint64_t hash = s_hash (key);
    *s_find (self, hash, key) = (s_entry_t) { hash, key, thing };
    self->size++;
}

/*  Moves up what had to make way for the removed one, so that no tombstones are needed. */
void ag_map_remove (ag_map_t *self, ag_str_t key)
{
    s_entry_t *hole = s_find (self, s_hash (key), key);
    if (hole->thing == NULL)
        return;
    size_t at = (size_t) (hole - self->entries);
    for (size_t i = (at + 1) & self->mask; self->entries[i].thing != NULL; i = (i + 1) & self->mask) {
        size_t home = self->entries[i].hash & self->mask;
        if (((i - home) & self->mask) >= ((i - at) & self->mask)) {
            self->entries[at] = self->entries[i];
            at = i;
        }
    }
    self->entries[at] = (s_entry_t) { 0 };
    self->size--;
}
