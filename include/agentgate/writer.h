/*  agentgate/writer.h - publishes a stream of events, and knows what has arrived

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A writer has one stream: a run, or a work order's own. Each event is
    numbered and put into a journal (a file), then published; the gateways
    acknowledge what they have committed. What was not acknowledged is still in
    the journal, and is delivered by the next writer of it. Example:
    docs/examples/publish.c.

        ag_writer_options_t options = { .journal = "my.db", .ids = { AG_STR ("W-1"), AG_STR ("run-1") } };
        ag_writer_t *writer = ag_writer_open (&options, &error);
        ag_writer_put (writer, draft, &error);
        ag_writer_close (&writer, 5000);

    A writer belongs to one thread, and to one process: not across fork().
*/
#ifndef AGENTGATE_WRITER_H
#define AGENTGATE_WRITER_H

#include <agentgate/event.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ag_writer ag_writer_t;

typedef struct {
    const char *journal;            /* file, made when missing (0600) */
    ag_ids_t ids;                   /* whose stream it is */
    const char *const *bus;         /* gateways' data endpoints (ipc://PATH, tcp://HOST:PORT); a leading "@" binds.
                                       NULL: the gateway of this machine, where agentgate-gateway looks too */
    size_t bus_count;
    const char *const *control;     /* and their control endpoints; NULL: that gateway's */
    size_t control_count;
    const char *curve_dir;          /* keys, for tcp to other machines; or NULL */
    bool insecure;                  /* tcp to other machines without keys is allowed */
} ag_writer_options_t;

/*  Opens the journal, and begins to connect. A journal that has this stream
    already is continued; then a gateway is given half a second to tell what it
    holds. NULL with a malloc'ed *error_r, and errno: EBUSY another live process
    writes this journal; EEXIST the run in it has ended; else as open(2). */
ag_writer_t *ag_writer_open (const ag_writer_options_t *options, char **error_r);

/*  Numbers, journals and publishes. Returns the event's seq; 0 with a malloc'ed
    *error_r: the draft is not complete, or the journal cannot be written (then
    it is not published either). Never waits for a gateway. */
uint64_t ag_writer_put (ag_writer_t *self, const ag_draft_t *draft, char **error_r);

/*  Answers the gateways for up to timeout_ms (0: what is to be done now). To be
    called at least once a second; -1 when interrupted by a signal, else 0. */
int ag_writer_turn (ag_writer_t *self, int timeout_ms);
/*  Turns until all that was put is acknowledged, or the time is over. True: it is. */
bool ag_writer_flush (ag_writer_t *self, int timeout_ms);

/*  A gateway has answered; it has committed all up to a seq; it wants the run
    cancelled; it has refused this stream (the reason, lent, or NULL). */
bool ag_writer_answered (const ag_writer_t *self);
uint64_t ag_writer_acked (const ag_writer_t *self);
bool ag_writer_cancelled (const ag_writer_t *self);
const char *ag_writer_refused (const ag_writer_t *self);
uint64_t ag_writer_seq (const ag_writer_t *self);       /* of the last event; 0: none */
uint64_t ag_writer_epoch (const ag_writer_t *self);

/*  Tells the gateways that nothing follows (for now), flushes for up to
    linger_ms, closes, nulls. True: nothing is owed. */
bool ag_writer_close (ag_writer_t **self_p, int linger_ms);

#ifdef __cplusplus
}
#endif
#endif
