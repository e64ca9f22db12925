#!/bin/sh
# demo/run.sh BUILD [PORT] - a gateway with its page, and executors that play recorded agents
#
# The agents are real processes: agentgate-replay writes a recording's stdout with its own timing, agentgate-exec
# runs it as it would run the agent itself. Everything lives in a temporary folder and goes with Ctrl-C.
set -eu
build=$(cd "$1" && pwd)
port=${2-3001}
here=$(cd "$(dirname "$0")" && pwd)
recordings=$here/../tests/recordings

# Settings of an installed agentgate are not ours.
export AGENTGATE_CONFIG=/dev/null
for name in $(env | sed -n 's/^\(AGENTGATE_[A-Z_]*\)=.*/\1/p'); do [ "$name" = AGENTGATE_CONFIG ] || unset "$name"; done

dir=$(mktemp -d "${TMPDIR:-/tmp}/agentgate-demo.XXXXXX")
bus=ipc://$dir/bus control=ipc://$dir/control
gateway=
player=

# Whoever is started in the background of a script is deaf to Ctrl-C: each is told, and waited for.
stop() {
  trap '' INT TERM HUP
  trap - EXIT
  for process in $player $gateway; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$dir"
}
trap 'stop; exit 0' INT TERM HUP
trap stop EXIT

start_gateway() {
  : >"$dir/gateway.log"
  "$build/agentgate-gateway" --listen "127.0.0.1:$1" --bus "$bus" --control "$control" \
    --republish "ipc://$dir/republish" --state-dir "$dir/gateway" --log-level warning 2>"$dir/gateway.log" &
  gateway=$!
  until grep -q 'listening on' "$dir/gateway.log"; do
    kill -0 "$gateway" 2>/dev/null || return 1
    sleep 0.05
  done
}

# play WORK_ORDER RUN RECORDING FORMAT: one recorded agent, run by the executor in a workspace of its own.
# An agent that fails is shown like any other; an executor that cannot run ends the demo.
play() {
  workspace=$dir/workspaces/$2
  mkdir -p "$workspace"
  (cd "$workspace" && exec "$build/agentgate-exec" --quiet --linger 0.5 --bus "$bus" --control "$control" --state-dir "$dir/state" \
    --work-order "$1" --run-id "$2" --format "$4" -- "$build/agentgate-replay" --stdout "$recordings/$3") &
  executor=$!
  wait "$executor" || [ $? -lt 125 ] || { kill "$gateway"; exit 1; }
}

play_all() {
  trap '[ -z "$executor" ] || kill "$executor" 2>/dev/null; wait; exit 0' INT TERM HUP
  executor=
  round=1
  while :; do
    play demo "claude-fix-test-$round" claude/fix_test.jsonl claude
    play demo "codex-fix-test-$round" codex/fix_test.jsonl codex
    play demo "claude-partial-$round" claude/fix_test_partial.jsonl claude
    play demo "claude-subagents-$round" claude/subagent_partial.jsonl claude
    play demo "claude-long-run-$round" claude/long_run.jsonl claude
    round=$((round + 1))
  done
}

if ! start_gateway "$port"; then
  # The port may be taken: any free one will do.
  tail -n 1 "$dir/gateway.log" >&2
  start_gateway 0 || { cat "$dir/gateway.log" >&2; exit 1; }
fi
url=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$dir/gateway.log" | head -n 1)
printf '\n  agentgate-stream is live: %s\n\n  A recorded agent plays there in real time. Ctrl-C stops everything.\n\n' "$url"
play_all &
player=$!
wait "$gateway"
