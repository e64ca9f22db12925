/*  agent/phase.c - what kind of work a tool call is

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
#include "agent/phase.h"

#include <string.h>

#include "agent/json.h"
#include "core/mem.h"

enum { COMMAND_MAX_BYTES = 4096 };      /* of a command line that are looked at */

const char *ag_phase_name (ag_phase_t phase)
{
    static const char *const names[AG_PHASE_COUNT] = {
        "Starting", "Reading", "Planning", "Implementing", "Testing", "Finalizing"
    };
    return names[phase];
}

/* ---------------------------------------------------------------------- */
/*  Commands */

/*  Programs, the words behind them that matter (NULL: any), and what that is.
    Lists are separated by blanks. The first row that fits counts. */
typedef struct {
    const char *programs;
    const char *words;
    ag_phase_t phase;
} s_command_t;

static const s_command_t s_commands[] = {
    { "git", "commit push tag", AG_PHASE_FINALIZING },
    { "gh glab", "pr mr release", AG_PHASE_FINALIZING },
    { "npm yarn pnpm cargo twine", "publish upload", AG_PHASE_FINALIZING },
    { "git", "apply am mv rm restore", AG_PHASE_IMPLEMENTING },
    { "git gh glab", NULL, AG_PHASE_READING },
    { "pytest tox nox jest vitest mocha ava karma playwright cypress rspec phpunit bats prove ctest", NULL,
      AG_PHASE_TESTING },
    { "make", "clean", AG_PHASE_STARTING },
    { "make ninja cmake meson bazel mvn gradle gradlew gcc cc g++ c++ clang clang++ javac rustc tsc", NULL,
      AG_PHASE_TESTING },
    { "eslint prettier ruff black mypy pyright flake8 pylint shellcheck clippy cppcheck clang-tidy", NULL,
      AG_PHASE_TESTING },
    { "cargo go swift dotnet mix deno zig", "test nextest build check clippy vet", AG_PHASE_TESTING },
    { "npm yarn pnpm bun", "test t build lint check typecheck", AG_PHASE_TESTING },
    { "docker podman", "build", AG_PHASE_TESTING },
    { "sed", "-i", AG_PHASE_IMPLEMENTING },
    { "mkdir touch mv cp rm ln patch tee apply_patch chmod", NULL, AG_PHASE_IMPLEMENTING },
    { "cat ls head tail sed nl find fd grep rg ag wc tree less file stat pwd jq curl awk sort diff", NULL,
      AG_PHASE_READING },
    { NULL, NULL, AG_PHASE_STARTING }
};

/*  Is the word one of a list's? */
static bool s_is_listed (ag_str_t word, const char *list)
{
    for (const char *at = list; *at;) {
        size_t len = strcspn (at, " ");
        if (word.len == len && !memcmp (word.ptr, at, len))
            return true;
        at += len + (at[len] == ' ');
    }
    return false;
}

/*  Words of one command. */
typedef struct {
    ag_str_t rest;
} s_words_t;

static bool s_is_space (char c)
{
    return c == ' ' || c == '\t';
}

/*  The next word, without quotes around it; absent: no more. */
static ag_str_t s_word (s_words_t *words)
{
    ag_str_t *rest = &words->rest;
    while (rest->len && (s_is_space (rest->ptr[0]) || rest->ptr[0] == '(' || rest->ptr[0] == '{'))
        rest->ptr++, rest->len--;
    size_t len = 0;
    while (len < rest->len && !s_is_space (rest->ptr[len]))
        len++;
    ag_str_t word = { len ? rest->ptr : NULL, len };
    rest->ptr += len;
    rest->len -= len;
    while (word.len && (word.ptr[0] == '\'' || word.ptr[0] == '"'))
        word.ptr++, word.len--;
    while (word.len && strchr ("'\")};", word.ptr[word.len - 1]))
        word.len--;
    return word;
}

static ag_str_t s_base_name (ag_str_t path)
{
    const char *slash = path.len ? memrchr (path.ptr, '/', path.len) : NULL;
    if (!slash)
        return path;
    return (ag_str_t) { slash + 1, (size_t) (path.ptr + path.len - slash - 1) };
}

/*  What stands before the program that matters: its environment, its limits,
    the interpreter that runs it. */
static bool s_is_prefix (ag_str_t word)
{
    static const char prefixes[] = "sudo env time timeout nice nohup exec command npx bunx uv poetry pipenv run bundle "
                                   "python python3 -m bash sh zsh -c -lc xvfb-run";
    return s_is_listed (word, prefixes) || memchr (word.ptr, '=', word.len) || word.ptr[0] == '-'
        || (word.ptr[0] >= '0' && word.ptr[0] <= '9');
}

/*  Is one of the next words in the list? */
static bool s_has_word (s_words_t words, const char *list)
{
    for (int i = 0; i < 4; i++) {
        ag_str_t word = s_word (&words);
        if (!word.ptr)
            return false;
        if (s_is_listed (word, list))
            return true;
    }
    return false;
}

/*  run_tests.sh, test.py, unittest: it says so itself. */
static bool s_is_test_script (ag_str_t program)
{
    return memmem (program.ptr, program.len, "test", 4) && !ag_str_is (program, "test");
}

static ag_phase_t s_phase_of_one (ag_str_t command)
{
    s_words_t words = { command };
    ag_str_t program = s_base_name (s_word (&words));
    while (program.len && s_is_prefix (program))
        program = s_base_name (s_word (&words));
    if (!program.len)
        return AG_PHASE_STARTING;
    for (const s_command_t *row = s_commands; row->programs; row++)
        if (s_is_listed (program, row->programs) && (!row->words || s_has_word (words, row->words)))
            return row->phase;
    return s_is_test_script (program) ? AG_PHASE_TESTING : AG_PHASE_STARTING;
}

/*  A redirection into a file writes it; into /dev/null or a descriptor not. */
static bool s_writes_file (ag_str_t command)
{
    for (size_t i = 0; i + 1 < command.len; i++) {
        if (command.ptr[i] != '>' || (i && strchr ("-=0123456789&", command.ptr[i - 1])))
            continue;
        size_t at = i + 1;
        while (at < command.len && (command.ptr[at] == '>' || command.ptr[at] == ' '))
            at++;
        ag_str_t target = { command.ptr + at, command.len - at };
        if (target.len && target.ptr[0] != '&' && !(target.len >= 9 && !memcmp (target.ptr, "/dev/null", 9)))
            return true;
    }
    return false;
}

ag_phase_t ag_phase_of_command (ag_str_t command)
{
    if (!command.len)
        return AG_PHASE_STARTING;
    if (command.len > COMMAND_MAX_BYTES)
        command.len = COMMAND_MAX_BYTES;
    ag_phase_t furthest = AG_PHASE_STARTING;
    for (size_t start = 0, at = 0; at <= command.len; at++) {
        if (at < command.len && !strchr ("&|;\n", command.ptr[at]))
            continue;
        ag_phase_t phase = s_phase_of_one ((ag_str_t) { command.ptr + start, at - start });
        if (phase > furthest)
            furthest = phase;
        start = at + 1;
    }
    return furthest <= AG_PHASE_READING && s_writes_file (command) ? AG_PHASE_IMPLEMENTING : furthest;
}

/* ---------------------------------------------------------------------- */
/*  Calls */

static bool s_is_planning (ag_str_t name)
{
    static const char names[] = "TodoWrite TaskCreate ExitPlanMode EnterPlanMode todowrite todo_write write_todos "
                                "todo_list update_plan updateTodos";
    return s_is_listed (name, names);
}

ag_phase_t ag_phase_of_call (const ag_draft_t *call)
{
    ag_str_t tool = ag_draft_string (call, AG_F_TOOL);
    if (ag_str_is (tool, "Bash"))
        return ag_phase_of_command (ag_json_str (ag_draft_object (call, AG_F_INPUT), "command"));
    if (ag_str_is (tool, "Edit") || ag_str_is (tool, "Write"))
        return AG_PHASE_IMPLEMENTING;
    if (!ag_str_is (tool, "Other"))
        return AG_PHASE_READING;
    return s_is_planning (ag_draft_string (call, AG_F_TOOL_NAME)) ? AG_PHASE_PLANNING : AG_PHASE_STARTING;
}

ag_phase_t ag_phase_after (ag_phase_t phase, ag_phase_t work)
{
    if (work > phase)
        return work;
    return work >= AG_PHASE_IMPLEMENTING ? work : phase;
}
