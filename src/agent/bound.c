/*  agent/bound.c - a tool's input, made small enough for an event

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <math.h>
#include <string.h>

#include "agent/bound.h"
#include "agent/json.h"
#include "core/mem.h"
#include "core/utf8.h"

enum {
    MAX_DEPTH = 24,                     /* of the tree; an event may have AG_EVENT_MAX_DEPTH */
    MAX_BYTES = 512 * 1024,             /* of all keys and values, as msgpack or JSON would hold them */
    NODE_BYTES = 12                     /* a number, or the frame of a string, in JSON */
};

/*  What is left to give, and whether it was enough. */
typedef struct {
    size_t bytes;               /* may still be used */
    bool changed;               /* a copy is needed: something differs from the original */
    bool cut;                   /* something is missing */
} s_budget_t;

static void s_spend (s_budget_t *budget, size_t bytes)
{
    if (bytes > budget->bytes) {
        budget->bytes = 0;
        budget->changed = true;
    }
    else
        budget->bytes -= bytes;
}

static bool s_is_nested (struct json_object *value)
{
    return json_object_is_type (value, json_type_object) || json_object_is_type (value, json_type_array);
}

/*  JSON has no infinity; 1e999 reads as one. */
static bool s_is_infinite (struct json_object *value)
{
    return json_object_is_type (value, json_type_double) && !isfinite (json_object_get_double (value));
}

/*  Looks whether all is within bounds; stops where it is clear that it is not. */
static void s_measure (struct json_object *value, int depth, s_budget_t *budget)
{
    size_t text_len = ag_json_text (value).len;
    s_spend (budget, NODE_BYTES + text_len);
    if (text_len > AG_TEXT_MAX_BYTES || s_is_infinite (value) || (s_is_nested (value) && depth > MAX_DEPTH))
        budget->changed = true;
    if (budget->changed)
        return;
    if (json_object_is_type (value, json_type_object)) {
        json_object_object_foreach (value, key, member) {
            s_spend (budget, NODE_BYTES + strlen (key));
            s_measure (member, depth + 1, budget);
            if (budget->changed)
                return;
        }
    }
    else if (json_object_is_type (value, json_type_array))
        for (size_t i = 0; i < json_object_array_length (value) && !budget->changed; i++)
            s_measure (json_object_array_get_idx (value, i), depth + 1, budget);
}

static struct json_object *s_copy_text (ag_str_t text, s_budget_t *budget)
{
    size_t room = budget->bytes < AG_TEXT_MAX_BYTES ? budget->bytes : AG_TEXT_MAX_BYTES;
    size_t len = ag_utf8_prefix_bytes (text.ptr, text.len, room);
    if (len < text.len)
        budget->cut = true;
    s_spend (budget, NODE_BYTES + len);
    return json_object_new_string_len (text.ptr, (int) len);
}

static struct json_object *s_copy (struct json_object *value, int depth, s_budget_t *budget);

static struct json_object *s_copy_object (struct json_object *value, int depth, s_budget_t *budget)
{
    struct json_object *copy = json_object_new_object ();
    json_object_object_foreach (value, key, member) {
        size_t cost = NODE_BYTES + strlen (key);
        if (cost + NODE_BYTES > budget->bytes) {
            budget->cut = true;
            break;
        }
        s_spend (budget, cost);
        json_object_object_add (copy, key, s_copy (member, depth + 1, budget));
    }
    return copy;
}

static struct json_object *s_copy_array (struct json_object *value, int depth, s_budget_t *budget)
{
    struct json_object *copy = json_object_new_array ();
    for (size_t i = 0; i < json_object_array_length (value); i++) {
        if (budget->bytes < 2 * NODE_BYTES) {
            budget->cut = true;
            break;
        }
        json_object_array_add (copy, s_copy (json_object_array_get_idx (value, i), depth + 1, budget));
    }
    return copy;
}

static struct json_object *s_copy (struct json_object *value, int depth, s_budget_t *budget)
{
    if ((s_is_nested (value) && depth > MAX_DEPTH) || s_is_infinite (value)) {
        size_t len;
        const char *text = json_object_to_json_string_length (value, JSON_C_TO_STRING_PLAIN, &len);
        return s_copy_text ((ag_str_t) { text, len }, budget);
    }
    if (json_object_is_type (value, json_type_string))
        return s_copy_text (ag_json_text (value), budget);
    s_spend (budget, NODE_BYTES);
    if (json_object_is_type (value, json_type_object))
        return s_copy_object (value, depth, budget);
    if (json_object_is_type (value, json_type_array))
        return s_copy_array (value, depth, budget);
    return json_object_get (value);     /* numbers and booleans are never changed: share them */
}

struct json_object *ag_bound_input (struct json_object *input, bool *cut_r)
{
    s_budget_t budget = { .bytes = MAX_BYTES };
    s_measure (input, 1, &budget);
    *cut_r = false;
    if (!budget.changed)
        return json_object_get (input);
    budget = (s_budget_t) { .bytes = MAX_BYTES };
    struct json_object *copy = s_copy (input, 1, &budget);
    *cut_r = budget.cut;
    return copy;
}
