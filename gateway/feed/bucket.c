/*  feed/bucket.c - a token bucket in whole numbers

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "feed/bucket.h"

enum { MILLION = 1000000 };

void ag_bucket_init (ag_bucket_t *self, uint32_t rate, uint32_t burst, int64_t now_us)
{
    self->rate = rate;
    self->burst = burst;
    self->level = (int64_t) burst * MILLION;
    self->at_us = now_us;
}

void ag_bucket_set_rate (ag_bucket_t *self, uint32_t rate, uint32_t burst, int64_t now_us)
{
    ag_bucket_refill (self, now_us);
    int64_t full = (int64_t) burst * MILLION;
    /*  Out of "no limit" there is no level to keep. */
    if (self->rate == 0 || self->level > full)
        self->level = full;
    if (self->level < -full)
        self->level = -full;
    self->rate = rate;
    self->burst = burst;
}

void ag_bucket_refill (ag_bucket_t *self, int64_t now_us)
{
    int64_t elapsed_us = now_us - self->at_us;
    if (elapsed_us <= 0)
        return;
    self->at_us = now_us;
    if (self->rate == 0)
        return;
    int64_t full = (int64_t) self->burst * MILLION;
    /*  The division asks "longer than it takes to fill up?" where the product could overflow. */
    if (elapsed_us > (full - self->level) / self->rate)
        self->level = full;
    else
        self->level += elapsed_us * self->rate;
}

int64_t ag_bucket_whole (const ag_bucket_t *self)
{
    if (self->rate == 0)
        return INT64_MAX;
    return self->level < 0 ? 0 : self->level / MILLION;
}

int64_t ag_bucket_whole_with_debt (const ag_bucket_t *self)
{
    if (self->rate == 0)
        return INT64_MAX;
    int64_t above_floor = self->level + (int64_t) self->burst * MILLION;
    return above_floor < 0 ? 0 : above_floor / MILLION;
}

void ag_bucket_take (ag_bucket_t *self, int64_t count)
{
    if (self->rate != 0)
        self->level -= count * MILLION;
}
