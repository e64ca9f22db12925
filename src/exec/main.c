/*  exec/main.c - agentgate-exec: runs an agent and streams what it does

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdlib.h>

#include "core/log.h"
#include "exec/executor.h"

enum { WRONG_USE = 2 };

int main (int argc, char **argv)
{
    ag_origin_t origin;
    ag_origin_capture (&origin);
    ag_log_init ("agentgate-exec", AG_LOG_WARNING, false);
    char *error = NULL;
    ag_options_t *options = ag_options_new (argc, argv, &error);
    if (!options)
        ag_fatal (WRONG_USE, "%s", error);
    int status = ag_executor_run (options, &origin, &error);
    if (status < 0)
        ag_fatal (WRONG_USE, "%s", error);
    ag_options_destroy (&options);
    return status;
}
