/*  test_agent_parser.c - lines that are no records, detection, hostile input, any cut

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "agent_probe.h"

#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}\n"

static void test_noise_around_records (void **state)
{
    (void) state;
    ag_probe_expect ("flat", "[12:00] [INFO] " TEXT ("a"), "text: a\n");
    ag_probe_expect ("flat", "\033[2J\033]0;title\007" TEXT ("a"), "text: a\n");
    ag_probe_expect ("flat", "\xef\xbb\xbf" TEXT ("a"), "text: a\n");
    ag_probe_expect ("flat", "  \t" TEXT ("a") "\n  \n\r\n" TEXT ("b"), "text: a\ntext: b\n");
    ag_probe_expect (
        "flat", "{\"type\":\"text\",\"text\":\"a\"}{\"type\":\"text\",\"text\":\"b\"} \n", "text: a\ntext: b\n");
    ag_probe_expect (
        "flat", "{\"type\":\"text\",\"text\":\"a\"}log line\n" TEXT ("b"), "text: a\nraw: log line\ntext: b\n");
    ag_probe_expect ("flat", TEXT ("a") "{\"type\":\"text\",\"text\":\"no line end\"}", "text: a\ntext: no line end\n");
}

static void test_plain_text_is_raw_output (void **state)
{
    (void) state;
    ag_probe_expect ("claude", "Reading prompt ...\n[1,2]\n\"x\"\n{ not json\n{\n",
        "raw: Reading prompt ...\nraw: [1,2]\nraw: \"x\"\nraw: { not json\nraw: {\n");
    ag_probe_expect ("claude", "payload: {\"a\":1}\n", "raw: payload: {\"a\":1}\n");
    ag_probe_expect ("claude", "sent {\"type\":\"text\",\"text\":\"x\"} to it\n",
        "raw: sent {\"type\":\"text\",\"text\":\"x\"} to it\n");
    ag_probe_expect ("text", TEXT ("a") "\n  b\r\n", "raw: {\"type\":\"text\",\"text\":\"a\"}\nraw: \nraw:   b\n");
}

static void test_a_burst_of_malformed_lines_is_reported_once (void **state)
{
    (void) state;
    ag_probe_expect ("flat", "{\"a\":\n{\"b\":x}\n{\"c\"\n" TEXT ("a") "{\"d\n",
        "warning parser/MALFORMED_LINE: 3 lines from line 1 on are not valid JSON: it ends too early\n"
        "text: a\nwarning parser/MALFORMED_LINE: line 5 is not valid JSON: it ends too early\n");
}

/*  Followed by silence, it is reported at its deadline. */
static void test_a_burst_does_not_wait_for_ever (void **state)
{
    (void) state;
    ag_probe_t probe = { 0 };
    ag_parser_options_t options = { .format = "claude" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    ag_parser_feed (parser, "{\"a\"\n", 5, 1000);
    assert_int_equal (probe.drafts, 0);
    assert_int_equal (ag_parser_deadline_us (parser), 1001000);
    ag_parser_tick (parser, 1000999);
    assert_int_equal (probe.drafts, 0);
    ag_parser_tick (parser, 1001000);
    assert_int_equal (probe.drafts, 1);
    assert_int_equal (ag_parser_deadline_us (parser), INT64_MAX);
    ag_parser_destroy (&parser);
    ag_parser_destroy (&parser);
    ag_buf_free (&probe.seen);
}

/*  Two writers on one pipe: the halves are lost, nothing is invented from the
    whole objects inside the tail, and the next line is read. */
static void test_a_json_line_cut_by_a_log_line (void **state)
{
    (void) state;
    ag_probe_expect ("claude",
        "{\"type\":\"user\",\"message\":{\"conWARN disk is full\ntent\":[{\"type\":\"text\",\"text\":\"prompt\"}]},\"uuid\":\"x\"}\n" TEXT (
            "next"),
        "warning parser/MALFORMED_LINE: 2 lines from line 1 on are not valid JSON: it ends too early\ntext: next\n");
}

static void test_a_line_above_the_limit (void **state)
{
    (void) state;
    ag_probe_t probe = { 0 };
    ag_parser_options_t options = { .format = "flat", .max_line_bytes = 40 };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    static const char text[] = TEXT ("this is more than forty bytes of text") TEXT ("ok");
    ag_parser_feed (parser, text, sizeof text - 1, 0);
    assert_string_equal (ag_buf_cstr (&probe.seen),
        "warning parser/LINE_TOO_LONG: line 1 was skipped: its 62 bytes are more than the limit of 40\ntext: ok\n");
    ag_parser_destroy (&parser);
    ag_buf_free (&probe.seen);
}

static void test_odd_bytes_in_strings (void **state)
{
    (void) state;
    static const char line[] =
        "{\"type\":\"text\",\"text\":\"a\0b\x01\xff\xe2\x82|\\ud83d|\xe2\x80\xa8\\u0000\"}\n" TEXT ("next");
    char *seen = ag_probe_parse ("flat", line, sizeof line - 1, 7, NULL);
    free (seen);                /* it holds NUL: compare what is before and after */
    ag_probe_t probe = { 0 };
    ag_parser_options_t options = { .format = "flat" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    ag_parser_feed (parser, line, sizeof line - 1, 0);
    static const char expected[] = "text: a\0b\x01\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd|\xe2\x80\xa8\0\ntext: next\n";
    assert_int_equal (probe.seen.len, sizeof expected - 1);
    assert_memory_equal (probe.seen.data, expected, sizeof expected - 1);
    ag_parser_destroy (&parser);
    ag_buf_free (&probe.seen);
}

static void test_of_duplicate_keys_the_last_wins (void **state)
{
    (void) state;
    ag_probe_expect ("flat", "{\"type\":\"error\",\"text\":\"a\",\"type\":\"text\",\"text\":\"b\"}\n", "text: b\n");
}

static void test_numbers_beyond_all_bounds (void **state)
{
    (void) state;
    ag_probe_expect ("flat",
        "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"x\",\"input\":{\"a\":1e999,\"b\":-1e999,\"c\":1000000000000000000000000000000,\"d\":[NaN],\"e\":18446744073709551615}}\n"
        "{\"type\":\"usage\",\"input_tokens\":1e999,\"output_tokens\":99999999999999999999,\"cost_usd\":1e999}\n"
        "{\"type\":\"usage\",\"input_tokens\":3.0,\"output_tokens\":-5}\n",
        "call t Other/x {\"a\":\"1e999\",\"b\":\"-1e999\",\"c\":1e+30,\"d\":[\"NaN\"],\"e\":18446744073709551615}\n"
        "usage 0/9223372036854775807 cache -1/-1 $-1 turns -1\n"
        "usage 3/9223372036854775807 cache -1/-1 $-1 turns -1\n"
        "fail t 0ms 0:  ! the agent ended before this call did\n");
}

/* ---------------------------------------------------------------------- */
/*  Detection */

static void s_expect_agent (const char *input, const char *agent)
{
    ag_parser_summary_t summary;
    free (ag_probe_parse ("auto", input, strlen (input), 5, &summary));
    if (agent)
        assert_string_equal (summary.agent, agent);
    else
        assert_null (summary.agent);
}

static void test_the_first_lines_decide (void **state)
{
    (void) state;
    s_expect_agent ("noise\n{\"type\":\"system\",\"subtype\":\"hook_started\",\"session_id\":\"s\"}\n", "claude");
    s_expect_agent ("{\"type\":\"assistant\",\"message\":{\"type\":\"text\",\"text\":\"x\"}}\n", "claude");
    s_expect_agent ("{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"T-1\",\"tools\":[]}\n", "amp");
    s_expect_agent ("{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\",\"permissionMode\":\"default\"}\n", "cursor");
    s_expect_agent ("{\"type\":\"system\",\"subtype\":\"init\",\"tools\":[],\"permissionMode\":\"default\"}\n", "claude");
    s_expect_agent ("{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n", "codex");
    s_expect_agent ("{\"type\":\"error\",\"message\":\"x\"}\n{\"type\":\"turn.started\"}\n", "codex");
    s_expect_agent ("{\"type\":\"init\",\"timestamp\":\"2026\",\"session_id\":\"s\",\"model\":\"m\"}\n", "gemini");
    s_expect_agent ("{\"type\":\"step_start\",\"timestamp\":1,\"sessionID\":\"s\",\"part\":{}}\n", "opencode");
    s_expect_agent ("{\"type\":\"tool_use\",\"timestamp\":1,\"sessionID\":\"s\",\"part\":{}}\n", "opencode");
    s_expect_agent (TEXT ("x"), "flat");
    s_expect_agent (TEXT ("x") "{\"type\":\"system\",\"subtype\":\"init\"}\n", "claude");
    s_expect_agent ("just words\n", "text");
    s_expect_agent ("{\"type\":\"nobody knows\"}\n", NULL);
    s_expect_agent ("", NULL);
}

static void test_text_of_twenty_lines_gives_way_to_records (void **state)
{
    (void) state;
    ag_buf_t input = { 0 };
    for (int i = 0; i < 30; i++)
        ag_buf_append_cstr (&input, "banner\n");
    s_expect_agent (ag_buf_cstr (&input), "text");
    ag_buf_append_cstr (&input, "{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n");
    s_expect_agent (ag_buf_cstr (&input), "codex");
    ag_buf_free (&input);
}

/*  A text agent may print JSON: it is shown, not counted as an unknown record. */
static void test_json_of_a_text_agent_is_text (void **state)
{
    (void) state;
    ag_probe_expect ("auto", "{`answer`:42}\n{`type`:`nobody knows`}\n",
        "raw: {`answer`:42}\nwarning parser/UNKNOWN_RECORDS: records of unknown types were left out: 1; the agent's format is "
        "not one that is known\n");
    ag_buf_t input = { 0 }, expected = { 0 };
    ag_buf_append_cstr (&input, "\n");
    for (int i = 0; i < 20; i++) {
        ag_buf_append_cstr (&input, i == 7 ? "  words\n\n" : "  words\n");
        ag_buf_append_cstr (&expected, i == 7 ? "raw:   words\nraw: \n" : "raw:   words\n");
    }
    ag_buf_append_cstr (&input, "{`answer`:42}\n{`type`:`x`} and more\n{`a`: [\n  {`b`: 1}\n]}\n");
    ag_buf_append_cstr (
        &expected, "raw: {`answer`:42}\nraw: {`type`:`x`} and more\nraw: {`a`: [\nraw:   {`b`: 1}\nraw: ]}\n");
    ag_probe_expect ("auto", ag_buf_cstr (&input), ag_buf_cstr (&expected));
    ag_buf_free (&input);
    ag_buf_free (&expected);
}

static void test_an_unknown_format_is_refused (void **state)
{
    (void) state;
    ag_parser_options_t options = { .format = "cobol" };
    assert_null (ag_parser_new (&options, ag_probe_take, NULL));
}

static void test_unknown_records_are_counted_by_name (void **state)
{
    (void) state;
    static const char input[] =
        "{\"type\":\"system\",\"subtype\":\"init\"}\n{\"type\":\"new_thing\"}\n{\"type\":\"system\",\"subtype\":\"newer\"}\n"
        "{\"type\":\"new_thing\",\"x\":1}\n{\"x\":1}\n";
    ag_probe_t probe = { 0 };
    ag_parser_summary_t summary;
    ag_parser_options_t options = { .format = "auto" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    ag_parser_feed (parser, input, sizeof input - 1, 0);
    ag_parser_summary (parser, &summary);
    assert_int_equal (summary.ignored_records, 4);
    assert_int_equal (summary.ignored_names, 3);
    assert_string_equal (summary.ignored[0].name, "new_thing");
    assert_int_equal (summary.ignored[0].count, 2);
    assert_string_equal (summary.ignored[1].name, "system/newer");
    assert_string_equal (summary.ignored[2].name, "(no type)");
    assert_int_equal (summary.lines, 5);
    assert_int_equal (probe.drafts, 0);
    ag_parser_end (parser, 0);                  /* said once, at the end */
    assert_string_equal (
        ag_buf_cstr (&probe.seen), "warning parser/UNKNOWN_RECORDS: records of unknown types were left out: 4\n");
    ag_buf_free (&probe.seen);
    ag_parser_destroy (&parser);
}

/* ---------------------------------------------------------------------- */
/*  Bounds */

static char *s_parse_buf (const char *format, ag_buf_t *input)
{
    char *seen = ag_probe_parse (format, input->data, input->len, 65536, NULL);
    ag_buf_free (input);
    return seen;
}

static void s_repeat (ag_buf_t *out, const char *text, size_t times)
{
    while (times--)
        ag_buf_append_cstr (out, text);
}

static void test_long_text_is_split_not_cut (void **state)
{
    (void) state;
    ag_probe_t probe = { 0 };
    ag_buf_t input = { 0 };
    ag_buf_append_cstr (&input, "{\"type\":\"text\",\"text\":\"");
    s_repeat (&input, "word \xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x89 ", 20000);
    ag_buf_append_cstr (&input, "\"}\n");
    ag_parser_options_t options = { .format = "flat" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    ag_parser_feed (parser, input.data, input.len, 0);
    assert_int_equal (probe.drafts, 5);         /* 300,000 bytes */
    assert_true (probe.largest < 64 * 1024 + 500);
    const char *at = ag_buf_cstr (&probe.seen);
    size_t total = 0;
    for (size_t i = 0; i < 5; i++) {            /* the pieces together are the whole */
        assert_memory_equal (at, "text text-1: ", 13);
        const char *end = strchr (at, '\n');
        total += (size_t) (end - at) - 13;
        at = end + 1;
    }
    assert_int_equal (total, 20000 * 15);
    ag_parser_destroy (&parser);
    ag_buf_free (&input);
    ag_buf_free (&probe.seen);
}

static void test_previews_are_cut_at_characters (void **state)
{
    (void) state;
    ag_buf_t input = { 0 }, expected = { 0 };
    ag_buf_append_cstr (&input, "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"");
    s_repeat (&input, "\xf0\x9f\x8e\x89", 700);
    ag_buf_append_cstr (&input, "\"}\n");
    ag_buf_append_cstr (&expected, "ok t 0ms 700: ");
    s_repeat (&expected, "\xf0\x9f\x8e\x89", 500);
    ag_buf_append_cstr (&expected, "\n");
    char *seen = s_parse_buf ("flat", &input);
    assert_string_equal (seen, ag_buf_cstr (&expected));
    free (seen);
    ag_buf_free (&expected);
}

static ag_draft_t *s_last;

static void s_keep_last (void *context, ag_draft_t **draft_p)
{
    (void) context;
    ag_draft_destroy (&s_last);
    s_last = *draft_p;
    *draft_p = NULL;
}

static ag_draft_t *s_parse_one (const char *line, size_t max_content)
{
    ag_parser_options_t options = { .format = "flat", .max_content_bytes = max_content };
    ag_parser_t *parser = ag_parser_new (&options, s_keep_last, NULL);
    ag_parser_feed (parser, line, strlen (line), 0);
    ag_parser_destroy (&parser);
    return s_last;
}

static void test_content_is_kept_up_to_its_limit (void **state)
{
    (void) state;
    static const char line[] = "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"abc\xc3\xa4\xc3\xa4\"}\n";
    const ag_draft_t *draft = s_parse_one (line, 6);
    assert_int_equal (ag_draft_string (draft, AG_F_CONTENT).len, 5);    /* not in the middle of a character */
    assert_true (ag_draft_boolean (draft, AG_F_CONTENT_TRUNCATED, false));
    assert_int_equal (ag_draft_integer (draft, AG_F_CONTENT_LENGTH, 0), 5);
    draft = s_parse_one (line, 7);
    assert_int_equal (ag_draft_string (draft, AG_F_CONTENT).len, 7);
    assert_false (ag_draft_has (draft, AG_F_CONTENT_TRUNCATED));
    draft = s_parse_one (line, 0);
    assert_false (ag_draft_has (draft, AG_F_CONTENT));
    assert_int_equal (ag_draft_string (draft, AG_F_CONTENT_PREVIEW).len, 7);
    ag_draft_destroy (&s_last);
}

/*  Strings, depth and number of members of an input: each event stays an event. */
static void test_inputs_stay_within_bounds (void **state)
{
    (void) state;
    static const struct { const char *before, *one, *after; size_t times; } cases[] = {
        { "{\"a\":\"", "xy\xe2\x82\xac", "\"}", 100000 },
        { "{\"a\":[", "\"0123456789\",", "1]}", 200000 },
        { "{\"a\":", "{\"b\":[", "1", 200 },
        { "{", "\"k\":{\"z\":\"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\"},", "\"l\":1}", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ag_probe_t probe = { 0 };
        ag_buf_t line = { 0 };
        ag_buf_append_cstr (&line, "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"x\",\"input\":");
        ag_buf_append_cstr (&line, cases[i].before);
        s_repeat (&line, cases[i].one, cases[i].times);
        ag_buf_append_cstr (&line, cases[i].after);
        s_repeat (&line, "]}", cases[i].times == 200 ? 200 : 0);
        ag_buf_append_cstr (&line, cases[i].times == 200 ? "}" : "");
        ag_buf_append_cstr (&line, "}\n" TEXT ("next"));
        ag_parser_options_t options = { .format = "flat" };
        ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
        ag_parser_feed (parser, line.data, line.len, 0);
        assert_int_equal (probe.drafts, 2);
        assert_true (probe.largest < 700 * 1024);
        assert_memory_equal (probe.seen.data, "call t", 6);
        assert_true ((i < 2) == (memmem (probe.seen.data, probe.seen.len, " truncated\n", 11) != NULL));
        ag_parser_destroy (&parser);
        ag_buf_free (&line);
        ag_buf_free (&probe.seen);
    }
}

/*  Many open calls: the oldest is closed, none is forgotten silently. */
static void test_open_calls_are_bounded (void **state)
{
    (void) state;
    ag_probe_t probe = { 0 };
    ag_parser_options_t options = { .format = "flat" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    for (int i = 0; i < 5000; i++) {
        char line[80];
        int len = snprintf (line, sizeof line, "{\"type\":\"tool_use\",\"id\":\"t%d\",\"name\":\"x\"}\n", i);
        ag_parser_feed (parser, line, (size_t) len, 0);
    }
    ag_parser_end (parser, 0);
    assert_int_equal (probe.drafts, 10000);
    ag_parser_destroy (&parser);
    ag_buf_free (&probe.seen);
}

/* ---------------------------------------------------------------------- */
/*  Hostile lines: no crash, bounded memory, the next line is read */

static void s_expect_next (ag_buf_t *line)
{
    ag_buf_append_cstr (line, "\n" TEXT ("next"));
    char *seen = s_parse_buf ("auto", line);
    assert_non_null (strstr (seen, "text: next\n"));
    free (seen);
}

static void test_depth_of_100000 (void **state)
{
    (void) state;
    static const char *const nests[] = { "[", "{\"a\":", "{\"a\":[" };
    for (size_t i = 0; i < 3; i++) {
        ag_buf_t line = { 0 };
        ag_buf_append_cstr (&line, "{\"type\":\"text\",\"text\":");
        s_repeat (&line, nests[i], 100000);
        s_expect_next (&line);
    }
}

static void test_a_million_keys (void **state)
{
    (void) state;
    ag_buf_t line = { 0 };
    ag_buf_append_cstr (&line, "{\"type\":\"text\"");
    for (int i = 0; i < 1000000; i++)
        ag_buf_printf (&line, ",\"k%d\":%d", i, i);
    ag_buf_append_cstr (&line, "}");
    s_expect_next (&line);
}

static void test_lines_that_grow_in_memory (void **state)
{
    (void) state;
    static const char *const items[] = { "[],", "{},", "0,", "\"\",", "1.5,", "[[]]," };
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        ag_buf_t line = { 0 };
        ag_buf_append_cstr (&line, "{\"type\":\"x\",\"a\":[");
        s_repeat (&line, items[i], 8 * 1024 * 1024 / strlen (items[i]));
        ag_buf_append_cstr (&line, "0]}");
        s_expect_next (&line);
    }
}

static void test_a_string_of_31_mib (void **state)
{
    (void) state;
    ag_probe_t probe = { 0 };
    ag_buf_t line = { 0 };
    enum { SIZE = 31 * 1024 * 1024 };
    ag_buf_append_cstr (&line, "{\"type\":\"text\",\"text\":\"");
    memset (ag_buf_reserve (&line, SIZE), 'x', SIZE);
    line.len += SIZE;
    ag_buf_append_cstr (&line, "\"}\n");
    ag_parser_options_t options = { .format = "flat" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    for (size_t at = 0; at < line.len; at += 65536) {
        ag_parser_feed (parser, line.data + at, line.len - at < 65536 ? line.len - at : 65536, 0);
        if (at + 65536 < line.len)
            assert_int_equal (probe.drafts, 0);
    }
    assert_int_equal (probe.drafts, SIZE / 65536);
    ag_parser_destroy (&parser);
    ag_buf_free (&line);
    ag_buf_free (&probe.seen);
}

/* ---------------------------------------------------------------------- */
/*  Recordings */

static void s_check_splits (const char *path)
{
    size_t len;
    char *bytes = ag_probe_read (path, &len);
    char *whole = ag_probe_parse ("auto", bytes, len, len + 1, NULL);
    static const size_t pieces[] = { 1, 7, 4096, 0, 0 };
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        char *cut = ag_probe_parse ("auto", bytes, len, pieces[i], NULL);
        if (strcmp (cut, whole))
            fail_msg ("%s: pieces of %zu bytes give other drafts", path, pieces[i]);
        free (cut);
    }
    free (whole);
    free (bytes);
}

static void test_any_cut_of_any_recording_gives_the_same (void **state)
{
    (void) state;
    static const char *const folders[] = { "claude", "claude-1.0", "codex", "gemini", "opencode" };
    unsigned seed = (unsigned) time (NULL);
    int checked = 0;
    print_message ("seed %u\n", seed);
    srand (seed);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[1024];
        snprintf (path, sizeof path, SRCDIR "/tests/recordings/%s", folders[i]);
        DIR *folder = opendir (path);
        assert_non_null (folder);
        for (struct dirent *entry; (entry = readdir (folder));)
            if (strstr (entry->d_name, ".jsonl")) {
                snprintf (path, sizeof path, SRCDIR "/tests/recordings/%s/%s", folders[i], entry->d_name);
                s_check_splits (path);
                checked++;
            }
        closedir (folder);
    }
    assert_true (checked > 40);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_noise_around_records),
        cmocka_unit_test (test_plain_text_is_raw_output),
        cmocka_unit_test (test_a_burst_of_malformed_lines_is_reported_once),
        cmocka_unit_test (test_a_burst_does_not_wait_for_ever),
        cmocka_unit_test (test_a_json_line_cut_by_a_log_line),
        cmocka_unit_test (test_a_line_above_the_limit),
        cmocka_unit_test (test_odd_bytes_in_strings),
        cmocka_unit_test (test_of_duplicate_keys_the_last_wins),
        cmocka_unit_test (test_numbers_beyond_all_bounds),
        cmocka_unit_test (test_the_first_lines_decide),
        cmocka_unit_test (test_text_of_twenty_lines_gives_way_to_records),
        cmocka_unit_test (test_json_of_a_text_agent_is_text),
        cmocka_unit_test (test_an_unknown_format_is_refused),
        cmocka_unit_test (test_unknown_records_are_counted_by_name),
        cmocka_unit_test (test_long_text_is_split_not_cut),
        cmocka_unit_test (test_previews_are_cut_at_characters),
        cmocka_unit_test (test_content_is_kept_up_to_its_limit),
        cmocka_unit_test (test_inputs_stay_within_bounds),
        cmocka_unit_test (test_open_calls_are_bounded),
        cmocka_unit_test (test_depth_of_100000),
        cmocka_unit_test (test_a_million_keys),
        cmocka_unit_test (test_lines_that_grow_in_memory),
        cmocka_unit_test (test_a_string_of_31_mib),
        cmocka_unit_test (test_any_cut_of_any_recording_gives_the_same),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
