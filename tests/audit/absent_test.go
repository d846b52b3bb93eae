package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the advice about a topic or a bucket that does not exist is about
// something else, or is missing.
func TestATopicOrBucketThatDoesNotExist(t *testing.T) {
	t.Parallel()
	for _, version := range []string{testenv.InfluxV1, testenv.InfluxV2} {
		s := &subject{Reader: stream.New(t, stream.Partitions).Into(stream.ExactConfig, testenv.Influx(t, version), nil), version: version}
		s.Fill(t, 100, time.Minute)
		for flag, wants := range map[string][]string{
			"--topic":           {"the topic nosuch does not exist in Kafka", "(--topic)", "brandpulse-connect topic create nosuch --brokers " + s.Kafka.Brokers[0]},
			"--influxdb-bucket": {"nosuch", "(--influxdb-bucket)", "create_bucket: true"},
		} {
			code, _, said := s.run(t, "--to-end", flag, "nosuch")
			if code != 2 || strings.Contains(said, "that Kafka is running") {
				t.Errorf("%s: %s: exit code %d:\n%s", version, flag, code, said)
			}
			for _, want := range wants {
				if !strings.Contains(said, want) {
					t.Errorf("%s: %s does not contain %q:\n%s", version, flag, want, said)
				}
			}
		}
	}
}
