/*  agent/json.h - a line's text to a json-c tree, and reading that tree

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    json-c's lenient mode on purpose: it accepts lone surrogates (as U+FFFD),
    raw control bytes and numbers beyond 2^63, and of duplicate keys the last
    wins. What a tree would cost is estimated first, since a line of `[],[],`
    grows a hundredfold in memory.
*/
#ifndef AG_AGENT_JSON_H
#define AG_AGENT_JSON_H

#include <json-c/json.h>

#include <agentgate/event.h>

enum {
    AG_JSON_MAX_DEPTH = 512,                    /* nesting; the deepest record seen has 9 */
    AG_JSON_MAX_TREE_BYTES = 112 * 1024 * 1024  /* what a tree may cost */
};

typedef struct ag_json ag_json_t;

ag_json_t *ag_json_new (void);
void ag_json_destroy (ag_json_t **self_p);

/*  Reads the value at the start of `text` (valid UTF-8 without NUL). Returns
    it with the bytes it took, or NULL with a reason (static text) and the
    offset where it went wrong. */
struct json_object *ag_json_parse (ag_json_t *self, ag_str_t text, size_t *used_r, const char **reason_r);

/*  Members; absent ({NULL, 0}, NULL, the fallback) when there is none, when it
    is null or of another type, and when `object` is none. */
struct json_object *ag_json_get (struct json_object *object, const char *key);
struct json_object *ag_json_object (struct json_object *object, const char *key);
struct json_object *ag_json_array (struct json_object *object, const char *key);
ag_str_t ag_json_str (struct json_object *object, const char *key);
int64_t ag_json_int (struct json_object *object, const char *key, int64_t fallback);
double ag_json_number (struct json_object *object, const char *key, double fallback);
bool ag_json_bool (struct json_object *object, const char *key, bool fallback);
bool ag_json_is (struct json_object *object, const char *key, const char *literal);
/*  The text of a value that is a string. */
ag_str_t ag_json_text (struct json_object *value);
/*  The first of the NULL-terminated keys that holds a string. */
ag_str_t ag_json_str_any (struct json_object *object, const char *const *keys);

#endif
