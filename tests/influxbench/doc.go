// Package influxbench compares the output `influxdb` with other ways to write
// to InfluxDB: `make bench-influxdb`. It is a module of its own, because nobody
// who imports a plugin should get Telegraf's modules into their build.
package influxbench
