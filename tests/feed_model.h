/*  tests/feed_model.h - what a client may and must get, in the plainest words

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The naive model behind the property tests. It knows all events that were
    put and writes down all that each viewer was sent; it knows nothing of
    rings, lanes or frames, and has its own idea of what passes a filter and
    what is important. What it asserts is in feed_model.c, next to the sentence
    of the specification that it follows from.
*/
#ifndef TESTS_FEED_MODEL_H
#define TESTS_FEED_MODEL_H

#include "tests/feed_rig.h"

enum {
    MODEL_STREAMS = 4,          /* two runs and the own stream of W1, one run of W2 */
    MODEL_EPOCHS = 3,
    MODEL_SEQS = 2000,          /* per epoch */
    MODEL_VIEWERS = 6
};

typedef struct {
    uint8_t shape, variant;
    bool lost;                  /* never came */
    int64_t put_us;             /* when it came */
} model_event_t;

typedef struct {
    const char *work_order, *run, *id;
    int epoch;                  /* index of the current one; -1: not known */
    bool over;
    bool dead;                  /* its writer was given up for lost */
    model_event_t events[MODEL_EPOCHS][MODEL_SEQS + 1];
    uint64_t last[MODEL_EPOCHS];
    uint64_t lost_from, lost_to;        /* newest hole of the current epoch; 0: none */
} model_stream_t;

typedef struct {
    int stream, epoch;
    uint64_t from, to;
    ag_str_t reason;            /* literal */
    uint64_t count[AG_KIND_COUNT];
    bool recoverable;
} model_gap_t;

/*  One viewer, over all its connections. */
typedef struct {
    ag_client_t *client;        /* NULL: away */
    ag_client_options_t options;
    uint32_t types;
    bool partial, thinking;
    bool covers[MODEL_STREAMS];
    bool work_order, run, all;  /* what it subscribes to: W1, the first run, "*" */
    bool stalled;
    uint64_t begin[MODEL_STREAMS][MODEL_EPOCHS];        /* first seq it should hear of; 0: none */
    bool relaxed[MODEL_STREAMS][MODEL_EPOCHS];          /* it was away when this epoch ended */
    uint8_t got[MODEL_STREAMS][MODEL_EPOCHS][MODEL_SEQS + 1];
    uint8_t shed[MODEL_STREAMS][MODEL_EPOCHS][MODEL_SEQS + 1];  /* ranges of gaps "rate" over each */
    uint8_t missed[MODEL_STREAMS][MODEL_EPOCHS][MODEL_SEQS + 1];        /* and of the others */
    uint64_t newest[MODEL_STREAMS][MODEL_EPOCHS];       /* seq of the last delivery */
    uint64_t told_epoch[MODEL_STREAMS];
    model_gap_t *gaps;
    size_t gap_count, gap_cap;
    uint64_t skipped[AG_KIND_COUNT];    /* plain: as told */
    char *cursor;               /* of the last message that had one, or NULL */
    int64_t level, level_us;    /* naive bucket, millionths */
    bool positioned;            /* this connection asked for a position */
    int replay_completes;       /* seen on this connection */
    bool catching_up;           /* between subscribing with a position and replay_complete */
    bool critical_now;          /* a critical event was in this drain */
    bool charged;               /* anything of the live budget was */
    int64_t total_level, total_us;      /* naive bucket of live and replay budget together */
    bool behind;                /* was found so, and has not been quiet since */
    int64_t empty_us;           /* since when nothing is pending; 0: something is */
    int64_t sent_us;            /* the last event or gap */
    int64_t free_us;            /* since then its socket drains and it has no debt */
    int64_t skipped_us;         /* plain: when it was told last; 0: never */
    int must_stream;            /* an event that has to go at once, or -1 ... */
    uint64_t must_seq;          /* ... its seq */
    int begun_epoch[MODEL_STREAMS];     /* current when this connection subscribed ... */
    uint64_t begun_last[MODEL_STREAMS]; /* ... and its head */
} model_viewer_t;

typedef struct {
    ag_hub_t *hub;
    rig_history_t *history;     /* or NULL */
    int64_t now_us;
    bool pruned;                /* the history lacks something */
    bool blind;                 /* and cannot be read now ... */
    bool slow;                  /* ... or only what was there before */
    int64_t seen_us;            /* when it could be read again */
    bool aged;                  /* an hour has passed, and what was over is forgotten */
    model_stream_t streams[MODEL_STREAMS];
    model_viewer_t viewers[MODEL_VIEWERS];
    int who;                    /* the viewer in hand, for the report */
    char failure[512];          /* the first; empty: none */
    uint64_t delivered, events;
} model_t;

void model_fail (model_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
uint64_t model_epoch (int index);
/*  "each default true", thinking and partials as asked for, "*" only its types. */
bool model_passes (const model_viewer_t *viewer, const model_event_t *event);
/*  An event was put. */
void model_put (model_t *self, int stream, rig_shape_t shape, int variant);
void model_lost (model_t *self, int stream, uint64_t count);
/*  A viewer was sent a frame; and its drain is over. */
void model_frame (model_t *self, model_viewer_t *viewer, const ag_frame_t *frame);
void model_drained (model_t *self, model_viewer_t *viewer);
/*  All that could be served is; what should have gone by now? */
void model_served (model_t *self);
/*  Nothing is pending any more: all must be accounted for. */
void model_check (model_t *self);
/*  Two unlimited viewers of the same, one of which was away: the same set. */
void model_check_same (model_t *self, const model_viewer_t *stayed, const model_viewer_t *came_back);

#endif
