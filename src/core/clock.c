/*  core/clock.c - the two clocks

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/clock.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

static int64_t s_now_us (clockid_t clock)
{
    struct timespec now;
    clock_gettime (clock, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t ag_clock_mono_us (void)
{
    return s_now_us (CLOCK_MONOTONIC);
}

int64_t ag_clock_wall_us (void)
{
    return s_now_us (CLOCK_REALTIME);
}

/*  Days since 1970 to a date, after Howard Hinnant, "chrono-Compatible Low-Level
    Date Algorithms" (civil_from_days); gmtime_r is five times as slow and this
    is done for each event. */
static void s_civil (int64_t days, int *year_r, unsigned *month_r, unsigned *day_r)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned) (days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * day_of_year + 2) / 153;
    *day_r = day_of_year - (153 * month + 2) / 5 + 1;
    *month_r = month < 10 ? month + 3 : month - 9;
    *year_r = (int) (year_of_era + era * 400) + (*month_r <= 2);
}

static char *s_put (char *at, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char) ('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

void ag_clock_format (int64_t ts_us, char text[AG_TIMESTAMP_SIZE])
{
    /*  Four digits of year: 0000 to 9999, as ISO 8601 wants it. */
    const int64_t lowest = -62167219200000000, highest = 253402300799999999;
    ts_us = ts_us < lowest ? lowest : ts_us > highest ? highest : ts_us;
    int64_t day_us = 86400000000;
    int64_t days = ts_us / day_us - (ts_us % day_us < 0);
    unsigned ms = (unsigned) ((ts_us - days * day_us) / 1000);
    int year;
    unsigned month, day;
    s_civil (days, &year, &month, &day);
    char *at = s_put (text, (unsigned) year, 4);
    *at++ = '-';
    at = s_put (at, month, 2);
    *at++ = '-';
    at = s_put (at, day, 2);
    *at++ = 'T';
    at = s_put (at, ms / 3600000, 2);
    *at++ = ':';
    at = s_put (at, ms / 60000 % 60, 2);
    *at++ = ':';
    at = s_put (at, ms / 1000 % 60, 2);
    *at++ = '.';
    at = s_put (at, ms % 1000, 3);
    *at++ = 'Z';
    *at = 0;
}

uint64_t ag_epoch_new (void)
{
    uint16_t noise = 0;
    if (getrandom (&noise, sizeof noise, 0) != sizeof noise)
        noise = (uint16_t) s_now_us (CLOCK_MONOTONIC);
    return (uint64_t) (ag_clock_wall_us () / 1000) << 16 | noise;
}

void ag_epoch_format (uint64_t epoch, char text[17])
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 15; i >= 0; i--, epoch >>= 4)
        text[i] = hex[epoch & 15];
    text[16] = 0;
}

int ag_epoch_parse (const char *text, size_t len, uint64_t *epoch_r)
{
    if (len != 16)
        return -1;
    uint64_t epoch = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned) (c - '0') : c >= 'a' && c <= 'f' ? (unsigned) (c - 'a' + 10)
            : c >= 'A' && c <= 'F' ? (unsigned) (c - 'A' + 10) : 16;
        if (digit == 16)
            return -1;
        epoch = epoch << 4 | digit;
    }
    *epoch_r = epoch;
    return 0;
}
