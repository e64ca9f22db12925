/*  test_progress.c - phases, todo lists and the percentage

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "agent/phase.h"
#include "agent/progress.h"

enum { SECOND = 1000000 };

static const ag_progress_options_t s_defaults = { 5 * SECOND, 300 * (int64_t) SECOND, 50 };

static ag_draft_t *s_call (const char *id, const char *tool, const char *name, const char *input)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_TOOL_CALL);
    struct json_object *tree = json_tokener_parse (input);
    assert_non_null (tree);
    ag_draft_set_text (draft, AG_F_TOOL_USE_ID, id);
    ag_draft_set_text (draft, AG_F_TOOL, tool);
    ag_draft_set_text (draft, AG_F_TOOL_NAME, name);
    ag_draft_set_object (draft, AG_F_INPUT, tree);
    json_object_put (tree);
    return draft;
}

static ag_draft_t *s_result (const char *id, bool success, const char *preview)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_TOOL_RESULT);
    ag_draft_set_text (draft, AG_F_TOOL_USE_ID, id);
    ag_draft_set_boolean (draft, AG_F_SUCCESS, success);
    ag_draft_set_text (draft, AG_F_CONTENT_PREVIEW, preview);
    return draft;
}

/*  Shows it a draft; "Phase percentage", or "-" when it says nothing. */
static const char *s_see (ag_progress_t *progress, ag_draft_t *draft, int64_t now_us)
{
    static char said[64];
    ag_draft_t *update = ag_progress_see (progress, draft, now_us);
    ag_draft_destroy (&draft);
    if (!update)
        return "-";
    ag_str_t phase = ag_draft_string (update, AG_F_CURRENT_PHASE);
    snprintf (said, sizeof said, "%.*s %lld", (int) phase.len, phase.ptr,
              (long long) ag_draft_integer (update, AG_F_PERCENTAGE, -1));
    ag_draft_destroy (&update);
    return said;
}

static int64_t s_tick_percentage (ag_progress_t *progress, int64_t now_us)
{
    ag_draft_t *update = ag_progress_tick (progress, now_us);
    int64_t percentage = update ? ag_draft_integer (update, AG_F_PERCENTAGE, -1) : -2;
    ag_draft_destroy (&update);
    return percentage;
}

static void test_phases_follow_the_tools (void **state)
{
    (void) state;
    ag_progress_t *progress = ag_progress_new (&s_defaults, 0);
    assert_string_equal (s_see (progress, s_call ("1", "Read", "Read", "{}"), 0), "Reading 6");
    assert_string_equal (s_see (progress, s_call ("2", "Grep", "Grep", "{}"), 0), "-");
    assert_string_equal (s_see (progress, s_call ("3", "Other", "ExitPlanMode", "{}"), 0), "Planning 11");
    assert_string_equal (s_see (progress, s_call ("4", "Edit", "Edit", "{}"), 0), "Implementing 26");
    assert_string_equal (s_see (progress, s_call ("5", "Read", "Read", "{}"), 0), "-");
    assert_string_equal (
        s_see (progress, s_call ("6", "Bash", "Bash", "{\"command\":\"make test\"}"), 0), "Testing 37");
    assert_string_equal (s_see (progress, s_call ("7", "Write", "Write", "{}"), 0), "Implementing 37");
    assert_string_equal (
        s_see (progress, s_call ("8", "Bash", "Bash", "{\"command\":\"git commit -m x\"}"), 0), "Finalizing 42");
    ag_progress_destroy (&progress);
    ag_progress_destroy (&progress);
}

static void test_the_model_is_that_of_the_contract (void **state)
{
    (void) state;
    ag_progress_t *progress = ag_progress_new (&s_defaults, 1000);
    assert_int_equal (ag_progress_deadline_us (progress), 1000 + 5 * SECOND);
    assert_int_equal (s_tick_percentage (progress, 1000 + 5 * SECOND - 1), -2);
    assert_int_equal (s_tick_percentage (progress, 1000 + 30 * SECOND), 5);         /* 3 + 0 + 0.4 * 5 */
    assert_int_equal (s_tick_percentage (progress, 1000 + 9000LL * SECOND), 32);    /* 30 + 0 + 2 */
    for (int i = 0; i < 60; i++)
        s_see (progress, s_call ("x", "Edit", "Edit", "{}"), 0);
    assert_int_equal (s_tick_percentage (progress, 1000 + 9999LL * SECOND), 84);    /* 30 + 30 + 24 */
    ag_progress_destroy (&progress);
}

static void test_only_the_true_end_is_100 (void **state)
{
    (void) state;
    for (int completed = 0; completed < 2; completed++) {
        ag_progress_t *progress = ag_progress_new (&s_defaults, 0);
        s_see (progress, s_call ("1", "Bash", "Bash", "{\"command\":\"git push\"}"), 0);
        for (int i = 0; i < 60; i++)
            s_see (progress, s_call ("x", "Edit", "Edit", "{}"), 0);
        s_see (progress, s_call ("1", "Bash", "Bash", "{\"command\":\"git push\"}"), 0);
        int64_t before = s_tick_percentage (progress, 9999LL * SECOND);
        assert_int_equal (before, 98);
        ag_draft_t *last = ag_progress_end (progress, completed, 9999LL * SECOND);
        assert_int_equal (ag_draft_integer (last, AG_F_PERCENTAGE, -1), completed ? 100 : before);
        ag_draft_destroy (&last);
        ag_progress_destroy (&progress);
    }
}

static void test_a_todo_list_replaces_time_and_calls (void **state)
{
    (void) state;
    ag_progress_t *progress = ag_progress_new (&s_defaults, 0);
    const char *list = "{\"todos\":[{\"status\":\"completed\"},{\"status\":\"completed\"},{\"status\":\"in_progress\"},"
                       "{\"status\":\"pending\"},{\"status\":\"cancelled\"}]}";
    assert_string_equal (s_see (progress, s_call ("1", "Other", "TodoWrite", list), 0), "Planning 40");
    ag_draft_t *update = ag_progress_tick (progress, 9000LL * SECOND);
    assert_int_equal (ag_draft_integer (update, AG_F_PERCENTAGE, -1), 40);
    assert_int_equal (ag_draft_integer (update, AG_F_TODOS_DONE, -1), 2);
    assert_int_equal (ag_draft_integer (update, AG_F_TODOS_TOTAL, -1), 4);
    ag_draft_destroy (&update);
    ag_progress_destroy (&progress);
}

static void test_every_agents_todo_list (void **state)
{
    (void) state;
    static const char *const lists[][2] = {
        { "TodoWrite", "{\"todos\":[{\"status\":\"completed\"},{\"status\":\"pending\"}]}" },
        { "todowrite", "{\"todos\":[{\"status\":\"completed\"},{\"status\":\"pending\"}]}" },
        { "write_todos", "{\"todos\":[{\"status\":\"completed\"},{\"status\":\"pending\"}]}" },
        { "update_plan", "{\"plan\":[{\"status\":\"completed\"},{\"status\":\"pending\"}]}" },
        { "todo_list", "{\"items\":[{\"completed\":true},{\"completed\":false}]}" },
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        ag_progress_t *progress = ag_progress_new (&s_defaults, 0);
        s_see (progress, s_call ("1", "Other", lists[i][0], lists[i][1]), 0);
        ag_draft_t *update = ag_progress_tick (progress, 5 * SECOND);
        assert_int_equal (ag_draft_integer (update, AG_F_TODOS_DONE, -1), 1);
        assert_int_equal (ag_draft_integer (update, AG_F_TODOS_TOTAL, -1), 2);
        ag_draft_destroy (&update);
        ag_progress_destroy (&progress);
    }
}

/*  TaskCreate has its id in the result only; what failed does not count. */
static void test_tasks_are_created_updated_and_deleted (void **state)
{
    (void) state;
    ag_progress_t *progress = ag_progress_new (&s_defaults, 0);
    static const char *const created[] = { "Task #1 created successfully: a", "Task #2 created successfully: b",
                                           "Task #3 created successfully: c" };
    static const char *const ids[] = { "c1", "c2", "c3" };
    for (int i = 0; i < 3; i++)
        s_see (progress, s_call (ids[i], "Other", "TaskCreate", "{\"subject\":\"x\"}"), 0);
    for (int i = 2; i >= 0; i--)
        s_see (progress, s_result (ids[i], true, created[i]), 0);
    s_see (progress, s_call ("u1", "Other", "TaskUpdate", "{\"taskId\":\"1\",\"status\":\"completed\"}"), 0);
    s_see (progress, s_call ("u2", "Other", "TaskUpdate", "{\"taskId\":\"2\",\"status\":\"completed\"}"), 0);
    s_see (progress, s_call ("u3", "Other", "TaskUpdate", "{\"taskId\":\"3\",\"status\":\"deleted\"}"), 0);
    s_see (progress, s_call ("u4", "Other", "TaskUpdate", "{\"taskId\":\"2\",\"addBlockedBy\":[\"1\"]}"), 0);
    s_see (progress, s_result ("u1", true, "Updated task #1 status"), 0);
    s_see (progress, s_result ("u2", false, "no"), 0);
    s_see (progress, s_result ("u3", true, "Updated task #3 deleted"), 0);
    ag_draft_t *update = ag_progress_tick (progress, 5 * SECOND);
    assert_int_equal (ag_draft_integer (update, AG_F_TODOS_DONE, -1), 1);
    assert_int_equal (ag_draft_integer (update, AG_F_TODOS_TOTAL, -1), 2);
    ag_draft_destroy (&update);
    ag_progress_destroy (&progress);
}

static void test_a_subagents_list_is_not_the_runs (void **state)
{
    (void) state;
    ag_progress_t *progress = ag_progress_new (&s_defaults, 0);
    ag_draft_t *call = s_call ("1", "Other", "TodoWrite", "{\"todos\":[{\"status\":\"completed\"}]}");
    ag_draft_set_text (call, AG_F_PARENT_TOOL_USE_ID, "task");
    s_see (progress, call, 0);
    ag_draft_t *update = ag_progress_tick (progress, 5 * SECOND);
    assert_false (ag_draft_has (update, AG_F_TODOS_TOTAL));
    ag_draft_destroy (&update);
    ag_progress_destroy (&progress);
}

static void test_commands_are_told_apart (void **state)
{
    (void) state;
    static const struct { const char *command; ag_phase_t phase;
    } cases[] = {
        { "make test", AG_PHASE_TESTING },
        { "/bin/bash -lc 'make test && git status --short'", AG_PHASE_TESTING },
        { "cd src && FOO=1 timeout 60 python3 -m pytest -q", AG_PHASE_TESTING },
        { "npm test", AG_PHASE_TESTING },
        { "npm run build", AG_PHASE_TESTING },
        { "npm run dev", AG_PHASE_STARTING },
        { "npx jest a.test.js", AG_PHASE_TESTING },
        { "cargo test --all", AG_PHASE_TESTING },
        { "go build ./...", AG_PHASE_TESTING },
        { "./run_tests.sh", AG_PHASE_TESTING },
        { "/bin/zsh -lc \"sed -n '1,200p' README.md\"", AG_PHASE_READING },
        { "cat a | grep b", AG_PHASE_READING },
        { "git status", AG_PHASE_READING },
        { "git -C dir commit -am x", AG_PHASE_FINALIZING },
        { "npm test && git push origin main", AG_PHASE_FINALIZING },
        { "gh pr create --fill", AG_PHASE_FINALIZING },
        { "sed -i s/a/b/ f", AG_PHASE_IMPLEMENTING },
        { "cat > f.c <<EOF", AG_PHASE_IMPLEMENTING },
        { "ls 2>/dev/null", AG_PHASE_READING },
        { "ls > /dev/null 2>&1", AG_PHASE_READING },
        { "rm -rf src", AG_PHASE_IMPLEMENTING },
        { "echo hello", AG_PHASE_STARTING },
        { "test -f x", AG_PHASE_STARTING },
        { "sleep 20", AG_PHASE_STARTING },
        { "", AG_PHASE_STARTING },
        { "'", AG_PHASE_STARTING },
        { "=", AG_PHASE_STARTING },
        { "&&;|", AG_PHASE_STARTING },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ag_phase_t phase = ag_phase_of_command ((ag_str_t) { cases[i].command, strlen (cases[i].command) });
        if (phase != cases[i].phase)
            fail_msg ("%s: %s", cases[i].command, ag_phase_name (phase));
    }
}

static void test_a_shell_without_a_command_tells_nothing (void **state)
{
    (void) state;
    ag_progress_t *progress = ag_progress_new (&s_defaults, 0);
    assert_string_equal (s_see (progress, s_call ("1", "Bash", "Bash", "{}"), 0), "Reading 6");
    assert_int_equal (ag_phase_of_command ((ag_str_t) { NULL, 0 }), AG_PHASE_STARTING);
    ag_progress_destroy (&progress);
}

/*  Any calls, any times, also a clock that stands still: it never goes back,
    and stays below 100. */
static void test_it_never_goes_backwards (void **state)
{
    (void) state;
    static const char *const inputs[] = {
        "{\"todos\":[{\"status\":\"completed\"},{\"status\":\"pending\"}]}", "{\"todos\":[]}", "{\"todos\":3}",
        "{\"command\":\"make test\"}", "{\"command\":\"git commit\"}", "{}",
        "{\"todos\":[{\"status\":\"completed\"},{\"status\":\"completed\"}]}"
    };
    static const char *const tools[][2] = { { "Bash", "Bash" }, { "Other", "TodoWrite" }, { "Edit", "Edit" },
        { "Read", "Read" } };
    unsigned seed = (unsigned) time (NULL);
    print_message ("seed %u\n", seed);
    srand (seed);
    for (int round = 0; round < 50; round++) {
        ag_progress_t *progress = ag_progress_new (&s_defaults, 0);
        int64_t now = 0, last = 0;
        for (int i = 0; i < 200; i++) {
            now += rand () % (4 * SECOND);
            const char *const *tool = tools[rand () % 4];
            s_see (progress, s_call ("x", tool[0], tool[1], inputs[rand () % 7]), now);
            int64_t percentage = s_tick_percentage (progress, now);
            if (percentage == -2)
                continue;
            assert_true (percentage >= last && percentage < 100);
            last = percentage;
        }
        ag_progress_destroy (&progress);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_phases_follow_the_tools),
        cmocka_unit_test (test_the_model_is_that_of_the_contract),
        cmocka_unit_test (test_only_the_true_end_is_100),
        cmocka_unit_test (test_a_todo_list_replaces_time_and_calls),
        cmocka_unit_test (test_every_agents_todo_list),
        cmocka_unit_test (test_tasks_are_created_updated_and_deleted),
        cmocka_unit_test (test_a_subagents_list_is_not_the_runs),
        cmocka_unit_test (test_commands_are_told_apart),
        cmocka_unit_test (test_a_shell_without_a_command_tells_nothing),
        cmocka_unit_test (test_it_never_goes_backwards),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
