/*  tests/store_fixture.c - events and folders for tests of what stores them

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "store_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"

static ag_event_t *s_made (ag_draft_t **draft_p, ag_str_t run, uint64_t epoch, uint64_t seq)
{
    ag_ids_t ids = { AG_STR ("work order"), run, false };
    ag_position_t at = { epoch, seq, 1700000000000000 + (int64_t) seq * 1000 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (*draft_p, &ids, &at, &error);
    if (!event)
        fail_msg ("%s", error);
    ag_draft_destroy (draft_p);
    return event;
}

ag_event_t *event_of (ag_str_t run, uint64_t epoch, uint64_t seq, const char *text)
{
    char number[32];
    snprintf (number, sizeof number, "%llu", (unsigned long long) seq);
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_KIND, "text");
    ag_draft_set_text (draft, AG_F_CONTENT, text ? text : number);
    return s_made (&draft, run, epoch, seq);
}

ag_event_t *event_ending (ag_str_t run, uint64_t epoch, uint64_t seq)
{
    ag_draft_t *draft = ag_draft_new (AG_RUN_COMPLETED);
    ag_draft_set_integer (draft, AG_F_DURATION_MS, 1);
    ag_draft_set_integer (draft, AG_F_EXIT_CODE, 0);
    return s_made (&draft, run, epoch, seq);
}

char *new_folder (void)
{
    const char *tmp = getenv ("TMPDIR");
    char *folder = ag_asprintf ("%s/agentgate-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    assert_non_null (mkdtemp (folder));
    return folder;
}

static int s_remove (const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void) status, (void) type, (void) walk;
    return remove (path);
}

void remove_folder (char **folder_p)
{
    nftw (*folder_p, s_remove, 16, FTW_DEPTH | FTW_PHYS);
    free (*folder_p);
    *folder_p = NULL;
}

char *path_in (const char *folder, const char *name)
{
    return ag_asprintf ("%s/%s", folder, name);
}

unsigned seed_of_test (const char *test)
{
    const char *given = getenv ("AG_SEED");
    unsigned seed = given ? (unsigned) strtoul (given, NULL, 0) : (unsigned) time (NULL) ^ (unsigned) getpid ();
    print_message ("%s: AG_SEED=%u\n", test, seed);
    return seed;
}
