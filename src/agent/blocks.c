/*  agent/blocks.c - messages that arrive block by block, and in deltas

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "agent/blocks.h"
#include "core/buf.h"
#include "core/mem.h"

enum {
    MESSAGES_MAX = 64,                  /* parents with a message at once; the longest silent one is finished first */
    BLOCKS_MAX = 4096,                  /* blocks of one message that are remembered */
    HELD_MAX_BYTES = 32 * 1024 * 1024   /* text of all unfinished blocks; what is more is not kept */
};

/*  A block that was begun by deltas. */
typedef struct {
    int64_t index;
    ag_block_kind_t kind;
    ag_buf_t text;              /* of the deltas so far */
    bool stopped;               /* the agent said that it is complete */
    bool said;                  /* from its deltas or as a whole: not to be said again */
    bool whole_came;            /* the agent sent it whole, or gave it up */
    bool cut;                   /* some of it could not be kept */
} s_block_t;

/*  The current message of a parent. */
typedef struct s_message {
    TAILQ_ENTRY (s_message) link;
    char *parent;
    size_t parent_len;
    bool has_parent;
    char *id;                   /* NULL: it has none */
    size_t id_len;
    int64_t next_index;         /* behind the last block, of those that were seen */
    s_block_t *blocks;          /* by the order of their beginning */
    size_t count, room;
} s_message_t;

struct ag_blocks {
    TAILQ_HEAD (s_messages, s_message) messages;    /* by their last use, oldest first */
    size_t count;
    size_t held_bytes;          /* text in all blocks */
};

ag_blocks_t *ag_blocks_new (void)
{
    ag_blocks_t *self = ag_calloc (1, sizeof *self);
    TAILQ_INIT (&self->messages);
    return self;
}

/* ---------------------------------------------------------------------- */
/*  Blocks of a message */

static void s_forget_text (ag_blocks_t *self, s_block_t *block)
{
    self->held_bytes -= block->text.len;
    ag_buf_free (&block->text);
}

static void s_forget_blocks (ag_blocks_t *self, s_message_t *message)
{
    for (size_t i = 0; i < message->count; i++)
        s_forget_text (self, &message->blocks[i]);
    message->count = 0;
}

static s_block_t *s_block (s_message_t *message, int64_t index)
{
    for (size_t i = message->count; i--;)
        if (message->blocks[i].index == index)
            return &message->blocks[i];
    return NULL;
}

static s_block_t *s_new_block (s_message_t *message, int64_t index, ag_block_kind_t kind)
{
    if (message->count == BLOCKS_MAX)
        return NULL;
    if (message->count == message->room) {
        message->room = message->room ? 2 * message->room : 8;
        message->blocks = ag_realloc (message->blocks, message->room * sizeof *message->blocks);
    }
    s_block_t *block = &message->blocks[message->count++];
    *block = (s_block_t) { .index = index, .kind = kind };
    if (index >= message->next_index && index < INT32_MAX)
        message->next_index = index + 1;
    return block;
}

static void s_say (ag_out_t *out, const s_message_t *message, int64_t index, ag_block_kind_t kind, ag_out_text_t text)
{
    if (kind == AG_BLOCK_OTHER)
        return;
    text.kind = kind == AG_BLOCK_TEXT ? "text" : "thinking";
    text.message_id = (ag_str_t) { message->id, message->id_len };
    text.block_index = index;
    if (message->has_parent)
        text.parent = (ag_str_t) { message->parent, message->parent_len };
    ag_out_text (out, &text);
}

/*  Says what only came in deltas. */
static void s_say_held (ag_blocks_t *self, ag_out_t *out, s_message_t *message, s_block_t *block)
{
    if (block->said)
        return;
    ag_str_t content = { block->text.data, block->text.len };
    s_say (out, message, block->index, block->kind,
           (ag_out_text_t) { .content = content, .incomplete = !block->stopped || block->cut });
    block->said = true;
    s_forget_text (self, block);
}

/* ---------------------------------------------------------------------- */
/*  Messages */

static s_message_t *s_message (ag_blocks_t *self, ag_str_t parent)
{
    for (s_message_t *message = TAILQ_FIRST (&self->messages); message; message = TAILQ_NEXT (message, link))
        if (message->has_parent == (parent.ptr != NULL) && message->parent_len == parent.len
                && !memcmp (message->parent, parent.ptr ? parent.ptr : "", parent.len))
            return message;
    return NULL;
}

static void s_destroy_message (ag_blocks_t *self, s_message_t *message)
{
    TAILQ_REMOVE (&self->messages, message, link);
    self->count--;
    s_forget_blocks (self, message);
    free (message->blocks);
    free (message->parent);
    free (message->id);
    free (message);
}

static void s_say_stopped (ag_blocks_t *self, ag_out_t *out, s_message_t *message)
{
    for (size_t i = 0; i < message->count; i++)
        if (message->blocks[i].stopped)
            s_say_held (self, out, message, &message->blocks[i]);
}

static void s_say_all (ag_blocks_t *self, ag_out_t *out, s_message_t *message)
{
    for (size_t i = 0; i < message->count; i++)
        s_say_held (self, out, message, &message->blocks[i]);
}

static s_message_t *s_new_message (ag_blocks_t *self, ag_out_t *out, ag_str_t parent)
{
    if (self->count == MESSAGES_MAX) {
        s_message_t *oldest = TAILQ_FIRST (&self->messages);
        s_say_all (self, out, oldest);
        s_destroy_message (self, oldest);
    }
    s_message_t *message = ag_calloc (1, sizeof *message);
    message->has_parent = parent.ptr != NULL;
    message->parent = ag_str_dup (parent);
    message->parent_len = parent.len;
    TAILQ_INSERT_TAIL (&self->messages, message, link);
    self->count++;
    return message;
}

/*  The parent's message, begun if there is none. */
static s_message_t *s_current (ag_blocks_t *self, ag_out_t *out, ag_str_t parent)
{
    s_message_t *message = s_message (self, parent);
    if (!message)
        return s_new_message (self, out, parent);
    TAILQ_REMOVE (&self->messages, message, link);
    TAILQ_INSERT_TAIL (&self->messages, message, link);
    return message;
}

void ag_blocks_destroy (ag_blocks_t **self_p)
{
    if (!*self_p)
        return;
    while (!TAILQ_EMPTY (&(*self_p)->messages))
        s_destroy_message (*self_p, TAILQ_FIRST (&(*self_p)->messages));
    free (*self_p);
    *self_p = NULL;
}

void ag_blocks_message (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, ag_str_t message_id)
{
    s_message_t *message = s_current (self, out, parent);
    if (message_id.ptr && message->id && message->id_len == message_id.len
            && !memcmp (message->id, message_id.ptr, message_id.len))
        return;
    s_say_stopped (self, out, message);
    s_forget_blocks (self, message);
    free (message->id);
    message->id = message_id.ptr ? ag_str_dup (message_id) : NULL;
    message->id_len = message_id.len;
    message->next_index = 0;
}

void ag_blocks_start (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, int64_t index, ag_block_kind_t kind)
{
    s_message_t *message = s_current (self, out, parent);
    if (!s_block (message, index))
        s_new_block (message, index, kind);
}

void ag_blocks_delta (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, int64_t index, ag_str_t text)
{
    s_message_t *message = s_current (self, out, parent);
    s_block_t *block = s_block (message, index);
    if (!block || block->said || block->kind == AG_BLOCK_OTHER)
        return;
    if (text.len > HELD_MAX_BYTES - self->held_bytes)
        block->cut = true;
    else {
        ag_buf_append_str (&block->text, text);
        self->held_bytes += text.len;
    }
    s_say (out, message, index, block->kind, (ag_out_text_t) { .content = text, .partial = true });
}

void ag_blocks_stop (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, int64_t index)
{
    s_block_t *block = s_block (s_current (self, out, parent), index);
    if (block)
        block->stopped = true;
}

void ag_blocks_abandon (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, int64_t from_index)
{
    s_message_t *message = s_current (self, out, parent);
    for (size_t i = 0; i < message->count; i++)
        if (message->blocks[i].index >= from_index) {
            message->blocks[i].said = message->blocks[i].whole_came = true;
            s_forget_text (self, &message->blocks[i]);
        }
}

/*  The block that this whole one repeats: the first of its kind whose whole did
    not come yet. */
static s_block_t *s_repeated (s_message_t *message, ag_block_kind_t kind)
{
    for (size_t i = 0; i < message->count; i++)
        if (!message->blocks[i].whole_came && message->blocks[i].kind == kind)
            return &message->blocks[i];
    return NULL;
}

void ag_blocks_whole (ag_blocks_t *self, ag_out_t *out, ag_str_t parent, ag_block_kind_t kind, ag_str_t text,
                      bool incomplete)
{
    s_message_t *message = s_current (self, out, parent);
    s_block_t *block = s_repeated (message, kind);
    bool said = block && block->said;
    if (block) {
        block->whole_came = block->said = true;
        s_forget_text (self, block);
    }
    if (!said)
        s_say (out, message, block ? block->index : message->next_index++, kind,
               (ag_out_text_t) { .content = text, .incomplete = incomplete });
}

void ag_blocks_settle (ag_blocks_t *self, ag_out_t *out, ag_str_t parent)
{
    s_message_t *message = s_message (self, parent);
    if (message)
        s_say_stopped (self, out, message);
}

void ag_blocks_finish (ag_blocks_t *self, ag_out_t *out, ag_str_t parent)
{
    s_message_t *message = s_message (self, parent);
    if (message)
        s_say_all (self, out, message);
}

void ag_blocks_end (ag_blocks_t *self, ag_out_t *out)
{
    for (s_message_t *message = TAILQ_FIRST (&self->messages); message; message = TAILQ_NEXT (message, link))
        s_say_all (self, out, message);
}
