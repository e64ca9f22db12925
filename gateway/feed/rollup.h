/*  feed/rollup.h - which neighbours become one event

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Adjacent text of the same message and block is joined, several changes of
    one file become the last, a newer progress replaces the one before. What
    has no message id never merges, and nothing merges across a tool call, also
    where a client does not see the call. SPEC section 7.4.
*/
#ifndef AG_FEED_ROLLUP_H
#define AG_FEED_ROLLUP_H

#include <agentgate/event.h>

/*  Two events whose keys differ never merge; 0: merges with nothing. Made
    once, when the event comes in; then a look at two numbers says no. */
uint32_t ag_rollup_key (const ag_event_t *event);
/*  Bytes of content that count against AG_TEXT_MAX_BYTES when merged; 0: not text. */
uint32_t ag_rollup_text_bytes (const ag_event_t *event);
/*  Ends every group, seen or not. */
bool ag_rollup_ends (uint8_t class);
/*  Whether they do merge; keys only hint at it. */
bool ag_rollup_same (const ag_event_t *a, const ag_event_t *b);

#endif
