/*  publish.c - tells what becomes of a work order, from a C program

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    cc publish.c $(pkg-config --cflags --libs agentgate) -o publish
    ./publish JOURNAL WORK-ORDER STATUS... [BUS CONTROL in the environment]
*/
#include <agentgate/writer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int s_fail (char *error)
{
    fprintf (stderr, "publish: %s\n", error);
    free (error);
    return 1;
}

int main (int argc, char **argv)
{
    char *error = NULL;
    const char *bus = getenv ("BUS"), *control = getenv ("CONTROL");
    if (argc < 4)
        return s_fail (strdup ("JOURNAL WORK-ORDER STATUS... is wanted"));
    ag_writer_options_t options = { .journal = argv[1],
        .ids.work_order = { argv[2], strlen (argv[2]) },
        .bus = &bus,
        .bus_count = bus != NULL,
        .control = &control,
        .control_count = control != NULL };
    ag_writer_t *writer = ag_writer_open (&options, &error);
    if (!writer)
        return s_fail (error);

    ag_draft_t *draft = ag_draft_new (AG_WORK_ORDER_UPDATED);
    for (int i = 3; i < argc; i++) {
        ag_draft_set_text (draft, AG_F_STATUS, argv[i]);
        if (i > 3)
            ag_draft_set_text (draft, AG_F_PREVIOUS_STATUS, argv[i - 1]);
        if (!ag_writer_put (writer, draft, &error))
            return s_fail (error);
    }
    ag_draft_destroy (&draft);

    if (!ag_writer_close (&writer, 5000))
        puts ("journaled, not acknowledged yet");
    return 0;
}
