/*  agent/val.h - a line's JSON, read in place

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A record is one array of nodes that point into the line: no memory is
    allocated per value, and a string is decoded when somebody asks for it.
    Lenient on purpose, as agents are not strict: lone surrogates (U+FFFD),
    raw control bytes, NaN, commas before a closing bracket; of duplicate
    keys the last wins.
*/
#ifndef AG_AGENT_VAL_H
#define AG_AGENT_VAL_H

#include <agentgate/event.h>

enum {
    AG_VAL_MAX_DEPTH = 512,             /* nesting; the deepest record seen has 9 */
    AG_VAL_MAX_NODES = 2500 * 1000      /* keys and values of one line: 60 MB */
};

typedef enum { AG_VAL_NULL, AG_VAL_BOOLEAN, AG_VAL_NUMBER, AG_VAL_STRING, AG_VAL_ARRAY, AG_VAL_OBJECT } ag_val_type_t;

/*  A value, or NULL: there is none. It lives until its reader reads again. */
typedef struct ag_val ag_val_t;
typedef struct ag_reader ag_reader_t;

ag_reader_t *ag_reader_new (void);
void ag_reader_destroy (ag_reader_t **self_p);
/*  Reads the value at the start of `text` (valid UTF-8 without NUL, which must
    live as long as the value). Returns it with the bytes it took, or NULL with
    a reason (static text) and the offset where it went wrong. */
ag_val_t *ag_reader_read (ag_reader_t *self, ag_str_t text, size_t *used_r, const char **reason_r);

ag_val_type_t ag_val_type (const ag_val_t *self);       /* of none: AG_VAL_NULL */
/*  As the agent wrote it. */
ag_str_t ag_val_source (const ag_val_t *self);
/*  The text of a string, the boolean; absent when it is none. */
ag_str_t ag_val_text (ag_val_t *self);

/*  Members; absent ({NULL, 0}, NULL, the fallback) when there is none, when it
    is null or of another type, and when `object` is none. */
ag_val_t *ag_val_get (ag_val_t *object, const char *key);
bool ag_val_has (ag_val_t *object, const char *key);    /* also when it is null */
ag_val_t *ag_val_object (ag_val_t *object, const char *key);
ag_val_t *ag_val_array (ag_val_t *object, const char *key);
ag_str_t ag_val_str (ag_val_t *object, const char *key);
int64_t ag_val_int (ag_val_t *object, const char *key, int64_t fallback);
double ag_val_number (ag_val_t *object, const char *key, double fallback);
bool ag_val_bool (ag_val_t *object, const char *key, bool fallback);
bool ag_val_is (ag_val_t *object, const char *key, const char *literal);
/*  The first of the NULL-terminated keys that holds a string, a value. */
ag_str_t ag_val_str_any (ag_val_t *object, const char *const *keys);
ag_val_t *ag_val_get_any (ag_val_t *object, const char *const *keys);

/*  Elements of an array: the first, then the one after `element`; NULL: no
    more, or it is no array. */
ag_val_t *ag_val_first (ag_val_t *array);
ag_val_t *ag_val_next (ag_val_t *array, ag_val_t *element);
size_t ag_val_count (ag_val_t *array);
/*  Members of an object, with their keys: the first (after NULL), the one
    after `member`; NULL: no more, or it is no object. A key may come twice. */
ag_val_t *ag_val_member (ag_val_t *object, ag_val_t *member, ag_str_t *key_r);

/*  A number's value; false: it is none. An integer that does not fit, or has a
    point, gives *number_r only. */
bool ag_val_parse_number (const ag_val_t *self, bool *is_integer_r, int64_t *integer_r, double *number_r);
bool ag_val_is_true (const ag_val_t *self);

#endif
