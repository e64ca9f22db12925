/*  agent/claude.h - the parts of the claude adapter, for themselves alone

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_AGENT_CLAUDE_H
#define AG_AGENT_CLAUDE_H

#include "agent/blocks.h"
#include "agent/said.h"
#include "core/buf.h"

typedef struct {
    ag_blocks_t *blocks;        /* messages in progress */
    ag_said_t *said;            /* by which records */
    ag_buf_t room;              /* for the text of content arrays */
    char *api_error;            /* the last message that the CLI made up for a failed call; NULL: none */
    size_t api_error_len;
    char *failed_task;          /* id of the last background task whose failure was told; NULL: none */
    int64_t turns;              /* of all results so far */
    bool aborted;               /* the record being read was broken off */
} ag_claude_t;

/*  claude_system.c: {"type":"system"}, "result" and what else is about the run. */
void ag_claude_system (ag_claude_t *self, ag_out_t *out, ag_val_t *record);
void ag_claude_result (ag_claude_t *self, ag_out_t *out, ag_val_t *record);
void ag_claude_rate_limit (ag_out_t *out, ag_val_t *record);
/*  Other top-level types that may hold a warning: tool_progress, auth_status. */
void ag_claude_notice (ag_claude_t *self, ag_out_t *out, ag_val_t *record);
/*  The messages of these records do not count any more: a warning that names
    them. NULL, or none that is known: nothing happens. */
void ag_claude_retract (ag_claude_t *self, ag_out_t *out, ag_val_t *uuids, const char *code);
bool ag_claude_knows_subtype (ag_val_t *record);
/*  The footer of builds before 0.2.117: {"role":"system","cost_usd":..}. */
void ag_claude_footer (ag_out_t *out, ag_val_t *record);

/*  claude_stream.c: {"type":"stream_event"}. */
void ag_claude_stream_event (ag_claude_t *self, ag_out_t *out, ag_val_t *record);

#endif
