/*  tools/emit.c - agentgate-emit: an orchestrator says what becomes of a work order

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "core/mem.h"
#include "tools/target.h"

static const char s_usage[] =
    "Usage: agentgate-emit [options] TYPE workOrderId=ID [runId=ID] [FIELD=VALUE...]\n"
    "Publishes one event in a work order's own stream: work_order_created taskPrompt=... status=...,\n"
    "work_order_updated, run_iteration and so on. VALUE is text, a number, true or false, or JSON, as the field "
    "wants.\n"
    "Exits with 0: a gateway has it; 3: it is in the journal and will be delivered; 1: neither; 2: wrong use.\n";

static const ag_setting_t s_settings[] = {
    { .name = "timeout",
        .type = AG_SETTING_SECONDS,
        .metavar = "S",
        .fallback = "5",
        .min = 0,
        .max = 3600000,
        .help = "how long to wait for another emit of the work order, and for a gateway that has answered" },
    AG_TARGET_SETTINGS,
};

/*  What is to be said. */
typedef struct {
    ag_draft_t *draft;
    ag_ids_t ids; /* into argv */
} s_emission_t;

/* ---------------------------------------------------------------------- */
/*  FIELD=VALUE */

static void s_bad_value (const char *word, const char *wanted)
{
    ag_fatal (AG_EXIT_USAGE, "%s: %s is wanted", word, wanted);
}

static void s_set_integer (ag_draft_t *draft, ag_field_t field, const char *word, const char *value)
{
    char *end;
    errno = 0;
    long long number = strtoll (value, &end, 10);
    if (end == value || *end || errno)
        s_bad_value (word, "a whole number");
    ag_draft_set_integer (draft, field, number);
}

static void s_set_number (ag_draft_t *draft, ag_field_t field, const char *word, const char *value)
{
    char *end;
    double number = strtod (value, &end);
    if (end == value || *end || !isfinite (number))
        s_bad_value (word, "a number");
    ag_draft_set_number (draft, field, number);
}

static void s_set_boolean (ag_draft_t *draft, ag_field_t field, const char *word, const char *value)
{
    bool yes = strcmp (value, "true") == 0;
    if (!yes && strcmp (value, "false") != 0)
        s_bad_value (word, "true or false");
    ag_draft_set_boolean (draft, field, yes);
}

static void s_set_object (ag_draft_t *draft, ag_field_t field, const char *word, const char *value)
{
    struct json_object *object = json_tokener_parse (value);
    if (!json_object_is_type (object, json_type_object))
        s_bad_value (word, "a JSON object");
    ag_draft_set_object (draft, field, object);
    json_object_put (object);
}

static void s_set (ag_draft_t *draft, ag_field_t field, const char *word, const char *value)
{
    switch (ag_field_type (field)) {
    case AG_TYPE_STRING:
        ag_draft_set_text (draft, field, value);
        break;
    case AG_TYPE_INTEGER:
        s_set_integer (draft, field, word, value);
        break;
    case AG_TYPE_NUMBER:
        s_set_number (draft, field, word, value);
        break;
    case AG_TYPE_BOOLEAN:
        s_set_boolean (draft, field, word, value);
        break;
    case AG_TYPE_OBJECT:
        s_set_object (draft, field, word, value);
        break;
    }
}

static void s_no_field (ag_kind_t kind, ag_str_t name)
{
    size_t count;
    const ag_field_rule_t *rules = ag_kind_fields (kind, &count);
    ag_buf_t known = { 0 };
    for (size_t i = 0; i < count; i++)
        ag_buf_printf (&known, "%s %s", i ? "," : "", ag_field_name (rules[i].field));
    ag_fatal (AG_EXIT_USAGE, "%s has no field '%.*s'; it has%s", ag_kind_name (kind), (int) name.len, name.ptr,
        ag_buf_cstr (&known));
}

/*  The field of that name, if the kind has it; else the program ends. */
static ag_field_t s_field (ag_kind_t kind, ag_str_t name)
{
    size_t count;
    const ag_field_rule_t *rules = ag_kind_fields (kind, &count);
    ag_field_t field = ag_field_by_name (name.ptr, name.len);
    for (size_t i = 0; i < count; i++)
        if (rules[i].field == field)
            return field;
    s_no_field (kind, name);
    return AG_F_NONE;
}

static void s_take_word (s_emission_t *self, const char *word)
{
    const char *equals = strchr (word, '=');
    if (!equals || equals == word)
        ag_fatal (AG_EXIT_USAGE, "%s: FIELD=VALUE is wanted", word);
    ag_str_t name = { word, (size_t) (equals - word) };
    ag_str_t value = { equals + 1, strlen (equals + 1) };
    if (ag_str_is (name, "workOrderId"))
        self->ids.work_order = value;
    else if (ag_str_is (name, "runId"))
        self->ids.run = value;
    else
        s_set (self->draft, s_field (ag_draft_kind (self->draft), name), word, value.ptr);
}

static s_emission_t s_read_words (char **words)
{
    if (!*words)
        ag_fatal (AG_EXIT_USAGE, "which event? TYPE is wanted; --help says more");
    ag_kind_t kind = ag_kind_by_name (*words, strlen (*words));
    if (kind == AG_KIND_UNKNOWN)
        ag_fatal (AG_EXIT_USAGE, "%s: there is no such type of event", *words);
    s_emission_t self = { .draft = ag_draft_new (kind), .ids = { .in_work_order_stream = true } };
    for (words++; *words; words++)
        s_take_word (&self, *words);
    if (!self.ids.work_order.len || self.ids.work_order.len > AG_ID_MAX_BYTES)
        ag_fatal (AG_EXIT_USAGE, "workOrderId=ID is wanted, 1 to %d bytes", AG_ID_MAX_BYTES);
    return self;
}

/*  Fields that are missing or have a value that cannot be: known before anything is kept. */
static void s_check (const s_emission_t *self)
{
    char *error = NULL;
    ag_event_t *event = ag_event_new (self->draft, &self->ids, &(ag_position_t){ 1, 1, 1 }, &error);
    if (!event)
        ag_fatal (AG_EXIT_USAGE, "%s", error);
    ag_event_unref (&event);
}

/* ---------------------------------------------------------------------- */

static int s_emit (const ag_settings_t *settings, const s_emission_t *self)
{
    char *error = NULL, *state_dir = ag_target_state_dir (settings);
    int timeout_ms = (int) ag_settings_integer (settings, "timeout");
    char *folder = ag_target_work_order_folder (state_dir, self->ids.work_order, &error);
    if (!folder)
        ag_fatal (AG_EXIT_FAILED, "%s", error);
    ag_writer_t *writer = ag_target_writer (settings, folder, &self->ids, timeout_ms, &error);
    if (!writer)
        ag_fatal (AG_EXIT_FAILED, "nothing was emitted: %s", error);
    if (!ag_writer_put (writer, self->draft, &error))
        ag_fatal (AG_EXIT_FAILED, "nothing was emitted: %s", error);
    int status = ag_target_finish (&writer, folder, timeout_ms);
    free (folder);
    free (state_dir);
    return status;
}

int main (int argc, char **argv)
{
    char *error = NULL;
    ag_log_init ("agentgate-emit", AG_LOG_WARNING, false);
    ag_settings_t *settings =
        ag_settings_new (s_settings, sizeof s_settings / sizeof *s_settings, s_usage, argc, argv, &error);
    if (!settings)
        ag_fatal (AG_EXIT_USAGE, "%s", error);
    s_emission_t emission = s_read_words (argv + ag_settings_rest (settings));
    s_check (&emission);
    int status = s_emit (settings, &emission);
    ag_draft_destroy (&emission.draft);
    ag_settings_destroy (&settings);
    return status;
}
