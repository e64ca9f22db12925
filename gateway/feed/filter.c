/*  feed/filter.c - what a client wants to see

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/mem.h"
#include "feed/filter.h"

static uint8_t s_output_class (const ag_event_t *event)
{
    bool partial = ag_event_boolean (event, AG_F_PARTIAL, false);
    if (ag_str_is (ag_event_string (event, AG_F_KIND), "thinking"))
        return partial ? AG_CLASS_THINKING_PARTIAL : AG_CLASS_THINKING;
    return partial ? AG_CLASS_PARTIAL : AG_AGENT_OUTPUT;
}

uint8_t ag_class_of (const ag_event_t *event)
{
    ag_kind_t kind = ag_event_kind (event);
    if (kind == AG_AGENT_OUTPUT)
        return s_output_class (event);
    if (kind == AG_AGENT_ERROR && ag_event_priority (event) != AG_CRITICAL)
        return AG_CLASS_WARNING;
    return (uint8_t) kind;
}

ag_kind_t ag_class_kind (uint8_t class)
{
    if (class < AG_KIND_COUNT)
        return (ag_kind_t) class;
    if (class == AG_CLASS_WARNING)
        return AG_AGENT_ERROR;
    return class == AG_CLASS_HOLE ? AG_KIND_UNKNOWN : AG_AGENT_OUTPUT;
}

ag_priority_t ag_class_priority (uint8_t class)
{
    if (class == AG_CLASS_WARNING)
        return AG_HIGH;
    return ag_kind_priority (ag_class_kind (class));
}

static ag_filter_t s_kinds (uint32_t types, bool overview)
{
    ag_filter_t filter = types == UINT32_MAX ? 1u << AG_KIND_UNKNOWN : 0;
    for (int kind = AG_KIND_UNKNOWN + 1; kind < AG_KIND_COUNT; kind++)
        if ((types >> kind) & 1)
            filter |= 1u << kind;
    if (overview)
        for (int kind = 0; kind < AG_KIND_COUNT; kind++)
            if (!ag_kind_overview ((ag_kind_t) kind))
                filter &= ~(1u << kind);
    return filter;
}

ag_filter_t ag_filter_make (uint32_t types, bool partial, bool thinking, bool overview)
{
    ag_filter_t filter = s_kinds (types, overview);
    if (ag_filter_passes (filter, AG_AGENT_ERROR))
        filter |= 1u << AG_CLASS_WARNING;
    if (!ag_filter_passes (filter, AG_AGENT_OUTPUT))
        return filter;
    if (partial)
        filter |= 1u << AG_CLASS_PARTIAL;
    if (thinking)
        filter |= 1u << AG_CLASS_THINKING;
    if (partial && thinking)
        filter |= 1u << AG_CLASS_THINKING_PARTIAL;
    return filter;
}

ag_filter_t ag_filter_plain (uint32_t types, bool overview)
{
    return ag_filter_make (types, false, false, overview) & ~(1u << AG_KIND_UNKNOWN);
}
