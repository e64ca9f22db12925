/*  exec/guard_wire.h - what executor and guard say to each other

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_EXEC_GUARD_WIRE_H
#define AG_EXEC_GUARD_WIRE_H

#include "exec/guard.h"

/*  Executor to guard, one datagram each. */
typedef enum {
    AG_GUARD_DO_SPAWN,
    AG_GUARD_DO_SIGNAL,                 /* value: the signal, for the whole tree */
    AG_GUARD_DO_PASS,                   /* the same, for the agent */
    AG_GUARD_DO_PASS_GROUP              /* the same, for its group */
} ag_guard_verb_t;

typedef struct {
    ag_guard_verb_t verb;
    int value;
} ag_guard_command_t;

/*  The guard's whole life, in the forked process; never returns. `sock` is its
    end of the socket; what it sends back is ag_guard_report_t. */
void ag_guard_live (const ag_guard_options_t *options, int sock) __attribute__ ((noreturn));

#endif
