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
		"Points that come as line protocol, as from `sentiment_window`. What InfluxDB refuses is added to a file, each point with a line of its own.",
	},
	{
		"influxdb1", "InfluxDB 1.8",
		"With a user, and a database that is created when it is not there. Leave `username` and `password` out where InfluxDB asks for none. The retention policy is the default one; another is named as `brandpulse/month`.",
	},
	{
		"influxdb3", "InfluxDB 3 Core",
		"The bucket is a database, which the first write creates. There is no organisation.",
	},
	{
		"cloud", "InfluxDB Cloud Serverless, Cloud Dedicated, Clustered",
		"Serverless has buckets, the others databases; the address is that of your region or cluster. No organisation is needed. Points that are refused go to a file.",
	},
	{
		"cloud_tsm", "InfluxDB Cloud (TSM)",
		"As InfluxDB 2, but a 204 means queued: points that Cloud refuses later never come to `rejected`. It limits writes by the minute and asks to wait, so the time-out of the stream's end is longer.",
	},
	{
		"mappings", "Any messages",
		"Points made from JSON messages by mappings. A failed sensor sends NaN, which `on_unsupported: replace` leaves out. Messages that cannot be mapped and points that InfluxDB rejects are appended to a file. Without `rejected` the stream would stop at the first of them until somebody fixed the cause.",
	},
	{
		"tenants", "Many tenants",
		"The bucket by message. A message that names a missing bucket is refused, with the name in `influxdb_bucket`; the others are stored.",
	},
	{
		"telegraf", "Line protocol from Telegraf through Kafka",
		"Telegraf's `outputs.kafka` with `data_format = \"influx\"` writes a line a message, which needs no mapping here. Offsets are committed when InfluxDB has stored the points. Refused points go to a topic, where their reason is a header.",
	},
	{
		"fallback", "Refused messages to the next output",
		"`fallback` takes messages as they came, not lines. Each message is one point, so none that is stored goes along.",
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
