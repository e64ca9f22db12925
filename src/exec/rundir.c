/*  exec/rundir.c - where a run's files are

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "exec/rundir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/owed.h"
#include "core/buf.h"
#include "core/mem.h"
#include "core/paths.h"
#include "core/wire.h"

/*  NAME_MAX is 255; a run id of 128 bytes can become 384. */
enum { NAME_MAX_BYTES = 255, CUT_BYTES = 200 };

static const char *const s_files[] = {
    "stdout", "stderr", "run.db", "run.db-wal", "run.db-shm", "run.db-journal", "run.db-lock", "owed", "owed-new",
    "owed-lock"
};

static uint64_t s_hash (ag_str_t text)
{
    uint64_t hash = UINT64_C (14695981039346656037);    /* FNV-1a */
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char) text.ptr[i]) * UINT64_C (1099511628211);
    return hash;
}

char *ag_rundir_name (ag_str_t run)
{
    ag_buf_t name = { 0 };
    if (run.len && run.ptr[0] == '.') {         /* neither "..", nor hidden */
        ag_buf_append_cstr (&name, "%2E");
        run.ptr++, run.len--;
    }
    ag_percent_append (&name, run);
    if (name.len > NAME_MAX_BYTES) {
        uint64_t hash = s_hash ((ag_str_t) { name.data, name.len });
        name.len = CUT_BYTES;
        ag_buf_printf (&name, "%%%%%016llx", (unsigned long long) hash);        /* no encoded id holds "%%" */
    }
    ag_buf_cstr (&name);
    return name.data;
}

char *ag_rundir_path (const char *state_dir, ag_str_t run)
{
    char *name = ag_rundir_name (run);
    char *path = ag_asprintf ("%s/runs/%s", state_dir, name);
    free (name);
    return path;
}

static char *s_file (const char *path, const char *name)
{
    return ag_asprintf ("%s/%s", path, name);
}

static char *s_fail (const char *what, char *path, char **error_r)
{
    int error = errno;
    *error_r = error == EEXIST ? ag_asprintf ("there is a run in %s", path)
        : ag_asprintf ("%s %s: %s", what, path, strerror (error));
    free (path);
    errno = error;
    return NULL;
}

char *ag_rundir_make (const char *state_dir, ag_str_t run, char **error_r)
{
    char *path = ag_rundir_path (state_dir, run);
    char *parent = s_file (state_dir, "runs");
    int rc = ag_path_make (parent, 0700);
    free (parent);
    if (rc != 0 && errno != EEXIST)
        return s_fail ("cannot make the folder of", path, error_r);
    if (mkdir (path, 0700) != 0)
        return s_fail ("cannot make", path, error_r);
    ag_owed_mark (path);
    return path;
}

bool ag_rundir_owed (const char *path)
{
    errno = 0;
    char *mark = ag_owed_read (path);
    bool owed = mark ? !*mark : errno != ENOENT;
    free (mark);
    return owed;
}

int ag_rundir_remove (const char *path)
{
    for (size_t i = 0; i < sizeof s_files / sizeof *s_files; i++) {
        char *file = s_file (path, s_files[i]);
        unlink (file);
        free (file);
    }
    return rmdir (path);
}
