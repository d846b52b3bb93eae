#!/usr/bin/env bash
# Runs the parts of a chore one after the other, each to its end, and closes
# with one line a part: its verdict and how long it took. Sourced by test.sh
# and .ci/run.

parts_lines=()
parts_failed=0

# part NAME COMMAND...: runs the command and notes how it went. A failure does
# not stop the parts that follow: whoever waits minutes wants all the verdicts.
part() {
	local name=$1 begun=$SECONDS verdict=ok status
	shift
	printf '\n== %s\n' "$name"
	# Not `if ! "$@"`: bash ignores set -e in whatever an if tests, so that a
	# function whose second step fails would pass by its last one.
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

# parts_skipped FILE: adds what the file names to the closing lines. With
# BRANDPULSE_TEST_NOTHING_SKIPPED=1 a skipped part is a failure.
parts_skipped() {
	[[ -s $1 ]] || return 0
	local line
	while IFS= read -r line; do
		parts_lines+=("skipped          $line")
	done < <(sort -u "$1")
	if [[ ${BRANDPULSE_TEST_NOTHING_SKIPPED:-} == 1 ]]; then
		parts_lines+=("FAILED           a part was skipped, and BRANDPULSE_TEST_NOTHING_SKIPPED is set")
		parts_failed=1
	fi
}

# parts_close: prints the closing lines; its status is that of the whole.
parts_close() {
	printf '\n== %s, %d s in all\n' "$1" "$SECONDS"
	printf '%s\n' "${parts_lines[@]}"
	return "$parts_failed"
}
