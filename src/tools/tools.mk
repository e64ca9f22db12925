# L6: the small programs of the executor's side.
bin_PROGRAMS += agentgate-replay agentgate-tail
agentgate_replay_SOURCES = src/tools/replay.c src/tools/recording.c src/tools/recording.h
agentgate_replay_LDADD = $(AG_BUS_LIBS) -lm
agentgate_tail_SOURCES = src/tools/tail.c src/tools/pretty.c src/tools/pretty.h
agentgate_tail_LDADD = $(AG_BUS_LIBS)
