/*  gateway/feed/read.h - the events of a stream, from ring and history

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_FEED_READ_H
#define AG_FEED_READ_H

#include "feed/hub.h"

/*  Calls back for each event with from <= seq <= to that is held, in order,
    until it returns false: what has left the ring comes from the history, and
    what the history does not show yet from the ring. 0, or -1; or 1: what follows the last that
    was told has left the ring and is not in the history yet, so ask for it later. */
int ag_hub_read (ag_hub_t *self, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to,
    ag_history_event_fn *fn, void *context);

#endif
