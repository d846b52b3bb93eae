#!/usr/bin/env bash
# Runs all checks of a change, for `make test` and `make test-full`. CONTRIBUTING.md
# describes the parts and how long they take.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tools/parts.sh
source tools/parts.sh

mode=${1:-quick} # quick, full, or race: only unit and property tests, under the race detector

skips=$(mktemp)
trap 'rm -f "$skips"' EXIT
export BRANDPULSE_TEST_SKIPS=$skips

flags=(-shuffle=on)
if [[ $mode != quick ]]; then
	flags+=(-race)
fi
real_limit=15m # time limit of go test for one package
if [[ $mode == full ]]; then
	export BRANDPULSE_TEST_FULL=1
	real_limit=75m
fi

# Tests that start real servers are in tests/, all others beside the code.
starts_servers='/brandpulse-connect/tests(/|$)'

unit() {
	local packages
	packages=$(go list ./... | grep -Ev "$starts_servers" | longest_first "$long_unit")
	# shellcheck disable=SC2086 # one word per package
	go test "${flags[@]}" -timeout 10m $packages
}

# Two packages at a time, each with servers of its own: one by itself waits half of the
# time, for servers that start and for pipelines that catch up. The tests of the speed
# of a pipeline have both cores, as have the long runs of full.
real() {
	local packages at_once=2 failed=0
	if [[ $mode == full ]]; then
		at_once=1
	fi
	packages=$(go list ./... | grep -E "$starts_servers")
	# shellcheck disable=SC2046
	go test "${flags[@]}" -count=1 -p 1 -timeout "$real_limit" $(grep -E "$of_speed" <<<"$packages") || failed=1
	# shellcheck disable=SC2046
	go test "${flags[@]}" -count=1 -p "$at_once" -timeout "$real_limit" \
		$(grep -Ev "$of_speed" <<<"$packages" | longest_first "$long_real") || failed=1
	return "$failed"
}

# longest_first PATTERN: puts packages that match the pattern first. The others fill the
# gaps, so no long package runs alone at the end.
longest_first() {
	local all
	all=$(cat)
	grep -E "$1" <<<"$all" || true
	grep -Ev "$1" <<<"$all" || true
}
of_speed='/tests/real$'
long_real='/tests/(audit|configs|demo|exact|influxanswers)$'
long_unit='/plugins/(influxdb|kafkabatch|sentimentwindow)$'

# Separate modules keep the dependencies of tests out of the module graph of programs
# that import a plugin.
separate_modules() {
	git ls-files --cached --others --exclude-standard 'tests/**/go.mod' 'tools/go.mod' | xargs -rn1 dirname | grep -Ev '^tests/(faultlab|dashboard)$'
}

separate() { (cd "$1" && go vet ./... && go test "${flags[@]}" -timeout 10m ./...); }

# A separate module that starts servers. Its long list is a target of its own. The race
# detector cannot see into the processes under test, and is too slow to sample them.
laboratory() (
	cd tests/faultlab
	go vet ./...
	BRANDPULSE_TEST_FULL='' go test -shuffle=on -count=1 -timeout 15m ./...
)

# The dashboard in a browser, on real servers: a separate module. The program under test
# is another process, which neither Go's test cache nor the race detector covers.
browser() (
	cd tests/dashboard
	go vet ./...
	go test -shuffle=on -count=1 -timeout 15m ./...
)

configs() {
	go build -o bin/ ./cmd/brandpulse-connect
	local binary=bin/brandpulse-connect files
	mapfile -t files < <(find config -name '*.yaml' ! -name '*_benthos_test.yaml' | sort)
	if ((${#files[@]} == 0)); then
		echo "no pipelines found in config/"
		return 1
	fi
	"$binary" lint "${files[@]}"
	"$binary" test 'config/...'
	echo "${#files[@]} pipelines"
}

if [[ $mode == race ]]; then
	unit
	exit
fi

part "go vet" go vet ./...
part "unit and property tests" unit
part "pipelines: lint and their unit tests" configs
part "generated pages are up to date" go run ./internal/docsgen -check
part "servers under test (built once)" go run ./tests/testenv/getservers
while IFS= read -r dir; do
	part "module $dir" separate "$dir"
done < <(separate_modules)
part "real servers" real
part "fault laboratory" laboratory
part "dashboard in a browser" browser
if [[ $mode == full ]]; then
	part "fuzzing" tools/fuzz.sh "${FUZZTIME:-30s}"
fi

parts_skipped "$skips"
parts_close "$([[ $mode == full ]] && echo "make test-full" || echo "make test")"
