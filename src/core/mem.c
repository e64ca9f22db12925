/*  core/mem.c - memory that is there or the process ends

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*  No log call: logging allocates. */
static void *s_check (void *ptr)
{
    if (!ptr) {
        static const char text[] = "agentgate: out of memory\n";
        ssize_t rc = write (STDERR_FILENO, text, sizeof text - 1);
        (void) rc;
        abort ();
    }
    return ptr;
}

void *ag_malloc (size_t size)
{
    return s_check (malloc (size ? size : 1));
}

void *ag_calloc (size_t count, size_t size)
{
    return s_check (calloc (count ? count : 1, size ? size : 1));
}

void *ag_realloc (void *ptr, size_t size)
{
    return s_check (realloc (ptr, size ? size : 1));
}

char *ag_strndup (const char *text, size_t len)
{
    char *copy = ag_malloc (len + 1);
    if (len)
        memcpy (copy, text, len);
    copy[len] = 0;
    return copy;
}

char *ag_strdup (const char *text)
{
    return ag_strndup (text, strlen (text));
}

char *ag_str_dup (ag_str_t text)
{
    return ag_strndup (text.ptr, text.len);
}

char *ag_asprintf (const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int rc = vasprintf (&text, format, args);
    va_end (args);
    return s_check (rc < 0 ? NULL : text);
}

bool ag_str_eq (ag_str_t a, ag_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp (a.ptr, b.ptr, a.len) == 0);
}

bool ag_str_is (ag_str_t a, const char *literal)
{
    return a.ptr && a.len == strlen (literal) && memcmp (a.ptr, literal, a.len) == 0;
}
