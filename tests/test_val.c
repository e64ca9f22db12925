/*  test_val.c - JSON read in place: what it is, what it is not, and the same as json-c

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/utf8.h"
#include "val_compare.h"

static ag_reader_t *s_reader;

static int s_set_up (void **state)
{
    (void) state;
    s_reader = ag_reader_new ();
    return 0;
}

static int s_tear_down (void **state)
{
    (void) state;
    ag_reader_destroy (&s_reader);
    ag_reader_destroy (&s_reader);
    return 0;
}

static ag_val_t *s_read (const char *text)
{
    size_t used;
    const char *why;
    ag_val_t *value = ag_reader_read (s_reader, (ag_str_t) { text, strlen (text) }, &used, &why);
    if (!value)
        fail_msg ("%s: %s", text, why);
    return value;
}

static void s_expect_text (ag_str_t text, const char *expected, size_t len)
{
    assert_int_equal (text.len, len);
    assert_memory_equal (text.ptr, expected, len);
}

#define EXPECT(text, literal) s_expect_text (text, literal, sizeof literal - 1)

static void test_members_by_their_keys_and_types (void **state)
{
    (void) state;
    ag_val_t *o = s_read ("{\"s\":\"text\",\"i\":42,\"f\":3.0,\"n\":null,\"b\":true,\"a\":[1,[2],\"x\"],\"o\":{\"k\":\"v\"},\"s\":\"last\"}");
    EXPECT (ag_val_str (o, "s"), "last");
    assert_int_equal (ag_val_int (o, "i", 0), 42);
    assert_int_equal (ag_val_int (o, "f", 0), 3);
    assert_true (ag_val_number (o, "i", 0) == 42 && ag_val_number (o, "f", 0) == 3);
    assert_true (ag_val_has (o, "n") && !ag_val_get (o, "n") && !ag_val_has (o, "x"));
    assert_true (ag_val_bool (o, "b", false) && ag_val_bool (o, "i", true) && !ag_val_bool (o, "x", false));
    EXPECT (ag_val_str (ag_val_object (o, "o"), "k"), "v");
    EXPECT (ag_val_source (ag_val_get (o, "o")), "{\"k\":\"v\"}");
    EXPECT (ag_val_source (ag_val_array (o, "a")), "[1,[2],\"x\"]");
    assert_null (ag_val_object (o, "a"));
    assert_null (ag_val_array (o, "o"));
    assert_null (ag_val_str (o, "i").ptr);
    assert_int_equal (ag_val_int (o, "s", 7), 7);
    assert_int_equal (ag_val_count (ag_val_get (o, "a")), 3);
    static const char *const keys[] = { "none", "i", "s", NULL };
    EXPECT (ag_val_str_any (o, keys), "last");
    assert_ptr_equal (ag_val_get_any (o, keys), ag_val_get (o, "i"));
}

static void test_of_nothing_comes_nothing (void **state)
{
    (void) state;
    ag_str_t key;
    assert_null (ag_val_get (NULL, "x"));
    assert_null (ag_val_str (NULL, "x").ptr);
    assert_null (ag_val_first (NULL));
    assert_null (ag_val_member (NULL, NULL, &key));
    assert_null (ag_val_source (NULL).ptr);
    assert_int_equal (ag_val_type (NULL), AG_VAL_NULL);
    assert_null (ag_val_first (s_read ("{\"a\":1}")));
    assert_null (ag_val_first (s_read ("[]")));
    assert_null (ag_val_member (s_read ("{}"), NULL, &key));
    assert_null (ag_val_member (s_read ("[1]"), NULL, &key));
}

static void test_elements_and_members_in_order (void **state)
{
    (void) state;
    ag_val_t *array = s_read ("[[1,[2,{}]],{\"a\":[]},\"x\",null,5]");
    static const ag_val_type_t types[] = { AG_VAL_ARRAY, AG_VAL_OBJECT, AG_VAL_STRING, AG_VAL_NULL, AG_VAL_NUMBER };
    size_t count = 0;
    for (ag_val_t *element = ag_val_first (array); element; element = ag_val_next (array, element))
        assert_int_equal (ag_val_type (element), types[count++]);
    assert_int_equal (count, 5);
    ag_val_t *object = s_read ("{\"a\":[1,2],\"\\u0062\":{\"x\":1},\"c\":null}");
    ag_str_t key;
    char keys[4] = "";
    for (ag_val_t *member = NULL; (member = ag_val_member (object, member, &key));)
        strncat (keys, key.ptr, key.len);
    assert_string_equal (keys, "abc");
    assert_non_null (ag_val_object (object, "b"));
}

static void test_escapes (void **state)
{
    (void) state;
    EXPECT (ag_val_text (s_read ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"")), "a\"\\/\b\f\n\r\tz");
    EXPECT (ag_val_text (s_read ("\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"")), "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    EXPECT (ag_val_text (s_read ("\"x\\u0000y\"")), "x\0y");
    EXPECT (ag_val_text (s_read ("\"\\ud83d|\\ude00|\\ud83d\\ud83d\\ude00|\\ud83dx\\u0041\"")),
        "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xf0\x9f\x98\x80|\xef\xbf\xbdxA");
    EXPECT (ag_val_text (s_read ("\"raw \x01\x1f\x7f \xe2\x80\xa8\"")), "raw \x01\x1f\x7f \xe2\x80\xa8");
    EXPECT (ag_val_text (s_read ("\"\\\\\"")), "\\");
    EXPECT (ag_val_text (s_read ("\"\"")), "");
    ag_val_t *twice = s_read ("\"a\\nb\"");
    assert_ptr_equal (ag_val_text (twice).ptr, ag_val_text (twice).ptr);
}

static void test_numbers (void **state)
{
    (void) state;
    bool is_integer;
    int64_t integer;
    double number;
    static const struct { const char *text; bool is_integer; int64_t integer; double number;
    } cases[] = {
        { "0", true, 0, 0 }, { "-7", true, -7, -7 }, { "9223372036854775807", true, INT64_MAX, 9223372036854775807.0 },
        { "9223372036854775808", false, 0, 9223372036854775808.0 }, { "1e3", false, 0, 1000 }, { "-0.5", false, 0, -0.5 },
        { "1e999", false, 0, HUGE_VAL }, { "0.0056500000000000005", false, 0, 0.0056500000000000005 },
        { "-Infinity", false, 0, -HUGE_VAL }, { "007", true, 7, 7 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true (ag_val_parse_number (s_read (cases[i].text), &is_integer, &integer, &number));
        if (is_integer != cases[i].is_integer || (is_integer && integer != cases[i].integer) || number != cases[i].number)
            fail_msg ("%s: %d %lld %g", cases[i].text, is_integer, (long long) integer, number);
    }
    assert_true (ag_val_parse_number (s_read ("NaN"), &is_integer, &integer, &number) && isnan (number));
    char digits[3000];
    memset (digits, '9', sizeof digits - 1);
    digits[sizeof digits - 1] = 0;
    assert_true (ag_val_parse_number (s_read (digits), &is_integer, &integer, &number) && isinf (number) && !is_integer);
    digits[1] = '.';
    assert_true (ag_val_parse_number (s_read (digits), &is_integer, &integer, &number) && number > 9.9 && number <= 10);
    assert_int_equal (ag_val_int (s_read ("{\"a\":99999999999999999999}"), "a", 0), INT64_MAX);
    assert_int_equal (ag_val_int (s_read ("{\"a\":-99999999999999999999}"), "a", 0), INT64_MIN);
    assert_int_equal (ag_val_int (s_read ("{\"a\":1e999}"), "a", 5), 5);
    assert_true (ag_val_number (s_read ("{\"a\":NaN}"), "a", 5) == 5);
}

static void test_lenient_where_agents_are_not_strict (void **state)
{
    (void) state;
    static const char *const fine[] = { "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", " \t\r\n{ \"a\" : [ ] , \"b\" : { } } " };
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        s_read (fine[i]);
}

static void test_what_is_no_json_is_refused_with_the_place (void **state)
{
    (void) state;
    static const struct { const char *text; size_t used;
    } cases[] = {
        { "", 0 }, { "{", 1 }, { "{\"a\"", 4 }, { "{\"a\":", 5 }, { "{\"a\":1", 6 }, { "{\"a\":x}", 5 }, { "{a:1}", 1 },
        { "{\"a\" 1}", 5 }, { "[1 2]", 3 }, { "[1}", 2 }, { "{\"a\":1]", 6 }, { "[,]", 1 }, { "{,}", 1 }, { "\"abc", 4 },
        { "\"a\\x\"", 2 }, { "\"\\u12g4\"", 1 }, { "\"\\u12", 5 }, { "\"a\\", 3 }, { "tru", 0 }, { "-", 0 }, { ".5", 0 }, { "]", 0 },
        { "'a'", 0 }, { "/* */1", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t used;
        const char *why = NULL;
        ag_val_t *value = ag_reader_read (s_reader, (ag_str_t) { cases[i].text, strlen (cases[i].text) }, &used, &why);
        if (value || !why || used != cases[i].used)
            fail_msg ("%s: %s at %zu, not %zu", cases[i].text, why, used, cases[i].used);
    }
}

/*  A whole line is not called a cut one. */
static void test_the_reason_tells_wrong_from_cut (void **state)
{
    (void) state;
    static const struct { const char *text, *why; } cases[] = {
        { "{\"a\":\"\\q\"}", "invalid escape in a string" }, { "\"\\u12\"", "invalid escape in a string" },
        { "\"\\u12", "it ends too early" }, { "{\"a\":\"b\\", "it ends too early" },
        { "{\"a\":x}", "unexpected character" }, { "{\"a\"", "it ends too early" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t used;
        const char *why = NULL;
        assert_null (ag_reader_read (s_reader, (ag_str_t) { cases[i].text, strlen (cases[i].text) }, &used, &why));
        assert_string_equal (why, cases[i].why);
    }
}

static void test_it_ends_where_the_value_does (void **state)
{
    (void) state;
    size_t used;
    const char *why;
    assert_non_null (ag_reader_read (s_reader, AG_STR ("{\"a\":[1]}{\"b\":"), &used, &why));
    assert_int_equal (used, 9);
    assert_non_null (ag_reader_read (s_reader, AG_STR ("12]"), &used, &why));
    assert_int_equal (used, 2);
}

static void test_depth_and_size_have_a_limit (void **state)
{
    (void) state;
    size_t used;
    const char *why;
    ag_buf_t text = { 0 };
    for (int i = 0; i < AG_VAL_MAX_DEPTH; i++)
        ag_buf_append_char (&text, '[');
    for (int i = 0; i < AG_VAL_MAX_DEPTH; i++)
        ag_buf_append_char (&text, ']');
    assert_non_null (ag_reader_read (s_reader, (ag_str_t) { text.data, text.len }, &used, &why));
    ag_buf_clear (&text);
    for (int i = 0; i <= AG_VAL_MAX_DEPTH; i++)
        ag_buf_append_char (&text, '[');
    assert_null (ag_reader_read (s_reader, (ag_str_t) { text.data, text.len }, &used, &why));
    assert_string_equal (why, "nesting too deep");
    ag_buf_clear (&text);
    ag_buf_append_char (&text, '[');
    for (int i = 0; i < AG_VAL_MAX_NODES; i++)
        ag_buf_append_cstr (&text, "0,");
    assert_null (ag_reader_read (s_reader, (ag_str_t) { text.data, text.len }, &used, &why));
    assert_string_equal (why, "it has too many members");
    assert_non_null (ag_reader_read (s_reader, AG_STR ("[0]"), &used, &why));
    ag_buf_free (&text);
}

/*  Many escapes, many quotes: no byte is looked at again and again. */
static void test_strings_take_linear_time (void **state)
{
    (void) state;
    static const char *const units[] = { "\\n", "\\\"", "\\\\", "\\u0041", "\\ud83d", "a\\n" };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        ag_buf_t text = { 0 };
        size_t used;
        const char *why;
        ag_buf_append_char (&text, '"');
        while (text.len < 8 * 1024 * 1024)
            ag_buf_append_cstr (&text, units[i]);
        ag_buf_append_char (&text, '"');
        clock_t start = clock ();
        ag_val_t *value = ag_reader_read (s_reader, (ag_str_t) { text.data, text.len }, &used, &why);
        assert_true (ag_val_text (value).len > 0);
        assert_true ((double) (clock () - start) / CLOCKS_PER_SEC < 2);
        ag_buf_free (&text);
    }
}

/* ---------------------------------------------------------------------- */
/*  Beside json-c */

static void s_random (ag_buf_t *out, int depth)
{
    static const char *const scalars[] = { "null", "true", "false", "0", "-1", "3.25", "1e5", "12345678901234", "\"\"", "\"x y\"",
        "\"\\n\\\"\\\\ \\u00e9\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00 \\ud800\"", "[]", "{}" };
    static const char *const spaces[] = { "", "", "", " ", "\n", "\t " };
    int kind = rand () % 6;
    if (depth > 6 || kind < 3) {
        ag_buf_append_cstr (out, scalars[(size_t) rand () % (sizeof scalars / sizeof scalars[0])]);
        return;
    }
    bool object = kind == 3;
    ag_buf_append_char (out, object ? '{' : '[');
    for (int count = rand () % 5, i = 0; i < count; i++) {
        ag_buf_append_cstr (out, i ? "," : "");
        ag_buf_append_cstr (out, spaces[rand () % 6]);
        if (object)
            ag_buf_printf (out, "\"k%d%s\"%s:%s", rand () % 4, rand () % 5 ? "" : "\\u0041", spaces[rand () % 6], spaces[rand () % 6]);
        s_random (out, depth + 1);
    }
    ag_buf_append_cstr (out, spaces[rand () % 6]);
    ag_buf_append_char (out, object ? '}' : ']');
}

/*  Whole, and with a byte changed or the end missing. */
static void test_random_texts_read_as_json_c_reads_them (void **state)
{
    (void) state;
    unsigned seed = (unsigned) time (NULL);
    print_message ("seed %u\n", seed);
    srand (seed);
    for (int round = 0; round < 20000; round++) {
        ag_buf_t text = { 0 };
        ag_buf_append_cstr (&text, "{\"a\":");
        s_random (&text, 0);
        ag_buf_append_char (&text, '}');
        if (rand () % 3 == 0)
            text.data[(size_t) rand () % text.len] = "{}[]\",:\\ 1nx"[rand () % 12];
        if (rand () % 5 == 0)
            text.len = 1 + (size_t) rand () % text.len;
        const char *differs = ag_utf8_valid (text.data, text.len) ? val_compare (s_reader, (ag_str_t) { text.data, text.len }) : NULL;
        if (differs)
            fail_msg ("%.*s: %s", (int) text.len, text.data, differs);
        ag_buf_free (&text);
    }
}

static void s_compare_lines (const char *path)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *file = fopen (path, "r");
    assert_non_null (file);
    while ((len = getline (&line, &room, file)) > 0) {
        const char *differs = val_compare (s_reader, (ag_str_t) { line, (size_t) len });
        if (differs)
            fail_msg ("%s: %s", path, differs);
    }
    free (line);
    fclose (file);
}

static void test_recordings_read_as_json_c_reads_them (void **state)
{
    (void) state;
    static const char *const folders[] = { "claude", "claude-1.0", "codex", "gemini", "opencode" };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[1024];
        snprintf (path, sizeof path, SRCDIR "/tests/recordings/%s", folders[i]);
        DIR *folder = opendir (path);
        assert_non_null (folder);
        for (struct dirent *entry; (entry = readdir (folder));)
            if (strstr (entry->d_name, ".jsonl")) {
                snprintf (path, sizeof path, SRCDIR "/tests/recordings/%s/%s", folders[i], entry->d_name);
                s_compare_lines (path);
            }
        closedir (folder);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_members_by_their_keys_and_types),
        cmocka_unit_test (test_of_nothing_comes_nothing),
        cmocka_unit_test (test_elements_and_members_in_order),
        cmocka_unit_test (test_escapes),
        cmocka_unit_test (test_numbers),
        cmocka_unit_test (test_lenient_where_agents_are_not_strict),
        cmocka_unit_test (test_what_is_no_json_is_refused_with_the_place),
        cmocka_unit_test (test_the_reason_tells_wrong_from_cut),
        cmocka_unit_test (test_it_ends_where_the_value_does),
        cmocka_unit_test (test_depth_and_size_have_a_limit),
        cmocka_unit_test (test_strings_take_linear_time),
        cmocka_unit_test (test_random_texts_read_as_json_c_reads_them),
        cmocka_unit_test (test_recordings_read_as_json_c_reads_them),
    };
    return cmocka_run_group_tests (tests, s_set_up, s_tear_down);
}
