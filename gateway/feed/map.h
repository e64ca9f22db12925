/*  feed/map.h - from a text to a thing

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Open addressing with linear probing; the keys are lent and must live as
    long as their entries (they are the ids inside the things themselves).
*/
#ifndef AG_FEED_MAP_H
#define AG_FEED_MAP_H

#include <agentgate/event.h>

typedef struct ag_map ag_map_t;

ag_map_t *ag_map_new (void);
void ag_map_destroy (ag_map_t **self_p);        /* not the things */
size_t ag_map_size (const ag_map_t *self);
void *ag_map_get (const ag_map_t *self, ag_str_t key);      /* or NULL */
/*  The key must not be there yet. */
void ag_map_put (ag_map_t *self, ag_str_t key, void *thing);
void ag_map_remove (ag_map_t *self, ag_str_t key);

#endif
