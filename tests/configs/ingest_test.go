package configs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// mix is a topic of good tweets, tweets whose points are rejected, and records that are
// not tweets.
type mix struct {
	records []*kgo.Record
	good    oracle.Counts
	refused oracle.Counts
	broken  map[string]bool // values
}

func newMix(t testing.TB, topic string, size int) mix {
	t.Helper()
	const start = 1_700_000_000_000
	m := mix{good: oracle.Counts{}, refused: oracle.Counts{}, broken: map[string]bool{}}
	sentiments := []string{"positive", "negative", "neutral"}
	for i := range size {
		millis := int64(start + i) // so a batch has more than one second
		brand, counts := "SuperCoffee", m.good
		value := fmt.Appendf(nil, "broken %d", i)
		switch i % 10 {
		case 3:
			m.broken[string(value)] = true
			counts = nil
		case 7:
			brand, counts = refusedBrand, m.refused
		}
		if counts != nil {
			sentiment := sentiments[i%3]
			counts[oracle.Key{Second: millis / 1000, Brand: brand, Sentiment: sentiment}]++
			value = tweetOf(t, brand, sentiment, millis)
		}
		m.records = append(m.records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i/10), Value: value})
	}
	return m
}

// If this fails, an output passes its failure to the input. Benthos then redelivers the
// wrong part of the batch, which loses some tweets and counts others twice, with exit
// code 0.
func TestIngestKeepsItsSumsWhileItsLeavesFail(t *testing.T) {
	t.Parallel()
	for _, config := range []string{"ingest", "ingest_tweets", "exact"} {
		for _, leaves := range [][]string{{"dead_letters"}, {"rejected_points"}, {"influxdb"}, {"dead_letters", "rejected_points", "influxdb"}} {
			t.Run(config+"/"+strings.Join(leaves, " "), func(t *testing.T) {
				t.Parallel()
				for _, finding := range ingestWhileFailing(t, config, leaves) {
					t.Error(finding)
				}
			})
		}
	}
}

// If this fails, the previous test would not notice such an output: here the retry is
// missing.
func TestIngestWithoutRetryLosesItsSums(t *testing.T) {
	t.Parallel()
	findings := ingestWhileFailing(t, "ingest", []string{"dead_letters"}, "--set", `output.switch.cases.0.output=
label: dead_letters
redpanda:
  seed_brokers: [ KAFKA_BROKERS ]
  topic: DEAD_TOPIC
  metadata:
    include_prefixes: [ dead_ ]
`)
	if len(findings) == 0 {
		t.Error("a failing output does no harm, so the retry is not needed")
	}
}

// ingestWhileFailing runs a pipeline on a mix while outputs of it fail, and returns
// what is wrong with the sums.
func ingestWhileFailing(t *testing.T, config string, leaves []string, args ...string) (findings []string) {
	t.Helper()
	wrong := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }
	kafka := testenv.FakeKafka(t)
	topic, dead := kafka.Topic(t, 4), kafka.Topic(t, 1)
	m := newMix(t, topic, 2000)
	kafka.Produce(t, m.records...)

	options := influxfake.Options{Refuse: refuseBrand}
	if slices.Contains(leaves, "influxdb") {
		options.Fault = failThrice()
	}
	influx := influxfake.New(options)
	url, stop := influx.Listen()
	t.Cleanup(stop)
	inKafka := slices.DeleteFunc(slices.Clone(leaves), func(leaf string) bool { return leaf == "influxdb" })
	var faults *kfake.FaultHandle
	if len(inKafka) > 0 {
		// An error that franz-go does not retry. Both outputs write to the topic, so it
		// continues until the right ones have failed.
		faults = kafka.Fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: dead, Err: kerr.TopicAuthorizationFailed, Count: -1})
	}

	brokers := strings.Join(kafka.Brokers, ",")
	for i := range args {
		args[i] = strings.NewReplacer("KAFKA_BROKERS", brokers, "DEAD_TOPIC", dead).Replace(args[i])
	}
	program := testenv.Start(t, testenv.Command{
		Config: "config/" + config + ".yaml",
		Args:   args,
		Env: map[string]string{
			"KAFKA_BROKERS": brokers, "TOPIC": topic, "DEAD_TOPIC": dead, "CONSUMER_GROUP": "group",
			"INFLUXDB_URL": url, "INFLUXDB_ORG": "org", "INFLUXDB_BUCKET": "bucket",
			// Batches of about 80 records, so that many follow one another.
			"MAX_YIELD_BATCH_BYTES": "2KB",
		},
	})
	if faults != nil {
		failedTwice(t, program, inKafka...)
		faults.Remove()
	}
	committed(t, kafka, "group", topic)
	if code := program.Stop(t); code != 0 {
		wrong("exit code %d", code)
	}

	if err := compareSums(t, influx.Stored(), m.good); err != nil {
		wrong("InfluxDB: %v", err)
	}
	refused := map[string]int{}
	for _, l := range readLetters(t, kafka, dead) {
		value := string(l.value)
		switch l.headers["dead_reason"] {
		case "undecodable":
			if !m.broken[value] {
				wrong("not a broken record, or twice in the dead letters: %q", value)
			}
			delete(m.broken, value)
		case "rejected":
			if refused[value]++; refused[value] > 1 {
				wrong("twice in the dead letters: %s", value)
			}
		default:
			wrong("a dead letter %q with the headers %v", value, l.headers)
		}
	}
	if len(m.broken) > 0 {
		wrong("%d broken records are not in the dead letters", len(m.broken))
	}
	if err := compareSums(t, refused, m.refused); err != nil {
		wrong("rejected points: %v", err)
	}
	return findings
}
