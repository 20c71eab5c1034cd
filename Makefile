# Everything there is to do with this repository; "make" alone lists it.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO        ?= go
FUZZTIME  ?= 1m
FAULTTIME ?= 1m

# .ci/setup puts Node.js there where the system's is too old.
export PATH := $(CURDIR)/bin/node/node_modules/.bin:$(PATH)

# The linters have a module of their own: their dependencies are not ours.
TOOL := $(GO) tool -modfile=tools/go.mod

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: dev
dev: ## Run the service with an identity provider of its own (ARGS="--tls" ...)
	@$(GO) build -o bin/patrold ./cmd/patrold
	@exec bin/patrold dev $(ARGS)

.PHONY: setup
setup: ## Install what the tests need besides Go (quick where it is there)
	@.ci/setup

.PHONY: test
test: setup ## Run all tests, fuzz seeds among them
	$(GO) test ./...

.PHONY: check
check: fmt-check vet lint tidy-check test race ## Run everything that must be good before a commit

.PHONY: race
race: setup ## Run the tests under the race detector
	$(GO) test -race ./...

.PHONY: faults
faults: setup ## Have three nodes survive for FAULTTIME (1m) what befalls them
	PATROL_FAULTS_DURATION=$(FAULTTIME) $(GO) test -count=1 -run '^TestHistory$$' ./internal/faults

.PHONY: browser
browser: setup ## Walk through the console in Chromium, and keep pictures in bin/_artifacts
	@mkdir -p bin
	$(GO) test -count=1 -artifacts -outputdir bin ./internal/walkthrough

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (1m)
	@$(GO) test -list '^Fuzz' ./... \
		| awk '/^Fuzz/ {targets[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, targets[i]; n = 0}' \
		| while read -r package target; do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; \
		done

.PHONY: bench
bench: setup ## Run the benchmarks, which takes most of an hour
	$(GO) test -run '^$$' -bench . -skip 'HTTP|RowsPostgres' -benchmem ./...
	$(GO) test -run '^$$' -bench CreateHTTP -benchtime 40000x ./internal/patroltest
	$(GO) test -run '^$$' -bench 'MillionHTTP|VerifyHTTP' -timeout 1h ./internal/patroltest
	$(GO) test -run '^$$' -bench RowsPostgres -benchtime 10000000x -timeout 1h ./internal/store

.PHONY: fmt
fmt: ## Format the code
	$(TOOL) gofumpt -w .

.PHONY: fmt-check
fmt-check: ## Fail where "make fmt" would change something
	@files="$$($(TOOL) gofumpt -l .)"; \
		if [ -n "$$files" ]; then printf 'not formatted: run "make fmt":\n%s\n' "$$files" >&2; exit 1; fi

.PHONY: vet
vet: ## Run go vet
	$(GO) vet ./...

.PHONY: lint
lint: ## Run the linters that .golangci.yaml names
	$(TOOL) golangci-lint run ./...

.PHONY: tidy-check
tidy-check: ## Fail where "go mod tidy" would change something
	$(GO) mod tidy -diff

.PHONY: build
build: ## Build the programs into bin/, with the version from git
	$(GO) build -buildvcs=auto -trimpath -o bin/ ./cmd/...
