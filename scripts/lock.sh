#!/usr/bin/env bash
# Writes the locks of the Python requirements again, with the newest versions that the .in files allow if --upgrade is given.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

tools=$root/build/tools/${uv_pin/==/-}
if [ ! -x "$tools/bin/uv" ]; then
  [ -x .venv/bin/python ] || die "There is no .venv yet; run make setup."
  .venv/bin/python -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check "$uv_pin"
fi

# compile IN LOCK [flags]: run from the folder of the files, so that the lock names no machine.
compile() {
  local in=$1 lock=$2
  shift 2
  (cd ray-cluster && "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --output-file "$lock" "$@" "$in" >/dev/null)
}

compile requirements.in requirements.lock "$@"
# The image is Python 3.11 on Linux, and nothing else: awswrangler has no release for every Python that the others allow.
compile requirements-image.in requirements-image.lock --no-universal --python-platform linux --constraint requirements.lock "$@"
compile requirements-dev.in requirements-dev.lock --constraint requirements.lock "$@"
compile requirements-aws.in requirements-aws.lock "$@" # not beside the others: these tools never meet a program
