# L3..L6 of the gateway: the order of events, then everything that touches the outside.

# Pure: sequencers, and the desk they report to.
noinst_LTLIBRARIES += libag_order.la
libag_order_la_SOURCES = \
	gateway/feed/desk.c gateway/feed/desk.h \
	gateway/feed/order.c gateway/feed/order.h
libag_order_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/gateway $(CZMQ_CFLAGS)

# Sockets, store thread, HTTP and WebSocket; all but main, so that tests can link it.
NET_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/gateway $(CZMQ_CFLAGS) $(ZMQ_CFLAGS) $(LWS_CFLAGS) \
	$(CRYPTO_CFLAGS) $(SYSTEMD_CFLAGS)
noinst_LTLIBRARIES += libag_net.la
libag_net_la_SOURCES = \
	gateway/net/api.c gateway/net/api.h \
	gateway/net/archive.c gateway/net/archive.h \
	gateway/net/command.c gateway/net/command.h \
	gateway/net/conn.h \
	gateway/net/gateway.c gateway/net/gateway.h \
	gateway/net/http.c \
	gateway/net/intake.c gateway/net/intake.h \
	gateway/net/lock.c gateway/net/lock.h \
	gateway/net/metrics.c \
	gateway/net/options.c gateway/net/options.h \
	gateway/net/origin.c \
	gateway/net/reply.c gateway/net/reply.h \
	gateway/net/runs.c gateway/net/runs.h \
	gateway/net/server.c gateway/net/server.h \
	gateway/net/sse.c \
	gateway/net/static.c gateway/net/static.h \
	gateway/net/tokens.c gateway/net/tokens.h \
	gateway/net/writer.c gateway/net/writer.h \
	gateway/net/ws.c
nodist_libag_net_la_SOURCES = gateway/net/assets.c
libag_net_la_CPPFLAGS = $(NET_CPPFLAGS)
AG_NET_LIBS = libag_net.la libag_order.la libag_feed.la libag_bus.la libag_store.la libag_core.la \
	$(LWS_LIBS) $(CRYPTO_LIBS) $(SYSTEMD_LIBS) $(JSON_LIBS) -lpthread

bin_PROGRAMS += agentgate-gateway
agentgate_gateway_SOURCES = gateway/net/main.c
agentgate_gateway_CPPFLAGS = $(NET_CPPFLAGS)
agentgate_gateway_LDADD = $(AG_NET_LIBS)

# The dashboard as a C table. DASHBOARD_DIST and DASHBOARD_STAMP come from its own fragment.
EXTRA_DIST += gateway/net/embed.sh
CLEANFILES += gateway/net/assets.c
gateway/net/assets.c: gateway/net/embed.sh $(DASHBOARD_STAMP)
	$(AM_V_GEN)$(MKDIR_P) gateway/net && \
	$(SHELL) $(srcdir)/gateway/net/embed.sh $(DASHBOARD_DIST) >$@.tmp && mv -f $@.tmp $@

if HAVE_CMOCKA
NET_TEST_CPPFLAGS = $(TEST_CPPFLAGS) -I$(top_srcdir)/gateway
check_PROGRAMS += tests/test_order tests/test_order_desk tests/test_net_command tests/test_net_server
tests_test_order_desk_SOURCES = tests/test_order_desk.c
tests_test_order_desk_CPPFLAGS = $(NET_TEST_CPPFLAGS)
tests_test_order_desk_LDADD = libag_order.la libag_feed.la libag_core.la $(CZMQ_LIBS) $(CMOCKA_LIBS)
tests_test_order_SOURCES = tests/test_order.c
tests_test_order_CPPFLAGS = $(NET_TEST_CPPFLAGS)
tests_test_order_LDADD = libag_order.la libag_core.la $(CMOCKA_LIBS)
tests_test_net_command_SOURCES = tests/test_net_command.c
tests_test_net_command_CPPFLAGS = $(NET_TEST_CPPFLAGS)
tests_test_net_command_LDADD = libag_net.la libag_core.la $(JSON_LIBS) $(CMOCKA_LIBS)
tests_test_net_server_SOURCES = tests/test_net_server.c
tests_test_net_server_CPPFLAGS = $(NET_TEST_CPPFLAGS) $(CZMQ_CFLAGS) $(LWS_CFLAGS)
tests_test_net_server_LDADD = $(AG_NET_LIBS) $(CZMQ_LIBS) $(ZMQ_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/test_replay_store
tests_test_replay_store_SOURCES = tests/test_replay_store.c tests/store_fixture.c tests/store_fixture.h $(FEED_RIG)
tests_test_replay_store_CPPFLAGS = $(NET_TEST_CPPFLAGS) -I$(top_srcdir)
tests_test_replay_store_LDADD = $(AG_NET_LIBS) $(CZMQ_LIBS) $(ZMQ_LIBS) $(CMOCKA_LIBS)
endif

# Where a distribution expects them. The configuration is an example: a live one is not overwritten.
dist_man_MANS += docs/man/agentgate-gateway.1
EXTRA_DIST += docs/design/gateway.md packaging/agentgate-gateway.service.in packaging/agentgate.sysusers
systemdunitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
nodist_systemdunit_DATA = packaging/agentgate-gateway.service
CLEANFILES += packaging/agentgate-gateway.service
packaging/agentgate-gateway.service: packaging/agentgate-gateway.service.in
	$(AM_V_GEN)$(MKDIR_P) packaging && sed 's|@bindir[@]|$(bindir)|' $(srcdir)/packaging/agentgate-gateway.service.in >$@.tmp && mv -f $@.tmp $@
install-data-hook: install-sysusers
install-sysusers:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir)
	$(INSTALL_DATA) $(srcdir)/packaging/agentgate.sysusers $(DESTDIR)$(sysusersdir)/agentgate.conf
uninstall-hook: uninstall-sysusers
uninstall-sysusers:
	rm -f $(DESTDIR)$(sysusersdir)/agentgate.conf

# What it costs when a thousand viewers come back at once: bench/reconnect.py.
noinst_PROGRAMS += bench/reconnect
bench_reconnect_SOURCES = bench/reconnect.c
bench_reconnect_CPPFLAGS = $(AM_CPPFLAGS) $(ZMQ_CFLAGS)
bench_reconnect_LDADD = libag_core.la $(ZMQ_LIBS) -lpthread
EXTRA_DIST += bench/gateway_store.py bench/reconnect.py

# What many viewers cost: bench/gateway_fan.py and its like run this.
noinst_PROGRAMS += bench/fan
bench_fan_SOURCES = bench/fan.c
bench_fan_CPPFLAGS = $(AM_CPPFLAGS) $(ZMQ_CFLAGS)
bench_fan_LDADD = libag_core.la $(JSON_LIBS) $(ZMQ_LIBS) -lpthread
