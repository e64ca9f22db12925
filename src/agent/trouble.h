/*  agent/trouble.h - lines that could not be read

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Counted each, reported once per burst: lines without a good one between
    them, within a second.
*/
#ifndef AG_AGENT_TROUBLE_H
#define AG_AGENT_TROUBLE_H

#include "agent/out.h"

typedef struct ag_trouble ag_trouble_t;

ag_trouble_t *ag_trouble_new (void);
void ag_trouble_destroy (ag_trouble_t **self_p);
/*  A malformed line, where in it and why. */
void ag_trouble_bad_line (ag_trouble_t *self, ag_out_t *out, uint64_t number, ag_str_t line, size_t offset,
                          const char *why);
/*  A line above the limit: reported at once. */
void ag_trouble_long_line (ag_trouble_t *self, ag_out_t *out, uint64_t number, uint64_t bytes, size_t limit);
/*  A good line, the end, or the deadline: the burst is over. */
void ag_trouble_over (ag_trouble_t *self, ag_out_t *out);
int64_t ag_trouble_deadline_us (const ag_trouble_t *self);
bool ag_trouble_in_burst (const ag_trouble_t *self);
uint64_t ag_trouble_count (const ag_trouble_t *self);

#endif
