package subpartition_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// copying is a pipeline that copies records in the order of their keys. The wait lets
// messages be in flight when it is killed.
const copying = `
input:
  label: keys
  %s

pipeline:
  threads: 32
  processors:
    - sleep: { duration: '${! random_int(min: 1, max: 20) }ms' }

output:
  kafka_batches:
    seed_brokers: [ %q ]
    topic: %s
    message: record
    key: ${! @subpartition_key }
    max_in_flight: 64

metrics:
  prometheus: {}
`

// If this fails, a process that is killed or frozen loses messages, or those of a key are
// written in another order than the one in which they were sent.
func TestKilledAndFrozenProcesses(t *testing.T) {
	t.Parallel()
	kafka := testenv.Kafka(t)
	testenv.Binary(t)
	for child := range children {
		t.Run(child, func(t *testing.T) {
			t.Parallel()
			from, to := kafka.Topic(t, 4), kafka.Topic(t, 1)
			want := fill(t, kafka, from, 20_000, func(i int) string { return fmt.Sprint("k", i*i%499) })
			input := strings.ReplaceAll(around(childOf(child, kafka, from, from), "max_messages: 1000"), "\n", "\n  ")
			config := filepath.Join(t.TempDir(), "copy.yaml")
			if err := os.WriteFile(config, fmt.Appendf(nil, copying, input, kafka.Brokers[0], to), 0o600); err != nil {
				t.Fatal(err)
			}
			start := func() *testenv.Program { return testenv.Start(t, testenv.Command{Config: config}) }
			written := func(least int64) {
				t.Helper()
				testenv.Eventually(t, 30*time.Second, "more is written", func() error {
					n, err := kafka.Records(t.Context(), to)
					if err == nil && n < least {
						err = fmt.Errorf("%d records", n)
					}
					return err
				})
			}
			killed := start()
			written(1000)
			frozen := start()
			written(2000)
			killed.Kill(t)
			killed.Restart(t)
			written(4000)
			frozen.Pause(t)
			written(6000)
			time.Sleep(3 * time.Second) // longer than the session
			frozen.Resume(t)
			awaitCommitted(t, 60*time.Second, kafka, from, from)
			for _, p := range []*testenv.Program{killed, frozen} {
				if code := p.Stop(t); code != 0 {
					t.Errorf("a process ends with the code %d:\n%s", code, p.Log(t))
				}
			}
			mustBeCopied(t, kafka, to, want)
		})
	}
}

// mustBeCopied fails the test unless a topic has each record, and those of each key in
// their order. Copies of a record may follow it.
func mustBeCopied(t *testing.T, c *testenv.Cluster, topic string, want map[string]int) {
	t.Helper()
	records, copies := readAll(t, c, topic), 0
	last, seen := map[string]int{}, map[string]bool{}
	for _, r := range records {
		key, number, _ := strings.Cut(string(r.Value), ":")
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil || key != string(r.Key) {
			t.Fatalf("offset %d has the key %q and the value %q", r.Offset, r.Key, r.Value)
		}
		if seen[string(r.Value)] {
			copies++
			continue
		}
		seen[string(r.Value)] = true
		if n != last[key]+1 {
			t.Errorf("offset %d: %s:%d is written after %d", r.Offset, key, n, last[key])
		}
		last[key] = n
	}
	for key, count := range want {
		for n := range count {
			if one := fmt.Sprint(key, ":", n+1); !seen[one] {
				t.Errorf("%s is missing", one)
			}
		}
	}
	t.Logf("%d records, %d of them copies", len(records), copies)
}

func readAll(t *testing.T, c *testenv.Cluster, topic string) []*kgo.Record {
	t.Helper()
	client := c.Client(t)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ends.Each(func(o kadm.ListedOffset) { n += int(o.Offset) })
	return c.Read(t, topic, n)
}
