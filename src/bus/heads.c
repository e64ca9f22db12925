/*  bus/heads.c - the last number of each stream, and so what is missing

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/heads.h"

#include <czmq.h>

#include "core/mem.h"

typedef struct {
    uint64_t epoch, seq; /* the newest position that was seen */
} s_head_t;

struct ag_heads {
    zhashx_t *streams; /* name, with its length in front, -> s_head_t */
};

/* ---------------------------------------------------------------------- */
/*  Keys: ag_str_t, in one block with its text */

static size_t s_hash (const void *item)
{
    const ag_str_t *name = item;
    uint64_t hash = UINT64_C (14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < name->len; i++)
        hash = (hash ^ (unsigned char) name->ptr[i]) * UINT64_C (1099511628211);
    return (size_t) hash;
}

static int s_compare (const void *left, const void *right)
{
    return !ag_str_eq (*(const ag_str_t *) left, *(const ag_str_t *) right);
}

static void *s_duplicate (const void *item)
{
    const ag_str_t *name = item;
    ag_str_t *copy = ag_malloc (sizeof *copy + name->len);
    memcpy (copy + 1, name->ptr, name->len);
    *copy = (ag_str_t){ (const char *) (copy + 1), name->len };
    return copy;
}

static void s_free (void **item_p)
{
    free (*item_p);
    *item_p = NULL;
}

ag_heads_t *ag_heads_new (void)
{
    ag_heads_t *self = ag_calloc (1, sizeof *self);
    self->streams = zhashx_new ();
    zhashx_set_key_hasher (self->streams, s_hash);
    zhashx_set_key_comparator (self->streams, s_compare);
    zhashx_set_key_duplicator (self->streams, s_duplicate);
    zhashx_set_key_destructor (self->streams, s_free);
    zhashx_set_destructor (self->streams, s_free);
    return self;
}

void ag_heads_destroy (ag_heads_t **self_p)
{
    ag_heads_t *self = *self_p;
    if (!self)
        return;
    zhashx_destroy (&self->streams);
    free (self);
    *self_p = NULL;
}

static s_head_t *s_head (ag_heads_t *self, ag_str_t stream)
{
    s_head_t *head = zhashx_lookup (self->streams, &stream);
    if (head)
        return head;
    if (zhashx_size (self->streams) >= AG_HEADS_MAX)
        zhashx_purge (self->streams);
    head = ag_calloc (1, sizeof *head);
    zhashx_insert (self->streams, &stream, head);
    return head;
}

void ag_heads_note (ag_heads_t *self, const ag_event_t *event, ag_received_t *received_r)
{
    s_head_t *head = s_head (self, ag_event_stream (event));
    uint64_t epoch = ag_event_epoch (event), seq = ag_event_seq (event);
    if (epoch > head->epoch) {
        *head = (s_head_t){ epoch, seq };
        return;
    }
    if (epoch < head->epoch || seq <= head->seq) {
        received_r->repeated = epoch == head->epoch;
        return;
    }
    if (seq > head->seq + 1) {
        received_r->missed_from = head->seq + 1;
        received_r->missed_to = seq - 1;
    }
    head->seq = seq;
}

uint64_t ag_heads_seq (const ag_heads_t *self, ag_str_t stream, uint64_t epoch)
{
    const s_head_t *head = zhashx_lookup (self->streams, &stream);
    return head && head->epoch == epoch ? head->seq : 0;
}

size_t ag_heads_count (const ag_heads_t *self)
{
    return zhashx_size (self->streams);
}
