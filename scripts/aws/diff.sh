#!/usr/bin/env bash
# Says what a deployment would change: ENV=dev scripts/aws/diff.sh
set -euo pipefail
# shellcheck source=scripts/aws/lib.sh
. "$(dirname "$0")/lib.sh"

environment
built
cdk diff "orcray-$env-*"
