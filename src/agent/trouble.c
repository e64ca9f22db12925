/*  agent/trouble.c - lines that could not be read

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/trouble.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/utf8.h"

enum {
    BURST_US = 1000 * 1000      /* the longest that a report waits */
};

struct ag_trouble {
    uint64_t count;             /* malformed and too long lines, in all */
    uint64_t burst;             /* malformed lines not yet reported */
    int64_t deadline_us;        /* when they must be; only while burst > 0 */
    uint64_t first_number;      /* line number of the first of them, from 1 */
    size_t first_offset;        /* where in it */
    const char *first_why;      /* static text */
    char *preview;              /* how it begins */
};

ag_trouble_t *ag_trouble_new (void)
{
    return ag_calloc (1, sizeof (ag_trouble_t));
}

void ag_trouble_destroy (ag_trouble_t **self_p)
{
    if (!*self_p)
        return;
    free ((*self_p)->preview);
    free (*self_p);
    *self_p = NULL;
}

void ag_trouble_bad_line (ag_trouble_t *self, ag_out_t *out, uint64_t number, ag_str_t line, size_t offset,
                          const char *why)
{
    if (self->burst && ag_out_now (out) >= self->deadline_us)
        ag_trouble_over (self, out);
    self->count++;
    if (self->burst++)
        return;
    self->deadline_us = ag_out_now (out) + BURST_US;
    self->first_number = number;
    self->first_offset = offset;
    self->first_why = why;
    free (self->preview);
    self->preview = ag_strndup (line.ptr, ag_utf8_prefix_chars (line.ptr, line.len, AG_PREVIEW_CHARS));
}

static void s_report (ag_out_t *out, const char *code, const char *message, struct json_object *details)
{
    ag_out_error (out, &(ag_out_error_t) {
        .message = { message, strlen (message) }, .warning = true, .from_parser = true, .code = { code, strlen (code) },
        .details = details });
    json_object_put (details);
}

void ag_trouble_over (ag_trouble_t *self, ag_out_t *out)
{
    if (!self->burst)
        return;
    struct json_object *details = json_object_new_object ();
    json_object_object_add (details, "lines", json_object_new_uint64 (self->burst));
    json_object_object_add (details, "line", json_object_new_uint64 (self->first_number));
    json_object_object_add (details, "offset", json_object_new_uint64 (self->first_offset));
    json_object_object_add (details, "preview", json_object_new_string (self->preview));
    char *message = self->burst == 1
        ? ag_asprintf ("line %llu is not valid JSON: %s", (unsigned long long) self->first_number, self->first_why)
        : ag_asprintf ("%llu lines from line %llu on are not valid JSON: %s", (unsigned long long) self->burst,
                       (unsigned long long) self->first_number, self->first_why);
    self->burst = 0;
    s_report (out, "MALFORMED_LINE", message, details);
    free (message);
}

void ag_trouble_long_line (ag_trouble_t *self, ag_out_t *out, uint64_t number, uint64_t bytes, size_t limit)
{
    ag_trouble_over (self, out);
    self->count++;
    struct json_object *details = json_object_new_object ();
    json_object_object_add (details, "line", json_object_new_uint64 (number));
    json_object_object_add (details, "bytes", json_object_new_uint64 (bytes));
    json_object_object_add (details, "limit", json_object_new_uint64 (limit));
    char *message = ag_asprintf ("line %llu was skipped: its %llu bytes are more than the limit of %zu",
                                 (unsigned long long) number, (unsigned long long) bytes, limit);
    s_report (out, "LINE_TOO_LONG", message, details);
    free (message);
}

int64_t ag_trouble_deadline_us (const ag_trouble_t *self)
{
    return self->burst ? self->deadline_us : INT64_MAX;
}

bool ag_trouble_in_burst (const ag_trouble_t *self)
{
    return self->burst > 0;
}

uint64_t ag_trouble_count (const ag_trouble_t *self)
{
    return self->count;
}
