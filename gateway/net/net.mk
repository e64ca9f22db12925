# L3..L6 of the gateway: the order of events, then everything that touches the outside.
# Pure: sequencers and the desk they report to.
noinst_LTLIBRARIES += libag_order.la
libag_order_la_SOURCES = \
	gateway/feed/order.c gateway/feed/order.h \
	gateway/feed/desk.c gateway/feed/desk.h
libag_order_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/gateway $(CZMQ_CFLAGS)

NET_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/gateway $(CZMQ_CFLAGS) $(ZMQ_CFLAGS) $(LWS_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS)
NET_TEST_CPPFLAGS = $(TEST_CPPFLAGS) -I$(top_srcdir)/gateway

if HAVE_CMOCKA
check_PROGRAMS += tests/test_order
tests_test_order_SOURCES = tests/test_order.c
tests_test_order_CPPFLAGS = $(NET_TEST_CPPFLAGS)
tests_test_order_LDADD = libag_order.la libag_core.la $(CMOCKA_LIBS)
endif
