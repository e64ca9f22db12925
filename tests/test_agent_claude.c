/*  test_agent_claude.c - Claude Code's dialect, where the recordings do not show it

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

#include "agent_probe.h"

#define LINE(text) text "\n"
#define EVENT(event, parent) LINE ("{`type`:`stream_event`,`event`:" event ",`parent_tool_use_id`:" parent "}")
#define START(id, parent) EVENT ("{`type`:`message_start`,`message`:{`id`:`" id "`}}", parent)
#define BEGIN(index, kind, parent)                                                                                     \
    EVENT ("{`type`:`content_block_start`,`index`:" index ",`content_block`:{`type`:`" kind "`}}", parent)
#define DELTA(index, text, parent)                                                                                     \
    EVENT ("{`type`:`content_block_delta`,`index`:" index ",`delta`:{`type`:`text_delta`,`text`:`" text "`}}", parent)
#define THOUGHT(index, text, parent)                                                                                   \
    EVENT ("{`type`:`content_block_delta`,`index`:" index ",`delta`:{`type`:`thinking_delta`,`thinking`:`" text "`}}", \
        parent)
#define STOP(index, parent) EVENT ("{`type`:`content_block_stop`,`index`:" index "}", parent)
#define END(parent) EVENT ("{`type`:`message_stop`}", parent)
#define ASSISTANT(id, blocks, parent)                                                                                  \
    LINE ("{`type`:`assistant`,`message`:{`id`:`" id "`,`type`:`message`,`role`:`assistant`,`content`:[" blocks "]},"  \
          "`parent_tool_use_id`:" parent "}")
#define TEXT(text) "{`type`:`text`,`text`:`" text "`}"
#define CALL(id, name, input) "{`type`:`tool_use`,`id`:`" id "`,`name`:`" name "`,`input`:" input "}"
#define RESULT(id, rest)                                                                                               \
    LINE ("{`type`:`user`,`message`:{`role`:`user`,`content`:[{`type`:`tool_result`,`tool_use_id`:`" id "`" rest "}]}}")

static void s_expect (const char *input, const char *expected)
{
    ag_probe_expect ("claude", input, expected);
}

/* ---------------------------------------------------------------------- */
/*  Partial messages */

static void test_deltas_then_the_whole_once (void **state)
{
    (void) state;
    s_expect (START ("m", "null") BEGIN ("0", "thinking", "null") THOUGHT ("0", "hm", "null")
                  ASSISTANT ("m", "{`type`:`thinking`,`thinking`:`hm`}", "null") STOP ("0", "null")
                      BEGIN ("1", "text", "null") DELTA ("1", "a", "null") DELTA ("1", "b", "null")
                          ASSISTANT ("m", TEXT ("ab"), "null") STOP ("1", "null") END ("null"),
        "thinking m#0 partial: hm\nthinking m#0: hm\ntext m#1 partial: a\ntext m#1 partial: b\ntext m#1: ab\n");
}

static void test_text_that_came_only_as_deltas_is_said_whole (void **state)
{
    (void) state;
    s_expect (START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "a", "null") STOP ("0", "null") END ("null")
                  RESULT ("t", ""),
        "text m#0 partial: a\ntext m#0: a\nok t 0ms 0: \n");
    /*  without an end of the message, at the next record that is no delta */
    s_expect (START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "a", "null") STOP ("0", "null")
                  RESULT ("t", "") START ("n", "null"),
        "text m#0 partial: a\ntext m#0: a\nok t 0ms 0: \n");
    s_expect (START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "a", "null") STOP ("0", "null")
                  START ("n", "null"),
        "text m#0 partial: a\ntext m#0: a\n");
    /*  and is not said again when the whole comes late */
    s_expect (START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "a", "null") STOP ("0", "null") END ("null")
                  ASSISTANT ("m", TEXT ("a"), "null"),
        "text m#0 partial: a\ntext m#0: a\n");
}

static void test_unfinished_blocks_are_incomplete_at_the_end (void **state)
{
    (void) state;
    s_expect (START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "half", "null"),
        "text m#0 partial: half\ntext m#0 incomplete: half\n");
    s_expect (START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "whole", "null") STOP ("0", "null"),
        "text m#0 partial: whole\ntext m#0: whole\n");
}

static void test_an_abandoned_attempt_says_nothing_whole (void **state)
{
    (void) state;
    s_expect (
        START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "keep", "null") STOP ("0", "null") BEGIN (
            "1", "text", "null") DELTA ("1", "lost", "null") STOP ("1",
            "null") "{`type`:`stream_event`,`event`:{`type`:`message_stop`},`abandoned_blocks`:{`from_block_index`:1}}\n",
        "text m#0 partial: keep\ntext m#1 partial: lost\ntext m#0: keep\n");
    /*  older builds only begin anew */
    s_expect (START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "lost", "null") START ("n", "null")
                  BEGIN ("0", "text", "null") DELTA ("0", "new", "null") ASSISTANT ("n", TEXT ("new"), "null"),
        "text m#0 partial: lost\ntext n#0 partial: new\ntext n#0: new\n");
}

static void test_interleaved_subagents_do_not_mix (void **state)
{
    (void) state;
    s_expect (START ("m", "null") START ("a", "`t1`") BEGIN ("0", "text", "`t1`") BEGIN ("0", "text", "null")
                  DELTA ("0", "sub", "`t1`") DELTA ("0", "main", "null") START ("b", "`t2`") BEGIN ("0", "text", "`t2`")
                      DELTA ("0", "two", "`t2`") ASSISTANT ("a", TEXT ("sub"), "`t1`")
                          ASSISTANT ("b", TEXT ("two"), "`t2`") ASSISTANT ("m", TEXT ("main"), "null"),
        "text a#0 partial <t1: sub\ntext m#0 partial: main\ntext b#0 partial <t2: two\ntext a#0 <t1: sub\ntext b#0 <t2: two\ntext m#0: main\n");
}

/*  However many subagents there were before: who speaks is not taken for one that has ended. */
static void test_many_subagents_do_not_break_off_the_main_line (void **state)
{
    (void) state;
    ag_buf_t input = { 0 }, expected = { 0 };
    ag_buf_append_cstr (&input, ASSISTANT ("l", TEXT ("first"), "null"));
    ag_buf_append_cstr (&expected, "text l#0: first\n");
    for (int i = 0; i < 100; i++) {
        if (i == 60)
            ag_buf_append_cstr (&input, START ("m", "null") BEGIN ("0", "text", "null") DELTA ("0", "to", "null"));
        ag_buf_printf (&input, ASSISTANT ("s%d", TEXT ("x"), "`p%d`"), i, i);
        if (i == 60)
            ag_buf_append_cstr (&expected, "text m#0 partial: to\n");
        ag_buf_printf (&expected, "text s%d#0 <p%d: x\n", i, i);
        if (i == 90) {
            ag_buf_append_cstr (&input, DELTA ("0", "gether", "null") ASSISTANT ("m", TEXT ("together"), "null"));
            ag_buf_append_cstr (&expected, "text m#0 partial: gether\ntext m#0: together\n");
        }
    }
    s_expect (ag_buf_cstr (&input), ag_buf_cstr (&expected));
    ag_buf_free (&input);
    ag_buf_free (&expected);
}

static void test_blocks_of_one_message_are_counted_over_its_lines (void **state)
{
    (void) state;
    s_expect (ASSISTANT ("m", TEXT ("a"), "null") ASSISTANT ("m", "{`type`:`redacted_thinking`,`data`:`x`}", "null")
                  ASSISTANT ("m", TEXT ("b") "," TEXT ("c"), "null") ASSISTANT ("n", TEXT ("d"), "null"),
        "text m#0: a\ntext m#2: b\ntext m#3: c\ntext n#0: d\n");
}

/* ---------------------------------------------------------------------- */
/*  Tools */

static void test_tools_have_a_kind_a_name_and_a_path (void **state)
{
    (void) state;
    s_expect (ASSISTANT ("m",
                  CALL ("1", "NotebookEdit", "{`notebook_path`:`a.ipynb`}") "," CALL (
                      "2", "mcp__x__y", "{`file_path`:`b`}") "," CALL ("3", "Grep", "{`path`:`src`}") "," CALL ("4",
                      "Task", "{}") "," CALL ("5", "MultiEdit", "{`file_path`:`c`}"),
                  "null"),
        "call 1 Edit/NotebookEdit path=a.ipynb {`notebook_path`:`a.ipynb`}\ncall 2 Other/mcp__x__y {`file_path`:`b`}\n"
        "call 3 Grep/Grep {`path`:`src`}\ncall 4 Other/Task {}\ncall 5 Edit/MultiEdit path=c {`file_path`:`c`}\n"
        "fail 1 0ms 0:  ! the agent ended before this call did\nfail 2 0ms 0:  ! the agent ended before this call did\n"
        "fail 3 0ms 0:  ! the agent ended before this call did\nfail 4 0ms 0:  ! the agent ended before this call did\n"
        "fail 5 0ms 0:  ! the agent ended before this call did\n");
}

static void test_results_are_strings_arrays_or_absent (void **state)
{
    (void) state;
    s_expect (
        RESULT ("1", ",`content`:`text`") RESULT (
            "2", ",`content`:[{`type`:`text`,`text`:`a`},{`type`:`text`,`text`:`b`}],`is_error`:false") RESULT ("3",
            "") RESULT ("4", ",`content`:`Exit code 2\\nmore`,`is_error`:true") RESULT ("5",
            ",`content`:[{`type`:`image`,`source`:{`type`:`base64`,`media_type`:`image/png`,`data`:`aGVsbG8h`}}]")
            RESULT ("6",
                ",`content`:[{`type`:`tool_reference`,`tool_name`:`X`},{`type`:`search_result`,`title`:`t`,`url`:`u`}]")
                RESULT ("7", ",`content`:{`any`:1}"),
        "ok 1 0ms 4: text\nok 2 0ms 3: a\nb\nok 3 0ms 0: \nfail 4 0ms 16: Exit code 2\nmore ! Exit code 2\n"
        "ok 5 0ms 26: [image image/png, 6 bytes]\nok 6 0ms 38: [tool_reference X]\n[search_result t u]\nok 7 0ms 9: {`any`:1}\n");
}

static void test_tools_of_the_server (void **state)
{
    (void) state;
    s_expect (
        ASSISTANT ("m",
            "{`type`:`server_tool_use`,`id`:`s1`,`name`:`web_search`,`input`:{`query`:`q`}},"
            "{`type`:`web_search_tool_result`,`tool_use_id`:`s1`,`content`:[{`type`:`web_search_result`,`title`:`T`,`url`:`U`}]},"
            "{`type`:`server_tool_use`,`id`:`s2`,`name`:`web_fetch`,`input`:{}},"
            "{`type`:`web_fetch_tool_result`,`tool_use_id`:`s2`,`content`:{`type`:`e`,`error_code`:`unavailable`}}",
            "null"),
        "call s1 WebSearch/web_search {`query`:`q`}\nok s1 0ms 23: [web_search_result T U]\ncall s2 WebFetch/web_fetch {}\n"
        "fail s2 0ms 39: {`type`:`e`,`error_code`:`unavailable`} ! unavailable\n");
    s_expect (
        ASSISTANT ("m",
            "{`type`:`mcp_tool_use`,`id`:`c1`,`name`:`echo`,`server_name`:`s`,`input`:{}},"
            "{`type`:`mcp_tool_result`,`tool_use_id`:`c1`,`is_error`:true,`content`:[" TEXT ("no") "]},"
            "{`type`:`server_tool_use`,`id`:`c2`,`name`:`code_execution`,`input`:{}},"
            "{`type`:`code_execution_tool_result`,`tool_use_id`:`c2`,`content`:{`stdout`:``,`return_code`:3}}",
            "null"),
        "call c1 Other/echo {}\nfail c1 0ms 2: no ! no\ncall c2 Other/code_execution {}\n"
        "fail c2 0ms 29: {`stdout`:``,`return_code`:3} ! exit code 3\n");
}

static void test_durations_are_from_call_to_result (void **state)
{
    (void) state;
    ag_probe_t probe = { 0 };
    ag_parser_options_t options = { .format = "claude" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    static const char call[] = ASSISTANT ("m", CALL ("1", "Bash", "{}") "," CALL ("2", "Bash", "{}"), "`p`");
    static const char result[] = RESULT ("1", ",`content`:`x`");
    char *quoted = ag_probe_quote (call);
    ag_parser_feed (parser, quoted, strlen (quoted), 5000000);
    free (quoted);
    quoted = ag_probe_quote (result);
    ag_parser_feed (parser, quoted, strlen (quoted), 5123999);
    free (quoted);
    ag_parser_end (parser, 9000000);
    assert_string_equal (ag_buf_cstr (&probe.seen),
        "call 1 Bash/Bash <p {}\ncall 2 Bash/Bash <p {}\nok 1 123ms 1: x <p\nfail 2 4000ms 0:  ! the agent ended before this call did <p\n");
    ag_parser_destroy (&parser);
    ag_buf_free (&probe.seen);
}

/* ---------------------------------------------------------------------- */
/*  The run */

#define USAGE "`usage`:{`input_tokens`:1,`output_tokens`:2,`cache_read_input_tokens`:3,`cache_creation_input_tokens`:4}"
#define MODELS(n)                                                                                                      \
    "`modelUsage`:{`m`:{`inputTokens`:" n ",`outputTokens`:2,`cacheReadInputTokens`:3,`cacheCreationInputTokens`:4}}"

static void test_cost_and_usage_are_totals_turns_are_added (void **state)
{
    (void) state;
    s_expect (LINE ("{`is_error`:false,`num_turns`:2,`total_cost_usd`:0.5," USAGE
                    "," MODELS ("10") ",`subtype`:`success`,`result`:`a`,`type`:`result`}")
                  LINE ("{`is_error`:false,`num_turns`:1,`total_cost_usd`:0.75," USAGE
                        "," MODELS ("20") ",`subtype`:`success`,`type`:`result`}"),
        "usage 10/2 cache 3/4 $0.5 turns 2 m\nusage 20/2 cache 3/4 $0.75 turns 3 m\n");
    /*  builds without totals by model: the turns' usage is added up */
    s_expect (
        LINE ("{`type`:`result`,`subtype`:`success`,`is_error`:false,`num_turns`:2,`cost_usd`:0.5," USAGE "}")
            LINE ("{`type`:`result`,`subtype`:`success`,`is_error`:false,`num_turns`:2,`cost_usd`:0.6," USAGE "}"),
        "usage 1/2 cache 3/4 $0.5 turns 2\nusage 2/4 cache 6/8 $0.6 turns 4\n");
}

static void s_expect_end (const char *input, bool is_error, const char *text)
{
    ag_parser_summary_t summary = { 0 };
    ag_probe_t probe = { 0 };
    ag_parser_options_t options = { .format = "claude" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    char *quoted = ag_probe_quote (input);
    ag_parser_feed (parser, quoted, strlen (quoted), 0);
    free (quoted);
    ag_parser_end (parser, 0);
    ag_parser_summary (parser, &summary);
    assert_true (summary.has_result);
    assert_int_equal (summary.result_is_error, is_error);
    if (text) {
        assert_int_equal (summary.result_text.len, strlen (text));
        assert_memory_equal (summary.result_text.ptr, text, strlen (text));
    }
    else
        assert_null (summary.result_text.ptr);
    ag_parser_destroy (&parser);
    ag_buf_free (&probe.seen);
}

#define RESULT_OF(rest) LINE ("{`type`:`result`,`subtype`:`success`," rest "}")

static void test_is_error_is_trusted_not_the_subtype (void **state)
{
    (void) state;
    s_expect_end ("{`type`:`result`,`subtype`:`success`,`is_error`:true,`result`:`API Error`}\n", true, "API Error");
    s_expect_end ("{`type`:`result`,`subtype`:`error_max_turns`,`is_error`:false,`errors`:[`a`,`b`]}\n", false, "a\nb");
    s_expect_end ("{`type`:`result`,`subtype`:`success`,`is_error`:true,`result`:`x`}\n"
                  "{`type`:`result`,`subtype`:`success`,`is_error`:false,`result`:`the last counts`}\n",
        false, "the last counts");
    /*  an answer stays when a later turn has none; an error does not borrow one */
    s_expect_end (RESULT_OF ("`is_error`:false,`result`:`answer`") RESULT_OF ("`is_error`:false"), false, "answer");
    s_expect_end (RESULT_OF ("`is_error`:false,`result`:`answer`") RESULT_OF ("`is_error`:true"), true, NULL);
    /*  Amp says why in "error" */
    s_expect_end (RESULT_OF ("`is_error`:true,`error`:`413 too large`"), true, "413 too large");
}

static void test_an_api_error_is_an_error_once (void **state)
{
    (void) state;
    s_expect (
        LINE ("{`type`:`assistant`,`error`:`server_error`,`message`:{`id`:`x`,`model`:`<synthetic>`,`content`:[" TEXT (
            "API Error: 500") "]}}")
            LINE ("{`type`:`result`,`subtype`:`success`,`is_error`:true,`result`:`API Error: 500`}"),
        "error agent/server_error: API Error: 500\n");
    /*  of builds that do not say that it is one */
    s_expect (LINE ("{`type`:`assistant`,`message`:{`id`:`x`,`model`:`<synthetic>`,`content`:[" TEXT (
                  "API Error: 500 {}") "]}}") LINE ("{`type`:`assistant`,`message`:{`id`:`y`,`model`:`<synthetic>`,"
                                                   "`content`:[" TEXT ("No response requested.") "]}}"),
        "error agent: API Error: 500 {}\ntext y#0: No response requested.\n");
    s_expect (LINE ("{`type`:`result`,`subtype`:`error_during_execution`,`is_error`:true,`errors`:[`why`]}"),
        "error agent/error_during_execution: why\n");
    s_expect (LINE ("{`type`:`result`,`subtype`:`error_max_turns`,`is_error`:false}"),
        "warning agent/error_max_turns: error_max_turns\n");
}

static void test_what_the_system_says_as_a_warning (void **state)
{
    (void) state;
    s_expect (
        LINE (
            "{`type`:`system`,`subtype`:`api_retry`,`attempt`:1,`max_retries`:3,`retry_delay_ms`:500,`error_status`:529,`error`:`overloaded`}")
            LINE (
                "{`type`:`system`,`subtype`:`status`,`status`:null,`compact_result`:`failed`,`compact_error`:`exhausted`}")
                LINE ("{`type`:`system`,`subtype`:`hook_response`,`outcome`:`error`,`stderr`:`no`}")
                    LINE ("{`type`:`system`,`subtype`:`task_notification`,`status`:`failed`,`summary`:`Wait`}") LINE (
                        "{`type`:`system`,`subtype`:`model_refusal_fallback`,`content`:`switched`,`fallback_model`:`n`}")
                        LINE ("{`type`:`rate_limit_event`,`rate_limit_info`:{`status`:`rejected`}}")
                            LINE ("{`type`:`rate_limit_event`,`rate_limit_info`:{`status`:`allowed`}}")
                                LINE ("{`type`:`system`,`subtype`:`informational`,`level`:`notice`,`content`:`x`}")
                                    LINE ("{`type`:`system`,`subtype`:`hook_response`,`outcome`:`success`}")
                                        LINE ("{`type`:`keep_alive`}"),
        "warning agent/api_retry: the model's service failed (overloaded, status 529); try 1 of 3 follows in 500 ms\n"
        "warning agent/compact_failed: exhausted\nwarning agent/hook_failed: no\nwarning agent/task_failed: Wait\n"
        "warning agent/model_refusal: switched\nwarning agent/rate_limit: the account's rate limit is used up\n");
}

#define SYSTEM(subtype, rest) LINE ("{`type`:`system`,`subtype`:`" subtype "`," rest "}")

static void test_a_failed_task_is_told_once (void **state)
{
    (void) state;
    s_expect (SYSTEM ("task_updated", "`task_id`:`a`,`patch`:{`status`:`failed`,`error`:`out of memory`}")
                  SYSTEM ("task_notification", "`task_id`:`a`,`status`:`failed`,`summary`:`Build`")
                      SYSTEM ("task_updated", "`task_id`:`b`,`patch`:{`status`:`failed`}")
                          SYSTEM ("task_notification", "`task_id`:`b`,`status`:`failed`,`summary`:`Tests`")
                              SYSTEM ("task_updated", "`task_id`:`c`,`patch`:{`status`:`completed`}"),
        "warning agent/task_failed: out of memory\nwarning agent/task_failed: Tests\n");
}

static void test_what_else_a_person_should_know (void **state)
{
    (void) state;
    s_expect (
        SYSTEM ("session_writes_lost", "`error_code`:`ENOSPC`,`lost`:[`transcript`]")
            SYSTEM ("mirror_error", "`error`:`cannot write`") SYSTEM ("plugin_install", "`status`:`failed`,`name`:`p`")
                SYSTEM ("plugin_install", "`status`:`installed`,`name`:`p`")
                    SYSTEM ("informational", "`level`:`info`,`content`:`a hook said no`,`prevent_continuation`:true")
                        SYSTEM ("local_command_output", "`content`:`## Context\\n12 %`")
                            LINE ("{`type`:`auth_status`,`isAuthenticating`:false,`output`:[],`error`:`expired`}")
                                LINE ("{`type`:`tool_progress`,`tool_use_id`:`t-heartbeat-0`,`tool_name`:`Agent`,"
                                      "`subagent_retry`:{`agent_id`:`x`,`attempt`:1,`max_retries`:2,`retry_delay_ms`:5,"
                                      "`error_status`:429,`error_category`:`rate_limit`}}")
                                    LINE ("{`type`:`tool_progress`,`tool_use_id`:`t-heartbeat-1`,`tool_name`:`Bash`}"),
        "warning agent/session_not_saved: the agent could not save its session\nwarning agent/session_not_saved: cannot write\n"
        "warning agent/plugin_failed: a plugin could not be installed\nwarning agent/informational: a hook said no\n"
        "raw: ## Context\n12 %\nwarning agent/auth: expired\n"
        "warning agent/api_retry: the model's service failed (rate_limit, status 429); try 1 of 2 follows in 5 ms\n");
}

/*  By the uuids of its records: a viewer knows the ids of messages. */
static void test_what_is_taken_back_is_named (void **state)
{
    (void) state;
#define SAID(id, uuid, rest)                                                                                           \
    LINE ("{`type`:`assistant`,`uuid`:`" uuid "`," rest "`message`:{`id`:`" id "`,`content`:[" TEXT ("x") "]}}")
    s_expect (SAID ("m", "u1", "") SAID ("m", "u2", "") SAID ("n", "u3", "") SYSTEM ("model_refusal_fallback",
                  "`content`:`switched`,`fallback_model`:`f`,`retracted_message_uuids`:[`u1`,`u2`,`u9`]")
                  SAID ("o", "u4", "`supersedes`:[`u3`,`u1`],")
                      SYSTEM ("model_refusal_fallback", "`content`:`again`,`retracted_message_uuids`:[`u1`,`u3`]"),
        "text m#0: x\ntext m#1: x\ntext n#0: x\nwarning agent/model_refusal: switched\n"
        "warning agent/retracted: the agent takes back what it has said in these messages [`m`]\n"
        "warning agent/superseded: the agent takes back what it has said in these messages [`n`]\ntext o#0: x\n"
        "warning agent/model_refusal: again\n");
}

static void test_a_message_that_was_broken_off_is_incomplete (void **state)
{
    (void) state;
    s_expect (
        LINE ("{`type`:`assistant`,`aborted`:true,`message`:{`id`:`m`,`content`:[" TEXT ("I was go") "]}}")
            LINE ("{`type`:`assistant`,`message`:{`id`:`n`,`content`:[" TEXT ("whole") "]}}"),
        "text m#0 incomplete: I was go\ntext n#0: whole\n");
}

static void s_expect_model (const char *input, const char *model)
{
    ag_parser_summary_t summary;
    ag_probe_t probe = { 0 };
    ag_parser_options_t options = { .format = "claude" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    char *quoted = ag_probe_quote (input);
    ag_parser_feed (parser, quoted, strlen (quoted), 0);
    free (quoted);
    ag_parser_summary (parser, &summary);
    assert_non_null (summary.model.ptr);
    assert_string_equal (summary.model.ptr, model);
    ag_parser_destroy (&parser);
    ag_buf_free (&probe.seen);
}

static void test_the_model_is_the_runs (void **state)
{
    (void) state;
#define OF_MODEL(model) LINE ("{`type`:`assistant`,`message`:{`id`:`m`,`model`:`" model "`,`content`:[]}}")
    s_expect_model (OF_MODEL ("<synthetic>") OF_MODEL ("a") OF_MODEL ("subagent's"), "a");
    s_expect_model (SYSTEM ("init", "`model`:`i`") OF_MODEL ("a"), "i");
    s_expect_model (SYSTEM ("init", "`model`:`i`") SYSTEM ("model_refusal_fallback", "`fallback_model`:`f`"), "f");
    s_expect_model (
        SYSTEM ("init", "`model`:`i`") SYSTEM ("model_refusal_fallback", "`scope`:`local`,`fallback_model`:`f`"), "i");
}

static void test_prompts_and_notices_are_no_output (void **state)
{
    (void) state;
    s_expect (LINE ("{`type`:`user`,`message`:{`role`:`user`,`content`:`the prompt`}}") LINE (
                  "{`type`:`user`,`message`:{`role`:`user`,`content`:[" TEXT ("[Request interrupted by user]") "]}}")
                  LINE ("{`type`:`user`,`parent_tool_use_id`:`t`,`message`:{`role`:`user`,`content`:[" TEXT (
                      "subagent's prompt") "]}}"),
        "");
}

/* ---------------------------------------------------------------------- */
/*  Other forms */

static void test_the_single_object_form (void **state)
{
    (void) state;
    s_expect (LINE ("{`type`:`assistant`,`message`:{`type`:`text`,`text`:`hello`}}") LINE (
                  "{`type`:`assistant`,`message`:{`type`:`tool_use`,`id`:`t`,`name`:`Read`,`input`:{`file_path`:`a`}}}")
                  LINE ("{`type`:`user`,`message`:{`type`:`tool_result`,`tool_use_id`:`t`,`content`:`x`}}")
                      LINE ("{`type`:`assistant`,`message`:`only words`}")
                          LINE ("{`type`:`assistant`,`message`:{`role`:`assistant`,`content`:`words`}}"),
        "text#0: hello\ncall t Read/Read path=a {`file_path`:`a`}\nok t 0ms 1: x\ntext: only words\ntext#0: words\n");
}

static void test_messages_without_an_envelope (void **state)
{
    (void) state;
    s_expect (LINE ("{`id`:`m`,`type`:`message`,`role`:`assistant`,`content`:[" TEXT ("hi") "," CALL (
                  "t", "Bash", "{`command`:`pwd`}") "]}")
                  LINE ("{`role`:`user`,`content`:[{`type`:`tool_result`,`content`:`/home`,`tool_use_id`:`t`}]}")
                      LINE ("{`role`:`system`,`cost_usd`:0.25,`duration_ms`:5000}"),
        "text m#0: hi\ncall t Bash/Bash {`command`:`pwd`}\nok t 0ms 5: /home\n");
    s_expect_end (LINE ("{`role`:`system`,`cost_usd`:0.25,`duration_ms`:5000}"), false, NULL);
}

static void test_flat_lines_are_read_too (void **state)
{
    (void) state;
    s_expect (LINE ("{`type`:`tool_use`,`id`:`t`,`name`:`Bash`,`input`:{}}")
                  LINE ("{`type`:`tool_result`,`tool_use_id`:`t`,`content`:`x`}")
                      LINE ("{`type`:`error`,`message`:`bad`}") ASSISTANT ("m", TEXT ("a"), "null"),
        "call t Bash/Bash {}\nok t 0ms 1: x\nerror agent: bad\ntext m#0: a\n");
}

/*  Fields of any type where others are expected: nothing is said that is not there. */
static void test_fields_of_wrong_types (void **state)
{
    (void) state;
    s_expect (LINE ("{`type`:`assistant`}") LINE ("{`type`:`assistant`,`message`:[]}")
                  LINE ("{`type`:`assistant`,`message`:{`content`:[1,null,[],{`type`:7}]}}")
                      LINE ("{`type`:`user`,`message`:7}") LINE ("{`type`:`stream_event`}") LINE (
                          "{`type`:`stream_event`,`event`:{`type`:`content_block_delta`}}") LINE ("{`type`:`result`}")
                          LINE ("{`type`:`result`,`errors`:[1],`modelUsage`:{`m`:3},`usage`:[]}") LINE ("{`type`:[]}")
                              LINE ("{`type`:`system`,`subtype`:{}}"),
        "warning parser/UNKNOWN_RECORDS: records of unknown types were left out: 2\n");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_deltas_then_the_whole_once),
        cmocka_unit_test (test_text_that_came_only_as_deltas_is_said_whole),
        cmocka_unit_test (test_unfinished_blocks_are_incomplete_at_the_end),
        cmocka_unit_test (test_an_abandoned_attempt_says_nothing_whole),
        cmocka_unit_test (test_interleaved_subagents_do_not_mix),
        cmocka_unit_test (test_many_subagents_do_not_break_off_the_main_line),
        cmocka_unit_test (test_blocks_of_one_message_are_counted_over_its_lines),
        cmocka_unit_test (test_tools_have_a_kind_a_name_and_a_path),
        cmocka_unit_test (test_results_are_strings_arrays_or_absent),
        cmocka_unit_test (test_tools_of_the_server),
        cmocka_unit_test (test_durations_are_from_call_to_result),
        cmocka_unit_test (test_cost_and_usage_are_totals_turns_are_added),
        cmocka_unit_test (test_is_error_is_trusted_not_the_subtype),
        cmocka_unit_test (test_an_api_error_is_an_error_once),
        cmocka_unit_test (test_what_the_system_says_as_a_warning),
        cmocka_unit_test (test_a_failed_task_is_told_once),
        cmocka_unit_test (test_what_else_a_person_should_know),
        cmocka_unit_test (test_what_is_taken_back_is_named),
        cmocka_unit_test (test_a_message_that_was_broken_off_is_incomplete),
        cmocka_unit_test (test_the_model_is_the_runs),
        cmocka_unit_test (test_prompts_and_notices_are_no_output),
        cmocka_unit_test (test_the_single_object_form),
        cmocka_unit_test (test_messages_without_an_envelope),
        cmocka_unit_test (test_flat_lines_are_read_too),
        cmocka_unit_test (test_fields_of_wrong_types),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
