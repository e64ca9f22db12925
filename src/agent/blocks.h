/*  agent/blocks.h - messages that arrive block by block, and in deltas

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A message has blocks, counted from 0. A block may come in deltas, as a
    whole, or both; the whole is said once, with the index that its deltas
    had. There is one message at a time per parent (the main line of the run,
    and each subagent), so that interleaved subagents do not mix.

    A block that is complete but came only in deltas is said whole when a
    record of another kind or another message follows. A message that gives
    way to another in the middle of a block was an attempt that failed: that
    block is not said.
*/
#ifndef AG_AGENT_BLOCKS_H
#define AG_AGENT_BLOCKS_H

#include "agent/out.h"

typedef struct ag_blocks ag_blocks_t;

/*  What a block holds; only text and thinking is said. */
typedef enum { AG_BLOCK_TEXT, AG_BLOCK_THINKING, AG_BLOCK_OTHER } ag_block_kind_t;

ag_blocks_t *ag_blocks_new (void);
void ag_blocks_destroy (ag_blocks_t **self_p);

/*  A message begins (again with the same id: nothing happens). */
void ag_blocks_message (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, ag_str_t message_id);
/*  In the current message of the parent. */
void ag_blocks_start (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, int64_t index, ag_block_kind_t kind);
void ag_blocks_delta (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, int64_t index, ag_str_t text);
void ag_blocks_stop (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, int64_t index);
/*  Blocks from this index on were given up. */
void ag_blocks_abandon (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, int64_t from_index);
/*  A whole block (or all that there is of one that was broken off). Says it,
    unless it was said before. */
void ag_blocks_whole (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, ag_block_kind_t kind, ag_str_t text,
                      bool incomplete);
/*  A record of another kind: says the complete blocks that only came in deltas. */
void ag_blocks_settle (ag_blocks_t *self, ag_out_t *out, ag_str_t parent);
/*  No more blocks of this message (or, ag_blocks_end, of any): says what only
    came in deltas; what was not stopped is incomplete. */
void ag_blocks_finish (ag_blocks_t *self, ag_out_t *out, ag_str_t parent);
void ag_blocks_end (ag_blocks_t *self, ag_out_t *out);

#endif
