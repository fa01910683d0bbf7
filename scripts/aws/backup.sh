#!/usr/bin/env bash
# Keeps a copy of the data: of an environment (ENV=dev), or without ENV of this machine's orcray, which may run.
set -euo pipefail
# shellcheck source=scripts/aws/lib.sh
. "$(dirname "$0")/lib.sh"

if [ -z "${ENV:-}" ]; then
  exec bin/orcray backup "${TO:-backups}"
fi
environment
exec "$ops" backup "${choices[@]}" --to "${TO:-backups}"
