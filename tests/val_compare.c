/*  val_compare.c - our reading of a JSON text beside json-c's

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Where json-c is lenient in another way (keys end at NUL, integers that do
    not fit become the largest that does) nothing is compared.
*/
#include "val_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/mem.h"

static const char *s_compare (ag_val_t *ours, struct json_object *theirs);

static const char *s_number (ag_val_t *ours, struct json_object *theirs)
{
    bool is_integer;
    int64_t integer;
    double number;
    if (!ag_val_parse_number (ours, &is_integer, &integer, &number))
        return "a number is none";
    if (json_object_is_type (theirs, json_type_int))
        return !is_integer || integer == json_object_get_int64 (theirs) ? NULL : "an integer";
    double other = json_object_get_double (theirs);
    return number == other || (isnan (number) && isnan (other)) ? NULL : "a number";
}

static const char *s_string (ag_val_t *ours, struct json_object *theirs)
{
    ag_str_t text = ag_val_text (ours);
    ag_str_t other = { json_object_get_string (theirs), (size_t) json_object_get_string_len (theirs) };
    return ag_str_eq (text, other) ? NULL : "a string";
}

static const char *s_array (ag_val_t *ours, struct json_object *theirs)
{
    size_t count = 0;
    for (ag_val_t *element = ag_val_first (ours); element; element = ag_val_next (ours, element), count++) {
        const char *differs = s_compare (element, json_object_array_get_idx (theirs, count));
        if (differs)
            return differs;
    }
    bool same = count == json_object_array_length (theirs) && count == ag_val_count (ours);
    return same ? NULL : "the number of elements";
}

static bool s_has_odd_key (ag_val_t *ours)
{
    ag_str_t key;
    for (ag_val_t *member = NULL; (member = ag_val_member (ours, member, &key));)
        if (key.len && memchr (key.ptr, 0, key.len))
            return true;
    return false;
}

static const char *s_object (ag_val_t *ours, struct json_object *theirs)
{
    if (s_has_odd_key (ours))
        return NULL;
    json_object_object_foreach (theirs, key, value) {
        ag_val_t *member = ag_val_get (ours, key);
        if (!ag_val_has (ours, key) || !member != !value)
            return "a member is missing";
        const char *differs = s_compare (member, value);
        if (differs)
            return differs;
    }
    ag_str_t ours_key;
    for (ag_val_t *member = NULL; (member = ag_val_member (ours, member, &ours_key));) {
        char *name = ag_str_dup (ours_key);
        bool known = json_object_object_get_ex (theirs, name, NULL);
        free (name);
        if (!known)
            return "a member is made up";
    }
    return NULL;
}

static const char *s_compare (ag_val_t *ours, struct json_object *theirs)
{
    static const ag_val_type_t types[] = {
        [json_type_null] = AG_VAL_NULL, [json_type_boolean] = AG_VAL_BOOLEAN, [json_type_double] = AG_VAL_NUMBER,
        [json_type_int] = AG_VAL_NUMBER, [json_type_object] = AG_VAL_OBJECT, [json_type_array] = AG_VAL_ARRAY,
        [json_type_string] = AG_VAL_STRING
    };
    ag_val_type_t type = types[json_object_get_type (theirs)];
    if (type != ag_val_type (ours))
        return "a type";
    switch (type) {
    case AG_VAL_BOOLEAN: return ag_val_is_true (ours) == json_object_get_boolean (theirs) ? NULL : "a boolean";
    case AG_VAL_NUMBER: return s_number (ours, theirs);
    case AG_VAL_STRING: return s_string (ours, theirs);
    case AG_VAL_ARRAY: return s_array (ours, theirs);
    case AG_VAL_OBJECT: return s_object (ours, theirs);
    default: return NULL;
    }
}

const char *val_compare (ag_reader_t *reader, ag_str_t text)
{
    size_t used;
    const char *why, *differs = NULL;
    struct json_tokener *tokener = json_tokener_new_ex (AG_VAL_MAX_DEPTH);
    struct json_object *theirs = json_tokener_parse_ex (tokener, text.ptr, (int) text.len);
    bool read = json_tokener_get_error (tokener) == json_tokener_success;
    ag_val_t *ours = ag_reader_read (reader, text, &used, &why);
    if (!ours && !why)
        differs = "no reason";
    else if (ours && read && json_object_is_type (theirs, json_type_object)) {
        size_t end = json_tokener_get_parse_end (tokener);
        while (used < end && strchr (" \t\r\n\v\f", text.ptr[used]))
            used++;             /* json-c may take it too */
        differs = used == end ? s_compare (ours, theirs) : "where it ends";
    }
    json_object_put (theirs);
    json_tokener_free (tokener);
    return differs;
}
