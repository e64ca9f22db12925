/*  tests/test_core.c - UTF-8, buffers, clocks, msgpack reading, the wire

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/clock.h"
#include "core/mem.h"
#include "core/mpread.h"
#include "core/utf8.h"
#include "core/wire.h"

static void s_assert_repaired (const char *text, size_t len, const char *wanted)
{
    ag_buf_t out = { 0 };
    ag_utf8_append_repaired (&out, text, len);
    assert_string_equal (ag_buf_cstr (&out), wanted);
    ag_buf_free (&out);
}

/*  The examples of Unicode 15, table 3-8 and 3-11. */
static void test_utf8_repair_replaces_maximal_subparts (void **state)
{
    (void) state;
#define R "\xef\xbf\xbd"
    s_assert_repaired ("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", 9, R R R R R R R R "A");
    s_assert_repaired ("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", 9, R R R R "A");
    s_assert_repaired ("\xED\xA0\x80", 3, R R R);
    s_assert_repaired ("12345678\xF4\x90", 10, "12345678" R R);
    s_assert_repaired ("gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\x80", 11, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\x80");
#undef R
}

static void test_utf8_cuts_between_characters (void **state)
{
    (void) state;
    const char *text = "a\xc3\xbc\xf0\x9f\x9a\x80z";
    assert_int_equal (ag_utf8_count (text, 8), 4);
    assert_int_equal (ag_utf8_prefix_chars (text, 8, 2), 3);
    assert_int_equal (ag_utf8_prefix_chars (text, 8, 9), 8);
    assert_int_equal (ag_utf8_prefix_bytes (text, 8, 2), 1);
    assert_int_equal (ag_utf8_prefix_bytes (text, 8, 6), 3);
    assert_int_equal (ag_utf8_prefix_bytes (text, 8, 7), 7);
    for (size_t max = 4; max < 9; max++)        /* nothing but the rest of characters */
        assert_int_equal (ag_utf8_prefix_bytes ("\x80\x80\x80\x80\x80\x80\x80\x80\x80", 9, max), max);
}

static void test_json_numbers_read_back (void **state)
{
    (void) state;
    const double numbers[] = { 0, -0.5, 0.1, 0.10160000000000002, 1e300, 5e-324, 123456789012345678.0, 1.0 / 3 };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ag_buf_t out = { 0 };
        ag_buf_append_json_number (&out, numbers[i]);
        assert_true (strtod (ag_buf_cstr (&out), NULL) == numbers[i]);
        ag_buf_free (&out);
    }
}

static void test_buffer_consumes_prints_and_shrinks (void **state)
{
    (void) state;
    ag_buf_t buf = { 0 };
    ag_buf_printf (&buf, "%0200d", 7);
    assert_int_equal (buf.len, 200);
    ag_buf_consume (&buf, 199);
    ag_buf_append_int (&buf, INT64_MIN);
    assert_string_equal (ag_buf_cstr (&buf), "7-9223372036854775808");
    ag_buf_shrink (&buf, 32);
    assert_int_equal (buf.cap, 32);
    ag_buf_free (&buf);
    assert_null (buf.data);
}

static void test_timestamps_at_the_edges (void **state)
{
    (void) state;
    const struct { int64_t ts_us; const char *text; } rows[] = {
        { 0, "1970-01-01T00:00:00.000Z" }, { -1, "1969-12-31T23:59:59.999Z" },
        { 951782400000000, "2000-02-29T00:00:00.000Z" }, { 4107542399999999, "2100-02-28T23:59:59.999Z" },
        { 4107542400000000, "2100-03-01T00:00:00.000Z" }, { INT64_MAX, "9999-12-31T23:59:59.999Z" },
        { INT64_MIN, "0000-01-01T00:00:00.000Z" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[AG_TIMESTAMP_SIZE];
        ag_clock_format (rows[i].ts_us, text);
        assert_string_equal (text, rows[i].text);
    }
}

static void test_epochs_grow_and_read_back (void **state)
{
    (void) state;
    uint64_t epoch = ag_epoch_new (), back = 0;
    char text[17];
    ag_epoch_format (epoch, text);
    assert_int_equal (ag_epoch_parse (text, 16, &back), 0);
    assert_true (back == epoch);
    assert_int_equal (ag_epoch_parse ("019a3c5f7e21b00", 15, &back), -1);
    assert_int_equal (ag_epoch_parse ("019a3c5f7e21b00g", 16, &back), -1);
    assert_true ((int64_t) (epoch >> 16) <= ag_clock_wall_us () / 1000);
}

static void test_msgpack_scalars (void **state)
{
    (void) state;
    const unsigned char bytes[] = { 0x7f, 0xff, 0xcc, 0xff, 0xd0, 0x80, 0xd1, 0x80, 0x00, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xc3, 0xc0, 0xca, 0x3f, 0x00, 0x00, 0x00, 0xa1, 'x', 0xc4, 0x01, 0x00, 0xd4, 0x05, 0x00 };
    ag_mp_t at = ag_mp (bytes, sizeof bytes);
    ag_mp_value_t value;
    const int64_t integers[] = { 127, -1, 255, -128, -32768 };
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal (ag_mp_next (&at, &value), 0);
        assert_int_equal (value.type, AG_MP_INTEGER);
        assert_true (value.u.integer == integers[i]);
    }
    const ag_mp_type_t types[] = { AG_MP_UNSIGNED, AG_MP_BOOLEAN, AG_MP_NIL, AG_MP_FLOAT, AG_MP_STRING, AG_MP_BINARY, AG_MP_EXT };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        assert_int_equal (ag_mp_next (&at, &value), 0);
        assert_int_equal (value.type, types[i]);
    }
    assert_true (ag_mp_at_end (&at));
    assert_int_equal (ag_mp_next (&at, &value), -1);
}

static void test_msgpack_to_json_says_what_json_can (void **state)
{
    (void) state;
    /*  {1: bin "ab", nil: ext, "f": inf, "": [uint64 max]} */
    const unsigned char bytes[] = { 0x84, 0x01, 0xc4, 0x02, 'a', 'b', 0xc0, 0xd4, 0x01, 0x02, 0xa1, 'f', 0xca, 0x7f, 0x80, 0, 0,
        0xa0, 0x91, 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    ag_mp_t at = ag_mp (bytes, sizeof bytes);
    ag_buf_t out = { 0 };
    assert_int_equal (ag_mp_to_json (&at, 4, &out), 0);
    assert_string_equal (ag_buf_cstr (&out), "{\"1\":\"YWI=\",\"null\":null,\"f\":null,\"\":[18446744073709551615]}");
    at = ag_mp (bytes, sizeof bytes);
    assert_int_equal (ag_mp_to_json (&at, 1, &out), -1);
    ag_buf_free (&out);
}

static void test_header_reads_back_and_refuses (void **state)
{
    (void) state;
    unsigned char header[AG_HEADER_SIZE];
    uint64_t epoch, seq;
    ag_header_pack (header, UINT64_C (0x0102030405060708), 9);
    assert_memory_equal (header, "AGE1\0\0\0\0\1\2\3\4\5\6\7\x08\0\0\0\0\0\0\0\x09", AG_HEADER_SIZE);
    assert_int_equal (ag_header_unpack (header, sizeof header, &epoch, &seq), 0);
    assert_true (epoch == UINT64_C (0x0102030405060708) && seq == 9);
    assert_int_equal (ag_header_unpack (header, sizeof header - 1, &epoch, &seq), -1);
    header[3] = '2';
    assert_int_equal (ag_header_unpack (header, sizeof header, &epoch, &seq), -1);
    ag_header_pack (header, 1, 0);
    assert_int_equal (ag_header_unpack (header, sizeof header, &epoch, &seq), -1);
}

static void test_topics_escape_what_would_split_them (void **state)
{
    (void) state;
    ag_buf_t out = { 0 };
    ag_topic_append_prefix (&out, AG_STR ("a/b%@\n"), AG_STR ("r"));
    assert_string_equal (ag_buf_cstr (&out), "agentgate/1/a%2Fb%25%40%0A/r/");
    ag_buf_clear (&out);
    ag_topic_append_prefix (&out, AG_STR ("w"), AG_STR ("@"));
    assert_string_equal (ag_buf_cstr (&out), "agentgate/1/w/@/");
    ag_buf_free (&out);
}

static void test_control_messages_read_back (void **state)
{
    (void) state;
    ag_control_t hello = { .kind = AG_CONTROL_HELLO, .version = 1, .stream = AG_STR ("run"), .work_order = AG_STR ("wo"),
        .run = AG_STR ("run"), .epoch = UINT64_MAX, .first = 1, .last = 42, .ended = true };
    ag_buf_t out = { 0 };
    ag_control_pack (&hello, &out);
    ag_control_t back;
    assert_int_equal (ag_control_unpack (AG_CONTROL_HELLO, out.data, out.len, &back), 0);
    assert_true (ag_str_is (back.stream, "run") && ag_str_is (back.work_order, "wo") && back.ended && !back.conflict);
    assert_true (back.epoch == UINT64_MAX && back.first == 1 && back.last == 42 && back.version == 1);
    for (size_t cut = 0; cut < out.len; cut++)
        assert_int_equal (ag_control_unpack (AG_CONTROL_HELLO, out.data, cut, &back), -1);
    ag_buf_free (&out);
    assert_int_equal (ag_control_unpack (AG_CONTROL_ACK, "\x81\xa5" "epoch\xa1x", 9, &back), -1);
    assert_int_equal (ag_control_unpack (AG_CONTROL_ACK, "\x81\xa5" "epoch\xff", 8, &back), -1);
    assert_int_equal (ag_control_unpack (AG_CONTROL_ACK, "\x81\xa4" "newt\xa1x", 8, &back), 0);
    for (int kind = 1; kind < AG_CONTROL_COUNT; kind++) {
        const char *name = ag_control_name ((ag_control_kind_t) kind);
        assert_int_equal (ag_control_kind (name, strlen (name)), kind);
    }
    assert_int_equal (ag_control_kind ("HELL", 4), AG_CONTROL_UNKNOWN);
}

static void test_names_of_kinds_and_fields_read_back (void **state)
{
    (void) state;
    for (int kind = 1; kind < AG_KIND_COUNT; kind++)
        assert_int_equal (ag_kind_by_name (ag_kind_name ((ag_kind_t) kind), strlen (ag_kind_name ((ag_kind_t) kind))), kind);
    for (int field = 1; field < AG_F_COUNT; field++) {
        const char *name = ag_field_name ((ag_field_t) field);
        assert_int_equal (ag_field_by_name (name, strlen (name)), field);
        assert_int_equal (ag_field_by_name (name, strlen (name) - 1) == (ag_field_t) field, 0);
    }
    assert_int_equal (ag_field_by_name ("path\0x", 6), AG_F_NONE);
    assert_int_equal (ag_kind_by_name ("", 0), AG_KIND_UNKNOWN);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_utf8_repair_replaces_maximal_subparts),
        cmocka_unit_test (test_utf8_cuts_between_characters),
        cmocka_unit_test (test_json_numbers_read_back),
        cmocka_unit_test (test_buffer_consumes_prints_and_shrinks),
        cmocka_unit_test (test_timestamps_at_the_edges),
        cmocka_unit_test (test_epochs_grow_and_read_back),
        cmocka_unit_test (test_msgpack_scalars),
        cmocka_unit_test (test_msgpack_to_json_says_what_json_can),
        cmocka_unit_test (test_header_reads_back_and_refuses),
        cmocka_unit_test (test_topics_escape_what_would_split_them),
        cmocka_unit_test (test_control_messages_read_back),
        cmocka_unit_test (test_names_of_kinds_and_fields_read_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
