/*  bus/owed.h - what writers that have ended still owe the gateways

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A writer's folder (<state>/runs/NAME or <state>/work-orders/NAME) holds its
    journal, run.db, and, as long as a gateway may still have to be given
    something, a file "owed". It is empty, or names the control endpoints of those
    that lack something, a line each, when another has it all. A journal is
    opened, announced, and resent on request until every gateway has committed
    it; then the mark goes. A run that has no end (its executor was killed) gets
    one: run_failed with reason "lost".

    Goes by turns, a few journals at a time, and needs no sockets of the owner's
    loop: a timer is enough. Nothing is published on the data channel; the
    gateway asks for what it lacks. SPEC sections 2 and 5.9.
*/
#ifndef AG_BUS_OWED_H
#define AG_BUS_OWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/socket.h"

typedef struct ag_owed ag_owed_t;

typedef struct {
    const char *state_dir;
    const char *const *control;         /* control endpoints of the gateways; lent until destroyed */
    size_t control_count;
    ag_curve_t *curve;            /* lent, or NULL */
    void *zmq_context;                  /* lent, or NULL: one of its own for each journal */
    int64_t answer_us;                  /* how long to wait for a gateway to answer; 0: 2 s */
    int64_t patience_us;                /* how long a journal may make no progress; 0: 10 s */
} ag_owed_options_t;

typedef struct {
    size_t found;               /* journals marked as owed that no live process holds */
    size_t delivered;           /* of these, now acknowledged */
    size_t partly;              /* of these, by some gateways; others do not answer, or are not among `control` */
    size_t closed;              /* of these, given an end */
    size_t failed;              /* could not be read: told in the log */
    bool unanswered;            /* none of the gateways answered that a journal is owed to; the others of theirs were not tried */
} ag_owed_result_t;

ag_owed_t *ag_owed_new (const ag_owed_options_t *options);
void ag_owed_destroy (ag_owed_t **self_p);

/*  Returns when it wants to be called again, monotonic microseconds; INT64_MAX: done. */
int64_t ag_owed_turn (ag_owed_t *self, int64_t now_us);
void ag_owed_result (const ag_owed_t *self, ag_owed_result_t *result_r);

/*  The mark in a writer's folder, changed by whoever has the journal's lock. 0, or -1 with errno. */
int ag_owed_mark (const char *folder);          /* owed to all */
int ag_owed_settle (const char *folder);        /* to none */
int ag_owed_settle_but (const char *folder, const char *const *endpoints, size_t count);        /* only to these */
/*  What the mark says, malloc'ed; NULL with errno, ENOENT: there is none. And whether that names an endpoint (an empty one names all). */
char *ag_owed_read (const char *folder);
bool ag_owed_names (const char *mark, const char *endpoint);

#endif
