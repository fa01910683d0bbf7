#!/usr/bin/env bash
# Shows the coverage of the last test run by package, least covered first.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

profile=build/coverage.out
[ -s "$profile" ] || die "There is no coverage yet; run make test."
# A statement block stands once for every test binary: it is covered if any of them ran it.
awk '!/^mode:/ {split($1, at, ":"); sub(/\/[^\/]*$/, "", at[1]); size[$1] = $2; home[$1] = at[1]; if ($3 > 0) hit[$1] = 1}
  END {for (b in size) {all[home[b]] += size[b]; if (b in hit) ran[home[b]] += size[b]}
    for (p in all) printf "%5.1f %%  %5d of %5d  %s\n", 100 * ran[p] / all[p], ran[p], all[p], p}' "$profile" | sort -n
go tool cover -func="$profile" | awk '/^total:/{print "\n" $3 " of all statements"}'
go tool cover -html="$profile" -o build/coverage.html
say "build/coverage.html shows every line."
