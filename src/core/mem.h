/*  core/mem.h - memory that is there or the process ends

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_CORE_MEM_H
#define AG_CORE_MEM_H

#include <stddef.h>
#include <agentgate/event.h>

void *ag_malloc (size_t size);
void *ag_calloc (size_t count, size_t size);
void *ag_realloc (void *ptr, size_t size);
char *ag_strdup (const char *text);
char *ag_strndup (const char *text, size_t len);
char *ag_str_dup (ag_str_t text);               /* NUL-terminated copy */
/*  A malloc'ed text, for error_r. */
char *ag_asprintf (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

bool ag_str_eq (ag_str_t a, ag_str_t b);
bool ag_str_is (ag_str_t a, const char *literal);

#endif
