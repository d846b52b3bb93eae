module github.com/brandpulse/brandpulse-connect/tests/influxparser

go 1.26.6

replace github.com/brandpulse/brandpulse-connect => ../..

require (
	github.com/brandpulse/brandpulse-connect v0.0.0-00010101000000-000000000000
	github.com/influxdata/influxdb v1.8.10
)
