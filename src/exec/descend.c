/*  exec/descend.c - finds what a process has left behind, by /proc

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "exec/descend.h"

typedef struct {
    pid_t pid;                  /* this process */
    pid_t parent;               /* its parent when we looked */
    pid_t group;                /* its process group */
    bool zombie;                /* dead, not yet reaped */
    bool ours;                  /* known to descend from the root */
} s_process_t;

typedef struct {
    s_process_t *items;         /* all processes of the machine; sorted by pid once they are marked */
    size_t count;               /* in use */
    size_t capacity;            /* allocated */
} s_table_t;

/*  "PID (name) STATE PPID PGRP ..."; the name may hold anything, also ')'. */
int ag_descend_parse (const char *stat, pid_t *parent_r, pid_t *group_r, char *state_r)
{
    const char *behind_name = strrchr (stat, ')');
    int parent, group;
    if (!behind_name || sscanf (behind_name + 1, " %c %d %d", state_r, &parent, &group) != 3)
        return -1;
    *parent_r = parent;
    *group_r = group;
    return 0;
}

static int s_read_process (int proc_fd, const char *name, s_process_t *process_r)
{
    char path[32], text[512];
    snprintf (path, sizeof path, "%.16s/stat", name);
    int fd = openat (proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t len = read (fd, text, sizeof text - 1);
    close (fd);
    if (len <= 0)
        return -1;
    text[len] = 0;
    char state;
    *process_r = (s_process_t) { .pid = (pid_t) atol (name) };
    if (ag_descend_parse (text, &process_r->parent, &process_r->group, &state) != 0)
        return -1;
    process_r->zombie = state == 'Z' || state == 'X';
    return 0;
}

static void s_table_read (s_table_t *table)
{
    DIR *proc = opendir ("/proc");
    if (!proc)
        return;
    struct dirent *entry;
    while ((entry = readdir (proc))) {
        if (!isdigit ((unsigned char) entry->d_name[0]))
            continue;
        if (table->count == table->capacity) {
            table->capacity = table->capacity ? 2 * table->capacity : 256;
            table->items = ag_realloc (table->items, table->capacity * sizeof *table->items);
        }
        if (s_read_process (dirfd (proc), entry->d_name, &table->items[table->count]) == 0)
            table->count++;
    }
    closedir (proc);
}

static int s_by_pid (const void *a, const void *b)
{
    pid_t left = ((const s_process_t *) a)->pid, right = ((const s_process_t *) b)->pid;
    return left < right ? -1 : left > right;
}

static bool s_table_is_ours (const s_table_t *table, pid_t pid)
{
    const s_process_t key = { .pid = pid };
    const s_process_t *found = bsearch (&key, table->items, table->count, sizeof key, s_by_pid);
    return found && found->ours;
}

/*  Spreads "ours" from parents to children until nothing changes: one pass finds
    all, but for a child that stands before its parent since pids have wrapped around. */
static void s_table_mark (s_table_t *table, pid_t root)
{
    if (table->count)
        qsort (table->items, table->count, sizeof *table->items, s_by_pid);
    for (bool changed = true; changed; ) {
        changed = false;
        for (size_t i = 0; i < table->count; i++) {
            s_process_t *process = &table->items[i];
            if (process->ours || process->pid == root)
                continue;
            if (process->parent == root || s_table_is_ours (table, process->parent))
                process->ours = changed = true;
        }
    }
}

size_t ag_descend_signal (pid_t root, int signum, pid_t except_group)
{
    s_table_t table = { 0 };
    size_t living = 0;
    s_table_read (&table);
    s_table_mark (&table, root);
    for (size_t i = 0; i < table.count; i++) {
        if (!table.items[i].ours || table.items[i].zombie)
            continue;
        living++;
        if (signum && table.items[i].group != except_group)
            kill (table.items[i].pid, signum);
    }
    free (table.items);
    return living;
}
