/*  core/clock.h - the two clocks

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Only I/O modules call these. Policy (parser, limiter, ring, client) gets
    its time as a parameter, so that a test can be the clock.
*/
#ifndef AG_CORE_CLOCK_H
#define AG_CORE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t ag_clock_mono_us (void);        /* CLOCK_MONOTONIC, for durations */
int64_t ag_clock_wall_us (void);        /* CLOCK_REALTIME, for timestamps */

/*  ISO 8601 in UTC with milliseconds, "2026-11-22T08:34:45.309Z"; 25 bytes with its NUL. */
enum { AG_TIMESTAMP_SIZE = 25 };
void ag_clock_format (int64_t ts_us, char text[AG_TIMESTAMP_SIZE]);

/*  A new epoch: 48 bits of milliseconds since 1970, then 16 random bits. */
uint64_t ag_epoch_new (void);
/*  16 lower-case hex digits; 17 bytes with the NUL. */
void ag_epoch_format (uint64_t epoch, char text[17]);
int ag_epoch_parse (const char *text, size_t len, uint64_t *epoch_r);   /* 0, or -1 */

#endif
