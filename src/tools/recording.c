/*  tools/recording.c - a recorded stdout, with the time of each line beside it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "tools/recording.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"

static const double AFTER_MAX_US = 1e17;        /* three thousand years */

/*  NAME.timing for NAME.EXTENSION. */
static char *s_timing_path (const char *path)
{
    const char *slash = strrchr (path, '/');
    const char *dot = strrchr (slash ? slash : path, '.');
    size_t len = dot ? (size_t) (dot - path) : strlen (path);
    return ag_asprintf ("%.*s.timing", (int) len, path);
}

/*  The time of the next line in microseconds; -1: no more. -2 with *error_r. */
static int64_t s_next_time (FILE *timing, const char *path, unsigned line, char **error_r)
{
    char text[64];
    if (!timing || !fgets (text, sizeof text, timing))
        return -1;
    char *end;
    double ms = strtod (text, &end);
    if (end != text && (*end == '\n' || *end == '\r' || *end == 0) && isfinite (ms) && ms >= 0 && ms < 1e12)
        return (int64_t) (ms * 1000);
    *error_r = ag_asprintf ("%s line %u: a time in milliseconds is wanted", path, line);
    return -2;
}

/*  When something is due that came at_us after the start; a very slow speed does not overflow. */
static int64_t s_due_us (int64_t start_us, int64_t at_us, double speed)
{
    double after_us = (double) at_us / speed;
    return after_us < AFTER_MAX_US ? start_us + (int64_t) after_us : start_us + (int64_t) AFTER_MAX_US;
}

static void s_wait_until (int64_t when_us)
{
    struct timespec when = { .tv_sec = when_us / 1000000, .tv_nsec = when_us % 1000000 * 1000 };
    while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
        ;
}

static int s_write_all (int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t written = write (fd, bytes, len);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes += written;
            len -= (size_t) written;
        }
    }
    return 0;
}

/*  A recording that is being played. */
typedef struct {
    FILE *lines;
    FILE *timing; /* or NULL */
    char *timing_path;
    double speed; /* 0: no waiting */
    int fd;
} s_player_t;

static int s_play_lines (s_player_t *player, char **error_r)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int64_t start_us = ag_clock_mono_us ();
    int rc = 0;
    for (unsigned number = 1; rc == 0 && (len = getline (&line, &room, player->lines)) > 0; number++) {
        int64_t at_us = player->speed > 0 ? s_next_time (player->timing, player->timing_path, number, error_r) : -1;
        if (at_us == -2)
            rc = -1;
        else {
            if (at_us >= 0)
                s_wait_until (s_due_us (start_us, at_us, player->speed));
            rc = s_write_all (player->fd, line, (size_t) len);
            if (rc)
                *error_r = ag_asprintf ("cannot write the recording: %s", strerror (errno));
        }
    }
    free (line);
    return rc;
}

int ag_recording_play (const char *path, double speed, int fd, char **error_r)
{
    s_player_t player = { .lines = fopen (path, "re"), .timing_path = s_timing_path (path), .speed = speed, .fd = fd };
    int rc = -1;
    if (!player.lines)
        *error_r = ag_asprintf ("cannot open the recording %s: %s", path, strerror (errno));
    else {
        player.timing = fopen (player.timing_path, "re");
        rc = s_play_lines (&player, error_r);
        if (rc == 0 && ferror (player.lines)) {
            *error_r = ag_asprintf ("cannot read the recording %s: %s", path, strerror (errno));
            rc = -1;
        }
        fclose (player.lines);
    }
    if (player.timing)
        fclose (player.timing);
    free (player.timing_path);
    return rc;
}
