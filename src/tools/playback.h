/*  tools/playback.h - a journal, played onto the bus as a new run

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_TOOLS_PLAYBACK_H
#define AG_TOOLS_PLAYBACK_H

#include "core/settings.h"

/*  Is it a journal (a SQLite file)? 1 yes, 0 another file, -1 with errno. */
int ag_playback_is_journal (const char *path);

/*  Plays the run in a journal, each event at its time divided by speed (0: at
    once), under a new run id and with its own journal. The exit status. */
int ag_playback_run (const ag_settings_t *settings, const char *path, double speed);

#endif
