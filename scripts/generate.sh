#!/usr/bin/env bash
# Writes the generated files again; --list prints each with the command that writes it, for `make verify`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

generated='docs/openapi.json bin/orcray openapi
docs/sales.csv python3 scripts/make_sales.py csv
docs/examples/returns.jsonl python3 scripts/make_sales.py jsonl
frontend/src/api/schema.d.ts scripts/page.sh types'

if [ "${1:-}" = --list ]; then
  printf '%s\n' "$generated"
  exit
fi
go build -o bin/orcray ./infra/local/cmd/orcray
while read -r file command; do
  mkdir -p "$(dirname "$file")"
  # shellcheck disable=SC2086 # the command is words
  $command >"$file.new"
  mv "$file.new" "$file"
  say "wrote $file"
done <<<"$generated"
