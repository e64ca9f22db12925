/*  core/kinds.c - look-ups in the generated tables

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <agentgate/kinds.h>

#include <string.h>

typedef struct {
    const char *name;
    ag_priority_t priority;
    const char *filter;
    bool overview;
    bool ends;
    const ag_field_rule_t *fields;
    size_t field_count;
} s_kind_row_t;

typedef struct {
    const char *name;
    ag_type_t type;
} s_field_row_t;

#include "core/kinds_table.h"

static const s_kind_row_t *s_kind (ag_kind_t kind)
{
    return &s_kinds[(unsigned) kind < AG_KIND_COUNT ? kind : AG_KIND_UNKNOWN];
}

static const s_field_row_t *s_field (ag_field_t field)
{
    return &s_fields[(unsigned) field < AG_F_COUNT ? field : AG_F_NONE];
}

/*  strcmp for a text that may hold NUL and has no end of its own. */
static int s_compare (const char *name, const char *other, size_t len)
{
    size_t name_len = strlen (name);
    int order = memcmp (name, other, name_len < len ? name_len : len);
    return order ? order : name_len < len ? -1 : name_len > len;
}

const char *ag_kind_name (ag_kind_t kind)
{
    return s_kind (kind)->name;
}

ag_kind_t ag_kind_by_name (const char *name, size_t len)
{
    for (int kind = 1; kind < AG_KIND_COUNT; kind++)
        if (s_compare (s_kinds[kind].name, name, len) == 0)
            return (ag_kind_t) kind;
    return AG_KIND_UNKNOWN;
}

ag_priority_t ag_kind_priority (ag_kind_t kind)
{
    return s_kind (kind)->priority;
}

const char *ag_kind_filter (ag_kind_t kind)
{
    return s_kind (kind)->filter;
}

bool ag_kind_overview (ag_kind_t kind)
{
    return s_kind (kind)->overview;
}

bool ag_kind_ends (ag_kind_t kind)
{
    return s_kind (kind)->ends;
}

const char *ag_field_name (ag_field_t field)
{
    return s_field (field)->name;
}

/*  The table is sorted by name. */
ag_field_t ag_field_by_name (const char *name, size_t len)
{
    int low = 1, high = AG_F_COUNT - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        int order = s_compare (s_fields[middle].name, name, len);
        if (order == 0)
            return (ag_field_t) middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return AG_F_NONE;
}

ag_type_t ag_field_type (ag_field_t field)
{
    return s_field (field)->type;
}

const ag_field_rule_t *ag_kind_fields (ag_kind_t kind, size_t *count_r)
{
    *count_r = s_kind (kind)->field_count;
    return s_kind (kind)->fields;
}

const char *ag_priority_name (ag_priority_t priority)
{
    return (unsigned) priority <= AG_LOW ? s_priorities[priority] : "unknown";
}
