#!/usr/bin/env bash
# Runs a program, and builds and starts it again whenever a file changes. A build that fails leaves the old one running.
#   scripts/reload.sh 'BUILD COMMAND' 'PROGRAM' FOLDER…
# It ends, with its program, on Ctrl-C or SIGTERM.
set -uo pipefail

build=$1
program=$2
shift 2
pause=${RELOAD_PAUSE:-0.5}
pid=

# state is one line that changes whenever a file below the folders is written, made, renamed or removed.
state() {
  find "$@" -type f \( -name '*.go' -o -name '*.py' -o -name '*.json' -o -name '*.mod' -o -name '.env' \) \
    -not -path '*/testdata/*' -not -name '*_test.go' -printf '%p %T@ %s\n' 2>/dev/null | sort | cksum
}

start() {
  bash -c "exec $program" &
  pid=$!
}

stop() {
  [ -n "$pid" ] || return 0
  kill -TERM "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  pid=
}

trap 'stop; exit 0' INT TERM

seen=
while true; do
  now=$(state "$@")
  if [ "$now" != "$seen" ]; then
    [ -z "$seen" ] || echo "reload: a file changed"
    seen=$now
    if bash -c "$build"; then
      stop
      start
    else
      echo "reload: the build failed; ${pid:+the last good one still runs}"
    fi
  elif [ -n "$pid" ] && ! kill -0 "$pid" 2>/dev/null; then
    wait "$pid"
    echo "reload: the program ended with status $?; waiting for a change"
    pid=
  fi
  sleep "$pause" &
  wait $!
done
