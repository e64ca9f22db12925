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
    RUNS_DEFAULT = 200,
    SLICE_BYTES = 64 * 1024,                    /* of a long answer made in one turn */
    SEARCH_EVENTS = 2000, SEARCH_HITS = 1000    /* looked at, and found, in one answer */
};
#define SLICE_US INT64_C (2000)                 /* what a long answer may take from the loop in one turn */
#define SEARCH_US INT64_C (5000)                /* the same for a search, whose answer is one slice */

/*  What the path says: a stream, and what is wanted of it. */
typedef struct {
    ag_gateway_t *gateway;
    const ag_api_request_t *request;
    ag_reply_t *reply;
    ag_run_t run;                   /* the stream, found */
    uint64_t after, limit;
    uint32_t types;                 /* bits by kind */
} call_t;

/*  One turn's part of a long answer: one event at least. */
typedef struct {
    int64_t until_us;
    size_t looked;                  /* events so far */
} slice_t;

static slice_t s_slice (void)
{
    return (slice_t) { .until_us = ag_clock_mono_us () + SLICE_US };
}

static bool s_slice_over (slice_t *slice, const ag_buf_t *out)
{
    return slice->looked++ > 0 && (out->len >= SLICE_BYTES || ag_clock_mono_us () >= slice->until_us);
}

static void s_bad (call_t *call, const char *detail)
{
    ag_reply_problem (call->reply, 400, "Bad Request", detail);
}

/*  A number of the query; false: answered with 400. */
static bool s_number (call_t *call, const char *text, const char *detail, uint64_t min, uint64_t max,
    uint64_t *value)
{
    if (!text || !*text)
        return true;
    char *end = NULL;
    unsigned long long number = strtoull (text, &end, 10);
    if (*end || text[0] < '0' || text[0] > '9' || number < min || number > max) {
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
/*  A page of events, made in parts: its filter may have to look at a whole run. */

typedef struct {
    ag_gateway_t *gateway;
    ag_run_t run;                   /* owns its strings */
    uint32_t types;
    uint64_t first;                 /* seq that is looked at first */
    uint64_t from;                  /* and next */
    uint64_t left;                  /* events that still fit */
    uint64_t next;                  /* seq of the last that was put in, when there are more; 0: no more */
    uint64_t last;                  /* seq of the last that was put in */
    size_t bytes;                   /* of what was put in */
    bool begun;
    slice_t slice;
    bool interrupted;               /* by the end of the slice */
    ag_buf_t *out;
} page_t;

static bool s_put (void *context, ag_event_t *event)
{
    page_t *page = context;
    if ((page->interrupted = s_slice_over (&page->slice, page->out)))
        return false;
    page->from = ag_event_seq (event) + 1;
    if (!(page->types & UINT32_C (1) << ag_event_kind (event)))
        return true;
    if (!page->left || page->bytes > PAGE_BYTES) {
        page->next = page->last;
        return false;
    }
    if (page->last)
        ag_buf_append_char (page->out, ',');
    ag_str_t json = ag_event_json (event);
    ag_buf_append_str (page->out, json);
    page->bytes += json.len;
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

static int s_page_more (void *context, ag_buf_t *out)
{
    page_t *page = context;
    page->out = out;
    page->slice = s_slice ();
    page->interrupted = false;
    if (!page->begun)
        ag_buf_append_cstr (out, "{\"events\":[");
    page->begun = true;
    int rc = ag_runs_read (page->gateway, &page->run, page->from, UINT64_MAX, s_put, page);
    if (rc < 0)
        return -1;
    if (rc == 1 && page->from == page->first)
        return AG_REPLY_LATER;
    if (rc == 1)
        page->next = page->from - 1;
    if (page->interrupted)
        return 1;
    ag_buf_append_char (out, ']');
    s_append_next (out, page->next);
    return 0;
}

static void s_page_destroy (void *context)
{
    page_t *page = context;
    ag_run_clear (&page->run);
    free (page);
}

static void s_events (call_t *call)
{
    static const char limits[] = "limit: must be an integer from 1 to 1000";
    call->limit = PAGE_DEFAULT;
    if (!s_number (call, call->request->after, "after: must be a seq", 0, INT64_MAX, &call->after)
        || !s_number (call, call->request->limit, limits, 1, PAGE_MAX, &call->limit)
        || !s_types (call, call->request->types))
        return;
    page_t *page = ag_calloc (1, sizeof *page);
    page->gateway = call->gateway;
    page->types = call->types;
    page->first = page->from = call->after + 1;
    page->left = call->limit;
    ag_run_copy (&page->run, &call->run);
    ag_reply_in_parts (call->reply, "application/json", s_page_more, page, s_page_destroy);
}

static bool s_put_one (void *context, ag_event_t *event)
{
    ag_buf_append_str (context, ag_event_json (event));
    return false;
}

static void s_event (call_t *call, const char *seq_text)
{
    uint64_t seq = 0;
    if (!s_number (call, seq_text, "an event is named by its seq", 0, INT64_MAX, &seq))
        return;
    ag_reply_json (call->reply);
    int rc = ag_runs_read (call->gateway, &call->run, seq, seq, s_put_one, &call->reply->body);
    if (rc < 0)
        ag_reply_unreadable (call->reply);
    else if (rc == 1)
        ag_reply_later (call->reply);
    else if (!call->reply->body.len)
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
        || (search->looked && ag_clock_mono_us () > search->until_us)) {
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
    if (!s_number (call, call->request->after, "after: must be a seq", 0, INT64_MAX, &call->after))
        return;
    ag_reply_json (call->reply);
    search_t search = { .out = &call->reply->body, .q = q, .q_len = strlen (q),
        .until_us = ag_clock_mono_us () + SEARCH_US };
    ag_buf_append_cstr (search.out, "{\"seqs\":[");
    int rc = ag_runs_read (call->gateway, &call->run, call->after + 1, UINT64_MAX, s_look, &search);
    if (rc != 0 && (rc < 0 || !search.looked)) {
        rc < 0 ? ag_reply_unreadable (call->reply) : ag_reply_later (call->reply);
        return;
    }
    if (rc == 1)
        search.next = search.last;
    ag_buf_append_char (search.out, ']');
    s_append_next (search.out, search.next);
}

/* ---------------------------------------------------------------------- */
/*  Export, in parts */

typedef struct {
    ag_gateway_t *gateway;
    ag_run_t run;                   /* owns its strings */
    uint64_t next;                  /* seq */
    slice_t slice;
    bool interrupted;               /* by the end of the slice */
    ag_buf_t *out;
} export_t;

static bool s_put_line (void *context, ag_event_t *event)
{
    export_t *export = context;
    if ((export->interrupted = s_slice_over (&export->slice, export->out)))
        return false;
    ag_buf_append_str (export->out, ag_event_json (event));
    ag_buf_append_char (export->out, '\n');
    export->next = ag_event_seq (event) + 1;
    return true;
}

static int s_export_more (void *context, ag_buf_t *out)
{
    export_t *export = context;
    export->out = out;
    export->slice = s_slice ();
    export->interrupted = false;
    int rc = ag_runs_read (export->gateway, &export->run, export->next, UINT64_MAX, s_put_line, export);
    /*  A file with a hole would pass for the whole run; one that breaks off does not. */
    return rc < 0 ? -1 : rc == 1 ? AG_REPLY_LATER : export->interrupted;
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
    ag_reply_in_parts (call->reply, "application/jsonl", s_export_more, export, s_export_destroy);
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

/*  The list, in parts: a run that is not in memory costs two reads of the store. */
static int s_runs_more (void *context, ag_buf_t *out)
{
    ag_runs_list_t *list = context;
    slice_t slice = s_slice ();
    if (!ag_runs_list_begun (list))
        ag_buf_append_cstr (out, "{\"runs\":[");
    while (!s_slice_over (&slice, out))
        if (!ag_runs_list_next (list, out)) {
            ag_buf_append_cstr (out, "]}\n");
            return 0;
        }
    return 1;
}

static void s_runs_destroy (void *context)
{
    ag_runs_list_t *list = context;
    ag_runs_list_destroy (&list);
}

static void s_runs (call_t *call)
{
    call->limit = RUNS_DEFAULT;
    if (!s_number (call, call->request->limit, "limit: must be an integer from 1 to 1000", 1, PAGE_MAX, &call->limit))
        return;
    ag_runs_list_t *list = ag_runs_list_new (call->gateway, call->request->access, (size_t) call->limit);
    if (list)
        ag_reply_in_parts (call->reply, "application/json", s_runs_more, list, s_runs_destroy);
    else
        ag_reply_unreadable (call->reply);
}

/*  All streams by name, work orders' own too: for programs that want everything. */
static void s_streams (call_t *call)
{
    call->limit = PAGE_MAX;
    if (!s_number (call, call->request->limit, "limit: must be an integer from 1 to 1000", 1, PAGE_MAX, &call->limit))
        return;
    const char *text = call->request->after;
    ag_str_t after = text && *text ? (ag_str_t) { text, strlen (text) } : (ag_str_t) { NULL, 0 };
    ag_reply_json (call->reply);
    if (ag_streams_append_list (call->gateway, call->request->access, after, (size_t) call->limit,
            &call->reply->body) != 0)
        ag_reply_unreadable (call->reply);
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
    ag_run_clear (&call->run);
    int found = ag_runs_find (call->gateway, (ag_str_t) { id, strlen (id) }, epoch, &call->run);
    if (found == 1 && ag_access_may_see (call->request->access, call->run.work_order))
        return true;
    if (found < 0)
        ag_reply_unreadable (call->reply);
    else
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
    if (strcmp (request->path, "streams") == 0) {
        request->post ? s_wrong_method (reply, "GET, HEAD") : s_streams (&call);
        return false;
    }
    if (strncmp (request->path, "runs/", 5) != 0) {
        ag_reply_problem (reply, 404, "Not Found", "there is nothing at this path");
        return false;
    }
    const char *what = "", *seq = "";
    char *id = s_split (request->path + 5, &what, &seq);
    bool found = s_find (&call, id);
    if (!found && *what) {              /* or the run's own name ends so */
        free (id);
        id = ag_strdup (request->path + 5);
        what = "";
        found = s_find (&call, id);
    }
    bool stream = found && s_run (&call, what, seq);
    ag_run_clear (&call.run);
    if (stream)
        *run_r = id;
    else
        free (id);
    return stream;
}
