/*  bus/socket.h - ZeroMQ sockets with the options of SPEC section 6 set before connect

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_BUS_SOCKET_H
#define AG_BUS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    AG_SOCKET_CONNECT,          /* ZMQ_IMMEDIATE too */
    AG_SOCKET_BIND
} ag_socket_role_t;

typedef struct ag_curve ag_curve_t;     /* keys (curve.h); NULL: none */

enum {
    AG_SOCKET_HWM = 1000,               /* messages, each side */
    AG_SOCKET_LINGER_MS = 500,          /* what a close waits for unsent messages */
    AG_SOCKET_HEARTBEAT_MS = 2000,
    AG_SOCKET_DEAD_MS = 10000           /* a peer that answers no heartbeat so long */
};

/*  A zmq socket of `type` (ZMQ_SUB ...) with heartbeats, HWM on both sides,
    MAXMSGSIZE (an event and a little), finite LINGER and RECONNECT_IVL_MAX.
    NULL with a malloc'ed *error_r. To be closed by zmq_close. */
void *ag_socket_open (void *zmq_context, int type, char **error_r);
/*  Connects or binds; may be called several times on one socket. `endpoint` is
    taken as it is: ag_endpoint_check is the caller's. Keys, if there are, are
    for tcp; ipc is guarded by its folder. A socket that binds with keys needs
    an ag_zap_t in its context (curve.h) before. 0 or -1 with *error_r. */
int ag_socket_attach (void *socket, const char *endpoint, ag_socket_role_t role, ag_curve_t *curve, char **error_r);
/*  The same with a role in the text: a leading "@" binds, else connects. */
int ag_socket_attach_text (void *socket, const char *text, ag_curve_t *curve, char **error_r);

/*  Frames of one message, never blocking. Sends all (true) or none (false:
    queue full, or nobody connected). */
typedef struct {
    const void *data;
    size_t len;
} ag_frame_view_t;
bool ag_socket_send (void *socket, const ag_frame_view_t *frames, size_t count);

#endif
