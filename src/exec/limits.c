/*  exec/limits.c - resource limits that were meant for the agent must not end us

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/limits.h"

#include <signal.h>
#include <sys/resource.h>

/*  Measured: 16 without publishing, 24 with a gateway's two sockets, 37 while an
    earlier run is delivered to it. */
enum { FILES_OF_OURS = 32, FILES_OF_A_SOCKET = 8 };

void ag_limits_widen (void)
{
    static const int resources[] = { RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NPROC };
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
        struct rlimit limit;
        if (getrlimit ((__rlimit_resource_t) resources[i], &limit) != 0 || limit.rlim_cur == limit.rlim_max)
            continue;
        limit.rlim_cur = limit.rlim_max;
        setrlimit ((__rlimit_resource_t) resources[i], &limit);
    }
    signal (SIGXFSZ, SIG_IGN);
}

bool ag_limits_allow_sockets (size_t endpoints)
{
    struct rlimit limit;
    return getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_OF_OURS + FILES_OF_A_SOCKET * endpoints;
}
