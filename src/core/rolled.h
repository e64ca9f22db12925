/*  core/rolled.h - one event that stands for several (SPEC section 7.4)

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_CORE_ROLLED_H
#define AG_CORE_ROLLED_H

#include "core/buf.h"

/*  Appends to `out` the JSON of `last`, with seqFirst = the seq of the first, and
    where content is not NULL with that text in place of the last one's content. */
void ag_rolled_json (ag_event_t *last, uint64_t seq_first, const ag_str_t *content, ag_buf_t *out);

#endif
