/*  agent/todo.h - the agent's own list of what is to be done

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Found in the calls of its todo tools: lists that are given whole each time
    (TodoWrite, todowrite, write_todos, update_plan, Codex's todo_list), and
    Claude's TaskCreate and TaskUpdate, that change one entry; those count
    when their result says that they succeeded. Subagents' lists are not the run's.
*/
#ifndef AG_AGENT_TODO_H
#define AG_AGENT_TODO_H

#include <agentgate/event.h>

typedef struct ag_todo ag_todo_t;

ag_todo_t *ag_todo_new (void);
void ag_todo_destroy (ag_todo_t **self_p);
/*  Looks at a tool call or a result. */
void ag_todo_see (ag_todo_t *self, const ag_draft_t *draft);
/*  Entries; total 0: there is no list. */
int64_t ag_todo_total (const ag_todo_t *self);
int64_t ag_todo_done (const ag_todo_t *self);

#endif
