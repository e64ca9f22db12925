/*  test_redact.c - no secret gets out, no ordinary word gets lost

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    All secrets here are made up.
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
#include <time.h>

#include <json-c/json.h>

#include "agent/redact.h"
#include "agent/scrub.h"
#include "core/buf.h"
#include "core/utf8.h"

enum { MS = 1000 };

/*  Split so that scanners of this repository do not take them for real. */
#define A20 "Ab3dEfGh1jKlMn0pQrSt"
#define KEY_BODY "MIIEpAIBAAKCAQEAyGvN9Q2bX1l0uR7mKf3Tn6wZ4sVb8YdHq5Jc2PxLr9MtEoWi\n"
#define PRIVATE_KEY "-----BEGIN RSA PRIVATE KEY-----\n" KEY_BODY KEY_BODY KEY_BODY KEY_BODY KEY_BODY KEY_BODY \
    "Gh7kL2==\n-----END RSA PRIVATE KEY-----"

/*  A text and what must be left of it. */
static const char *const s_hits[][2] = {
    { "key sk-ant-"
      "api03-" A20 A20 " end",
        "key [redacted] end" },
    { "OPENAI=sk-" A20 A20, "OPENAI=[redacted]" },
    { "sk-proj-" A20 "_" A20, "[redacted]" },
    { "gh"
      "p_" A20 A20,
        "[redacted]" },
    { "github"
      "_pat_11" A20 "_" A20,
        "[redacted]" },
    { "glpat"
      "-" A20,
        "[redacted]" },
    { "xox"
      "b-123456789012-" A20,
        "[redacted]" },
    { "https://hooks.slack.com/services/T00000000/B00000000/" A20, "https://hooks.slack.com/services/[redacted]" },
    { "AK"
      "IAIOSFODNN7EXAMPLE",
        "[redacted]" },
    { "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_ACCESS_KEY=[redacted]" },
    { "AI"
      "zaSyA" A20 A20,
        "[redacted]" },
    { "sk"
      "_live_" A20,
        "[redacted]" },
    { "//registry/:_authToken=np"
      "m_" A20 A20,
        "//registry/:_authToken=[redacted]" },
    { "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "jwt [redacted]" },
    { "Authorization: Bearer abcdefghijklmnopqrstuvwx7", "Authorization: Bearer [redacted]" },
    { "curl -H 'authorization: bearer " A20 "=='", "curl -H 'authorization: bearer [redacted]'" },
    { "Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted]" },
    { "postgres://app:s3cr3t@db/x", "postgres://app:[redacted]@db/x" },
    { "password=hunter2", "password=[redacted]" },
    { "DB_PASSWORD=tr0ub4dor&3 next", "DB_PASSWORD=[redacted] next" },
    { "?password=tr0ub4dor&3 next", "?password=[redacted]&3 next" },
    { "{\"password\": \"correct-horse\"}", "{\"password\": \"[redacted]\"}" },
    { "{\\\"password\\\":\\\"correct-horse\\\"}", "{\\\"password\\\":\\\"[redacted]\\\"}" },
    { "api_key = 'abcdef123456'", "api_key = '[redacted]'" },
    { "mysql --password hunter22 db", "mysql --password [redacted] db" },
    { "https://h/x?token=abcd1234efgh&y=1", "https://h/x?token=[redacted]&y=1" },
    { "a\n" PRIVATE_KEY "\nb", "a\n[redacted]\nb" },
    { "-----BEGIN OPENSSH PRIVATE KEY-----\n" KEY_BODY KEY_BODY, "[redacted]" },
    { "\"-----BEGIN PRIVATE KEY-----\\nMIIEpAIBAAKCAQEAyGvN9Q2bX1l0uR7mK\\nAb3=\\n-----END PRIVATE KEY-----\\n\"",
        "\"[redacted]\\n\"" },
    { "gh"
      "p_" A20 A20 " and gh"
      "p_" A20 A20 "\xe2\x82\xac",
        "[redacted] and [redacted]\xe2\x82\xac" },
};

static const char *const s_misses[] = {
    "task-notification",
    "a task-notification-with-a-rather-long-name",
    "risk-averse desk-lamp",
    "sk-learn and sk-circle-fade-dot",
    "3f2b1c9d-1111-4222-8333-944455556666",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "commit 09443ad0f1e2d3c4b5a69788796a5b4c3d2e1f00",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "the password is wrong",
    "password:",
    "const password = getPassword();",
    "password: string;",
    "password=$PASSWORD",
    "password=${DB_PASSWORD}",
    "connect(user=user, password=password)",
    "max_tokens=4096",
    "token = next_token ()",
    "<input type=\"password\" name=\"password\">",
    "bearer of bad news",
    "Bearer authentication is used",
    "http://localhost:3000/a@b",
    "-----BEGIN PRIVATE KEY----- is how a key begins",
    "-----BEGIN CERTIFICATE-----\n" KEY_BODY "-----END CERTIFICATE-----",
    "eyJ is how base64 of {\" begins",
    "AKIA",
    "git clone https://github.com/a/b.git",
    "secret santa",
    "api_key",
    "xoxo-love",
    "ghp_short",
    "npm_config_registry",
    "hf_model",
    "use --token to say which",
    "--password-stdin",
    "",
};

/* ---------------------------------------------------------------------- */
/*  Whole texts */

static bool s_scrub (ag_scrub_t *scrub, const char *text, ag_buf_t *out)
{
    uint64_t count = 0;
    return ag_scrub_text (scrub, (ag_str_t) { text, strlen (text) }, false, NULL, out, &count) && count;
}

static void test_known_shapes_are_taken_out (void **state)
{
    (void) state;
    ag_scrub_t *scrub = ag_scrub_new (NULL, 0);
    ag_buf_t out = { 0 };
    for (size_t i = 0; i < sizeof s_hits / sizeof s_hits[0]; i++) {
        if (!s_scrub (scrub, s_hits[i][0], &out))
            fail_msg ("not found: %s", s_hits[i][0]);
        assert_string_equal (ag_buf_cstr (&out), s_hits[i][1]);
    }
    ag_buf_free (&out);
    ag_scrub_destroy (&scrub);
    ag_scrub_destroy (&scrub);
}

static void test_ordinary_words_stay (void **state)
{
    (void) state;
    ag_scrub_t *scrub = ag_scrub_new (NULL, 0);
    ag_buf_t out = { 0 };
    for (size_t i = 0; i < sizeof s_misses / sizeof s_misses[0]; i++)
        if (s_scrub (scrub, s_misses[i], &out))
            fail_msg ("%s became %s", s_misses[i], ag_buf_cstr (&out));
    ag_buf_free (&out);
    ag_scrub_destroy (&scrub);
}

static void s_stream (ag_scrub_t *scrub, ag_str_t text, size_t piece, ag_buf_t *out);

static void test_given_values_are_taken_out (void **state)
{
    (void) state;
    const ag_str_t values[] = { AG_STR ("hunter"), AG_STR ("short"), AG_STR ("hunter.*2(\\E"), AG_STR ("a value of\n"
        "more lines, this one long\n") };
    ag_scrub_t *scrub = ag_scrub_new (values, 4);
    ag_buf_t out = { 0 };
    assert_true (s_scrub (scrub, "x hunter.*2(\\E y hunter z", &out));
    assert_string_equal (ag_buf_cstr (&out), "x [redacted] y [redacted] z");
    assert_false (s_scrub (scrub, "short hunte r", &out));
    assert_true (s_scrub (scrub, "+more lines, this one long", &out));
    assert_string_equal (ag_buf_cstr (&out), "+[redacted]");
    ag_buf_free (&out);
    ag_scrub_destroy (&scrub);
}

/*  As it stands in JSON, and of any size: a pattern has a limit, an environment has not. */
static void test_given_values_of_any_form_and_size (void **state)
{
    (void) state;
    enum { SIZE = 100000 };
    char *large = malloc (SIZE + 1), *text = malloc (SIZE + 64);
    for (int i = 0; i < SIZE; i++)
        large[i] = "abcdefghij {}\":,0123456789"[(i * 7 + i / 26) % 25];
    large[SIZE] = 0;
    const ag_str_t values[] = { { large, SIZE }, AG_STR ("say \"friend\" and\tenter") };
    ag_scrub_t *scrub = ag_scrub_new (values, 2);
    ag_buf_t out = { 0 };
    snprintf (text, SIZE + 64, "a %s b", large);
    assert_true (s_scrub (scrub, text, &out));
    assert_string_equal (ag_buf_cstr (&out), "a [redacted] b");
    snprintf (text, SIZE + 64, "a %.300s-- b", large);          /* its beginning alone */
    assert_true (s_scrub (scrub, text, &out));
    assert_string_equal (ag_buf_cstr (&out), "a [redacted]-- b");
    assert_true (s_scrub (scrub, "{\"a\":\"say \\\"friend\\\" and\\tenter\"}", &out));
    assert_string_equal (ag_buf_cstr (&out), "{\"a\":\"[redacted]\"}");
    snprintf (text, SIZE + 64, "a %s b", large);
    for (size_t piece = 1; piece < 600; piece += 97) {          /* in deltas: no more of it than in one */
        ag_buf_clear (&out);
        s_stream (scrub, (ag_str_t) { text, SIZE + 4 }, piece, &out);
        assert_string_equal (ag_buf_cstr (&out), "a [redacted] b");
    }
    ag_buf_free (&out);
    ag_scrub_destroy (&scrub);
    free (large);
    free (text);
}

static void test_many_given_values (void **state)
{
    (void) state;
    enum { MANY = 2000 };
    static char room[MANY][64];
    ag_str_t values[MANY];
    for (int i = 0; i < MANY; i++)
        values[i] = (ag_str_t) { room[i], (size_t) snprintf (room[i], sizeof room[i], "value number %d with a long tail", i) };
    ag_scrub_t *scrub = ag_scrub_new (values, MANY);
    ag_buf_t out = { 0 };
    assert_true (s_scrub (scrub, "x value number 77 with a long tail y", &out));
    assert_string_equal (ag_buf_cstr (&out), "x [redacted] y");
    ag_buf_free (&out);
    ag_scrub_destroy (&scrub);
}

static void test_the_beginning_of_a_secret_at_a_cut_counts (void **state)
{
    (void) state;
    ag_scrub_t *scrub = ag_scrub_new (NULL, 0);
    ag_buf_t out = { 0 };
    uint64_t count = 0;
    ag_str_t text = AG_STR ("text sk-ant-" "api03-Abc");
    assert_false (ag_scrub_text (scrub, text, false, NULL, &out, &count));
    assert_true (ag_scrub_text (scrub, text, true, NULL, &out, &count));
    assert_string_equal (ag_buf_cstr (&out), "text [redacted]");
    assert_int_equal (count, 1);
    assert_false (ag_scrub_text (scrub, AG_STR ("these are words"), true, NULL, &out, &count));
    ag_buf_free (&out);
    ag_scrub_destroy (&scrub);
}

/*  Texts that make a careless pattern slow: a megabyte each, a second in all. */
static void test_hostile_texts_take_linear_time (void **state)
{
    (void) state;
    static const char *const pieces[] = {
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nA: b\n",
        "eyJaaaaaaaaaa.",
        "eyJ",
        "sk-",
        "password",
        "password=",
        "password= ",
        "password\":\"",
        "password = '",
        "://a",
        "://",
        ":",
        "Bearer ",
        "bearer aaaaaaa ",
        "A",
        "a",
        "=",
        "\"",
        " ",
        "-",
        ".",
        "api_key",
        "-----END ",
        "gh",
        "xox",
        "token=",
        "a.a.",
        "password=aaaa(",
        "password=a",
        "--token ",
        "\\n",
        "AKIA",
        "authorization: basic ",
        "curl ",
        "curl -u a:",
        "curl -u a:b",
        "docker login ",
        "docker login -p ",
        "sshpass -p ",
        "cookie: a=",
        "Cookie: ",
        "private_key=",
        "private_key=a.pem ",
        "private_key=0",
        "private_key: 0a.",
        "x-api-key: a",
        "login a password ",
        "login a ",
        "identified by 'a1",
        "password '1",
        "\nA",
        "\nAPASSWORD",
        "\nA_PASS=",
        "\nexport A",
        "token: \"1",
        "token: \"aaaaaaaaaaaaaaaa1",
        "password: a1",
        "password: 1 ",
        "a.b.",
        "hvs.",
        "dp.st.",
        "/bot12345678:",
        "1//0",
        "shpat_",
        "\xf0\x9f\x8e\x89",
    };
    enum { SIZE = 1024 * 1024 };
    ag_scrub_t *scrub = ag_scrub_new (NULL, 0);
    char *text = malloc (SIZE);
    ag_buf_t out = { 0 };
    uint64_t count = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t len = strlen (pieces[i]), used = 0;
        for (; used + len <= SIZE; used += len)
            memcpy (text + used, pieces[i], len);
        clock_t start = clock ();
        ag_scrub_text (scrub, (ag_str_t) { text, used }, true, NULL, &out, &count);
        double seconds = (double) (clock () - start) / CLOCKS_PER_SEC;
        if (seconds > 1)
            fail_msg ("%s: %.1f s", pieces[i], seconds);
    }
    free (text);
    ag_buf_free (&out);
    ag_scrub_destroy (&scrub);
}

/* ---------------------------------------------------------------------- */
/*  Streams */

/*  Feeds a text in pieces (0: of random sizes) and flushes. */
static void s_stream (ag_scrub_t *scrub, ag_str_t text, size_t piece, ag_buf_t *out)
{
    ag_scrub_stream_t stream = { 0 };
    for (size_t at = 0; at < text.len;) {
        size_t len = piece ? piece : (size_t) (1 + rand () % 40);
        if (len > text.len - at)
            len = text.len - at;
        ag_scrub_feed (scrub, &stream, (ag_str_t) { text.ptr + at, len }, out);
        assert_true (stream.held.len <= 4 * AG_SCRUB_HOLD_CHARS + 40);
        at += len;
    }
    ag_scrub_flush (scrub, &stream, out);
    ag_buf_free (&stream.held);
}

static void test_a_stream_gives_what_the_whole_gives (void **state)
{
    (void) state;
    ag_scrub_t *scrub = ag_scrub_new (NULL, 0);
    for (size_t i = 0; i < sizeof s_hits / sizeof s_hits[0]; i++) {
        char text[1200];
        int len = snprintf (text, sizeof text, "%s ", s_hits[i][0]);
        for (size_t piece = 1; piece <= (size_t) len; piece++) {
            ag_buf_t out = { 0 };
            char expected[200];
            snprintf (expected, sizeof expected, "%s ", s_hits[i][1]);
            s_stream (scrub, (ag_str_t) { text, (size_t) len }, piece, &out);
            if (strstr (s_hits[i][0], "OPENSSH"))           /* no end: the white space behind it goes too */
                expected[strlen (expected) - 1] = 0;
            assert_string_equal (ag_buf_cstr (&out), expected);
            ag_buf_free (&out);
        }
    }
    ag_scrub_destroy (&scrub);
}

static void test_ordinary_words_pass_a_stream (void **state)
{
    (void) state;
    ag_scrub_t *scrub = ag_scrub_new (NULL, 0);
    for (size_t i = 0; i < sizeof s_misses / sizeof s_misses[0]; i++)
        for (size_t piece = 1; piece < 20; piece++) {
            ag_buf_t out = { 0 };
            s_stream (scrub, (ag_str_t) { s_misses[i], strlen (s_misses[i]) }, piece, &out);
            assert_string_equal (ag_buf_cstr (&out), s_misses[i]);
            ag_buf_free (&out);
        }
    ag_scrub_destroy (&scrub);
}

/*  Secrets and words in any order, cut anywhere: the same as in one. */
static void test_random_streams (void **state)
{
    (void) state;
    unsigned seed = (unsigned) time (NULL);
    print_message ("seed %u\n", seed);
    srand (seed);
    ag_scrub_t *scrub = ag_scrub_new (NULL, 0);
    for (int round = 0; round < 400; round++) {
        ag_buf_t text = { 0 }, whole = { 0 }, cut = { 0 };
        uint64_t count = 0;
        for (int i = 0; i < 30; i++) {
            size_t hits = sizeof s_hits / sizeof s_hits[0], misses = sizeof s_misses / sizeof s_misses[0];
            size_t hit = (size_t) rand () % hits;
            if (strstr (s_hits[hit][0], "OPENSSH"))
                hit = 0;
            ag_buf_append_cstr (&text, rand () % 3 ? s_misses[(size_t) rand () % misses] : s_hits[hit][0]);
            ag_buf_append_cstr (&text, rand () % 2 ? " \n" : "; ");
        }
        ag_str_t all = { text.data, text.len };
        if (!ag_scrub_text (scrub, all, false, NULL, &whole, &count))
            ag_buf_append_str (&whole, all);
        s_stream (scrub, all, 0, &cut);
        assert_string_equal (ag_buf_cstr (&cut), ag_buf_cstr (&whole));
        ag_buf_free (&text);
        ag_buf_free (&whole);
        ag_buf_free (&cut);
    }
    ag_scrub_destroy (&scrub);
}

/* ---------------------------------------------------------------------- */
/*  Drafts */

/*  What came out, as "content|content|". */
static void s_sink (void *context, ag_draft_t **draft_p)
{
    ag_buf_t *seen = context;
    ag_kind_t kind = ag_draft_kind (*draft_p);
    if (kind == AG_AGENT_OUTPUT || kind == AG_AGENT_TOOL_RESULT)
        ag_buf_append_str (seen, ag_draft_string (*draft_p, AG_F_CONTENT));
    if (kind == AG_AGENT_TOOL_RESULT) {
        ag_buf_append_char (seen, '/');
        ag_buf_append_str (seen, ag_draft_string (*draft_p, AG_F_CONTENT_PREVIEW));
    }
    struct json_object *input = ag_draft_object (*draft_p, AG_F_INPUT);
    if (input)
        ag_buf_append_cstr (
            seen, json_object_to_json_string_ext (input, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    ag_buf_append_str (seen, ag_draft_string (*draft_p, AG_F_MESSAGE));
    ag_buf_append_char (seen, '|');
    ag_draft_destroy (draft_p);
}

static void s_to_redact (void *context, ag_draft_t **draft_p)
{
    ag_redact_push (context, draft_p, 0);
}

static void s_push_text (ag_redact_t *redact, const char *text, bool partial, const char *id, int64_t now_us)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, AG_F_CONTENT, text);
    ag_draft_set_text (draft, AG_F_KIND, "text");
    ag_draft_set_text (draft, AG_F_MESSAGE_ID, id);
    ag_draft_set_integer (draft, AG_F_BLOCK_INDEX, 0);
    if (partial)
        ag_draft_set_boolean (draft, AG_F_PARTIAL, true);
    ag_redact_push (redact, &draft, now_us);
    assert_null (draft);
}

static void s_expect (ag_buf_t *seen, const char *expected)
{
    assert_string_equal (ag_buf_cstr (seen), expected);
    ag_buf_clear (seen);
}

static void test_deltas_hold_back_what_may_be_a_secret (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    s_push_text (redact, "the key is s", true, "m1", 0);
    s_expect (&seen, "the key is |");
    assert_int_equal (ag_redact_deadline_us (redact), 200 * MS);
    s_push_text (redact, "k-ant-", true, "m1", 100 * MS);
    s_push_text (redact, "api03-" A20, true, "m1", 150 * MS);
    s_expect (&seen, "");
    s_push_text (redact, "other ", true, "m2", 160 * MS);      /* another block is not held up */
    s_expect (&seen, "other |");
    s_push_text (redact, A20 " done", true, "m1", 170 * MS);
    s_expect (&seen, "[redacted] done|");
    assert_int_equal (ag_redact_deadline_us (redact), INT64_MAX);
    assert_int_equal (ag_redact_count (redact), 0);             /* the whole text counts it */
    s_push_text (redact, "the key is sk-ant-" "api03-" A20 A20 " done", false, "m1", 180 * MS);
    s_expect (&seen, "the key is [redacted] done|");
    assert_int_equal (ag_redact_count (redact), 1);
    ag_redact_destroy (&redact);
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static void test_what_is_held_comes_out_after_200_ms (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    s_push_text (redact, "ends in pass", true, "m1", 0);
    s_expect (&seen, "ends in |");
    s_push_text (redact, "1 ", true, "m2", 199 * MS);
    s_expect (&seen, "1 |");
    s_push_text (redact, "2 ", true, "m2", 200 * MS);
    s_expect (&seen, "pass|2 |");
    s_push_text (redact, "also pass", true, "m1", 300 * MS);
    s_push_text (redact, "and sec", true, "m2", 400 * MS);
    s_expect (&seen, "also |and |");
    ag_redact_tick (redact, 499 * MS);
    s_expect (&seen, "");
    ag_redact_tick (redact, 500 * MS);
    s_expect (&seen, "pass|");
    assert_int_equal (ag_redact_deadline_us (redact), 600 * MS);
    ag_redact_tick (redact, 600 * MS);
    s_expect (&seen, "sec|");
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

/*  A secret that comes slowly: what had to go after 200 ms is out, the rest is not. */
static void test_a_pause_in_a_secret_does_not_show_the_rest (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    s_push_text (redact, "it is sk-ant-", true, "m1", 0);
    ag_redact_flush (redact);
    s_push_text (redact, "api03-" A20, true, "m1", 300 * MS);
    ag_redact_flush (redact);
    s_push_text (redact, A20, true, "m1", 600 * MS);
    ag_redact_flush (redact);
    s_push_text (redact, " is it", true, "m1", 900 * MS);
    s_expect (&seen, "it is |sk-ant-|[redacted]| is it|");
    s_push_text (redact, "password", true, "m2", 0);            /* and what was none is not lost */
    ag_redact_flush (redact);
    s_push_text (redact, "s are hard, ", true, "m2", 300 * MS);
    s_push_text (redact, "password=", true, "m2", 300 * MS);
    ag_redact_flush (redact);
    ag_redact_flush (redact);
    s_push_text (redact, "hunter2\n", true, "m2", 600 * MS);
    s_expect (&seen, "password|s are hard, |password=|[redacted]\n|");
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static void test_flush_and_the_whole_bring_it_out (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    s_push_text (redact, "a pass", true, "m1", 0);
    ag_redact_flush (redact);
    s_expect (&seen, "a |pass|");
    s_push_text (redact, "b pass", true, "m2", 0);
    s_push_text (redact, "b password", false, "m2", 0);
    s_expect (&seen, "b |pass|b password|");
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static void test_a_key_over_pieces_of_a_long_text (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    s_push_text (redact, "see -----BEGIN RSA PRIVATE KEY-----\n" KEY_BODY, false, "m1", 0);
    s_push_text (redact, KEY_BODY "Ab3=\n-----END RSA PRIVATE KEY-----\nafter", false, "m1", 0);
    s_push_text (redact, KEY_BODY, false, "m1", 0);
    s_expect (&seen, "see [redacted]|\nafter|" KEY_BODY "|");
    assert_int_equal (ag_redact_count (redact), 1);
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static void s_push_line (ag_redact_t *redact, bool is_stderr, const char *line)
{
    ag_draft_t *draft = ag_draft_new (is_stderr ? AG_AGENT_ERROR : AG_AGENT_OUTPUT);
    ag_draft_set_text (draft, is_stderr ? AG_F_MESSAGE : AG_F_CONTENT, line);
    ag_draft_set_text (draft, is_stderr ? AG_F_SOURCE : AG_F_KIND, is_stderr ? "stderr" : "raw");
    ag_redact_push (redact, &draft, 0);
    assert_null (draft);
}

/*  Printed by `cat`: a draft a line. */
static void test_a_key_over_lines (void **state)
{
    (void) state;
    static const char *const lines[] = { "here:", "-----BEGIN OPENSSH PRIVATE KEY-----", KEY_BODY, KEY_BODY, "Gh7kL2==",
        "-----END OPENSSH PRIVATE KEY-----", "no more", KEY_BODY, "say -----BEGIN PRIVATE KEY-----", "Please check",
        "it again", "line one of a value", "line two" };
    static const ag_str_t value = AG_STR ("a value\nline one of a value\nline two");
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (&value, 1, s_sink, &seen);
    for (int is_stderr = 0; is_stderr < 2; is_stderr++) {
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
            s_push_line (redact, is_stderr, lines[i]);
        s_expect (&seen, "here:|[redacted]|no more|" KEY_BODY "|say [redacted]|Please check|it again|[redacted]|line two|");
    }
    s_push_line (redact, false, "-----BEGIN RSA PRIVATE KEY-----");     /* the two do not mix */
    s_push_line (redact, true, KEY_BODY);
    s_push_line (redact, false, KEY_BODY);
    s_expect (&seen, "[redacted]|" KEY_BODY "|");
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static ag_draft_t *s_result (const char *content)
{
    ag_draft_t *draft = ag_draft_new (AG_AGENT_TOOL_RESULT);
    ag_draft_set_text (draft, AG_F_TOOL_USE_ID, "t");
    ag_draft_set_text (draft, AG_F_CONTENT, content);
    ag_draft_set_string (draft, AG_F_CONTENT_PREVIEW, content, ag_utf8_prefix_chars (content, strlen (content), 500));
    ag_draft_set_text (draft, AG_F_ERROR, "password=hunter2");
    return draft;
}

static void test_the_preview_shows_no_half_of_a_secret (void **state)
{
    (void) state;
    char content[600], expected[1400];
    memset (content, 'x', 490);
    strcpy (content + 490, " gh" "p_" A20 A20 " password=hunter2 end");
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    ag_draft_t *draft = s_result (content);
    ag_redact_push (redact, &draft, 0);
    content[490] = 0;
    snprintf (expected, sizeof expected, "%s [redacted] password=[redacted] end/%s [redacted|", content, content);
    s_expect (&seen, expected);
    assert_int_equal (ag_redact_count (redact), 2);     /* the error repeats one */
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static void test_objects_are_copied_not_changed (void **state)
{
    (void) state;
    static const char text[] =
        "{\"command\":\"PASSWORD=hunter2 make\",\"env\":{\"password\":\"hunter2\",\"n\":1},\"list\":[1,\"x\",[\"gh"
        "p_" A20 A20 "\"]],\"keep\":\"password\"}";
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    struct json_object *tree = json_tokener_parse (text);
    ag_draft_t *draft = ag_draft_new (AG_AGENT_TOOL_CALL);
    ag_draft_set_object (draft, AG_F_INPUT, tree);
    ag_redact_push (redact, &draft, 0);
    s_expect (&seen, "{\"command\":\"PASSWORD=[redacted] make\",\"env\":{\"password\":\"[redacted]\",\"n\":1},"
              "\"list\":[1,\"x\",[\"[redacted]\"]],\"keep\":\"password\"}|");
    assert_int_equal (ag_redact_count (redact), 3);
    assert_string_equal (
        json_object_to_json_string_ext (tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), text);
    json_object_put (tree);
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static void test_names_of_members_too (void **state)
{
    (void) state;
    static const char text[] = "{\"env\":{\"gh" "p_" A20 A20 "\":1,\"gh" "p_" A20 A20 "x\":2,\"keep\":3},\"a\":\"password=hunter2\"}";
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    struct json_object *tree = json_tokener_parse (text);
    ag_draft_t *draft = ag_draft_new (AG_AGENT_TOOL_CALL);
    ag_draft_set_object (draft, AG_F_INPUT, tree);
    ag_redact_push (redact, &draft, 0);
    s_expect (&seen, "{\"env\":{\"[redacted]\":1,\"[redacted] 1\":2,\"keep\":3},\"a\":\"password=[redacted]\"}|");
    assert_int_equal (ag_redact_count (redact), 3);
    json_object_put (tree);
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static void test_messages_of_errors_too (void **state)
{
    (void) state;
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    ag_draft_t *draft = ag_draft_new (AG_AGENT_ERROR);
    ag_draft_set_text (draft, AG_F_MESSAGE, "401 for postgres://app:s3cr3t@db");
    ag_redact_push (redact, &draft, 0);
    s_expect (&seen, "401 for postgres://app:[redacted]@db|");
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

/* ---------------------------------------------------------------------- */
/*  Texts that were cut before they came here */

#define VALUE "correct-horse-battery-staple"
#define VALUE_BEGINS "correct-hors"     /* shorter pieces are shown: they may be words */

/*  The whole event, as JSON. */
static void s_event_sink (void *context, ag_draft_t **draft_p)
{
    char *error = NULL;
    ag_ids_t ids = { .work_order = AG_STR ("w"), .run = AG_STR ("r") };
    ag_event_t *event = ag_event_new (*draft_p, &ids, &(ag_position_t) { .epoch = 1, .seq = 1 }, &error);
    assert_non_null (event);
    ag_buf_append_str (context, ag_event_json (event));
    ag_event_unref (&event);
    ag_draft_destroy (draft_p);
}

/*  Says "x..x VALUE end" with so many bytes before the value, in a line. */
static void s_expect_hidden (const char *before, size_t bytes, const char *after, size_t max_content_bytes)
{
    static const ag_str_t values[] = { AG_STR (VALUE) };
    ag_buf_t seen = { 0 }, line = { 0 };
    ag_redact_t *redact = ag_redact_new (values, 1, s_event_sink, &seen);
    ag_parser_options_t options = { .format = "flat", .max_content_bytes = max_content_bytes };
    ag_parser_t *parser = ag_parser_new (&options, s_to_redact, redact);
    ag_buf_append_cstr (&line, before);
    while (bytes--)
        ag_buf_append_char (&line, bytes ? 'x' : ' ');
    ag_buf_append_cstr (&line, VALUE " end");
    ag_buf_append_cstr (&line, after);
    ag_parser_feed (parser, line.data, line.len, 0);
    ag_parser_end (parser, 0);
    assert_null (memmem (seen.data, seen.len, VALUE_BEGINS, strlen (VALUE_BEGINS)));
    assert_non_null (memmem (seen.data, seen.len, " [redacted]", 11));
    ag_parser_destroy (&parser);
    ag_redact_destroy (&redact);
    ag_buf_free (&line);
    ag_buf_free (&seen);
}

static void test_what_was_cut_shows_no_half_of_a_secret (void **state)
{
    (void) state;
    static const size_t contents[] = { 0, 100, 485, 65536 };
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
        for (size_t bytes = 60; bytes <= 480; bytes += 420)     /* within the preview, and at its end */
            s_expect_hidden ("{\"type\":\"tool_result\",\"is_error\":true,\"content\":\"", bytes, "\"}\n", contents[i]);
    s_expect_hidden ("{\"type\":\"tool_result\",\"error\":\"", 480, "\"}\n", 65536);
    s_expect_hidden ("{\"type\":\"tool_use\",\"name\":\"x\",\"input\":{\"a\":\"", 65516, "\"}}\n", 65536);
    s_expect_hidden ("{\"type\":\"tool_use\",\"name\":\"x\",\"input\":{\"a\":[\"", 65516, "\"]}}\n", 65536);
    s_expect_hidden ("{\"type\":\"error\",\"message\":\"", 65516, "\"}\n", 65536);
    s_expect_hidden ("{\"type\":\"text\",\"text\":\"", 460, "\n", 65536);     /* malformed: its preview */
}

/*  What is left of the room for an input is no place to cut a string at. */
static void test_an_input_without_room_shows_no_half_of_a_secret (void **state)
{
    (void) state;
    ag_buf_t before = { 0 };
    ag_buf_append_cstr (&before, "{\"type\":\"tool_use\",\"name\":\"x\",\"input\":{\"a\":[\"" VALUE " " VALUE "\"");
    for (int i = 0; i < 7; i++) {
        ag_buf_append_cstr (&before, ",\"");
        for (int k = 0; k < 65536; k++)
            ag_buf_append_char (&before, 'y');
        ag_buf_append_char (&before, '"');
    }
    ag_buf_append_cstr (&before, ",\"");
    for (size_t bytes = 65400 - 70; bytes < 65400; bytes += 7)
        s_expect_hidden (ag_buf_cstr (&before), bytes, "\"]}}\n", 65536);
    ag_buf_free (&before);
}

/*  The answer and the reason that the executor ends a run with. */
static void test_the_end_of_a_run_shows_no_half_of_a_secret (void **state)
{
    (void) state;
    static const struct { ag_kind_t kind; ag_field_t field; const char *before; } ends[] = {
        { AG_RUN_COMPLETED, AG_F_RESULT_PREVIEW, "" }, { AG_RUN_FAILED, AG_F_ERROR, "exit status 1: " } };
    static const ag_str_t values[] = { AG_STR (VALUE) };
    for (size_t i = 0; i < 2; i++) {
        ag_buf_t seen = { 0 }, text = { 0 };
        ag_redact_t *redact = ag_redact_new (values, 1, s_event_sink, &seen);
        ag_draft_t *draft = ag_draft_new (ends[i].kind);
        ag_buf_printf (&text, "%s%480s%.20s", ends[i].before, " ", VALUE);
        ag_draft_set_string (draft, ends[i].field, text.data, text.len);
        ag_draft_set_integer (draft, AG_F_DURATION_MS, 1);
        if (ends[i].kind == AG_RUN_FAILED)
            ag_draft_set_text (draft, AG_F_REASON, "exit");
        else
            ag_draft_set_integer (draft, AG_F_EXIT_CODE, 0);
        ag_redact_push (redact, &draft, 0);
        assert_null (memmem (seen.data, seen.len, VALUE_BEGINS, strlen (VALUE_BEGINS)));
        ag_redact_destroy (&redact);
        ag_buf_free (&seen);
        ag_buf_free (&text);
    }
}

/* ---------------------------------------------------------------------- */
/*  Recordings: nothing in them is secret */

static void s_expect_no_hit (const char *path)
{
    char piece[65536];
    size_t got;
    ag_buf_t seen = { 0 };
    ag_redact_t *redact = ag_redact_new (NULL, 0, s_sink, &seen);
    ag_parser_options_t options = { .format = "auto", .max_content_bytes = 65536 };
    ag_parser_t *parser = ag_parser_new (&options, s_to_redact, redact);
    FILE *file = fopen (path, "rb");
    assert_non_null (file);
    while ((got = fread (piece, 1, sizeof piece, file)))
        ag_parser_feed (parser, piece, got, 0);
    ag_parser_end (parser, 0);
    ag_redact_flush (redact);
    if (ag_redact_count (redact) || memmem (seen.data ? seen.data : "", seen.len, "[redacted]", 10))
        fail_msg ("%s holds no secret", path);
    fclose (file);
    ag_parser_destroy (&parser);
    ag_redact_destroy (&redact);
    ag_buf_free (&seen);
}

static void test_recordings_have_no_false_hit (void **state)
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
                s_expect_no_hit (path);
            }
        closedir (folder);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_known_shapes_are_taken_out),
        cmocka_unit_test (test_ordinary_words_stay),
        cmocka_unit_test (test_given_values_are_taken_out),
        cmocka_unit_test (test_given_values_of_any_form_and_size),
        cmocka_unit_test (test_many_given_values),
        cmocka_unit_test (test_the_beginning_of_a_secret_at_a_cut_counts),
        cmocka_unit_test (test_hostile_texts_take_linear_time),
        cmocka_unit_test (test_a_stream_gives_what_the_whole_gives),
        cmocka_unit_test (test_ordinary_words_pass_a_stream),
        cmocka_unit_test (test_random_streams),
        cmocka_unit_test (test_deltas_hold_back_what_may_be_a_secret),
        cmocka_unit_test (test_what_is_held_comes_out_after_200_ms),
        cmocka_unit_test (test_a_pause_in_a_secret_does_not_show_the_rest),
        cmocka_unit_test (test_flush_and_the_whole_bring_it_out),
        cmocka_unit_test (test_a_key_over_pieces_of_a_long_text),
        cmocka_unit_test (test_a_key_over_lines),
        cmocka_unit_test (test_the_preview_shows_no_half_of_a_secret),
        cmocka_unit_test (test_objects_are_copied_not_changed),
        cmocka_unit_test (test_names_of_members_too),
        cmocka_unit_test (test_messages_of_errors_too),
        cmocka_unit_test (test_what_was_cut_shows_no_half_of_a_secret),
        cmocka_unit_test (test_an_input_without_room_shows_no_half_of_a_secret),
        cmocka_unit_test (test_the_end_of_a_run_shows_no_half_of_a_secret),
        cmocka_unit_test (test_recordings_have_no_false_hit),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
