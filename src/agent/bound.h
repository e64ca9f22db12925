/*  agent/bound.h - a tool's input, made small enough for an event

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    From a record in the agent's line to a tree that a draft can keep. Strings
    above AG_TEXT_MAX_BYTES are cut, parts nested too deep become their JSON
    text, what is beyond the size of an event is left out.
*/
#ifndef AG_AGENT_BOUND_H
#define AG_AGENT_BOUND_H

#include "agent/val.h"

struct json_object;

/*  Returns a new object, to be put by the caller, and says whether something
    was taken away. `keys`: only these members, in their order; NULL: all. What
    is no object becomes the member "arguments"; nothing at all an empty object. */
struct json_object *ag_bound (ag_val_t *value, const char *const *keys, bool *cut_r);

#endif
