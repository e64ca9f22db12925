/*  tests/store_fixture.h - events and folders for tests of what stores them

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#ifndef AG_TESTS_STORE_FIXTURE_H
#define AG_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <agentgate/event.h>

/*  An agent_output of run `run`; its text is `text`, or a number when NULL. */
ag_event_t *event_of (ag_str_t run, uint64_t epoch, uint64_t seq, const char *text);
/*  The same of a kind; ends, errors and the like with their required fields. */
ag_event_t *event_ending (ag_str_t run, uint64_t epoch, uint64_t seq);

/*  A new folder under $TMPDIR; removed with all in it by remove_folder. */
char *new_folder (void);
void remove_folder (char **folder_p);
char *path_in (const char *folder, const char *name);

/*  $AG_SEED or a new one; printed, so that a failure can be had again. */
unsigned seed_of_test (const char *test);

#endif
