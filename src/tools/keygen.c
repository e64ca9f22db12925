/*  tools/keygen.c - agentgate-keygen: keys for tcp between machines

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <stdio.h>
#include <stdlib.h>

#include "bus/curve.h"
#include "core/log.h"
#include "core/settings.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char s_usage[] =
    "Usage: agentgate-keygen DIR\n"
    "Makes a key for --curve-dir DIR: DIR/own (public), DIR/own_secret, and DIR/allowed/, into which the public keys\n"
    "of those that may connect are copied. Who connects also needs the gateway's public key as DIR/gateway.\n";

int main (int argc, char **argv)
{
    char *error = NULL, key[41];
    ag_log_init ("agentgate-keygen", AG_LOG_WARNING, false);
    ag_settings_t *settings = ag_settings_new (NULL, 0, s_usage, argc, argv, &error);
    if (!settings)
        ag_fatal (EXIT_USAGE, "%s", error);
    if (ag_settings_rest (settings) != argc - 1)
        ag_fatal (EXIT_USAGE, "DIR is wanted; --help says more");
    if (ag_curve_generate (argv[argc - 1], key, &error))
        ag_fatal (EXIT_FAILED, "%s", error);
    printf ("%s\n", key);
    ag_settings_destroy (&settings);
    return 0;
}
