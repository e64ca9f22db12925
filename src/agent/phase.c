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

/*  A program, the word behind it that matters (NULL: any), and what it is.
    The first row that fits counts. */
typedef struct {
    const char *program;
    const char *word;
    ag_phase_t phase;
} s_command_t;

static const s_command_t s_commands[] = {
    { "git", "commit", AG_PHASE_FINALIZING }, { "git", "push", AG_PHASE_FINALIZING }, { "git", "tag", AG_PHASE_FINALIZING },
    { "gh", "pr", AG_PHASE_FINALIZING }, { "glab", "mr", AG_PHASE_FINALIZING }, { "npm", "publish", AG_PHASE_FINALIZING },
    { "git", "apply", AG_PHASE_IMPLEMENTING }, { "git", "mv", AG_PHASE_IMPLEMENTING }, { "git", "rm", AG_PHASE_IMPLEMENTING },
    { "git", NULL, AG_PHASE_READING }, { "gh", NULL, AG_PHASE_READING },
    { "pytest", NULL, AG_PHASE_TESTING }, { "tox", NULL, AG_PHASE_TESTING }, { "nox", NULL, AG_PHASE_TESTING },
    { "jest", NULL, AG_PHASE_TESTING }, { "vitest", NULL, AG_PHASE_TESTING }, { "mocha", NULL, AG_PHASE_TESTING },
    { "playwright", NULL, AG_PHASE_TESTING }, { "cypress", NULL, AG_PHASE_TESTING }, { "rspec", NULL, AG_PHASE_TESTING },
    { "phpunit", NULL, AG_PHASE_TESTING }, { "bats", NULL, AG_PHASE_TESTING }, { "prove", NULL, AG_PHASE_TESTING },
    { "ctest", NULL, AG_PHASE_TESTING }, { "make", "clean", AG_PHASE_STARTING }, { "make", NULL, AG_PHASE_TESTING },
    { "ninja", NULL, AG_PHASE_TESTING }, { "cmake", NULL, AG_PHASE_TESTING }, { "meson", NULL, AG_PHASE_TESTING },
    { "bazel", NULL, AG_PHASE_TESTING }, { "gcc", NULL, AG_PHASE_TESTING }, { "cc", NULL, AG_PHASE_TESTING },
    { "g++", NULL, AG_PHASE_TESTING }, { "clang", NULL, AG_PHASE_TESTING }, { "javac", NULL, AG_PHASE_TESTING },
    { "rustc", NULL, AG_PHASE_TESTING }, { "tsc", NULL, AG_PHASE_TESTING }, { "eslint", NULL, AG_PHASE_TESTING },
    { "ruff", NULL, AG_PHASE_TESTING }, { "mypy", NULL, AG_PHASE_TESTING }, { "flake8", NULL, AG_PHASE_TESTING },
    { "pylint", NULL, AG_PHASE_TESTING }, { "shellcheck", NULL, AG_PHASE_TESTING },
    { "cargo", "test", AG_PHASE_TESTING }, { "cargo", "nextest", AG_PHASE_TESTING }, { "cargo", "build", AG_PHASE_TESTING },
    { "cargo", "check", AG_PHASE_TESTING }, { "cargo", "clippy", AG_PHASE_TESTING }, { "go", "test", AG_PHASE_TESTING },
    { "go", "build", AG_PHASE_TESTING }, { "go", "vet", AG_PHASE_TESTING }, { "mvn", NULL, AG_PHASE_TESTING },
    { "gradle", NULL, AG_PHASE_TESTING }, { "gradlew", NULL, AG_PHASE_TESTING }, { "dotnet", "test", AG_PHASE_TESTING },
    { "dotnet", "build", AG_PHASE_TESTING }, { "swift", "test", AG_PHASE_TESTING }, { "swift", "build", AG_PHASE_TESTING },
    { "mix", "test", AG_PHASE_TESTING }, { "deno", "test", AG_PHASE_TESTING }, { "docker", "build", AG_PHASE_TESTING },
    { "npm", "test", AG_PHASE_TESTING }, { "npm", "t", AG_PHASE_TESTING }, { "npm", "build", AG_PHASE_TESTING },
    { "npm", "lint", AG_PHASE_TESTING }, { "npm", "check", AG_PHASE_TESTING }, { "npm", "typecheck", AG_PHASE_TESTING },
    { "yarn", "test", AG_PHASE_TESTING }, { "yarn", "build", AG_PHASE_TESTING }, { "yarn", "lint", AG_PHASE_TESTING },
    { "pnpm", "test", AG_PHASE_TESTING }, { "pnpm", "build", AG_PHASE_TESTING }, { "pnpm", "lint", AG_PHASE_TESTING },
    { "bun", "test", AG_PHASE_TESTING }, { "bun", "build", AG_PHASE_TESTING },
    { "mkdir", NULL, AG_PHASE_IMPLEMENTING }, { "touch", NULL, AG_PHASE_IMPLEMENTING }, { "mv", NULL, AG_PHASE_IMPLEMENTING },
    { "cp", NULL, AG_PHASE_IMPLEMENTING }, { "rm", NULL, AG_PHASE_IMPLEMENTING }, { "patch", NULL, AG_PHASE_IMPLEMENTING },
    { "tee", NULL, AG_PHASE_IMPLEMENTING }, { "apply_patch", NULL, AG_PHASE_IMPLEMENTING },
    { "sed", "-i", AG_PHASE_IMPLEMENTING },
    { "cat", NULL, AG_PHASE_READING }, { "ls", NULL, AG_PHASE_READING }, { "head", NULL, AG_PHASE_READING },
    { "tail", NULL, AG_PHASE_READING }, { "sed", NULL, AG_PHASE_READING }, { "nl", NULL, AG_PHASE_READING },
    { "find", NULL, AG_PHASE_READING }, { "fd", NULL, AG_PHASE_READING }, { "grep", NULL, AG_PHASE_READING },
    { "rg", NULL, AG_PHASE_READING }, { "wc", NULL, AG_PHASE_READING }, { "tree", NULL, AG_PHASE_READING },
    { "less", NULL, AG_PHASE_READING }, { "file", NULL, AG_PHASE_READING }, { "stat", NULL, AG_PHASE_READING },
    { "pwd", NULL, AG_PHASE_READING }, { "jq", NULL, AG_PHASE_READING }, { "curl", NULL, AG_PHASE_READING },
    { NULL, NULL, AG_PHASE_STARTING }
};

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
    static const char *const prefixes[] = {
        "sudo", "env", "time", "timeout", "nice", "nohup", "exec", "command", "npx", "bunx", "uv", "poetry", "pipenv",
        "run", "bundle", "python", "python3", "-m", "bash", "sh", "zsh", "-c", "-lc", "xvfb-run", NULL
    };
    for (size_t i = 0; prefixes[i]; i++)
        if (ag_str_is (word, prefixes[i]))
            return true;
    return memchr (word.ptr, '=', word.len) || word.ptr[0] == '-' || (word.ptr[0] >= '0' && word.ptr[0] <= '9');
}

/*  Is one of the words behind the program this one? */
static bool s_has_word (s_words_t words, const char *wanted)
{
    for (int i = 0; i < 4; i++) {
        ag_str_t word = s_word (&words);
        if (!word.ptr)
            return false;
        if (ag_str_is (word, wanted))
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
    for (const s_command_t *row = s_commands; row->program; row++)
        if (ag_str_is (program, row->program) && (!row->word || s_has_word (words, row->word)))
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
    static const char *const names[] = {
        "TodoWrite", "TaskCreate", "ExitPlanMode", "EnterPlanMode", "todowrite", "write_todos", "todo_list", "update_plan",
        "todo_write", NULL
    };
    for (size_t i = 0; names[i]; i++)
        if (ag_str_is (name, names[i]))
            return true;
    return false;
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
