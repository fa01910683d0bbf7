#!/usr/bin/env bash
# Says what this machine and the account lack for a deployment: ENV=dev scripts/aws/preflight.sh [--json]
set -euo pipefail
# shellcheck source=scripts/aws/lib.sh
. "$(dirname "$0")/lib.sh"

environment
exec "$ops" preflight "${choices[@]}" "$@"
