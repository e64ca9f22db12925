/*  exec/watch.h - tells what changes in a workspace (SPEC section 5.6)

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The I/O of the file watcher: inotify, reading folders, looking at files.
    What is to be told of it is decided in watch_set.h. A new folder is first
    watched and then read, so nothing that is made in it is missed. Symbolic
    links are files here; nothing is followed (tree.h). All work is done in slices, so
    that a large tree does not hold up the agent's output.
*/
#ifndef AG_EXEC_WATCH_H
#define AG_EXEC_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/parser.h"
#include "exec/ignore.h"

typedef struct ag_watch ag_watch_t;

typedef struct {
    const char *root;           /* the workspace */
    ag_ignore_t *ignore;        /* lent */
    const char *state_dir;      /* our own files, which are left out wherever they lie; or NULL */
    const char *run_dir;        /* those of this run, or NULL */
    size_t max_files;           /* files known at most */
    ag_draft_sink_fn *sink;     /* gets file_changed, and agent_error warnings */
    void *context;              /* for it */
} ag_watch_options_t;

/*  NULL with a malloc'ed *error_r: no such folder, no inotify. The tree is read
    by the turns that follow; what changes from this moment on is told. */
ag_watch_t *ag_watch_new (const ag_watch_options_t *options, char **error_r);
void ag_watch_destroy (ag_watch_t **self_p);

/*  Reads the tree for at most max_us, before anybody can change it: what has not been
    seen cannot be told to be deleted. The turns do the rest. */
void ag_watch_begin (ag_watch_t *self, int64_t max_us);

int ag_watch_fd (const ag_watch_t *self);       /* to be polled for input */
/*  A slice of work: reads messages, reads folders, tells what is due. */
void ag_watch_turn (ag_watch_t *self);
/*  Monotonic microseconds at which a turn is wanted even without input. */
int64_t ag_watch_deadline_us (const ag_watch_t *self);
/*  At the end: tells all that has happened until now, quiet or not, for at most
    max_us. */
void ag_watch_finish (ag_watch_t *self, int64_t max_us);

/*  May this folder be watched without being named? Not "/" nor the home directory. */
bool ag_watch_is_modest (const char *dir);

#endif
