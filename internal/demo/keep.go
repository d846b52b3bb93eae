package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// keepText returns the list of running parts, with commands to paste.
func keepText(o Options, dir string, dashboard bool, k *kafka, db *influxd.Database) string {
	var b strings.Builder
	up := []string{"Kafka", "InfluxDB", "the ingest"}
	if dashboard {
		up = append(up, "the dashboard")
	}
	fmt.Fprintf(&b, "\nRunning until Ctrl-C: %s and %s.\nThe ingest (%s) stores all tweets that are sent to topic %s.\n%sIn another terminal:\n\n",
		strings.Join(up[:len(up)-1], ", "), up[len(up)-1], o.ingestConfig(), k.topic, lossText(o))
	exports := [][2]string{
		{"KAFKA_BROKERS", k.brokers}, {"TOPIC", k.topic}, {"DEAD_TOPIC", k.dead},
		{"INFLUXDB_URL", db.URL}, {"INFLUXDB_BUCKET", db.Bucket},
	}
	if db.Token != "" {
		exports = append(exports, [2]string{"INFLUXDB_ORG", db.Org})
	}
	for _, e := range exports {
		fmt.Fprintf(&b, "  export %s=%s\n", e[0], e[1])
	}
	if db.Token != "" {
		b.WriteString("  export INFLUXDB_TOKEN=...    # the token that you used for the demo\n")
	}
	b.WriteByte('\n')
	generate := filepath.Join("config", "generate.yaml")
	if _, err := os.Stat(generate); err != nil {
		generate = filepath.Join(dir, "generate.yaml")
	}
	fmt.Fprintf(&b, "More tweets, an independent comparison, and a topic of your own:\n\n  COUNT=100000 %s run%s%s\n", o.Name, separator(len("  COUNT=100000  run ")+len(o.Name)+len(generate)), generate)
	audit := o.Name + " audit"
	if o.Stock {
		audit += " " + filepath.Join(dir, o.ingestConfig())
	}
	group := "--group " + k.group
	fmt.Fprintf(&b, "  %s%s%s\n", audit, separator(3+len(audit)+len(group)), group)
	fmt.Fprintf(&b, "  %s topic create mine --partitions 8\n\n", o.Name)
	return b.String()
}

// lossText names the data that ends with the demo's own servers, including what the
// user has created there. A server of the user's keeps its data.
func lossText(o Options) string {
	var lost []string
	if o.KafkaBrokers == "" {
		lost = append(lost, "topics")
	}
	if o.Influx.URL == "" {
		lost = append(lost, "buckets")
	}
	if len(lost) == 0 {
		return ""
	}
	return fmt.Sprintf("Ctrl-C ends everything and deletes all %s here, yours too.\n", strings.Join(lost, " and "))
}

// separator separates the last argument of a command whose line would have that many
// columns. A line that is too long is continued, as a shell can read it.
func separator(columns int) string {
	if columns > lineWidth {
		return " \\\n    "
	}
	return " "
}
