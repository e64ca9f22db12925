/*  tests/feed_tap.h - a hub, a clock and viewers that write down what they get

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What a viewer got is one text: events as kind letter and seq ("o5" text,
    "o3-5" rolled up, "e7" error), other messages by their type, separated by
    spaces. So a test can say what it expects in a line.
*/
#ifndef TESTS_FEED_TAP_H
#define TESTS_FEED_TAP_H

#include "core/buf.h"
#include "tests/feed_rig.h"

typedef struct {
    ag_hub_t *hub;
    rig_history_t *history;     /* or NULL */
    int64_t now_us;
} tap_hub_t;

typedef struct {
    ag_client_t *client;
    ag_buf_t log;               /* since the last tap_expect */
    ag_buf_t raw;               /* the same, whole, a line each */
    char *cursor;               /* the last one seen */
    uint64_t frame_id;          /* of the last frame of events */
} tap_t;

void tap_hub_init (tap_hub_t *self, const ag_hub_options_t *options, bool history);
void tap_hub_free (tap_hub_t *self);
void tap_init (tap_t *self, tap_hub_t *hub, const ag_client_options_t *options);
void tap_free (tap_t *self);

/*  Subscribes; a failure fails the test. cursor: NULL, or "after" as text. */
void tap_subscribe (tap_t *self, tap_hub_t *hub, const ag_subscribe_t *request);
void tap_subscribe_run (tap_t *self, tap_hub_t *hub, const char *run, const char *cursor);

/*  Puts a run's events first .. last; run "R1" of work order "W1". */
void tap_put (tap_hub_t *self, rig_shape_t shape, uint64_t first, uint64_t last);
void tap_put_to (tap_hub_t *self, const char *run, rig_shape_t shape, uint64_t first, uint64_t last);
/*  Lets time pass, with all ticks, and serves whoever is ready. */
void tap_wait (tap_hub_t *self, int64_t ms);
void tap_serve (tap_hub_t *self);

/*  What it got since the last time. */
#define tap_expect(self, text) tap_expect_at (self, text, __FILE__, __LINE__)
void tap_expect_at (tap_t *self, const char *text, const char *file, int line);
bool tap_saw (const tap_t *self, const char *part);
void tap_forget (tap_t *self);

#endif
