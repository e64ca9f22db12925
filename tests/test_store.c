/*  tests/test_store.c - what is appended is what is read, whatever happens between

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "core/buf.h"
#include "core/mem.h"
#include "store/store.h"

enum { EPOCH = 7 };
static const ag_str_t RUN = { "run-1", 5 };

static int s_setup (void **state)
{
    *state = new_folder ();
    return 0;
}

static int s_teardown (void **state)
{
    remove_folder ((char **) state);
    return 0;
}

static ag_store_t *s_open (const char *folder, ag_store_mode_t mode)
{
    char *path = path_in (folder, "run.db"), *error = NULL;
    ag_store_t *store = ag_store_open (path, mode, &error);
    if (!store)
        fail_msg ("%s", error);
    free (path);
    return store;
}

/*  Opening must fail so; the reason names the file. */
static void s_refused (const char *folder, ag_store_mode_t mode, int error_number, const char *words)
{
    char *path = path_in (folder, "run.db"), *error = NULL;
    ag_store_t *store = ag_store_open (path, mode, &error);
    int saved = errno;
    assert_null (store);
    assert_non_null (strstr (error, path));
    if (!strstr (error, words))
        fail_msg ("\"%s\" does not say \"%s\"", error, words);
    assert_int_equal (saved, error_number);
    free (error);
    free (path);
}

static void s_append (ag_store_t *store, ag_event_t *event)
{
    if (ag_store_append (store, event))
        fail_msg ("%s", ag_store_error (store));
    ag_event_unref (&event);
}

static void s_append_many (ag_store_t *store, ag_str_t run, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++)
        s_append (store, event_of (run, EPOCH, seq, NULL));
}

static bool s_collect (void *context, ag_event_t *event)
{
    ag_buf_printf (context, "%llu ", (unsigned long long) ag_event_seq (event));
    return true;
}

static void s_holds (ag_store_t *store, ag_str_t stream, uint64_t from, uint64_t to, const char *expected)
{
    ag_buf_t seqs = { 0 };
    assert_int_equal (ag_store_each_event (store, stream, EPOCH, from, to, s_collect, &seqs), 0);
    assert_string_equal (ag_buf_cstr (&seqs), expected);
    ag_buf_free (&seqs);
}

/* ---------------------------------------------------------------------- */

static void test_shortest_use (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append (store, event_of (RUN, EPOCH, 1, "hello"));
    s_append (store, event_ending (RUN, EPOCH, 2));
    assert_true (ag_store_dirty (store));
    assert_int_equal (ag_store_sync (store), 0);
    assert_false (ag_store_dirty (store));
    ag_store_close (&store);
    assert_null (store);
    ag_store_close (&store);

    store = s_open (*state, AG_STORE_READ);
    ag_store_stream_t info;
    assert_int_equal (ag_store_stream (store, RUN, EPOCH, &info), 1);
    assert_int_equal (info.first, 1);
    assert_int_equal (info.last, 2);
    assert_true (info.ended);
    assert_true (ag_str_is (info.work_order, "work order"));
    assert_true (ag_str_eq (info.run, RUN));
    assert_int_equal (info.updated_us - info.started_us, 1000);
    s_holds (store, RUN, 1, UINT64_MAX, "1 2 ");
    ag_store_close (&store);
}

static void test_ranges (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, RUN, 5, 9);
    s_append_many (store, AG_STR ("run-2"), 1, 3);
    s_holds (store, RUN, 1, 4, "");
    s_holds (store, RUN, 0, 6, "5 6 ");
    s_holds (store, RUN, 7, 7, "7 ");
    s_holds (store, RUN, 9, 7, "");
    s_holds (store, RUN, 8, UINT64_MAX, "8 9 ");
    s_holds (store, RUN, UINT64_MAX, UINT64_MAX, "");
    s_holds (store, AG_STR ("run-2"), 0, UINT64_MAX, "1 2 3 ");
    s_holds (store, AG_STR ("run-3"), 0, UINT64_MAX, "");
    ag_store_close (&store);
}

static void test_appended_twice_is_stored_once (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, RUN, 1, 3);
    assert_int_equal (ag_store_commit (store), 0);
    s_append (store, event_of (RUN, EPOCH, 2, "something else"));
    s_holds (store, RUN, 1, 9, "1 2 3 ");
    ag_store_close (&store);
}

static void test_epochs_are_apart_and_the_newest_wins (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append (store, event_of (RUN, UINT64_MAX, 3, NULL));
    s_append (store, event_of (RUN, EPOCH, 1, NULL));
    s_append (store, event_of (RUN, UINT64_C (1) << 63, 2, NULL));
    ag_store_stream_t info;
    assert_int_equal (ag_store_stream (store, RUN, 0, &info), 1);
    assert_true (info.epoch == UINT64_MAX);
    assert_int_equal (info.first, 3);
    assert_int_equal (ag_store_stream (store, RUN, EPOCH, &info), 1);
    assert_int_equal (info.last, 1);
    assert_int_equal (ag_store_stream (store, RUN, EPOCH + 1, &info), 0);
    ag_store_close (&store);
}

static void test_ids_of_128_bytes_and_with_nul (void **state)
{
    char longest[128], zero[3] = { 'a', 0, 'b' };
    memset (longest, 'x', sizeof longest);
    ag_str_t a = { longest, sizeof longest }, b = { zero, 3 }, c = { "a", 1 };
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, a, 1, 1);
    s_append_many (store, b, 2, 2);
    s_append_many (store, c, 3, 3);
    ag_store_close (&store);
    store = s_open (*state, AG_STORE_READ);
    s_holds (store, a, 1, 9, "1 ");
    s_holds (store, b, 1, 9, "2 ");
    s_holds (store, c, 1, 9, "3 ");
    ag_store_stream_t info;
    assert_int_equal (ag_store_stream (store, b, EPOCH, &info), 1);
    assert_true (ag_str_eq (info.stream, b));
    ag_store_close (&store);
}

static void test_numbers_that_cannot_be (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, RUN, 1, 1);
    ag_event_t *event = event_of (RUN, EPOCH, AG_STORE_SEQ_LIMIT, NULL);
    assert_int_equal (ag_store_append (store, event), -1);
    assert_int_equal (errno, ERANGE);
    ag_event_unref (&event);
    s_append (store, event_of (RUN, EPOCH, AG_STORE_SEQ_LIMIT - 1, NULL));
    s_holds (store, RUN, 0, UINT64_MAX, "1 68719476735 ");
    ag_store_close (&store);
}

static bool s_list (void *context, const ag_store_stream_t *info)
{
    ag_buf_append_str (context, info->stream);
    ag_buf_printf (context, ":%llu ", (unsigned long long) info->last);
    return true;
}

static void test_streams_are_listed_latest_started_first (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, AG_STR ("b"), 20, 21);
    s_append_many (store, AG_STR ("a"), 10, 11);
    s_append_many (store, AG_STR ("c"), 30, 31);
    ag_buf_t list = { 0 };
    assert_int_equal (ag_store_each_stream (store, s_list, &list), 0);
    assert_string_equal (ag_buf_cstr (&list), "c:31 b:21 a:11 ");
    ag_buf_clear (&list);
    assert_int_equal (ag_store_each_stream_of (store, AG_STR ("work order"), s_list, &list), 0);
    assert_string_equal (ag_buf_cstr (&list), "c:31 b:21 a:11 ");
    ag_buf_clear (&list);
    assert_int_equal (ag_store_each_stream_of (store, AG_STR ("another"), s_list, &list), 0);
    assert_string_equal (ag_buf_cstr (&list), "");
    ag_buf_free (&list);
    ag_store_close (&store);
}

static void test_acked_and_ended_are_kept (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, RUN, 1, 5);
    assert_int_equal (ag_store_set_acked (store, RUN, EPOCH, 4), 0);
    assert_int_equal (ag_store_set_acked (store, RUN, EPOCH, 2), 0);
    assert_int_equal (ag_store_set_ended (store, RUN, EPOCH), 0);
    assert_int_equal (ag_store_set_acked (store, AG_STR ("unknown"), EPOCH, 2), 0);
    ag_store_close (&store);
    store = s_open (*state, AG_STORE_READ);
    ag_store_stream_t info;
    assert_int_equal (ag_store_stream (store, RUN, 0, &info), 1);
    assert_int_equal (info.acked, 4);
    assert_true (info.ended);
    assert_int_equal (ag_store_set_acked (store, RUN, EPOCH, 5), -1);
    assert_int_equal (errno, EROFS);
    ag_store_close (&store);
}

/*  An orchestrator's run_completed in its own stream ends no run. */
static void s_note_hole (void *context, uint64_t from, uint64_t to)
{
    ag_buf_printf (context, "%llu-%llu ", (unsigned long long) from, (unsigned long long) to);
}

static void s_lacks (ag_store_t *store, const char *expected)
{
    ag_buf_t holes = { 0 };
    assert_int_equal (ag_store_each_hole (store, RUN, EPOCH, s_note_hole, &holes), 0);
    assert_string_equal (ag_buf_cstr (&holes), expected);
    ag_buf_free (&holes);
}

static void test_holes_behind_what_is_acknowledged (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_lacks (store, "");
    static const uint64_t seqs[] = { 3, 4, 7, 8, 12 };
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++)
        s_append (store, event_of (RUN, EPOCH, seqs[i], NULL));
    s_lacks (store, "1-2 5-6 9-11 ");
    assert_int_equal (ag_store_set_acked (store, RUN, EPOCH, 5), 0);
    s_lacks (store, "6-6 9-11 ");
    assert_int_equal (ag_store_sync (store), 0);
    ag_store_t *reader = s_open (*state, AG_STORE_READ);
    s_lacks (reader, "6-6 9-11 ");
    ag_store_close (&reader);
    assert_int_equal (ag_store_set_acked (store, RUN, EPOCH, 12), 0);
    s_lacks (store, "");
    ag_store_close (&store);
}

static void test_a_work_order_stream_does_not_end (void **state)
{
    ag_draft_t *draft = ag_draft_new (AG_RUN_COMPLETED);
    ag_draft_set_integer (draft, AG_F_DURATION_MS, 1);
    ag_draft_set_integer (draft, AG_F_EXIT_CODE, 0);
    ag_ids_t ids = { AG_STR ("W"), RUN, true };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &(ag_position_t){ EPOCH, 1, 1 }, &error);
    assert_non_null (event);
    ag_draft_destroy (&draft);
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append (store, event);
    ag_store_stream_t info;
    assert_int_equal (ag_store_stream (store, AG_STR ("@W"), EPOCH, &info), 1);
    assert_false (info.ended);
    assert_null (info.run.ptr);
    ag_store_close (&store);
}

/* ---------------------------------------------------------------------- */
/*  Writers and readers */

static void test_one_writer (void **state)
{
    char *path = path_in (*state, "run.db");
    assert_int_equal (ag_store_locked (path), 0);
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    assert_int_equal (ag_store_locked (path), 1);
    char holder[40];
    snprintf (holder, sizeof holder, "in use by process %ld", (long) getpid ());
    s_refused (*state, AG_STORE_CREATE, EBUSY, holder);
    /*  Asking and being refused has not let go of it. */
    pid_t child = fork ();
    if (child == 0)
        _exit (ag_store_locked (path) == 1 ? 0 : 1);
    int status;
    assert_int_equal (waitpid (child, &status, 0), child);
    assert_int_equal (status, 0);
    ag_store_close (&store);
    assert_int_equal (ag_store_locked (path), 0);
    free (path);
}

static void test_a_reader_follows_a_writer (void **state)
{
    ag_store_t *writer = s_open (*state, AG_STORE_CREATE);
    s_append_many (writer, RUN, 1, 3);
    assert_int_equal (ag_store_commit (writer), 0);
    ag_store_t *reader = s_open (*state, AG_STORE_READ);
    s_holds (reader, RUN, 1, 99, "1 2 3 ");
    s_append_many (writer, RUN, 4, 5);
    s_holds (reader, RUN, 1, 99, "1 2 3 ");
    assert_int_equal (ag_store_commit (writer), 0);
    s_holds (reader, RUN, 1, 99, "1 2 3 4 5 ");
    ag_store_stream_t info;
    assert_int_equal (ag_store_stream (reader, RUN, 0, &info), 1);
    assert_int_equal (info.last, 5);
    ag_store_close (&reader);
    ag_store_close (&writer);
}

static void test_files_are_private (void **state)
{
    umask (0);
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, RUN, 1, 1);
    assert_int_equal (ag_store_commit (store), 0);
    static const char *const names[] = { "run.db", "run.db-wal", "run.db-shm", "run.db-lock" };
    for (size_t i = 0; i < 4; i++) {
        struct stat status;
        char *path = path_in (*state, names[i]);
        assert_int_equal (stat (path, &status), 0);
        assert_int_equal (status.st_mode & 0777, 0600);
        free (path);
    }
    umask (022);
    ag_store_close (&store);
}

/*  Appends and commits as fast as it can, and writes each committed seq to a pipe. */
static void s_write_until_killed (const char *folder, int pipe_fd)
{
    ag_store_t *store = s_open (folder, AG_STORE_CREATE);
    for (uint64_t seq = 1;; seq++) {
        ag_event_t *event = event_of (RUN, EPOCH, seq, NULL);
        if (ag_store_append (store, event) || (seq % 3 == 0 && ag_store_commit (store)))
            _exit (1);
        ag_event_unref (&event);
        if (seq % 3 == 0 && write (pipe_fd, &seq, sizeof seq) != sizeof seq)
            _exit (1);
    }
}

static uint64_t s_kill_a_writer (const char *folder, unsigned run_us)
{
    int fds[2];
    assert_int_equal (pipe (fds), 0);
    pid_t child = fork ();
    if (child == 0) {
        close (fds[0]);
        s_write_until_killed (folder, fds[1]);
    }
    close (fds[1]);
    uint64_t committed = 0, seq;
    assert_int_equal (read (fds[0], &committed, sizeof committed), sizeof committed);
    usleep (run_us); /* lets it work; nothing is awaited by it */
    kill (child, SIGKILL);
    while (read (fds[0], &seq, sizeof seq) == sizeof seq)
        committed = seq;
    close (fds[0]);
    assert_int_equal (waitpid (child, NULL, 0), child);
    return committed;
}

static void test_kill_9_loses_nothing_committed (void **state)
{
    srand (seed_of_test (__func__));
    for (int round = 0; round < 8; round++) {
        char name[32];
        snprintf (name, sizeof name, "round-%d", round);
        char *folder = path_in (*state, name);
        assert_int_equal (mkdir (folder, 0700), 0);
        uint64_t committed = s_kill_a_writer (folder, (unsigned) (rand () % 40000));
        ag_store_t *store = s_open (folder, round % 2 ? AG_STORE_READ : AG_STORE_CREATE);
        ag_store_stream_t info;
        assert_int_equal (ag_store_stream (store, RUN, EPOCH, &info), 1);
        assert_true (info.last >= committed);
        assert_int_equal (info.last % 3, 0);
        ag_buf_t seqs = { 0 }, expected = { 0 };
        assert_int_equal (ag_store_each_event (store, RUN, EPOCH, 1, info.last, s_collect, &seqs), 0);
        for (uint64_t seq = 1; seq <= info.last; seq++)
            ag_buf_printf (&expected, "%llu ", (unsigned long long) seq);
        assert_string_equal (ag_buf_cstr (&seqs), ag_buf_cstr (&expected));
        ag_buf_free (&seqs);
        ag_buf_free (&expected);
        ag_store_close (&store);
        free (folder);
    }
}

/* ---------------------------------------------------------------------- */
/*  A disk that is full. A limit on file size stands for it: the write fails
    in the same place, and a test needs no disk of its own. */

static void test_a_full_disk_rolls_back_and_the_rest_stays (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, RUN, 1, 5);
    assert_int_equal (ag_store_sync (store), 0);
    struct rlimit old, tight;
    assert_int_equal (getrlimit (RLIMIT_FSIZE, &old), 0);
    tight = (struct rlimit){ 64 * 1024, old.rlim_max };
    signal (SIGXFSZ, SIG_IGN);
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &tight), 0);
    char *text = ag_calloc (1, 40001);
    memset (text, 'x', 40000);
    int failures = 0;
    for (uint64_t seq = 6; seq <= 12; seq++) {
        ag_event_t *event = event_of (RUN, EPOCH, seq, text);
        failures += ag_store_append (store, event) || ag_store_commit (store);
        ag_event_unref (&event);
    }
    assert_true (failures > 0);
    assert_true (strlen (ag_store_error (store)) > 0);
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &old), 0);
    s_append (store, event_of (RUN, EPOCH, 100, "after"));
    assert_int_equal (ag_store_sync (store), 0);
    free (text);
    ag_buf_t seqs = { 0 };
    assert_int_equal (ag_store_each_event (store, RUN, EPOCH, 1, 999, s_collect, &seqs), 0);
    assert_memory_equal (ag_buf_cstr (&seqs), "1 2 3 4 5 ", 10);
    assert_non_null (strstr (ag_buf_cstr (&seqs), " 100 "));
    ag_buf_free (&seqs);
    ag_store_close (&store);
}

/* ---------------------------------------------------------------------- */
/*  Retention */

static void s_retain_all (ag_store_t *store, int64_t before_us, uint64_t max_bytes)
{
    int more;
    do
        more = ag_store_retain (store, before_us, max_bytes);
    while (more == 1);
    assert_int_equal (more, 0);
}

static void test_retention_by_age (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, AG_STR ("old"), 1, 5000);
    s_append_many (store, AG_STR ("new"), 5001, 5010);
    s_retain_all (store, 1700000000000000 + 5005 * 1000, 0);
    s_holds (store, AG_STR ("old"), 0, UINT64_MAX, "");
    ag_store_stats_t stats;
    assert_int_equal (ag_store_stats (store, &stats), 0);
    assert_int_equal (stats.streams, 1);
    assert_int_equal (stats.events, 10);
    /*  A name comes again: nothing of its former life shows. */
    s_append_many (store, AG_STR ("old"), 7, 7);
    s_holds (store, AG_STR ("old"), 0, UINT64_MAX, "7 ");
    ag_store_close (&store);
}

/*  More comes of a stream that had not ended when it was forgotten: what is missing before it
    was there once. What never came was not. */
static void test_what_was_forgotten_is_known_when_more_comes (void **state)
{
    ag_store_stream_t info;
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, AG_STR ("old"), 1, 20);
    s_retain_all (store, INT64_MAX, 0);
    s_append_many (store, AG_STR ("old"), 31, 32);
    s_append_many (store, AG_STR ("late"), 31, 32);
    assert_int_equal (ag_store_stream (store, AG_STR ("old"), 0, &info), 1);
    assert_int_equal (info.forgotten, 20);
    ag_store_close (&store);
    store = s_open (*state, AG_STORE_READ);
    assert_int_equal (ag_store_stream (store, AG_STR ("old"), 0, &info), 1);
    assert_int_equal (info.forgotten, 20);
    assert_int_equal (info.first, 31);
    assert_int_equal (ag_store_stream (store, AG_STR ("late"), 0, &info), 1);
    assert_int_equal (info.forgotten, 0);
    ag_store_close (&store);
}

static void s_make_version_1 (const char *folder)
{
    char *path = path_in (folder, "run.db");
    sqlite3 *db = NULL;
    assert_int_equal (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, "ALTER TABLE stream DROP COLUMN forgotten; DROP TABLE forgotten; DROP INDEX stream_work_order;"
        " DROP INDEX stream_started;"
        " PRAGMA user_version = 1; PRAGMA wal_checkpoint (TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (db);
    free (path);
}

/*  A reader leaves it as it is, a writer brings it up to date. */
static void test_a_store_of_version_1_is_read_and_gone_on_with (void **state)
{
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, AG_STR ("run-1"), 1, 3);
    ag_store_close (&store);
    s_make_version_1 (*state);
    for (int i = 0; i < 2; i++) {
        store = s_open (*state, AG_STORE_READ);
        s_holds (store, AG_STR ("run-1"), 0, UINT64_MAX, "1 2 3 ");
        ag_store_close (&store);
    }
    store = s_open (*state, AG_STORE_CREATE);
    s_append_many (store, AG_STR ("run-1"), 4, 4);
    s_append_many (store, AG_STR ("run-2"), 1, 1);
    s_holds (store, AG_STR ("run-1"), 0, UINT64_MAX, "1 2 3 4 ");
    ag_store_close (&store);
    store = s_open (*state, AG_STORE_CREATE);
    s_holds (store, AG_STR ("run-2"), 0, UINT64_MAX, "1 ");
    ag_store_close (&store);
}

static void test_retention_by_size_takes_ended_ones_first (void **state)
{
    char *text = ag_calloc (1, 10001);
    memset (text, 'x', 10000);
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    for (uint64_t seq = 1; seq <= 50; seq++)
        s_append (store, event_of (AG_STR ("oldest, live"), EPOCH, seq, text));
    for (uint64_t seq = 51; seq <= 100; seq++)
        s_append (store, event_of (AG_STR ("ended"), EPOCH, seq, text));
    s_append (store, event_ending (AG_STR ("ended"), EPOCH, 101));
    s_append (store, event_of (AG_STR ("latest"), EPOCH, 102, text));
    assert_int_equal (ag_store_commit (store), 0);
    s_retain_all (store, 0, 800000);
    ag_store_stream_t info;
    assert_int_equal (ag_store_stream (store, AG_STR ("ended"), 0, &info), 0);
    assert_int_equal (ag_store_stream (store, AG_STR ("oldest, live"), 0, &info), 1);
    s_retain_all (store, 0, 1);
    assert_int_equal (ag_store_stream (store, AG_STR ("oldest, live"), 0, &info), 0);
    assert_int_equal (ag_store_stream (store, AG_STR ("latest"), 0, &info), 1);
    ag_store_stats_t stats;
    assert_int_equal (ag_store_stats (store, &stats), 0);
    assert_true (stats.file_bytes < 100000);
    free (text);
    ag_store_close (&store);
}

/* ---------------------------------------------------------------------- */
/*  Property: against a model that is an array of flags */

enum { MODEL_STREAMS = 4, MODEL_SEQS = 60 };

typedef struct {
    bool pending[MODEL_STREAMS][MODEL_SEQS + 1]; /* appended */
    bool stored[MODEL_STREAMS][MODEL_SEQS + 1];  /* committed */
} s_model_t;

static ag_str_t s_model_stream (unsigned which)
{
    static const ag_str_t names[MODEL_STREAMS] = { { "a", 1 }, { "a\0b", 3 }, { "ab", 2 }, { "\xc3\xa9", 2 } };
    return names[which];
}

static void s_compare (ag_store_t *store, bool seen[MODEL_STREAMS][MODEL_SEQS + 1], uint64_t from, uint64_t to)
{
    for (unsigned i = 0; i < MODEL_STREAMS; i++) {
        ag_buf_t expected = { 0 };
        uint64_t last = 0;
        for (uint64_t seq = 1; seq <= MODEL_SEQS; seq++) {
            if (seen[i][seq] && seq >= from && seq <= to)
                ag_buf_printf (&expected, "%llu ", (unsigned long long) seq);
            if (seen[i][seq])
                last = seq;
        }
        s_holds (store, s_model_stream (i), from, to, ag_buf_cstr (&expected));
        ag_buf_free (&expected);
        ag_store_stream_t info;
        assert_int_equal (ag_store_stream (store, s_model_stream (i), EPOCH, &info), last > 0);
        if (last)
            assert_int_equal (info.last, last);
    }
}

static void s_model_step (ag_store_t **store_p, s_model_t *model, const char *folder)
{
    int what = rand () % 100;
    if (what < 70) {
        unsigned i = (unsigned) rand () % MODEL_STREAMS;
        uint64_t seq = 1 + (unsigned) rand () % MODEL_SEQS;
        s_append (*store_p, event_of (s_model_stream (i), EPOCH, seq, NULL));
        model->pending[i][seq] = true;
    } else if (what < 85) {
        assert_int_equal (what < 80 ? ag_store_commit (*store_p) : ag_store_sync (*store_p), 0);
        memcpy (model->stored, model->pending, sizeof model->stored);
        ag_store_t *reader = s_open (folder, AG_STORE_READ);
        s_compare (reader, model->stored, 1, MODEL_SEQS);
        ag_store_close (&reader);
    } else if (what < 95)
        s_compare (*store_p, model->pending, (unsigned) rand () % MODEL_SEQS, (unsigned) rand () % MODEL_SEQS);
    else {
        ag_store_close (store_p);
        memcpy (model->stored, model->pending, sizeof model->stored);
        *store_p = s_open (folder, AG_STORE_CREATE);
    }
}

static void test_property_same_as_a_model (void **state)
{
    srand (seed_of_test (__func__));
    s_model_t model = { 0 };
    ag_store_t *store = s_open (*state, AG_STORE_CREATE);
    for (int step = 0; step < 600; step++)
        s_model_step (&store, &model, *state);
    ag_store_close (&store);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_shortest_use),
        TEST (test_ranges),
        TEST (test_appended_twice_is_stored_once),
        TEST (test_epochs_are_apart_and_the_newest_wins),
        TEST (test_ids_of_128_bytes_and_with_nul),
        TEST (test_numbers_that_cannot_be),
        TEST (test_streams_are_listed_latest_started_first),
        TEST (test_acked_and_ended_are_kept),
        TEST (test_holes_behind_what_is_acknowledged),
        TEST (test_a_work_order_stream_does_not_end),
        TEST (test_one_writer),
        TEST (test_a_reader_follows_a_writer),
        TEST (test_files_are_private),
        TEST (test_kill_9_loses_nothing_committed),
        TEST (test_a_full_disk_rolls_back_and_the_rest_stays),
        TEST (test_retention_by_age),
        TEST (test_a_store_of_version_1_is_read_and_gone_on_with),
        TEST (test_what_was_forgotten_is_known_when_more_comes),
        TEST (test_retention_by_size_takes_ended_ones_first),
        TEST (test_property_same_as_a_model),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
