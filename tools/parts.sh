#!/usr/bin/env bash
# Runs the parts of a target one after the other, and prints a result and a duration for
# each at the end. Sourced by test.sh and .ci/run.

parts_lines=()
parts_failed=0

# part NAME COMMAND...: runs the command and records its result. A failure does not stop
# the parts that follow, so one run shows all failures.
part() {
	local name=$1 begun=$SECONDS verdict=ok status
	shift
	printf '\n== %s\n' "$name"
	# Not `if ! "$@"`: bash ignores set -e in a condition, so a function whose second
	# step fails would pass if its last one succeeds.
	set +e
	(
		set -e
		"$@"
	)
	status=$?
	set -e
	if ((status != 0)); then
		verdict=FAILED
		parts_failed=1
	fi
	parts_lines+=("$(printf '%-8s %4d s  %s' "$verdict" $((SECONDS - begun)) "$name")")
}

# parts_skipped FILE: adds the skipped tests in the file to the lines at the end. With
# BRANDPULSE_TEST_NOTHING_SKIPPED=1 they are a failure.
parts_skipped() {
	[[ -s $1 ]] || return 0
	local line
	while IFS= read -r line; do
		parts_lines+=("skipped          $line")
	done < <(sort -u "$1")
	if [[ ${BRANDPULSE_TEST_NOTHING_SKIPPED:-} == 1 ]]; then
		parts_lines+=("FAILED           tests were skipped, and BRANDPULSE_TEST_NOTHING_SKIPPED is set")
		parts_failed=1
	fi
}

# parts_close TARGET: prints the lines at the end, and returns the status of the target.
parts_close() {
	printf '\n== %s, %d s in all\n' "$1" "$SECONDS"
	printf '%s\n' "${parts_lines[@]}"
	return "$parts_failed"
}
