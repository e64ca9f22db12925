/*  tools/http.c - asks a gateway for a page

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    HTTP/1.1, one request a connection, which is all that a tool needs of it.
*/
#include "tools/http.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/mem.h"

/* ---------------------------------------------------------------------- */
/*  Connection */

static int s_connect_to (const struct addrinfo *at)
{
    const struct timeval limit = { .tv_sec = AG_HTTP_TIMEOUT_S };
    int fd = socket (at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0)
        return -1;
    setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect (fd, at->ai_addr, at->ai_addrlen) == 0)
        return fd;
    close (fd);
    return -1;
}

/*  "http://HOST:PORT", HOST perhaps in brackets. The fd, or -1. */
static int s_connect (const char *base_url, char **error_r)
{
    const char *host = base_url + 7, *colon = strncmp (base_url, "http://", 7) == 0 ? strrchr (host, ':') : NULL;
    if (!colon || colon == host) {
        *error_r = ag_asprintf ("%s: http://HOST:PORT is wanted", base_url);
        return -1;
    }
    bool bracketed = host[0] == '[' && colon[-1] == ']';
    char *name = ag_strndup (host + bracketed, (size_t) (colon - host) - 2 * (size_t) bracketed);
    char *port = ag_strndup (colon + 1, strcspn (colon + 1, "/"));
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    int rc = getaddrinfo (name, port, &hints, &list), fd = -1;
    for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next)
        fd = s_connect_to (at);
    if (fd < 0)
        *error_r = ag_asprintf ("%s: %s", base_url, rc ? gai_strerror (rc) : strerror (errno));
    if (list)
        freeaddrinfo (list);
    free (name);
    free (port);
    return fd;
}

static int s_ask (int fd, const char *base_url, const char *path, const char *token)
{
    ag_buf_t request = { 0 };
    ag_buf_printf (&request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAccept: application/json\r\n", path,
        base_url + 7);
    if (token)
        ag_buf_printf (&request, "Authorization: Bearer %s\r\n", token);
    ag_buf_append_cstr (&request, "\r\n");
    bool sent = send (fd, request.data, request.len, MSG_NOSIGNAL) == (ssize_t) request.len;
    ag_buf_free (&request);
    return sent ? 0 : -1;
}

/* ---------------------------------------------------------------------- */
/*  Answer */

/*  Offset of the body; 0: the head is not whole yet. */
static size_t s_head_len (const ag_buf_t *answer)
{
    const char *end = answer->len ? memmem (answer->data, answer->len, "\r\n\r\n", 4) : NULL;
    return end ? (size_t) (end - answer->data) + 4 : 0;
}

/*  Value of a header, or NULL; in the head, which ends with an empty line. */
static const char *s_header (const ag_buf_t *answer, const char *name)
{
    size_t len = strlen (name), head = s_head_len (answer);
    for (size_t i = 0; i + len + 1 < head; i++)
        if (answer->data[i] == '\n' && strncasecmp (answer->data + i + 1, name, len) == 0)
            return answer->data + i + 1 + len;
    return NULL;
}

static bool s_is_whole (const ag_buf_t *answer)
{
    size_t head = s_head_len (answer);
    const char *length = head ? s_header (answer, "Content-Length:") : NULL;
    return length && answer->len - head >= strtoull (length, NULL, 10);
}

/*  Reads to the end of the answer; 0, or -1 with errno. */
static int s_read (int fd, ag_buf_t *answer)
{
    while (!s_is_whole (answer)) {
        ssize_t got = recv (fd, ag_buf_reserve (answer, 65536), 65536, 0);
        if (got == 0)
            return 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        answer->len += (size_t) got;
        if (answer->len > AG_HTTP_MAX_BYTES) {
            errno = EFBIG;
            return -1;
        }
    }
    return 0;
}

/*  Takes the chunks' sizes out; false: not as it should be. */
static bool s_join_chunks (ag_buf_t *body)
{
    ag_buf_t joined = { 0 };
    size_t at = 0, size = 1;
    bool good = true;
    ag_buf_cstr (body);
    while (good && size) {
        char *end;
        size = strtoull (body->data + at, &end, 16);
        const char *line = memchr (body->data + at, '\n', body->len - at);
        good = end != body->data + at && line && size <= body->len - (size_t) (line + 1 - body->data);
        if (good) {
            ag_buf_append (&joined, line + 1, size);
            at = (size_t) (line + 1 - body->data) + size + 2;
            good = size == 0 || at < body->len;
        }
    }
    ag_buf_free (body);
    *body = joined;
    return good;
}

static int s_take (ag_buf_t *answer, char **error_r)
{
    size_t head = s_head_len (answer);
    int status = head && strncmp (answer->data, "HTTP/1.", 7) == 0 ? atoi (answer->data + 9) : -1;
    const char *encoding = head ? s_header (answer, "Transfer-Encoding:") : NULL;
    bool chunked = encoding && strncasecmp (encoding + strspn (encoding, " "), "chunked", 7) == 0;
    ag_buf_consume (answer, head);
    if (status > 0 && (!chunked || s_join_chunks (answer)))
        return status;
    *error_r = ag_strdup ("the answer is no HTTP");
    return -1;
}

int ag_http_get (const char *base_url, const char *path, const char *token, ag_buf_t *body_r, char **error_r)
{
    ag_buf_clear (body_r);
    int fd = s_connect (base_url, error_r);
    if (fd < 0)
        return -1;
    int rc = s_ask (fd, base_url, path, token) || s_read (fd, body_r) ? -1 : 0;
    if (rc)
        *error_r = ag_asprintf ("%s%s: %s", base_url, path, strerror (errno));
    close (fd);
    return rc ? -1 : s_take (body_r, error_r);
}
