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
#include <unistd.h>

#include "bus/debt.h"
#include "bus/publisher.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "store/store.h"
#include "tools/target.h"

enum {
    BUSY_US = 2000,         /* another emit has the journal: a few milliseconds */
    TURN_US = 1000,
    LOOK_US = 10000,        /* at what another process has delivered */
    STRANGER_US = 500000,   /* how long to wait for a gateway that has not answered yet */
    TRY_US = 150000         /* of that, at least, when somebody else has tried before us */
};

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
        .help = "how long to wait for a gateway that has answered, and for a journal that another process writes" },
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
/*  Into the journal: numbered, durable, marked as owed, under the writer's lock.
    Then the lock goes: others who emit for the same work order wait for a disk,
    never for a gateway. */

static ag_store_t *s_open_in_turn (const char *path, int timeout_ms)
{
    char *error = NULL;
    int64_t until_us = ag_clock_mono_us () + (int64_t) timeout_ms * 1000;
    for (;;) {
        ag_store_t *journal = ag_store_open (path, AG_STORE_CREATE, &error);
        if (journal)
            return journal;
        if (errno != EBUSY || ag_clock_mono_us () >= until_us)
            ag_fatal (AG_EXIT_FAILED, "nothing was emitted: %s", error);
        free (error);
        usleep (BUSY_US);
    }
}

/*  Behind what is there. The journal is never behind what was published, since
    nothing is before it is durable. */
static ag_position_t s_next (ag_store_t *journal, ag_str_t stream)
{
    ag_store_stream_t info;
    int found = ag_store_stream (journal, stream, 0, &info);
    if (found < 0)
        ag_fatal (AG_EXIT_FAILED, "nothing was emitted: %s", ag_store_error (journal));
    ag_position_t at = { .ts_us = ag_clock_wall_us (), .seq = 1 };
    at.epoch = found ? info.epoch : ag_epoch_new ();
    if (found)
        at.seq = (info.last > info.acked ? info.last : info.acked) + 1;
    return at;
}

static ag_event_t *s_journal (const s_emission_t *self, const char *folder, int timeout_ms)
{
    char *error = NULL, *path = ag_asprintf ("%s/run.db", folder);
    char *stream = ag_asprintf ("@%.*s", (int) self->ids.work_order.len, self->ids.work_order.ptr);
    ag_store_t *journal = s_open_in_turn (path, timeout_ms);
    ag_position_t at = s_next (journal, (ag_str_t){ stream, strlen (stream) });
    ag_event_t *event = ag_event_new (self->draft, &self->ids, &at, &error);
    if (!event)
        ag_fatal (AG_EXIT_FAILED, "nothing was emitted: %s", error);
    /*  Marked before it is kept: a mark too many does no harm. */
    if (ag_owed_mark (folder))
        ag_log_warning ("OWED_MARK", "%s: cannot be marked as owed: %s", folder, strerror (errno));
    if (ag_store_append (journal, event) || ag_store_sync (journal))
        ag_fatal (AG_EXIT_FAILED, "nothing was emitted: %s", ag_store_error (journal));
    ag_store_close (&journal);
    free (stream);
    free (path);
    return event;
}

/* ---------------------------------------------------------------------- */
/*  To the gateways: on the data channel for whoever listens, and by the journal,
    which one process at a time delivers up to its end. */

typedef struct {
    const char *folder;
    ag_event_t *event;
    ag_owed_options_t owed;
    ag_publisher_t *publisher;  /* on the data channel alone */
    ag_debt_t *debt;            /* delivers the journal; NULL: somebody else does */
    int64_t until_us;           /* at the latest */
    int64_t stranger_us;        /* when no gateway has answered until then: enough */
} s_delivery_t;

static uint64_t s_acked (const s_delivery_t *self)
{
    char *error = NULL, *path = ag_asprintf ("%s/run.db", self->folder);
    ag_store_t *journal = ag_store_open (path, AG_STORE_READ, &error);
    ag_store_stream_t info = { 0 };
    if (journal && ag_store_stream (journal, ag_event_stream (self->event), ag_event_epoch (self->event), &info) != 1)
        info.acked = 0;
    ag_store_close (&journal);
    free (error);
    free (path);
    return info.acked;
}

/*  Ours to deliver, unless somebody else does. False: it is of no use. */
static bool s_take_debt (s_delivery_t *self, int64_t now_us)
{
    char *error = NULL;
    self->owed.answer_us = self->stranger_us - now_us > TRY_US ? self->stranger_us - now_us : TRY_US;
    self->debt = ag_debt_new (self->folder, &self->owed, NULL, now_us, &error);
    bool broken = !self->debt && errno;
    if (broken)
        ag_log_error ("OWED_JOURNAL", "%s", error);
    free (error);
    return !broken;
}

/*  False: it is of no use to go on. */
static bool s_deliver (s_delivery_t *self, int64_t now_us)
{
    int64_t when_us;
    if (!self->debt && !s_take_debt (self, now_us))
        return false;
    ag_debt_state_t state = self->debt ? ag_debt_turn (self->debt, now_us, &when_us) : AG_DEBT_PAYING;
    if (state != AG_DEBT_PAYING)
        ag_debt_destroy (&self->debt);
    return state == AG_DEBT_PAYING || state == AG_DEBT_PAID;
}

static bool s_wait_for_ack (s_delivery_t *self)
{
    for (int64_t look_us = 0;;) {
        int64_t now_us = ag_clock_mono_us ();
        ag_publisher_turn (self->publisher, now_us);
        bool going = s_deliver (self, now_us);
        if (!self->debt && now_us >= look_us) {
            if (s_acked (self) >= ag_event_seq (self->event))
                return true;
            look_us = now_us + LOOK_US;
        }
        if (!going || now_us >= self->until_us)
            return false;
        usleep (TURN_US);
    }
}

/*  On its way to those who follow the data channel: it is given its time, once. */
static void s_finish_publishing (const s_delivery_t *self)
{
    int64_t now_us;
    while ((now_us = ag_clock_mono_us (), ag_publisher_starting (self->publisher, now_us))) {
        ag_publisher_turn (self->publisher, now_us);
        usleep (TURN_US);
    }
    ag_publisher_turn (self->publisher, now_us);
}

static int s_read_event (void *context, uint64_t from, uint64_t to, ag_publisher_event_fn *fn, void *fn_context)
{
    const s_delivery_t *self = context;
    uint64_t seq = ag_event_seq (self->event);
    if (seq >= from && seq <= to)
        fn (fn_context, self->event);
    return 0;
}

static void s_publish (s_delivery_t *self, const ag_target_endpoints_t *endpoints, const ag_ids_t *ids)
{
    char *error = NULL;
    uint64_t seq = ag_event_seq (self->event);
    ag_publisher_options_t options = { .bus = (const char *const *) endpoints->bus.texts,
        .bus_count = endpoints->bus.count,
        .curve = endpoints->curve,
        .ids = *ids,
        .epoch = ag_event_epoch (self->event),
        .first = seq - 1,
        .last = seq - 1,
        .read = s_read_event,
        .context = self };
    self->publisher = ag_publisher_new (&options, &error);
    if (!self->publisher)
        ag_fatal (AG_EXIT_FAILED, "it is in the journal, but cannot be published: %s", error);
    ag_publisher_put (self->publisher, self->event);
}

static int s_emit (const ag_settings_t *settings, const s_emission_t *self)
{
    char *error = NULL, *state_dir = ag_target_state_dir (settings);
    int timeout_ms = (int) ag_settings_integer (settings, "timeout");
    ag_target_endpoints_t endpoints;
    ag_target_endpoints (settings, &endpoints);
    char *folder = ag_target_work_order_folder (state_dir, self->ids.work_order, &error);
    if (!folder)
        ag_fatal (AG_EXIT_FAILED, "%s", error);
    s_delivery_t delivery = { .folder = folder, .event = s_journal (self, folder, timeout_ms) };
    int64_t now_us = ag_clock_mono_us ();
    delivery.until_us = now_us + (int64_t) timeout_ms * 1000;
    delivery.stranger_us = now_us + STRANGER_US;
    delivery.owed = (ag_owed_options_t){ .control = (const char *const *) endpoints.control.texts,
        .control_count = endpoints.control.count,
        .curve = endpoints.curve,
        .patience_us = (int64_t) timeout_ms * 1000 };
    s_publish (&delivery, &endpoints, &self->ids);
    bool acked = s_wait_for_ack (&delivery);
    s_finish_publishing (&delivery);
    if (!acked)
        fprintf (stderr, "agentgate-emit: in the journal, but not acknowledged: no gateway has answered in time;"
                         " agentgate-replay --owed delivers it later\n");
    ag_debt_destroy (&delivery.debt);
    ag_publisher_destroy (&delivery.publisher);
    ag_event_unref (&delivery.event);
    ag_target_endpoints_free (&endpoints);
    free (folder);
    free (state_dir);
    return acked ? 0 : AG_EXIT_OWED;
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
