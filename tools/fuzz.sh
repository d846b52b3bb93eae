#!/usr/bin/env bash
# Runs every fuzz target of every module for the given time, one after the other, since
# go test fuzzes only one target at a time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fuzztime=${1:-30s}
found=0
failed=0

# `go test -list` prints the names in a package, then a line for the package.
targets() {
	go test -list '^Fuzz' ./... | awk '
		/^Fuzz/ { names[++n] = $1 }
		/^ok/   { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }'
}

while IFS= read -r modfile; do
	dir=$(dirname "$modfile")
	listed=$(cd "$dir" && targets)
	while read -r package name; do
		[[ -n $package ]] || continue
		found=$((found + 1))
		echo "-- $package $name"
		# By default up to a minute is spent on making one interesting input smaller.
		(cd "$dir" && go test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" -fuzzminimizetime 1s "$package") || failed=$((failed + 1))
	done <<<"$listed"
done < <(git ls-files --cached --others --exclude-standard 'go.mod' 'tests/**/go.mod')

echo "$found fuzz targets, $fuzztime each, $failed failed"
((found > 0 && failed == 0))
