dnl  AG_REQUIRE(PREFIX, PKG-CONFIG MODULE, DEBIAN PACKAGE)
dnl  Sets PREFIX_CFLAGS and PREFIX_LIBS. What is missing is collected, so that
dnl  one run of configure names everything and the command that brings it.
AC_DEFUN([AG_REQUIRE], [
  PKG_CHECK_MODULES([$1], [$2], [],
    [ag_missing="$ag_missing $3"
     AC_MSG_WARN([$2 is missing: Debian package $3])])
])

dnl  AG_OPTIONAL(PREFIX, MODULE, DEBIAN PACKAGE, WHAT FOR): HAVE_PREFIX
AC_DEFUN([AG_OPTIONAL], [
  PKG_CHECK_MODULES([$1], [$2],
    [ag_have_$1=yes
     AC_DEFINE([HAVE_$1], [1], [Define to 1 if $2 is there ($4)])],
    [ag_have_$1=no
     AC_MSG_NOTICE([$2 is not there, so no $4: Debian package $3])])
  AM_CONDITIONAL([HAVE_$1], [test "$ag_have_$1" = yes])
])

AC_DEFUN([AG_REPORT_MISSING], [
  AS_IF([test -n "$ag_missing"],
    [AC_MSG_ERROR([libraries are missing; on Debian: apt-get install$ag_missing])])
])
