dnl  AG_FUZZ: --enable-fuzzers builds the libFuzzer programs of tests/fuzz (clang).
AC_DEFUN([AG_FUZZ], [
  AC_ARG_ENABLE([fuzzers],
    [AS_HELP_STRING([--enable-fuzzers], [build the fuzz targets (needs clang)])],
    [], [enable_fuzzers=no])
  AM_CONDITIONAL([ENABLE_FUZZERS], [test "$enable_fuzzers" = yes])
])
