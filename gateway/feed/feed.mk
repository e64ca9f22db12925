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
	gateway/feed/ring.c gateway/feed/ring.h \
	gateway/feed/rollup.c gateway/feed/rollup.h \
	gateway/feed/shed.c \
	gateway/feed/stream.c \
	gateway/feed/subscribe.c
libag_feed_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/gateway
libag_feed_la_LIBADD = libag_core.la
