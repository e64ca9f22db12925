/*  bus/curve.h - keys of tcp sockets, and who may connect to ours

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    CURVE (curvezmq.org) encrypts and tells each side who the other is. A folder
    holds czmq certificates (zcert): "own" with its "own_secret", made by
    agentgate-keygen; "gateway", the public one of the gateway, for those that
    connect; and in "allowed" the public ones of all that may connect to a
    socket that binds. The allow-list is read again when the folder changes.
*/
#ifndef AG_BUS_CURVE_H
#define AG_BUS_CURVE_H

#include "bus/socket.h"

/*  NULL with a malloc'ed *error_r: a file is missing, none of ours, or the secret
    one may be read by others. */
ag_curve_t *ag_curve_load (const char *dir, char **error_r);
void ag_curve_destroy (ag_curve_t **self_p);

/*  For socket.c: sets the keys before connect or bind. 0 or -1 with *error_r. */
int ag_curve_apply (ag_curve_t *self, void *socket, ag_socket_role_t role, char **error_r);

/*  Makes own, own_secret and allowed in a folder (made too, 0700). An existing
    certificate is left alone: -1. The public key in Z85 in key_r. */
int ag_curve_generate (const char *dir, char key_r[41], char **error_r);

/*  The gate of a context: answers libzmq's question whether a key may connect
    (ZAP, rfc.zeromq.org/spec/27), from a thread of its own. One for each
    context in which a socket binds with keys, before it binds. */
typedef struct ag_zap ag_zap_t;
ag_zap_t *ag_zap_new (void *zmq_context, ag_curve_t *curve, char **error_r);
/*  Before zmq_ctx_term, which waits for it. */
void ag_zap_destroy (ag_zap_t **self_p);

#endif
