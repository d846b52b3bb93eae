package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the audit does not notice a lost, duplicated or changed point in
// InfluxDB, or names the wrong place in Kafka.
func TestFaultsInInfluxDBAreReported(t *testing.T) {
	for _, version := range influxd.Versions {
		for _, identity := range []string{"timestamp", "source"} {
			if everyday := (version == testenv.InfluxV1) == (identity == "timestamp"); !everyday && !testenv.Full() {
				continue
			}
			t.Run(version+"/"+identity, func(t *testing.T) {
				s := stored(t, version, stream.ExactConfig, 40_000, "--set", "pipeline.processors.0.sentiment_window.identity="+identity)
				s.flags = []string{"--identity", identity}
				s.mustBeEqual(t)
				s.mustBeEqual(t, "--quick")
				testFaults(t, s)
				testCoverageFaults(t, s)
				s.mustBeEqual(t)
				s.mustBeEqual(t, "--quick")
			})
		}
	}
}

func testFaults(t *testing.T, s *subject) {
	p, c := s.anyPoint(t)
	at := func(cause audit.Cause, kind audit.Kind) {
		t.Helper()
		if cause.Kind != kind || int64(cause.Partition) != c.Partition || cause.Base != c.Base || cause.Last != c.Last {
			t.Errorf("%+v, for %+v of %+v", cause, p, c)
		}
		if name := fmt.Sprintf("partition %d, batch at %d (to %d)", c.Partition, c.Base, c.Last); !strings.Contains(cause.Text, name) {
			t.Errorf("%q does not say %q", cause.Text, name)
		}
		if f := onlyFinding(t, report[audit.QuickReport](t, s, "--quick")); f.Kind != audit.FindingSum || int64(f.Partition) != c.Partition || f.Base != c.Base {
			t.Errorf("%+v, for %+v of %+v", f, p, c)
		}
	}

	s.removePoint(t, p, nil)
	r := report[audit.Report](t, s)
	if r.Missing != p.Count || r.Surplus != 0 {
		t.Errorf("%d missing, %d too many", r.Missing, r.Surplus)
	}
	at(onlyCause(t, r), audit.KindMissing)

	wrong := p
	wrong.Count -= 3
	s.write(t, lineOf(wrong, ""))
	at(onlyCause(t, report[audit.Report](t, s)), audit.KindCount)
	s.write(t, lineOf(p, ""))

	s.write(t, lineOf(p, ",host=a"))
	r = report[audit.Report](t, s)
	if r.Missing != 0 || r.Surplus != p.Count {
		t.Errorf("%d missing, %d too many", r.Missing, r.Surplus)
	}
	at(onlyCause(t, r), audit.KindTwice)
	s.removePoint(t, p, map[string]string{"host": "a"})

	// As a pipeline with random nanoseconds would write a replay: at the last offset of
	// the batch, which is not its base.
	moved := p
	step := int64(64)
	if p.Source != "" {
		step = 1
	}
	moved.Nanos += (c.Last - c.Base) * step
	s.write(t, lineOf(moved, ""))
	cause := onlyCause(t, report[audit.Report](t, s))
	if cause.Kind != audit.KindUnexpected || int64(cause.Partition) != c.Partition || cause.Base != c.Base || cause.FirstOffset != c.Last || cause.Stored != p.Count {
		t.Errorf("%+v, for %+v of %+v", cause, moved, c)
	}
	if f := onlyFinding(t, report[audit.QuickReport](t, s, "--quick")); f.Kind != audit.FindingOrphan || int64(f.Partition) != c.Partition || f.Base != c.Base {
		t.Errorf("%+v, for %+v of %+v", f, moved, c)
	}
	s.removePoint(t, moved, nil)
}

func testCoverageFaults(t *testing.T, s *subject) {
	_, c := s.anyPoint(t)
	at := func(kind audit.FindingKind) {
		t.Helper()
		s.mustBeEqual(t)
		if f := onlyFinding(t, report[audit.QuickReport](t, s, "--quick")); f.Kind != kind || int64(f.Partition) != c.Partition || f.Base != c.Base || f.Last != c.Last {
			t.Errorf("%+v, for %+v", f, c)
		}
	}
	tags := map[string]string{}
	if c.Source != "" {
		tags["src"] = c.Source
	}
	s.remove(t, "brandpulse_batches", tags, c.Nanos)
	at(audit.FindingGap)
	s.write(t, coverageLine(c))

	twin := c
	twin.Nanos -= int64(time.Second)
	s.write(t, coverageLine(twin))
	at(audit.FindingOverlap)
	s.remove(t, "brandpulse_batches", tags, twin.Nanos)

	wrong := c
	wrong.Undecodable++
	s.write(t, coverageLine(wrong))
	at(audit.FindingInvalid)
	s.write(t, coverageLine(c))
}

// If this fails, pipelines with the stock input cannot be audited.
func TestStockPipelines(t *testing.T) {
	t.Run("windows", func(t *testing.T) {
		s := stored(t, testenv.InfluxV1, stream.IngestConfig, 40_000)
		s.mustBeEqual(t)
		p, _ := s.anyPoint(t)
		s.removePoint(t, p, nil)
		cause := onlyCause(t, report[audit.Report](t, s))
		if cause.Kind != audit.KindSum || int64(cause.Partition) != p.Nanos%64 || cause.Should-cause.Stored != p.Count {
			t.Errorf("%+v, for %+v", cause, p)
		}
		if code, _, stderr := s.run(t, "--quick"); code != 2 || !strings.Contains(stderr, "without --quick") {
			t.Errorf("exit code %d, %s", code, stderr)
		}
	})
	t.Run("tweets", func(t *testing.T) {
		for _, version := range influxd.Versions {
			t.Run(version, func(t *testing.T) {
				s := stored(t, version, stream.IngestTweetsConfig, 40_000)
				s.mustBeEqual(t)
				p, _ := s.anyPoint(t)
				s.removePoint(t, p, nil)
				cause := onlyCause(t, report[audit.Report](t, s))
				offset := p.Nanos % 1e9 / 64
				if cause.Kind != audit.KindMissing || int64(cause.Partition) != p.Nanos%64 || cause.FirstOffset != offset || cause.Base > offset || cause.Last < offset {
					t.Errorf("%+v, for %+v", cause, p)
				}
			})
		}
	})
}

// If this fails, an audit of a running pipeline reports differences that do not exist.
func TestAuditOfARunningPipeline(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			s := &subject{Reader: stream.New(t, stream.Partitions).Into(stream.ExactConfig, testenv.Influx(t, version), nil), version: version}
			ingest := s.Reader.Start(t)
			generator := s.Generate(t, stream.Env{"RATE": "20000", "COUNT": "160000"})
			stream.AwaitCounted(t, ingest, 1000)
			testenv.Eventually(t, 30*time.Second, "something is committed", func() error {
				if code, _, stderr := s.run(t); code == 2 {
					return fmt.Errorf("%s", stderr)
				}
				return nil
			})
			for audits := 0; generator.Running() || audits < 3; audits++ {
				s.mustBeEqual(t)
				s.mustBeEqual(t, "--quick")
			}
			s.Drained(t, time.Minute)
			s.mustBeEqual(t, "--to-end")
		})
	}
}

// If this fails, an audit that could not compare prints nothing, or says that all is
// well.
func TestAnAuditThatCannotCompareSaysWhy(t *testing.T) {
	s := stored(t, testenv.InfluxV1, stream.ExactConfig, 8_000)
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--brokers", "127.0.0.1:1"}, "127.0.0.1:1"},
		{[]string{"--topic", "no-such-topic"}, "no-such-topic"},
		{[]string{"--group", "no-such-group"}, s.Group},
		{[]string{"--influxdb-url", "http://127.0.0.1:1"}, "http://127.0.0.1:1"},
		{[]string{"--influxdb-bucket", "no-such-bucket"}, "no-such-bucket"},
		{[]string{"--measurement", "no_such_measurement"}, "measurement"},
		{[]string{"--from", "-1h", "--to", "-2h"}, "not after"},
		{[]string{"--from", "yesterday"}, "yesterday"},
		{[]string{"--emit", "nothing"}, "nothing"},
		{[]string{"--max-counts", "1"}, "--max-counts"},
		{[]string{"another.yaml"}, "another.yaml"},
		{[]string{"--no-such-flag"}, "no-such-flag"},
	} {
		t.Run(strings.Join(c.flags, " "), func(t *testing.T) {
			code, stdout, stderr := s.run(t, c.flags...)
			if code != 2 || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
			}
		})
	}
}

// If this fails, points that a query returns twice, or that are before the audited
// time, count.
func TestTimeOfAnAudit(t *testing.T) {
	s := stored(t, testenv.InfluxV1, stream.ExactConfig, 24_000)
	p, _ := s.anyPoint(t)
	second := time.Unix(0, p.Nanos).UTC().Truncate(time.Second)
	s.removePoint(t, p, nil)
	before, after := second.Format(time.RFC3339), second.Add(time.Second).Format(time.RFC3339)
	report[audit.Report](t, s, "--from", before, "--to", after)
	for _, flags := range [][]string{{"--from", after}, {"--to", before}} {
		if code, stdout, stderr := s.run(t, flags...); code == 1 || code == 2 && !strings.Contains(stderr, "nothing to compare") {
			t.Errorf("audit %q has ended with exit code %d:\n%s\n%s", flags, code, stdout, stderr)
		}
	}
}
