# L3 and L4, executor: the agent's process, its output, its workspace, its journal.
noinst_LTLIBRARIES += libag_exec.la
libag_exec_la_SOURCES = \
	src/exec/artifact.c src/exec/artifact.h \
	src/exec/assembly.c src/exec/executor_private.h \
	src/exec/child.c src/exec/child.h \
	src/exec/descend.c src/exec/descend.h \
	src/exec/executor.c src/exec/executor.h \
	src/exec/fds.c src/exec/fds.h \
	src/exec/fold.c src/exec/fold.h \
	src/exec/folders.c src/exec/folders.h \
	src/exec/gone.c src/exec/gone.h \
	src/exec/guard.c src/exec/guard.h \
	src/exec/guard_live.c src/exec/guard_wire.h \
	src/exec/ignore.c src/exec/ignore.h \
	src/exec/journal.c src/exec/journal.h \
	src/exec/ladder.c src/exec/ladder.h \
	src/exec/limits.c src/exec/limits.h \
	src/exec/notes.c src/exec/notes.h \
	src/exec/options.c src/exec/options.h \
	src/exec/outcome.c src/exec/outcome.h \
	src/exec/prune.c src/exec/prune.h \
	src/exec/run.c src/exec/run.h \
	src/exec/rundir.c src/exec/rundir.h \
	src/exec/span.c src/exec/span.h \
	src/exec/spout.c src/exec/spout.h \
	src/exec/syncer.c src/exec/syncer.h \
	src/exec/terminal.c src/exec/terminal.h \
	src/exec/tree.c src/exec/tree.h \
	src/exec/watch.c src/exec/watch.h \
	src/exec/watch_set.c src/exec/watch_set.h
libag_exec_la_CPPFLAGS = $(AM_CPPFLAGS) $(ZMQ_CFLAGS) $(CZMQ_CFLAGS)
AG_EXEC_LIBS = libag_exec.la libag_agent.la $(AG_BUS_LIBS)

bin_PROGRAMS += agentgate-exec
agentgate_exec_SOURCES = src/exec/main.c
agentgate_exec_LDADD = $(AG_EXEC_LIBS)

# An agent that tells how the world looks from where it stands, for tests/e2e.
noinst_PROGRAMS += tests/e2e/probe
tests_e2e_probe_SOURCES = tests/e2e/probe.c

# A bad disk to put before the C library. -rpath makes libtool build a shared object that is not installed.
noinst_LTLIBRARIES += tests/e2e/faults.la
tests_e2e_faults_la_SOURCES = tests/e2e/faults.c
tests_e2e_faults_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
EXTRA_DIST += tests/e2e/executor_tools.py tests/e2e/test_executor_end.py tests/e2e/test_executor_faults.py tests/e2e/test_executor_jobs.py \
	tests/e2e/test_executor_view.py tests/e2e/test_executor_watch.py

if HAVE_CMOCKA
check_PROGRAMS += tests/test_exec_artifact tests/test_exec_policy tests/test_exec_run tests/test_exec_watch_set
tests_test_exec_artifact_SOURCES = tests/test_exec_artifact.c tests/store_fixture.c tests/store_fixture.h
tests_test_exec_artifact_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_exec_artifact_LDADD = $(AG_EXEC_LIBS) $(CMOCKA_LIBS)
tests_test_exec_run_SOURCES = tests/test_exec_run.c tests/store_fixture.c tests/store_fixture.h
tests_test_exec_run_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_exec_run_LDADD = $(AG_EXEC_LIBS) $(CMOCKA_LIBS)
tests_test_exec_policy_SOURCES = tests/test_exec_policy.c
tests_test_exec_policy_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_exec_policy_LDADD = $(AG_EXEC_LIBS) $(CMOCKA_LIBS)
tests_test_exec_watch_set_SOURCES = tests/test_exec_watch_set.c tests/store_fixture.c tests/store_fixture.h
tests_test_exec_watch_set_CPPFLAGS = $(TEST_CPPFLAGS)
tests_test_exec_watch_set_LDADD = $(AG_EXEC_LIBS) $(CMOCKA_LIBS)
endif

dist_man_MANS += docs/man/agentgate-exec.1
EXTRA_DIST += docs/design/executor.md bench/executor_load.py bench/executor.md
