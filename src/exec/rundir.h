/*  exec/rundir.h - where a run's files are: <state>/runs/<run id>/

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    run.db is the journal, stdout and stderr the raw output, and "owed" is there
    as long as a gateway may still have to be given something. A folder that is
    there is somebody's run: it is never taken over.
*/
#ifndef AG_EXEC_RUNDIR_H
#define AG_EXEC_RUNDIR_H

#include <agentgate/event.h>
#include <stdbool.h>

/*  Name of a run's folder: percent-encoded as in topics; never ".", "..", nor
    longer than a file name may be. Malloc'ed. */
char *ag_rundir_name (ag_str_t run);
/*  Its path in a state dir; malloc'ed. */
char *ag_rundir_path (const char *state_dir, ag_str_t run);

/*  Makes it, 0700, marked as owed. Its path, malloc'ed; or NULL with errno
    (EEXIST: there is such a run) and a malloc'ed *error_r. */
char *ag_rundir_make (const char *state_dir, ag_str_t run, char **error_r);

bool ag_rundir_owed (const char *path);         /* no gateway has it all (bus/owed.h), or that cannot be seen now */
/*  Removes the folder with the files that are ours. 0, or -1 with errno. */
int ag_rundir_remove (const char *path);

#endif
