/*  core/encode.c - a draft that got its place becomes an event's bytes

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <json-c/json.h>
#include <msgpack.h>
#include <string.h>

#include "core/draft.h"
#include "core/mem.h"
#include "core/utf8.h"

static int s_write (void *context, const char *bytes, size_t len)
{
    ag_buf_append (context, bytes, len);
    return 0;
}

static void s_pack_text (msgpack_packer *packer, const char *text, size_t len)
{
    msgpack_pack_str (packer, len);
    msgpack_pack_str_body (packer, text, len);
}

static void s_pack_str (msgpack_packer *packer, ag_str_t text)
{
    s_pack_text (packer, text.ptr, text.len);
}

static void s_pack_key (msgpack_packer *packer, const char *key)
{
    s_pack_text (packer, key, strlen (key));
}

static void s_pack_repaired (msgpack_packer *packer, const char *text, size_t len)
{
    if (ag_utf8_valid (text, len)) {
        s_pack_text (packer, text, len);
        return;
    }
    ag_buf_t repaired = { 0 };
    ag_utf8_append_repaired (&repaired, text, len);
    s_pack_text (packer, repaired.data, repaired.len);
    ag_buf_free (&repaired);
}

static int s_pack_json (msgpack_packer *packer, struct json_object *value, unsigned depth);

static int s_pack_json_map (msgpack_packer *packer, struct json_object *value, unsigned depth)
{
    msgpack_pack_map (packer, (size_t) json_object_object_length (value));
    json_object_object_foreach (value, key, member) {
        s_pack_repaired (packer, key, strlen (key));
        if (s_pack_json (packer, member, depth))
            return -1;
    }
    return 0;
}

static int s_pack_json_array (msgpack_packer *packer, struct json_object *value, unsigned depth)
{
    size_t count = json_object_array_length (value);
    msgpack_pack_array (packer, count);
    for (size_t i = 0; i < count; i++)
        if (s_pack_json (packer, json_object_array_get_idx (value, i), depth))
            return -1;
    return 0;
}

/*  json-c keeps integers above INT64_MAX as uint64. */
static void s_pack_json_integer (msgpack_packer *packer, struct json_object *value)
{
    int64_t number = json_object_get_int64 (value);
    if (number == INT64_MAX)
        msgpack_pack_uint64 (packer, json_object_get_uint64 (value));
    else
        msgpack_pack_int64 (packer, number);
}

static int s_pack_json (msgpack_packer *packer, struct json_object *value, unsigned depth)
{
    switch (json_object_get_type (value)) {
    case json_type_null: msgpack_pack_nil (packer); return 0;
    case json_type_boolean:
        if (json_object_get_boolean (value))
            msgpack_pack_true (packer);
        else
            msgpack_pack_false (packer);
        return 0;
    case json_type_int: s_pack_json_integer (packer, value); return 0;
    case json_type_double: msgpack_pack_double (packer, json_object_get_double (value)); return 0;
    case json_type_string:
        s_pack_repaired (packer, json_object_get_string (value), (size_t) json_object_get_string_len (value));
        return 0;
    case json_type_object: return depth ? s_pack_json_map (packer, value, depth - 1) : -1;
    case json_type_array: return depth ? s_pack_json_array (packer, value, depth - 1) : -1;
    }
    return -1;
}

static bool s_allowed (const ag_field_rule_t *rule, ag_str_t text)
{
    if (!rule->values)
        return true;
    for (const char *const *value = rule->values; *value; value++)
        if (ag_str_is (text, *value))
            return true;
    return false;
}

/*  One field, if the draft has it. 0, or -1 with *error_r. */
static int s_pack_field (msgpack_packer *packer, const ag_draft_t *draft, const ag_field_rule_t *rule, char **error_r)
{
    const char *name = ag_field_name (rule->field);
    const ag_draft_slot_t *slot = ag_slot_of (draft, rule->field);
    if (!slot) {
        if (!rule->required)
            return 0;
        *error_r = ag_asprintf ("%s: field %s is missing", ag_kind_name (draft->kind), name);
        return -1;
    }
    s_pack_key (packer, name);
    switch (ag_field_type (rule->field)) {
    case AG_TYPE_STRING: {
        ag_str_t text = ag_draft_string (draft, rule->field);
        if (!s_allowed (rule, text)) {
            *error_r = ag_asprintf ("%s: field %s: '%.*s' is none of its values", ag_kind_name (draft->kind), name,
                (int) (text.len < 64 ? text.len : 64), text.ptr);
            return -1;
        }
        s_pack_str (packer, text);
        return 0;
    }
    case AG_TYPE_INTEGER: msgpack_pack_int64 (packer, slot->u.integer); return 0;
    case AG_TYPE_NUMBER: msgpack_pack_double (packer, slot->u.number); return 0;
    case AG_TYPE_BOOLEAN:
        if (slot->u.boolean)
            msgpack_pack_true (packer);
        else
            msgpack_pack_false (packer);
        return 0;
    case AG_TYPE_OBJECT:
        if (!json_object_is_type (slot->u.object, json_type_object)) {
            *error_r = ag_asprintf ("%s: field %s is no object", ag_kind_name (draft->kind), name);
            return -1;
        }
        if (s_pack_json (packer, slot->u.object, AG_EVENT_MAX_DEPTH - 1) == 0)
            return 0;
        *error_r = ag_asprintf ("%s: field %s is nested deeper than %d", ag_kind_name (draft->kind), name, AG_EVENT_MAX_DEPTH);
        return -1;
    }
    return -1;
}

static void s_pack_common (msgpack_packer *packer, ag_kind_t kind, const ag_ids_t *ids, const ag_position_t *at)
{
    s_pack_key (packer, "type");
    s_pack_key (packer, ag_kind_name (kind));
    s_pack_key (packer, "workOrderId");
    s_pack_str (packer, ids->work_order);
    if (ids->run.ptr) {
        s_pack_key (packer, "runId");
        s_pack_str (packer, ids->run);
    }
    if (ids->run.ptr && ids->in_work_order_stream) {
        s_pack_key (packer, "stream");
        msgpack_pack_str (packer, ids->work_order.len + 1);
        msgpack_pack_str_body (packer, "@", 1);
        msgpack_pack_str_body (packer, ids->work_order.ptr, ids->work_order.len);
    }
    s_pack_key (packer, "seq");
    msgpack_pack_uint64 (packer, at->seq);
    s_pack_key (packer, "ts");
    msgpack_pack_int64 (packer, at->ts_us);
}

/*  A draft may hold fields that its kind does not have: they are not said. */
static size_t s_count_fields (const ag_draft_t *draft, const ag_field_rule_t *rules, size_t rule_count)
{
    size_t count = 0;
    for (size_t i = 0; i < rule_count; i++)
        count += ag_draft_has (draft, rules[i].field);
    return count;
}

ag_event_t *ag_event_new (const ag_draft_t *draft, const ag_ids_t *ids, const ag_position_t *at, char **error_r)
{
    size_t rule_count;
    const ag_field_rule_t *rules = ag_kind_fields (draft->kind, &rule_count);
    size_t common = 4 + (ids->run.ptr ? 1 + ids->in_work_order_stream : 0);
    ag_buf_t out = { 0 };
    msgpack_packer packer;
    msgpack_packer_init (&packer, &out, s_write);
    msgpack_pack_map (&packer, common + s_count_fields (draft, rules, rule_count));
    s_pack_common (&packer, draft->kind, ids, at);
    ag_event_t *self = NULL;
    size_t i = 0;
    while (i < rule_count && s_pack_field (&packer, draft, &rules[i], error_r) == 0)
        i++;
    if (i == rule_count)
        self = ag_event_decode (out.data, out.len, at->epoch, error_r);
    ag_buf_free (&out);
    return self;
}
