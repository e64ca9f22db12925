/*  tests/test_net_command.c - what a WebSocket client may say, and what it is told

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "core/mem.h"
#include "net/command.h"

static ag_command_t s_parse (const char *text)
{
    ag_command_t command;
    const char *code = NULL;
    char *message = NULL;
    if (ag_command_parse ((ag_str_t) { text, strlen (text) }, &command, &code, &message) != 0)
        fail_msg ("%s: %s %s", text, code, message);
    return command;
}

#define assert_refused(text, expected_code, expected_message) do {                                          \
    ag_command_t command_;                                                                                  \
    const char *code_ = NULL;                                                                               \
    char *message_ = NULL;                                                                                  \
    assert_int_equal (ag_command_parse ((ag_str_t) { text, strlen (text) }, &command_, &code_, &message_), -1); \
    assert_string_equal (code_, expected_code);                                                             \
    if (!strstr (message_, expected_message))                                                               \
        fail_msg ("\"%s\" does not say \"%s\"", message_, expected_message);                                \
    free (message_);                                                                                        \
} while (0)

static bool s_has (const ag_command_t *command, ag_kind_t kind)
{
    return command->subscribe.types & UINT32_C (1) << kind;
}

static void test_plain_subscribe (void **state)
{
    (void) state;
    ag_command_t command = s_parse ("{\"type\":\"subscribe\",\"workOrderId\":\"W\"}");
    assert_int_equal (command.kind, AG_COMMAND_SUBSCRIBE);
    assert_true (ag_str_is (command.subscribe.work_order, "W"));
    assert_int_equal (command.subscribe.types, UINT32_MAX);
    assert_false (command.extended);
    assert_true (command.subscribe.thinking);
    assert_false (command.subscribe.partial);
    ag_command_clear (&command);
}

static void test_each_filter_switches_its_types_off (void **state)
{
    (void) state;
    static const struct { const char *filter; ag_kind_t kind; } rows[] = {
        { "includeToolCalls", AG_AGENT_TOOL_CALL }, { "includeToolResults", AG_AGENT_TOOL_RESULT },
        { "includeOutput", AG_AGENT_OUTPUT }, { "includeFileChanges", AG_FILE_CHANGED },
        { "includeProgress", AG_PROGRESS_UPDATE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[200];
        snprintf (text, sizeof text, "{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"filters\":{\"%s\":false}}", rows[i].filter);
        ag_command_t command = s_parse (text);
        assert_false (s_has (&command, rows[i].kind));
        for (size_t j = 0; j < sizeof rows / sizeof rows[0]; j++)
            if (j != i)
                assert_true (s_has (&command, rows[j].kind));
        assert_true (s_has (&command, AG_RUN_STARTED));
        assert_false (command.extended);
        ag_command_clear (&command);
    }
}

static void test_every_extension_makes_it_extended (void **state)
{
    (void) state;
    static const char *const fields[] = { "\"batch\":true", "\"after\":{\"R\":5}", "\"after\":\"C\"", "\"replayCount\":10",
        "\"rateLimit\":5", "\"batchMs\":33", "\"includePartial\":true", "\"includeThinking\":false",
        "\"types\":[\"agent_output\"]" };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char text[200];
        snprintf (text, sizeof text, "{\"type\":\"subscribe\",\"workOrderId\":\"W\",%s}", fields[i]);
        ag_command_t command = s_parse (text);
        assert_true (command.extended);
        ag_command_clear (&command);
    }
}

static void test_positions (void **state)
{
    (void) state;
    ag_command_t command = s_parse ("{\"type\":\"subscribe\",\"runId\":\"R\",\"after\":{\"R\":5,\"@W\":\"00000000000000ff:7\"}}");
    assert_true (command.subscribe.has_after);
    assert_int_equal (command.subscribe.after_count, 2);
    assert_int_equal (command.subscribe.after[0].seq, 5);
    assert_int_equal (command.subscribe.after[0].epoch, 0);
    assert_int_equal (command.subscribe.after[1].seq, 7);
    assert_int_equal (command.subscribe.after[1].epoch, 255);
    assert_true (ag_str_is (command.subscribe.after[1].stream, "@W"));
    ag_command_clear (&command);
    command = s_parse ("{\"type\":\"subscribe\",\"runId\":\"R\",\"after\":\"cursor\"}");
    assert_true (ag_str_is (command.subscribe.cursor, "cursor"));
    ag_command_clear (&command);
}

static void test_all_runs (void **state)
{
    (void) state;
    ag_command_t command = s_parse ("{\"type\":\"subscribe\",\"runId\":\"*\"}");
    assert_true (command.subscribe.all && command.extended && !command.subscribe.run.ptr);
    ag_command_clear (&command);
}

static void test_the_other_commands (void **state)
{
    (void) state;
    ag_command_t command = s_parse (" {\"type\":\"ping\",\"what\":1} \n");
    assert_int_equal (command.kind, AG_COMMAND_PING);
    assert_false (command.extended);
    ag_command_clear (&command);
    command = s_parse ("{\"type\":\"unsubscribe\",\"workOrderId\":\"W\"}");
    assert_int_equal (command.kind, AG_COMMAND_UNSUBSCRIBE);
    ag_command_clear (&command);
    command = s_parse ("{\"type\":\"cancel_run\",\"runId\":\"R\"}");
    assert_int_equal (command.kind, AG_COMMAND_CANCEL_RUN);
    assert_true (ag_str_is (command.run, "R"));
    ag_command_clear (&command);
    ag_command_clear (&command);
}

static void test_what_is_not_json_is_a_parse_error (void **state)
{
    (void) state;
    assert_refused ("", "PARSE_ERROR", "ends too early");
    assert_refused ("hello", "PARSE_ERROR", "not JSON");
    assert_refused ("{\"type\":\"ping\"", "PARSE_ERROR", "ends too early");
    assert_refused ("{\"type\":\"ping\"} x", "PARSE_ERROR", "not JSON");
    assert_refused ("{'type':'ping'}", "PARSE_ERROR", "not JSON");
    assert_refused ("{\"type\":\"pi\xff\"}", "PARSE_ERROR", "UTF-8");
    assert_refused ("[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]", "PARSE_ERROR", "not JSON");
}

static void test_what_is_not_understood_names_field_value_and_allowed (void **state)
{
    (void) state;
    assert_refused ("[]", "INVALID_MESSAGE", "message: must be an object, not []");
    assert_refused ("null", "INVALID_MESSAGE", "message: must be an object, not null");
    assert_refused ("42", "INVALID_MESSAGE", "message: must be an object, not 42");
    assert_refused ("{}", "INVALID_MESSAGE", "type: must be subscribe, unsubscribe, ping or cancel_run, not null");
    assert_refused ("{\"type\":\"dance\"}", "INVALID_MESSAGE", "not \"dance\"");
    assert_refused ("{\"type\":7}", "INVALID_MESSAGE", "type: must be");
    assert_refused ("{\"type\":\"subscribe\"}", "INVALID_MESSAGE", "one of workOrderId and runId");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"runId\":\"R\"}", "INVALID_MESSAGE", "one of");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":5}", "INVALID_MESSAGE", "workOrderId: must be a text");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"\"}", "INVALID_MESSAGE", "workOrderId: must be a text");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"filters\":7}", "INVALID_MESSAGE", "filters: must be an object, not 7");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"filters\":{\"includeOutput\":\"no\"}}", "INVALID_MESSAGE",
        "includeOutput: must be true or false, not \"no\"");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"rateLimit\":0}", "INVALID_MESSAGE", "rateLimit: must be");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"batchMs\":50}", "INVALID_MESSAGE", "33, 100 or 250, not 50");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"types\":[\"x\"]}", "INVALID_MESSAGE", "types: must be");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"after\":{\"R\":-1}}", "INVALID_MESSAGE", "after: must be");
    assert_refused ("{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"after\":{\"R\":\"zz:1\"}}", "INVALID_MESSAGE", "after: must be");
    assert_refused ("{\"type\":\"cancel_run\"}", "INVALID_MESSAGE", "runId: must be");
}

static void test_a_long_message_is_refused_unread (void **state)
{
    (void) state;
    size_t len = AG_COMMAND_MAX_BYTES + 1;
    char *text = ag_malloc (len + 1);
    memset (text, ' ', len);
    text[len] = '\0';
    assert_refused (text, "LIMIT_EXCEEDED", "65536");
    free (text);
}

static void test_answers_are_json_whatever_was_asked (void **state)
{
    (void) state;
    ag_buf_t out = {0};
    ag_command_append_error (&out, "INVALID_MESSAGE", "not \"x\"\n", (ag_str_t) { NULL, 0 }, 0);
    assert_string_equal (ag_buf_cstr (&out), "{\"type\":\"error\",\"code\":\"INVALID_MESSAGE\",\"message\":\"not \\\"x\\\"\\n\","
        "\"timestamp\":\"1970-01-01T00:00:00.000Z\"}");
    ag_buf_clear (&out);
    ag_subscribe_t target = { .work_order = AG_STR ("a\"b") };
    ag_command_append_answer (&out, "unsubscription_confirmed", &target, 0);
    assert_string_equal (ag_buf_cstr (&out), "{\"type\":\"unsubscription_confirmed\",\"workOrderId\":\"a\\\"b\","
        "\"timestamp\":\"1970-01-01T00:00:00.000Z\"}");
    ag_buf_free (&out);
}

/*  Good messages, damaged: an answer or an error, never a crash. */
static void test_property_damage_is_survived (void **state)
{
    (void) state;
    static const char seed_text[] = "{\"type\":\"subscribe\",\"workOrderId\":\"W\",\"after\":{\"R\":\"00000000000000ff:7\"},"
        "\"types\":[\"agent_output\"],\"filters\":{\"includeOutput\":true},\"batchMs\":100}";
    const char *given = getenv ("AG_TEST_SEED");
    unsigned seed = given ? (unsigned) strtoul (given, NULL, 10) : (unsigned) time (NULL);
    print_message ("seed %u (AG_TEST_SEED)\n", seed);
    for (int i = 0; i < 20000; i++) {
        char text[sizeof seed_text];
        memcpy (text, seed_text, sizeof text);
        size_t len = sizeof seed_text - 1;
        for (int change = rand_r (&seed) % 4; change >= 0; change--)
            text[(size_t) rand_r (&seed) % len] = (char) rand_r (&seed);
        if (rand_r (&seed) % 4 == 0)
            len = (size_t) rand_r (&seed) % len;
        ag_command_t command;
        const char *code = NULL;
        char *message = NULL;
        if (ag_command_parse ((ag_str_t) { text, len }, &command, &code, &message) == 0)
            ag_command_clear (&command);
        else
            assert_non_null (code);
        free (message);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_plain_subscribe),
        cmocka_unit_test (test_each_filter_switches_its_types_off),
        cmocka_unit_test (test_every_extension_makes_it_extended),
        cmocka_unit_test (test_positions),
        cmocka_unit_test (test_all_runs),
        cmocka_unit_test (test_the_other_commands),
        cmocka_unit_test (test_what_is_not_json_is_a_parse_error),
        cmocka_unit_test (test_what_is_not_understood_names_field_value_and_allowed),
        cmocka_unit_test (test_a_long_message_is_refused_unread),
        cmocka_unit_test (test_answers_are_json_whatever_was_asked),
        cmocka_unit_test (test_property_damage_is_survived),
    };
    return cmocka_run_group_tests_name ("command", tests, NULL, NULL);
}
