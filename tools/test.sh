#!/usr/bin/env bash
# Everything that must hold at every change. `make test` and `make test-full`
# call it; CONTRIBUTING.md says what is in which part and how long it takes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tools/parts.sh
source tools/parts.sh

mode=${1:-quick} # quick, full, or race: only what beside the code can race

skips=$(mktemp)
trap 'rm -f "$skips"' EXIT
export BRANDPULSE_TEST_SKIPS=$skips

flags=(-shuffle=on)
if [[ $mode != quick ]]; then
	flags+=(-race)
fi
real_limit=15m # of go test, for one package
if [[ $mode == full ]]; then
	export BRANDPULSE_TEST_FULL=1
	real_limit=75m
fi

# Tests that start real servers lie under tests/, all others beside the code.
starts_servers='/brandpulse-connect/tests(/|$)'

unit() {
	local packages
	packages=$(go list ./... | grep -Ev "$starts_servers" | longest_first "$long_unit")
	# shellcheck disable=SC2086 # one word a package
	go test "${flags[@]}" -timeout 10m $packages
}

# Two packages at a time, each with servers of its own: one by itself waits half of the
# time, for servers that start and for pipelines that catch up. The long runs of full
# fill two cores alone.
real() {
	local packages at_once=2
	[[ $mode == full ]] && at_once=1
	packages=$(go list ./... | grep -E "$starts_servers" | longest_first "$long_real")
	# shellcheck disable=SC2086
	go test "${flags[@]}" -count=1 -p "$at_once" -timeout "$real_limit" $packages
}

# longest_first PATTERN: puts the packages that match it first. The others then fill the
# gaps, and no long one is left to run alone at the end.
longest_first() {
	local all
	all=$(cat)
	grep -E "$1" <<<"$all" || true
	grep -Ev "$1" <<<"$all" || true
}
long_real='/tests/(audit|configs|exact|real)$'
long_unit='/plugins/(influxdb|kafkabatch|sentimentwindow)$'

# Modules of their own keep what only a test needs out of the module graph of
# whoever imports a plugin.
modules_apart() {
	git ls-files --cached --others --exclude-standard 'tests/**/go.mod' 'tools/go.mod' | xargs -rn1 dirname | grep -Ev '^tests/(faultlab|dashboard)$'
}

apart() { (cd "$1" && go vet ./... && go test "${flags[@]}" -timeout 10m ./...); }

# A module apart that starts servers. Its long list is a chore of its own. The
# race detector would see nothing of the processes under test, and is too slow
# for samples of them.
laboratory() (
	cd tests/faultlab
	go vet ./...
	BRANDPULSE_TEST_FULL='' go test -shuffle=on -count=1 -timeout 15m ./...
)

# The dashboard in a browser, on real servers: a module apart, and the program under
# test is another process, so neither cache nor race detector know it.
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
		echo "no pipeline in config/"
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
part "component pages are up to date" go run ./internal/docsgen -check
while IFS= read -r dir; do
	part "module $dir" apart "$dir"
done < <(modules_apart)
part "servers under test (built once)" go run ./tests/testenv/getservers
part "real servers" real
part "fault laboratory" laboratory
part "dashboard in a browser" browser
if [[ $mode == full ]]; then
	part "fuzzing" tools/fuzz.sh "${FUZZTIME:-30s}"
fi

parts_skipped "$skips"
parts_close "$([[ $mode == full ]] && echo "make test-full" || echo "make test")"
