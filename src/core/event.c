/*  core/event.c - an event: read once, immutable, counted

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <agentgate/event.h>

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/buf.h"
#include "core/mem.h"
#include "core/mpread.h"
#include "core/rolled.h"
#include "core/utf8.h"

/*  One allocation: the structure, the encoded bytes, and for the stream of a
    work order its name. All slices point into it. */
struct ag_event {
    unsigned refs;              /* holders; not atomic: events stay in one thread */
    ag_kind_t kind;
    ag_priority_t priority;
    uint64_t epoch, seq;
    int64_t ts_us;
    ag_str_t type, stream, work_order, run;
    char *json;                 /* made at the first call of ag_event_json */
    size_t json_len;
    size_t size;                /* of this allocation */
    size_t len;                 /* of the encoded form */
    unsigned char data[];
};

/* ---------------------------------------------------------------------- */
/*  Decoding */

/*  What has been seen of a map while it is read. */
typedef struct {
    ag_event_t *event;
    bool seen_type, seen_work_order, seen_run, seen_stream, seen_seq, seen_ts;
    bool seen[AG_F_COUNT];
    ag_mp_type_t types[AG_F_COUNT];
    ag_str_t stream;            /* as written; event->stream is derived */
    const char *wrong;          /* name of the key that is wrong, once one is */
} s_decoder_t;

static bool s_take_text (const ag_mp_value_t *value, bool *seen, ag_str_t *text_r)
{
    bool good = value->type == AG_MP_STRING && !*seen;
    *seen = true;
    *text_r = value->u.bytes;
    return good;
}

static bool s_take_integer (const ag_mp_value_t *value, bool *seen, int64_t *number_r)
{
    bool good = value->type == AG_MP_INTEGER && !*seen;
    *seen = true;
    *number_r = value->u.integer;
    return good;
}

/*  1 a common field, 0 another one, -1 a common field that is wrong. */
static int s_decode_common (s_decoder_t *self, ag_str_t key, const ag_mp_value_t *value)
{
    ag_event_t *event = self->event;
    int64_t seq = 0;
    bool good;
    if (ag_str_is (key, "type"))
        good = s_take_text (value, &self->seen_type, &event->type);
    else if (ag_str_is (key, "workOrderId"))
        good = s_take_text (value, &self->seen_work_order, &event->work_order);
    else if (ag_str_is (key, "runId"))
        good = s_take_text (value, &self->seen_run, &event->run);
    else if (ag_str_is (key, "stream"))
        good = s_take_text (value, &self->seen_stream, &self->stream);
    else if (ag_str_is (key, "seq")) {
        good = s_take_integer (value, &self->seen_seq, &seq) && seq > 0;
        event->seq = (uint64_t) seq;
    } else if (ag_str_is (key, "ts"))
        good = s_take_integer (value, &self->seen_ts, &event->ts_us);
    else
        return 0;
    return good ? 1 : -1;
}

/*  One pair. 0, or -1: self->wrong names the key, or the msgpack is broken. */
static int s_decode_pair (s_decoder_t *self, ag_mp_t *at)
{
    ag_mp_value_t key, value;
    if (ag_mp_next (at, &key) || key.type != AG_MP_STRING)
        return -1;
    ag_mp_t value_at = *at;
    if (ag_mp_skip (at, AG_EVENT_MAX_DEPTH - 1) || ag_mp_next (&value_at, &value))
        return -1;
    int common = s_decode_common (self, key.u.bytes, &value);
    if (common) {
        self->wrong = common < 0 ? "one of type, workOrderId, runId, stream, seq, ts" : NULL;
        return common < 0 ? -1 : 0;
    }
    ag_field_t field = ag_field_by_name (key.u.bytes.ptr, key.u.bytes.len);
    if (field != AG_F_NONE && self->seen[field]) {
        self->wrong = ag_field_name (field);
        return -1;
    }
    self->seen[field] = true;
    self->types[field] = value.type;
    return 0;
}

static bool s_type_fits (ag_type_t wanted, ag_mp_type_t found)
{
    switch (wanted) {
    case AG_TYPE_STRING: return found == AG_MP_STRING;
    case AG_TYPE_INTEGER: return found == AG_MP_INTEGER;
    case AG_TYPE_NUMBER: return found == AG_MP_INTEGER || found == AG_MP_FLOAT;
    case AG_TYPE_BOOLEAN: return found == AG_MP_BOOLEAN;
    case AG_TYPE_OBJECT: return found == AG_MP_MAP;
    }
    return false;
}

/*  The fields against the table, once the type is known. NULL, or the wrong one. */
static const char *s_check_fields (const s_decoder_t *self, ag_kind_t kind)
{
    size_t count;
    const ag_field_rule_t *rules = ag_kind_fields (kind, &count);
    for (size_t i = 0; i < count; i++) {
        ag_field_t field = rules[i].field;
        if (self->seen[field] ? !s_type_fits (ag_field_type (field), self->types[field]) : rules[i].required)
            return ag_field_name (field);
    }
    return NULL;
}

static bool s_id_good (ag_str_t id)
{
    return id.len >= 1 && id.len <= AG_ID_MAX_BYTES && ag_utf8_valid (id.ptr, id.len);
}

static bool s_names_work_order (ag_str_t stream, ag_str_t work_order)
{
    return stream.len == work_order.len + 1 && stream.ptr[0] == '@'
        && memcmp (stream.ptr + 1, work_order.ptr, work_order.len) == 0;
}

/*  Which stream it stands in, and that the ids agree with it. NULL, or the wrong one. */
static const char *s_check_ids (s_decoder_t *self)
{
    ag_event_t *event = self->event;
    if (!s_id_good (event->work_order))
        return "workOrderId";
    if (self->seen_run && (!s_id_good (event->run) || event->run.ptr[0] == '@'))
        return "runId";
    bool in_work_order = !self->seen_run;
    if (self->seen_stream) {
        in_work_order = s_names_work_order (self->stream, event->work_order);
        if (!in_work_order && !(self->seen_run && ag_str_eq (self->stream, event->run)))
            return "stream";
    }
    if (in_work_order) {
        char *name = (char *) event->data + event->len;
        name[0] = '@';
        memcpy (name + 1, event->work_order.ptr, event->work_order.len);
        event->stream = (ag_str_t) { name, event->work_order.len + 1 };
    } else
        event->stream = event->run;
    return NULL;
}

static const char *s_check_all (s_decoder_t *self)
{
    if (!self->seen_type)
        return "type";
    if (!self->seen_work_order)
        return "workOrderId";
    if (!self->seen_seq)
        return "seq";
    if (!self->seen_ts)
        return "ts";
    const char *wrong = s_check_ids (self);
    return wrong ? wrong : s_check_fields (self, self->event->kind);
}

/*  Of all fields only agent_error's severity changes the class. */
static ag_priority_t s_priority_of (const ag_event_t *self)
{
    if (self->kind == AG_AGENT_ERROR && ag_str_is (ag_event_string (self, AG_F_SEVERITY), "warning"))
        return AG_HIGH;
    return ag_kind_priority (self->kind);
}

/*  Fills the event from its bytes. NULL, or what is wrong (malloc'ed). */
static char *s_decode (ag_event_t *event)
{
    s_decoder_t decoder = { .event = event };
    ag_mp_t at = ag_mp (event->data, event->len);
    ag_mp_value_t map;
    if (ag_mp_next (&at, &map) || map.type != AG_MP_MAP)
        return ag_strdup ("no event: it does not begin with a msgpack map");
    for (uint32_t i = 0; i < map.u.count; i++)
        if (s_decode_pair (&decoder, &at))
            return decoder.wrong ? ag_asprintf ("no event: field %s is of a wrong type or there twice", decoder.wrong)
                : ag_asprintf ("no event: malformed or truncated msgpack, or deeper than %d", AG_EVENT_MAX_DEPTH);
    if (!ag_mp_at_end (&at))
        return ag_strdup ("no event: bytes follow the msgpack map");
    event->kind = ag_kind_by_name (event->type.ptr ? event->type.ptr : "", event->type.len);
    const char *wrong = s_check_all (&decoder);
    if (wrong)
        return ag_asprintf ("no event: field %s is missing or wrong", wrong);
    event->priority = s_priority_of (event);
    return NULL;
}

ag_event_t *ag_event_decode (const void *data, size_t len, uint64_t epoch, char **error_r)
{
    if (len > AG_EVENT_MAX_BYTES) {
        *error_r = ag_asprintf ("an event of %zu bytes is larger than the allowed %d", len, AG_EVENT_MAX_BYTES);
        return NULL;
    }
    size_t size = sizeof (ag_event_t) + len + AG_STREAM_MAX_BYTES;
    ag_event_t *self = ag_malloc (size);
    *self = (ag_event_t) { .refs = 1, .epoch = epoch, .len = len, .size = size };
    if (len)
        memcpy (self->data, data, len);
    char *error = s_decode (self);
    if (error) {
        free (self);
        *error_r = error;
        return NULL;
    }
    return self;
}

ag_event_t *ag_event_ref (ag_event_t *self)
{
    self->refs++;
    return self;
}

void ag_event_unref (ag_event_t **self_p)
{
    ag_event_t *self = *self_p;
    *self_p = NULL;
    if (!self || --self->refs)
        return;
    free (self->json);
    free (self);
}

/* ---------------------------------------------------------------------- */
/*  Reading */

ag_kind_t ag_event_kind (const ag_event_t *self)
{
    return self->kind;
}

ag_str_t ag_event_type (const ag_event_t *self)
{
    return self->type;
}

ag_priority_t ag_event_priority (const ag_event_t *self)
{
    return self->priority;
}

uint64_t ag_event_epoch (const ag_event_t *self)
{
    return self->epoch;
}

uint64_t ag_event_seq (const ag_event_t *self)
{
    return self->seq;
}

int64_t ag_event_ts_us (const ag_event_t *self)
{
    return self->ts_us;
}

ag_str_t ag_event_stream (const ag_event_t *self)
{
    return self->stream;
}

ag_str_t ag_event_work_order (const ag_event_t *self)
{
    return self->work_order;
}

ag_str_t ag_event_run (const ag_event_t *self)
{
    return self->run;
}

ag_str_t ag_event_encoded (const ag_event_t *self)
{
    return (ag_str_t) { (const char *) self->data, self->len };
}

size_t ag_event_memory (const ag_event_t *self)
{
    return self->size + self->json_len;
}

static bool s_get (const ag_event_t *self, ag_field_t field, ag_mp_type_t type, ag_mp_value_t *value_r)
{
    return ag_mp_map_get (ag_mp (self->data, self->len), ag_field_name (field), value_r) == 1 && value_r->type == type;
}

ag_str_t ag_event_string (const ag_event_t *self, ag_field_t field)
{
    ag_mp_value_t value;
    return s_get (self, field, AG_MP_STRING, &value) ? value.u.bytes : (ag_str_t) { NULL, 0 };
}

int64_t ag_event_integer (const ag_event_t *self, ag_field_t field, int64_t fallback)
{
    ag_mp_value_t value;
    return s_get (self, field, AG_MP_INTEGER, &value) ? value.u.integer : fallback;
}

double ag_event_number (const ag_event_t *self, ag_field_t field, double fallback)
{
    ag_mp_value_t value;
    if (s_get (self, field, AG_MP_FLOAT, &value))
        return value.u.number;
    return s_get (self, field, AG_MP_INTEGER, &value) ? (double) value.u.integer : fallback;
}

bool ag_event_boolean (const ag_event_t *self, ag_field_t field, bool fallback)
{
    ag_mp_value_t value;
    return s_get (self, field, AG_MP_BOOLEAN, &value) ? value.u.boolean : fallback;
}

/* ---------------------------------------------------------------------- */
/*  JSON */

/*  A key that JSON has of its own; a foreign one of that name is not repeated. */
static bool s_json_only (ag_str_t key)
{
    return ag_str_is (key, "timestamp") || ag_str_is (key, "seqFirst");
}

static void s_json_seq (const ag_event_t *self, uint64_t seq_first, ag_buf_t *out)
{
    if (seq_first && seq_first != self->seq) {
        ag_buf_append_cstr (out, "\"seqFirst\":");
        ag_buf_append_uint (out, seq_first);
        ag_buf_append_char (out, ',');
    }
    ag_buf_append_cstr (out, "\"seq\":");
    ag_buf_append_uint (out, self->seq);
}

static void s_json_timestamp (const ag_event_t *self, ag_buf_t *out)
{
    char text[AG_TIMESTAMP_SIZE];
    ag_clock_format (self->ts_us, text);
    ag_buf_append_cstr (out, "\"timestamp\":\"");
    ag_buf_append_cstr (out, text);
    ag_buf_append_char (out, '"');
}

/*  The bytes were checked when the event was made, so reading cannot fail. */
static void s_append_json (const ag_event_t *self, uint64_t seq_first, const ag_str_t *content, ag_buf_t *out)
{
    ag_mp_t at = ag_mp (self->data, self->len);
    ag_mp_value_t map, key;
    ag_mp_next (&at, &map);
    char separator = '{';
    for (uint32_t i = 0; i < map.u.count; i++) {
        ag_mp_next (&at, &key);
        if (s_json_only (key.u.bytes)) {
            ag_mp_skip (&at, AG_EVENT_MAX_DEPTH);
            continue;
        }
        ag_buf_append_char (out, separator);
        separator = ',';
        bool seq = ag_str_is (key.u.bytes, "seq"), ts = ag_str_is (key.u.bytes, "ts");
        bool replaced = content && ag_str_is (key.u.bytes, "content");
        if (seq)
            s_json_seq (self, seq_first, out);
        else if (ts)
            s_json_timestamp (self, out);
        else {
            ag_buf_append_json_string (out, key.u.bytes);
            ag_buf_append_char (out, ':');
            if (replaced)
                ag_buf_append_json_string (out, *content);
            else
                ag_mp_to_json (&at, AG_EVENT_MAX_DEPTH, out);
        }
        if (seq || ts || replaced)
            ag_mp_skip (&at, AG_EVENT_MAX_DEPTH);
    }
    ag_buf_append_char (out, '}');
}

ag_str_t ag_event_json (ag_event_t *self)
{
    if (!self->json) {
        ag_buf_t out = { 0 };
        ag_buf_reserve (&out, self->len + self->len / 4 + 64);
        s_append_json (self, 0, NULL, &out);
        self->json = ag_realloc (out.data, out.len);
        self->json_len = out.len;
    }
    return (ag_str_t) { self->json, self->json_len };
}

void ag_rolled_json (ag_event_t *last, uint64_t seq_first, const ag_str_t *content, ag_buf_t *out)
{
    s_append_json (last, seq_first, content, out);
}
