#!/usr/bin/env bash
# Makes build/aws-venv, which holds the tools of the AWS tests (moto, cfn-lint), and does nothing, quickly, where it is
# what the lock says. Several may run at once: the first one makes it, the others wait.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

lock=ray-cluster/requirements-aws.lock
home=$root/build/aws-venv
stamp=$home/installed
sum=$(sha256sum <"$lock")

current() { [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; }

current && exit 0
mkdir -p "$root/build"
exec 9>"$home.lock"
flock 9
current && exit 0

python=
for candidate in .venv/bin/python python3; do
  if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || die "There is no Python of 3.11 or later that can make environments; run make setup."

say "installing $lock into build/aws-venv (once, about a minute)"
rm -rf "$home"
"$python" -m venv "$home" || die "$python could not make build/aws-venv; its words are above."
persist "$home/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock" ||
  die "pip could not install $lock; its words are above."
printf '%s\n' "$sum" >"$stamp"
