package audit_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, points of records that Kafka has removed are reported as too many, or
// the rest is no longer compared. The log then begins inside a batch, as it can when an
// administrator deletes records.
func TestLogWhoseStartWasRemoved(t *testing.T) {
	for _, config := range []string{stream.ExactConfig, stream.IngestConfig, stream.IngestTweetsConfig} {
		t.Run(config, func(t *testing.T) {
			s := stored(t, testenv.InfluxV1, config, 80_000)
			p, _ := s.anyPoint(t)
			partition := int32(p.Nanos % 64)
			admin := kadm.NewClient(s.Kafka.Client(t))
			ends, err := admin.ListEndOffsets(t.Context(), s.Topic)
			if err != nil {
				t.Fatal(err)
			}
			end, _ := ends.Lookup(s.Topic, partition)
			removed := kadm.Offsets{}
			removed.Add(kadm.Offset{Topic: s.Topic, Partition: partition, At: end.Offset/2 + 1})
			if results, err := admin.DeleteRecords(t.Context(), removed); err != nil || results.Error() != nil {
				t.Fatal(err, results.Error())
			}
			code, stdout, stderr := s.run(t)
			if code != 0 || !strings.Contains(stdout, "Kafka has removed") {
				t.Fatalf("exit code %d:\n%s%s", code, stdout, stderr)
			}
			if config == stream.ExactConfig {
				s.mustBeEqual(t, "--quick")
			}

			// A point of an offset that never existed.
			other := p
			other.Nanos += 10_000_000 * 64
			s.write(t, lineOf(other, ""))
			r := report[audit.Report](t, s)
			if r.Surplus != other.Count || r.Missing != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}
