/*  tools/target.c - where a tool's events go: gateways and the state folder

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "tools/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/debt.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/paths.h"
#include "exec/rundir.h"

enum { STRANGER_MS = 500, TURN_US = 1000 };

ag_str_t ag_target_text (const ag_settings_t *settings, const char *name)
{
    const char *text = ag_settings_string (settings, name);
    return text ? (ag_str_t){ text, strlen (text) } : (ag_str_t){ NULL, 0 };
}

char *ag_target_state_dir (const ag_settings_t *settings)
{
    char *error = NULL;
    const char *given = ag_settings_string (settings, "state-dir");
    char *state_dir = given ? ag_strdup (given) : ag_path_state_dir (&error);
    if (!state_dir)
        ag_fatal (AG_EXIT_FAILED, "%s", error);
    return state_dir;
}

char *ag_target_work_order_folder (const char *state_dir, ag_str_t work_order, char **error_r)
{
    char *name = ag_rundir_name (work_order);
    char *folder = ag_asprintf ("%s/work-orders/%s", state_dir, name);
    free (name);
    if (ag_path_make (folder, 0700) == 0 || errno == EEXIST)
        return folder;
    *error_r = ag_asprintf ("cannot make the folder %s: %s", folder, strerror (errno));
    free (folder);
    return NULL;
}

/* ---------------------------------------------------------------------- */
/*  Endpoints */

static const char *const *s_list (const ag_settings_t *settings, const char *name, size_t *count_r)
{
    *count_r = ag_settings_count (settings, name);
    const char **list = ag_calloc (*count_r + 1, sizeof *list);
    for (size_t i = 0; i < *count_r; i++)
        list[i] = ag_settings_nth (settings, name, i);
    return list;
}

static void s_endpoints (const ag_settings_t *settings, const char *name, char *(*fallback) (char **error_r),
    ag_endpoints_t *endpoints_r)
{
    char *error = NULL;
    size_t count;
    const char *const *given = s_list (settings, name, &count);
    bool exposed = ag_settings_string (settings, "curve-dir") || ag_settings_flag (settings, "insecure");
    if (ag_endpoints_init (endpoints_r, given, count, fallback, exposed, &error))
        ag_fatal (AG_EXIT_USAGE, "%s", error);
    free ((void *) given);
}

void ag_target_endpoints (const ag_settings_t *settings, ag_target_endpoints_t *endpoints_r)
{
    char *error = NULL;
    const char *curve_dir = ag_settings_string (settings, "curve-dir");
    s_endpoints (settings, "bus", ag_path_bus, &endpoints_r->bus);
    s_endpoints (settings, "control", ag_path_control, &endpoints_r->control);
    endpoints_r->curve = curve_dir ? ag_curve_load (curve_dir, &error) : NULL;
    if (curve_dir && !endpoints_r->curve)
        ag_fatal (AG_EXIT_FAILED, "%s", error);
}

void ag_target_endpoints_free (ag_target_endpoints_t *self)
{
    ag_endpoints_free (&self->bus);
    ag_endpoints_free (&self->control);
    ag_curve_destroy (&self->curve);
}

/* ---------------------------------------------------------------------- */
/*  Writer */

ag_writer_t *ag_target_writer (const ag_settings_t *settings, const char *folder, const ag_ids_t *ids, char **error_r)
{
    ag_writer_options_t options = { .ids = *ids,
        .curve_dir = ag_settings_string (settings, "curve-dir"),
        .insecure = ag_settings_flag (settings, "insecure") };
    char *journal = ag_asprintf ("%s/run.db", folder);
    options.journal = journal;
    options.bus = s_list (settings, "bus", &options.bus_count);
    options.control = s_list (settings, "control", &options.control_count);
    ag_writer_t *writer = ag_writer_open (&options, error_r);
    free ((void *) options.bus);
    free ((void *) options.control);
    free (journal);
    return writer;
}

static bool s_flush (ag_writer_t *writer, int timeout_ms)
{
    bool acked = ag_writer_flush (writer, timeout_ms < STRANGER_MS ? timeout_ms : STRANGER_MS);
    if (!acked && ag_writer_answered (writer) && timeout_ms > STRANGER_MS)
        acked = ag_writer_flush (writer, timeout_ms - STRANGER_MS);
    return acked;
}

/*  Acknowledged by those that answered; each is asked what it has, and who does not
    answer is named in the mark. */
static void s_settle (const ag_settings_t *settings, const char *folder)
{
    char *error = NULL;
    ag_target_endpoints_t endpoints;
    ag_target_endpoints (settings, &endpoints);
    ag_owed_options_t owed = { .control = (const char *const *) endpoints.control.texts,
        .control_count = endpoints.control.count,
        .curve = endpoints.curve,
        .answer_us = STRANGER_MS * 1000 };
    ag_debt_t *debt = ag_debt_new (folder, &owed, NULL, ag_clock_mono_us (), &error);
    int64_t when_us;
    while (debt && ag_debt_turn (debt, ag_clock_mono_us (), &when_us) == AG_DEBT_PAYING)
        usleep (TURN_US);
    ag_debt_destroy (&debt);
    ag_target_endpoints_free (&endpoints);
    free (error);
}

int ag_target_finish (ag_writer_t **writer_p, const ag_settings_t *settings, const char *folder, int timeout_ms)
{
    bool acked = s_flush (*writer_p, timeout_ms);
    const char *refused = ag_writer_refused (*writer_p);
    if (!acked)
        fprintf (stderr, "%s: in the journal, but not acknowledged: %s; agentgate-replay --owed delivers it later\n",
            program_invocation_short_name, refused ? refused : "no gateway has answered in time");
    ag_writer_close (writer_p, 0);
    if (acked)
        s_settle (settings, folder);
    return acked ? 0 : AG_EXIT_OWED;
}
