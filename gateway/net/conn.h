/*  gateway/net/conn.h - one connection: a request, a WebSocket, or a stream of server-sent events

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Shared by server.c (which owns it), ws.c and http.c.
*/
#ifndef AG_NET_CONN_H
#define AG_NET_CONN_H

#include <czmq.h>
#include <libwebsockets.h>

#include "net/reply.h"
#include "net/server.h"
#include "net/tokens.h"
#include "net/writer.h"

typedef enum { AG_CONN_HTTP, AG_CONN_WEBSOCKET, AG_CONN_SSE } ag_conn_kind_t;

/*  Close codes of SPEC section 8. */
enum { AG_CLOSE_SLOW = 4008, AG_CLOSE_GOING = 4012, AG_CLOSE_UNAUTHORIZED = 4501, AG_CLOSE_FORBIDDEN = 4503,
    AG_CLOSE_ABUSE = 4508 };

enum {
    AG_BAD_BUDGET = 20,                 /* bad messages in AG_BAD_WINDOW_US close the connection */
    AG_ADDRESS_SIZE = 48
};
#define AG_BAD_WINDOW_US INT64_C (10000000)

/*  An address, and how many come from there. */
typedef struct {
    char name[AG_ADDRESS_SIZE];
    size_t sockets;                     /* connections, idle and short ones too */
    size_t viewers;                     /* of these, WebSockets and event streams */
} ag_address_t;

/*  A request and its answer. */
typedef struct {
    ag_reply_t reply;
    int64_t began_us;
    bool head_only;                     /* HEAD */
    bool body_awaited;                  /* POST: answered when its body has come */
    bool close;                         /* nobody can say where the next request begins */
    bool endless;                       /* an event stream, which has no length */
    size_t sent;                        /* of the body */
    char origin[128];                   /* of the page that asks, when it is allowed and not our own */
} ag_http_t;

typedef struct ag_conn {
    struct ag_conn *next, *previous;    /* in the server's list */
    ag_server_t *server;
    ag_gateway_t *gateway;
    struct lws *wsi;
    ag_conn_kind_t kind;
    ag_address_t *address;              /* of the peer; lives as long as the socket */
    bool admitted;                      /* counted there as a viewer */
    ag_writer_t writer;
    ag_access_t access;                 /* what it may see and do */

    ag_client_t *client;                /* WebSocket and SSE: its cursor in the hub */
    ag_client_options_t ways;           /* as last told to the client */
    bool waits_for_room;                /* has something to send, and the socket is full */
    bool stalled;                       /* as told to the client */
    ag_buf_t rest;                      /* finished bytes of a message larger than the room */
    ag_buf_t received;                  /* WebSocket: a message in parts */
    bool too_long;                      /* of which the rest is skipped ... */
    size_t excess;                      /* ... and counted, in bytes */
    int64_t *bad_us;                    /* when the last bad messages came, a ring; NULL: none yet */
    unsigned bad_count;
    int64_t heard_us;                   /* last sign of the peer itself: a message, a pong */
    int64_t pinged_us;                  /* when it was last asked for one */
    bool ping;                          /* a ping goes out with the next write */
    unsigned close_code;                /* to be closed so; 0: no */
    const char *close_reason;

    ag_http_t *http;                    /* until it is answered; or NULL */
    bool chunked;                       /* HTTP and SSE: long bodies come so, not until the end of the connection */
    bool head_sent;
    bool done;                          /* nothing is written any more */
} ag_conn_t;

struct ag_server {
    ag_gateway_t *gateway;
    struct lws_context *context;
    struct lws_vhost *vhost;
    char *url;
    char *host;                         /* of --listen */
    bool loopback;
    lws_sorted_usec_list_t alarm;       /* ends a wait */
    ag_conn_t *connections;             /* all */
    size_t sockets;                     /* accepted and not closed */
    int64_t look_us, room_us;           /* when all, and when the full sockets, are looked at */
    zhashx_t *addresses;                /* name -> ag_address_t, of those that are connected */
    bool look_soon;                     /* a socket waits for a writable callback, or was just accepted */
    int64_t crowded_us;                 /* when the last of a burst was turned away */
    ag_buf_t out;                       /* LWS_PRE, then what is written next; one for all */
    ag_server_stats_t stats;
};

/*  server.c */
ag_conn_t *ag_conn_new (ag_server_t *server, struct lws *wsi, ag_conn_kind_t kind);
void ag_conn_destroy (ag_conn_t **self_p);
/*  One more viewer? Takes it if so; else the reason as text. */
const char *ag_conn_admit (ag_conn_t *self);
/*  Asks lws for a writable callback. */
void ag_conn_wake (ag_conn_t *self);
/*  Wakes it when its socket has room; poll does not say so, the limit is ours. */
void ag_conn_wait_for_room (ag_conn_t *self);
/*  Closes with a code, as soon as the socket takes it. */
void ag_conn_close (ag_conn_t *self, unsigned code, const char *reason);
/*  For the metrics: such a frame is written now. */
void ag_conn_note_age (ag_conn_t *self, const ag_frame_t *frame);
/*  Writes server->out as it is, one write. 0, or -1: the connection is dead. */
int ag_conn_write_out (ag_conn_t *self, enum lws_write_protocol protocol);

/*  ws.c: callbacks; -1 closes. */
int ag_ws_opened (ag_conn_t *self);
int ag_ws_received (ag_conn_t *self, const char *data, size_t len);
int ag_ws_writable (ag_conn_t *self);
/*  With close_code set, and a socket that does not drain. */
void ag_ws_close_stalled (ag_conn_t *self);
/*  After ag_client_set_stalled: sends what the client has to say of it. */
void ag_ws_tell_stalled (ag_conn_t *self);
/*  An upgrade request: 0 go on, 1 refused and answered, -1 close. */
int ag_ws_check_upgrade (ag_server_t *server, struct lws *wsi, char *what);

/*  http.c: callbacks; -1 closes. */
int ag_http_request (ag_server_t *server, struct lws *wsi, ag_conn_t **conn_p);
int ag_http_body_done (ag_conn_t *self);
int ag_http_writable (ag_conn_t *self);
void ag_http_destroy (ag_http_t **self_p);
/*  Bytes that begin with no method that lws knows; -1 closes. */
int ag_http_refuse_method (ag_server_t *server, struct lws *wsi);
/*  What the token of a request allows. */
ag_access_t ag_conn_access (ag_server_t *server, struct lws *wsi);
/*  Answers at once, without a connection of ours: 0, or -1. */
int ag_http_answer (ag_server_t *server, struct lws *wsi, unsigned status, const char *title, const char *detail);

/*  sse.c */
int ag_sse_begin (ag_conn_t *self, ag_str_t stream, const char *last_event_id);
void ag_sse_greet (ag_conn_t *self);
int ag_sse_writable (ag_conn_t *self);

/*  origin.c: may a page from there talk to us? Also refuses names that DNS
    could have bent to us. 0 yes; else the reason as text. */
const char *ag_origin_refused (ag_server_t *server, struct lws *wsi, char *origin_r, size_t origin_size);

#endif
