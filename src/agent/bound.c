/*  agent/bound.c - a tool's input, made small enough for an event

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/bound.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

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
    bool cut;                   /* something is missing */
} s_budget_t;

static void s_spend (s_budget_t *budget, size_t bytes)
{
    budget->bytes -= bytes < budget->bytes ? bytes : budget->bytes;
}

/*  Cut at one place only, which redact.c knows; what then does not fit is left out whole. */
static struct json_object *s_copy_text (ag_str_t text, s_budget_t *budget)
{
    size_t len = ag_utf8_prefix_bytes (text.ptr, text.len, AG_TEXT_MAX_BYTES);
    if (len > budget->bytes)
        len = 0;
    if (len < text.len)
        budget->cut = true;
    s_spend (budget, NODE_BYTES + len);
    return json_object_new_string_len (len ? text.ptr : "", (int) len);
}

/*  JSON has no infinity: what reads as one (1e999) stays as it is written. */
static struct json_object *s_copy_number (ag_val_t *value, s_budget_t *budget)
{
    bool is_integer;
    int64_t integer;
    double number;
    ag_str_t source = ag_val_source (value);
    ag_val_parse_number (value, &is_integer, &integer, &number);
    if (!isfinite (number))
        return s_copy_text (source, budget);
    s_spend (budget, NODE_BYTES);
    if (is_integer)
        return json_object_new_int64 (integer);
    char text[24] = "";
    if (source.len < sizeof text)
        memcpy (text, source.ptr, source.len);
    errno = 0;
    uint64_t large = strtoull (text, NULL, 10);
    bool is_large = text[0] && strspn (text, "0123456789") == source.len && errno == 0;
    return is_large ? json_object_new_uint64 (large) : json_object_new_double (number);
}

static struct json_object *s_copy (ag_val_t *value, int depth, s_budget_t *budget);

/*  False: there is no room for it. */
static bool s_copy_member (struct json_object *copy, ag_str_t key, ag_val_t *member, int depth, s_budget_t *budget)
{
    size_t cost = NODE_BYTES + key.len;
    if (cost + NODE_BYTES > budget->bytes) {
        budget->cut = true;
        return false;
    }
    s_spend (budget, cost);
    char *name = ag_str_dup (key);
    json_object_object_add (copy, name, s_copy (member, depth + 1, budget));
    free (name);
    return true;
}

static struct json_object *s_copy_object (ag_val_t *value, int depth, s_budget_t *budget)
{
    struct json_object *copy = json_object_new_object ();
    ag_str_t key;
    for (ag_val_t *member = NULL; (member = ag_val_member (value, member, &key));)
        if (!s_copy_member (copy, key, member, depth, budget))
            break;
    return copy;
}

static struct json_object *s_copy_array (ag_val_t *value, int depth, s_budget_t *budget)
{
    struct json_object *copy = json_object_new_array_ext (4);
    for (ag_val_t *element = ag_val_first (value); element; element = ag_val_next (value, element)) {
        if (budget->bytes < 2 * NODE_BYTES) {
            budget->cut = true;
            break;
        }
        json_object_array_add (copy, s_copy (element, depth + 1, budget));
    }
    return copy;
}

static struct json_object *s_copy (ag_val_t *value, int depth, s_budget_t *budget)
{
    ag_val_type_t type = ag_val_type (value);
    bool nested = type == AG_VAL_OBJECT || type == AG_VAL_ARRAY;
    if (type == AG_VAL_STRING)
        return s_copy_text (ag_val_text (value), budget);
    if (type == AG_VAL_NUMBER)
        return s_copy_number (value, budget);
    if (nested && depth > MAX_DEPTH)
        return s_copy_text (ag_val_source (value), budget);
    s_spend (budget, NODE_BYTES);
    if (nested)
        return type == AG_VAL_OBJECT ? s_copy_object (value, depth, budget) : s_copy_array (value, depth, budget);
    return type == AG_VAL_BOOLEAN ? json_object_new_boolean (ag_val_is_true (value)) : NULL;
}

static struct json_object *s_pick (ag_val_t *value, const char *const *keys, s_budget_t *budget)
{
    struct json_object *copy = json_object_new_object ();
    for (; *keys; keys++) {
        ag_val_t *member = ag_val_get (value, *keys);
        if (member)
            s_copy_member (copy, (ag_str_t) { *keys, strlen (*keys) }, member, 1, budget);
    }
    return copy;
}

struct json_object *ag_bound (ag_val_t *value, const char *const *keys, bool *cut_r)
{
    s_budget_t budget = { .bytes = MAX_BYTES };
    struct json_object *copy;
    if (ag_val_type (value) == AG_VAL_OBJECT)
        copy = keys ? s_pick (value, keys, &budget) : s_copy_object (value, 1, &budget);
    else {
        copy = json_object_new_object ();
        if (value)
            s_copy_member (copy, AG_STR ("arguments"), value, 1, &budget);
    }
    *cut_r = budget.cut;
    return copy;
}
