/*  tests/feed_rig.h - events, a history and a reader for the feed's tests

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef TESTS_FEED_RIG_H
#define TESTS_FEED_RIG_H

#include "feed/client.h"

enum { RIG_EPOCH = 0x1000 };

/* ---------------------------------------------------------------------- */
/*  Events. The content of a text is "<seq>." so that a reader can tell what was joined. */

typedef enum {
    RIG_TEXT,                   /* whole text; variant: message */
    RIG_PARTIAL,                /* a piece of it */
    RIG_THINKING,
    RIG_THINKING_PARTIAL,
    RIG_LOOSE,                  /* text without a message id */
    RIG_CALL, RIG_RESULT, RIG_USAGE, RIG_ERROR, RIG_WARNING,
    RIG_FILE,                   /* variant: path */
    RIG_PROGRESS, RIG_STARTED, RIG_COMPLETED,
    RIG_CREATED, RIG_UPDATED, RIG_ITERATION,    /* for the work order's own stream */
    RIG_SHAPES
} rig_shape_t;

typedef struct {
    const char *work_order, *run;       /* run NULL: the stream "@work_order" */
    uint64_t epoch, seq;
    rig_shape_t shape;
    int variant;
    const char *text;           /* content in place of "<seq>." */
} rig_event_t;

ag_event_t *rig_event (const rig_event_t *what);
/*  Makes, puts and lets go; into the history too, when there is one. */
typedef struct rig_history rig_history_t;
void rig_put (ag_hub_t *hub, rig_history_t *history, const rig_event_t *what, int64_t now_us);

/* ---------------------------------------------------------------------- */
/*  A history in memory */

rig_history_t *rig_history_new (void);
void rig_history_destroy (rig_history_t **self_p);
const ag_history_t *rig_history_face (rig_history_t *self);
void rig_history_add (rig_history_t *self, ag_event_t *event);
/*  Forgets what is before seq. */
void rig_history_prune (rig_history_t *self, const char *stream, uint64_t epoch, uint64_t seq);
/*  What is added from now on cannot be read until it is told otherwise; or never (drop). */
void rig_history_delay (rig_history_t *self, bool delay);
void rig_history_drop (rig_history_t *self);
/*  All reads fail until told otherwise. */
void rig_history_fail (rig_history_t *self, bool fail);
/*  How many events were read from it. */
size_t rig_history_reads (const rig_history_t *self);
void rig_history_fail_bounds (rig_history_t *self, bool fail);

/* ---------------------------------------------------------------------- */
/*  Reading what goes out: the texts are ours, so looking for names is enough. */

bool rig_is (ag_str_t message, const char *type);
/*  The number behind "name":; 0 when it is not there. */
uint64_t rig_number (ag_str_t message, const char *name);
bool rig_has (ag_str_t message, const char *part);
/*  The text behind "name":" up to the next quote; absent: ptr NULL. */
ag_str_t rig_text (ag_str_t message, const char *name);
/*  The next event of a batch from *at on (0 at first); false: no more. */
bool rig_batch_next (ag_str_t batch, size_t *at, ag_str_t *event_r);

ag_hub_options_t rig_options (void);
/*  All types and kinds of text of a work order. */
ag_subscribe_t rig_subscribe (const char *work_order);

#endif
