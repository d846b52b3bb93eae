package configcreate

// kafkaBrokers is a variable, since the routes of dead letters write to the same Kafka.
const kafkaBrokers = "${KAFKA_BROKERS:127.0.0.1:9092}"

// rejectedOutput is the place of the route of rejected points.
const rejectedOutput = "output influxdb rejected"

// values are the values of fields for which the schema has none that works: no example,
// or a default that fails the field's lint rule. The keys are type, component and path.
var values = map[string]any{
	"input kafka_batches seed_brokers": []any{kafkaBrokers},
	"input kafka_batches topics":       []any{"tweets"},
	"input kafka_franz seed_brokers":   []any{kafkaBrokers},
	"input kafka_franz topics":         []any{"tweets"},
	"input kafka_franz consumer_group": "brandpulse",
	"input redpanda seed_brokers":      []any{kafkaBrokers},
	"input redpanda topics":            []any{"tweets"},
	"input redpanda consumer_group":    "brandpulse",
	"input kafka addresses":            []any{kafkaBrokers},
	"input kafka topics":               []any{"tweets"},
	"input kafka consumer_group":       "brandpulse",
	"input file paths":                 []any{"./input.jsonl"},
	"input subpartition input": map[string]any{"kafka_batches": map[string]any{
		"seed_brokers": []any{kafkaBrokers}, "topics": []any{"tweets"}, "consumer_group": "brandpulse", "emit": "records",
	}},
	"input subpartition dead_letters": map[string]any{"kafka_batches": map[string]any{
		"seed_brokers": []any{kafkaBrokers}, "topic": "tweets_dead", "message": "record",
		"metadata": map[string]any{"include_prefixes": []any{"dead_", "subpartition_key"}},
	}},
	"output influxdb url":               "${INFLUXDB_URL:http://127.0.0.1:8086}",
	"output influxdb bucket":            "brandpulse",
	"output kafka_franz seed_brokers":   []any{kafkaBrokers},
	"output kafka_franz topic":          "tweets",
	"output redpanda seed_brokers":      []any{kafkaBrokers},
	"output redpanda topic":             "tweets",
	"output kafka_batches seed_brokers": []any{kafkaBrokers},
	"output kafka addresses":            []any{kafkaBrokers},
	"output kafka topic":                "tweets",
	"output file path":                  "./output.jsonl",
	"output cache target":               "a_cache",
	"output switch cases":               []any{map[string]any{"output": map[string]any{"stdout": map[string]any{}}}},
	"output schema_registry subject":    "tweets-value",
	"processor grok expressions":        []any{"%{COMMONAPACHELOG}"},
	"processor jmespath query":          "@",
	"processor jq query":                ".",
	"processor cache resource":          "a_cache",
	"processor cache key":               "${! @kafka_key }",
	"processor cached cache":            "a_cache",
	"processor dedupe cache":            "a_cache",
	"processor rate_limit resource":     "a_rate_limit",
	"processor metric name":             "a_metric",
	"processor sleep duration":          "1s",
	"processor json_schema schema_path": "file://./schema.json",
	"processor while check":             "false",
	"processor switch ":                 []any{map[string]any{"check": "true", "processors": []any{map[string]any{"mapping": "root = this"}}}},
	"processor workflow branches":       map[string]any{"a_branch": map[string]any{"processors": []any{map[string]any{"mapping": "root = this"}}}},
	"processor group_by ":               []any{map[string]any{"check": "true", "processors": []any{map[string]any{"mapping": "root = this"}}}},
	"processor mapping ":                "root = this",
	"processor bloblang ":               "root = this",
	"processor mutation ":               "root.seen = now()",
	"processor resource ":               "a_processor",
	"input resource ":                   "an_input",
	"output resource ":                  "an_output",
	"output reject ":                    "${! error() }",
	"processor compress algorithm":      "gzip",
	"processor decompress algorithm":    "gzip",
	"processor unarchive format":        "lines",
	"output fallback ":                  []any{map[string]any{"stdout": map[string]any{}}, map[string]any{"drop": map[string]any{}}},
}

// settled are values that usually need no change.
var settled = map[string]any{ //nolint:gosec // the name of a variable, not a secret
	"output influxdb token_env": "INFLUXDB_TOKEN",
	"output influxdb org":       "${INFLUXDB_ORG:}",
}

// placeholders are the values of required fields without an example, by name.
var placeholders = map[string]any{"url": "http://127.0.0.1:8080"}

// together are the values that fit two components to each other, if both are used.
var together = map[[2]string]map[string]any{
	{"input kafka_batches", "processor sentiment_window"}: {
		// The counts of a batch must stay together, and after a change of the window
		// tweets would be counted twice.
		"input kafka_batches fingerprint":    "windows of 1s, avro, tweets",
		"processor sentiment_window message": "record_batch",
	},
	{"input kafka_batches", "output kafka_batches"}: {
		// A pipeline that writes to the topic it reads never ends.
		"output kafka_batches topic": "tweets_copy",
	},
}

// alone are the values of a component whose partner is not used.
var alone = map[[2]string]map[string]any{
	{"input kafka_batches", "processor sentiment_window"}: {"input kafka_batches emit": "records"},
}
