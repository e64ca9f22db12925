/*  gateway/net/static.c - the dashboard's files

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/static.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"

enum { FILE_MAX_BYTES = 16 * 1024 * 1024 };

/*  Names under assets/ carry the hash of their content. */
static const char *s_cache (const char *path)
{
    return strncmp (path, "/assets/", 8) == 0 ? "public, max-age=31536000, immutable" : "no-cache";
}

/*  If-None-Match is a list of tags, or "*". */
static bool s_matches (const char *if_none_match, const char *etag)
{
    return if_none_match && (strcmp (if_none_match, "*") == 0 || strstr (if_none_match, etag));
}

static const ag_asset_t *s_asset (const char *path)
{
    for (size_t i = 0; i < ag_assets_count; i++)
        if (strcmp (ag_assets[i].path, path) == 0)
            return &ag_assets[i];
    return NULL;
}

static int s_from_table (const char *path, bool accepts_gzip, const char *if_none_match, ag_reply_t *reply)
{
    const ag_asset_t *asset = s_asset (path);
    if (!asset)
        return 0;
    bool packed = accepts_gzip && asset->gzip;
    reply->status = 200;
    reply->type = asset->type;
    reply->cache = s_cache (path);
    reply->encoding = packed ? "gzip" : NULL;
    snprintf (reply->etag, sizeof reply->etag, "\"%s%s\"", asset->etag, packed ? "-gz" : "");
    if (s_matches (if_none_match, reply->etag))
        reply->status = 304;
    else if (packed)
        reply->fixed = (ag_str_t) { (const char *) asset->gzip, asset->gzip_size };
    else
        reply->fixed = (ag_str_t) { (const char *) asset->bytes, asset->size };
    return 1;
}

/* ---------------------------------------------------------------------- */
/*  From a folder */

static const char *s_type (const char *path)
{
    static const struct { const char *suffix, *type; } types[] = {
        { ".html", "text/html; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" }, { ".svg", "image/svg+xml" }, { ".png", "image/png" },
        { ".json", "application/json" }, { ".map", "application/json" }, { ".ico", "image/x-icon" },
        { ".txt", "text/plain; charset=utf-8" },
    };
    size_t len = strlen (path);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t suffix_len = strlen (types[i].suffix);
        if (len > suffix_len && strcmp (path + len - suffix_len, types[i].suffix) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

/*  Nothing hidden, nothing above the folder. */
static bool s_harmless (const char *path)
{
    return path[0] == '/' && !strstr (path, "/.") && !strchr (path, '\\');
}

static int s_read_all (int fd, size_t size, ag_buf_t *out)
{
    char *at = ag_buf_reserve (out, size);
    while (out->len < size) {
        ssize_t got = read (fd, at + out->len, size - out->len);
        if (got <= 0)
            return -1;
        out->len += (size_t) got;
    }
    return 0;
}

static int s_from_folder (const char *folder, const char *path, const char *if_none_match, ag_reply_t *reply)
{
    if (!s_harmless (path))
        return 0;
    char *name = ag_asprintf ("%s%s", folder, path);
    int fd = open (name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    free (name);
    struct stat status;
    int found = 0;
    if (fd >= 0 && fstat (fd, &status) == 0 && S_ISREG (status.st_mode) && status.st_size <= FILE_MAX_BYTES) {
        found = 1;
        reply->status = 200;
        reply->type = s_type (path);
        reply->cache = "no-cache";
        snprintf (reply->etag, sizeof reply->etag, "\"%llx-%lx-%llx\"", (unsigned long long) status.st_mtim.tv_sec,
            (unsigned long) status.st_mtim.tv_nsec, (unsigned long long) status.st_size);
        if (s_matches (if_none_match, reply->etag))
            reply->status = 304;
        else if (s_read_all (fd, (size_t) status.st_size, &reply->body) != 0)
            found = 0;
    }
    if (fd >= 0)
        close (fd);
    return found;
}

int ag_static_find (const char *folder, const char *path, bool accepts_gzip, const char *if_none_match,
    ag_reply_t *reply)
{
    if (strcmp (path, "/") == 0)
        path = "/index.html";
    return folder ? s_from_folder (folder, path, if_none_match, reply)
        : s_from_table (path, accepts_gzip, if_none_match, reply);
}
