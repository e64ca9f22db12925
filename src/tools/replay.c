/*  tools/replay.c - agentgate-replay: what has been, once more

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "core/settings.h"
#include "tools/recording.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char s_usage[] =
    "Usage: agentgate-replay [options] --stdout FILE\n"
    "Plays a recorded agent to stdout, each line at its time (FILE's timing stands beside it in NAME.timing).\n"
    "agentgate-exec -- agentgate-replay --stdout FILE shows it as a live run.\n";

static const ag_setting_t s_settings[] = {
    { .name = "stdout", .type = AG_SETTING_STRING, .metavar = "FILE", .help = "play this recording to stdout" },
    { .name = "speed", .type = AG_SETTING_STRING, .metavar = "N", .fallback = "1", .help = "N times as fast" },
    { .name = "fast", .type = AG_SETTING_FLAG, .help = "without waiting" },
};

/*  0: without waiting. */
static double s_speed (const ag_settings_t *settings)
{
    const char *text = ag_settings_string (settings, "speed");
    char *end;
    double speed = strtod (text, &end);
    if (end == text || *end || !isfinite (speed) || speed <= 0)
        ag_fatal (EXIT_USAGE, "--speed %s: a number above 0 is wanted", text);
    return ag_settings_flag (settings, "fast") ? 0 : speed;
}

int main (int argc, char **argv)
{
    char *error = NULL;
    ag_log_init ("agentgate-replay", AG_LOG_WARNING, false);
    ag_settings_t *settings =
        ag_settings_new (s_settings, sizeof s_settings / sizeof *s_settings, s_usage, argc, argv, &error);
    if (!settings)
        ag_fatal (EXIT_USAGE, "%s", error);
    double speed = s_speed (settings);
    const char *recording = ag_settings_string (settings, "stdout");
    if (!recording || ag_settings_rest (settings) < argc)
        ag_fatal (EXIT_USAGE, "what is to be played? --stdout FILE is wanted; --help says more");
    if (ag_recording_play (recording, speed, STDOUT_FILENO, &error))
        ag_fatal (EXIT_FAILED, "%s", error);
    ag_settings_destroy (&settings);
    return 0;
}
