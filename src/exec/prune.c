/*  exec/prune.c - forgets runs that are old, or the oldest when they are many

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/prune.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/log.h"
#include "core/mem.h"
#include "exec/rundir.h"
#include "store/store.h"

enum { LOOKS_PER_TURN = 20 };

typedef struct {
    char *path;                 /* the run's folder */
    int64_t changed_us;         /* the newest of its files */
    int64_t bytes;              /* all of them, on disk */
} s_run_t;

struct ag_prune {
    char *dir;                  /* <state>/runs */
    DIR *listing;               /* being read; NULL: done */
    int64_t before_us;          /* older ones go */
    int64_t max_bytes;          /* what may stay */
    int64_t bytes;              /* what is there */
    s_run_t *runs;              /* what was found; sorted by age when the listing is done */
    size_t count, capacity;     /* of runs */
    size_t next;                /* the first that is not judged */
};

ag_prune_t *ag_prune_new (const char *state_dir, int64_t before_us, int64_t max_bytes)
{
    ag_prune_t *self = ag_calloc (1, sizeof *self);
    self->dir = ag_asprintf ("%s/runs", state_dir);
    self->listing = opendir (self->dir);
    self->before_us = before_us;
    self->max_bytes = max_bytes;
    return self;
}

void ag_prune_destroy (ag_prune_t **self_p)
{
    ag_prune_t *self = *self_p;
    if (!self)
        return;
    if (self->listing)
        closedir (self->listing);
    for (size_t i = 0; i < self->count; i++)
        free (self->runs[i].path);
    free (self->runs);
    free (self->dir);
    free (self);
    *self_p = NULL;
}

static int64_t s_stamp_us (const struct timespec *stamp)
{
    return stamp->tv_sec * INT64_C (1000000) + stamp->tv_nsec / 1000;
}

static void s_measure (s_run_t *run)
{
    static const char *const files[] = { ".", "stdout", "stderr", "run.db", "run.db-wal" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = ag_asprintf ("%s/%s", run->path, files[i]);
        struct stat info;
        if (stat (path, &info) == 0) {
            int64_t changed_us = s_stamp_us (&info.st_mtim);
            run->bytes += info.st_blocks * INT64_C (512);
            if (changed_us > run->changed_us)
                run->changed_us = changed_us;
        }
        free (path);
    }
}

static void s_add (ag_prune_t *self, const char *name)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->runs = ag_realloc (self->runs, self->capacity * sizeof *self->runs);
    }
    s_run_t *run = &self->runs[self->count++];
    *run = (s_run_t) { .path = ag_asprintf ("%s/%s", self->dir, name) };
    s_measure (run);
    self->bytes += run->bytes;
}

static int s_by_age (const void *a, const void *b)
{
    int64_t left = ((const s_run_t *) a)->changed_us, right = ((const s_run_t *) b)->changed_us;
    return left < right ? -1 : left > right;
}

/*  Names with a dot in front are none of ours (ag_rundir_name). */
static void s_list (ag_prune_t *self)
{
    struct dirent *entry = NULL;
    for (int i = 0; i < LOOKS_PER_TURN && (entry = readdir (self->listing)); i++)
        if (entry->d_name[0] != '.')
            s_add (self, entry->d_name);
    if (entry)
        return;
    closedir (self->listing);
    self->listing = NULL;
    if (self->count)
        qsort (self->runs, self->count, sizeof *self->runs, s_by_age);
}

/*  Of a live run the mark may be missing: its disk was full. What cannot be looked at
    now (no descriptor is free) may be in use. */
static bool s_in_use (const s_run_t *run)
{
    char *journal = ag_asprintf ("%s/run.db", run->path);
    bool in_use = ag_rundir_owed (run->path) || ag_store_locked (journal) != 0;
    free (journal);
    return in_use;
}

/*  Returns whether that was work. */
static bool s_judge (ag_prune_t *self, const s_run_t *run)
{
    if (s_in_use (run))
        return false;
    if (ag_rundir_remove (run->path) == 0)
        self->bytes -= run->bytes;
    else
        ag_log_info ("PRUNE_FAILED", "%s cannot be removed: %s", run->path, strerror (errno));
    return true;
}

/*  From the oldest on, while they are too old or too many: one removal a turn. */
static void s_judge_some (ag_prune_t *self)
{
    bool worked = false;
    for (int i = 0; i < LOOKS_PER_TURN && self->next < self->count && !worked; i++) {
        const s_run_t *run = &self->runs[self->next];
        if (run->changed_us >= self->before_us && self->bytes <= self->max_bytes)
            self->next = self->count;
        else {
            worked = s_judge (self, run);
            self->next++;
        }
    }
}

bool ag_prune_turn (ag_prune_t *self)
{
    if (self->listing)
        s_list (self);
    else
        s_judge_some (self);
    return self->listing || self->next < self->count;
}
