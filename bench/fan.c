/*  bench/fan.c - many viewers and a publisher: what reaches them, and when

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    fan PORT SUBSCRIBE CLIENTS RUNS RATE SECONDS SIZE[+] [BUS]

    Opens CLIENTS WebSockets to 127.0.0.1:PORT/ws, client i for run i % RUNS (%d in SUBSCRIBE), and publishes RATE events a
    second in turn to RUNS runs, each with SIZE characters of text ("+": one in twenty, the others have a tenth or a
    hundredth of it): as an executor does, to the gateway's BUS, or without BUS as lines of JSON on stdout, for another
    server. Open loop: each event carries the time at which it was due, so that a server that pushes back cannot hide its
    delay. The result is one line of JSON, on stderr. The viewers sleep 100 us between looks at their sockets, which
    is in the latencies: woken for each write, they would need more CPU than any server. They do not answer
    pings, so the gateway closes them after 50 s.
*/
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/wire.h"

enum {
    READ_BYTES = 512 * 1024,
    STEPS = 64 * 32,            /* of the histogram: 32 to an octave of microseconds */
    NAP_US = 100,
    OPENING_MAX = 64,           /* handshakes under way at once */
    DRAIN_S = 5                 /* what is on its way at the end has so long */
};

static struct {
    int port, clients, runs;
    double rate, seconds;
    size_t size;
    bool mixed;
    const char *subscribe, *bus;
} s_way;

static uint64_t s_histogram[STEPS];
static uint64_t s_deliveries, s_bytes;
static int64_t s_max_us;
static int s_open, s_lost;
static atomic_bool s_published;     /* all is out */
static uint64_t s_events;           /* that were; read when s_published */

static void s_die (const char *what)
{
    fprintf (stderr, "fan: %s: %s\n", what, strerror (errno));
    exit (1);
}

/* ---------------------------------------------------------------------- */
/*  Latencies */

static void s_note (int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t) us : 0;
    if (us > s_max_us)
        s_max_us = us;
    unsigned bits = value ? 64 - (unsigned) __builtin_clzll (value) : 0, shift = bits > 6 ? bits - 6 : 0;
    size_t step = shift * 32 + (size_t) (value >> shift);
    s_histogram[step < STEPS ? step : STEPS - 1]++;
    s_deliveries++;
}

static int64_t s_quantile (double share)
{
    uint64_t wanted = (uint64_t) (share * (double) s_deliveries), seen = 0;
    for (size_t step = 0; step < STEPS; step++) {
        seen += s_histogram[step];
        if (seen > wanted) {
            size_t shift = step < 64 ? 0 : step / 32 - 1;
            return (int64_t) ((step - shift * 32) << shift);
        }
    }
    return s_max_us;
}

/* ---------------------------------------------------------------------- */
/*  Viewers. Frames are not taken apart: a mark says all, and none is lost between
    two reads. */

typedef struct {
    int fd, run;
    bool open;
    char rest[64];              /* of the last read: a mark may be cut */
    size_t rest_len;
} viewer_t;

static void s_look_for_marks (viewer_t *viewer, const char *data, size_t len, int64_t now_us)
{
    const char *at = data, *end = data + len, *kept = data;
    while ((at = memchr (at, '@', (size_t) (end - at)))) {
        const char *digit = at + 2;
        int64_t stamp_us = 0;
        kept = at;
        while (digit < end && *digit >= '0' && *digit <= '9')
            stamp_us = stamp_us * 10 + (*digit++ - '0');
        if (end - at < 2 || digit + 2 > end)
            break;              /* cut, perhaps */
        if (at[1] == '@' && digit > at + 2 && digit[0] == '@' && digit[1] == '@') {
            s_note (now_us - stamp_us);
            at = digit + 2;
        } else
            at++;
        kept = at;
    }
    viewer->rest_len = at ? (size_t) (end - kept) : 0;
    if (viewer->rest_len > sizeof viewer->rest)
        viewer->rest_len = 0;
    memmove (viewer->rest, end - viewer->rest_len, viewer->rest_len);
}

static void s_send_text (int fd, const char *text)
{
    unsigned char frame[512] = { 0x81 };
    size_t len = strlen (text), at = 2;
    if (len < 126)
        frame[1] = (unsigned char) (0x80 | len);
    else {
        frame[1] = 0x80 | 126;
        frame[2] = (unsigned char) (len >> 8);
        frame[3] = (unsigned char) len;
        at = 4;
    }
    memcpy (frame + at + 4, text, len);         /* a mask of zeros */
    if (send (fd, frame, at + 4 + len, MSG_NOSIGNAL) < 0)
        s_die ("send");
}

static void s_subscribe (viewer_t *viewer)
{
    char text[400], *mark = strstr (s_way.subscribe, "%d");
    snprintf (text, sizeof text, "%.*s%d%s", mark ? (int) (mark - s_way.subscribe) : 0, s_way.subscribe, viewer->run,
        mark ? mark + 2 : "");
    s_send_text (viewer->fd, mark ? text : s_way.subscribe);
    viewer->open = true;
    s_open++;
}

static void s_read (viewer_t *viewer)
{
    static char buffer[READ_BYTES];
    memcpy (buffer, viewer->rest, viewer->rest_len);
    ssize_t got = recv (viewer->fd, buffer + viewer->rest_len, sizeof buffer - viewer->rest_len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        close (viewer->fd);
        viewer->fd = -1;
        s_lost++;
        return;
    }
    s_bytes += (uint64_t) got;
    size_t len = viewer->rest_len + (size_t) got;
    if (!viewer->open) {
        if (!memmem (buffer, len, "HTTP/1.1 101", 12))
            s_die ("no WebSocket here");
        s_subscribe (viewer);
    }
    s_look_for_marks (viewer, buffer, len, ag_clock_mono_us ());
}

static void s_dial (viewer_t *viewer, int epoll)
{
    char request[300];
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) s_way.port),
        .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    viewer->fd = socket (AF_INET, SOCK_STREAM, 0);
    if (viewer->fd < 0 || connect (viewer->fd, (struct sockaddr *) &address, sizeof address) != 0)
        s_die ("connect");
    int len = snprintf (request, sizeof request, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", s_way.port);
    if (send (viewer->fd, request, (size_t) len, MSG_NOSIGNAL) != len)
        s_die ("send");
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = viewer };
    epoll_ctl (epoll, EPOLL_CTL_ADD, viewer->fd, &event);
}

static void s_look (int epoll)
{
    struct epoll_event events[512];
    int count = epoll_wait (epoll, events, 512, 20);
    for (int i = 0; i < count; i++)
        s_read (events[i].data.ptr);
    if (count < 64)
        usleep (NAP_US);
}

/* ---------------------------------------------------------------------- */
/*  Publisher, in a thread of its own */

typedef struct {
    void *socket;
    uint64_t epoch, *seqs;
    char *content;              /* mark, then filling */
} publisher_t;

static void s_fill (publisher_t *self, uint64_t number, int64_t due_us)
{
    uint64_t turn = number + number / (uint64_t) s_way.runs;        /* each run has all sizes */
    size_t size = !s_way.mixed || turn % 20 == 0 ? s_way.size : turn % 4 == 0 ? s_way.size / 10 : s_way.size / 100;
    int len = snprintf (self->content, s_way.size + 32, "@@%" PRId64 "@@ ", due_us);
    memset (self->content + len, 'x', size);
    self->content[size > (size_t) len ? size : (size_t) len] = '\0';
}

static void s_put_line (publisher_t *self, int run)
{
    printf ("{\"type\":\"agent_output\",\"workOrderId\":\"w-%d\",\"runId\":\"r-%d\",\"seq\":%" PRIu64 ",\"timestamp\":"
        "\"2026-11-22T08:00:00.000Z\",\"content\":\"%s\",\"kind\":\"text\"}\n", run, run, ++self->seqs[run], self->content);
}

static void s_put_event (publisher_t *self, int run)
{
    char work_order[24], run_id[24], *error = NULL;
    snprintf (work_order, sizeof work_order, "w-%d", run);
    snprintf (run_id, sizeof run_id, "r-%d", run);
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_CONTENT, self->content);
    ag_draft_set_text (draft, AG_F_KIND, "text");
    ag_ids_t ids = { .work_order = { work_order, strlen (work_order) }, .run = { run_id, strlen (run_id) } };
    ag_position_t at = { self->epoch, ++self->seqs[run], ag_clock_wall_us () };
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    if (!event)
        s_die (error);
    unsigned char header[AG_HEADER_SIZE];
    ag_buf_t topic = {0};
    ag_header_pack (header, at.epoch, at.seq);
    ag_topic_append (&topic, event);
    ag_str_t body = ag_event_encoded (event);
    zmq_send (self->socket, topic.data, topic.len, ZMQ_SNDMORE);
    zmq_send (self->socket, header, sizeof header, ZMQ_SNDMORE);
    zmq_send (self->socket, body.ptr, body.len, 0);
    ag_buf_free (&topic);
    ag_event_unref (&event);
    ag_draft_destroy (&draft);
}

static void s_connect (publisher_t *self)
{
    char subscription[8];
    self->socket = zmq_socket (zmq_ctx_new (), ZMQ_XPUB);
    zmq_setsockopt (self->socket, ZMQ_SNDHWM, &(int) { 0 }, sizeof (int));
    if (zmq_connect (self->socket, s_way.bus) != 0 || zmq_recv (self->socket, subscription, sizeof subscription, 0) < 0)
        s_die (s_way.bus);
    self->epoch = (uint64_t) (ag_clock_wall_us () / 1000) << 16;
}

static void *s_publish (void *argument)
{
    (void) argument;
    publisher_t self = { .seqs = ag_calloc ((size_t) s_way.runs, sizeof (uint64_t)), .content = ag_malloc (s_way.size + 64) };
    prctl (PR_SET_TIMERSLACK, 1);
    if (s_way.bus)
        s_connect (&self);
    int64_t began_us = ag_clock_mono_us ();
    uint64_t total = (uint64_t) (s_way.rate * s_way.seconds);
    for (uint64_t i = 0; i < total; i++) {
        int64_t due_us = began_us + (int64_t) ((double) i * 1e6 / s_way.rate), now_us = ag_clock_mono_us ();
        if (due_us > now_us) {
            fflush (stdout);
            usleep ((useconds_t) (due_us - now_us));
        }
        s_fill (&self, i, due_us);
        s_way.bus ? s_put_event (&self, (int) (i % (uint64_t) s_way.runs)) : s_put_line (&self, (int) (i % (uint64_t) s_way.runs));
    }
    fflush (stdout);
    s_events = total;
    s_published = true;
    return NULL;
}

/* ---------------------------------------------------------------------- */

static uint64_t s_expected (void)
{
    uint64_t per_run = s_events / (uint64_t) s_way.runs, rest = s_events % (uint64_t) s_way.runs, sum = 0;
    for (int i = 0; i < s_way.clients; i++)
        sum += per_run + ((uint64_t) (i % s_way.runs) < rest);
    return sum;
}

static void s_run (void)
{
    viewer_t *viewers = ag_calloc ((size_t) s_way.clients, sizeof *viewers);
    pthread_t thread;
    int epoll = epoll_create1 (0), started = 0;
    while (s_open < s_way.clients) {
        while (started < s_way.clients && started - s_open < OPENING_MAX) {
            viewers[started].run = started % s_way.runs;
            s_dial (&viewers[started++], epoll);
        }
        s_look (epoll);
    }
    for (int64_t until_us = ag_clock_mono_us () + 500000; ag_clock_mono_us () < until_us;)
        s_look (epoll);
    pthread_create (&thread, NULL, s_publish, NULL);
    while (!s_published)
        s_look (epoll);
    for (int64_t until_us = ag_clock_mono_us () + DRAIN_S * 1000000; ag_clock_mono_us () < until_us && s_deliveries < s_expected ();)
        s_look (epoll);
    pthread_join (thread, NULL);
    fprintf (stderr, "{\"events\":%" PRIu64 ",\"deliveries\":%" PRIu64 ",\"expected\":%" PRIu64 ",\"bytes\":%" PRIu64
        ",\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64 ",\"max_us\":%" PRId64 ",\"lost\":%d}\n", s_events, s_deliveries, s_expected (),
        s_bytes, s_quantile (.5), s_quantile (.99), s_max_us, s_lost);
}

int main (int argc, char **argv)
{
    if (argc < 8) {
        fprintf (stderr, "fan PORT SUBSCRIBE CLIENTS RUNS RATE SECONDS SIZE[+] [BUS]\n");
        return 2;
    }
    s_way.port = atoi (argv[1]);
    s_way.subscribe = argv[2];
    s_way.clients = atoi (argv[3]);
    s_way.runs = atoi (argv[4]);
    s_way.rate = atof (argv[5]);
    s_way.seconds = atof (argv[6]);
    s_way.size = (size_t) atoi (argv[7]);
    s_way.mixed = strchr (argv[7], '+') != NULL;
    s_way.bus = argc > 8 ? argv[8] : NULL;
    signal (SIGPIPE, SIG_IGN);
    prctl (PR_SET_TIMERSLACK, 1);
    s_run ();
    return 0;
}
