/*  bus/owed.c - what writers that have ended still owe the gateways

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/owed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/debt.h"
#include "core/log.h"
#include "core/mem.h"

struct ag_owed {
    ag_owed_options_t options; /* as given */
    char *state_dir;           /* for it */
    char **folders;            /* with a mark, oldest name first */
    size_t folder_count;       /* of these */
    size_t next;               /* the folder whose turn it is */
    ag_debt_t *debt;           /* of folders[next], or NULL: not opened yet */
    ag_owed_result_t result;
};

/* ---------------------------------------------------------------------- */
/*  Marks */

static char *s_mark_path (const char *folder)
{
    return ag_asprintf ("%s/owed", folder);
}

int ag_owed_mark (const char *folder)
{
    char *mark = s_mark_path (folder);
    int fd = open (mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    free (mark);
    return fd < 0 ? -1 : close (fd);
}

int ag_owed_settle (const char *folder)
{
    char *mark = s_mark_path (folder);
    int rc = unlink (mark);
    free (mark);
    return rc && errno != ENOENT ? -1 : 0;
}

/* ---------------------------------------------------------------------- */
/*  Folders */

static void s_add (ag_owed_t *self, char *folder)
{
    self->folders = ag_realloc (self->folders, (self->folder_count + 1) * sizeof *self->folders);
    self->folders[self->folder_count++] = folder;
}

static void s_scan (ag_owed_t *self, const char *kind)
{
    char *parent = ag_asprintf ("%s/%s", self->state_dir, kind);
    struct dirent **names = NULL;
    int count = scandir (parent, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char *folder = ag_asprintf ("%s/%s", parent, names[i]->d_name);
        char *mark = s_mark_path (folder);
        if (names[i]->d_name[0] != '.' && access (mark, F_OK) == 0)
            s_add (self, folder);
        else
            free (folder);
        free (mark);
        free (names[i]);
    }
    free (names);
    free (parent);
}

ag_owed_t *ag_owed_new (const ag_owed_options_t *options)
{
    ag_owed_t *self = ag_calloc (1, sizeof *self);
    self->options = *options;
    self->state_dir = ag_strdup (options->state_dir);
    s_scan (self, "runs");
    s_scan (self, "work-orders");
    return self;
}

void ag_owed_destroy (ag_owed_t **self_p)
{
    ag_owed_t *self = *self_p;
    if (!self)
        return;
    ag_debt_destroy (&self->debt);
    for (size_t i = 0; i < self->folder_count; i++)
        free (self->folders[i]);
    free (self->folders);
    free (self->state_dir);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Turn */

/*  Opens the next journal that has something to deliver; false: there is none. */
static bool s_next_debt (ag_owed_t *self, int64_t now_us)
{
    while (!self->debt && self->next < self->folder_count) {
        const char *folder = self->folders[self->next];
        char *error = NULL;
        self->debt = ag_debt_new (folder, &self->options, now_us, &error);
        if (self->debt) {
            self->result.found++;
            return true;
        }
        if (errno) {
            self->result.failed++;
            ag_log_error (
                "OWED_JOURNAL", "a journal with undelivered events cannot be used: %s", error ? error : folder);
        }
        free (error);
        self->next++;
    }
    return self->debt != NULL;
}

static void s_done_with (ag_owed_t *self, ag_debt_state_t state)
{
    if (state == AG_DEBT_PAID) {
        self->result.delivered++;
        ag_log_info ("OWED_DELIVERED", "undelivered events have been delivered path=%s", self->folders[self->next]);
    }
    self->result.closed += ag_debt_closed (self->debt);
    ag_debt_destroy (&self->debt);
    self->next++;
    if (state == AG_DEBT_UNANSWERED) {
        self->result.unanswered = true;
        self->next = self->folder_count;
    }
}

int64_t ag_owed_turn (ag_owed_t *self, int64_t now_us)
{
    if (self->options.control_count == 0 || !s_next_debt (self, now_us))
        return INT64_MAX;
    int64_t when_us;
    ag_debt_state_t state = ag_debt_turn (self->debt, now_us, &when_us);
    if (state == AG_DEBT_PAYING)
        return when_us;
    s_done_with (self, state);
    return now_us;
}

void ag_owed_result (const ag_owed_t *self, ag_owed_result_t *result_r)
{
    *result_r = self->result;
}
