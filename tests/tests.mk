# Module tests: cmocka programs under `make check`, one a module. Each folder
# adds its own: check_PROGRAMS += tests/test_NAME. Whole programs are driven
# by pytest from tests/e2e and tests/chaos (bootstrap.sh check).
TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) -DSRCDIR=\"$(abs_top_srcdir)\"
EXTRA_DIST += tests/chaos/agent.py tests/chaos/chaos.py tests/chaos/conftest.py tests/chaos/proxy.py tests/chaos/test_chaos.py \
	tests/chaos/viewer.py
