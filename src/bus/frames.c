/*  bus/frames.c - messages of several frames, out and in

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/frames.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"

void ag_frames_of (ag_frames_t *frames_r, const ag_event_t *event, ag_buf_t *topic)
{
    ag_buf_clear (topic);
    ag_topic_append (topic, event);
    ag_header_pack (frames_r->header, ag_event_epoch (event), ag_event_seq (event));
    ag_str_t encoded = ag_event_encoded (event);
    frames_r->view[0] = (ag_frame_view_t){ topic->data, topic->len };
    frames_r->view[1] = (ag_frame_view_t){ frames_r->header, AG_HEADER_SIZE };
    frames_r->view[2] = (ag_frame_view_t){ encoded.ptr, encoded.len };
}

/*  The next frame: 1 and more follow, 0 the last, -1 none. */
static int s_read_frame (zmq_msg_t *message, void *socket)
{
    int rc;
    zmq_msg_init (message);
    do
        rc = zmq_msg_recv (message, socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        zmq_msg_close (message);
        return -1;
    }
    return zmq_msg_more (message);
}

bool ag_incoming_read (ag_incoming_t *self, void *socket)
{
    int more = 1;
    for (self->count = 0; more == 1; self->count++) {
        zmq_msg_t spare;
        bool kept = self->count < AG_INCOMING_MAX;
        zmq_msg_t *message = kept ? &self->messages[self->count] : &spare;
        more = s_read_frame (message, socket);
        if (more < 0)
            break;
        if (kept)
            self->frames[self->count] = (ag_frame_view_t){ zmq_msg_data (message), zmq_msg_size (message) };
        else
            zmq_msg_close (&spare);
    }
    return self->count > 0;
}

void ag_incoming_close (ag_incoming_t *self)
{
    for (size_t i = 0; i < self->count && i < AG_INCOMING_MAX; i++)
        zmq_msg_close (&self->messages[i]);
    self->count = 0;
}

ag_event_t *ag_incoming_event (const ag_incoming_t *self, size_t at, char **error_r)
{
    uint64_t epoch, seq;
    if (self->count != at + 3 || self->count > AG_INCOMING_MAX) {
        *error_r = ag_asprintf ("%zu frames, not %zu", self->count, at + 3);
        return NULL;
    }
    const ag_frame_view_t *frames = self->frames + at;
    if (ag_header_unpack (frames[1].data, frames[1].len, &epoch, &seq)) {
        *error_r = ag_strdup ("the header is not one of ours");
        return NULL;
    }
    ag_event_t *event = ag_event_decode (frames[2].data, frames[2].len, epoch, error_r);
    if (event && ag_event_seq (event) != seq) {
        *error_r = ag_strdup ("header and event have different numbers");
        ag_event_unref (&event);
    }
    return event;
}
