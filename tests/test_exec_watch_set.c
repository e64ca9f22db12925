/*  test_exec_watch_set.c - what is told of a workspace's files

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "exec/watch.h"
#include "exec/watch_set.h"

#define MS INT64_C (1000)

static ag_watch_set_t *s_new (void)
{
    ag_watch_set_options_t options = { 100 * MS, 1000 * MS, 1000 };
    return ag_watch_set_new (&options);
}

static const ag_watch_look_t s_gone = { 0 };

/*  A file as it was long before it was looked at. */
static ag_watch_look_t s_file (int64_t size, int64_t mtime_ns)
{
    return (ag_watch_look_t) { true, size, mtime_ns, 1, mtime_ns + INT64_C (1000000000) };
}

static void s_assert_due (ag_watch_set_t *set, const char *path, int64_t now_us, const ag_watch_look_t *look, ag_watch_news_t news)
{
    const char *due = ag_watch_set_due (set, now_us);
    assert_non_null (due);
    assert_string_equal (due, path);
    assert_int_equal (ag_watch_set_look (set, path, look), news);
}

static void test_a_new_file_is_told_when_it_is_quiet (void **state)
{
    (void) state;
    ag_watch_set_t *set = s_new ();
    ag_watch_look_t look = s_file (5, 1);
    ag_watch_set_touch (set, "a", false, 0);
    ag_watch_set_touch (set, "a", true, 50 * MS);
    assert_null (ag_watch_set_due (set, 149 * MS));
    assert_true (ag_watch_set_deadline_us (set) == 150 * MS);
    s_assert_due (set, "a", 150 * MS, &look, AG_WATCH_CREATED);
    assert_null (ag_watch_set_due (set, INT64_MAX));
    assert_true (ag_watch_set_deadline_us (set) == INT64_MAX);
    ag_watch_set_destroy (&set);
    ag_watch_set_destroy (&set);
}

static void test_what_came_and_went_is_not_told (void **state)
{
    (void) state;
    ag_watch_set_t *set = s_new ();
    ag_watch_set_touch (set, "a", true, 0);
    s_assert_due (set, "a", 100 * MS, &s_gone, AG_WATCH_SAME);
    assert_int_equal (ag_watch_set_count (set), 0);
    ag_watch_set_destroy (&set);
}

static void test_known_modified_deleted_and_back (void **state)
{
    (void) state;
    ag_watch_set_t *set = s_new ();
    ag_watch_look_t before = s_file (5, 1), after = s_file (6, 2);
    ag_watch_set_know (set, "a", &before);
    assert_null (ag_watch_set_due (set, INT64_MAX));
    ag_watch_set_touch (set, "a", true, 0);
    s_assert_due (set, "a", 100 * MS, &before, AG_WATCH_SAME);
    ag_watch_set_touch (set, "a", true, 0);
    s_assert_due (set, "a", 100 * MS, &after, AG_WATCH_MODIFIED);
    ag_watch_set_touch (set, "a", false, 200 * MS);
    s_assert_due (set, "a", 300 * MS, &s_gone, AG_WATCH_DELETED);
    ag_watch_set_touch (set, "a", false, 400 * MS);
    s_assert_due (set, "a", 500 * MS, &after, AG_WATCH_CREATED);
    ag_watch_set_destroy (&set);
}

/*  Written in the same tick in which we looked: size and time are as before. */
static void test_a_write_within_the_tick_is_not_missed (void **state)
{
    (void) state;
    ag_watch_set_t *set = s_new ();
    ag_watch_look_t racy = s_file (5, 1000);
    racy.seen_ns = 1000;
    ag_watch_set_touch (set, "a", true, 0);
    s_assert_due (set, "a", 100 * MS, &racy, AG_WATCH_CREATED);
    ag_watch_set_touch (set, "a", true, 200 * MS);
    s_assert_due (set, "a", 300 * MS, &racy, AG_WATCH_MODIFIED);
    ag_watch_look_t calm = racy;
    calm.seen_ns += INT64_C (1000000000);
    ag_watch_set_touch (set, "a", true, 400 * MS);
    ag_watch_set_look (set, "a", &calm);
    ag_watch_set_touch (set, "a", true, 600 * MS);
    s_assert_due (set, "a", 700 * MS, &calm, AG_WATCH_SAME);
    ag_watch_set_destroy (&set);
}

static void test_patience_ends (void **state)
{
    (void) state;
    ag_watch_set_t *set = s_new ();
    for (int64_t now_us = 0; now_us <= 990 * MS; now_us += 30 * MS) {
        ag_watch_set_touch (set, "log", true, now_us);
        if (now_us < 900 * MS)
            assert_null (ag_watch_set_due (set, now_us));
    }
    assert_non_null (ag_watch_set_due (set, 1000 * MS));
    ag_watch_set_destroy (&set);
}

static void test_a_folder_that_goes_takes_its_files (void **state)
{
    (void) state;
    ag_watch_set_t *set = s_new ();
    ag_watch_look_t look = s_file (1, 1);
    ag_watch_set_know (set, "dir/a", &look);
    ag_watch_set_know (set, "dir/sub/b", &look);
    ag_watch_set_know (set, "dirty", &look);
    ag_gone_t *gone = ag_gone_new ();
    ag_gone_add (gone, "dir");
    ag_watch_set_touch_gone (set, gone, 0);
    ag_gone_destroy (&gone);
    for (int i = 0; i < 2; i++)
        assert_int_equal (ag_watch_set_look (set, ag_watch_set_due (set, INT64_MAX), &s_gone), AG_WATCH_DELETED);
    assert_null (ag_watch_set_due (set, INT64_MAX));
    assert_int_equal (ag_watch_set_count (set), 1);
    ag_watch_set_destroy (&set);
}

static void test_what_cannot_be_seen_is_neither_told_nor_forgotten (void **state)
{
    (void) state;
    ag_watch_set_t *set = s_new ();
    ag_watch_look_t look = s_file (1, 1);
    ag_watch_set_know (set, "file", &look);
    ag_watch_set_touch (set, "file", true, 0);
    assert_int_equal (ag_watch_set_look (set, ag_watch_set_due (set, INT64_MAX), NULL), AG_WATCH_SAME);
    assert_null (ag_watch_set_due (set, INT64_MAX));
    ag_watch_set_touch (set, "file", false, 0);
    assert_int_equal (ag_watch_set_look (set, ag_watch_set_due (set, INT64_MAX), &s_gone), AG_WATCH_DELETED);
    ag_watch_set_destroy (&set);
}

static void test_full (void **state)
{
    (void) state;
    ag_watch_set_options_t options = { 100 * MS, 1000 * MS, 2 };
    ag_watch_set_t *set = ag_watch_set_new (&options);
    ag_watch_look_t look = s_file (1, 1);
    assert_true (ag_watch_set_know (set, "a", &look));
    assert_true (ag_watch_set_touch (set, "b", false, 0));
    assert_false (ag_watch_set_know (set, "c", &look));
    assert_false (ag_watch_set_touch (set, "c", false, 0));
    assert_true (ag_watch_set_touch (set, "a", false, 0));
    ag_watch_set_destroy (&set);
}

static void test_sweep (void **state)
{
    (void) state;
    ag_watch_set_t *set = s_new ();
    ag_watch_look_t old = s_file (1, 1), new = s_file (2, 2);
    ag_watch_set_know (set, "same", &old);
    ag_watch_set_know (set, "changed", &old);
    ag_watch_set_know (set, "gone", &old);
    ag_watch_set_sweep_begin (set);
    ag_watch_set_found (set, "same", &old, 0);
    ag_watch_set_found (set, "changed", &new, 0);
    ag_watch_set_found (set, "new", &new, 0);
    ag_watch_set_sweep_finish (set, 0);
    s_assert_due (set, "changed", 100 * MS, &new, AG_WATCH_MODIFIED);
    s_assert_due (set, "new", 100 * MS, &new, AG_WATCH_CREATED);
    s_assert_due (set, "gone", 100 * MS, &s_gone, AG_WATCH_DELETED);
    assert_null (ag_watch_set_due (set, INT64_MAX));
    ag_watch_set_destroy (&set);
}

/* ---------------------------------------------------------------------- */
/*  Any history: who hears all news believes what is on the disk */

enum { FILES = 40, STEPS = 20000 };

typedef struct {
    ag_watch_set_t *set;
    ag_watch_look_t disk[FILES];        /* as it is */
    bool believed[FILES];               /* as was told */
    int64_t believed_mtime[FILES];      /* the same */
    int64_t now_us;
} s_world_t;

static int s_number (const char *path)
{
    return atoi (path + 1);
}

static void s_hear (s_world_t *world, const char *due)
{
    int i = s_number (due);
    char path[16];
    snprintf (path, sizeof path, "f%d", i);
    ag_watch_look_t look = world->disk[i];
    look.seen_ns = world->now_us * 1000;
    switch (ag_watch_set_look (world->set, path, &look)) {
    case AG_WATCH_CREATED:
        assert_false (world->believed[i]);
        break;
    case AG_WATCH_MODIFIED:
        assert_true (world->believed[i]);
        break;
    case AG_WATCH_DELETED:
        assert_true (world->believed[i]);
        break;
    case AG_WATCH_SAME:
        assert_int_equal (world->believed[i], look.exists);
    }
    world->believed[i] = look.exists;
    world->believed_mtime[i] = look.mtime_ns;
}

/*  A change on disk; mostly the kernel tells of it. Returns whether it did. */
static bool s_change (s_world_t *world)
{
    int i = rand () % FILES;
    char path[16];
    snprintf (path, sizeof path, "f%d", i);
    ag_watch_look_t *file = &world->disk[i];
    if (file->exists && rand () % 3 == 0)
        *file = s_gone;
    else
        *file = (ag_watch_look_t) { true, rand () % 3, world->now_us * 1000, 1, 0 };
    if (rand () % 50 == 0)
        return false;
    ag_watch_set_touch (world->set, path, file->exists, world->now_us);
    return true;
}

static void s_sweep (s_world_t *world)
{
    ag_watch_set_sweep_begin (world->set);
    for (int i = 0; i < FILES; i++) {
        char path[16];
        snprintf (path, sizeof path, "f%d", i);
        ag_watch_look_t look = world->disk[i];
        look.seen_ns = world->now_us * 1000;
        if (look.exists)
            ag_watch_set_found (world->set, path, &look, world->now_us);
    }
    ag_watch_set_sweep_finish (world->set, world->now_us);
}

static void test_any_history (void **state)
{
    (void) state;
    unsigned seed = getenv ("AG_SEED") ? (unsigned) atol (getenv ("AG_SEED")) : (unsigned) time (NULL);
    print_message ("AG_SEED=%u\n", seed);
    srand (seed);
    s_world_t world = { .set = s_new (), .now_us = INT64_C (1000000000) };
    bool lost = false;
    for (int step = 0; step < STEPS; step++) {
        world.now_us += rand () % (60 * MS);
        if (rand () % 2)
            lost |= !s_change (&world);
        if (lost && rand () % 20 == 0) {
            s_sweep (&world);
            lost = false;
        }
        for (const char *due; (due = ag_watch_set_due (world.set, world.now_us)); )
            s_hear (&world, due);
    }
    s_sweep (&world);
    for (const char *due; (due = ag_watch_set_due (world.set, INT64_MAX)); )
        s_hear (&world, due);
    for (int i = 0; i < FILES; i++) {
        assert_int_equal (world.believed[i], world.disk[i].exists);
        if (world.disk[i].exists)
            assert_true (world.believed_mtime[i] == world.disk[i].mtime_ns);
    }
    ag_watch_set_destroy (&world.set);
}

/* ---------------------------------------------------------------------- */

enum { MANY = 3000 };

static void s_fill_folder (const char *folder)
{
    for (int i = 0; i < MANY; i++) {
        char *path = ag_asprintf ("%s/f%d", folder, i);
        close (open (path, O_WRONLY | O_CREAT, 0600));
        free (path);
    }
}

/*  What was told, by action: of files in the folder "old", and of all others. */
typedef struct {
    int created_in_old, created, deleted_in_old, deleted, other;
} s_told_t;

static void s_note (void *context, ag_draft_t **draft_p)
{
    s_told_t *told = context;
    ag_str_t path = ag_draft_string (*draft_p, AG_F_PATH), action = ag_draft_string (*draft_p, AG_F_ACTION);
    bool old = path.len > 4 && memcmp (path.ptr, "old/", 4) == 0;
    if (ag_str_is (action, "created"))
        ++*(old ? &told->created_in_old : &told->created);
    else if (ag_str_is (action, "deleted"))
        ++*(old ? &told->deleted_in_old : &told->deleted);
    else
        told->other++;
    ag_draft_destroy (draft_p);
}

/*  Has been reading for far less time than its files take. */
static ag_watch_t *s_watch_begun (const char *folder, ag_ignore_t *ignore, s_told_t *told)
{
    char *error = NULL;
    ag_watch_options_t options = { .root = folder, .ignore = ignore, .max_files = 10 * MANY, .sink = s_note, .context = told };
    ag_watch_t *watch = ag_watch_new (&options, &error);
    assert_non_null (watch);
    ag_watch_begin (watch, 300);
    assert_int_equal (ag_watch_deadline_us (watch), 0);
    return watch;
}

static void s_read_all (ag_watch_t *watch)
{
    while (ag_watch_deadline_us (watch) == 0)
        ag_watch_turn (watch);
}

static void test_a_large_folder_is_read_in_slices (void **state)
{
    (void) state;
    char *folder = new_folder (), *first = path_in (folder, "f0"), *last = path_in (folder, "f2999");
    ag_ignore_t *ignore = ag_ignore_new ();
    s_told_t told = { 0 };
    s_fill_folder (folder);
    ag_watch_t *watch = s_watch_begun (folder, ignore, &told);
    s_read_all (watch);
    assert_int_equal (unlink (first), 0);
    assert_int_equal (unlink (last), 0);
    ag_watch_finish (watch, INT64_C (60000000));
    assert_int_equal (told.deleted, 2);
    assert_int_equal (told.created + told.other, 0);
    ag_watch_destroy (&watch);
    ag_ignore_destroy (&ignore);
    free (first);
    free (last);
    remove_folder (&folder);
}

/*  What was not read yet is found in its new place, and not told of the old one. */
static void test_a_folder_is_moved_while_it_is_read (void **state)
{
    (void) state;
    char *folder = new_folder (), *old = path_in (folder, "old"), *new = path_in (folder, "new");
    ag_ignore_t *ignore = ag_ignore_new ();
    s_told_t told = { 0 };
    assert_int_equal (mkdir (old, 0700), 0);
    s_fill_folder (old);
    ag_watch_t *watch = s_watch_begun (folder, ignore, &told);
    assert_int_equal (rename (old, new), 0);
    s_read_all (watch);
    ag_watch_finish (watch, INT64_C (60000000));
    assert_int_equal (told.created, MANY);
    assert_true (told.deleted_in_old < MANY);
    assert_int_equal (told.created_in_old + told.deleted + told.other, 0);
    ag_watch_destroy (&watch);
    ag_ignore_destroy (&ignore);
    free (old);
    free (new);
    remove_folder (&folder);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_new_file_is_told_when_it_is_quiet),
        cmocka_unit_test (test_what_came_and_went_is_not_told),
        cmocka_unit_test (test_known_modified_deleted_and_back),
        cmocka_unit_test (test_a_write_within_the_tick_is_not_missed),
        cmocka_unit_test (test_patience_ends),
        cmocka_unit_test (test_a_folder_that_goes_takes_its_files),
        cmocka_unit_test (test_what_cannot_be_seen_is_neither_told_nor_forgotten),
        cmocka_unit_test (test_full),
        cmocka_unit_test (test_sweep),
        cmocka_unit_test (test_any_history),
        cmocka_unit_test (test_a_large_folder_is_read_in_slices),
        cmocka_unit_test (test_a_folder_is_moved_while_it_is_read),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
