#!/usr/bin/env bash
# Lints the Go and Python code and the scripts; --fix formats it and mends what has one right answer.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
scripts/setup.sh --dev

golangci=$(tool "$golangci_pin")
ruff=$root/.venv/bin/ruff
wrong=0

if [ "${1:-}" = --fix ]; then
  "$golangci" fmt
  "$golangci" run --fix ./... || wrong=1
  (cd ray-cluster && "$ruff" format . && "$ruff" check --fix .) || wrong=1
  exit "$wrong"
fi

"$golangci" run ./... || wrong=1
(cd ray-cluster && "$ruff" format --check . && "$ruff" check .) || wrong=1
(cd ray-cluster && "$root/.venv/bin/python" -m mypy) || wrong=1
# Functions that are called by a name in a variable look unreachable to it, or never called (SC2317, SC2329).
"$root/.venv/bin/shellcheck" --external-sources --exclude=SC2317,SC2329 .ci/run scripts/*.sh scripts/*/*.sh ray-cluster/bin/* || wrong=1
exit "$wrong"
