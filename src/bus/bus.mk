# L5: the bus: sockets, the publishing end.
noinst_LTLIBRARIES += libag_bus.la
libag_bus_la_SOURCES = \
	include/agentgate/subscriber.h include/agentgate/writer.h \
	src/bus/curve.c src/bus/curve.h src/bus/curve_private.h \
	src/bus/debt.c src/bus/debt.h \
	src/bus/endpoints.c src/bus/endpoints.h \
	src/bus/frames.c src/bus/frames.h \
	src/bus/heads.c src/bus/heads.h \
	src/bus/link.c src/bus/link.h \
	src/bus/outlet.c src/bus/outlet.h \
	src/bus/owed.c src/bus/owed.h \
	src/bus/publisher.c src/bus/publisher.h \
	src/bus/socket.c src/bus/socket.h \
	src/bus/subscriber.c \
	src/bus/writer.c \
	src/bus/zap.c
libag_bus_la_CPPFLAGS = $(AM_CPPFLAGS) $(ZMQ_CFLAGS) $(CZMQ_CFLAGS)
libag_bus_la_LIBADD = $(CZMQ_LIBS) $(ZMQ_LIBS) -lpthread
AG_BUS_LIBS = libag_bus.la $(AG_STORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/test_publisher tests/test_bus
tests_test_publisher_SOURCES = tests/test_publisher.c tests/fake_gateway.c tests/fake_gateway.h \
	tests/store_fixture.c tests/store_fixture.h
tests_test_publisher_CPPFLAGS = $(TEST_CPPFLAGS) $(ZMQ_CFLAGS)
tests_test_publisher_LDADD = $(AG_BUS_LIBS) $(CMOCKA_LIBS)
tests_test_bus_SOURCES = tests/test_bus.c tests/fake_gateway.c tests/fake_gateway.h \
	tests/store_fixture.c tests/store_fixture.h
tests_test_bus_CPPFLAGS = $(TEST_CPPFLAGS) $(ZMQ_CFLAGS) $(SQLITE_CFLAGS)
tests_test_bus_LDADD = $(AG_BUS_LIBS) $(CMOCKA_LIBS) $(SQLITE_LIBS)
endif

# The library for other programs: what include/agentgate declares, and nothing else.
lib_LTLIBRARIES += libagentgate.la
libagentgate_la_SOURCES =
libagentgate_la_LIBADD = $(AG_BUS_LIBS)
libagentgate_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols-regex '^ag_(draft|event|kind|field|priority|writer|subscriber)_'
agentgateincludedir = $(includedir)/agentgate
agentgateinclude_HEADERS = \
	include/agentgate/event.h \
	include/agentgate/kinds.h \
	include/agentgate/subscriber.h \
	include/agentgate/writer.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = agentgate.pc

# They see only what an installation has, and link with the library alone.
noinst_PROGRAMS += docs/examples/publish docs/examples/follow
docs_examples_publish_SOURCES = docs/examples/publish.c
docs_examples_publish_CPPFLAGS = -I$(top_srcdir)/include
docs_examples_publish_LDADD = libagentgate.la
docs_examples_follow_SOURCES = docs/examples/follow.c
docs_examples_follow_CPPFLAGS = -I$(top_srcdir)/include
docs_examples_follow_LDADD = libagentgate.la
EXTRA_DIST += tests/e2e/test_library.py docs/design/bus.md
