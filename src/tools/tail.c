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

#include "bus/heads.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/settings.h"
#include "tools/history.h"
#include "tools/pretty.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, AGAIN_US = 1000000 };

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
    { .name = "from-start",
        .type = AG_SETTING_FLAG,
        .help = "first what the gateway has kept, then what comes, without a seam" },
    { .name = "http",
        .type = AG_SETTING_STRING,
        .metavar = "URL",
        .env = "AGENTGATE_HTTP",
        .fallback = "http://127.0.0.1:3001",
        .help = "the gateway's pages, for --from-start" },
    { .name = "token", .type = AG_SETTING_STRING, .metavar = "TOKEN", .env = "AGENTGATE_TOKEN", .help = "for them" },
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
    uint64_t left;               /* events still to be shown; 0: no limit */
    bool from_start;             /* what was missed is fetched over HTTP */
    ag_history_source_t history; /* for that */
    ag_heads_t *heads;           /* what was shown of each stream */
    int64_t again_us;            /* when to look once more for what came before the subscription held; 0: done */
    bool enough;                 /* --count is reached */
    ag_buf_t line;               /* scratch */
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
    self->from_start = ag_settings_flag (self->settings, "from-start");
    self->history = (ag_history_source_t){ ag_settings_string (self->settings, "http"),
        ag_settings_string (self->settings, "token") };
    self->heads = ag_heads_new ();
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

/*  The topic selects a run only within its work order. */
static bool s_is_ours (const s_tail_t *self, ag_event_t *event)
{
    return !self->run.ptr || ag_str_eq (ag_event_run (event), self->run) ||
           (ag_str_is (self->run, "@") && ag_event_stream (event).ptr[0] == '@');
}

/*  May hold something of ours: a work order's stream has events about runs. */
static bool s_may_be_ours (const s_tail_t *self, ag_str_t stream)
{
    return !self->run.ptr || ag_str_eq (stream, self->run) || stream.ptr[0] == '@';
}

static void s_show_wanted (s_tail_t *self, ag_event_t *event)
{
    if (!s_is_ours (self, event) || !s_is_wanted (self, event) || self->enough)
        return;
    s_show (self, event);
    self->enough = self->left && --self->left == 0;
}

/* ---------------------------------------------------------------------- */
/*  From the start: what the gateway has kept, and again what was missed */

static void s_show_kept (void *context, ag_event_t *event)
{
    s_tail_t *self = context;
    ag_received_t received = { .event = event };
    ag_heads_note (self->heads, event, &received);
    if (!received.repeated)
        s_show_wanted (self, event);
}

static void s_fetch (s_tail_t *self, ag_str_t stream, uint64_t epoch, uint64_t from, uint64_t to)
{
    char *error = NULL;
    if (ag_history_events (&self->history, stream, epoch, from, to, s_show_kept, self, &error) == 0)
        return;
    fflush (stdout);
    fprintf (stderr, "agentgate-tail: the gateway's history cannot be read: %s\n", error);
    free (error);
}

static void s_fetch_stream (void *context, const ag_history_stream_t *stream)
{
    s_tail_t *self = context;
    ag_str_t work_order = s_text (self->settings, "work-order");
    uint64_t shown = ag_heads_seq (self->heads, stream->stream, stream->epoch);
    bool wanted = (!work_order.ptr || ag_str_eq (work_order, stream->work_order)) && s_may_be_ours (self, stream->stream);
    if (wanted && stream->last > shown)
        s_fetch (self, stream->stream, stream->epoch, shown + 1, stream->last);
}

static void s_fetch_all (s_tail_t *self)
{
    char *error = NULL;
    if (ag_history_streams (&self->history, s_fetch_stream, self, &error))
        ag_fatal (EXIT_FAILED, "the gateway's history cannot be read: %s; --http URL names the gateway", error);
}

/* ---------------------------------------------------------------------- */
/*  What comes */

static void s_take (s_tail_t *self, ag_received_t *received)
{
    ag_event_t *event = received->event;
    *received = (ag_received_t){ .event = event };
    uint64_t shown = ag_heads_seq (self->heads, ag_event_stream (event), ag_event_epoch (event));
    if (self->from_start && ag_event_seq (event) > shown + 1 && s_may_be_ours (self, ag_event_stream (event)))
        s_fetch (self, ag_event_stream (event), ag_event_epoch (event), shown + 1, ag_event_seq (event) - 1);
    ag_heads_note (self->heads, event, received);
    if (received->missed_from && s_is_ours (self, event))
        s_tell_missed (self, received);
    if (!(received->repeated && self->from_start))
        s_show_wanted (self, event);
    ag_event_unref (&received->event);
}

/*  What was published before the subscription held is not heard, and a stream
    that has ended then says no more: so once more, when it surely holds. */
static void s_look_again (s_tail_t *self)
{
    if (!self->again_us || ag_clock_mono_us () < self->again_us)
        return;
    self->again_us = 0;
    s_fetch_all (self);
}

static void s_flush (void)
{
    if (fflush (stdout))
        ag_fatal (EXIT_FAILED, "cannot write: %s", strerror (errno));
}

static void s_follow (s_tail_t *self, ag_subscriber_t *subscriber)
{
    ag_received_t received;
    if (self->from_start) {
        s_fetch_all (self);
        self->again_us = ag_clock_mono_us () + AGAIN_US;
    }
    while (!self->enough) {
        int got = ag_subscriber_next (subscriber, 0, &received);
        if (got == 0) {
            /*  Nothing waits: now what was written is to be seen. */
            s_flush ();
            got = ag_subscriber_next (subscriber, self->again_us ? AGAIN_US / 1000 : -1, &received);
        }
        if (got == 1)
            s_take (self, &received);
        s_look_again (self);
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
    ag_heads_destroy (&self.heads);
    ag_buf_free (&self.line);
    return fflush (stdout) ? EXIT_FAILED : 0;
}
