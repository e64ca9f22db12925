/*  tools/pretty.h - events as a person reads them in a terminal

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_TOOLS_PRETTY_H
#define AG_TOOLS_PRETTY_H

#include <agentgate/event.h>

#include "core/buf.h"

/*  Appends an event as lines: time, stream, number, what happened. What agents
    say is hostile to a terminal: control characters, also of Unicode (bidi,
    line separators), are shown as text. */
void ag_pretty_append (ag_buf_t *out, ag_event_t *event, bool colour);
/*  Appends text so: newlines begin a line that is indented by `indent` spaces. */
void ag_pretty_append_text (ag_buf_t *out, ag_str_t text, size_t indent);

#endif
