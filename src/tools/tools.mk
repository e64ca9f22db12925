# L6: the small programs of the executor's side.
bin_PROGRAMS += agentgate-emit agentgate-keygen agentgate-replay agentgate-tail
agentgate_emit_SOURCES = src/tools/emit.c src/tools/target.c src/tools/target.h
agentgate_emit_LDADD = $(AG_EXEC_LIBS) -lm
agentgate_keygen_SOURCES = src/tools/keygen.c
agentgate_keygen_LDADD = $(AG_BUS_LIBS)
agentgate_replay_SOURCES = \
	src/tools/history.c src/tools/history.h \
	src/tools/http.c src/tools/http.h \
	src/tools/playback.c src/tools/playback.h \
	src/tools/recording.c src/tools/recording.h \
	src/tools/replay.c \
	src/tools/target.c src/tools/target.h
agentgate_replay_LDADD = $(AG_EXEC_LIBS) -lm
agentgate_tail_SOURCES = src/tools/tail.c \
	src/tools/history.c src/tools/history.h \
	src/tools/http.c src/tools/http.h \
	 src/tools/pretty.c src/tools/pretty.h
agentgate_tail_LDADD = $(AG_BUS_LIBS) $(JSON_LIBS)
EXTRA_DIST += tests/e2e/test_replay.py tests/e2e/test_tools.py
dist_man_MANS += docs/man/agentgate-emit.1 docs/man/agentgate-keygen.1 docs/man/agentgate-replay.1 docs/man/agentgate-tail.1

# A timer of the user's own systemd, which delivers what is owed.
userunitdir = $(prefix)/lib/systemd/user
nodist_userunit_DATA = packaging/agentgate-owed.service
dist_userunit_DATA = packaging/agentgate-owed.timer
EXTRA_DIST += packaging/agentgate-owed.service.in
CLEANFILES += packaging/agentgate-owed.service
packaging/agentgate-owed.service: packaging/agentgate-owed.service.in
	$(AM_V_GEN)$(MKDIR_P) packaging && sed 's|@bindir[@]|$(bindir)|' $(srcdir)/packaging/agentgate-owed.service.in >$@.tmp && mv -f $@.tmp $@
