/*  exec/executor_private.h - the parts of one run, for executor.c and assembly.c

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_EXEC_EXECUTOR_PRIVATE_H
#define AG_EXEC_EXECUTOR_PRIVATE_H

#include <czmq.h>

#include "bus/curve.h"
#include "bus/owed.h"
#include "bus/publisher.h"
#include "exec/artifact.h"
#include "exec/executor.h"
#include "exec/fold.h"
#include "exec/guard.h"
#include "exec/ladder.h"
#include "exec/notes.h"
#include "exec/prune.h"
#include "exec/run.h"
#include "exec/terminal.h"
#include "exec/watch.h"

enum {
    AG_READ_BYTES = 256 * 1024,         /* at most, of the agent's output in one turn */
    AG_EARLY_MAX = 4                    /* warnings before the run is there */
};

typedef struct ag_executor ag_executor_t;

/*  One of the agent's two outputs. */
typedef struct {
    ag_executor_t *owner;        /* for callbacks */
    int fd;                     /* our end of the pipe; -1: closed */
    ag_artifact_t *artifact;    /* raw bytes and pass-through */
    int out_fd;                 /* polled for room; -1: not */
    bool told_lost;             /* that the raw file is incomplete */
    bool told_unpassed;         /* that what comes out of us is */
} ag_pipe_t;

typedef enum {
    RUNNING,                    /* the agent lives, or its pipes do */
    LINGERING,                  /* the last event is out; gateways and readers get their time */
    OVER
} ag_phase_t;

struct ag_executor {
    const ag_options_t *options;        /* lent */
    ag_phase_t phase;
    char *run_dir;                      /* NULL: none */
    char *command;                      /* as told in run_started */
    char *cwd;                          /* the same; or NULL */
    uint64_t epoch;                     /* of the stream */
    char *buffer;                       /* of one read */
    ag_pipe_t out, err;                  /* the agent's stdout and stderr */
    ag_guard_t *guard;
    bool guard_lost;                    /* somebody has killed it: we wait for the agent ourselves */
    ag_terminal_t *terminal;            /* NULL: we have none */
    pid_t agent;                        /* 0: not there yet */
    bool dead;                          /* the agent is, or never came to be */
    int wait_status;                    /* of the dead agent */
    int spawn_errno;                    /* why it never came to be */
    int64_t start_us;                   /* when it was started */
    int64_t dead_us;                    /* when it was seen to be dead */
    int64_t read_us;                    /* when it last wrote something */
    int64_t sync_us;                    /* when the journal has to be durable; INT64_MAX: it is */
    int64_t linger_us;                  /* when the lingering began */
    int64_t drain_us;                   /* when our readers last took something */
    uint64_t drained;                   /* how much they had taken then */
    ag_parser_t *parser;                /* stdout */
    ag_fold_t *fold;                    /* stderr */
    ag_journal_t *journal;
    ag_run_t *run;                      /* NULL before the agent is started */
    ag_draft_t *early[AG_EARLY_MAX];    /* for it */
    size_t early_count;                 /* of them */
    ag_curve_t *curve;                  /* NULL: none */
    ag_publisher_t *publisher;          /* NULL: nothing is published */
    bool told_refused;                  /* that a gateway does not want it */
    ag_owed_t *owed;                    /* what earlier runs owe; NULL: nothing, or done */
    bool owed_made;                     /* it was looked for */
    int64_t owed_us;                    /* when that goes on */
    ag_watch_t *watch;                  /* NULL: nothing is watched */
    char *watch_error;                  /* why not, until it is told */
    ag_ladder_t *ladder;                /* NULL before the start */
    ag_prune_t *prune;                  /* NULL: done */
    ag_notes_t *notes;                  /* our own lines for stderr; NULL before the start */
    zloop_t *loop;
    int timer_fd;                       /* the next deadline */
    int signal_fd;                      /* what asks us to stop */
    int pid_fd;                         /* the agent, once the guard is lost */
};

/*  Makes all that may refuse the run, or has to be there when the agent begins; the
    guard first, before any thread and any file of ours. 0, or -1 with *error_r. */
int ag_executor_assemble (ag_executor_t *self, const ag_origin_t *origin, char **error_r);
/*  Makes the rest but the loop: the journal above all. The agent is running already: it
    does not wait for a disk. */
void ag_executor_open_books (ag_executor_t *self);
/*  Once a gateway has answered: looks for what earlier runs owe. */
void ag_executor_make_owed (ag_executor_t *self);
/*  Frees what there is of them, but for the guard and run_dir. */
void ag_executor_free (ag_executor_t *self);
/*  The raw output is not kept, or not passed on, any more: tells it, once. */
void ag_executor_tell_artifacts (ag_executor_t *self);

#endif
