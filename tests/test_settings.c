/*  tests/test_settings.c - settings, paths and endpoints

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/paths.h"
#include "core/settings.h"

static char s_file[64];         /* a settings file that a test may write */

static const ag_setting_t s_table[] = {
    { "rate-limit", AG_SETTING_INTEGER, "N", "AG_TEST_RATE", "50", 0, 1000, NULL, false, "events/s" },
    { "linger", AG_SETTING_SECONDS, "S", NULL, "5", 0, 60000, NULL, false, "wait" },
    { "bus", AG_SETTING_STRING, "ENDPOINT", "AG_TEST_BUS", NULL, 0, 0, NULL, true, "where" },
    { "store", AG_SETTING_CHOICE, NULL, NULL, "sqlite", 0, 0, "sqlite|none", false, "history" },
    { "quiet", AG_SETTING_FLAG, NULL, "AG_TEST_QUIET", NULL, 0, 0, NULL, false, "say nothing" },
    { "config", AG_SETTING_STRING, "FILE", "AG_TEST_CONFIG", "/nonexistent/agentgate.conf", 0, 0, NULL, false, "settings" },
};

static ag_settings_t *s_load (char **error_r, const char *first, ...)
{
    char *argv[16] = { (char *) "program" };
    int argc = 1;
    va_list args;
    va_start (args, first);
    for (const char *word = first; word; word = va_arg (args, const char *))
        argv[argc++] = (char *) word;
    va_end (args);
    return ag_settings_new (s_table, sizeof s_table / sizeof s_table[0], "usage", argc, argv, error_r);
}

static int s_setup (void **state)
{
    (void) state;
    unsetenv ("AG_TEST_RATE");
    unsetenv ("AG_TEST_BUS");
    unsetenv ("AG_TEST_QUIET");
    unsetenv ("AG_TEST_CONFIG");
    strcpy (s_file, "/tmp/ag-settings-XXXXXX");
    int fd = mkstemp (s_file);
    return fd < 0 ? -1 : close (fd);
}

static int s_teardown (void **state)
{
    (void) state;
    return unlink (s_file);
}

static void s_write (const char *text)
{
    FILE *file = fopen (s_file, "w");
    fputs (text, file);
    fclose (file);
}

static void test_flag_over_environment_over_file_over_default (void **state)
{
    (void) state;
    char *error = NULL;
    s_write ("# ours\nrate-limit = 10\n\n  store=none  \nbus = a b\n");
    setenv ("AG_TEST_BUS", "c", 1);
    ag_settings_t *settings = s_load (&error, "--config", s_file, "--linger", "0.25", "--quiet", "word", "--not-ours", NULL);
    assert_null (error);
    assert_int_equal (ag_settings_integer (settings, "rate-limit"), 10);
    assert_string_equal (ag_settings_source (settings, "rate-limit"), "file");
    assert_string_equal (ag_settings_string (settings, "store"), "none");
    assert_int_equal (ag_settings_count (settings, "bus"), 1);
    assert_string_equal (ag_settings_nth (settings, "bus", 0), "c");
    assert_int_equal (ag_settings_integer (settings, "linger"), 250);
    assert_true (ag_settings_flag (settings, "quiet"));
    assert_int_equal (ag_settings_rest (settings), 6);
    ag_settings_destroy (&settings);
    settings = s_load (&error, "--rate-limit=7", "--bus", "x", "--bus", "y", "--", "--rate-limit=8", NULL);
    assert_int_equal (ag_settings_integer (settings, "rate-limit"), 7);
    assert_int_equal (ag_settings_count (settings, "bus"), 2);
    assert_string_equal (ag_settings_nth (settings, "bus", 1), "y");
    assert_false (ag_settings_flag (settings, "quiet"));
    ag_settings_destroy (&settings);
}

static void s_assert_error (char *error, const char *const *parts, size_t count)
{
    assert_non_null (error);
    for (size_t i = 0; i < count; i++)
        if (!strstr (error, parts[i]))
            fail_msg ("'%s' does not say '%s'", error, parts[i]);
    free (error);
}

static void test_a_wrong_value_is_named_with_what_is_allowed (void **state)
{
    (void) state;
    char *error = NULL;
    assert_null (s_load (&error, "--rate-limit", "1001", NULL));
    s_assert_error (error, (const char *[]) { "--rate-limit", "1001", "0 to 1000" }, 3);
    assert_null (s_load (&error, "--store=tape", NULL));
    s_assert_error (error, (const char *[]) { "--store", "tape", "sqlite|none" }, 3);
    assert_null (s_load (&error, "--linger", "soon", NULL));
    s_assert_error (error, (const char *[]) { "--linger", "soon", "0 to 60" }, 3);
    setenv ("AG_TEST_QUIET", "perhaps", 1);
    assert_null (s_load (&error, NULL));
    s_assert_error (error, (const char *[]) { "AG_TEST_QUIET", "perhaps", "true or false" }, 3);
    unsetenv ("AG_TEST_QUIET");
    assert_null (s_load (&error, "--colour", NULL));
    s_assert_error (error, (const char *[]) { "--colour", "unknown" }, 2);
    assert_null (s_load (&error, "--rate-limit", NULL));
    s_assert_error (error, (const char *[]) { "--rate-limit", "needs a value" }, 2);
}

static void test_a_wrong_file_is_named_with_its_line (void **state)
{
    (void) state;
    char *error = NULL;
    s_write ("rate-limit = 10\nrate-limti = 11\n");
    assert_null (s_load (&error, "--config", s_file, NULL));
    s_assert_error (error, (const char *[]) { s_file, "line 2", "rate-limti" }, 3);
    s_write ("rate-limit\n");
    assert_null (s_load (&error, "--config", s_file, NULL));
    s_assert_error (error, (const char *[]) { s_file, "line 1", "NAME = VALUE" }, 3);
    assert_null (s_load (&error, "--config", "/nonexistent/x", NULL));
    s_assert_error (error, (const char *[]) { "/nonexistent/x", "No such file" }, 2);
}

static void s_assert_endpoint (const char *endpoint, int exposed, const char *why)
{
    char *error = NULL;
    int rc = ag_endpoint_check (endpoint, exposed, &error);
    assert_int_equal (rc, why ? -1 : 0);
    if (why)
        s_assert_error (error, (const char *[]) { endpoint, why }, 2);
}

static void test_a_file_has_a_part_for_each_program (void **state)
{
    (void) state;
    char *error = NULL;
    s_write ("rate-limit = 10\n[other]\nnot-ours = 1\n[program]\nstore = none\n[exec]\nrate-limit = 11\n");
    ag_settings_t *settings = s_load (&error, "--config", s_file, NULL);
    assert_non_null (settings);
    assert_int_equal (ag_settings_integer (settings, "rate-limit"), 10);
    assert_string_equal (ag_settings_string (settings, "store"), "none");
    ag_settings_destroy (&settings);
}

static void test_a_comment_may_follow_a_value (void **state)
{
    (void) state;
    char *error = NULL;
    s_write ("rate-limit = 10     # events a second\nbus = a#b c\t# two\n[program] # ours\n# store = tape\nquiet=on\n");
    ag_settings_t *settings = s_load (&error, "--config", s_file, NULL);
    assert_null (error);
    assert_int_equal (ag_settings_integer (settings, "rate-limit"), 10);
    assert_int_equal (ag_settings_count (settings, "bus"), 2);
    assert_string_equal (ag_settings_nth (settings, "bus", 0), "a#b");
    assert_string_equal (ag_settings_string (settings, "store"), "sqlite");
    assert_true (ag_settings_flag (settings, "quiet"));
    ag_settings_destroy (&settings);
}

static void test_what_is_printed_can_be_a_file (void **state)
{
    (void) state;
    char *error = NULL;
    ag_settings_t *settings = s_load (&error, "--linger=0.5", "--bus=a", "--bus=b", "--quiet", "--config", "/dev/null", NULL);
    FILE *file = fopen (s_file, "w");
    ag_settings_print (settings, file);
    fclose (file);
    ag_settings_destroy (&settings);
    settings = s_load (&error, "--config", s_file, NULL);
    assert_null (error);
    assert_int_equal (ag_settings_integer (settings, "linger"), 500);
    assert_string_equal (ag_settings_nth (settings, "bus", 1), "b");
    assert_true (ag_settings_flag (settings, "quiet"));
    assert_string_equal (ag_settings_source (settings, "store"), "file");
    ag_settings_destroy (&settings);
}

static void test_the_environment_may_name_the_file (void **state)
{
    (void) state;
    char *error = NULL;
    s_write ("rate-limit = 10\n");
    setenv ("AG_TEST_CONFIG", s_file, 1);
    ag_settings_t *settings = s_load (&error, NULL);
    assert_int_equal (ag_settings_integer (settings, "rate-limit"), 10);
    ag_settings_destroy (&settings);
    setenv ("AG_TEST_CONFIG", "/nonexistent/x", 1);
    assert_null (s_load (&error, NULL));
    s_assert_error (error, (const char *[]) { "/nonexistent/x", "No such file" }, 2);
}

static void test_endpoints_are_checked (void **state)
{
    (void) state;
    s_assert_endpoint ("ipc:///run/agentgate/bus", 0, NULL);
    s_assert_endpoint ("tcp://127.0.0.1:5555", 0, NULL);
    s_assert_endpoint ("tcp://[::1]:*", 0, NULL);
    s_assert_endpoint ("tcp://192.0.2.7:5555", 0, "--curve-dir");
    s_assert_endpoint ("tcp://192.0.2.7:5555", 1, NULL);
    s_assert_endpoint ("tcp://127.example.org:5555", 0, "--curve-dir");
    s_assert_endpoint ("tcp://127.0.0.1:0;192.0.2.7:5555", 0, "--curve-dir");
    s_assert_endpoint ("tcp://*:5555", 0, "--curve-dir");
    s_assert_endpoint ("tcp://127.0.0.1:70000", 0, "PORT");
    s_assert_endpoint ("tcp://127.0.0.1", 0, "PORT");
    s_assert_endpoint ("udp://127.0.0.1:1", 0, "ipc://PATH");
    char *longest = ag_asprintf ("ipc:///%0106d", 0), *too_long = ag_asprintf ("ipc:///%0107d", 0);
    s_assert_endpoint (longest, 0, NULL);
    s_assert_endpoint (too_long, 0, "108 bytes");
    free (longest);
    free (too_long);
}

static void test_private_folder_is_refused_when_others_may_write (void **state)
{
    (void) state;
    char dir[] = "/tmp/ag-paths-XXXXXX";
    assert_non_null (mkdtemp (dir));
    setenv ("XDG_STATE_HOME", dir, 1);
    unsetenv ("STATE_DIRECTORY");
    char *error = NULL, *path = ag_path_state_dir (&error);
    assert_non_null (path);
    struct stat info;
    assert_int_equal (stat (path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0700);
    assert_int_equal (chmod (path, 0777), 0);
    assert_null (ag_path_state_dir (&error));
    s_assert_error (error, (const char *[]) { path, "belongs to us alone" }, 2);
    rmdir (path);
    free (path);
    rmdir (dir);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown (test_flag_over_environment_over_file_over_default, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_wrong_value_is_named_with_what_is_allowed, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_wrong_file_is_named_with_its_line, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_file_has_a_part_for_each_program, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_a_comment_may_follow_a_value, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_what_is_printed_can_be_a_file, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown (test_the_environment_may_name_the_file, s_setup, s_teardown),
        cmocka_unit_test (test_endpoints_are_checked),
        cmocka_unit_test (test_private_folder_is_refused_when_others_may_write),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
