/*  core/wire.h - the bytes on the bus (proto/README.md, "Bus" and "Control")

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    No socket here: topics, the frame header and the control messages as
    bytes, both ways. All integers in the header are big-endian.
*/
#ifndef AG_CORE_WIRE_H
#define AG_CORE_WIRE_H

#include <agentgate/event.h>

#include "core/buf.h"

#define AG_TOPIC_ROOT "agentgate/1/"

/*  Header frame: "AGE1", u32 flags (0 now; unknown ones are ignored), u64 epoch, u64 seq. */
enum { AG_HEADER_SIZE = 24 };

void ag_header_pack (unsigned char header[AG_HEADER_SIZE], uint64_t epoch, uint64_t seq);
/*  0, or -1: wrong size or magic, epoch 0 or seq 0. */
int ag_header_unpack (const void *data, size_t len, uint64_t *epoch_r, uint64_t *seq_r);

/*  "agentgate/1/<workOrderId>/<runId or @>/<type>", ids percent-encoded
    ('/', '%', '@' and controls). Appends to out. */
void ag_topic_append (ag_buf_t *out, const ag_event_t *event);
/*  The prefix that selects a work order (run absent), one run of it, or the
    work order's own stream (run = "@"). */
void ag_topic_append_prefix (ag_buf_t *out, ag_str_t work_order, ag_str_t run);
/*  Percent-encoding as in topics; also used for file names of runs. */
void ag_percent_append (ag_buf_t *out, ag_str_t text);

/* ---------------------------------------------------------------------- */
/*  Control channel: DEALER (executor) <-> ROUTER (gateway). A message is the
    command's name as a frame, then a msgpack map; EVENT is followed by the
    three frames of the bus instead. */

typedef enum {
    AG_CONTROL_UNKNOWN,
    AG_CONTROL_HELLO,           /* executor: here is a stream; version, stream, workOrderId, runId?, epoch, first, last, ended */
    AG_CONTROL_WELCOME,         /* gateway: version, stream, epoch, resume, durable, conflict?, error? */
    AG_CONTROL_RESEND,          /* gateway: stream, epoch, from, to, maxBytes */
    AG_CONTROL_EVENT,           /* executor: + topic, header, event */
    AG_CONTROL_RESENT,          /* executor: stream, epoch, from, to, first, gone: closes a RESEND window; from..gone does not
                                   exist any more, gone + 1..to has been sent; first: oldest held, above the head: none */
    AG_CONTROL_HEARTBEAT,       /* executor: stream, epoch, first, last, each second */
    AG_CONTROL_GOODBYE,         /* executor: as HEARTBEAT; the stream has ended */
    AG_CONTROL_ACK,             /* gateway: stream, epoch, seq: all up to here is committed */
    AG_CONTROL_CANCEL,          /* gateway: stream, epoch */
    AG_CONTROL_WHO,             /* gateway: stream, epoch, of a HEARTBEAT or GOODBYE it knows nothing of: say HELLO again */
    AG_CONTROL_COUNT
} ag_control_kind_t;

enum { AG_CONTROL_VERSION = 1, AG_RESEND_MAX_BYTES = 1024 * 1024 };

/*  One message as fields; those that a kind does not have are 0 or absent. */
typedef struct {
    ag_control_kind_t kind;
    int version;                /* HELLO, WELCOME */
    ag_str_t stream;            /* all */
    ag_str_t work_order;        /* HELLO */
    ag_str_t run;               /* HELLO, absent for work-order streams */
    uint64_t epoch;             /* all */
    uint64_t first;             /* oldest seq held; 0: none */
    uint64_t last;              /* newest seq; 0: none yet */
    bool ended;                 /* HELLO: the stream is complete, `last` is its end */
    uint64_t resume;            /* WELCOME: the gateway holds all up to here */
    uint64_t durable;           /* WELCOME, ACK: committed up to here */
    bool conflict;              /* WELCOME: another live writer has that stream */
    ag_str_t error;             /* WELCOME: refused, and why */
    uint64_t from, to;          /* RESEND, RESENT */
    uint64_t gone;              /* RESENT: from..gone will never come; 0: nothing is said to be gone */
    uint64_t max_bytes;         /* RESEND */
} ag_control_t;

/*  Name of a kind as on the wire; and back (AG_CONTROL_UNKNOWN). */
const char *ag_control_name (ag_control_kind_t kind);
ag_control_kind_t ag_control_kind (const void *name, size_t len);
/*  Appends the msgpack map of a message. */
void ag_control_pack (const ag_control_t *message, ag_buf_t *out);
/*  Reads a map into *message_r (kind given); strings are lent from `data`.
    Unknown keys are skipped. 0, or -1: malformed or a key of a wrong type. */
int ag_control_unpack (ag_control_kind_t kind, const void *data, size_t len, ag_control_t *message_r);

#endif
