/*  gateway/net/reply.c - the answer to an HTTP request, before anything is sent

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/reply.h"

#include <string.h>

void ag_reply_problem (ag_reply_t *self, unsigned status, const char *title, const char *detail)
{
    ag_reply_clear (self);
    self->status = status;
    self->type = "application/problem+json";
    self->cache = "no-store";
    ag_buf_append_cstr (&self->body, "{\"type\":\"about:blank\",\"title\":");
    ag_buf_append_json_string (&self->body, (ag_str_t) { title, strlen (title) });
    ag_buf_printf (&self->body, ",\"status\":%u,\"detail\":", status);
    ag_buf_append_json_string (&self->body, (ag_str_t) { detail, strlen (detail) });
    ag_buf_append_cstr (&self->body, "}\n");
}

void ag_reply_unreadable (ag_reply_t *self)
{
    ag_reply_problem (self, 500, "Internal Server Error", "the history cannot be read");
}

void ag_reply_later (ag_reply_t *self)
{
    ag_reply_problem (self, 503, "Service Unavailable", "these events are not in the history yet");
    self->retry_after = "1";
}

void ag_reply_json (ag_reply_t *self)
{
    ag_reply_clear (self);
    self->status = 200;
    self->type = "application/json";
    self->cache = "no-store";
}

void ag_reply_in_parts (ag_reply_t *self, const char *type, ag_reply_more_fn *more, void *context,
    void (*destroy) (void *context))
{
    ag_reply_clear (self);
    self->status = 200;
    self->type = type;
    self->cache = "no-store";
    self->more = more;
    self->context = context;
    self->destroy = destroy;
}

void ag_reply_begin (ag_reply_t *self)
{
    if (!self->more)
        return;
    int rc = self->more (self->context, &self->body);
    if (rc == AG_REPLY_LATER)
        ag_reply_later (self);
    else if (rc < 0)
        ag_reply_unreadable (self);
    else if (rc == 0)
        self->more = NULL;
}

void ag_reply_clear (ag_reply_t *self)
{
    if (self->destroy)
        self->destroy (self->context);
    ag_buf_free (&self->body);
    memset (self, 0, sizeof *self);
}
