/*  gateway/net/options.c - what can be set, and whether it goes together

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/paths.h"
#include "net/tokens.h"

int ag_listen_split (const char *listen, char **host_r, int *port_r, char **error_r)
{
    const char *colon = strrchr (listen, ':'), *digits = colon ? colon + 1 : listen;
    char *end = NULL;
    long port = strtol (digits, &end, 10);
    if (end == digits || *end || port < 0 || port > 65535) {
        *error_r = ag_asprintf ("--listen: must be HOST:PORT, not \"%s\"", listen);
        return -1;
    }
    size_t host_len = colon ? (size_t) (colon - listen) : 0;
    bool brackets = host_len >= 2 && listen[0] == '[' && listen[host_len - 1] == ']';
    *host_r = colon ? ag_strndup (listen + brackets, host_len - 2 * brackets) : ag_strdup ("127.0.0.1");
    *port_r = (int) port;
    return 0;
}

static int s_check_listen (const ag_gateway_options_t *self, char **error_r)
{
    char *host;
    int port;
    if (ag_listen_split (self->listen, &host, &port, error_r) != 0)
        return -1;
    bool safe = ag_host_is_loopback ((ag_str_t) { host, strlen (host) }) || self->token_file || self->insecure;
    free (host);
    if (safe)
        return 0;
    *error_r = ag_asprintf ("--listen: %s can be reached from outside, so tokens are needed (--token-file), or --insecure",
        self->listen);
    return -1;
}

static int s_check_endpoints (const ag_gateway_options_t *self, char **error_r)
{
    const struct { const char *name, *endpoint; } all[] = {
        { "bus", self->bus }, { "control", self->control }, { "republish", self->republish }
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char *why = NULL;
        if (!all[i].endpoint || ag_endpoint_check (all[i].endpoint, self->insecure || self->curve_dir, &why) == 0)
            continue;
        *error_r = ag_asprintf ("--%s: %s", all[i].name, why);
        free (why);
        return -1;
    }
    return 0;
}

static int s_check_readable (const char *name, const char *path, int how, char **error_r)
{
    if (!path || access (path, how) == 0)
        return 0;
    *error_r = ag_asprintf ("--%s '%s': %s", name, path, strerror (errno));
    return -1;
}

static int s_check_files (const ag_gateway_options_t *self, char **error_r)
{
    if (!self->tls_cert != !self->tls_key) {
        *error_r = ag_strdup ("--tls-cert and --tls-key belong together");
        return -1;
    }
    if (s_check_readable ("tls-cert", self->tls_cert, R_OK, error_r) != 0
        || s_check_readable ("tls-key", self->tls_key, R_OK, error_r) != 0
        || s_check_readable ("curve-dir", self->curve_dir, R_OK | X_OK, error_r) != 0
        || s_check_readable ("dashboard-dir", self->dashboard_dir, R_OK | X_OK, error_r) != 0)
        return -1;
    ag_tokens_t *tokens = self->token_file ? ag_tokens_load (self->token_file, error_r) : NULL;
    int rc = self->token_file && !tokens ? -1 : 0;
    ag_tokens_destroy (&tokens);
    return rc;
}

int ag_gateway_options_check (const ag_gateway_options_t *self, char **error_r)
{
    if (s_check_listen (self, error_r) != 0 || s_check_endpoints (self, error_r) != 0)
        return -1;
    return s_check_files (self, error_r);
}
