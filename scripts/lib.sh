# shellcheck shell=bash
# What the scripts share: where they are, how they speak, and the pinned tools. Sourced, never run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

gotestsum_pin=gotest.tools/gotestsum@v1.13.0
golangci_pin=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
uv_pin=uv==0.13.9

say() { printf '%s\n' "$*"; }

# die says what is wrong, and what to do about it, one argument a line.
die() {
  printf 'orcray: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '%s\n' "$@" >&2
  exit 1
}

# tool gives the path of a pinned Go program, built on first use into build/tools.
tool() {
  local pin=$1 name version dir
  name=$(basename "${pin%@*}")
  version=${pin##*@}
  dir=$root/build/tools/$name-$version
  if [ ! -x "$dir/$name" ]; then
    say "building $name $version (once)" >&2
    mkdir -p "$dir"
    GOBIN=$dir GOFLAGS='' go install "$pin" >&2
  fi
  printf '%s' "$dir/$name"
}
