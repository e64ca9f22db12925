/*  store.c - what the store sustains on this disk

    store DIR [SECONDS]

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Appends events of 600 bytes (about what the recordings' median is) for
    SECONDS each way, in a new file: so many events a commit, and an fsync each
    second, each 100 ms, or at each commit. Prints events a second, and how long
    a commit and an fsync held up the caller. Then reads them again in ranges of
    100, as a replay does.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "store/store.h"

enum { EPOCH = 1, TEXT_BYTES = 500, SAMPLES_MAX = 4000000, STREAMS = 20 };

typedef struct {
    const char *name;
    unsigned events_a_commit;
    int64_t sync_us; /* 0: at each commit */
} s_way_t;

static const s_way_t s_ways[] = {
    { "1 a commit, fsync each second", 1, 1000000 },
    { "20 a commit, fsync each second", 20, 1000000 },
    { "500 a commit, fsync each 100 ms", 500, 100000 },
    { "20 a commit, fsync at each", 20, 0 },
};

typedef struct {
    uint32_t *us; /* sorted by s_print */
    size_t count;
} s_samples_t;

static void s_note (s_samples_t *samples, int64_t us)
{
    if (samples->count < SAMPLES_MAX)
        samples->us[samples->count++] = (uint32_t) us;
}

static int s_compare (const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *) a, right = *(const uint32_t *) b;
    return left < right ? -1 : left > right;
}

static void s_print (const char *what, s_samples_t *samples)
{
    if (!samples->count)
        return;
    qsort (samples->us, samples->count, sizeof *samples->us, s_compare);
    printf ("    %-8s %9zu   p50 %6u us   p99 %6u us   max %7u us\n", what, samples->count,
        samples->us[samples->count / 2], samples->us[samples->count * 99 / 100], samples->us[samples->count - 1]);
    samples->count = 0;
}

static void s_must (int rc, const ag_store_t *store)
{
    if (rc == 0)
        return;
    fprintf (stderr, "store: %s\n", ag_store_error (store));
    exit (1);
}

/*  Events are made before the clock runs: their encoding is not the store's. */
static ag_event_t *s_event (unsigned stream, uint64_t seq)
{
    static char text[TEXT_BYTES];
    char run[16], *error = NULL;
    memset (text, 'x', sizeof text);
    int len = snprintf (run, sizeof run, "run-%u", stream);
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_KIND, "text");
    ag_draft_set_string (draft, AG_F_CONTENT, text, sizeof text);
    ag_ids_t ids = { AG_STR ("bench"), { run, (size_t) len }, false };
    ag_event_t *event = ag_event_new (draft, &ids, &(ag_position_t){ EPOCH, seq, (int64_t) seq }, &error);
    ag_draft_destroy (&draft);
    return event;
}

static void s_append_batch (ag_store_t *store, uint64_t *next, const s_way_t *way, s_samples_t *commits)
{
    ag_event_t *events[512];
    for (unsigned i = 0; i < way->events_a_commit; i++, ++*next)
        events[i] = s_event ((unsigned) (*next % STREAMS), *next / STREAMS + 1);
    int64_t began_us = ag_clock_mono_us ();
    for (unsigned i = 0; i < way->events_a_commit; i++)
        s_must (ag_store_append (store, events[i]), store);
    s_must (ag_store_commit (store), store);
    s_note (commits, ag_clock_mono_us () - began_us);
    for (unsigned i = 0; i < way->events_a_commit; i++)
        ag_event_unref (&events[i]);
}

static uint64_t s_write (
    ag_store_t *store, const s_way_t *way, int64_t run_us, s_samples_t *commits, s_samples_t *syncs)
{
    uint64_t next = 0;
    int64_t began_us = ag_clock_mono_us (), synced_us = began_us, now_us;
    while ((now_us = ag_clock_mono_us ()) - began_us < run_us) {
        s_append_batch (store, &next, way, commits);
        if (ag_clock_mono_us () - synced_us < way->sync_us)
            continue;
        synced_us = ag_clock_mono_us ();
        s_must (ag_store_sync (store), store);
        s_note (syncs, ag_clock_mono_us () - synced_us);
    }
    printf ("%s\n    %.0f events/s\n", way->name, (double) next * 1e6 / (double) (ag_clock_mono_us () - began_us));
    return next;
}

static bool s_count (void *context, ag_event_t *event)
{
    *(size_t *) context += ag_event_encoded (event).len;
    return true;
}

static void s_read (ag_store_t *store, uint64_t written)
{
    size_t bytes = 0;
    uint64_t read = 0;
    int64_t began_us = ag_clock_mono_us ();
    for (uint64_t seq = 1; seq + 100 <= written / STREAMS; seq += 100, read += 100)
        s_must (ag_store_each_event (store, AG_STR ("run-7"), EPOCH, seq, seq + 99, s_count, &bytes), store);
    printf ("    read again: %.0f events/s\n", (double) read * 1e6 / (double) (ag_clock_mono_us () - began_us + 1));
}

static void s_run (const char *dir, size_t which, int64_t run_us)
{
    char *path = ag_asprintf ("%s/bench-%zu.db", dir, which), *error = NULL;
    ag_store_t *store = ag_store_open (path, AG_STORE_CREATE, &error);
    if (!store) {
        fprintf (stderr, "store: %s\n", error);
        exit (1);
    }
    s_samples_t commits = { ag_calloc (SAMPLES_MAX, sizeof (uint32_t)), 0 };
    s_samples_t syncs = { ag_calloc (SAMPLES_MAX, sizeof (uint32_t)), 0 };
    uint64_t written = s_write (store, &s_ways[which], run_us, &commits, &syncs);
    s_print ("commits", &commits);
    s_print ("fsyncs", &syncs);
    s_read (store, written);
    ag_store_close (&store);
    free (commits.us);
    free (syncs.us);
    free (path);
}

int main (int argc, char **argv)
{
    if (argc < 2) {
        fprintf (stderr, "Usage: store DIR [SECONDS]\n");
        return 2;
    }
    int64_t run_us = (argc > 2 ? atoi (argv[2]) : 5) * INT64_C (1000000);
    for (size_t i = 0; i < sizeof s_ways / sizeof *s_ways; i++)
        s_run (argv[1], i, run_us);
    return 0;
}
