/*  agent/calls.c - tool calls that wait for their result

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A list in order of the calls, searched from the newest: a run has few
    open at once, and the caller keeps the number bounded.
*/
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "agent/calls.h"
#include "core/mem.h"

typedef struct s_entry {
    ag_open_call_t call;        /* first, so that it can be given away alone */
    TAILQ_ENTRY (s_entry) link;
} s_entry_t;

struct ag_calls {
    TAILQ_HEAD (s_head, s_entry) open;      /* oldest first */
    size_t count;
};

ag_calls_t *ag_calls_new (void)
{
    ag_calls_t *self = ag_calloc (1, sizeof *self);
    TAILQ_INIT (&self->open);
    return self;
}

void ag_calls_destroy (ag_calls_t **self_p)
{
    if (!*self_p)
        return;
    ag_open_call_t *call;
    while ((call = ag_calls_take_oldest (*self_p)))
        ag_open_call_destroy (&call);
    free (*self_p);
    *self_p = NULL;
}

void ag_open_call_destroy (ag_open_call_t **self_p)
{
    if (!*self_p)
        return;
    free ((*self_p)->id);
    free ((*self_p)->parent);
    free (*self_p);
    *self_p = NULL;
}

static s_entry_t *s_find (const ag_calls_t *self, ag_str_t id)
{
    for (s_entry_t *entry = TAILQ_LAST (&self->open, s_head); entry; entry = TAILQ_PREV (entry, s_head, link))
        if (entry->call.id_len == id.len && !memcmp (entry->call.id, id.ptr, id.len))
            return entry;
    return NULL;
}

static ag_open_call_t *s_take (ag_calls_t *self, s_entry_t *entry)
{
    if (!entry)
        return NULL;
    TAILQ_REMOVE (&self->open, entry, link);
    self->count--;
    return &entry->call;
}

void ag_calls_add (ag_calls_t *self, ag_str_t id, ag_str_t parent, int64_t start_us)
{
    ag_open_call_t *old = ag_calls_take (self, id);
    ag_open_call_destroy (&old);
    s_entry_t *entry = ag_calloc (1, sizeof *entry);
    entry->call = (ag_open_call_t) {
        .id = ag_str_dup (id), .id_len = id.len,
        .parent = parent.ptr ? ag_str_dup (parent) : NULL, .parent_len = parent.len,
        .start_us = start_us
    };
    TAILQ_INSERT_TAIL (&self->open, entry, link);
    self->count++;
}

ag_open_call_t *ag_calls_take (ag_calls_t *self, ag_str_t id)
{
    return s_take (self, s_find (self, id));
}

ag_open_call_t *ag_calls_take_oldest (ag_calls_t *self)
{
    return s_take (self, TAILQ_FIRST (&self->open));
}

bool ag_calls_has (const ag_calls_t *self, ag_str_t id)
{
    return s_find (self, id) != NULL;
}

size_t ag_calls_count (const ag_calls_t *self)
{
    return self->count;
}
