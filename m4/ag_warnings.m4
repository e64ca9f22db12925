dnl  AG_WARNINGS: --enable-werror; the warnings we hold ourselves to, each
dnl  taken only if the compiler knows it. Sets AG_WARN_CFLAGS.
AC_DEFUN([AG_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [warnings are errors (for developers and CI)])],
    [], [enable_werror=no])
  AG_WARN_CFLAGS=
  for ag_flag in -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
      -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef; do
    ag_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $ag_flag"
    AC_MSG_CHECKING([whether $CC knows $ag_flag])
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
      [AG_WARN_CFLAGS="$AG_WARN_CFLAGS $ag_flag"; AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no])])
    CFLAGS=$ag_saved_CFLAGS
  done
  AS_IF([test "$enable_werror" = yes], [AG_WARN_CFLAGS="$AG_WARN_CFLAGS -Werror"])
  AC_SUBST([AG_WARN_CFLAGS])
])
