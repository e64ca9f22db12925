/*  bus/curve_private.h - the inside of the keys, for curve.c and zap.c alone

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_BUS_CURVE_PRIVATE_H
#define AG_BUS_CURVE_PRIVATE_H

#include <czmq.h>

struct ag_curve {
    char *dir;                  /* where the certificates are */
    zcert_t *own;               /* with its secret key */
    zcert_t *gateway;           /* public, or NULL */
    unsigned gates;             /* ag_zap_t that were opened for it */
};

#endif
