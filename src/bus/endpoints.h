/*  bus/endpoints.h - the endpoints that a program uses, given or by the rule

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_BUS_ENDPOINTS_H
#define AG_BUS_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>

/*  Malloc'ed texts. */
typedef struct {
    char **texts;
    size_t count;
} ag_endpoints_t;

/*  Copies what is given (a leading "@" may stand before each), or takes the one
    that `fallback` makes; each is checked. 0, or -1 with a malloc'ed *error_r. */
int ag_endpoints_init (ag_endpoints_t *self, const char *const *given, size_t count, char *(*fallback) (char **error_r),
    bool exposed, char **error_r);
void ag_endpoints_free (ag_endpoints_t *self);

#endif
