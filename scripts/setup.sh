#!/usr/bin/env bash
# Brings this machine to where orcray runs, and does nothing, quickly, where it does already.
#   scripts/setup.sh [--dev]     --dev adds the tools of the tests and checks
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

python_least='3.11'
go_least='1.26'
lock_run=ray-cluster/requirements.lock
lock_dev=ray-cluster/requirements-dev.lock

main() {
  local dev=
  case ${1:-} in
  --dev) dev=yes ;;
  '') ;;
  *) die "setup knows only --dev, not $1." ;;
  esac
  [ "$(uname -s)" = Linux ] || die "orcray runs programs in Linux sandboxes. Use Linux, or a Linux virtual machine."
  check_go
  system_packages
  environment
  if [ -n "$dev" ]; then
    install_lock "$lock_dev" dev
    browser
  else
    install_lock "$lock_run" run
  fi
}

check_go() {
  command -v go >/dev/null || die "Go is not installed. Install Go $go_least or later and put it on the PATH."
  local have
  # Inside the module an older Go (from 1.21 on) fetches the version that go.mod asks for.
  have=$(go env GOVERSION 2>/dev/null) || die "This Go cannot read go.mod. Install Go $go_least or later."
  have=${have#go}
  at_least "$have" "$go_least" || die "This is Go $have; orcray needs $go_least or later."
}

# at_least compares versions: at_least 1.26.8 1.26.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# system_packages sees to bubblewrap, which isolates programs, and to a Python that can make environments.
system_packages() {
  local missing=()
  command -v bwrap >/dev/null || missing+=(bubblewrap)
  if [ ! -x .venv/bin/python ]; then
    interpreter >/dev/null || missing+=(python3)
    can_make_environments || missing+=(python3-venv)
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "installing ${missing[*]}"
    apt_install "${missing[@]}"
  elif command -v apt-get >/dev/null; then
    die "This machine lacks ${missing[*]}. Install with:" "  sudo apt-get update && sudo apt-get install ${missing[*]}" "and run make setup again."
  else
    die "This machine lacks ${missing[*]}. Install them with its package manager (bubblewrap gives the program bwrap), and run make setup again."
  fi
}

# browser sees to the browser that the page is tested in.
browser() {
  [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ] || return 0
  [ -z "${CHROMIUM:-}" ] || die "CHROMIUM names $CHROMIUM, which is no program."
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "installing chromium"
    apt_install chromium
  elif command -v apt-get >/dev/null; then
    die "The page is tested in Chromium, which this machine lacks. Install it with:" "  sudo apt-get update && sudo apt-get install chromium" \
      "or name yours: CHROMIUM=/path/to/chromium make test"
  else
    die "The page is tested in Chromium, which this machine lacks. Install it, and name it: CHROMIUM=/path/to/chromium make test"
  fi
}

can_make_environments() {
  local python
  python=$(interpreter) && "$python" -c 'import ensurepip, venv' 2>/dev/null
}

# interpreter gives the Python that the environment is made from. As root every cell has a user id of its own, so the
# interpreter must lie where other users may read: one below a private home (pyenv's, most often) cannot be used, which is
# why the system's Python comes first.
interpreter() {
  local candidate path
  for candidate in /usr/bin/python3 /usr/bin/python3.{14,13,12,11} python3.{14,13,12,11} python3; do
    path=$(command -v "$candidate") || continue
    recent "$path" || continue
    [ "$(id -u)" -ne 0 ] || readable_by_all "$path" || continue
    printf '%s' "$path"
    return 0
  done
  return 1
}

recent() { "$1" -c "import sys; sys.exit(sys.version_info < (${python_least/./, }))" 2>/dev/null; }

# readable_by_all reports whether every folder above the interpreter's library lets other users through.
readable_by_all() {
  local dir
  dir=$("$1" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
  while [ "$dir" != / ]; do
    case $(stat -c %A "$dir") in *[xt]) ;; *) return 1 ;; esac
    dir=$(dirname "$dir")
  done
}

# environment makes .venv, and makes it anew where its interpreter is gone or too old.
environment() {
  if [ -x .venv/bin/python ]; then
    recent .venv/bin/python && return 0
    say "the Python of .venv is gone or older than $python_least: making .venv again"
    rm -rf .venv
  fi
  local python
  python=$(interpreter) || die "No usable Python was found: orcray needs Python $python_least or later." \
    "As root it must lie where other users may read (the system's python3 does; one below a private home does not)."
  say "making .venv from $python ($("$python" -V))"
  "$python" -m venv .venv || { rm -rf .venv; die "$python could not make .venv; its words are above."; }
}

# install_lock installs a lock if it is not the one that was installed last. The lock of the tools holds the other whole.
install_lock() {
  local lock=$1 kind=$2 stamp sum
  stamp=.venv/installed-$kind
  sum=$(sha256sum <"$lock")
  [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || return 0
  say "installing $lock (some minutes on a new machine: Ray is large)"
  rm -f .venv/installed-*
  persist .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock" ||
    die "pip could not install $lock; its words are above."
  printf '%s\n' "$sum" >"$stamp"
  [ "$kind" != dev ] || sha256sum <"$lock_run" >.venv/installed-run
}

main "$@"
