/*  agent/json.c - reading what a draft holds, a json-c tree

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/json.h"

#include "core/mem.h"

static struct json_object *s_get (struct json_object *object, const char *key, json_type type)
{
    struct json_object *value = NULL;
    if (json_object_is_type (object, json_type_object))
        json_object_object_get_ex (object, key, &value);
    return value && json_object_is_type (value, type) ? value : NULL;
}

struct json_object *ag_json_array (struct json_object *object, const char *key)
{
    return s_get (object, key, json_type_array);
}

ag_str_t ag_json_str (struct json_object *object, const char *key)
{
    struct json_object *value = s_get (object, key, json_type_string);
    if (!value)
        return (ag_str_t) { NULL, 0 };
    return (ag_str_t) { json_object_get_string (value), (size_t) json_object_get_string_len (value) };
}

ag_str_t ag_json_str_any (struct json_object *object, const char *const *keys)
{
    ag_str_t text = { NULL, 0 };
    while (!text.ptr && *keys)
        text = ag_json_str (object, *keys++);
    return text;
}

bool ag_json_bool (struct json_object *object, const char *key, bool fallback)
{
    struct json_object *value = s_get (object, key, json_type_boolean);
    return value ? json_object_get_boolean (value) : fallback;
}

bool ag_json_is (struct json_object *object, const char *key, const char *literal)
{
    return ag_str_is (ag_json_str (object, key), literal);
}
