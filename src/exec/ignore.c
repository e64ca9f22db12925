/*  exec/ignore.c - which paths of a workspace nobody wants to hear of

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/ignore.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

static const char *const s_usual[] = {
    ".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox", ".cache", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".gradle", "*.swp", "*.swx", "*~", ".#*", ".DS_Store"
};

struct ag_ignore {
    char **patterns;            /* the usual ones, then those that were added */
    size_t count;               /* of them */
};

ag_ignore_t *ag_ignore_new (void)
{
    ag_ignore_t *self = ag_calloc (1, sizeof *self);
    for (size_t i = 0; i < sizeof s_usual / sizeof *s_usual; i++)
        ag_ignore_add (self, s_usual[i]);
    return self;
}

void ag_ignore_destroy (ag_ignore_t **self_p)
{
    ag_ignore_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free (self->patterns[i]);
    free (self->patterns);
    free (self);
    *self_p = NULL;
}

/*  "build/" means the folder, "/build" the one at the top. */
void ag_ignore_add (ag_ignore_t *self, const char *pattern)
{
    size_t len = strlen (pattern);
    while (len > 1 && pattern[len - 1] == '/')
        len--;
    self->patterns = ag_realloc (self->patterns, (self->count + 1) * sizeof *self->patterns);
    self->patterns[self->count++] = ag_strndup (pattern, len);
}

static bool s_match (const char *pattern, const char *path, const char *name)
{
    if (!strchr (pattern, '/'))
        return fnmatch (pattern, name, 0) == 0;
    return fnmatch (pattern[0] == '/' ? pattern + 1 : pattern, path, FNM_PATHNAME) == 0;
}

bool ag_ignore_match (const ag_ignore_t *self, const char *path)
{
    const char *slash = strrchr (path, '/');
    const char *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < self->count; i++)
        if (s_match (self->patterns[i], path, name))
            return true;
    return false;
}
