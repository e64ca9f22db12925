# The client core: rings, limiter, cursors, frames. Pure; uses src/core alone.
noinst_LTLIBRARIES += libag_feed.la
libag_feed_la_SOURCES = \
	gateway/feed/bucket.c gateway/feed/bucket.h \
	gateway/feed/client.c gateway/feed/client.h \
	gateway/feed/cursor.c gateway/feed/cursor.h \
	gateway/feed/filter.c gateway/feed/filter.h \
	gateway/feed/frame.c \
	gateway/feed/hub.c gateway/feed/hub.h \
	gateway/feed/inside.h \
	gateway/feed/map.c gateway/feed/map.h \
	gateway/feed/message.c gateway/feed/message.h \
	gateway/feed/outbox.c \
	gateway/feed/past.c \
	gateway/feed/place.c \
	gateway/feed/read.c gateway/feed/read.h \
	gateway/feed/ring.c gateway/feed/ring.h \
	gateway/feed/rollup.c gateway/feed/rollup.h \
	gateway/feed/shed.c \
	gateway/feed/stream.c \
	gateway/feed/subscribe.c
libag_feed_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/gateway
libag_feed_la_LIBADD = libag_core.la

if HAVE_CMOCKA
FEED_TEST_CPPFLAGS = $(TEST_CPPFLAGS) -I$(top_srcdir)/gateway -I$(top_srcdir)
FEED_TEST_LDADD = libag_feed.la libag_core.la $(CMOCKA_LIBS)
FEED_RIG = tests/feed_rig.c tests/feed_rig.h
FEED_TAP = tests/feed_tap.c tests/feed_tap.h $(FEED_RIG)

check_PROGRAMS += tests/test_feed_parts
tests_test_feed_parts_SOURCES = tests/test_feed_parts.c $(FEED_RIG)
tests_test_feed_parts_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_parts_LDADD = $(FEED_TEST_LDADD)

check_PROGRAMS += tests/test_feed_replay
tests_test_feed_replay_SOURCES = tests/test_feed_replay.c $(FEED_TAP)
tests_test_feed_replay_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_replay_LDADD = $(FEED_TEST_LDADD)

check_PROGRAMS += tests/test_feed_client
tests_test_feed_client_SOURCES = tests/test_feed_client.c $(FEED_TAP)
tests_test_feed_client_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_client_LDADD = $(FEED_TEST_LDADD)

check_PROGRAMS += tests/test_feed_pace
tests_test_feed_pace_SOURCES = tests/test_feed_pace.c $(FEED_TAP)
tests_test_feed_pace_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_pace_LDADD = $(FEED_TEST_LDADD)

check_PROGRAMS += tests/test_feed_alloc
tests_test_feed_alloc_SOURCES = tests/test_feed_alloc.c $(FEED_RIG)
tests_test_feed_alloc_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_alloc_LDADD = $(FEED_TEST_LDADD)
tests_test_feed_alloc_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

check_PROGRAMS += tests/test_feed_memory
tests_test_feed_memory_SOURCES = tests/test_feed_memory.c $(FEED_RIG)
tests_test_feed_memory_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_memory_LDADD = $(FEED_TEST_LDADD)
tests_test_feed_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free

check_PROGRAMS += tests/test_feed_flood
tests_test_feed_flood_SOURCES = tests/test_feed_flood.c $(FEED_RIG)
tests_test_feed_flood_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_flood_LDADD = $(FEED_TEST_LDADD)

check_PROGRAMS += tests/test_feed_overlap
tests_test_feed_overlap_SOURCES = tests/test_feed_overlap.c $(FEED_TAP)
tests_test_feed_overlap_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_overlap_LDADD = $(FEED_TEST_LDADD)

check_PROGRAMS += tests/test_feed_property
tests_test_feed_property_SOURCES = tests/test_feed_property.c tests/feed_model.c tests/feed_model.h $(FEED_RIG)
tests_test_feed_property_CPPFLAGS = $(FEED_TEST_CPPFLAGS)
tests_test_feed_property_LDADD = $(FEED_TEST_LDADD)
endif

# What it costs: bench/feed.sh.
noinst_PROGRAMS += bench/feed
bench_feed_SOURCES = bench/feed.c tests/feed_rig.c tests/feed_rig.h
bench_feed_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/gateway -I$(top_srcdir)
bench_feed_LDADD = libag_feed.la libag_agent.la libag_core.la $(JSON_LIBS)
EXTRA_DIST += docs/design/feed.md bench/feed.sh bench/feed.callgrind
