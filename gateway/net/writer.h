/*  gateway/net/writer.h - how much a socket can take, and whether it drains

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    libwebsockets keeps what the kernel does not take, and while it keeps
    something a close code is lost. So nothing is written that the kernel will
    not take whole: the send buffer has a size that we set, SIOCOUTQ says how
    much of it is in use, and a margin covers TLS and control frames.

    The same number says whether the peer reads: what was written less what is
    still queued has been acknowledged by the other side's kernel.
*/
#ifndef AG_NET_WRITER_H
#define AG_NET_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lws;

enum {
    AG_WRITER_BUFFER_BYTES = 128 * 1024,    /* of a socket's send buffer that we use */
    AG_WRITER_MARGIN_BYTES = 512            /* kept for TLS records, pings, the close frame */
};

typedef struct {
    struct lws *wsi;
    int fd;
    size_t capacity;            /* bytes we let the kernel hold */
    uint64_t written;           /* bytes handed over since the start */
    uint64_t drained;           /* of these, as last seen: acknowledged by the peer's kernel */
    size_t queued_most;         /* bytes that the kernel holds at most; asked when that is much */
    int64_t progress_us;        /* when drained last grew, or nothing was queued */
} ag_writer_t;

void ag_writer_init (ag_writer_t *self, struct lws *wsi, int64_t now_us);

/*  Bytes that can be written now without lws having to keep any; never too many,
    and exact when there are few. */
size_t ag_writer_room (ag_writer_t *self);
/*  Notes what was written. */
void ag_writer_wrote (ag_writer_t *self, size_t bytes, int64_t now_us);
/*  Looks at the queue; returns how long it has not moved, in us (0: it moves, or is empty). */
int64_t ag_writer_stuck_us (ag_writer_t *self, int64_t now_us);

#endif
