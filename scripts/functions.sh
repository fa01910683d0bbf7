#!/usr/bin/env bash
# Builds each function of the topology whose folder exists into dist/functions/<name>/bootstrap, for arm64 as AWS runs it.
# The same sources give the same bytes: a deployment changes only the functions that changed.
#   scripts/functions.sh [NAME…]      GOARCH=amd64 OUT=build/functions builds for another machine and place
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

out=${OUT:-dist/functions}
arch=${GOARCH:-arm64}

if [ $# -eq 0 ]; then
  for main in functions/*/main.go; do
    [ -e "$main" ] || die "There is no function in functions/ yet, so nothing was built."
    set -- "$@" "$(basename "$(dirname "$main")")"
  done
fi
for name in "$@"; do
  [ -e "functions/$name/main.go" ] || die "There is no function $name: functions/$name/main.go is missing."
  mkdir -p "$out/$name"
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -tags lambda.norpc \
    -gcflags=github.com/aws/...=-l -gcflags=google.golang.org/protobuf/...=-l -gcflags=net/...=-l -gcflags=crypto/...=-l \
    -gcflags=encoding/...=-l -gcflags=vendor/...=-l -gcflags=golang.org/...=-l -gcflags=github.com/danielgtaylor/...=-l -gcflags=github.com/andybalholm/...=-l \
    -gcflags=regexp/...=-l -gcflags=log/...=-l \
    -ldflags "-s -w -buildid=" -o "$out/$name/bootstrap" "./functions/$name"
done
say "built $# functions for $arch into $out"
