/*  agent/claude.h - the parts of the claude adapter, for themselves alone

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_AGENT_CLAUDE_H
#define AG_AGENT_CLAUDE_H

#include "agent/blocks.h"
#include "core/buf.h"

typedef struct {
    ag_blocks_t *blocks;        /* messages in progress */
    ag_buf_t room;              /* for the text of content arrays */
    char *api_error;            /* the last message that the CLI made up for a failed call; NULL: none */
    size_t api_error_len;
    int64_t turns;              /* of all results so far */
} ag_claude_t;

/*  claude_system.c: {"type":"system"}, "result" and what else is about the run. */
void ag_claude_system (ag_claude_t *self, ag_out_t *out, struct json_object *record);
void ag_claude_result (ag_claude_t *self, ag_out_t *out, struct json_object *record);
void ag_claude_rate_limit (ag_out_t *out, struct json_object *record);
bool ag_claude_knows_subtype (struct json_object *record);
/*  The footer of builds before 0.2.117: {"role":"system","cost_usd":..}. */
void ag_claude_footer (ag_out_t *out, struct json_object *record);

/*  claude_stream.c: {"type":"stream_event"}. */
void ag_claude_stream_event (ag_claude_t *self, ag_out_t *out, struct json_object *record);

#endif
