/*  agent/val.c - a line's JSON, read in place

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/val.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/utf8.h"

enum {
    FIRST_NODES = 256,
    KEEP_NODES = 64 * 1024,     /* what a reader holds on to between lines */
    NUMBER_SIZE = 64            /* digits of a number that are looked at */
};

/*  A node. An object's children are key, value, key, value; each child stands
    behind the one before it and that one's own children. The node before the
    root points to the reader. */
struct ag_val {
    const char *ptr;            /* of a string what is between its quotes, else its source */
    uint32_t len;               /* bytes of it */
    uint32_t size;              /* nodes: itself and all below */
    uint32_t index;             /* in the reader's array */
    uint8_t type;               /* ag_val_type_t */
    bool escaped;               /* a string that is not decoded yet */
};

/*  A decoded string. */
typedef struct s_text {
    struct s_text *next;
    char bytes[];
} s_text_t;

struct ag_reader {
    ag_val_t *nodes;            /* [0] is not a value: see above */
    size_t count, room;
    uint32_t open[AG_VAL_MAX_DEPTH];    /* arrays and objects that are not closed, outermost first */
    size_t depth;               /* of them */
    s_text_t *texts;            /* decoded strings of this record */
    const char *start, *at, *end;       /* of the text being read */
    const char *reason;         /* why it cannot be read; NULL: it can */
};

ag_reader_t *ag_reader_new (void)
{
    return ag_calloc (1, sizeof (ag_reader_t));
}

static void s_forget_texts (ag_reader_t *self)
{
    while (self->texts) {
        s_text_t *text = self->texts;
        self->texts = text->next;
        free (text);
    }
}

void ag_reader_destroy (ag_reader_t **self_p)
{
    if (!*self_p)
        return;
    s_forget_texts (*self_p);
    free ((*self_p)->nodes);
    free (*self_p);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Reading */

static void s_set_room (ag_reader_t *self, size_t room)
{
    self->nodes = ag_realloc (self->nodes, room * sizeof *self->nodes);
    self->nodes[0] = (ag_val_t) { .ptr = (const char *) self };
    self->room = room;
}

static bool s_fail (ag_reader_t *self, const char *reason)
{
    self->reason = reason;
    return false;
}

/*  A new node at the end. False: there are too many. */
static bool s_add (ag_reader_t *self, ag_val_type_t type, const char *ptr, size_t len)
{
    if (self->count == self->room) {
        if (self->count == AG_VAL_MAX_NODES)
            return s_fail (self, "it has too many members");
        size_t room = 2 * self->room;
        s_set_room (self, room < AG_VAL_MAX_NODES ? room : AG_VAL_MAX_NODES);
    }
    self->nodes[self->count] = (ag_val_t) {
        .ptr = ptr, .len = (uint32_t) len, .size = 1, .index = (uint32_t) self->count, .type = (uint8_t) type };
    self->count++;
    return true;
}

static void s_skip_space (ag_reader_t *self)
{
    while (self->at < self->end && (*self->at == ' ' || *self->at == '\t' || *self->at == '\r' || *self->at == '\n'))
        self->at++;
}

static bool s_is_hex (char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/*  The escape at `at`, whose backslash is there: its bytes, 0 when it is none. */
static size_t s_escape_len (const char *at, const char *end)
{
    if (end - at < 2)
        return 0;
    if (at[1] != 'u')
        return strchr ("\"\\/bfnrt", at[1]) && at[1] ? 2 : 0;
    return end - at >= 6 && s_is_hex (at[2]) && s_is_hex (at[3]) && s_is_hex (at[4]) && s_is_hex (at[5]) ? 6 : 0;
}

/*  Behind an opening quote. Looks for the closing one, and between for
    backslashes; each byte is looked at once for either. */
static bool s_read_string (ag_reader_t *self)
{
    const char *start = self->at, *at = start, *slash;
    const char *quote = memchr (at, '"', (size_t) (self->end - at));
    bool escaped = false;
    while (quote && (slash = memchr (at, '\\', (size_t) (quote - at)))) {
        size_t len = s_escape_len (slash, self->end);
        if (!len) {
            self->at = slash;
            return s_fail (self, "invalid escape in a string");        /* the quote behind it is there */
        }
        escaped = true;
        at = slash + len;
        if (at > quote)
            quote = memchr (at, '"', (size_t) (self->end - at));
    }
    if (!quote) {
        self->at = self->end;
        return s_fail (self, "it ends too early");
    }
    self->at = quote + 1;
    if (!s_add (self, AG_VAL_STRING, start, (size_t) (quote - start)))
        return false;
    self->nodes[self->count - 1].escaped = escaped;
    return true;
}

static const char *s_skip_digits (const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/*  The end of a number; `at` itself: there is none. */
static const char *s_number_end (const char *at, const char *end)
{
    const char *digits = at < end && *at == '-' ? at + 1 : at;
    const char *to = s_skip_digits (digits, end);
    if (to == digits)
        return at;
    if (to < end && *to == '.')
        to = s_skip_digits (to + 1, end);
    if (to < end && (*to == 'e' || *to == 'E')) {
        const char *exponent = to + 1;
        if (exponent < end && (*exponent == '+' || *exponent == '-'))
            exponent++;
        const char *behind = s_skip_digits (exponent, end);
        if (behind > exponent)
            to = behind;
    }
    return to;
}

static bool s_begins (const ag_reader_t *self, const char *word)
{
    size_t len = strlen (word);
    return (size_t) (self->end - self->at) >= len && !memcmp (self->at, word, len);
}

/*  A value that is a word or a number. */
static bool s_read_scalar (ag_reader_t *self)
{
    static const struct { const char *word; ag_val_type_t type;
    } words[] = {
        { "true", AG_VAL_BOOLEAN }, { "false", AG_VAL_BOOLEAN }, { "null", AG_VAL_NULL },
        { "NaN", AG_VAL_NUMBER }, { "Infinity", AG_VAL_NUMBER }, { "-Infinity", AG_VAL_NUMBER }
    };
    const char *start = self->at, *end = s_number_end (start, self->end);
    if (end > start) {
        self->at = end;
        return s_add (self, AG_VAL_NUMBER, start, (size_t) (end - start));
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (s_begins (self, words[i].word)) {
            size_t len = strlen (words[i].word);
            self->at += len;
            return s_add (self, words[i].type, start, len);
        }
    return s_fail (self, self->at == self->end ? "it ends too early" : "unexpected character");
}

static bool s_begin (ag_reader_t *self, ag_val_type_t type)
{
    if (self->depth == AG_VAL_MAX_DEPTH)
        return s_fail (self, "nesting too deep");
    self->open[self->depth++] = (uint32_t) self->count;
    return s_add (self, type, self->at++, 0);
}

static void s_close (ag_reader_t *self)
{
    ag_val_t *node = &self->nodes[self->open[--self->depth]];
    self->at++;
    node->size = (uint32_t) (self->count - node->index);
    node->len = (uint32_t) (self->at - node->ptr);
}

static bool s_in_object (const ag_reader_t *self)
{
    return self->depth && self->nodes[self->open[self->depth - 1]].type == AG_VAL_OBJECT;
}

/*  A key and its colon. */
static bool s_read_key (ag_reader_t *self)
{
    if (self->at == self->end || *self->at != '"')
        return s_fail (self, self->at == self->end ? "it ends too early" : "a key is expected");
    self->at++;
    if (!s_read_string (self))
        return false;
    s_skip_space (self);
    if (self->at == self->end || *self->at != ':')
        return s_fail (self, self->at == self->end ? "it ends too early" : "a colon is expected");
    self->at++;
    s_skip_space (self);
    return true;
}

/*  A value, or its beginning where it is an array or an object. */
static bool s_read_value (ag_reader_t *self)
{
    char first = self->at < self->end ? *self->at : 0;
    if (first == '{' || first == '[')
        return s_begin (self, first == '{' ? AG_VAL_OBJECT : AG_VAL_ARRAY);
    if (first != '"')
        return s_read_scalar (self);
    self->at++;
    return s_read_string (self);
}

/*  Is this the bracket that closes what is open? */
static bool s_at_close (const ag_reader_t *self)
{
    return self->depth && self->at < self->end && *self->at == (s_in_object (self) ? '}' : ']');
}

/*  Behind a value: closes what ends here, and passes the comma before the next.
    False: it ends here, or it is wrong. */
static bool s_read_on (ag_reader_t *self)
{
    for (;;) {
        s_skip_space (self);
        if (!s_at_close (self))
            break;
        s_close (self);
        if (!self->depth)
            return false;
    }
    if (self->at == self->end || *self->at != ',')
        return s_fail (self, self->at == self->end ? "it ends too early" : "a comma is expected");
    self->at++;
    return true;
}

/*  Everything of one value; false with a reason. */
static bool s_read_all (ag_reader_t *self)
{
    bool begun = false;         /* the last thing read was an opening bracket */
    for (;;) {
        s_skip_space (self);
        if (self->depth && s_at_close (self)) {         /* empty, or a comma before it */
            s_close (self);
            begun = false;
        }
        else {
            if (s_in_object (self) && !s_read_key (self))
                return false;
            size_t depth = self->depth;
            if (!s_read_value (self))
                return false;
            begun = self->depth > depth;
        }
        if (begun)
            continue;
        if (!self->depth)
            return true;
        if (!s_read_on (self))
            return !self->reason;
    }
}

ag_val_t *ag_reader_read (ag_reader_t *self, ag_str_t text, size_t *used_r, const char **reason_r)
{
    s_forget_texts (self);
    if (!self->room || self->room > KEEP_NODES)
        s_set_room (self, FIRST_NODES);
    self->count = 1;
    self->depth = 0;
    self->start = self->at = text.ptr;
    self->end = text.ptr + text.len;
    self->reason = NULL;
    bool read = s_read_all (self);
    *used_r = (size_t) (self->at - self->start);
    *reason_r = self->reason;
    return read ? &self->nodes[1] : NULL;
}

/* ---------------------------------------------------------------------- */
/*  Strings */

static uint32_t s_hex4 (const char *at)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 4 | (uint32_t) (at[i] <= '9' ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
    return value;
}

static char *s_put_utf8 (char *to, uint32_t c)
{
    if (c < 0x80)
        *to++ = (char) c;
    else if (c < 0x800) {
        *to++ = (char) (0xc0 | c >> 6);
        *to++ = (char) (0x80 | (c & 0x3f));
    }
    else if (c < 0x10000) {
        *to++ = (char) (0xe0 | c >> 12);
        *to++ = (char) (0x80 | (c >> 6 & 0x3f));
        *to++ = (char) (0x80 | (c & 0x3f));
    }
    else {
        *to++ = (char) (0xf0 | c >> 18);
        *to++ = (char) (0x80 | (c >> 12 & 0x3f));
        *to++ = (char) (0x80 | (c >> 6 & 0x3f));
        *to++ = (char) (0x80 | (c & 0x3f));
    }
    return to;
}

/*  The character of the \u escape at `at`; two of them may make one. Half of a
    pair is none. */
static uint32_t s_unicode (const char *at, const char *end, size_t *used_r)
{
    uint32_t c = s_hex4 (at + 2);
    *used_r = 6;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c < 0xdc00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
        uint32_t low = s_hex4 (at + 8);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *used_r = 12;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return 0xfffd;
}

static char s_plain_escape (char c)
{
    switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
    }
}

/*  Its escapes are known to be right. Never longer than before: an escape of six
    bytes gives at most three. */
static size_t s_decode (const char *at, size_t len, char *to)
{
    const char *end = at + len, *begin = to;
    while (at < end) {
        const char *slash = memchr (at, '\\', (size_t) (end - at));
        size_t plain = (size_t) ((slash ? slash : end) - at), used = 2;
        memcpy (to, at, plain);
        to += plain;
        at += plain;
        if (!slash)
            break;
        if (at[1] == 'u')
            to = s_put_utf8 (to, s_unicode (at, end, &used));
        else
            *to++ = s_plain_escape (at[1]);
        at += used;
    }
    return (size_t) (to - begin);
}

static void s_unescape (ag_val_t *self)
{
    ag_reader_t *reader = (ag_reader_t *) (self - self->index)->ptr;
    s_text_t *text = ag_malloc (sizeof *text + self->len);
    text->next = reader->texts;
    reader->texts = text;
    self->len = (uint32_t) s_decode (self->ptr, self->len, text->bytes);
    self->ptr = text->bytes;
    self->escaped = false;
}

/* ---------------------------------------------------------------------- */
/*  Values */

ag_val_type_t ag_val_type (const ag_val_t *self)
{
    return self ? (ag_val_type_t) self->type : AG_VAL_NULL;
}

ag_str_t ag_val_source (const ag_val_t *self)
{
    if (!self)
        return (ag_str_t) { NULL, 0 };
    return (ag_str_t) { self->ptr, self->len };
}

ag_str_t ag_val_text (ag_val_t *self)
{
    if (!self || self->type != AG_VAL_STRING)
        return (ag_str_t) { NULL, 0 };
    if (self->escaped)
        s_unescape (self);
    return (ag_str_t) { self->ptr, self->len };
}

bool ag_val_is_true (const ag_val_t *self)
{
    return self && self->type == AG_VAL_BOOLEAN && self->ptr[0] == 't';
}

bool ag_val_parse_number (const ag_val_t *self, bool *is_integer_r, int64_t *integer_r, double *number_r)
{
    char text[NUMBER_SIZE];
    if (!self || self->type != AG_VAL_NUMBER)
        return false;
    bool whole = self->len < NUMBER_SIZE;
    size_t len = whole ? self->len : NUMBER_SIZE - 1;
    memcpy (text, self->ptr, len);
    text[len] = 0;
    char *copy = whole ? NULL : ag_str_dup (ag_val_source (self));     /* nobody writes such numbers */
    *is_integer_r = strspn (text, "-0123456789") == len && whole;
    errno = 0;
    *integer_r = *is_integer_r ? strtoll (text, NULL, 10) : 0;
    *is_integer_r &= errno == 0;
    *number_r = strtod (copy ? copy : text, NULL);
    free (copy);
    return true;
}

ag_val_t *ag_val_first (ag_val_t *array)
{
    return array && array->type == AG_VAL_ARRAY && array->size > 1 ? array + 1 : NULL;
}

ag_val_t *ag_val_next (ag_val_t *array, ag_val_t *element)
{
    ag_val_t *next = element + element->size;
    return next < array + array->size ? next : NULL;
}

size_t ag_val_count (ag_val_t *array)
{
    size_t count = 0;
    for (ag_val_t *element = ag_val_first (array); element; element = ag_val_next (array, element))
        count++;
    return count;
}

ag_val_t *ag_val_member (ag_val_t *object, ag_val_t *member, ag_str_t *key_r)
{
    if (!object || object->type != AG_VAL_OBJECT)
        return NULL;
    ag_val_t *key = member ? member + member->size : object + 1;
    if (key >= object + object->size)
        return NULL;
    *key_r = ag_val_text (key);
    return key + 1;
}

/* ---------------------------------------------------------------------- */
/*  Members */

/*  The last member of that name. */
static ag_val_t *s_member (ag_val_t *object, const char *key)
{
    ag_val_t *found = NULL;
    if (!object || object->type != AG_VAL_OBJECT)
        return NULL;
    size_t len = strlen (key);
    for (ag_val_t *at = object + 1, *end = object + object->size; at < end; at += 1 + at[1].size) {
        if (at->escaped)
            s_unescape (at);
        if (at->len == len && !memcmp (at->ptr, key, len))
            found = at + 1;
    }
    return found;
}

bool ag_val_has (ag_val_t *object, const char *key)
{
    return s_member (object, key) != NULL;
}

ag_val_t *ag_val_get (ag_val_t *object, const char *key)
{
    ag_val_t *found = s_member (object, key);
    return found && found->type != AG_VAL_NULL ? found : NULL;
}

static ag_val_t *s_get_typed (ag_val_t *object, const char *key, ag_val_type_t type)
{
    ag_val_t *value = ag_val_get (object, key);
    return value && value->type == type ? value : NULL;
}

ag_val_t *ag_val_object (ag_val_t *object, const char *key)
{
    return s_get_typed (object, key, AG_VAL_OBJECT);
}

ag_val_t *ag_val_array (ag_val_t *object, const char *key)
{
    return s_get_typed (object, key, AG_VAL_ARRAY);
}

ag_str_t ag_val_str (ag_val_t *object, const char *key)
{
    return ag_val_text (ag_val_get (object, key));
}

ag_str_t ag_val_str_any (ag_val_t *object, const char *const *keys)
{
    ag_str_t text = { NULL, 0 };
    while (!text.ptr && *keys)
        text = ag_val_str (object, *keys++);
    return text;
}

ag_val_t *ag_val_get_any (ag_val_t *object, const char *const *keys)
{
    ag_val_t *value = NULL;
    while (!value && *keys)
        value = ag_val_get (object, *keys++);
    return value;
}

/*  Integer fields may come as 3.0; what does not fit is as large as can be. */
int64_t ag_val_int (ag_val_t *object, const char *key, int64_t fallback)
{
    bool is_integer;
    int64_t integer;
    double number;
    if (!ag_val_parse_number (ag_val_get (object, key), &is_integer, &integer, &number))
        return fallback;
    if (is_integer)
        return integer;
    if (!isfinite (number))
        return fallback;
    return number >= 9.2e18 ? INT64_MAX : number <= -9.2e18 ? INT64_MIN : (int64_t) number;
}

double ag_val_number (ag_val_t *object, const char *key, double fallback)
{
    bool is_integer;
    int64_t integer;
    double number;
    bool is_number = ag_val_parse_number (ag_val_get (object, key), &is_integer, &integer, &number);
    return is_number && isfinite (number) ? number : fallback;
}

bool ag_val_bool (ag_val_t *object, const char *key, bool fallback)
{
    ag_val_t *value = s_get_typed (object, key, AG_VAL_BOOLEAN);
    return value ? ag_val_is_true (value) : fallback;
}

bool ag_val_is (ag_val_t *object, const char *key, const char *literal)
{
    return ag_str_is (ag_val_str (object, key), literal);
}
