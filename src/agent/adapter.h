/*  agent/adapter.h - one agent's dialect

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    To add an agent: write its file, end it with its table of functions, and
    name that in the list of adapter.c.
*/
#ifndef AG_AGENT_ADAPTER_H
#define AG_AGENT_ADAPTER_H

#include "agent/out.h"

/*  How surely a record belongs to a dialect. */
typedef enum { AG_MATCH_NO, AG_MATCH_MAYBE, AG_MATCH_SURE } ag_match_t;

typedef struct {
    const char *name;           /* of --format, and the run's agent */
    bool plain;                 /* lines are text, never JSON; the rest of the table is not used */
    ag_match_t (*match) (ag_val_t *record);
    void *(*state_new) (void);  /* NULL: it needs none */
    void (*state_destroy) (void *state);
    /*  Says what the record means. False: a type that it does not know. */
    bool (*record) (void *state, ag_out_t *out, ag_val_t *record);
    /*  The stream is over: says what was begun. May be NULL. Open calls are
        not its business. */
    void (*end) (void *state, ag_out_t *out);
} ag_adapter_t;

extern const ag_adapter_t ag_adapter_amp, ag_adapter_cursor, ag_adapter_claude, ag_adapter_codex, ag_adapter_gemini,
    ag_adapter_opencode, ag_adapter_flat, ag_adapter_text;

/*  All of them, in the order in which they are asked; NULL-terminated. */
extern const ag_adapter_t *const ag_adapters[];

/*  By name; NULL: there is none. */
const ag_adapter_t *ag_adapter_by_name (const char *name);

/*  A row of a dialect's table of tools: its own name, ours. */
typedef struct {
    const char *name;
    const char *tool;
} ag_tool_row_t;

/*  Ends with a row without name; "Other" when it is not there. */
const char *ag_tool_of (const ag_tool_row_t *rows, ag_str_t name);
/*  Read, Write, Edit: their input names the one file they are about. */
bool ag_tool_is_about_file (const char *tool);

/*  The flat lines, which the claude adapter reads too. */
bool ag_flat_record (ag_out_t *out, ag_val_t *record);
ag_match_t ag_flat_match (ag_val_t *record);

#endif
