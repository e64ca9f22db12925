dnl  AG_DASHBOARD: the web page. Its built files come with the release tarball
dnl  (gateway/dashboard/dist); from a git checkout they are built by npm.
AC_DEFUN([AG_DASHBOARD], [
  AC_ARG_WITH([dashboard],
    [AS_HELP_STRING([--without-dashboard], [a gateway without its web page])],
    [], [with_dashboard=auto])
  AC_PATH_PROG([NPM], [npm])
  AC_PATH_PROG([NODE], [node])
  AS_IF([test "$with_dashboard" = no], [ag_dashboard=no],
    [test -f "$srcdir/gateway/dashboard/dist/index.html" && test ! -f "$srcdir/gateway/dashboard/dist.stamp"], [ag_dashboard=prebuilt],
    [test -n "$NPM" && test -n "$NODE"], [ag_dashboard=build],
    [test "$with_dashboard" = yes],
      [AC_MSG_ERROR([the dashboard is not built and npm is missing: apt-get install nodejs npm])],
    [ag_dashboard=no
     AC_MSG_WARN([the dashboard is not built and npm is missing, so the gateway comes without its page: apt-get install nodejs npm, or build from a release tarball])])
  AC_MSG_CHECKING([how the dashboard comes])
  AC_MSG_RESULT([$ag_dashboard])
  AM_CONDITIONAL([WITH_DASHBOARD], [test "$ag_dashboard" != no])
  AM_CONDITIONAL([BUILD_DASHBOARD], [test "$ag_dashboard" = build])
])
