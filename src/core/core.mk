# L0 and L1: memory, clocks, text, msgpack, events, wire. Knows nothing of the rest.
noinst_LTLIBRARIES += libag_core.la
libag_core_la_SOURCES = \
	include/agentgate/event.h include/agentgate/kinds.h \
	src/core/buf.c src/core/buf.h \
	src/core/clock.c src/core/clock.h \
	src/core/draft.c src/core/draft.h \
	src/core/encode.c \
	src/core/event.c \
	src/core/kinds.c src/core/kinds_table.h \
	src/core/log.c src/core/log.h \
	src/core/mem.c src/core/mem.h \
	src/core/mpread.c src/core/mpread.h \
	src/core/paths.c src/core/paths.h \
	src/core/rolled.h \
	src/core/settings.c src/core/settings.h \
	src/core/utf8.c src/core/utf8.h \
	src/core/wire.c src/core/wire.h
libag_core_la_LIBADD = $(MSGPACK_LIBS) $(JSON_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/test_event tests/test_core tests/test_settings
tests_test_event_SOURCES = tests/test_event.c
tests_test_event_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_event_LDADD = libag_core.la $(CMOCKA_LIBS)
tests_test_core_SOURCES = tests/test_core.c
tests_test_core_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_core_LDADD = libag_core.la $(CMOCKA_LIBS)
tests_test_settings_SOURCES = tests/test_settings.c
tests_test_settings_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_settings_LDADD = libag_core.la $(CMOCKA_LIBS)
endif

# Fuzzers: tests/fuzz/run.sh
EXTRA_DIST += tests/fuzz/fuzz_codec.c
if ENABLE_FUZZERS
noinst_PROGRAMS += tests/fuzz/fuzz_codec
tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz_codec.c
tests_fuzz_fuzz_codec_LDADD = libag_core.la $(JSON_LIBS)
tests_fuzz_fuzz_codec_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
