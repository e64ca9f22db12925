/*  bus/endpoints.c - the endpoints that a program uses, given or by the rule

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/endpoints.h"

#include <stdlib.h>

#include "core/mem.h"
#include "core/paths.h"

static int s_add (ag_endpoints_t *self, const char *text, bool exposed, char **error_r)
{
    if (ag_endpoint_check (text + (text[0] == '@'), exposed, error_r))
        return -1;
    self->texts[self->count++] = ag_strdup (text);
    return 0;
}

static int s_add_fallback (ag_endpoints_t *self, char *(*fallback) (char **error_r), char **error_r)
{
    char *text = fallback (error_r);
    int rc = text ? s_add (self, text, false, error_r) : -1;
    free (text);
    return rc;
}

int ag_endpoints_init (ag_endpoints_t *self, const char *const *given, size_t count, char *(*fallback) (char **error_r),
    bool exposed, char **error_r)
{
    *self = (ag_endpoints_t){ ag_calloc (count + 1, sizeof *self->texts), 0 };
    int rc = count ? 0 : s_add_fallback (self, fallback, error_r);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = s_add (self, given[i], exposed, error_r);
    if (rc)
        ag_endpoints_free (self);
    return rc;
}

void ag_endpoints_free (ag_endpoints_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free (self->texts[i]);
    free (self->texts);
    *self = (ag_endpoints_t){ NULL, 0 };
}
