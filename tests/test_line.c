/*  test_line.c - bytes to lines

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/line.h"
#include "core/buf.h"

/*  All items as text: [line] or [line without end~ or <bytes of a line too long>. */
static void s_drain (ag_line_t *line, ag_buf_t *seen)
{
    ag_line_item_t item;
    while (ag_line_next (line, &item)) {
        if (item.too_long_bytes)
            ag_buf_printf (seen, "<%llu>", (unsigned long long) item.too_long_bytes);
        else {
            ag_buf_append_char (seen, '[');
            ag_buf_append_str (seen, item.text);
            ag_buf_append_char (seen, item.terminated ? ']' : '~');
        }
    }
}

/*  Feeds the bytes in pieces of `piece` (0: of random sizes). */
static void s_feed_all (const char *bytes, size_t len, size_t max, size_t piece, ag_buf_t *seen)
{
    ag_line_t *line = ag_line_new (max);
    for (size_t at = 0; at < len;) {
        size_t want = piece ? piece : (size_t) (1 + rand () % 17);
        size_t take = want < len - at ? want : len - at;
        char *copy = malloc (take);     /* a buffer of its own: ASan sees what is read behind it */
        memcpy (copy, bytes + at, take);
        ag_line_feed (line, copy, take);
        s_drain (line, seen);
        free (copy);
        at += take;
    }
    ag_line_end (line);
    s_drain (line, seen);
    ag_line_destroy (&line);
    ag_line_destroy (&line);
}

static void s_check (const char *bytes, size_t len, size_t max, const char *expected)
{
    for (size_t piece = 0; piece <= len + 1; piece++) {
        ag_buf_t seen = { 0 };
        s_feed_all (bytes, len, max, piece, &seen);
        assert_string_equal (ag_buf_cstr (&seen), expected);
        ag_buf_free (&seen);
    }
}

#define CHECK(bytes, max, expected) s_check (bytes, sizeof (bytes) - 1, max, expected)

static void test_lines_end_at_line_feed_only (void **state)
{
    (void) state;
    CHECK ("a\nbc\n", 99, "[a][bc]");
    CHECK ("a\rb\x0b\x0c\xe2\x80\xa8" "c\n", 99, "[a\rb\x0b\x0c\xe2\x80\xa8" "c]");
    CHECK ("\n\n", 99, "[][]");
    CHECK ("", 99, "");
}

static void test_one_carriage_return_belongs_to_the_line_end (void **state)
{
    (void) state;
    CHECK ("a\r\nb\r\r\n\r\n", 99, "[a][b\r][]");
}

static void test_an_unterminated_rest_is_a_line (void **state)
{
    (void) state;
    CHECK ("a\nb", 99, "[a][b~");
    CHECK ("b\r", 99, "[b~");
}

static void test_a_line_above_the_limit_is_skipped_to_its_end (void **state)
{
    (void) state;
    CHECK ("abcd\nabcde\nx\n", 4, "[abcd]<5>[x]");
    CHECK ("ok\n0123456789", 4, "[ok]<10>");
    CHECK ("0123\n", 0, "<4>");
}

static void test_nul_bytes_are_bytes (void **state)
{
    (void) state;
    ag_line_t *line = ag_line_new (99);
    ag_line_item_t item;
    ag_line_feed (line, "a\0b\n", 4);
    assert_true (ag_line_next (line, &item));
    assert_int_equal (item.text.len, 3);
    assert_memory_equal (item.text.ptr, "a\0b", 3);
    assert_false (ag_line_next (line, &item));
    ag_line_destroy (&line);
}

static void test_a_giant_leaves_no_memory_behind (void **state)
{
    (void) state;
    enum { GIANT = 8 * 1024 * 1024 };
    char *giant = malloc (GIANT);
    memset (giant, 'x', GIANT);
    ag_line_t *line = ag_line_new (GIANT);
    ag_line_item_t item;
    ag_line_feed (line, giant, GIANT);
    assert_false (ag_line_next (line, &item));
    assert_true (ag_line_memory (line) >= GIANT);
    ag_line_feed (line, "\nafter\n", 7);
    assert_true (ag_line_next (line, &item));
    assert_int_equal (item.text.len, GIANT);
    assert_true (ag_line_next (line, &item));
    assert_int_equal (item.text.len, 5);
    assert_false (ag_line_next (line, &item));
    assert_true (ag_line_memory (line) < 1024 * 1024);
    ag_line_destroy (&line);
    free (giant);
}

/*  Random lines, some too long, in random pieces: the same as all at once. */
static void test_any_cut_gives_the_same_lines (void **state)
{
    (void) state;
    unsigned seed = (unsigned) time (NULL);
    print_message ("seed %u\n", seed);
    srand (seed);
    for (int round = 0; round < 300; round++) {
        char bytes[200];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = "abc\r\n"[rand () % 5];
        ag_buf_t whole = { 0 }, cut = { 0 };
        size_t max = (size_t) (rand () % 12);
        s_feed_all (bytes, sizeof bytes, max, sizeof bytes, &whole);
        s_feed_all (bytes, sizeof bytes, max, 0, &cut);
        assert_string_equal (ag_buf_cstr (&whole), ag_buf_cstr (&cut));
        ag_buf_free (&whole);
        ag_buf_free (&cut);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_lines_end_at_line_feed_only),
        cmocka_unit_test (test_one_carriage_return_belongs_to_the_line_end),
        cmocka_unit_test (test_an_unterminated_rest_is_a_line),
        cmocka_unit_test (test_a_line_above_the_limit_is_skipped_to_its_end),
        cmocka_unit_test (test_nul_bytes_are_bytes),
        cmocka_unit_test (test_a_giant_leaves_no_memory_behind),
        cmocka_unit_test (test_any_cut_gives_the_same_lines),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
