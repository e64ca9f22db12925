/*  exec/watch_set.h - what is known of a workspace's files, and what is to be told

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The policy of the file watcher, without any I/O. What the kernel says only
    *touches* a path; when it has been quiet for the debounce time the owner
    looks at the file (ag_watch_set_due) and says what it found
    (ag_watch_set_look). From that and from what was known before follows what
    is told: so a file that was renamed away and back, replaced by its editor's
    new copy, or made and removed again comes out right whatever the order and
    the number of the kernel's messages, and also after some were lost.
*/
#ifndef AG_EXEC_WATCH_SET_H
#define AG_EXEC_WATCH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exec/gone.h"

typedef struct ag_watch_set ag_watch_set_t;

/*  A file as it was seen; all 0 when it is not there. */
typedef struct {
    bool exists;
    int64_t size_bytes;
    int64_t mtime_ns;           /* by the wall clock */
    uint64_t inode;
    int64_t seen_ns;            /* when we looked, by the wall clock */
} ag_watch_look_t;

typedef enum { AG_WATCH_SAME, AG_WATCH_CREATED, AG_WATCH_MODIFIED, AG_WATCH_DELETED } ag_watch_news_t;

typedef struct {
    int64_t debounce_us;        /* quiet before a file is looked at: 100 ms */
    int64_t patience_us;        /* but one that is never quiet is looked at so often: 1 s */
    size_t max_files;           /* held at most; more are refused */
} ag_watch_set_options_t;

ag_watch_set_t *ag_watch_set_new (const ag_watch_set_options_t *options);
void ag_watch_set_destroy (ag_watch_set_t **self_p);

/*  A file that was there before: nothing to tell. False: the set is full. */
bool ag_watch_set_know (ag_watch_set_t *self, const char *path, const ag_watch_look_t *look);
/*  Something has happened to a path; `written`: to its content. False: the set is full. */
bool ag_watch_set_touch (ag_watch_set_t *self, const char *path, bool written, int64_t now_us);
/*  Folders have gone: touches every file known below one of them. */
void ag_watch_set_touch_gone (ag_watch_set_t *self, ag_gone_t *gone, int64_t now_us);

/*  The next path to be looked at, lent until the answer by ag_watch_set_look;
    NULL: none now. `now_us` INT64_MAX: all, debounced or not. */
const char *ag_watch_set_due (ag_watch_set_t *self, int64_t now_us);
/*  The answer: what is to be told of that path. Forgets a file that is not there.
    NULL: it could not be seen, so nothing is told and nothing forgotten. */
ag_watch_news_t ag_watch_set_look (ag_watch_set_t *self, const char *path, const ag_watch_look_t *look);
int64_t ag_watch_set_deadline_us (const ag_watch_set_t *self);         /* INT64_MAX: none */

/*  After lost messages: begin, then ag_watch_set_found for each file that is
    there, then finish, which touches those that were not found. */
void ag_watch_set_sweep_begin (ag_watch_set_t *self);
bool ag_watch_set_found (ag_watch_set_t *self, const char *path, const ag_watch_look_t *look, int64_t now_us);
void ag_watch_set_sweep_finish (ag_watch_set_t *self, int64_t now_us);

size_t ag_watch_set_count (const ag_watch_set_t *self);        /* files and touched paths held */

#endif
