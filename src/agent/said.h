/*  agent/said.h - which record said which message, for an agent that takes it back

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Claude retracts by the uuid of a record; our events carry the id of the
    message that was in it. The last records are remembered.
*/
#ifndef AG_AGENT_SAID_H
#define AG_AGENT_SAID_H

#include "agent/val.h"

struct json_object;
typedef struct ag_said ag_said_t;

ag_said_t *ag_said_new (void);
void ag_said_destroy (ag_said_t **self_p);
/*  A record with that uuid said (a part of) that message. Either absent: nothing happens. */
void ag_said_note (ag_said_t *self, ag_str_t uuid, ag_str_t message_id);
/*  The ids of the messages that these records said, each once, as an array to
    be put; NULL: none that is known. They are forgotten, so that a second
    notice finds nothing. */
struct json_object *ag_said_take (ag_said_t *self, ag_val_t *uuids);

#endif
