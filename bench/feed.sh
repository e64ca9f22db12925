#!/bin/sh
# feed.sh BUILD: what the client core costs, and the instructions of a fixed amount of work beside those that were
# counted before (bench/feed.callgrind): more than 5 % above is a failure, --update writes them anew. The count needs
# valgrind and does not depend on the machine's load; the times do. Build with -O2 and without sanitizers.
#
# This Source Code Form is subject to the terms of the Mozilla Public
# License, v. 2.0. If a copy of the MPL was not distributed with this
# file, You can obtain one at https://mozilla.org/MPL/2.0/.
set -eu
build=$1 update=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
feed=$build/bench/feed
for way in batch plain; do
  "$feed" same $way
  "$feed" apart $way
done
"$feed" wide
"$feed" full
recordings=$here/../tests/recordings
"$feed" ring "$recordings/claude/long_run.jsonl"
"$feed" ring "$recordings"/claude/*.jsonl

command -v valgrind >/dev/null || { echo "no valgrind: instructions are not counted"; exit 0; }
# Our own functions, and their sum; what makes the events for the benchmark does not count.
valgrind --tool=callgrind --callgrind-out-file="$work/out" "$feed" count 2>"$work/log"
callgrind_annotate --threshold=100 "$work/out" >"$work/annotated"
sed -n 's/^ *\([0-9,]*\) ([^)]*) *[^ ]*gateway\/feed\/\([a-z]*\.[ch]\):\([a-z_0-9.]*\).*/\2:\3 \1/p' "$work/annotated" |
  tr -d , >"$work/ours"
total=$(awk '{ sum += $2 } END { print sum }' "$work/ours")
{
  echo "# instructions of 'feed count' in gateway/feed, by bench/feed.sh --update"
  echo "total $total"
  head -25 "$work/ours"
} >"$work/now"
if [ "$update" = --update ]; then
  cp "$work/now" "$here/feed.callgrind"
  cat "$work/now"
  exit 0
fi
before=$(sed -n 's/^total //p' "$here/feed.callgrind")
echo "instructions: $total, before $before"
[ "$total" -le $((before + before / 20)) ] || {
  echo "feed.sh: more than 5 % above the baseline; what has grown:" >&2
  diff "$here/feed.callgrind" "$work/now" >&2 || true
  exit 1
}
