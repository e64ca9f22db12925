/*  gateway/net/origin.c - which pages may talk to us

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A browser sends any page's WebSocket and POST requests to us, with that
    page's Origin. Allowed: none (no browser), our own, those of --allow-origin.
    "Our own" is what the Host header says, and a foreign page can make its own
    name resolve to 127.0.0.1; so without tokens, on loopback, Host must be a
    number, localhost, or the host of an allowed origin.
*/
#include "net/conn.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 300 };

/*  "name:port" -> "name", in place; brackets of IPv6 go too. */
static void s_cut_port (char *host)
{
    if (host[0] == '[') {
        char *end = strchr (host, ']');
        if (end)
            *end = '\0';
        memmove (host, host + 1, strlen (host));
        return;
    }
    char *colon = strrchr (host, ':');
    if (colon)
        *colon = '\0';
}

static bool s_is_number_or_localhost (const char *host)
{
    char name[HOST_MAX], binary[16];
    snprintf (name, sizeof name, "%s", host);
    s_cut_port (name);
    size_t len = strlen (name);
    return inet_pton (AF_INET, name, binary) == 1 || inet_pton (AF_INET6, name, binary) == 1
        || strcasecmp (name, "localhost") == 0
        || (len > 10 && strcasecmp (name + len - 10, ".localhost") == 0);
}

static const char *s_authority (const char *origin)
{
    const char *slashes = strstr (origin, "://");
    return slashes ? slashes + 3 : origin;
}

static bool s_is_allowed (const ag_gateway_options_t *options, const char *origin)
{
    for (size_t i = 0; i < options->origin_count; i++)
        if (strcasecmp (options->origins[i], origin) == 0 || strcmp (options->origins[i], "*") == 0)
            return true;
    return false;
}

static bool s_is_host_of_allowed (const ag_gateway_options_t *options, const char *host)
{
    for (size_t i = 0; i < options->origin_count; i++)
        if (strcasecmp (s_authority (options->origins[i]), host) == 0)
            return true;
    return false;
}

const char *ag_origin_refused (ag_server_t *server, struct lws *wsi, char *origin_r, size_t origin_size)
{
    const ag_gateway_t *gateway = server->gateway;
    char host[HOST_MAX] = "", origin[HOST_MAX] = "";
    *origin_r = '\0';
    if (lws_hdr_copy (wsi, host, sizeof host, WSI_TOKEN_HOST) < 0)
        return "the Host header is too long";
    if (server->loopback && !gateway->tokens && *host && !s_is_number_or_localhost (host)
        && !s_is_host_of_allowed (&gateway->options, host))
        return "this gateway listens on loopback without tokens, so it answers only to localhost and to the hosts of "
            "--allow-origin";
    int len = lws_hdr_total_length (wsi, WSI_TOKEN_ORIGIN);
    if (len <= 0)
        return NULL;
    if (lws_hdr_copy (wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) < 0)
        return "the Origin header is too long";
    if (strcasecmp (s_authority (origin), host) == 0)
        return NULL;
    if (!s_is_allowed (&gateway->options, origin))
        return "pages of this origin are not allowed (--allow-origin)";
    snprintf (origin_r, origin_size, "%s", origin);
    return NULL;
}
