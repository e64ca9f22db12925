/*  feed/filter.h - what a client wants to see

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    An event has a class: its kind, where agent_output and agent_error are
    split by what a subscription or the limiter tells apart. A filter is a set
    of classes, so several subscriptions that meet in one stream are joined by
    an OR, and two clients want the same exactly when the numbers are equal.
    SPEC section 8.
*/
#ifndef AG_FEED_FILTER_H
#define AG_FEED_FILTER_H

#include <agentgate/event.h>

/*  Kinds stand for themselves; AG_AGENT_OUTPUT is whole text or raw, and
    AG_AGENT_ERROR is severity error. */
enum {
    AG_CLASS_PARTIAL = AG_KIND_COUNT,   /* agent_output: a piece of text */
    AG_CLASS_THINKING,                  /* agent_output: whole thinking */
    AG_CLASS_THINKING_PARTIAL,          /* agent_output: a piece of thinking */
    AG_CLASS_WARNING,                   /* agent_error: severity warning */
    AG_CLASS_HOLE,                      /* no event: a number that never came; passes no filter */
    AG_CLASS_COUNT
};

typedef uint32_t ag_filter_t;           /* bit (1 << class) */

uint8_t ag_class_of (const ag_event_t *event);
ag_kind_t ag_class_kind (uint8_t class);
ag_priority_t ag_class_priority (uint8_t class);

/*  types: bit (1 << ag_kind_t); kinds that this version does not know pass only when
    all bits are set. overview: only what "*" gets. */
ag_filter_t ag_filter_make (uint32_t types, bool partial, bool thinking, bool overview);
/*  Of a plain client: no partials, no thinking, no type that AgentGate does not know. */
ag_filter_t ag_filter_plain (uint32_t types, bool overview);

static inline bool ag_filter_passes (ag_filter_t filter, uint8_t class)
{
    return (filter >> class) & 1;
}

#endif
