/*  gateway/net/static.h - the dashboard's files

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Linked in as a table (embed.sh makes it), or read from a folder that is
    named, for those who work on the page.
*/
#ifndef AG_NET_STATIC_H
#define AG_NET_STATIC_H

#include <stdbool.h>
#include <stddef.h>

#include "net/reply.h"

typedef struct {
    const char *path;           /* "/index.html" */
    const char *type;           /* Content-Type */
    const char *etag;           /* without quotes */
    const unsigned char *bytes;
    size_t size;
    const unsigned char *gzip;  /* the same, packed; or NULL */
    size_t gzip_size;
} ag_asset_t;

extern const ag_asset_t ag_assets[];
extern const size_t ag_assets_count;

/*  The file for a path of a URL: 1 there (also 304), 0 not. `folder` NULL: from
    the table. if_none_match may be NULL. */
int ag_static_find (const char *folder, const char *path, bool accepts_gzip, const char *if_none_match,
    ag_reply_t *reply);

#endif
