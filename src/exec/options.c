/*  exec/options.c - what agentgate-exec can be told

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/adapter.h"
#include "agent/redact.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/paths.h"
#include "core/settings.h"
#include "core/utf8.h"
#include "exec/watch.h"

#define DAYS_MAX 36500

static const ag_setting_t s_table[] = {
    { "run-id", AG_SETTING_STRING, "ID", "AGENTGATE_RUN_ID", NULL, 0, 0, NULL, false,
      "identity of this run, 1 to 128 bytes; by default a random one" },
    { "work-order", AG_SETTING_STRING, "ID", "AGENTGATE_WORK_ORDER", NULL, 0, 0, NULL, false,
      "what the run is for; by default the run id" },
    { "run-number", AG_SETTING_INTEGER, "N", "AGENTGATE_RUN_NUMBER", "1", 1, INT32_MAX, NULL, false,
      "which run of its work order it is" },
    { "format", AG_SETTING_STRING, "NAME", "AGENTGATE_FORMAT", "auto", 0, 0, NULL, false,
      "what the agent writes to its stdout: amp, claude, codex, cursor, gemini, opencode, flat or text; auto finds out" },
    { "stream", AG_SETTING_FLAG, NULL, "AGENTGATE_STREAM_ENABLED", "true", 0, 0, NULL, false,
      "publish the run; with --stream=false it is only kept in the journal" },
    { "bus", AG_SETTING_STRING, "ENDPOINT", "AGENTGATE_BUS", NULL, 0, 0, NULL, true,
      "where events go, repeatable; @ENDPOINT is bound; by default ipc://<runtime dir>/bus" },
    { "control", AG_SETTING_STRING, "ENDPOINT", "AGENTGATE_CONTROL", NULL, 0, 0, NULL, true,
      "a gateway's control channel, repeatable; by default ipc://<runtime dir>/control" },
    { "gateway", AG_SETTING_STRING, "HOST|DIR", "AGENTGATE_GATEWAY", NULL, 0, 0, NULL, true,
      "both of a gateway, repeatable: tcp ports 3002 and 3003 of a host, or the sockets in a folder" },
    { "curve-dir", AG_SETTING_STRING, "DIR", "AGENTGATE_CURVE_DIR", NULL, 0, 0, NULL, false,
      "our key and the gateway's, for tcp endpoints" },
    { "insecure", AG_SETTING_FLAG, NULL, "AGENTGATE_INSECURE", NULL, 0, 0, NULL, false,
      "allow tcp endpoints that are not loopback without keys" },
    { "state-dir", AG_SETTING_STRING, "DIR", "AGENTGATE_STATE_DIR", NULL, 0, 0, NULL, false,
      "where journals and raw output are kept; by default ~/.local/state/agentgate" },
    { "no-artifacts", AG_SETTING_FLAG, NULL, "AGENTGATE_NO_ARTIFACTS", NULL, 0, 0, NULL, false,
      "do not keep the raw output" },
    { "quiet", AG_SETTING_FLAG, NULL, "AGENTGATE_QUIET", NULL, 0, 0, NULL, false,
      "do not pass the agent's output through to ours" },
    { "workspace", AG_SETTING_STRING, "DIR", "AGENTGATE_WORKSPACE", NULL, 0, 0, NULL, false,
      "the folder to watch; by default the working directory, unless that is / or the home directory" },
    { "no-watch", AG_SETTING_FLAG, NULL, "AGENTGATE_NO_WATCH", NULL, 0, 0, NULL, false, "do not watch files" },
    { "ignore", AG_SETTING_STRING, "PATTERN", "AGENTGATE_IGNORE", NULL, 0, 0, NULL, true,
      "a glob of files that are not watched, repeatable; .git, node_modules and such never are" },
    { "max-files", AG_SETTING_INTEGER, "N", "AGENTGATE_MAX_FILES", "100000", 1, 10000000, NULL, false,
      "files that are watched at most" },
    { "redact-env", AG_SETTING_STRING, "NAME", "AGENTGATE_REDACT_ENV", NULL, 0, 0, NULL, true,
      "a variable whose value is a secret and appears in no event, repeatable" },
    { "no-redact", AG_SETTING_FLAG, NULL, "AGENTGATE_NO_REDACT", NULL, 0, 0, NULL, false,
      "leave secrets in events as the agent has said them" },
    { "timeout", AG_SETTING_SECONDS, "S", "AGENTGATE_TIMEOUT", "0", 0, INT32_MAX, NULL, false,
      "end the agent after so long; 0: never" },
    { "kill-after", AG_SETTING_SECONDS, "S", "AGENTGATE_KILL_AFTER", "10", 0, 3600000, NULL, false,
      "from SIGTERM to SIGKILL" },
    { "linger", AG_SETTING_SECONDS, "S", "AGENTGATE_LINGER", "5", 0, 3600000, NULL, false,
      "at the end, how long to wait for a gateway that has answered; for one that has not, at most 0.5" },
    { "drain", AG_SETTING_SECONDS, "S", "AGENTGATE_DRAIN", "10", 0, INT32_MAX, NULL, false,
      "at the end, how long to wait for a reader of our output that takes nothing" },
    { "max-line", AG_SETTING_INTEGER, "BYTES", "AGENTGATE_MAX_LINE", "33554432", 1024, 1073741824, NULL, false,
      "longest line of the agent that is understood" },
    { "max-content", AG_SETTING_INTEGER, "BYTES", "AGENTGATE_MAX_CONTENT", "65536", 0, 524288, NULL, false,
      "how much of a tool's result an event carries" },
    { "progress-ms", AG_SETTING_INTEGER, "MS", "AGENTGATE_STREAM_PROGRESS_MS", "5000", 100, 3600000, NULL, false,
      "interval of progress_update" },
    { "expected-seconds", AG_SETTING_INTEGER, "S", "AGENTGATE_EXPECTED_SECONDS", "300", 1, 604800, NULL, false,
      "how long such a run takes, for the progress" },
    { "expected-calls", AG_SETTING_INTEGER, "N", "AGENTGATE_EXPECTED_CALLS", "50", 1, 1000000, NULL, false,
      "how many tool calls such a run takes, for the progress" },
    { "retain-days", AG_SETTING_INTEGER, "N", "AGENTGATE_RETAIN_DAYS", "7", 0, DAYS_MAX, NULL, false,
      "acknowledged runs are deleted after so long" },
    { "retain-mb", AG_SETTING_INTEGER, "N", "AGENTGATE_RETAIN_MB", "1024", 0, 1073741824, NULL, false,
      "or when all runs together are larger" },
    { "config", AG_SETTING_STRING, "FILE", "AGENTGATE_CONFIG", "/etc/agentgate/stream.conf", 0, 0, NULL, false,
      "settings as NAME = VALUE" },
    { "check-config", AG_SETTING_FLAG, NULL, NULL, NULL, 0, 0, NULL, false, "print the effective settings and end" },
    { "log-level", AG_SETTING_CHOICE, NULL, "AGENTGATE_LOG_LEVEL", "warning", 0, 0, "error|warning|info|debug", false,
      "what we tell on stderr" },
    { "log-format", AG_SETTING_CHOICE, NULL, "AGENTGATE_LOG_FORMAT", "text", 0, 0, "text|json", false, "and how" },
};

static const char s_usage[] =
    "agentgate-exec [options] -- COMMAND [ARG...]\n"
    "Runs an agent as if it were run directly, and streams what it does. Exits with the agent's status;\n"
    "127: not found, 126: cannot be run, 128 + n: ended by signal n, 2: wrong use of agentgate-exec.\n";

/* ---------------------------------------------------------------------- */
/*  Identity */

/*  A random UUID, RFC 9562 version 4. */
static char *s_random_id (void)
{
    unsigned char b[16];
    if (getrandom (b, sizeof b, 0) != sizeof b)
        ag_fatal (1, "no random numbers");
    b[6] = (b[6] & 0x0F) | 0x40;
    b[8] = (b[8] & 0x3F) | 0x80;
    return ag_asprintf ("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
        b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static int s_check_id (const char *name, const char *value, char **error_r)
{
    size_t len = strlen (value);
    bool run = strcmp (name, "run-id") == 0;
    if (len >= 1 && len <= AG_ID_MAX_BYTES && ag_utf8_valid (value, len) && !(run && value[0] == '@'))
        return 0;
    *error_r = ag_asprintf ("--%s '%s': 1 to %d bytes of UTF-8 are allowed%s", name, value, AG_ID_MAX_BYTES,
        run ? ", not beginning with '@'" : "");
    return -1;
}

static int s_take_ids (ag_options_t *self, const ag_settings_t *settings, char **error_r)
{
    const char *run = ag_settings_string (settings, "run-id");
    const char *work_order = ag_settings_string (settings, "work-order");
    self->run_id = run ? ag_strdup (run) : s_random_id ();
    self->work_order = ag_strdup (work_order ? work_order : self->run_id);
    self->run_number = ag_settings_integer (settings, "run-number");
    if (s_check_id ("run-id", self->run_id, error_r) != 0)
        return -1;
    return s_check_id ("work-order", self->work_order, error_r);
}

/*  What the agent is called, when it is one that we know. */
static char *s_agent_name (const char *format, const char *command)
{
    const char *slash = strrchr (command, '/');
    const char *name = slash ? slash + 1 : command;
    if (strcmp (format, "auto") != 0)
        return ag_strdup (format);
    if (strcmp (name, "cursor-agent") == 0)
        return ag_strdup ("cursor");
    bool is_kind = strcmp (name, "flat") == 0 || strcmp (name, "text") == 0;    /* a dialect, but nobody's name */
    return ag_adapter_by_name (name) && !is_kind ? ag_strdup (name) : NULL;
}

/* ---------------------------------------------------------------------- */
/*  Endpoints */

static void s_add (const char ***list_p, size_t *count_p, const char *endpoint)
{
    *list_p = ag_realloc (*list_p, (*count_p + 1) * sizeof **list_p);
    (*list_p)[(*count_p)++] = endpoint;
}

static const char *s_own (ag_options_t *self, char *endpoint)
{
    self->made_endpoints = ag_realloc (self->made_endpoints, (self->made_count + 1) * sizeof *self->made_endpoints);
    return self->made_endpoints[self->made_count++] = endpoint;
}

static void s_add_gateway (ag_options_t *self, const char *where)
{
    bool folder = strchr (where, '/') != NULL;
    s_add (&self->bus, &self->bus_count,
        s_own (self, ag_asprintf (folder ? "ipc://%s/bus" : "tcp://%s:3002", where)));
    s_add (&self->control, &self->control_count,
        s_own (self, ag_asprintf (folder ? "ipc://%s/control" : "tcp://%s:3003", where)));
}

static void s_copy (const ag_settings_t *settings, ag_options_t *self, const char *name, const char ***list_p,
    size_t *count_p)
{
    for (size_t i = 0; i < ag_settings_count (settings, name); i++)
        s_add (list_p, count_p, s_own (self, ag_strdup (ag_settings_nth (settings, name, i))));
}

/*  Where nothing is named. False: there is no place for sockets, which must not
    keep the agent from running. */
static bool s_add_usual (ag_options_t *self, char *(*path) (char **), const char ***list_p, size_t *count_p)
{
    char *error = NULL, *endpoint = path (&error);
    if (endpoint)
        s_add (list_p, count_p, s_own (self, endpoint));
    else
        ag_log_warning ("NOT_PUBLISHED", "the run is not published: %s", error);
    free (error);
    return endpoint != NULL;
}

static int s_check_endpoints (const char *name, const char **list, size_t count, bool exposed, char **error_r)
{
    for (size_t i = 0; i < count; i++) {
        char *why = NULL;
        if (ag_endpoint_check (list[i][0] == '@' ? list[i] + 1 : list[i], exposed, &why) == 0)
            continue;
        *error_r = ag_asprintf ("--%s: %s", name, why);
        free (why);
        return -1;
    }
    return 0;
}

/*  --gateway and --bus, --control say the same thing: the stronger source's stand alone. */
static bool s_take_gateways (ag_options_t *self, const ag_settings_t *settings)
{
    bool outweighed = ag_settings_outweighs (settings, "bus", "gateway")
        || ag_settings_outweighs (settings, "control", "gateway");
    for (size_t i = 0; !outweighed && i < ag_settings_count (settings, "gateway"); i++)
        s_add_gateway (self, ag_settings_nth (settings, "gateway", i));
    if (!ag_settings_outweighs (settings, "gateway", "bus"))
        s_copy (settings, self, "bus", &self->bus, &self->bus_count);
    if (!ag_settings_outweighs (settings, "gateway", "control"))
        s_copy (settings, self, "control", &self->control, &self->control_count);
    return !outweighed && ag_settings_count (settings, "gateway") > 0;
}

static int s_take_endpoints (ag_options_t *self, const ag_settings_t *settings, char **error_r)
{
    const char *curve = ag_settings_string (settings, "curve-dir");
    self->curve_dir = curve ? s_own (self, ag_strdup (curve)) : NULL;
    self->streaming = ag_settings_flag (settings, "stream");
    if (!self->streaming)
        return 0;
    bool gateways = s_take_gateways (self, settings), place = true;
    if (!gateways && !self->bus_count)
        place = s_add_usual (self, ag_path_bus, &self->bus, &self->bus_count);
    if (!gateways && !self->control_count && place)
        s_add_usual (self, ag_path_control, &self->control, &self->control_count);
    bool exposed = self->curve_dir || ag_settings_flag (settings, "insecure");
    if (s_check_endpoints ("bus", self->bus, self->bus_count, exposed, error_r) != 0)
        return -1;
    return s_check_endpoints ("control", self->control, self->control_count, exposed, error_r);
}

/* ---------------------------------------------------------------------- */
/*  Workspace, state, secrets, numbers */

static int s_take_workspace (ag_options_t *self, const ag_settings_t *settings, char **error_r)
{
    self->ignore = ag_ignore_new ();
    for (size_t i = 0; i < ag_settings_count (settings, "ignore"); i++)
        ag_ignore_add (self->ignore, ag_settings_nth (settings, "ignore", i));
    self->max_files = ag_settings_integer (settings, "max-files");
    if (ag_settings_flag (settings, "no-watch"))
        return 0;
    const char *named = ag_settings_string (settings, "workspace");
    if (named && access (named, R_OK | X_OK) != 0) {
        *error_r = ag_asprintf ("--workspace '%s': a folder that can be read is wanted", named);
        return -1;
    }
    if (named || ag_watch_is_modest ("."))
        self->workspace = ag_strdup (named ? named : ".");
    return 0;
}

static void s_take_state (ag_options_t *self, const ag_settings_t *settings)
{
    const char *named = ag_settings_string (settings, "state-dir");
    self->state_dir = named ? ag_strdup (named) : ag_path_state_dir (&self->state_error);
    self->keep_artifacts = !ag_settings_flag (settings, "no-artifacts");
    self->retain_us = ag_settings_integer (settings, "retain-days") * INT64_C (86400000000);
    self->retain_bytes = ag_settings_integer (settings, "retain-mb") * INT64_C (1048576);
}

static void s_take_secrets (ag_options_t *self, const ag_settings_t *settings)
{
    self->redact = !ag_settings_flag (settings, "no-redact");
    size_t count = ag_settings_count (settings, "redact-env");
    self->secrets = ag_calloc (count + 1, sizeof *self->secrets);
    for (size_t i = 0; i < count; i++) {
        const char *name = ag_settings_nth (settings, "redact-env", i), *value = getenv (name);
        if (value && *value)
            self->secrets[self->secret_count++] = (ag_str_t) { value, strlen (value) };
        if (!value || !*value)
            ag_log_info ("REDACT_ENV", "--redact-env %s: the variable is not set", name);
        else if (strlen (value) < AG_REDACT_MIN_BYTES)
            ag_log_warning ("REDACT_ENV", "--redact-env %s: its value is shorter than %d bytes, which too many words "
                "look like; it is not hidden", name, AG_REDACT_MIN_BYTES);
    }
}

static void s_take_numbers (ag_options_t *self, const ag_settings_t *settings)
{
    self->quiet = ag_settings_flag (settings, "quiet");
    self->linger_ms = ag_settings_integer (settings, "linger");
    self->timeout_ms = ag_settings_integer (settings, "timeout");
    self->kill_after_ms = ag_settings_integer (settings, "kill-after");
    self->drain_ms = ag_settings_integer (settings, "drain");
    self->max_line_bytes = ag_settings_integer (settings, "max-line");
    self->max_content_bytes = ag_settings_integer (settings, "max-content");
    self->progress.interval_us = ag_settings_integer (settings, "progress-ms") * 1000;
    self->progress.expected_us = ag_settings_integer (settings, "expected-seconds") * 1000000;
    self->progress.expected_calls = (int) ag_settings_integer (settings, "expected-calls");
}

static void s_take_log (const ag_settings_t *settings)
{
    ag_log_level_t level = AG_LOG_WARNING;
    ag_log_level_parse (ag_settings_string (settings, "log-level"), &level);
    ag_log_init ("agentgate-exec", level, strcmp (ag_settings_string (settings, "log-format"), "json") == 0);
}

static char *s_no_format (const char *format)
{
    ag_buf_t text = { 0 };
    ag_buf_printf (&text, "--format %s: one of auto", format);
    for (size_t i = 0; ag_adapters[i]; i++)
        ag_buf_printf (&text, ", %s", ag_adapters[i]->name);
    ag_buf_append_cstr (&text, " is wanted");
    ag_buf_cstr (&text);
    return text.data;
}

static int s_take_command (ag_options_t *self, const ag_settings_t *settings, char **argv, char **error_r)
{
    self->argv = argv + ag_settings_rest (settings);
    if (!self->argv[0]) {
        *error_r = ag_strdup ("no command: agentgate-exec [options] -- COMMAND [ARG...] is wanted; --help tells more");
        return -1;
    }
    const char *format = ag_settings_string (settings, "format");
    const ag_adapter_t *adapter = ag_adapter_by_name (format);
    if (!adapter && strcmp (format, "auto") != 0) {
        *error_r = s_no_format (format);
        return -1;
    }
    self->format = adapter ? adapter->name : "auto";
    self->agent = s_agent_name (self->format, self->argv[0]);
    return 0;
}

static void s_print_list (const char *name, const char *const *list, size_t count)
{
    printf ("# %s:", name);
    for (size_t i = 0; i < count; i++)
        printf (" %s", list[i]);
    printf (count ? "\n" : " none\n");
}

/*  The settings, as a file that says the same; and what follows where nothing is said. */
static void s_print (const ag_options_t *self, const ag_settings_t *settings)
{
    ag_settings_print (settings, stdout);
    printf ("\n");
    s_print_list ("bus", self->bus, self->bus_count);
    s_print_list ("control", self->control, self->control_count);
    printf ("# state: %s\n", self->state_dir ? self->state_dir : self->state_error);
    printf ("# watched: %s\n", self->workspace ? self->workspace : "nothing");
}

static int s_take_all (ag_options_t *self, const ag_settings_t *settings, char **argv, char **error_r)
{
    bool only_check = ag_settings_flag (settings, "check-config");
    s_take_log (settings);
    s_take_numbers (self, settings);
    s_take_secrets (self, settings);
    s_take_state (self, settings);
    if (!only_check && s_take_command (self, settings, argv, error_r) != 0)
        return -1;
    if (s_take_ids (self, settings, error_r) != 0 || s_take_endpoints (self, settings, error_r) != 0)
        return -1;
    if (s_take_workspace (self, settings, error_r) != 0)
        return -1;
    if (only_check) {
        s_print (self, settings);
        exit (0);
    }
    return 0;
}

ag_options_t *ag_options_new (int argc, char **argv, char **error_r)
{
    ag_settings_t *settings = ag_settings_new (s_table, sizeof s_table / sizeof *s_table, s_usage, argc, argv, error_r);
    if (!settings)
        return NULL;
    ag_options_t *self = ag_calloc (1, sizeof *self);
    if (s_take_all (self, settings, argv, error_r) != 0)
        ag_options_destroy (&self);
    ag_settings_destroy (&settings);
    return self;
}

void ag_options_destroy (ag_options_t **self_p)
{
    ag_options_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->made_count; i++)
        free (self->made_endpoints[i]);
    free (self->made_endpoints);
    free (self->bus);
    free (self->control);
    ag_ignore_destroy (&self->ignore);
    free (self->run_id);
    free (self->work_order);
    free (self->agent);
    free (self->state_dir);
    free (self->state_error);
    free (self->workspace);
    free (self->secrets);
    free (self);
    *self_p = NULL;
}
