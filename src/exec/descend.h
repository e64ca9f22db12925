/*  exec/descend.h - finds what a process has left behind, by /proc

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Only complete below a child subreaper (PR_SET_CHILD_SUBREAPER): there,
    whatever forks, changes its group or its session stays in the tree.
*/
#ifndef AG_EXEC_DESCEND_H
#define AG_EXEC_DESCEND_H

#include <stddef.h>
#include <sys/types.h>

/*  Sends a signal to each living descendant of `root` (0: only counts them).
    Returns their number; zombies are not counted. One pass: what forks
    meanwhile may escape it, so call again until it returns 0. */
size_t ag_descend_signal (pid_t root, int signum);

/*  Reads the parent out of the text of /proc/PID/stat, and whether it is a
    zombie. 0, or -1: not such a text. */
int ag_descend_parse (const char *stat, pid_t *parent_r, char *state_r);

#endif
