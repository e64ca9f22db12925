#!/bin/sh
# parser.sh BUILD [ROUNDS]: lines a CPU second through our parser, beside Node's readline and JSON.parse over the same
# file in the same run; and events a CPU second with redaction and encoding. Build with -O2 and without sanitizers.
#
# This Source Code Form is subject to the terms of the Mozilla Public
# License, v. 2.0. If a copy of the MPL was not distributed with this
# file, You can obtain one at https://mozilla.org/MPL/2.0/.
set -eu
build=$1 rounds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
recordings=$here/../tests/recordings

# Long enough that a program's start does not matter.
repeat() { # NAME TIMES FILE...
  name=$1 times=$2
  shift 2
  while [ "$times" -gt 0 ]; do cat "$@"; times=$((times - 1)); done >"$work/$name.jsonl"
}
repeat claude 60 "$recordings/claude/long_run.jsonl"
repeat claude-partial 60 "$recordings/claude/fix_test_partial.jsonl" "$recordings/claude/thinking_partial.jsonl" \
  "$recordings/claude/long_text_partial.jsonl"
repeat codex 100 "$recordings/codex/long_run.jsonl"

# Each round runs all four, so that they meet the same load; then the middle of ROUNDS counts.
# A run prints lines, things made and CPU seconds.
rounds_of() { # FILE
  for _ in $(seq "$rounds"); do
    node "$here/parser.mjs" "$1" >>"$work/node"
    for stage in parse redact encode; do "$build/bench/parser" "$1" "$stage" >>"$work/$stage"; done
  done
}
middle() { sort -n -k3 "$work/$1" | sed -n "$(((rounds + 1) / 2))p"; }

printf '%-15s %10s %12s %12s %8s %14s %14s\n' file lines node/s parse/s ratio 'redact ev/s' 'encode ev/s'
for name in claude claude-partial codex; do
  rm -f "$work/node" "$work/parse" "$work/redact" "$work/encode"
  rounds_of "$work/$name.jsonl"
  {
    middle node
    middle parse
    middle redact
    middle encode
  } | awk -v name="$name" '
    NR == 1 { node = $1 / $3 }
    NR == 2 { lines = $1; parse = $1 / $3 }
    NR == 3 { redact = $2 / $3 }
    NR == 4 { encode = $2 / $3 }
    END { printf "%-15s %10d %12d %12d %8.2f %14d %14d\n", name, lines, node, parse, parse / node, redact, encode }'
done
