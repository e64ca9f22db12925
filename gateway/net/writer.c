/*  gateway/net/writer.c - how much a socket can take, and whether it drains

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/writer.h"

#include <libwebsockets.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/*  A peer whose machine has gone is given up by the kernel after this. */
enum { USER_TIMEOUT_MS = 60000 };

void ag_writer_init (ag_writer_t *self, struct lws *wsi, int64_t now_us)
{
    int bytes = AG_WRITER_BUFFER_BYTES, timeout_ms = USER_TIMEOUT_MS;
    socklen_t size = sizeof bytes;
    *self = (ag_writer_t) { .wsi = wsi, .fd = lws_get_socket_fd (wsi), .progress_us = now_us };
    setsockopt (self->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    setsockopt (self->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    /*  The kernel doubles what it is given, for its own bookkeeping, and says the double. */
    if (getsockopt (self->fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size) == 0)
        self->capacity = (size_t) bytes / 2;
}

static size_t s_queued (const ag_writer_t *self)
{
    int queued = 0;
    return ioctl (self->fd, SIOCOUTQ, &queued) == 0 && queued > 0 ? (size_t) queued : 0;
}

/*  The kernel is not asked each time: while little was written since it last was,
    there is room even if nothing has gone out. */
size_t ag_writer_room (ag_writer_t *self)
{
    if (lws_partial_buffered (self->wsi))
        return 0;
    if (self->queued_most > self->capacity / 4)
        self->queued_most = s_queued (self);
    size_t used = self->queued_most + AG_WRITER_MARGIN_BYTES;
    return used < self->capacity ? self->capacity - used : 0;
}

void ag_writer_wrote (ag_writer_t *self, size_t bytes, int64_t now_us)
{
    if (self->drained == self->written)         /* nothing was queued: the clock starts now */
        self->progress_us = now_us;
    self->written += bytes;
    /*  TLS may make two records of a write, and adds some 30 bytes to each 16 KiB. */
    self->queued_most += bytes + bytes / 256 + 64;
}

int64_t ag_writer_stuck_us (ag_writer_t *self, int64_t now_us)
{
    if (self->drained == self->written)
        return 0;
    size_t queued = s_queued (self);
    uint64_t drained = queued < self->written ? self->written - queued : 0;
    if (queued == 0)
        drained = self->written;
    if (queued == 0 || drained > self->drained)
        self->progress_us = now_us;
    self->drained = drained;
    self->queued_most = queued;
    return now_us - self->progress_us;
}
