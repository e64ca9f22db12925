/*  tools/recording.h - a recorded stdout, with the time of each line beside it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    NAME.jsonl holds the bytes; NAME.timing, if there is one, a line for each of
    its lines: milliseconds since the start, a decimal number.
*/
#ifndef AG_TOOLS_RECORDING_H
#define AG_TOOLS_RECORDING_H

/*  Writes a recording to `fd`, byte for byte, each line at its time divided by
    `speed`; speed 0: at once. Lines without a time follow at once. 0, or -1 with
    a malloc'ed *error_r. */
int ag_recording_play (const char *path, double speed, int fd, char **error_r);

#endif
