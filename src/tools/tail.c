/*  tools/tail.c - agentgate-tail: what happens on the bus, as it happens

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <agentgate/subscriber.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/settings.h"
#include "tools/pretty.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char s_usage[] =
    "Usage: agentgate-tail [options]\n"
    "Follows the bus: coloured lines on a terminal, JSON lines in a pipe. By default all that\n"
    "the gateway of this machine republishes. What was missed is told on stderr.\n";

static const ag_setting_t s_settings[] = {
    { .name = "connect",
        .type = AG_SETTING_STRING,
        .metavar = "ENDPOINT",
        .repeatable = true,
        .help = "follow this (a gateway's --republish, an executor's bound --bus)" },
    { .name = "bind",
        .type = AG_SETTING_STRING,
        .metavar = "ENDPOINT",
        .repeatable = true,
        .help = "be followed: executors started with --bus ENDPOINT come here" },
    { .name = "work-order", .type = AG_SETTING_STRING, .metavar = "ID", .help = "only this work order" },
    { .name = "run", .type = AG_SETTING_STRING, .metavar = "ID", .help = "only this run" },
    { .name = "type", .type = AG_SETTING_STRING, .metavar = "TYPE", .repeatable = true, .help = "only these types" },
    { .name = "partial",
        .type = AG_SETTING_FLAG,
        .help = "also the parts of texts that will come whole (JSON: always)" },
    { .name = "format",
        .type = AG_SETTING_CHOICE,
        .choices = "auto|pretty|json",
        .fallback = "auto",
        .help = "of the output" },
    { .name = "color",
        .type = AG_SETTING_CHOICE,
        .choices = "auto|always|never",
        .fallback = "auto",
        .help = "in pretty lines" },
    { .name = "count",
        .type = AG_SETTING_INTEGER,
        .metavar = "N",
        .fallback = "0",
        .min = 0,
        .max = INT64_MAX,
        .help = "end after so many events; 0: never" },
    { .name = "curve-dir",
        .type = AG_SETTING_STRING,
        .metavar = "DIR",
        .env = "AGENTGATE_CURVE_DIR",
        .help = "keys for tcp" },
    { .name = "insecure", .type = AG_SETTING_FLAG, .help = "tcp to other machines without keys" },
};

typedef struct {
    ag_settings_t *settings;
    ag_str_t run;   /* only this one; or absent */
    uint64_t types; /* bit (1 << kind); all ones: every type */
    bool pretty, colour, partial;
    uint64_t left; /* events still to be shown; 0: no limit */
    ag_buf_t line; /* scratch */
} s_tail_t;

/* ---------------------------------------------------------------------- */
/*  Options */

static ag_str_t s_text (const ag_settings_t *settings, const char *name)
{
    const char *text = ag_settings_string (settings, name);
    return text ? (ag_str_t){ text, strlen (text) } : (ag_str_t){ NULL, 0 };
}

static uint64_t s_types (const ag_settings_t *settings)
{
    uint64_t types = 0;
    for (size_t i = 0; i < ag_settings_count (settings, "type"); i++) {
        const char *name = ag_settings_nth (settings, "type", i);
        ag_kind_t kind = ag_kind_by_name (name, strlen (name));
        if (kind == AG_KIND_UNKNOWN)
            ag_fatal (EXIT_USAGE, "--type %s: there is no such type of event", name);
        types |= UINT64_C (1) << kind;
    }
    return types ? types : UINT64_MAX;
}

static bool s_choice (const ag_settings_t *settings, const char *name, const char *yes)
{
    const char *choice = ag_settings_string (settings, name);
    return strcmp (choice, "auto") == 0 ? isatty (STDOUT_FILENO) != 0 : strcmp (choice, yes) == 0;
}

static void s_read_options (s_tail_t *self, int argc, char **argv)
{
    char *error = NULL;
    ag_log_init ("agentgate-tail", AG_LOG_WARNING, false);
    self->settings = ag_settings_new (s_settings, sizeof s_settings / sizeof *s_settings, s_usage, argc, argv, &error);
    if (!self->settings)
        ag_fatal (EXIT_USAGE, "%s", error);
    if (ag_settings_rest (self->settings) < argc)
        ag_fatal (EXIT_USAGE, "%s: no words but options are wanted; --help lists them",
            argv[ag_settings_rest (self->settings)]);
    self->run = s_text (self->settings, "run");
    self->types = s_types (self->settings);
    self->pretty = s_choice (self->settings, "format", "pretty");
    self->colour = s_choice (self->settings, "color", "always");
    self->partial = ag_settings_flag (self->settings, "partial");
    self->left = (uint64_t) ag_settings_integer (self->settings, "count");
}

/*  Endpoints to connect to as they are, endpoints to bind with "@". */
static char **s_endpoints (const ag_settings_t *settings, size_t *count_r)
{
    size_t connects = ag_settings_count (settings, "connect"), binds = ag_settings_count (settings, "bind");
    char **endpoints = ag_calloc (connects + binds + 1, sizeof *endpoints);
    for (size_t i = 0; i < connects; i++)
        endpoints[i] = ag_strdup (ag_settings_nth (settings, "connect", i));
    for (size_t i = 0; i < binds; i++)
        endpoints[connects + i] = ag_asprintf ("@%s", ag_settings_nth (settings, "bind", i));
    *count_r = connects + binds;
    return endpoints;
}

static ag_subscriber_t *s_open (const ag_settings_t *settings)
{
    size_t count;
    char *error = NULL, **endpoints = s_endpoints (settings, &count);
    ag_subscriber_options_t options = { .endpoints = (const char *const *) endpoints,
        .endpoint_count = count,
        .work_order = s_text (settings, "work-order"),
        .run = s_text (settings, "run"),
        .curve_dir = ag_settings_string (settings, "curve-dir"),
        .insecure = ag_settings_flag (settings, "insecure") };
    ag_subscriber_t *subscriber = ag_subscriber_new (&options, &error);
    if (!subscriber)
        ag_fatal (EXIT_FAILED, "cannot follow the bus: %s", error);
    fprintf (stderr, "agentgate-tail: following %s\n", count ? endpoints[0] : "the gateway of this machine");
    for (size_t i = 0; i < count; i++)
        free (endpoints[i]);
    free (endpoints);
    return subscriber;
}

/* ---------------------------------------------------------------------- */
/*  Following */

static bool s_is_wanted (const s_tail_t *self, ag_event_t *event)
{
    if (!(self->types >> ag_event_kind (event) & 1))
        return false;
    return !self->pretty || self->partial || !ag_event_boolean (event, AG_F_PARTIAL, false);
}

static void s_tell_missed (s_tail_t *self, const ag_received_t *received)
{
    ag_buf_clear (&self->line);
    ag_pretty_append_text (&self->line, ag_event_stream (received->event), 0);
    fflush (stdout);
    fprintf (stderr, "agentgate-tail: missed: stream=%.*s from=%llu to=%llu\n", (int) self->line.len, self->line.data,
        (unsigned long long) received->missed_from, (unsigned long long) received->missed_to);
}

static void s_show (s_tail_t *self, ag_event_t *event)
{
    ag_buf_clear (&self->line);
    if (self->pretty)
        ag_pretty_append (&self->line, event, self->colour);
    else {
        ag_buf_append_str (&self->line, ag_event_json (event));
        ag_buf_append_char (&self->line, '\n');
    }
    if (fwrite (self->line.data, 1, self->line.len, stdout) != self->line.len)
        ag_fatal (EXIT_FAILED, "cannot write: %s", strerror (errno));
}

/*  False: enough. */
static bool s_take (s_tail_t *self, ag_received_t *received)
{
    /*  The topic selects a run only within its work order. */
    bool ours = !self->run.ptr || ag_str_eq (ag_event_run (received->event), self->run) ||
                (ag_str_is (self->run, "@") && ag_event_stream (received->event).ptr[0] == '@');
    if (ours && received->missed_from)
        s_tell_missed (self, received);
    bool shown = ours && s_is_wanted (self, received->event);
    if (shown)
        s_show (self, received->event);
    ag_event_unref (&received->event);
    return !(shown && self->left && --self->left == 0);
}

static void s_follow (s_tail_t *self, ag_subscriber_t *subscriber)
{
    ag_received_t received;
    bool more = true;
    while (more) {
        int got = ag_subscriber_next (subscriber, 0, &received);
        if (got == 0) {
            /*  Nothing waits: now what was written is to be seen. */
            if (fflush (stdout))
                ag_fatal (EXIT_FAILED, "cannot write: %s", strerror (errno));
            got = ag_subscriber_next (subscriber, -1, &received);
        }
        if (got == 1)
            more = s_take (self, &received);
    }
}

int main (int argc, char **argv)
{
    s_tail_t self = { 0 };
    s_read_options (&self, argc, argv);
    ag_subscriber_t *subscriber = s_open (self.settings);
    s_follow (&self, subscriber);
    ag_subscriber_destroy (&subscriber);
    ag_settings_destroy (&self.settings);
    ag_buf_free (&self.line);
    return fflush (stdout) ? EXIT_FAILED : 0;
}
