#!/usr/bin/env bash
# Builds the page into frontend/dist, and does nothing, quickly, where it is built already.
#   scripts/page.sh              builds it; a machine without Node is told so, and goes on without the page
#   scripts/page.sh install      installs its packages by the lock
#   scripts/page.sh types        prints the types of the API for the page, made from docs/openapi.json
#   scripts/page.sh test         every check of the page, its browser tests too
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

node_least='20.19'
stamp=frontend/dist/.built-from
results=$root/build/results

main() {
  case ${1:-build} in
  build)
    has_node || {
      say "The page is not built: $missing_node orcray runs without it, as an API and as the command bin/orcray."
      [ ! -f frontend/dist/index.html ] || say "The page that was built before is served."
      return 0
    }
    build
    ;;
  install) need_node && install ;;
  types) need_node && install >&2 </dev/null && (cd frontend && node_modules/.bin/openapi-typescript ../docs/openapi.json </dev/null) ;;
  test) need_node && install && checks ;;
  *) die "page knows build, install, types and test, not $1." ;;
  esac
}

missing_node="Node $node_least or later with npm is needed, and is not on the PATH."

has_node() {
  command -v npm >/dev/null && node -e "const [a, b] = process.versions.node.split('.'); const [c, d] = '$node_least'.split('.');
    process.exit(+a > +c || (a === c && +b >= +d) ? 0 : 1)" 2>/dev/null
}

need_node() { has_node || die "$missing_node" "Install it from nodejs.org or with your package manager, and try again."; }

# install puts the packages of the lock into frontend/node_modules, if they are not there already.
install() {
  local sum kept=frontend/node_modules/.installed-from
  sum=$(sha256sum <frontend/package-lock.json)
  [ "$(cat "$kept" 2>/dev/null)" != "$sum" ] || return 0
  say "installing the packages of the page (once, half a minute)"
  persist env -C frontend npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
    die "npm could not install frontend/package-lock.json; its words are above."
  printf '%s\n' "$sum" >"$kept"
}

# inputs is one checksum of everything the page is built from.
inputs() {
  {
    node --version
    find frontend \( -name node_modules -o -path frontend/dist -o -path frontend/e2e \) -prune -o -type f -not -name '*.test.ts*' -print0 |
      sort -z | xargs -0 sha256sum
  } | sha256sum
}

build() {
  local sum log
  sum=$(inputs)
  [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || return 0
  install || return 1
  say "building the page"
  log=$(mktemp)
  if ! (cd frontend && node_modules/.bin/vite build --logLevel warn) >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "The page could not be built; the words of vite are above."
  fi
  rm -f "$log"
  printf '%s\n' "$sum" >"$stamp"
}

wrong=()

check() {
  local name=$1
  shift
  say "-- $name"
  "$@" || wrong+=("$name")
}

checks() {
  mkdir -p "$results"
  rm -f "$results"/web-*.xml
  check build build
  cd frontend || return 1
  check types node_modules/.bin/tsc -b
  check lint node_modules/.bin/oxlint --quiet src e2e build
  check "components" node_modules/.bin/vitest run --reporter=dot --reporter=junit --outputFile.junit="$results/web-components.xml"
  check "values of the theme" node build/tokens.mjs
  check "sizes" node build/sizes.mjs
  check "browser" node e2e/run.mjs
  [ ${#wrong[@]} -eq 0 ] || die "The page failed in: ${wrong[*]}."
}

main "$@"
