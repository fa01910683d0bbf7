#!/usr/bin/env bash
# Brings data back: of an environment (ENV=dev FROM=backup), or without ENV of this machine's orcray (FROM=folder).
set -euo pipefail
# shellcheck source=scripts/aws/lib.sh
. "$(dirname "$0")/lib.sh"

[ -n "${FROM:-}" ] || die "Say what to restore: make restore FROM=backups/…, with ENV=… for an environment on AWS."
if [ -z "${ENV:-}" ]; then
  exec bin/orcray restore "$FROM"
fi
environment
exec "$ops" restore "${choices[@]}" --from "$FROM" ${REPLACE:+--replace "$REPLACE"}
