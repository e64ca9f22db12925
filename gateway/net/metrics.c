/*  gateway/net/metrics.c - /metrics and /readyz

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "net/api.h"
#include "net/server.h"

/*  A canary older than this says that the way in is blocked. */
#define CANARY_US INT64_C (15000000)

static void s_head (ag_buf_t *out, const char *name, const char *kind, const char *help)
{
    ag_buf_printf (out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void s_value (ag_buf_t *out, const char *name, double value)
{
    ag_buf_printf (out, "%s ", name);
    ag_buf_append_json_number (out, value);
    ag_buf_append_char (out, '\n');
}

static void s_put (ag_buf_t *out, const char *name, const char *kind, const char *help, double value)
{
    s_head (out, name, kind, help);
    s_value (out, name, value);
}

#define COUNTER(name, help, value) s_put (out, "agentgate_" name, "counter", help, (double) (value))
#define GAUGE(name, help, value) s_put (out, "agentgate_" name, "gauge", help, (double) (value))

static void s_hub (const ag_gateway_t *gateway, ag_buf_t *out)
{
    ag_hub_stats_t stats;
    ag_hub_stats (gateway->hub, &stats);
    GAUGE ("streams", "Streams in memory.", stats.streams);
    GAUGE ("clients", "Viewers connected.", stats.clients);
    GAUGE ("ring_events", "Events in memory.", stats.events);
    GAUGE ("ring_bytes", "Memory of these events.", stats.bytes);
    COUNTER ("events_total", "Events that came in order to the rings.", stats.put);
    COUNTER ("delivered_total", "Events sent to viewers.", stats.delivered);
    COUNTER ("rolled_up_total", "Events that went into a later one.", stats.rolled_up);
    COUNTER ("shed_total", "Events that viewers were too slow for; each is announced by a gap.", stats.shed);
    COUNTER ("gaps_total", "Gaps announced to viewers.", stats.gaps);
    COUNTER ("evicted_total", "Events that left the memory.", stats.evicted);
}

static void s_desk (const ag_gateway_t *gateway, ag_buf_t *out)
{
    ag_desk_stats_t stats;
    ag_desk_stats (gateway->desk, &stats);
    GAUGE ("writers_alive", "Streams whose writer is alive and complete.", stats.alive);
    GAUGE ("writers_repairing", "Streams with a hole that is being repaired.", stats.repairing);
    GAUGE ("waiting_events", "Events that wait behind holes.", stats.waiting);
    COUNTER ("duplicates_total", "Events that came again.", stats.duplicates);
    COUNTER ("resend_windows_total", "Windows asked for again from writers.", stats.asked);
    COUNTER ("lost_total", "Events given up; announced by gaps.", stats.lost);
    COUNTER ("late_total", "Of these, those that came after all.", stats.late);
    COUNTER ("stale_total", "Events of older epochs, stored and not streamed.", stats.stale);
    COUNTER ("conflicts_total", "Events and greetings of a second writer.", stats.conflicts);
    COUNTER ("unstored_total", "Events that the store did not take.", stats.unstored);
}

static void s_bus (const ag_gateway_t *gateway, ag_buf_t *out)
{
    const ag_intake_stats_t *stats = ag_intake_stats (gateway->intake);
    COUNTER ("bus_events_total", "Events from the bus and from resends.", stats->events);
    COUNTER ("bus_bytes_total", "Their encoded size.", stats->bytes);
    COUNTER ("bus_resent_total", "Of the events, those resent.", stats->resent);
    COUNTER ("bus_bad_total", "Messages that were none of ours.", stats->bad);
    COUNTER ("republished_total", "Events sent on to other readers.", stats->republished);
    int64_t canary_us = ag_intake_canary_us (gateway->intake);
    int64_t since_us = canary_us == INT64_MIN ? gateway->started_us : canary_us;
    GAUGE ("canary_age_seconds", "Since a canary last came through the bus, or since the start.",
        (double) (ag_clock_mono_us () - since_us) / 1e6);
}

/*  How old events are when they are written to a viewer, by the writer's clock. */
static void s_ages (const ag_server_stats_t *stats, ag_buf_t *out)
{
    static const char name[] = "agentgate_event_age_seconds";
    uint64_t count = 0;
    s_head (out, name, "histogram", "Age of the newest event of each frame when it is written to a viewer; replays too.");
    for (size_t i = 0; i < AG_AGES; i++) {
        count += stats->ages[i];
        ag_buf_printf (out, "%s_bucket{le=\"", name);
        if (i < AG_AGES - 1)
            ag_buf_append_json_number (out, (double) ag_server_age_us (i) / 1e6);
        else
            ag_buf_append_cstr (out, "+Inf");
        ag_buf_printf (out, "\"} %llu\n", (unsigned long long) count);
    }
    s_value (out, "agentgate_event_age_seconds_sum", (double) stats->ages_sum_us / 1e6);
    s_value (out, "agentgate_event_age_seconds_count", (double) count);
}

static void s_wire (const ag_gateway_t *gateway, ag_buf_t *out)
{
    const ag_server_stats_t *stats = ag_server_stats (gateway->server);
    GAUGE ("websockets", "WebSocket connections.", stats->websockets);
    GAUGE ("event_streams", "Server-sent event connections.", stats->streams);
    GAUGE ("stalled_viewers", "Viewers whose socket does not drain.", stats->stalled);
    COUNTER ("connections_total", "Connections accepted.", stats->accepted);
    COUNTER ("turned_away_total", "Connections closed at once, because there were too many.", stats->turned_away);
    COUNTER ("refused_total", "WebSocket handshakes refused.", stats->refused);
    COUNTER ("requests_total", "HTTP requests.", stats->requests);
    COUNTER ("bad_messages_total", "WebSocket messages not understood.", stats->bad_messages);
    COUNTER ("closed_slow_total", "Viewers closed because they read nothing (4008).", stats->closed_slow);
    COUNTER ("closed_abuse_total", "Viewers closed for too many bad messages (4508).", stats->closed_abuse);
    COUNTER ("closed_unauthorized_total", "Viewers closed for want of a token (4501).", stats->closed_unauthorized);
    COUNTER ("sent_bytes_total", "Bytes written to viewers.", stats->bytes_out);
    COUNTER ("writes_total", "Writes that carried them.", stats->writes);
    COUNTER ("held_writes_total", "Writes that the kernel did not take whole.", stats->held);
    s_ages (stats, out);
}

static void s_store (ag_gateway_t *gateway, ag_buf_t *out)
{
    if (!gateway->archive)
        return;
    ag_archive_state_t state;
    ag_archive_state (gateway->archive, &state);
    GAUGE ("store_failing", "1 while the disk takes nothing.", state.failing);
    COUNTER ("stored_total", "Events committed.", state.events);
    COUNTER ("store_commits_total", "Transactions.", state.commits);
    COUNTER ("store_syncs_total", "fsyncs.", state.syncs);
    COUNTER ("store_failures_total", "Attempts that failed.", state.failures);
    GAUGE ("store_sync_seconds", "Duration of the last fsync.", (double) state.sync_us / 1e6);
}

/* ---------------------------------------------------------------------- */
/*  The process, by the names that Prometheus' own clients use */

static double s_resident_bytes (void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen ("/proc/self/statm", "re");
    if (file && fscanf (file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose (file);
    return (double) resident * (double) sysconf (_SC_PAGESIZE);
}

static double s_open_descriptors (void)
{
    DIR *dir = opendir ("/proc/self/fd");
    size_t count = 0;
    while (dir && readdir (dir))
        count++;
    if (dir)
        closedir (dir);
    return count > 3 ? (double) (count - 3) : 0;        /* ".", "..", and the folder's own */
}

static double s_cpu_seconds (void)
{
    struct rusage use;
    getrusage (RUSAGE_SELF, &use);
    return (double) (use.ru_utime.tv_sec + use.ru_stime.tv_sec)
        + (double) (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void s_process (const ag_gateway_t *gateway, ag_buf_t *out)
{
    struct rlimit limit = { .rlim_cur = 0 };
    getrlimit (RLIMIT_NOFILE, &limit);
    int64_t up_us = ag_clock_mono_us () - gateway->started_us;
    s_put (out, "process_start_time_seconds", "gauge", "When it was started, since the Unix epoch.",
        (double) (ag_clock_wall_us () - up_us) / 1e6);
    s_put (out, "process_cpu_seconds_total", "counter", "CPU time, user and system.", s_cpu_seconds ());
    s_put (out, "process_resident_memory_bytes", "gauge", "Memory of the process.", s_resident_bytes ());
    s_put (out, "process_open_fds", "gauge", "Open descriptors.", s_open_descriptors ());
    s_put (out, "process_max_fds", "gauge", "Descriptors that may be open.", (double) limit.rlim_cur);
}

void ag_metrics_answer (ag_gateway_t *gateway, ag_reply_t *reply)
{
    ag_buf_t *out = &reply->body;
    reply->status = 200;
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    reply->cache = "no-store";
    s_head (out, "agentgate_build_info", "gauge", "1, with the version.");
    s_value (out, "agentgate_build_info{version=\"" PACKAGE_VERSION "\"}", 1);
    s_process (gateway, out);
    s_bus (gateway, out);
    s_desk (gateway, out);
    s_hub (gateway, out);
    s_wire (gateway, out);
    s_store (gateway, out);
}

/* ---------------------------------------------------------------------- */
/*  Ready? */

static void s_check (ag_buf_t *out, const char *name, bool good, const char *why)
{
    const char *comma = out->data[out->len - 1] == '{' ? "" : ",";
    ag_buf_printf (out, "%s\"%s\":{\"ok\":%s", comma, name, good ? "true" : "false");
    if (!good) {
        ag_buf_append_cstr (out, ",\"detail\":");
        ag_buf_append_json_string (out, (ag_str_t) { why, strlen (why) });
    }
    ag_buf_append_char (out, '}');
}

/*  Why the store cannot be written, as far as that is to be seen; NULL: it can. The
    file system is asked, too: without events nothing has been tried. */
static const char *s_store_trouble (ag_gateway_t *gateway, ag_archive_state_t *state)
{
    struct statvfs system;
    if (!gateway->archive)
        return NULL;
    ag_archive_state (gateway->archive, state);
    if (state->failing)
        return state->error;
    if (statvfs (gateway->options.state_dir, &system) != 0)
        return strerror (errno);
    if (system.f_flag & ST_RDONLY)
        return "the file system of --state-dir is read-only";
    if (!system.f_bavail)
        return "the file system of --state-dir is full";
    return NULL;
}

void ag_ready_answer (ag_gateway_t *gateway, ag_reply_t *reply)
{
    int64_t canary_us = ag_intake_canary_us (gateway->intake);
    bool canary = canary_us != INT64_MIN && ag_clock_mono_us () - canary_us < CANARY_US;
    ag_archive_state_t state;
    const char *trouble = s_store_trouble (gateway, &state);
    bool ready = canary && !trouble && !gateway->stopping;
    ag_reply_json (reply);
    reply->status = ready ? 200 : 503;
    ag_buf_printf (&reply->body, "{\"status\":\"%s\",\"checks\":{", ready ? "ready" : "not ready");
    s_check (&reply->body, "bus", gateway->intake != NULL, "the bus is not bound");
    s_check (&reply->body, "canary", canary, "no canary came through the bus within 15 s");
    s_check (&reply->body, "store", !trouble, trouble);
    s_check (&reply->body, "running", !gateway->stopping, "the gateway is going away");
    ag_buf_append_cstr (&reply->body, "}}\n");
}
