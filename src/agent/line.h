/*  agent/line.h - bytes to lines

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Splits at byte 0x0A only, of any length up to a limit, however read() cuts
    them. One trailing CR is taken off. A longer line is skipped to its end
    and reported. Pure: no I/O.
*/
#ifndef AG_AGENT_LINE_H
#define AG_AGENT_LINE_H

#include <agentgate/event.h>

typedef struct ag_line ag_line_t;

typedef struct {
    ag_str_t text;              /* lent until the next call; without its line end */
    bool terminated;            /* false: the last bytes before EOF */
    uint64_t too_long_bytes;    /* not 0: the line had so many bytes, more than the limit; text is empty */
} ag_line_item_t;

ag_line_t *ag_line_new (size_t max_bytes);
void ag_line_destroy (ag_line_t **self_p);
/*  Feeds bytes; they must stay valid until ag_line_next has returned false. */
void ag_line_feed (ag_line_t *self, const char *bytes, size_t len);
/*  After the last feed: an unterminated rest becomes a line. */
void ag_line_end (ag_line_t *self);
bool ag_line_next (ag_line_t *self, ag_line_item_t *item_r);
size_t ag_line_memory (const ag_line_t *self);

#endif
