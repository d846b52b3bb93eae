# `make` lists the targets. Their longer steps are scripts in tools/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# The version of golangci-lint is pinned in its own module, tools/go.mod.
LINT := $(GO) tool -modfile=$(CURDIR)/tools/go.mod golangci-lint
SEPARATE_MODULES := $(patsubst %/go.mod,%,$(wildcard tools/go.mod tests/*/go.mod))

DEMO_ARGS ?=
FUZZTIME ?= 30s
BENCH ?= .
BENCHTIME ?= 1s
PEERS_ARGS ?=
MUTANTS_ARGS ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/brandpulse-connect
	$(GO) build -buildvcs=auto -o bin/ ./cmd/brandpulse-connect

.PHONY: demo
demo: ## show the whole path on this machine, live; needs only Go (DEMO_ARGS="--count 5000000")
	@GO="$(GO)" tools/demo.sh $(DEMO_ARGS)

.PHONY: fmt
fmt: linter ## format the code and sort the imports
	$(LINT) fmt
	for dir in $(SEPARATE_MODULES); do (cd $$dir && $(LINT) fmt -c $(CURDIR)/.golangci.yml); done

.PHONY: linter
linter:
	@packages=$$($(GO) list -modfile=tools/go.mod -deps -f '{{if .Stale}}{{.ImportPath}}{{end}}' github.com/golangci/golangci-lint/v2/cmd/golangci-lint | wc -l); \
	if ((packages > 20)); then \
		echo "Building golangci-lint, $$packages packages. This happens once and takes about five minutes on two idle cores, ten on busy ones."; \
	fi

.PHONY: lint
lint: linter ## lint all modules, as CI does; the first run builds the linter
	$(LINT) run ./...
	for dir in $(SEPARATE_MODULES); do (cd $$dir && $(LINT) run -c $(CURDIR)/.golangci.yml ./...); done

.PHONY: test
test: ## run all checks of a change; those with real servers need Java and Rust
	@tools/test.sh

.PHONY: test-full
test-full: ## run them with the race detector, both InfluxDB versions, long runs and fuzzing
	@FUZZTIME=$(FUZZTIME) tools/test.sh full

.PHONY: race
race: ## run unit and property tests under the race detector
	@tools/test.sh race

.PHONY: test-exact
test-exact: ## test exact.yaml under faults, 2,000,000 tweets per run, both InfluxDB versions: seven minutes
	BRANDPULSE_TEST_FULL=1 $(GO) test -count=1 -timeout 60m -v ./tests/exact

.PHONY: faultlab
faultlab: ## run the fault laboratory (SCENARIO=F06 SEED=7 repeats one scenario)
	cd tests/faultlab && BRANDPULSE_FAULTLAB_SCENARIO=$(SCENARIO) BRANDPULSE_FAULTLAB_SEED=$(SEED) \
		$(GO) test -count=1 -timeout 15m -v .

.PHONY: faultlab-full
faultlab-full: ## run all scenarios of the fault laboratory, both InfluxDB versions: up to an hour
	cd tests/faultlab && BRANDPULSE_TEST_FULL=1 BRANDPULSE_FAULTLAB_SCENARIO=$(SCENARIO) BRANDPULSE_FAULTLAB_SEED=$(SEED) \
		$(GO) test -count=1 -timeout 75m -v .

.PHONY: faultlab-mutants
faultlab-mutants: ## check that the fault laboratory detects programs that break a rule: a quarter of an hour (MUTANTS_ARGS="-seed 7 -logs DIR")
	cd tests/faultlab && $(GO) test -run '^TestMutants$$' -count=1 -timeout 90m -v ./mutants -kill $(MUTANTS_ARGS)

.PHONY: faultlab-peers
faultlab-peers: ## compare other pipelines from Kafka to InfluxDB under faults: half an hour (PEERS_ARGS="-outage 3m")
	cd tests/faultlab && $(GO) test -run '^TestPeers$$' -count=1 -timeout 120m -v ./peers -compare $(PEERS_ARGS)

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (30s)
	@tools/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## run the benchmarks of the hot paths (BENCH=regexp BENCHTIME=1s)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) ./internal/... ./plugins/...

.PHONY: bench-ingest
bench-ingest: ## compare ingest.yaml, exact.yaml and a client that only counts, on a real Kafka and InfluxDB
	$(GO) test -run '^$$' -bench '^BenchmarkIngest$$' -benchtime 1x -timeout 30m -v ./tests/real

.PHONY: bench-exact
bench-exact: ## compare the same pipelines without InfluxDB, a client that only counts, and a loop without Benthos
	$(GO) test -run '^$$' -bench '^BenchmarkExact$$' -benchtime 1x -timeout 30m -v ./tests/exactbench

.PHONY: bench-influxdb
bench-influxdb: ## compare the output influxdb with other writers, into a real InfluxDB (BRANDPULSE_BENCH_INFLUXDB=2.7.12)
	cd tests/influxbench && $(GO) test -run '^$$' -bench '^BenchmarkInfluxDB$$' -benchtime 1x -timeout 30m -v .

.PHONY: bench-produce
bench-produce: ## compare the ways to write to Kafka (JOBS="generate records kilobyte pipeline curves profile" TWEETS=20000000 ROUNDS=3)
	BRANDPULSE_BENCH_JOBS="$(JOBS)" BRANDPULSE_BENCH_TWEETS=$(TWEETS) BRANDPULSE_BENCH_ROUNDS=$(ROUNDS) \
		BRANDPULSE_BENCH_CODECS="$(CODECS)" BRANDPULSE_BENCH_DURATION=$(DURATION) BRANDPULSE_BENCH_RATES="$(RATES)" \
		BRANDPULSE_BENCH_RESULTS="$(RESULTS)" BRANDPULSE_BENCH_PROFILES="$(abspath $(PROFILES))" \
		$(GO) test -run '^$$' -bench '^BenchmarkProduce$$' -benchtime 1x -timeout 90m -v ./tests/producebench

.PHONY: docs
docs: ## generate docs/components/, docs/metrics.md, docs/errors.md and the component table of the README
	$(GO) run ./internal/docsgen -write

.PHONY: licences
licences: ## check the licences of all linked code
	cd tools && $(GO) run ./licences -root ..

.PHONY: pin
pin: ## add digests to the versions of CI's actions and of images; needs a network, and docker, crane or skopeo
	cd tools && $(GO) run ./pin -root ..

.PHONY: clean
clean: ## remove bin/ and dist/
	rm -rf bin dist
