#!/usr/bin/env bash
# Writes the table of minutes in CONTRIBUTING.md, from the last lines of test runs:
#
#   make test | tee test.log; make test-full | tee full.log
#   tools/minutes.sh test.log full.log
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if (($# == 0)); then
	echo "usage: tools/minutes.sh LOG..." >&2
	exit 2
fi

table=$(awk '
	function minutes(s) { return s < 30 ? "under ½" : sprintf("%.1f", s / 60) }
	# == make test, 195 s in all
	/^== make test.* s in all$/ {
		target = $0
		sub(/^== /, "", target)
		sub(/, [0-9]+ s in all$/, "", target)
		targets[++c] = target
		total[c] = $(NF - 3)
		next
	}
	c && /^(ok|FAILED) +[0-9]+ s  / {
		if ($1 == "FAILED") { print FILENAME ": " $0 > "/dev/stderr"; exit 1 }
		seconds = $2
		sub(/^[a-z]+ +[0-9]+ s  /, "")
		if (!($0 in known)) { known[$0]; parts[++p] = $0 }
		took[$0, c] = seconds
	}
	END {
		if (!c) { print "no lines with durations found: the files must be the output of make test" > "/dev/stderr"; exit 1 }
		row = "| Minutes |"; rule = "| --- |"; all = "| **all** |"
		for (i = 1; i <= c; i++) {
			row = row " `" targets[i] "` |"; rule = rule " ---: |"; all = all " " minutes(total[i]) " |"
		}
		print row; print rule
		for (j = 1; j <= p; j++) {
			row = "| " parts[j] " |"
			for (i = 1; i <= c; i++) row = row " " ((parts[j], i) in took ? minutes(took[parts[j], i]) : "") " |"
			print row
		}
		print all
	}' "$@")

cores=$(getconf _NPROCESSORS_ONLN)
awk -v table="Measured on $cores cores, with the servers and Go's packages already built:

$table" '
	/<!-- minutes:begin -->/ { print; print ""; print table; print ""; inside = 1 }
	/<!-- minutes:end -->/   { inside = 0 }
	!inside && !/<!-- minutes:begin -->/' CONTRIBUTING.md >CONTRIBUTING.md.new
mv CONTRIBUTING.md.new CONTRIBUTING.md
