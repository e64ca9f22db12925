/*  core/draft.c - what somebody wants to say, still changeable

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/draft.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/utf8.h"

enum { WASTE_BYTES = 64 * 1024 };       /* of replaced texts, that are kept */

ag_draft_t *ag_draft_new (ag_kind_t kind)
{
    ag_draft_t *self = ag_calloc (1, sizeof *self);
    self->kind = kind;
    return self;
}

void ag_draft_destroy (ag_draft_t **self_p)
{
    ag_draft_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        if (ag_field_type (self->slots[i].field) == AG_TYPE_OBJECT)
            json_object_put (self->slots[i].u.object);
    ag_buf_free (&self->text);
    free (self);
    *self_p = NULL;
}

ag_kind_t ag_draft_kind (const ag_draft_t *self)
{
    return self->kind;
}

static ag_draft_slot_t *s_find (ag_draft_t *self, ag_field_t field)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->slots[i].field == field)
            return &self->slots[i];
    return NULL;
}

const ag_draft_slot_t *ag_slot_of (const ag_draft_t *self, ag_field_t field)
{
    return s_find ((ag_draft_t *) self, field);
}

static void s_require_type (ag_field_t field, ag_type_t type)
{
    if (field == AG_F_NONE || ag_field_type (field) != type) {
        ag_log_error ("DRAFT_TYPE", "a draft's field was set with another type than its own: field=%s", ag_field_name (field));
        abort ();
    }
}

/*  The field's slot, new or with its old value released. */
static ag_draft_slot_t *s_slot_to_set (ag_draft_t *self, ag_field_t field, ag_type_t type)
{
    s_require_type (field, type);
    ag_draft_slot_t *slot = s_find (self, field);
    if (slot) {
        if (type == AG_TYPE_OBJECT)
            json_object_put (slot->u.object);
        return slot;
    }
    if (self->count == AG_DRAFT_MAX_FIELDS)
        abort ();
    slot = &self->slots[self->count++];
    slot->field = field;
    return slot;
}

/*  A draft that is used again and again leaves replaced texts behind. */
static void s_drop_replaced (ag_draft_t *self)
{
    size_t used = 0;
    for (size_t i = 0; i < self->count; i++)
        used += ag_field_type (self->slots[i].field) == AG_TYPE_STRING ? self->slots[i].u.text.len : 0;
    if (self->text.len - used < WASTE_BYTES)
        return;
    ag_buf_t text = { 0 };
    for (size_t i = 0; i < self->count; i++) {
        ag_draft_slot_t *slot = &self->slots[i];
        if (ag_field_type (slot->field) != AG_TYPE_STRING)
            continue;
        size_t offset = text.len;
        ag_buf_append (&text, self->text.data + slot->u.text.offset, slot->u.text.len);
        slot->u.text.offset = offset;
    }
    ag_buf_free (&self->text);
    self->text = text;
}

void ag_draft_set_string (ag_draft_t *self, ag_field_t field, const char *text, size_t len)
{
    ag_draft_slot_t *slot = s_slot_to_set (self, field, AG_TYPE_STRING);
    slot->u.text.len = 0;
    s_drop_replaced (self);
    slot->u.text.offset = self->text.len;
    ag_utf8_append_repaired (&self->text, text, len);
    slot->u.text.len = self->text.len - slot->u.text.offset;
}

void ag_draft_set_text (ag_draft_t *self, ag_field_t field, const char *text)
{
    ag_draft_set_string (self, field, text, strlen (text));
}

void ag_draft_set_integer (ag_draft_t *self, ag_field_t field, int64_t value)
{
    s_slot_to_set (self, field, AG_TYPE_INTEGER)->u.integer = value;
}

void ag_draft_set_number (ag_draft_t *self, ag_field_t field, double value)
{
    if (isfinite (value))
        s_slot_to_set (self, field, AG_TYPE_NUMBER)->u.number = value;
    else
        ag_draft_unset (self, field);
}

void ag_draft_set_boolean (ag_draft_t *self, ag_field_t field, bool value)
{
    s_slot_to_set (self, field, AG_TYPE_BOOLEAN)->u.boolean = value;
}

void ag_draft_set_object (ag_draft_t *self, ag_field_t field, struct json_object *value)
{
    json_object_get (value);    /* before the old one goes: they may be the same */
    s_slot_to_set (self, field, AG_TYPE_OBJECT)->u.object = value;
}

void ag_draft_unset (ag_draft_t *self, ag_field_t field)
{
    ag_draft_slot_t *slot = s_find (self, field);
    if (!slot)
        return;
    if (ag_field_type (field) == AG_TYPE_OBJECT)
        json_object_put (slot->u.object);
    *slot = self->slots[--self->count];
}

bool ag_draft_has (const ag_draft_t *self, ag_field_t field)
{
    return ag_slot_of (self, field) != NULL;
}

ag_str_t ag_draft_string (const ag_draft_t *self, ag_field_t field)
{
    s_require_type (field, AG_TYPE_STRING);
    const ag_draft_slot_t *slot = ag_slot_of (self, field);
    if (!slot)
        return (ag_str_t) { NULL, 0 };
    if (!slot->u.text.len)
        return AG_STR ("");
    return (ag_str_t) { self->text.data + slot->u.text.offset, slot->u.text.len };
}

int64_t ag_draft_integer (const ag_draft_t *self, ag_field_t field, int64_t fallback)
{
    s_require_type (field, AG_TYPE_INTEGER);
    const ag_draft_slot_t *slot = ag_slot_of (self, field);
    return slot ? slot->u.integer : fallback;
}

double ag_draft_number (const ag_draft_t *self, ag_field_t field, double fallback)
{
    s_require_type (field, AG_TYPE_NUMBER);
    const ag_draft_slot_t *slot = ag_slot_of (self, field);
    return slot ? slot->u.number : fallback;
}

bool ag_draft_boolean (const ag_draft_t *self, ag_field_t field, bool fallback)
{
    s_require_type (field, AG_TYPE_BOOLEAN);
    const ag_draft_slot_t *slot = ag_slot_of (self, field);
    return slot ? slot->u.boolean : fallback;
}

struct json_object *ag_draft_object (const ag_draft_t *self, ag_field_t field)
{
    s_require_type (field, AG_TYPE_OBJECT);
    const ag_draft_slot_t *slot = ag_slot_of (self, field);
    return slot ? slot->u.object : NULL;
}
