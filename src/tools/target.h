/*  tools/target.h - where a tool's events go: gateways and the state folder

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_TOOLS_TARGET_H
#define AG_TOOLS_TARGET_H

#include <agentgate/writer.h>

#include "bus/curve.h"
#include "bus/endpoints.h"
#include "core/settings.h"

/*  Exit statuses of the tools that write. */
enum { AG_EXIT_FAILED = 1, AG_EXIT_USAGE = 2, AG_EXIT_OWED = 3 };

/*  Rows of their settings tables. */
#define AG_TARGET_SETTINGS \
    { .name = "bus", .type = AG_SETTING_STRING, .metavar = "ENDPOINT", .env = "AGENTGATE_BUS", .repeatable = true, \
        .help = "where events go; by default ipc://<runtime dir>/bus" }, \
    { .name = "control", .type = AG_SETTING_STRING, .metavar = "ENDPOINT", .env = "AGENTGATE_CONTROL", .repeatable = true, \
        .help = "a gateway's control channel; by default ipc://<runtime dir>/control" }, \
    { .name = "state-dir", .type = AG_SETTING_STRING, .metavar = "DIR", .env = "AGENTGATE_STATE_DIR", \
        .help = "where journals are kept; by default ~/.local/state/agentgate" }, \
    { .name = "curve-dir", .type = AG_SETTING_STRING, .metavar = "DIR", .env = "AGENTGATE_CURVE_DIR", \
        .help = "our key and the gateway's, for tcp endpoints" }, \
    { .name = "insecure", .type = AG_SETTING_FLAG, .env = "AGENTGATE_INSECURE", \
        .help = "allow tcp endpoints that are not loopback without keys" }, \
    { .name = "config", .type = AG_SETTING_STRING, .metavar = "FILE", .env = "AGENTGATE_CONFIG", \
        .fallback = "/etc/agentgate/stream.conf", .help = "settings as NAME = VALUE" }

/*  Where to, by the settings or by the rule. Ends the program when one is wrong. */
typedef struct {
    ag_endpoints_t bus, control;
    ag_curve_t *curve;          /* or NULL */
} ag_target_endpoints_t;
void ag_target_endpoints (const ag_settings_t *settings, ag_target_endpoints_t *endpoints_r);
void ag_target_endpoints_free (ag_target_endpoints_t *self);

/*  The folder of state, made if need be; malloc'ed. Ends the program when there is none. */
char *ag_target_state_dir (const ag_settings_t *settings);
/*  The folder of a work order's own stream, made if need be; malloc'ed. */
char *ag_target_work_order_folder (const char *state_dir, ag_str_t work_order, char **error_r);
/*  Opens the writer of the journal in a run's folder, which ag_rundir_make has marked as owed. */
ag_writer_t *ag_target_writer (const ag_settings_t *settings, const char *folder, const ag_ids_t *ids, char **error_r);
/*  Waits for the gateways, closes, and leaves the mark for those only that lack something.
    The exit status: 0 or AG_EXIT_OWED (and why, on stderr). */
int ag_target_finish (ag_writer_t **writer_p, const ag_settings_t *settings, const char *folder, int timeout_ms);

ag_str_t ag_target_text (const ag_settings_t *settings, const char *name);      /* absent when it was not given */

#endif
