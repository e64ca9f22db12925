/*  agent/scrub.h - finds secrets in text and takes them out

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    One PCRE2 pattern, compiled by its JIT: the shapes of scrub_rules.h and
    the values that it was given. Each secret becomes "[redacted]".
*/
#ifndef AG_AGENT_SCRUB_H
#define AG_AGENT_SCRUB_H

#include "core/buf.h"

enum { AG_SCRUB_HOLD_CHARS = 256 };     /* the most that a stream holds back */

typedef struct ag_scrub ag_scrub_t;

/*  Values shorter than 6 bytes are left out: too many words look like them.
    A value is also found as JSON writes it, and each long line of one that has several. */
ag_scrub_t *ag_scrub_new (const ag_str_t *values, size_t count);
void ag_scrub_destroy (ag_scrub_t **self_p);

/*  What a text leaves open for the one that continues it; all zero: nothing. */
typedef struct {
    enum { AG_SCRUB_CLOSED, AG_SCRUB_IN_TOKEN, AG_SCRUB_IN_KEY, AG_SCRUB_IN_VALUE } state;
    size_t value, offset;       /* in a value: which, and how much of it there was */
} ag_scrub_open_t;

/*  A whole text. True: it held secrets, and `out` is replaced by the text
    without them; *count grows by their number. With `cut` the text was cut off
    behind its end, so what may be the beginning of a secret there counts too.
    *open is how the text before ended, then how this one does; NULL: it stands
    alone. */
bool ag_scrub_text (ag_scrub_t *self, ag_str_t text, bool cut, ag_scrub_open_t *open, ag_buf_t *out, uint64_t *count);

/*  Between two texts that are lines of one: does what the first left open go on in the second? */
void ag_scrub_next_line (ag_scrub_t *self, ag_scrub_open_t *open, ag_str_t line);

/*  A text that comes in pieces; what may be the beginning of a secret is held
    back until more comes. Zero-initialise, free `held`. */
typedef struct {
    ag_buf_t held;              /* what is out already and still matters, then what is held back */
    size_t out_bytes;           /* of it: the byte before, and what had to go before it was clear what it is */
    bool has_context;           /* it begins with the byte before, so that "task-" does not become "sk-" */
    ag_scrub_open_t open;
} ag_scrub_stream_t;

/*  Appends to `out` what can be told; returns how many secrets were taken out. */
size_t ag_scrub_feed (ag_scrub_t *self, ag_scrub_stream_t *stream, ag_str_t text, ag_buf_t *out);
/*  The rest, as it is. The stream may go on: should it then turn out that this
    was the beginning of a secret, what follows of it is hidden. */
size_t ag_scrub_flush (ag_scrub_t *self, ag_scrub_stream_t *stream, ag_buf_t *out);
bool ag_scrub_holds (const ag_scrub_stream_t *stream);

#endif
