/*  fuzz_parser.c - any bytes on stdout, through lines, adapters, redaction and progress

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The first byte chooses the format and what else takes part, the second how
    the rest is cut. Every draft that comes out must make an event, every call
    must get its result, progress must not go back, the same bytes cut
    differently must say the same, and each line's JSON is what json-c reads in it.
*/
#include <stdlib.h>
#include <string.h>

#include "agent/parser.h"
#include "agent/progress.h"
#include "agent/redact.h"
#include "core/utf8.h"
#include "val_compare.h"

enum {
    FORMAT_BITS = 15,
    NO_CONTENT = 64,            /* previews only */
    REDACT = 16,                /* its patterns take long to compile: not always */
    COMPARE = 32,               /* whole and in pieces; else in pieces, and time goes on */
    CALLS_MAX = 4096            /* ids that are watched */
};

typedef struct {
    ag_progress_t *progress;
    ag_redact_t *redact;        /* NULL: not in this run */
    uint64_t seq;
    uint64_t hash;              /* of all events */
    int64_t percentage;         /* the last that was told */
    uint64_t calls[CALLS_MAX];  /* hashes of the ids of calls without a result */
    size_t call_count;
    bool crowded;               /* there were more: not watched any more */
} s_run_t;

static void s_require (bool holds)
{
    if (!holds)
        abort ();
}

/*  FNV-1a. */
static uint64_t s_hash (uint64_t hash, ag_str_t text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char) text.ptr[i]) * 0x100000001b3;
    return hash;
}

static void s_watch_call (s_run_t *self, const ag_draft_t *draft)
{
    uint64_t id = s_hash (1, ag_draft_string (draft, AG_F_TOOL_USE_ID));
    bool is_call = ag_draft_kind (draft) == AG_AGENT_TOOL_CALL;
    for (size_t i = 0; i < self->call_count; i++)
        if (self->calls[i] == id) {
            if (!is_call)
                self->calls[i] = self->calls[--self->call_count];
            return;
        }
    if (is_call && self->call_count < CALLS_MAX)
        self->calls[self->call_count++] = id;
    else if (is_call)
        self->crowded = true;
}

static void s_watch_progress (s_run_t *self, const ag_draft_t *update)
{
    int64_t percentage = ag_draft_integer (update, AG_F_PERCENTAGE, -1);
    s_require (percentage >= self->percentage && percentage < 100);
    self->percentage = percentage;
}

static void s_encode (s_run_t *self, const ag_draft_t *draft)
{
    ag_ids_t ids = { .work_order = AG_STR ("w"), .run = AG_STR ("r") };
    ag_position_t at = { .epoch = 1, .seq = ++self->seq, .ts_us = 1 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    s_require (event && ag_event_json (event).len);
    self->hash = s_hash (self->hash, ag_event_json (event));
    ag_event_unref (&event);
}

static void s_take (void *context, ag_draft_t **draft_p)
{
    s_run_t *self = context;
    s_encode (self, *draft_p);
    if (ag_draft_kind (*draft_p) == AG_AGENT_TOOL_CALL || ag_draft_kind (*draft_p) == AG_AGENT_TOOL_RESULT)
        s_watch_call (self, *draft_p);
    ag_draft_t *update = ag_progress_see (self->progress, *draft_p, (int64_t) self->seq * 1000);
    if (update) {
        s_encode (self, update);
        s_watch_progress (self, update);
    }
    ag_draft_destroy (&update);
    ag_draft_destroy (draft_p);
}

static void s_redact (void *context, ag_draft_t **draft_p)
{
    s_run_t *self = context;
    if (self->redact)
        ag_redact_push (self->redact, draft_p, 0);
    else
        s_take (self, draft_p);
}

/*  Reads all bytes in pieces; time goes on by `us_per_byte`. Returns a hash of the events. */
static uint64_t s_read (const uint8_t *data, size_t size, uint8_t mode, size_t piece, int64_t us_per_byte)
{
    static const char *const formats[] = { "auto", "claude", "codex", "gemini", "opencode", "flat", "text", "amp", "cursor" };
    ag_progress_options_t pace = { 5000000, 300000000, 50 };
    s_run_t *run = calloc (1, sizeof *run);
    run->progress = ag_progress_new (&pace, 0);
    if (mode & REDACT)
        run->redact = ag_redact_new (NULL, 0, s_take, run);
    ag_parser_options_t options = { .format = formats[(mode & FORMAT_BITS) % 9], .max_line_bytes = 1 << 20,
        .max_content_bytes = mode & NO_CONTENT ? 0 : 4096 };
    ag_parser_t *parser = ag_parser_new (&options, s_redact, run);
    for (size_t at = 0; at < size; at += piece)
        ag_parser_feed (parser, (const char *) data + at, size - at < piece ? size - at : piece,
                        (int64_t) at * us_per_byte);
    ag_parser_end (parser, (int64_t) size * us_per_byte);
    if (run->redact)
        ag_redact_flush (run->redact);
    s_require (!run->call_count || run->crowded);
    ag_draft_t *last = ag_progress_end (run->progress, true, INT64_MAX / 2);
    s_require (ag_draft_integer (last, AG_F_PERCENTAGE, -1) == 100);
    ag_draft_destroy (&last);
    uint64_t hash = run->hash;
    ag_parser_destroy (&parser);
    ag_redact_destroy (&run->redact);
    ag_progress_destroy (&run->progress);
    free (run);
    return hash;
}

/*  Each line that is valid UTF-8 without NUL, as the parser makes sure of. */
static void s_compare_json (const uint8_t *data, size_t size)
{
    ag_reader_t *reader = ag_reader_new ();
    const char *at = (const char *) data, *end = at + size;
    while (at < end) {
        const char *feed = memchr (at, '\n', (size_t) (end - at));
        size_t len = (size_t) ((feed ? feed : end) - at);
        char *line = malloc (len + 1);      /* of its own, so that a read behind it is seen */
        memcpy (line, at, len);
        if (len && !memchr (line, 0, len) && ag_utf8_valid (line, len))
            s_require (!val_compare (reader, (ag_str_t) { line, len }));
        free (line);
        at = feed ? feed + 1 : end;
    }
    ag_reader_destroy (&reader);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = 1 + (size_t) data[1] * 16;
    if (data[0] & COMPARE) {
        s_require (s_read (data + 2, size - 2, data[0], piece, 0) == s_read (data + 2, size - 2, data[0], size, 0));
        s_compare_json (data + 2, size - 2);
    }
    else
        s_read (data + 2, size - 2, data[0], piece, 100);
    return 0;
}
