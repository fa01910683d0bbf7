#!/usr/bin/env bash
# Checks what no test checks: modules, formatting, lint, types, and that generated files are what their generators write now.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

failed=()

check() {
  local name=$1
  shift
  printf '== %s\n' "$name"
  "$@" || failed+=("$name")
}

formatted() {
  local files
  files=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
  [ -z "$files" ] || { printf 'gofmt would change:\n%s\n' "$files"; return 1; }
}

# fresh runs a generator and fails if its output is not the committed file: fresh FILE COMMAND…
fresh() {
  local file=$1 now
  shift
  now=$(mktemp)
  if "$@" >"$now" && diff -u --label "$file (committed)" --label "$file (now)" "$file" "$now" | head -n 40 && cmp -s "$file" "$now"; then
    rm -f "$now"
    return 0
  fi
  rm -f "$now"
  say "$file is not what its generator writes; run make generate."
  return 1
}

check "modules are what the checksums say" go mod verify
check "go.mod is tidy" go mod tidy -diff
check "build" go build -o bin/orcray ./infra/local/cmd/orcray
check "gofmt" formatted
check "go vet" go vet ./...
while read -r file command; do
  # shellcheck disable=SC2086 # the command is words
  check "$file is fresh" fresh "$file" $command
done < <(scripts/generate.sh --list)
check "lint and types" scripts/lint.sh

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFAILED: %s\n' "${failed[@]}"
  exit 1
fi
printf '\nEverything is as it should be.\n'
