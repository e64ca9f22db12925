/*  core/paths.h - where programs meet without being told (SPEC section 6, Security)

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Executor and gateway find each other by the same rule: /run/agentgate if it
    exists and may be used (made by the service, 0770, group agentgate), else
    $XDG_RUNTIME_DIR/agentgate, else /tmp/agentgate-UID (both made 0700 and
    refused when they belong to somebody else). State: $STATE_DIRECTORY
    (systemd: /var/lib/agentgate), else $XDG_STATE_HOME/agentgate, else
    ~/.local/state/agentgate.
*/
#ifndef AG_CORE_PATHS_H
#define AG_CORE_PATHS_H

#include <agentgate/event.h>

/*  All results are malloc'ed; NULL with *error_r says why not. */
char *ag_path_runtime_dir (char **error_r);
char *ag_path_bus (char **error_r);             /* ipc://<runtime>/bus */
char *ag_path_control (char **error_r);         /* ipc://<runtime>/control */
char *ag_path_state_dir (char **error_r);       /* made, 0700 */
/*  mkdir -p with mode on the parts that it makes. 0, or -1 with errno. */
int ag_path_make (const char *path, unsigned mode);
/*  An address of 127.0.0.0/8, ::1 or localhost; not a name that begins like one: that could be
    anybody's. */
bool ag_host_is_loopback (ag_str_t host);
/*  Checks an endpoint for a socket: ipc:// path of at most 107 bytes, tcp://
    host:port; a tcp address that is not loopback is refused unless `exposed`
    (CURVE or --insecure). 0, or -1 with *error_r. */
int ag_endpoint_check (const char *endpoint, int exposed, char **error_r);

#endif
