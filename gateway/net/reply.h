/*  gateway/net/reply.h - the answer to an HTTP request, before anything is sent

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_NET_REPLY_H
#define AG_NET_REPLY_H

#include "core/buf.h"

/*  Appends the next part of a long body: 1 more follows, 0 that was the end, -1 failed,
    AG_REPLY_LATER: what comes next cannot be read yet. */
enum { AG_REPLY_LATER = -2 };
typedef int (ag_reply_more_fn) (void *context, ag_buf_t *out);

typedef struct {
    unsigned status;            /* 200 ... */
    const char *type;           /* Content-Type; lent, static */
    const char *encoding;       /* Content-Encoding, or NULL */
    const char *cache;          /* Cache-Control, or NULL */
    const char *allow;          /* Allow, of 405 */
    const char *retry_after;    /* Retry-After, or NULL */
    char etag[48];              /* with its quotes, or empty */
    ag_buf_t body;              /* owned; or */
    ag_str_t fixed;             /* a body that lives as long as the program; or */
    ag_reply_more_fn *more;     /* a body in parts */
    void *context;              /* for more; owned */
    void (*destroy) (void *context);
} ag_reply_t;

/*  A problem of RFC 9457; title and detail are text. */
void ag_reply_problem (ag_reply_t *self, unsigned status, const char *title, const char *detail);
/*  The one of a history that cannot be read now. */
void ag_reply_unreadable (ag_reply_t *self);
/*  The one of events that wait to be stored: to be asked for again in a second. */
void ag_reply_later (ag_reply_t *self);
/*  Starts a JSON body, to be appended to. */
void ag_reply_json (ag_reply_t *self);
/*  A body that is made in parts while it is sent; takes the context. */
void ag_reply_in_parts (ag_reply_t *self, const char *type, ag_reply_more_fn *more, void *context,
    void (*destroy) (void *context));
/*  Makes the first part; if that is all, the body is whole now. A failure becomes a problem. */
void ag_reply_begin (ag_reply_t *self);
void ag_reply_clear (ag_reply_t *self);

#endif
