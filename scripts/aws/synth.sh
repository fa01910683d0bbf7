#!/usr/bin/env bash
# Makes the templates of an environment without network and without credentials: ENV=dev scripts/aws/synth.sh
set -euo pipefail
# shellcheck source=scripts/aws/lib.sh
. "$(dirname "$0")/lib.sh"

ENV=${ENV:-dev}
named
built
cdk synth --quiet
