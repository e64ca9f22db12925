/*  agent/phase.h - what kind of work a tool call is

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    From the tool, and for a shell from the commands in its line.
*/
#ifndef AG_AGENT_PHASE_H
#define AG_AGENT_PHASE_H

#include <agentgate/event.h>

/*  In the order of a run. */
typedef enum {
    AG_PHASE_STARTING, AG_PHASE_READING, AG_PHASE_PLANNING, AG_PHASE_IMPLEMENTING, AG_PHASE_TESTING,
    AG_PHASE_FINALIZING, AG_PHASE_COUNT
} ag_phase_t;

const char *ag_phase_name (ag_phase_t phase);
/*  The work that a call stands for; AG_PHASE_STARTING when it tells nothing. */
ag_phase_t ag_phase_of_call (const ag_draft_t *call);
/*  The same of a shell's command line: the furthest of its commands. */
ag_phase_t ag_phase_of_command (ag_str_t command);
/*  Where a run stands that was in one phase and does the work of another:
    reading and planning belong to what is going on, but who edits after a test
    is implementing again. */
ag_phase_t ag_phase_after (ag_phase_t phase, ag_phase_t work);

#endif
