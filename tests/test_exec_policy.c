/*  test_exec_policy.c - the executor's parts that do no I/O: ladder, fold, outcome, ignore, folders

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/buf.h"
#include "exec/descend.h"
#include "exec/fold.h"
#include "exec/folders.h"
#include "exec/ignore.h"
#include "exec/ladder.h"
#include "exec/outcome.h"

#define SECOND INT64_C (1000000)

/* ---------------------------------------------------------------------- */

static void test_ladder_does_nothing_unasked (void **state)
{
    (void) state;
    ag_ladder_t *ladder = ag_ladder_new (0, 10 * SECOND, 5);
    assert_int_equal (ag_ladder_signal (ladder, 1000 * SECOND), 0);
    assert_true (ag_ladder_deadline_us (ladder) == INT64_MAX);
    assert_int_equal (ag_ladder_reason (ladder), AG_STOP_NONE);
    ag_ladder_destroy (&ladder);
    ag_ladder_destroy (&ladder);
}

static void test_ladder_terminates_then_kills (void **state)
{
    (void) state;
    ag_ladder_t *ladder = ag_ladder_new (0, 10 * SECOND, 0);
    ag_ladder_cancel (ladder, true, 7 * SECOND);
    assert_int_equal (ag_ladder_signal (ladder, 7 * SECOND), SIGTERM);
    assert_int_equal (ag_ladder_signal (ladder, 8 * SECOND), 0);
    assert_true (ag_ladder_deadline_us (ladder) == 17 * SECOND);
    assert_int_equal (ag_ladder_signal (ladder, 17 * SECOND), SIGKILL);
    assert_int_equal (ag_ladder_signal (ladder, 17 * SECOND + 1), 0);
    assert_int_equal (ag_ladder_signal (ladder, 18 * SECOND), SIGKILL);
    ag_ladder_done (ladder);
    assert_int_equal (ag_ladder_signal (ladder, 100 * SECOND), 0);
    assert_int_equal (ag_ladder_reason (ladder), AG_STOP_CANCELLED);
    ag_ladder_destroy (&ladder);
}

static void test_ladder_first_reason_counts (void **state)
{
    (void) state;
    ag_ladder_t *ladder = ag_ladder_new (3 * SECOND, 10 * SECOND, SECOND);
    assert_int_equal (ag_ladder_signal (ladder, 4 * SECOND - 1), 0);
    assert_int_equal (ag_ladder_signal (ladder, 4 * SECOND), SIGTERM);
    ag_ladder_cancel (ladder, false, 5 * SECOND);
    assert_int_equal (ag_ladder_reason (ladder), AG_STOP_TIMEOUT);
    assert_int_equal (ag_ladder_signal (ladder, 5 * SECOND), 0);
    ag_ladder_destroy (&ladder);

    ladder = ag_ladder_new (3 * SECOND, 10 * SECOND, 0);
    ag_ladder_cancel (ladder, true, SECOND);
    assert_int_equal (ag_ladder_signal (ladder, SECOND), SIGTERM);
    assert_int_equal (ag_ladder_signal (ladder, 4 * SECOND), 0);
    assert_int_equal (ag_ladder_reason (ladder), AG_STOP_CANCELLED);
    ag_ladder_destroy (&ladder);
}

static void test_ladder_insisting_kills_at_once (void **state)
{
    (void) state;
    ag_ladder_t *ladder = ag_ladder_new (0, 10 * SECOND, 0);
    ag_ladder_cancel (ladder, true, SECOND);
    assert_int_equal (ag_ladder_signal (ladder, SECOND), SIGTERM);
    ag_ladder_cancel (ladder, true, 2 * SECOND);
    assert_int_equal (ag_ladder_signal (ladder, 2 * SECOND), SIGKILL);
    ag_ladder_destroy (&ladder);
}

/*  As timeout(1) does, which signals its child and then its group. */
static void test_ladder_two_signals_at_once_are_one_request (void **state)
{
    (void) state;
    ag_ladder_t *ladder = ag_ladder_new (0, 10 * SECOND, 0);
    ag_ladder_cancel (ladder, true, SECOND);
    assert_int_equal (ag_ladder_signal (ladder, SECOND), SIGTERM);
    ag_ladder_cancel (ladder, true, SECOND + 1);
    assert_int_equal (ag_ladder_signal (ladder, SECOND + 1), 0);
    ag_ladder_cancel (ladder, true, SECOND + 100 * 1000);
    assert_int_equal (ag_ladder_signal (ladder, SECOND + 100 * 1000), SIGKILL);
    ag_ladder_destroy (&ladder);
}

static void test_ladder_who_asks_after_the_end_has_not_stopped_it (void **state)
{
    (void) state;
    ag_ladder_t *ladder = ag_ladder_new (0, 10 * SECOND, 0);
    ag_ladder_done (ladder);
    ag_ladder_cancel (ladder, true, SECOND);
    assert_int_equal (ag_ladder_signal (ladder, SECOND), 0);
    assert_int_equal (ag_ladder_reason (ladder), AG_STOP_NONE);
    ag_ladder_destroy (&ladder);
}

/* ---------------------------------------------------------------------- */

/*  Warnings as text: [message] or [message+suppressed]. */
static void s_see_warning (void *context, ag_draft_t **draft_p)
{
    ag_buf_t *seen = context;
    ag_str_t message = ag_draft_string (*draft_p, AG_F_MESSAGE);
    struct json_object *details = ag_draft_object (*draft_p, AG_F_DETAILS), *suppressed = NULL;
    ag_buf_append_char (seen, '[');
    ag_buf_append_str (seen, message);
    if (details && json_object_object_get_ex (details, "suppressed", &suppressed))
        ag_buf_printf (seen, "+%d", json_object_get_int (suppressed));
    ag_buf_append_char (seen, ']');
    assert_int_equal (ag_draft_kind (*draft_p), AG_AGENT_ERROR);
    ag_draft_destroy (draft_p);
}

static void s_assert_seen (ag_buf_t *seen, const char *expected)
{
    assert_string_equal (ag_buf_cstr (seen), expected);
    ag_buf_clear (seen);
}

static void test_fold_lines_of_one_read_are_one_warning (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_fold_t *fold = ag_fold_new (s_see_warning, &seen);
    ag_fold_feed (fold, "one\r\ntwo\n", 9, 0);
    s_assert_seen (&seen, "[one\r\ntwo]");
    ag_fold_feed (fold, "\n\n", 2, 1);
    s_assert_seen (&seen, "");
    ag_fold_end (fold);
    s_assert_seen (&seen, "");
    ag_fold_destroy (&fold);
    ag_fold_destroy (&fold);
    ag_buf_free (&seen);
}

static void test_fold_waits_for_the_end_of_a_line (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_fold_t *fold = ag_fold_new (s_see_warning, &seen);
    ag_fold_feed (fold, "half \xC3", 6, 0);
    ag_fold_feed (fold, "\xA4 done\nrest", 11, 1000);
    s_assert_seen (&seen, "[half \xC3\xA4 done]");
    ag_fold_tick (fold, 100000);
    s_assert_seen (&seen, "");
    assert_true (ag_fold_deadline_us (fold) == 201000);
    ag_fold_tick (fold, 201000);
    s_assert_seen (&seen, "[rest]");
    ag_fold_feed (fold, "last", 4, 202000);
    ag_fold_end (fold);
    s_assert_seen (&seen, "[last]");
    ag_fold_destroy (&fold);
    ag_buf_free (&seen);
}

static void test_fold_flood (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_fold_t *fold = ag_fold_new (s_see_warning, &seen);
    for (int i = 0; i < 80; i++)
        ag_fold_feed (fold, "x\n", 2, i * 1000);
    assert_int_equal (seen.len, 50 * 3);
    ag_buf_clear (&seen);
    assert_true (ag_fold_deadline_us (fold) == SECOND);
    ag_fold_tick (fold, SECOND);
    s_assert_seen (&seen, "[x+30]");
    ag_fold_feed (fold, "y\n", 2, SECOND + 1);
    s_assert_seen (&seen, "[y]");
    for (int i = 0; i < 60; i++)
        ag_fold_feed (fold, "z\n", 2, SECOND + 2);
    ag_buf_clear (&seen);
    ag_fold_end (fold);
    s_assert_seen (&seen, "[z+11]");
    ag_fold_destroy (&fold);
    ag_buf_free (&seen);
}

/*  However long a line is, memory and events stay small, and nothing is lost. */
static void test_fold_giant_line (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_fold_t *fold = ag_fold_new (s_see_warning, &seen);
    char *block = malloc (50000);
    memset (block, 'a', 50000);
    for (int i = 0; i < 10; i++)
        ag_fold_feed (fold, block, 50000, i);
    ag_fold_end (fold);
    size_t letters = 0;
    for (size_t i = 0; i < seen.len; i++)
        letters += seen.data[i] == 'a';
    assert_int_equal (letters, 500000);
    free (block);
    ag_fold_destroy (&fold);
    ag_buf_free (&seen);
}

/*  A binary on stderr: no character begins anywhere in it. */
static void test_fold_bytes_that_are_no_text (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_fold_t *fold = ag_fold_new (s_see_warning, &seen);
    char *block = malloc (200000);
    memset (block, 0x80, 200000);
    ag_fold_feed (fold, block, 200000, 0);
    ag_fold_end (fold);
    size_t bytes = 0;
    for (size_t i = 0; i < seen.len; i++)
        bytes += seen.data[i] == (char) 0xef;        /* U+FFFD for each */
    assert_int_equal (bytes, 200000);
    free (block);
    ag_fold_destroy (&fold);
    ag_buf_free (&seen);
}

/*  More than an event holds is split between lines, or else words, never in a secret. */
static void test_fold_tears_no_word (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 }, lines = { 0 }, words = { 0 };
    for (int i = 0; i < 10000; i++) {
        ag_buf_append_cstr (&lines, "a line with one-secret-value in it\n");
        ag_buf_append_cstr (&words, "one-secret-value ");
    }
    ag_fold_t *fold = ag_fold_new (s_see_warning, &seen);
    for (int second = 0; second < 4; second++) {    /* the first ones are told, the others folded */
        int64_t now_us = second * 2 * SECOND;
        for (int read = 0; read < 12; read++) {
            ag_fold_feed (fold, lines.data, lines.len, now_us);
            ag_fold_feed (fold, words.data, words.len, now_us);
        }
        ag_fold_tick (fold, now_us + SECOND);
    }
    ag_fold_end (fold);
    assert_true (seen.len > 1000000);
    assert_null (memmem (seen.data, seen.len, "\n]", 2));
    assert_null (memmem (seen.data, seen.len, "\n+", 2));
    for (const char *at = seen.data, *end = at + seen.len; (at = memmem (at, (size_t) (end - at), "one", 3)); at++)
        assert_memory_equal (at, "one-secret-value", 16);
    for (const char *at = seen.data, *end = at + seen.len; (at = memmem (at, (size_t) (end - at), "value", 5)); at++)
        assert_memory_equal (at - 11, "one-secret-value", 16);
    ag_fold_destroy (&fold);
    ag_buf_free (&seen);
    ag_buf_free (&lines);
    ag_buf_free (&words);
}

/* ---------------------------------------------------------------------- */

static void s_assert_outcome (ag_outcome_t outcome, const char *reason, const char *error_part, int status)
{
    ag_parser_summary_t silent = { .num_turns = -1, .cost_usd = -1 };
    if (!outcome.summary)
        outcome.summary = &silent;
    outcome.command = "agent";
    ag_draft_t *draft = ag_outcome_draft (&outcome);
    assert_int_equal (ag_draft_kind (draft), reason ? AG_RUN_FAILED : AG_RUN_COMPLETED);
    if (reason) {
        ag_str_t got = ag_draft_string (draft, AG_F_REASON), error = ag_draft_string (draft, AG_F_ERROR);
        assert_int_equal (got.len, strlen (reason));
        assert_memory_equal (got.ptr, reason, got.len);
        assert_non_null (memmem (error.ptr, error.len, error_part, strlen (error_part)));
    }
    assert_int_equal (ag_outcome_status (&outcome), status);
    ag_draft_destroy (&draft);
}

static void test_outcome_first_match_counts (void **state)
{
    (void) state;
    ag_parser_summary_t bad = { .num_turns = -1, .cost_usd = -1, .has_result = true, .result_is_error = true,
        .result_text = AG_STR ("out of turns") };
    s_assert_outcome ((ag_outcome_t) { .wait_status = W_EXITCODE (0, 0) }, NULL, "", 0);
    s_assert_outcome ((ag_outcome_t) { .wait_status = W_EXITCODE (0, 0), .summary = &bad }, "agent_error", "out of turns", 0);
    s_assert_outcome ((ag_outcome_t) { .wait_status = W_EXITCODE (3, 0), .summary = &bad }, "exit", "status 3: out of turns", 3);
    s_assert_outcome ((ag_outcome_t) { .wait_status = W_EXITCODE (0, SIGSEGV) }, "signal", "SIGSEGV", 139);
    s_assert_outcome ((ag_outcome_t) { .wait_status = W_EXITCODE (0, SIGTERM), .stop = AG_STOP_CANCELLED }, "cancelled", "SIGTERM", 143);
    s_assert_outcome ((ag_outcome_t) { .wait_status = W_EXITCODE (0, 0), .stop = AG_STOP_TIMEOUT, .timeout_ms = 1500 }, "timeout", "1.5 s", 0);
    s_assert_outcome ((ag_outcome_t) { .spawn_errno = ENOENT, .stop = AG_STOP_CANCELLED }, "spawn", "agent: No such file", 127);
    s_assert_outcome ((ag_outcome_t) { .spawn_errno = EACCES }, "spawn", "Permission denied", 126);
}

static void test_outcome_tells_what_the_agent_said (void **state)
{
    (void) state;
    char text[2000];
    memset (text, 'r', sizeof text);
    ag_parser_summary_t summary = { .num_turns = 4, .cost_usd = 0.25, .result_text = { text, sizeof text } };
    ag_outcome_t outcome = { .summary = &summary, .duration_ms = 1234, .redactions = 2 };
    ag_draft_t *draft = ag_outcome_draft (&outcome);
    assert_int_equal (ag_draft_integer (draft, AG_F_NUM_TURNS, -1), 4);
    assert_true (ag_draft_number (draft, AG_F_COST_USD, -1) == 0.25);
    assert_int_equal (ag_draft_string (draft, AG_F_RESULT_PREVIEW).len, 500);
    assert_int_equal (ag_draft_integer (draft, AG_F_DURATION_MS, -1), 1234);
    assert_int_equal (ag_draft_integer (draft, AG_F_REDACTIONS, -1), 2);
    ag_draft_destroy (&draft);
}

/* ---------------------------------------------------------------------- */

static void test_ignore (void **state)
{
    (void) state;
    ag_ignore_t *ignore = ag_ignore_new ();
    ag_ignore_add (ignore, "*.log");
    ag_ignore_add (ignore, "build/out/");
    ag_ignore_add (ignore, "/top");
    static const struct { const char *path; bool ignored; } cases[] = {
        { ".git", true }, { "a/.git", true }, { ".gitignore", false }, { "node_modules", true }, { "a/b/x.log", true },
        { "x.log.txt", false }, { "build/out", true }, { "a/build/out", false }, { "build", false }, { "top", true },
        { "a/top", false }, { "file~", true }, { "4913", false }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal (ag_ignore_match (ignore, cases[i].path), cases[i].ignored);
    ag_ignore_destroy (&ignore);
    ag_ignore_destroy (&ignore);
}

static bool s_covers (const char *const *folders, const char *path)
{
    ag_gone_t *gone = ag_gone_new ();
    for (; *folders; folders++)
        ag_gone_add (gone, *folders);
    bool covers = ag_gone_covers (gone, path);
    assert_true (ag_gone_covers (gone, path) == covers);
    ag_gone_destroy (&gone);
    ag_gone_destroy (&gone);
    return covers;
}

static void test_gone (void **state)
{
    (void) state;
    const char *const some[] = { "b/c", "a", "a/x", "b-", "a", NULL }, *const all[] = { "", "a", NULL }, *const none[] = { NULL };
    static const char *const in[] = { "a", "a/x", "a/b/c", "a/x/y", "a/zzz", "b/c", "b/c/d", "b-", "b-/d" };
    static const char *const out[] = { "", "b", "b/d", "b/ce", "a-", "a-/x", "A", "b.", "aa", "b/", "c" };
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        assert_true (s_covers (some, in[i]) && s_covers (all, in[i]) && !s_covers (none, in[i]));
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        assert_true (!s_covers (some, out[i]) && s_covers (all, out[i]));
    ag_gone_t *gone = ag_gone_new ();
    assert_true (ag_gone_is_empty (gone));
    ag_gone_add (gone, "a");
    assert_true (ag_gone_covers (gone, "a/b") && !ag_gone_covers (gone, "b"));
    ag_gone_add (gone, "b");
    assert_true (ag_gone_covers (gone, "a/b") && ag_gone_covers (gone, "b"));
    ag_gone_clear (gone);
    assert_true (ag_gone_is_empty (gone) && !ag_gone_covers (gone, "a"));
    ag_gone_destroy (&gone);
}

/*  Against the plain definition, with names that differ in characters around '/'. */
static void test_gone_by_chance (void **state)
{
    (void) state;
    srand (7);
    for (int round = 0; round < 3000; round++) {
        char folders[6][16], path[16];
        ag_gone_t *gone = ag_gone_new ();
        bool expected = false;
        for (int i = 0; i < 7; i++) {
            char *text = i < 6 ? folders[i] : path;
            size_t len = (size_t) (1 + rand () % 7);
            for (size_t at = 0; at < len; at++)
                text[at] = at % 2 && rand () % 2 ? '/' : "a.0"[rand () % 3];
            text[len] = 0;
            while (len && text[len - 1] == '/')
                text[--len] = 0;
            if (i < 6)
                ag_gone_add (gone, text);
        }
        for (int i = 0; i < 6; i++)
            expected |= ag_path_is_below (path, folders[i]);
        assert_true (ag_gone_covers (gone, path) == expected);
        ag_gone_destroy (&gone);
    }
}

static void test_folders (void **state)
{
    (void) state;
    ag_folders_t *folders = ag_folders_new ();
    assert_true (ag_folders_put (folders, 1, ""));
    assert_true (ag_folders_put (folders, 2, "a"));
    assert_true (ag_folders_put (folders, 300, "a/b"));
    assert_true (ag_folders_put (folders, 4, "ab"));
    assert_true (ag_folders_put (folders, 2, "a"));
    assert_false (ag_folders_put (folders, 2, "elsewhere"));
    assert_string_equal (ag_folders_path (folders, 300), "a/b");
    assert_null (ag_folders_path (folders, 3));
    assert_null (ag_folders_path (folders, -1));
    assert_null (ag_folders_path (folders, 100000));
    ag_gone_t *gone = ag_gone_new ();
    ag_gone_add (gone, "a");
    assert_int_equal (ag_folders_take_gone (folders, gone, -1), 2);
    assert_int_equal (ag_folders_take_gone (folders, gone, 2), 300);
    assert_int_equal (ag_folders_take_gone (folders, gone, 300), -1);
    ag_gone_destroy (&gone);
    assert_int_equal (ag_folders_count (folders), 2);
    ag_folders_remove (folders, 4);
    ag_folders_remove (folders, 4);
    assert_int_equal (ag_folders_count (folders), 1);
    ag_folders_destroy (&folders);
}

static void test_descend_parse (void **state)
{
    (void) state;
    pid_t parent = 0, group = 0;
    char kind = 0;
    assert_int_equal (ag_descend_parse ("12 (evil) S 9) R 77 11 12", &parent, &group, &kind), 0);
    assert_int_equal (parent, 77);
    assert_int_equal (group, 11);
    assert_int_equal (kind, 'R');
    assert_int_equal (ag_descend_parse ("", &parent, &group, &kind), -1);
    assert_int_equal (ag_descend_parse ("12 (cut", &parent, &group, &kind), -1);
    assert_int_equal (ag_descend_parse ("12 (cut) Z 5", &parent, &group, &kind), -1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ladder_does_nothing_unasked),
        cmocka_unit_test (test_ladder_terminates_then_kills),
        cmocka_unit_test (test_ladder_first_reason_counts),
        cmocka_unit_test (test_ladder_insisting_kills_at_once),
        cmocka_unit_test (test_ladder_two_signals_at_once_are_one_request),
        cmocka_unit_test (test_ladder_who_asks_after_the_end_has_not_stopped_it),
        cmocka_unit_test (test_fold_lines_of_one_read_are_one_warning),
        cmocka_unit_test (test_fold_waits_for_the_end_of_a_line),
        cmocka_unit_test (test_fold_flood),
        cmocka_unit_test (test_fold_giant_line),
        cmocka_unit_test (test_fold_bytes_that_are_no_text),
        cmocka_unit_test (test_fold_tears_no_word),
        cmocka_unit_test (test_outcome_first_match_counts),
        cmocka_unit_test (test_outcome_tells_what_the_agent_said),
        cmocka_unit_test (test_ignore),
        cmocka_unit_test (test_gone),
        cmocka_unit_test (test_gone_by_chance),
        cmocka_unit_test (test_folders),
        cmocka_unit_test (test_descend_parse),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
