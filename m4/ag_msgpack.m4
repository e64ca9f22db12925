dnl  AG_MSGPACK: msgpack's C library; its pkg-config name has changed from
dnl  release to release (msgpack, msgpackc, msgpack-c).
AC_DEFUN([AG_MSGPACK], [
  PKG_CHECK_MODULES([MSGPACK], [msgpack-c >= 4.0], [],
    [PKG_CHECK_MODULES([MSGPACK], [msgpackc >= 1.4], [],
      [PKG_CHECK_MODULES([MSGPACK], [msgpack >= 1.4], [],
        [ag_missing="$ag_missing libmsgpack-dev"
         AC_MSG_WARN([msgpack-c is missing: Debian package libmsgpack-dev])])])])
])
