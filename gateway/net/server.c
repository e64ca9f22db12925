/*  gateway/net/server.c - libwebsockets: one context, one listening port, the loop's clock

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/server.h"

#include <czmq.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/paths.h"
#include "net/conn.h"

enum {
    RX_BYTES = 256,                     /* per connection, read at a time */
    HEADER_BYTES = 8192,                /* of a request; a browser's cookies may be long */
    SPARE_SOCKETS = 32                  /* for requests, when there are as many viewers as may be */
};
#define STUCK_TOLD_US   INT64_C (2000000)       /* a socket that does not drain so long is stalled */
#define ROOM_US         INT64_C (10000)         /* a full socket is looked at so often */
#define LOOK_US         INT64_C (500000)        /* all sockets are looked at so often */
#define BODY_US         INT64_C (10000000)      /* a request's body has so long to come */
#define BURST_US        INT64_C (10000000)      /* what happens often is told so often */

/* ---------------------------------------------------------------------- */
/*  Connections */

ag_conn_t *ag_conn_new (ag_server_t *server, struct lws *wsi, ag_conn_kind_t kind)
{
    ag_conn_t *self = ag_calloc (1, sizeof *self);
    self->server = server;
    self->gateway = server->gateway;
    self->wsi = wsi;
    self->kind = kind;
    ag_writer_init (&self->writer, wsi, ag_clock_mono_us ());
    self->address = lws_get_opaque_user_data (wsi);
    self->next = server->connections;
    if (self->next)
        self->next->previous = self;
    server->connections = self;
    return self;
}

const char *ag_conn_admit (ag_conn_t *self)
{
    const ag_gateway_options_t *options = &self->gateway->options;
    self->admitted = true;
    if (self->address->viewers++ >= options->connections_per_address)
        return "too many connections from this address";
    return NULL;
}

void ag_conn_destroy (ag_conn_t **self_p)
{
    ag_conn_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    ag_server_t *server = self->server;
    self->address->viewers -= self->admitted;
    if (self->client)
        self->kind == AG_CONN_WEBSOCKET ? server->stats.websockets-- : server->stats.streams--;
    server->stats.stalled -= self->stalled;
    ag_client_destroy (&self->client);
    if (self->next)
        self->next->previous = self->previous;
    if (self->previous)
        self->previous->next = self->next;
    else
        server->connections = self->next;
    ag_http_destroy (&self->http);
    ag_buf_free (&self->rest);
    ag_buf_free (&self->received);
    free (self->bad_us);
    free (self);
}

void ag_conn_wake (ag_conn_t *self)
{
    lws_callback_on_writable (self->wsi);
    self->server->look_soon = true;
}

void ag_conn_wait_for_room (ag_conn_t *self)
{
    self->waits_for_room = true;
    self->server->room_us = 0;
}

void ag_conn_close (ag_conn_t *self, unsigned code, const char *reason)
{
    if (self->close_code)
        return;
    self->close_code = code;
    self->close_reason = reason;
    self->server->stats.closed_slow += code == AG_CLOSE_SLOW;
    self->server->stats.closed_abuse += code == AG_CLOSE_ABUSE;
    self->server->stats.closed_unauthorized += code == AG_CLOSE_UNAUTHORIZED;
    ag_log_info ("CLIENT_CLOSED", "a client is closed: code=%u why=\"%s\" address=%s", code, reason,
        self->address->name);
    if (self->kind == AG_CONN_WEBSOCKET && code == AG_CLOSE_SLOW && self->stalled) {
        ag_ws_close_stalled (self);
        return;
    }
    lws_set_timeout (self->wsi, PENDING_TIMEOUT_CLOSE_SEND, 5);
    ag_conn_wake (self);
}

int ag_conn_write_out (ag_conn_t *self, enum lws_write_protocol protocol)
{
    ag_buf_t *out = &self->server->out;
    size_t len = out->len - LWS_PRE;
    if (!len)
        return 0;
    int written = lws_write (self->wsi, (unsigned char *) out->data + LWS_PRE, len, protocol);
    ag_writer_wrote (&self->writer, len, ag_clock_mono_us ());
    self->server->stats.bytes_out += len;
    self->server->stats.writes++;
    self->server->stats.held += lws_partial_buffered (self->wsi) != 0;
    return written < (int) len ? -1 : 0;
}

bool ag_server_may_see (void *user, ag_str_t work_order)
{
    const ag_conn_t *conn = user;
    return ag_access_may_see (&conn->access, work_order);
}

static int s_writable (ag_conn_t *conn)
{
    if (!conn)
        return 0;
    return conn->kind == AG_CONN_WEBSOCKET ? ag_ws_writable (conn) : ag_http_writable (conn);
}

/*  Written at once: asking lws for a writable callback would cost a look at all
    sockets, which is linear in their number. Handshakes and closes are its own. */
void ag_server_ready (ag_client_t *client)
{
    ag_conn_t *conn = ag_client_user (client);
    bool open = conn->kind == AG_CONN_WEBSOCKET || (conn->kind == AG_CONN_SSE && conn->head_sent);
    if (!open || conn->close_code)
        ag_conn_wake (conn);
    else if (!conn->done && s_writable (conn) != 0) {
        conn->done = true;
        lws_set_timeout (conn->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    }
}

/* ---------------------------------------------------------------------- */
/*  Sockets by address */

static bool s_begins_burst (int64_t *last_us)
{
    int64_t now_us = ag_clock_mono_us (), since_us = now_us - *last_us;
    *last_us = now_us;
    return since_us >= BURST_US;
}

/*  Before a socket is taken: neither one address nor idle sockets may use up all descriptors. */
static bool s_may_connect (ag_server_t *self, int fd)
{
    const ag_gateway_options_t *options = &self->gateway->options;
    char name[AG_ADDRESS_SIZE] = "";
    lws_get_peer_simple_fd (fd, name, sizeof name);
    const ag_address_t *address = zhashx_lookup (self->addresses, name);
    if (self->sockets < (size_t) options->connections + SPARE_SOCKETS
        && (!address || address->sockets < (size_t) options->connections_per_address + SPARE_SOCKETS))
        return true;
    self->stats.turned_away++;
    if (s_begins_burst (&self->crowded_us))
        ag_log_warning ("CROWDED", "a connection is turned away, more of them are only counted: address=%s all=%zu", name,
            self->sockets);
    return false;
}

static void s_connected (ag_server_t *self, struct lws *wsi)
{
    char name[AG_ADDRESS_SIZE] = "";
    lws_get_peer_simple (wsi, name, sizeof name);
    ag_address_t *address = zhashx_lookup (self->addresses, name);
    if (!address) {
        address = ag_calloc (1, sizeof *address);
        memcpy (address->name, name, sizeof name);
        zhashx_insert (self->addresses, name, address);
    }
    address->sockets++;
    lws_set_opaque_user_data (wsi, address);
    self->sockets++;
    self->stats.accepted++;
    self->look_soon = true;                     /* its request has come already, most likely */
}

static void s_disconnected (ag_server_t *self, struct lws *wsi)
{
    ag_address_t *address = lws_get_opaque_user_data (wsi);
    if (!address)
        return;
    lws_set_opaque_user_data (wsi, NULL);
    self->sockets--;
    if (--address->sockets)
        return;
    zhashx_delete (self->addresses, address->name);
    free (address);
}

/* ---------------------------------------------------------------------- */
/*  Sockets that are full, peers that are silent */

static void s_look_at_socket (ag_conn_t *conn, int64_t now_us)
{
    int64_t stuck_us = ag_writer_stuck_us (&conn->writer, now_us);
    bool stalled = stuck_us >= STUCK_TOLD_US;
    if (stalled != conn->stalled) {
        conn->stalled = stalled;
        stalled ? conn->server->stats.stalled++ : conn->server->stats.stalled--;
        ag_client_set_stalled (conn->client, stalled, now_us);
        if (stalled && conn->kind == AG_CONN_WEBSOCKET)
            ag_ws_tell_stalled (conn);
        ag_conn_wake (conn);
    }
    if (stuck_us >= conn->gateway->options.stall_us)
        ag_conn_close (conn, AG_CLOSE_SLOW, "nothing was read for too long");
}

static void s_look_at_peer (ag_conn_t *conn, int64_t now_us)
{
    const ag_gateway_options_t *options = &conn->gateway->options;
    int64_t silent_us = now_us - conn->heard_us;
    if (silent_us >= options->ping_us + options->stall_us)
        ag_conn_close (conn, AG_CLOSE_SLOW, "no answer to pings for too long");
    else if (silent_us >= options->ping_us && now_us - conn->pinged_us >= options->ping_us) {
        conn->pinged_us = now_us;
        conn->ping = true;
        ag_conn_wake (conn);
    }
}

int64_t ag_server_turn (ag_server_t *self, int64_t now_us)
{
    bool look = now_us >= self->look_us, waits = false;
    if (look)
        self->look_us = now_us + LOOK_US;
    else if (now_us < self->room_us)
        return self->look_us < self->room_us ? self->look_us : self->room_us;
    for (ag_conn_t *conn = self->connections; conn; conn = conn->next) {
        if (conn->waits_for_room) {
            waits |= !conn->stalled;
            if (ag_writer_room (&conn->writer) >= conn->writer.capacity / 8 * 5)
                ag_conn_wake (conn);
        }
        if (look && conn->client)
            s_look_at_socket (conn, now_us);
        if (look && conn->kind == AG_CONN_WEBSOCKET)
            s_look_at_peer (conn, now_us);
        if (look && conn->http && conn->http->body_awaited && now_us - conn->http->began_us >= BODY_US)
            lws_set_timeout (conn->wsi, PENDING_TIMEOUT_HTTP_CONTENT, LWS_TO_KILL_ASYNC);
    }
    self->room_us = waits ? now_us + ROOM_US : INT64_MAX;
    return self->look_us < self->room_us ? self->look_us : self->room_us;
}

void ag_server_dismiss (ag_server_t *self)
{
    for (ag_conn_t *conn = self->connections; conn; conn = conn->next)
        if (conn->client)
            ag_conn_close (conn, AG_CLOSE_GOING, "the gateway is going away");
}

size_t ag_server_connections (const ag_server_t *self)
{
    return self->stats.websockets + self->stats.streams;
}

/* ---------------------------------------------------------------------- */
/*  Callbacks of libwebsockets */

static ag_server_t *s_server (struct lws *wsi)
{
    return lws_context_user (lws_get_context (wsi));
}

static int s_opened (ag_server_t *server, struct lws *wsi, ag_conn_t **conn_p)
{
    ag_conn_destroy (conn_p);
    *conn_p = ag_conn_new (server, wsi, AG_CONN_WEBSOCKET);
    (*conn_p)->access = ag_conn_access (server, wsi);
    return ag_ws_opened (*conn_p);
}

/*  protocols[0] and the named subprotocol. `user` holds our connection. */
static int s_callback (struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    ag_conn_t **conn_p = user;
    switch (reason) {
        case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
            return ag_ws_check_upgrade (s_server (wsi), wsi, in);
        case LWS_CALLBACK_HTTP:
            ag_conn_destroy (conn_p);
            return ag_http_request (s_server (wsi), wsi, conn_p);
        case LWS_CALLBACK_HTTP_BODY_COMPLETION:
            return *conn_p ? ag_http_body_done (*conn_p) : -1;
        case LWS_CALLBACK_ESTABLISHED:
            return s_opened (s_server (wsi), wsi, conn_p);
        case LWS_CALLBACK_RECEIVE:
            return *conn_p ? ag_ws_received (*conn_p, in, len) : -1;
        case LWS_CALLBACK_RECEIVE_PONG:
            if (*conn_p)
                (*conn_p)->heard_us = ag_clock_mono_us ();
            return 0;
        case LWS_CALLBACK_SERVER_WRITEABLE:
        case LWS_CALLBACK_HTTP_WRITEABLE:
            return s_writable (*conn_p);
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
            if (*conn_p)
                (*conn_p)->done = true;         /* nothing may follow lws's answer */
            return 0;
        case LWS_CALLBACK_CLOSED:
        case LWS_CALLBACK_CLOSED_HTTP:
        case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        case LWS_CALLBACK_RAW_CLOSE:
            if (conn_p)
                ag_conn_destroy (conn_p);
            return 0;
        case LWS_CALLBACK_RAW_RX:
            return ag_http_refuse_method (s_server (wsi), wsi);
        case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
            return !s_may_connect (s_server (wsi), (int) (intptr_t) in);
        case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
            s_connected (s_server (wsi), wsi);
            return 0;
        case LWS_CALLBACK_WSI_DESTROY:
            s_disconnected (s_server (wsi), wsi);
            return 0;
        default:
            return 0;
    }
}

/*  Descriptors of ZeroMQ and of signals: being called is all that is wanted. */
static int s_watched (struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void) wsi;
    (void) reason;
    (void) user;
    (void) in;
    (void) len;
    return 0;
}

/*  A client may name any of these as its subprotocol; with a space in it a name cannot be said. */
#define PLAIN_NAME      "no name"
#define WATCHED_NAME    "watched descriptor"

static const struct lws_protocols s_protocols[] = {
    { .name = PLAIN_NAME, .callback = s_callback, .per_session_data_size = sizeof (ag_conn_t *),
        .rx_buffer_size = RX_BYTES, .tx_packet_size = AG_WRITER_BUFFER_BYTES },
    { .name = "agentgate.v1.json", .callback = s_callback, .per_session_data_size = sizeof (ag_conn_t *),
        .rx_buffer_size = RX_BYTES, .tx_packet_size = AG_WRITER_BUFFER_BYTES },
    { .name = WATCHED_NAME, .callback = s_watched },
    { .name = NULL }
};

/* ---------------------------------------------------------------------- */
/*  Open and close */

/*  lws's log knows no context. Once we serve, a hostile peer can make it complain
    with each request: then one line of a burst is told. */
static bool s_serving;

static void s_log (int level, const char *line)
{
    static int64_t last_us = INT64_MIN / 2;
    bool told = s_begins_burst (&last_us) || !s_serving;
    ag_log_level_t loud = level == LLL_ERR && !s_serving ? AG_LOG_ERROR : AG_LOG_WARNING;
    ag_log (told ? loud : AG_LOG_DEBUG, "LWS", "%.*s", (int) strcspn (line, "\n"), line);
}

static int s_listen (ag_server_t *self, int port, char **error_r)
{
    /*  For its own pings lws walks along all connections with each message that comes; ours cost nothing. */
    static const lws_retry_bo_t no_pings = { .secs_since_valid_ping = 0 };
    const ag_gateway_options_t *options = &self->gateway->options;
    bool any = !*self->host || strcmp (self->host, "0.0.0.0") == 0 || strcmp (self->host, "::") == 0
        || strcmp (self->host, "*") == 0;
    bool v6 = strchr (self->host, ':') != NULL;
    struct lws_context_creation_info info = {
        .port = port, .protocols = s_protocols, .vhost_name = "agentgate",
        .iface = any ? NULL : strcmp (self->host, "localhost") == 0 ? "127.0.0.1" : self->host,
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND
            | LWS_SERVER_OPTION_FALLBACK_TO_APPLY_LISTEN_ACCEPT_CONFIG | (v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
        .alpn = "http/1.1", .keepalive_timeout = 30, .timeout_secs_ah_idle = 10, .retry_and_idle_policy = &no_pings,
        .ssl_cert_filepath = options->tls_cert, .ssl_private_key_filepath = options->tls_key
    };
    if (options->tls_cert)
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    self->vhost = lws_create_vhost (self->context, &info);
    if (!self->vhost) {
        *error_r = ag_asprintf ("cannot listen on %s: %s", options->listen,
            options->tls_cert ? "the address is in use or not ours, or the certificate cannot be read"
                : "the address is in use, or not one of this machine");
        return -1;
    }
    self->url = ag_asprintf ("%s://%s%s%s:%d", options->tls_cert ? "https" : "http", v6 ? "[" : "",
        any && !v6 ? "0.0.0.0" : self->host, v6 ? "]" : "", lws_get_vhost_listen_port (self->vhost));
    return 0;
}

static int s_open (ag_server_t *self, char **error_r)
{
    const ag_gateway_options_t *options = &self->gateway->options;
    int port = 0;
    if (ag_listen_split (options->listen, &self->host, &port, error_r) != 0)
        return -1;
    self->loopback = ag_host_is_loopback ((ag_str_t) { self->host, strlen (self->host) });
    lws_set_log_level (LLL_ERR | LLL_WARN, s_log);
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | (options->tls_cert ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
        .server_string = "agentgate", .user = self, .pt_serv_buf_size = 8192, .timeout_secs = 10,
        .max_http_header_data = HEADER_BYTES
    };
    self->context = lws_create_context (&info);
    if (!self->context) {
        *error_r = ag_strdup ("libwebsockets cannot start");
        return -1;
    }
    return s_listen (self, port, error_r);
}

ag_server_t *ag_server_open (ag_gateway_t *gateway, char **error_r)
{
    ag_server_t *self = ag_calloc (1, sizeof *self);
    self->gateway = gateway;
    self->addresses = zhashx_new ();
    self->room_us = INT64_MAX;
    self->crowded_us = INT64_MIN / 2;
    s_serving = false;
    ag_buf_reserve (&self->out, LWS_PRE + AG_WRITER_BUFFER_BYTES);
    if (s_open (self, error_r) != 0)
        ag_server_close (&self);
    s_serving = self != NULL;
    return self;
}

void ag_server_close (ag_server_t **self_p)
{
    ag_server_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (self->context)
        lws_context_destroy (self->context);
    zhashx_destroy (&self->addresses);
    ag_buf_free (&self->out);
    free (self->host);
    free (self->url);
    free (self);
}

const char *ag_server_url (const ag_server_t *self)
{
    return self->url;
}

const ag_server_stats_t *ag_server_stats (const ag_server_t *self)
{
    return &self->stats;
}

int64_t ag_server_age_us (size_t step)
{
    static const int64_t ends_us[AG_AGES - 1] = { 500, 1000, 2500, 5000, 10000, 25000, 100000, 250000, 1000000, 5000000,
        30000000 };
    return step < AG_AGES - 1 ? ends_us[step] : INT64_MAX;
}

void ag_conn_note_age (ag_conn_t *self, const ag_frame_t *frame)
{
    const ag_event_t *newest = frame->count ? frame->events[frame->count - 1] : NULL;
    if (!newest)
        return;
    int64_t age_us = ag_clock_wall_us () - ag_event_ts_us (newest);
    size_t step = 0;
    while (age_us > ag_server_age_us (step))
        step++;
    self->server->stats.ages[step]++;
    self->server->stats.ages_sum_us += age_us > 0 ? age_us : 0;
}

/* ---------------------------------------------------------------------- */
/*  The loop's wait */

int ag_server_watch (ag_server_t *self, int fd)
{
    /*  A duplicate, because lws closes what it has adopted. */
    lws_sock_file_fd_type watched = { .filefd = dup (fd) };
    return lws_adopt_descriptor_vhost (self->vhost, LWS_ADOPT_RAW_FILE_DESC, watched, WATCHED_NAME, NULL) ? 0 : -1;
}

/*  lws takes alarms that are due off its list before it polls, and polls until
    the next on the list: one that comes due on the way from ag_server_wait to
    there would be gone, and with it the end of the wait. */
static void s_alarm (lws_sorted_usec_list_t *alarm)
{
    ag_server_t *self = lws_container_of (alarm, ag_server_t, alarm);
    lws_cancel_service (self->context);
}

bool ag_server_wants_look (const ag_server_t *self)
{
    return self->look_soon;
}

void ag_server_wait (ag_server_t *self, int64_t now_us, int64_t until_us)
{
    bool due = until_us <= now_us;
    self->look_soon = false;
    if (due || until_us == INT64_MAX)
        lws_sul_cancel (&self->alarm);
    else
        lws_sul_schedule (self->context, 0, &self->alarm, s_alarm, until_us - now_us);
    lws_service (self->context, due ? -1 : 0);      /* -1: a look, no wait */
}

void ag_server_wake (ag_server_t *self)
{
    lws_cancel_service (self->context);
}
