/*  agent/content.c - the text of a content array

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/content.h"

#include <string.h>

#include "core/mem.h"

/*  "[image image/png, 5 KB]": of base64, as much as is worth knowing. */
static void s_append_binary (struct json_object *block, ag_str_t type, ag_buf_t *out)
{
    static const char *const mime_keys[] = { "media_type", "mimeType", NULL };
    struct json_object *source = ag_json_object (block, "source");
    struct json_object *from = source ? source : block;
    ag_str_t mime = ag_json_str_any (from, mime_keys), data = ag_json_str (from, "data");
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
static void s_append_named (struct json_object *block, ag_str_t type, ag_buf_t *out)
{
    static const char *const keys[] = { "tool_name", "title", "uri", "url", "name", NULL };
    ag_str_t about = ag_json_str_any (block, keys), url = ag_json_str (block, "url");
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

static void s_append_block (struct json_object *block, ag_buf_t *out)
{
    static const char *const keys[] = { "text", "content", NULL };
    ag_str_t type = ag_json_str (block, "type");
    bool is_text = json_object_is_type (block, json_type_string);
    ag_str_t text = is_text ? ag_json_text (block) : ag_json_str_any (block, keys);
    if (text.ptr)
        ag_buf_append_str (out, text);
    else if (ag_str_is (type, "image") || ag_str_is (type, "audio") || ag_str_is (type, "document"))
        s_append_binary (block, type, out);
    else
        s_append_named (block, type, out);
}

static ag_str_t s_blocks_text (struct json_object *blocks, ag_buf_t *room)
{
    size_t count = json_object_array_length (blocks);
    struct json_object *first = count ? json_object_array_get_idx (blocks, 0) : NULL;
    ag_str_t only = ag_json_str (first, "text");
    if (count == 1 && only.ptr)
        return only;
    ag_buf_clear (room);
    for (size_t i = 0; i < count; i++) {
        if (i)
            ag_buf_append_char (room, '\n');
        s_append_block (json_object_array_get_idx (blocks, i), room);
    }
    return (ag_str_t) { room->len ? room->data : "", room->len };
}

ag_str_t ag_content_text (struct json_object *content, ag_buf_t *room)
{
    size_t len;
    if (!content)
        return AG_STR ("");
    if (json_object_is_type (content, json_type_string))
        return ag_json_text (content);
    if (json_object_is_type (content, json_type_array))
        return s_blocks_text (content, room);
    const char *text = json_object_to_json_string_length (content, JSON_C_TO_STRING_PLAIN, &len);
    return (ag_str_t) { text, len };
}
