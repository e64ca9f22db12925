/*  agent/claude_stream.c - partial messages: {"type":"stream_event"}

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    One raw API event a record. The assistant record of a block comes before
    its content_block_stop; an attempt that broke off ends in a message_stop
    with abandoned_blocks, or just gives way to the next message_start.
*/
#include "agent/claude.h"
#include "core/mem.h"

static ag_block_kind_t s_kind (ag_str_t type)
{
    if (ag_str_is (type, "text"))
        return AG_BLOCK_TEXT;
    return ag_str_is (type, "thinking") ? AG_BLOCK_THINKING : AG_BLOCK_OTHER;
}

static void s_start (ag_claude_t *self, ag_out_t *out, ag_str_t parent, int64_t index, ag_val_t *block)
{
    ag_block_kind_t kind = s_kind (ag_val_str (block, "type"));
    ag_blocks_start (self->blocks, out, parent, index, kind);
    ag_str_t text = ag_val_str (block, kind == AG_BLOCK_THINKING ? "thinking" : "text");
    if (text.len)
        ag_blocks_delta (self->blocks, out, parent, index, text);
}

/*  Pieces of tool input and signatures are no text: the whole record has them. */
static void s_delta (ag_claude_t *self, ag_out_t *out, ag_str_t parent, int64_t index, ag_val_t *delta)
{
    ag_str_t type = ag_val_str (delta, "type");
    if (ag_str_is (type, "text_delta"))
        ag_blocks_delta (self->blocks, out, parent, index, ag_val_str (delta, "text"));
    else if (ag_str_is (type, "thinking_delta"))
        ag_blocks_delta (self->blocks, out, parent, index, ag_val_str (delta, "thinking"));
}

static void s_message_stop (ag_claude_t *self, ag_out_t *out, ag_str_t parent, ag_val_t *record)
{
    ag_val_t *abandoned = ag_val_object (record, "abandoned_blocks");
    if (abandoned)
        ag_blocks_abandon (self->blocks, out, parent, ag_val_int (abandoned, "from_block_index", 0));
    ag_blocks_finish (self->blocks, out, parent);
}

static void s_error (ag_out_t *out, ag_val_t *event)
{
    ag_val_t *error = ag_val_object (event, "error");
    ag_out_error (out, &(ag_out_error_t) {
        .message = ag_val_str (error, "message"), .code = ag_val_str (error, "type"), .warning = true });
}

void ag_claude_stream_event (ag_claude_t *self, ag_out_t *out, ag_val_t *record)
{
    ag_val_t *event = ag_val_object (record, "event");
    ag_str_t type = ag_val_str (event, "type"), parent = ag_val_str (record, "parent_tool_use_id");
    int64_t index = ag_val_int (event, "index", 0);
    if (ag_str_is (type, "content_block_delta"))
        s_delta (self, out, parent, index, ag_val_object (event, "delta"));
    else if (ag_str_is (type, "content_block_start"))
        s_start (self, out, parent, index, ag_val_object (event, "content_block"));
    else if (ag_str_is (type, "content_block_stop"))
        ag_blocks_stop (self->blocks, out, parent, index);
    else if (ag_str_is (type, "message_start"))
        ag_blocks_message (self->blocks, out, parent, ag_val_str (ag_val_object (event, "message"), "id"));
    else if (ag_str_is (type, "message_stop"))
        s_message_stop (self, out, parent, record);
    else if (ag_str_is (type, "error"))
        s_error (out, event);
}
