/*  test_agent_others.c - all dialects but claude, where the recordings do not show it

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
#define STARTED(item) LINE ("{`type`:`item.started`,`item`:" item "}")
#define UPDATED(item) LINE ("{`type`:`item.updated`,`item`:" item "}")
#define COMPLETED(item) LINE ("{`type`:`item.completed`,`item`:" item "}")

/* ---------------------------------------------------------------------- */
/*  Codex */

static void test_codex_commands_succeed_by_their_exit_code (void **state)
{
    (void) state;
#define COMMAND(id, code, status)                                                                                      \
    COMPLETED ("{`id`:`" id "`,`type`:`command_execution`,`command`:`x`,`aggregated_output`:`o`,`exit_code`:" code     \
               ",`status`:`" status "`}")
    ag_probe_expect ("codex",
        COMMAND ("1", "0", "completed") COMMAND ("2", "101", "completed") COMMAND ("3", "null", "completed")
            COMMAND ("4", "null", "declined"),
        "call 1 Bash/command_execution {`command`:`x`}\nok 1 0ms 1: o\n"
        "call 2 Bash/command_execution {`command`:`x`}\nfail 2 0ms 1: o ! exit code 101\n"
        "call 3 Bash/command_execution {`command`:`x`}\nfail 3 0ms 1: o ! ended without an exit code\n"
        "call 4 Bash/command_execution {`command`:`x`}\nfail 4 0ms 1: o ! declined\n");
}

static void test_codex_file_changes (void **state)
{
    (void) state;
    ag_probe_expect ("codex",
        STARTED ("{`id`:`1`,`type`:`file_change`,`changes`:[{`path`:`a`,`kind`:`update`}],`status`:`in_progress`}")
            COMPLETED ("{`id`:`1`,`type`:`file_change`,`changes`:[{`path`:`a`,`kind`:`update`}],`status`:`failed`}")
                COMPLETED (
                    "{`id`:`2`,`type`:`file_change`,`changes`:[{`path`:`a`},{`path`:`b`}],`status`:`completed`}"),
        "call 1 Edit/file_change path=a {`changes`:[{`path`:`a`,`kind`:`update`}]}\nfail 1 0ms 0:  ! the change was not made\n"
        "call 2 Edit/file_change {`changes`:[{`path`:`a`},{`path`:`b`}]}\nok 2 0ms 0: \n");
}

static void test_codex_mcp_search_and_helpers (void **state)
{
    (void) state;
    ag_probe_expect ("codex",
        STARTED (
            "{`id`:`1`,`type`:`mcp_tool_call`,`server`:`s`,`tool`:`t`,`arguments`:{`a`:1},`result`:null,`error`:null,`status`:`in_progress`}")
            COMPLETED (
                "{`id`:`1`,`type`:`mcp_tool_call`,`server`:`s`,`tool`:`t`,`arguments`:{`a`:1},`result`:{`content`:[{`type`:`text`,`text`:`r`}]},`error`:null,`status`:`completed`}")
                COMPLETED (
                    "{`id`:`2`,`type`:`mcp_tool_call`,`server`:`s`,`tool`:`t`,`arguments`:7,`result`:null,`error`:{`message`:`no`},`status`:`failed`}")
                    COMPLETED (
                        "{`id`:`5`,`type`:`mcp_tool_call`,`server`:`s`,`tool`:`t`,`arguments`:{},`result`:{`content`:[],`structured_content`:{`n`:1}},`error`:null,`status`:`completed`}")
                    COMPLETED ("{`id`:`item_3`,`type`:`web_search`,`id`:`ws_3`,`query`:`q`,`action`:{`type`:`search`}}")
                        COMPLETED (
                            "{`id`:`4`,`type`:`collab_tool_call`,`tool`:`spawn_agent`,`prompt`:`p`,`agents_states`:{},`status`:`completed`}"),
        "call 1 Other/mcp__s__t {`a`:1}\nok 1 0ms 1: r\ncall 2 Other/mcp__s__t {`arguments`:7}\nfail 2 0ms 0:  ! no\n"
        "call 5 Other/mcp__s__t {}\nok 5 0ms 7: {`n`:1}\n"
        "call ws_3 WebSearch/web_search {`query`:`q`,`action`:{`type`:`search`}}\nok ws_3 0ms 1: q\n"
        "call 4 Other/spawn_agent {`prompt`:`p`}\nok 4 0ms 2: {}\n");
}

static void test_codex_todo_list_is_a_call_a_state (void **state)
{
    (void) state;
#define TODO(done) "{`id`:`i`,`type`:`todo_list`,`items`:[{`text`:`a`,`completed`:" done "}]}"
    ag_probe_expect ("codex",
        STARTED (TODO ("false")) UPDATED (TODO ("false")) UPDATED (TODO ("true")) COMPLETED (TODO ("true")),
        "call i Other/todo_list {`items`:[{`text`:`a`,`completed`:false}]}\nok i 0ms 0: \n"
        "call i.2 Other/todo_list {`items`:[{`text`:`a`,`completed`:true}]}\nok i.2 0ms 0: \n");
}

static void test_codex_errors_and_ends (void **state)
{
    (void) state;
    ag_probe_expect ("codex",
        LINE ("{`type`:`error`,`message`:`Reconnecting... 1/5`}") COMPLETED (
            "{`id`:`0`,`type`:`error`,`message`:`odd model`}") LINE ("{`type`:`error`,`message`:`broken`}")
            LINE ("{`type`:`turn.failed`,`error`:{`message`:`broken`}}") LINE ("{`type`:`turn.started`}")
                LINE ("{`type`:`turn.failed`,`error`:{`message`:`again`}}") LINE (
                    "{`type`:`turn.completed`,`usage`:{`input_tokens`:5,`cached_input_tokens`:3,`output_tokens`:2}}")
                    LINE (
                        "{`type`:`turn.completed`,`usage`:{`input_tokens`:5,`cached_input_tokens`:3,`output_tokens`:2}}"),
        "warning agent: Reconnecting... 1/5\nwarning agent: odd model\nerror agent: broken\nerror agent/turn_failed: again\n"
        "usage 5/2 cache 3/-1 $-1 turns 1\nusage 10/4 cache 6/-1 $-1 turns 2\n");
}

static void test_codex_texts_may_hold_nul (void **state)
{
    (void) state;
    char *answer = ag_probe_quote (COMPLETED ("{`id`:`0`,`type`:`agent_message`,`text`:`ab\\u0000cd`}")
                                       LINE ("{`type`:`turn.completed`}"));
    char *failure = ag_probe_quote (LINE ("{`type`:`error`,`message`:`ab\\u0000cd`}")
                                        LINE ("{`type`:`turn.failed`,`error`:{`message`:`ab\\u0000cd`}}"));
    ag_probe_t probe = { 0 };
    ag_parser_summary_t summary;
    ag_parser_options_t options = { .format = "codex" };
    ag_parser_t *parser = ag_parser_new (&options, ag_probe_take, &probe);
    ag_parser_feed (parser, answer, strlen (answer), 0);
    ag_parser_summary (parser, &summary);
    assert_int_equal (summary.result_text.len, 5);
    assert_memory_equal (summary.result_text.ptr, "ab\0cd", 5);
    ag_parser_feed (parser, failure, strlen (failure), 0);
    assert_int_equal (probe.drafts, 2);         /* the text, and the error once */
    ag_parser_destroy (&parser);
    ag_buf_free (&probe.seen);
    free (answer);
    free (failure);
}

static void test_codex_of_older_builds (void **state)
{
    (void) state;
    ag_probe_expect ("codex",
        COMPLETED ("{`id`:`0`,`item_type`:`assistant_message`,`text`:`hi`}")
            COMPLETED ("{`id`:`1`,`type`:`reasoning`,`text`:`hm`}"),
        "text 0: hi\nthinking 1: hm\n");
}

/* ---------------------------------------------------------------------- */
/*  Gemini */

#define G(type, rest) LINE ("{`type`:`" type "`,`timestamp`:`2026-11-22T08:20:17.335Z`," rest "}")
#define SAY(text) G ("message", "`role`:`assistant`,`content`:`" text "`,`delta`:true")

static void test_gemini_deltas_end_at_the_next_record (void **state)
{
    (void) state;
    ag_probe_expect ("gemini",
        SAY ("a") SAY ("b") G ("tool_use", "`tool_name`:`read_file`,`tool_id`:`t`,`parameters`:{`absolute_path`:`/x`}")
            G ("tool_result", "`tool_id`:`t`,`status`:`success`,`output`:``") SAY ("c"),
        "text message-1#0 partial: a\ntext message-1#0 partial: b\ntext message-1#0: ab\ncall t Read/read_file path=/x {`absolute_path`:`/x`}\n"
        "ok t 0ms 0: \ntext message-2#0 partial: c\ntext message-2#0 incomplete: c\n");
}

static void test_gemini_whole_messages_and_prompts (void **state)
{
    (void) state;
    ag_probe_expect ("gemini",
        G ("message", "`role`:`user`,`content`:`prompt`") G ("message", "`role`:`assistant`,`content`:`whole`") SAY (
            "x") G ("result",
            "`status`:`error`,`error`:{`type`:`E`,`message`:`why`},`stats`:{`input_tokens`:1,`output_tokens`:2,`cached`:3}"),
        "text message-1#0: whole\ntext message-2#0 partial: x\ntext message-2#0: x\nerror agent/E: why\nusage 1/2 cache 3/-1 $-1 turns -1\n");
}

static void test_gemini_failures (void **state)
{
    (void) state;
    ag_probe_expect ("gemini",
        G ("tool_use", "`tool_name`:`run_shell_command`,`tool_id`:`t`,`parameters`:{}")
            G ("tool_result", "`tool_id`:`t`,`status`:`error`,`error`:{`type`:`x`,`message`:`no`}")
                G ("error", "`severity`:`warning`,`message`:`Loop detected`"),
        "call t Bash/run_shell_command {}\nfail t 0ms 2: no ! no\nwarning agent: Loop detected\n");
}

/* ---------------------------------------------------------------------- */
/*  opencode */

#define O(type, part) LINE ("{`type`:`" type "`,`timestamp`:1,`sessionID`:`s`,`part`:" part "}")
#define TOOL(tool, state)                                                                                              \
    O ("tool_use", "{`type`:`tool`,`tool`:`" tool "`,`callID`:`c`,`messageID`:`m`,`state`:" state "}")

static void test_opencode_failures (void **state)
{
    (void) state;
    ag_probe_expect ("opencode",
        TOOL (
            "bash", "{`status`:`completed`,`input`:{},`output`:`o`,`metadata`:{`exit`:0},`time`:{`start`:5,`end`:30}}")
            TOOL ("bash", "{`status`:`completed`,`input`:{},`output`:`o`,`metadata`:{`exit`:3}}")
                TOOL ("bash", "{`status`:`completed`,`input`:{},`output`:`o`,`metadata`:{`exit`:null}}")
                    TOOL ("read", "{`status`:`error`,`input`:{`filePath`:`f`},`error`:`not found`}")
                        TOOL ("invalid", "{`status`:`completed`,`input`:{`tool`:`x`,`error`:`no x`},`output`:`o`}"),
        "call c Bash/bash {}\nok c 25ms 1: o\ncall c Bash/bash {}\nfail c 0ms 1: o ! exit code 3\n"
        "call c Bash/bash {}\nfail c 0ms 1: o ! ended without an exit code\ncall c Read/read path=f {`filePath`:`f`}\nfail c 0ms 9: not found ! not found\n"
        "call c Other/invalid {`tool`:`x`,`error`:`no x`}\nfail c 0ms 1: o ! no x\n");
}

static void test_opencode_parts_steps_and_errors (void **state)
{
    (void) state;
    ag_probe_expect ("opencode",
        O ("step_start", "{}") O ("reasoning", "{`messageID`:`m`,`text`:`hm`}") O (
            "text", "{`messageID`:`m`,`text`:`a`}") O ("text", "{`messageID`:`n`,`text`:`b`}") O ("step_finish",
            "{`reason`:`tool-calls`,`cost`:0.25,`tokens`:{`input`:1,`output`:2,`cache`:{`read`:3,`write`:4}}}")
            O ("step_finish",
                "{`reason`:`stop`,`cost`:0.5,`tokens`:{`input`:1,`output`:2,`cache`:{`read`:3,`write`:4}}}")
                LINE (
                    "{`type`:`error`,`sessionID`:`s`,`error`:{`name`:`APIError`,`data`:{`message`:`Invalid`,`statusCode`:400}}}")
                    LINE ("{`type`:`done`,`sessionID`:`s`,`reason`:`idle`,`rejected`:[]}")
                        LINE ("{`type`:`done`,`sessionID`:`s`,`reason`:`idle`,`rejected`:[{`permission`:`bash`}]}"),
        "thinking m#0: hm\ntext m#1: a\ntext n#0: b\nusage 1/2 cache 3/4 $0.25 turns 1\nusage 2/4 cache 6/8 $0.75 turns 2\nerror agent/APIError: Invalid\n"
        "warning agent/permission_rejected: permissions were refused, since nobody was asked\n");
}

/* ---------------------------------------------------------------------- */
/*  Amp */

#define AMP(type, rest) LINE ("{`type`:`" type "`,`session_id`:`T-1`," rest "}")
#define AMP_RESULT(id, content)                                                                                        \
    AMP ("user", "`message`:{`role`:`user`,`content`:[{`type`:`tool_result`,`tool_use_id`:`" id "`,`content`:" content  \
                 ",`is_error`:false}]}")

static void test_amp_commands_fail_by_their_exit_code (void **state)
{
    (void) state;
    ag_probe_expect ("auto",
        AMP ("system", "`subtype`:`init`,`cwd`:`/w`")
            AMP ("assistant",
                "`message`:{`content`:[{`type`:`thinking`,`thinking`:`hm`},{`type`:`text`,`text`:`a`},{`type`:`tool_use`,`id`:`1`,"
                "`name`:`shell_command`,`input`:{`command`:`x`}},{`type`:`tool_use`,`id`:`2`,`name`:`create_file`,`input`:{`path`:`f`}}],"
                "`usage`:{`input_tokens`:1,`output_tokens`:2,`cache_read_input_tokens`:3,`cache_creation_input_tokens`:4}}")
                AMP_RESULT ("1", "`{\\`output\\`:\\`no\\`,\\`exitCode\\`:1}`") AMP_RESULT ("2", "`{\\`any\\`:1}`")
                    AMP ("assistant", "`message`:{`content`:[],`usage`:{`input_tokens`:1,`output_tokens`:2}}")
                        AMP ("result", "`subtype`:`error_during_execution`,`is_error`:true,`num_turns`:2,`error`:`413`"),
        "thinking message-1#0: hm\ntext message-1#1: a\ncall 1 Bash/shell_command {`command`:`x`}\n"
        "call 2 Write/create_file path=f {`path`:`f`}\nusage 1/2 cache 3/4 $-1 turns -1\nfail 1 0ms 2: no ! exit code 1\n"
        "ok 2 0ms 9: {`any`:1}\nusage 2/4 cache 3/4 $-1 turns -1\nerror agent/error_during_execution: 413\n"
        "usage 2/4 cache 3/4 $-1 turns 2\n");
}

/* ---------------------------------------------------------------------- */
/*  Cursor */

#define CURSOR(type, rest) LINE ("{`type`:`" type "`,`session_id`:`s`," rest "}")
#define CURSOR_INIT CURSOR ("system", "`subtype`:`init`,`cwd`:`/w`,`model`:`M`,`permissionMode`:`default`")
#define CURSOR_SAYS(text, rest) CURSOR ("assistant", "`message`:{`content`:[{`type`:`text`,`text`:`" text "`}]}" rest)
#define CURSOR_CALL(how, id, call) CURSOR ("tool_call", "`subtype`:`" how "`,`call_id`:`" id "`,`tool_call`:{" call "}")

static void test_cursor_calls_are_named_by_their_key (void **state)
{
    (void) state;
    ag_probe_expect ("auto",
        CURSOR_INIT CURSOR ("user", "`message`:{`content`:[{`type`:`text`,`text`:`prompt`}]}")
            CURSOR_CALL ("started", "1", "`toolCallId`:`1`,`readToolCall`:{`args`:{`path`:`f`}}")
                CURSOR_CALL ("completed", "1", "`readToolCall`:{`args`:{`path`:`f`},`result`:{`success`:{`content`:`c`}}}")
                    CURSOR_CALL ("completed", "2",
                        "`shellToolCall`:{`args`:{`command`:`x`},`result`:{`success`:{`stdout`:`o`,`exitCode`:2}}}")
                        CURSOR_CALL ("completed", "3",
                            "`shellToolCall`:{`args`:{},`result`:{`failure`:{`stderr`:`e`,`exitCode`:127}}}")
                            CURSOR_CALL ("completed", "4", "`editToolCall`:{`args`:{},`result`:{`rejected`:{}}}")
                                CURSOR_CALL ("completed", "5", "`mcpToolCall`:{`args`:{},`result`:{`error`:{`error`:`why`}}}")
                                    CURSOR_CALL ("started", "6", "`function`:{`name`:`n`,`arguments`:`{}`}"),
        "call 1 Read/read path=f {`path`:`f`}\nok 1 0ms 1: c\ncall 2 Bash/shell {`command`:`x`}\nfail 2 0ms 1: o ! exit code 2\n"
        "call 3 Bash/shell {}\nfail 3 0ms 1: e ! exit code 127\ncall 4 Edit/edit {}\nfail 4 0ms 2: {} ! rejected\n"
        "call 5 Other/mcp {}\nfail 5 0ms 3: why ! why\ncall 6 Other/n {`name`:`n`,`arguments`:`{}`}\n"
        "fail 6 0ms 0:  ! the agent ended before this call did\n");
}

static void test_cursor_texts_and_thoughts (void **state)
{
    (void) state;
    ag_probe_expect ("cursor",
        CURSOR ("thinking", "`subtype`:`delta`,`text`:`h`") CURSOR ("thinking", "`subtype`:`delta`,`text`:`m`")
            CURSOR ("thinking", "`subtype`:`completed`") CURSOR_SAYS ("whole", ",`model_call_id`:`c`,`timestamp_ms`:1")
                CURSOR_SAYS ("d", ",`timestamp_ms`:1") CURSOR_SAYS ("e", ",`timestamp_ms`:2") CURSOR_SAYS ("de", "")
                    CURSOR_SAYS ("f", ",`timestamp_ms`:3")
                        CURSOR ("result", "`subtype`:`success`,`is_error`:false,`result`:`r`,"
                                          "`usage`:{`inputTokens`:1,`outputTokens`:2,`cacheReadTokens`:3,`cacheWriteTokens`:4}"),
        "thinking message-1#0 partial: h\nthinking message-1#0 partial: m\nthinking message-1#0: hm\ntext message-2#0: whole\n"
        "text message-3#0 partial: d\ntext message-3#0 partial: e\ntext message-3#0: de\ntext message-4#0 partial: f\n"
        "text message-4#0: f\nusage 1/2 cache 3/4 $-1 turns -1\n");
    ag_probe_expect ("cursor", CURSOR ("thinking", "`subtype`:`delta`,`text`:`h`"),
        "thinking message-1#0 partial: h\nthinking message-1#0 incomplete: h\n");
}

/* ---------------------------------------------------------------------- */
/*  Flat lines */

static void test_flat_many_names_for_the_same (void **state)
{
    (void) state;
    ag_probe_expect ("flat",
        LINE ("{`type`:`tool_use`,`id`:`1`,`tool`:`Read`,`args`:{`path`:`f`}}")
            LINE ("{`type`:`tool_result`,`tool_use_id`:`1`,`output`:`o`,`exit_code`:2}")
                LINE ("{`type`:`tool_call`,`call_id`:`2`,`tool_name`:`shell`,`arguments`:`{\\`command\\`:\\`ls\\`}`}")
                    LINE ("{`type`:`tool_result`,`call_id`:`2`,`result`:[{`type`:`text`,`text`:`x`}],`duration_ms`:12}")
                        LINE ("{`type`:`tool_use`,`id`:`3`,`name`:`odd`,`input`:`not json`}")
                            LINE ("{`type`:`tool_result`,`tool_use_id`:`3`,`error`:`why`}")
                                LINE ("{`type`:`message`,`role`:`assistant`,`content`:[{`type`:`text`,`text`:`m`}]}")
                                    LINE ("{`type`:`message`,`role`:`user`,`content`:`prompt`}"),
        "call 1 Read/Read path=f {`path`:`f`}\nfail 1 0ms 1: o ! o\ncall 2 Bash/shell {`command`:`ls`}\nok 2 12ms 1: x\n"
        "call 3 Other/odd {`arguments`:`not json`}\nfail 3 0ms 0:  ! why\ntext: m\n");
}

static void test_flat_without_ids_results_follow_the_order (void **state)
{
    (void) state;
    ag_probe_expect ("flat",
        LINE ("{`type`:`tool_use`,`name`:`a`}") LINE ("{`type`:`tool_use`,`name`:`b`}")
            LINE ("{`type`:`tool_result`,`content`:`of a`}") LINE ("{`type`:`tool_result`,`content`:`of b`}")
                LINE ("{`type`:`tool_result`,`content`:`of nobody`}"),
        "call call-1 Other/a {}\ncall call-2 Other/b {}\nok call-1 0ms 4: of a\nok call-2 0ms 4: of b\nok unknown 0ms 9: of nobody\n");
}

static void test_flat_errors_and_usage (void **state)
{
    (void) state;
    ag_probe_expect ("flat",
        LINE ("{`type`:`error`,`message`:`m`,`code`:`C`}")
            LINE ("{`type`:`error`,`error`:{`message`:`inner`},`severity`:`warning`}") LINE ("{`type`:`error`}")
                LINE ("{`type`:`thinking`,`thinking`:`t`}")
                    LINE ("{`type`:`usage`,`input_tokens`:10,`output_tokens`:3,`cost_usd`:0.5}"),
        "error agent/C: m\nwarning agent: inner\nerror agent: unknown error\nthinking: t\nusage 10/3 cache -1/-1 $0.5 turns -1\n");
}

/*  Every dialect, fed with the types of all others and with fields of wrong
    types: nothing breaks, and every draft is an event. */
static void test_wrong_types_everywhere (void **state)
{
    (void) state;
    static const char *const formats[] = { "claude", "codex", "gemini", "opencode", "flat", "text", "auto", "amp", "cursor" };
    static const char *const types[] = { "system", "assistant", "user", "result", "stream_event", "item.started",
        "item.completed", "turn.completed", "turn.failed", "thread.started", "message", "tool_use", "tool_result",
        "text", "reasoning", "step_finish", "error", "usage", "init", "thinking" };
    static const char *const bodies[] = { "", ",`message`:7", ",`message`:{`content`:{}}", ",`item`:[]",
        ",`item`:{`type`:`todo_list`,`items`:[1],`id`:`x`}", ",`item`:{`type`:`file_change`,`changes`:[1]}",
        ",`part`:{`tokens`:[],`state`:`x`,`messageID`:5},`sessionID`:`s`", ",`part`:7,`sessionID`:{}",
        ",`stats`:{`input_tokens`:`x`}", ",`usage`:{`input_tokens`:[1]}", ",`error`:[[]],`name`:`n`,`text`:{}",
        ",`event`:{`type`:`content_block_start`,`index`:-5,`content_block`:{`type`:`text`,`text`:`x`}}",
        ",`event`:{`type`:`content_block_start`,`index`:9e18,`content_block`:7}" };
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        ag_buf_t input = { 0 };
        for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
            for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++)
                ag_buf_printf (&input, "{`type`:`%s`%s}\n", types[t], bodies[b]);
        char *quoted = ag_probe_quote (ag_buf_cstr (&input));
        free (ag_probe_parse (formats[f], quoted, strlen (quoted), 0, NULL));
        free (quoted);
        ag_buf_free (&input);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_codex_commands_succeed_by_their_exit_code),
        cmocka_unit_test (test_codex_file_changes),
        cmocka_unit_test (test_codex_mcp_search_and_helpers),
        cmocka_unit_test (test_codex_todo_list_is_a_call_a_state),
        cmocka_unit_test (test_codex_errors_and_ends),
        cmocka_unit_test (test_codex_texts_may_hold_nul),
        cmocka_unit_test (test_codex_of_older_builds),
        cmocka_unit_test (test_gemini_deltas_end_at_the_next_record),
        cmocka_unit_test (test_gemini_whole_messages_and_prompts),
        cmocka_unit_test (test_gemini_failures),
        cmocka_unit_test (test_opencode_failures),
        cmocka_unit_test (test_opencode_parts_steps_and_errors),
        cmocka_unit_test (test_amp_commands_fail_by_their_exit_code),
        cmocka_unit_test (test_cursor_calls_are_named_by_their_key),
        cmocka_unit_test (test_cursor_texts_and_thoughts),
        cmocka_unit_test (test_flat_many_names_for_the_same),
        cmocka_unit_test (test_flat_without_ids_results_follow_the_order),
        cmocka_unit_test (test_flat_errors_and_usage),
        cmocka_unit_test (test_wrong_types_everywhere),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
