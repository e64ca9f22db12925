/*  feed/rollup.c - which neighbours become one event

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/mem.h"
#include "feed/rollup.h"

static uint32_t s_mix (uint32_t hash, ag_str_t text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char) text.ptr[i]) * 16777619u;
    return (hash ^ 0xFF) * 16777619u;
}

static uint32_t s_text_key (const ag_event_t *event)
{
    ag_str_t message = ag_event_string (event, AG_F_MESSAGE_ID);
    if (message.ptr == NULL)
        return 0;
    uint32_t hash = s_mix (2166136261u, message);
    hash = s_mix (hash, ag_event_string (event, AG_F_KIND));
    hash = s_mix (hash, ag_event_string (event, AG_F_PARENT_TOOL_USE_ID));
    hash ^= (uint32_t) ag_event_integer (event, AG_F_BLOCK_INDEX, -1) * 2654435761u;
    hash ^= ag_event_boolean (event, AG_F_PARTIAL, false) ? 0x5555u : 0;
    return hash | 1;
}

uint32_t ag_rollup_key (const ag_event_t *event)
{
    switch (ag_event_kind (event)) {
    case AG_AGENT_OUTPUT:
        return s_text_key (event);
    case AG_FILE_CHANGED:
        return s_mix (2166136261u ^ AG_FILE_CHANGED, ag_event_string (event, AG_F_PATH)) | 1;
    case AG_PROGRESS_UPDATE:
        return AG_PROGRESS_UPDATE;
    default:
        return 0;
    }
}

uint32_t ag_rollup_text_bytes (const ag_event_t *event)
{
    if (ag_event_kind (event) != AG_AGENT_OUTPUT)
        return 0;
    return (uint32_t) ag_event_string (event, AG_F_CONTENT).len;
}

static bool s_same_string (const ag_event_t *a, const ag_event_t *b, ag_field_t field)
{
    return ag_str_eq (ag_event_string (a, field), ag_event_string (b, field));
}

static bool s_same_text (const ag_event_t *a, const ag_event_t *b)
{
    return ag_event_string (a, AG_F_MESSAGE_ID).ptr != NULL
        && s_same_string (a, b, AG_F_MESSAGE_ID)
        && ag_event_integer (a, AG_F_BLOCK_INDEX, -1) == ag_event_integer (b, AG_F_BLOCK_INDEX, -1)
        && s_same_string (a, b, AG_F_KIND)
        && s_same_string (a, b, AG_F_PARENT_TOOL_USE_ID)
        && ag_event_boolean (a, AG_F_PARTIAL, false) == ag_event_boolean (b, AG_F_PARTIAL, false)
        && ag_event_boolean (a, AG_F_INCOMPLETE, false) == ag_event_boolean (b, AG_F_INCOMPLETE, false);
}

bool ag_rollup_ends (uint8_t class)
{
    return class == AG_AGENT_TOOL_CALL;
}

bool ag_rollup_same (const ag_event_t *a, const ag_event_t *b)
{
    if (ag_event_kind (a) != ag_event_kind (b) || !ag_str_eq (ag_event_run (a), ag_event_run (b)))
        return false;
    switch (ag_event_kind (a)) {
    case AG_AGENT_OUTPUT:
        return s_same_text (a, b);
    case AG_FILE_CHANGED:
        return s_same_string (a, b, AG_F_PATH);
    case AG_PROGRESS_UPDATE:
        return true;
    default:
        return false;
    }
}
