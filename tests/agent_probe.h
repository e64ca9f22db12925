/*  agent_probe.h - what the parser makes of some text, in a form to compare

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    One line a draft:
        call ID Tool/name [path=P] [<PARENT] {input}
        ok ID 12ms 34: preview            (34: contentLength)
        fail ID 12ms 34: preview ! error [<PARENT]
        text M#0 [partial] [incomplete] [<PARENT]: content     (or thinking, raw)
        error agent/CODE: message [ids]   (or warning; messageIds of the details)
        usage 1/2 cache 3/4 $0.5 turns 6 model
*/
#ifndef AG_TESTS_AGENT_PROBE_H
#define AG_TESTS_AGENT_PROBE_H

#include "agent/parser.h"
#include "core/buf.h"

typedef struct {
    ag_buf_t seen;              /* the drafts, as above */
    size_t drafts;
    size_t largest;             /* bytes of the largest one as an event */
} ag_probe_t;

/*  A sink; the context is an ag_probe_t. Fails the test when a draft is no event. */
void ag_probe_take (void *context, ag_draft_t **draft_p);

/*  Parses bytes in pieces of `piece` (0: random sizes), at time 0. Returns what
    ag_parser_new's format made of it; NULL-terminated, the caller frees. */
char *ag_probe_parse (const char *format, const void *bytes, size_t len, size_t piece, ag_parser_summary_t *summary_r);
/*  A copy with each ` made a quotation mark, so that JSON in C can be read. */
char *ag_probe_quote (const char *text);
/*  Parses a text all at once and compares; both are quoted as above. */
void ag_probe_expect (const char *format, const char *input, const char *expected);

/*  A recording: its whole bytes, malloc'ed. */
char *ag_probe_read (const char *path, size_t *len_r);

#endif
