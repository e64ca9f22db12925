/*  exec/watch_set.c - what is known of a workspace's files, and what is to be told

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/watch_set.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/*  A file's time has the grain of the kernel's tick: what is written within it
    after we looked leaves the same time behind. */
enum { FIRST_BUCKETS = 256, TICK_NS = 10 * 1000 * 1000 };

typedef struct s_file s_file_t;

/*  A touch that waits for quiet; in the order of due_us. */
typedef struct s_touch {
    struct s_touch *prev, *next;        /* in the queue */
    s_file_t *file;                     /* whose */
    int64_t first_us;                   /* when it was first touched */
    int64_t due_us;                     /* when it is to be looked at */
    bool written;                       /* its content was */
} s_touch_t;

struct s_file {
    s_file_t *next;             /* in the bucket */
    s_touch_t *touch;           /* NULL: at rest */
    int64_t size_bytes;         /* as last told or known */
    int64_t mtime_ns;           /* the same */
    uint64_t inode;             /* the same */
    uint32_t hash;              /* of the path */
    uint16_t generation;        /* of the sweep that last found it */
    bool known;                 /* it is there, as far as we have told */
    bool racy;                  /* seen within a tick of its last change */
    char path[];                /* relative to the workspace */
};

struct ag_watch_set {
    ag_watch_set_options_t options;     /* as given */
    s_file_t **buckets;                 /* the table */
    size_t bucket_count;                /* a power of two */
    size_t count;                       /* files in it */
    s_touch_t *first, *last;            /* the queue */
    uint16_t generation;                /* of the running or last sweep */
};

ag_watch_set_t *ag_watch_set_new (const ag_watch_set_options_t *options)
{
    ag_watch_set_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->bucket_count = FIRST_BUCKETS;
    self->buckets = ag_calloc (self->bucket_count, sizeof *self->buckets);
    return self;
}

void ag_watch_set_destroy (ag_watch_set_t **self_p)
{
    ag_watch_set_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->bucket_count; i++)
        for (s_file_t *file = self->buckets[i], *next; file; file = next) {
            next = file->next;
            free (file->touch);
            free (file);
        }
    free (self->buckets);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  The table */

static uint32_t s_hash (const char *path)
{
    uint32_t hash = 2166136261u;        /* FNV-1a */
    for (; *path; path++)
        hash = (hash ^ (unsigned char) *path) * 16777619u;
    return hash;
}

static s_file_t **s_bucket (ag_watch_set_t *self, uint32_t hash)
{
    return &self->buckets[hash & (self->bucket_count - 1)];
}

static s_file_t *s_find (ag_watch_set_t *self, const char *path)
{
    uint32_t hash = s_hash (path);
    for (s_file_t *file = *s_bucket (self, hash); file; file = file->next)
        if (file->hash == hash && strcmp (file->path, path) == 0)
            return file;
    return NULL;
}

static void s_grow (ag_watch_set_t *self)
{
    s_file_t **old = self->buckets;
    size_t old_count = self->bucket_count;
    self->bucket_count *= 2;
    self->buckets = ag_calloc (self->bucket_count, sizeof *self->buckets);
    for (size_t i = 0; i < old_count; i++)
        for (s_file_t *file = old[i], *next; file; file = next) {
            next = file->next;
            s_file_t **bucket = s_bucket (self, file->hash);
            file->next = *bucket;
            *bucket = file;
        }
    free (old);
}

/*  Finds or makes; NULL: full. */
static s_file_t *s_need (ag_watch_set_t *self, const char *path)
{
    s_file_t *file = s_find (self, path);
    if (file || self->count >= self->options.max_files)
        return file;
    if (self->count >= self->bucket_count)
        s_grow (self);
    size_t size = strlen (path) + 1;
    file = ag_calloc (1, sizeof *file + size);
    memcpy (file->path, path, size);
    file->hash = s_hash (path);
    file->generation = self->generation;
    s_file_t **bucket = s_bucket (self, file->hash);
    file->next = *bucket;
    *bucket = file;
    self->count++;
    return file;
}

static void s_forget (ag_watch_set_t *self, s_file_t *file)
{
    s_file_t **link = s_bucket (self, file->hash);
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    self->count--;
    free (file);
}

size_t ag_watch_set_count (const ag_watch_set_t *self)
{
    return self->count;
}

/* ---------------------------------------------------------------------- */
/*  The queue */

static void s_unlink (ag_watch_set_t *self, s_touch_t *touch)
{
    *(touch->prev ? &touch->prev->next : &self->first) = touch->next;
    *(touch->next ? &touch->next->prev : &self->last) = touch->prev;
}

static void s_enqueue (ag_watch_set_t *self, s_touch_t *touch)
{
    touch->next = NULL;
    touch->prev = self->last;
    *(self->last ? &self->last->next : &self->first) = touch;
    self->last = touch;
}

/*  Each touch goes to the end with the latest due time, so the queue stays in
    order; one whose patience is over keeps its place. */
static void s_touch_file (ag_watch_set_t *self, s_file_t *file, bool written, int64_t now_us)
{
    s_touch_t *touch = file->touch;
    int64_t due_us = now_us + self->options.debounce_us;
    if (!touch) {
        touch = file->touch = ag_calloc (1, sizeof *touch);
        touch->file = file;
        touch->first_us = now_us;
    }
    else if (due_us - touch->first_us > self->options.patience_us) {
        touch->written |= written;
        return;
    }
    else
        s_unlink (self, touch);
    touch->written |= written;
    touch->due_us = due_us;
    s_enqueue (self, touch);
}

bool ag_watch_set_touch (ag_watch_set_t *self, const char *path, bool written, int64_t now_us)
{
    s_file_t *file = s_need (self, path);
    if (file)
        s_touch_file (self, file, written, now_us);
    return file != NULL;
}

void ag_watch_set_touch_gone (ag_watch_set_t *self, ag_gone_t *gone, int64_t now_us)
{
    for (size_t i = 0; i < self->bucket_count; i++)
        for (s_file_t *file = self->buckets[i]; file; file = file->next)
            if (ag_gone_covers (gone, file->path))
                s_touch_file (self, file, false, now_us);
}

const char *ag_watch_set_due (ag_watch_set_t *self, int64_t now_us)
{
    return self->first && self->first->due_us <= now_us ? self->first->file->path : NULL;
}

int64_t ag_watch_set_deadline_us (const ag_watch_set_t *self)
{
    return self->first ? self->first->due_us : INT64_MAX;
}

/* ---------------------------------------------------------------------- */
/*  Judging */

static void s_remember (s_file_t *file, const ag_watch_look_t *look)
{
    file->known = true;
    file->size_bytes = look->size_bytes;
    file->mtime_ns = look->mtime_ns;
    file->inode = look->inode;
    file->racy = look->mtime_ns > look->seen_ns - TICK_NS;
}

static bool s_differs (const s_file_t *file, const ag_watch_look_t *look)
{
    return file->size_bytes != look->size_bytes || file->mtime_ns != look->mtime_ns || file->inode != look->inode;
}

bool ag_watch_set_know (ag_watch_set_t *self, const char *path, const ag_watch_look_t *look)
{
    s_file_t *file = s_need (self, path);
    if (file && !file->known && !file->touch)
        s_remember (file, look);
    return file != NULL;
}

ag_watch_news_t ag_watch_set_look (ag_watch_set_t *self, const char *path, const ag_watch_look_t *look)
{
    s_file_t *file = s_find (self, path);
    if (!file)
        return AG_WATCH_SAME;
    bool was_known = file->known;
    bool written = file->touch && file->touch->written && file->racy;
    bool changed = look && (written || s_differs (file, look));
    if (file->touch) {
        s_unlink (self, file->touch);
        free (file->touch);
        file->touch = NULL;
    }
    if (!look)
        return AG_WATCH_SAME;
    if (!look->exists) {
        s_forget (self, file);
        return was_known ? AG_WATCH_DELETED : AG_WATCH_SAME;
    }
    s_remember (file, look);
    if (!was_known)
        return AG_WATCH_CREATED;
    return changed ? AG_WATCH_MODIFIED : AG_WATCH_SAME;
}

/* ---------------------------------------------------------------------- */
/*  Starting over after lost messages */

void ag_watch_set_sweep_begin (ag_watch_set_t *self)
{
    self->generation++;
}

bool ag_watch_set_found (ag_watch_set_t *self, const char *path, const ag_watch_look_t *look, int64_t now_us)
{
    s_file_t *file = s_need (self, path);
    if (!file)
        return false;
    file->generation = self->generation;
    if (!file->known || s_differs (file, look))
        s_touch_file (self, file, true, now_us);
    return true;
}

void ag_watch_set_sweep_finish (ag_watch_set_t *self, int64_t now_us)
{
    for (size_t i = 0; i < self->bucket_count; i++)
        for (s_file_t *file = self->buckets[i]; file; file = file->next)
            if (file->generation != self->generation)
                s_touch_file (self, file, false, now_us);
}
