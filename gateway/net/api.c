/*  gateway/net/api.c - /api/v1: runs, their events, search, export, cancel

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "net/api.h"

#include <ctype.h>
#include <czmq.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/mem.h"
#include "net/runs.h"

enum {
    PAGE_DEFAULT = 100, PAGE_MAX = 1000,        /* events of one page */
    PAGE_BYTES = 4 * 1024 * 1024,               /* and its size, whichever first */
    EXPORT_EVENTS = 200,                        /* of one part of an export */
    SEARCH_EVENTS = 2000, SEARCH_HITS = 1000    /* looked at, and found, in one slice */
};
#define SEARCH_US INT64_C (5000)                /* and the time that a slice may take from the loop */

/*  What the path says: a stream, and what is wanted of it. */
typedef struct {
    ag_gateway_t *gateway;
    const ag_api_request_t *request;
    ag_reply_t *reply;
    ag_run_t run;                   /* the stream, found */
    uint64_t after, limit;
    uint32_t types;                 /* bits by kind */
} call_t;

static void s_bad (call_t *call, const char *detail)
{
    ag_reply_problem (call->reply, 400, "Bad Request", detail);
}

/*  A number of the query; false: answered with 400. */
static bool s_number (call_t *call, const char *text, const char *detail, uint64_t max, uint64_t *value)
{
    if (!text || !*text)
        return true;
    char *end = NULL;
    unsigned long long number = strtoull (text, &end, 10);
    if (*end || text[0] < '0' || text[0] > '9' || number > max) {
        s_bad (call, detail);
        return false;
    }
    *value = number;
    return true;
}

/*  "a,b" as bits. */
static bool s_types (call_t *call, const char *text)
{
    call->types = UINT32_MAX;
    if (!text || !*text)
        return true;
    call->types = 0;
    while (*text) {
        size_t len = strcspn (text, ",");
        ag_kind_t kind = ag_kind_by_name (text, len);
        if (kind == AG_KIND_UNKNOWN) {
            s_bad (call, "types: must be names of event types, separated by commas");
            return false;
        }
        call->types |= UINT32_C (1) << kind;
        text += len + (text[len] == ',');
    }
    return true;
}

/* ---------------------------------------------------------------------- */
/*  A page of events */

typedef struct {
    ag_buf_t *out;
    uint32_t types;
    uint64_t left;                  /* events that still fit */
    uint64_t next;                  /* seq of the last that was put in, when there are more; 0: no more */
    uint64_t last;                  /* seq of the last that was put in */
} page_t;

static bool s_put (void *context, ag_event_t *event)
{
    page_t *page = context;
    if (!(page->types & UINT32_C (1) << ag_event_kind (event)))
        return true;
    if (!page->left || page->out->len > PAGE_BYTES) {
        page->next = page->last;
        return false;
    }
    if (page->last)
        ag_buf_append_char (page->out, ',');
    ag_buf_append_str (page->out, ag_event_json (event));
    page->last = ag_event_seq (event);
    page->left--;
    return true;
}

static void s_append_next (ag_buf_t *out, uint64_t next)
{
    if (next)
        ag_buf_printf (out, ",\"next\":%llu}\n", (unsigned long long) next);
    else
        ag_buf_append_cstr (out, ",\"next\":null}\n");
}

static void s_events (call_t *call)
{
    call->limit = PAGE_DEFAULT;
    if (!s_number (call, call->request->after, "after: must be a seq", UINT64_MAX, &call->after)
        || !s_number (call, call->request->limit, "limit: must be an integer from 1 to 1000", PAGE_MAX, &call->limit)
        || !s_types (call, call->request->types))
        return;
    if (!call->limit) {
        s_bad (call, "limit: must be an integer from 1 to 1000");
        return;
    }
    ag_reply_json (call->reply);
    page_t page = { .out = &call->reply->body, .types = call->types, .left = call->limit };
    ag_buf_append_cstr (page.out, "{\"events\":[");
    int rc = ag_runs_read (call->gateway, &call->run, call->after + 1, UINT64_MAX, s_put, &page);
    ag_buf_append_char (page.out, ']');
    s_append_next (page.out, page.next);
    if (rc != 0)
        ag_reply_problem (call->reply, 500, "Internal Server Error", "the history cannot be read");
}

static bool s_put_one (void *context, ag_event_t *event)
{
    ag_buf_append_str (context, ag_event_json (event));
    return false;
}

static void s_event (call_t *call, const char *seq_text)
{
    uint64_t seq = 0;
    if (!s_number (call, seq_text, "an event is named by its seq", UINT64_MAX, &seq))
        return;
    ag_reply_json (call->reply);
    ag_runs_read (call->gateway, &call->run, seq, seq, s_put_one, &call->reply->body);
    if (!call->reply->body.len)
        ag_reply_problem (call->reply, 404, "Not Found", "this event is not held");
}

/* ---------------------------------------------------------------------- */
/*  Search */

typedef struct {
    ag_buf_t *out;
    const char *q;
    size_t q_len, looked, hits;
    int64_t until_us;
    uint64_t last, next;
} search_t;

/*  Whether q, which is not empty, stands in the text; ASCII letters in either case. */
static bool s_holds (ag_str_t text, const char *q, size_t q_len)
{
    if (q_len > text.len)
        return false;
    int first = tolower ((unsigned char) *q);
    for (const char *at = text.ptr, *last = text.ptr + text.len - q_len; at <= last; at++)
        if (tolower ((unsigned char) *at) == first && strncasecmp (at, q, q_len) == 0)
            return true;
    return false;
}

static bool s_look (void *context, ag_event_t *event)
{
    search_t *search = context;
    if (search->looked == SEARCH_EVENTS || search->hits == SEARCH_HITS
        || (search->looked % 64 == 63 && ag_clock_mono_us () > search->until_us)) {
        search->next = search->last;
        return false;
    }
    ag_str_t json = ag_event_json (event);
    if (s_holds (json, search->q, search->q_len))
        ag_buf_printf (search->out, "%s%llu", search->hits++ ? "," : "", (unsigned long long) ag_event_seq (event));
    search->looked++;
    search->last = ag_event_seq (event);
    return true;
}

static void s_search (call_t *call)
{
    const char *q = call->request->q;
    if (!q || !*q) {
        s_bad (call, "q: what to search for is required");
        return;
    }
    if (!s_number (call, call->request->after, "after: must be a seq", UINT64_MAX, &call->after))
        return;
    ag_reply_json (call->reply);
    search_t search = { .out = &call->reply->body, .q = q, .q_len = strlen (q),
        .until_us = ag_clock_mono_us () + SEARCH_US };
    ag_buf_append_cstr (search.out, "{\"seqs\":[");
    ag_runs_read (call->gateway, &call->run, call->after + 1, UINT64_MAX, s_look, &search);
    ag_buf_append_char (search.out, ']');
    s_append_next (search.out, search.next);
}

/* ---------------------------------------------------------------------- */
/*  Export, in parts */

typedef struct {
    ag_gateway_t *gateway;
    ag_run_t run;                   /* owns its strings */
    uint64_t next;
    size_t left;                    /* events of this part */
    ag_buf_t *out;
} export_t;

static bool s_put_line (void *context, ag_event_t *event)
{
    export_t *export = context;
    if (!export->left)
        return false;
    ag_buf_append_str (export->out, ag_event_json (event));
    ag_buf_append_char (export->out, '\n');
    export->next = ag_event_seq (event) + 1;
    export->left--;
    return export->out->len < 64 * 1024;
}

static int s_export_more (void *context, ag_buf_t *out)
{
    export_t *export = context;
    uint64_t before = export->next;
    export->left = EXPORT_EVENTS;
    export->out = out;
    if (ag_runs_read (export->gateway, &export->run, export->next, UINT64_MAX, s_put_line, export) != 0)
        return -1;
    return export->next != before;
}

static void s_export_destroy (void *context)
{
    export_t *export = context;
    ag_run_clear (&export->run);
    free (export);
}

static void s_export (call_t *call)
{
    export_t *export = ag_calloc (1, sizeof *export);
    export->gateway = call->gateway;
    export->next = 1;
    ag_run_copy (&export->run, &call->run);
    ag_reply_clear (call->reply);
    call->reply->status = 200;
    call->reply->type = "application/jsonl";
    call->reply->cache = "no-store";
    call->reply->more = s_export_more;
    call->reply->context = export;
    call->reply->destroy = s_export_destroy;
}

/* ---------------------------------------------------------------------- */
/*  Cancel */

static void s_cancel (call_t *call)
{
    if (!call->request->access->cancel)
        ag_reply_problem (call->reply, 403, "Forbidden", "runs may not be cancelled with this token");
    else if (!ag_desk_cancel (call->gateway->desk, call->run.stream, ag_clock_mono_us ()))
        ag_reply_problem (call->reply, 409, "Conflict", "the run is not alive, so it cannot be cancelled");
    else {
        ag_reply_json (call->reply);
        call->reply->status = 202;
        ag_buf_append_cstr (&call->reply->body, "{\"status\":\"cancelling\"}\n");
    }
}

/* ---------------------------------------------------------------------- */
/*  Routes */

static bool s_ends (const char *text, const char *end)
{
    size_t len = strlen (text), end_len = strlen (end);
    return len > end_len && strcmp (text + len - end_len, end) == 0;
}

/*  Splits "ID/what"; an id may hold slashes, so it is read from the end. */
static char *s_split (const char *path, const char **what_r, const char **seq_r)
{
    static const char *const ends[] = { "/events", "/export", "/search", "/stream", "/cancel" };
    size_t len = strlen (path);
    *what_r = "";
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (s_ends (path, ends[i])) {
            *what_r = ends[i] + 1;
            return ag_strndup (path, len - strlen (ends[i]));
        }
    size_t digits = len;
    while (digits > 0 && path[digits - 1] >= '0' && path[digits - 1] <= '9')
        digits--;
    if (digits < len && digits > 8 && memcmp (path + digits - 8, "/events/", 8) == 0) {
        *what_r = "event";
        *seq_r = path + digits;
        return ag_strndup (path, digits - 8);
    }
    return ag_strdup (path);
}

static void s_wrong_method (ag_reply_t *reply, const char *allow)
{
    ag_reply_problem (reply, 405, "Method Not Allowed", "this path is not for that method");
    reply->allow = allow;
}

static bool s_run (call_t *call, const char *what, const char *seq)
{
    bool is_cancel = strcmp (what, "cancel") == 0;
    if (is_cancel != call->request->post)
        s_wrong_method (call->reply, is_cancel ? "POST" : "GET, HEAD");
    else if (is_cancel)
        s_cancel (call);
    else if (strcmp (what, "events") == 0)
        s_events (call);
    else if (strcmp (what, "event") == 0)
        s_event (call, seq);
    else if (strcmp (what, "export") == 0)
        s_export (call);
    else if (strcmp (what, "search") == 0)
        s_search (call);
    else if (strcmp (what, "stream") == 0)
        return true;
    else {
        ag_reply_json (call->reply);
        ag_run_append_json (call->gateway, &call->run, &call->reply->body);
        ag_buf_append_char (&call->reply->body, '\n');
    }
    return false;
}

static void s_runs (call_t *call)
{
    call->limit = 200;
    if (!s_number (call, call->request->limit, "limit: must be an integer from 1 to 1000", PAGE_MAX, &call->limit))
        return;
    ag_reply_json (call->reply);
    ag_buf_append_cstr (&call->reply->body, "{\"runs\":[");
    ag_runs_append_list (call->gateway, call->request->access, (size_t) call->limit, &call->reply->body);
    ag_buf_append_cstr (&call->reply->body, "]}\n");
}

/*  Finds the stream; one that may not be seen is one that is not there. */
static bool s_find (call_t *call, const char *id)
{
    uint64_t epoch = 0;
    const char *text = call->request->epoch;
    if (text && *text && ag_epoch_parse (text, strlen (text), &epoch) != 0) {
        s_bad (call, "epoch: must be 16 hex digits");
        return false;
    }
    if (ag_runs_find (call->gateway, (ag_str_t) { id, strlen (id) }, epoch, &call->run)
        && ag_access_may_see (call->request->access, call->run.work_order))
        return true;
    ag_reply_problem (call->reply, 404, "Not Found", "no such run is known here");
    return false;
}

bool ag_api_answer (ag_gateway_t *gateway, const ag_api_request_t *request, ag_reply_t *reply, char **run_r)
{
    call_t call = { .gateway = gateway, .request = request, .reply = reply };
    if (strcmp (request->path, "runs") == 0 || strcmp (request->path, "runs/") == 0) {
        request->post ? s_wrong_method (reply, "GET, HEAD") : s_runs (&call);
        return false;
    }
    if (strncmp (request->path, "runs/", 5) != 0) {
        ag_reply_problem (reply, 404, "Not Found", "there is nothing at this path");
        return false;
    }
    const char *what = "", *seq = "";
    char *id = s_split (request->path + 5, &what, &seq);
    bool stream = s_find (&call, id) && s_run (&call, what, seq);
    ag_run_clear (&call.run);
    if (stream)
        *run_r = id;
    else
        free (id);
    return stream;
}
