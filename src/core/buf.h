/*  core/buf.h - bytes that grow

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Zero-initialise (ag_buf_t b = {0}), append, use data/len, ag_buf_free.
    Appending never fails (out of memory ends the process).
*/
#ifndef AG_CORE_BUF_H
#define AG_CORE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <agentgate/event.h>

typedef struct ag_buf {
    char *data;                 /* not terminated, unless by ag_buf_cstr */
    size_t len;                 /* bytes in use */
    size_t cap;                 /* bytes allocated */
} ag_buf_t;

void ag_buf_free (ag_buf_t *self);                      /* and back to zero */
void ag_buf_clear (ag_buf_t *self);                     /* keeps the memory */
/*  Gives back memory above `cap_bytes`; for buffers that once held a giant. */
void ag_buf_shrink (ag_buf_t *self, size_t cap_bytes);
char *ag_buf_reserve (ag_buf_t *self, size_t extra);    /* room behind data+len */
void ag_buf_append (ag_buf_t *self, const void *bytes, size_t len);
void ag_buf_append_str (ag_buf_t *self, ag_str_t text);
void ag_buf_append_cstr (ag_buf_t *self, const char *text);
void ag_buf_append_char (ag_buf_t *self, char c);
void ag_buf_append_int (ag_buf_t *self, int64_t value);
void ag_buf_append_uint (ag_buf_t *self, uint64_t value);
void ag_buf_printf (ag_buf_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
/*  A NUL after the last byte, not counted in len. */
const char *ag_buf_cstr (ag_buf_t *self);
/*  Drops `count` bytes at the front. */
void ag_buf_consume (ag_buf_t *self, size_t count);

/*  JSON (RFC 8259): a string with its quotes, escaped; what is not UTF-8 is
    repaired with U+FFFD. U+2028 and U+2029 are escaped too, for readers that
    split lines there. */
void ag_buf_append_json_string (ag_buf_t *self, ag_str_t text);
/*  A number JSON can hold: shortest text that reads back as the same double. */
void ag_buf_append_json_number (ag_buf_t *self, double value);

#endif
