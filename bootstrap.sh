#!/bin/sh
# bootstrap.sh - from a fresh Debian 12 to a live run, or to passed tests
#
#   ./bootstrap.sh run [PORT]   set up, build, and show a live run on the dashboard until Ctrl-C
#                               (port 3001; where that is in use, any free one)
#   ./bootstrap.sh check        set up, build with sanitizers, and run all tests
#   ./bootstrap.sh build        set up and build into _build/run
#   ./bootstrap.sh deps         install what building needs, nothing else
#
# Works as root or with sudo; installs only what is missing, so it works again, and offline, where it already ran.
set -eu
cd "$(dirname "$0")"
top=$(pwd)

BUILD_PACKAGES="make gcc libc6-dev pkg-config
  libzmq3-dev libczmq-dev libmsgpack-dev libwebsockets-dev libjson-c-dev libsqlite3-dev libpcre2-dev libssl-dev zlib1g-dev libsystemd-dev"
# What a release tarball brings made: configure, and the page.
SOURCE_PACKAGES="ca-certificates autoconf automake libtool"
CHECK_PACKAGES="g++ clang libclang-rt-14-dev libcmocka-dev python3 python3-pytest python3-websockets python3-zmq python3-msgpack
  python3-jsonschema python3-seccomp systemd chromium valgrind clang-tidy cppcheck mandoc git xz-utils curl procps"

say() { printf '== %s\n' "$*"; }
die() { printf 'bootstrap.sh: %s\n' "$*" >&2; exit 1; }

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "packages are missing and there is neither root nor sudo; as root: apt-get install$missing"
  fi
}

# A release tarball, unpacked and not yet built in.
is_release() { [ -x configure ] && [ -f gateway/dashboard/dist/index.html ] && [ ! -e .git ] && [ ! -e gateway/dashboard/dist.stamp ]; }

# Installs those of the named packages that are not there; "node" may come from elsewhere than Debian.
need() {
  missing=
  for package in "$@"; do
    if [ "$package" != node ]; then installed "$package" || missing="$missing $package"
    elif ! command -v node >/dev/null || ! command -v npm >/dev/null; then missing="$missing nodejs npm"
    fi
  done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || die "missing:$missing (Debian's names); this script installs them only on Debian"
  say "installing$missing"
  as_root apt-get update -qq
  # shellcheck disable=SC2086 # a list of words
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# configure DIR OPTION...: an out-of-tree build, configured once per set of options
configure() {
  dir=$1; shift
  if [ ! -x configure ] || [ configure.ac -nt configure ]; then say "autoreconf"; autoreconf -fi >/dev/null; fi
  # A tree that was moved or copied begins anew: a build knows where its source was.
  [ "$(sed -n 's/^abs_top_srcdir = //p' "$dir/Makefile" 2>/dev/null)" = "$top" ] || rm -rf "$dir"
  mkdir -p "$dir"
  if [ ! -f "$dir/Makefile" ] || [ "$(cat "$dir/.options" 2>/dev/null)" != "$*" ]; then
    say "configure $*"
    (cd "$dir" && "$top/configure" --quiet "$@")
    printf '%s' "$*" >"$dir/.options"
  fi
}

# compile DIR TARGET...: make, quiet unless it fails
compile() {
  dir=$1; shift
  say "make $* in $dir"
  make -C "$dir" -s -j "$(nproc)" "$@" >"$dir/make.log" 2>&1 || { tail -n 60 "$dir/make.log"; die "the build failed; all of it is in $dir/make.log"; }
}

need_for_building() {
  # shellcheck disable=SC2086
  if is_release; then need $BUILD_PACKAGES; else need $BUILD_PACKAGES $SOURCE_PACKAGES node; fi
}

build_run() {
  need_for_building
  configure _build/run
  compile _build/run all
}

# ---------------------------------------------------------------------------------------------------------------------
# check: every runner's counts are added up, and the sum is the last line

passed=0
failed=0
count() { passed=$((passed + $1)); failed=$((failed + $2)); }
number_before() { grep -oE "[0-9]+ $1" "$2" | tail -n 1 | grep -oE '^[0-9]+' || echo 0; }

module_tests() {
  say "module tests (gcc, ASan + UBSan)"
  make -C "$1" -s -j "$(nproc)" check >"$1/check.log" 2>&1 || true
  grep -E '^(FAIL|ERROR|XPASS)' "$1/check.log" || true
  grep -qE '^# TOTAL:' "$1/check.log" || { tail -n 40 "$1/check.log"; count 0 1; return; }
  bad=$(($(sed -n 's/^# FAIL: *//p' "$1/check.log") + $(sed -n 's/^# ERROR: *//p' "$1/check.log")))
  [ "$bad" = 0 ] || cat "$1/test-suite.log"
  # The programs hold many tests each; cmocka says how many.
  count "$(cat "$1"/tests/*.log | sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' | awk '{n += $1} END {print n + 0}')" "$bad"
}

python_tests() {
  say "whole programs (pytest)"
  export AGENTGATE_BUILD="$top/$1"
  log=$1/pytest.log
  /usr/bin/python3 -m pytest -q -rfEs --tb=short -p no:cacheprovider tests >"$log" 2>&1 || [ "$?" = 1 ] || echo "1 error" >>"$log"
  sed -n '/^=* \(FAILURES\|ERRORS\) /,$p' "$log"
  tail -n 1 "$log"
  count "$(number_before passed "$log")" "$(($(number_before failed "$log") + $(number_before 'errors?' "$log")))"
}

# What is printed of a failed run: each test that failed with what it says, then how the log ends.
show_page_failures() {
  awk '/^ *not ok / {show = 1} /^ *(ok|# Subtest)/ {show = 0} show' "$1"
  tail -n 40 "$1"
}

page_tests() {
  say "the page (node --test, Chromium)"
  export AGENTGATE_BUILD="$top/$1"
  log=$1/page.log
  (cd gateway/dashboard && { [ -d node_modules ] || npm ci --no-audit --no-fund --loglevel=error; } && npm run -s lint && npm run -s test && npm run -s test:page) >"$log" 2>&1 || echo "# page run ended with an error" >>"$log"
  bad=$(sed -nE 's/^(# |ℹ )fail ([0-9]+)$/\2/p' "$log" | awk '{n += $1} END {print n + 0}')
  if grep -q '^# page run ended' "$log"; then [ "$bad" -gt 0 ] || bad=1; show_page_failures "$log"; fi
  count "$(sed -nE 's/^(# |ℹ )pass ([0-9]+)$/\2/p' "$log" | awk '{n += $1} END {print n + 0}')" "$bad"
}

check() {
  export AGENTGATE_CONFIG=/dev/null     # settings of an installed agentgate are not ours
  # shellcheck disable=SC2086
  need $BUILD_PACKAGES $SOURCE_PACKAGES $CHECK_PACKAGES node
  configure _build/check --enable-werror --enable-sanitize CFLAGS='-O1 -g'
  compile _build/check all
  module_tests _build/check
  build_run
  python_tests _build/run
  page_tests _build/run
  echo
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

# ---------------------------------------------------------------------------------------------------------------------
# run: a gateway, and executors that play recorded agents in their real time

demo() {
  build_run
  exec "$top/demo/run.sh" "$top/_build/run" "$@"
}

case ${1-} in
run) shift; demo "$@" ;;
check) check ;;
build) build_run ;;
deps) need_for_building ;;
*) sed -n '2,11s/^# \{0,1\}//p' "$0"; [ $# = 0 ] || exit 2 ;;
esac
