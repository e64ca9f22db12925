/*  gateway/net/main.c - agentgate-gateway: bus in, WebSocket and HTTP out

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/paths.h"
#include "core/settings.h"
#include "net/gateway.h"

enum { WRONG_USE = 2, FAILED = 1 };
enum { OTHER_DESCRIPTORS = 4096 };      /* besides viewers: executors have two or three each */

static const ag_setting_t s_table[] = {
    { "listen", AG_SETTING_STRING, "HOST:PORT", "AGENTGATE_LISTEN", "127.0.0.1:3001", 0, 0, NULL, false,
      "where viewers connect; port 0 takes a free one" },
    { "bus", AG_SETTING_STRING, "ENDPOINT", "AGENTGATE_BUS", NULL, 0, 0, NULL, false,
      "where executors publish (default: ipc://<runtime dir>/bus)" },
    { "control", AG_SETTING_STRING, "ENDPOINT", "AGENTGATE_CONTROL", NULL, 0, 0, NULL, false,
      "their control channel (default: ipc://<runtime dir>/control)" },
    { "republish", AG_SETTING_STRING, "ENDPOINT", "AGENTGATE_REPUBLISH", NULL, 0, 0, NULL, false,
      "where other programs may subscribe to everything; 'none' (default: ipc://<runtime dir>/republish)" },
    { "state-dir", AG_SETTING_STRING, "DIR", "AGENTGATE_STATE_DIR", NULL, 0, 0, NULL, false,
      "where history is kept (default: the state dir)" },
    { "store", AG_SETTING_CHOICE, NULL, "AGENTGATE_STORE", "sqlite", 0, 0, "sqlite|none", false,
      "what history is kept in" },
    { "store-days", AG_SETTING_INTEGER, "N", "AGENTGATE_STORE_DAYS", "30", 0, 36500, NULL, false,
      "how long history is kept; 0: for ever" },
    { "store-mb", AG_SETTING_INTEGER, "N", "AGENTGATE_STORE_MB", "10240", 0, 1073741824, NULL, false,
      "how large it may become; 0: no limit" },
    { "rate-limit", AG_SETTING_INTEGER, "N", "AGENTGATE_STREAM_RATE_LIMIT", "50", 0, 1000000, NULL, false,
      "events a second for each viewer; 0: no limit" },
    { "buffer-size", AG_SETTING_INTEGER, "N", "AGENTGATE_STREAM_BUFFER_SIZE", "1000", 16, 1000000, NULL, false,
      "events of each stream held in memory" },
    { "batch-ms", AG_SETTING_INTEGER, "MS", "AGENTGATE_STREAM_BATCH_MS", "100", 10, 10000, NULL, false,
      "batching window of viewers" },
    { "retention-min", AG_SETTING_INTEGER, "MIN", "AGENTGATE_STREAM_RETENTION_MIN", "60", 0, 525600, NULL, false,
      "how long an ended stream stays in memory" },
    { "token-file", AG_SETTING_STRING, "FILE", "AGENTGATE_TOKEN_FILE", NULL, 0, 0, NULL, false,
      "tokens that viewers must show; a line each: SHA-256 [cancel] [work-order=ID ...]" },
    { "allow-origin", AG_SETTING_STRING, "ORIGIN", "AGENTGATE_ALLOW_ORIGIN", NULL, 0, 0, NULL, true,
      "web pages of this origin may connect too; repeatable" },
    { "tls-cert", AG_SETTING_STRING, "FILE", "AGENTGATE_TLS_CERT", NULL, 0, 0, NULL, false,
      "certificate chain for https, with --tls-key" },
    { "tls-key", AG_SETTING_STRING, "FILE", "AGENTGATE_TLS_KEY", NULL, 0, 0, NULL, false, "its private key" },
    { "curve-dir", AG_SETTING_STRING, "DIR", "AGENTGATE_CURVE_DIR", NULL, 0, 0, NULL, false,
      "CURVE certificate of the bus and the keys allowed on it" },
    { "insecure", AG_SETTING_FLAG, NULL, "AGENTGATE_INSECURE", NULL, 0, 0, NULL, false,
      "allow addresses that others can reach without tokens or CURVE" },
    { "max-connections", AG_SETTING_INTEGER, "N", "AGENTGATE_MAX_CONNECTIONS", "4096", 1, 1000000, NULL, false,
      "viewers at once" },
    { "max-per-address", AG_SETTING_INTEGER, "N", "AGENTGATE_MAX_PER_ADDRESS", "2048", 1, 1000000, NULL, false,
      "of these, from one address" },
    { "max-subscriptions", AG_SETTING_INTEGER, "N", "AGENTGATE_MAX_SUBSCRIPTIONS", "64", 1, 10000, NULL, false,
      "of one viewer" },
    { "ping-s", AG_SETTING_INTEGER, "S", "AGENTGATE_PING_S", "20", 1, 3600, NULL, false,
      "a viewer that is silent is asked for a sign of life after so many seconds" },
    { "stall-s", AG_SETTING_INTEGER, "S", "AGENTGATE_STALL_S", "30", 3, 3600, NULL, false,
      "a viewer that reads nothing, or does not answer, is closed after so many seconds" },
    { "dashboard-dir", AG_SETTING_STRING, "DIR", "AGENTGATE_DASHBOARD_DIR", NULL, 0, 0, NULL, false,
      "serve the page from this folder instead of the one linked in" },
    { "config", AG_SETTING_STRING, "FILE", "AGENTGATE_CONFIG", "/etc/agentgate/stream.conf", 0, 0, NULL, false,
      "settings, a line each: name = value" },
    { "check-config", AG_SETTING_FLAG, NULL, NULL, NULL, 0, 0, NULL, false, "print the effective settings and end" },
    { "log-level", AG_SETTING_CHOICE, NULL, "AGENTGATE_LOG_LEVEL", "info", 0, 0, "error|warning|info|debug", false,
      "what is told on stderr" },
    { "log-format", AG_SETTING_CHOICE, NULL, "AGENTGATE_LOG_FORMAT", "text", 0, 0, "text|json", false, "and how" },
};

static const char s_usage[] =
    "agentgate-gateway [options]\n"
    "Takes events of agents from the bus and streams them to viewers: dashboard at /, WebSocket at /ws,\n"
    "HTTP at /api/v1. Says 'listening on URL' on stderr when it is ready. Exits 0 on SIGTERM, SIGINT or SIGHUP,\n"
    "2 on wrong use, 1 when it cannot run.\n";

/*  Places that nobody named, kept until the process ends. */
static char *s_places[4];
static size_t s_place_count;

/*  A setting, or what `find` says. Ends the process when that fails. */
static const char *s_or (const ag_settings_t *settings, const char *name, char *(*find) (char **error_r))
{
    const char *given = ag_settings_string (settings, name);
    if (given && *given)
        return given;
    char *error = NULL;
    char *found = find (&error);
    if (!found)
        ag_fatal (FAILED, "--%s: %s", name, error);
    s_places[s_place_count++] = found;
    return found;
}

static char *s_republish_path (char **error_r)
{
    char *dir = ag_path_runtime_dir (error_r);
    char *path = dir ? ag_asprintf ("ipc://%s/republish", dir) : NULL;
    free (dir);
    return path;
}

static void s_take_origins (const ag_settings_t *settings, ag_gateway_options_t *options)
{
    size_t count = ag_settings_count (settings, "allow-origin");
    const char **origins = ag_calloc (count + 1, sizeof *origins);
    for (size_t i = 0; i < count; i++)
        origins[i] = ag_settings_nth (settings, "allow-origin", i);
    options->origins = origins;
    options->origin_count = count;
}

static void s_take_paths (const ag_settings_t *settings, ag_gateway_options_t *options)
{
    options->bus = s_or (settings, "bus", ag_path_bus);
    options->control = s_or (settings, "control", ag_path_control);
    options->republish = s_or (settings, "republish", s_republish_path);
    if (strcmp (options->republish, "none") == 0)
        options->republish = NULL;
    options->state_dir = s_or (settings, "state-dir", ag_path_state_dir);
}

static void s_take (const ag_settings_t *settings, ag_gateway_options_t *options)
{
    *options = (ag_gateway_options_t) {
        .listen = ag_settings_string (settings, "listen"),
        .store = strcmp (ag_settings_string (settings, "store"), "none") != 0,
        .curve_dir = ag_settings_string (settings, "curve-dir"),
        .tls_cert = ag_settings_string (settings, "tls-cert"),
        .tls_key = ag_settings_string (settings, "tls-key"),
        .token_file = ag_settings_string (settings, "token-file"),
        .dashboard_dir = ag_settings_string (settings, "dashboard-dir"),
        .insecure = ag_settings_flag (settings, "insecure"),
        .rate_limit = (uint32_t) ag_settings_integer (settings, "rate-limit"),
        .buffer_events = (uint32_t) ag_settings_integer (settings, "buffer-size"),
        .batch_us = ag_settings_integer (settings, "batch-ms") * 1000,
        .retention_us = ag_settings_integer (settings, "retention-min") * 60000000,
        .store_retention_us = ag_settings_integer (settings, "store-days") * 86400 * 1000000,
        .store_bytes = (uint64_t) ag_settings_integer (settings, "store-mb") * 1024 * 1024,
        .connections = (uint32_t) ag_settings_integer (settings, "max-connections"),
        .connections_per_address = (uint32_t) ag_settings_integer (settings, "max-per-address"),
        .subscriptions = (uint32_t) ag_settings_integer (settings, "max-subscriptions"),
        .ping_us = ag_settings_integer (settings, "ping-s") * 1000000,
        .stall_us = ag_settings_integer (settings, "stall-s") * 1000000,
    };
    s_take_origins (settings, options);
    s_take_paths (settings, options);
}

/*  A descriptor for each viewer, some for executors and files, as far as the system
    lets us. Not all that it would give: libwebsockets has tables of that length. Its
    own limit (fd_limit_per_thread) makes it search them from the start each time. */
static void s_set_descriptors (uint32_t connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t) connections + OTHER_DESCRIPTORS;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (limit.rlim_cur < wanted)
        ag_log_warning ("DESCRIPTORS", "the system allows %llu descriptors, so there may be fewer viewers than "
            "max-connections: wanted=%llu", (unsigned long long) limit.rlim_cur, (unsigned long long) wanted);
    setrlimit (RLIMIT_NOFILE, &limit);
}

/*  What follows where nothing is said; behind the settings. */
static void s_print_places (const ag_gateway_options_t *options)
{
    printf ("\n# bus: %s\n# control: %s\n# republish: %s\n# state: %s\n", options->bus, options->control,
        options->republish ? options->republish : "none", options->state_dir);
}

static int s_run (const ag_gateway_options_t *options)
{
    char *error = NULL;
    if (ag_path_make (options->state_dir, 0700) != 0)
        ag_fatal (FAILED, "--state-dir %s: cannot be made: %m", options->state_dir);
    s_set_descriptors (options->connections);
    ag_gateway_t *gateway = ag_gateway_new (options, &error);
    if (!gateway)
        ag_fatal (FAILED, "%s", error);
    ag_log_info ("START", "version=%s bus=%s control=%s republish=%s store=%s state=%s", PACKAGE_VERSION, options->bus,
        options->control, options->republish ? options->republish : "none", options->store ? "sqlite" : "none",
        options->state_dir);
    int rc = ag_gateway_run (gateway);
    ag_gateway_destroy (&gateway);
    return rc == 0 ? 0 : FAILED;
}

int main (int argc, char **argv)
{
    char *error = NULL;
    ag_log_level_t level = AG_LOG_INFO;
    ag_log_init ("agentgate-gateway", level, false);
    const size_t rows = sizeof s_table / sizeof s_table[0];
    ag_settings_t *settings = ag_settings_new (s_table, rows, s_usage, argc, argv, &error);
    if (!settings)
        ag_fatal (WRONG_USE, "%s", error);
    if (ag_settings_rest (settings) < argc)
        ag_fatal (WRONG_USE, "'%s': only options are allowed; see --help", argv[ag_settings_rest (settings)]);
    ag_log_level_parse (ag_settings_string (settings, "log-level"), &level);
    ag_log_init ("agentgate-gateway", level, strcmp (ag_settings_string (settings, "log-format"), "json") == 0);
    bool only_check = ag_settings_flag (settings, "check-config");
    if (only_check)
        ag_settings_print (settings, stdout);
    ag_gateway_options_t options;
    s_take (settings, &options);
    if (ag_gateway_options_check (&options, &error) != 0)
        ag_fatal (WRONG_USE, "%s", error);
    if (only_check)
        s_print_places (&options);
    int status = only_check ? 0 : s_run (&options);
    free ((void *) options.origins);
    ag_settings_destroy (&settings);
    return status;
}
