package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// subject is a pipeline that has stored a topic, with ways to change what it has
// stored.
type subject struct {
	*stream.Reader
	version string
	flags   []string
}

// stored runs a shipped pipeline until all tweets are in InfluxDB.
func stored(t *testing.T, version, config string, tweets int, args ...string) *subject {
	t.Helper()
	s := &subject{Reader: stream.New(t, stream.Partitions).Into(config, testenv.Influx(t, version), nil), version: version}
	s.Args = args
	s.Fill(t, tweets, time.Minute)
	ingest := s.Reader.Start(t)
	s.Drained(t, time.Minute)
	if code := ingest.Stop(t); code != 0 {
		t.Fatalf("the ingest has ended with exit code %d", code)
	}
	return s
}

// run runs the audit as a user would, with the environment of the pipeline.
func (s *subject) run(t *testing.T, flags ...string) (code int, stdout, stderr string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), testenv.Binary(t), append(append([]string{"audit", s.Config}, s.flags...), flags...)...)
	command.Dir = testenv.Root(t)
	command.Env = append(os.Environ(),
		"KAFKA_BROKERS="+s.Kafka.Brokers[0], "TOPIC="+s.Topic, "DEAD_TOPIC="+s.Dead, "CONSUMER_GROUP="+s.Group,
		"INFLUXDB_URL="+s.Bucket.URL, "INFLUXDB_ORG="+s.Bucket.Org, "INFLUXDB_BUCKET="+s.Bucket.Bucket, "INFLUXDB_TOKEN="+s.Bucket.Token)
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if s.Bucket.Token != "" && strings.Contains(out.String()+errOut.String(), s.Bucket.Token) {
		t.Error("the token is printed")
	}
	return command.ProcessState.ExitCode(), out.String(), errOut.String()
}

func (s *subject) mustBeEqual(t *testing.T, flags ...string) {
	t.Helper()
	if code, stdout, stderr := s.run(t, flags...); code != 0 || !strings.Contains(stdout, "\nequal: ") {
		t.Fatalf("audit %q has ended with exit code %d:\n%s\n%s", flags, code, stdout, stderr)
	}
}

// report runs the audit when something is wrong.
func report[R any](t *testing.T, s *subject, flags ...string) (r R) {
	t.Helper()
	code, stdout, stderr := s.run(t, append(flags, "--json")...)
	if code != 1 {
		t.Fatalf("audit %q has ended with exit code %d:\n%s\n%s", flags, code, stdout, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	return r
}

// reader reads the bucket.
func (s *subject) reader(t *testing.T) *influxread.Reader {
	t.Helper()
	r, err := influxread.Open(t.Context(), influxread.Options{
		URL: s.Bucket.URL, Org: s.Bucket.Org, Bucket: s.Bucket.Bucket, Token: s.Bucket.Token,
		Measurement: "tweets", Coverage: "brandpulse_batches",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// anyPoint returns a point, and the coverage point of its batch if there is one.
func (s *subject) anyPoint(t *testing.T) (p influxread.Point, c influxread.Span) {
	t.Helper()
	r := s.reader(t)
	if err := r.Points(t.Context(), influxread.MinNanos, influxread.MaxNanos, func(one influxread.Point) error {
		if p.Nanos == 0 || one.Nanos%7 == 0 {
			p = one
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.Coverage(t.Context(), func(one influxread.Span) error {
		if one.Source == p.Source && one.Nanos%1e9 == p.Nanos%1e9 {
			c = one
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return p, c
}

func (s *subject) write(t *testing.T, lines ...string) {
	t.Helper()
	if err := s.Bucket.Write(t.Context(), []byte(strings.Join(lines, "\n"))); err != nil {
		t.Fatal(err)
	}
}

func lineOf(p influxread.Point, tags string) string {
	if p.Source != "" {
		tags += ",src=" + p.Source
	}
	return fmt.Sprintf("tweets,brand=%s,sentiment=%s%s count=%di %d", p.Brand, p.Sentiment, tags, p.Count, p.Nanos)
}

func coverageLine(c influxread.Span) string {
	tags := ""
	for name, value := range map[string]string{"src": c.Source, "topic": c.Topic} {
		if value != "" {
			tags += "," + name + "=" + value
		}
	}
	return fmt.Sprintf("brandpulse_batches%s partition=%di,base=%di,last=%di,records=%di,counted=%di,undecodable=%di,filtered=%di %d",
		tags, c.Partition, c.Base, c.Last, c.Records, c.Counted, c.Undecodable, c.Filtered, c.Nanos)
}

// remove deletes the point at a time, of the series with those tags.
func (s *subject) remove(t *testing.T, measurement string, tags map[string]string, nanos int64) {
	t.Helper()
	var request *http.Request
	var err error
	if s.version == influxd.V1 {
		text := fmt.Sprintf(`DELETE FROM %q WHERE time = %d`, measurement, nanos)
		for name, value := range tags {
			text += fmt.Sprintf(` AND %q = '%s'`, name, value)
		}
		request, err = http.NewRequestWithContext(t.Context(), http.MethodPost, s.Bucket.URL+"/query?"+url.Values{"db": {s.Bucket.Bucket}, "q": {text}}.Encode(), nil)
	} else {
		predicate := fmt.Sprintf("_measurement=%q", measurement)
		for name, value := range tags {
			predicate += fmt.Sprintf(" AND %s=%q", name, value)
		}
		at := time.Unix(0, nanos).UTC().Format(time.RFC3339Nano)
		body, _ := json.Marshal(map[string]string{"start": at, "stop": at, "predicate": predicate})
		request, err = http.NewRequestWithContext(t.Context(), http.MethodPost, s.Bucket.URL+"/api/v2/delete?"+url.Values{"org": {s.Bucket.Org}, "bucket": {s.Bucket.Bucket}}.Encode(), bytes.NewReader(body))
	}
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Token "+s.Bucket.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		t.Fatalf("deleting from %s: %s", measurement, response.Status)
	}
}

func (s *subject) removePoint(t *testing.T, p influxread.Point, other map[string]string) {
	t.Helper()
	tags := map[string]string{"brand": p.Brand, "sentiment": p.Sentiment}
	if p.Source != "" {
		tags["src"] = p.Source
	}
	for name, value := range other {
		tags[name] = value
	}
	s.remove(t, "tweets", tags, p.Nanos)
}

// onlyCause returns the single cause of the single difference of an audit.
func onlyCause(t *testing.T, r audit.Report) audit.Cause {
	t.Helper()
	if r.Verdict != audit.Different || len(r.Differences) != 1 || len(r.Differences[0].Causes) != 1 {
		t.Fatalf("%+v", r)
	}
	return r.Differences[0].Causes[0]
}

func onlyFinding(t *testing.T, r audit.QuickReport) audit.Finding {
	t.Helper()
	if r.Verdict != audit.Different || len(r.Findings) != 1 {
		t.Fatalf("%+v", r)
	}
	return r.Findings[0]
}
