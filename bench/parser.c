/*  parser.c - how fast an agent's stdout becomes events

    parser FILE STAGE [REPEAT]

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    STAGE is lines (cut into lines only), parse (drafts), redact (drafts
    without secrets) or encode (events). Prints lines, events, CPU seconds
    of reading the file REPEAT times, and the most memory in KB. bench/parser.sh compares with Node.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/line.h"
#include "agent/parser.h"
#include "agent/redact.h"

enum { READ_BYTES = 64 * 1024 };

typedef struct {
    ag_redact_t *redact;        /* NULL: not at this stage */
    bool encode;
    uint64_t drafts;
} s_bench_t;

static void s_finish (void *context, ag_draft_t **draft_p)
{
    s_bench_t *self = context;
    self->drafts++;
    if (self->encode) {
        ag_ids_t ids = { .work_order = AG_STR ("bench"), .run = AG_STR ("bench") };
        ag_position_t at = { .epoch = 1, .seq = self->drafts, .ts_us = 1 };
        char *error = NULL;
        ag_event_t *event = ag_event_new (*draft_p, &ids, &at, &error);
        free (error);
        ag_event_unref (&event);
    }
    ag_draft_destroy (draft_p);
}

static void s_take (void *context, ag_draft_t **draft_p)
{
    s_bench_t *self = context;
    if (self->redact)
        ag_redact_push (self->redact, draft_p, 0);
    else
        s_finish (self, draft_p);
}

static uint64_t s_parse (s_bench_t *self, FILE *file, char *room)
{
    ag_parser_options_t options = { .format = "auto", .max_content_bytes = 64 * 1024 };
    ag_parser_t *parser = ag_parser_new (&options, s_take, self);
    ag_parser_summary_t summary;
    size_t got;
    while ((got = fread (room, 1, READ_BYTES, file)))
        ag_parser_feed (parser, room, got, 0);
    ag_parser_end (parser, 0);
    ag_parser_summary (parser, &summary);
    ag_parser_destroy (&parser);
    return summary.lines;
}

static uint64_t s_split (FILE *file, char *room)
{
    ag_line_t *line = ag_line_new (32 * 1024 * 1024);
    ag_line_item_t item;
    uint64_t lines = 0;
    size_t got;
    while ((got = fread (room, 1, READ_BYTES, file))) {
        ag_line_feed (line, room, got);
        while (ag_line_next (line, &item))
            lines++;
    }
    ag_line_destroy (&line);
    return lines;
}

/*  Of this program alone: getrusage would count what forked it. */
static long s_peak_kb (void)
{
    FILE *file = fopen ("/proc/self/status", "r");
    char line[256];
    long peak_kb = 0;
    while (file && fgets (line, sizeof line, file))
        if (sscanf (line, "VmHWM: %ld", &peak_kb) == 1)
            break;
    if (file)
        fclose (file);
    return peak_kb;
}

int main (int argc, char **argv)
{
    FILE *file = argc > 2 ? fopen (argv[1], "r") : NULL;
    if (!file) {
        fprintf (stderr, "usage: parser FILE lines|parse|redact|encode [REPEAT]\n");
        return 2;
    }
    s_bench_t self = { .encode = !strcmp (argv[2], "encode") };
    if (self.encode || !strcmp (argv[2], "redact"))
        self.redact = ag_redact_new (NULL, 0, s_finish, &self);
    char *room = malloc (READ_BYTES);
    uint64_t lines = 0;
    for (int i = argc > 3 ? atoi (argv[3]) : 1; i > 0; i--) {
        rewind (file);
        lines += strcmp (argv[2], "lines") ? s_parse (&self, file, room) : s_split (file, room);
    }
    printf ("%llu %llu %.3f %ld\n", (unsigned long long) lines, (unsigned long long) self.drafts,
            (double) clock () / CLOCKS_PER_SEC, s_peak_kb ());
    ag_redact_destroy (&self.redact);
    free (room);
    fclose (file);
    return 0;
}
