# One entry for each chore; `make` lists them. What a chore does step by step
# stands in tools/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# golangci-lint lies in a module of its own, tools/go.mod, with its version.
LINT := $(GO) tool -modfile=$(CURDIR)/tools/go.mod golangci-lint
MODULES_APART := $(patsubst %/go.mod,%,$(wildcard tools/go.mod tests/*/go.mod))

DEMO_ARGS ?=
FUZZTIME ?= 30s
BENCH ?= .
BENCHTIME ?= 1s
PEERS_ARGS ?=
MUTANTS_ARGS ?=

.PHONY: help
help: ## list the chores
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/brandpulse-connect
	$(GO) build -buildvcs=auto -o bin/ ./cmd/brandpulse-connect

.PHONY: demo
demo: ## the whole path on this machine, live; needs only Go (DEMO_ARGS="--count 5000000")
	@GO="$(GO)" tools/demo.sh $(DEMO_ARGS)

.PHONY: fmt
fmt: ## format the code and order the imports
	$(LINT) fmt
	for dir in $(MODULES_APART); do (cd $$dir && $(LINT) fmt -c $(CURDIR)/.golangci.yml); done

.PHONY: lint
lint: ## format, vet and lint, as CI does
	$(LINT) run ./...
	for dir in $(MODULES_APART); do (cd $$dir && $(LINT) run -c $(CURDIR)/.golangci.yml ./...); done

.PHONY: test
test: ## everything that must hold at every change; real servers where Java and Rust are
	@tools/test.sh

.PHONY: test-full
test-full: ## the same with the race detector, both InfluxDB versions, long runs and fuzzing
	@FUZZTIME=$(FUZZTIME) tools/test.sh full

.PHONY: race
race: ## unit and property tests under the race detector
	@tools/test.sh race

.PHONY: test-exact
test-exact: ## exact.yaml under faults, 2,000,000 tweets a run, both InfluxDB versions: seven minutes
	BRANDPULSE_TEST_FULL=1 $(GO) test -count=1 -timeout 60m -v ./tests/exact

.PHONY: faultlab
faultlab: ## exact.yaml in the fault laboratory (SCENARIO=F06 SEED=7 for one of them again)
	cd tests/faultlab && BRANDPULSE_FAULTLAB_SCENARIO=$(SCENARIO) BRANDPULSE_FAULTLAB_SEED=$(SEED) \
		$(GO) test -count=1 -timeout 15m -v .

.PHONY: faultlab-full
faultlab-full: ## all scenarios of the laboratory, both InfluxDB versions: within the hour
	cd tests/faultlab && BRANDPULSE_TEST_FULL=1 BRANDPULSE_FAULTLAB_SCENARIO=$(SCENARIO) BRANDPULSE_FAULTLAB_SEED=$(SEED) \
		$(GO) test -count=1 -timeout 75m -v .

.PHONY: faultlab-mutants
faultlab-mutants: ## programs that break a rule, each of which the laboratory must notice: ten minutes (MUTANTS_ARGS="-seed 7 -logs DIR")
	cd tests/faultlab && $(GO) test -run '^TestMutants$$' -count=1 -timeout 90m -v ./mutants -kill $(MUTANTS_ARGS)

.PHONY: faultlab-peers
faultlab-peers: ## other ways from Kafka to InfluxDB under faults, as a table: half an hour (PEERS_ARGS="-outage 3m")
	cd tests/faultlab && $(GO) test -run '^TestPeers$$' -count=1 -timeout 120m -v ./peers -compare $(PEERS_ARGS)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	@tools/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## benchmarks of the hot paths (BENCH=regexp BENCHTIME=1s)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) ./internal/... ./plugins/...

.PHONY: bench-ingest
bench-ingest: ## ingest.yaml and exact.yaml on a full topic of a real Kafka, beside a client that only counts
	$(GO) test -run '^$$' -bench '^BenchmarkIngest$$' -benchtime 1x -timeout 30m -v ./tests/real

.PHONY: bench-exact
bench-exact: ## the same pipelines without InfluxDB, beside a client that only counts and a loop without Benthos
	$(GO) test -run '^$$' -bench '^BenchmarkExact$$' -benchtime 1x -timeout 30m -v ./tests/exactbench

.PHONY: bench-influxdb
bench-influxdb: ## the output influxdb beside other writers, into a real InfluxDB (BRANDPULSE_BENCH_INFLUXDB=2.7.12)
	cd tests/influxbench && $(GO) test -run '^$$' -bench '^BenchmarkInfluxDB$$' -benchtime 1x -timeout 30m -v .

.PHONY: docs
docs: ## write docs/components/ and the component table of the README from the specs
	$(GO) run ./internal/docsgen -write

.PHONY: licences
licences: ## check the licence of everything that is linked
	cd tools && $(GO) run ./licences -root ..

.PHONY: pin
pin: ## add digests to the versions of CI's actions and of images; needs a network, and docker, crane or skopeo
	cd tools && $(GO) run ./pin -root ..

.PHONY: clean
clean: ## remove what the chores built in this folder
	rm -rf bin dist
