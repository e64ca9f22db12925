/*  parse_dump.c - what the parser makes of a recorded stdout, as JSON Lines

    parse_dump [FORMAT [CHUNK_BYTES [TIMING]]] < recording

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Each draft becomes an event with made-up ids; the last line is the
    summary. TIMING holds a time in milliseconds for each line of the input;
    without it the clock stands still. CHUNK_BYTES 0 feeds all at once.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "agent/parser.h"
#include "core/buf.h"
#include "core/mem.h"

typedef struct {
    uint64_t seq;               /* of the last event */
} s_dump_t;

static void s_print_draft (void *context, ag_draft_t **draft_p)
{
    s_dump_t *self = context;
    ag_ids_t ids = { .work_order = AG_STR ("dump"), .run = AG_STR ("dump") };
    ag_position_t at = { .epoch = 1, .seq = ++self->seq, .ts_us = 0 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (*draft_p, &ids, &at, &error);
    ag_draft_destroy (draft_p);
    if (!event) {
        fprintf (stderr, "parse_dump: event %llu: %s\n", (unsigned long long) at.seq, error);
        exit (1);
    }
    ag_str_t text = ag_event_json (event);
    fwrite (text.ptr, 1, text.len, stdout);
    putchar ('\n');
    ag_event_unref (&event);
}

static void s_add_text (struct json_object *object, const char *key, ag_str_t text)
{
    if (text.ptr)
        json_object_object_add (object, key, json_object_new_string_len (text.ptr, (int) text.len));
}

static void s_print_summary (const ag_parser_t *parser)
{
    ag_parser_summary_t summary;
    ag_parser_summary (parser, &summary);
    struct json_object *root = json_object_new_object (), *ignored = json_object_new_object ();
    json_object_object_add (root, "type", json_object_new_string ("summary"));
    if (summary.agent)
        json_object_object_add (root, "agent", json_object_new_string (summary.agent));
    s_add_text (root, "model", summary.model);
    s_add_text (root, "sessionId", summary.session_id);
    s_add_text (root, "cwd", summary.cwd);
    json_object_object_add (root, "hasResult", json_object_new_boolean (summary.has_result));
    json_object_object_add (root, "resultIsError", json_object_new_boolean (summary.result_is_error));
    s_add_text (root, "resultText", summary.result_text);
    json_object_object_add (root, "numTurns", json_object_new_int64 (summary.num_turns));
    json_object_object_add (root, "costUsd", json_object_new_double (summary.cost_usd));
    json_object_object_add (root, "lines", json_object_new_uint64 (summary.lines));
    json_object_object_add (root, "badLines", json_object_new_uint64 (summary.bad_lines));
    for (size_t i = 0; i < summary.ignored_names; i++)
        json_object_object_add (ignored, summary.ignored[i].name, json_object_new_uint64 (summary.ignored[i].count));
    json_object_object_add (root, "ignored", ignored);
    puts (json_object_to_json_string_ext (root, JSON_C_TO_STRING_PLAIN));
    json_object_put (root);
}

static void s_read_all (FILE *file, ag_buf_t *out)
{
    size_t got;
    do {
        got = fread (ag_buf_reserve (out, 65536), 1, 65536, file);
        out->len += got;
    } while (got);
}

/*  Feeds line by line, each at its time. */
static void s_feed_timed (ag_parser_t *parser, const ag_buf_t *input, FILE *timing)
{
    const char *at = input->data, *end = input->data + input->len;
    double ms = 0;
    while (at < end) {
        const char *feed = memchr (at, '\n', (size_t) (end - at));
        const char *next = feed ? feed + 1 : end;
        if (fscanf (timing, "%lf", &ms) != 1)
            ms += 1;
        ag_parser_feed (parser, at, (size_t) (next - at), (int64_t) (ms * 1000));
        at = next;
    }
    ag_parser_end (parser, (int64_t) (ms * 1000));
}

static void s_feed_chunks (ag_parser_t *parser, const ag_buf_t *input, size_t chunk)
{
    for (size_t at = 0; at < input->len;) {
        size_t len = chunk && chunk < input->len - at ? chunk : input->len - at;
        ag_parser_feed (parser, input->data + at, len, 0);
        at += len;
    }
    ag_parser_end (parser, 0);
}

int main (int argc, char **argv)
{
    s_dump_t dump = { 0 };
    ag_parser_options_t options = { .format = argc > 1 ? argv[1] : "auto", .max_content_bytes = 65536 };
    ag_parser_t *parser = ag_parser_new (&options, s_print_draft, &dump);
    FILE *timing = argc > 3 ? fopen (argv[3], "r") : NULL;
    if (!parser || (argc > 3 && !timing)) {
        fprintf (stderr, "parse_dump: no such format or file\n");
        return 2;
    }
    ag_buf_t input = { 0 };
    s_read_all (stdin, &input);
    if (timing)
        s_feed_timed (parser, &input, timing);
    else
        s_feed_chunks (parser, &input, argc > 2 ? strtoul (argv[2], NULL, 10) : 0);
    s_print_summary (parser);
    ag_parser_destroy (&parser);
    ag_buf_free (&input);
    if (timing)
        fclose (timing);
    return 0;
}
