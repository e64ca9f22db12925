/*  bus/heads.h - the last number of each stream, and so what is missing

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Pure: no socket.
*/
#ifndef AG_BUS_HEADS_H
#define AG_BUS_HEADS_H

#include <agentgate/subscriber.h>

typedef struct ag_heads ag_heads_t;

/*  Streams beyond this are forgotten, all at once: what was missed just then is not seen. */
enum { AG_HEADS_MAX = 16384 };

ag_heads_t *ag_heads_new (void);
void ag_heads_destroy (ag_heads_t **self_p);

/*  Notes an event, and says what should have come before it. The first event
    of a stream, or of a newer epoch that does not begin with 1, misses nothing
    that is known: where it was joined is where it begins. */
void ag_heads_note (ag_heads_t *self, const ag_event_t *event, ag_received_t *received_r);
/*  The greatest number of a stream in that epoch that was noted; 0: none. */
uint64_t ag_heads_seq (const ag_heads_t *self, ag_str_t stream, uint64_t epoch);
size_t ag_heads_count (const ag_heads_t *self);

#endif
