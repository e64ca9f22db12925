/*  core/utf8.h - text that may not be text

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Well-formed UTF-8 as in Unicode 15, table 3-7: no surrogates, no overlong
    forms, nothing above U+10FFFF.
*/
#ifndef AG_CORE_UTF8_H
#define AG_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

/*  Length in bytes of the longest well-formed prefix. */
size_t ag_utf8_valid_prefix (const char *text, size_t len);
bool ag_utf8_valid (const char *text, size_t len);
/*  Appends `text`, each maximal ill-formed part replaced by one U+FFFD. */
void ag_utf8_append_repaired (ag_buf_t *out, const char *text, size_t len);
/*  Code points in well-formed text. */
size_t ag_utf8_count (const char *text, size_t len);
/*  Bytes of the first `count` code points (or of all, if there are fewer). */
size_t ag_utf8_prefix_chars (const char *text, size_t len, size_t count);
/*  The largest length <= max_bytes that does not cut a code point. In what is no text
    max_bytes itself, so with 4 or more there is always a way on. */
size_t ag_utf8_prefix_bytes (const char *text, size_t len, size_t max_bytes);

#endif
