/*  test_exec_artifact.c - raw output is kept, and passed on to readers of all tempers

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
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "exec/artifact.h"
#include "exec/fds.h"
#include "exec/prune.h"
#include "exec/rundir.h"
#include "exec/spout.h"
#include "store/store.h"

enum { MEMORY = 300000 };

static ag_artifact_t *s_new (const char *dir, const char *name, int out_fd)
{
    ag_artifact_options_t options = { .dir = dir, .name = name, .out_fd = out_fd, .max_memory_bytes = MEMORY };
    return ag_artifact_new (&options);
}

/*  Bytes that tell their position, so that a hole or a repeat shows. */
static void s_fill (char *block, size_t len, uint64_t from)
{
    for (size_t i = 0; i < len; i++)
        block[i] = (char) ((from + i) * 2654435761u >> 13);
}

static void s_append (ag_artifact_t *artifact, uint64_t *position_p, size_t len)
{
    char *block = malloc (len);
    s_fill (block, len, *position_p);
    ag_artifact_append (artifact, block, len);
    *position_p += len;
    free (block);
}

/*  Reads what is there and checks it; returns how much. */
static size_t s_take (int fd, uint64_t *position_p)
{
    char got[8192], expected[8192];
    ssize_t len = read (fd, got, sizeof got);
    if (len <= 0)
        return 0;
    s_fill (expected, (size_t) len, *position_p);
    assert_memory_equal (got, expected, (size_t) len);
    *position_p += (uint64_t) len;
    return (size_t) len;
}

static void s_take_all (ag_artifact_t *artifact, int fd, uint64_t *position_p)
{
    do
        ag_artifact_drain (artifact, 50000);
    while (s_take (fd, position_p) || ag_artifact_pending (artifact));
}

static void s_pipe (int *read_r, int *write_r)
{
    assert_int_equal (ag_fds_pipe (read_r, write_r), 0);
    ag_fds_set_nonblocking (*read_r);
}

static size_t s_size (const char *folder, const char *name)
{
    char *path = path_in (folder, name);
    struct stat info;
    assert_int_equal (stat (path, &info), 0);
    free (path);
    return (size_t) info.st_size;
}

/*  Appends more than any pipe holds while nobody reads, with pauses in which a
    little is taken, then takes the rest. */
static void s_play (ag_artifact_t *artifact, int fd, uint64_t *written_p)
{
    uint64_t taken = 0;
    for (int i = 0; i < 300; i++) {
        s_append (artifact, written_p, (size_t) (1 + rand () % 9000));
        if (i % 7 == 0)
            s_take (fd, &taken);
        if (i % 5 == 0)
            ag_artifact_drain (artifact, (size_t) (1 + rand () % 20000));
        if (i % 100 == 99)
            s_take_all (artifact, fd, &taken);
    }
    s_take_all (artifact, fd, &taken);
    assert_true (taken == *written_p);
    assert_false (ag_artifact_pending (artifact));
    assert_true (ag_artifact_dropped (artifact) == 0);
}

static void test_kept_and_passed_on (void **state)
{
    (void) state;
    srand (seed_of_test ("kept"));
    char *folder = new_folder ();
    int in, out;
    uint64_t written = 0;
    s_pipe (&in, &out);
    ag_artifact_t *artifact = s_new (folder, "raw", out);
    s_play (artifact, in, &written);
    assert_true (s_size (folder, "raw") == written);
    assert_int_equal (ag_artifact_error (artifact), 0);
    ag_artifact_destroy (&artifact);
    ag_artifact_destroy (&artifact);
    close (in);
    close (out);
    remove_folder (&folder);
}

static void test_not_kept_but_passed_on (void **state)
{
    (void) state;
    srand (seed_of_test ("spool"));
    char *folder = new_folder ();
    int in, out;
    uint64_t written = 0;
    s_pipe (&in, &out);
    ag_artifact_t *artifact = s_new (folder, NULL, out);
    s_play (artifact, in, &written);
    ag_artifact_destroy (&artifact);
    close (in);
    close (out);
    remove_folder (&folder);
}

static void test_socket_reader (void **state)
{
    (void) state;
    srand (seed_of_test ("socket"));
    char *folder = new_folder ();
    int pair[2];
    uint64_t written = 0;
    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ag_fds_set_nonblocking (pair[0]);
    ag_artifact_t *artifact = s_new (folder, "raw", pair[1]);
    s_play (artifact, pair[0], &written);
    ag_artifact_destroy (&artifact);
    close (pair[0]);
    close (pair[1]);
    remove_folder (&folder);
}

/*  The file system's answer to a file that is too large stands for one that is full. */
static void s_limit_files (rlim_t bytes)
{
    struct rlimit limit;
    signal (SIGXFSZ, SIG_IGN);
    getrlimit (RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit (RLIMIT_FSIZE, &limit);
}

static void test_disk_full_goes_on_in_memory (void **state)
{
    (void) state;
    char *folder = new_folder ();
    int in, out;
    uint64_t written = 0, taken = 0;
    s_pipe (&in, &out);
    ag_artifact_t *artifact = s_new (folder, "raw", out);
    s_limit_files (100001);
    s_append (artifact, &written, 90000);
    assert_int_equal (ag_artifact_error (artifact), 0);
    s_append (artifact, &written, 90000);
    s_limit_files (RLIM_INFINITY);
    assert_int_equal (ag_artifact_error (artifact), EFBIG);
    s_append (artifact, &written, 90000);       /* there is room again, but the file is never appended */
    s_take_all (artifact, in, &taken);
    assert_true (taken == written);
    assert_int_equal (s_size (folder, "raw"), 100001);
    assert_true (ag_artifact_total (artifact) == written);
    ag_artifact_destroy (&artifact);
    close (in);
    close (out);
    remove_folder (&folder);
}

static void test_memory_is_bounded (void **state)
{
    (void) state;
    int in, out;
    uint64_t written = 0, taken = 0;
    s_pipe (&in, &out);
    ag_artifact_t *artifact = s_new (NULL, NULL, out);
    for (int i = 0; i < 100; i++)
        s_append (artifact, &written, 10000);
    assert_true (ag_artifact_dropped (artifact) > 0);
    assert_true (ag_artifact_total (artifact) == written);
    s_take_all (artifact, in, &taken);
    assert_true (taken == written - ag_artifact_dropped (artifact));
    assert_true (taken >= MEMORY);
    ag_artifact_destroy (&artifact);
    close (in);
    close (out);
}

/*  The kept file is full, the spare folder has room: not a byte is lost, and memory is not needed. */
static void test_disk_full_goes_on_in_the_spare_folder (void **state)
{
    (void) state;
    srand (seed_of_test ("spare"));
    char *folder = new_folder (), *spare = new_folder ();
    int in, out;
    uint64_t written = 0;
    s_pipe (&in, &out);
    ag_artifact_options_t options = { .dir = folder, .name = "raw", .out_fd = out, .spare_dir = spare,
        .max_spare_bytes = 100 * 1000 * 1000, .max_memory_bytes = 0 };
    ag_artifact_t *artifact = ag_artifact_new (&options);
    s_limit_files (100001);
    while (!ag_artifact_error (artifact))
        s_append (artifact, &written, 9000);
    s_limit_files (RLIM_INFINITY);
    uint64_t taken = 0;
    s_append (artifact, &written, 2 * 1000 * 1000);
    assert_true (ag_artifact_pending (artifact));
    s_take_all (artifact, in, &taken);
    assert_true (taken == written);
    assert_int_equal (s_size (folder, "raw"), 100001);
    ag_artifact_destroy (&artifact);
    assert_int_equal (rmdir (spare), 0);        /* nothing is left there */
    free (spare);
    close (in);
    close (out);
    remove_folder (&folder);
}

static void test_spare_file_is_bounded (void **state)
{
    (void) state;
    char *spare = new_folder ();
    int in, out;
    uint64_t written = 0, taken = 0;
    s_pipe (&in, &out);
    ag_artifact_options_t options = { .out_fd = out, .spare_dir = spare, .max_spare_bytes = 500000, .max_memory_bytes = MEMORY };
    ag_artifact_t *artifact = ag_artifact_new (&options);
    for (int i = 0; i < 200; i++)
        s_append (artifact, &written, 10000);
    s_take_all (artifact, in, &taken);
    assert_true (taken >= 500000 + MEMORY);
    assert_true (taken == written - ag_artifact_dropped (artifact));
    ag_artifact_destroy (&artifact);
    close (in);
    close (out);
    remove_folder (&spare);
}

/*  Two that are passed on to one pipe, whose reader is slow. */
static void test_lines_of_two_with_one_reader_stay_whole (void **state)
{
    (void) state;
    srand (seed_of_test ("two"));
    char *folder = new_folder ();
    int in, out;
    s_pipe (&in, &out);
    ag_artifact_t *each[2] = { s_new (folder, "a", out), s_new (folder, "b", out) };
    ag_artifact_share_reader (each[0], each[1]);
    ag_buf_t seen = { 0 }, wanted[2] = { { 0 }, { 0 } };
    for (int i = 0; i < 2000 || ag_artifact_pending (each[0]) || ag_artifact_pending (each[1]); i++) {
        int who = rand () % 2;
        char line[512];
        int len = snprintf (line, sizeof line, "%c %d %.*s\n", 'a' + who, i, rand () % 400, "................................"
            "................................................................................................................."
            "................................................................................................................."
            "................................................................................................................");
        if (i < 2000) {
            ag_artifact_append (each[who], line, (size_t) len);
            ag_buf_append (&wanted[who], line, (size_t) len);
        }
        ag_artifact_drain (each[rand () % 2], (size_t) (1 + rand () % 5000));
        char got[300];
        ssize_t taken = read (in, got, (size_t) (1 + rand () % 299));
        ag_buf_append (&seen, got, taken > 0 ? (size_t) taken : 0);
    }
    char got[4096];
    for (ssize_t taken; (taken = read (in, got, sizeof got)) > 0; )
        ag_buf_append (&seen, got, (size_t) taken);
    ag_buf_t each_seen[2] = { { 0 }, { 0 } };
    for (const char *at = seen.data, *end = seen.data + seen.len; at < end; ) {
        const char *newline = memchr (at, '\n', (size_t) (end - at));
        assert_non_null (newline);
        assert_true (*at == 'a' || *at == 'b');
        ag_buf_append (&each_seen[*at - 'a'], at, (size_t) (newline + 1 - at));
        at = newline + 1;
    }
    for (int who = 0; who < 2; who++) {
        assert_int_equal (each_seen[who].len, wanted[who].len);
        assert_memory_equal (each_seen[who].data, wanted[who].data, wanted[who].len);
        ag_artifact_destroy (&each[who]);
        ag_buf_free (&each_seen[who]);
        ag_buf_free (&wanted[who]);
    }
    ag_buf_free (&seen);
    close (in);
    close (out);
    remove_folder (&folder);
}

/*  Lines that are never finished do not make them wait for each other for good. */
static void test_two_with_one_reader_never_wait_for_each_other (void **state)
{
    (void) state;
    char *folder = new_folder (), block[1000];
    int in, out;
    size_t seen = 0;
    memset (block, 'x', sizeof block);
    s_pipe (&in, &out);
    ag_artifact_t *each[2] = { s_new (folder, "a", out), s_new (folder, "b", out) };
    ag_artifact_share_reader (each[0], each[1]);
    for (int i = 0; i < 400; i++)
        ag_artifact_append (each[i % 2], block, sizeof block);
    char got[4096];
    for (int i = 0; i < 1000; i++) {
        ag_artifact_drain (each[i % 2], 100000);
        ssize_t taken = read (in, got, sizeof got);
        seen += taken > 0 ? (size_t) taken : 0;
    }
    assert_int_equal (seen, 400 * sizeof block);
    ag_artifact_destroy (&each[0]);
    ag_artifact_destroy (&each[1]);
    close (in);
    close (out);
    remove_folder (&folder);
}

static void test_full_device_is_told (void **state)
{
    (void) state;
    int full = open ("/dev/full", O_WRONLY | O_CLOEXEC);
    ag_artifact_t *artifact = s_new (NULL, NULL, full);
    ag_artifact_append (artifact, "x\n", 2);
    assert_int_equal (ag_artifact_reader_error (artifact), ENOSPC);
    assert_int_equal (ag_artifact_out_fd (artifact), -1);
    ag_artifact_destroy (&artifact);
    close (full);
}

static void test_reader_that_goes_away (void **state)
{
    (void) state;
    signal (SIGPIPE, SIG_IGN);
    char *folder = new_folder ();
    int in, out;
    uint64_t written = 0;
    s_pipe (&in, &out);
    ag_artifact_t *artifact = s_new (folder, "raw", out);
    s_append (artifact, &written, 200000);
    assert_true (ag_artifact_pending (artifact));
    close (in);
    ag_artifact_drain (artifact, 1000000);
    assert_int_equal (ag_artifact_reader_error (artifact), EPIPE);
    assert_false (ag_artifact_pending (artifact));
    assert_int_equal (ag_artifact_out_fd (artifact), -1);
    s_append (artifact, &written, 1000);
    assert_true (s_size (folder, "raw") == written);
    ag_artifact_destroy (&artifact);
    close (out);
    remove_folder (&folder);
}

static void test_a_file_that_is_there_is_not_taken (void **state)
{
    (void) state;
    char *folder = new_folder ();
    uint64_t written = 0;
    ag_artifact_t *first = s_new (folder, "raw", -1), *second = s_new (folder, "raw", -1);
    assert_int_equal (ag_artifact_error (second), EEXIST);
    s_append (first, &written, 10);
    ag_artifact_append (second, "x", 1);
    assert_int_equal (s_size (folder, "raw"), 10);
    assert_false (ag_artifact_pending (second));
    ag_artifact_destroy (&first);
    ag_artifact_destroy (&second);
    remove_folder (&folder);
}

static void test_spout_leaves_the_open_file_alone (void **state)
{
    (void) state;
    int in, out;
    s_pipe (&in, &out);
    int before = fcntl (out, F_GETFL);
    ag_spout_t *spout = ag_spout_new (out);
    char block[65536] = { 0 };
    ssize_t taken = 1;
    for (int i = 0; taken > 0 && i < 1000; i++)
        taken = ag_spout_write (spout, block, sizeof block);
    assert_int_equal (taken, 0);
    assert_int_equal (fcntl (out, F_GETFL), before);
    ag_spout_destroy (&spout);
    ag_spout_destroy (&spout);
    assert_null (ag_spout_new (12345));
    close (in);
    close (out);
}

/* ---------------------------------------------------------------------- */

static void s_assert_name (const char *run, const char *expected)
{
    char *name = ag_rundir_name ((ag_str_t) { run, strlen (run) });
    assert_string_equal (name, expected);
    free (name);
}

static void test_names_of_run_folders (void **state)
{
    (void) state;
    s_assert_name ("plain", "plain");
    s_assert_name (".", "%2E");
    s_assert_name ("..", "%2E.");
    s_assert_name ("a/../b", "a%2F..%2Fb");
    s_assert_name ("100%", "100%25");
    char slashes[129], other[129];
    memset (slashes, '/', 128);
    slashes[128] = 0;
    memcpy (other, slashes, 129);
    other[127] = '%';
    char *name = ag_rundir_name ((ag_str_t) { slashes, 128 }), *second = ag_rundir_name ((ag_str_t) { other, 128 });
    assert_true (strlen (name) <= 255 && strlen (second) <= 255);
    assert_string_not_equal (name, second);
    free (name);
    free (second);
}

static void test_a_run_folder_is_made_once (void **state)
{
    (void) state;
    char *folder = new_folder (), *error = NULL;
    char *path = ag_rundir_make (folder, AG_STR ("r"), &error);
    assert_non_null (path);
    assert_true (ag_rundir_owed (path));
    assert_null (ag_rundir_make (folder, AG_STR ("r"), &error));
    assert_int_equal (errno, EEXIST);
    free (error);
    assert_int_equal (ag_rundir_remove (path), 0);
    free (path);
    remove_folder (&folder);
}

static void test_prune_never_takes_what_is_owed (void **state)
{
    (void) state;
    char *folder = new_folder (), *error = NULL;
    char *owed = ag_rundir_make (folder, AG_STR ("owed"), &error);
    char *done = ag_rundir_make (folder, AG_STR ("done"), &error);
    char *mark = path_in (done, "owed");
    assert_int_equal (unlink (mark), 0);
    ag_prune_t *prune = ag_prune_new (folder, INT64_MAX, 0);
    while (ag_prune_turn (prune))
        ;
    ag_prune_destroy (&prune);
    ag_prune_destroy (&prune);
    assert_int_equal (access (owed, F_OK), 0);
    assert_int_equal (access (done, F_OK), -1);
    free (owed);
    free (done);
    free (mark);
    remove_folder (&folder);
}

/*  No descriptor is free: then nothing can be known of a run, but it could be deleted. */
static void test_prune_never_takes_what_cannot_be_looked_at (void **state)
{
    (void) state;
    char *folder = new_folder (), *error = NULL;
    char *owed = ag_rundir_make (folder, AG_STR ("owed"), &error);
    char *done = ag_rundir_make (folder, AG_STR ("done"), &error);
    char *mark = path_in (done, "owed"), *lock = path_in (done, "run.db-lock");
    assert_int_equal (unlink (mark), 0);
    close (open (lock, O_WRONLY | O_CREAT, 0600));
    struct rlimit before, none;
    assert_int_equal (getrlimit (RLIMIT_NOFILE, &before), 0);
    ag_prune_t *prune = ag_prune_new (folder, INT64_MAX, 0);
    ag_prune_turn (prune);                      /* lists them */
    none = before;
    none.rlim_cur = 0;
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &none), 0);
    while (ag_prune_turn (prune))
        ;
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &before), 0);
    ag_prune_destroy (&prune);
    assert_int_equal (access (owed, F_OK), 0);
    assert_int_equal (access (done, F_OK), 0);
    free (owed);
    free (done);
    free (mark);
    free (lock);
    remove_folder (&folder);
}

/*  The disk was full when the run began: it has no mark, but its executor is alive. */
static void test_prune_never_takes_what_is_alive (void **state)
{
    (void) state;
    char *folder = new_folder (), *error = NULL;
    char *alive = ag_rundir_make (folder, AG_STR ("alive"), &error);
    char *mark = path_in (alive, "owed"), *journal = path_in (alive, "run.db");
    assert_int_equal (unlink (mark), 0);
    ag_store_t *store = ag_store_open (journal, AG_STORE_CREATE, &error);
    assert_non_null (store);
    for (int ended = 0; ended < 2; ended++) {
        ag_prune_t *prune = ag_prune_new (folder, INT64_MAX, 0);
        while (ag_prune_turn (prune))
            ;
        ag_prune_destroy (&prune);
        assert_int_equal (access (alive, F_OK), ended ? -1 : 0);
        ag_store_close (&store);
    }
    free (alive);
    free (mark);
    free (journal);
    remove_folder (&folder);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_kept_and_passed_on),
        cmocka_unit_test (test_not_kept_but_passed_on),
        cmocka_unit_test (test_socket_reader),
        cmocka_unit_test (test_disk_full_goes_on_in_memory),
        cmocka_unit_test (test_memory_is_bounded),
        cmocka_unit_test (test_disk_full_goes_on_in_the_spare_folder),
        cmocka_unit_test (test_spare_file_is_bounded),
        cmocka_unit_test (test_lines_of_two_with_one_reader_stay_whole),
        cmocka_unit_test (test_two_with_one_reader_never_wait_for_each_other),
        cmocka_unit_test (test_full_device_is_told),
        cmocka_unit_test (test_reader_that_goes_away),
        cmocka_unit_test (test_a_file_that_is_there_is_not_taken),
        cmocka_unit_test (test_spout_leaves_the_open_file_alone),
        cmocka_unit_test (test_names_of_run_folders),
        cmocka_unit_test (test_a_run_folder_is_made_once),
        cmocka_unit_test (test_prune_never_takes_what_is_owed),
        cmocka_unit_test (test_prune_never_takes_what_cannot_be_looked_at),
        cmocka_unit_test (test_prune_never_takes_what_is_alive),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
