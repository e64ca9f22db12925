/*  exec/artifact.h - the agent's raw output: kept in a file, passed on by a cursor

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    All that the agent writes goes to the file first. The pass-through is a
    position in what was written: a reader that is stuck costs disk, not
    memory, and never makes the agent wait. Where there is no file (none
    wanted, or its disk is full) an unlinked one holds what is not passed on
    yet, beside it or else in TMPDIR, and where that fails a bounded buffer in
    memory.

    Invariant: passed <= total. What is not passed on yet stands in the file up
    to its end, then in the unlinked one up to its end, and behind that in
    memory, which always ends at total.
*/
#ifndef AG_EXEC_ARTIFACT_H
#define AG_EXEC_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ag_artifact ag_artifact_t;

typedef struct {
    const char *dir;            /* where the file is made; NULL: nowhere */
    const char *name;           /* the file to keep, made anew, 0600; NULL: keep none */
    int out_fd;                 /* where to pass it on to; -1: nowhere */
    const char *spare_dir;      /* for an unlinked file, when dir has no room or is NULL; or NULL */
    uint64_t max_spare_bytes;   /* of that file */
    size_t max_memory_bytes;    /* of the buffer of last resort */
} ag_artifact_options_t;

/*  Never fails: what could not be opened is told by ag_artifact_error. */
ag_artifact_t *ag_artifact_new (const ag_artifact_options_t *options);
void ag_artifact_destroy (ag_artifact_t **self_p);

/*  Both are passed on to the same reader (2>&1): what one has to say waits until
    the line is complete that the other is in the middle of. */
void ag_artifact_share_reader (ag_artifact_t *self, ag_artifact_t *other);
/*  The pipe that it is read from, lent, where the rest of a line may be waiting; -1: closed. */
void ag_artifact_set_source (ag_artifact_t *self, int fd);

/*  Takes one read of the agent's output. */
void ag_artifact_append (ag_artifact_t *self, const void *bytes, size_t len);

/*  Is there something that the reader has not taken? Then poll out_fd for output. */
bool ag_artifact_pending (const ag_artifact_t *self);
int ag_artifact_out_fd (const ag_artifact_t *self);     /* -1: none, or its reader is gone */
/*  Passes on what there is room for, at most max_bytes. */
void ag_artifact_drain (ag_artifact_t *self, size_t max_bytes);

/*  errno of what ended the keeping; 0 while the file is complete. */
int ag_artifact_error (const ag_artifact_t *self);
/*  errno of what ended the passing on; 0 while it goes on. EPIPE: its reader has gone. */
int ag_artifact_reader_error (const ag_artifact_t *self);
uint64_t ag_artifact_total (const ag_artifact_t *self);         /* bytes seen */
uint64_t ag_artifact_passed (const ag_artifact_t *self);        /* bytes taken by the reader, or skipped */
uint64_t ag_artifact_dropped (const ag_artifact_t *self);       /* bytes that could be held nowhere for it */

#endif
