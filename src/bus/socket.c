/*  bus/socket.c - ZeroMQ sockets with the options of SPEC section 6 set before connect

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/socket.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "bus/curve.h"
#include "core/mem.h"
#include <agentgate/event.h>

typedef struct {
    int option;
    int value;
} s_option_t;

/*  All are off or unlimited by default (HWM apart), and must be set before
    connect. RECONNECT_IVL_MAX is short: a gateway that comes back is to be
    found within a second. */
static const s_option_t s_options[] = {
    { ZMQ_SNDHWM, AG_SOCKET_HWM },
    { ZMQ_RCVHWM, AG_SOCKET_HWM },
    { ZMQ_LINGER, AG_SOCKET_LINGER_MS },
    { ZMQ_HEARTBEAT_IVL, AG_SOCKET_HEARTBEAT_MS },
    { ZMQ_HEARTBEAT_TIMEOUT, AG_SOCKET_DEAD_MS },
    { ZMQ_HEARTBEAT_TTL, AG_SOCKET_DEAD_MS },
    { ZMQ_HANDSHAKE_IVL, 5000 },
    { ZMQ_CONNECT_TIMEOUT, 5000 },
    { ZMQ_RECONNECT_IVL, 50 },
    { ZMQ_RECONNECT_IVL_MAX, 1000 },
};

void *ag_socket_open (void *zmq_context, int type, char **error_r)
{
    void *socket = zmq_socket (zmq_context, type);
    if (!socket) {
        *error_r = ag_asprintf ("a ZeroMQ socket cannot be made: %s", zmq_strerror (errno));
        return NULL;
    }
    int rc = 0;
    for (size_t i = 0; i < sizeof s_options / sizeof *s_options; i++)
        rc |= zmq_setsockopt (socket, s_options[i].option, &s_options[i].value, sizeof (int));
    int64_t max_bytes = AG_EVENT_MAX_BYTES + 4096;
    rc |= zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
    if (rc == 0)
        return socket;
    *error_r = ag_asprintf ("a ZeroMQ socket refuses its options: %s", zmq_strerror (errno));
    zmq_close (socket);
    return NULL;
}

int ag_socket_attach (
    void *socket, const char *endpoint, ag_socket_role_t role, ag_curve_t *curve, char **error_r)
{
    const int yes = 1;
    int rc;
    if (curve && strncmp (endpoint, "tcp://", 6) == 0 && ag_curve_apply (curve, socket, role, error_r))
        return -1;
    if (role == AG_SOCKET_CONNECT) {
        /*  A message waits for a live peer, not in a dead one's queue. */
        zmq_setsockopt (socket, ZMQ_IMMEDIATE, &yes, sizeof yes);
        rc = zmq_connect (socket, endpoint);
    } else
        rc = zmq_bind (socket, endpoint);
    if (rc)
        *error_r = ag_asprintf ("endpoint %s: cannot %s: %s", endpoint, role == AG_SOCKET_BIND ? "be bound" : "connect",
            zmq_strerror (errno));
    return rc;
}

int ag_socket_attach_text (void *socket, const char *text, ag_curve_t *curve, char **error_r)
{
    ag_socket_role_t role = text[0] == '@' ? AG_SOCKET_BIND : AG_SOCKET_CONNECT;
    return ag_socket_attach (socket, text + (role == AG_SOCKET_BIND), role, curve, error_r);
}

bool ag_socket_send (void *socket, const ag_frame_view_t *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int more = i + 1 < count ? ZMQ_SNDMORE : 0;
        int rc;
        do
            rc = zmq_send (socket, frames[i].data, frames[i].len, ZMQ_DONTWAIT | more);
        while (rc < 0 && errno == EINTR);
        /*  Only the first can be refused: HWM and peers are asked per message. */
        if (rc < 0)
            return false;
    }
    return true;
}
