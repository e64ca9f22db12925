# L2: streams and events in a SQLite file: the executor's journal, the gateway's history.
noinst_LTLIBRARIES += libag_store.la
libag_store_la_SOURCES = \
	src/store/file.c \
	src/store/open.c \
	src/store/private.h \
	src/store/retain.c \
	src/store/rows.c \
	src/store/store.c src/store/store.h
libag_store_la_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(CZMQ_CFLAGS) $(ZLIB_CFLAGS)
libag_store_la_LIBADD = $(SQLITE_LIBS) $(CZMQ_LIBS) $(ZLIB_LIBS)
# What a program names to get this layer and all under it. (Convenience libraries
# do not name each other: their objects would stand in the shared library twice.)
AG_STORE_LIBS = libag_store.la libag_core.la

if HAVE_CMOCKA
check_PROGRAMS += tests/test_store tests/test_store_damage
tests_test_store_SOURCES = tests/test_store.c tests/store_fixture.c tests/store_fixture.h
tests_test_store_CPPFLAGS = $(TEST_CPPFLAGS) $(SQLITE_CFLAGS)
tests_test_store_LDADD = $(AG_STORE_LIBS) $(CMOCKA_LIBS)
tests_test_store_damage_SOURCES = tests/test_store_damage.c tests/store_fixture.c tests/store_fixture.h
tests_test_store_damage_CPPFLAGS = $(TEST_CPPFLAGS) $(SQLITE_CFLAGS)
tests_test_store_damage_LDADD = $(AG_STORE_LIBS) $(CMOCKA_LIBS)
endif

# Events a second, and what a commit costs: bench/store DIR.
noinst_PROGRAMS += bench/store
bench_store_SOURCES = bench/store.c
bench_store_LDADD = $(AG_STORE_LIBS)
