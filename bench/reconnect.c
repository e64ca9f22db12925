/*  reconnect.c - many viewers come back at once, each owed the same, while others watch live

    reconnect PORT BUS STREAM LAST VIEWERS

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Driven by bench/reconnect.py. One thread publishes an event of a stream of
    its own each 25 ms and reads it as a viewer. Another: VIEWERS connect, subscribe
    to STREAM from its start, and read until replay_complete. Each must have got
    1 .. LAST in order, once. Prints one line of JSON: seconds, and how late
    the live events were before and meanwhile.
*/
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/wire.h"

enum { READ_BYTES = 256 * 1024, LIVE_US = 25000, CALM_US = 3000000, LONGEST_US = 180000000, SAMPLES_MAX = 100000, CARRY = 48 };

typedef struct {
    int fd;
    bool open;                      /* the handshake's answer has been read */
    bool live;                      /* the one that watches */
    bool done;                      /* replay_complete has come */
    unsigned char head[14];         /* of a frame, not yet whole */
    size_t head_len;
    uint64_t left;                  /* bytes of the frame's payload that are to come */
    char carry[CARRY + 1];          /* end of what was scanned: a word may be cut anywhere */
    size_t carry_len;
    uint64_t seq;                   /* last that came */
} viewer_t;

static const char *s_stream;
static uint64_t s_last;
static int s_port, s_epoll, s_done;
static uint64_t s_events, s_wrong;
static int64_t s_late_us[2][SAMPLES_MAX];       /* before, meanwhile */
static size_t s_late_count[2];
static int s_phase;                             /* atomic, as the next */
static bool s_over;

static void s_die (const char *what)
{
    fprintf (stderr, "reconnect: %s: %s\n", what, strerror (errno));
    exit (1);
}

/* ---------------------------------------------------------------------- */
/*  Reading */

static void s_note_live (const char *at)
{
    int64_t sent_us = strtoll (at, NULL, 10);
    int phase = __atomic_load_n (&s_phase, __ATOMIC_RELAXED);
    if (s_late_count[phase] < SAMPLES_MAX)
        s_late_us[phase][s_late_count[phase]++] = ag_clock_mono_us () - sent_us;
}

static void s_note_seq (viewer_t *self, uint64_t seq)
{
    s_events++;
    s_wrong += seq != self->seq + 1;
    self->seq = seq;
}

/*  Looks at a piece of payload, with the end of the piece before in front. Words that
    begin in its last bytes are left for the next. */
static void s_scan (viewer_t *self, const char *text, size_t len)
{
    static _Thread_local char joined[CARRY + READ_BYTES + 1];
    memcpy (joined, self->carry, self->carry_len);
    memcpy (joined + self->carry_len, text, len);
    size_t all = self->carry_len + len, end = all > CARRY ? all - CARRY : 0;
    joined[all] = 0;
    size_t i = 0;
    for (; i < end; i++) {
        const char *at = memchr (joined + i, self->live ? '@' : '"', end - i);
        if (!at)
            break;
        i = (size_t) (at - joined);
        if (self->live && at[1] == '@') {
            s_note_live (at + 2);
            i += 20;
        } else if (!self->live && memcmp (at, "\"seq\":", 6) == 0)
            s_note_seq (self, strtoull (at + 6, NULL, 10));
        else if (!self->live && memcmp (at, "\"type\":\"gap\"", 12) == 0)
            s_wrong++;
        else if (!self->live && memcmp (at, "\"replay_complete\"", 17) == 0 && !self->done) {
            self->done = true;
            s_done++;
        }
    }
    size_t from = end > i ? end : i < all ? i : all;
    self->carry_len = all - from;
    memcpy (self->carry, joined + from, self->carry_len);
}

/*  Bytes of a frame's head, from its first two; 0: not known yet. */
static size_t s_head_size (const viewer_t *self)
{
    if (self->head_len < 2)
        return 2;
    unsigned size = self->head[1] & 127;
    return size == 126 ? 4 : size == 127 ? 10 : 2;
}

static uint64_t s_payload (const viewer_t *self)
{
    uint64_t size = self->head[1] & 127;
    size_t bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (bytes)
        size = 0;
    for (size_t i = 0; i < bytes; i++)
        size = size << 8 | self->head[2 + i];
    return size;
}

static void s_take (viewer_t *self, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t piece = self->left < len ? (size_t) self->left : len;
        if (piece) {
            s_scan (self, bytes, piece);
            self->left -= piece;
        } else {
            self->head[self->head_len++] = (unsigned char) *bytes;
            piece = 1;
            if (self->head_len >= 2 && self->head_len == s_head_size (self)) {
                self->left = s_payload (self);
                self->head_len = 0;
            }
        }
        bytes += piece;
        len -= piece;
    }
    /*  What is complete at the end of a burst need not wait for more. */
    if (self->left == 0 && self->head_len == 0 && self->carry_len) {
        static const char blank[CARRY] = { 0 };
        s_scan (self, blank, CARRY);
        self->carry_len = 0;
    }
}

static void s_read (viewer_t *self)
{
    static _Thread_local char bytes[READ_BYTES];
    ssize_t got = recv (self->fd, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        s_die ("a viewer was closed");
    size_t from = 0;
    if (!self->open) {
        const char *end = memmem (bytes, (size_t) got, "\r\n\r\n", 4);
        if (!end || memcmp (bytes, "HTTP/1.1 101", 12) != 0)
            s_die ("no WebSocket here");
        self->open = true;
        from = (size_t) (end + 4 - bytes);
    }
    s_take (self, bytes + from, (size_t) got - from);
}

/* ---------------------------------------------------------------------- */
/*  Connecting */

static void s_connect (viewer_t *self, const char *subscribe)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) s_port),
        .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->fd < 0 || connect (self->fd, (struct sockaddr *) &to, sizeof to))
        s_die ("connect");
    setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof (int));
    size_t len = strlen (subscribe);
    char *text = ag_asprintf ("GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", s_port);
    ag_buf_t out = { 0 };
    ag_buf_append_cstr (&out, text);
    char head[8] = { (char) 0x81, (char) (0x80 | 126), (char) (len >> 8), (char) len, 0, 0, 0, 0 };     /* a mask of zeros */
    ag_buf_append (&out, head, sizeof head);
    ag_buf_append_cstr (&out, subscribe);
    if (send (self->fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t) out.len)
        s_die ("send");
    free (text);
    ag_buf_free (&out);
    fcntl (self->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = self };
    if (!self->live)
        epoll_ctl (s_epoll, EPOLL_CTL_ADD, self->fd, &event);
}

/* ---------------------------------------------------------------------- */
/*  The live stream */

static void s_publish (void *socket, uint64_t seq)
{
    char text[64], *error = NULL;
    unsigned char header[AG_HEADER_SIZE];
    snprintf (text, sizeof text, "@@%020lld", (long long) ag_clock_mono_us ());
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_KIND, "text");
    ag_draft_set_text (draft, AG_F_CONTENT, text);
    ag_ids_t ids = { AG_STR ("live"), AG_STR ("live"), false };
    ag_event_t *event = ag_event_new (draft, &ids, &(ag_position_t) { 7, seq, 1 }, &error);
    ag_draft_destroy (&draft);
    ag_buf_t topic = { 0 };
    ag_topic_append (&topic, event);
    ag_header_pack (header, 7, seq);
    ag_str_t body = ag_event_encoded (event);
    zmq_send (socket, topic.data, topic.len, ZMQ_SNDMORE);
    zmq_send (socket, header, sizeof header, ZMQ_SNDMORE);
    zmq_send (socket, body.ptr, body.len, 0);
    ag_buf_free (&topic);
    ag_event_unref (&event);
}

typedef struct {
    viewer_t *viewer;
    void *socket;
} live_t;

/*  A thread of its own: what the others have to read must not keep this viewer from looking. */
static void *s_live (void *context)
{
    live_t *self = context;
    int64_t next_us = 0;
    uint64_t seq = 0;
    while (!__atomic_load_n (&s_over, __ATOMIC_RELAXED)) {
        int64_t now_us = ag_clock_mono_us ();
        if (now_us >= next_us) {
            s_publish (self->socket, ++seq);
            next_us = now_us + LIVE_US;
        }
        struct pollfd fd = { .fd = self->viewer->fd, .events = POLLIN };
        if (poll (&fd, 1, 1) > 0)
            s_read (self->viewer);
    }
    return NULL;
}

/*  Reads until then, or until all are done. */
static void s_run (int64_t until_us, int wanted)
{
    while (ag_clock_mono_us () < until_us && s_done < wanted) {
        struct epoll_event events[64];
        int count = epoll_wait (s_epoll, events, 64, 1);
        for (int i = 0; i < count; i++)
            s_read (events[i].data.ptr);
    }
}

/* ---------------------------------------------------------------------- */

static int s_compare (const void *a, const void *b)
{
    int64_t left = *(const int64_t *) a, right = *(const int64_t *) b;
    return left < right ? -1 : left > right;
}

static double s_at_ms (int phase, double share)
{
    size_t count = s_late_count[phase];
    if (!count)
        return -1;
    qsort (s_late_us[phase], count, sizeof (int64_t), s_compare);
    return (double) s_late_us[phase][(size_t) ((double) (count - 1) * share)] / 1000;
}

static void s_print (int viewers, int64_t took_us)
{
    printf ("{\"viewers\":%d,\"complete\":%d,\"events\":%llu,\"wrong\":%llu,\"seconds\":%.3f,", viewers, s_done,
        (unsigned long long) s_events, (unsigned long long) s_wrong, (double) took_us / 1e6);
    for (int phase = 0; phase < 2; phase++)
        printf ("\"%s\":{\"samples\":%zu,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}%s", phase ? "meanwhile" : "before",
            s_late_count[phase], s_at_ms (phase, 0.5), s_at_ms (phase, 0.99), s_at_ms (phase, 1), phase ? "}\n" : ",");
}

int main (int argc, char **argv)
{
    if (argc != 6) {
        fprintf (stderr, "Usage: reconnect PORT BUS STREAM LAST VIEWERS\n");
        return 2;
    }
    s_port = atoi (argv[1]);
    s_stream = argv[3];
    s_last = strtoull (argv[4], NULL, 10);
    int viewers = atoi (argv[5]);
    struct rlimit files = { (rlim_t) viewers + 100, (rlim_t) viewers + 100 };
    setrlimit (RLIMIT_NOFILE, &files);
    s_epoll = epoll_create1 (EPOLL_CLOEXEC);
    void *context = zmq_ctx_new (), *socket = zmq_socket (context, ZMQ_XPUB);
    char subscription[8];
    if (zmq_connect (socket, argv[2]) || zmq_recv (socket, subscription, sizeof subscription, 0) < 1)
        s_die ("bus");
    viewer_t *all = ag_calloc ((size_t) viewers + 1, sizeof *all);
    all[viewers].live = true;
    s_connect (&all[viewers], "{\"type\":\"subscribe\",\"runId\":\"live\",\"batch\":true,\"batchMs\":33,\"note\":\"................................................................................\"}");
    pthread_t thread;
    live_t live = { &all[viewers], socket };
    if (pthread_create (&thread, NULL, s_live, &live))
        s_die ("thread");
    usleep (CALM_US);
    __atomic_store_n (&s_phase, 1, __ATOMIC_RELAXED);
    char *subscribe = ag_asprintf ("{\"type\":\"subscribe\",\"runId\":\"%s\",\"batch\":true,\"includePartial\":true,\"after\":{\"%s\":0},"
        "\"note\":\"................................................................................\"}", s_stream, s_stream);
    int64_t began_us = ag_clock_mono_us ();
    for (int i = 0; i < viewers; i++)
        s_connect (&all[i], subscribe);
    s_run (began_us + LONGEST_US, viewers);
    int64_t took_us = ag_clock_mono_us () - began_us;
    __atomic_store_n (&s_over, true, __ATOMIC_RELAXED);
    pthread_join (thread, NULL);
    for (int i = 0; i < viewers; i++)
        s_wrong += all[i].seq != s_last;
    s_print (viewers, took_us);
    return s_wrong || s_done < viewers;
}
