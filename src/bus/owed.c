/*  bus/owed.c - what writers that have ended still owe the gateways

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "bus/owed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/debt.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/mem.h"

enum { AT_ONCE = 4 };       /* journals that are delivered at the same time */

typedef struct {
    ag_debt_t *debt;        /* NULL: free */
    const char *folder;     /* its */
    int64_t when_us;        /* its next turn */
} s_slot_t;

struct ag_owed {
    ag_owed_options_t options; /* as given */
    char *state_dir;           /* for it */
    char **folders;            /* with a mark, oldest name first */
    size_t folder_count;       /* of these */
    size_t next;               /* the first that is not opened yet */
    s_slot_t slots[AT_ONCE];
    bool *silent;              /* by control endpoint: it was asked and has not answered */
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
    int fd = open (mark, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
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

static int s_write_lines (const char *path, const char *const *lines, size_t count)
{
    FILE *file = fopen (path, "we");
    if (!file)
        return -1;
    for (size_t i = 0; i < count; i++)
        fprintf (file, "%s\n", lines[i]);
    bool bad = ferror (file);
    return fclose (file) || bad ? -1 : 0;
}

/*  Renamed into place: half a mark would name half of them. */
int ag_owed_settle_but (const char *folder, const char *const *endpoints, size_t count)
{
    if (count == 0)
        return ag_owed_settle (folder);
    char *mark = s_mark_path (folder), *fresh = ag_asprintf ("%s/owed-new", folder);
    int rc = s_write_lines (fresh, endpoints, count) || rename (fresh, mark) ? -1 : 0;
    free (mark);
    free (fresh);
    return rc;
}

char *ag_owed_read (const char *folder)
{
    char *mark = s_mark_path (folder);
    FILE *file = fopen (mark, "re");
    free (mark);
    if (!file)
        return NULL;
    ag_buf_t text = { 0 };
    size_t got;
    while ((got = fread (ag_buf_reserve (&text, 4096), 1, 4096, file)) > 0)
        text.len += got;
    fclose (file);
    ag_buf_cstr (&text);
    return text.data;
}

bool ag_owed_names (const char *mark, const char *endpoint)
{
    size_t len = strlen (endpoint);
    if (!mark || !*mark)
        return true;
    for (const char *line = mark; *line; line += strspn (line, "\n")) {
        size_t line_len = strcspn (line, "\n");
        if (line_len == len && memcmp (line, endpoint, len) == 0)
            return true;
        line += line_len;
    }
    return false;
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
    self->silent = ag_calloc (options->control_count + 1, sizeof *self->silent);
    s_scan (self, "runs");
    s_scan (self, "work-orders");
    return self;
}

void ag_owed_destroy (ag_owed_t **self_p)
{
    ag_owed_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < AT_ONCE; i++)
        ag_debt_destroy (&self->slots[i].debt);
    for (size_t i = 0; i < self->folder_count; i++)
        free (self->folders[i]);
    free (self->folders);
    free (self->silent);
    free (self->state_dir);
    free (self);
    *self_p = NULL;
}

/* ---------------------------------------------------------------------- */
/*  Turn */

/*  Puts the next journal that has something to deliver into a slot; false: there is none. */
static bool s_open_next (ag_owed_t *self, s_slot_t *slot, int64_t now_us)
{
    while (self->next < self->folder_count) {
        char *error = NULL;
        slot->folder = self->folders[self->next++];
        slot->when_us = now_us;
        slot->debt = ag_debt_new (slot->folder, &self->options, self->silent, now_us, &error);
        if (slot->debt) {
            self->result.found++;
            return true;
        }
        if (errno) {
            self->result.failed++;
            ag_log_error ("OWED_JOURNAL", "a journal with undelivered events cannot be used: %s",
                error ? error : slot->folder);
        }
        free (error);
    }
    return false;
}

/*  Who does not answer is not asked for the other journals; where nobody does, all is over. */
static void s_note_silent (ag_owed_t *self, const s_slot_t *slot)
{
    bool all = true;
    for (size_t i = 0; i < self->options.control_count; i++) {
        self->silent[i] |= ag_debt_is_silent (slot->debt, i);
        all &= self->silent[i];
    }
    if (all)
        self->next = self->folder_count;
}

static void s_done_with (ag_owed_t *self, s_slot_t *slot, ag_debt_state_t state)
{
    if (state == AG_DEBT_PAID) {
        self->result.delivered++;
        self->result.partly += ag_debt_is_partly (slot->debt);
        ag_log_info ("OWED_DELIVERED", "undelivered events have been delivered path=%s", slot->folder);
    }
    self->result.unanswered |= state == AG_DEBT_UNANSWERED;
    self->result.closed += ag_debt_closed (slot->debt);
    if (state == AG_DEBT_PAID || state == AG_DEBT_UNANSWERED)
        s_note_silent (self, slot);
    ag_debt_destroy (&slot->debt);
}

/*  INT64_MAX: the slot is free, and there is nothing for it. */
static int64_t s_slot_turn (ag_owed_t *self, s_slot_t *slot, int64_t now_us)
{
    if (!slot->debt && !s_open_next (self, slot, now_us))
        return INT64_MAX;
    if (now_us < slot->when_us)
        return slot->when_us;
    ag_debt_state_t state = ag_debt_turn (slot->debt, now_us, &slot->when_us);
    if (state != AG_DEBT_PAYING) {
        s_done_with (self, slot, state);
        return now_us;
    }
    return slot->when_us;
}

int64_t ag_owed_turn (ag_owed_t *self, int64_t now_us)
{
    int64_t when_us = INT64_MAX;
    if (self->options.control_count == 0)
        return when_us;
    for (size_t i = 0; i < AT_ONCE; i++) {
        int64_t wish_us = s_slot_turn (self, &self->slots[i], now_us);
        when_us = wish_us < when_us ? wish_us : when_us;
    }
    return when_us;
}

void ag_owed_result (const ag_owed_t *self, ag_owed_result_t *result_r)
{
    *result_r = self->result;
}
