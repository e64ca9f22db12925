/*  agent/todo.c - the agent's own list of what is to be done

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/todo.h"

#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "core/mem.h"

enum {
    TASKS_MAX = 256,            /* tasks and changes that are remembered */
    ID_SIZE = 128               /* of a task or a call, with NUL; longer ones are cut */
};

typedef enum { TASK_OPEN, TASK_DONE, TASK_DELETED } s_status_t;

typedef struct {
    char id[ID_SIZE];
    s_status_t status;
} s_task_t;

/*  A TaskCreate or TaskUpdate whose result did not come yet. */
typedef struct {
    char call_id[ID_SIZE];
    char task_id[ID_SIZE];      /* "": create; the result names it */
    s_status_t status;
} s_change_t;

struct ag_todo {
    int64_t total, done;        /* of a list that was given whole */
    s_task_t tasks[TASKS_MAX];  /* of the other kind */
    size_t task_count;
    s_change_t changes[TASKS_MAX];
    size_t change_count;
};

ag_todo_t *ag_todo_new (void)
{
    return ag_calloc (1, sizeof (ag_todo_t));
}

void ag_todo_destroy (ag_todo_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

static void s_copy_id (char id[ID_SIZE], ag_str_t text)
{
    size_t len = text.len < ID_SIZE ? text.len : ID_SIZE - 1;
    if (len)
        memcpy (id, text.ptr, len);
    id[len] = 0;
}

/* ---------------------------------------------------------------------- */
/*  Lists given whole */

/*  {"status":"completed"} or {"completed":true}. */
static bool s_is_done (struct json_object *entry)
{
    return ag_json_is (entry, "status", "completed") || ag_json_bool (entry, "completed", false);
}

static bool s_is_gone (struct json_object *entry)
{
    return ag_json_is (entry, "status", "cancelled") || ag_json_is (entry, "status", "deleted");
}

static void s_take_list (ag_todo_t *self, struct json_object *list)
{
    if (!list)
        return;
    self->total = self->done = 0;
    for (size_t i = 0; i < json_object_array_length (list); i++) {
        struct json_object *entry = json_object_array_get_idx (list, i);
        self->total += !s_is_gone (entry);
        self->done += s_is_done (entry);
    }
}

/*  Tools whose input is a whole list, and its key there. */
static struct json_object *s_list_of (ag_str_t tool_name, struct json_object *input)
{
    static const char *const tools[][2] = {
        { "TodoWrite", "todos" }, { "todowrite", "todos" }, { "todo_write", "todos" }, { "write_todos", "todos" },
        { "update_plan", "plan" }, { "todo_list", "items" }, { "updateTodos", "todos" }
    };
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
        if (ag_str_is (tool_name, tools[i][0]) && !ag_json_bool (input, "merge", false))
            return ag_json_array (input, tools[i][1]);
    return NULL;
}

/* ---------------------------------------------------------------------- */
/*  Tasks */

static void s_await (ag_todo_t *self, const ag_draft_t *call, ag_str_t task_id, s_status_t status)
{
    if (self->change_count == TASKS_MAX)
        memmove (self->changes, self->changes + 1, --self->change_count * sizeof self->changes[0]);
    s_change_t *change = &self->changes[self->change_count++];
    s_copy_id (change->call_id, ag_draft_string (call, AG_F_TOOL_USE_ID));
    s_copy_id (change->task_id, task_id);
    change->status = status;
}

static void s_task_update (ag_todo_t *self, const ag_draft_t *call, struct json_object *input)
{
    static const char *const id_keys[] = { "taskId", "task_id", "id", NULL };
    ag_str_t id = ag_json_str_any (input, id_keys), status = ag_json_str (input, "status");
    if (!id.len || !status.len)
        return;
    s_await (self, call, id, ag_str_is (status, "completed") ? TASK_DONE
                           : ag_str_is (status, "deleted") ? TASK_DELETED : TASK_OPEN);
}

/*  "Task #3 created successfully": its id stands only there. */
static void s_created_id (char id[ID_SIZE], ag_str_t text)
{
    const char *hash = text.len ? memchr (text.ptr, '#', text.len) : NULL;
    ag_str_t digits = { hash ? hash + 1 : NULL, 0 };
    while (hash && digits.ptr + digits.len < text.ptr + text.len
            && digits.ptr[digits.len] >= '0' && digits.ptr[digits.len] <= '9')
        digits.len++;
    s_copy_id (id, digits);
}

static void s_apply (ag_todo_t *self, const s_change_t *change, ag_str_t content)
{
    char id[ID_SIZE];
    memcpy (id, change->task_id, ID_SIZE);
    if (!id[0])
        s_created_id (id, content);
    for (size_t i = 0; i < self->task_count; i++)
        if (!strcmp (self->tasks[i].id, id)) {
            self->tasks[i].status = change->status;
            return;
        }
    if (self->task_count == TASKS_MAX)
        return;
    s_task_t *task = &self->tasks[self->task_count++];
    memcpy (task->id, id, ID_SIZE);
    task->status = change->status;
}

static void s_see_result (ag_todo_t *self, const ag_draft_t *result)
{
    char call_id[ID_SIZE];
    if (!self->change_count)
        return;
    s_copy_id (call_id, ag_draft_string (result, AG_F_TOOL_USE_ID));
    for (size_t i = 0; i < self->change_count; i++) {
        s_change_t change = self->changes[i];
        if (strcmp (change.call_id, call_id))
            continue;
        memmove (self->changes + i, self->changes + i + 1, (--self->change_count - i) * sizeof self->changes[0]);
        if (ag_draft_boolean (result, AG_F_SUCCESS, false))
            s_apply (self, &change, ag_draft_string (result, AG_F_CONTENT_PREVIEW));
        return;
    }
}

static void s_see_call (ag_todo_t *self, const ag_draft_t *call)
{
    ag_str_t name = ag_draft_string (call, AG_F_TOOL_NAME);
    struct json_object *input = ag_draft_object (call, AG_F_INPUT);
    if (ag_str_is (name, "TaskCreate"))
        s_await (self, call, AG_STR (""), TASK_OPEN);
    else if (ag_str_is (name, "TaskUpdate"))
        s_task_update (self, call, input);
    else
        s_take_list (self, s_list_of (name, input));
}

void ag_todo_see (ag_todo_t *self, const ag_draft_t *draft)
{
    if (ag_draft_has (draft, AG_F_PARENT_TOOL_USE_ID))
        return;
    if (ag_draft_kind (draft) == AG_AGENT_TOOL_CALL)
        s_see_call (self, draft);
    else if (ag_draft_kind (draft) == AG_AGENT_TOOL_RESULT)
        s_see_result (self, draft);
}

static int64_t s_count (const ag_todo_t *self, bool only_done)
{
    int64_t count = 0;
    for (size_t i = 0; i < self->task_count; i++)
        count += self->tasks[i].status == TASK_DONE || (!only_done && self->tasks[i].status == TASK_OPEN);
    return count;
}

int64_t ag_todo_total (const ag_todo_t *self)
{
    return self->task_count ? s_count (self, false) : self->total;
}

int64_t ag_todo_done (const ag_todo_t *self)
{
    return self->task_count ? s_count (self, true) : self->done;
}
