#!/usr/bin/env bash
# Builds the program and runs its demo: `make demo` calls it. The first build on a
# machine takes minutes, so it says how long, and how far it is. Meanwhile the modules
# of InfluxDB are downloaded, which the demo builds when its Kafka is up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
go=${GO:-go}

packages=650 # that a first build compiles, about

case $(uname) in
Darwin) cache=$HOME/Library/Caches ;;
*) cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
esac
version=$(sed -n 's/^\tV1 = "\(.*\)".*/\1/p' internal/influxd/build.go)
if [[ ! -e $cache/brandpulse-connect/influxd-$version ]]; then
	# -n only prints what it would do, once it has all modules. If it fails, so does
	# the build, which says why.
	GOFLAGS='' GOWORK=off "$go" install -n "github.com/influxdata/influxdb/cmd/influxd@v$version" >/dev/null 2>&1 &
fi

terminal=0
if [[ -t 2 ]]; then terminal=1; fi
"$go" build -v -buildvcs=auto -o bin/ ./cmd/brandpulse-connect 2>&1 | awk -v terminal=$terminal -v packages=$packages '
	BEGIN { if (terminal) clear = "\r\033[K" }
	/^go: downloading / {
		if (terminal)
			printf "%s  %.70s", clear, $0
		else if (!downloads++)
			print "Downloading modules."
		fflush()
		next
	}
	/ / { print clear $0; fflush(); next } # an error
	{
		n++
		if (n == 20) {
			print clear "Building brandpulse-connect. On two cores the first build takes up to two"
			print "minutes, and InfluxDB about a minute more."
		}
		if (n >= 20 && terminal)
			printf "%s  %d of about %d packages  %.40s", clear, n, packages, $0
		else if (n >= 20 && n % 100 == 0)
			printf "  %d of about %d packages\n", n, packages
		fflush()
	}
	END { printf "%s", clear }
' >&2
exec bin/brandpulse-connect demo "$@"
