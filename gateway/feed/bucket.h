/*  feed/bucket.h - a token bucket in whole numbers

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Millionths of an event, so a microsecond at any whole rate adds a whole
    number and nothing drifts. Time is a parameter. SPEC section 7.3.
*/
#ifndef AG_FEED_BUCKET_H
#define AG_FEED_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t level;              /* millionths; below zero: debt */
    int64_t at_us;              /* when level was true */
    uint32_t rate;              /* per second; 0: no limit */
    uint32_t burst;             /* full at this many; debt ends at as many below zero */
} ag_bucket_t;

/*  Starts full. */
void ag_bucket_init (ag_bucket_t *self, uint32_t rate, uint32_t burst, int64_t now_us);
/*  Another rate from now on; what is in it stays, up to the new burst. */
void ag_bucket_set_rate (ag_bucket_t *self, uint32_t rate, uint32_t burst, int64_t now_us);
/*  A clock that goes back adds nothing. */
void ag_bucket_refill (ag_bucket_t *self, int64_t now_us);
/*  How many may go now; 0 in debt; INT64_MAX without a limit. */
int64_t ag_bucket_whole (const ag_bucket_t *self);
/*  How many more may go when debt is allowed. */
int64_t ag_bucket_whole_with_debt (const ag_bucket_t *self);
void ag_bucket_take (ag_bucket_t *self, int64_t count);

#endif
