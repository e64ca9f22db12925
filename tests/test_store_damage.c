/*  tests/test_store_damage.c - files that were cut, filled with noise, or are somebody else's

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Wherever it is hurt: a store says so, or shows what is left of it. It never
    crashes, and it never shows an event that was not written.
*/
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "store/store.h"

enum { EPOCH = 7, EVENTS = 400, ROUNDS = 60 };
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

/*  A text that tells its number, long enough that pages differ. */
static void s_text (uint64_t seq, char text[200])
{
    snprintf (text, 200, "event %llu %0150llu", (unsigned long long) seq, (unsigned long long) (seq * 7919));
}

/*  A store with events 1 .. count, each committed. */
static ag_store_t *s_new_store (const char *path, uint64_t count)
{
    char *error = NULL;
    ag_store_t *store = ag_store_open (path, AG_STORE_CREATE, &error);
    assert_non_null (store);
    for (uint64_t seq = 1; seq <= count; seq++) {
        char text[200];
        s_text (seq, text);
        ag_event_t *event = event_of (RUN, EPOCH, seq, text);
        assert_int_equal (ag_store_append (store, event), 0);
        assert_int_equal (ag_store_commit (store), 0);
        ag_event_unref (&event);
    }
    return store;
}

static void s_fill (const char *path)
{
    ag_store_t *store = s_new_store (path, EVENTS);
    ag_store_close (&store);
}

typedef struct {
    uint64_t last, count;
} s_seen_t;

/*  Whatever is shown is what was written. */
static bool s_is_true (void *context, ag_event_t *event)
{
    s_seen_t *seen = context;
    char text[200];
    uint64_t seq = ag_event_seq (event);
    assert_true (seq > seen->last && seq <= EVENTS);
    s_text (seq, text);
    ag_str_t content = ag_event_string (event, AG_F_CONTENT);
    assert_int_equal (content.len, strlen (text));
    assert_memory_equal (content.ptr, text, content.len);
    seen->last = seq;
    seen->count++;
    return true;
}

/*  Opens and reads a hurt file. Returns the events shown; *said_r: it was told. */
static uint64_t s_try (const char *path, ag_store_mode_t mode, bool *said_r)
{
    char *error = NULL;
    s_seen_t seen = { 0, 0 };
    ag_store_t *store = ag_store_open (path, mode, &error);
    if (!store) {
        assert_non_null (strstr (error, path));
        *said_r = true;
        free (error);
        return 0;
    }
    *said_r =
        ag_store_each_event (store, RUN, EPOCH, 1, UINT64_MAX, s_is_true, &seen) != 0 || ag_store_damaged (store) > 0;
    ag_store_close (&store);
    return seen.count;
}

static char *s_read_file (const char *path, size_t *len_r)
{
    FILE *file = fopen (path, "r");
    struct stat status;
    assert_int_equal (fstat (fileno (file), &status), 0);
    char *bytes = ag_malloc ((size_t) status.st_size);
    *len_r = fread (bytes, 1, (size_t) status.st_size, file);
    fclose (file);
    return bytes;
}

static void s_write_file (const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    assert_int_equal (fwrite (bytes, 1, len, file), len);
    fclose (file);
}

static char *s_copy_name (const char *folder, int round)
{
    char name[32];
    snprintf (name, sizeof name, "hurt-%d.db", round);
    return path_in (folder, name);
}

/* ---------------------------------------------------------------------- */

static void test_cut_anywhere (void **state)
{
    srand (seed_of_test (__func__));
    char *path = path_in (*state, "whole.db");
    s_fill (path);
    size_t len;
    char *bytes = s_read_file (path, &len);
    for (int round = 0; round < ROUNDS; round++) {
        char *hurt = s_copy_name (*state, round);
        size_t cut = 1 + (size_t) rand () % (len - 1);
        bool said;
        s_write_file (hurt, bytes, cut);
        s_try (hurt, round % 2 ? AG_STORE_READ : AG_STORE_CREATE, &said);
        if (!said)
            fail_msg ("cut to %zu of %zu bytes, and nothing was said", cut, len);
        free (hurt);
    }
    free (bytes);
    free (path);
}

static void test_noise_anywhere (void **state)
{
    srand (seed_of_test (__func__));
    ag_log_init ("test", AG_LOG_ERROR, false);
    char *path = path_in (*state, "whole.db");
    s_fill (path);
    size_t len;
    char *bytes = s_read_file (path, &len), *copy = ag_malloc (len);
    for (int round = 0; round < ROUNDS; round++) {
        char *hurt = s_copy_name (*state, round);
        size_t at = (size_t) rand () % len, count = 1 + (size_t) rand () % (round % 3 ? 4096 : 4);
        memcpy (copy, bytes, len);
        for (size_t i = at; i < at + count && i < len; i++)
            copy[i] = (char) rand ();
        s_write_file (hurt, copy, len);
        bool said;
        uint64_t shown = s_try (hurt, round % 2 ? AG_STORE_READ : AG_STORE_CREATE, &said);
        /*  Noise may have fallen where nothing stands; else something is said. */
        if (!said && shown != EVENTS)
            fail_msg ("%zu bytes of noise at %zu: %llu events are gone, and nothing was said", count, at,
                (unsigned long long) (EVENTS - shown));
        free (hurt);
    }
    free (copy);
    free (bytes);
    free (path);
}

/*  The tail of a log that was not yet in the database: a cut there is what a
    power failure does, so what was committed before it stands. */
static void test_a_log_that_was_cut_keeps_what_came_before (void **state)
{
    srand (seed_of_test (__func__));
    char *path = path_in (*state, "live.db"), *wal_path = path_in (*state, "live.db-wal");
    ag_store_t *store = s_new_store (path, 100);
    size_t len, wal_len;
    char *bytes = s_read_file (path, &len), *wal = s_read_file (wal_path, &wal_len);
    uint64_t most = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char *hurt = s_copy_name (*state, round), *hurt_wal = ag_asprintf ("%s-wal", hurt);
        s_write_file (hurt, bytes, len);
        s_write_file (hurt_wal, wal, round ? (size_t) rand () % wal_len : wal_len);
        bool said;
        uint64_t shown = s_try (hurt, round % 2 ? AG_STORE_READ : AG_STORE_CREATE, &said);
        most = shown > most ? shown : most;
        assert_false (said);
        free (hurt_wal);
        free (hurt);
    }
    assert_int_equal (most, 100);
    ag_store_close (&store);
    free (bytes);
    free (wal);
    free (wal_path);
    free (path);
}

/*  Runs `fn` and gives what it wrote to stderr. */
static char *s_stderr_of (void (*fn) (const char *), const char *path, const char *folder)
{
    char *log = path_in (folder, "stderr");
    fflush (stderr);
    int saved = dup (2);
    int log_fd = open (log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2 (log_fd, 2);
    close (log_fd);
    fn (path);
    fflush (stderr);
    dup2 (saved, 2);
    close (saved);
    size_t len;
    char *text = s_read_file (log, &len);
    text = ag_realloc (text, len + 1);
    text[len] = 0;
    free (log);
    return text;
}

static void s_just_try (const char *path)
{
    bool said;
    s_try (path, AG_STORE_READ, &said);
}

/*  Noise inside a log: SQLite ends there without a word; we do not. */
static void test_noise_inside_a_log_is_told (void **state)
{
    ag_log_init ("test", AG_LOG_ERROR, false);
    char *path = path_in (*state, "live.db"), *wal_path = path_in (*state, "live.db-wal");
    ag_store_t *store = s_new_store (path, 50);
    size_t len, wal_len;
    char *bytes = s_read_file (path, &len), *wal = s_read_file (wal_path, &wal_len);
    wal[wal_len / 2] = (char) ~wal[wal_len / 2];
    char *hurt = s_copy_name (*state, 0), *hurt_wal = ag_asprintf ("%s-wal", hurt);
    s_write_file (hurt, bytes, len);
    s_write_file (hurt_wal, wal, wal_len);
    char *text = s_stderr_of (s_just_try, hurt, *state);
    assert_non_null (strstr (text, "STORE_LOG_DAMAGED"));
    free (text);
    wal[3] = 99;
    wal[25] = (char) ~wal[25];
    s_write_file (hurt_wal, wal, wal_len);
    text = s_stderr_of (s_just_try, hurt, *state);
    assert_non_null (strstr (text, "the head of a write-ahead log is damaged"));
    free (text);
    ag_store_close (&store);
    free (hurt_wal);
    free (hurt);
    free (bytes);
    free (wal);
    free (wal_path);
    free (path);
}

/* ---------------------------------------------------------------------- */

static void s_sql (const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (db);
}

static void s_is_refused (const char *path, int error_number, const char *words)
{
    for (int mode = AG_STORE_CREATE; mode <= AG_STORE_READ; mode++) {
        char *error = NULL;
        ag_store_t *store = ag_store_open (path, (ag_store_mode_t) mode, &error);
        int saved = errno;
        assert_null (store);
        if (saved != error_number || !strstr (error, words))
            fail_msg ("errno %d: %s", saved, error);
        free (error);
    }
}

static void test_files_that_are_no_store_are_left_alone (void **state)
{
    char *other = path_in (*state, "other.db"), *newer = path_in (*state, "newer.db");
    char *text = path_in (*state, "text"), *folder = path_in (*state, "folder");
    s_sql (other, "CREATE TABLE t (x); PRAGMA application_id = 5;");
    s_is_refused (other, EMEDIUMTYPE, "not a store of agentgate");
    s_fill (newer);
    s_sql (newer, "PRAGMA user_version = 99;");
    s_is_refused (newer, ENOTSUP, "newer version");
    s_sql (newer, "PRAGMA user_version = 0;");
    s_is_refused (newer, EBADMSG, "damaged");
    s_write_file (text, "Just some text, as long as a header of SQLite has to be to be looked at.................", 80);
    s_is_refused (text, EBADMSG, "not a database");
    assert_int_equal (mkdir (folder, 0700), 0);
    char *error = NULL;
    assert_null (ag_store_open (folder, AG_STORE_READ, &error));
    free (error);
    char *nothing = path_in (*state, "nothing");
    assert_null (ag_store_open (nothing, AG_STORE_READ, &error));
    assert_int_equal (errno, ENOENT);
    free (error);
    s_write_file (nothing, "", 0);
    assert_null (ag_store_open (nothing, AG_STORE_READ, &error));
    assert_non_null (strstr (error, "empty file"));
    free (error);
    free (nothing);
    free (other);
    free (newer);
    free (text);
    free (folder);
}

static void test_a_damaged_store_is_set_aside_and_a_new_one_begins (void **state)
{
    char *path = path_in (*state, "history.db"), *aside = NULL, *error = NULL;
    s_fill (path);
    size_t len;
    char *bytes = s_read_file (path, &len);
    memset (bytes, 'x', 5000);
    s_write_file (path, bytes, len);
    assert_null (ag_store_open (path, AG_STORE_CREATE, &error));
    assert_int_equal (errno, EBADMSG);
    free (error);
    assert_int_equal (ag_store_set_aside (path, &aside), 0);
    size_t aside_len;
    char *aside_bytes = s_read_file (aside, &aside_len);
    assert_int_equal (aside_len, len);
    assert_memory_equal (aside_bytes, bytes, len);
    ag_store_t *store = ag_store_open (path, AG_STORE_CREATE, &error);
    assert_non_null (store);
    char *none = NULL;
    assert_int_equal (ag_store_set_aside (path, &none), -1);
    assert_int_equal (errno, EBUSY);
    ag_store_close (&store);
    free (aside);
    free (aside_bytes);
    free (bytes);
    free (path);
}

/*  A folder that cannot be written, and a log that is not in the database yet. */
static void test_a_read_only_medium_shows_the_log_too (void **state)
{
    char *folder = path_in (*state, "medium");
    assert_int_equal (mkdir (folder, 0700), 0);
    char *path = path_in (folder, "run.db"), *shm = path_in (folder, "run.db-shm");
    char *live = path_in (*state, "run.db"), *live_wal = path_in (*state, "run.db-wal"),
         *wal = path_in (folder, "run.db-wal");
    ag_store_t *store = s_new_store (live, 10);
    size_t len, wal_len;
    char *bytes = s_read_file (live, &len), *wal_bytes = s_read_file (live_wal, &wal_len);
    s_write_file (path, bytes, len);
    s_write_file (wal, wal_bytes, wal_len);
    ag_store_close (&store);
    /*  Root may write anywhere, but not make a file where a folder is. */
    assert_int_equal (mkdir (shm, 0700), 0);
    assert_int_equal (chmod (folder, 0500), 0);
    bool said;
    assert_int_equal (s_try (path, AG_STORE_READ, &said), 10);
    assert_false (said);
    assert_int_equal (chmod (folder, 0700), 0);
    free (bytes);
    free (wal_bytes);
    free (path);
    free (shm);
    free (live);
    free (live_wal);
    free (wal);
    free (folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_cut_anywhere),
        TEST (test_noise_anywhere),
        TEST (test_a_log_that_was_cut_keeps_what_came_before),
        TEST (test_noise_inside_a_log_is_told),
        TEST (test_files_that_are_no_store_are_left_alone),
        TEST (test_a_damaged_store_is_set_aside_and_a_new_one_begins),
        TEST (test_a_read_only_medium_shows_the_log_too),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
