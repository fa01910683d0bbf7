# Every job of this repository by one name; the work is done in scripts/. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
PORCELAIN := help setup build page run down dev doctor health test test-go test-py test-web test-aws-wire test-image test-race test-slow fuzz bench coverage \
	acceptance verify lint fmt generate lock clean functions synth preflight deploy diff destroy backup restore
.PHONY: $(PORCELAIN)

help: ## List the targets
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z][a-z-]*:.*## /{printf "  %-14s %s\n", $$1, $$2}' Makefile

## Run
setup: ## Install what is missing on this machine: system packages, the Python environment
	@scripts/setup.sh

build: ## Build bin/orcray
	@go build -o bin/orcray ./infra/local/cmd/orcray

page: ## Build the page into frontend/dist, where Node is installed
	@scripts/page.sh

run: setup build page ## Start orcray on this machine and wait until it is ready
	@bin/orcray up

down: ## Stop orcray and everything it started
	@if [ -x bin/orcray ]; then bin/orcray down; else echo "orcray was never built here, so nothing runs."; fi

dev: setup ## Run in the foreground; build and start again whenever a file changes
	@scripts/dev.sh

doctor: setup build ## Say what this machine and the running orcray have and lack
	@bin/orcray doctor

health: build ## Ask every part of the running orcray how it is
	@bin/orcray doctor

## Test
test: ## Run every test, with the coverage gate (the command of CI)
	@scripts/test.sh all

test-go: ## Run the Go tests, with the coverage gate
	@scripts/test.sh go

test-py: ## Run the Python tests
	@scripts/test.sh py

test-web: ## Check the page: types, lint, components, sizes, and a real browser against a real orcray
	@scripts/test.sh web

test-aws-wire: ## Run the tests of the question with the adapters of AWS, against doubles on the wire
	@scripts/test.sh aws-wire

test-image: ## Build the image of Ray, and run what ECS will run in containers of it
	@scripts/test.sh image

test-race: ## Run the Go tests with the race detector
	@scripts/test.sh race

test-slow: ## Run every test in its long form: more kills, more rows, more rounds
	@ORCRAY_LONG_TESTS=1 scripts/test.sh all

fuzz: ## Fuzz every fuzz target for FUZZTIME each (30s)
	@scripts/fuzz.sh

bench: setup build ## Run the benchmarks beside their baselines
	@scripts/bench.sh

coverage: ## Show the coverage of the last test run, by package, and write build/coverage.html
	@scripts/coverage.sh

acceptance: ## Show each acceptance row with the tests that proved it in the last run
	@go run ./infra/acceptance

## AWS and operations
functions: ## Build the functions for AWS into dist/functions
	@scripts/functions.sh

synth: ## Make the templates of ENV (dev) without network or credentials
	@scripts/aws/synth.sh

preflight: ## Say what this machine and the account lack for a deployment (ENV=dev, staging or prod)
	@scripts/aws/preflight.sh

deploy: ## Deploy orcray to AWS (ENV=…; ORCRAY_CDK, MODELS, APPROVE: docs/operations.md)
	@scripts/aws/deploy.sh

diff: ## Say what a deployment would change (ENV=…)
	@scripts/aws/diff.sh

destroy: ## Take an environment down (ENV=…); one that keeps its data asks for CONFIRM=
	@scripts/aws/destroy.sh

backup: build ## Keep a copy of the data into TO= (backups): of this machine, or of ENV=…
	@scripts/aws/backup.sh

restore: build ## Bring data back from FROM=…: of this machine, or of ENV=…
	@scripts/aws/restore.sh

## Check
verify: setup ## Check formatting, lint, types, modules and that generated files are fresh
	@scripts/verify.sh

lint: ## Lint the Go and Python code and the scripts
	@scripts/lint.sh

fmt: ## Format the Go and Python code
	@scripts/lint.sh --fix

## Keep
lock: ## Write the locks of the Python requirements again
	@scripts/lock.sh

generate: ## Write the generated files again: the OpenAPI document and the page's types of it, the example data
	@scripts/generate.sh

clean: ## Remove what was built (the data in var/ stays)
	@[ ! -d build/image ] || scripts/image.sh clean
	@rm -rf bin build dist cdk.out
