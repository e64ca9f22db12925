/*  tools/replay.c - agentgate-replay: what has been, once more

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/owed.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "exec/rundir.h"
#include "tools/playback.h"
#include "tools/recording.h"
#include "tools/target.h"

static const char s_usage[] =
    "Usage: agentgate-replay [options] RUN|FILE\n"
    "       agentgate-replay [options] --stdout FILE\n"
    "       agentgate-replay [options] --owed\n"
    "Plays a run onto the bus again, as a new run: RUN is the id of one whose journal is here, FILE a journal\n"
    "(run.db) or a recorded stdout, which agentgate-exec then runs like the agent itself. --stdout only writes a\n"
    "recording to stdout, each line at its time (in NAME.timing beside it). --owed delivers what ended writers\n"
    "still owe the gateways, under its own numbers.\n"
    "Exits with 0: acknowledged; 3: in the journal, not acknowledged yet; 1: failed; 2: wrong use.\n";

static const ag_setting_t s_settings[] = {
    { .name = "stdout", .type = AG_SETTING_STRING, .metavar = "FILE", .help = "play this recording to stdout" },
    { .name = "owed", .type = AG_SETTING_FLAG, .help = "deliver what is owed" },
    { .name = "speed", .type = AG_SETTING_STRING, .metavar = "N", .fallback = "1", .help = "N times as fast" },
    { .name = "fast", .type = AG_SETTING_FLAG, .help = "without waiting" },
    { .name = "run-id", .type = AG_SETTING_STRING, .metavar = "ID", .help = "of the new run" },
    { .name = "work-order",
        .type = AG_SETTING_STRING,
        .metavar = "ID",
        .help = "of the new run; by default the old one" },
    AG_TARGET_SETTINGS,
};

/*  0: without waiting. */
static double s_speed (const ag_settings_t *settings)
{
    const char *text = ag_settings_string (settings, "speed");
    char *end;
    double speed = strtod (text, &end);
    if (end == text || *end || !isfinite (speed) || speed <= 0)
        ag_fatal (AG_EXIT_USAGE, "--speed %s: a number above 0 is wanted", text);
    return ag_settings_flag (settings, "fast") ? 0 : speed;
}

static int s_to_stdout (const char *recording, double speed)
{
    char *error = NULL;
    if (ag_recording_play (recording, speed, STDOUT_FILENO, &error))
        ag_fatal (AG_EXIT_FAILED, "%s", error);
    return 0;
}

/* ---------------------------------------------------------------------- */
/*  What is owed */

static int s_tell_owed (const ag_owed_result_t *result)
{
    fprintf (stderr, "agentgate-replay: %zu of %zu owed journals delivered, %zu runs given their end", result->delivered,
        result->found, result->closed);
    if (result->unanswered)
        fprintf (stderr, "; no gateway answers");
    else if (result->partly)
        fprintf (stderr, "; %zu are still owed to gateways that do not answer or were not asked", result->partly);
    fputc ('\n', stderr);
    if (result->failed)
        return AG_EXIT_FAILED;
    return result->delivered < result->found || result->partly ? AG_EXIT_OWED : 0;
}

static ag_owed_result_t s_deliver (const ag_owed_options_t *options)
{
    ag_owed_t *owed = ag_owed_new (options);
    ag_owed_result_t result;
    int64_t when_us;
    while ((when_us = ag_owed_turn (owed, ag_clock_mono_us ())) != INT64_MAX) {
        int64_t wait_us = when_us - ag_clock_mono_us ();
        if (wait_us > 0)
            usleep ((useconds_t) wait_us);
    }
    ag_owed_result (owed, &result);
    ag_owed_destroy (&owed);
    return result;
}

static int s_pay (const ag_settings_t *settings)
{
    char *state_dir = ag_target_state_dir (settings);
    ag_target_endpoints_t endpoints;
    ag_target_endpoints (settings, &endpoints);
    ag_owed_options_t options = { .state_dir = state_dir,
        .control = (const char *const *) endpoints.control.texts,
        .control_count = endpoints.control.count,
        .curve = endpoints.curve };
    ag_owed_result_t result = s_deliver (&options);
    ag_target_endpoints_free (&endpoints);
    free (state_dir);
    return s_tell_owed (&result);
}

/* ---------------------------------------------------------------------- */
/*  RUN or FILE */

/*  A program that was built or installed with us stands beside us. */
static char *s_executor (void)
{
    char self[PATH_MAX];
    ssize_t len = readlink ("/proc/self/exe", self, sizeof self - 1);
    char *slash = len > 0 ? memrchr (self, '/', (size_t) len) : NULL;
    char *beside = slash ? ag_asprintf ("%.*s/agentgate-exec", (int) (slash - self), self) : NULL;
    if (beside && access (beside, X_OK) == 0)
        return beside;
    free (beside);
    return ag_strdup ("agentgate-exec");
}

/*  Options of ours that the executor has too, handed on. */
static size_t s_hand_on (const ag_settings_t *settings, char **words, size_t max)
{
    static const char *const names[] = { "bus", "control", "state-dir", "curve-dir", "run-id", "work-order" };
    size_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t n = 0; n < ag_settings_count (settings, names[i]) && count < max; n++)
            words[count++] = ag_asprintf ("--%s=%s", names[i], ag_settings_nth (settings, names[i], n));
    if (ag_settings_flag (settings, "insecure") && count < max)
        words[count++] = ag_strdup ("--insecure");
    return count;
}

/*  The executor runs us as if we were the agent: so a recording takes the same way as a live run. */
static void s_run_recording (const ag_settings_t *settings, const char *path)
{
    enum { MAX = 64 };
    char *words[MAX + 12] = { s_executor (), ag_strdup ("--quiet"), ag_strdup ("--no-watch") };
    size_t count = 3 + s_hand_on (settings, words + 3, MAX);
    words[count++] = ag_strdup ("--");
    words[count++] = realpath ("/proc/self/exe", NULL);
    words[count++] = ag_asprintf ("--speed=%s", ag_settings_string (settings, "speed"));
    words[count++] = ag_asprintf ("--stdout=%s", path);
    if (ag_settings_flag (settings, "fast"))
        words[count++] = ag_strdup ("--fast");
    execvp (words[0], words);
    ag_fatal (AG_EXIT_FAILED, "%s: %s: it is wanted to play a recording onto the bus; --stdout does without", words[0],
        strerror (errno));
}

/*  What the executor would only find out when the run has begun. */
static void s_require_file (const char *path)
{
    struct stat info;
    if (stat (path, &info) == 0 && S_ISDIR (info.st_mode))
        ag_fatal (AG_EXIT_FAILED, "%s: is a folder; a journal is its run.db", path);
}

static int s_play (const ag_settings_t *settings, const char *what, double speed)
{
    s_require_file (what);
    int is_journal = ag_playback_is_journal (what);
    if (is_journal == 0)
        s_run_recording (settings, what);
    if (is_journal == 1)
        return ag_playback_run (settings, what, speed);
    char *state_dir = ag_target_state_dir (settings);
    char *folder = ag_rundir_path (state_dir, (ag_str_t){ what, strlen (what) });
    char *path = ag_asprintf ("%s/run.db", folder);
    if (access (path, R_OK))
        ag_fatal (AG_EXIT_FAILED, "%s: is neither a file nor a run in %s", what, state_dir);
    int status = ag_playback_run (settings, path, speed);
    free (path);
    free (folder);
    free (state_dir);
    return status;
}

int main (int argc, char **argv)
{
    char *error = NULL;
    ag_log_init ("agentgate-replay", AG_LOG_WARNING, false);
    ag_settings_t *settings =
        ag_settings_new (s_settings, sizeof s_settings / sizeof *s_settings, s_usage, argc, argv, &error);
    if (!settings)
        ag_fatal (AG_EXIT_USAGE, "%s", error);
    double speed = s_speed (settings);
    const char *recording = ag_settings_string (settings, "stdout");
    bool owed = ag_settings_flag (settings, "owed");
    int words = argc - ag_settings_rest (settings);
    if ((recording != NULL) + owed + words != 1)
        ag_fatal (AG_EXIT_USAGE,
            "what is to be played? One of RUN, FILE, --stdout FILE and --owed is wanted; --help says more");
    int status = recording ? s_to_stdout (recording, speed)
                 : owed    ? s_pay (settings)
                           : s_play (settings, argv[argc - 1], speed);
    ag_settings_destroy (&settings);
    return status;
}
