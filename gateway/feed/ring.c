/*  feed/ring.c - the tail of one stream

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "feed/filter.h"
#include "feed/ring.h"
#include "feed/rollup.h"

enum {
    FIRST_SLOTS = 16,
    TRAIL_FIRST = 256,
    TRAIL_MAX = 32768           /* bytes; 30 s of a stalled client at 1,000 events/s */
};

/*  Slots stand in seq order from `head` on, around the end. */
struct ag_ring {
    ag_slot_t *slots;           /* grown by doubling up to what max_events needs */
    size_t cap;                 /* slots allocated, a power of two */
    size_t head;                /* place of the oldest */
    size_t count;               /* in use */
    uint32_t max_events;        /* limit */
    size_t max_bytes;           /* limit for ag_ring_bytes */
    size_t event_bytes;         /* sum of the slots' bytes */
    uint8_t *trail;             /* classes of what fell off; place = seq & (trail_cap - 1) */
    size_t trail_cap;           /* a power of two, or 0 */
    uint64_t trail_first;       /* oldest seq in it */
    uint64_t trail_end;         /* one behind the newest */
};

static ag_slot_t *s_slot (const ag_ring_t *self, size_t index)
{
    return &self->slots[(self->head + index) & (self->cap - 1)];
}

/* ---------------------------------------------------------------------- */
/*  Trail */

static void s_trail_grow (ag_ring_t *self)
{
    size_t cap = self->trail_cap ? self->trail_cap * 2 : TRAIL_FIRST;
    uint8_t *trail = ag_malloc (cap);
    for (uint64_t seq = self->trail_first; seq < self->trail_end; seq++)
        trail[seq & (cap - 1)] = self->trail[seq & (self->trail_cap - 1)];
    free (self->trail);
    self->trail = trail;
    self->trail_cap = cap;
}

static void s_trail_push (ag_ring_t *self, uint8_t class)
{
    if (self->trail_end - self->trail_first == self->trail_cap) {
        if (self->trail_cap < TRAIL_MAX)
            s_trail_grow (self);
        else
            self->trail_first++;
    }
    self->trail[self->trail_end++ & (self->trail_cap - 1)] = class;
}

static void s_trail_add (ag_ring_t *self, uint64_t seq, uint8_t class)
{
    if (self->trail_first == self->trail_end || seq - self->trail_end >= TRAIL_MAX)
        self->trail_first = self->trail_end = seq;
    while (self->trail_end < seq)
        s_trail_push (self, AG_CLASS_HOLE);
    s_trail_push (self, class);
}

/*  Of a late one in front of the ring: it came. Without a trail nothing is known there, and
    nothing must be: what is between its end and the ring counts as never come. */
static void s_trail_note (ag_ring_t *self, uint64_t seq, uint8_t class)
{
    if (self->trail_first == self->trail_end || seq < self->trail_first)
        return;
    if (seq >= self->trail_end)
        s_trail_add (self, seq, class);
    else
        self->trail[seq & (self->trail_cap - 1)] = class;
}

uint64_t ag_ring_trail_first (const ag_ring_t *self)
{
    return self->trail_first;
}

uint64_t ag_ring_trail_end (const ag_ring_t *self)
{
    return self->trail_end;
}

uint8_t ag_ring_trail_class (const ag_ring_t *self, uint64_t seq)
{
    return self->trail[seq & (self->trail_cap - 1)];
}

/* ---------------------------------------------------------------------- */
/*  Ring */

ag_ring_t *ag_ring_new (uint32_t max_events, size_t max_bytes)
{
    ag_ring_t *self = ag_calloc (1, sizeof *self);
    self->max_events = max_events ? max_events : 1;
    self->max_bytes = max_bytes;
    return self;
}

void ag_ring_destroy (ag_ring_t **self_p)
{
    if (*self_p == NULL)
        return;
    ag_ring_clear (*self_p);
    free (*self_p);
    *self_p = NULL;
}

const ag_slot_t *ag_ring_slot (const ag_ring_t *self, size_t index)
{
    return s_slot (self, index);
}

size_t ag_ring_count (const ag_ring_t *self)
{
    return self->count;
}

size_t ag_ring_bytes (const ag_ring_t *self)
{
    return self->event_bytes + self->cap * sizeof *self->slots + self->trail_cap;
}

uint64_t ag_ring_first (const ag_ring_t *self)
{
    return self->count ? s_slot (self, 0)->seq : 0;
}

uint64_t ag_ring_last (const ag_ring_t *self)
{
    return self->count ? s_slot (self, self->count - 1)->seq : 0;
}

bool ag_ring_evict (ag_ring_t *self)
{
    if (self->count == 0)
        return false;
    ag_slot_t *slot = s_slot (self, 0);
    s_trail_add (self, slot->seq, slot->class);
    self->event_bytes -= slot->bytes;
    ag_event_unref (&slot->event);
    self->head = (self->head + 1) & (self->cap - 1);
    self->count--;
    return true;
}

void ag_ring_clear (ag_ring_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        ag_event_unref (&s_slot (self, i)->event);
    free (self->slots);
    free (self->trail);
    ag_ring_t empty = { .max_events = self->max_events, .max_bytes = self->max_bytes };
    *self = empty;
}

static void s_grow (ag_ring_t *self)
{
    size_t cap = self->cap ? self->cap * 2 : FIRST_SLOTS;
    ag_slot_t *slots = ag_malloc (cap * sizeof *slots);
    for (size_t i = 0; i < self->count; i++)
        slots[i] = *s_slot (self, i);
    free (self->slots);
    self->slots = slots;
    self->cap = cap;
    self->head = 0;
}

static ag_slot_t s_fill (ag_event_t *event, int64_t now_us)
{
    ag_slot_t slot = {
        .event = ag_event_ref (event), .seq = ag_event_seq (event), .arrived_us = now_us,
        .bytes = (uint32_t) ag_event_memory (event), .text_bytes = ag_rollup_text_bytes (event),
        .key = ag_rollup_key (event), .class = ag_class_of (event)
    };
    return slot;
}

size_t ag_ring_trim (ag_ring_t *self)
{
    size_t evicted = 0;
    while (self->count > 1 && (self->count > self->max_events || ag_ring_bytes (self) > self->max_bytes)) {
        ag_ring_evict (self);
        evicted++;
    }
    return evicted;
}

/*  Room for one more slot; where more slots would only drive events out, the oldest goes. */
static size_t s_make_room (ag_ring_t *self)
{
    size_t evicted = 0;
    if (self->count == self->max_events
            || (self->count > 0 && self->count == self->cap
                && ag_ring_bytes (self) + self->cap * sizeof *self->slots > self->max_bytes))
        evicted = ag_ring_evict (self);
    if (self->count == self->cap)
        s_grow (self);
    return evicted;
}

size_t ag_ring_put (ag_ring_t *self, ag_event_t *event, int64_t now_us)
{
    size_t evicted = s_make_room (self);
    ag_slot_t *slot = s_slot (self, self->count++);
    *slot = s_fill (event, now_us);
    self->event_bytes += slot->bytes;
    return evicted + ag_ring_trim (self);
}

int ag_ring_insert (ag_ring_t *self, ag_event_t *event, int64_t now_us)
{
    uint64_t seq = ag_event_seq (event);
    size_t at = ag_ring_find (self, seq);
    if (at < self->count && s_slot (self, at)->seq == seq)
        return 0;
    /*  In front of the oldest it would be the next to fall off: it is in the history. */
    if (at == 0) {
        s_trail_note (self, seq, ag_class_of (event));
        return 0;
    }
    if (self->count == self->cap)
        s_grow (self);
    for (size_t i = self->count++; i > at; i--)
        *s_slot (self, i) = *s_slot (self, i - 1);
    *s_slot (self, at) = s_fill (event, now_us);
    self->event_bytes += s_slot (self, at)->bytes;
    return 1;
}

size_t ag_ring_find (const ag_ring_t *self, uint64_t seq)
{
    if (self->count == 0 || seq > ag_ring_last (self))
        return self->count;
    uint64_t first = ag_ring_first (self);
    if (seq <= first)
        return 0;
    /*  Without holes this is the answer; holes only make the true index smaller. */
    size_t high = seq - first < self->count ? (size_t) (seq - first) : self->count - 1;
    if (s_slot (self, high)->seq == seq)
        return high;
    size_t low = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s_slot (self, middle)->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

ag_str_t ag_ring_json (ag_ring_t *self, const ag_slot_t *slot)
{
    ag_slot_t *mine = &self->slots[slot - self->slots];
    ag_str_t text = ag_event_json (mine->event);
    uint32_t bytes = (uint32_t) ag_event_memory (mine->event);
    self->event_bytes += bytes - mine->bytes;
    mine->bytes = bytes;
    return text;
}
