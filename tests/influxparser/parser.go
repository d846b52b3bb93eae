// Package influxparser tests internal/lineproto against InfluxDB's own parser.
//
// It is a module of its own because InfluxDB 1.8.10 predates module graph
// pruning: required by the main module, it would nearly double go.sum for
// everybody who imports a plugin. InfluxDB 2.7.12 has the same parser, but for
// the reserved tag keys and unsigned integers (models/points.go of both).
package influxparser

import (
	_ "unsafe" // for go:linkname

	_ "github.com/influxdata/influxdb/models"
)

// scanLine is the server's idea of where the line at buf[i:] ends.
//
//go:linkname scanLine github.com/influxdata/influxdb/models.scanLine
func scanLine(buf []byte, i int) (int, []byte)

// skipWhitespace is the server's idea of a blank.
//
//go:linkname skipWhitespace github.com/influxdata/influxdb/models.skipWhitespace
func skipWhitespace(buf []byte, i int) int
