/*  bus/socket.h - ZeroMQ sockets with the options of SPEC section 6 set before connect

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_BUS_SOCKET_H
#define AG_BUS_SOCKET_H

#include <stddef.h>

typedef enum {
    AG_SOCKET_CONNECT,          /* ZMQ_IMMEDIATE 1 too */
    AG_SOCKET_BIND
} ag_socket_role_t;

typedef struct ag_curve ag_curve_t;     /* our certificate and the allow-list; NULL: none */

ag_curve_t *ag_curve_load (const char *dir, char **error_r);
void ag_curve_destroy (ag_curve_t **self_p);

/*  A zmq socket of `type` (ZMQ_SUB ...) with heartbeats (2 s, dead after 10 s),
    HWM 1,000 on both sides, MAXMSGSIZE, finite LINGER, RECONNECT_IVL_MAX and,
    with `curve`, CURVE. `endpoint` as in ag_endpoint_check. NULL with *error_r.
    To be closed by zmq_close. More endpoints by ag_socket_attach. */
void *ag_socket_open (void *zmq_context, int type, char **error_r);
int ag_socket_attach (void *socket, const char *endpoint, ag_socket_role_t role, const ag_curve_t *curve, char **error_r);

#endif
