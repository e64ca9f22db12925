/*  agent/json.c - a line's text to a json-c tree, and reading that tree

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "core/mem.h"

enum {
    SMALL_BYTES = 64 * 1024,        /* too short to make a tree that matters */
    KEEP_BYTES = 1024 * 1024,       /* a longer text may leave a large buffer in the tokener: make a new one */
    /*  What json-c 0.16 allocates, glibc's overhead included. */
    COST_OBJECT = 832,              /* an empty object: its hash table starts with 16 entries */
    COST_KEY = 200,                 /* a copy of the key, and its entry while the table doubles */
    COST_ARRAY = 400,               /* an empty array: room for 32 elements */
    COST_VALUE = 96                 /* a number with its source text; a short string */
};

struct ag_json {
    struct json_tokener *tokener;
};

ag_json_t *ag_json_new (void)
{
    ag_json_t *self = ag_calloc (1, sizeof *self);
    self->tokener = json_tokener_new_ex (AG_JSON_MAX_DEPTH);
    return self;
}

void ag_json_destroy (ag_json_t **self_p)
{
    if (!*self_p)
        return;
    if ((*self_p)->tokener)
        json_tokener_free ((*self_p)->tokener);
    free (*self_p);
    *self_p = NULL;
}

static size_t s_skip_string (ag_str_t text, size_t at)
{
    for (; at < text.len && text.ptr[at] != '"'; at++)
        if (text.ptr[at] == '\\')
            at++;
    return at;
}

/*  An upper bound of the tree's memory; stops counting above the limit. */
static size_t s_cost (ag_str_t text)
{
    size_t cost = text.len;
    for (size_t at = 0; at < text.len && cost <= AG_JSON_MAX_TREE_BYTES; at++)
        switch (text.ptr[at]) {
        case '"': at = s_skip_string (text, at + 1); break;
        case '{': cost += COST_OBJECT; break;
        case '[': cost += COST_ARRAY; break;
        case ':': cost += COST_KEY; break;
        case ',': cost += COST_VALUE; break;
        default: break;
        }
    return cost;
}

static struct json_object *s_fail (ag_json_t *self, size_t *used_r, const char **reason_r)
{
    enum json_tokener_error error = json_tokener_get_error (self->tokener);
    *used_r = json_tokener_get_parse_end (self->tokener);
    *reason_r = error == json_tokener_continue ? "it ends too early" : json_tokener_error_desc (error);
    return NULL;
}

struct json_object *ag_json_parse (ag_json_t *self, ag_str_t text, size_t *used_r, const char **reason_r)
{
    if (text.len > SMALL_BYTES && s_cost (text) > AG_JSON_MAX_TREE_BYTES) {
        *used_r = 0;
        *reason_r = "it has too many members";
        return NULL;
    }
    if (!self->tokener)
        self->tokener = json_tokener_new_ex (AG_JSON_MAX_DEPTH);
    json_tokener_reset (self->tokener);
    struct json_object *tree = json_tokener_parse_ex (self->tokener, text.ptr, (int) text.len);
    if (!tree)
        s_fail (self, used_r, reason_r);
    else
        *used_r = json_tokener_get_parse_end (self->tokener);
    if (text.len > KEEP_BYTES) {
        json_tokener_free (self->tokener);
        self->tokener = NULL;
    }
    return tree;
}

/* ---------------------------------------------------------------------- */
/*  Reading */

struct json_object *ag_json_get (struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_is_type (object, json_type_object))
        return NULL;
    json_object_object_get_ex (object, key, &value);
    return value;
}

static struct json_object *s_get_typed (struct json_object *object, const char *key, json_type type)
{
    struct json_object *value = ag_json_get (object, key);
    return value && json_object_is_type (value, type) ? value : NULL;
}

struct json_object *ag_json_object (struct json_object *object, const char *key)
{
    return s_get_typed (object, key, json_type_object);
}

struct json_object *ag_json_array (struct json_object *object, const char *key)
{
    return s_get_typed (object, key, json_type_array);
}

ag_str_t ag_json_text (struct json_object *value)
{
    if (!value || !json_object_is_type (value, json_type_string))
        return (ag_str_t) { NULL, 0 };
    return (ag_str_t) { json_object_get_string (value), (size_t) json_object_get_string_len (value) };
}

ag_str_t ag_json_str (struct json_object *object, const char *key)
{
    return ag_json_text (ag_json_get (object, key));
}

ag_str_t ag_json_str_any (struct json_object *object, const char *const *keys)
{
    ag_str_t text = { NULL, 0 };
    while (!text.ptr && *keys)
        text = ag_json_str (object, *keys++);
    return text;
}

/*  Integer fields may come as 3.0. */
int64_t ag_json_int (struct json_object *object, const char *key, int64_t fallback)
{
    struct json_object *value = ag_json_get (object, key);
    if (value && json_object_is_type (value, json_type_int))
        return json_object_get_int64 (value);
    double number = ag_json_number (object, key, NAN);
    return isfinite (number) && fabs (number) < 9e18 ? (int64_t) number : fallback;
}

double ag_json_number (struct json_object *object, const char *key, double fallback)
{
    struct json_object *value = ag_json_get (object, key);
    if (!value || (!json_object_is_type (value, json_type_double) && !json_object_is_type (value, json_type_int)))
        return fallback;
    double number = json_object_get_double (value);
    return isfinite (number) ? number : fallback;
}

bool ag_json_bool (struct json_object *object, const char *key, bool fallback)
{
    struct json_object *value = s_get_typed (object, key, json_type_boolean);
    return value ? json_object_get_boolean (value) : fallback;
}

bool ag_json_is (struct json_object *object, const char *key, const char *literal)
{
    return ag_str_is (ag_json_str (object, key), literal);
}
