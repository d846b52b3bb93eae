#!/usr/bin/env bash
# Everything that must hold at every change. `make test` and `make test-full`
# call it; CONTRIBUTING.md says what is in which part and how long it takes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tools/parts.sh
source tools/parts.sh

full=0
[[ ${1:-} == full ]] && full=1

skips=$(mktemp)
trap 'rm -f "$skips"' EXIT
export BRANDPULSE_TEST_SKIPS=$skips

flags=(-shuffle=on)
real_minutes=12
if ((full)); then
	export BRANDPULSE_TEST_FULL=1
	flags+=(-race)
	real_minutes=60
fi

# Tests that start servers lie under tests/, the others beside the code.
everyday() { go list ./... | grep -v '/brandpulse-connect/tests\(/\|$\)'; }

unit() {
	local packages
	mapfile -t packages < <(everyday)
	go test "${flags[@]}" -timeout 10m "${packages[@]}"
}

# One package at a time: each starts servers of its own, and two cores are not
# enough for two Kafkas.
real() {
	if [[ -z $(go list ./tests/... 2>/dev/null) ]]; then
		echo "no package under tests/"
		return 1
	fi
	go test "${flags[@]}" -count=1 -p 1 -timeout "${real_minutes}m" ./tests/...
}

# Modules of their own keep what only a test needs out of the module graph of
# whoever imports a plugin.
modules_apart() { git ls-files --cached --others --exclude-standard 'tests/**/go.mod' 'tools/go.mod' | xargs -rn1 dirname; }

apart() { (cd "$1" && go vet ./... && go test "${flags[@]}" -timeout 10m ./...); }

configs() {
	go build -trimpath -o bin/ ./cmd/brandpulse-connect
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

part "go vet" go vet ./...
part "unit and property tests" unit
part "pipelines: lint and their unit tests" configs
part "component pages are up to date" go run ./internal/docsgen -check
while IFS= read -r dir; do
	part "module $dir" apart "$dir"
done < <(modules_apart)
part "real servers" real
if ((full)); then
	part "fuzzing" tools/fuzz.sh "${FUZZTIME:-30s}"
fi

parts_skipped "$skips"
parts_close "$( ((full)) && echo "make test-full" || echo "make test")"
