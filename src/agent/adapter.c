/*  agent/adapter.c - the list of dialects

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <string.h>

#include "agent/adapter.h"
#include "core/mem.h"

const ag_adapter_t *const ag_adapters[] = {
    &ag_adapter_amp,            /* these two look like claude, which comes after them */
    &ag_adapter_cursor,
    &ag_adapter_claude,
    &ag_adapter_codex,
    &ag_adapter_gemini,
    &ag_adapter_opencode,
    &ag_adapter_flat,
    &ag_adapter_text,
    NULL
};

const ag_adapter_t *ag_adapter_by_name (const char *name)
{
    for (size_t i = 0; ag_adapters[i]; i++)
        if (!strcmp (ag_adapters[i]->name, name))
            return ag_adapters[i];
    return NULL;
}

const char *ag_tool_of (const ag_tool_row_t *rows, ag_str_t name)
{
    for (; rows->name; rows++)
        if (ag_str_is (name, rows->name))
            return rows->tool;
    return "Other";
}

bool ag_tool_is_about_file (const char *tool)
{
    return !strcmp (tool, "Read") || !strcmp (tool, "Write") || !strcmp (tool, "Edit");
}

static ag_match_t s_text_match (ag_val_t *record)
{
    (void) record;
    return AG_MATCH_NO;
}

/*  An agent without a format: each line is what it says. */
const ag_adapter_t ag_adapter_text = { .name = "text", .plain = true, .match = s_text_match };
