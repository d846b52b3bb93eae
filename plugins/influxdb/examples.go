package influxdb

import (
	"embed"
	"fmt"
)

//go:embed examples/*.yaml
var exampleFiles embed.FS

// example is a whole pipeline of the manual.
type example struct {
	file    string // below examples/
	title   string
	summary string
}

var examples = []example{
	{
		"influxdb2", "InfluxDB 2",
		"Points that arrive as line protocol, as from `sentiment_window`. Points that InfluxDB rejects are appended to a file, one per line.",
	},
	{
		"influxdb1", "InfluxDB 1.8",
		"With a user, and a database that is created if it does not exist. Leave `username` and `password` out if InfluxDB has no users. Points go to the default retention policy; name another as `brandpulse/month`.",
	},
	{
		"influxdb3", "InfluxDB 3 Core",
		"The bucket is a database, which the first write creates. There is no organisation.",
	},
	{
		"cloud", "InfluxDB Cloud Serverless, Cloud Dedicated, Clustered",
		"Serverless has buckets, the others databases; the address is that of your region or cluster. No organisation is needed. Rejected points go to a file.",
	},
	{
		"cloud_tsm", "InfluxDB Cloud (TSM)",
		"Like InfluxDB 2, but a 204 means queued: points that Cloud rejects later never reach `rejected`. Cloud limits writes per minute and asks clients to wait, so the shutdown timeout is longer.",
	},
	{
		"mappings", "Any messages",
		"Points made from JSON messages by mappings. A failed sensor sends NaN, which `on_unsupported: replace` leaves out. Messages that cannot be mapped and points that InfluxDB rejects are appended to a file. Without `rejected` the stream would stop at the first of them until somebody fixed the cause.",
	},
	{
		"tenants", "Many tenants",
		"The bucket by message. A message that names a missing bucket is rejected, with the name in `influxdb_bucket`; the others are stored.",
	},
	{
		"telegraf", "Line protocol from Telegraf through Kafka",
		"Telegraf's `outputs.kafka` with `data_format = \"influx\"` writes one line per message, which needs no mapping here. Offsets are committed when InfluxDB has stored the points. Rejected points go to a topic, with the reason as a header.",
	},
	{
		"fallback", "Rejected messages to the next output",
		"`fallback` delivers messages as they arrived, not lines. Each message is one point, so no stored point goes with them.",
	},
}

// config is the pipeline in YAML.
func (e example) config() string {
	text, err := exampleFiles.ReadFile("examples/" + e.file + ".yaml")
	if err != nil {
		panic(fmt.Sprintf("reading the example %s: %v", e.file, err)) // it is embedded
	}
	return string(text)
}
