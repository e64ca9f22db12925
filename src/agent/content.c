/*  agent/content.c - the text of a content array

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/content.h"

#include <string.h>

#include "core/mem.h"

/*  "[image image/png, 5120 bytes]": of base64, as much as is worth knowing. */
static void s_append_binary (ag_val_t *block, ag_str_t type, ag_buf_t *out)
{
    static const char *const mime_keys[] = { "media_type", "mimeType", NULL };
    ag_val_t *source = ag_val_object (block, "source");
    ag_val_t *from = source ? source : block;
    ag_str_t mime = ag_val_str_any (from, mime_keys), data = ag_val_str (from, "data");
    ag_buf_append_char (out, '[');
    ag_buf_append_str (out, type);
    if (mime.len) {
        ag_buf_append_char (out, ' ');
        ag_buf_append_str (out, mime);
    }
    if (data.len)
        ag_buf_printf (out, ", %zu bytes", data.len / 4 * 3);
    ag_buf_append_char (out, ']');
}

/*  A block that has no text of its own: its type, and what it is about. */
static void s_append_named (ag_val_t *block, ag_str_t type, ag_buf_t *out)
{
    static const char *const keys[] = { "tool_name", "title", "uri", "url", "name", NULL };
    ag_str_t about = ag_val_str_any (block, keys), url = ag_val_str (block, "url");
    ag_buf_append_char (out, '[');
    ag_buf_append_str (out, type.len ? type : AG_STR ("content"));
    if (about.len) {
        ag_buf_append_char (out, ' ');
        ag_buf_append_str (out, about);
    }
    if (url.len && url.ptr != about.ptr) {
        ag_buf_append_char (out, ' ');
        ag_buf_append_str (out, url);
    }
    ag_buf_append_char (out, ']');
}

static void s_append_block (ag_val_t *block, ag_buf_t *out)
{
    static const char *const keys[] = { "text", "content", NULL };
    ag_str_t type = ag_val_str (block, "type");
    bool is_text = ag_val_type (block) == AG_VAL_STRING;
    ag_str_t text = is_text ? ag_val_text (block) : ag_val_str_any (block, keys);
    if (text.ptr)
        ag_buf_append_str (out, text);
    else if (ag_str_is (type, "image") || ag_str_is (type, "audio") || ag_str_is (type, "document"))
        s_append_binary (block, type, out);
    else
        s_append_named (block, type, out);
}

static ag_str_t s_blocks_text (ag_val_t *blocks, ag_buf_t *room)
{
    ag_val_t *first = ag_val_first (blocks);
    ag_str_t only = ag_val_str (first, "text");
    if (only.ptr && !ag_val_next (blocks, first))
        return only;
    ag_buf_clear (room);
    for (ag_val_t *block = first; block; block = ag_val_next (blocks, block)) {
        if (block != first)
            ag_buf_append_char (room, '\n');
        s_append_block (block, room);
    }
    return (ag_str_t) { room->len ? room->data : "", room->len };
}

ag_str_t ag_content_text (ag_val_t *content, ag_buf_t *room)
{
    if (!content)
        return AG_STR ("");
    if (ag_val_type (content) == AG_VAL_STRING)
        return ag_val_text (content);
    return ag_val_type (content) == AG_VAL_ARRAY ? s_blocks_text (content, room) : ag_val_source (content);
}
