/*  agent/bound.h - a tool's input, made small enough for an event

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Strings above AG_TEXT_MAX_BYTES are cut, parts nested too deep become
    their JSON text, what is beyond the size of an event is left out.
*/
#ifndef AG_AGENT_BOUND_H
#define AG_AGENT_BOUND_H

#include <stdbool.h>

struct json_object;

/*  Returns a tree to be put by the caller: the same one with a further
    reference when it is within bounds, else a copy, and *cut_r says that
    something was taken away. */
struct json_object *ag_bound_input (struct json_object *input, bool *cut_r);

#endif
