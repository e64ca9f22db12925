/*  exec/watch.c - tells what changes in a workspace

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "exec/fds.h"
#include "exec/folders.h"
#include "exec/tree.h"
#include "exec/watch_set.h"

enum {
    DEBOUNCE_US = 100 * 1000,
    PATIENCE_US = 1000 * 1000,
    SLICE_US = 5 * 1000,                /* of reading folders in one turn */
    TICK_LOOK_US = 200,                 /* a tick is 1 to 10 ms */
    LOOKS_PER_TURN = 500,
    READS_PER_TURN = 8,
    READ_BYTES = 64 * 1024,
    TREE_MASK = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO
        | IN_EXCL_UNLINK
};

/*  Why a folder is read. */
typedef enum {
    READ_AT_START,              /* its files were there before, unless their times say otherwise */
    READ_NEW,                   /* the folder is new: so are its files */
    READ_SWEEP                  /* messages were lost */
} s_why_t;

typedef struct s_job {
    struct s_job *next;         /* in the queue */
    s_why_t why;                /* how to take what is found */
    char path[];                /* the folder, relative to the root */
} s_job_t;

struct ag_watch {
    ag_watch_options_t options; /* as given */
    ag_tree_t *tree;            /* the workspace */
    char *own_dir;              /* our own files, relative to it; NULL: they are elsewhere */
    int fd;                     /* inotify */
    int64_t start_ns;           /* wall clock when the agent may begin; INT64_MAX: not yet, or all had been read by then */
    ag_folders_t *folders;      /* watch descriptors */
    ag_watch_set_t *set;        /* files */
    ag_gone_t *gone;            /* folders that the last messages took away */
    s_job_t *first, *last;      /* folders still to be read */
    s_job_t *job;               /* the one that is being read, or NULL */
    DIR *listing;               /* of it */
    bool sweeping;              /* a sweep is among them */
    bool overflow;              /* messages were lost: a sweep is due */
    bool full;                  /* that something is not watched was told */
    bool removed;               /* that the workspace itself is gone was told */
};

/* ---------------------------------------------------------------------- */
/*  Telling */

static void s_warn (ag_watch_t *self, const char *code, char *message)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_ERROR);
    ag_draft_set_text (draft, AG_F_MESSAGE, message);
    ag_draft_set_text (draft, AG_F_SEVERITY, "warning");
    ag_draft_set_text (draft, AG_F_SOURCE, "executor");
    ag_draft_set_text (draft, AG_F_CODE, code);
    free (message);
    self->options.sink (self->options.context, &draft);
}

/*  Once a run: what is not watched stays so. */
static void s_warn_limit (ag_watch_t *self, const char *what)
{
    if (self->full)
        return;
    self->full = true;
    s_warn (self, "WATCH_LIMIT", ag_asprintf ("%s: changes in part of the workspace will not be told (%zu folders and "
        "%zu files are watched)", what, ag_folders_count (self->folders), ag_watch_set_count (self->set)));
}

static void s_tell (ag_watch_t *self, const char *path, ag_watch_news_t news, const ag_watch_look_t *look)
{
    static const char *const actions[] = { NULL, "created", "modified", "deleted" };
    if (news == AG_WATCH_SAME)
        return;
    ag_draft_t *draft = ag_draft_new (AG_FILE_CHANGED);
    ag_draft_set_text (draft, AG_F_PATH, path);
    ag_draft_set_text (draft, AG_F_ACTION, actions[news]);
    if (look->exists)
        ag_draft_set_integer (draft, AG_F_SIZE_BYTES, look->size_bytes);
    self->options.sink (self->options.context, &draft);
}

/* ---------------------------------------------------------------------- */
/*  Looking */

static int64_t s_wall_ns (clockid_t clock)
{
    struct timespec now;
    clock_gettime (clock, &now);
    return now.tv_sec * INT64_C (1000000000) + now.tv_nsec;
}

static int64_t s_stamp_ns (const struct statx_timestamp *stamp)
{
    return stamp->tv_sec * INT64_C (1000000000) + stamp->tv_nsec;
}

/*  Only regular files and symbolic links count as there. */
static void s_fill (const struct statx *info, ag_watch_look_t *look_r)
{
    *look_r = (ag_watch_look_t) { 0 };
    if (!S_ISREG (info->stx_mode) && !S_ISLNK (info->stx_mode))
        return;
    look_r->exists = true;
    look_r->size_bytes = (int64_t) info->stx_size;
    look_r->mtime_ns = s_stamp_ns (&info->stx_mtime);
    look_r->inode = info->stx_ino;
    look_r->seen_ns = s_wall_ns (CLOCK_REALTIME_COARSE);
}

static void s_look_at (ag_watch_t *self, const char *due)
{
    struct statx info;
    ag_watch_look_t look = { 0 };
    char *path = ag_strdup (due);       /* the set forgets files that are gone */
    int there = ag_tree_look (self->tree, path, &info);
    if (there == 1)
        s_fill (&info, &look);
    s_tell (self, path, ag_watch_set_look (self->set, path, there < 0 ? NULL : &look), &look);
    free (path);
}

static void s_look_at_due (ag_watch_t *self, int64_t now_us, int max)
{
    const char *path;
    while (max-- > 0 && (path = ag_watch_set_due (self->set, now_us)))
        s_look_at (self, path);
}

/* ---------------------------------------------------------------------- */
/*  Reading folders */

static void s_enqueue (ag_watch_t *self, const char *path, s_why_t why)
{
    size_t size = strlen (path) + 1;
    s_job_t *job = ag_calloc (1, sizeof *job + size);
    memcpy (job->path, path, size);
    job->why = why;
    *(self->last ? &self->last->next : &self->first) = job;
    self->last = job;
}

static bool s_left_out (const ag_watch_t *self, const char *path)
{
    if (self->own_dir && strcmp (path, self->own_dir) == 0)
        return true;
    return ag_ignore_match (self->options.ignore, path);
}

/*  A file that was there when the watching began, unless its times say that it
    was made or changed since, before we came to its folder. Not mtime: anybody
    can set that, into the future too. */
static bool s_take_early (ag_watch_t *self, const char *path, const struct statx *info, const ag_watch_look_t *look)
{
    bool has_birth = info->stx_mask & STATX_BTIME;
    if (has_birth && s_stamp_ns (&info->stx_btime) >= self->start_ns)
        return ag_watch_set_touch (self->set, path, false, ag_clock_mono_us ());
    ag_watch_look_t before = *look;
    bool changed = s_stamp_ns (&info->stx_ctime) >= self->start_ns;
    if (changed)
        before.mtime_ns = 0;
    return ag_watch_set_know (self->set, path, &before)
        && (!changed || ag_watch_set_touch (self->set, path, true, ag_clock_mono_us ()));
}

static bool s_take_file (ag_watch_t *self, const char *path, s_why_t why, const struct statx *info)
{
    ag_watch_look_t look;
    s_fill (info, &look);
    if (!look.exists)
        return true;
    switch (why) {
    case READ_AT_START:
        return s_take_early (self, path, info, &look);
    case READ_NEW:
        return ag_watch_set_touch (self->set, path, false, ag_clock_mono_us ());
    case READ_SWEEP:
        return ag_watch_set_found (self->set, path, &look, ag_clock_mono_us ());
    }
    return true;
}

static void s_take_entry (ag_watch_t *self, const char *name)
{
    const s_job_t *job = self->job;
    struct statx info;
    char *path = job->path[0] ? ag_asprintf ("%s/%s", job->path, name) : ag_strdup (name);
    if (!s_left_out (self, path) && ag_tree_look_in (dirfd (self->listing), name, &info) == 1) {
        if (S_ISDIR (info.stx_mode))
            s_enqueue (self, path, job->why);
        else if (!s_take_file (self, path, job->why, &info))
            s_warn_limit (self, "too many files");
    }
    free (path);
}

static void s_end_folder (ag_watch_t *self)
{
    if (self->listing)
        closedir (self->listing);
    self->listing = NULL;
    free (self->job);
    self->job = NULL;
}

/*  One folder may hold a million files, so this too goes by time. */
static void s_read_entries (ag_watch_t *self, int64_t until_us)
{
    while (ag_clock_mono_us () < until_us) {
        struct dirent *entry = readdir (self->listing);
        if (!entry) {
            s_end_folder (self);
            return;
        }
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            s_take_entry (self, entry->d_name);
    }
}

/*  A folder that is no longer there is no trouble, all else is: what is in it
    will not be told. */
static void s_warn_unless_gone (ag_watch_t *self, const char *path)
{
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        return;
    if (errno == ENOSPC)
        s_warn_limit (self, "the limit of inotify watches (fs.inotify.max_user_watches) is reached");
    else {
        char *what = ag_asprintf ("%s: %s", path[0] ? path : ".", strerror (errno));
        s_warn_limit (self, what);
        free (what);
    }
}

/*  First watched, then read. */
static void s_open_folder (ag_watch_t *self)
{
    const char *path = self->job->path;
    if (ag_watch_set_count (self->set) >= self->options.max_files) {
        s_warn_limit (self, "too many files");
        return;
    }
    int fd = ag_tree_open (self->tree, path);
    int wd = fd >= 0 ? ag_tree_watch (self->fd, fd, TREE_MASK) : -1;
    if (wd < 0)
        s_warn_unless_gone (self, path);
    if (wd >= 0 && ag_folders_put (self->folders, wd, path))
        self->listing = fdopendir (fd);
    if (!self->listing)
        ag_fds_close (&fd);
}

static void s_begin_folder (ag_watch_t *self)
{
    self->job = self->first;
    self->first = self->job->next;
    if (!self->first)
        self->last = NULL;
    s_open_folder (self);
    if (!self->listing)
        s_end_folder (self);
}

static bool s_has_more (const ag_watch_t *self)
{
    return self->job || self->first;
}

static void s_read_folders (ag_watch_t *self, int64_t until_us)
{
    while (s_has_more (self) && ag_clock_mono_us () < until_us) {
        if (!self->job)
            s_begin_folder (self);
        if (self->job)
            s_read_entries (self, until_us);
    }
    if (!s_has_more (self) && self->sweeping) {
        self->sweeping = false;
        ag_watch_set_sweep_finish (self->set, ag_clock_mono_us ());
    }
}

/*  Folders that have been moved or removed: their watches have wrong paths, and
    what was in them is somewhere else. Before any folder is read again. */
static void s_settle_gone (ag_watch_t *self)
{
    if (ag_gone_is_empty (self->gone))
        return;
    if (self->job && ag_gone_covers (self->gone, self->job->path))
        s_end_folder (self);            /* it is read again where it is now */
    for (int wd = -1; (wd = ag_folders_take_gone (self->folders, self->gone, wd)) >= 0; )
        inotify_rm_watch (self->fd, wd);
    ag_watch_set_touch_gone (self->set, self->gone, ag_clock_mono_us ());
    ag_gone_clear (self->gone);
}

/*  The kernel's queue was too short: what we know may be wrong, so everything
    is read again. Watches of folders that have moved have wrong paths: all new. */
static void s_sweep (ag_watch_t *self)
{
    if (self->sweeping)
        return;
    self->overflow = false;
    self->sweeping = true;
    ag_gone_clear (self->gone);
    ag_gone_add (self->gone, "");
    for (int wd = -1; (wd = ag_folders_take_gone (self->folders, self->gone, wd)) >= 0; )
        inotify_rm_watch (self->fd, wd);
    ag_gone_clear (self->gone);
    ag_watch_set_sweep_begin (self->set);
    s_enqueue (self, "", READ_SWEEP);
    s_warn (self, "WATCH_OVERFLOW", ag_strdup ("more changed in the workspace at once than the kernel reports "
        "(fs.inotify.max_queued_events): it is read again"));
}

/* ---------------------------------------------------------------------- */
/*  The kernel's messages */

static void s_folder_message (ag_watch_t *self, uint32_t mask, const char *path)
{
    if (mask & IN_MOVED_FROM)
        ag_gone_add (self->gone, path);
    else if (mask & (IN_CREATE | IN_MOVED_TO))
        s_enqueue (self, path, READ_NEW);
}

static void s_message (ag_watch_t *self, const struct inotify_event *message)
{
    if (message->mask & IN_Q_OVERFLOW)
        self->overflow = true;
    if (message->mask & IN_IGNORED)
        ag_folders_remove (self->folders, message->wd);
    const char *folder = ag_folders_path (self->folders, message->wd);
    if (!folder || message->len == 0)
        return;
    char *path = folder[0] ? ag_asprintf ("%s/%s", folder, message->name) : ag_strdup (message->name);
    if (!s_left_out (self, path)) {
        if (message->mask & IN_ISDIR)
            s_folder_message (self, message->mask, path);
        else if (!ag_watch_set_touch (self->set, path, message->mask & (IN_MODIFY | IN_CLOSE_WRITE),
                     ag_clock_mono_us ()))
            s_warn_limit (self, "too many files");
    }
    free (path);
}

/*  One read. False: there is nothing more. */
static bool s_read_messages (ag_watch_t *self)
{
    char buffer[READ_BYTES] __attribute__ ((aligned (__alignof__ (struct inotify_event))));
    ssize_t len = read (self->fd, buffer, sizeof buffer);
    if (len <= 0)
        return false;
    for (char *at = buffer; at < buffer + len; ) {
        const struct inotify_event *message = (const struct inotify_event *) (void *) at;
        s_message (self, message);
        at += sizeof *message + message->len;
    }
    return true;
}

/* ---------------------------------------------------------------------- */

/*  What of our own files lies in the workspace: the state dir; when that is the
    workspace, its runs; or else ours alone. Their changes would make new ones. */
static char *s_find_own_dir (const ag_watch_t *self)
{
    char *own = ag_tree_relative (self->tree, self->options.state_dir);
    char *runs = self->options.state_dir ? ag_asprintf ("%s/runs", self->options.state_dir) : NULL;
    if (!own)
        own = ag_tree_relative (self->tree, runs);
    if (!own)
        own = ag_tree_relative (self->tree, self->options.run_dir);
    free (runs);
    return own;
}

ag_watch_t *ag_watch_new (const ag_watch_options_t *options, char **error_r)
{
    ag_tree_t *tree = ag_tree_new (options->root, error_r);
    int fd = tree ? ag_fds_lift (inotify_init1 (IN_CLOEXEC | IN_NONBLOCK)) : -1;
    if (fd < 0) {
        if (tree)
            *error_r = ag_asprintf ("cannot watch %s: %s (fs.inotify.max_user_instances)", options->root,
                strerror (errno));
        ag_tree_destroy (&tree);
        return NULL;
    }
    ag_watch_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->tree = tree;
    self->own_dir = s_find_own_dir (self);
    self->fd = fd;
    self->gone = ag_gone_new ();
    self->start_ns = INT64_MAX;
    self->folders = ag_folders_new ();
    ag_watch_set_options_t set = { DEBOUNCE_US, PATIENCE_US, options->max_files };
    self->set = ag_watch_set_new (&set);
    s_enqueue (self, "", READ_AT_START);
    return self;
}

void ag_watch_destroy (ag_watch_t **self_p)
{
    ag_watch_t *self = *self_p;
    if (!self)
        return;
    while (self->first) {
        s_job_t *job = self->first;
        self->first = job->next;
        free (job);
    }
    s_end_folder (self);
    ag_fds_close (&self->fd);
    ag_folders_destroy (&self->folders);
    ag_watch_set_destroy (&self->set);
    ag_gone_destroy (&self->gone);
    ag_tree_destroy (&self->tree);
    free (self->own_dir);
    free (self);
    *self_p = NULL;
}

/*  The next tick of the clock that stamps files. What was made until now has a stamp in
    front of it, what is made from then on has not, however fine the stamps are. */
static int64_t s_next_tick_ns (void)
{
    int64_t tick_ns = s_wall_ns (CLOCK_REALTIME_COARSE), now_ns = tick_ns;
    while (now_ns == tick_ns) {
        usleep (TICK_LOOK_US);
        now_ns = s_wall_ns (CLOCK_REALTIME_COARSE);
    }
    return now_ns;
}

void ag_watch_begin (ag_watch_t *self, int64_t max_us)
{
    s_read_folders (self, ag_clock_mono_us () + max_us);
    if (s_has_more (self))
        self->start_ns = s_next_tick_ns ();
}

int ag_watch_fd (const ag_watch_t *self)
{
    return self->fd;
}

/*  Another folder may stand in its place: that is not watched. */
static void s_tell_removed (ag_watch_t *self)
{
    if (self->removed || !ag_tree_is_removed (self->tree))
        return;
    self->removed = true;
    s_warn (self, "WATCH_GONE", ag_strdup ("the workspace was removed: what happens in its place will not be told"));
}

/*  Messages first: the kernel's queue is the only thing here that can overflow. */
void ag_watch_turn (ag_watch_t *self)
{
    for (int i = 0; i < READS_PER_TURN && s_read_messages (self); i++)
        ;
    if (self->overflow)
        s_sweep (self);
    s_settle_gone (self);
    s_tell_removed (self);
    int64_t now_us = ag_clock_mono_us ();
    s_read_folders (self, now_us + SLICE_US);
    s_look_at_due (self, now_us, LOOKS_PER_TURN);
}

int64_t ag_watch_deadline_us (const ag_watch_t *self)
{
    return s_has_more (self) || self->overflow ? 0 : ag_watch_set_deadline_us (self->set);
}

void ag_watch_finish (ag_watch_t *self, int64_t max_us)
{
    int64_t until_us = ag_clock_mono_us () + max_us;
    do {
        while (s_read_messages (self))
            ;
        if (self->overflow)
            s_sweep (self);
        s_settle_gone (self);
        s_read_folders (self, until_us);
    } while ((s_has_more (self) || self->overflow) && ag_clock_mono_us () < until_us);
    while (ag_watch_set_due (self->set, INT64_MAX) && ag_clock_mono_us () < until_us)
        s_look_at_due (self, INT64_MAX, LOOKS_PER_TURN);
    s_tell_removed (self);
    if (s_has_more (self) || ag_watch_set_due (self->set, INT64_MAX))
        s_warn (self, "WATCH_UNFINISHED", ag_strdup ("the last changes in the workspace are not told in full: there "
            "were too many to look at before the end"));
}

bool ag_watch_is_modest (const char *dir)
{
    char *real = realpath (dir, NULL);
    const char *home = getenv ("HOME");
    char *real_home = home ? realpath (home, NULL) : NULL;
    bool modest = real && strcmp (real, "/") != 0 && (!real_home || strcmp (real, real_home) != 0);
    free (real);
    free (real_home);
    return modest;
}
