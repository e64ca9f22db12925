/*  feed/ring.h - the tail of one stream

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The newest events of one epoch, by seq, at most so many, and so many bytes
    with all that the ring takes beside them. What falls off leaves one byte
    behind, its class, in the trail: so a slow client's gap can still be counted
    by type, and what its filter would have dropped anyway is not called a gap.
    Numbers may be missing (lost); a late one may be inserted. SPEC section 7.2.

    Memory is counted exactly: slots, trail, and each event with the JSON text
    that was made through ag_ring_json.
*/
#ifndef AG_FEED_RING_H
#define AG_FEED_RING_H

#include <agentgate/event.h>

typedef struct ag_ring ag_ring_t;

typedef struct {
    ag_event_t *event;          /* a reference */
    uint64_t seq;               /* of the event */
    int64_t arrived_us;         /* monotonic */
    uint32_t bytes;             /* counted for the event */
    uint32_t text_bytes;        /* ag_rollup_text_bytes */
    uint32_t key;               /* ag_rollup_key */
    uint8_t class;              /* ag_class_of */
} ag_slot_t;

ag_ring_t *ag_ring_new (uint32_t max_events, size_t max_bytes);
void ag_ring_destroy (ag_ring_t **self_p);

/*  Appends; seq must be above all before. Takes its own reference. What no
    longer fits falls off; the newest always stays. Returns how many fell off. */
size_t ag_ring_put (ag_ring_t *self, ag_event_t *event, int64_t now_us);
/*  A late one between others or behind the newest: 1 taken, 0 too old (then the trail
    knows that it came), there already, or nothing is held that would say what stands
    beside it. */
int ag_ring_insert (ag_ring_t *self, ag_event_t *event, int64_t now_us);
/*  Drops what does not fit any more, after texts were made or late ones taken; returns how many. */
size_t ag_ring_trim (ag_ring_t *self);
/*  Drops the oldest; false: there is none. */
bool ag_ring_evict (ag_ring_t *self);
/*  All of it, the trail too. */
void ag_ring_clear (ag_ring_t *self);

size_t ag_ring_count (const ag_ring_t *self);
size_t ag_ring_bytes (const ag_ring_t *self);
uint64_t ag_ring_first (const ag_ring_t *self);     /* 0: empty */
uint64_t ag_ring_last (const ag_ring_t *self);      /* 0: empty */
/*  Index (0 the oldest) of the first with at least this seq; the count when there is none. */
size_t ag_ring_find (const ag_ring_t *self, uint64_t seq);
const ag_slot_t *ag_ring_slot (const ag_ring_t *self, size_t index);
/*  The event's JSON text; making it is counted. */
ag_str_t ag_ring_json (ag_ring_t *self, const ag_slot_t *slot);

/*  The trail covers [first, end) without holes; equal: empty. */
uint64_t ag_ring_trail_first (const ag_ring_t *self);
uint64_t ag_ring_trail_end (const ag_ring_t *self);
uint8_t ag_ring_trail_class (const ag_ring_t *self, uint64_t seq);

#endif
