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

/*  Sends a signal to each living descendant of `root` (0: only counts them), but
    not to members of `except_group` (0: none), which was signalled as a group:
    many programs take a second SIGTERM for impatience. Returns the number of
    all; zombies are not counted. One pass: what forks meanwhile may escape it,
    so call again until it returns 0. */
size_t ag_descend_signal (pid_t root, int signum, pid_t except_group);

/*  Reads parent, group and state ('Z': zombie) out of the text of /proc/PID/stat.
    0, or -1: not such a text. */
int ag_descend_parse (const char *stat, pid_t *parent_r, pid_t *group_r, char *state_r);

#endif
