/*  follow.c - prints what happens on the bus as JSON lines, and what was missed

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    cc follow.c $(pkg-config --cflags --libs agentgate) -o follow
    ./follow [ENDPOINT [COUNT]]       "@ENDPOINT" is bound
*/
#include <agentgate/subscriber.h>

#include <stdio.h>
#include <stdlib.h>

int main (int argc, char **argv)
{
    char *error = NULL;
    const char *endpoint = argc > 1 ? argv[1] : NULL;
    ag_subscriber_options_t options = { .endpoints = &endpoint, .endpoint_count = endpoint != NULL };
    ag_subscriber_t *subscriber = ag_subscriber_new (&options, &error);
    if (!subscriber) {
        fprintf (stderr, "follow: %s\n", error);
        free (error);
        return 1;
    }
    ag_received_t received;
    for (int left = argc > 2 ? atoi (argv[2]) : -1; left && ag_subscriber_next (subscriber, -1, &received) == 1;
         left--) {
        if (received.missed_from)
            fprintf (stderr, "missed %llu to %llu\n", (unsigned long long) received.missed_from,
                (unsigned long long) received.missed_to);
        ag_str_t json = ag_event_json (received.event);
        printf ("%.*s\n", (int) json.len, json.ptr);
        fflush (stdout);
        ag_event_unref (&received.event);
    }
    ag_subscriber_destroy (&subscriber);
    return 0;
}
