#!/usr/bin/env bash
# Fuzzes every fuzz target of the module, one after the other, for FUZZTIME each.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

failed=()
while IFS=: read -r file target; do
  printf '== %s %s\n' "$(dirname "$file")" "$target"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "./$(dirname "$file")" || failed+=("$target")
done < <(git grep -oE 'func Fuzz\w+' -- '*_test.go' | sed 's/func //' | sort -u)

[ ${#failed[@]} -eq 0 ] || die "These found something: ${failed[*]}. The inputs lie in testdata/fuzz beside the tests."
