# An agent's stdout to drafts: lines, dialects, progress, redaction. Pure; uses src/core alone.
noinst_LTLIBRARIES += libag_agent.la
libag_agent_la_SOURCES = \
	src/agent/adapter.c src/agent/adapter.h \
	src/agent/amp.c \
	src/agent/blocks.c src/agent/blocks.h \
	src/agent/bound.c src/agent/bound.h \
	src/agent/calls.c src/agent/calls.h \
	src/agent/claude.c src/agent/claude.h src/agent/claude_stream.c src/agent/claude_system.c \
	src/agent/codex.c \
	src/agent/content.c src/agent/content.h \
	src/agent/cursor.c \
	src/agent/flat.c \
	src/agent/gemini.c \
	src/agent/json.c src/agent/json.h \
	src/agent/line.c src/agent/line.h \
	src/agent/opencode.c \
	src/agent/out.c src/agent/out.h \
	src/agent/parser.c src/agent/parser.h \
	src/agent/phase.c src/agent/phase.h \
	src/agent/progress.c src/agent/progress.h \
	src/agent/redact.c src/agent/redact.h \
	src/agent/said.c src/agent/said.h \
	src/agent/scrub.c src/agent/scrub.h src/agent/scrub_rules.h \
	src/agent/todo.c src/agent/todo.h \
	src/agent/trouble.c src/agent/trouble.h \
	src/agent/val.c src/agent/val.h
libag_agent_la_LIBADD = libag_core.la $(JSON_LIBS) $(PCRE2_LIBS)
libag_agent_la_CPPFLAGS = $(AM_CPPFLAGS) $(PCRE2_CFLAGS)

AGENT_TEST_LDADD = libag_agent.la libag_core.la $(JSON_LIBS) $(CMOCKA_LIBS)

# A person's and the fidelity test's look at what the parser makes of a file.
noinst_PROGRAMS += tests/parse_dump
tests_parse_dump_SOURCES = tests/parse_dump.c
tests_parse_dump_LDADD = libag_agent.la libag_core.la $(JSON_LIBS)

# Lines a CPU second, beside Node: bench/parser.sh.
noinst_PROGRAMS += bench/parser
bench_parser_SOURCES = bench/parser.c
bench_parser_LDADD = libag_agent.la libag_core.la $(JSON_LIBS)

EXTRA_DIST += tests/recordings tests/fidelity/raw.py tests/fidelity/test_fidelity.py tests/fidelity/test_memory.py \
	tests/fuzz/run.sh tests/fuzz/parser.dict tests/fuzz/redact.dict tests/fuzz/corpus tests/redact \
	bench/parser.sh bench/parser.mjs bench/parser.md docs/design/agent.md

if HAVE_CMOCKA
check_PROGRAMS += tests/test_line
tests_test_line_SOURCES = tests/test_line.c
tests_test_line_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_line_LDADD = $(AGENT_TEST_LDADD)

check_PROGRAMS += tests/test_val
tests_test_val_SOURCES = tests/test_val.c tests/val_compare.c tests/val_compare.h
tests_test_val_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_val_LDADD = $(AGENT_TEST_LDADD)

check_PROGRAMS += tests/test_progress
tests_test_progress_SOURCES = tests/test_progress.c
tests_test_progress_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_progress_LDADD = $(AGENT_TEST_LDADD)

check_PROGRAMS += tests/test_redact
tests_test_redact_SOURCES = tests/test_redact.c
tests_test_redact_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_redact_LDADD = $(AGENT_TEST_LDADD)

check_PROGRAMS += tests/test_redact_corpus
tests_test_redact_corpus_SOURCES = tests/test_redact_corpus.c
tests_test_redact_corpus_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_redact_corpus_LDADD = $(AGENT_TEST_LDADD)

check_PROGRAMS += tests/test_agent_others
tests_test_agent_others_SOURCES = tests/test_agent_others.c tests/agent_probe.c tests/agent_probe.h
tests_test_agent_others_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_agent_others_LDADD = $(AGENT_TEST_LDADD)

check_PROGRAMS += tests/test_agent_claude
tests_test_agent_claude_SOURCES = tests/test_agent_claude.c tests/agent_probe.c tests/agent_probe.h
tests_test_agent_claude_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_agent_claude_LDADD = $(AGENT_TEST_LDADD)

check_PROGRAMS += tests/test_agent_parser
tests_test_agent_parser_SOURCES = tests/test_agent_parser.c tests/agent_probe.c tests/agent_probe.h
tests_test_agent_parser_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_agent_parser_LDADD = $(AGENT_TEST_LDADD)
endif

# Fuzzers: tests/fuzz/run.sh BUILD SECONDS. Build everything with clang and -fsanitize=fuzzer-no-link.
if ENABLE_FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_parser tests/fuzz/fuzz_redact
tests_fuzz_fuzz_parser_SOURCES = tests/fuzz/fuzz_parser.c tests/val_compare.c tests/val_compare.h
tests_fuzz_fuzz_parser_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_fuzz_fuzz_parser_LDADD = libag_agent.la libag_core.la $(JSON_LIBS)
tests_fuzz_fuzz_parser_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_redact_SOURCES = tests/fuzz/fuzz_redact.c
tests_fuzz_fuzz_redact_LDADD = libag_agent.la libag_core.la $(JSON_LIBS)
tests_fuzz_fuzz_redact_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
