/*  fuzz_parser.c - any bytes on stdout, through lines, adapters, redaction and progress

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The first byte chooses the format, the second how the rest is cut. Every
    draft that comes out must make an event,.
*/
#include <stdlib.h>
#include <string.h>

#include "agent/parser.h"
#include "agent/progress.h"
#include "agent/redact.h"

typedef struct {
    ag_progress_t *progress;
    ag_redact_t *redact;        /* NULL: not in this run */
    uint64_t seq;
} s_run_t;

static void s_encode (s_run_t *self, const ag_draft_t *draft)
{
    ag_ids_t ids = { .work_order = AG_STR ("w"), .run = AG_STR ("r") };
    ag_position_t at = { .epoch = 1, .seq = ++self->seq, .ts_us = 1 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    if (!event || !ag_event_json (event).len)
        abort ();
    ag_event_unref (&event);
}

static void s_take (void *context, ag_draft_t **draft_p)
{
    s_run_t *self = context;
    s_encode (self, *draft_p);
    ag_draft_t *update = ag_progress_see (self->progress, *draft_p, (int64_t) self->seq * 1000);
    if (update)
        s_encode (self, update);
    ag_draft_destroy (&update);
    ag_draft_destroy (draft_p);
}

/*  Through redaction, where there is one: its patterns take long to compile. */
static void s_redact (void *context, ag_draft_t **draft_p)
{
    s_run_t *self = context;
    if (self->redact)
        ag_redact_push (self->redact, draft_p, 0);
    else
        s_take (self, draft_p);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const char *const formats[] = { "auto", "claude", "codex", "gemini", "opencode", "flat", "text" };
    if (size < 2)
        return 0;
    s_run_t run = { 0 };
    ag_progress_options_t pace = { 5000000, 300000000, 50 };
    run.progress = ag_progress_new (&pace, 0);
    if (data[0] & 128)
        run.redact = ag_redact_new (NULL, 0, s_take, &run);
    ag_parser_options_t options = {
        .format = formats[data[0] % 7], .max_line_bytes = 1 << 20, .max_content_bytes = data[0] & 64 ? 0 : 4096 };
    ag_parser_t *parser = ag_parser_new (&options, s_redact, &run);
    size_t piece = 1 + (size_t) data[1] * 16;
    for (size_t at = 2; at < size; at += piece)
        ag_parser_feed (parser, (const char *) data + at, size - at < piece ? size - at : piece, (int64_t) at * 100);
    ag_parser_end (parser, (int64_t) size * 100);
    if (run.redact)
        ag_redact_flush (run.redact);
    ag_parser_destroy (&parser);
    ag_redact_destroy (&run.redact);
    ag_progress_destroy (&run.progress);
    return 0;
}
