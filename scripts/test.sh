#!/usr/bin/env bash
# Runs the tests, stage after stage; a stage that fails lets the later ones run, and the whole fails at the end.
#   scripts/test.sh all | go | py | web | aws-wire | image | race
# Results lie in build/results (`make acceptance` reads them), coverage in build/coverage.out.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

results=$root/build/results
profile=$root/build/coverage.out
coverage_least=80

# Packages whose tests start a real Ray or measure whole machines of processes: one at a time, and never beside pytest.
alone='^github.com/orcray/orcray/(infra/local|shared/embedded/cells|shared/aws/ecs|functions|bench)(/|$)'
# What coverage does not count, by file: test support, tools of the repository, generated code.
uncounted='(test|/dynamolocal|/torture|/infra/acceptance|/shared/offline/programs)/[^/]*:|_gen\.go:'
covered=./shared/...,./infra/local/...,./infra/acceptance/...,./infra/ops/...,./statemachines/...
# The stacks carry the CDK, which nothing else is to be linked with; functions are tested as the processes that they are.

# The question's tests: those that open a whole world run a second time with the adapters of AWS in it (docs/aws.md).
question=(./infra/local ./infra/local/localtest ./shared/interpret ./shared/handler)

# Tests of functions that run again, or only, where the image is built.
of_the_image='^(TestA5_AQuestionGoesThroughAllFunctions|TestA5_TheBinariesForAWSAnswerTheirSamples)$'

failed=()
took=()

main() {
  mkdir -p "$results"
  stage setup scripts/setup.sh --dev
  case ${1:-all} in all | go | aws-wire | image | race) stage "aws tools" scripts/aws-tools.sh ;; esac
  stage build go build -o bin/orcray ./infra/local/cmd/orcray
  case ${1:-all} in
  all)
    go_stages
    stage "aws wire" aws_wire_if_possible
    stage python pytest_all
    stage image image_if_possible
    stage page scripts/page.sh test
    ;;
  go) go_stages ;;
  py) stage python pytest_all ;;
  aws-wire) stage "aws wire" aws_wire ;;
  image) stage image image_tests ;;
  web) stage page scripts/page.sh test ;;
  race) stage race go test -race -timeout 40m ./shared/... ./infra/... ./statemachines/... ;;
  *) die "test knows all, go, py, web, aws-wire, image and race, not $1." ;;
  esac
  closing
}

stage() {
  local name=$1 began=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  "$@" || failed+=("$name")
  took+=("$name $((SECONDS - began))s")
}

go_stages() {
  rm -f "$results"/go-{house,side-by-side,one-by-one,stacks}.json "$results"/cover-*.out
  stage "house rules" go_tests house -count=1 ./infra/house/...
  # shellcheck disable=SC2046 # one argument a package
  stage "go" go_tests side-by-side -timeout 15m "-coverpkg=$covered" "-coverprofile=$results/cover-side-by-side.out" \
    $(packages -Ev)
  # shellcheck disable=SC2046
  stage "go, one at a time" go_tests one-by-one -p 1 -timeout 20m "-coverpkg=$covered" "-coverprofile=$results/cover-one-by-one.out" \
    $(packages -E)
  stage stacks go_tests stacks -p 1 -timeout 20m -coverpkg=./infra/stacks/... "-coverprofile=$results/cover-stacks.out" ./infra/stacks/... ./infra
  stage coverage gate
}

# aws_wire runs the question's tests against doubles. A result of an earlier run says nothing of the doubles, so none is taken from
# the cache; each package has doubles of its own, so that they follow each other.
aws_wire() {
  rm -f "$results/go-aws-wire.json"
  ORCRAY_TEST_WIRE=aws go_tests aws-wire -count=1 -p 1 -timeout 15m "${question[@]}"
}

aws_wire_if_possible() {
  local program
  for program in java javac npm; do
    if ! command -v "$program" >/dev/null; then
      say "SKIPPED, NOT PROVEN: DynamoDB Local needs $program, which is not installed."
      return
    fi
  done
  aws_wire
}

# packages lists the packages with tests that do (-E) or do not (-Ev) run alone.
packages() {
  go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | grep -Ev '/infra(/house|/stacks.*)?$' | grep "$1" "$alone"
}

# go_tests runs `go test` through gotestsum: go_tests NAME ARGUMENTS…
go_tests() {
  local name=$1 gotestsum
  shift
  gotestsum=$(tool "$gotestsum_pin") || return 1
  "$gotestsum" --format pkgname --format-hide-empty-pkg --jsonfile "$results/go-$name.json" -- "$@"
}

# gate joins the profiles and fails below the least share of statements.
gate() {
  { printf 'mode: set\n' && cat "$results"/cover-*.out | grep -Ev "^mode:|$uncounted"; } >"$profile" || return 1
  local share
  share=$(go tool cover -func="$profile" | awk '/^total:/{sub("%", "", $3); print $3}')
  say "coverage of the Go statements: $share % (at least $coverage_least %)"
  awk -v have="${share:-0}" -v least="$coverage_least" 'BEGIN{exit !(have + 0 >= least + 0)}'
}

pytest_all() {
  rm -f "$results/pytest.xml"
  export COVERAGE_FILE=$root/build/python.coverage
  (cd ray-cluster && ../.venv/bin/python -m pytest --junitxml="$results/pytest.xml" --cov=runner --cov=autoscaler --cov=entry --cov-report=) || return 1
  say "coverage of the Python statements in the tests' own process: $(.venv/bin/coverage report --format=total) %"
}

# image_tests runs what ECS will run in containers of the image, and the functions' binaries for its processors.
image_tests() {
  local rc=0
  rm -f "$results"/{go,pytest}-image.*
  scripts/image.sh build || return
  trap 'scripts/image.sh clean' EXIT # also when this is interrupted
  (cd ray-cluster && ORCRAY_TEST_IMAGE=1 ../.venv/bin/python -m pytest --junitxml="$results/pytest-image.xml" \
    tests/test_a8_ecs_world.py tests/test_r53_image_runs.py) || rc=1
  have qemu-aarch64-static=qemu-user-static || say "SKIPPED, NOT PROVEN: the functions' binaries for AWS do not run here."
  ORCRAY_TEST_IMAGE=1 go_tests image -count=1 -run "$of_the_image" ./functions || rc=1
  scripts/image.sh clean
  return "$rc"
}

image_if_possible() {
  local rc=0
  image_tests || rc=$?
  [ "$rc" -eq 3 ] || return "$rc"
}

closing() {
  printf '\n== summary\n'
  printf '%s\n' "${took[@]}"
  if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
  fi
  go run ./infra/acceptance -count
  exit $((${#failed[@]} > 0))
}

main "$@"
