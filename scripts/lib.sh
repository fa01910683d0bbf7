# shellcheck shell=bash
# What the scripts share: where they are, how they speak, and the pinned tools. Sourced, never run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

# shellcheck disable=SC2034 # the pins are used by the scripts that source this
{
  gotestsum_pin=gotest.tools/gotestsum@v1.13.0
  golangci_pin=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
  uv_pin=uv==0.13.9
}

say() { printf '%s\n' "$*"; }

# die says what is wrong, and what to do about it, one argument a line.
die() {
  printf 'orcray: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '%s\n' "$@" >&2
  exit 1
}

# persist runs a command that fetches from the network, up to three times: a mirror's hiccup must not end a set-up.
# A subshell, so that its trap is its own: pip takes Ctrl-C for a failure, but it ends everything here.
persist() (
  trap 'trap - INT; kill -INT "$BASHPID"' INT
  for pause in 5 15 ''; do
    "$@" && exit 0
    [ -n "$pause" ] || exit 1
    say "that failed; trying again in $pause s" >&2
    sleep "$pause"
  done
)

# tool gives the path of a pinned Go program, built on first use into build/tools.
tool() {
  local pin=$1 name version dir
  name=$(basename "${pin%@*}")
  version=${pin##*@}
  dir=$root/build/tools/$name-$version
  if [ ! -x "$dir/$name" ]; then
    say "building $name $version (once)" >&2
    mkdir -p "$dir"
    GOBIN=$dir GOFLAGS='' persist go install "$pin" >&2 || return 1
  fi
  printf '%s' "$dir/$name"
}

# apt_get writes apt's words to a file. It waits while another apt installs; one that reads its lists is met again with the next try.
apt_get() {
  local log=$1
  shift
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1
}

# apt_install installs Debian's packages, and says apt's words only when it fails.
apt_install() {
  local log
  log=$(mktemp)
  if ! persist apt_get "$log" "$@"; then
    cat "$log" >&2
    rm -f "$log"
    die "apt-get could not install $*; its words are above."
  fi
  rm -f "$log"
}

# have makes sure of programs, each of Debian's package of the same name or, as PROGRAM=PACKAGE, of that one; it fails where they
# cannot be installed.
have() {
  local program missing=()
  for program; do
    command -v "${program%=*}" >/dev/null || missing+=("${program#*=}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "This machine lacks ${missing[*]}. Install them with its package manager."
    return 1
  fi
  say "installing ${missing[*]}"
  (apt_install "${missing[@]}")
}
