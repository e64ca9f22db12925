/*  bus/frames.h - messages of several frames, out and in

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_BUS_FRAMES_H
#define AG_BUS_FRAMES_H

#include <zmq.h>

#include <agentgate/event.h>

#include "bus/socket.h"
#include "core/buf.h"
#include "core/wire.h"

/*  Topic, header and event, as they stand on the bus. */
typedef struct {
    unsigned char header[AG_HEADER_SIZE];
    ag_frame_view_t view[3];    /* into header, the event, and the topic buffer */
} ag_frames_t;

/*  `topic` is scratch; it and the event must live as long as the frames are used. */
void ag_frames_of (ag_frames_t *frames_r, const ag_event_t *event, ag_buf_t *topic);

/*  A message that has come in; frames beyond what it may have are counted and dropped. */
enum { AG_INCOMING_MAX = 7 };
typedef struct {
    zmq_msg_t messages[AG_INCOMING_MAX];
    ag_frame_view_t frames[AG_INCOMING_MAX];
    size_t count;               /* of all its frames, also those beyond the maximum */
} ag_incoming_t;

/*  Reads one whole message without waiting. False: none there. */
bool ag_incoming_read (ag_incoming_t *self, void *socket);
void ag_incoming_close (ag_incoming_t *self);
/*  The event of a bus message at frames[at..at+2], or NULL with a malloc'ed
    *error_r: not three frames, header and event that do not agree, no event. */
ag_event_t *ag_incoming_event (const ag_incoming_t *self, size_t at, char **error_r);

#endif
