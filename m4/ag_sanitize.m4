dnl  AG_SANITIZE: --enable-sanitize[=address,undefined | thread]. Sets AG_SANITIZE_CFLAGS,
dnl  used for compiling and linking everything.
AC_DEFUN([AG_SANITIZE], [
  AC_ARG_ENABLE([sanitize],
    [AS_HELP_STRING([--enable-sanitize@<:@=LIST@:>@], [build with sanitizers @<:@address,undefined@:>@])],
    [], [enable_sanitize=no])
  AS_CASE([$enable_sanitize],
    [no], [AG_SANITIZE_CFLAGS=],
    [yes], [AG_SANITIZE_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"],
    [AG_SANITIZE_CFLAGS="-fsanitize=$enable_sanitize -fno-omit-frame-pointer"])
  AC_SUBST([AG_SANITIZE_CFLAGS])
])
