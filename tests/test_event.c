/*  tests/test_event.c - drafts, events, the codec

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include <json-c/json.h>
#include <msgpack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/draft.h"
#include "core/mem.h"
#include "core/rolled.h"

static const ag_ids_t s_ids = { { "wo", 2 }, { "run", 3 }, false };

static ag_draft_t *s_output_draft (const char *text)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_CONTENT, text);
    ag_draft_set_text (draft, AG_F_KIND, "text");
    return draft;
}

static ag_event_t *s_event_of (ag_draft_t *draft, uint64_t seq)
{
    char *error = NULL;
    ag_position_t at = { 77, seq, 1795336859616123 };
    ag_event_t *event = ag_event_new (draft, &s_ids, &at, &error);
    if (!event)
        fail_msg ("%s", error);
    ag_draft_destroy (&draft);
    return event;
}

static void s_assert_str (ag_str_t text, const char *wanted)
{
    assert_int_equal (text.len, strlen (wanted));
    assert_memory_equal (text.ptr, wanted, text.len);
}

static void test_event_knows_its_place (void **state)
{
    (void) state;
    ag_event_t *event = s_event_of (s_output_draft ("hello"), 9);
    assert_int_equal (ag_event_kind (event), AG_AGENT_OUTPUT);
    assert_int_equal (ag_event_priority (event), AG_LOW);
    assert_int_equal (ag_event_epoch (event), 77);
    assert_int_equal (ag_event_seq (event), 9);
    s_assert_str (ag_event_stream (event), "run");
    s_assert_str (ag_event_work_order (event), "wo");
    s_assert_str (ag_event_string (event, AG_F_CONTENT), "hello");
    assert_null (ag_event_string (event, AG_F_MESSAGE_ID).ptr);
    s_assert_str (ag_event_json (event), "{\"type\":\"agent_output\",\"workOrderId\":\"wo\",\"runId\":\"run\",\"seq\":9,"
        "\"timestamp\":\"2026-11-22T08:40:59.616Z\",\"content\":\"hello\",\"kind\":\"text\"}");
    ag_event_unref (&event);
    assert_null (event);
}

static void test_event_of_a_work_order_has_its_stream (void **state)
{
    (void) state;
    ag_draft_t *draft = ag_draft_new (AG_WORK_ORDER_CREATED);
    ag_draft_set_text (draft, AG_F_TASK_PROMPT, "Fix it");
    ag_draft_set_text (draft, AG_F_STATUS, "queued");
    ag_ids_t ids = { AG_STR ("wo"), { NULL, 0 }, true };
    ag_position_t at = { 1, 1, 0 };
    char *error = NULL;
    ag_event_t *event = ag_event_new (draft, &ids, &at, &error);
    assert_non_null (event);
    s_assert_str (ag_event_stream (event), "@wo");
    assert_null (ag_event_run (event).ptr);
    ag_event_unref (&event);
    ag_draft_destroy (&draft);
}

static void s_assert_refused (ag_draft_t *draft, const ag_ids_t *ids, const char *why)
{
    char *error = NULL;
    ag_position_t at = { 1, 1, 0 };
    assert_null (ag_event_new (draft, ids, &at, &error));
    if (!strstr (error, why))
        fail_msg ("'%s' does not say '%s'", error, why);
    free (error);
    ag_draft_destroy (&draft);
}

static void test_event_refuses_a_draft_that_breaks_the_table (void **state)
{
    (void) state;
    ag_draft_t *draft = s_output_draft ("x");
    ag_draft_unset (draft, AG_F_CONTENT);
    s_assert_refused (draft, &s_ids, "content");
    draft = s_output_draft ("x");
    ag_draft_set_text (draft, AG_F_KIND, "song");
    s_assert_refused (draft, &s_ids, "song");
    ag_ids_t empty = { AG_STR (""), AG_STR ("run"), false }, at_sign = { AG_STR ("w"), AG_STR ("@r"), false };
    s_assert_refused (s_output_draft ("x"), &empty, "workOrderId");
    s_assert_refused (s_output_draft ("x"), &at_sign, "runId");
}

static void test_event_refuses_what_is_too_deep_or_too_large (void **state)
{
    (void) state;
    struct json_object *top = json_object_new_object (), *at = top;
    for (int i = 0; i < AG_EVENT_MAX_DEPTH + 1; i++) {
        struct json_object *next = json_object_new_object ();
        json_object_object_add (at, "a", next);
        at = next;
    }
    ag_draft_t *draft = ag_draft_new (AG_AGENT_TOOL_CALL);
    ag_draft_set_text (draft, AG_F_TOOL_USE_ID, "t");
    ag_draft_set_text (draft, AG_F_TOOL, "Bash");
    ag_draft_set_text (draft, AG_F_TOOL_NAME, "Bash");
    ag_draft_set_object (draft, AG_F_INPUT, top);
    json_object_put (top);
    s_assert_refused (draft, &s_ids, "deeper");
    char *text = ag_malloc (AG_EVENT_MAX_BYTES + 1);
    memset (text, 'x', AG_EVENT_MAX_BYTES);
    text[AG_EVENT_MAX_BYTES] = 0;
    s_assert_refused (s_output_draft (text), &s_ids, "larger");
    free (text);
}

static void test_draft_repairs_text_and_keeps_the_last_value (void **state)
{
    (void) state;
    ag_draft_t *draft = s_output_draft ("first");
    ag_draft_set_string (draft, AG_F_CONTENT, "a\0b\xff" "c", 5);
    s_assert_str (ag_draft_string (draft, AG_F_KIND), "text");
    ag_str_t text = ag_draft_string (draft, AG_F_CONTENT);
    assert_int_equal (text.len, 7);
    assert_memory_equal (text.ptr, "a\0b\xef\xbf\xbd" "c", 7);
    ag_draft_set_number (draft, AG_F_COST_USD, 1.0 / 0.0);
    assert_false (ag_draft_has (draft, AG_F_COST_USD));
    ag_draft_destroy (&draft);
    ag_draft_destroy (&draft);
}

static void test_a_draft_that_is_used_again_does_not_grow (void **state)
{
    (void) state;
    ag_draft_t *draft = s_output_draft ("");
    char text[2000];
    for (int i = 0; i < 10000; i++) {
        memset (text, 'a' + i % 26, sizeof text);
        ag_draft_set_string (draft, AG_F_CONTENT, text, sizeof text);
        ag_draft_set_text (draft, AG_F_MESSAGE_ID, "m");
        assert_true (draft->text.cap < 512 * 1024);
    }
    ag_str_t content = ag_draft_string (draft, AG_F_CONTENT);
    assert_int_equal (content.len, sizeof text);
    assert_memory_equal (content.ptr, text, sizeof text);
    s_assert_str (ag_draft_string (draft, AG_F_KIND), "text");
    ag_draft_destroy (&draft);
}

static void test_rolled_json_names_the_span (void **state)
{
    (void) state;
    ag_event_t *event = s_event_of (s_output_draft ("c"), 9);
    ag_buf_t out = { 0 };
    ag_str_t content = AG_STR ("a\"bc");
    ag_rolled_json (event, 7, &content, &out);
    struct json_object *json = json_tokener_parse (ag_buf_cstr (&out));
    assert_non_null (json);
    assert_int_equal (json_object_get_int (json_object_object_get (json, "seqFirst")), 7);
    assert_int_equal (json_object_get_int (json_object_object_get (json, "seq")), 9);
    assert_string_equal (json_object_get_string (json_object_object_get (json, "content")), "a\"bc");
    json_object_put (json);
    ag_buf_free (&out);
    ag_event_unref (&event);
}

static void test_warning_is_of_a_lower_class (void **state)
{
    (void) state;
    const char *severities[] = { "error", "warning" };
    for (int i = 0; i < 2; i++) {
        ag_draft_t *draft = ag_draft_new (AG_AGENT_ERROR);
        ag_draft_set_text (draft, AG_F_MESSAGE, "m");
        ag_draft_set_text (draft, AG_F_SEVERITY, severities[i]);
        ag_draft_set_text (draft, AG_F_SOURCE, "agent");
        ag_event_t *event = s_event_of (draft, 1);
        assert_int_equal (ag_event_priority (event), i ? AG_HIGH : AG_CRITICAL);
        ag_event_unref (&event);
    }
}

/* ---------------------------------------------------------------------- */
/*  Golden vectors */

static struct json_object *s_golden (void)
{
    struct json_object *rows = json_object_from_file (SRCDIR "/proto/golden.json");
    assert_non_null (rows);
    return rows;
}

static size_t s_unhex (const char *hex, unsigned char *bytes)
{
    size_t len = strlen (hex) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        assert_int_equal (sscanf (hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (unsigned char) byte;
    }
    return len;
}

static const char *s_member (struct json_object *row, const char *key)
{
    return json_object_get_string (json_object_object_get (row, key));
}

/*  That it is refused for what it is there for, and not for a slip in the vector. */
static void s_check_reason (struct json_object *row, const char *error)
{
    static const char *const says[][2] = { { "no map", "does not begin with a msgpack map" }, { "malformed", "malformed" },
        { "trailing", "bytes follow" }, { "field", "field " } };
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        if (strcmp (s_member (row, "why"), says[i][0]) == 0 && strstr (error, says[i][1]))
            return;
    fail_msg ("%s: '%s' is not '%s'", s_member (row, "name"), error, s_member (row, "why"));
}

static void s_check_golden (struct json_object *row)
{
    unsigned char bytes[8192];
    size_t len = s_unhex (s_member (row, "msgpack"), bytes);
    uint64_t epoch;
    assert_int_equal (ag_epoch_parse (s_member (row, "epoch"), 16, &epoch), 0);
    char *error = NULL;
    ag_event_t *event = ag_event_decode (bytes, len, epoch, &error);
    const char *json = s_member (row, "json");
    if (!!event != !!json)
        fail_msg ("%s: %s", s_member (row, "name"), event ? "was taken" : error);
    if (error)
        s_check_reason (row, error);
    free (error);
    if (!event)
        return;
    ag_str_t text = ag_event_json (event);
    if (text.len != strlen (json) || memcmp (text.ptr, json, text.len) != 0)
        fail_msg ("%s:\n%.*s\n%s", s_member (row, "name"), (int) text.len, text.ptr, json);
    ag_event_unref (&event);
}

static void test_golden_vectors (void **state)
{
    (void) state;
    struct json_object *rows = s_golden ();
    size_t count = json_object_array_length (rows);
    assert_true (count > 150);
    for (size_t i = 0; i < count; i++)
        s_check_golden (json_object_array_get_idx (rows, i));
    json_object_put (rows);
}

/*  In a copy of exactly its size, so that a sanitizer sees a read beyond it. */
static void s_decode_any (const unsigned char *bytes, size_t len)
{
    unsigned char *copy = ag_malloc (len);
    memcpy (copy, bytes, len);
    char *error = NULL;
    ag_event_t *event = ag_event_decode (copy, len, 1, &error);
    assert_true (!event == !!error);
    if (event) {
        ag_str_t text = ag_event_json (event);
        struct json_tokener *tokener = json_tokener_new_ex (64);
        struct json_object *json = json_tokener_parse_ex (tokener, text.ptr, (int) text.len);
        if (json_tokener_get_error (tokener) != json_tokener_success)
            fail_msg ("no JSON: %.*s", (int) text.len, text.ptr);
        json_object_put (json);
        json_tokener_free (tokener);
    }
    ag_event_unref (&event);
    free (error);
    free (copy);
}

static void test_every_truncation_is_refused (void **state)
{
    (void) state;
    struct json_object *rows = s_golden ();
    for (size_t i = 0; i < json_object_array_length (rows); i++) {
        struct json_object *row = json_object_array_get_idx (rows, i);
        unsigned char bytes[8192];
        size_t len = s_unhex (s_member (row, "msgpack"), bytes);
        for (size_t cut = 0; cut < len && s_member (row, "json"); cut++) {
            char *error = NULL;
            assert_null (ag_event_decode (bytes, cut, 1, &error));
            free (error);
        }
    }
    json_object_put (rows);
}

static void test_random_damage_never_crashes (void **state)
{
    (void) state;
    unsigned seed = getenv ("AGENTGATE_SEED") ? (unsigned) strtoul (getenv ("AGENTGATE_SEED"), NULL, 10) : 20261122;
    print_message ("seed %u\n", seed);
    struct json_object *rows = s_golden ();
    for (size_t i = 0; i < json_object_array_length (rows); i++) {
        unsigned char bytes[8192], damaged[8192];
        size_t len = s_unhex (s_member (json_object_array_get_idx (rows, i), "msgpack"), bytes);
        for (int round = 0; round < 400 && len; round++) {
            memcpy (damaged, bytes, len);
            for (int hits = 1 + (int) (rand_r (&seed) % 4); hits; hits--)
                damaged[(size_t) rand_r (&seed) % len] = (unsigned char) rand_r (&seed);
            s_decode_any (damaged, len);
        }
    }
    json_object_put (rows);
}

/*  Our bytes read by msgpack's own unpacker. */
static void test_encoding_is_plain_msgpack (void **state)
{
    (void) state;
    ag_event_t *event = s_event_of (s_output_draft ("Grüße"), 3);
    ag_str_t bytes = ag_event_encoded (event);
    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t offset = 0;
    assert_int_equal (msgpack_unpack_next (&unpacked, bytes.ptr, bytes.len, &offset), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal (offset, bytes.len);
    assert_int_equal (unpacked.data.type, MSGPACK_OBJECT_MAP);
    assert_int_equal (unpacked.data.via.map.size, 7);
    msgpack_unpacked_destroy (&unpacked);
    ag_event_unref (&event);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_event_knows_its_place),
        cmocka_unit_test (test_event_of_a_work_order_has_its_stream),
        cmocka_unit_test (test_event_refuses_a_draft_that_breaks_the_table),
        cmocka_unit_test (test_event_refuses_what_is_too_deep_or_too_large),
        cmocka_unit_test (test_draft_repairs_text_and_keeps_the_last_value),
        cmocka_unit_test (test_a_draft_that_is_used_again_does_not_grow),
        cmocka_unit_test (test_rolled_json_names_the_span),
        cmocka_unit_test (test_warning_is_of_a_lower_class),
        cmocka_unit_test (test_golden_vectors),
        cmocka_unit_test (test_every_truncation_is_refused),
        cmocka_unit_test (test_random_damage_never_crashes),
        cmocka_unit_test (test_encoding_is_plain_msgpack),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
