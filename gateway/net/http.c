/*  gateway/net/http.c - a request and its answer

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/mem.h"
#include "net/api.h"
#include "net/static.h"

enum {
    HEAD_MAX = 2048,                    /* bytes of response headers */
    PATH_MAX_BYTES = 1024,              /* of a URL's path */
    ARGUMENT_MAX = 1024,                /* of a URL's query, in all */
    TOKEN_MAX = 4096,
    POST_MAX_BYTES = 64 * 1024,
    TURN_BYTES = 64 * 1024,
    CHUNK_MARGIN = 16,                  /* "ffff\r\n" and "\r\n" around a chunk, "0\r\n\r\n" at the end */
    WRITE_TIMEOUT_S = 30                /* a reader of a long answer may stop so long */
};

/*  Measured in a browser with thirteen attacks; tests hold it to the letter. */
static const char s_csp[] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

/* ---------------------------------------------------------------------- */
/*  Headers. Made here and not by lws, which would answer a refused upgrade as
    HTTP/1.0, and that is no answer to some WebSocket clients. */

static const char *s_reason (unsigned status)
{
    static const struct { unsigned status; const char *reason; } rows[] = {
        { 200, "OK" }, { 202, "Accepted" }, { 204, "No Content" }, { 304, "Not Modified" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
        { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 409, "Conflict" },
        { 411, "Length Required" }, { 413, "Content Too Large" }, { 414, "URI Too Long" }, { 426, "Upgrade Required" },
        { 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 503, "Service Unavailable" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return "Unknown";
}

static void s_header (ag_buf_t *out, const char *name, const char *value)
{
    if (value && *value)
        ag_buf_printf (out, "%s: %s\r\n", name, value);
}

static size_t s_body_size (const ag_reply_t *reply)
{
    return reply->fixed.ptr ? reply->fixed.len : reply->body.len;
}

typedef enum { AS_WHOLE, AS_CHUNKS, UNTIL_CLOSE } length_t;     /* how the reader knows the end */

static void s_append_head (const ag_reply_t *reply, length_t length, bool close, const char *origin, ag_buf_t *out)
{
    ag_buf_printf (out, "HTTP/1.1 %u %s\r\nserver: agentgate\r\n", reply->status, s_reason (reply->status));
    s_header (out, "content-type", reply->type);
    s_header (out, "content-encoding", reply->encoding);
    s_header (out, "cache-control", reply->cache);
    s_header (out, "etag", reply->etag);
    s_header (out, "allow", reply->allow);
    s_header (out, "retry-after", reply->retry_after);
    s_header (out, "www-authenticate", reply->status == 401 ? "Bearer" : NULL);
    s_header (out, "upgrade", reply->status == 426 ? "websocket" : NULL);
    s_header (out, "sec-websocket-version", reply->status == 426 ? "13" : NULL);
    s_header (out, "content-security-policy", s_csp);
    s_header (out, "x-content-type-options", "nosniff");
    s_header (out, "referrer-policy", "no-referrer");
    s_header (out, "cross-origin-opener-policy", "same-origin");
    s_header (out, "cross-origin-resource-policy", "same-origin");
    s_header (out, "vary", *origin ? "Accept-Encoding, Origin" : "Accept-Encoding");
    s_header (out, "access-control-allow-origin", origin);
    if (reply->status == 204 && *origin) {
        s_header (out, "access-control-allow-methods", reply->allow);
        s_header (out, "access-control-allow-headers", "Authorization, Content-Type, Last-Event-ID");
        s_header (out, "access-control-max-age", "600");
    }
    if (length == AS_CHUNKS)
        s_header (out, "transfer-encoding", "chunked");
    else if (length == AS_WHOLE && reply->status != 304 && reply->status != 204)
        ag_buf_printf (out, "content-length: %zu\r\n", s_body_size (reply));
    s_header (out, "connection", close || length == UNTIL_CLOSE ? "close" : NULL);
    ag_buf_append_cstr (out, "\r\n");
}

int ag_http_answer (ag_server_t *server, struct lws *wsi, unsigned status, const char *title, const char *detail)
{
    ag_reply_t reply = {0};
    ag_buf_t *out = &server->out;
    ag_reply_problem (&reply, status, title, detail);
    out->len = LWS_PRE;
    s_append_head (&reply, AS_WHOLE, true, "", out);
    ag_buf_append (out, reply.body.data, reply.body.len);
    ag_reply_clear (&reply);
    return lws_write (wsi, (unsigned char *) out->data + LWS_PRE, out->len - LWS_PRE, LWS_WRITE_HTTP) < 0 ? -1 : 0;
}

int ag_http_refuse_method (ag_server_t *server, struct lws *wsi)
{
    ag_http_answer (server, wsi, 501, "Not Implemented", "this begins with no method that is known here");
    return -1;
}

void ag_http_destroy (ag_http_t **self_p)
{
    ag_http_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    ag_reply_clear (&self->reply);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Request */

/*  "gzip" or "gzip;q=0.5", but not "gzip;q=0". */
static bool s_accepts_gzip (struct lws *wsi)
{
    char text[256];
    if (lws_hdr_copy (wsi, text, sizeof text, WSI_TOKEN_HTTP_ACCEPT_ENCODING) <= 0)
        return false;
    const char *gzip = strstr (text, "gzip");
    if (!gzip)
        return false;
    const char *q = gzip + strlen ("gzip");
    q += strspn (q, " \t;");
    return strncmp (q, "q=", 2) != 0 || strtod (q + 2, NULL) > 0;
}

static const char *s_argument (struct lws *wsi, const char *name, char buffer[ARGUMENT_MAX])
{
    char key[32];
    snprintf (key, sizeof key, "%s=", name);
    return lws_get_urlarg_by_name (wsi, key, buffer, ARGUMENT_MAX);
}

/*  A web page can set no header on a WebSocket: there the token comes as a
    second subprotocol, "agentgate.v1.json, agentgate.token.TOKEN". */
static ag_str_t s_protocol_token (struct lws *wsi, char *buffer, size_t size)
{
    static const char prefix[] = "agentgate.token.";
    int len = lws_hdr_copy (wsi, buffer, (int) size, WSI_TOKEN_PROTOCOL);
    const char *token = len > 0 ? strstr (buffer, prefix) : NULL;
    if (!token)
        return (ag_str_t) { NULL, 0 };
    token += sizeof prefix - 1;
    return (ag_str_t) { token, strcspn (token, ", \t") };
}

/*  The bearer of Authorization, a subprotocol, or ?token=. */
static ag_str_t s_token (struct lws *wsi, char *buffer, size_t size)
{
    int len = lws_hdr_copy (wsi, buffer, (int) size, WSI_TOKEN_HTTP_AUTHORIZATION);
    if (len > 7 && strncasecmp (buffer, "Bearer ", 7) == 0)
        return (ag_str_t) { buffer + 7, (size_t) len - 7 };
    ag_str_t protocol = s_protocol_token (wsi, buffer, size);
    if (protocol.len)
        return protocol;
    const char *argument = lws_get_urlarg_by_name (wsi, "token=", buffer, (int) size);
    return (ag_str_t) { argument, argument ? strlen (argument) : 0 };
}

ag_access_t ag_conn_access (ag_server_t *server, struct lws *wsi)
{
    char buffer[TOKEN_MAX];
    return ag_tokens_check (server->gateway->tokens, s_token (wsi, buffer, sizeof buffer));
}

/*  Server-sent events: the head now, the rest as it happens. */
static void s_begin_stream (ag_conn_t *self, const char *run)
{
    static const char name[] = "last-event-id:";
    ag_reply_t *reply = &self->http->reply;
    char id[64] = "";
    lws_hdr_custom_copy (self->wsi, id, sizeof id, name, sizeof name - 1);
    const char *crowded = NULL;
    if (ag_server_connections (self->server) >= self->gateway->options.connections)
        crowded = "too many connections";
    else if (!self->http->head_only)
        crowded = ag_conn_admit (self);
    if (crowded) {
        ag_reply_problem (reply, 503, "Service Unavailable", crowded);
        reply->retry_after = "10";
        return;
    }
    if (!self->http->head_only && ag_sse_begin (self, (ag_str_t) { run, strlen (run) }, id) != 0) {
        ag_reply_problem (reply, 400, "Bad Request", "Last-Event-ID must be \"epoch:seq\"");
        return;
    }
    if (!self->http->head_only)
        self->kind = AG_CONN_SSE;
    self->http->endless = true;
    reply->status = 200;
    reply->type = "text/event-stream";
    reply->cache = "no-store";
}

static void s_answer_api (ag_conn_t *self, const char *path, bool post)
{
    char buffers[5][ARGUMENT_MAX];
    ag_api_request_t request = {
        .post = post, .path = path, .access = &self->access,
        .after = s_argument (self->wsi, "after", buffers[0]), .limit = s_argument (self->wsi, "limit", buffers[1]),
        .types = s_argument (self->wsi, "types", buffers[2]), .epoch = s_argument (self->wsi, "epoch", buffers[3]),
        .q = s_argument (self->wsi, "q", buffers[4])
    };
    char *run = NULL;
    if (!ag_api_answer (self->gateway, &request, &self->http->reply, &run)) {
        ag_reply_begin (&self->http->reply);
        return;
    }
    s_begin_stream (self, run);
    free (run);
}

static bool s_is_under (const char *path, const char *prefix)
{
    return strncmp (path, prefix, strlen (prefix)) == 0;
}

static void s_answer_plain (ag_conn_t *self, const char *path)
{
    ag_reply_t *reply = &self->http->reply;
    char tag[128] = "";
    lws_hdr_copy (self->wsi, tag, sizeof tag, WSI_TOKEN_HTTP_IF_NONE_MATCH);
    if (strcmp (path, "/healthz") == 0) {
        ag_reply_json (reply);
        ag_buf_append_cstr (&reply->body, "{\"status\":\"ok\"}\n");
    } else if (strcmp (path, "/readyz") == 0)
        ag_ready_answer (self->gateway, reply);
    else if (strcmp (path, "/ws") == 0)
        ag_reply_problem (reply, 426, "Upgrade Required", "this is where WebSocket connections begin");
    else if (!ag_static_find (self->gateway->options.dashboard_dir, path, s_accepts_gzip (self->wsi), tag, reply))
        ag_reply_problem (reply, 404, "Not Found", "there is nothing at this path");
}

/*  What may be asked of a path. */
static const char *s_allowed (const char *path)
{
    size_t len = strlen (path);
    bool cancel = s_is_under (path, "/api/v1/runs/") && len > 7 && strcmp (path + len - 7, "/cancel") == 0;
    return cancel ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
}

static void s_answer (ag_conn_t *self, const char *path, int method)
{
    ag_reply_t *reply = &self->http->reply;
    bool post = method == LWSHUMETH_POST;
    const char *refused = ag_origin_refused (self->server, self->wsi, self->http->origin, sizeof self->http->origin);
    bool open = strcmp (path, "/healthz") == 0 || strcmp (path, "/readyz") == 0;
    bool api = s_is_under (path, "/api/v1/");
    if (refused)
        ag_reply_problem (reply, 403, "Forbidden", refused);
    else if (method == LWSHUMETH_OPTIONS) {         /* also what a page of an allowed origin asks first */
        reply->status = 204;
        reply->allow = s_allowed (path);
    } else if (method != LWSHUMETH_GET && method != LWSHUMETH_HEAD && !(post && api)) {
        ag_reply_problem (reply, 405, "Method Not Allowed", "this path is not for that method");
        reply->allow = s_allowed (path);
    } else if (!self->access.known && !open && (api || strcmp (path, "/metrics") == 0))
        ag_reply_problem (reply, 401, "Unauthorized", "a token is needed: Authorization: Bearer ...");
    else if (strcmp (path, "/metrics") == 0)
        ag_metrics_answer (self->gateway, reply);
    else if (api)
        s_answer_api (self, path + strlen ("/api/v1/"), post);
    else
        s_answer_plain (self, path);
}

static bool s_speaks_1_1 (struct lws *wsi)
{
    char version[16] = "";
    lws_hdr_copy (wsi, version, sizeof version, WSI_TOKEN_HTTP);
    return strcmp (version, "HTTP/1.0") != 0;
}

/*  A number of digits alone, at most `max`; -1: none such. */
static long s_digits (const char *text, long max)
{
    long number = 0;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9')
            return -1;
        number = number < max ? number * 10 + (*at - '0') : max + 1;
    }
    return *text ? number : -1;
}

/*  The body's length; where nobody can say where the next request begins, the
    connection ends with the answer. False: answered with a problem. */
static bool s_framing (ag_conn_t *self, int method, long *body_r)
{
    char text[32] = "";
    bool has_length = lws_hdr_total_length (self->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
    lws_hdr_copy (self->wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    *body_r = has_length ? s_digits (text, POST_MAX_BYTES) : 0;
    /*  libwebsockets waits for a body where none is announced, and cannot read chunks. */
    bool expects = method == LWSHUMETH_POST || method == LWSHUMETH_PUT || method == LWSHUMETH_PATCH;
    bool chunks = lws_hdr_total_length (self->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
    self->http->close = chunks || *body_r < 0 || *body_r > POST_MAX_BYTES || (expects && !has_length);
    ag_reply_t *reply = &self->http->reply;
    if (chunks)
        ag_reply_problem (reply, 411, "Length Required", "a body must come with its Content-Length, not in chunks");
    else if (*body_r < 0)
        ag_reply_problem (reply, 400, "Bad Request", "Content-Length must be a number");
    else if (*body_r > POST_MAX_BYTES)
        ag_reply_problem (reply, 413, "Content Too Large", "no request needs such a body");
    else
        return true;
    return false;
}

/*  The path and the query fit, and a host is named. False: answered with a problem. */
static bool s_well_formed (ag_conn_t *self, int method, int uri_len)
{
    ag_reply_t *reply = &self->http->reply;
    if (method < 0)
        ag_reply_problem (reply, 501, "Not Implemented", "this method is not known here");
    else if (uri_len >= PATH_MAX_BYTES || lws_hdr_total_length (self->wsi, WSI_TOKEN_HTTP_URI_ARGS) >= ARGUMENT_MAX)
        ag_reply_problem (reply, 414, "URI Too Long", "the path or the query is too long");
    else if (self->chunked && lws_hdr_total_length (self->wsi, WSI_TOKEN_HOST) <= 0)
        ag_reply_problem (reply, 400, "Bad Request", "a Host header is required");
    else
        return true;
    return false;
}

/*  A client that waits with its body is told to send it. */
static int s_continue (ag_conn_t *self)
{
    char text[32] = "";
    ag_buf_t *out = &self->server->out;
    if (lws_hdr_copy (self->wsi, text, sizeof text, WSI_TOKEN_HTTP_EXPECT) <= 0 || strcasecmp (text, "100-continue") != 0)
        return 0;
    out->len = LWS_PRE;
    ag_buf_append_cstr (out, "HTTP/1.1 100 Continue\r\n\r\n");
    return ag_conn_write_out (self, LWS_WRITE_HTTP);
}

int ag_http_request (ag_server_t *server, struct lws *wsi, ag_conn_t **conn_p)
{
    char path[PATH_MAX_BYTES] = "";
    char *uri = NULL;
    long body = 0;
    int uri_len = 0, method = lws_http_get_uri_and_method (wsi, &uri, &uri_len);
    server->stats.requests++;
    ag_conn_t *self = ag_conn_new (server, wsi, AG_CONN_HTTP);
    *conn_p = self;
    self->http = ag_calloc (1, sizeof *self->http);
    self->http->began_us = ag_clock_mono_us ();
    self->http->head_only = method == LWSHUMETH_HEAD;
    self->access = ag_conn_access (server, wsi);
    self->chunked = s_speaks_1_1 (wsi);
    if (s_well_formed (self, method, uri_len) && s_framing (self, method, &body)) {
        memcpy (path, uri, (size_t) uri_len);
        s_answer (self, path, method);
        self->http->body_awaited = method == LWSHUMETH_POST && body > 0;
    }
    if (self->http->body_awaited)
        return s_continue (self);
    ag_conn_wake (self);
    return 0;
}

int ag_http_body_done (ag_conn_t *self)
{
    if (self->http)
        self->http->body_awaited = false;
    ag_conn_wake (self);
    return 0;
}

/* ---------------------------------------------------------------------- */
/*  Answer */

/*  A body that is whole: as much as there is room for. True: that was all. */
static bool s_put_whole (ag_conn_t *self, size_t room)
{
    ag_buf_t *out = &self->server->out;
    const ag_reply_t *reply = &self->http->reply;
    const char *body = reply->fixed.ptr ? reply->fixed.ptr : reply->body.data;
    size_t used = out->len - LWS_PRE, left = s_body_size (reply) - self->http->sent;
    size_t len = room > used ? room - used : 0;
    len = len < left ? len : left;
    len = len < TURN_BYTES ? len : TURN_BYTES;
    if (len)
        ag_buf_append (out, body + self->http->sent, len);
    self->http->sent += len;
    return self->http->sent == s_body_size (reply);
}

/*  A body in parts: one part a turn. 1 more follows, 0 that was all, -1. */
static int s_put_part (ag_conn_t *self, size_t room)
{
    ag_buf_t *out = &self->server->out, *part = &self->http->reply.body;
    int rc = 1;
    if (!part->len)
        rc = self->http->reply.more (self->http->reply.context, part);
    if (rc < 0)
        return -1;
    self->done |= rc == 0;
    size_t used = out->len - LWS_PRE + CHUNK_MARGIN * 2;
    size_t len = room > used ? room - used : 0;
    len = len < part->len ? len : part->len;
    if (len && self->chunked)
        ag_buf_printf (out, "%zx\r\n", len);
    ag_buf_append (out, part->data, len);
    ag_buf_consume (part, len);
    if (len && self->chunked)
        ag_buf_append_cstr (out, "\r\n");
    bool end = self->done && !part->len;
    if (end && self->chunked)
        ag_buf_append_cstr (out, "0\r\n\r\n");
    return end ? 0 : 1;
}

static int s_put_body (ag_conn_t *self, size_t room)
{
    const ag_reply_t *reply = &self->http->reply;
    if (self->http->head_only || reply->status == 304 || reply->status == 204)
        return 0;
    return reply->more ? s_put_part (self, room) : !s_put_whole (self, room);
}

/*  The head has gone: from here on events follow. */
static int s_stream (ag_conn_t *self)
{
    ag_http_destroy (&self->http);
    lws_set_timeout (self->wsi, NO_PENDING_TIMEOUT, 0);
    ag_conn_wake (self);
    return 0;
}

/*  The whole answer has gone. lws may end our connection in the call; the next
    request, which may have come already, makes a new one. */
static int s_finish (ag_conn_t *self, bool until_close)
{
    bool close = until_close || self->http->close;
    ag_http_destroy (&self->http);
    self->done = true;
    if (close)
        return -1;
    self->server->look_soon = true;
    return lws_http_transaction_completed (self->wsi) ? -1 : 0;
}

int ag_http_writable (ag_conn_t *self)
{
    size_t room = ag_writer_room (&self->writer);
    ag_buf_t *out = &self->server->out;
    if (self->kind == AG_CONN_SSE && self->head_sent)
        return ag_sse_writable (self);
    if (!self->http || self->http->body_awaited)
        return 0;
    if (room < HEAD_MAX + CHUNK_MARGIN) {
        ag_conn_wait_for_room (self);
        return 0;
    }
    self->waits_for_room = false;
    out->len = LWS_PRE;
    bool streamed = self->kind == AG_CONN_SSE || self->http->reply.more || self->http->endless;
    length_t length = !streamed ? AS_WHOLE : self->chunked ? AS_CHUNKS : UNTIL_CLOSE;
    if (!self->head_sent)
        s_append_head (&self->http->reply, length, self->http->close, self->http->origin, out);
    self->head_sent = true;
    if (self->kind == AG_CONN_SSE)
        ag_sse_greet (self);
    int more = self->kind == AG_CONN_SSE ? 1 : s_put_body (self, room);
    if (more < 0 || ag_conn_write_out (self, LWS_WRITE_HTTP) != 0)
        return -1;
    if (self->kind == AG_CONN_SSE)
        return s_stream (self);
    lws_set_timeout (self->wsi, PENDING_TIMEOUT_HTTP_CONTENT, WRITE_TIMEOUT_S);
    if (!more)
        return s_finish (self, length == UNTIL_CLOSE);
    ag_conn_wake (self);
    return 0;
}
