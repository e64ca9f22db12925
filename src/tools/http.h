/*  tools/http.h - asks a gateway for a page

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_TOOLS_HTTP_H
#define AG_TOOLS_HTTP_H

#include "core/buf.h"

enum { AG_HTTP_TIMEOUT_S = 10, AG_HTTP_MAX_BYTES = 256 * 1024 * 1024 };

/*  GET http://HOST:PORT + path, with a token or NULL. Replaces body_r. The
    status (200 ...), or -1 with a malloc'ed *error_r. */
int ag_http_get (const char *base_url, const char *path, const char *token, ag_buf_t *body_r, char **error_r);

#endif
