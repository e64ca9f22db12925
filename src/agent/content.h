/*  agent/content.h - the text of a content array

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Claude and MCP give results as a string or as an array of blocks: text,
    images, references. What is no text is named in brackets.
*/
#ifndef AG_AGENT_CONTENT_H
#define AG_AGENT_CONTENT_H

#include "agent/val.h"
#include "core/buf.h"

/*  Returns the text of `content` (a string, an array of blocks, any other
    value as JSON text, NULL: ""), lent from it or from `room`, whose bytes it
    replaces. */
ag_str_t ag_content_text (ag_val_t *content, ag_buf_t *room);

#endif
