#!/usr/bin/env bash
# orcray in the foreground, built and started again whenever its code changes.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

scripts/page.sh
[ ! -x bin/orcray ] || bin/orcray down >/dev/null
exec scripts/reload.sh 'go build -o bin/orcray ./infra/local/cmd/orcray' 'bin/orcray serve' \
  shared infra/local statemachines ray-cluster/runner go.mod .env
