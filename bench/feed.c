/*  bench/feed.c - what the client core costs

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    feed same [batch|plain]    clients that stand at the same place: ns per event and client
    feed apart [batch|plain]   clients that never stand where another stands
    feed wide                  clients of many runs: joining, leaving, a run more, an event
    feed full                  a put when the limit over all rings is reached
    feed ring FILE...          bytes of ring for the last 1,000 events of a recorded stdout
    feed count                 a fixed amount of work, for callgrind

    Without sanitizers, -O2. Time is that of the CPU; events are made before
    the clock starts. bench/feed.sh runs them all.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/parser.h"
#include "core/mem.h"
#include "feed/client.h"
#include "tests/feed_rig.h"

static double s_cpu_ns (void)
{
    struct timespec now;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

/* ---------------------------------------------------------------------- */
/*  Events: a mix without roll-up, so that each put is one delivery */

static ag_event_t **s_events (size_t count)
{
    static const rig_shape_t mix[] = { RIG_LOOSE, RIG_CALL, RIG_LOOSE, RIG_RESULT, RIG_USAGE };
    ag_event_t **events = ag_calloc (count, sizeof *events);
    for (size_t i = 0; i < count; i++)
        events[i] = rig_event (&(rig_event_t) { "W1", "R1", 0, i + 1, mix[i % 5], 0, NULL });
    return events;
}

static void s_free_events (ag_event_t **events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ag_event_unref (&events[i]);
    free (events);
}

static ag_hub_t *s_hub (uint32_t buffer)
{
    ag_hub_options_t options = rig_options ();
    options.rate_limit = 0;
    options.buffer_events = buffer;
    options.stream_bytes = options.total_bytes = (size_t) 1 << 30;
    return ag_hub_new (&options);
}

static ag_client_t **s_clients (ag_hub_t *hub, size_t count, bool plain, uint32_t types)
{
    ag_client_t **clients = ag_calloc (count, sizeof *clients);
    ag_client_options_t ways = { .plain = plain, .batch = !plain };
    ag_subscribe_t request = rig_subscribe ("W1");
    request.types = types;
    char *error = NULL;
    for (size_t i = 0; i < count; i++) {
        clients[i] = ag_client_new (hub, &ways, NULL, 0);
        ag_client_subscribe (clients[i], &request, 0, &error);
    }
    return clients;
}

static size_t sink;             /* so that reading is not left out */

static void s_drain (ag_client_t *client, int64_t now_us)
{
    ag_frame_t frame;
    int64_t when_us;
    while (ag_client_next (client, now_us, 1 << 20, &frame, &when_us) == 1)
        sink += frame.bytes;
}

static void s_serve (ag_hub_t *hub, int64_t now_us)
{
    ag_client_t *client;
    while ((client = ag_hub_pop_ready (hub)) != NULL)
        s_drain (client, now_us);
}

static void s_end (ag_hub_t **hub, ag_client_t **clients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ag_client_destroy (&clients[i]);
    free (clients);
    ag_hub_destroy (hub);
}

static uint64_t s_delivered (const ag_hub_t *hub)
{
    ag_hub_stats_t stats;
    ag_hub_stats (hub, &stats);
    return stats.delivered;
}

/* ---------------------------------------------------------------------- */
/*  The same place: 20 events, a tick, everybody is served */

static void s_same (size_t clients_count, size_t ticks, bool plain, bool print)
{
    size_t count = ticks * 20;
    ag_event_t **events = s_events (count);
    ag_hub_t *hub = s_hub (1000);
    ag_client_t **clients = s_clients (hub, clients_count, plain, UINT32_MAX);
    int64_t now_us = 1000000;
    s_serve (hub, now_us);
    double begin_ns = s_cpu_ns ();
    for (size_t tick = 0; tick < ticks; tick++) {
        for (size_t i = 0; i < 20; i++)
            ag_hub_put (hub, events[tick * 20 + i], now_us);
        now_us += 100000;
        ag_hub_tick (hub, now_us);
        s_serve (hub, now_us);
    }
    double ns = s_cpu_ns () - begin_ns;
    uint64_t delivered = s_delivered (hub);
    if (print && clients_count == 0)
        printf ("nobody       %-6s %6zu clients  %8.2f ns per put\n", "", clients_count, ns / (double) count);
    else if (print)
        printf ("same place   %-6s %6zu clients  %8.2f ns per event and client  (%llu deliveries)\n",
            plain ? "plain" : "batch", clients_count, ns / (double) delivered, (unsigned long long) delivered);
    s_end (&hub, clients, clients_count);
    s_free_events (events, count);
}

/* ---------------------------------------------------------------------- */
/*  Apart: each put serves one client, so that everybody's range begins elsewhere */

static void s_apart (size_t clients_count, size_t puts, bool plain)
{
    ag_event_t **events = s_events (puts);
    ag_hub_t *hub = s_hub ((uint32_t) puts + 1);
    ag_client_t **clients = s_clients (hub, clients_count, plain, UINT32_MAX);
    int64_t now_us = 1000000;
    s_serve (hub, now_us);
    /*  One round before the clock starts, so that all are spread. */
    for (size_t i = 0; i < puts / 2; i++, now_us += 200000) {
        ag_hub_put (hub, events[i], now_us);
        s_drain (clients[i % clients_count], now_us);
    }
    uint64_t before = s_delivered (hub);
    double begin_ns = s_cpu_ns ();
    for (size_t i = puts / 2; i < puts; i++, now_us += 200000) {
        ag_hub_put (hub, events[i], now_us);
        s_drain (clients[i % clients_count], now_us);
    }
    double ns = s_cpu_ns () - begin_ns;
    uint64_t delivered = s_delivered (hub) - before;
    printf ("apart        %-6s %6zu clients  %8.2f ns per event and client  (%llu deliveries)\n",
        plain ? "plain" : "batch", clients_count, ns / (double) delivered, (unsigned long long) delivered);
    s_end (&hub, clients, clients_count);
    s_free_events (events, puts);
}

/* ---------------------------------------------------------------------- */
/*  Wide: a client that watches many runs, by work order or all of them */

static void s_put_run (ag_hub_t *hub, size_t run, uint64_t seq, rig_shape_t shape, int64_t now_us)
{
    char id[64];
    snprintf (id, sizeof id, "00000000-0000-4000-8000-%012zu", run);
    rig_put (hub, NULL, &(rig_event_t) { "W1", id, 0, seq, shape, 0, NULL }, now_us);
}

static double s_lap_us (double *begin_ns)
{
    double now_ns = s_cpu_ns (), us = (now_ns - *begin_ns) / 1000;
    *begin_ns = s_cpu_ns ();
    return us;
}

static void s_wide (size_t runs, bool all)
{
    enum { CLIENTS = 20, TICKS = 20, PER_TICK = 20 };
    ag_hub_t *hub = s_hub (1000);
    ag_client_t *clients[CLIENTS];
    int64_t now_us = 1000000;
    for (size_t run = 0; run < runs; run++)
        s_put_run (hub, run, 1, RIG_PROGRESS, now_us);
    ag_subscribe_t request = rig_subscribe ("W1");
    if (all)
        request = (ag_subscribe_t) { .all = true, .types = UINT32_MAX };
    char *error = NULL;
    double begin_ns = s_cpu_ns ();
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = ag_client_new (hub, &(ag_client_options_t) { .batch = true }, NULL, now_us);
        ag_client_subscribe (clients[i], &request, now_us, &error);
    }
    double join_us = s_lap_us (&begin_ns) / CLIENTS;
    s_serve (hub, now_us);
    s_lap_us (&begin_ns);
    for (size_t i = 0; i < 50; i++)
        s_put_run (hub, runs + i, 1, RIG_USAGE, now_us);
    double more_us = s_lap_us (&begin_ns) / 50 / CLIENTS;
    for (int tick = 0; tick < TICKS; tick++) {
        now_us += 100000;
        for (size_t i = 0; i < PER_TICK; i++)
            s_put_run (hub, (size_t) tick * 7919 % runs + i, 2 + (uint64_t) tick, RIG_PROGRESS, now_us);
        ag_hub_tick (hub, now_us);
        s_serve (hub, now_us);
    }
    ag_hub_stats_t stats;
    ag_hub_stats (hub, &stats);
    double event_ns = s_lap_us (&begin_ns) * 1000 / (double) stats.delivered;
    for (int i = 0; i < CLIENTS; i++)
        ag_client_destroy (&clients[i]);
    double leave_us = s_lap_us (&begin_ns) / CLIENTS;
    printf ("wide         %-6s %6zu runs     join %.0f us, leave %.0f us, one run more %.2f us a client, an event %.0f ns\n",
        all ? "all" : "order", runs, join_us, leave_us, more_us, event_ns);
    ag_hub_destroy (&hub);
}

/* ---------------------------------------------------------------------- */
/*  Full: every put drives something out */

static void s_full (size_t live, size_t ended, size_t clients_count)
{
    enum { PUTS = 20000 };
    ag_hub_options_t options = rig_options ();
    options.total_bytes = 4 << 20;
    ag_hub_t *hub = ag_hub_new (&options);
    ag_client_t **clients = s_clients (hub, clients_count, false, 1u << AG_AGENT_ERROR);
    s_serve (hub, 0);
    for (size_t i = 0; i < ended; i++)
        s_put_run (hub, live + i, 1, RIG_COMPLETED, 0);
    uint64_t seq = 1;
    size_t run = 0;
    ag_hub_stats_t stats = { 0 };
    double begin_ns = 0;
    for (size_t puts = 0; puts < PUTS || stats.evicted < ended + 1000;) {
        s_put_run (hub, run, seq, RIG_CALL, 0);
        run = run + 1 < live ? run + 1 : 0;
        seq += run == 0;
        ag_hub_stats (hub, &stats);
        if (stats.evicted >= ended + 1000 && puts++ == 0)
            begin_ns = s_cpu_ns ();
    }
    printf ("full         %6zu live and %zu ended streams, %zu waiting clients: %.0f ns per put (making the event included)\n",
        live, ended, clients_count, (s_cpu_ns () - begin_ns) / PUTS);
    s_end (&hub, clients, clients_count);
}

/* ---------------------------------------------------------------------- */
/*  Ring bytes of recordings */

typedef struct {
    ag_hub_t *hub;
    uint64_t seq;
} s_sink_t;

static void s_take_draft (void *context, ag_draft_t **draft_p)
{
    s_sink_t *self = context;
    ag_ids_t ids = { .work_order = AG_STR ("W1"), .run = AG_STR ("R1") };
    ag_position_t at = { RIG_EPOCH, self->seq + 1, 0 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (*draft_p, &ids, &at, &error);
    free (error);
    ag_draft_destroy (draft_p);
    if (event == NULL)
        return;
    self->seq++;
    ag_hub_put (self->hub, event, (int64_t) self->seq * 1000);
    ag_event_unref (&event);
    s_serve (self->hub, (int64_t) self->seq * 1000);
}

static bool s_feed_file (const char *path, s_sink_t *sink_to)
{
    FILE *file = fopen (path, "rb");
    if (file == NULL)
        return false;
    ag_parser_options_t options = { "auto", 32 << 20, 64 << 10 };
    ag_parser_t *parser = ag_parser_new (&options, s_take_draft, sink_to);
    char bytes[65536];
    size_t len;
    while ((len = fread (bytes, 1, sizeof bytes, file)) > 0)
        ag_parser_feed (parser, bytes, len, 0);
    ag_parser_end (parser, 0);
    ag_parser_destroy (&parser);
    fclose (file);
    return true;
}

static int s_ring (int count, char **paths)
{
    for (int watched = 0; watched <= 1; watched++) {
        ag_hub_options_t options = rig_options ();
        options.rate_limit = 0;
        s_sink_t sink_to = { ag_hub_new (&options), 0 };
        ag_client_t **clients = s_clients (sink_to.hub, watched, false, UINT32_MAX);
        for (int i = 0; i < count; i++)
            if (!s_feed_file (paths[i], &sink_to)) {
                perror (paths[i]);
                return 1;
            }
        ag_hub_stats_t stats;
        /*  Everything is read, also what came last. */
        ag_hub_tick (sink_to.hub, INT64_MAX / 2);
        s_serve (sink_to.hub, INT64_MAX / 2);
        ag_hub_stats (sink_to.hub, &stats);
        printf ("ring         %s  %zu events of %llu held, %zu bytes: %.0f bytes per 1,000 events\n",
            watched ? "watched  " : "unwatched", stats.events, (unsigned long long) stats.put, stats.bytes,
            (double) stats.bytes * 1000 / (double) stats.events);
        s_end (&sink_to.hub, clients, (size_t) watched);
    }
    return 0;
}

/* ---------------------------------------------------------------------- */

static const size_t s_sizes[] = { 0, 1, 100, 10000 };
static const size_t s_wides[] = { 10, 1000, 5000 };

int main (int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    bool plain = argc > 2 && strcmp (argv[2], "plain") == 0;
    if (strcmp (what, "same") == 0)
        for (size_t i = 0; i < 4; i++)
            s_same (s_sizes[i], s_sizes[i] == 10000 ? 50 : 2000, plain, true);
    else if (strcmp (what, "apart") == 0)
        for (size_t i = 1; i < 4; i++)
            s_apart (s_sizes[i], 40000, plain);
    else if (strcmp (what, "wide") == 0)
        for (size_t i = 0; i < 6; i++)
            s_wide (s_wides[i / 2], i % 2);
    else if (strcmp (what, "full") == 0) {
        s_full (10, 0, 0);
        s_full (10, 0, 10000);
        s_full (1000, 0, 0);
        s_full (1000, 20000, 0);
    }
    else if (strcmp (what, "ring") == 0 && argc > 2)
        return s_ring (argc - 2, argv + 2);
    else if (strcmp (what, "count") == 0) {
        s_same (20, 100, false, false);
        s_same (20, 100, true, false);
    }
    else {
        fprintf (stderr, "usage: feed same|apart [batch|plain] | wide | full | ring FILE... | count\n");
        return 2;
    }
    return sink == 1;
}
