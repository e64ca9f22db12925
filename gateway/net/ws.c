/*  gateway/net/ws.c - a viewer on a WebSocket

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Frames are made here and go out raw, several in one write (libwebsockets
    frames one message per write). A message larger than the socket's room is
    sent in fragments, between which a close frame may still go.
*/
#include "net/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "net/command.h"

enum {
    TURN_BYTES = 16 * 1024,         /* written in one turn; then the others have theirs */
    NOTICE_ROOM = 8 * 1024,         /* kept free of events, for the word that it is stalled, and for the close */
    LEAST_ROOM = 72 * 1024,         /* with less, no event is asked of the client: a frame (64 KB) and that */
    FRAGMENT_BYTES = 16 * 1024,     /* of a message that does not fit */
    HEADER_MAX = 10,                /* of a frame from a server */
    KEY_LENGTH = 24,                /* of a handshake */
    PROTOCOLS_MAX = 126,            /* bytes of Sec-WebSocket-Protocol: of more lws hangs up without a word */
    EXCESS_MAX = 1024 * 1024        /* of a message that is too long; what is longer is no mistake */
};

/*  First byte of a frame, RFC 6455 section 5.2. */
enum { TEXT = 0x01, CONTINUATION = 0x00, CLOSE = 0x08, PING = 0x09, FINAL = 0x80 };

static const char s_subprotocol[] = "agentgate.v1.json";
static const char s_ping[] = "ag";

/* ---------------------------------------------------------------------- */
/*  Handshake */

/*  Is ours among "a, b, c"? */
static bool s_names_ours (const char *list)
{
    size_t len = sizeof s_subprotocol - 1;
    while (*list) {
        list += strspn (list, ", \t");
        size_t word = strcspn (list, ", \t");
        if (word == len && memcmp (list, s_subprotocol, len) == 0)
            return true;
        list += word;
    }
    return false;
}

static int s_refuse (ag_server_t *server, struct lws *wsi, unsigned status, const char *detail)
{
    server->stats.refused++;
    ag_log_info ("WS_REFUSED", "a WebSocket handshake was refused: status=%u why=\"%s\"", status, detail);
    ag_http_answer (server, wsi, status, "WebSocket refused", detail);
    return 1;
}

/*  What RFC 6455 section 4.2.1 asks of the request; lws hangs up without a word. */
static const char *s_malformed (struct lws *wsi)
{
    char text[64] = "";
    if (lws_hdr_copy (wsi, text, sizeof text, WSI_TOKEN_CONNECTION) <= 0 || !strcasestr (text, "upgrade"))
        return "Connection: Upgrade is missing";
    if (lws_hdr_total_length (wsi, WSI_TOKEN_KEY) != KEY_LENGTH)
        return "Sec-WebSocket-Key must be 16 bytes in base64";
    return NULL;
}

static bool s_speaks_13 (struct lws *wsi)
{
    char text[8] = "";
    return lws_hdr_copy (wsi, text, sizeof text, WSI_TOKEN_VERSION) > 0 && strcmp (text, "13") == 0;
}

/*  Why the subprotocols that are named are none of ours; NULL: ours is among them, or there are none. */
static const char *s_wrong_protocols (struct lws *wsi)
{
    char text[PROTOCOLS_MAX + 1];
    int len = lws_hdr_total_length (wsi, WSI_TOKEN_PROTOCOL);
    if (len > PROTOCOLS_MAX)
        return "Sec-WebSocket-Protocol: at most 126 bytes; a long token goes into the Authorization header or ?token=";
    if (len > 0 && (lws_hdr_copy (wsi, text, sizeof text, WSI_TOKEN_PROTOCOL) < 0 || !s_names_ours (text)))
        return "the only subprotocol is agentgate.v1.json, or none";
    return NULL;
}

int ag_ws_check_upgrade (ag_server_t *server, struct lws *wsi, char *what)
{
    char origin[128];
    char *path = NULL;
    int path_len = 0;
    /*  An offer of HTTP/2 may be ignored, and some clients make it with each request: lws
        would take it, and goes on as if there were none when the word is another. */
    if (strcasecmp (what, "h2c") == 0) {
        what[0] = '-';
        return 0;
    }
    if (strcasecmp (what, "websocket") != 0)
        return -1;                      /* lws has answered with 403 */
    int method = lws_http_get_uri_and_method (wsi, &path, &path_len);
    if (method != LWSHUMETH_GET || path_len != 3 || memcmp (path, "/ws", 3) != 0)
        return s_refuse (server, wsi, 404, "WebSocket lives at /ws");
    const char *malformed = s_malformed (wsi);
    if (malformed)
        return s_refuse (server, wsi, 400, malformed);
    if (!s_speaks_13 (wsi))
        return s_refuse (server, wsi, 426, "the version of WebSocket that is spoken here is 13");
    const char *wrong = s_wrong_protocols (wsi);
    if (wrong)
        return s_refuse (server, wsi, 400, wrong);
    const char *refused = ag_origin_refused (server, wsi, origin, sizeof origin);
    if (refused)
        return s_refuse (server, wsi, 403, refused);
    if (ag_server_connections (server) >= server->gateway->options.connections)
        return s_refuse (server, wsi, 503, "too many connections");
    return 0;
}

/*  What can be known only now is told by a close code: a page sees no answer to its handshake. */
int ag_ws_opened (ag_conn_t *self)
{
    ag_gateway_t *gateway = self->gateway;
    self->heard_us = ag_clock_mono_us ();
    self->ways = (ag_client_options_t) { .plain = true, .quiet = !self->access.known };
    self->server->stats.websockets++;
    self->client = ag_client_new (gateway->hub, &self->ways, self, self->heard_us);
    const char *crowded = ag_conn_admit (self);
    if (!self->access.known)
        ag_conn_close (self, AG_CLOSE_UNAUTHORIZED, "a token is needed");
    else if (crowded)
        ag_conn_close (self, AG_CLOSE_SLOW, crowded);
    return 0;
}

/* ---------------------------------------------------------------------- */
/*  Commands */

static void s_say_error (ag_conn_t *self, const char *code, const char *message)
{
    ag_buf_t json = {0};
    ag_command_append_error (&json, code, message, (ag_str_t) { NULL, 0 }, ag_clock_wall_us ());
    ag_client_say (self->client, (ag_str_t) { json.data, json.len });
    ag_buf_free (&json);
}

static void s_answer (ag_conn_t *self, const char *type, const ag_subscribe_t *target)
{
    ag_buf_t json = {0};
    ag_command_append_answer (&json, type, target, ag_clock_wall_us ());
    ag_client_say (self->client, (ag_str_t) { json.data, json.len });
    ag_buf_free (&json);
}

/*  A message that was not understood: an error, and at the twentieth in ten seconds the end. */
static void s_bad (ag_conn_t *self, const char *code, const char *message)
{
    int64_t now_us = ag_clock_mono_us ();
    if (!self->bad_us)
        self->bad_us = ag_calloc (AG_BAD_BUDGET, sizeof *self->bad_us);
    int64_t *slot = &self->bad_us[self->bad_count % AG_BAD_BUDGET];
    bool abuse = self->bad_count + 1 >= AG_BAD_BUDGET
        && now_us - self->bad_us[(self->bad_count + 1) % AG_BAD_BUDGET] < AG_BAD_WINDOW_US;
    *slot = now_us;
    self->bad_count++;
    self->server->stats.bad_messages++;
    s_say_error (self, code, message);
    if (abuse)
        ag_conn_close (self, AG_CLOSE_ABUSE, "too many messages that are not understood");
}

static void s_set_ways (ag_conn_t *self, const ag_command_t *command)
{
    if (command->extended)
        self->ways.plain = false;
    if (command->kind == AG_COMMAND_SUBSCRIBE && command->extended) {
        self->ways.batch |= command->batch;
        if (command->rate_limit)
            self->ways.rate_limit = command->rate_limit;
        if (command->batch_us)
            self->ways.batch_us = command->batch_us;
    }
    ag_client_set_options (self->client, &self->ways, ag_clock_mono_us ());
}

static void s_subscribe (ag_conn_t *self, const ag_command_t *command, int64_t now_us)
{
    char *error = NULL;
    const ag_subscribe_t *request = &command->subscribe;
    if (request->work_order.ptr && !ag_access_may_see (&self->access, request->work_order)) {
        s_say_error (self, "FORBIDDEN", "this work order may not be seen with your token");
        return;
    }
    bool full = ag_client_subscriptions (self->client) >= self->gateway->options.subscriptions;
    s_set_ways (self, command);
    if (ag_client_subscribe (self->client, request, now_us, &error) == 0)
        return;
    s_bad (self, full ? "LIMIT_EXCEEDED" : "INVALID_MESSAGE", error);
    free (error);
}

static void s_unsubscribe (ag_conn_t *self, const ag_command_t *command, int64_t now_us)
{
    s_set_ways (self, command);
    /*  Whoever was not subscribed is not subscribed now: that is what is confirmed. */
    if (ag_client_unsubscribe (self->client, &command->subscribe, now_us) == 0)
        s_answer (self, "unsubscription_confirmed", &command->subscribe);
}

static void s_cancel (ag_conn_t *self, const ag_command_t *command, int64_t now_us)
{
    ag_stream_info_t info;
    bool known = ag_hub_stream (self->gateway->hub, command->run, &info)
        && ag_access_may_see (&self->access, info.work_order);
    if (!self->access.cancel)
        s_say_error (self, "FORBIDDEN", "runs may not be cancelled with your token");
    else if (!known || !ag_desk_cancel (self->gateway->desk, command->run, now_us))
        s_say_error (self, "NOT_FOUND", "no such run is alive");
}

static void s_message (ag_conn_t *self, ag_str_t text)
{
    ag_command_t command;
    const char *code = NULL;
    char *message = NULL;
    int64_t now_us = ag_clock_mono_us ();
    if (ag_command_parse (text, &command, &code, &message) != 0) {
        s_bad (self, code, message);
        free (message);
        return;
    }
    switch (command.kind) {
        case AG_COMMAND_SUBSCRIBE:
            s_subscribe (self, &command, now_us);
            break;
        case AG_COMMAND_UNSUBSCRIBE:
            s_unsubscribe (self, &command, now_us);
            break;
        case AG_COMMAND_CANCEL_RUN:
            s_cancel (self, &command, now_us);
            break;
        case AG_COMMAND_PING:
            s_answer (self, "pong", NULL);
            break;
    }
    ag_command_clear (&command);
}

int ag_ws_received (ag_conn_t *self, const char *data, size_t len)
{
    self->heard_us = ag_clock_mono_us ();
    if (lws_is_first_fragment (self->wsi)) {
        ag_buf_clear (&self->received);
        self->too_long = false;
        self->excess = 0;
    }
    if (self->received.len + len > AG_COMMAND_MAX_BYTES)
        self->too_long = true;
    else
        ag_buf_append (&self->received, data, len);
    self->excess += self->too_long ? len : 0;
    if (self->excess > EXCESS_MAX)
        ag_conn_close (self, AG_CLOSE_ABUSE, "a message without end");
    if (!lws_is_final_fragment (self->wsi) || lws_remaining_packet_payload (self->wsi))
        return 0;
    if (self->close_code)
        return 0;
    if (self->too_long)
        s_bad (self, "LIMIT_EXCEEDED", "message: at most 65536 bytes");
    else if (lws_frame_is_binary (self->wsi))
        s_bad (self, "INVALID_MESSAGE", "message: must be text, not binary");
    else
        s_message (self, (ag_str_t) { self->received.data ? self->received.data : "", self->received.len });
    ag_buf_clear (&self->received);
    ag_buf_shrink (&self->received, 1024);
    ag_conn_wake (self);
    return 0;
}

/* ---------------------------------------------------------------------- */
/*  Sending */

static size_t s_append_header (ag_buf_t *out, unsigned first, size_t len)
{
    unsigned char header[HEADER_MAX] = { (unsigned char) first };
    size_t used = 2;
    if (len < 126)
        header[1] = (unsigned char) len;
    else if (len < 65536) {
        header[1] = 126;
        header[2] = (unsigned char) (len >> 8);
        header[3] = (unsigned char) len;
        used = 4;
    } else {
        header[1] = 127;
        for (int i = 0; i < 8; i++)
            header[2 + i] = (unsigned char) ((uint64_t) len >> (56 - 8 * i));
        used = 10;
    }
    ag_buf_append (out, header, used);
    return used;
}

/*  Length of the frame that begins at `at` (ours: never above 64 KB when in parts). */
static size_t s_frame_length (const char *at)
{
    const unsigned char *header = (const unsigned char *) at;
    size_t len = header[1];
    return len < 126 ? 2 + len : 4 + ((size_t) header[2] << 8 | header[3]);
}

static void s_append_in_parts (ag_buf_t *out, ag_str_t message)
{
    for (size_t at = 0; at < message.len || at == 0; at += FRAGMENT_BYTES) {
        size_t len = message.len - at < FRAGMENT_BYTES ? message.len - at : FRAGMENT_BYTES;
        unsigned first = (at == 0 ? TEXT : CONTINUATION) | (at + len == message.len ? FINAL : 0);
        s_append_header (out, first, len);
        ag_buf_append (out, message.ptr + at, len);
    }
}

/*  Whole frames of what was left over, as many as fit. */
static void s_take_rest (ag_conn_t *self, size_t room)
{
    ag_buf_t *out = &self->server->out;
    size_t taken = 0;
    while (taken < self->rest.len) {
        size_t len = s_frame_length (self->rest.data + taken);
        if (out->len - LWS_PRE + taken + len > room)
            break;
        taken += len;
    }
    ag_buf_append (out, self->rest.data, taken);
    ag_buf_consume (&self->rest, taken);
    if (!self->rest.len)
        ag_buf_free (&self->rest);
}

static void s_append_frame (ag_conn_t *self, const ag_frame_t *frame, size_t room)
{
    ag_buf_t *out = &self->server->out;
    for (size_t i = 0; i < frame->count; i++) {
        ag_str_t message = frame->messages[i];
        if (!self->rest.len && out->len - LWS_PRE + HEADER_MAX + message.len <= room) {
            s_append_header (out, TEXT | FINAL, message.len);
            ag_buf_append_str (out, message);
        } else
            s_append_in_parts (&self->rest, message);
    }
    if (self->rest.len)
        s_take_rest (self, room);
}

/*  Fills the buffer with what may go now. True: there is more for another turn. */
static bool s_fill (ag_conn_t *self, size_t room, int64_t now_us)
{
    ag_buf_t *out = &self->server->out;
    if (self->rest.len)
        s_take_rest (self, room);
    while (!self->rest.len) {
        size_t used = out->len - LWS_PRE;
        ag_frame_t frame;
        int64_t when_us;
        if (used >= TURN_BYTES)
            return true;
        if (room < used + LEAST_ROOM && (used || room < self->writer.capacity / 2))
            break;
        if (!ag_client_next (self->client, now_us, room - used - NOTICE_ROOM, &frame, &when_us))
            return false;
        ag_conn_note_age (self, &frame);
        s_append_frame (self, &frame, room);
    }
    ag_conn_wait_for_room (self);
    return false;
}

/*  Told at once, not when poll calls the socket writable, which a full one is
    not; the least room is kept for it. */
void ag_ws_tell_stalled (ag_conn_t *self)
{
    ag_buf_t *out = &self->server->out;
    size_t room = ag_writer_room (&self->writer);
    ag_frame_t frame;
    int64_t when_us;
    out->len = LWS_PRE;
    if (self->rest.len || room < 1024)
        return;
    if (ag_client_next (self->client, ag_clock_mono_us (), 1, &frame, &when_us))
        s_append_frame (self, &frame, room);
    ag_conn_write_out (self, LWS_WRITE_RAW);
}

/*  lws sends a close frame only when poll calls the socket writable, which a
    full one is not, though the kernel has room for it. So a stalled viewer gets
    its frame straight into the queue, and reads the code if it ever goes on. */
void ag_ws_close_stalled (ag_conn_t *self)
{
    ag_buf_t *out = &self->server->out;
    size_t len = strlen (self->close_reason);
    unsigned char code[2] = { (unsigned char) (self->close_code >> 8), (unsigned char) self->close_code };
    out->len = LWS_PRE;
    s_append_header (out, CLOSE | FINAL, len + sizeof code);
    ag_buf_append (out, code, sizeof code);
    ag_buf_append (out, self->close_reason, len);
    self->done = true;
    if (!lws_partial_buffered (self->wsi))
        ag_conn_write_out (self, LWS_WRITE_RAW);
    lws_set_timeout (self->wsi, PENDING_TIMEOUT_CLOSE_SEND, 1);
}

int ag_ws_writable (ag_conn_t *self)
{
    if (self->done)
        return -1;
    int64_t now_us = ag_clock_mono_us ();
    ag_buf_t *out = &self->server->out;
    size_t room = ag_writer_room (&self->writer);
    bool more = false;
    out->len = LWS_PRE;
    self->waits_for_room = false;
    if (self->ping && room > HEADER_MAX) {
        /*  With something in it: lws tells us of no empty pong. */
        s_append_header (out, PING | FINAL, sizeof s_ping - 1);
        ag_buf_append (out, s_ping, sizeof s_ping - 1);
        self->ping = false;
    }
    /*  Before a close, what was said last (an error) still goes; events do not matter then. */
    if (!self->rest.len || !self->close_code)
        more = s_fill (self, room, now_us);
    if (ag_conn_write_out (self, LWS_WRITE_RAW) != 0)
        return -1;
    if (self->close_code) {
        self->done = true;
        lws_close_reason (self->wsi, (enum lws_close_status) self->close_code, (unsigned char *) self->close_reason,
            strlen (self->close_reason));
        return -1;
    }
    if (more)
        ag_conn_wake (self);
    return 0;
}
