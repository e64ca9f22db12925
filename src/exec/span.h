/*  exec/span.h - a file that holds one part of a stream of bytes

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Positions are those of the stream; the part is base <= position < end.
*/
#ifndef AG_EXEC_SPAN_H
#define AG_EXEC_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    int fd;                     /* -1: no file, the part is empty */
    uint64_t base, end;
    uint64_t max_bytes;         /* it may grow to */
} ag_span_t;

#define AG_SPAN_NONE ((ag_span_t) { .fd = -1 })

/*  A file to keep, made anew, 0600. 0, or -1 with errno. */
int ag_span_make (ag_span_t *self, const char *dir, const char *name);
/*  An unlinked file, gone when it is closed. 0, or -1 with errno. */
int ag_span_make_unlinked (ag_span_t *self, const char *dir);
void ag_span_close (ag_span_t *self);

/*  Writes at its end as much as it takes; returns that. Less than len: errno. */
size_t ag_span_append (ag_span_t *self, const void *bytes, size_t len);
/*  Reads from a position in it; 0 or -1: cannot be read back. */
ssize_t ag_span_read (const ag_span_t *self, uint64_t position, void *bytes, size_t len);
/*  Empties it and gives its disk back. Then it stands at `position`. */
void ag_span_restart (ag_span_t *self, uint64_t position);

#endif
