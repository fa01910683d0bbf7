#!/usr/bin/env bash
# Takes an environment down: ENV=dev scripts/aws/destroy.sh. One that keeps its data must be confirmed, and leaves it behind.
set -euo pipefail
# shellcheck source=scripts/aws/lib.sh
. "$(dirname "$0")/lib.sh"

environment
"$ops" may-destroy --confirm "${CONFIRM:-}" "${choices[@]}"
built
cdk destroy --force "orcray-$env-*"
