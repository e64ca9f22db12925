/*  core/paths.c - where programs meet without being told

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/paths.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/mem.h"

int ag_path_make (const char *path, unsigned mode)
{
    char *part = ag_strdup (path);
    int rc = 0;
    for (char *at = part + 1; rc == 0; at++) {
        if (*at != '/' && *at)
            continue;
        char end = *at;
        *at = 0;
        if (mkdir (part, mode) && errno != EEXIST)
            rc = -1;
        *at = end;
        if (!end)
            break;
    }
    int saved_errno = errno;
    free (part);
    errno = saved_errno;
    return rc;
}

/*  A folder for us alone: made if it is missing, refused if others could have
    prepared it. */
static char *s_private_dir (char *path, char **error_r)
{
    struct stat info;
    if (ag_path_make (path, 0700))
        *error_r = ag_asprintf ("cannot make the folder %s: %s", path, strerror (errno));
    else if (lstat (path, &info))
        *error_r = ag_asprintf ("cannot look at the folder %s: %s", path, strerror (errno));
    else if (!S_ISDIR (info.st_mode) || info.st_uid != geteuid () || (info.st_mode & 0022))
        *error_r = ag_asprintf ("%s is not a folder that belongs to us alone: remove it, or set XDG_RUNTIME_DIR", path);
    else
        return path;
    free (path);
    return NULL;
}

/*  The service's folder, made by systemd or the package: 0770, group agentgate. */
static const char s_service_dir[] = "/run/agentgate";

char *ag_path_runtime_dir (char **error_r)
{
    if (access (s_service_dir, W_OK | X_OK) == 0)
        return ag_strdup (s_service_dir);
    const char *runtime = getenv ("XDG_RUNTIME_DIR");
    if (runtime && runtime[0] == '/')
        return s_private_dir (ag_asprintf ("%s/agentgate", runtime), error_r);
    return s_private_dir (ag_asprintf ("/tmp/agentgate-%u", (unsigned) geteuid ()), error_r);
}

static char *s_socket (const char *name, char **error_r)
{
    char *dir = ag_path_runtime_dir (error_r);
    if (!dir)
        return NULL;
    char *endpoint = ag_asprintf ("ipc://%s/%s", dir, name);
    free (dir);
    return endpoint;
}

char *ag_path_bus (char **error_r)
{
    return s_socket ("bus", error_r);
}

char *ag_path_control (char **error_r)
{
    return s_socket ("control", error_r);
}

char *ag_path_state_dir (char **error_r)
{
    const char *service = getenv ("STATE_DIRECTORY");   /* systemd.exec(5) */
    const char *state = getenv ("XDG_STATE_HOME");
    const char *home = getenv ("HOME");
    char *path;
    if (service && service[0] == '/')
        path = ag_strndup (service, strcspn (service, ":"));
    else if (state && state[0] == '/')
        path = ag_asprintf ("%s/agentgate", state);
    else if (home && home[0] == '/')
        path = ag_asprintf ("%s/.local/state/agentgate", home);
    else {
        *error_r = ag_strdup ("no state folder: neither XDG_STATE_HOME nor HOME is set; give --state-dir DIR");
        return NULL;
    }
    return s_private_dir (path, error_r);
}

/* ---------------------------------------------------------------------- */
/*  Endpoints */

bool ag_host_is_loopback (ag_str_t host)
{
    if (ag_str_is (host, "localhost") || ag_str_is (host, "::1") || ag_str_is (host, "[::1]"))
        return true;
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (host.len >= sizeof text)
        return false;
    memcpy (text, host.ptr, host.len);
    text[host.len] = 0;
    return inet_pton (AF_INET, text, &address) == 1 && ntohl (address.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int s_check_ipc (const char *endpoint, char **error_r)
{
    const size_t max = sizeof ((struct sockaddr_un *) NULL)->sun_path - 1;
    size_t len = strlen (endpoint) - strlen ("ipc://");
    if (len >= 1 && len <= max)
        return 0;
    *error_r = ag_asprintf ("endpoint %s: the path has %zu bytes, a socket's may have 1 to %zu", endpoint, len, max);
    return -1;
}

static int s_check_tcp (const char *endpoint, int exposed, char **error_r)
{
    const char *host = endpoint + strlen ("tcp://");
    const char *colon = strrchr (host, ':');
    char *end = NULL;
    long port = colon ? strtol (colon + 1, &end, 10) : -1;
    bool any_port = colon && strcmp (colon + 1, "*") == 0;
    if (!colon || colon == host || (!any_port && (end == colon + 1 || *end || port < 0 || port > 65535))) {
        *error_r = ag_asprintf ("endpoint %s: tcp://HOST:PORT is wanted, PORT 0 to 65535 or *", endpoint);
        return -1;
    }
    if (exposed || ag_host_is_loopback ((ag_str_t) { host, (size_t) (colon - host) }))
        return 0;
    *error_r = ag_asprintf ("endpoint %s is not on the loopback: give --curve-dir DIR, or --insecure to do without keys", endpoint);
    return -1;
}

int ag_endpoint_check (const char *endpoint, int exposed, char **error_r)
{
    if (strncmp (endpoint, "ipc://", 6) == 0)
        return s_check_ipc (endpoint, error_r);
    if (strncmp (endpoint, "tcp://", 6) == 0)
        return s_check_tcp (endpoint, exposed, error_r);
    *error_r = ag_asprintf ("endpoint %s: ipc://PATH or tcp://HOST:PORT is wanted", endpoint);
    return -1;
}
