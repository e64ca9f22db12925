#!/bin/bash
# run.sh BUILD SECONDS [FOLDER]: each fuzzer of a build with --enable-fuzzers for so long, corpus from the recordings
# and the golden vectors. FOLDER keeps what they found: a further run goes on from it.
# Exit status 0: nothing found.
#
# This Source Code Form is subject to the terms of the Mozilla Public
# License, v. 2.0. If a copy of the MPL was not distributed with this
# file, You can obtain one at https://mozilla.org/MPL/2.0/.
set -eu
export ASAN_OPTIONS=quarantine_size_mb=16 UBSAN_OPTIONS=halt_on_error=1
build=$1 seconds=$2
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -gt 2 ]; then
  work=$3
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/parser" "$work/redact" "$work/codec"
# Lines of hex digits, each a file of its own.
unpack() { # FOLDER
  while read -r hex; do
    printf "$(printf '%s' "$hex" | sed 's/../\\x&/g')" >"$work/$1/$(printf '%s' "$hex" | cksum | cut -d ' ' -f 1)"
  done
}
# What earlier runs found that the recordings do not reach; and each golden vector, behind the byte that says "an event".
for fuzzer in parser redact codec; do unpack "$fuzzer" <"$here/corpus/$fuzzer.hex"; done
sed -n 's/.*"msgpack": "\([0-9a-f]*\)".*/02\1/p' "$here/../../proto/golden.json" | unpack codec
printf '"type"\n"workOrderId"\n"runId"\n"stream"\n"seq"\n"ts"\n"content"\n"agent_output"\n"epoch"\n"last"\n' >"$work/codec.dict"
# Bytes before each recording choose how it is read; pieces of long ones are enough. Beginnings: format auto, whole and
# in pieces (040); of a few with redaction (020), whose pattern takes its time. Ends: without their beginning, as their
# agent's.
format_of() { case $1 in claude*) echo '\001' ;; codex) echo '\002' ;; gemini) echo '\003' ;; opencode) echo '\004' ;; *) echo '\005' ;; esac; }
for file in "$here"/../recordings/*/*.jsonl "$here"/corpus/*.jsonl; do
  [ -s "$file" ] || continue
  agent=$(basename "$(dirname "$file")")
  name=$agent-$(basename "$file")
  { printf '\040\377'; head -c 12000 "$file"; } >"$work/parser/$name"
  case $name in *fix_test*) { printf '\020\005'; head -c 3000 "$file"; } >"$work/parser/redact-$name" ;; esac
  { printf "$(format_of "$agent")\\005"; tail -c 6000 "$file" | tail -n +2; } >"$work/parser/end-$name"
  { printf '\007'; head -c 3000 "$file"; } >"$work/redact/$name"
done
for fuzzer in parser redact codec; do
  dict=$here/$fuzzer.dict
  [ -f "$dict" ] || dict=$work/$fuzzer.dict
  "$build/tests/fuzz/fuzz_$fuzzer" -max_total_time="$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=2048 \
    -dict="$dict" -print_final_stats=1 -artifact_prefix="$work/$fuzzer-" "$work/$fuzzer"
done
