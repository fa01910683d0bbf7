#!/usr/bin/env bash
# Runs the benchmarks, each beside its baseline, one package at a time so that they do not disturb each other, and ends with a table of
# all figures and their limits. build/results has what was printed (bench.txt) and the figures (bench.json).
#   BENCH='P2|P3' scripts/bench.sh
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p build/results
failed=0
go test -p 1 -run '^$' -bench "${BENCH:-.}" -benchtime "${BENCHTIME:-1s}" -timeout 60m -v ./bench/... ./shared/asl | tee build/results/bench.txt || failed=1
printf '\n'
go run ./infra/benchtable -json <build/results/bench.txt >build/results/bench.json || failed=1
go run ./infra/benchtable <build/results/bench.txt || failed=1
exit "$failed"
